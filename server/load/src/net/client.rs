//! One viewer's connections and requests.

use std::{net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::{
    Request,
    body::Incoming,
    client::conn::{http1, http2},
    http::{HeaderMap, HeaderValue, Response, header},
};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use super::{
    Answer, Link,
    dial::{Channel, Dialer, Origin},
};
use crate::{
    fault::Fault,
    tally::{Sort, Tally},
};

/// Redirects followed, at most.
const REDIRECTS: u32 = 5;

type One = http1::SendRequest<Empty<Bytes>>;
type Two = http2::SendRequest<Empty<Bytes>>;

/// One viewer's connections.
pub(crate) struct Client {
    dialer: Arc<Dialer>,
    source: Option<IpAddr>,
    pub(crate) link: Link,
    pub(crate) tally: Arc<Tally>,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<(Origin, One)>>,
    shared: tokio::sync::Mutex<Vec<(Origin, Two)>>,
}

/// One request.
pub(crate) struct Ask<'a> {
    pub(crate) url: &'a Url,
    pub(crate) sort: Sort,
    pub(crate) headers: HeaderMap,
    /// How long the answer's head may take.
    pub(crate) patience: Duration,
}

/// An HTTP/1.1 connection while it is in use.
pub(crate) struct Lease {
    origin: Origin,
    one: Option<One>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Client {
    pub(crate) fn new(
        dialer: Arc<Dialer>,
        source: Option<IpAddr>,
        link: Link,
        tally: Arc<Tally>,
        connections: u32,
    ) -> Self {
        Client {
            dialer,
            source,
            link,
            tally,
            places: Arc::new(Semaphore::new(connections as usize)),
            idle: Mutex::new(Vec::new()),
            shared: tokio::sync::Mutex::new(Vec::new()),
        }
    }

    /// Asks, follows redirects, and answers with the head and where it was found. The lease goes back by
    /// [`done`](Self::done) when the body has been read; dropped, its connection closes, as when a player aborts.
    pub(crate) async fn ask(&self, ask: Ask<'_>) -> Result<(Answer, Lease, Option<Url>), Fault> {
        let mut moved: Option<Url> = None;
        for _ in 0..=REDIRECTS {
            let url = moved.as_ref().unwrap_or(ask.url);
            self.tally.request(ask.sort);
            let (response, lease) = self.send(url, &ask.headers, ask.patience).await?;
            let answer = Answer::new(response, ask.sort);
            let target = match answer.status() {
                301 | 302 | 303 | 307 | 308 => answer.header(header::LOCATION).and_then(|to| url.join(to).ok()),
                _ => return Ok((answer, lease, moved)),
            };
            let target = target.ok_or(Fault::Status(answer.status()))?;
            answer.pass(&self.link, &self.tally).await?;
            self.done(lease);
            moved = Some(target);
        }
        Err(Fault::Redirects)
    }

    /// Keeps the connection for the next request.
    pub(crate) fn done(&self, mut lease: Lease) {
        if let Some(one) = lease.one.take()
            && !one.is_closed()
        {
            self.idle.lock().push((lease.origin, one));
        }
    }

    async fn send(
        &self,
        url: &Url,
        headers: &HeaderMap,
        patience: Duration,
    ) -> Result<(Response<Incoming>, Lease), Fault> {
        let origin = Origin::of(url).ok_or(Fault::Connect)?;
        // A kept connection that the server closes at this very moment says nothing about the server: a player asks again
        // on another, and so on until one is new.
        loop {
            let (channel, kept, mut lease) = self.channel(&origin).await?;
            match channel {
                Channel::One(mut one) => {
                    let request = request(url, headers, false).ok_or(Fault::Connect)?;
                    let sending = async {
                        one.ready().await?;
                        one.send_request(request).await
                    };
                    match tokio::time::timeout(patience, sending).await.map_err(|_| Fault::Timeout)? {
                        Ok(response) => {
                            lease.one = Some(one);
                            return Ok((response, lease));
                        }
                        Err(_) if kept => {}
                        Err(_) => return Err(Fault::Closed),
                    }
                }
                Channel::Two(mut two) => {
                    let request = request(url, headers, true).ok_or(Fault::Connect)?;
                    let sending = async {
                        two.ready().await?;
                        two.send_request(request).await
                    };
                    match tokio::time::timeout(patience, sending).await.map_err(|_| Fault::Timeout)? {
                        Ok(response) => return Ok((response, lease)),
                        Err(_) if kept && two.is_closed() => {}
                        Err(_) => return Err(Fault::Closed),
                    }
                }
            }
        }
    }

    /// A connection, and whether it was open already.
    async fn channel(&self, origin: &Origin) -> Result<(Channel, bool, Lease), Fault> {
        let lease = |place| Lease { origin: origin.clone(), one: None, _place: place };
        if !self.dialer.may_share(origin) {
            let place = self.place().await?;
            if let Some(one) = self.idle_one(origin) {
                return Ok((Channel::One(one), true, lease(Some(place))));
            }
            let channel = self.dial(origin).await?;
            return Ok((channel, false, lease(Some(place))));
        }
        // Requests that come while the one connection is being opened wait for it.
        let mut shared = self.shared.lock().await;
        shared.retain(|(_, two)| !two.is_closed());
        if let Some((_, two)) = shared.iter().find(|(of, _)| of == origin) {
            return Ok((Channel::Two(two.clone()), true, lease(None)));
        }
        if let Some(one) = self.idle_one(origin) {
            drop(shared);
            return Ok((Channel::One(one), true, lease(Some(self.place().await?))));
        }
        match self.dial(origin).await? {
            Channel::Two(two) => {
                shared.push((origin.clone(), two.clone()));
                Ok((Channel::Two(two), false, lease(None)))
            }
            one => {
                drop(shared);
                Ok((one, false, lease(Some(self.place().await?))))
            }
        }
    }

    /// Boxed: handshakes are large and rare, and viewers are many.
    async fn dial(&self, origin: &Origin) -> Result<Channel, Fault> {
        Box::pin(self.dialer.dial(origin, self.source)).await
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, Fault> {
        self.places.clone().acquire_owned().await.map_err(|_| Fault::Connect)
    }

    fn idle_one(&self, origin: &Origin) -> Option<One> {
        let mut idle = self.idle.lock();
        idle.retain(|(_, one)| !one.is_closed());
        let at = idle.iter().position(|(of, _)| of == origin)?;
        Some(idle.swap_remove(at).1)
    }
}

fn request(url: &Url, headers: &HeaderMap, two: bool) -> Option<Request<Empty<Bytes>>> {
    // HTTP/2 carries scheme and host in the address (RFC 9113, 8.3.1), HTTP/1.1 the host in a header (RFC 9112, 3.2).
    let target = if two { url.as_str() } else { &url[url::Position::BeforePath..url::Position::AfterQuery] };
    let mut request = Request::get(target).body(Empty::new()).ok()?;
    request.headers_mut().extend(headers.iter().map(|(name, value)| (name.clone(), value.clone())));
    if !two {
        let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
        request.headers_mut().insert(header::HOST, HeaderValue::from_str(host).ok()?);
    }
    Some(request)
}
