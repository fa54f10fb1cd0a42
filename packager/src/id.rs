//! Names and counters, one type each, so that mixing two is a compile error.

use std::{fmt, str::FromStr};

/// A media sequence number: the place of a segment on its rendition's timeline, counted from 0 in the first run.
///
/// In renditions on the venue's grid and in sounds it is the grid segment's number, the same in every camera.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Msn(pub u64);

impl Msn {
    /// The number after this one.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Msn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One process start. Runs count from 1 in a data folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Run(pub u32);

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A name that is safe in a path, an address and a playlist: `[a-z0-9-]{1,64}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slug(Box<str>);

/// A text that is not a [`Slug`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to 64 of a-z, 0-9 and '-'")]
pub struct InvalidSlug;

impl Slug {
    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = InvalidSlug;

    fn from_str(text: &str) -> Result<Self, InvalidSlug> {
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if (1..=64).contains(&text.len()) && text.bytes().all(legal) { Ok(Self(text.into())) } else { Err(InvalidSlug) }
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A rendition's place in every address: `{camera}/{rendition}`, or `audio/{id}` for a sound.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RenditionId {
    /// The camera's id, or `audio`, which no camera may be called.
    pub camera: Slug,
    /// The rung (`360p`), `source`, or the sound's id.
    pub rendition: Slug,
}

impl RenditionId {
    /// Both names, parsed.
    ///
    /// # Errors
    /// When either is not a slug.
    pub fn new(camera: &str, rendition: &str) -> Result<Self, InvalidSlug> {
        Ok(Self { camera: camera.parse()?, rendition: rendition.parse()? })
    }

    /// Whether this is a sound.
    pub fn is_sound(&self) -> bool {
        self.camera.as_str() == "audio"
    }
}

impl fmt::Display for RenditionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.camera, self.rendition)
    }
}
