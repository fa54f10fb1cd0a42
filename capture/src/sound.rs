//! A sound that belongs to no camera.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicI64},
};

use crate::{
    Clock, Error, LoudnessMeter, Sink, SoundConfig, Source, Speaker, State, bridge,
    bridge::{Bridge, Feed},
    camera::Parts,
    elements,
    ingest::{Intake, Needs},
    sink::Counters,
    supervise,
    sync::MS,
};

/// A sound that is running, from a source of its own, from a camera or from a program. Dropping it stops everything, in
/// bounded time; no call of its sink comes after that.
pub struct Sound {
    parts: Parts,
    meter: LoudnessMeter,
}

/// Where a camera puts its sound. The sound goes on, silent, when the camera stops, and another may take its place.
#[derive(Clone)]
pub struct Input(pub(crate) Arc<Bridge>);

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Input")
    }
}

/// The same sound's.
impl PartialEq for Input {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Input {}

impl Sound {
    /// Starts a sound that is received from `source`. It is silent while the source is absent.
    ///
    /// # Errors
    /// When the configuration cannot work, or GStreamer or the system refuses.
    pub fn start(config: SoundConfig, source: Source, clock: Clock, sink: Arc<dyn Sink>) -> Result<Self, Error> {
        config.check()?;
        elements::check(&source)?;
        let mut parts = Parts::new(sink);
        parts.gate.with(|sink| sink.state(State::Connecting));
        let offset = config.offset_ms * MS;
        let name = config.id.clone();
        let meter = LoudnessMeter::new();
        let sound = Some(parts.bridge(config, meter.clone(), &clock)?);
        let needs = Needs { pictures: None, coded: false, sound, capture_time: true };
        let offset = Arc::new(AtomicI64::new(offset));
        let intake = Intake::new(clock, needs, offset, Arc::clone(&parts.gate), Arc::new(Counters::default()));
        let stop = parts.stop.clone();
        parts.workers.push(supervise::run(name.as_str(), source, Arc::new(intake), stop)?);
        Ok(Self { parts, meter })
    }

    /// Starts a sound that a camera feeds, by way of the [`Input`]; silent until then. The offset is not read: the
    /// camera's own counts.
    ///
    /// # Errors
    /// When the configuration cannot work, or GStreamer or the system refuses.
    pub fn fed(config: SoundConfig, clock: Clock, sink: Arc<dyn Sink>) -> Result<(Self, Input), Error> {
        config.check()?;
        let mut parts = Parts::new(sink);
        let meter = LoudnessMeter::new();
        let bridge = parts.bridge(config, meter.clone(), &clock)?;
        Ok((Self { parts, meter }, Input(bridge)))
    }

    /// Starts a sound that a program makes. The offset is not read.
    ///
    /// # Errors
    /// When the configuration cannot work, or GStreamer or the system refuses.
    pub fn spoken(
        config: SoundConfig,
        speaker: Box<dyn Speaker>,
        clock: Clock,
        sink: Arc<dyn Sink>,
    ) -> Result<Self, Error> {
        config.check()?;
        let mut parts = Parts::new(sink);
        parts.gate.with(|sink| sink.state(State::Live));
        let first = bridge::first_sample(&clock);
        let (gate, stop, meter) = (Arc::clone(&parts.gate), parts.stop.clone(), LoudnessMeter::new());
        parts.workers.push(bridge::run(config, first, Feed::Speaker(speaker), meter.clone(), clock, gate, stop)?);
        Ok(Self { parts, meter })
    }

    pub(crate) fn parts(&mut self) -> &mut Parts {
        &mut self.parts
    }

    /// Reads how loud it is, for as long as it lives.
    pub fn loudness(&self) -> LoudnessMeter {
        self.meter.clone()
    }
}
