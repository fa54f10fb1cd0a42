//! What the media say of themselves: formats, times, key frames. Samples are never kept.

mod mp4;
mod ts;

pub use mp4::{fragment, init};
pub use ts::transport_stream;

use crate::Micros;

/// Picture, sound or else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Video.
    Picture,
    /// Audio.
    Sound,
    /// Subtitles, metadata, anything else.
    Other,
}

/// A track of a header, or a program's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// `track_ID`, or the PID.
    pub id: u32,
    /// Picture or sound.
    pub kind: Kind,
    /// Ticks per second.
    pub timescale: u32,
    /// As in CODECS (RFC 6381): whole where the header tells, else its sample entry's name alone.
    pub codec: String,
    /// Width and height in pixels, of a picture.
    pub size: Option<(u16, u16)>,
    /// Whether its samples are encrypted.
    pub encrypted: bool,
    /// Bytes of a NAL unit's length, of H.264 and H.265.
    pub nal_length: Option<u8>,
    /// Samples of sound per second, of AAC.
    pub aac_rate: Option<u32>,
    /// Defaults of `trex`: duration and flags.
    pub defaults: (u32, u32),
}

/// A header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Init {
    /// Its tracks.
    pub tracks: Vec<Track>,
}

/// What a segment or part holds of one track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Of which kind.
    pub kind: Kind,
    /// Its codec, where the media themselves tell (transport streams).
    pub codec: Option<String>,
    /// Decoding time of its first sample.
    pub start: Micros,
    /// Time of presentation of its earliest sample.
    pub shown: Micros,
    /// The sum of its samples' durations; of a transport stream, the span of its PTS and one sample more.
    pub duration: Micros,
    /// How many samples.
    pub samples: u64,
    /// How long the first sample lasts that is no whole AAC frame, if there is one.
    pub broken_frame: Option<Micros>,
    /// Whether the first sample is a key frame; `None` when it cannot be told.
    pub key: Option<bool>,
}

impl Run {
    /// How long one sample lasts on average.
    pub fn sample(&self) -> Micros {
        Micros::try_from(self.samples).ok().filter(|n| *n > 0).map_or(0, |n| self.duration / n)
    }
}

/// A segment or part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Each track's run, the picture's first.
    pub runs: Vec<Run>,
}

impl Chunk {
    /// The run that times are taken from: the picture's, else the first.
    pub fn main(&self) -> Option<&Run> {
        self.runs.first()
    }

    /// The run of this kind.
    pub fn of(&self, kind: Kind) -> Option<&Run> {
        self.runs.iter().find(|r| r.kind == kind)
    }
}

/// Why media could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is broken.
    #[error("{0}")]
    Broken(String),
    /// It is of a kind that is not read here: nothing is said of it.
    #[error("{0} is not read")]
    NotRead(&'static str),
}

/// Ticks as microseconds.
pub(crate) fn micros(ticks: u64, timescale: u32) -> Micros {
    let scaled = u128::from(ticks) * 1_000_000 / u128::from(timescale.max(1));
    // Three centuries: more than any time that occurs, and sums of it cannot overflow.
    Micros::try_from(scaled).unwrap_or(LATEST).min(LATEST)
}

const LATEST: Micros = 10_000_000_000 * crate::SECOND;

/// Reads a segment or part of any kind.
///
/// # Errors
/// When it is broken, or of a kind that is not read here.
pub fn read(body: &[u8], init: Option<&Init>) -> Result<Chunk, Error> {
    let mut chunk = match body {
        [] => Err(Error::Broken("there is nothing in it".into())),
        [0x47, ..] if body.len() >= 188 => transport_stream(body),
        [b'I', b'D', b'3', ..] | [0xff, 0xe0..=0xff, ..] => Err(Error::NotRead("packed audio")),
        _ if body.starts_with(b"WEBVTT") || body.starts_with(b"\xef\xbb\xbfWEBVTT") => Err(Error::NotRead("WebVTT")),
        _ => fragment(body, init),
    }?;
    chunk.runs.sort_by_key(|run| run.kind);
    match chunk.runs.iter().any(|r| r.samples > 0) {
        true => Ok(chunk),
        false => Err(Error::Broken("there are no samples in it".into())),
    }
}

/// Whether a NAL unit of this first byte begins a key frame of H.264 (5: IDR) or H.265 (16 to 21: IRAP); `None` for
/// units that are no picture.
pub(crate) fn key_unit(first: u8, h265: bool) -> Option<bool> {
    match h265 {
        false => match first & 0x1f {
            5 => Some(true),
            1..=4 => Some(false),
            _ => None,
        },
        true => match (first >> 1) & 0x3f {
            16..=21 => Some(true),
            0..=15 => Some(false),
            _ => None,
        },
    }
}
