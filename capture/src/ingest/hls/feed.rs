//! One track's segments, one after the other, into a demuxer.

use std::{
    io::Read,
    sync::{Arc, mpsc},
    time::Duration,
};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as app;

use super::{Client, Track};
use crate::{
    Error,
    worker::{Stop, Worker},
};

/// How far from the live edge playing begins, in segments (RFC 8216, 6.3.3).
const BEHIND: usize = 3;
/// What is fetched ahead of the demuxer, in bytes.
const AHEAD: u64 = 8 << 20;
/// What is handed over at once, in bytes.
const CHUNK: usize = 64 << 10;
/// No segment is longer.
const SEGMENT: u64 = 256 << 20;
/// How often a playlist may fail before the source is lost.
const FAILURES: u32 = 3;

/// What pulls a source, until it is dropped.
pub(in crate::ingest) struct Feeding(Stop);

impl crate::ingest::Peer for Feeding {}

impl Drop for Feeding {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl Feeding {
    pub fn start(feeds: Vec<Feed>) -> Result<Self, Error> {
        let feeding = Self(Stop::default());
        for feed in feeds {
            let stop = feeding.0.clone();
            // It ends with its pipeline, or with the fetch that it is in; nobody waits for it.
            Worker::spawn("hls".into(), move || feed.run(&stop))?;
        }
        Ok(feeding)
    }
}

/// Pulls one track.
pub(in crate::ingest) struct Feed {
    client: Arc<Client>,
    track: Track,
    source: app::AppSrc,
    /// Says that the pipeline runs.
    asked: mpsc::Receiver<()>,
    /// The number of the next segment.
    next: u64,
    /// The header that was sent last.
    header: Option<String>,
}

impl Feed {
    pub fn new(client: Arc<Client>, track: Track) -> Self {
        let (ask, asked) = mpsc::sync_channel(1);
        let source = app::AppSrc::builder()
            .format(gst::Format::Bytes)
            .max_bytes(AHEAD)
            .block(true)
            .callbacks(
                app::AppSrcCallbacks::builder()
                    .need_data(move |_, _| {
                        let _ = ask.try_send(());
                    })
                    .build(),
            )
            .build();
        let live = if track.list.end_list { usize::MAX } else { BEHIND };
        let from = track.list.segments.len().saturating_sub(live);
        let next = track.list.media_sequence.saturating_add(from as u64);
        Self { client, track, source, asked, next, header: None }
    }

    pub fn source(&self) -> gst::Element {
        self.source.clone().upcast()
    }

    pub fn is_fragmented(&self) -> bool {
        self.track.is_fragmented()
    }

    fn run(mut self, stop: &Stop) {
        if self.asked.recv().is_err() {
            return;
        }
        let mut failures = 0;
        while !stop.stopped() {
            let failed = match self.segments(stop) {
                Ok(true) => {
                    let _ = self.source.end_of_stream();
                    return;
                }
                Ok(false) => None,
                Err(why) => Some(why),
            };
            let pause = Duration::from_secs(self.track.list.target_duration.clamp(1, 10)) / 2;
            if stop.wait(pause) {
                return;
            }
            match failed.map_or_else(|| self.track.again(&self.client), Err) {
                Ok(track) => {
                    self.track = track;
                    failures = 0;
                }
                Err(_) if failures < FAILURES => failures += 1,
                Err(why) => return self.fail(&why),
            }
        }
    }

    /// Sends what the playlist has and was not sent yet; whether that was the end.
    fn segments(&mut self, stop: &Stop) -> Result<bool, String> {
        let first = self.track.list.media_sequence;
        let end = first.saturating_add(self.track.list.segments.len() as u64);
        // Too late for some, or a server that began anew.
        if self.next < first || self.next > end {
            self.next = end.saturating_sub(BEHIND as u64).max(first);
        }
        while self.next < end && !stop.stopped() {
            let index = usize::try_from(self.next - first).unwrap_or(usize::MAX);
            let Some(segment) = self.track.list.segments.get(index).cloned() else { break };
            if let Some(map) = segment.map.as_ref().filter(|map| self.header.as_ref() != Some(&map.uri)) {
                self.send(&map.uri, range(map.byte_range.as_ref())?, stop)?;
                self.header = Some(map.uri.clone());
            }
            self.send(&segment.uri, range(segment.byte_range.as_ref())?, stop)?;
            self.next += 1;
        }
        Ok(self.track.list.end_list && self.next >= end)
    }

    fn send(&self, uri: &str, range: Option<(u64, u64)>, stop: &Stop) -> Result<(), String> {
        let mut body = self.client.get(&self.track.resolve(uri)?, range)?.reader(SEGMENT);
        while !stop.stopped() {
            let mut chunk = Vec::with_capacity(CHUNK);
            let read = body.by_ref().take(CHUNK as u64).read_to_end(&mut chunk);
            if read.map_err(|e| format!("a segment broke off: {}", e.kind()))? == 0 {
                break;
            }
            if self.source.push_buffer(gst::Buffer::from_mut_slice(chunk)).is_err() {
                // The pipeline is being torn down.
                stop.stop();
            }
        }
        Ok(())
    }

    fn fail(&self, why: &str) {
        let message = gst::message::Error::builder(gst::ResourceError::Read, why).src(&self.source).build();
        let _ = self.source.post_message(message);
    }
}

/// First byte and length of a part of a file.
fn range(range: Option<&m3u8_rs::ByteRange>) -> Result<Option<(u64, u64)>, String> {
    let whole = |range: &m3u8_rs::ByteRange| Some((range.offset?, range.length));
    range.map(|range| whole(range).ok_or_else(|| "a byte range without its beginning".into())).transpose()
}
