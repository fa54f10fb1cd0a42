//! H.264 as GStreamer hands it over.

use bytes::Bytes;
use gstreamer as gst;
use packager::Format;

use crate::clock::signed;

/// The format of length-prefixed H.264 caps.
pub(crate) fn format(caps: &gst::Caps, frame_ticks: u32) -> Option<Format> {
    let caps = caps.structure(0)?;
    let side = |name| caps.get::<i32>(name).ok().and_then(|side| u16::try_from(side).ok());
    let (width, height) = (side("width")?, side("height")?);
    let avcc = caps.get::<gst::Buffer>("codec_data").ok()?;
    let avcc = Bytes::copy_from_slice(&avcc.map_readable().ok()?);
    Some(Format::H264 { width, height, frame_ticks, avcc })
}

/// The nominal frame rate of caps, numerator and denominator.
pub(crate) fn rate(caps: &gst::Caps) -> Option<(u32, u32)> {
    let rate = caps.structure(0)?.get::<gst::Fraction>("framerate").ok()?;
    let positive = |n: i32| u32::try_from(n).ok().filter(|n| *n > 0);
    positive(rate.numer()).zip(positive(rate.denom()))
}

/// A time of a sample as running time, which may be negative.
pub(crate) fn running_time(sample: &gst::Sample, time: Option<gst::ClockTime>) -> Option<i64> {
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    Some(match segment.to_running_time_full(time?)? {
        gst::Signed::Positive(time) => signed(time.nseconds()),
        gst::Signed::Negative(time) => -signed(time.nseconds()),
    })
}

/// Whether a sample's access unit is a key frame, and its bytes, which are not copied.
pub(crate) fn unit(sample: gst::Sample) -> Option<(bool, Bytes)> {
    let buffer = sample.buffer_owned()?;
    let key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
    drop(sample);
    Some((key, Bytes::from_owner(buffer.into_mapped_buffer_readable().ok()?)))
}
