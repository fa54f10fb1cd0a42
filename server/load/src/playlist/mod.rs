//! Playlists as a player reads them: only what decides which request comes next.

mod media;
mod multivariant;
mod text;

pub(crate) use media::{Item, Kind, Map, Media, Range, Segment};
pub(crate) use multivariant::{Multivariant, Rung};

/// A text that is no playlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// Whether a text lists variants rather than media.
pub(crate) fn is_multivariant(text: &str) -> bool {
    text.contains("#EXT-X-STREAM-INF:")
}
