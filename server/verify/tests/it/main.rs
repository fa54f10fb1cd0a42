//! Every rule against an origin that breaks it, and against one that breaks none; and what ffmpeg writes.
#![allow(clippy::unwrap_used, reason = "a test's panic is its verdict")]

mod ffmpeg;
mod media;
mod origin;
mod rules;
mod table;
