//! What every connection of a camera feeds, and what is known of the present one.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use gstreamer as gst;
use gstreamer_app as app;
use packager::Grid;

use crate::{
    Basis, Clock, Rung, State, Timing,
    bridge::Bridge,
    clock::signed,
    h264,
    mailbox::Mailbox,
    passthrough::Passthrough,
    sink::{Counters, Gate},
    sync::{Jumps, Placement, Stream},
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
    jumps: Mutex<Jumps>,
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
    /// Whether capture time that the source sends along places it.
    pub capture_time: bool,
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
    first_bytes: AtomicI64,
    bytes: AtomicI64,
    output: AtomicI64,
    frozen: AtomicI64,
    connected: AtomicI64,
    live: AtomicBool,
}

/// The time of what has not happened.
const NEVER: i64 = i64::MIN;

/// [`Activity`] read at one moment; ages in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// Since the attempt began.
    pub started: i64,
    /// Since a peer is known to be there, if one is.
    pub connected: Option<i64>,
    /// Since the first byte, if any came.
    pub first_bytes: Option<i64>,
    /// Since the last byte, if any came.
    pub bytes: Option<i64>,
    /// Since the last frame or block that was of use, if any came.
    pub output: Option<i64>,
    /// Since the last one with the timestamp of the one before, if any came.
    pub frozen: Option<i64>,
}

impl Intake {
    /// `offset` is how late the source delivers, in nanoseconds; read at each connection.
    pub fn new(clock: Clock, needs: Needs, offset: Arc<AtomicI64>, gate: Arc<Gate>, counters: Arc<Counters>) -> Self {
        Self {
            activity: Activity::default(),
            placement: Mutex::new(Placement::new(needs.master(), offset.load(Ordering::Relaxed), needs.capture_time)),
            jumps: Mutex::default(),
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

    /// A new attempt to reach the source begins. `paced`: it comes at the pace of our own clock.
    pub fn connecting(&self, paced: bool) {
        let offset = self.offset.load(Ordering::Relaxed);
        let placement = Placement::new(self.needs.master(), offset, self.needs.capture_time);
        *lock(&self.placement) = if paced { placement.without_drift() } else { placement };
        *lock(&self.counters.timing) = Timing::default();
        self.counters.expected.store(offset, Ordering::Relaxed);
        *lock(&self.jumps) = Jumps::default();
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

    /// Pictures come, and cannot be used. Said once per reason, until one comes that can.
    pub fn unusable(&self, why: &str) {
        self.activity.output.store(self.now(), Ordering::Relaxed);
        self.activity.live.store(false, Ordering::Relaxed);
        self.refuse(why);
    }

    /// A peer is there.
    pub fn connected(&self) {
        self.activity.connected.store(self.now(), Ordering::Relaxed);
    }

    /// Bytes have come from the network.
    pub fn bytes(&self) {
        let now = self.now();
        if self.activity.bytes.swap(now, Ordering::Relaxed) == NEVER {
            self.activity.first_bytes.store(now, Ordering::Relaxed);
        }
    }

    /// Whether pictures (or sound, of a sound) are coming.
    pub fn is_live(&self) -> bool {
        self.activity.live.load(Ordering::Relaxed)
    }

    /// A file begins again, and what is expected of a new connection is expected of it.
    pub fn rewound(&self) {
        self.activity.begin(self.now());
    }

    /// How the connection is doing.
    pub fn progress(&self) -> Progress {
        self.activity.progress(self.now())
    }

    /// By the source's word, what it times `source` and has just arrived was captured at UTC `utc`, all in nanoseconds.
    pub fn captured(&self, basis: Basis, source: i64, utc: i64) {
        let now = self.now();
        let at = self.clock.at_utc(utc);
        let mut placement = lock(&self.placement);
        placement.captured(basis, source, at, now);
        self.counters.expected.store(placement.lateness(), Ordering::Relaxed);
    }

    /// The source says nothing any more of when things were captured.
    pub fn uncaptured(&self) {
        let mut placement = lock(&self.placement);
        placement.uncaptured();
        self.counters.expected.store(placement.lateness(), Ordering::Relaxed);
    }

    /// What is to be added to the timestamps of a picture that has arrived and is not yet decoded: its clock's jumps taken
    /// out. All in nanoseconds.
    pub fn jumps(&self, source: i64) -> i64 {
        let shift = lock(&self.jumps).shift(source, self.now());
        lock(&self.placement).shifted(shift);
        shift
    }

    /// Takes a decoded picture.
    pub fn picture(&self, sink: &app::AppSink) -> Result<gst::FlowSuccess, gst::FlowError> {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let (Some(buffer), Some(pictures)) = (sample.buffer_owned(), &self.needs.pictures) else {
            return Err(gst::FlowError::Error);
        };
        let Some(at) = self.place(Stream::Picture, sink, &sample, buffer.pts()) else {
            return Ok(gst::FlowSuccess::Ok);
        };
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
            let Some(unwrapped) = placement.unwrap(Stream::Coded, pts, now) else {
                self.frozen(Stream::Coded);
                return Ok(gst::FlowSuccess::Ok);
            };
            (unwrapped, placement.delay().unwrap_or_default())
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
        let Some(at) = self.place(Stream::Sound, sink, &sample, buffer.pts()) else {
            return Ok(gst::FlowSuccess::Ok);
        };
        let late = lock(&self.placement).lateness();
        bridge.push(at, &values, late, self.clock.now());
        if self.needs.master() == Stream::Sound {
            self.output();
        }
        Ok(gst::FlowSuccess::Ok)
    }

    /// Nothing when the source's clock stands still.
    fn place(
        &self,
        stream: Stream,
        sink: &app::AppSink,
        sample: &gst::Sample,
        pts: Option<gst::ClockTime>,
    ) -> Option<i64> {
        let now = self.now();
        let source = h264::running_time(sample, pts).map(|pts| pts.saturating_add(self.clock.shift_of(sink)));
        let at = lock(&self.placement).place(stream, source, now);
        if at.is_none() {
            self.frozen(stream);
        }
        at
    }

    fn frozen(&self, stream: Stream) {
        if stream == self.needs.master() {
            self.activity.frozen.store(self.now(), Ordering::Relaxed);
        }
    }

    fn now(&self) -> i64 {
        signed(self.clock.now().0)
    }

    /// Something of use has come out. One frame is no stream yet: a clock that stands still gives one a connection.
    fn output(&self) {
        *lock(&self.counters.timing) = lock(&self.placement).timing();
        let first = self.activity.output.swap(self.now(), Ordering::Relaxed) == NEVER;
        if !first && !self.activity.live.swap(true, Ordering::Relaxed) {
            Counters::add(&self.counters.connections);
            *lock(&self.lost) = None;
            *lock(&self.refused) = None;
            self.gate.with(|sink| sink.state(State::Live));
        }
    }
}

impl Needs {
    /// The stream whose arrivals say how late the source is.
    pub fn master(&self) -> Stream {
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
        for since in [&self.first_bytes, &self.bytes, &self.output, &self.frozen, &self.connected] {
            since.store(NEVER, Ordering::Relaxed);
        }
    }

    fn progress(&self, now: i64) -> Progress {
        let age = |at: &AtomicI64| match at.load(Ordering::Relaxed) {
            NEVER => None,
            at => Some(now.saturating_sub(at)),
        };
        Progress {
            started: age(&self.started).unwrap_or(0),
            connected: age(&self.connected),
            first_bytes: age(&self.first_bytes),
            bytes: age(&self.bytes),
            output: age(&self.output),
            frozen: age(&self.frozen),
        }
    }
}
