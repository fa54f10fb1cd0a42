//! The time of passed-through access units: source time plus a delay, with even frames kept even.

use super::scale;

/// Ticks in a second of a passed-through stream.
const TIMESCALE: u64 = 90_000;
/// How far a unit may be from where source time and delay put it before it is moved there, in ticks: 40 ms.
const PATIENCE: i64 = 3_600;
/// It is moved by making frames a tenth longer or shorter; beyond this distance (a second) at once, by a key frame.
const LEAP: i64 = 90_000;
const SLEW_DIVISOR: i64 = 10;

/// Places access units in decode order. What it returns has growing decode times and starts with a key frame after
/// each [`Steady::connected`].
#[derive(Debug, Default)]
pub(crate) struct Steady {
    line: Option<Line>,
    last: Option<i64>,
    /// The latest presentation so far.
    shown: Option<i64>,
    started: bool,
    following: bool,
}

/// An access unit as the source times it, unwrapped, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coded {
    pub pts: i64,
    pub dts: i64,
    pub key: bool,
    /// Nominal frame rate, numerator and denominator, when the stream says.
    pub rate: Option<(u32, u32)>,
}

impl Steady {
    /// A new connection: nothing is passed before its first key frame.
    pub fn connected(&mut self) {
        self.line = None;
        self.started = false;
    }

    /// The unit's presentation and decode time in 90 kHz ticks of media time, or nothing when it cannot be passed.
    /// `delay` is what is added to source time at present.
    pub fn place(&mut self, unit: Coded, delay: i64) -> Option<(u64, i64)> {
        let target = ticks(unit.dts.saturating_add(delay));
        let rate = Frames::of(unit.rate);
        let mut line = match self.line {
            Some(line) => line.advance(unit.dts, rate),
            None if unit.key => Line { source: unit.dts, anchor: target, count: 0, rate, uneven: 0 },
            None => return None,
        };
        let error = target.saturating_sub(line.at());
        if error.saturating_abs() > LEAP {
            if unit.key {
                line = line.moved(error);
            }
        } else {
            self.following |= error.saturating_abs() > PATIENCE;
            if self.following {
                let most = rate.length(1).unwrap_or(PATIENCE) / SLEW_DIVISOR;
                line = line.moved(error.clamp(-most, most));
                self.following = line.at() != target;
            }
        }
        let ahead = ticks(unit.pts.saturating_sub(unit.dts));
        let ahead = rate.snap(ahead, 4).unwrap_or(ahead);
        if let Some((last, shown)) = self.last.zip(self.shown).filter(|_| unit.key) {
            // Another encoder's first frame, spliced in a little early: it follows what was there, and the frames after it
            // catch up, rather than that all until its next key frame are lost.
            let frame = rate.length(1).unwrap_or(PATIENCE);
            let early = shown.saturating_sub(line.at().saturating_add(ahead)).max(last.saturating_sub(line.at()));
            if (0..LEAP).contains(&early) {
                line = line.moved(early.saturating_add(frame));
                self.following = true;
            }
        }
        self.line = Some(line);
        let dts = line.at();
        if self.last.is_some_and(|last| dts <= last) {
            self.started = false;
            return None;
        }
        self.started |= unit.key;
        if !self.started {
            return None;
        }
        let shown = dts.saturating_add(ahead);
        let pts = u64::try_from(shown).ok()?;
        self.last = Some(dts);
        self.shown = self.shown.max(Some(shown));
        Some((pts, dts))
    }
}

/// Where the last unit stands: whole frames after an anchor.
#[derive(Clone, Copy, Debug)]
struct Line {
    /// Its source time.
    source: i64,
    /// In ticks.
    anchor: i64,
    count: i64,
    rate: Frames,
    /// Units for which an uneven step is believed.
    uneven: u8,
}

/// How long a stream that made an uneven step is believed when it makes another.
const UNEVEN: u8 = 50;

impl Line {
    fn at(&self) -> i64 {
        self.anchor.saturating_add(self.rate.length(self.count).unwrap_or(0))
    }

    /// The unit after this one: whole frames further, or exactly as far in a stream whose frames are not even. (A
    /// single uneven step is a correction of the sender's clock, as when RTSP's first sender report comes.)
    fn advance(self, source: i64, rate: Frames) -> Self {
        let step = ticks(source.saturating_sub(self.source));
        let base = if rate == self.rate { self } else { Self { anchor: self.at(), count: 0, rate, ..self } };
        let even = rate.snap(step, SLEW_DIVISOR).is_some();
        let uneven = if even { self.uneven.saturating_sub(1) } else { UNEVEN };
        let base = Self { source, uneven, ..base };
        match rate.count(step).filter(|count| even || (self.uneven == 0 && *count > 0)) {
            Some(count) => Self { count: base.count.saturating_add(count), ..base },
            None => base.moved(step),
        }
    }

    fn moved(self, by: i64) -> Self {
        if by == 0 { self } else { Self { anchor: self.at().saturating_add(by), count: 0, ..self } }
    }
}

/// A nominal frame rate, if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Frames(Option<(u32, u32)>);

impl Frames {
    fn of(rate: Option<(u32, u32)>) -> Self {
        Self(rate.filter(|(num, den)| *num > 0 && *den > 0))
    }

    /// The whole number of frames nearest to `ticks`.
    fn count(self, ticks: i64) -> Option<i64> {
        self.0.map(|(num, den)| scale(ticks, num.into(), u64::from(den) * TIMESCALE))
    }

    /// The length of a number of frames, in ticks.
    fn length(self, count: i64) -> Option<i64> {
        self.0.map(|(num, den)| scale(count, u64::from(den) * TIMESCALE, num.into()))
    }

    /// Whole frames in ticks, when `ticks` is within a part of a frame of them.
    fn snap(self, ticks: i64, part: i64) -> Option<i64> {
        let even = self.count(ticks).and_then(|count| self.length(count))?;
        (even.saturating_sub(ticks).saturating_abs() <= self.length(1)? / part).then_some(even)
    }
}

fn ticks(nanoseconds: i64) -> i64 {
    scale(nanoseconds, TIMESCALE, 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::MS, *};

    fn coded(at: i64, key: bool) -> Coded {
        Coded { pts: at, dts: at, key, rate: Some((25, 1)) }
    }

    #[test]
    fn jitter_and_a_wandering_delay_leave_frames_even() {
        let mut steady = Steady::default();
        let place = |i: i64| steady.place(coded(i * 40 * MS + i * 7 % 5 * MS, i % 25 == 0), 1_000 * MS + i % 30 * MS);
        let times: Vec<_> = (0..500).filter_map(place).collect();
        assert_eq!(times.len(), 500);
        assert!(times.windows(2).all(|w| w[1].0 - w[0].0 == 3_600 && w[1].1 - w[0].1 == 3_600));
    }

    #[test]
    fn a_delay_that_has_changed_is_followed_without_losing_a_frame() {
        for change in [-300 * MS, 300 * MS] {
            let mut steady = Steady::default();
            let place =
                |i: i64| steady.place(coded(i * 40 * MS, i % 25 == 0), 1_000 * MS + change * i64::from(i >= 50));
            let times: Vec<_> = (0..200).filter_map(place).collect();
            let steps: Vec<i64> = times.windows(2).map(|w| w[1].1 - w[0].1).collect();
            assert_eq!(times.len(), 200);
            assert!(steps.iter().all(|step| (3_240..=3_960).contains(step)), "{steps:?}");
            assert_eq!(times[199].1, (1_000 * MS + change + 199 * 40 * MS) * 9 / 100_000);
            assert!(steps[150..].iter().all(|step| *step == 3_600), "{steps:?}");
        }
    }

    #[test]
    fn a_rate_that_is_wrongly_announced_does_no_harm() {
        for frame in [20, 33, 42, 67] {
            let mut steady = Steady::default();
            let place = |i: i64| steady.place(coded(i * frame * MS, i % 25 == 0), 0);
            let times: Vec<_> = (0..2_000).filter_map(place).collect();
            assert_eq!(times.len(), 2_000, "{frame} ms");
            let error = times[1_999].1 - 1_999 * frame * 90;
            assert!(error.abs() <= PATIENCE, "{frame} ms: {error}");
        }
    }

    #[test]
    fn ntsc_rates_stay_even_for_hours() {
        let mut steady = Steady::default();
        for i in 0..400_000 {
            let at = scale(i, 1_001_000_000_000, 30_000) / 100 * 100;
            let unit = Coded { pts: at, dts: at, key: i == 0, rate: Some((30_000, 1_001)) };
            assert_eq!(steady.place(unit, 0).map(|(_, dts)| dts), Some(i * 3_003));
        }
    }

    #[test]
    fn reordered_frames_keep_their_order() {
        let mut steady = Steady::default();
        for (i, ahead) in [2, 4, 1, 0, 4, 1, 0].into_iter().enumerate() {
            let dts = i64::try_from(i).expect("small") * 40 * MS;
            let unit = Coded { pts: dts + ahead * 40 * MS, dts, key: i == 0, rate: Some((25, 1)) };
            let (pts, dts) = steady.place(unit, 0).expect("a place");
            assert_eq!(i64::try_from(pts).expect("small") - dts, ahead * 3_600);
        }
    }

    #[test]
    fn a_connection_starts_with_a_key_frame() {
        let mut steady = Steady::default();
        assert_eq!(steady.place(coded(0, false), 0), None);
        assert!(steady.place(coded(40 * MS, true), 0).is_some());
        assert!(steady.place(coded(80 * MS, false), 0).is_some());
        steady.connected();
        assert_eq!(steady.place(coded(120 * MS, false), 0), None);
        assert!(steady.place(coded(160 * MS, true), 0).is_some());
    }

    #[test]
    fn going_back_in_time_waits_for_a_key_frame_that_does_not() {
        let mut steady = Steady::default();
        steady.place(coded(4_000 * MS, true), 0);
        assert_eq!(steady.place(coded(2_000 * MS, true), 0), None);
        assert_eq!(steady.place(coded(4_040 * MS, false), 0), None);
        assert_eq!(steady.place(coded(4_080 * MS, true), 0), Some((367_200, 367_200)));
    }

    #[test]
    fn a_splice_that_comes_a_little_early_loses_no_frame_and_is_back_in_time_soon() {
        for (ahead_before, ahead_after) in [(0, 0), (2, 2), (2, 0), (0, 2)] {
            let mut steady = Steady::default();
            let frame = |dts: i64, ahead: i64, key: bool| {
                let at = dts * 40 * MS;
                Coded { pts: at + ahead * 40 * MS, dts: at, key, rate: Some((25, 1)) }
            };
            let before: Vec<_> = (0..50).filter_map(|i| steady.place(frame(i, ahead_before, i % 25 == 0), 0)).collect();
            // Three frames before the end of the one before.
            let after: Vec<_> =
                (0..100).filter_map(|i| steady.place(frame(47 + i, ahead_after, i % 25 == 0), 0)).collect();
            assert_eq!((before.len(), after.len()), (50, 100), "{ahead_before} and {ahead_after}");
            assert!(after[0].0 > before[49].0 && after[0].1 > before[49].1, "{ahead_before} and {ahead_after}");
            assert!(after.windows(2).all(|w| w[1].1 - w[0].1 >= 3_240));
            assert_eq!(after[99].1, 146 * 3_600, "{ahead_before} and {ahead_after}");
        }
    }

    proptest! {
        #[test]
        fn decode_times_always_grow(units in proptest::collection::vec((any::<i64>(), any::<i64>(), any::<bool>(), any::<i64>(), any::<(u32, u32)>()), 1..100)) {
            let mut steady = Steady::default();
            let mut last = None;
            for (pts, dts, key, delay, rate) in units {
                if let Some((_, dts)) = steady.place(Coded { pts, dts, key, rate: Some(rate) }, delay) {
                    prop_assert!(last.is_none_or(|last| dts > last));
                    last = Some(dts);
                }
            }
        }
    }
}
