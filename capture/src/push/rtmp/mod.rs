//! RTMP push: encoders publish to a port of ours, several cameras on one.

mod amf;
mod chunk;
mod link;
mod session;
mod tag;

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, OnceLock, Weak},
    time::Duration,
};

use tokio::{
    net::TcpListener,
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    task::AbortHandle,
};

use super::{Key, Seat, refusals::Refusals};
use crate::{
    source::{LimitError, Limits, RtmpPush},
    worker::lock,
};

/// Connections that have not begun to publish: more are closed at once.
const ARRIVING: usize = 256;
/// Of one address.
const ARRIVING_EACH: usize = 32;

/// A port that is listened to, for as long as a camera is published there.
struct Listener {
    shared: Arc<Shared>,
    accepting: AbortHandle,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// What every connection of a port needs.
struct Shared {
    at: SocketAddr,
    cameras: Mutex<HashMap<String, Camera>>,
    arriving: Arc<Semaphore>,
    each: Mutex<HashMap<IpAddr, usize>>,
    refusals: Refusals,
}

/// A camera that is published here.
#[derive(Clone)]
struct Camera {
    id: String,
    key: Key,
    limits: Arc<Limits>,
    seat: Arc<Seat>,
}

/// A camera's path on a port. Dropped, it is free again.
pub(super) struct Room {
    listener: Arc<Listener>,
    path: String,
}

impl Drop for Room {
    fn drop(&mut self) {
        lock(&self.listener.shared.cameras).remove(&self.path);
    }
}

/// Lets a camera be published.
///
/// # Errors
/// When the port cannot be listened to, or another camera has the same path. In one line.
pub(super) fn open(
    runtime: &Handle,
    camera: &str,
    source: &RtmpPush,
    limits: Arc<Limits>,
    seat: Arc<Seat>,
) -> Result<Room, String> {
    static LISTENERS: OnceLock<Mutex<HashMap<SocketAddr, Weak<Listener>>>> = OnceLock::new();
    let mut listeners = lock(LISTENERS.get_or_init(Mutex::default));
    listeners.retain(|_, listener| listener.strong_count() > 0);
    let listener = match listeners.get(&source.address).and_then(Weak::upgrade) {
        Some(listener) => listener,
        None => {
            let listener = Arc::new(listen(runtime, source.address)?);
            listeners.insert(source.address, Arc::downgrade(&listener));
            listener
        }
    };
    let mut cameras = lock(&listener.shared.cameras);
    if let Some(other) = cameras.get(&source.path) {
        return Err(format!(
            "camera \"{}\" is published at the same address and path; give this one another",
            other.id
        ));
    }
    cameras.insert(source.path.clone(), Camera { id: camera.into(), key: source.key.clone(), limits, seat });
    drop(cameras);
    Ok(Room { listener, path: source.path.clone() })
}

fn listen(runtime: &Handle, at: SocketAddr) -> Result<Listener, String> {
    let _inside = runtime.enter();
    let socket = std::net::TcpListener::bind(at).and_then(|socket| {
        socket.set_nonblocking(true)?;
        TcpListener::from_std(socket)
    });
    let socket = socket.map_err(|error| format!("cannot listen at {at}: {error}"))?;
    let shared = Arc::new(Shared {
        at,
        cameras: Mutex::default(),
        arriving: Arc::new(Semaphore::new(ARRIVING)),
        each: Mutex::default(),
        refusals: Refusals::default(),
    });
    let accepting = runtime.spawn(accept(socket, Arc::clone(&shared))).abort_handle();
    Ok(Listener { shared, accepting })
}

async fn accept(socket: TcpListener, shared: Arc<Shared>) {
    loop {
        match socket.accept().await {
            Ok((stream, peer)) => match Arrival::begin(&shared, peer) {
                Some(arrival) => drop(tokio::spawn(session::serve(stream, arrival))),
                None => shared.refusals.say(shared.at, Some(peer), "too many connections that do not publish"),
            },
            // Out of file descriptors: they come back.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// A connection that has not begun to publish.
struct Arrival {
    shared: Arc<Shared>,
    peer: SocketAddr,
    _slot: OwnedSemaphorePermit,
}

impl Arrival {
    fn begin(shared: &Arc<Shared>, peer: SocketAddr) -> Option<Self> {
        let slot = Arc::clone(&shared.arriving).try_acquire_owned().ok()?;
        let mut each = lock(&shared.each);
        let count = each.entry(peer.ip()).or_default();
        if *count >= ARRIVING_EACH {
            return None;
        }
        *count += 1;
        Some(Self { shared: Arc::clone(shared), peer, _slot: slot })
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let mut each = lock(&self.shared.each);
        match each.get_mut(&self.peer.ip()) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(each.remove(&self.peer.ip())),
        }
    }
}

/// Why somebody may not publish. Holds nothing that was sent: a key may stand in any part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("no camera is published under the application and stream name that were sent")]
    Unknown,
    #[error("it calls from {0}, which is in none of the `networks` of [capture]")]
    Stranger(IpAddr),
    #[error("camera \"{0}\": no key; append ?key=… to the stream name (OBS: the stream key)")]
    NoKey(String),
    #[error("camera \"{0}\": the key is not the one in its source")]
    WrongKey(String),
    #[error("camera \"{camera}\": {why}")]
    Outside { camera: String, why: LimitError },
    #[error("camera \"{camera}\": {why}")]
    Taken { camera: String, why: super::seat::Taken },
}

impl Shared {
    /// The paths that cameras are published at, for the log.
    fn paths(&self) -> String {
        let mut known: Vec<String> = lock(&self.cameras).keys().cloned().collect();
        known.sort_unstable();
        known.join(", ")
    }

    /// The camera that an application and stream name, and a key in either's query, belong to.
    fn admit(&self, peer: IpAddr, app: &str, name: &str) -> Result<Camera, Refusal> {
        let split = |text: &str| match text.split_once('?') {
            Some((path, query)) => (path.trim_matches('/').to_owned(), query.to_owned()),
            None => (text.trim_matches('/').to_owned(), String::new()),
        };
        let ((app, first), (name, second)) = (split(app), split(name));
        let path = format!("{app}/{name}");
        let cameras = lock(&self.cameras);
        let peer = peer.to_canonical();
        // Who may not call learns nothing of what there is.
        if !cameras.values().any(|camera| camera.limits.check(peer).is_ok()) {
            return Err(Refusal::Stranger(peer));
        }
        let camera = cameras.get(&path).cloned().ok_or(Refusal::Unknown)?;
        if let Err(why) = camera.limits.check(peer) {
            return Err(Refusal::Outside { camera: camera.id, why });
        }
        let mut keys = first.split('&').chain(second.split('&')).filter_map(|option| option.strip_prefix("key="));
        match keys.next_back().map(|key| crate::source::decode(key).is_some_and(|key| camera.key.is(&key))) {
            Some(true) => Ok(camera),
            Some(false) => Err(Refusal::WrongKey(camera.id)),
            None => Err(Refusal::NoKey(camera.id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_learns_nothing_of_what_is_published() {
        let shared = Shared {
            at: ([127, 0, 0, 1], 1935).into(),
            cameras: Mutex::default(),
            arriving: Arc::new(Semaphore::new(1)),
            each: Mutex::default(),
            refusals: Refusals::default(),
        };
        let limits = Limits::new(&[], vec!["10.0.0.0/8".parse().expect("a network")]).expect("limits");
        let (id, key, limits) = ("main".into(), Key::new("correct-horse".into()), Arc::new(limits));
        let camera = Camera { id, key, limits, seat: Arc::default() };
        lock(&shared.cameras).insert("live/truck".into(), camera);
        let said = |peer: &str, name: &str| {
            let refused = shared.admit(peer.parse().expect("an address"), "live", name).err();
            refused.map(|refusal| refusal.to_string()).unwrap_or_default()
        };
        for name in ["truck?key=correct-horse", "truck", "other"] {
            let text = said("192.168.0.1", name);
            assert!(
                text.contains("192.168.0.1 is in none") || text.contains("192.168.0.1, which is in none"),
                "{text}"
            );
            assert!(!text.contains("truck") && !text.contains("main"), "{text}");
        }
        assert!(!said("10.0.0.1", "other").contains("truck"), "{}", said("10.0.0.1", "other"));
        assert_eq!(said("::ffff:10.0.0.1", "truck?key=correct-horse"), "");
        assert_eq!(shared.paths(), "live/truck");
    }
}
