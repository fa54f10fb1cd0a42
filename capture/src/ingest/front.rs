//! The receiving end of a pipeline: from the network or the disk to elementary streams. Elements are made one by one
//! and addresses are set as properties: no text of a user is ever parsed as a pipeline.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;

use super::{Intake, branch::Branches};
use crate::{
    Error, Source,
    elements::{chain, make},
    source::{Container, File, Kind, Rtsp, Srt, Transport, Udp},
};

/// What rtspsrc holds back to put packets in order, in milliseconds. TCP needs none, but senders bunch.
const JITTER_MS: u32 = 50;
/// An RTSP server that does not answer, in microseconds.
const RTSP_TIMEOUT: u64 = 3_000_000;

/// Builds everything up to the streams; they are connected as they appear.
pub(super) fn build(pipeline: &gst::Pipeline, source: &Source, intake: &Arc<Intake>) -> Result<(), Error> {
    let name = pipeline.name();
    let branches = Arc::new(Branches::new(pipeline, Arc::clone(intake), matches!(source.0, Kind::File(_))));
    let last = match &source.0 {
        Kind::Srt(srt) => {
            let (receive, demux) = (srtsrc(srt, intake)?, tsdemux()?);
            chain(pipeline.upcast_ref(), &name, &[&receive, &demux])?;
            watch(&receive, intake);
            demux
        }
        Kind::Udp(udp) => {
            let (receive, demux) = (udpsrc(udp)?, tsdemux()?);
            chain(pipeline.upcast_ref(), &name, &[&receive, &demux])?;
            watch(&receive, intake);
            demux
        }
        Kind::Rtsp(rtsp) => {
            let receive = rtspsrc(rtsp, &branches)?;
            chain(pipeline.upcast_ref(), &name, &[&receive])?;
            let intake = Arc::clone(intake);
            receive.connect_pad_added(move |_, pad| {
                intake.connected();
                watch_pad(pad, &intake);
            });
            receive
        }
        Kind::File(file) => {
            let (read, demux) = (make("filesrc")?, demuxer(file)?);
            read.set_property("location", file.path.to_string_lossy().as_ref());
            chain(pipeline.upcast_ref(), &name, &[&read, &demux])?;
            watch(&read, intake);
            demux
        }
    };
    last.connect_pad_added(move |_, pad| branches.attach(pad));
    Ok(())
}

fn srtsrc(srt: &Srt, intake: &Arc<Intake>) -> Result<gst::Element, Error> {
    let source = make("srtsrc")?;
    // The `uri` property first: it resets the others.
    let host = if srt.host.contains(':') { format!("[{}]", srt.host) } else { srt.host.clone() };
    source.set_property("uri", format!("srt://{host}:{}", srt.port));
    if srt.listener {
        source.set_property_from_str("mode", "listener");
        source.set_property("localaddress", &srt.host);
        source.set_property("localport", u32::from(srt.port));
        let intake = Arc::clone(intake);
        source.connect("caller-added", false, move |_| {
            intake.connected();
            None
        });
    } else {
        source.set_property_from_str("mode", "caller");
    }
    source.set_property("latency", i32::try_from(srt.latency_ms).unwrap_or(120));
    if let Some(passphrase) = &srt.passphrase {
        source.set_property("passphrase", passphrase);
    }
    if let Some(length) = srt.pbkeylen {
        source.set_property_from_str("pbkeylen", &length.to_string());
    }
    if let Some(id) = &srt.streamid {
        source.set_property("streamid", id);
    }
    // GStreamer 1.22 cannot wake a listener that waits for a silent peer; so it wakes by itself and looks around.
    source.set_property("poll-timeout", 100i32);
    // A connection that breaks is an error: starting again is the supervisor's work.
    source.set_property("auto-reconnect", false);
    source.set_property("do-timestamp", true);
    Ok(source)
}

fn udpsrc(udp: &Udp) -> Result<gst::Element, Error> {
    let source = make("udpsrc")?;
    source.set_property("address", udp.address.to_string());
    source.set_property("port", i32::from(udp.port));
    source.set_property("buffer-size", 4 << 20);
    if let Some(iface) = &udp.iface {
        source.set_property("multicast-iface", iface);
    }
    let caps = gst::Caps::builder("video/mpegts").field("systemstream", true).field("packetsize", 188).build();
    source.set_property("caps", caps);
    Ok(source)
}

fn rtspsrc(rtsp: &Rtsp, branches: &Arc<Branches>) -> Result<gst::Element, Error> {
    let source = make("rtspsrc")?;
    let scheme = if rtsp.tls { "rtsps" } else { "rtsp" };
    source.set_property("location", format!("{scheme}://{}{}", rtsp.authority, rtsp.target));
    if let Some((user, password)) = &rtsp.user {
        source.set_property("user-id", user);
        source.set_property("user-pw", password);
    }
    let protocols = match (rtsp.transport, rtsp.tls) {
        (Transport::Tcp, false) => "tcp",
        (Transport::Tcp, true) => "tcp+tls",
        (Transport::Udp, _) => "udp+udp-mcast",
        (Transport::Auto, _) => "tcp+udp+udp-mcast",
    };
    source.set_property_from_str("protocols", protocols);
    source.set_property("latency", if rtsp.transport == Transport::Tcp { 0 } else { JITTER_MS });
    // RTP timestamps as they are: smoothing makes even frames uneven, and placing is the synchroniser's work.
    source.set_property_from_str("buffer-mode", "none");
    source.set_property("tcp-timeout", RTSP_TIMEOUT);
    source.set_property("timeout", RTSP_TIMEOUT);
    // Picture and sound are aligned by the first sender reports; later ones would only make even frames uneven.
    source.connect("new-manager", false, |values| {
        let manager = values.get(1).and_then(|value| value.get::<gst::Element>().ok());
        if let Some(manager) = manager.filter(|manager| manager.has_property("rtcp-sync")) {
            manager.set_property_from_str("rtcp-sync", "initial");
        }
        None
    });
    let branches = Arc::clone(branches);
    source.connect("select-stream", false, move |values| {
        let caps = values.get(2).and_then(|value| value.get::<gst::Caps>().ok());
        Some(caps.is_some_and(|caps| branches.wants(&caps)).to_value())
    });
    Ok(source)
}

fn tsdemux() -> Result<gst::Element, Error> {
    let demux = make("tsdemux")?;
    // Timestamps are the stream's own, untouched: smoothing by PCR arrival makes even frames uneven, and placing is
    // the synchroniser's work.
    demux.set_property("ignore-pcr", true);
    demux.set_property("latency", 0i32);
    Ok(demux)
}

fn demuxer(file: &File) -> Result<gst::Element, Error> {
    match file.container {
        // A file is read whole, not as it arrives: its PCR maps timestamps evenly, and without it there are none.
        Container::MpegTs => make("tsdemux"),
        Container::Mp4 => make("qtdemux"),
        Container::Matroska => make("matroskademux"),
    }
}

/// Notes every buffer that leaves a receiving element.
fn watch(element: &gst::Element, intake: &Arc<Intake>) {
    if let Some(pad) = element.static_pad("src") {
        watch_pad(&pad, intake);
    }
}

fn watch_pad(pad: &gst::Pad, intake: &Arc<Intake>) {
    let intake = Arc::clone(intake);
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, _| {
        intake.bytes();
        gst::PadProbeReturn::Ok
    });
}
