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
