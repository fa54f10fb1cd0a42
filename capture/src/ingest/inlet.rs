//! The receiving end of a pipeline whose frames are handed over by a program of ours: what publishers push.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as app;
use tokio::sync::watch;

use super::{
    Intake,
    branch::{Branches, give_up},
};
use crate::{Error, source::Pace, worker::lock};

/// Coded bytes that may wait for the pipeline. It takes frames as they come; only a machine that is too slow fills this.
const BACKLOG: u64 = 8 << 20;

/// How a stream is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    H264,
    H265,
    Av1,
    Vp8,
    Aac,
    Opus,
    Mp3,
}

/// When a frame is decoded and shown, in nanoseconds of the publisher's time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub pts: u64,
    pub dts: u64,
}

/// The way into a pipeline: one picture and one sound. Any thread may push.
pub(crate) struct Inlet {
    pipeline: gst::glib::WeakRef<gst::Pipeline>,
    branches: Branches,
    intake: Arc<Intake>,
    lanes: Mutex<[Option<Lane>; 2]>,
    closed: watch::Sender<bool>,
}

/// One stream. Without a source it is of no use to the camera.
struct Lane {
    coding: Coding,
    source: Option<app::AppSrc>,
}

/// The pipeline takes nothing more.
#[derive(Debug)]
pub(crate) struct Closed;

impl Inlet {
    pub fn new(pipeline: &gst::Pipeline, intake: &Arc<Intake>) -> Arc<Self> {
        Arc::new(Self {
            pipeline: pipeline.downgrade(),
            branches: Branches::new(pipeline, Arc::clone(intake), Pace::Arrival),
            intake: Arc::clone(intake),
            lanes: Mutex::default(),
            closed: watch::Sender::new(false),
        })
    }

    /// A publisher is there.
    pub fn connected(&self) {
        self.intake.connected();
    }

    /// Whether key frames matter beyond the first: the camera's own bitstream is cut at them.
    pub fn wants_key_frames(&self) -> bool {
        self.intake.needs.coded
    }

    /// Says how the frames that follow are coded; `header` is the codec's configuration record, where it has one.
    pub fn format(&self, coding: Coding, header: &[u8]) -> Result<(), Closed> {
        let caps = coding.caps(header);
        let mut lanes = lock(&self.lanes);
        let lane = &mut lanes[coding.lane()];
        match lane {
            Some(lane) if lane.coding != coding => {
                self.end("the publisher changed its codec; it has to connect anew");
                return Err(Closed);
            }
            Some(Lane { source: Some(source), .. }) => source.set_caps(Some(&caps)),
            Some(_) => {}
            None => {
                let source = self.branches.wants(&caps).then(|| self.attach(&caps)).transpose();
                match source {
                    Ok(source) => *lane = Some(Lane { coding, source }),
                    Err(error) => {
                        self.end(&error.to_string());
                        return Err(Closed);
                    }
                }
            }
        }
        Ok(())
    }

    fn attach(&self, caps: &gst::Caps) -> Result<app::AppSrc, Error> {
        let refused = |why: &str| Error::Pipeline { pipeline: "push".into(), why: why.into() };
        let pipeline = self.pipeline.upgrade().ok_or_else(|| refused("it has ended"))?;
        let source = app::AppSrc::builder()
            .caps(caps)
            .format(gst::Format::Time)
            .is_live(true)
            .stream_type(app::AppStreamType::Stream)
            // What may wait is looked at before each push.
            .max_bytes(0)
            .build();
        pipeline.add(&source).map_err(|e| refused(&e.message))?;
        let pad = source.static_pad("src").ok_or_else(|| refused("appsrc has no pad"))?;
        self.branches.attach_as(&pad, caps);
        // Not as the pipeline stands: that waits for a decoder, which waits for what comes from here.
        source.set_state(gst::State::Playing).map_err(|_| refused("appsrc does not start"))?;
        Ok(source)
    }

    /// Hands over a coded frame.
    pub fn push(
        &self,
        coding: Coding,
        times: Times,
        key: bool,
        data: impl AsRef<[u8]> + Send + 'static,
    ) -> Result<(), Closed> {
        if *self.closed.borrow() {
            return Err(Closed);
        }
        self.intake.bytes();
        if lock(&self.lanes)[coding.lane()].is_none() && coding.bare() {
            self.format(coding, &[])?;
        }
        let lanes = lock(&self.lanes);
        let Some(Lane { source: Some(source), coding: announced }) = &lanes[coding.lane()] else { return Ok(()) };
        if *announced != coding {
            return Ok(());
        }
        let mut buffer = gst::Buffer::from_slice(data);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_nseconds(times.pts));
            buffer.set_dts(gst::ClockTime::from_nseconds(times.dts));
            if !key {
                buffer.set_flags(gst::BufferFlags::DELTA_UNIT);
            }
        }
        source.push_buffer(buffer).map(drop).map_err(|_| Closed)
    }

    /// Whether the pipeline is so far behind that nothing should be pushed for now.
    pub fn full(&self) -> bool {
        let waiting =
            |lane: &Option<Lane>| lane.as_ref().and_then(|l| l.source.as_ref()).map(app::AppSrc::current_level_bytes);
        lock(&self.lanes).iter().filter_map(waiting).any(|bytes| bytes > BACKLOG)
    }

    /// Ends the connection for a reason, which becomes the camera's. The first one counts.
    pub fn end(&self, why: &str) {
        if self.closed.send_replace(true) {
            return;
        }
        if let Some(pipeline) = self.pipeline.upgrade() {
            give_up(&pipeline, why);
        }
    }

    /// Ends the connection when it is dropped, if it was not ended with a better reason: no panic of a publisher's task
    /// leaves a camera waiting for it.
    pub fn guard(self: &Arc<Self>) -> Guard {
        Guard(Some(Arc::clone(self)))
    }

    /// Nothing more is taken.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Waits until nothing more is taken.
    pub async fn closed(&self) {
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }
}

/// See [`Inlet::guard`].
pub(crate) struct Guard(Option<Arc<Inlet>>);

impl Guard {
    /// The inlet is somebody else's again.
    pub fn release(mut self) {
        self.0 = None;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(inlet) = &self.0 {
            inlet.end("the publisher's connection failed by a mistake in this program; the log has more");
        }
    }
}

impl Coding {
    fn lane(self) -> usize {
        match self {
            Self::H264 | Self::H265 | Self::Av1 | Self::Vp8 => 0,
            Self::Aac | Self::Opus | Self::Mp3 => 1,
        }
    }

    /// Whether a decoder needs nothing but the frames.
    fn bare(self) -> bool {
        matches!(self, Self::Opus | Self::Mp3)
    }

    fn caps(self, header: &[u8]) -> gst::Caps {
        let framed = |name, format| {
            let format = if header.is_empty() { "byte-stream" } else { format };
            gst::Caps::builder(name).field("stream-format", format).field("alignment", "au")
        };
        let caps = match self {
            Self::H264 => framed("video/x-h264", "avc"),
            Self::H265 => framed("video/x-h265", "hvc1"),
            Self::Av1 => {
                gst::Caps::builder("video/x-av1").field("stream-format", "obu-stream").field("alignment", "tu")
            }
            Self::Vp8 => gst::Caps::builder("video/x-vp8"),
            Self::Aac => gst::Caps::builder("audio/mpeg").field("mpegversion", 4).field("stream-format", "raw"),
            Self::Mp3 => gst::Caps::builder("audio/mpeg").field("mpegversion", 1).field("layer", 3),
            Self::Opus => gst::Caps::builder("audio/x-opus")
                .field("channel-mapping-family", 0)
                .field("channels", 2)
                .field("rate", 48_000),
        };
        if header.is_empty() {
            caps.build()
        } else {
            caps.field("codec_data", gst::Buffer::from_slice(Bytes::copy_from_slice(header))).build()
        }
    }
}
