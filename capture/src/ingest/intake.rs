//! What every connection of a camera feeds, and what is known of the present one.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use gstreamer as gst;
use gstreamer_app as app;
use packager::Grid;

use crate::{
    Clock, Rung, State,
    bridge::Bridge,
    clock::signed,
    h264,
    mailbox::Mailbox,
    passthrough::Passthrough,
    sink::{Counters, Gate},
    sync::{Placement, Stream},
    worker::lock,
};

/// Takes what a connection delivers, places it, and passes it on. Lives as long as the camera or sound.
pub(crate) struct Intake {
    pub clock: Clock,
    pub needs: Needs,
    pub activity: Activity,
    gate: Arc<Gate>,
    counters: Arc<Counters>,
    /// How late the source delivers, in nanoseconds.
    offset: Arc<AtomicI64>,
    placement: Mutex<Placement>,
    passthrough: Option<Mutex<Passthrough>>,
    refused: Mutex<Option<String>>,
    lost: Mutex<Option<String>>,
}

/// What is wanted from a source.
pub(crate) struct Needs {
    /// Decoded pictures.
    pub pictures: Option<Pictures>,
    /// The camera's own bitstream.
    pub coded: bool,
    /// Decoded sound.
    pub sound: Option<Arc<Bridge>>,
}

/// Where decoded pictures go.
pub(crate) struct Pictures {
    /// The size that they are to have.
    pub canvas: Rung,
    pub grid: Grid,
    /// Takes them with their place on media time.
    pub mailbox: Arc<Mailbox<(i64, gst::Buffer)>>,
}

/// When a connection last gave signs of life, in nanoseconds of media time.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    started: AtomicI64,
    bytes: AtomicI64,
    output: AtomicI64,
    connected: AtomicI64,
    live: AtomicBool,
}

/// [`Activity`] read at one moment; ages in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// Since the attempt began.
    pub started: i64,
    /// Since a peer is known to be there, if one is.
    pub connected: Option<i64>,
    /// Since the last byte, if any came.
    pub bytes: Option<i64>,
    /// Since the last frame or block that was of use, if any came.
    pub output: Option<i64>,
}

impl Intake {
    /// `offset` is how late the source delivers, in nanoseconds; read at each connection.
    pub fn new(clock: Clock, needs: Needs, offset: Arc<AtomicI64>, gate: Arc<Gate>, counters: Arc<Counters>) -> Self {
        Self {
            activity: Activity::default(),
            placement: Mutex::new(Placement::new(needs.master(), offset.load(Ordering::Relaxed))),
            passthrough: needs.coded.then(|| Mutex::new(Passthrough::new(Arc::clone(&gate)))),
            refused: Mutex::new(None),
            lost: Mutex::new(None),
            clock,
            needs,
            gate,
            counters,
            offset,
        }
    }

    /// A new attempt to reach the source begins.
    pub fn connecting(&self) {
        let offset = self.offset.load(Ordering::Relaxed);
        *lock(&self.placement) = Placement::new(self.needs.master(), offset);
        // The one who comes back may have been set right, and if not is told again.
        *lock(&self.refused) = None;
        if let Some(passthrough) = &self.passthrough {
            lock(passthrough).connected();
        }
        if let Some(bridge) = &self.needs.sound {
            bridge.connected(offset);
        }
        self.activity.begin(self.now());
    }

    /// Another source takes this one's place: it is connected to, and may be lost for the same reasons.
    pub fn replaced(&self) {
        self.activity.live.store(false, Ordering::Relaxed);
        *lock(&self.lost) = None;
        self.gate.with(|sink| sink.state(State::Connecting));
    }

    /// The source is gone. Said once per reason until it is back.
    pub fn lost(&self, why: &str) {
        self.activity.live.store(false, Ordering::Relaxed);
        let mut lost = lock(&self.lost);
        if lost.as_deref() != Some(why) {
            *lost = Some(why.to_owned());
            self.gate.with(|sink| sink.state(State::Lost { why: why.to_owned() }));
        }
    }

    /// The source cannot be passed through. Said once per reason.
    pub fn refuse(&self, why: &str) {
        let mut refused = lock(&self.refused);
        if refused.as_deref() != Some(why) {
            *refused = Some(why.to_owned());
            self.gate.with(|sink| sink.state(State::Refused { why: why.to_owned() }));
        }
    }

    /// A peer is there.
    pub fn connected(&self) {
        self.activity.connected.store(self.now(), Ordering::Relaxed);
    }

    /// Bytes have come from the network.
    pub fn bytes(&self) {
        self.activity.bytes.store(self.now(), Ordering::Relaxed);
    }

    /// A file begins again, and what is expected of a new connection is expected of it.
    pub fn rewound(&self) {
        self.activity.begin(self.now());
    }

    /// How the connection is doing.
    pub fn progress(&self) -> Progress {
        self.activity.progress(self.now())
    }

    /// Takes a decoded picture.
    pub fn picture(&self, sink: &app::AppSink) -> Result<gst::FlowSuccess, gst::FlowError> {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let (Some(buffer), Some(pictures)) = (sample.buffer_owned(), &self.needs.pictures) else {
            return Err(gst::FlowError::Error);
        };
        let at = self.place(Stream::Picture, sink, &sample, buffer.pts());
        self.counters.lateness_us.store(self.now().saturating_sub(at) / 1_000, Ordering::Relaxed);
        Counters::add(&self.counters.frames);
        if pictures.mailbox.put((at, buffer)) {
            Counters::add(&self.counters.overruns);
        }
        self.output();
        Ok(gst::FlowSuccess::Ok)
    }

    /// Takes an access unit as the camera made it.
    pub fn coded(&self, sink: &app::AppSink) -> Result<gst::FlowSuccess, gst::FlowError> {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let (Some(buffer), Some(passthrough)) = (sample.buffer(), &self.passthrough) else {
            return Err(gst::FlowError::Error);
        };
        let now = self.now();
        let base = self.clock.shift_of(sink);
        let source = |time| h264::running_time(&sample, time).map(|time| time.saturating_add(base));
        let pts = source(buffer.pts()).or_else(|| source(buffer.dts())).unwrap_or(now);
        let dts = source(buffer.dts()).unwrap_or(pts);
        let (unwrapped, delay) = {
            let mut placement = lock(&self.placement);
            (placement.unwrap(Stream::Coded, pts, now), placement.delay().unwrap_or_default())
        };
        let dts = dts.saturating_add(unwrapped.saturating_sub(pts));
        let passed = lock(passthrough).unit(sample, unwrapped, dts, delay);
        if passed.is_some() && self.needs.pictures.is_none() {
            Counters::add(&self.counters.frames);
            self.output();
        }
        Ok(gst::FlowSuccess::Ok)
    }

    /// Takes a block of decoded sound.
    pub fn samples(&self, sink: &app::AppSink) -> Result<gst::FlowSuccess, gst::FlowError> {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let (Some(buffer), Some(bridge)) = (sample.buffer(), &self.needs.sound) else {
            return Err(gst::FlowError::Error);
        };
        let map = buffer.map_readable().map_err(|_| gst::FlowError::Error)?;
        let values: Vec<i16> = map.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
        let at = self.place(Stream::Sound, sink, &sample, buffer.pts());
        bridge.push(at, &values, self.clock.now());
        if self.needs.master() == Stream::Sound {
            self.output();
        }
        Ok(gst::FlowSuccess::Ok)
    }

    fn place(&self, stream: Stream, sink: &app::AppSink, sample: &gst::Sample, pts: Option<gst::ClockTime>) -> i64 {
        let now = self.now();
        let source = h264::running_time(sample, pts).map(|pts| pts.saturating_add(self.clock.shift_of(sink)));
        lock(&self.placement).place(stream, source, now)
    }

    fn now(&self) -> i64 {
        signed(self.clock.now().0)
    }

    /// Something of use has come out.
    fn output(&self) {
        self.activity.output.store(self.now(), Ordering::Relaxed);
        if !self.activity.live.swap(true, Ordering::Relaxed) {
            Counters::add(&self.counters.connections);
            *lock(&self.lost) = None;
            self.gate.with(|sink| sink.state(State::Live));
        }
    }
}

impl Needs {
    /// The stream whose arrivals say how late the source is.
    fn master(&self) -> Stream {
        match self {
            Self { pictures: Some(_), .. } => Stream::Picture,
            Self { coded: true, .. } => Stream::Coded,
            _ => Stream::Sound,
        }
    }
}

impl Activity {
    fn begin(&self, now: i64) {
        self.started.store(now, Ordering::Relaxed);
        self.bytes.store(i64::MIN, Ordering::Relaxed);
        self.output.store(i64::MIN, Ordering::Relaxed);
        self.connected.store(i64::MIN, Ordering::Relaxed);
    }

    fn progress(&self, now: i64) -> Progress {
        let age = |at: &AtomicI64| match at.load(Ordering::Relaxed) {
            i64::MIN => None,
            at => Some(now.saturating_sub(at)),
        };
        Progress {
            started: age(&self.started).unwrap_or(0),
            connected: age(&self.connected),
            bytes: age(&self.bytes),
            output: age(&self.output),
        }
    }
}
