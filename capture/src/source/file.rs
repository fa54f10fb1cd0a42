//! `file:///absolute/path.mp4?loop=true`

use std::{fmt, path::PathBuf};

use super::{
    Kind, Nature, Pace,
    read::{Address, Parsed, is_word},
    url,
};

/// A file at its own pace.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub path: PathBuf,
    pub container: Container,
    pub repeat: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    MpegTs,
    Mp4,
    Matroska,
}

pub(super) fn read(address: &Address<'_>) -> Parsed<Kind> {
    address.no_user()?;
    let absolute = "an absolute path, as in file:///media/match.mp4";
    if !(address.url.authority.is_empty() || address.url.authority == "localhost") {
        return Err(address.wrong(absolute, "a host".into()));
    }
    let path = url::decode(address.url.path)
        .filter(|path| path.len() > 1)
        .map(PathBuf::from)
        .ok_or_else(|| address.wrong(absolute, "none".into()))?;
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    let container = match extension.as_str() {
        "ts" | "mts" | "m2ts" => Container::MpegTs,
        "mp4" | "mov" | "m4v" => Container::Mp4,
        "mkv" => Container::Matroska,
        other => {
            let found = match (other.is_empty(), is_word(other)) {
                (true, _) => "a name without an ending".into(),
                (false, true) => format!("one that ends in {other}"),
                (false, false) => "something else".into(),
            };
            return Err(address.wrong("a name that ends in ts, mts, m2ts, mp4, mov, m4v or mkv", found));
        }
    };
    let mut repeat = true;
    for (option, value) in address.options("loop", &["loop"])? {
        repeat = address.one_of(option, "true or false", &value, &[("true", true), ("false", false)])?;
    }
    Ok(Kind::File(File { path, container, repeat }))
}

impl File {
    /// What takes the container apart.
    pub fn demuxer(&self) -> &'static str {
        match self.container {
            Container::MpegTs => "tsdemux",
            Container::Mp4 => "qtdemux",
            Container::Matroska => "matroskademux",
        }
    }
}

impl Nature for File {
    fn elements(&self) -> Vec<&'static str> {
        vec!["filesrc", self.demuxer()]
    }

    fn pace(&self) -> Pace {
        Pace::File
    }
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file://{}", self.path.display())
    }
}
