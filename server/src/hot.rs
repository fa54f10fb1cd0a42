//! What a crowd asks for at once, in memory: a replay's files are read once, its playlists rendered and compressed once.

use std::{
    fs::File,
    io::{self, Write},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use moka::{future, policy::EvictionPolicy, sync};
use packager::{RenditionId, Run};
use rustix::fs::{MemfdFlags, memfd_create};
use store::{Body, Item};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::live::Text;

/// What an address names.
pub type Key = (RenditionId, Run, Item);

/// Bytes that are kept at most: some minutes of every camera, or a great many replays.
const BYTES: u64 = 256 << 20;
/// From here on a copy costs more than handing pages over.
const LARGE: usize = 32 << 10;
/// Items that are files at once, at most: open files are wanted for connections.
const FILES: usize = 512;

/// An item's bytes; once a crowd asks for them, a file in memory, too, whose pages a socket takes without a copy.
#[derive(Debug)]
pub struct Kept {
    /// The bytes.
    pub bytes: Bytes,
    asked: AtomicBool,
    file: OnceLock<Option<(File, OwnedSemaphorePermit)>>,
    places: Arc<Semaphore>,
}

impl Kept {
    /// The same bytes as a file, from the second time on that they are asked for in this way.
    pub fn file(&self) -> Option<&File> {
        if self.bytes.len() < LARGE || !self.asked.swap(true, Ordering::Relaxed) {
            return None;
        }
        self.file.get_or_init(|| self.filled()).as_ref().map(|(file, _)| file)
    }

    /// Without a place or memory there is no file: the bytes are copied, as ever.
    fn filled(&self) -> Option<(File, OwnedSemaphorePermit)> {
        let place = self.places.clone().try_acquire_owned().ok()?;
        let mut file = File::from(memfd_create("media", MemfdFlags::CLOEXEC).ok()?);
        file.write_all(&self.bytes).ok()?;
        Some((file, place))
    }
}

/// The bytes of what was fetched last. Media never change: what is here is right for as long as it is here.
pub struct Hot {
    kept: future::Cache<Key, Arc<Kept>>,
    places: Arc<Semaphore>,
}

impl Default for Hot {
    fn default() -> Self {
        let weigh = |_: &Key, kept: &Arc<Kept>| {
            let length = kept.bytes.len();
            u32::try_from(if length < LARGE { length } else { 2 * length }).unwrap_or(u32::MAX)
        };
        // The newest is what everybody wants next, however seldom it was asked for yet.
        let kept =
            future::Cache::builder().max_capacity(BYTES).weigher(weigh).eviction_policy(EvictionPolicy::lru()).build();
        Self { kept, places: Arc::new(Semaphore::new(FILES)) }
    }
}

impl Hot {
    /// An item, if it is here.
    pub async fn get(&self, key: &Key) -> Option<Arc<Kept>> {
        self.kept.get(key).await
    }

    /// Reads an item once for all who wait for it.
    ///
    /// # Errors
    /// What the disk reports; the next one who asks tries again.
    pub async fn read(&self, key: Key, body: Body) -> Result<Arc<Kept>, Arc<io::Error>> {
        let read = async {
            let bytes = match body {
                // A part that has just been made: everybody waits for it, and no disk is involved.
                Body::Memory(_) => body.read(),
                Body::File { .. } => {
                    tokio::task::spawn_blocking(move || body.read()).await.map_err(io::Error::other)?
                }
            }?;
            let (asked, file, places) = (AtomicBool::new(false), OnceLock::new(), self.places.clone());
            Ok(Arc::new(Kept { bytes, asked, file, places }))
        };
        self.kept.try_get_with(key, read).await
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

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek};

    use anyhow::{Context, Result};
    use packager::Msn;

    use super::*;

    fn key(msn: u64) -> Result<Key> {
        Ok((RenditionId::new("main", "360p")?, Run(1), Item::Segment(Msn(msn))))
    }

    async fn keep(hot: &Hot, msn: u64, length: usize) -> Result<Arc<Kept>> {
        Ok(hot.read(key(msn)?, Body::Memory(vec![Bytes::from(vec![7; length])])).await?)
    }

    #[tokio::test]
    async fn what_is_large_and_asked_for_again_is_a_file_of_the_same_bytes() -> Result<()> {
        let hot = Hot::default();
        let kept = keep(&hot, 1, LARGE).await?;
        assert!(kept.file().is_none(), "asked for once");
        let mut file = kept.file().context("asked for again")?.try_clone()?;
        let mut bytes = Vec::new();
        file.rewind()?;
        file.read_to_end(&mut bytes)?;
        assert_eq!(bytes, kept.bytes);
        let small = keep(&hot, 2, LARGE - 1).await?;
        assert!((0..3).all(|_| small.file().is_none()));
        Ok(())
    }

    #[tokio::test]
    async fn open_files_have_a_bound_and_are_given_back() -> Result<()> {
        let hot = Hot { places: Arc::new(Semaphore::new(1)), ..Hot::default() };
        let (first, second) = (keep(&hot, 1, LARGE).await?, keep(&hot, 2, LARGE).await?);
        assert!((0..2).filter_map(|_| first.file()).count() == 1);
        assert!((0..2).all(|_| second.file().is_none()), "no place: the bytes are copied");
        hot.kept.invalidate(&key(1)?).await;
        hot.kept.run_pending_tasks().await;
        drop(first);
        let third = keep(&hot, 3, LARGE).await?;
        assert!((0..2).filter_map(|_| third.file()).count() == 1);
        Ok(())
    }
}
