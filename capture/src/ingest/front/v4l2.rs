//! A capture device of this machine.

use gstreamer as gst;
use gstreamer::prelude::*;

use super::{Front, Held};
use crate::{
    Error,
    elements::{filter, make},
    source::{Format, V4l2},
};

pub(super) fn build(front: &Front<'_>, v4l2: &V4l2) -> Result<Held, Error> {
    let device = format!("/dev/video{}", v4l2.number);
    let source = make("v4l2src")?;
    source.set_property("device", &device);
    if !std::path::Path::new(&device).exists() {
        return Err(Error::Source(format!("this machine has no {device}")));
    }
    let mut caps = gst::Caps::builder(match v4l2.format {
        Format::Raw => "video/x-raw",
        Format::Mjpeg => "image/jpeg",
        Format::H264 => "video/x-h264",
    });
    if let Some((width, height)) = v4l2.size {
        caps = caps.field("width", width).field("height", height);
    }
    if let Some((num, den)) = v4l2.fps {
        caps = caps.field("framerate", gst::Fraction::new(num, den));
    }
    let wanted = filter(&caps.build())?;
    front.chain(&[&source, &wanted])?;
    front.watch(&source);
    wanted.static_pad("src").iter().for_each(|pad| front.branches.attach(pad));
    Ok(None)
}
