//! From an elementary stream to what the camera needs of it.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as app;

use super::{
    Intake, Pictures,
    codec::{self, Codec},
    colour,
    pace::Pacer,
};
use crate::{
    Error,
    clock::signed,
    elements::{Limit, filter, make, queue},
    encoder::pcm_caps,
    ladder::picture_caps,
    source::Pace,
    worker::lock,
};

/// Between threads of a pipeline: enough for a file's interleaving; live streams hold next to nothing.
const BACKLOG: gst::ClockTime = gst::ClockTime::from_seconds(2);

/// Takes a source's streams as they appear: the first picture and the first sound that are needed.
pub(super) struct Branches {
    pipeline: gst::glib::WeakRef<gst::Pipeline>,
    intake: Arc<Intake>,
    pace: Pace,
    pacer: Arc<Pacer>,
    picture: AtomicBool,
    sound: AtomicBool,
    /// The names of the pads that are connected.
    attached: Mutex<Vec<gst::glib::GString>>,
}

/// What a stream is.
enum Media<'a> {
    Picture { h264: bool, codec: &'a str },
    Sound,
}

impl Branches {
    pub fn new(pipeline: &gst::Pipeline, intake: Arc<Intake>, pace: Pace) -> Self {
        let (picture, sound) = (AtomicBool::new(false), AtomicBool::new(false));
        let (pacer, attached) = (Arc::default(), Mutex::default());
        Self { pipeline: pipeline.downgrade(), intake, pace, pacer, picture, sound, attached }
    }

    /// Whether the pipeline sets the pace, and not the source.
    fn paced(&self) -> bool {
        self.pace != Pace::Arrival
    }

    /// Whether sound is of any use.
    pub fn wants_sound(&self) -> bool {
        self.intake.needs.sound.is_some()
    }

    /// Whether a stream is of any use.
    pub fn wants(&self, caps: &gst::Caps) -> bool {
        match caps.structure(0).and_then(media) {
            Some(Media::Picture { .. }) => self.intake.needs.pictures.is_some() || self.intake.needs.coded,
            Some(Media::Sound) => self.intake.needs.sound.is_some(),
            None => false,
        }
    }

    /// Connects a stream, or leaves it when it is not needed.
    pub fn attach(&self, pad: &gst::Pad) {
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        self.attach_as(pad, &caps);
    }

    /// The same, where it is known what the stream will be.
    pub fn attach_as(&self, pad: &gst::Pad, caps: &gst::Caps) {
        let Some(pipeline) = self.pipeline.upgrade() else {
            return;
        };
        let Some(structure) = caps.structure(0).filter(|_| self.wants(caps)) else {
            return;
        };
        let attached = match media(structure) {
            Some(Media::Picture { h264, codec }) if !self.picture.swap(true, Ordering::Relaxed) => {
                self.picture(&pipeline, pad, h264, codec, structure)
            }
            Some(Media::Sound) if !self.sound.swap(true, Ordering::Relaxed) => self.sound(&pipeline, pad, structure),
            _ => return,
        };
        lock(&self.attached).push(pad.name());
        if let Err(error) = attached {
            give_up(&pipeline, &error.to_string());
        }
    }

    /// A stream has ended that was connected: the sender has become another, with streams and codecs of its own.
    pub fn detached(&self, pad: &gst::Pad) {
        if let Some(pipeline) = self.pipeline.upgrade()
            && !self.paced()
            && lock(&self.attached).contains(&pad.name())
        {
            give_up(&pipeline, "the sender has changed its streams");
        }
    }

    fn picture(
        &self,
        pipeline: &gst::Pipeline,
        pad: &gst::Pad,
        h264: bool,
        codec: &str,
        caps: &gst::StructureRef,
    ) -> Result<(), Error> {
        let rtp = caps.name() == "application/x-rtp";
        let needs = &self.intake.needs;
        let mut row = Row::new(pipeline);
        // The thread that receives also parses and cuts: to wake another for every frame costs more than the work itself.
        // Decoding has a thread of its own, and where the pipeline sets the pace every stream has.
        if self.paced() || !h264 {
            let queue = row.add(queue(Limit::Time(BACKLOG))?)?;
            if !h264 {
                self.without_jumps(&queue, "sink");
            }
        }
        if !h264 {
            if needs.coded {
                self.intake.refuse(&format!("the camera sends {codec}; only H.264 can be passed through"));
            }
            match Codec::of(&codec::PICTURES, caps) {
                _ if needs.pictures.is_none() => drop(row.add(discard()?)?),
                Some((codec, depay)) => {
                    row.decode(codec, depay)?;
                    self.pictures(&mut row)?;
                }
                None => {
                    let decoder = row.add(make("decodebin")?)?;
                    self.when_decoded(pipeline, &decoder, Self::pictures);
                }
            }
            return row.start(pad);
        }
        if rtp {
            row.add(make("rtph264depay")?)?;
        }
        row.add(make("h264parse")?)?;
        let avc = gst::Caps::builder("video/x-h264").field("stream-format", "avc").field("alignment", "au").build();
        row.add(filter(&avc)?)?;
        let tee = row.add(make("tee")?)?;
        self.without_jumps(&tee, "sink");
        row.start(pad)?;
        if needs.coded {
            let mut row = Row::new(pipeline);
            if self.paced() {
                row.add(queue(Limit::Time(BACKLOG))?)?;
            }
            if rtp {
                // RTP carries no decode times.
                row.add(make("h264timestamper")?)?;
            }
            row.add(self.sink(None, Intake::coded).upcast())?;
            row.start(&tee)?;
        }
        if needs.pictures.is_some() {
            let mut row = Row::new(pipeline);
            row.add(queue(Limit::Time(BACKLOG))?)?;
            let decoder = make("avdec_h264")?;
            tame(&decoder);
            row.add(decoder)?;
            self.pictures(&mut row)?;
            row.start(&tee)?;
        }
        Ok(())
    }

    /// Takes the jumps out of a live clock before a decoder sees them.
    fn without_jumps(&self, element: &gst::Element, pad: &str) {
        let (Some(pad), false) = (element.static_pad(pad), self.paced()) else {
            return;
        };
        let intake = Arc::clone(&self.intake);
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(buffer) = info.buffer_mut()
                && let Some(time) = buffer.dts_or_pts()
                && let shift @ (..=-1 | 1..) = intake.jumps(signed(time.nseconds()))
            {
                let buffer = buffer.make_mut();
                let moved =
                    |time: gst::ClockTime| gst::ClockTime::from_nseconds(time.nseconds().saturating_add_signed(shift));
                buffer.set_pts(buffer.pts().map(moved));
                buffer.set_dts(buffer.dts().map(moved));
            }
            gst::PadProbeReturn::Ok
        });
    }

    fn sound(&self, pipeline: &gst::Pipeline, pad: &gst::Pad, caps: &gst::StructureRef) -> Result<(), Error> {
        let mut row = Row::new(pipeline);
        row.add(queue(Limit::Time(BACKLOG))?)?;
        if let Some((codec, depay)) = Codec::of(&codec::SOUNDS, caps) {
            row.decode(codec, depay)?;
            self.samples(&mut row)?;
        } else {
            let decoder = row.add(make("decodebin")?)?;
            self.when_decoded(pipeline, &decoder, Self::samples);
        }
        row.start(pad)
    }

    /// From decoded pictures to the canvas.
    fn pictures(&self, row: &mut Row) -> Result<(), Error> {
        let Some(Pictures { canvas, grid, .. }) = &self.intake.needs.pictures else {
            return Ok(());
        };
        // It passes what the deinterlacer takes, and converts what it does not: interlaced pictures of ten bits.
        let first = row.add(make("videoconvertscale")?)?;
        let deinterlace = make("deinterlace")?;
        // Fifty fields fit a grid of fifty; a grid of twenty-five takes every other one.
        let fast = grid.rate.num() / grid.rate.den() > 35;
        deinterlace.set_property_from_str("fields", if fast { "all" } else { "top" });
        row.add(deinterlace)?;
        let convert = make("videoconvertscale")?;
        convert.set_property("add-borders", true);
        let convert = row.add(convert)?;
        colour::watch(&first, &convert, &self.intake);
        row.add(self.sink(Some(picture_caps(*canvas, None)), Intake::picture).upcast())?;
        Ok(())
    }

    /// From decoded sound to samples.
    fn samples(&self, row: &mut Row) -> Result<(), Error> {
        row.add(make("audioconvert")?)?;
        row.add(make("audioresample")?)?;
        row.add(self.sink(Some(pcm_caps()), Intake::samples).upcast())?;
        Ok(())
    }

    /// Connects what comes out of a decoder once it is known.
    fn when_decoded(
        &self,
        pipeline: &gst::Pipeline,
        decoder: &gst::Element,
        rest: fn(&Self, &mut Row) -> Result<(), Error>,
    ) {
        if let Some(bin) = decoder.downcast_ref::<gst::Bin>() {
            bin.connect_deep_element_added(|_, _, element| tame(element));
        }
        let mut branches = Self::new(pipeline, Arc::clone(&self.intake), self.pace);
        branches.pacer = Arc::clone(&self.pacer);
        decoder.connect_pad_added(move |_, pad| {
            let Some(pipeline) = branches.pipeline.upgrade() else {
                return;
            };
            let mut row = Row::new(&pipeline);
            if let Err(error) = rest(&branches, &mut row).and_then(|()| row.start(pad)) {
                give_up(&pipeline, &error.to_string());
            }
        });
    }

    fn sink(
        &self,
        caps: Option<gst::Caps>,
        take: fn(&Intake, &app::AppSink) -> Result<gst::FlowSuccess, gst::FlowError>,
    ) -> app::AppSink {
        let intake = Arc::clone(&self.intake);
        let callbacks = app::AppSinkCallbacks::builder().new_sample(move |sink| take(&intake, sink)).build();
        let sink = app::AppSink::builder()
            .async_(false)
            .sync(self.pace != Pace::Arrival)
            .enable_last_sample(false)
            .callbacks(callbacks);
        let sink = match caps {
            Some(caps) => sink.caps(&caps).build(),
            None => sink.build(),
        };
        if self.pace == Pace::Segments {
            self.pacer.hold(&sink);
        }
        sink
    }
}

/// Elements one after the other, added to a running pipeline.
struct Row<'a> {
    pipeline: &'a gst::Pipeline,
    elements: Vec<gst::Element>,
}

impl<'a> Row<'a> {
    fn new(pipeline: &'a gst::Pipeline) -> Self {
        Self { pipeline, elements: Vec::new() }
    }

    fn add(&mut self, element: gst::Element) -> Result<gst::Element, Error> {
        self.pipeline.add(&element).map_err(|e| self.refused(e))?;
        if let Some(last) = self.elements.last() {
            last.link(&element).map_err(|e| self.refused(e))?;
        }
        self.elements.push(element.clone());
        Ok(element)
    }

    /// From a coded stream to what is decoded of it.
    fn decode(&mut self, codec: &Codec, depay: Option<&'static str>) -> Result<(), Error> {
        if let Some(depay) = depay {
            self.add(make(depay)?)?;
        }
        self.add(make(codec.parser)?)?;
        let decoder = make(codec.decoder)?;
        tame(&decoder);
        self.add(decoder).map(drop)
    }

    /// Sets the row going, last element first, and lets the stream in.
    fn start(&self, from: &(impl IsA<gst::Object> + IsA<gst::glib::Object>)) -> Result<(), Error> {
        for element in self.elements.iter().rev() {
            element.sync_state_with_parent().map_err(|e| self.refused(e))?;
        }
        let (Some(first), object) = (self.elements.first(), from.upcast_ref::<gst::glib::Object>()) else {
            return Ok(());
        };
        if let Some(element) = object.downcast_ref::<gst::Element>() {
            return element.link(first).map_err(|e| self.refused(e));
        }
        let pads = object.downcast_ref::<gst::Pad>().zip(first.static_pad("sink"));
        match pads.map(|(from, to)| from.link(&to)) {
            Some(Err(e)) => {
                Err(Error::Pipeline { pipeline: self.pipeline.name().into(), why: format!("stream does not fit: {e}") })
            }
            _ => Ok(()),
        }
    }

    fn refused(&self, error: gst::glib::BoolError) -> Error {
        Error::Pipeline { pipeline: self.pipeline.name().into(), why: error.message.into_owned() }
    }
}

fn media(caps: &gst::StructureRef) -> Option<Media<'_>> {
    // RTP, which rtspsrc calls application/x-unknown while it asks which streams are wanted.
    let rtp = caps.get::<&str>("media").ok().zip(caps.get::<&str>("encoding-name").ok());
    let (kind, codec) = rtp.or_else(|| caps.name().as_str().split_once('/'))?;
    match kind {
        "video" | "image" => {
            Some(Media::Picture { h264: matches!(codec, "x-h264" | "H264"), codec: codec_name(codec) })
        }
        "audio" => Some(Media::Sound),
        _ => None,
    }
}

/// A codec as people call it.
fn codec_name(codec: &str) -> &str {
    match codec {
        "x-h265" | "H265" => "H.265",
        "x-av1" | "AV1" => "AV1",
        "x-raw" => "uncompressed pictures",
        "x-vp8" | "VP8" => "VP8",
        "mpeg" | "MPV" => "MPEG-2 or MPEG-4 video",
        other => other,
    }
}

/// No delay by frame threads, no half-decoded pictures, and no giving up at errors.
fn tame(element: &gst::Element) {
    if element.has_property("max-threads") {
        element.set_property("max-threads", 1i32);
    }
    if element.has_property("output-corrupt") {
        element.set_property("output-corrupt", false);
    }
    if element.has_property("max-errors") {
        element.set_property("max-errors", -1i32);
    }
}

fn discard() -> Result<gst::Element, Error> {
    let sink = make("fakesink")?;
    sink.set_property("async", false);
    Ok(sink)
}

/// Ends a pipeline for a reason.
pub(super) fn give_up(pipeline: &gst::Pipeline, why: &str) {
    let message = gst::message::Error::builder(gst::CoreError::Pad, why).src(pipeline).build();
    if let Some(bus) = pipeline.bus() {
        let _ = bus.post(message);
    }
}
