//! The process's one clock: monotonic, shared by all pipelines, read as media time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use gstreamer as gst;
use gstreamer::prelude::*;
use packager::MediaTime;

use crate::{Reference, reference::system_ahead};

/// Media time as it passes. All pipelines of the process share its GStreamer clock and base time, so that an instant
/// means the same in every camera, rendition and sound. Cloning is cheap; make one per process.
#[derive(Clone, Debug)]
pub struct Clock {
    clock: gst::Clock,
    base: gst::ClockTime,
    start: MediaTime,
    /// UTC less what the clock says, in nanoseconds.
    ahead: Arc<AtomicI64>,
}

impl Clock {
    /// Starts media time at `start`, now. `start` is best a segment's first instant: the run's first segment is whole.
    /// UTC is the system's, looked at once: what the system's clock does from now on moves nothing.
    ///
    /// [`init`](crate::init) comes first.
    pub fn start(start: MediaTime) -> Self {
        Self::by(start, Arc::new(AtomicI64::new(system_ahead())))
    }

    /// The same, with UTC as a clock that is followed tells it: what that clock does moves capture times, not media time.
    pub fn following(start: MediaTime, reference: &Reference) -> Self {
        Self::by(start, reference.ahead())
    }

    fn by(start: MediaTime, ahead: Arc<AtomicI64>) -> Self {
        let clock = gst::SystemClock::obtain();
        let base = clock.time();
        Self { clock, base, start, ahead }
    }

    /// The instant of media time at an instant of UTC, both in nanoseconds, as UTC is known now.
    pub(crate) fn at_utc(&self, utc: i64) -> i64 {
        let running =
            utc.saturating_sub(self.ahead.load(Ordering::Relaxed)).saturating_sub(signed(self.base.nseconds()));
        signed(self.start.0).saturating_add(running)
    }

    /// UTC now, in nanoseconds since 1970.
    pub(crate) fn utc(&self) -> i64 {
        self.ahead.load(Ordering::Relaxed).saturating_add(signed(self.clock.time().nseconds()))
    }

    /// The media time of this moment.
    pub fn now(&self) -> MediaTime {
        let running = self.clock.time().saturating_sub(self.base);
        MediaTime(self.start.0.saturating_add(running.nseconds()))
    }

    /// How long it is from now until `at`; nothing when it has passed.
    pub(crate) fn until(&self, at: MediaTime) -> Duration {
        Duration::from_nanos(at.0.saturating_sub(self.now().0))
    }

    /// Puts a pipeline that lives as long as the process on this clock and base time.
    pub(crate) fn attach(&self, pipeline: &gst::Pipeline) {
        pipeline.use_clock(Some(&self.clock));
        pipeline.set_start_time(gst::ClockTime::NONE);
        pipeline.set_base_time(self.base);
    }

    /// Puts a pipeline on this clock with a base time of its own, now: a file starts at running time 0.
    pub(crate) fn attach_from_now(&self, pipeline: &gst::Pipeline) {
        pipeline.use_clock(Some(&self.clock));
        pipeline.set_start_time(gst::ClockTime::NONE);
        pipeline.set_base_time(self.clock.time());
    }

    /// Nanoseconds of this clock's running time at an element's running time 0.
    pub(crate) fn shift_of(&self, element: &impl IsA<gst::Element>) -> i64 {
        let base = element.base_time().unwrap_or(self.base);
        signed(base.nseconds()).saturating_sub(signed(self.base.nseconds()))
    }
}

/// Nanoseconds as a signed number, so that differences are harmless.
pub(crate) fn signed(nanoseconds: u64) -> i64 {
    i64::try_from(nanoseconds).unwrap_or(i64::MAX)
}
