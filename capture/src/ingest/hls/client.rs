//! HTTP, held to the limits: every connection, after a redirect too, is to an address that was checked.

use std::{io::Read, sync::Arc, time::Duration};

use ureq::{
    Agent, Body,
    http::Uri,
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::{DefaultConnector, NextTimeout},
    },
};
use url::Url;

use crate::{
    Error,
    source::{Hls, Limits},
};

/// A server that does not answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A whole segment.
const TRANSFER: Duration = Duration::from_secs(30);
/// Sixteen: as many as the client's list of addresses holds.
const ADDRESSES: usize = 16;
const REDIRECTS: usize = 5;

/// Fetches for one source.
pub(in crate::ingest) struct Client {
    agent: Agent,
    first: Url,
    /// `Authorization`, for the server that the source names and no other.
    authorization: Option<String>,
}

/// What came, and from where in the end.
pub(super) struct Answer {
    pub from: Url,
    body: Body,
}

/// Resolves a host once, to what may be connected to.
#[derive(Debug)]
struct Checked(Arc<Limits>);

impl Resolver for Checked {
    fn resolve(&self, uri: &Uri, _: &ureq::config::Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        let found = self.0.resolve_all(host, port).map_err(|e| ureq::Error::Other(Box::new(e)))?;
        let mut allowed = self.empty();
        found.into_iter().take(ADDRESSES).for_each(|address| allowed.push(address));
        Ok(allowed)
    }
}

impl Client {
    pub fn new(hls: &Hls, limits: &Arc<Limits>) -> Result<Self, Error> {
        let config = Agent::config_builder()
            // A proxy would connect in our place, past the limits.
            .proxy(None)
            // Followed by hand: user and password go to no other port either.
            .max_redirects(0)
            .user_agent("virage")
            .timeout_connect(Some(TIMEOUT))
            .timeout_recv_response(Some(TIMEOUT))
            .timeout_recv_body(Some(TRANSFER))
            .build();
        let agent = Agent::with_parts(config, DefaultConnector::default(), Checked(Arc::clone(limits)));
        let first = Url::parse(&hls.playlist()).map_err(|e| Error::Source(format!("the playlist's address: {e}")))?;
        Ok(Self { agent, first, authorization: hls.user.as_ref().map(basic) })
    }

    /// The playlist that the source names.
    pub(super) fn first(&self) -> Url {
        self.first.clone()
    }

    /// Fetches, or says in one line why not. `range` is first byte and length.
    pub(super) fn get(&self, url: &Url, range: Option<(u64, u64)>) -> Result<Answer, String> {
        if !fetched(url) {
            return Err(format!("a playlist names a {} address; only http and https are fetched", url.scheme()));
        }
        let mut at = url.clone();
        for _ in 0..=REDIRECTS {
            let mut request = self.agent.get(at.as_str());
            let shown = self.authorization.as_ref().filter(|_| at.origin() == self.first.origin());
            if let Some(authorization) = shown {
                request = request.header("authorization", authorization);
            }
            if let Some((from, length)) = range {
                request =
                    request.header("range", format!("bytes={from}-{}", from.saturating_add(length).saturating_sub(1)));
            }
            let answer = request.call().map_err(|e| self.why(&e, shown.is_some()))?;
            if !answer.status().is_redirection() {
                return Ok(Answer { from: at, body: answer.into_body() });
            }
            let location = answer.headers().get("location").and_then(|location| location.to_str().ok());
            at = location
                .and_then(|location| at.join(location).ok())
                .ok_or_else(|| format!("the server answers {}, and not where to", answer.status().as_u16()))?;
            if !fetched(&at) {
                return Err(format!(
                    "the server sends us to a {} address; only http and https are fetched",
                    at.scheme()
                ));
            }
        }
        Err("the server redirects without end".into())
    }

    /// `shown`: whether user and password were sent.
    fn why(&self, error: &ureq::Error, shown: bool) -> String {
        match (error, shown) {
            (ureq::Error::StatusCode(401 | 403), true) => "the server refuses user and password".into(),
            (ureq::Error::StatusCode(401 | 403), false) if self.authorization.is_some() => {
                "the server sends us to another one, which wants user and password: they are not for that one".into()
            }
            (ureq::Error::StatusCode(401), false) => {
                "the server asks for user and password: put them into the address, as user:password@".into()
            }
            (ureq::Error::StatusCode(403), false) => "the server does not let us have what is at this address".into(),
            (other, _) => why(other),
        }
    }
}

fn fetched(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

impl Answer {
    /// The whole of it, when it is no longer than `limit`.
    pub fn text(self, limit: u64) -> Result<Vec<u8>, String> {
        self.body.into_with_config().limit(limit).read_to_vec().map_err(|e| why(&e))
    }

    /// It as it comes, at most `limit`.
    pub fn reader(self, limit: u64) -> impl Read {
        self.body.into_with_config().limit(limit).reader()
    }
}

fn why(error: &ureq::Error) -> String {
    match error {
        ureq::Error::StatusCode(404 | 410) => "the server has nothing at this address".into(),
        ureq::Error::StatusCode(code) => format!("the server answers {code}"),
        ureq::Error::Io(e) => format!("the server does not answer: {}", e.kind()),
        ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed => "the server does not answer in time".into(),
        ureq::Error::Other(inner) => inner.to_string(),
        other => other.to_string(),
    }
}

/// HTTP's basic authentication (RFC 7617).
fn basic((user, password): &(String, String)) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}
