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

/// Bytes of the length before each NAL unit (ISO/IEC 14496-15, 5.3.3.1): of a file they may be fewer than four.
pub(crate) fn prefix(caps: &gst::Caps) -> usize {
    let of = || {
        let avcc = caps.structure(0)?.get::<gst::Buffer>("codec_data").ok()?;
        let map = avcc.map_readable().ok()?;
        Some(usize::from(*map.get(4)? & 3) + 1)
    };
    of().unwrap_or(4)
}

/// Whether a length-prefixed access unit holds an IDR picture (ITU-T H.264, 7.4.1.2.4).
pub(crate) fn is_idr(mut unit: &[u8], prefix: usize) -> bool {
    while let Some((length, rest)) = unit.split_at_checked(prefix) {
        if rest.first().is_some_and(|header| header & 0x1f == 5) {
            return true;
        }
        let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        unit = rest.get(length..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::is_idr;

    #[test]
    fn only_an_idr_is_one() {
        let unit = |types: &[u8]| types.iter().flat_map(|t| [0, 0, 0, 2, *t, 0xff]).collect::<Vec<u8>>();
        assert!(is_idr(&unit(&[0x09, 0x67, 0x68, 0x65]), 4));
        assert!(is_idr(&[0, 1, 0x09, 0, 2, 0x65, 0xff], 2));
        assert!(!is_idr(&unit(&[0x06, 0x41]), 4), "recovery point and a slice");
        for bytes in [&[][..], &[0, 0, 0], &[0xff; 5], &[0, 0, 0, 9, 1]] {
            assert!(!is_idr(bytes, 4), "{bytes:?}");
        }
    }
}
