//! One camera: its source, its synchroniser and its ladder.

use std::{sync::Arc, time::Duration};

use crate::{
    Clock, Config, Error, Meter, Painter, Sink, Source, Stats, bridge,
    bridge::{Bridge, Feed},
    clock::signed,
    ingest::{Intake, Needs, Pictures},
    ladder::{Ladder, Stopper},
    mailbox::{Mailbox, Taken},
    painter,
    sink::{Counters, Gate},
    supervise,
    sync::{MS, Regrid},
    worker::{Stop, Worker},
};

/// How long dropping a camera may take; what is stuck in a library by then ends by itself later.
const PATIENCE: Duration = Duration::from_secs(2);

/// A camera that is running. Dropping it stops everything, in bounded time; no call of its sink comes after that.
/// (So a sink must not drop its own camera.)
pub struct Camera {
    counters: Arc<Counters>,
    _parts: Parts,
}

/// What has to be ended, in this order.
pub(crate) struct Parts {
    pub gate: Arc<Gate>,
    pub stop: Stop,
    pub ladder: Option<Stopper>,
    pub mailbox: Option<Arc<dyn Close>>,
    pub workers: Vec<Worker>,
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
        let counters = Arc::new(Counters::default());
        let mut parts = Parts::new(sink);
        parts.gate.with(|sink| sink.state(crate::State::Connecting));
        let offset = config.offset_ms * MS;
        let sound = match &config.sound {
            Some(sound) => Some(parts.bridge(sound.clone(), offset, &clock)?),
            None => None,
        };
        let mut pictures = None;
        if let Some(canvas) = config.canvas() {
            let mailbox = Arc::new(Mailbox::new());
            let ladder = Ladder::start(config.clone(), clock.clone(), Arc::clone(&parts.gate))?;
            parts.ladder = Some(ladder.stopper());
            parts.mailbox = Some(mailbox.clone());
            pictures = Some(Pictures { canvas, grid: config.grid, mailbox: mailbox.clone() });
            let regrid = Regrid::new(config.grid, offset);
            let (counters, clock) = (Arc::clone(&counters), clock.clone());
            let name = format!("{}-sync", config.id);
            parts.workers.push(Worker::spawn(name, move || synchronise(&mailbox, &clock, regrid, ladder, &counters))?);
        }
        let needs = Needs { pictures, coded: config.passthrough, sound };
        let intake = Intake::new(clock, needs, offset, Arc::clone(&parts.gate), Arc::clone(&counters));
        let stop = parts.stop.clone();
        parts.workers.push(supervise::run(config.id.as_str(), source, Arc::new(intake), stop)?);
        Ok(Self { counters, _parts: parts })
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
        Ok(Self { counters, _parts: parts })
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

impl Parts {
    pub fn new(sink: Arc<dyn Sink>) -> Self {
        let (gate, stop) = (Gate::new(sink), Stop::default());
        Self { gate, stop, ladder: None, mailbox: None, workers: Vec::new() }
    }

    /// Starts the encoder of a received sound.
    pub fn bridge(&mut self, config: crate::SoundConfig, offset: i64, clock: &Clock) -> Result<Arc<Bridge>, Error> {
        let first = bridge::first_sample(clock);
        let bridge = Arc::new(Bridge::new(first, offset));
        let feed = Feed::Bridge(Arc::clone(&bridge));
        let (gate, stop) = (Arc::clone(&self.gate), self.stop.clone());
        self.workers.push(bridge::run(config, first, feed, clock.clone(), gate, stop)?);
        Ok(bridge)
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        self.gate.close();
        self.stop.stop();
        if let Some(mailbox) = &self.mailbox {
            mailbox.close();
        }
        if let Some(ladder) = &self.ladder {
            ladder.stop();
        }
        self.workers.iter().for_each(|worker| worker.join_within(PATIENCE));
    }
}

/// The synchroniser's thread: pictures as they come, and time as it passes.
fn synchronise(
    mailbox: &Mailbox<(i64, gstreamer::Buffer)>,
    clock: &Clock,
    mut regrid: Regrid<gstreamer::Buffer>,
    mut ladder: Ladder,
    counters: &Counters,
) {
    use std::sync::atomic::Ordering::Relaxed;
    let mut emit = |frame: u64, picture: &gstreamer::Buffer| ladder.push(frame, picture);
    loop {
        match mailbox.take(regrid.deadline().map(|at| clock.until(at))) {
            Taken::Item((at, picture)) => regrid.frame(at, picture, &mut emit),
            Taken::Nothing => regrid.tick(signed(clock.now().0), &mut emit),
            Taken::Closed => return,
        }
        counters.repeated.store(regrid.repeated, Relaxed);
        counters.dropped.store(regrid.dropped, Relaxed);
    }
}
