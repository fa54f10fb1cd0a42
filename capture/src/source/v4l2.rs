//! `v4l2:///dev/video0?format=raw|mjpeg|h264&size=1920x1080&fps=50`

use std::fmt;

use super::{
    Kind, Nature,
    read::{Address, Parsed},
};

/// A capture device of this machine (Video4Linux2): a grabber card or a USB camera. It has no sound.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct V4l2 {
    /// N of `/dev/videoN`: no other file can be named.
    pub number: u16,
    pub format: Format,
    pub size: Option<(i32, i32)>,
    pub fps: Option<(i32, i32)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Raw,
    Mjpeg,
    H264,
}

pub(super) fn read(address: &Address<'_>) -> Parsed<Kind> {
    let expected = "a device, as in v4l2:///dev/video0";
    if !address.url.authority.is_empty() || address.url.userinfo.is_some() {
        return Err(address.wrong(expected, "a host".into()));
    }
    let number = address.url.path.strip_prefix("/dev/video").filter(|n| n.bytes().all(|b| b.is_ascii_digit()));
    let number = number.and_then(|n| n.parse().ok()).ok_or_else(|| address.wrong(expected, "another".into()))?;
    let mut v4l2 = V4l2 { number, format: Format::Raw, size: None, fps: None };
    for (option, value) in address.options("format, size and fps", &["format", "size", "fps"])? {
        match option {
            "format" => {
                let formats = [("raw", Format::Raw), ("mjpeg", Format::Mjpeg), ("h264", Format::H264)];
                v4l2.format = address.one_of(option, "raw, mjpeg or h264", &value, &formats)?;
            }
            "size" => {
                let side = |text: &str| text.parse().ok().filter(|side| (16..=8_192).contains(side));
                let size = value.split_once('x').and_then(|(w, h)| side(w).zip(side(h)));
                v4l2.size = Some(size.ok_or_else(|| address.value(option, "a size as 1920x1080", &value))?);
            }
            _ => {
                let rate: Option<packager::Rate> = value.parse().ok();
                let pair = rate.and_then(|r| i32::try_from(r.num()).ok().zip(i32::try_from(r.den()).ok()));
                v4l2.fps = Some(pair.ok_or_else(|| address.value(option, "a rate as 50 or 30000/1001", &value))?);
            }
        }
    }
    Ok(Kind::V4l2(v4l2))
}

impl Nature for V4l2 {
    fn elements(&self) -> Vec<&'static str> {
        match self.format {
            Format::Mjpeg => vec!["v4l2src", "jpegdec"],
            Format::Raw | Format::H264 => vec!["v4l2src"],
        }
    }
}

impl fmt::Display for V4l2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v4l2:///dev/video{}", self.number)
    }
}
