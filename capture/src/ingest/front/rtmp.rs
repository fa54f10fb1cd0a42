//! A stream of an RTMP server. GStreamer's client follows no redirect.

use gstreamer::prelude::*;

use super::{Front, Held};
use crate::{Error, elements::make, source::Rtmp};

/// A server that does not answer, in seconds.
const TIMEOUT: u32 = 3;

pub(super) fn build(front: &Front<'_>, rtmp: &Rtmp) -> Result<Held, Error> {
    let source = make("rtmp2src")?;
    source.set_property_from_str("scheme", if rtmp.tls { "rtmps" } else { "rtmp" });
    let host = match front.limits.has_networks() {
        true => front.limits.resolve(&rtmp.host, rtmp.port())?.ip().to_string(),
        // A virtual host is known by its name.
        false => rtmp.host.clone(),
    };
    source.set_property("host", host);
    source.set_property("port", i32::from(rtmp.port()));
    source.set_property("application", &rtmp.application);
    let query = rtmp.query.as_ref().map_or_else(String::new, |query| format!("?{query}"));
    source.set_property("stream", format!("{}{query}", rtmp.stream));
    if let Some((user, password)) = &rtmp.user {
        source.set_property("username", user);
        source.set_property("password", password);
    }
    source.set_property("timeout", TIMEOUT);
    let demux = make("flvdemux")?;
    front.chain(&[&source, &demux])?;
    front.watch(&source);
    front.streams_of(&demux);
    Ok(None)
}
