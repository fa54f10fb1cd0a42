//! The data folder: where a file lies, what it is called, and the files that are open for reading.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    str::FromStr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use cap_std::fs::{Dir, OpenOptions};
use packager::{Msn, RenditionId, Run};

use crate::error::StoreError;

/// Files that are kept open for reading.
const OPEN_FOR_READING: usize = 128;

/// Which of the two kinds of media folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The newest hours.
    Ring,
    /// What marks and highlights keep.
    Archive,
}

impl Place {
    pub(crate) const ALL: [Self; 2] = [Self::Ring, Self::Archive];

    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Ring => "ring",
            Self::Archive => "archive",
        }
    }
}

/// A media file's name: `{run}-{k}-{msn}.mp4`, and `{run}-{k}-{msn}-{again}.mp4` should that one be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) run: Run,
    pub(crate) header: u32,
    pub(crate) first: Msn,
    pub(crate) again: u32,
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}-{}", self.run, self.header, self.first)?;
        if self.again > 0 {
            write!(f, "-{}", self.again)?;
        }
        f.write_str(".mp4")
    }
}

/// Not a media file's name.
pub(crate) struct NotOurs;

impl FromStr for Name {
    type Err = NotOurs;

    fn from_str(text: &str) -> Result<Self, NotOurs> {
        let mut numbers = text.strip_suffix(".mp4").ok_or(NotOurs)?.split('-');
        let mut next = || numbers.next();
        let number = |n: Option<&str>| n.and_then(|n| n.parse::<u32>().ok()).ok_or(NotOurs);
        let name = Self {
            run: Run(number(next())?),
            header: number(next())?,
            first: Msn(next().and_then(|n| n.parse().ok()).ok_or(NotOurs)?),
            again: next().map_or(Ok(0), |n| number(Some(n)))?,
        };
        // One name, one spelling.
        if name.to_string() == text { Ok(name) } else { Err(NotOurs) }
    }
}

/// A media file, for as long as the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FileId(u64);

/// The data folder.
pub(crate) struct Folder {
    /// All access goes through this capability: no path leads out of it.
    pub(crate) dir: Dir,
    /// For messages only.
    pub(crate) root: PathBuf,
    next: AtomicU64,
    handles: Mutex<Handles>,
    _lock: Lock,
}

/// Holds the folder for this process until it is dropped.
struct Lock(File);

impl Drop for Lock {
    /// Closing alone would not do: a child that another thread has just forked holds the file open until its `exec`.
    fn drop(&mut self) {
        // What cannot be unlocked is unlocked by being closed.
        let _ = rustix::fs::flock(&self.0, rustix::fs::FlockOperation::Unlock);
    }
}

#[derive(Default)]
struct Handles {
    open: HashMap<FileId, (Arc<File>, u64)>,
    uses: u64,
}

impl Folder {
    /// Opens or makes the folder, for this process alone.
    pub(crate) fn open(root: &Path) -> Result<Self, StoreError> {
        let ambient = cap_std::ambient_authority();
        Dir::create_ambient_dir_all(root, ambient).map_err(StoreError::io("making", root))?;
        let dir = Dir::open_ambient_dir(root, ambient).map_err(StoreError::io("opening", root))?;
        let mut options = OpenOptions::new();
        let lock = dir
            .open_with("lock", options.create(true).write(true))
            .map_err(StoreError::io("opening", root.join("lock")))?
            .into_std();
        match rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(StoreError::InUse(root.into())),
            Err(e) => return Err(StoreError::io("locking", root.join("lock"))(e.into())),
        }
        let (next, handles) = (AtomicU64::new(0), Mutex::default());
        Ok(Self { dir, root: root.into(), next, handles, _lock: Lock(lock) })
    }

    /// A path as messages name it.
    pub(crate) fn shown(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }

    /// A number for a file.
    pub(crate) fn file_id(&self) -> FileId {
        FileId(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// The folder of a rendition; slugs are all that it is made of.
    pub(crate) fn of(place: Place, id: &RenditionId) -> PathBuf {
        PathBuf::from(format!("{}/{}/{}", place.folder(), id.camera, id.rendition))
    }

    /// Makes a file that is not there yet, under the wanted name or the next free one.
    pub(crate) fn create(&self, place: Place, id: &RenditionId, mut name: Name) -> Result<(Name, File), StoreError> {
        let folder = Self::of(place, id);
        self.dir.create_dir_all(&folder).map_err(StoreError::io("making", self.shown(&folder)))?;
        loop {
            let path = folder.join(name.to_string());
            let mut options = OpenOptions::new();
            match self.dir.open_with(&path, options.create_new(true).write(true).read(true)) {
                Ok(file) => return Ok((name, file.into_std())),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && name.again < 1000 => name.again += 1,
                Err(e) => return Err(StoreError::io("making", self.shown(path))(e)),
            }
        }
    }

    /// Opens a file for reading, with a cursor of its own.
    pub(crate) fn open_file(&self, path: &Path) -> io::Result<File> {
        Ok(self.dir.open(path)?.into_std())
    }

    /// A handle for positioned reads, kept for the next reader.
    pub(crate) fn reader(&self, file: FileId, path: &Path) -> io::Result<Arc<File>> {
        if let Some(open) = self.handles().get(file) {
            return Ok(open);
        }
        // Opened without the lock: one slow disk access holds up no other reader.
        let opened = Arc::new(self.open_file(path)?);
        self.handles().put(file, Arc::clone(&opened));
        Ok(opened)
    }

    /// Closes the kept handle of a file that is gone or has moved.
    pub(crate) fn forget(&self, file: FileId) {
        self.handles().open.remove(&file);
    }

    /// Deletes a media file.
    pub(crate) fn remove(&self, file: FileId, path: &Path) -> Result<(), StoreError> {
        self.forget(file);
        match self.dir.remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(StoreError::io("deleting", self.shown(path))(e)),
            _ => Ok(()),
        }
    }

    /// Writes a small file so that it is there whole or not at all, whenever the power fails.
    pub(crate) fn write_durably(&self, path: &Path, contents: &[u8]) -> Result<(), StoreError> {
        let temporary = path.with_extension("tmp");
        let write = || -> io::Result<()> {
            let mut file = self.dir.create(&temporary)?;
            file.write_all(contents)?;
            file.sync_all()?;
            self.dir.rename(&temporary, &self.dir, path)?;
            self.sync_dir(path.parent().unwrap_or(Path::new("")))
        };
        write().map_err(StoreError::io("writing", self.shown(path)))
    }

    /// Makes what was made or renamed in a folder last.
    pub(crate) fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        self.dir.open(path)?.sync_all()
    }

    /// Bytes that may still be written, when the system says.
    pub(crate) fn free_bytes(&self) -> Option<u64> {
        let stat = rustix::fs::fstatvfs(&self.dir).ok()?;
        stat.f_bavail.checked_mul(stat.f_frsize)
    }

    fn handles(&self) -> std::sync::MutexGuard<'_, Handles> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handles {
    fn get(&mut self, file: FileId) -> Option<Arc<File>> {
        self.uses += 1;
        let (open, used) = self.open.get_mut(&file)?;
        *used = self.uses;
        Some(Arc::clone(open))
    }

    fn put(&mut self, file: FileId, open: Arc<File>) {
        if self.open.len() >= OPEN_FOR_READING
            && let Some(oldest) = self.open.iter().min_by_key(|(_, (_, used))| *used).map(|(id, _)| *id)
        {
            self.open.remove(&oldest);
        }
        self.uses += 1;
        self.open.insert(file, (open, self.uses));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_spelling() {
        for (text, ours) in [
            ("1-0-0.mp4", true),
            ("12-3-18446744073709551615.mp4", true),
            ("1-0-7-2.mp4", true),
            ("1-0-7-0.mp4", false),
            ("01-0-7.mp4", false),
            ("+1-0-7.mp4", false),
            ("1-0-7.mp4.tmp", false),
            ("1-0.mp4", false),
            ("1-0-7-2-3.mp4", false),
            ("-.mp4", false),
        ] {
            assert_eq!(text.parse::<Name>().is_ok(), ours, "{text}");
        }
    }
}
