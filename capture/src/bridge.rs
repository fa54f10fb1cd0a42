//! Sound from whatever receives or makes it to the encoder, at the pace of the clock.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use packager::MediaTime;

use crate::{
    Clock, Error, LoudnessMeter, SoundConfig, Speaker,
    clock::signed,
    encoder::{CHANNELS, Encoder, RATE, UNIT},
    sink::Gate,
    sync::Track,
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
        lock(&self.track).connected(in_samples(offset));
    }

    /// Takes a block whose first sample belongs at `at` and which is `late` against that by expectation; times in
    /// nanoseconds of media time.
    pub fn push(&self, at: i64, samples: &[i16], late: i64, now: MediaTime) {
        let mut track = lock(&self.track);
        track.expect(in_samples(late));
        track.push(in_samples(at), samples, signed(now.ticks(RATE)));
        self.fresh.notify_one();
    }
}

/// Nanoseconds in samples.
fn in_samples(nanoseconds: i64) -> i64 {
    let samples = i128::from(nanoseconds) * i128::from(RATE) / i128::from(MediaTime::SECOND);
    i64::try_from(samples).unwrap_or(i64::MIN)
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

/// Starts the thread that encodes a sound from sample `first` on, and measures it.
pub(crate) fn run(
    config: SoundConfig,
    first: u64,
    mut feed: Feed,
    meter: LoudnessMeter,
    clock: Clock,
    gate: Arc<Gate>,
    stop: Stop,
) -> Result<Worker, Error> {
    let mut encoder = Encoder::start(&config, first, &clock, Arc::clone(&gate))?;
    Worker::spawn(format!("{}-sound", config.id), move || {
        let mut samples = Vec::new();
        while !feed.wait(&stop) {
            feed.pull(&encoder, clock.now().ticks(RATE), &mut samples);
            meter.hear(&samples);
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
