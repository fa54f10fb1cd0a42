//! SRT: called, listened for, or met half-way.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
};

use gio::prelude::*;
use gstreamer as gst;
use gstreamer::prelude::*;

use super::{Front, Held};
use crate::{
    Error,
    elements::make,
    source::{Limits, Mode, Srt},
    worker::lock,
};

pub(super) fn build(front: &Front<'_>, srt: &Srt) -> Result<Held, Error> {
    let source = make("srtsrc")?;
    let peer = match srt.mode {
        Mode::Listener => None,
        Mode::Caller | Mode::Rendezvous { .. } => Some(front.limits.resolve(&srt.host, srt.port)?),
    };
    let with = Arc::new(Mutex::new(peer.map(|peer| peer.ip())));
    // The `uri` property first: it resets the others.
    let uri = |host: &str| match host.contains(':') {
        true => format!("srt://[{host}]:{}", srt.port),
        false => format!("srt://{host}:{}", srt.port),
    };
    source.set_property("uri", peer.map_or_else(|| uri(&srt.host), |peer| uri(&peer.ip().to_string())));
    match srt.mode {
        Mode::Caller => source.set_property_from_str("mode", "caller"),
        Mode::Listener => {
            source.set_property_from_str("mode", "listener");
            source.set_property("localaddress", &srt.host);
            source.set_property("localport", u32::from(srt.port));
            admit(front, &source, srt, &with);
        }
        Mode::Rendezvous { local_port } => {
            source.set_property_from_str("mode", "rendezvous");
            let any = if peer.is_some_and(|peer| peer.is_ipv6()) { "::" } else { "0.0.0.0" };
            source.set_property("localaddress", any);
            source.set_property("localport", u32::from(local_port));
        }
    }
    source.set_property("latency", i32::try_from(srt.latency_ms).unwrap_or(120));
    if let Some(passphrase) = &srt.passphrase {
        source.set_property("passphrase", passphrase);
    }
    if let Some(length) = srt.pbkeylen {
        source.set_property_from_str("pbkeylen", &length.to_string());
    }
    if let Some(id) = srt.streamid.as_ref().filter(|_| srt.mode != Mode::Listener) {
        source.set_property("streamid", id);
    }
    // GStreamer 1.22 cannot wake a listener that waits for a silent peer; so it wakes by itself and looks around.
    source.set_property("poll-timeout", 100i32);
    // A connection that breaks is an error: starting again is the supervisor's work.
    source.set_property("auto-reconnect", false);
    source.set_property("do-timestamp", true);
    front.transport_stream(&[&source])?;
    Ok(Some(Box::new(with)))
}

/// A listener takes whom it may: from the networks, with the stream id, when there are any.
fn admit(front: &Front<'_>, source: &gst::Element, srt: &Srt, with: &Arc<Mutex<Option<IpAddr>>>) {
    let (intake, with) = (Arc::clone(front.intake), Arc::clone(with));
    source.connect("caller-added", false, move |values| {
        let address = values.get(2).and_then(|value| value.get::<gio::SocketAddress>().ok());
        *lock(&with) = address.as_ref().and_then(ip);
        intake.connected();
        None
    });
    source.set_property("authentication", true);
    let (limits, wanted) = (Arc::clone(front.limits), srt.streamid.clone());
    source.connect("caller-connecting", false, move |values| {
        let address = values.get(1).and_then(|value| value.get::<gio::SocketAddress>().ok());
        let id = values.get(2).and_then(|value| value.get::<Option<String>>().ok()).flatten();
        let known = wanted.is_none() || wanted == id;
        let near = !limits.has_networks() || address.is_some_and(|address| allowed(&limits, &address));
        Some((known && near).to_value())
    });
}

/// Whether a socket's address is in the networks.
pub(super) fn allowed(limits: &Limits, address: &gio::SocketAddress) -> bool {
    ip(address).is_some_and(|ip| limits.check(ip).is_ok())
}

fn ip(address: &gio::SocketAddress) -> Option<IpAddr> {
    address.downcast_ref::<gio::InetSocketAddress>().map(|inet| IpAddr::from(inet.address()))
}
