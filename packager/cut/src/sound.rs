//! The samples of a segment of sound.

use ffmpeg_next::{Packet, codec, frame};

use crate::{CutError, decode::init, samples::samples};

/// Gives the samples of each access unit of AAC-LC, 48 kHz stereo (the first channel, -1 to 1), and the tick of the first of
/// them. Units that cannot be decoded are left out.
///
/// # Errors
/// When the bytes are not sound as the packager writes it.
pub fn sound(segment: &[u8], mut hear: impl FnMut(i64, &[f32])) -> Result<(), CutError> {
    init();
    let codec = codec::decoder::find(codec::Id::AAC).ok_or(CutError::Ffmpeg {
        doing: "looking for the AAC decoder",
        source: ffmpeg_next::Error::DecoderNotFound,
    })?;
    let context = codec::context::Context::new_with_codec(codec);
    let mut decoder = context.decoder().audio().map_err(CutError::ffmpeg("opening the AAC decoder"))?;
    for sample in samples(segment)? {
        let Some(header) = adts(sample.data.len()) else { continue };
        let mut packet = Packet::copy(&[&header, sample.data].concat());
        packet.set_pts(Some(sample.pts));
        if decoder.send_packet(&packet).is_err() {
            continue;
        }
        let mut frame = frame::Audio::empty();
        while decoder.receive_frame(&mut frame).is_ok() {
            let Some(tick) = frame.timestamp().filter(|_| frame.planes() > 0 && frame.is_planar()) else { continue };
            hear(tick, frame.plane::<f32>(0));
        }
    }
    Ok(())
}

/// The head of an ADTS frame (ISO/IEC 13818-7, 6.2) of AAC-LC at 48 kHz in two channels: with it no other description is
/// needed.
fn adts(length: usize) -> Option<[u8; 7]> {
    let length = u16::try_from(length + 7).ok().filter(|length| *length < 1 << 13)?;
    let bits = |shift: u32, mask: u16| u8::try_from(length >> shift & mask).unwrap_or(0);
    // Sync, MPEG-4, no CRC; LC, index 3 of the rates, two channels; the length, a full buffer, one block.
    Some([0xff, 0xf1, 0x4c, 0x80 | bits(11, 3), bits(3, 0xff), bits(0, 7) << 5 | 0x1f, 0xfc])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_stands_in_its_thirteen_bits() {
        for length in [0_usize, 1, 249, 4_095, 8_184] {
            let head = adts(length).expect("short enough");
            let read = usize::from(head[3] & 3) << 11 | usize::from(head[4]) << 3 | usize::from(head[5] >> 5);
            assert_eq!(read, length + 7);
        }
        assert_eq!(adts(8_185), None);
    }
}
