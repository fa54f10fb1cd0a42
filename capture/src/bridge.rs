//! Sound from whatever receives or makes it to the encoder, at the pace of the clock.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use packager::MediaTime;

use crate::{
    Clock, Error, SoundConfig, Speaker,
    clock::signed,
    encoder::{CHANNELS, Encoder, RATE, UNIT},
    sink::Gate,
    sync::{MS, Track},
    worker::{Stop, Worker, lock},
};

/// How often silence and made sound are looked after.
const TICK: Duration = Duration::from_millis(20);

/// A track that a receiving thread writes and the encoder's thread reads. It outlives what writes it.
#[derive(Debug)]
pub(crate) struct Bridge {
    track: Mutex<Track>,
    fresh: Condvar,
}

impl Bridge {
    pub fn new(first: u64) -> Self {
        Self { track: Mutex::new(Track::new(signed(first), 0)), fresh: Condvar::new() }
    }

    /// A new connection; `offset` is how late it delivers, in nanoseconds.
    pub fn connected(&self, offset: i64) {
        lock(&self.track).connected(offset / MS * i64::from(RATE / 1_000));
    }

    /// Takes a block whose first sample belongs at `at`; both times in nanoseconds of media time.
    pub fn push(&self, at: i64, samples: &[i16], now: MediaTime) {
        let in_samples = i128::from(at) * i128::from(RATE) / i128::from(MediaTime::SECOND);
        let at = i64::try_from(in_samples).unwrap_or(i64::MIN);
        lock(&self.track).push(at, samples, signed(now.ticks(RATE)));
        self.fresh.notify_one();
    }
}

/// Where the encoder's samples come from.
pub(crate) enum Feed {
    Bridge(Arc<Bridge>),
    Speaker(Box<dyn Speaker>),
}

/// The first sample of a sound that starts now: a whole number of access units, so that all sounds are cut alike.
pub(crate) fn first_sample(clock: &Clock) -> u64 {
    clock.now().ticks(RATE).next_multiple_of(UNIT)
}

/// Starts the thread that encodes a sound from sample `first` on.
pub(crate) fn run(
    config: SoundConfig,
    first: u64,
    mut feed: Feed,
    clock: Clock,
    gate: Arc<Gate>,
    stop: Stop,
) -> Result<Worker, Error> {
    let mut encoder = Encoder::start(&config, first, &clock, Arc::clone(&gate))?;
    Worker::spawn(format!("{}-sound", config.id), move || {
        let mut samples = Vec::new();
        while !feed.wait(&stop) {
            feed.pull(&encoder, clock.now().ticks(RATE), &mut samples);
            if samples.is_empty() || encoder.push(&samples).is_ok() {
                continue;
            }
            tracing::error!(sound = %config.id, "encoder failed; starting it again");
            while !stop.wait(Duration::from_secs(1)) {
                // What falls between is silence of at most an access unit.
                if let Ok(again) = Encoder::start(&config, encoder.next(), &clock, Arc::clone(&gate)) {
                    encoder = again;
                    break;
                }
            }
        }
    })
}

impl Feed {
    /// Waits for samples or for time to pass; whether to stop.
    fn wait(&self, stop: &Stop) -> bool {
        match self {
            Self::Bridge(bridge) => {
                drop(bridge.fresh.wait_timeout(lock(&bridge.track), TICK).unwrap_or_else(PoisonError::into_inner));
                stop.stopped()
            }
            Self::Speaker(_) => stop.wait(TICK),
        }
    }

    fn pull(&mut self, encoder: &Encoder, now: u64, out: &mut Vec<i16>) {
        match self {
            Self::Bridge(bridge) => {
                lock(&bridge.track).pull(signed(now), out);
            }
            Self::Speaker(speaker) => {
                let due = now.saturating_sub(encoder.next()).min(u64::from(RATE));
                out.clear();
                out.resize(usize::try_from(due).unwrap_or(0) * usize::from(CHANNELS), 0);
                if !out.is_empty() {
                    speaker.fill(encoder.next(), out);
                }
            }
        }
    }
}
