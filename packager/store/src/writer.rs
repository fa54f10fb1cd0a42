//! The one thread that writes the ring.
//!
//! **Invariant:** a segment is on disk from its first part on, or not at all. Whatever fails, what was written of the
//! segment is cut off again, its recording is given up whole, and a new file is tried with a later segment.

use std::{
    collections::HashMap,
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::PathBuf,
    sync::{Arc, mpsc::SyncSender},
    time::Instant,
};

use packager::{RenditionId, Run};

use crate::{
    Shared,
    error::{StoreError, words},
    files::{FileId, Folder, Name, Place},
    index::{At, FileRec, Key, PartJob, Track},
    layout::MARKER_BYTES,
};

/// What the writer is asked to do.
pub(crate) enum Job {
    /// Append a part.
    Part(Arc<Track>, PartJob),
    /// End this file: all of it is old.
    Retire(Arc<Track>, FileId),
    /// Say when all before this is written.
    Flush(SyncSender<()>),
}

/// A file that is being written.
struct Output {
    id: FileId,
    file: File,
    path: PathBuf,
    run: Run,
    header: u32,
    /// The first segment's start in ticks.
    first: u64,
    /// Bytes of whole segments, and of the newest one so far.
    len: u64,
}

/// The segment that is being written.
struct Current {
    key: Key,
    /// The file's length before it.
    before: u64,
    lost: bool,
}

#[derive(Default)]
struct Lane {
    output: Option<Output>,
    current: Option<Current>,
    /// Not before this is a new file tried.
    retry: Option<Instant>,
}

/// Writes until the queue is closed.
pub(crate) fn run(shared: &Shared) {
    let mut lanes: HashMap<RenditionId, (Arc<Track>, Lane)> = HashMap::new();
    while let Some(job) = shared.queue.pop() {
        match job {
            Job::Part(track, part) => {
                let (_, lane) = lanes.entry(track.id.clone()).or_insert_with(|| (Arc::clone(&track), Lane::default()));
                lane.part(shared, &track, &part);
            }
            Job::Retire(track, file) => {
                if let Some((_, lane)) = lanes.get_mut(&track.id)
                    && lane.output.as_ref().is_some_and(|o| o.id == file)
                {
                    lane.settle(shared, &track);
                    lane.close(shared, &track);
                }
            }
            Job::Flush(done) => {
                // Whoever waited may have left.
                let _ = done.send(());
            }
        }
    }
    for (track, lane) in lanes.values_mut() {
        lane.settle(shared, track);
        lane.close(shared, track);
    }
}

impl Lane {
    fn part(&mut self, shared: &Shared, track: &Track, job: &PartJob) {
        if self.current.as_ref().is_none_or(|c| c.key != job.key) {
            self.settle(shared, track);
            self.begin(shared, track, job);
            return;
        }
        if self.current.as_ref().is_some_and(|c| c.lost) {
            return;
        }
        let known = track.state().marker(job.key).is_some();
        let (Some(current), Some(output), true) = (&self.current, &mut self.output, known) else {
            self.settle(shared, track);
            return;
        };
        let offset = current.before + MARKER_BYTES;
        match output.file.write_all_at(&job.bytes, output.len) {
            Ok(()) => {
                output.len += job.bytes.len() as u64;
                track.state().wrote(job.key, At { file: output.id, offset });
                shared.wrote(job.bytes.len() as u64);
            }
            Err(e) => self.fail(shared, track, job.key, &words(&e)),
        }
    }

    /// Writes a segment's marker and first part, in a new file if need be.
    fn begin(&mut self, shared: &Shared, track: &Track, job: &PartJob) {
        let marker = track.state().marker(job.key);
        self.current = Some(Current { key: job.key, before: 0, lost: true });
        let Some((marker, header)) = marker else { return };
        if job.index != 0 || self.retry.is_some_and(|at| Instant::now() < at) {
            shared.lose(track, job.key);
            return;
        }
        let longest = shared.limits.file_ticks(marker.timescale);
        let fits = |o: &Output| {
            o.run == marker.run && o.header == marker.header && marker.start.saturating_sub(o.first) < longest
        };
        if !self.output.as_ref().is_some_and(fits) {
            self.close(shared, track);
            let name = Name { run: marker.run, header: marker.header, first: marker.msn, again: 0 };
            match create(shared, track, name, marker.start, &header) {
                Ok(output) => self.output = Some(output),
                Err(why) => {
                    self.fail(shared, track, job.key, &why);
                    return;
                }
            }
        }
        let Some(output) = &mut self.output else { return };
        let before = output.len;
        let mut bytes = Vec::with_capacity(MARKER_BYTES as usize + job.bytes.len());
        bytes.extend_from_slice(&marker.encode());
        bytes.extend_from_slice(&job.bytes);
        self.current = Some(Current { key: job.key, before, lost: false });
        match output.file.write_all_at(&bytes, before) {
            Ok(()) => {
                output.len += bytes.len() as u64;
                track.state().wrote(job.key, At { file: output.id, offset: before + MARKER_BYTES });
                shared.wrote(bytes.len() as u64);
                self.retry = None;
                shared.recovered(&track.id);
            }
            Err(e) => self.fail(shared, track, job.key, &words(&e)),
        }
    }

    /// Cuts a segment off again that was given up while it was being written.
    fn settle(&mut self, shared: &Shared, track: &Track) {
        let Some(current) = self.current.take().filter(|c| !c.lost) else { return };
        if track.state().marker(current.key).is_none() {
            self.cut_back(shared, track, &current);
        }
    }

    /// Gives a segment up, and the file with it.
    fn fail(&mut self, shared: &Shared, track: &Track, key: Key, why: &str) {
        shared.trouble(&track.id, why);
        shared.lose(track, key);
        self.retry = Some(Instant::now() + shared.limits.retry);
        let given_up = self.current.replace(Current { key, before: 0, lost: true });
        if let Some(current) = given_up.filter(|c| !c.lost) {
            self.cut_back(shared, track, &current);
        }
        self.close(shared, track);
    }

    fn cut_back(&mut self, shared: &Shared, track: &Track, current: &Current) {
        let Some(output) = &mut self.output else { return };
        output.len = current.before;
        // Should this fail too, recovery finds a shorter segment or a torn one.
        if let Err(e) = output.file.set_len(current.before) {
            tracing::warn!(file = %shared.folder.shown(&output.path).display(), error = %e, "a file could not be cut back");
            self.close(shared, track);
        }
    }

    /// Ends the file, with a table of contents if the disk takes it.
    fn close(&mut self, shared: &Shared, track: &Track) {
        let Some(output) = self.output.take() else { return };
        let toc = {
            let state = track.state();
            let keys = state.files.get(&output.id).map(|rec| rec.segments.clone()).unwrap_or_default();
            let offset = |key: Key| Some((key, state.segments.get(&key)?.ring?.offset));
            state.toc((output.run, output.header), keys.into_iter().filter_map(offset))
        };
        if toc.pieces.is_empty() {
            track.state().files.remove(&output.id);
            if let Err(e) = shared.folder.remove(output.id, &output.path) {
                tracing::warn!(error = %e, "an empty file stays");
            }
            return;
        }
        if output.file.write_all_at(&toc.encode(), output.len).is_err() {
            // Without its table the file is scanned at the next start.
            let _ = output.file.set_len(output.len);
        }
        if let Some(rec) = track.state().files.get_mut(&output.id) {
            rec.open = false;
        }
    }
}

/// A new file with its header.
fn create(shared: &Shared, track: &Track, name: Name, first: u64, header: &[u8]) -> Result<Output, String> {
    let (name, file) = shared.folder.create(Place::Ring, &track.id, name).map_err(|e| match e {
        StoreError::Io { source, .. } => words(&source),
        other => other.to_string(),
    })?;
    let id = shared.folder.file_id();
    let path = Folder::of(Place::Ring, &track.id).join(name.to_string());
    let written: io::Result<()> = file.write_all_at(header, 0);
    if let Err(e) = written {
        let _ = shared.folder.remove(id, &path);
        return Err(words(&e));
    }
    track.state().files.insert(id, FileRec { place: Place::Ring, name, segments: Vec::new(), open: true });
    let len = header.len() as u64;
    Ok(Output { id, file, path, run: name.run, header: name.header, first, len })
}
