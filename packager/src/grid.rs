//! The venue's frame grid: one frame rate for all cameras, and parts and segments counted in its frames.

use std::{fmt, str::FromStr};

use crate::Msn;

/// An instant or a length on media time, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaTime(pub u64);

impl MediaTime {
    /// Nanoseconds in a second.
    pub const SECOND: u64 = 1_000_000_000;

    /// The instant `ticks` of a `timescale` (ticks per second), to the nearest nanosecond.
    pub fn from_ticks(ticks: u64, timescale: u32) -> Self {
        Self(scale(ticks, Self::SECOND, u64::from(timescale)))
    }

    /// This instant in ticks of a `timescale` (ticks per second), to the nearest.
    pub fn ticks(self, timescale: u32) -> u64 {
        scale(self.0, u64::from(timescale), Self::SECOND)
    }
}

/// `value * num / den`, rounded to the nearest, saturated.
pub(crate) fn scale(value: u64, num: u64, den: u64) -> u64 {
    let den = u128::from(den.max(1));
    let scaled = (u128::from(value) * u128::from(num) + den / 2) / den;
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// A frame rate as a rational: frames per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    num: u32,
    den: u32,
}

/// A frame rate or a grid that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GridError {
    /// Not a number or a fraction of two.
    #[error("expected a frame rate such as \"25\" or \"30000/1001\"; found \"{0}\"")]
    Rate(String),
    /// Outside of what cameras deliver.
    #[error("expected a frame rate from 1 to 240; found {0}")]
    RateRange(Rate),
    /// A part longer than its segment, or an empty one.
    #[error("expected 1 <= part_frames <= segment_frames; found {part_frames} and {segment_frames}")]
    Parts {
        /// Frames in a part.
        part_frames: u32,
        /// Frames in a segment.
        segment_frames: u32,
    },
    /// A segment outside of half a second to ten.
    #[error("expected segments of 0.5 to 10 s; found {segment_frames} frames at {rate}")]
    Segment {
        /// Frames in a segment.
        segment_frames: u32,
        /// The venue's rate.
        rate: Rate,
    },
}

impl Rate {
    /// `num / den` frames per second.
    ///
    /// # Errors
    /// When it is not from 1 to 240.
    pub fn new(num: u32, den: u32) -> Result<Self, GridError> {
        let rate = Self { num, den };
        if den == 0 || num < den || num / den > 240 { Err(GridError::RateRange(rate)) } else { Ok(rate) }
    }

    /// The numerator: frames in [`Rate::den`] seconds.
    pub fn num(self) -> u32 {
        self.num
    }

    /// The denominator, in seconds.
    pub fn den(self) -> u32 {
        self.den
    }

    /// Frames in a thousand seconds.
    pub fn millihertz(self) -> u64 {
        u64::from(self.num) * 1000 / u64::from(self.den)
    }
}

impl FromStr for Rate {
    type Err = GridError;

    fn from_str(text: &str) -> Result<Self, GridError> {
        let unreadable = || GridError::Rate(text.chars().take(40).collect());
        let (num, den) = text.split_once('/').unwrap_or((text, "1"));
        Self::new(num.trim().parse().map_err(|_| unreadable())?, den.trim().parse().map_err(|_| unreadable())?)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.den == 1 { write!(f, "{}", self.num) } else { write!(f, "{}/{}", self.num, self.den) }
    }
}

/// The venue's grid: frame `n` stands at `n / rate` of media time; segment `k` is frames
/// `k * segment_frames ..`, the same instants in every rung of every camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Frames per second.
    pub rate: Rate,
    /// Frames in a part.
    pub part_frames: u32,
    /// Frames in a segment.
    pub segment_frames: u32,
}

impl Grid {
    /// A grid, checked.
    ///
    /// # Errors
    /// When parts do not fit segments, or segments are shorter than 0.5 s or longer than 10 s.
    pub fn new(rate: Rate, part_frames: u32, segment_frames: u32) -> Result<Self, GridError> {
        if part_frames == 0 || part_frames > segment_frames {
            return Err(GridError::Parts { part_frames, segment_frames });
        }
        let twice = u64::from(segment_frames) * u64::from(rate.den) * 2;
        if twice < u64::from(rate.num) || twice > u64::from(rate.num) * 20 {
            return Err(GridError::Segment { segment_frames, rate });
        }
        Ok(Self { rate, part_frames, segment_frames })
    }

    /// Ticks per second of renditions on the grid: a multiple of the rate's numerator, so that frames are whole.
    pub fn timescale(self) -> u32 {
        if self.rate.num < 1000 { self.rate.num * 1000 } else { self.rate.num }
    }

    /// Ticks in a frame.
    pub fn frame_ticks(self) -> u32 {
        self.rate.den * (self.timescale() / self.rate.num)
    }

    /// Ticks in a segment.
    pub fn segment_ticks(self) -> u64 {
        u64::from(self.frame_ticks()) * u64::from(self.segment_frames)
    }

    /// The instant of a frame, to the nearest nanosecond.
    pub fn frame_time(self, frame: u64) -> MediaTime {
        MediaTime(scale(frame, u64::from(self.rate.den) * MediaTime::SECOND, u64::from(self.rate.num)))
    }

    /// The grid frame nearest to an instant.
    pub fn nearest_frame(self, at: MediaTime) -> u64 {
        scale(at.0, u64::from(self.rate.num), u64::from(self.rate.den) * MediaTime::SECOND)
    }

    /// The grid segment that a frame belongs to.
    pub fn segment_of(self, frame: u64) -> Msn {
        Msn(frame / u64::from(self.segment_frames))
    }

    /// The first frame of a grid segment.
    pub fn first_frame(self, segment: Msn) -> u64 {
        segment.0.saturating_mul(u64::from(self.segment_frames))
    }

    /// The first tick of `timescale` that lies in a grid segment (ticks at or after its first instant).
    pub fn segment_start(self, segment: Msn, timescale: u32) -> u64 {
        let seconds_num = u128::from(self.first_frame(segment)) * u128::from(self.rate.den) * u128::from(timescale);
        u64::try_from(seconds_num.div_ceil(u128::from(self.rate.num))).unwrap_or(u64::MAX)
    }

    /// The grid segment in which a tick of `timescale` lies.
    pub fn segment_at(self, tick: u64, timescale: u32) -> Msn {
        let frames = u128::from(tick) * u128::from(self.rate.num);
        let per_segment = u128::from(self.segment_frames) * u128::from(self.rate.den) * u128::from(timescale);
        Msn(u64::try_from(frames / per_segment.max(1)).unwrap_or(u64::MAX))
    }
}
