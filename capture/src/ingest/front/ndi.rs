//! NDI, by the element of gst-plugins-rs, which loads NDI's own library.

use gstreamer::prelude::*;

use super::{Front, Held};
use crate::{Error, elements::make, source::Ndi};

pub(super) fn build(front: &Front<'_>, ndi: &Ndi) -> Result<Held, Error> {
    let (source, demux) = (make("ndisrc")?, make("ndisrcdemux")?);
    match ndi {
        Ndi::Name(name) => source.set_property("ndi-name", name),
        Ndi::Address(host, port) => {
            source.set_property("url-address", front.limits.resolve(host, *port)?.to_string());
        }
    }
    source.set_property("receiver-ndi-name", "Virage");
    front.chain(&[&source, &demux])?;
    front.watch(&source);
    front.streams_of(&demux);
    Ok(None)
}
