//! MPEG-TS in UDP packets.

use gstreamer as gst;

use super::{Front, Held};
use crate::{Error, source::Udp};

pub(super) fn build(front: &Front<'_>, udp: &Udp) -> Result<Held, Error> {
    let caps = gst::Caps::builder("video/mpegts").field("systemstream", true).field("packetsize", 188).build();
    let source = front.udpsrc(&udp.local, udp.local.port, &caps)?;
    front.transport_stream(&[&source])?;
    Ok(None)
}
