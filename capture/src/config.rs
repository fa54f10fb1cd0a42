//! What a camera and a sound are to deliver.

use std::{fmt, str::FromStr};

use packager::{Grid, Slug};

use crate::{Engine, Error, Mosaic, sound};

/// One rung of the ladder: the picture scaled to a height and encoded at a rate. Its id is `{height}p`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// The picture's height in pixels: even, 90 to 2160.
    pub height: u32,
    /// The bit rate in kb/s: 50 to 50,000.
    pub kbps: u32,
}

impl Rung {
    /// The width of a 16:9 picture of this height, to the nearest even number.
    pub fn width(self) -> u32 {
        (self.height * 16 + 9) / 18 * 2
    }
}

/// How hard the H.264 encoder works: x264's presets that keep up with live pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preset {
    /// Least work, worst picture for the rate.
    Ultrafast,
    /// Little work: right for a laptop.
    #[default]
    Superfast,
    /// Moderate work: right for a server.
    Veryfast,
    /// More work.
    Faster,
    /// Still more work.
    Fast,
}

impl Preset {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ultrafast => "ultrafast",
            Self::Superfast => "superfast",
            Self::Veryfast => "veryfast",
            Self::Faster => "faster",
            Self::Fast => "fast",
        }
    }
}

/// A text that names no [`Preset`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected ultrafast, superfast, veryfast, faster or fast; found \"{0}\"")]
pub struct UnknownPreset(String);

impl FromStr for Preset {
    type Err = UnknownPreset;

    fn from_str(text: &str) -> Result<Self, UnknownPreset> {
        [Self::Ultrafast, Self::Superfast, Self::Veryfast, Self::Faster, Self::Fast]
            .into_iter()
            .find(|preset| preset.as_str() == text)
            .ok_or_else(|| UnknownPreset(text.chars().take(40).collect()))
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A sound: AAC-LC, stereo, 48 kHz.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoundConfig {
    /// The sound's id.
    pub id: Slug,
    /// The bit rate in kb/s: 32 to 320.
    pub kbps: u32,
    /// How much later than the instant itself the source delivers, in milliseconds: -1,000 to 10,000. A camera's
    /// sound is placed by the camera's own offset, and this one is not read.
    pub offset_ms: i64,
}

impl SoundConfig {
    /// A sound at 128 kb/s from a source without delay.
    pub fn new(id: Slug) -> Self {
        Self { id, kbps: 128, offset_ms: 0 }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        within("a sound's kbps from 32 to 320", self.kbps.into(), 32..=320)?;
        check_offset(self.offset_ms)
    }
}

/// A camera: what to make of its picture and sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The camera's id.
    pub id: Slug,
    /// The venue's grid.
    pub grid: Grid,
    /// The ladder, in the order of [`Output::Rung`](crate::Output::Rung). May be empty.
    pub rungs: Vec<Rung>,
    /// Whether the camera's own bitstream is handed over as [`Output::Source`](crate::Output::Source).
    pub passthrough: bool,
    /// How much later than the instant itself the camera delivers, in milliseconds: -1,000 to 10,000.
    pub offset_ms: i64,
    /// Whether capture time that the camera sends along places its pictures, where it can be believed.
    pub capture_time: bool,
    /// What encodes the rungs.
    pub engine: Engine,
    /// How hard the encoder works.
    pub preset: Preset,
    /// The sound that this camera feeds.
    pub sound: Option<sound::Input>,
    /// The mosaic that may show what the rungs show.
    pub mosaic: Option<Mosaic>,
}

impl Config {
    /// A camera with a ladder and nothing else.
    pub fn new(id: Slug, grid: Grid, rungs: Vec<Rung>) -> Self {
        Self {
            id,
            grid,
            rungs,
            passthrough: false,
            offset_ms: 0,
            capture_time: true,
            engine: Engine::default(),
            preset: Preset::default(),
            sound: None,
            mosaic: None,
        }
    }

    /// The tallest rung: the picture that all rungs are scaled from.
    pub(crate) fn canvas(&self) -> Option<Rung> {
        self.rungs.iter().copied().max_by_key(|rung| rung.height)
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        for (i, rung) in self.rungs.iter().enumerate() {
            within("a rung's height from 90 to 2160", rung.height.into(), 90..=2160)?;
            within("a rung's kbps from 50 to 50000", rung.kbps.into(), 50..=50_000)?;
            if rung.height % 2 != 0 {
                return Err(Error::Config { expected: "an even rung height", found: rung.height.to_string() });
            }
            if self.rungs[..i].iter().any(|other| other.height == rung.height) {
                return Err(Error::Config {
                    expected: "rungs of different heights",
                    found: format!("{} twice", rung.height),
                });
            }
        }
        if self.rungs.is_empty() && !self.passthrough {
            return Err(Error::Config { expected: "rungs, or passthrough", found: "neither".into() });
        }
        check_offset(self.offset_ms)
    }
}

pub(crate) fn check_offset(offset_ms: i64) -> Result<(), Error> {
    within("offset_ms from -1000 to 10000", offset_ms, -1_000..=10_000)
}

pub(crate) fn within(expected: &'static str, value: i64, range: std::ops::RangeInclusive<i64>) -> Result<(), Error> {
    if range.contains(&value) { Ok(()) } else { Err(Error::Config { expected, found: value.to_string() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_those_of_the_design() {
        for (height, width) in [(234, 416), (360, 640), (540, 960), (720, 1280), (1080, 1920), (2160, 3840)] {
            assert_eq!(Rung { height, kbps: 500 }.width(), width);
        }
    }

    #[test]
    fn presets_are_read_back() {
        assert_eq!("veryfast".parse(), Ok(Preset::Veryfast));
        assert!("placebo".parse::<Preset>().is_err());
    }
}
