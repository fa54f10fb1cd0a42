//! What a crowd asks for at once, in memory: a replay's files are read once, its playlists rendered and compressed once.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use moka::{future, policy::EvictionPolicy, sync};
use packager::{RenditionId, Run};
use store::{Body, Item};

use crate::live::Text;

/// What an address names.
pub type Key = (RenditionId, Run, Item);

/// Bytes that are kept at most: some minutes of every camera, or a great many replays.
const BYTES: u64 = 256 << 20;

/// The bytes of what was fetched last. Media never change: what is here is right for as long as it is here.
pub struct Hot(future::Cache<Key, Bytes>);

impl Default for Hot {
    fn default() -> Self {
        let weigh = |_: &Key, bytes: &Bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        // The newest is what everybody wants next, however seldom it was asked for yet.
        Self(future::Cache::builder().max_capacity(BYTES).weigher(weigh).eviction_policy(EvictionPolicy::lru()).build())
    }
}

impl Hot {
    /// The bytes of an item, if they are here.
    pub async fn get(&self, key: &Key) -> Option<Bytes> {
        self.0.get(key).await
    }

    /// Reads an item once for all who wait for it.
    ///
    /// # Errors
    /// What the disk reports; the next one who asks tries again.
    pub async fn read(&self, key: Key, body: Body) -> Result<Bytes, Arc<io::Error>> {
        let read = async {
            match body {
                // A part that has just been made: everybody waits for it, and no disk is involved.
                Body::Memory(_) => body.read(),
                Body::File { .. } => {
                    tokio::task::spawn_blocking(move || body.read()).await.map_err(io::Error::other)?
                }
            }
        };
        self.0.try_get_with(key, read).await
    }
}

/// How long a rendered playlist stands for what it was rendered from: as long as caches are told.
const BRIEF: Duration = Duration::from_secs(1);
/// Playlists that are kept at most.
const PLAYLISTS: u64 = 4096;

/// Playlists that were rendered within the last second.
pub struct Brief(sync::Cache<String, Arc<Text>>);

impl Default for Brief {
    fn default() -> Self {
        Self(sync::Cache::builder().max_capacity(PLAYLISTS).time_to_live(BRIEF).build())
    }
}

impl Brief {
    /// The playlist of this name, rendered when there is none of the last second.
    ///
    /// # Errors
    /// What `render` says; it is asked again next time.
    pub fn text<E: Clone + Send + Sync + 'static>(
        &self,
        name: String,
        render: impl FnOnce() -> Result<String, E>,
    ) -> Result<Arc<Text>, E> {
        self.0.try_get_with(name, || render().map(Text::new)).map_err(|e: Arc<E>| E::clone(&e))
    }
}
