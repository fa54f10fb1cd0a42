//! The frame synchroniser: plain arithmetic between a source's time and media time. No clock, thread or GStreamer;
//! time is an argument. All times here are signed nanoseconds of media time unless a name says otherwise.

mod captured;
mod drift;
#[cfg(test)]
mod hours_tests;
mod placement;
mod regrid;
mod rtp;
mod steady;
mod track;

pub(crate) use placement::{Jumps, Placement, Stream};
pub(crate) use regrid::Regrid;
pub(crate) use rtp::{Declared, Report};
pub(crate) use steady::{Coded, Steady};
pub(crate) use track::Track;

/// Nanoseconds in a millisecond.
pub(crate) const MS: i64 = 1_000_000;

/// `value * num / den`, rounded to the nearest, saturated.
fn scale(value: i64, num: u64, den: u64) -> i64 {
    let den = i128::from(den.max(1));
    let scaled = (i128::from(value) * i128::from(num) + den / 2).div_euclid(den);
    i64::try_from(scaled).unwrap_or(if scaled < 0 { i64::MIN } else { i64::MAX })
}
