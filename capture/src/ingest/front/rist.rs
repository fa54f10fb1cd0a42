//! RIST, simple profile.

use gstreamer as gst;
use gstreamer::prelude::*;

use super::{Front, Held, net::local_address};
use crate::{Error, elements::make, source::Rist};

pub(super) fn build(front: &Front<'_>, rist: &Rist) -> Result<Held, Error> {
    let source = make("ristsrc")?;
    source.set_property("address", local_address(&rist.local)?.to_string());
    source.set_property("port", u32::from(rist.local.port));
    source.set_property("receiver-buffer", rist.latency_ms);
    if let Some(iface) = &rist.local.iface {
        source.set_property("multicast-iface", iface);
    }
    // Its sockets are inside of it.
    if let Some(bin) = source.downcast_ref::<gst::Bin>() {
        let sockets = bin.iterate_all_by_element_factory_name("udpsrc");
        for socket in sockets.into_iter().flatten() {
            socket.set_property("reuse", rist.local.address.is_multicast());
            front.only_networks(&socket);
            // ristsrc looks at every packet's sender itself, and does not ask whether it is there.
            socket.set_property("retrieve-sender-address", true);
        }
    }
    front.transport_stream(&[&source, &make("rtpmp2tdepay")?])?;
    Ok(None)
}
