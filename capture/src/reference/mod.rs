//! Whose UTC it is: the system's, an NTP server's or a PTP grandmaster's. Media time passes by the machine's monotonic
//! clock, whatever these do: they say what time it is, not how fast it passes.

mod follow;
mod heard;
mod told;

use std::{
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use gstreamer as gst;
use gstreamer::prelude::*;

pub use follow::{Follow, UnknownClock};

use crate::{
    Error,
    clock::signed,
    worker::{Stop, Worker, lock},
};
use told::{News, Told};

/// A clock that was not heard for so long is lost.
const LOST: Duration = Duration::from_secs(10);

/// The clock that tells UTC. Dropped, it is followed no more, and what was told last holds.
#[derive(Debug)]
pub struct Reference {
    follow: Follow,
    shared: Arc<Shared>,
    stop: Stop,
}

/// What is known of a clock that is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is heard.
    InStep,
    /// It was not heard yet: UTC is the system's, as it was when the process began.
    Waiting,
    /// It is not heard any more: UTC goes on by this machine's monotonic clock.
    Lost,
}

#[derive(Debug)]
pub(super) struct Shared {
    name: String,
    /// UTC less the monotonic clock, in nanoseconds.
    pub ahead: Arc<AtomicI64>,
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Debug)]
struct State {
    told: Told,
    standing: Standing,
    /// When it was heard last, by the monotonic clock.
    heard: u64,
}

impl Standing {
    /// Its name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InStep => "in step",
            Self::Waiting => "waiting",
            Self::Lost => "lost",
        }
    }
}

impl Reference {
    /// Begins to follow a clock, and waits `patience` at most until it is heard. One that is not is waited for on the side.
    /// [`init`](crate::init) comes first.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn open(follow: Follow, patience: Duration) -> Result<Self, Error> {
        let ahead = Arc::new(AtomicI64::new(system_ahead()));
        let state = State { told: Told::default(), standing: Standing::Waiting, heard: monotonic() };
        let state = Mutex::new(state);
        let shared = Arc::new(Shared { name: follow.to_string(), ahead, state, news: Condvar::new() });
        let this = Self { follow, shared, stop: Stop::default() };
        if this.follow == Follow::System {
            lock(&this.shared.state).standing = Standing::InStep;
            return Ok(this);
        }
        let (follow, listener, stop) = (this.follow.clone(), Arc::clone(&this.shared), this.stop.clone());
        Worker::spawn("clock".into(), move || heard::listen(&follow, &listener, &stop))?;
        let waiting = |state: &mut State| state.standing == Standing::Waiting;
        let waited = this.shared.news.wait_timeout_while(lock(&this.shared.state), patience, waiting);
        let standing = waited.unwrap_or_else(PoisonError::into_inner).0.standing;
        if standing == Standing::Waiting {
            tracing::warn!(
                clock = %this.follow,
                "not heard within {} s: UTC is the system's until it is",
                patience.as_secs()
            );
        }
        Ok(this)
    }

    /// The clock that is followed.
    pub fn follow(&self) -> &Follow {
        &self.follow
    }

    /// What is known of it.
    pub fn standing(&self) -> Standing {
        lock(&self.shared.state).standing
    }

    /// UTC now by this clock, in nanoseconds since 1970.
    pub fn utc(&self) -> i64 {
        self.shared.ahead.load(Ordering::Relaxed).saturating_add(signed(monotonic()))
    }

    /// How far this clock is ahead of the system's, in nanoseconds.
    pub fn ahead_of_system(&self) -> i64 {
        self.shared.ahead.load(Ordering::Relaxed).saturating_sub(system_ahead())
    }

    pub(crate) fn ahead(&self) -> Arc<AtomicI64> {
        Arc::clone(&self.shared.ahead)
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        self.stop.stop();
    }
}

impl Shared {
    /// UTC is told.
    pub fn hear(&self, ahead: i64) {
        let mut state = lock(&self.state);
        let news = state.told.hear(ahead);
        if let Some(known) = state.told.ahead() {
            self.ahead.store(known, Ordering::Relaxed);
        }
        state.heard = monotonic();
        let before = std::mem::replace(&mut state.standing, Standing::InStep);
        drop(state);
        self.news.notify_all();
        if let News::Stepped(by) = news {
            let by = by as f64 / 1e9;
            tracing::warn!(clock = self.name, "stepped by {by:+.3} s: capture times follow it, nothing on air moves");
        }
        if before != Standing::InStep {
            let off = ahead.saturating_sub(system_ahead()) as f64 / 1e9;
            tracing::info!(clock = self.name, "in step; {off:+.3} s from the system's clock");
        }
    }

    /// Time has passed.
    pub fn pass(&self) {
        let mut state = lock(&self.state);
        let silent = Duration::from_nanos(monotonic().saturating_sub(state.heard));
        if state.standing == Standing::InStep && silent > LOST {
            state.standing = Standing::Lost;
            let seconds = LOST.as_secs();
            tracing::warn!(clock = self.name, "not heard for {seconds} s: UTC goes on by this machine's clock");
        }
    }
}

/// The machine's monotonic clock, as all pipelines read it.
pub(crate) fn monotonic() -> u64 {
    gst::SystemClock::obtain().time().nseconds()
}

/// The system's UTC less the monotonic clock, in nanoseconds.
pub(crate) fn system_ahead() -> i64 {
    let utc = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(utc.as_nanos()).unwrap_or(i64::MAX).saturating_sub(signed(monotonic()))
}
