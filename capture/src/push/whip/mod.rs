//! WHIP push (RFC 9725): encoders, phones and browsers publish over WebRTC. HTTP is the server's; this is what it calls.

mod offer;
mod session;
mod sockets;
mod timing;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock, Weak},
};

use tokio::{runtime::Handle, sync::Notify};

use super::{Key, Seat, refusals::Refusals};
use crate::{
    source::{Limits, WhipPush},
    worker::lock,
};

/// An SDP offer, at most: browsers send 8 kB.
const OFFER: usize = 64 << 10;

/// Where a camera takes a publisher. Found by the camera's id with [`find`].
#[derive(Clone)]
pub struct Endpoint(Arc<Shared>);

struct Shared {
    camera: String,
    key: Option<Key>,
    address: SocketAddr,
    limits: Arc<Limits>,
    seat: Arc<Seat>,
    runtime: Handle,
    sessions: Mutex<HashMap<String, Session>>,
    refusals: Refusals,
}

/// A publisher's session, as long as it lasts.
#[derive(Clone)]
pub struct Session {
    etag: String,
    /// The publisher's, by which ICE restarts are told apart from candidates.
    ufrag: Option<String>,
    left: Arc<Notify>,
}

/// What a publisher is answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The session's id: hard to guess, for it is part of an address.
    pub session: String,
    /// The ICE session's entity tag, quoted.
    pub etag: String,
    /// The answer, `application/sdp`.
    pub sdp: String,
}

/// Why a publisher is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The body is no offer.
    #[error("the body is not an SDP offer: {0}")]
    Offer(&'static str),
    /// The offer holds no picture that can be used.
    #[error("the offer has no picture in H.264, H.265, AV1 or VP8 to send; choose H.264 in the encoder")]
    Codecs,
    /// Somebody else is publishing.
    #[error("another publisher is on the air; it has to stop first, or to be silent for 2 s")]
    Taken,
    /// No UDP port could be had.
    #[error("no UDP port for the pictures: {0}")]
    Port(String),
    /// The camera was taken away.
    #[error("the camera is not there any more")]
    Gone,
}

/// Why a session is not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unchanged {
    /// ICE is not started again within a session.
    #[error("ICE cannot be restarted in a session: end it with DELETE and publish anew")]
    Restart,
}

/// A camera's place among the endpoints. Dropped, it is gone.
pub(super) struct Place(Arc<Shared>);

fn endpoints() -> &'static Mutex<HashMap<String, Weak<Shared>>> {
    static ENDPOINTS: OnceLock<Mutex<HashMap<String, Weak<Shared>>>> = OnceLock::new();
    ENDPOINTS.get_or_init(Mutex::default)
}

pub(super) fn open(runtime: &Handle, camera: &str, source: &WhipPush, limits: Arc<Limits>, seat: Arc<Seat>) -> Place {
    let shared = Arc::new(Shared {
        camera: camera.into(),
        key: source.key.clone(),
        address: source.address,
        limits,
        seat,
        runtime: runtime.clone(),
        sessions: Mutex::default(),
        refusals: Refusals::default(),
    });
    lock(endpoints()).insert(camera.into(), Arc::downgrade(&shared));
    Place(shared)
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut endpoints = lock(endpoints());
        // One that was opened since, under the same id, stays.
        if endpoints.get(&self.0.camera).is_some_and(|other| other.as_ptr() == Arc::as_ptr(&self.0)) {
            endpoints.remove(&self.0.camera);
        }
    }
}

/// The endpoint of a camera whose source is `whip://` and that is running.
pub fn find(camera: &str) -> Option<Endpoint> {
    lock(endpoints()).get(camera)?.upgrade().map(Endpoint)
}

impl Endpoint {
    /// Whether a bearer token is the camera's key; `None` when it has none, and the crew decides.
    pub fn admits(&self, token: &str) -> Option<bool> {
        self.0.key.as_ref().map(|key| key.is(token))
    }

    /// Logs that somebody was turned away, in words of ours; a flood of them makes one line a second.
    pub fn turned_away(&self, why: impl std::fmt::Display) {
        self.0.refusals.say(&self.0.camera, None, why);
    }

    /// Takes a publisher.
    ///
    /// # Errors
    /// When the offer cannot be taken, in one line.
    pub async fn publish(&self, offer: Vec<u8>) -> Result<Answer, Refused> {
        let shared = Arc::clone(&self.0);
        let taken = self.0.runtime.spawn(async move { shared.take(&offer).await });
        taken.await.unwrap_or(Err(Refused::Gone))
    }

    /// A session by its id.
    pub fn session(&self, id: &str) -> Option<Session> {
        lock(&self.0.sessions).get(id).cloned()
    }
}

impl Session {
    /// The ICE session's entity tag, quoted.
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// Ends it.
    pub fn end(&self) {
        self.left.notify_one();
    }

    /// Takes a fragment of SDP with more candidates (RFC 8840). They need not be known: the publisher's checks say
    /// where it is.
    ///
    /// # Errors
    /// When it is not about candidates, but starts ICE again.
    pub fn trickle(&self, fragment: &str) -> Result<(), Unchanged> {
        match offer::ufrag(fragment) {
            Some(ufrag) if self.ufrag.as_deref() != Some(ufrag) => Err(Unchanged::Restart),
            _ => Ok(()),
        }
    }
}

impl Shared {
    async fn take(self: Arc<Self>, offer: &[u8]) -> Result<Answer, Refused> {
        let text = std::str::from_utf8(offer).ok().filter(|text| text.len() <= OFFER);
        let text = text.ok_or(Refused::Offer("it is not text of at most 64 kB"))?;
        let offer = offer::Offer::read(text)?;
        let inlet = self.seat.take().await.map_err(|_| Refused::Taken)?;
        let guard = inlet.guard();
        let made = async {
            let sockets =
                sockets::Sockets::open(self.address, &self.limits).await.map_err(|e| Refused::Port(e.to_string()))?;
            let (rtc, sdp) = offer.answer(&sockets)?;
            Ok((sockets, rtc, sdp))
        };
        let (sockets, rtc, sdp) = match made.await {
            Ok(made) => made,
            Err(refused) => {
                // Nothing was pushed: the next one may have it.
                guard.release();
                self.seat.offer(inlet);
                return Err(refused);
            }
        };
        let (id, tag) = (random(), random());
        let left = Arc::new(Notify::new());
        let session = Session {
            etag: format!("\"{tag}\""),
            ufrag: offer::ufrag(text).map(str::to_owned),
            left: Arc::clone(&left),
        };
        let answer = Answer { session: id.clone(), etag: session.etag.clone(), sdp };
        lock(&self.sessions).insert(id.clone(), session);
        tracing::info!(camera = %self.camera, "publishing over WHIP");
        self.runtime.clone().spawn(async move {
            let _guard = guard;
            let why = session::run(rtc, sockets, &inlet, &left).await;
            lock(&self.sessions).remove(&id);
            inlet.end(&why);
        });
        Ok(answer)
    }
}

/// 128 bits that nobody guesses.
fn random() -> String {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).expect("the system has randomness: DTLS needs it too");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
