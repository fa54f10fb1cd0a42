//! The receiving end of a pipeline: from the network or the disk to elementary streams, a room for each kind of source.
//! Elements are made one by one and addresses are set as properties: no text of a user is ever parsed as a pipeline.

mod decklink;
mod file;
mod hls;
mod ndi;
mod net;
mod rist;
mod rtmp;
mod rtp;
mod rtsp;
mod srt;
mod udp;
mod v4l2;

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;

use super::{Held, Intake, branch::Branches};
use crate::{
    Error, Source,
    elements::{chain, make},
    source::{Kind, Limits},
};

/// A pipeline in the making.
struct Front<'a> {
    pipeline: &'a gst::Pipeline,
    intake: &'a Arc<Intake>,
    branches: Arc<Branches>,
    limits: &'a Arc<Limits>,
}

/// Builds everything up to the streams; they are connected as they appear.
pub(super) fn build(pipeline: &gst::Pipeline, source: &Source, intake: &Arc<Intake>) -> Result<Held, Error> {
    let branches = Arc::new(Branches::new(pipeline, Arc::clone(intake), source.kind.nature().pace()));
    let front = Front { pipeline, intake, branches, limits: &source.limits };
    match &source.kind {
        Kind::Srt(srt) => srt::build(&front, srt),
        Kind::Udp(udp) => udp::build(&front, udp),
        Kind::Rtp(rtp) => rtp::build(&front, rtp),
        Kind::Rist(rist) => rist::build(&front, rist),
        Kind::Rtsp(rtsp) => rtsp::build(&front, rtsp),
        Kind::Rtmp(rtmp) => rtmp::build(&front, rtmp),
        Kind::Hls(hls) => hls::build(&front, hls),
        Kind::V4l2(v4l2) => v4l2::build(&front, v4l2),
        Kind::Decklink(decklink) => decklink::build(&front, decklink),
        Kind::Ndi(ndi) => ndi::build(&front, ndi),
        Kind::File(file) => file::build(&front, file),
        // Its streams come with the publisher.
        Kind::Push(_) => Ok(None),
    }
}

impl Front<'_> {
    /// Adds elements to the pipeline, one behind the other.
    fn chain(&self, elements: &[&gst::Element]) -> Result<(), Error> {
        chain(self.pipeline.upcast_ref(), &self.pipeline.name(), elements)
    }

    /// Takes the streams of a demuxer as they appear.
    fn streams_of(&self, demux: &gst::Element) {
        let branches = Arc::clone(&self.branches);
        demux.connect_pad_added(move |_, pad| branches.attach(pad));
        let branches = Arc::clone(&self.branches);
        demux.connect_pad_removed(move |_, pad| branches.detached(pad));
    }

    /// A receiver of transport stream packets, and what takes them apart.
    fn transport_stream(&self, elements: &[&gst::Element]) -> Result<(), Error> {
        let demux = tsdemux()?;
        let row: Vec<&gst::Element> = elements.iter().copied().chain([&demux]).collect();
        self.chain(&row)?;
        row.first().iter().for_each(|receive| self.watch(receive));
        self.streams_of(&demux);
        Ok(())
    }

    /// Notes every buffer that leaves a receiving element.
    fn watch(&self, element: &gst::Element) {
        if let Some(pad) = element.static_pad("src") {
            watch_pad(&pad, self.intake);
        }
    }
}

fn watch_pad(pad: &gst::Pad, intake: &Arc<Intake>) {
    let intake = Arc::clone(intake);
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, _| {
        intake.bytes();
        gst::PadProbeReturn::Ok
    });
}

fn tsdemux() -> Result<gst::Element, Error> {
    let demux = make("tsdemux")?;
    // Timestamps are the stream's own, untouched: smoothing by PCR arrival makes even frames uneven, and placing is
    // the synchroniser's work.
    demux.set_property("ignore-pcr", true);
    demux.set_property("latency", 0i32);
    Ok(demux)
}
