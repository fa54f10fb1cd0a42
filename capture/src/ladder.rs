//! The ladder: one picture per grid slot in, an encoded frame per slot and rung out. It outlives every source.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as app;
use packager::{Grid, MediaTime, Unit};

use crate::{
    Clock, Config, Error, Output, Rung,
    elements::{Limit, chain, make, queue},
    engine, h264,
    sink::Gate,
    worker::lock,
};

/// Pictures in front of the encoders before pushing waits.
const BACKLOG: u64 = 4;
/// Running time of a ladder's first frame: 1000 h. x264enc moves earlier timestamps to there, and GStreamer 1.22 then
/// compares moved with unmoved ones when a key frame is asked for, and makes none but the first.
pub(crate) const EPOCH: u64 = 1_000 * 3_600 * MediaTime::SECOND;
/// After a failure of the encoders.
const RETRY: Duration = Duration::from_secs(1);

/// Encodes pictures that stand on the grid. Should an encoder fail, all are made again at the next segment.
pub(crate) struct Ladder {
    config: Config,
    clock: Clock,
    gate: Arc<Gate>,
    running: Option<Running>,
    retry: Option<Instant>,
    stopper: Stopper,
}

/// Ends a ladder from another thread, also while [`Ladder::push`] waits.
#[derive(Clone, Default)]
pub(crate) struct Stopper(Arc<Mutex<Stopping>>);

#[derive(Default)]
struct Stopping {
    stopped: bool,
    pipeline: Option<gst::Pipeline>,
}

struct Running {
    pipeline: gst::Pipeline,
    input: app::AppSrc,
    /// The frame whose running time is [`EPOCH`].
    epoch: u64,
}

impl Ladder {
    /// Starts the encoders, so that what cannot work is known at once.
    pub fn start(config: Config, clock: Clock, gate: Arc<Gate>) -> Result<Self, Error> {
        let epoch = config.grid.nearest_frame(clock.now());
        let running = Running::start(&config, &clock, &gate, epoch)?;
        let stopper = Stopper::default();
        lock(&stopper.0).pipeline = Some(running.pipeline.clone());
        Ok(Self { config, clock, gate, running: Some(running), retry: None, stopper })
    }

    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Encodes the picture of a slot, waiting while the encoders are behind.
    pub fn push(&mut self, frame: u64, picture: &gst::Buffer) {
        let starts = frame.is_multiple_of(u64::from(self.config.grid.segment_frames));
        if self.running.is_none() && starts && self.retry.is_none_or(|at| Instant::now() >= at) {
            self.restart(frame);
        }
        let pushed = self.running.as_ref().map(|running| running.push(self.config.grid, frame, starts, picture));
        if pushed == Some(Err(gst::FlowError::Error)) || pushed == Some(Err(gst::FlowError::NotNegotiated)) {
            self.fail("an encoder failed");
        }
    }

    fn restart(&mut self, frame: u64) {
        let mut stopping = lock(&self.stopper.0);
        if stopping.stopped {
            return;
        }
        match Running::start(&self.config, &self.clock, &self.gate, frame) {
            Ok(running) => {
                stopping.pipeline = Some(running.pipeline.clone());
                self.running = Some(running);
            }
            Err(error) => {
                drop(stopping);
                self.fail(&error.to_string());
            }
        }
    }

    fn fail(&mut self, why: &str) {
        tracing::error!(camera = %self.config.id, why, "ladder failed; starting it again");
        self.running = None;
        self.retry = Some(Instant::now() + RETRY);
    }
}

impl Stopper {
    pub fn stop(&self) {
        let pipeline = {
            let mut stopping = lock(&self.0);
            stopping.stopped = true;
            stopping.pipeline.take()
        };
        if let Some(pipeline) = pipeline {
            let _ = pipeline.set_state(gst::State::Null);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

impl Running {
    fn start(config: &Config, clock: &Clock, gate: &Arc<Gate>, epoch: u64) -> Result<Self, Error> {
        let name = format!("{}-ladder", config.id);
        let Some(canvas) = config.canvas() else {
            return Err(Error::Pipeline { pipeline: name, why: "no rungs".into() });
        };
        let pipeline = gst::Pipeline::with_name(&name);
        let input = app::AppSrc::builder()
            .caps(&picture_caps(canvas, Some(config.grid)))
            .format(gst::Format::Time)
            .is_live(true)
            .block(true)
            .max_buffers(BACKLOG)
            .max_bytes(0)
            .build();
        let tee = make("tee")?;
        chain(pipeline.upcast_ref(), &name, &[input.upcast_ref(), &tee])?;
        for (i, rung) in config.rungs.iter().enumerate() {
            let queue = queue(Limit::Buffers(2))?;
            let row = engine::row(config.engine, *rung, config.preset, config.grid)?;
            let sink = rung_sink(i, config.grid, epoch, Arc::clone(gate));
            let elements: Vec<_> = [&queue].into_iter().chain(&row).chain([sink.upcast_ref()]).collect();
            chain(pipeline.upcast_ref(), &name, &elements)?;
            tee.link(&queue).map_err(|e| Error::Pipeline { pipeline: name.clone(), why: e.to_string() })?;
        }
        clock.attach(&pipeline);
        log_errors(&pipeline);
        let started = pipeline.set_state(gst::State::Playing);
        let running = Self { pipeline, input, epoch };
        match started {
            Ok(_) => Ok(running),
            Err(e) => Err(Error::Pipeline { pipeline: name, why: e.to_string() }),
        }
    }

    fn push(&self, grid: Grid, frame: u64, key: bool, picture: &gst::Buffer) -> Result<(), gst::FlowError> {
        let epoch = grid.frame_time(self.epoch).0;
        let at = |frame| gst::ClockTime::from_nseconds(EPOCH + grid.frame_time(frame).0.saturating_sub(epoch));
        let pts = at(frame);
        if key {
            self.input.send_event(key_request(pts));
        }
        // A shallow copy: the pixels are shared with the source's buffer and with repeats of it.
        let mut buffer = picture.copy();
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(pts);
            buffer.set_dts(gst::ClockTime::NONE);
            buffer.set_duration(at(frame.saturating_add(1)).saturating_sub(pts));
        }
        self.input.push_buffer(buffer).map(|_| ())
    }
}

/// The caps of a 16:9 picture of a rung's size, as everything between decoder and encoder has it.
pub(crate) fn picture_caps(rung: Rung, grid: Option<Grid>) -> gst::Caps {
    let size = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
    let caps = gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", size(rung.width()))
        .field("height", size(rung.height))
        .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
        .field("colorimetry", "bt709")
        .field("interlace-mode", "progressive");
    match grid {
        Some(grid) => caps.field("framerate", gst::Fraction::new(size(grid.rate.num()), size(grid.rate.den()))).build(),
        None => caps.build(),
    }
}

/// Asks an encoder to make a key frame of the picture at `at`.
pub(crate) fn key_request(at: gst::ClockTime) -> gst::Event {
    let request = gst::Structure::builder("GstForceKeyUnit")
        .field("timestamp", at)
        .field("stream-time", at)
        .field("running-time", at)
        .field("all-headers", false)
        .field("count", 0u32)
        .build();
    gst::event::CustomDownstream::new(request)
}

fn rung_sink(i: usize, grid: Grid, epoch: u64, gate: Arc<Gate>) -> app::AppSink {
    let epoch = grid.frame_time(epoch).0;
    let output = Output::Rung(i);
    let mut announced: Option<gst::Caps> = None;
    let new_sample = move |sink: &app::AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let at = h264::running_time(&sample, sample.buffer().and_then(|b| b.pts())).ok_or(gst::FlowError::Error)?;
        let frame = grid.nearest_frame(MediaTime(epoch.saturating_add(at.unsigned_abs().saturating_sub(EPOCH))));
        let caps = sample.caps_owned().ok_or(gst::FlowError::NotNegotiated)?;
        if announced.as_ref() != Some(&caps) {
            let format = h264::format(&caps, grid.frame_ticks()).ok_or(gst::FlowError::NotNegotiated)?;
            gate.with(|sink| sink.format(output, format));
            announced = Some(caps);
        }
        let (key, data) = h264::unit(sample).ok_or(gst::FlowError::Error)?;
        let pts = frame.saturating_mul(u64::from(grid.frame_ticks()));
        let dts = i64::try_from(pts).unwrap_or(i64::MAX);
        gate.with(|sink| sink.unit(output, Unit { pts, dts, duration: grid.frame_ticks(), key, data }));
        Ok(gst::FlowSuccess::Ok)
    };
    let callbacks = app::AppSinkCallbacks::builder().new_sample(new_sample).build();
    app::AppSink::builder().sync(false).async_(false).enable_last_sample(false).callbacks(callbacks).build()
}

/// Logs what a pipeline of our own says went wrong; its pushes fail from then on.
pub(crate) fn log_errors(pipeline: &gst::Pipeline) {
    let name = pipeline.name();
    if let Some(bus) = pipeline.bus() {
        bus.set_sync_handler(move |_, message| {
            if let gst::MessageView::Error(error) = message.view() {
                tracing::error!(pipeline = %name, error = %error.error(), debug = ?error.debug(), "pipeline failed");
            }
            gst::BusSyncReply::Drop
        });
    }
}
