//! Playlists as they are written: with line numbers, and with what is wrong in them.

mod attributes;
mod media;
mod multivariant;

pub use attributes::{Attributes, decimal, integer};
pub use media::{ByteRange, Hint, Key, Map, Media, Part, PlaylistType, RenditionReport, Segment};
pub use multivariant::{Group, Multivariant, Stream};

/// A line that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
    /// Which rule it breaks.
    pub kind: FaultKind,
}

/// Which rule a line breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Its own form.
    Form,
    /// A tag of the other kind of playlist.
    Mixed,
    /// A segment's tag after its first part.
    Late,
}

/// A playlist of either kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Playlist {
    /// Variants and renditions.
    Multivariant(Multivariant),
    /// Segments.
    Media(Media),
}

/// Reads a playlist; `None` when it has no `#EXTM3U` and nothing of a playlist in it either.
pub fn read(text: &str) -> Option<Playlist> {
    let any = |tags: &[&str]| text.lines().any(|l| tags.iter().any(|t| l.starts_with(t)));
    if any(&["#EXT-X-STREAM-INF", "#EXT-X-MEDIA:", "#EXT-X-I-FRAME-STREAM-INF"]) {
        return Some(Playlist::Multivariant(multivariant::read(text)));
    }
    let media = any(&["#EXTINF", "#EXT-X-TARGETDURATION", "#EXT-X-MEDIA-SEQUENCE", "#EXT-X-PART"]);
    if media || has_header(text) {
        return Some(Playlist::Media(media::read(text)));
    }
    None
}

/// Whether the first line is `#EXTM3U` (4.4.1.1).
pub fn has_header(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.trim_end() == "#EXTM3U")
}

/// Lines with their numbers: without line ends and blank lines.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(i, l)| (i + 1, l.trim_end())).filter(|(_, l)| !l.is_empty())
}
