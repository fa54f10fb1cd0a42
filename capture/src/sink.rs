//! What a camera or a sound hands over, and to whom.

use std::sync::{
    Arc, Mutex, PoisonError, RwLock,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use packager::{Format, Unit};

use crate::worker::lock;

/// Which of a camera's or sound's streams something belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// A rung of the ladder: its place in [`Config::rungs`](crate::Config::rungs). Ticks are the grid's
    /// ([`Grid::timescale`](packager::Grid::timescale)).
    Rung(usize),
    /// The camera's own bitstream. Ticks are 90 kHz; a duration of 0 means that it is not known yet.
    Source,
    /// The sound. Ticks are samples: 48 kHz.
    Sound,
}

/// How a source is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing has come yet.
    Connecting,
    /// Frames (or samples, of a sound) are coming.
    Live,
    /// The source is gone; it is tried again until it is back. Said again when the reason changes.
    Lost {
        /// Why, without credentials.
        why: String,
    },
    /// What the source sends cannot be passed through. Rungs and sound go on.
    Refused {
        /// Why, without credentials.
        why: String,
    },
}

/// Takes what cameras and sounds produce. Called on streaming threads, so it must not block for long; calls for one
/// [`Output`] come one after the other, and none comes after the camera or sound was dropped.
pub trait Sink: Send + Sync + 'static {
    /// The format of the units that follow: before the first unit and at every change.
    fn format(&self, output: Output, format: Format);
    /// An encoded unit, the moment it exists.
    fn unit(&self, output: Output, unit: Unit);
    /// How the source is doing, at every change.
    fn state(&self, state: State);
}

/// What a source's place on media time rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Basis {
    /// When it arrives, less the configured offset.
    #[default]
    Arrival,
    /// The capture time in its RTCP sender reports.
    Rtcp,
    /// The clock that its description declares (RFC 7273).
    Rfc7273,
}

impl Basis {
    /// The API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Arrival => "arrival",
            Self::Rtcp => "rtcp",
            Self::Rfc7273 => "rfc7273",
        }
    }
}

/// What is known of a source's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Timing {
    /// What it is placed by.
    pub basis: Basis,
    /// How much faster its clock runs than ours, in parts per million; `None` while there is no basis to say.
    pub drift_ppm: Option<f64>,
    /// How far what it sends stands behind its capture on media time, in nanoseconds; `None` without a capture time that
    /// can be believed.
    pub behind: Option<i64>,
    /// How long after its capture, as the source has it, something arrives, in nanoseconds, where that cannot be believed:
    /// negative when the sender's clock is ahead.
    pub disbelieved: Option<i64>,
}

/// What the synchroniser of a camera has done since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Times the source went live.
    pub connections: u64,
    /// Pictures that the source delivered.
    pub frames: u64,
    /// Grid frames that were filled with the picture before.
    pub repeated: u64,
    /// Pictures that had no place on the grid: too many, too late, or before the first whole segment.
    pub dropped: u64,
    /// Pictures thrown away because the encoder was too slow for them.
    pub overruns: u64,
    /// How late the last picture was against its place on media time, in microseconds, offset included.
    pub lateness_us: i64,
}

/// Reads a camera's [`Stats`], also after the camera was dropped. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Meter(pub(crate) Arc<Counters>);

impl Meter {
    /// What has happened since the camera's start.
    pub fn read(&self) -> Stats {
        self.0.read()
    }

    /// What is known of the source's clock now.
    pub fn timing(&self) -> Timing {
        *lock(&self.0.timing)
    }
}

/// [`Stats`] as they are counted.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub connections: AtomicU64,
    pub frames: AtomicU64,
    pub repeated: AtomicU64,
    pub dropped: AtomicU64,
    pub overruns: AtomicU64,
    pub lateness_us: AtomicI64,
    /// How late the next picture is expected against its place, in nanoseconds.
    pub expected: AtomicI64,
    pub timing: Mutex<Timing>,
}

impl Counters {
    pub fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub fn read(&self) -> Stats {
        Stats {
            connections: self.connections.load(Ordering::Relaxed),
            frames: self.frames.load(Ordering::Relaxed),
            repeated: self.repeated.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            overruns: self.overruns.load(Ordering::Relaxed),
            lateness_us: self.lateness_us.load(Ordering::Relaxed),
        }
    }
}

/// The way to a sink, which can be closed for good: when [`Gate::close`] returns, no call is under way and none comes.
pub(crate) struct Gate(RwLock<Option<Arc<dyn Sink>>>);

impl Gate {
    pub fn new(sink: Arc<dyn Sink>) -> Arc<Self> {
        Arc::new(Self(RwLock::new(Some(sink))))
    }

    pub fn with(&self, call: impl FnOnce(&dyn Sink)) {
        if let Some(sink) = &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            call(&**sink);
        }
    }

    pub fn close(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
