//! Media on disk: the ring of the newest hours, the archive of what marks and highlights keep, and the way back to both
//! after `kill -9`.
//!
//! ```text
//! {data}/lock                                        held while a process works here
//! {data}/runs.json                                   the grid, and every run's anchor
//! {data}/ring/{camera}/{rendition}/{run}-{k}-{msn}.mp4     some two minutes from segment {msn} on
//! {data}/archive/{camera}/{rendition}/{run}-{k}-{msn}.mp4  a kept stretch of segments from {msn} on
//! ```
//!
//! All calls may block on the disk but [`Store::append`], which never does: the newest seconds are served from memory,
//! and one thread writes. A media file is fragmented MP4 that any tool plays; there is no other index: what is in it is
//! read back from its own boxes.
//!
//! **Invariant:** the bytes at an address (rendition, run, number, part) never change, wherever they lie.
//! **Invariant:** a disk that is full, slow, read-only or broken costs recordings, never live.
//! A power cut, other than a killed process, may cost what the system had not yet written of the ring; runs and archive
//! are synced.

mod body;
mod error;
mod expire;
mod files;
mod index;
mod layout;
mod queue;
mod recover;
mod runs;
mod scan;
mod toc;
mod writer;

use std::{
    collections::{BTreeMap, HashMap},
    io,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
        mpsc::sync_channel,
    },
    thread::JoinHandle,
    time::Duration,
};

use packager::{Event, Grid, Msn, RenditionId, Run, Segment, wall::Anchor};

pub use body::Body;
pub use error::StoreError;
pub use expire::Expired;
pub use recover::{Recovered, Rendition};

use files::Folder;
use index::{Found, Key, Track};
use queue::Queue;
use runs::Runs;
use writer::Job;

/// What can be fetched of a rendition and a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Item {
    /// Header number `k`: `ftyp` and `moov`.
    Header(u32),
    /// A segment's parts, once it is done.
    Segment(Msn),
    /// One part, from 0.
    Part(Msn, u32),
}

/// Bounds, with good defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How much media a ring file holds.
    pub file: Duration,
    /// How much of the newest media is served from memory.
    pub tail: Duration,
    /// How long after a failure the disk is tried again.
    pub retry: Duration,
    /// Bytes that may wait for the writer.
    pub queue: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file: Duration::from_secs(120),
            tail: Duration::from_secs(10),
            retry: Duration::from_secs(1),
            queue: 64 << 20,
        }
    }
}

impl Limits {
    fn file_ticks(&self, timescale: u32) -> u64 {
        u64::try_from(self.file.as_millis()).unwrap_or(u64::MAX).saturating_mul(u64::from(timescale)) / 1000
    }
}

/// How the store is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// What is wrong now, in words for the operator. `None`: everything is recorded.
    pub problem: Option<String>,
    /// Renditions that are not recorded now.
    pub failing: Vec<RenditionId>,
    /// Segments that were not recorded since the start.
    pub lost_segments: u64,
    /// Bytes that wait for the writer.
    pub queued_bytes: u64,
    /// Bytes that were written since the start.
    pub written_bytes: u64,
    /// Files that were set aside or left out at the start.
    pub damaged_files: u64,
    /// Bytes that are free on the disk, when the system says.
    pub free_bytes: Option<u64>,
}

/// A data folder that is open. Cheap to clone; the last one dropped writes what waits and unlocks the folder.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    _writer: Arc<Writer>,
}

pub(crate) struct Shared {
    folder: Folder,
    limits: Limits,
    queue: Queue<Job>,
    tracks: RwLock<HashMap<RenditionId, Arc<Track>>>,
    runs: Mutex<Runs>,
    /// What keeps a rendition from being recorded.
    troubles: Mutex<BTreeMap<RenditionId, String>>,
    /// Segments that were not recorded and have left memory.
    vanished: Mutex<Vec<(RenditionId, Run, Msn)>>,
    lost: AtomicU64,
    written: AtomicU64,
    damaged: u64,
}

/// The writing thread, which ends with the last [`Store`].
struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.queue.close();
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by its hook.
            let _ = thread.join();
        }
    }
}

impl Store {
    /// Opens or makes a data folder, for this process alone, and reads back what is in it.
    ///
    /// # Errors
    /// When another process has it, when it was recorded on another grid (the numbers of segments are places on the
    /// grid), or when the file system refuses. A media file that cannot be read is no error: it is set aside.
    pub fn open(root: &Path, grid: Grid) -> Result<(Self, Recovered), StoreError> {
        Self::open_with(root, grid, Limits::default())
    }

    /// [`Store::open`] with other bounds.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(root: &Path, grid: Grid, limits: Limits) -> Result<(Self, Recovered), StoreError> {
        let folder = Folder::open(root)?;
        let runs = Runs::open(&folder, grid)?;
        let recover::Index { recovered, tracks, damaged } = recover::recover(&folder, &runs)?;
        let shared = Arc::new(Shared {
            folder,
            limits,
            queue: Queue::new(limits.queue),
            tracks: RwLock::new(tracks),
            runs: Mutex::new(runs),
            troubles: Mutex::default(),
            vanished: Mutex::default(),
            lost: AtomicU64::new(0),
            written: AtomicU64::new(0),
            damaged,
        });
        let writing = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || writer::run(&writing))
            .map_err(StoreError::io("starting the writer of", root))?;
        let writer = Arc::new(Writer { shared: Arc::clone(&shared), thread: Some(thread) });
        Ok((Self { shared, _writer: writer }, recovered))
    }

    /// Begins a run; on disk before it returns.
    ///
    /// # Errors
    /// When a run of this number or a later one is on record, or the disk refuses.
    pub fn begin_run(&self, anchor: Anchor) -> Result<(), StoreError> {
        lock(&self.shared.runs).begin(&self.shared.folder, anchor)
    }

    /// Takes what a cutter made; `discontinuities` stand before it on its timeline. Never waits: what cannot be recorded
    /// is lost from disk by whole segments, counted, and served from memory as long as any other.
    ///
    /// The run was begun, and a rendition has one cutter in it: numbers of headers and segments are used once.
    pub fn append(&self, id: &RenditionId, run: Run, discontinuities: u64, event: &Event) {
        let shared = &self.shared;
        let track = shared.track(id);
        let mut state = track.state();
        if let Some(job) = state.append(id, run, discontinuities, event) {
            let (key, bytes) = (job.key, job.bytes.len() as u64);
            if !shared.queue.push(Job::Part(Arc::clone(&track), job), bytes) && state.lose(key) {
                shared.trouble(id, "the disk is too slow");
                shared.count_lost(id, key);
            }
        }
        let gone = state.trim(u64::try_from(shared.limits.tail.as_millis()).unwrap_or(u64::MAX));
        drop(state);
        if !gone.is_empty() {
            lock(&shared.vanished).extend(gone.into_iter().map(|(run, msn)| (id.clone(), run, msn)));
        }
    }

    /// Finds bytes. `None` when there is no such item, or not yet: a part is there as soon as it was appended, a segment
    /// when its last part was, or something behind it.
    ///
    /// # Errors
    /// When the file that has it cannot be opened.
    pub fn find(&self, id: &RenditionId, run: Run, item: Item) -> Result<Option<Body>, StoreError> {
        let Some(track) = self.shared.known_track(id) else { return Ok(None) };
        // A file that expires meanwhile is gone from its place; once that is over, what is kept of it is in the archive.
        for _ in 0..3 {
            let found = track.state().find(&track, run, item);
            match found {
                None => return Ok(None),
                Some(Found::Memory(chunks)) => return Ok(Some(Body::Memory(chunks))),
                Some(Found::File { file, path, offset, len }) => match self.shared.folder.reader(file, &path) {
                    Ok(file) => return Ok(Some(Body::File { file, offset, len })),
                    Err(e) if e.kind() == io::ErrorKind::NotFound => drop(lock(&track.expiring)),
                    Err(e) => return Err(StoreError::io("opening", self.shared.folder.shown(path))(e)),
                },
            }
        }
        Ok(None)
    }

    /// Lets go of what is old: ring files that end wholly at or before `before_tick` are deleted, after the segments of
    /// them that `pinned` wants were copied to the archive; archive files of which `pinned` wants nothing are deleted.
    ///
    /// # Errors
    /// The first refusal of the disk; everything else was done. What could not be copied or deleted stays where it is.
    pub fn expire(
        &self,
        id: &RenditionId,
        before_tick: u64,
        pinned: &dyn Fn(&Segment) -> bool,
    ) -> Result<Expired, StoreError> {
        match self.shared.known_track(id) {
            Some(track) => expire::expire(&self.shared, &track, before_tick, pinned),
            None => Ok(Expired::default()),
        }
    }

    /// Renditions of which there is something.
    pub fn renditions(&self) -> Vec<RenditionId> {
        let tracks = self.shared.tracks.read().unwrap_or_else(PoisonError::into_inner);
        tracks.keys().cloned().collect()
    }

    /// Segments that were not recorded and are not in memory any more, since the last call: whoever lists them should
    /// list gaps instead.
    pub fn take_vanished(&self) -> Vec<(RenditionId, Run, Msn)> {
        std::mem::take(&mut *lock(&self.shared.vanished))
    }

    /// Waits until everything that was appended is written or lost.
    pub fn flush(&self) {
        let (done, wait) = sync_channel(1);
        self.shared.queue.push(Job::Flush(done), 0);
        // The writer lives as long as this store; should it have panicked, there is nothing to wait for.
        let _ = wait.recv();
    }

    /// How it is.
    pub fn health(&self) -> Health {
        let shared = &self.shared;
        let troubles = lock(&shared.troubles).clone();
        let lost_segments = shared.lost.load(Ordering::Relaxed);
        let problem = troubles.first_key_value().map(|(id, why)| {
            let others = match troubles.len() - 1 {
                0 => String::new(),
                n => format!(" and {n} more"),
            };
            format!("{id}{others}: not recorded, {why}. Live goes on; {lost_segments} segments are not on disk.")
        });
        Health {
            problem,
            failing: troubles.into_keys().collect(),
            lost_segments,
            queued_bytes: shared.queue.bytes(),
            written_bytes: shared.written.load(Ordering::Relaxed),
            damaged_files: shared.damaged,
            free_bytes: shared.folder.free_bytes(),
        }
    }
}

impl Shared {
    fn known_track(&self, id: &RenditionId) -> Option<Arc<Track>> {
        self.tracks.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn track(&self, id: &RenditionId) -> Arc<Track> {
        self.known_track(id).unwrap_or_else(|| {
            let mut tracks = self.tracks.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(tracks.entry(id.clone()).or_insert_with(|| Arc::new(Track::new(id.clone()))))
        })
    }

    /// Gives a segment's recording up.
    fn lose(&self, track: &Track, key: Key) {
        if track.state().lose(key) {
            self.count_lost(&track.id, key);
        }
    }

    fn count_lost(&self, id: &RenditionId, (run, msn): Key) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(rendition = %id, %run, %msn, "a segment is not recorded");
    }

    /// Notes why a rendition is not recorded, once.
    fn trouble(&self, id: &RenditionId, why: &str) {
        let before = lock(&self.troubles).insert(id.clone(), why.into());
        if before.as_deref() != Some(why) {
            tracing::error!(rendition = %id, why, "recording stops, live goes on");
        }
    }

    /// Notes that a rendition is recorded.
    fn recovered(&self, id: &RenditionId) {
        if lock(&self.troubles).remove(id).is_some() {
            tracing::info!(rendition = %id, "recording goes on");
        }
    }

    fn wrote(&self, bytes: u64) {
        self.written.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// What these locks protect is whole at every step: a panic elsewhere leaves it good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
