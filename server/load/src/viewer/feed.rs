//! A viewer of the feed: one event stream, open and idle.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::atomic::Ordering::Relaxed,
    time::Duration,
};

use hyper::http::{HeaderMap, HeaderValue, header};
use tokio::time::Instant;

use super::{Viewer, fetch::PATIENCE};
use crate::{
    fault::Fault,
    net::Ask,
    tally::{Sort, Tally},
};

/// Servers send at least a comment this often; browsers wait for ever, a person does not.
const SILENCE: Duration = Duration::from_secs(120);
/// What browsers wait before they open a stream again.
const AGAIN: Duration = Duration::from_secs(1);
/// An event is at most this long.
const LONGEST: usize = 1 << 20;

impl Viewer {
    /// Listens for ever.
    pub(super) async fn listen(&self) {
        let mut events = Events::default();
        let mut opened = false;
        loop {
            let fault = match self.stream(&mut events, &mut opened).await {
                // A stream that ends is opened again, whatever the reason.
                Ok(()) => Fault::Closed,
                Err(fault) => fault,
            };
            self.tally().fault(fault);
            if !fault.passing() {
                self.tally().gave_up.fetch_add(1, Relaxed);
                return;
            }
            events.pending.clear();
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn stream(&self, events: &mut Events, opened: &mut bool) -> Result<(), Fault> {
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
        if let Some(last) = events.last.as_deref().and_then(|id| HeaderValue::from_str(id).ok()) {
            headers.insert("last-event-id", last);
        }
        let ask = Ask { url: &self.url, sort: Sort::Events, headers, patience: PATIENCE };
        let (mut answer, _lease, _) = self.client.ask(ask).await?;
        match answer.status() {
            200 => {}
            status => return Err(Fault::Status(status)),
        }
        if !answer.header(header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("text/event-stream")) {
            return Err(Fault::NotEvents);
        }
        if !std::mem::replace(opened, true) {
            self.tally().opened(self.began.elapsed());
        }
        let _open = Open::new(self.tally());
        while let Some(chunk) = answer.chunk(&self.client.link, self.tally(), SILENCE).await? {
            let now = Instant::now();
            events.read(&chunk, |event| self.tally().heard(event, now))?;
        }
        Ok(())
    }
}

/// A stream while it is open.
struct Open<'a>(&'a Tally);

impl<'a> Open<'a> {
    fn new(tally: &'a Tally) -> Self {
        tally.open.fetch_add(1, Relaxed);
        Open(tally)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}

/// What has come of an event stream (WHATWG HTML, 9.2.6).
#[derive(Default)]
struct Events {
    pending: Vec<u8>,
    last: Option<String>,
}

impl Events {
    /// Takes bytes and tells of each event that they complete, by a number that tells events apart.
    fn read(&mut self, bytes: &[u8], mut tell: impl FnMut(u64)) -> Result<(), Fault> {
        // Lines may end with CR LF; without the CR an event ends at an empty line all the same.
        self.pending.extend(bytes.iter().filter(|b| **b != b'\r'));
        while let Some(end) = self.pending.windows(2).position(|two| two == b"\n\n") {
            let block: Vec<u8> = self.pending.drain(..end + 2).collect();
            if let Some(event) = self.event(&block) {
                tell(event);
            }
        }
        if self.pending.len() > LONGEST { Err(Fault::NotEvents) } else { Ok(()) }
    }

    fn event(&mut self, block: &[u8]) -> Option<u64> {
        let text = String::from_utf8_lossy(block);
        let field = |name: &str| {
            text.lines()
                .filter_map(move |line| line.strip_prefix(name)?.strip_prefix(':'))
                .map(str::trim_start)
                .next_back()
        };
        let id = field("id");
        if let Some(id) = id {
            self.last = Some(id.to_owned());
        }
        field("data")?;
        let mut hasher = DefaultHasher::new();
        match id {
            Some(id) => id.hash(&mut hasher),
            None => text.hash(&mut hasher),
        }
        Some(hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_told_apart_whatever_the_chunks() {
        let stream =
            b"retry: 1000\n\n:\n\nid: 7\nevent: a\ndata: x\n\nid: 8\r\ndata: y\r\n\r\nid: 7\nevent: a\ndata: x\n\n";
        for size in [1, 2, 7, stream.len()] {
            let (mut events, mut told) = (Events::default(), Vec::new());
            stream.chunks(size).for_each(|chunk| events.read(chunk, |e| told.push(e)).expect("a stream"));
            assert_eq!(told.len(), 3, "{size}");
            assert!(told[0] == told[2] && told[0] != told[1]);
            assert_eq!(events.last.as_deref(), Some("7"));
        }
    }

    #[test]
    fn a_stream_without_end_is_none() {
        let mut events = Events::default();
        assert!((0..40).map(|_| events.read(&[b'x'; 65_536], |_| {})).any(|result| result.is_err()));
    }
}
