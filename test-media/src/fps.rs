//! The venue's frame rate, a rational.

use crate::Error;
use std::{fmt, str::FromStr};

/// Frames per second as `num/den`, both at least 1, at most 1000 frames a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fps {
    num: u32,
    den: u32,
}

impl Fps {
    /// The rate `num/den`.
    ///
    /// # Errors
    /// [`Error::Fps`] when either is 0 or the rate is above 1000.
    pub fn new(num: u32, den: u32) -> Result<Self, Error> {
        if num == 0 || den == 0 || u64::from(num) > 1000 * u64::from(den) {
            return Err(Error::Fps { found: format!("{num}/{den}") });
        }
        Ok(Fps { num, den })
    }

    /// Frames in [`den`](Self::den) seconds.
    pub fn num(self) -> u32 {
        self.num
    }

    /// Seconds that [`num`](Self::num) frames last.
    pub fn den(self) -> u32 {
        self.den
    }

    /// Media time of a frame on the grid, in nanoseconds, rounded down; saturates after 584 years.
    pub fn nanos(self, frame: u64) -> u64 {
        let ns = u128::from(frame) * u128::from(self.den) * 1_000_000_000 / u128::from(self.num);
        u64::try_from(ns).unwrap_or(u64::MAX)
    }

    /// Media time of a frame on the grid, in seconds.
    pub fn seconds(self, frame: u64) -> f64 {
        frame as f64 * f64::from(self.den) / f64::from(self.num)
    }

    /// The last frame on the grid at or before `nanos` of media time.
    pub fn frame_at(self, nanos: u64) -> u64 {
        let frame = u128::from(nanos) * u128::from(self.num) / (u128::from(self.den) * 1_000_000_000);
        u64::try_from(frame).unwrap_or(u64::MAX)
    }
}

impl FromStr for Fps {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::Fps { found: text.to_owned() };
        let (num, den) = text.split_once('/').unwrap_or((text, "1"));
        let num = num.parse().map_err(|_| wrong())?;
        let den = den.parse().map_err(|_| wrong())?;
        Fps::new(num, den).map_err(|_| wrong())
    }
}

impl fmt::Display for Fps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.den {
            1 => write!(f, "{}", self.num),
            den => write!(f, "{}/{den}", self.num),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_prints() {
        for text in ["25", "50", "30000/1001"] {
            assert_eq!(text.parse::<Fps>().expect("a rate").to_string(), text);
        }
        for text in ["", "0", "25/0", "-25", "29.97", "1001", "25/1/1", "99999999999"] {
            assert!(text.parse::<Fps>().is_err(), "{text}");
        }
    }

    #[test]
    fn grid_round_trips() {
        let fps = Fps::new(30000, 1001).expect("a rate");
        for frame in [0, 1, 29, 30, 1 << 24] {
            assert_eq!(fps.frame_at(fps.nanos(frame) + 1), frame);
        }
    }
}
