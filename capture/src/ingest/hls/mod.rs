//! Pulling HLS: playlists and segments fetched by a client that is held to the limits, and handed to demuxers.
//!
//! GStreamer's own HLS elements open whatever a playlist names, local files included, and follow redirects unseen.

mod client;
mod feed;
mod playlist;

pub(super) use client::Client;
pub(super) use feed::{Feed, Feeding};
pub(super) use playlist::{Track, open};
