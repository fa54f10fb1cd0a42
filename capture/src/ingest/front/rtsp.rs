//! RTSP cameras.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;

use super::{Front, Held, net::only_networks, watch_pad};
use crate::{
    Error,
    elements::make,
    ingest::{Peer, relay::Relay, reports::Reports},
    source::{Limits, Rtsp, Transport},
};

/// What rtspsrc holds back to put packets in order, in milliseconds. TCP needs none, but senders bunch.
const JITTER_MS: u32 = 50;
/// An RTSP server that does not answer, in microseconds.
const RTSP_TIMEOUT: u64 = 3_000_000;

pub(super) fn build(front: &Front<'_>, rtsp: &Rtsp) -> Result<Held, Error> {
    let source = make("rtspsrc")?;
    let scheme = if rtsp.tls { "rtsps" } else { "rtsp" };
    // rtspsrc follows redirects wherever they lead; where that is limited, it gets to speak with nobody but the relay.
    let relay = match front.limits.has_networks() {
        true => Some(Relay::open(&front.limits.resolve_all(&rtsp.host, rtsp.port())?)?),
        false => None,
    };
    let (host, port) = relay.as_ref().map_or((rtsp.host.as_str(), rtsp.port()), |relay| ("127.0.0.1", relay.port()));
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    source.set_property("location", format!("{scheme}://{host}:{port}{}", rtsp.target));
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
    let reports = Arc::new(Reports::default());
    let collecting = Arc::clone(&reports);
    source.connect("new-manager", false, move |values| {
        let manager = values.get(1).and_then(|value| value.get::<gst::Element>().ok());
        if let Some(manager) = manager.filter(|manager| manager.has_property("rtcp-sync")) {
            manager.set_property_from_str("rtcp-sync", "initial");
            collecting.collect(&manager);
        }
        None
    });
    let branches = Arc::clone(&front.branches);
    source.connect("select-stream", false, move |values| {
        let caps = values.get(2).and_then(|value| value.get::<gst::Caps>().ok());
        Some(caps.is_some_and(|caps| branches.wants(&caps)).to_value())
    });
    limit_sockets(&source, front.limits);
    front.chain(&[&source])?;
    let intake = Arc::clone(front.intake);
    source.connect_pad_added(move |_, pad| {
        intake.connected();
        watch_pad(pad, &intake);
        reports.watch(pad, &intake);
    });
    front.streams_of(&source);
    Ok(relay.map(|relay| Box::new(relay) as Box<dyn Peer>))
}

/// Holds the sockets that rtspsrc makes to the networks: what comes over UDP does not come through the relay.
fn limit_sockets(rtspsrc: &gst::Element, limits: &Arc<Limits>) {
    let limits = Arc::clone(limits);
    rtspsrc.connect("deep-element-added", false, move |values| {
        let added = values.get(2).and_then(|value| value.get::<gst::Element>().ok());
        let socket = added.filter(|e| e.factory().is_some_and(|factory| factory.name() == "udpsrc"));
        socket.iter().for_each(|socket| only_networks(socket, &limits));
        None
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_socket_of_rtspsrc_is_held_to_the_networks() {
        crate::init().expect("GStreamer with every element");
        for (networks, asks) in [(vec![], false), (vec!["10.0.0.0/8".parse().expect("a network")], true)] {
            let limits = Arc::new(Limits::new(&[], networks).expect("limits"));
            let (source, socket) = (make("rtspsrc").expect("rtspsrc"), make("udpsrc").expect("udpsrc"));
            limit_sockets(&source, &limits);
            socket.set_property("retrieve-sender-address", !asks);
            source.downcast_ref::<gst::Bin>().expect("a bin").add(&socket).expect("its socket");
            assert_eq!(socket.property::<bool>("retrieve-sender-address"), asks);
        }
    }
}
