//! From a source's time to media time.

use super::{MS, captured::Captured, drift::Drift};
use crate::{Basis, Timing};

/// How long a minimum of (arrival - source time) is remembered, in buckets.
const BUCKET: i64 = 250 * MS;
const BUCKETS: usize = 10;
/// A later arrival than this, for as long as the memory reaches, is a new normal and taken at once.
const NEW_NORMAL: i64 = 120 * MS;
/// Smaller ones are followed by at most this part of the time that passes.
const SLEW_DIVISOR: i64 = 100;
/// A step of source time that differs by more from the step of its arrivals is a jump, unless it is a small step
/// forward: then the network was late.
const JUMP: i64 = 500 * MS;

/// What a transport stream's 33 bits of 90 kHz hold: a clock that begins anew steps back by exactly this.
const WRAP: i64 = (1 << 33) * 100_000 / 9;

/// The streams of one source. They share its time, so that lips and voice stay together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Decoded pictures.
    Picture = 0,
    /// The camera's own bitstream, before decoding.
    Coded = 1,
    /// Decoded sound.
    Sound = 2,
}

/// Places one connection's frames and samples on media time: by source time, plus the smallest recent delay between
/// source time and arrival, less the configured offset; or plus what the source itself says stands between its time and
/// the capture's. Either is taken from one stream, the *master*, and holds for all.
#[derive(Debug)]
pub(crate) struct Placement {
    offset: i64,
    /// Whether the source's word is taken.
    trusting: bool,
    captured: Option<Captured>,
    /// `None` for a source that has no clock of its own.
    drift: Option<Drift>,
    master: Stream,
    delay: Option<Delay>,
    /// Before the master has come.
    provisional: Option<Delay>,
    /// What the pictures' jumps have come to before they were decoded.
    shifted: i64,
    streams: [Timeline; 3],
}

/// One stream's source time, with its jumps taken out.
#[derive(Clone, Copy, Debug, Default)]
struct Timeline {
    shift: i64,
    last: Option<(i64, i64)>,
}

impl Timeline {
    /// Takes the next frame's time. Where `other`, a stream of the same source, has jumped as far, it is the same jump: the
    /// streams stay exactly together.
    fn follow(&mut self, source: i64, arrival: i64, other: Option<i64>) {
        if let Some((last_source, last_arrival)) = self.last {
            let step = source.saturating_sub(last_source);
            let jump = step.saturating_sub(arrival.saturating_sub(last_arrival));
            if jump.saturating_abs() > JUMP && !(-JUMP..=JUMP).contains(&step) {
                // Arrivals jitter, a clock's width does not.
                let wrapped = jump.saturating_add(WRAP).saturating_abs() < JUMP;
                let own = self.shift.saturating_sub(if wrapped { -WRAP } else { jump });
                self.shift = other.filter(|other| other.saturating_sub(own).saturating_abs() < JUMP).unwrap_or(own);
            }
        }
        self.last = Some((source, arrival));
    }
}

/// The jumps of one stream, taken out before its decoder: a decoder holds timestamps that go back at the last one before.
#[derive(Debug, Default)]
pub(crate) struct Jumps(Timeline);

impl Jumps {
    /// What is to be added to the time of a frame that has just arrived.
    pub fn shift(&mut self, source: i64, arrival: i64) -> i64 {
        self.0.follow(source, arrival, None);
        self.0.shift
    }
}

impl Placement {
    /// For a new connection. `offset` is how late the camera delivers; `trusting`, whether capture time is believed.
    pub fn new(master: Stream, offset: i64, trusting: bool) -> Self {
        Self {
            offset,
            trusting,
            captured: None,
            drift: Some(Drift::default()),
            master,
            delay: None,
            provisional: None,
            shifted: 0,
            streams: [Timeline::default(); 3],
        }
    }

    /// For a source that comes at the pace of our own clock.
    pub fn without_drift(self) -> Self {
        Self { drift: None, ..self }
    }

    /// By the source's word, what has source time `source` and has just arrived was captured at media time `at`.
    pub fn captured(&mut self, basis: Basis, source: i64, at: i64, arrival: i64) {
        match &mut self.captured {
            Some(captured) => captured.observe(basis, source, at, arrival),
            None => self.captured = Some(Captured::new(basis, source, at, arrival)),
        }
    }

    /// The media time of a frame, or of a block's first sample, that has just arrived. Without a source time it is
    /// the arrival's. Nothing when its source time is that of the one before: a clock that stands still places nothing.
    pub fn place(&mut self, stream: Stream, source: Option<i64>, arrival: i64) -> Option<i64> {
        match source {
            Some(source) => {
                let unwrapped = self.unwrap(stream, source, arrival)?;
                Some(unwrapped.saturating_add(self.delay().unwrap_or_default()))
            }
            None => Some(arrival.saturating_sub(self.offset)),
        }
    }

    /// Nothing is known of capture time any more.
    pub fn uncaptured(&mut self) {
        self.captured = None;
    }

    /// Source time with jumps taken out; see [`Placement::delay`]. Nothing when it stands still.
    pub fn unwrap(&mut self, stream: Stream, source: i64, arrival: i64) -> Option<i64> {
        if self.streams[stream as usize].last.is_some_and(|(last, _)| last == source) {
            return None;
        }
        let shift = self.streams[stream as usize].shift;
        let source = self.without_jumps(stream, source, arrival);
        let lag = arrival.saturating_sub(source);
        if let Some(drift) = self.drift.as_mut().filter(|_| stream == self.master) {
            if self.streams[stream as usize].shift != shift {
                drift.reset();
            }
            drift.observe(lag, arrival);
        }
        let delay = if stream == self.master { &mut self.delay } else { &mut self.provisional };
        match delay {
            Some(delay) => delay.observe(lag, arrival),
            None => *delay = Some(Delay::new(lag, arrival)),
        }
        Some(source)
    }

    /// What is added to the pictures' time before they come here; see [`Jumps`].
    pub fn shifted(&mut self, by: i64) {
        self.shifted = by;
    }

    fn without_jumps(&mut self, stream: Stream, source: i64, arrival: i64) -> i64 {
        let other = (stream != self.master).then_some(self.shift());
        let line = &mut self.streams[stream as usize];
        line.follow(source, arrival, other);
        source.saturating_add(line.shift)
    }

    /// What the master's jumps have come to, before its decoder and after.
    fn shift(&self) -> i64 {
        self.streams[self.master as usize].shift.saturating_add(self.shifted)
    }

    /// What is added to unwrapped source time at present.
    pub fn delay(&self) -> Option<i64> {
        if let Some(captured) = self.trusted() {
            // The source's word is about its time as it is, jumps and all.
            return Some(captured.ahead().saturating_sub(self.shift()));
        }
        let delay = self.delay.as_ref().or(self.provisional.as_ref())?;
        Some(delay.smooth.saturating_sub(self.offset))
    }

    /// How late against its place something is expected to arrive.
    pub fn lateness(&self) -> i64 {
        self.trusted().map_or(self.offset, |captured| captured.latency().max(0))
    }

    /// What is known of the source's clock.
    pub fn timing(&self) -> Timing {
        let believed = self.captured.as_ref().filter(|captured| captured.believed().is_some());
        let shift = self.shift();
        Timing {
            basis: self.trusted().and_then(Captured::believed).unwrap_or_default(),
            drift_ppm: self.drift.as_ref().and_then(Drift::ppm),
            behind: believed.zip(self.delay()).map(|(captured, delay)| captured.behind(delay.saturating_add(shift))),
            disbelieved: self.captured.as_ref().filter(|c| c.believed().is_none()).map(Captured::latency),
        }
    }

    fn trusted(&self) -> Option<&Captured> {
        self.captured.as_ref().filter(|captured| self.trusting && captured.believed().is_some())
    }
}

/// The smoothed minimum of arrival - source time.
#[derive(Debug)]
pub(super) struct Delay {
    smooth: i64,
    updated: i64,
    /// The minima of recent buckets, a ring; the bucket now filled.
    minima: [i64; BUCKETS],
    bucket: i64,
}

impl Delay {
    pub fn new(lag: i64, arrival: i64) -> Self {
        Self { smooth: lag, updated: arrival, minima: [lag; BUCKETS], bucket: arrival.div_euclid(BUCKET) }
    }

    pub fn smooth(&self) -> i64 {
        self.smooth
    }

    pub fn observe(&mut self, lag: i64, arrival: i64) {
        let bucket = arrival.div_euclid(BUCKET).max(self.bucket);
        let fresh = usize::try_from(bucket - self.bucket).unwrap_or(BUCKETS).min(BUCKETS);
        for i in 0..fresh {
            self.minima[slot(bucket - i64::try_from(i).unwrap_or(0))] = i64::MAX;
        }
        self.bucket = bucket;
        let current = &mut self.minima[slot(bucket)];
        *current = lag.min(*current);
        let least = self.minima.iter().copied().min().unwrap_or(lag);
        let elapsed = arrival.saturating_sub(self.updated).clamp(0, 1_000 * MS);
        let excess = least.saturating_sub(self.smooth);
        self.smooth =
            if excess <= 0 || excess > NEW_NORMAL { least } else { self.smooth + excess.min(elapsed / SLEW_DIVISOR) };
        self.updated = arrival;
    }
}

fn slot(bucket: i64) -> usize {
    usize::try_from(bucket.rem_euclid(BUCKETS as i64)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FRAME: i64 = 40 * MS;
    const START: i64 = 7_000_000 * MS;

    /// Plays `frames` of a source with the given source time and network delay, and returns the places.
    fn play(placement: &mut Placement, from: i64, frames: i64, source: i64, lag: impl Fn(i64) -> i64) -> Vec<i64> {
        let place =
            |i: i64| placement.place(Stream::Picture, Some(source + i * FRAME), START + (from + i) * FRAME + lag(i));
        (0..frames).map(place).map(|place| place.expect("a clock that goes")).collect()
    }

    #[test]
    fn jitter_does_not_move_frames() {
        let mut placement = Placement::new(Stream::Picture, 0, true);
        let places = play(&mut placement, 0, 200, 0, |i| (i * 7 % 5) * 8 * MS);
        let steps: Vec<i64> = places.windows(2).map(|p| p[1] - p[0]).collect();
        assert!(steps.iter().all(|step| (step - FRAME).saturating_abs() <= FRAME / 100), "{steps:?}");
        assert!(places.iter().zip(0..).all(|(place, i)| (place - START - i * FRAME).saturating_abs() <= 2 * MS));
    }

    #[test]
    fn the_offset_is_subtracted() {
        let mut placement = Placement::new(Stream::Picture, 250 * MS, true);
        assert_eq!(placement.place(Stream::Picture, Some(5), START), Some(START - 250 * MS));
        assert_eq!(placement.place(Stream::Picture, None, START), Some(START - 250 * MS));
    }

    #[test]
    fn a_jump_of_source_time_either_way_is_taken_out() {
        // 26.5 h is the wrap of a transport stream's 33 bits.
        for jump in [-95_443_717 * MS, -3_000 * MS, 700 * MS, 3_000 * MS, 95_443_717 * MS] {
            let mut placement = Placement::new(Stream::Picture, 0, true);
            let before = play(&mut placement, 0, 100, 0, |_| 0);
            let after = play(&mut placement, 100, 100, 100 * FRAME + jump, |i| i % 3 * MS);
            assert_eq!(after[0] - before[99], FRAME, "jump of {jump}");
            assert!((after[99] - before[99] - 100 * FRAME).saturating_abs() <= 3 * MS, "jump of {jump}");
        }
    }

    #[test]
    fn a_clock_that_begins_anew_is_followed_to_the_nanosecond_however_late_it_comes() {
        let mut placement = Placement::new(Stream::Picture, 0, true);
        let first = 100_000_000 * MS;
        play(&mut placement, 0, 100, first, |_| 0);
        let places = play(&mut placement, 100, 100, first + 100 * FRAME - WRAP, |i| (300 * MS - i * FRAME).max(0));
        assert!(places.iter().zip(100..).all(|(place, i)| *place == START + i * FRAME), "{places:?}");
    }

    #[test]
    fn a_clock_that_stands_still_places_nothing_until_it_goes_again() {
        let mut placement = Placement::new(Stream::Picture, 0, true);
        let before = play(&mut placement, 0, 50, 0, |_| 0);
        for i in 50..500 {
            assert_eq!(placement.place(Stream::Picture, Some(49 * FRAME), START + i * FRAME), None);
        }
        let after = play(&mut placement, 500, 50, 50 * FRAME, |_| 0);
        assert_eq!(after[0] - before[49], 451 * FRAME);
        assert_eq!(after[49] - after[0], 49 * FRAME);
    }

    #[test]
    fn sound_follows_the_pictures_jump_exactly() {
        let mut placement = Placement::new(Stream::Picture, 0, true);
        let mut sound = |source: i64, at: i64| {
            let picture = placement.place(Stream::Picture, Some(source), START + at).expect("a place");
            let sound = placement.place(Stream::Sound, Some(source), START + at + 170 * MS).expect("a place");
            sound - picture
        };
        for i in 0..50 {
            assert_eq!(sound(i * FRAME, i * FRAME), 0);
        }
        for i in 50..100 {
            assert_eq!(sound(i * FRAME + 9_000 * MS, i * FRAME), 0);
        }
    }

    #[test]
    fn sound_follows_a_jump_that_was_taken_out_before_the_decoder() {
        let (mut placement, mut jumps) = (Placement::new(Stream::Picture, 0, true), Jumps::default());
        for i in 0..200 {
            // Back by ten seconds, and the first frame after it is 90 ms late.
            let source = 100_000 * MS + i * FRAME - if i < 100 { 0 } else { 10_000 * MS };
            let at = START + i * FRAME + if i == 100 { 90 * MS } else { 0 };
            let shift = jumps.shift(source, at);
            placement.shifted(shift);
            let picture = placement.place(Stream::Picture, Some(source + shift), at).expect("a place");
            let sound = placement.place(Stream::Sound, Some(source), at + 20 * MS).expect("a place");
            assert_eq!(sound, picture, "frame {i}");
            assert!((picture - START - i * FRAME).abs() <= 90 * MS, "frame {i}");
        }
    }

    #[test]
    fn a_network_that_froze_and_caught_up_changes_nothing() {
        let mut placement = Placement::new(Stream::Picture, 0, true);
        play(&mut placement, 0, 100, 0, |_| 0);
        let places = play(&mut placement, 100, 100, 100 * FRAME, |i| (2_000 * MS - i * FRAME).max(0));
        assert!(
            places.iter().zip(100..).all(|(place, i)| (place - START - i * FRAME).saturating_abs() <= MS),
            "{places:?}"
        );
    }

    #[test]
    fn a_path_that_becomes_longer_is_followed_within_the_memory() {
        let mut placement = Placement::new(Stream::Picture, 0, true);
        play(&mut placement, 0, 100, 0, |_| 0);
        let places = play(&mut placement, 100, 100, 100 * FRAME, |_| 300 * MS);
        assert_eq!(places[99], START + 199 * FRAME + 300 * MS);
    }

    #[test]
    fn drift_is_followed_slowly() {
        // A camera whose clock is 100 ppm slow.
        let mut placement = Placement::new(Stream::Picture, 0, true);
        let place = |i: i64| placement.place(Stream::Picture, Some(i * FRAME), START + i * (FRAME + FRAME / 10_000));
        let places: Vec<i64> = (0..10_000).filter_map(place).collect();
        let error = places[9_999] - (START + 9_999 * (FRAME + FRAME / 10_000));
        assert!((-5 * MS..=0).contains(&error), "{error}");
    }

    /// A camera whose packets take `lag`, and whose word is `off` from the truth; returns where the last frame stands
    /// against its capture.
    fn told(placement: &mut Placement, lag: impl Fn(i64) -> i64, off: i64) -> i64 {
        let mut error = 0;
        for i in 0..200 {
            let (source, shot) = (5_000 * MS + i * FRAME, START + i * FRAME);
            placement.captured(Basis::Rtcp, source, shot + off, shot + lag(i));
            let place = placement.place(Stream::Picture, Some(source), shot + lag(i) + 8 * MS);
            error = place.expect("a clock that goes") - shot;
        }
        error
    }

    #[test]
    fn capture_time_places_frames_whatever_the_network_does() {
        for lag in [0, 3 * MS, 280 * MS, 1_400 * MS] {
            let mut placement = Placement::new(Stream::Picture, 0, true);
            assert_eq!(told(&mut placement, |i| lag + i * 7 % 5 * 8 * MS, 0), 0, "{lag}");
            let timing = placement.timing();
            assert_eq!((timing.basis, timing.behind, timing.disbelieved), (Basis::Rtcp, Some(0), None), "{lag}");
            assert_eq!(placement.lateness(), lag);
            // Where it is not wanted it still says how late arrivals are.
            let mut placement = Placement::new(Stream::Picture, 100 * MS, false);
            assert_eq!(told(&mut placement, |_| lag, 0), lag + 8 * MS - 100 * MS);
            let timing = placement.timing();
            assert_eq!((timing.basis, timing.behind), (Basis::Arrival, Some(lag + 8 * MS - 100 * MS)));
        }
    }

    #[test]
    fn a_clock_that_is_wrong_is_not_believed() {
        for off in [-3_600_000 * MS, -1_600 * MS, 200 * MS, 3_600_000 * MS] {
            let mut placement = Placement::new(Stream::Picture, 0, true);
            assert_eq!(told(&mut placement, |_| 20 * MS, off), 28 * MS, "{off}");
            let timing = placement.timing();
            assert_eq!((timing.basis, timing.behind), (Basis::Arrival, None), "{off}");
            assert_eq!(timing.disbelieved, Some(20 * MS - off));
            // Set right while it runs: from then on it is believed.
            assert_eq!(told(&mut placement, |_| 20 * MS, 0), 0, "{off}");
            assert_eq!(placement.timing().basis, Basis::Rtcp);
        }
    }

    #[test]
    fn no_drift_accumulates_between_cameras_in_three_hours() {
        // The clocks of two cameras, a part in ten thousand fast and slow, over a network that jitters: 2 s apart at the end.
        let jitter = |i: i64, salt: i64| (i * 7_919 + salt) % 29 * MS;
        let mut cameras = [100, -100].map(|ppm| (ppm, Placement::new(Stream::Picture, 0, true)));
        let mut worst = 0;
        for i in 0..3 * 3_600 * 25 {
            let shot = START + i * FRAME;
            let [one, other] = cameras.each_mut().map(|(ppm, placement)| {
                let source = i * FRAME + i * (FRAME / 1_000_000) * *ppm;
                let place = placement.place(Stream::Picture, Some(source), shot + 20 * MS + jitter(i, *ppm + 100));
                place.expect("a clock that goes")
            });
            if i > 250 {
                worst = worst.max((one - other).abs());
            }
        }
        assert!(worst < FRAME / 4, "{worst} ns apart");
        for (ppm, placement) in &cameras {
            let measured = placement.timing().drift_ppm.expect("a basis");
            assert!((measured - *ppm as f64).abs() < 10.0, "{ppm} measured as {measured}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_placed_after_its_arrival(source in proptest::collection::vec((any::<i64>(), 0..100_000i64), 1..200)) {
            let mut placement = Placement::new(Stream::Picture, 0, true);
            let mut arrival = START;
            for (time, step) in source {
                arrival += step * 1_000;
                let place = placement.place(Stream::Picture, Some(time / 4), arrival);
                prop_assert!(place.is_none_or(|place| place <= arrival));
            }
        }
    }
}
