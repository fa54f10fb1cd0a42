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
    #[error("no camera is published under the application and stream name that were sent; there are: {0}")]
    Unknown(String),
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
    /// The camera that an application and stream name, and a key in either's query, belong to.
    fn admit(&self, peer: IpAddr, app: &str, name: &str) -> Result<Camera, Refusal> {
        let split = |text: &str| match text.split_once('?') {
            Some((path, query)) => (path.trim_matches('/').to_owned(), query.to_owned()),
            None => (text.trim_matches('/').to_owned(), String::new()),
        };
        let ((app, first), (name, second)) = (split(app), split(name));
        let path = format!("{app}/{name}");
        let cameras = lock(&self.cameras);
        let camera = cameras.get(&path).cloned().ok_or_else(|| {
            let mut known: Vec<_> = cameras.keys().map(String::as_str).collect();
            known.sort_unstable();
            Refusal::Unknown(known.join(", "))
        })?;
        if let Err(why) = camera.limits.check(peer.to_canonical()) {
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
