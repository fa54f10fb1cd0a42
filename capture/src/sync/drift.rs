//! How fast a sender's clock runs against ours.

use std::collections::VecDeque;

use super::MS;

/// Of every second the packet with the least delay is remembered.
const BUCKET: i64 = 1_000 * MS;
/// For how many seconds: long enough for a part in a million, short enough to follow a clock that warms up.
const MOST: usize = 300;
/// Fewer say nothing.
const LEAST: usize = 50;
/// Where the least delays themselves scatter by more than this, it is the path that changes.
const SCATTER: i64 = 5 * MS;
/// No crystal is this far off, in parts per million: then, too, it is the path.
const ABSURD: f64 = 500.0;

/// Measures drift from delays (arrival - source time): the slope of the line under all of them that is nearest to them,
/// which is the edge of their lower convex hull at their middle (Moon, Skelly, Towsley: *Estimation and Removal of Clock
/// Skew from Network Delay Measurements*, 1999). Jitter only ever adds to a delay, so it does not move that line.
#[derive(Debug, Default)]
pub(crate) struct Drift {
    /// Arrival and delay, one pair a bucket.
    least: VecDeque<(i64, i64)>,
    bucket: i64,
    ppm: Option<f64>,
}

impl Drift {
    /// Takes the delay of something that has just arrived.
    pub fn observe(&mut self, delay: i64, arrival: i64) {
        let bucket = arrival.div_euclid(BUCKET);
        match self.least.back_mut() {
            Some(least) if bucket == self.bucket => {
                if delay < least.1 {
                    *least = (arrival, delay);
                }
            }
            _ => {
                self.ppm = self.measure();
                self.bucket = bucket;
                self.least.push_back((arrival, delay));
                if self.least.len() > MOST {
                    self.least.pop_front();
                }
            }
        }
    }

    /// Source time has jumped: what was seen before says nothing about what comes.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Parts per million by which the sender's clock is faster than ours; `None` before there is a basis for it.
    pub fn ppm(&self) -> Option<f64> {
        self.ppm
    }

    fn measure(&self) -> Option<f64> {
        if self.least.len() < LEAST {
            return None;
        }
        let middle = (self.least.front()?.0 + self.least.back()?.0) / 2;
        let (from, to) = edge(self.least.iter().copied(), middle)?;
        let slope = (to.1 - from.1) as f64 / (to.0 - from.0) as f64;
        let mut above: Vec<i64> =
            self.least.iter().map(|(at, delay)| delay - from.1 - ((at - from.0) as f64 * slope) as i64).collect();
        let half = above.len() / 2;
        let scatter = *above.select_nth_unstable(half).1;
        let ppm = -slope * 1e6;
        (scatter <= SCATTER && ppm.abs() <= ABSURD).then_some(ppm)
    }
}

/// The edge of the points' lower convex hull over `middle`. Points come in order of their first coordinate.
fn edge(points: impl Iterator<Item = (i64, i64)>, middle: i64) -> Option<((i64, i64), (i64, i64))> {
    let mut hull: Vec<(i64, i64)> = Vec::new();
    for next in points {
        while let [.., a, b] = hull[..]
            && cross(a, b, next) <= 0
        {
            hull.pop();
        }
        hull.push(next);
    }
    hull.windows(2).map(|pair| (pair[0], pair[1])).find(|(from, to)| (from.0..=to.0).contains(&middle))
}

/// More than 0 where `c` lies to the left of the way from `a` to `b`.
fn cross(a: (i64, i64), b: (i64, i64), c: (i64, i64)) -> i128 {
    let across = |p: i64, q: i64| i128::from(q) - i128::from(p);
    across(a.0, b.0) * across(a.1, c.1) - across(a.1, b.1) * across(a.0, c.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is measured after `seconds` of a sender at 25 frames a second whose clock is `ppm` fast.
    fn after(seconds: i64, ppm: i64, mut jitter: impl FnMut(i64) -> i64) -> Option<f64> {
        let mut drift = Drift::default();
        for frame in 0..seconds * 25 {
            let sent = 7_000_000 * MS + frame * 40 * MS;
            let source = sent + frame * 40 * MS / 1_000_000 * ppm;
            let arrival = sent + 20 * MS + jitter(frame);
            drift.observe(arrival - source, arrival);
        }
        drift.ppm()
    }

    proptest! {
        #[test]
        fn a_sender_is_measured_within_10_ppm_after_a_minute(
            ppm in -200..200i64, jitter in proptest::collection::vec(0..10_000_000i64, 60 * 25),
        ) {
            let measured = after(60, ppm, |frame| jitter[usize::try_from(frame).unwrap_or(0)]);
            let error = measured.map(|measured| (measured - ppm as f64).abs());
            prop_assert!(error.is_some_and(|error| error <= 10.0), "{ppm} ppm measured as {measured:?}");
        }
    }

    #[test]
    fn nothing_is_claimed_before_there_is_a_basis() {
        assert_eq!(after(30, 100, |_| 0), None);
        // A path that becomes 50 ms longer is no clock that is slow.
        for longer_at in [400, 750, 1_100] {
            let measured = after(60, 0, |frame| 50 * MS * i64::from(frame > longer_at));
            assert!(measured.is_none_or(|ppm| ppm.abs() < 1.0), "{measured:?}");
        }
    }

    #[test]
    fn a_jump_begins_anew() {
        let mut drift = Drift::default();
        (0..60).for_each(|s| drift.observe(s * 100_000, s * 1_000 * MS));
        assert!(drift.ppm().is_some_and(|ppm| (ppm + 100.0).abs() < 1.0), "{:?}", drift.ppm());
        drift.reset();
        assert_eq!(drift.ppm(), None);
    }
}
