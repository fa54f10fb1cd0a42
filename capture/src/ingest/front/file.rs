//! Files.

use std::os::fd::AsRawFd;

use gstreamer::prelude::*;

use super::{Front, Held};
use crate::{Error, elements::make, source::File};

pub(super) fn build(front: &Front<'_>, file: &File) -> Result<Held, Error> {
    let opened = front.limits.open(&file.path)?;
    // By its descriptor: what was checked is what is read, wherever its name leads by now.
    let read = make("filesrc")?;
    read.set_property("location", format!("/proc/self/fd/{}", opened.as_raw_fd()));
    // A transport stream's PCR maps a whole file's timestamps evenly: unlike a live one's, it is not ignored.
    let demux = make(file.demuxer())?;
    front.chain(&[&read, &demux])?;
    front.watch(&read);
    front.streams_of(&demux);
    Ok(Some(Box::new(opened)))
}
