//! RTP over UDP: a transport stream, or elementary streams on ports of their own. RTCP is on the ports behind them.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;

use super::{Front, Held, tsdemux, watch_pad};
use crate::{
    Error,
    elements::make,
    ingest::reports::Reports,
    source::{Payload, Rtp},
};

pub(super) fn build(front: &Front<'_>, rtp: &Rtp) -> Result<Held, Error> {
    let session = make("rtpbin")?;
    session.set_property("latency", rtp.latency_ms);
    // As for RTSP: timestamps as they are, picture and sound aligned by the first sender reports.
    session.set_property_from_str("buffer-mode", "none");
    session.set_property_from_str("rtcp-sync", "initial");
    let is_transport_stream = rtp.main.codec.name == "mp2t";
    front.chain(&[&session])?;
    receive(front, rtp, &session, 0, rtp.local.port, &rtp.main)?;
    if let Some((port, sound)) = &rtp.sound {
        receive(front, rtp, &session, 1, *port, sound)?;
    }
    let transport = if is_transport_stream {
        let (depay, demux) = (make("rtpmp2tdepay")?, tsdemux()?);
        front.chain(&[&depay, &demux])?;
        front.streams_of(&demux);
        depay.static_pad("sink")
    } else {
        None
    };
    let reports = Arc::new(Reports::default());
    reports.collect(&session);
    let (branches, intake) = (Arc::clone(&front.branches), Arc::clone(front.intake));
    session.connect_pad_added(move |_, pad| {
        let main = pad.name().starts_with("recv_rtp_src_0_");
        match &transport {
            // A sender that begins anew has a new pad; the old one is silent.
            Some(sink) if main => {
                if let Some(old) = sink.peer() {
                    let _ = old.unlink(sink);
                }
                let _ = pad.link(sink);
            }
            _ if pad.name().starts_with("recv_rtp_src_") => {
                reports.watch(pad, &intake);
                branches.attach(pad);
            }
            _ => {}
        }
    });
    Ok(None)
}

/// Adds the sockets of one session.
fn receive(
    front: &Front<'_>,
    rtp: &Rtp,
    session: &gst::Element,
    id: u8,
    port: u16,
    payload: &Payload,
) -> Result<(), Error> {
    let rtcp = gst::Caps::new_empty_simple("application/x-rtcp");
    let sockets = [
        (front.udpsrc(&rtp.local, port, &caps(payload))?, format!("recv_rtp_sink_{id}")),
        (front.udpsrc(&rtp.local, port.saturating_add(1), &rtcp)?, format!("recv_rtcp_sink_{id}")),
    ];
    for (socket, to) in &sockets {
        front.chain(&[socket])?;
        let refused = |e: gst::glib::BoolError| Error::Source(e.message.into_owned());
        socket.link_pads(Some("src"), session, Some(to)).map_err(refused)?;
    }
    if let Some(pad) = sockets[0].0.static_pad("src") {
        watch_pad(&pad, front.intake);
    }
    Ok(())
}

/// What would stand in a session description.
fn caps(payload: &Payload) -> gst::Caps {
    let codec = payload.codec;
    let mut caps = gst::Caps::builder("application/x-rtp")
        .field("media", codec.media)
        .field("encoding-name", codec.encoding)
        .field("clock-rate", codec.clock)
        .field("payload", i32::from(payload.number));
    if let Some(channels) = codec.channels {
        caps = caps.field("channels", channels).field("encoding-params", channels.to_string());
    }
    if let Some(config) = &payload.config {
        // RFC 3640, high bit rate: the lengths that every sender of AAC uses.
        caps = caps
            .field("mode", "AAC-hbr")
            .field("streamtype", "5")
            .field("sizelength", "13")
            .field("indexlength", "3")
            .field("indexdeltalength", "3")
            .field("config", config.as_str());
    }
    caps.build()
}
