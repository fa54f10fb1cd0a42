//! A camera's place for one publisher.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::Notify;

use crate::{ingest::Inlet, worker::lock};

/// How long somebody who comes while another publishes waits: a publisher that sends nothing is given up after 2 s, and
/// then the newcomer, most often the same encoder on a new connection, has the place.
const PATIENCE: Duration = Duration::from_secs(4);

/// Where a camera's present pipeline waits for a publisher. Lives as long as the camera; pipelines come and go.
#[derive(Default)]
pub(crate) struct Seat {
    free: Mutex<Option<Arc<Inlet>>>,
    changed: Notify,
}

/// Somebody else has the place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("another publisher is on the air")]
pub(crate) struct Taken;

impl Seat {
    /// A pipeline waits for a publisher.
    pub fn offer(&self, inlet: Arc<Inlet>) {
        *lock(&self.free) = Some(inlet);
        self.changed.notify_waiters();
    }

    /// The pipeline that waits has ended.
    pub fn withdraw(&self) {
        *lock(&self.free) = None;
    }

    /// Takes the place.
    pub async fn take(&self) -> Result<Arc<Inlet>, Taken> {
        let free = async {
            loop {
                let changed = self.changed.notified();
                if let Some(inlet) = lock(&self.free).take() {
                    return inlet;
                }
                changed.await;
            }
        };
        tokio::time::timeout(PATIENCE, free).await.map_err(|_| Taken)
    }
}
