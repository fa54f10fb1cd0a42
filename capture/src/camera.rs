//! One camera: its source, its synchroniser and its ladder.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    Clock, Config, Error, LoudnessMeter, Meter, Mosaic, Painter, Sink, Sound, SoundConfig, Source, Stats, bridge,
    bridge::{Bridge, Feed},
    clock::signed,
    config::check_offset,
    elements,
    ingest::{Intake, Needs, Pictures},
    ladder::{Ladder, Stopper},
    mailbox::{Mailbox, Taken},
    mosaic::{self, Window},
    painter,
    sink::{Counters, Gate},
    supervise,
    sync::{MS, Regrid},
    worker::{Stop, Worker},
};

/// How long stopping cameras and sounds may take, however many; what is stuck in a library by then ends by itself later.
const PATIENCE: Duration = Duration::from_secs(2);

/// A camera that is running. Dropping it stops everything, in bounded time; no call of its sink comes after that.
/// (So a sink must not drop its own camera.)
pub struct Camera {
    counters: Arc<Counters>,
    parts: Parts,
}

/// What has to be ended, in this order.
pub(crate) struct Parts {
    pub gate: Arc<Gate>,
    pub stop: Stop,
    pub ladder: Option<Stopper>,
    pub mailbox: Option<Arc<dyn Close>>,
    pub reception: Option<Reception>,
    pub workers: Vec<Worker>,
    /// Until when its end is waited for, once it was told to end.
    until: Option<Instant>,
}

/// What receives, and can be replaced while everything else goes on.
pub(crate) struct Reception {
    name: String,
    intake: Arc<Intake>,
    /// How late the source delivers, in nanoseconds.
    offset: Arc<AtomicI64>,
    stop: Stop,
    worker: Worker,
    /// Until when its end is waited for, once it was told to end.
    until: Option<Instant>,
}

impl Reception {
    fn start(name: &str, source: Source, intake: Arc<Intake>, offset: Arc<AtomicI64>) -> Result<Self, Error> {
        let stop = Stop::default();
        let worker = supervise::run(name, source, Arc::clone(&intake), stop.clone())?;
        Ok(Self { name: name.to_owned(), intake, offset, stop, worker, until: None })
    }

    fn leave(&mut self) -> Instant {
        self.stop.stop();
        *self.until.get_or_insert_with(|| Instant::now() + PATIENCE)
    }

    fn replace(&mut self, source: Source, offset: i64) -> Result<(), Error> {
        let until = self.leave();
        self.worker.join_until(until);
        self.offset.store(offset, Ordering::Relaxed);
        self.intake.replaced();
        *self = Self::start(&self.name, source, Arc::clone(&self.intake), Arc::clone(&self.offset))?;
        Ok(())
    }
}

/// A mailbox of anything.
pub(crate) trait Close: Send + Sync {
    fn close(&self);
}

impl<T: Send> Close for Mailbox<T> {
    fn close(&self) {
        Mailbox::close(self);
    }
}

impl Camera {
    /// Starts a camera that is received from `source`: it is connected to, and reconnected to, for as long as the
    /// camera lives.
    ///
    /// # Errors
    /// When the configuration cannot work, or GStreamer or the system refuses. A source that does not answer is no
    /// error: it is [`State::Lost`](crate::State::Lost).
    pub fn start(config: Config, source: Source, clock: Clock, sink: Arc<dyn Sink>) -> Result<Self, Error> {
        config.check()?;
        elements::check(&source)?;
        let counters = Arc::new(Counters::default());
        let mut parts = Parts::new(sink);
        parts.gate.with(|sink| sink.state(crate::State::Connecting));
        let offset = Arc::new(AtomicI64::new(config.offset_ms * MS));
        let sound = config.sound.as_ref().map(|sound| Arc::clone(&sound.0));
        let mut pictures = None;
        if let Some(canvas) = config.canvas() {
            let mailbox = Arc::new(Mailbox::new());
            let ladder = Ladder::start(config.clone(), clock.clone(), Arc::clone(&parts.gate))?;
            parts.ladder = Some(ladder.stopper());
            parts.mailbox = Some(mailbox.clone());
            pictures = Some(Pictures { canvas, grid: config.grid, mailbox: mailbox.clone() });
            let regrid = Regrid::new(config.grid, config.offset_ms * MS);
            counters.expected.store(config.offset_ms * MS, Ordering::Relaxed);
            let (counters, clock) = (Arc::clone(&counters), clock.clone());
            let (name, window) = (format!("{}-sync", config.id), Window::of(&config));
            let work = move || synchronise(&mailbox, &clock, regrid, ladder, window.as_ref(), &counters);
            parts.workers.push(Worker::spawn(name, work)?);
        }
        let needs = Needs { pictures, coded: config.passthrough, sound, capture_time: config.capture_time };
        let intake = Intake::new(clock, needs, Arc::clone(&offset), Arc::clone(&parts.gate), Arc::clone(&counters));
        parts.reception = Some(Reception::start(config.id.as_str(), source, Arc::new(intake), offset)?);
        Ok(Self { counters, parts })
    }

    /// Tells its source to end, without waiting for that. [`receive`](Self::receive) then waits for what is left: so
    /// several cameras take no longer than the slowest.
    pub fn leave(&mut self) {
        if let Some(reception) = &mut self.parts.reception {
            reception.leave();
        }
    }

    /// Receives from another source, or from one that is late by another measure. The ladder, the sound and their
    /// numbers go on: what is not received meanwhile is missing as with any loss. Takes as long as the present source
    /// takes to stop.
    ///
    /// # Errors
    /// When the offset cannot be, the camera is painted, an element is missing, or the system refuses. The camera has ended
    /// then: pictures of a source that it no longer has would be shown as those of the other.
    pub fn receive(mut self, source: Source, offset_ms: i64) -> Result<Self, Error> {
        check_offset(offset_ms)?;
        elements::check(&source)?;
        match &mut self.parts.reception {
            Some(reception) => reception.replace(source, offset_ms * MS)?,
            None => return Err(Error::Config { expected: "a camera that is received", found: "a painted one".into() }),
        }
        Ok(self)
    }

    /// Starts a camera whose pictures are painted. Passthrough and the offset have no meaning for it; its sound, if
    /// there is to be one, is a [`Sound::spoken`](crate::Sound::spoken).
    ///
    /// # Errors
    /// When the configuration cannot work, or GStreamer or the system refuses.
    pub fn painted(
        config: Config,
        painter: Box<dyn Painter>,
        clock: Clock,
        sink: Arc<dyn Sink>,
    ) -> Result<Self, Error> {
        config.check()?;
        if config.rungs.is_empty() || config.passthrough || config.sound.is_some() {
            let found = "passthrough, a sound or no rungs".into();
            return Err(Error::Config { expected: "a painted camera with rungs and nothing else", found });
        }
        let counters = Arc::new(Counters::default());
        let mut parts = Parts::new(sink);
        let ladder = Ladder::start(config.clone(), clock.clone(), Arc::clone(&parts.gate))?;
        parts.ladder = Some(ladder.stopper());
        let (gate, stop) = (Arc::clone(&parts.gate), parts.stop.clone());
        parts.workers.push(painter::run(painter, &config, clock, ladder, gate, Arc::clone(&counters), stop)?);
        Ok(Self { counters, parts })
    }

    /// Starts a camera that shows what others leave in `mosaic`. It has rungs, and nothing else of `config` has a meaning.
    ///
    /// # Errors
    /// When the configuration cannot work, or GStreamer or the system refuses.
    pub fn mosaic(config: Config, mosaic: &Mosaic, clock: Clock, sink: Arc<dyn Sink>) -> Result<Self, Error> {
        config.check()?;
        if config.rungs.is_empty() || config.passthrough || config.sound.is_some() {
            let found = "passthrough, a sound or no rungs".into();
            return Err(Error::Config { expected: "a mosaic with rungs and nothing else", found });
        }
        let counters = Arc::new(Counters::default());
        let mut parts = Parts::new(sink);
        let ladder = Ladder::start(config.clone(), clock.clone(), Arc::clone(&parts.gate))?;
        parts.ladder = Some(ladder.stopper());
        let (gate, stop) = (Arc::clone(&parts.gate), parts.stop.clone());
        parts.workers.push(mosaic::run(mosaic, &config, clock, ladder, gate, Arc::clone(&counters), stop)?);
        Ok(Self { counters, parts })
    }

    /// What has happened since the start.
    pub fn stats(&self) -> Stats {
        self.counters.read()
    }

    /// The same for whoever does not hold the camera.
    pub fn meter(&self) -> Meter {
        Meter(Arc::clone(&self.counters))
    }
}

/// Stops all of these at once: however many are stuck in a library, it takes no longer than one of them.
pub fn stop(mut cameras: Vec<Camera>, mut sounds: Vec<Sound>) {
    let parts = cameras.iter_mut().map(|camera| &mut camera.parts).chain(sounds.iter_mut().map(Sound::parts));
    for parts in parts {
        parts.end();
    }
}

impl Parts {
    pub fn new(sink: Arc<dyn Sink>) -> Self {
        let (gate, stop) = (Gate::new(sink), Stop::default());
        Self { gate, stop, ladder: None, mailbox: None, reception: None, workers: Vec::new(), until: None }
    }

    /// Tells everything to end, once, and waits for nothing.
    fn end(&mut self) -> Instant {
        if let Some(until) = self.until {
            return until;
        }
        self.gate.close();
        self.stop.stop();
        if let Some(reception) = &self.reception {
            reception.stop.stop();
        }
        if let Some(mailbox) = &self.mailbox {
            mailbox.close();
        }
        if let Some(ladder) = &self.ladder {
            ladder.stop();
        }
        *self.until.insert(Instant::now() + PATIENCE)
    }

    /// Starts the encoder of a received sound.
    pub fn bridge(&mut self, config: SoundConfig, meter: LoudnessMeter, clock: &Clock) -> Result<Arc<Bridge>, Error> {
        let first = bridge::first_sample(clock);
        let bridge = Arc::new(Bridge::new(first));
        let feed = Feed::Bridge(Arc::clone(&bridge));
        let (gate, stop) = (Arc::clone(&self.gate), self.stop.clone());
        self.workers.push(bridge::run(config, first, feed, meter, clock.clone(), gate, stop)?);
        Ok(bridge)
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        let until = self.end();
        let receiving = self.reception.iter().map(|reception| &reception.worker);
        self.workers.iter().chain(receiving).for_each(|worker| worker.join_until(until));
    }
}

/// The synchroniser's thread: pictures as they come, and time as it passes.
fn synchronise(
    mailbox: &Mailbox<(i64, gstreamer::Buffer)>,
    clock: &Clock,
    mut regrid: Regrid<gstreamer::Buffer>,
    mut ladder: Ladder,
    window: Option<&Window>,
    counters: &Counters,
) {
    let mut emit = |frame: u64, picture: &gstreamer::Buffer| {
        if let Some(window) = window {
            window.show(frame, picture, counters.expected.load(Ordering::Relaxed));
        }
        ladder.push(frame, picture);
    };
    loop {
        regrid.offset = counters.expected.load(Ordering::Relaxed);
        match mailbox.take(regrid.deadline().map(|at| clock.until(at))) {
            Taken::Item((at, picture)) => regrid.frame(at, picture, &mut emit),
            Taken::Nothing => regrid.tick(signed(clock.now().0), &mut emit),
            Taken::Closed => return,
        }
        counters.repeated.store(regrid.repeated, Ordering::Relaxed);
        counters.dropped.store(regrid.dropped, Ordering::Relaxed);
    }
}
