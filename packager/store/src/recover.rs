//! Builds the index again from the files, after whatever ended the process before.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    str::FromStr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use packager::{Format, RenditionId, Run, Segment, wall::Anchor};

use crate::{
    error::StoreError,
    files::{Folder, Name, Place},
    index::{At, Entry, FileRec, HeaderEntry, Track},
    layout::header_crc,
    runs::Runs,
    scan::{Contents, Scan, scan},
};

/// Threads that read files: what is waited for is the disk.
const READERS: usize = 4;

/// What was found in the data folder.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Every run's anchor, oldest first.
    pub anchors: Vec<Anchor>,
    /// Every rendition of which something is left.
    pub renditions: Vec<Rendition>,
}

/// What is left of a rendition.
#[derive(Debug)]
pub struct Rendition {
    /// Which.
    pub id: RenditionId,
    /// The headers: run, number, what is in it, `ftyp` and `moov`. Where the process was killed, the length of a frame is
    /// that of the first one.
    pub headers: Vec<(Run, u32, Format, Bytes)>,
    /// The ring's segments by number, all done.
    pub ring: Vec<Segment>,
    /// Segments that are in the archive alone, by number, all done.
    pub archive: Vec<Segment>,
}

/// What the store works with.
pub(crate) struct Index {
    pub(crate) recovered: Recovered,
    pub(crate) tracks: HashMap<RenditionId, Arc<Track>>,
    /// How many files were set aside or left out.
    pub(crate) damaged: u64,
}

struct Candidate {
    place: Place,
    id: RenditionId,
    name: Name,
    path: PathBuf,
}

/// Everything in the folder.
pub(crate) fn recover(folder: &Folder, runs: &Runs) -> Result<Index, StoreError> {
    let mut files = Vec::new();
    for place in Place::ALL {
        list(folder, place, &mut files)?;
    }
    let found: Mutex<Vec<(usize, Contents)>> = Mutex::default();
    let (next, damaged) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                while let Some((i, file)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, files.get(i)?)))
                {
                    match read(folder, runs, file) {
                        Ok(Some(contents)) => found.lock().unwrap_or_else(PoisonError::into_inner).push((i, contents)),
                        Ok(None) => {}
                        Err(()) => {
                            damaged.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_unstable_by_key(|(i, _)| *i);
    let mut tracks: BTreeMap<RenditionId, Track> = BTreeMap::new();
    for (i, contents) in found {
        let Some(file) = files.get(i) else { continue };
        let track = tracks.entry(file.id.clone()).or_insert_with(|| Track::new(file.id.clone()));
        index(folder, track, file, contents);
    }
    let renditions = tracks.values().map(rendition).collect();
    let tracks = tracks.into_iter().map(|(id, track)| (id, Arc::new(track))).collect();
    let recovered = Recovered { anchors: runs.anchors().to_vec(), renditions };
    Ok(Index { recovered, tracks, damaged: damaged.into_inner() as u64 })
}

/// All media files of the ring or the archive. Unfinished copies are deleted.
fn list(folder: &Folder, place: Place, files: &mut Vec<Candidate>) -> Result<(), StoreError> {
    let root = PathBuf::from(place.folder());
    folder.dir.create_dir_all(&root).map_err(StoreError::io("making", folder.shown(&root)))?;
    for camera in names(folder, &root)? {
        let Some(path) = child_folder(folder, &root, &camera) else { continue };
        for rendition in names(folder, &path)? {
            let Ok(id) = RenditionId::new(&camera, &rendition) else { continue };
            let Some(path) = child_folder(folder, &path, &rendition) else { continue };
            let mut here: Vec<Name> = Vec::new();
            for text in names(folder, &path)? {
                if let Ok(name) = text.parse() {
                    here.push(name);
                } else if text.ends_with(".tmp") {
                    let unfinished = path.join(&text);
                    if let Err(e) = folder.dir.remove_file(&unfinished) {
                        tracing::warn!(file = %folder.shown(unfinished).display(), error = %e, "an unfinished copy stays");
                    }
                } else if !text.ends_with(".damaged") {
                    tracing::warn!(file = %folder.shown(path.join(text)).display(), "not a media file, left alone");
                }
            }
            here.sort_unstable();
            let candidate = |name: Name| Candidate { place, id: id.clone(), name, path: path.join(name.to_string()) };
            files.extend(here.into_iter().map(candidate));
        }
    }
    Ok(())
}

fn names(folder: &Folder, path: &Path) -> Result<Vec<String>, StoreError> {
    let entries = folder.dir.read_dir(path).map_err(StoreError::io("listing", folder.shown(path)))?;
    let mut names: Vec<String> = entries.filter_map(|e| e.ok()?.file_name().into_string().ok()).collect();
    names.sort_unstable();
    Ok(names)
}

/// The folder of this name, if it is one and the name a slug.
fn child_folder(folder: &Folder, parent: &Path, name: &str) -> Option<PathBuf> {
    packager::Slug::from_str(name).ok()?;
    let path = parent.join(name);
    folder.dir.metadata(&path).is_ok_and(|m| m.is_dir()).then_some(path)
}

/// Reads a file, cuts off its torn tail. `None` when nothing is in it, an error when it was set aside or left out.
fn read(folder: &Folder, runs: &Runs, candidate: &Candidate) -> Result<Option<Contents>, ()> {
    let shown = || folder.shown(&candidate.path);
    if !runs.knows(candidate.name.run) {
        set_aside(folder, &candidate.path, "its run is not on record");
        return Err(());
    }
    let scanned = folder.open_file(&candidate.path).and_then(|file| {
        let len = file.metadata()?.len();
        Ok((scan(&file, len, candidate.name)?, len))
    });
    let (scanned, len) = scanned.map_err(|e| {
        // The disk may do better next time: the file keeps its name.
        tracing::warn!(file = %shown().display(), error = %e, "a media file cannot be read and is left out");
    })?;
    match scanned {
        Scan::Damaged(why) => {
            set_aside(folder, &candidate.path, why);
            Err(())
        }
        Scan::Empty => {
            tracing::info!(file = %shown().display(), "a media file ends before anything in it is whole: deleted");
            if let Err(e) = folder.dir.remove_file(&candidate.path) {
                tracing::warn!(file = %shown().display(), error = %e, "an empty file stays");
            }
            Ok(None)
        }
        Scan::Media(contents) => {
            if contents.faults > 0 {
                tracing::warn!(file = %shown().display(), faults = contents.faults, "a media file is damaged inside");
            }
            if contents.end < len && candidate.place == Place::Ring {
                let cut = len - contents.end;
                tracing::info!(file = %shown().display(), bytes = cut, "a torn tail is cut off");
                let mut options = cap_std::fs::OpenOptions::new();
                let file = folder.dir.open_with(&candidate.path, options.write(true));
                if let Err(e) = file.and_then(|f| f.set_len(contents.end)) {
                    tracing::warn!(file = %shown().display(), error = %e, "a torn tail stays");
                }
            }
            Ok(Some(contents))
        }
    }
}

fn set_aside(folder: &Folder, path: &Path, why: &str) {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".damaged");
    let shown = folder.shown(path);
    match folder.dir.rename(path, &folder.dir, &aside) {
        Ok(()) => tracing::warn!(file = %shown.display(), why, "a media file is set aside as .damaged"),
        Err(e) => tracing::warn!(file = %shown.display(), why, error = %e, "a media file is left out"),
    }
}

fn index(folder: &Folder, track: &Track, candidate: &Candidate, contents: Contents) {
    let mut state = track.state();
    let id = folder.file_id();
    let run = candidate.name.run;
    let header = (run, candidate.name.header);
    let crc = header_crc(&contents.header);
    let entry = HeaderEntry { bytes: contents.header, crc, read: contents.read };
    if state.headers.entry(header).or_insert(entry).crc != crc {
        // Segments that would be decoded with another file's header are worth nothing.
        tracing::warn!(file = %folder.shown(&candidate.path).display(), "two headers under one number: the later file is left out");
        return;
    }
    let mut rec = FileRec { place: candidate.place, name: candidate.name, segments: Vec::new(), open: false };
    for piece in contents.pieces {
        let key = (run, piece.msn);
        let at = At { file: id, offset: piece.offset };
        let entry = state.segments.entry(key).or_insert_with(|| Entry {
            header: header.1,
            discontinuities: piece.discontinuities,
            start: piece.start,
            duration: piece.duration,
            parts: piece.parts.clone(),
            done: true,
            memory: None,
            written: piece.parts.len(),
            lost: false,
            ring: None,
            archive: None,
        });
        // The process was killed between copying to the archive and deleting: both are the same bytes.
        if (entry.header, &entry.parts) != (header.1, &piece.parts) {
            tracing::warn!(file = %folder.shown(&candidate.path).display(), msn = %piece.msn, "a second, different copy is left out");
            continue;
        }
        let place = match candidate.place {
            Place::Ring => &mut entry.ring,
            Place::Archive => &mut entry.archive,
        };
        if place.is_none() {
            *place = Some(at);
            rec.segments.push(key);
        }
    }
    state.files.insert(id, rec);
}

fn rendition(track: &Track) -> Rendition {
    let state = track.state();
    let header =
        |(key, header): (&(Run, u32), &HeaderEntry)| (key.0, key.1, header.read.format.clone(), header.bytes.clone());
    let headers = state.headers.iter().map(header).collect();
    let all = || state.segments.iter();
    let mut ring: Vec<Segment> = all().filter(|(_, e)| e.ring.is_some()).map(|(k, e)| e.segment(*k)).collect();
    let mut archive: Vec<Segment> = all().filter(|(_, e)| e.ring.is_none()).map(|(k, e)| e.segment(*k)).collect();
    ring.sort_by_key(|s| s.msn);
    archive.sort_by_key(|s| s.msn);
    Rendition { id: track.id.clone(), headers, ring, archive }
}
