//! What can go wrong with the data folder.

use std::{io, path::PathBuf};

use packager::{Rate, Run};

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process works in the folder.
    #[error("the data folder {} is in use by another process; stop that one or name another folder", .0.display())]
    InUse(PathBuf),
    /// The folder was recorded on another grid: its media sequence numbers mean other instants.
    #[error(
        "the data folder {} was recorded at {found_rate} frames per second with {found_frames} frames in a segment; \
         the configuration says {rate} and {frames}: set these back, or name another folder", folder.display()
    )]
    Grid {
        /// The data folder.
        folder: PathBuf,
        /// The rate it was recorded at.
        found_rate: Rate,
        /// Frames in its segments.
        found_frames: u32,
        /// The configured rate.
        rate: Rate,
        /// Configured frames in a segment.
        frames: u32,
    },
    /// The list of runs cannot be understood.
    #[error("{} cannot be read: {reason}; put it back from a backup, or name another folder", file.display())]
    Runs {
        /// The list's file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A run that is not newer than all before it.
    #[error("run {found} is not newer than run {newest}")]
    RunOrder {
        /// The newest run on record.
        newest: Run,
        /// The one that was to begin.
        found: Run,
    },
    /// The file system refused.
    #[error("{doing} {}: {source}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl StoreError {
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}

/// What a failing disk means, in words for the operator.
pub(crate) fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "the disk is full".into(),
        io::ErrorKind::ReadOnlyFilesystem => "the disk is read-only".into(),
        io::ErrorKind::FileTooLarge => "a file has come to the largest size that is allowed".into(),
        io::ErrorKind::PermissionDenied => "the data folder may not be written".into(),
        _ => format!("the disk reports: {error}"),
    }
}
