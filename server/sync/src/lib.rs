//! Measures by picture, and where it may by sound, how late each camera of a running server is against another.
//!
//! How it goes: `fetch` reads what players read; `look` and `listen` make signals of it, on the server's own media
//! time; `measure` compares signals, plain arithmetic; `verdict` says what may be concluded; `command` reports, and
//! writes when it is told to.

mod command;
mod fetch;
mod listen;
mod look;
mod measure;
mod verdict;

pub use command::{Args, run};

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be used.
    #[error("--url: expected the server's plain address, as http://127.0.0.1:8080; found {0:?}")]
    Address(String),
    /// The server does not answer, or not as one of ours.
    #[error("{url}: {why}")]
    Server {
        /// What was asked for.
        url: String,
        /// What went wrong.
        why: String,
    },
    /// There is no camera of this name.
    #[error("--reference: there is no live camera {found:?}; live here: {known}")]
    Reference {
        /// What was given.
        found: String,
        /// The live cameras.
        known: String,
    },
    /// Writing needs the crew's token.
    #[error("--write needs the crew's token: --token-file FILE, which is crew.token in the server's data folder")]
    Token,
    /// The token's file cannot be read.
    #[error("{file}: {source}")]
    TokenFile {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
}
