//! What comes in: decoder parameters and access units.

use bytes::Bytes;
use mp4_atom::{Atom, Avcc};

/// One encoded access unit (a frame, or 1,024 samples of AAC), in its rendition's ticks of media time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// When it is shown or heard: media time in ticks.
    pub pts: u64,
    /// When it is decoded: media time in ticks. May lie before 0 in a stream with B-frames at the very start.
    pub dts: i64,
    /// How long it lasts, in ticks.
    pub duration: u32,
    /// Whether decoding may start here.
    pub key: bool,
    /// The bytes: length-prefixed NAL units, or a raw AAC frame.
    pub data: Bytes,
}

/// What a decoder must know before the first unit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// H.264 with out-of-band parameter sets.
    H264 {
        /// The picture's width in pixels.
        width: u16,
        /// The picture's height in pixels.
        height: u16,
        /// The nominal length of a frame in ticks, 0 when the stream does not say.
        frame_ticks: u32,
        /// The body of an `avcC` box (ISO/IEC 14496-15, 5.3.3.1).
        avcc: Bytes,
    },
    /// AAC-LC.
    Aac {
        /// Samples per second: the rendition's timescale.
        rate: u32,
        /// Channels.
        channels: u8,
    },
}

/// Parameters that no player could use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The `avcC` is not one.
    #[error("the H.264 parameters (avcC, {0} bytes) cannot be read")]
    Avcc(usize),
    /// An AAC rate that has no index.
    #[error("AAC at {0} Hz is not one of the standard rates")]
    AacRate(u32),
}

impl Format {
    /// The `CODECS` text of RFC 6381: `avc1.4D401E`, `mp4a.40.2`.
    pub fn codecs(&self) -> String {
        match self {
            Self::H264 { avcc, .. } => match avcc.get(1..4) {
                Some(&[profile, compatible, level]) => format!("avc1.{profile:02X}{compatible:02X}{level:02X}"),
                _ => "avc1".into(),
            },
            Self::Aac { .. } => "mp4a.40.2".into(),
        }
    }

    /// Frames in a thousand seconds, of a picture whose stream says so; `timescale`: ticks in a second.
    pub fn millihertz(&self, timescale: u32) -> Option<u64> {
        let Self::H264 { frame_ticks: frame_ticks @ 1.., .. } = self else { return None };
        let (ticks, all) = (u64::from(*frame_ticks), u64::from(timescale) * 1000);
        // Ticks are whole, and rates are whole or 1000/1001 of it.
        let nearest = |den: u64| (all * den + ticks * 500_000) / (ticks * 1_000_000);
        let rates = [1000, 1001].map(|den| nearest(den) * 1_000_000 / den);
        let exact = |rate: &u64| *rate > 0 && (all + rate / 2) / rate == ticks;
        Some(rates.into_iter().find(exact).unwrap_or(all / ticks))
    }

    /// Width and height in pixels, of a picture.
    pub fn resolution(&self) -> Option<(u16, u16)> {
        match self {
            Self::H264 { width, height, .. } => Some((*width, *height)),
            Self::Aac { .. } => None,
        }
    }

    pub(crate) fn parse_avcc(avcc: &Bytes) -> Result<Avcc, FormatError> {
        Avcc::decode_body(&mut avcc.as_ref()).map_err(|_| FormatError::Avcc(avcc.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_in_whole_ticks_has_the_rate_that_it_was_rounded_from() {
        let of = |frame_ticks| Format::H264 { width: 2, height: 2, frame_ticks, avcc: Bytes::new() }.millihertz(90_000);
        let known = [(3754, 23_976), (3750, 24_000), (3600, 25_000), (3003, 29_970), (1800, 50_000), (1502, 59_940)];
        for (ticks, rate) in known {
            assert_eq!(of(ticks), Some(rate), "{ticks}");
        }
        assert_eq!(of(0), None);
        assert_eq!(of(90_000 * 3), Some(333));
    }
}
