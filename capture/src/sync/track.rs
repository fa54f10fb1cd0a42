//! Samples onto media time: exact where they are, silence where they are not.

use std::collections::VecDeque;

/// Samples per second of media time.
const RATE: i64 = 48_000;
/// Left and right.
const CHANNELS: usize = 2;
/// A block that stands no further than this from the end of the one before follows it: 30 ms.
const TOLERANCE: i64 = RATE * 30 / 1_000;
/// How late the samples of a punctual source are waited for: 120 ms.
const PATIENCE: i64 = RATE * 120 / 1_000;
/// How late those of a bursty one are: 400 ms. A transport stream packs 180 ms of sound into one packet.
const MOST_PATIENCE: i64 = RATE * 400 / 1_000;
/// What is added to the lateness that a source has shown: 20 ms.
const MARGIN: i64 = RATE * 20 / 1_000;
/// A block further ahead than this is nonsense: 12 s, more than any offset.
const HORIZON: i64 = RATE * 12;

/// An endless row of stereo samples on media time, read at the pace of the clock.
///
/// [`Track::push`] takes blocks where they belong; [`Track::pull`] gives what is due: real samples as soon as they
/// are there, silence when they are later than the source has ever been (and 120 ms).
#[derive(Debug)]
pub(crate) struct Track {
    /// The first sample that was not yet read.
    next: i64,
    /// The samples from there on, interleaved.
    queue: VecDeque<i16>,
    /// The end of the newest block.
    cursor: Option<i64>,
    /// How late the camera delivers.
    offset: i64,
    /// How late samples are waited for beyond that.
    patience: i64,
}

impl Track {
    /// A track that is read from sample `first` on. `offset` is how late the source delivers, in samples.
    pub fn new(first: i64, offset: i64) -> Self {
        Self { next: first, queue: VecDeque::new(), cursor: None, offset, patience: PATIENCE }
    }

    /// A new connection: nothing is known of how late it delivers, beyond an `offset` by configuration.
    pub fn connected(&mut self, offset: i64) {
        self.offset = offset;
        self.cursor = None;
        self.patience = PATIENCE;
    }

    /// From now on the source delivers this late, in samples.
    pub fn expect(&mut self, offset: i64) {
        self.offset = offset;
    }

    /// Takes a block whose first sample belongs at `at` and that arrives at sample `now`. Gaps become silence,
    /// overlaps are cut off.
    pub fn push(&mut self, at: i64, samples: &[i16], now: i64) {
        let at = self.cursor.filter(|cursor| at.saturating_sub(*cursor).saturating_abs() <= TOLERANCE).unwrap_or(at);
        let length = count(samples.len());
        self.cursor = Some(at.saturating_add(length));
        let late = now.saturating_sub(at).saturating_sub(self.offset);
        self.patience = late.saturating_add(MARGIN).clamp(self.patience, MOST_PATIENCE);
        let end = self.next + count(self.queue.len());
        let gap = at.saturating_sub(end);
        if gap > HORIZON || gap.saturating_add(length) <= 0 {
            return;
        }
        self.queue.extend(std::iter::repeat_n(0, values(gap)));
        self.queue.extend(&samples[values(-gap).min(samples.len())..]);
    }

    /// Moves what is due at sample `now` into `out` (which is emptied first) and returns where it starts.
    pub fn pull(&mut self, now: i64, out: &mut Vec<i16>) -> i64 {
        out.clear();
        let start = self.next;
        let due = values(now.saturating_sub(start)).min(self.queue.len());
        out.extend(self.queue.drain(..due));
        if self.queue.is_empty() {
            let filled = start + count(due);
            // Bounded, should the clock have made a leap: the rest follows with the next call.
            let silent = now.saturating_sub(self.offset.max(0) + self.patience).saturating_sub(filled).min(RATE);
            out.extend(std::iter::repeat_n(0, values(silent)));
        }
        self.next = start + count(out.len());
        start
    }
}

/// Values in a number of samples, 0 when it is negative.
fn values(samples: i64) -> usize {
    usize::try_from(samples).unwrap_or(0).saturating_mul(CHANNELS)
}

/// Samples in a number of values.
fn count(values: usize) -> i64 {
    i64::try_from(values / CHANNELS).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "track_tests.rs"]
mod tests;
