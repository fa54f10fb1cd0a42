//! What one crowd adds up to.

use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use hdrhistogram::Histogram;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{fault::Fault, playback::Seen};

/// What is requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// Playlists of any kind.
    Playlist,
    /// Headers.
    Init,
    /// Segments and parts.
    Media,
    /// Event streams.
    Events,
}

/// All of [`Sort`].
pub(crate) const SORTS: usize = 4;

/// What one crowd adds up to; all its viewers add at once.
#[derive(Default)]
pub(crate) struct Tally {
    requests: [AtomicU64; SORTS],
    bytes: [AtomicU64; SORTS],
    /// Viewers that have come.
    pub(crate) arrived: AtomicU64,
    /// Viewers that gave up.
    pub(crate) gave_up: AtomicU64,
    /// Live viewers that lost their place and went on elsewhere.
    pub(crate) resyncs: AtomicU64,
    /// Gap segments that were passed over.
    pub(crate) gaps: AtomicU64,
    /// Changes of the rung.
    pub(crate) switches: AtomicU64,
    /// Event streams that are open.
    pub(crate) open: AtomicU64,
    /// Viewers that played by parts.
    pub(crate) by_parts: AtomicU64,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    errors: BTreeMap<Fault, u64>,
    variants: BTreeMap<String, u64>,
    starts: Times,
    latency: Times,
    turns: Times,
    stalled_viewers: u64,
    stalls: u64,
    stalled: Duration,
    ended: u64,
    watched: Duration,
    events: HashMap<u64, Heard>,
}

/// One event, as the crowd heard it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    pub(crate) first: Instant,
    pub(crate) last: Instant,
    pub(crate) viewers: u64,
    /// Streams that were open when the first viewer heard it.
    pub(crate) open: u64,
}

/// Times are at most a day, in microseconds.
const LONGEST: u64 = 86_400_000_000;

/// Times in a histogram of three digits.
#[derive(Clone, Default)]
pub(crate) struct Times(Option<Histogram<u64>>);

impl Times {
    pub(crate) fn add(&mut self, time: Duration) {
        let histogram = match &mut self.0 {
            Some(histogram) => histogram,
            none => match Histogram::new(3) {
                Ok(new) => none.insert(new),
                Err(_) => return,
            },
        };
        // The histogram grows as it needs to; a day is the end of it.
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).min(LONGEST);
        let _ = histogram.record(micros);
    }

    /// Milliseconds at a quantile of 0 to 1.
    pub(crate) fn at(&self, quantile: f64) -> Option<f64> {
        let histogram = self.0.as_ref()?;
        Some(histogram.value_at_quantile(quantile) as f64 / 1000.0)
    }
}

/// What a [`Tally`] has come to.
pub(crate) struct Sum {
    pub(crate) requests: [u64; SORTS],
    pub(crate) bytes: [u64; SORTS],
    pub(crate) errors: BTreeMap<Fault, u64>,
    pub(crate) variants: BTreeMap<String, u64>,
    pub(crate) starts: Times,
    pub(crate) started: u64,
    pub(crate) latency: Times,
    pub(crate) turns: Times,
    pub(crate) turned: u64,
    pub(crate) stalled_viewers: u64,
    pub(crate) stalls: u64,
    pub(crate) stalled: Duration,
    pub(crate) ended: u64,
    pub(crate) watched: Duration,
    pub(crate) events: Vec<Heard>,
}

impl Tally {
    pub(crate) fn request(&self, sort: Sort) {
        self.requests[sort as usize].fetch_add(1, Relaxed);
    }

    pub(crate) fn bytes(&self, sort: Sort, bytes: u64) {
        self.bytes[sort as usize].fetch_add(bytes, Relaxed);
    }

    pub(crate) fn fault(&self, fault: Fault) {
        *self.inner.lock().errors.entry(fault).or_default() += 1;
    }

    /// A segment or part of a variant was fetched.
    pub(crate) fn variant(&self, label: &str) {
        let mut inner = self.inner.lock();
        match inner.variants.get_mut(label) {
            Some(count) => *count += 1,
            None => {
                inner.variants.insert(label.to_owned(), 1);
            }
        }
    }

    pub(crate) fn latency(&self, behind: Duration) {
        self.inner.lock().latency.add(behind);
    }

    /// An event stream has opened.
    pub(crate) fn opened(&self, after: Duration) {
        self.inner.lock().starts.add(after);
    }

    /// A viewer heard an event; `event` tells events apart.
    pub(crate) fn heard(&self, event: u64, now: Instant) {
        let open = self.open.load(Relaxed);
        let mut inner = self.inner.lock();
        let heard = inner.events.entry(event).or_insert(Heard { first: now, last: now, viewers: 0, open });
        heard.last = heard.last.max(now);
        heard.viewers += 1;
    }

    /// A viewer has gone.
    pub(crate) fn left(&self, seen: &Seen, watched: Duration) {
        let mut inner = self.inner.lock();
        seen.start.iter().for_each(|start| inner.starts.add(*start));
        seen.turns.iter().for_each(|turn| inner.turns.add(*turn));
        inner.stalled_viewers += u64::from(!seen.stalls.is_empty());
        inner.stalls += seen.stalls.len() as u64;
        inner.stalled += seen.stalls.iter().sum();
        inner.ended += u64::from(seen.ended);
        inner.watched += watched;
    }

    pub(crate) fn sum(&self) -> Sum {
        let inner = self.inner.lock();
        let count = |times: &Times| times.0.as_ref().map_or(0, Histogram::len);
        Sum {
            requests: std::array::from_fn(|i| self.requests[i].load(Relaxed)),
            bytes: std::array::from_fn(|i| self.bytes[i].load(Relaxed)),
            errors: inner.errors.clone(),
            variants: inner.variants.clone(),
            starts: inner.starts.clone(),
            started: count(&inner.starts),
            latency: inner.latency.clone(),
            turns: inner.turns.clone(),
            turned: count(&inner.turns),
            stalled_viewers: inner.stalled_viewers,
            stalls: inner.stalls,
            stalled: inner.stalled,
            ended: inner.ended,
            watched: inner.watched,
            events: inner.events.values().copied().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_every_size_are_kept_to_three_digits() {
        let mut times = Times::default();
        assert_eq!(times.at(0.5), None);
        for ms in [0, 3, 250, 4000, 90_000] {
            times.add(Duration::from_millis(ms));
        }
        times.add(Duration::MAX);
        for (quantile, ms) in [(0.5, 250.0), (0.65, 4000.0), (0.8, 90_000.0), (1.0, 86_400_000.0)] {
            let found = times.at(quantile).expect("values");
            assert!((found / ms - 1.0f64).abs() < 0.002, "{quantile}: {found}");
        }
    }
}
