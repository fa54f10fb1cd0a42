//! The configuration file: TOML in, a checked [`Config`] out. A wrong line is named with what was expected.

mod capture;
mod check;
mod document;
mod file;
mod multiview;
mod secret;
mod venue;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use packager::{Grid, MediaTime, Slug};

/// Everything a server needs to know.
#[derive(Clone)]
pub struct Config {
    /// Where plain HTTP is served.
    pub listen: SocketAddr,
    /// Where HTTPS is served.
    pub tls: Option<Tls>,
    /// The data folder.
    pub data: PathBuf,
    /// The venue.
    pub venue: Venue,
    /// What is to encode the rungs.
    pub encoder: ::capture::Choice,
    /// The cameras, ordered by bearing; the mosaic last.
    pub cameras: Vec<Camera>,
    /// The sounds, the default first.
    pub sounds: Vec<Sound>,
    /// What every source is held to.
    pub limits: Arc<::capture::Limits>,
    /// What tells UTC.
    pub clock: ::capture::Follow,
    /// The camera that skew is measured against; the first one when none is named.
    pub reference: Option<Slug>,
}

impl Config {
    /// Holds the sources that run, and these, to what these are held to: the running ones follow, and are not begun anew.
    pub(crate) fn take_over(&mut self, running: &Arc<::capture::Limits>) {
        running.replace(&self.limits);
        self.limits = Arc::clone(running);
        for camera in &mut self.cameras {
            if let Source::Url(source) = &mut camera.source {
                *source = source.clone().sharing(running);
            }
        }
        for sound in &mut self.sounds {
            if let SoundSource::Url(source) = &mut sound.from {
                *source = source.clone().sharing(running);
            }
        }
    }
}

/// HTTPS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Where it is served.
    pub listen: SocketAddr,
    /// A certificate chain and its key (PEM); without them one is made in the data folder.
    pub files: Option<(PathBuf, PathBuf)>,
}

/// The venue.
#[derive(Clone, Debug)]
pub struct Venue {
    /// Its name.
    pub name: String,
    /// Its frame grid.
    pub grid: Grid,
    /// How far back the ring reaches.
    pub ring: Duration,
    /// x264's preset.
    pub preset: ::capture::Preset,
    /// The club's name.
    pub club: String,
    /// The club's accent colour, `#rrggbb`.
    pub accent: String,
}

/// A camera.
#[derive(Clone, PartialEq)]
pub struct Camera {
    /// Its id.
    pub id: Slug,
    /// Its name for people.
    pub name: String,
    /// Where its pictures come from.
    pub source: Source,
    /// Degrees clockwise round the pitch, 0 behind the main stand.
    pub bearing: u16,
    /// Whether the camera's own bitstream is a rendition too.
    pub passthrough: bool,
    /// The longest distance of key frames accepted in passthrough.
    pub max_gop: MediaTime,
    /// The ladder, best first.
    pub rungs: Vec<Rung>,
    /// How late its pictures arrive, in milliseconds.
    pub offset_ms: i64,
    /// Whether capture time that the camera sends places its pictures.
    pub capture_time: bool,
    /// Whether nothing is received from it at present.
    pub paused: bool,
}

/// Where pictures come from.
#[derive(Clone, PartialEq)]
pub enum Source {
    /// A program that is not ours.
    Url(::capture::Source),
    /// The synthetic match's camera of this number.
    Demo(usize),
    /// All other cameras, in so many tiles a side; in as few as have room when it is not said.
    Multiview(Option<u32>),
}

impl Source {
    /// Whether a program that is not ours sends them.
    pub fn is_received(&self) -> bool {
        matches!(self, Self::Url(_))
    }

    /// Whether it is the mosaic of all other cameras.
    pub fn is_mosaic(&self) -> bool {
        matches!(self, Self::Multiview(_))
    }
}

/// One quality.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Lines.
    pub height: u16,
    /// Kilobits per second.
    pub kbps: u32,
}

/// A sound.
#[derive(Clone, PartialEq)]
pub struct Sound {
    /// Its id.
    pub id: Slug,
    /// Its name for people, which no other sound has.
    pub name: String,
    /// Where it comes from.
    pub from: SoundSource,
    /// How late it arrives from a source of its own, in milliseconds.
    pub offset_ms: i64,
    /// BCP 47.
    pub language: Option<String>,
    /// The same in all inputs that carry the same electrical sound.
    pub group: Option<Slug>,
}

/// Where a sound comes from.
#[derive(Clone, PartialEq)]
pub enum SoundSource {
    /// A camera's own sound.
    Camera(Slug),
    /// A program that is not ours.
    Url(::capture::Source),
    /// The synthetic crowd.
    Demo,
}

pub use check::ConfigError;
pub use document::{Document, Fields};
pub(crate) use multiview::layout;
pub use secret::{Unknown, fill};
