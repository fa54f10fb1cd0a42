//! What a rendition has, in memory and on disk.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use packager::{Event, Format, Msn, Part, PartEntry, RenditionId, Run, Segment};

use crate::{
    Item,
    files::{FileId, Folder, Name, Place},
    layout::{self, MARKER_BYTES, Marker},
    scan::Piece,
    toc::Toc,
};

/// A segment's address in its rendition.
pub(crate) type Key = (Run, Msn);

/// One rendition. No disk is touched under its lock.
pub(crate) struct Track {
    pub(crate) id: RenditionId,
    state: Mutex<State>,
    /// Held while old files go: one at a time.
    pub(crate) expiring: Mutex<()>,
}

impl Track {
    pub(crate) fn new(id: RenditionId) -> Self {
        Self { id, state: Mutex::default(), expiring: Mutex::default() }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // Every change leaves the state whole at each step: what a panicking reader left is good.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a file of this rendition lies.
    pub(crate) fn path(&self, rec: &FileRec) -> PathBuf {
        Folder::of(rec.place, &self.id).join(rec.name.to_string())
    }
}

/// A header that segments of a run are decoded with.
pub(crate) struct HeaderEntry {
    pub(crate) bytes: Bytes,
    pub(crate) crc: u32,
    pub(crate) read: layout::Header,
}

/// Where a segment's first part begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) file: FileId,
    pub(crate) offset: u64,
}

/// A segment.
pub(crate) struct Entry {
    pub(crate) header: u32,
    pub(crate) discontinuities: u64,
    pub(crate) start: u64,
    pub(crate) duration: u64,
    pub(crate) parts: Vec<PartEntry>,
    pub(crate) done: bool,
    /// The parts' bytes, while it is new.
    pub(crate) memory: Option<Vec<Bytes>>,
    /// How many parts are on disk.
    pub(crate) written: usize,
    /// It could not be recorded, and will not be.
    pub(crate) lost: bool,
    pub(crate) ring: Option<At>,
    pub(crate) archive: Option<At>,
}

impl Entry {
    pub(crate) fn end(&self) -> u64 {
        self.start.saturating_add(self.duration)
    }

    pub(crate) fn size(&self) -> u64 {
        self.parts.iter().map(|p| u64::from(p.size)).sum()
    }

    pub(crate) fn segment(&self, (run, msn): Key) -> Segment {
        Segment {
            msn,
            run,
            header: self.header,
            discontinuities: self.discontinuities,
            start: self.start,
            parts: self.parts.clone(),
            duration: self.duration,
            done: self.done,
        }
    }
}

/// A file of the ring or the archive.
#[derive(Clone, Debug)]
pub(crate) struct FileRec {
    pub(crate) place: Place,
    pub(crate) name: Name,
    pub(crate) segments: Vec<Key>,
    /// Still being written.
    pub(crate) open: bool,
}

/// What is to be written.
pub(crate) struct PartJob {
    pub(crate) key: Key,
    pub(crate) index: u32,
    pub(crate) bytes: Bytes,
}

/// Where bytes were found.
pub(crate) enum Found {
    Memory(Vec<Bytes>),
    File { file: FileId, path: PathBuf, offset: u64, len: u64 },
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) headers: BTreeMap<(Run, u32), HeaderEntry>,
    pub(crate) segments: BTreeMap<Key, Entry>,
    pub(crate) files: HashMap<FileId, FileRec>,
    /// Segments whose bytes are in memory, oldest first.
    tail: Vec<Key>,
    /// The segment that parts are appended to.
    open: Option<Key>,
}

impl State {
    /// Takes what the cutter made. A part of it is to be written unless its segment is lost.
    pub(crate) fn append(
        &mut self,
        id: &RenditionId,
        run: Run,
        discontinuities: u64,
        event: &Event,
    ) -> Option<PartJob> {
        match event {
            Event::Header { k, bytes, format } => {
                self.close_open();
                self.header(id, (run, *k), bytes, format);
                None
            }
            Event::Gap { .. } => {
                self.close_open();
                None
            }
            Event::Part(part) => self.part(id, run, discontinuities, part),
        }
    }

    fn header(&mut self, id: &RenditionId, key: (Run, u32), bytes: &Bytes, format: &Format) {
        if let Some(known) = self.headers.get(&key) {
            if known.bytes != *bytes {
                tracing::error!(rendition = %id, run = %key.0, header = key.1, "a header changed under its number");
            }
            return;
        }
        let Some(mut read) = layout::Header::read(bytes) else {
            tracing::error!(rendition = %id, run = %key.0, header = key.1, "a header that cannot be read back");
            return;
        };
        // With the length of a frame, which the boxes do not say.
        read.format = format.clone();
        let crc = layout::header_crc(bytes);
        self.headers.insert(key, HeaderEntry { bytes: bytes.clone(), crc, read });
    }

    fn part(&mut self, id: &RenditionId, run: Run, discontinuities: u64, part: &Part) -> Option<PartJob> {
        let key = (run, part.msn);
        if self.open != Some(key) {
            self.close_open();
            let stale = self.segments.last_key_value().is_some_and(|(newest, _)| *newest >= key);
            if stale || part.index != 0 || !self.headers.contains_key(&(run, part.header)) {
                tracing::error!(rendition = %id, %run, msn = %part.msn, part = part.index, "a part out of order");
                return None;
            }
            self.segments.insert(
                key,
                Entry {
                    header: part.header,
                    discontinuities,
                    start: part.start,
                    duration: 0,
                    parts: Vec::new(),
                    done: false,
                    memory: Some(Vec::new()),
                    written: 0,
                    lost: false,
                    ring: None,
                    archive: None,
                },
            );
            self.tail.push(key);
            self.open = Some(key);
        }
        let entry = self.segments.get_mut(&key)?;
        entry.parts.push(PartEntry {
            duration: u32::try_from(part.duration).unwrap_or(u32::MAX),
            size: u32::try_from(part.bytes.len()).unwrap_or(u32::MAX),
            independent: part.independent,
        });
        entry.duration += part.duration;
        entry.memory.get_or_insert_default().push(part.bytes.clone());
        let lost = entry.lost;
        if part.last {
            self.close_open();
        }
        (!lost).then(|| PartJob { key, index: part.index, bytes: part.bytes.clone() })
    }

    fn close_open(&mut self) {
        if let Some(entry) = self.open.take().and_then(|key| self.segments.get_mut(&key)) {
            entry.done = true;
        }
    }

    /// Lets go of bytes that are on disk and older than `keep_ms`; hands back segments that are nowhere any more.
    pub(crate) fn trim(&mut self, keep_ms: u64) -> Vec<Key> {
        let Some(newest) = self.tail.last().and_then(|key| self.segments.get(key)).map(Entry::end) else {
            return Vec::new();
        };
        let (segments, headers) = (&mut self.segments, &self.headers);
        let mut gone = Vec::new();
        self.tail.retain(|key| {
            let Some(entry) = segments.get_mut(key) else { return false };
            let timescale = headers.get(&(key.0, entry.header)).map_or(1, |h| h.read.timescale);
            let keep = u64::from(timescale).saturating_mul(keep_ms) / 1000;
            let on_disk = entry.written == entry.parts.len();
            if !entry.done || entry.end().saturating_add(keep) > newest || !(entry.lost || on_disk) {
                return true;
            }
            if entry.lost {
                segments.remove(key);
                gone.push(*key);
            } else {
                entry.memory = None;
            }
            false
        });
        gone
    }

    /// Marks a segment as not recorded; whether that is news.
    pub(crate) fn lose(&mut self, key: Key) -> bool {
        let Some(entry) = self.segments.get_mut(&key).filter(|e| !e.lost) else { return false };
        entry.lost = true;
        let at = entry.ring.take();
        if let Some(rec) = at.and_then(|at| self.files.get_mut(&at.file)) {
            rec.segments.retain(|k| *k != key);
        }
        true
    }

    /// What stands before a segment's parts in a file, and the header that the file must have. `None` when the segment is
    /// lost or gone.
    pub(crate) fn marker(&self, key: Key) -> Option<(Marker, Bytes)> {
        let entry = self.segments.get(&key).filter(|e| !e.lost)?;
        let header = self.headers.get(&(key.0, entry.header))?;
        let marker = Marker {
            run: key.0,
            header: entry.header,
            msn: key.1,
            start: entry.start,
            discontinuities: entry.discontinuities,
            timescale: header.read.timescale,
            header_crc: header.crc,
        };
        Some((marker, header.bytes.clone()))
    }

    /// Notes that one more part of a segment is on disk.
    pub(crate) fn wrote(&mut self, key: Key, at: At) {
        let Some(entry) = self.segments.get_mut(&key).filter(|e| !e.lost) else { return };
        entry.written += 1;
        if entry.ring.is_none() {
            entry.ring = Some(at);
            if let Some(rec) = self.files.get_mut(&at.file) {
                rec.segments.push(key);
            }
        }
    }

    /// What a file's table of contents says; `at` tells where each segment's first part begins.
    pub(crate) fn toc(&self, header: (Run, u32), segments: impl Iterator<Item = (Key, u64)>) -> Toc {
        let piece = |(key, offset): (Key, u64)| {
            let entry = self.segments.get(&key)?;
            Some(Piece {
                msn: key.1,
                discontinuities: entry.discontinuities,
                start: entry.start,
                duration: entry.duration,
                offset,
                parts: entry.parts.clone(),
            })
        };
        let (header_crc, unit) = self.headers.get(&header).map_or((0, 0), |h| (h.crc, h.read.unit()));
        Toc { header_crc, unit, pieces: segments.filter_map(piece).collect() }
    }

    /// The tick after a file's last.
    pub(crate) fn file_end(&self, rec: &FileRec) -> u64 {
        rec.segments.iter().filter_map(|key| self.segments.get(key)).map(Entry::end).max().unwrap_or(0)
    }

    /// Looks an item up.
    pub(crate) fn find(&self, track: &Track, run: Run, item: Item) -> Option<Found> {
        let (msn, part) = match item {
            Item::Header(k) => {
                return self.headers.get(&(run, k)).map(|h| Found::Memory(vec![h.bytes.clone()]));
            }
            Item::Segment(msn) => (msn, None),
            Item::Part(msn, index) => (msn, Some(usize::try_from(index).ok()?)),
        };
        let entry = self.segments.get(&(run, msn))?;
        if part.is_none() && !entry.done {
            return None;
        }
        if let Some(memory) = &entry.memory {
            return Some(Found::Memory(match part {
                None => memory.clone(),
                Some(index) => vec![memory.get(index)?.clone()],
            }));
        }
        let (before, len) = match part {
            None => (0, entry.size()),
            Some(index) => {
                let before = entry.parts.get(..index)?.iter().map(|p| u64::from(p.size)).sum();
                (before, u64::from(entry.parts.get(index)?.size))
            }
        };
        let at = entry.ring.or(entry.archive)?;
        let path = track.path(self.files.get(&at.file)?);
        Some(Found::File { file: at.file, path, offset: at.offset + before, len })
    }

    /// Takes a file out of the index; segments that are nowhere else go with it and are handed back.
    pub(crate) fn remove_file(&mut self, file: FileId) -> Vec<Segment> {
        let Some(rec) = self.files.remove(&file) else { return Vec::new() };
        let mut gone = Vec::new();
        for key in rec.segments {
            let Some(entry) = self.segments.get_mut(&key) else { continue };
            entry.ring.take_if(|at| at.file == file);
            entry.archive.take_if(|at| at.file == file);
            if entry.ring.is_none() && entry.archive.is_none() {
                gone.push(entry.segment(key));
                self.segments.remove(&key);
            }
        }
        gone
    }

    /// Forgets headers that no segment needs; the newest stays.
    pub(crate) fn drop_unused_headers(&mut self) {
        let used: std::collections::BTreeSet<_> = self.segments.iter().map(|(key, e)| (key.0, e.header)).collect();
        let newest = self.headers.last_key_value().map(|(key, _)| *key);
        self.headers.retain(|key, _| used.contains(key) || Some(*key) == newest);
    }
}

/// Whether `next` lies right behind `entry` in their file.
pub(crate) fn adjoins(entry: (Key, u64, u64), next: (Key, u64)) -> bool {
    let ((run, msn), offset, size) = entry;
    next.0 == (run, msn.next()) && next.1 == offset + size + MARKER_BYTES
}
