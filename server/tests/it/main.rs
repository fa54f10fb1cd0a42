//! The binary from outside: real processes, real sockets, real players.
#![allow(clippy::unwrap_used, reason = "a test's panic is its verdict")]

mod api;
mod cli;
mod encoders;
mod faults;
mod hls;
mod http;
mod inputs;
mod limits;
mod metrics;
mod multiview;
mod players;
mod push;
mod quick;
mod ring;
mod runtime;
mod server;
mod settings;
mod survival;
mod sync;
mod verify;
