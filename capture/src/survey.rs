//! What this machine can do: which sources, which codecs, and what is missing for the others.

use std::path::{Path, PathBuf};

use crate::{
    Engine, Source,
    elements::{installed, package},
    ingest::codec::{self, Codec},
};

/// What a machine can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// The kinds of sources, by scheme.
    pub sources: Vec<Ability>,
    /// The codecs of pictures that can come in.
    pub pictures: Vec<Ability>,
    /// The codecs of sounds that can come in.
    pub sounds: Vec<Ability>,
    /// What can encode pictures, by its name in the configuration, in the order of trial.
    pub encoders: Vec<Ability>,
}

/// One of the things that a machine can do or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ability {
    /// What.
    pub name: &'static str,
    /// What has to be installed or plugged in first; nothing when it can be done.
    pub missing: Vec<String>,
    /// Whether the tests do it, on a machine that can.
    pub tested: bool,
}

/// A source of each kind: what it takes is asked of these.
const KINDS: [(&str, &str, bool); 15] = [
    ("srt", "srt://0.0.0.0:1?mode=listener", true),
    ("udp", "udp://0.0.0.0:1", true),
    ("rtp", "rtp://0.0.0.0:2?codec=h264&sound=opus&sound_port=4", true),
    ("rist", "rist://0.0.0.0:2", true),
    ("rtsp", "rtsp://host/x", true),
    ("rtsps", "rtsps://host/x", false),
    ("rtmp", "rtmp://host/app/x", true),
    ("rtmps", "rtmps://host/app/x", false),
    ("rtmp push", "rtmp://0.0.0.0/app/x?mode=listener&key=12345678", true),
    ("whip", "whip://", true),
    ("http(s)", "https://host/x.m3u8", true),
    ("v4l2", "v4l2:///dev/video0?format=mjpeg", false),
    ("decklink", "decklink://0", false),
    ("ndi", "ndi://host:1", false),
    ("file", "file:///x.mp4", true),
];

/// Where the loader of libraries looks.
const LIBRARIES: [&str; 5] = ["/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/local/lib", "/lib"];

/// Looks at what this machine has; encoders are tried with a few pictures. [`init`](crate::init) comes first.
pub fn survey() -> Survey {
    let of_kind = |(name, address, tested)| {
        let elements = Source::parse(address).map_or_else(|_| Vec::new(), |s| s.kind.nature().elements());
        Ability { name, missing: missing(&elements).into_iter().chain(runtime(name)).collect(), tested }
    };
    let of_codec =
        |codec: &Codec| Ability { name: codec.name, missing: missing(&[codec.parser, codec.decoder]), tested: true };
    Survey {
        sources: KINDS.into_iter().map(of_kind).collect(),
        pictures: [codec::H264].iter().chain(&codec::PICTURES).map(of_codec).collect(),
        sounds: codec::SOUNDS.iter().map(of_codec).collect(),
        encoders: Engine::survey(),
    }
}

fn missing(elements: &[&str]) -> Vec<String> {
    let absent = elements.iter().filter(|element| !installed(element));
    let mut packages: Vec<String> = absent.map(|element| format!("{element} of {}", package(element))).collect();
    packages.dedup();
    packages
}

/// What a kind needs that is no element: a maker's library, a device.
fn runtime(name: &str) -> Option<String> {
    let library = |start: &str| {
        let told = ["NDI_RUNTIME_DIR_V6", "NDI_RUNTIME_DIR_V5"].into_iter().filter_map(std::env::var_os);
        let folders = LIBRARIES.iter().map(PathBuf::from).chain(told.map(PathBuf::from));
        let mut entries = folders.filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
        entries.any(|entry| entry.file_name().to_string_lossy().starts_with(start))
    };
    match name {
        "decklink" if !library("libDeckLinkAPI.so") => Some("libDeckLinkAPI.so of Blackmagic's Desktop Video".into()),
        "ndi" if !library("libndi.so") => Some("libndi.so of NDI's runtime (ndi.video)".into()),
        "v4l2" if !(0..64).any(|n| Path::new(&format!("/dev/video{n}")).exists()) => {
            Some("a device /dev/videoN".into())
        }
        _ => None,
    }
}
