//! Pictures from recorded media.
//!
//! FFmpeg decodes, scales and encodes here, and does nothing else: it is handed samples that were read from our own
//! headers and segments. **Invariant:** no path, URL, playlist or container ever reaches FFmpeg.
//!
//! All functions block while they work: call them from a thread that may.

mod decode;
mod jpeg;
mod luma;
mod samples;
mod sound;

pub use jpeg::Size;
pub use luma::{Luma, luma};
pub use sound::sound;

use decode::Decoder;
use samples::{Header, samples};

/// Why no picture could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CutError {
    /// The header is not one of an H.264 rendition.
    #[error("the header is not one of H.264 video: {0}")]
    Header(&'static str),
    /// The segment is not made of whole parts.
    #[error("the segment cannot be read at byte {at}: {reason}")]
    Segment {
        /// Where.
        at: usize,
        /// What is wrong there.
        reason: &'static str,
    },
    /// Nothing in the segment could be decoded.
    #[error("none of the segment's {samples} frames can be decoded")]
    NoPicture {
        /// Frames that were tried.
        samples: usize,
    },
    /// FFmpeg refused.
    #[error("{doing}: {source}")]
    Ffmpeg {
        /// What was being done.
        doing: &'static str,
        /// What FFmpeg says.
        source: ffmpeg_next::Error,
    },
}

impl CutError {
    fn ffmpeg(doing: &'static str) -> impl FnOnce(ffmpeg_next::Error) -> Self {
        move |source| Self::Ffmpeg { doing, source }
    }
}

/// The frame that is shown at `at_tick` of media time, as a JPEG.
///
/// `header` is the rendition's header (`ftyp`, `moov`), `segment` the bytes of a segment of it or of its first parts: it
/// begins with a key frame. An instant before the first frame gives the first, one after the last gives the last.
///
/// # Errors
/// When the bytes are not H.264 video as the packager writes it, or nothing of it can be decoded.
pub fn still(header: &[u8], segment: &[u8], at_tick: u64, size: Size) -> Result<Vec<u8>, CutError> {
    let header = Header::read(header)?;
    let samples = samples(segment)?;
    let mut decoder = Decoder::new(&header, at_tick)?;
    for sample in &samples {
        decoder.push(sample);
        if decoder.is_done() {
            break;
        }
    }
    let frame = decoder.finish().ok_or(CutError::NoPicture { samples: samples.len() })?;
    jpeg::encode(&frame, size)
}
