//! From a source's time to media time.

use super::MS;

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
/// source time and arrival, less the configured offset. The delay is taken from one stream, the *master*, and holds
/// for all.
#[derive(Debug)]
pub(crate) struct Placement {
    offset: i64,
    master: Stream,
    delay: Option<Delay>,
    /// Before the master has come.
    provisional: Option<Delay>,
    streams: [Timeline; 3],
}

/// One stream's source time, with its jumps taken out.
#[derive(Clone, Copy, Debug, Default)]
struct Timeline {
    shift: i64,
    last: Option<(i64, i64)>,
}

impl Placement {
    /// For a new connection. `offset` is how late the camera delivers.
    pub fn new(master: Stream, offset: i64) -> Self {
        Self { offset, master, delay: None, provisional: None, streams: [Timeline::default(); 3] }
    }

    /// The media time of a frame, or of a block's first sample, that has just arrived. Without a source time it is
    /// the arrival's.
    pub fn place(&mut self, stream: Stream, source: Option<i64>, arrival: i64) -> i64 {
        match source {
            Some(source) => {
                let unwrapped = self.unwrap(stream, source, arrival);
                unwrapped.saturating_add(self.delay().unwrap_or_default())
            }
            None => arrival.saturating_sub(self.offset),
        }
    }

    /// Source time with jumps taken out; see [`Placement::delay`].
    pub fn unwrap(&mut self, stream: Stream, source: i64, arrival: i64) -> i64 {
        let source = self.without_jumps(stream, source, arrival);
        let lag = arrival.saturating_sub(source);
        let delay = if stream == self.master { &mut self.delay } else { &mut self.provisional };
        match delay {
            Some(delay) => delay.observe(lag, arrival),
            None => *delay = Some(Delay::new(lag, arrival)),
        }
        source
    }

    fn without_jumps(&mut self, stream: Stream, source: i64, arrival: i64) -> i64 {
        let other = self.streams[self.master as usize].shift;
        let line = &mut self.streams[stream as usize];
        if let Some((last_source, last_arrival)) = line.last {
            let step = source.saturating_sub(last_source);
            let jump = step.saturating_sub(arrival.saturating_sub(last_arrival));
            if jump.saturating_abs() > JUMP && !(-JUMP..=JUMP).contains(&step) {
                let own = line.shift.saturating_sub(jump);
                // Where the master has jumped as far, it is the same jump: the streams stay exactly together.
                line.shift = if other.saturating_sub(own).saturating_abs() < JUMP { other } else { own };
            }
        }
        line.last = Some((source, arrival));
        source.saturating_add(line.shift)
    }

    /// What is added to unwrapped source time at present.
    pub fn delay(&self) -> Option<i64> {
        let delay = self.delay.as_ref().or(self.provisional.as_ref())?;
        Some(delay.smooth.saturating_sub(self.offset))
    }
}

/// The smoothed minimum of arrival - source time.
#[derive(Debug)]
struct Delay {
    smooth: i64,
    updated: i64,
    /// The minima of recent buckets, a ring; the bucket now filled.
    minima: [i64; BUCKETS],
    bucket: i64,
}

impl Delay {
    fn new(lag: i64, arrival: i64) -> Self {
        Self { smooth: lag, updated: arrival, minima: [lag; BUCKETS], bucket: arrival.div_euclid(BUCKET) }
    }

    fn observe(&mut self, lag: i64, arrival: i64) {
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
        (0..frames).map(place).collect()
    }

    #[test]
    fn jitter_does_not_move_frames() {
        let mut placement = Placement::new(Stream::Picture, 0);
        let places = play(&mut placement, 0, 200, 0, |i| (i * 7 % 5) * 8 * MS);
        let steps: Vec<i64> = places.windows(2).map(|p| p[1] - p[0]).collect();
        assert!(steps.iter().all(|step| (step - FRAME).saturating_abs() <= FRAME / 100), "{steps:?}");
        assert!(places.iter().zip(0..).all(|(place, i)| (place - START - i * FRAME).saturating_abs() <= 2 * MS));
    }

    #[test]
    fn the_offset_is_subtracted() {
        let mut placement = Placement::new(Stream::Picture, 250 * MS);
        assert_eq!(placement.place(Stream::Picture, Some(5), START), START - 250 * MS);
        assert_eq!(placement.place(Stream::Picture, None, START), START - 250 * MS);
    }

    #[test]
    fn a_jump_of_source_time_either_way_is_taken_out() {
        // 26.5 h is the wrap of a transport stream's 33 bits.
        for jump in [-95_443_717 * MS, -3_000 * MS, 700 * MS, 3_000 * MS, 95_443_717 * MS] {
            let mut placement = Placement::new(Stream::Picture, 0);
            let before = play(&mut placement, 0, 100, 0, |_| 0);
            let after = play(&mut placement, 100, 100, 100 * FRAME + jump, |i| i % 3 * MS);
            assert_eq!(after[0] - before[99], FRAME, "jump of {jump}");
            assert!((after[99] - before[99] - 100 * FRAME).saturating_abs() <= 3 * MS, "jump of {jump}");
        }
    }

    #[test]
    fn sound_follows_the_pictures_jump_exactly() {
        let mut placement = Placement::new(Stream::Picture, 0);
        let mut sound = |source: i64, at: i64| {
            let picture = placement.place(Stream::Picture, Some(source), START + at);
            let sound = placement.place(Stream::Sound, Some(source), START + at + 170 * MS);
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
    fn a_network_that_froze_and_caught_up_changes_nothing() {
        let mut placement = Placement::new(Stream::Picture, 0);
        play(&mut placement, 0, 100, 0, |_| 0);
        let places = play(&mut placement, 100, 100, 100 * FRAME, |i| (2_000 * MS - i * FRAME).max(0));
        assert!(
            places.iter().zip(100..).all(|(place, i)| (place - START - i * FRAME).saturating_abs() <= MS),
            "{places:?}"
        );
    }

    #[test]
    fn a_path_that_becomes_longer_is_followed_within_the_memory() {
        let mut placement = Placement::new(Stream::Picture, 0);
        play(&mut placement, 0, 100, 0, |_| 0);
        let places = play(&mut placement, 100, 100, 100 * FRAME, |_| 300 * MS);
        assert_eq!(places[99], START + 199 * FRAME + 300 * MS);
    }

    #[test]
    fn drift_is_followed_slowly() {
        // A camera whose clock is 100 ppm slow.
        let mut placement = Placement::new(Stream::Picture, 0);
        let place = |i: i64| placement.place(Stream::Picture, Some(i * FRAME), START + i * (FRAME + FRAME / 10_000));
        let places: Vec<i64> = (0..10_000).map(place).collect();
        let error = places[9_999] - (START + 9_999 * (FRAME + FRAME / 10_000));
        assert!((-5 * MS..=0).contains(&error), "{error}");
    }

    proptest! {
        #[test]
        fn nothing_is_placed_after_its_arrival(source in proptest::collection::vec((any::<i64>(), 0..100_000i64), 1..200)) {
            let mut placement = Placement::new(Stream::Picture, 0);
            let mut arrival = START;
            for (time, step) in source {
                arrival += step * 1_000;
                let place = placement.place(Stream::Picture, Some(time / 4), arrival);
                prop_assert!(place <= arrival);
            }
        }
    }
}
