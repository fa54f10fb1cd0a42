//! HLS: segments fetched ahead, and shown at the pace of their timestamps.

use std::sync::Arc;

use super::{Front, Held};
use crate::{
    Error,
    elements::make,
    ingest::hls::{Client, Feed, Feeding, open},
    source::Hls,
};

pub(super) fn build(front: &Front<'_>, hls: &Hls) -> Result<Held, Error> {
    let client = Arc::new(Client::new(hls, front.limits)?);
    let tracks = open(&client, front.branches.wants_sound()).map_err(Error::Source)?;
    let feeds: Vec<Feed> = tracks.into_iter().map(|track| Feed::new(Arc::clone(&client), track)).collect();
    for feed in &feeds {
        let (source, demux) = (feed.source(), make(if feed.is_fragmented() { "qtdemux" } else { "tsdemux" })?);
        front.chain(&[&source, &demux])?;
        front.watch(&source);
        front.streams_of(&demux);
    }
    Ok(Some(Box::new(Feeding::start(feeds)?)))
}
