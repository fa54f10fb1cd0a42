//! Why a run cannot start. What happens to viewers during a run is in the report instead.

use std::{net::IpAddr, path::PathBuf};

/// Why a run cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option's value, or two that do not go together.
    #[error("{0}")]
    Option(String),
    /// More open files than the system allows.
    #[error(
        "{viewers} viewers may need {needed} connections at once and this process may open {limit} files: \
         fewer viewers, --http 2 (one connection each), or a higher hard limit (ulimit -Hn)"
    )]
    Files {
        /// Viewers asked for.
        viewers: u64,
        /// Files they may have open at once.
        needed: u64,
        /// The hard limit.
        limit: u64,
    },
    /// The host has no address.
    #[error("{host} has no address: {found}")]
    Resolve {
        /// The name looked up.
        host: String,
        /// What the resolver said.
        found: String,
    },
    /// A source address that is not this machine's.
    #[error("cannot send from {address}: {found}")]
    Source {
        /// The address asked for.
        address: IpAddr,
        /// What the system said.
        found: std::io::Error,
    },
    /// Nobody answers.
    #[error("cannot reach {url}: {found}")]
    Reach {
        /// The address asked for.
        url: String,
        /// What went wrong.
        found: String,
    },
    /// Certificates that cannot be used.
    #[error("certificates of {path}: {found}")]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        found: String,
    },
    /// A process that cannot be measured.
    #[error("--server-pid {pid}: {found}")]
    Process {
        /// The process asked for.
        pid: u32,
        /// What the system said.
        found: std::io::Error,
    },
    /// TLS settings that rustls refuses.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The report cannot be written.
    #[error("the report cannot be written: {0}")]
    Output(#[from] std::io::Error),
}
