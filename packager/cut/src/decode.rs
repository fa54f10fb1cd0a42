//! Decodes H.264.

use std::sync::Once;

use ffmpeg_next::{Packet, codec, frame};

use crate::{
    CutError,
    samples::{Header, Sample},
};

const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// FFmpeg says what it minds on standard error, unless told not to: once for the whole process.
pub(crate) fn init() {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| ffmpeg_next::log::set_level(ffmpeg_next::log::Level::Quiet));
}

/// A decoder that looks for the frame that is shown at an instant.
///
/// It is fed Annex B, parameter sets in front: the decoder takes both forms, and this one needs no pointer set by hand.
pub(crate) struct Decoder {
    inner: codec::decoder::Video,
    length_size: usize,
    /// Parameter sets, until the first sample took them along.
    sets: Vec<u8>,
    /// The instant, in ticks of media time.
    tick: i64,
    /// The newest frame that is shown at or before it; the first of all should it come later.
    shown: Option<frame::Video>,
    /// Whether a later frame came out. They come in the order they are shown: all is known then.
    past: bool,
}

impl Decoder {
    pub(crate) fn new(header: &Header, tick: u64) -> Result<Self, CutError> {
        init();
        let codec = codec::decoder::find(codec::Id::H264).ok_or(CutError::Ffmpeg {
            doing: "looking for the H.264 decoder",
            source: ffmpeg_next::Error::DecoderNotFound,
        })?;
        let context = codec::context::Context::new_with_codec(codec);
        let inner = context.decoder().video().map_err(CutError::ffmpeg("opening the H.264 decoder"))?;
        let (sets, length_size) = (parameter_sets(header), usize::from(header.avcc.length_size));
        let tick = i64::try_from(tick).unwrap_or(i64::MAX);
        Ok(Self { inner, length_size, sets, tick, shown: None, past: false })
    }

    /// Decodes a sample. One that cannot be is left out: what can be shown is worth more than none.
    pub(crate) fn push(&mut self, sample: &Sample<'_>) {
        let mut stream = std::mem::take(&mut self.sets);
        annex_b(sample.data, self.length_size, &mut stream);
        let mut packet = Packet::copy(&stream);
        packet.set_pts(Some(sample.pts));
        packet.set_dts(Some(sample.dts));
        if self.inner.send_packet(&packet).is_ok() {
            self.receive();
        }
    }

    /// Whether the frame is found: more samples change nothing.
    pub(crate) fn is_done(&self) -> bool {
        self.past
    }

    /// The frame, once all samples are in or it is found.
    pub(crate) fn finish(mut self) -> Option<frame::Video> {
        if !self.past && self.inner.send_eof().is_ok() {
            self.receive();
        }
        self.shown
    }

    fn receive(&mut self) {
        while !self.past {
            let mut frame = frame::Video::empty();
            if self.inner.receive_frame(&mut frame).is_err() {
                return;
            }
            let Some(pts) = frame.timestamp() else { continue };
            self.past = pts > self.tick;
            if !self.past || self.shown.is_none() {
                self.shown = Some(frame);
            }
        }
    }
}

/// A header's parameter sets as a byte stream.
pub(crate) fn parameter_sets(header: &Header) -> Vec<u8> {
    let mut sets = Vec::new();
    for set in header.avcc.sequence_parameter_sets.iter().chain(&header.avcc.picture_parameter_sets) {
        sets.extend_from_slice(&START_CODE);
        sets.extend_from_slice(set);
    }
    sets
}

/// Length-prefixed NAL units as a byte stream; what does not hold together at the end is left out.
pub(crate) fn annex_b(mut sample: &[u8], length_size: usize, out: &mut Vec<u8>) {
    while let Some((length, rest)) = sample.split_at_checked(length_size).filter(|_| length_size > 0) {
        let length = length.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
        let Some((nal, rest)) = rest.split_at_checked(length) else { return };
        out.extend_from_slice(&START_CODE);
        out.extend_from_slice(nal);
        sample = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_prefixes_become_start_codes() {
        for (sample, size, stream) in [
            (&b"\0\0\0\x02ab\0\0\0\x01c"[..], 4, &b"\0\0\0\x01ab\0\0\0\x01c"[..]),
            (b"\0\x02ab", 2, b"\0\0\0\x01ab"),
            (b"\0\x02ab\0\x09c", 2, b"\0\0\0\x01ab"),
            (b"\0\x02ab\0", 2, b"\0\0\0\x01ab"),
            (b"", 4, b""),
            (b"ab", 0, b""),
        ] {
            let mut out = Vec::new();
            annex_b(sample, size, &mut out);
            assert_eq!(out, stream, "{sample:?}");
        }
    }
}
