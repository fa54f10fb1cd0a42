//! Sockets that receive packets: on which interface, and from whom.

use std::{net::IpAddr, sync::Arc};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_net::NetAddressMeta;

use super::{Front, srt::allowed};
use crate::{
    Error,
    elements::make,
    source::{Limits, Receiving},
};

/// A socket's buffer: a key frame arrives in one burst.
const SOCKET_BYTES: i32 = 4 << 20;

impl Front<'_> {
    /// A `udpsrc` for packets of these caps, on `port`.
    pub fn udpsrc(&self, local: &Receiving, port: u16, caps: &gst::Caps) -> Result<gst::Element, Error> {
        let source = make("udpsrc")?;
        source.set_property("address", local_address(local)?.to_string());
        source.set_property("port", i32::from(port));
        source.set_property("buffer-size", SOCKET_BYTES);
        // With reuse, whoever opens the port last takes another's packets. A group's are everybody's.
        source.set_property("reuse", local.address.is_multicast());
        if let Some(iface) = local.iface.as_ref().filter(|_| local.address.is_multicast()) {
            source.set_property("multicast-iface", iface);
        }
        source.set_property("caps", caps);
        self.only_networks(&source);
        Ok(source)
    }

    /// Drops packets from outside of the networks.
    pub fn only_networks(&self, udpsrc: &gst::Element) {
        only_networks(udpsrc, self.limits);
    }
}

/// Drops packets from outside of the networks, whatever those are by then.
pub(super) fn only_networks(udpsrc: &gst::Element, limits: &Arc<Limits>) {
    // An object for every packet: only where somebody looks at it.
    udpsrc.set_property("retrieve-sender-address", limits.has_networks());
    let Some(pad) = udpsrc.static_pad("src") else { return };
    let limits = Arc::clone(limits);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        // One without its sender was received when everybody could be heard: see `Ingest::hold`.
        let sender = info.buffer().and_then(|buffer| buffer.meta::<NetAddressMeta>()).map(|meta| meta.addr());
        match sender.is_none_or(|sender| allowed(&limits, &sender)) {
            true => gst::PadProbeReturn::Ok,
            // Not `Drop`: see `colour`.
            false => gst::PadProbeReturn::Handled,
        }
    });
}

/// The address to bind to: with an interface, the interface's own.
pub(super) fn local_address(local: &Receiving) -> Result<IpAddr, Error> {
    let Some(name) = &local.iface else {
        return Ok(local.address);
    };
    let all = if_addrs::get_if_addrs().unwrap_or_default();
    let of_this = || all.iter().filter(|iface| iface.name == *name).map(if_addrs::Interface::ip);
    if of_this().next().is_none() {
        let mut names: Vec<&str> = all.iter().map(|iface| iface.name.as_str()).collect();
        names.dedup();
        let why = format!("this machine has no network interface {name}; it has {}", names.join(", "));
        return Err(Error::Source(why));
    }
    if local.address.is_multicast() {
        return Ok(local.address);
    }
    let same_kind = of_this().find(|ip| ip.is_ipv4() == local.address.is_ipv4());
    same_kind.ok_or_else(|| Error::Source(format!("the network interface {name} has no address of this kind")))
}
