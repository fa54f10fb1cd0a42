//! What grows old: ring files go, what marks and highlights keep of them moves to the archive.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
};

use packager::Segment;

use crate::{
    Shared,
    error::StoreError,
    files::{FileId, Folder, Name, Place},
    index::{At, FileRec, Key, Track, adjoins},
    layout::MARKER_BYTES,
    writer::Job,
};

/// What [`crate::Store::expire`] did.
#[derive(Debug, Default)]
pub struct Expired {
    /// Segments that are nowhere any more, by number.
    pub gone: Vec<Segment>,
    /// Segments that moved to the archive.
    pub archived: Vec<Segment>,
    /// Bytes of files that were deleted.
    pub freed: u64,
}

/// A ring file that is wholly old.
struct Old {
    id: FileId,
    rec: FileRec,
    path: PathBuf,
    /// Its segments that are kept and not in the archive yet: address, segment, offset.
    wanted: Vec<(Key, Segment, u64)>,
}

pub(crate) fn expire(
    shared: &Shared,
    track: &Arc<Track>,
    before: u64,
    pinned: &dyn Fn(&Segment) -> bool,
) -> Result<Expired, StoreError> {
    let _one_at_a_time = track.expiring.lock().unwrap_or_else(PoisonError::into_inner);
    let mut expired = Expired::default();
    let mut failed = None;
    let mut note = |result: Result<(), StoreError>| {
        if let Err(e) = result {
            failed.get_or_insert(e);
        }
    };
    for (id, path) in unpinned_archive(track, pinned) {
        note(delete(shared, track, id, &path, &mut expired));
    }
    let (keep, free): (Vec<_>, Vec<_>) =
        old_files(shared, track, before, pinned).into_iter().partition(|f| !f.wanted.is_empty());
    // What frees space comes before what needs some.
    for old in free {
        note(delete(shared, track, old.id, &old.path, &mut expired));
    }
    for old in keep {
        note(archive(shared, track, &old, &mut expired));
    }
    if !expired.gone.is_empty() {
        expired.gone.sort_by_key(|s| (s.run, s.msn));
        track.state().drop_unused_headers();
    }
    failed.map_or(Ok(expired), Err)
}

/// Archive files of which nothing is kept any more.
fn unpinned_archive(track: &Track, pinned: &dyn Fn(&Segment) -> bool) -> Vec<(FileId, PathBuf)> {
    let files: Vec<(FileId, PathBuf, Vec<Segment>)> = {
        let state = track.state();
        let archive = state.files.iter().filter(|(_, rec)| rec.place == Place::Archive);
        let segments = |rec: &FileRec| {
            rec.segments.iter().filter_map(|key| Some(state.segments.get(key)?.segment(*key))).collect()
        };
        archive.map(|(id, rec)| (*id, track.path(rec), segments(rec))).collect()
    };
    let unpinned = files.into_iter().filter(|(_, _, segments)| !segments.iter().any(pinned));
    unpinned.map(|(id, path, _)| (id, path)).collect()
}

/// Ring files that end at or before a tick, oldest first. One that is still written to is ended for the next time.
fn old_files(shared: &Shared, track: &Arc<Track>, before: u64, pinned: &dyn Fn(&Segment) -> bool) -> Vec<Old> {
    let mut old: Vec<(Old, u64)> = Vec::new();
    {
        let state = track.state();
        for (id, rec) in &state.files {
            let end = state.file_end(rec);
            if rec.place != Place::Ring || rec.segments.is_empty() || end > before {
                continue;
            }
            if rec.open {
                shared.queue.push(Job::Retire(Arc::clone(track), *id), 0);
                continue;
            }
            let candidate = |key: &Key| {
                let entry = state.segments.get(key)?;
                Some((*key, entry.segment(*key), entry.ring?.offset)).filter(|_| entry.archive.is_none())
            };
            let wanted = rec.segments.iter().filter_map(candidate).collect();
            old.push((Old { id: *id, rec: rec.clone(), path: track.path(rec), wanted }, end));
        }
    }
    old.sort_by_key(|(_, end)| *end);
    let keep_pinned = |(mut file, _): (Old, u64)| {
        file.wanted.retain(|(_, segment, _)| pinned(segment));
        file
    };
    old.into_iter().map(keep_pinned).collect()
}

fn delete(shared: &Shared, track: &Track, id: FileId, path: &Path, expired: &mut Expired) -> Result<(), StoreError> {
    let size = shared.folder.dir.metadata(path).map_or(0, |m| m.len());
    // The file first: should that fail, it is still indexed and tried again.
    shared.folder.remove(id, path)?;
    expired.freed += size;
    expired.gone.append(&mut track.state().remove_file(id));
    Ok(())
}

/// Brings what is kept of an old file into the archive, and deletes it.
fn archive(shared: &Shared, track: &Track, old: &Old, expired: &mut Expired) -> Result<(), StoreError> {
    let kept = || old.wanted.iter().map(|(_, segment, _)| segment.clone());
    if old.wanted.len() == old.rec.segments.len() {
        adopt(shared, track, old)?;
        expired.archived.extend(kept());
        return Ok(());
    }
    match copy(shared, track, old) {
        Ok(()) => {
            expired.archived.extend(kept());
            delete(shared, track, old.id, &old.path, expired)
        }
        Err(e) => {
            // A full disk or an unreadable place: the whole file is kept, which needs no space and reads nothing.
            tracing::warn!(error = %e, "kept segments cannot be copied: their whole file is kept");
            adopt(shared, track, old)?;
            expired.archived.extend(kept());
            Ok(())
        }
    }
}

/// Makes a ring file an archive file as it is.
fn adopt(shared: &Shared, track: &Track, old: &Old) -> Result<(), StoreError> {
    let folder = Folder::of(Place::Archive, &track.id);
    let name = free_name(shared, &folder, old.rec.name);
    let path = folder.join(name.to_string());
    let moved = || -> io::Result<()> {
        shared.folder.dir.create_dir_all(&folder)?;
        shared.folder.open_file(&old.path)?.sync_all()?;
        shared.folder.dir.rename(&old.path, &shared.folder.dir, &path)?;
        shared.folder.sync_dir(&folder)
    };
    moved().map_err(StoreError::io("moving to the archive", shared.folder.shown(&old.path)))?;
    let mut state = track.state();
    let Some(rec) = state.files.get_mut(&old.id) else { return Ok(()) };
    (rec.place, rec.name) = (Place::Archive, name);
    let segments = std::mem::take(&mut rec.segments);
    let mut mine = Vec::with_capacity(segments.len());
    for key in segments {
        let Some(entry) = state.segments.get_mut(&key) else { continue };
        let at = entry.ring.take();
        // What another archive file has already stays there.
        if entry.archive.is_none() {
            entry.archive = at;
            mine.push(key);
        }
    }
    if let Some(rec) = state.files.get_mut(&old.id) {
        rec.segments = mine;
    }
    Ok(())
}

/// Copies the kept segments, a file for each stretch of consecutive ones.
fn copy(shared: &Shared, track: &Track, old: &Old) -> Result<(), StoreError> {
    for stretch in stretches(&old.wanted) {
        copy_stretch(shared, track, old, stretch)
            .map_err(StoreError::io("copying to the archive", shared.folder.shown(&old.path)))?;
    }
    Ok(())
}

fn copy_stretch(shared: &Shared, track: &Track, old: &Old, stretch: &[(Key, Segment, u64)]) -> io::Result<()> {
    let [(first, _, from), ..] = stretch else { return Ok(()) };
    let Some((_, last, last_at)) = stretch.last() else { return Ok(()) };
    let from = from - MARKER_BYTES;
    let len = last_at + last.size() - from;
    let (header, toc) = {
        let state = track.state();
        let number = (old.rec.name.run, old.rec.name.header);
        let Some(header) = state.headers.get(&number).map(|h| h.bytes.clone()) else {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no header"));
        };
        let places = stretch.iter().map(|(key, _, at)| (*key, at - from + header.len() as u64));
        (header.clone(), state.toc(number, places))
    };
    let folder = Folder::of(Place::Archive, &track.id);
    shared.folder.dir.create_dir_all(&folder)?;
    let name = Name { first: first.1, again: 0, ..old.rec.name };
    let name = free_name(shared, &folder, name);
    let path = folder.join(name.to_string());
    let temporary = folder.join(format!("{name}.tmp"));
    let write = || -> io::Result<()> {
        let mut source = shared.folder.open_file(&old.path)?;
        let mut copy: File = shared.folder.dir.create(&temporary)?.into_std();
        copy.write_all(&header)?;
        source.seek(SeekFrom::Start(from))?;
        if io::copy(&mut (&source).take(len), &mut copy)? != len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        copy.write_all(&toc.encode())?;
        copy.sync_data()?;
        shared.folder.dir.rename(&temporary, &shared.folder.dir, &path)?;
        shared.folder.sync_dir(&folder)
    };
    if let Err(e) = write() {
        // Nothing is left of the attempt; what cannot be deleted now is at the next start.
        let _ = shared.folder.dir.remove_file(&temporary);
        return Err(e);
    }
    let mut state = track.state();
    let id = shared.folder.file_id();
    let segments: Vec<Key> = stretch.iter().map(|(key, _, _)| *key).collect();
    for (key, _, at) in stretch {
        if let Some(entry) = state.segments.get_mut(key) {
            entry.archive = Some(At { file: id, offset: at - from + header.len() as u64 });
        }
    }
    state.files.insert(id, FileRec { place: Place::Archive, name, segments, open: false });
    Ok(())
}

/// Consecutive segments that lie behind one another.
fn stretches(wanted: &[(Key, Segment, u64)]) -> impl Iterator<Item = &[(Key, Segment, u64)]> {
    wanted.chunk_by(|(key, segment, at), (next, _, next_at)| adjoins((*key, *at, segment.size()), (*next, *next_at)))
}

/// The wanted name, or the next one that is free.
fn free_name(shared: &Shared, folder: &Path, mut name: Name) -> Name {
    while name.again < 1000 && shared.folder.dir.symlink_metadata(folder.join(name.to_string())).is_ok() {
        name.again += 1;
    }
    name
}
