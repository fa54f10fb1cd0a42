//! The packager from outside: golden playlists under a fake clock, laws as properties, and other people's readers.
#![allow(clippy::unwrap_used, reason = "a test's panic is its verdict")]

mod cutting;
mod golden;
mod readers;
mod runs;
mod stage;
mod waiting;
