//! Says who was turned away, and not more often than somebody can read: whoever reaches the port could fill the disk.

use std::{
    fmt::Display,
    net::SocketAddr,
    sync::Mutex,
    time::{Duration, Instant},
};

use crate::worker::lock;

/// One line in this time.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Refusals(Mutex<(Option<Instant>, u64)>);

impl Refusals {
    /// Logs a refusal, or counts it as one `before` the next line. `why` holds nothing that the peer has sent.
    pub fn say(&self, at: impl Display, peer: Option<SocketAddr>, why: impl Display) {
        let mut state = lock(&self.0);
        let (last, unsaid) = &mut *state;
        if last.is_some_and(|last| last.elapsed() < PAUSE) {
            *unsaid += 1;
            return;
        }
        let before = std::mem::take(unsaid);
        *last = Some(Instant::now());
        let peer = peer.map(|peer| peer.to_string());
        tracing::warn!(%at, peer, before, "publisher turned away: {why}");
    }
}
