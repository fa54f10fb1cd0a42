//! A viewer's requests, as its player writes them.

use std::time::Duration;

use hyper::http::{HeaderMap, HeaderValue, header};
use tokio::time::Instant;
use url::Url;

use super::{TRIES, Viewer, backoff};
use crate::{
    cmcd::{Object, Said},
    fault::Fault,
    net::{Answer, Ask},
    playlist::Range,
    tally::Sort,
};

/// The head of an ordinary answer comes within this.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// What is fetched for a track.
pub(super) struct Wanted<'a> {
    pub(super) url: &'a Url,
    pub(super) range: Option<Range>,
    pub(super) object: Object,
    /// Seconds of media.
    pub(super) duration: f64,
    pub(super) patience: Duration,
    pub(super) track: usize,
    /// What its absence is.
    pub(super) missing: Fault,
}

impl Viewer {
    /// A playlist's text, and where it was found if elsewhere. Errors are counted.
    pub(super) async fn text(&self, url: &Url, patience: Duration) -> Result<(String, Option<Url>), Fault> {
        // Boxed, as below: a viewer that waits holds no room for requests.
        let result = Box::pin(self.try_text(url, patience)).await;
        result.inspect_err(|fault| self.tally().fault(*fault))
    }

    /// The same, again and again until it comes or the server says no.
    pub(super) async fn insist(&self, url: &Url) -> Option<(String, Option<Url>)> {
        for tries in 1..=TRIES {
            match self.text(url, PATIENCE).await {
                Ok(found) => return Some(found),
                Err(fault) if fault.passing() => tokio::time::sleep(backoff(tries)).await,
                Err(_) => return None,
            }
        }
        None
    }

    /// Fetches media or a header and throws it away. Errors are counted.
    pub(super) async fn fetch(&self, wanted: &Wanted<'_>) -> Result<(), Fault> {
        let result = Box::pin(self.try_fetch(wanted)).await;
        result.inspect_err(|fault| self.tally().fault(*fault))
    }

    async fn try_text(&self, url: &Url, patience: Duration) -> Result<(String, Option<Url>), Fault> {
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        self.say(Object::Manifest, 0.0, 0, &mut headers);
        let ask = Ask { url, sort: Sort::Playlist, headers, patience };
        let (answer, lease, moved) = self.client.ask(ask).await?;
        let status = answer.status();
        if !(200..300).contains(&status) {
            answer.pass(&self.client.link, self.tally()).await?;
            self.client.done(lease);
            return Err(Fault::Status(status));
        }
        let text = answer.text(&self.client.link, self.tally()).await?;
        self.client.done(lease);
        Ok((text, moved))
    }

    async fn try_fetch(&self, wanted: &Wanted<'_>) -> Result<(), Fault> {
        let mut headers = HeaderMap::with_capacity(8);
        if let Some(Range { from, length }) = wanted.range {
            let last = from.saturating_add(length).saturating_sub(1);
            headers.insert(
                header::RANGE,
                HeaderValue::try_from(format!("bytes={from}-{last}")).map_err(|_| Fault::Empty)?,
            );
        }
        self.say(wanted.object, wanted.duration, wanted.track, &mut headers);
        let sort = if wanted.object == Object::Init { Sort::Init } else { Sort::Media };
        let ask = Ask { url: wanted.url, sort, headers, patience: wanted.patience };
        let (answer, lease, _) = self.client.ask(ask).await?;
        let fault = refused(&answer, wanted);
        let passed = answer.pass(&self.client.link, self.tally()).await?;
        self.client.done(lease);
        match fault {
            Some(fault) => return Err(fault),
            None if passed.bytes == 0 => return Err(Fault::Empty),
            None => {}
        }
        if wanted.track == 0 && sort == Sort::Media {
            self.estimate.lock().transfer(passed.bytes, passed.took);
        }
        Ok(())
    }

    /// Adds what CMCD says.
    fn say(&self, object: Object, duration: f64, track: usize, headers: &mut HeaderMap) {
        let now = Instant::now();
        let (buffer, urgent, starved) = {
            let mut playback = self.playback.lock();
            (playback.ahead(track, now), !playback.playing(now), playback.starved())
        };
        let said = Said {
            object,
            bitrate: if track == 0 { self.rung().map_or(0, |r| r.bandwidth) } else { 0 },
            top: if track == 0 { self.rungs().last().map_or(0, |r| r.bandwidth) } else { 0 },
            duration,
            buffer,
            measured: self.estimate.lock().measured(),
            urgent,
            starved,
            session: &self.session,
            content: self.url.path(),
            live: self.live.get().copied(),
        };
        said.headers(headers);
    }
}

fn refused(answer: &Answer, wanted: &Wanted<'_>) -> Option<Fault> {
    match answer.status() {
        404 | 410 => Some(wanted.missing),
        status if (200..300).contains(&status) => None,
        status => Some(Fault::Status(status)),
    }
}
