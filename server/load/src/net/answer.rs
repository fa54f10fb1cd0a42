//! Bodies: counted at the link's pace, kept only when they are text to be read.

use std::{io::Read, time::Duration};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{Response, body::Incoming, http::header};
use tokio::time::Instant;

use super::Link;
use crate::{fault::Fault, tally::Sort, tally::Tally};

/// A playlist is at most this long, inflated.
const LONGEST_TEXT: u64 = 16 << 20;
/// A body that brings nothing for so long has stalled.
const SILENCE: Duration = Duration::from_secs(10);

/// The head of an answer, and its body still to come.
pub(crate) struct Answer {
    response: Response<Incoming>,
    sort: Sort,
    /// When the head came.
    headed: Instant,
}

/// A body that has been read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passed {
    /// Bytes on the wire.
    pub(crate) bytes: u64,
    /// From the answer's head to the last byte.
    pub(crate) took: Duration,
}

impl Answer {
    pub(super) fn new(response: Response<Incoming>, sort: Sort) -> Self {
        Answer { response, sort, headed: Instant::now() }
    }

    /// The status.
    pub(crate) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// A header as text.
    pub(crate) fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// Reads the body and forgets it.
    pub(crate) async fn pass(mut self, link: &Link, tally: &Tally) -> Result<Passed, Fault> {
        let promised = self.promised();
        let mut bytes = 0;
        while let Some(chunk) = self.chunk(link, tally, SILENCE).await? {
            bytes += chunk.len() as u64;
        }
        match promised {
            Some(promised) if promised != bytes => Err(Fault::Short),
            _ => Ok(Passed { bytes, took: self.headed.elapsed() }),
        }
    }

    /// Reads the body as text.
    pub(crate) async fn text(mut self, link: &Link, tally: &Tally) -> Result<String, Fault> {
        let gzipped = self.header(header::CONTENT_ENCODING) == Some("gzip");
        let promised = self.promised();
        let mut body = Vec::with_capacity(promised.unwrap_or(4096).min(LONGEST_TEXT) as usize);
        while let Some(chunk) = self.chunk(link, tally, SILENCE).await? {
            body.extend_from_slice(&chunk);
            if body.len() as u64 > LONGEST_TEXT {
                return Err(Fault::Unreadable);
            }
        }
        if promised.is_some_and(|promised| promised != body.len() as u64) {
            return Err(Fault::Short);
        }
        if !gzipped {
            return String::from_utf8(body).map_err(|_| Fault::Unreadable);
        }
        let mut text = String::new();
        let inflating = flate2::read::GzDecoder::new(body.as_slice()).take(LONGEST_TEXT).read_to_string(&mut text);
        inflating.map(|_| text).map_err(|_| Fault::Unreadable)
    }

    /// The next bytes, once they have passed the link; none at the end.
    pub(crate) async fn chunk(
        &mut self,
        link: &Link,
        tally: &Tally,
        patience: Duration,
    ) -> Result<Option<Bytes>, Fault> {
        loop {
            let frame = tokio::time::timeout(patience, self.response.body_mut().frame());
            let frame = match frame.await.map_err(|_| Fault::Timeout)? {
                None => return Ok(None),
                Some(frame) => frame.map_err(|_| Fault::Short)?,
            };
            if let Ok(data) = frame.into_data() {
                tally.bytes(self.sort, data.len() as u64);
                link.pass(data.len()).await;
                return Ok(Some(data));
            }
        }
    }

    fn promised(&self) -> Option<u64> {
        self.header(header::CONTENT_LENGTH)?.parse().ok()
    }
}
