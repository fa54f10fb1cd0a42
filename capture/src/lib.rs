//! Cameras and microphones in; encoded access units out, all of them on one media timeline.
//!
//! A [`Camera`] is two pipelines with a frame synchroniser between them. The *ingest* pipeline receives and decodes; it
//! is torn down and rebuilt at every loss. The *ladder* pipeline scales and encodes; it lives as long as the camera
//! and is never disturbed by the source. The synchroniser (`sync`, plain arithmetic) places the source's
//! frames on the venue's grid, repeats what is missing and drops what is too much.
//!
//! How to drive it: call [`init`] once; make one [`Clock`] for the process; start cameras and sounds with a [`Sink`],
//! which is called on streaming threads the moment a unit exists; drop them to stop them.
//!
//! What holds for everything that reaches a sink:
//! - **rungs**: a grid segment is whole or absent, its frames are contiguous, it starts with a key frame and contains
//!   no other;
//! - **sounds** never stop: they are silent while their source is absent;
//! - **`source`** units have growing decode times and start with a key frame after every loss.

mod bridge;
mod camera;
mod clock;
mod config;
mod elements;
mod encoder;
mod engine;
mod h264;
mod ingest;
mod ladder;
mod loudness;
mod mailbox;
mod mosaic;
mod painter;
mod passthrough;
mod push;
mod reference;
mod sink;
mod sound;
mod source;
mod supervise;
mod survey;
mod sync;
mod worker;

pub use camera::{Camera, stop};
pub use clock::Clock;
pub use config::{Config, Preset, Rung, SoundConfig, UnknownPreset};
pub use elements::init;
pub use engine::{Choice, Engine, UnknownEngine};
pub use loudness::{Loudness, LoudnessMeter};
pub use mosaic::{Layout, Mosaic, Tile};
pub use painter::{Painter, Speaker};
pub use push::whip;
pub use reference::{Follow, Reference, Standing, UnknownClock};
pub use sink::{Basis, Meter, Output, Sink, State, Stats, Timing};
pub use sound::{Input, Sound};
pub use source::{LimitError, Limits, SCHEMES, Socket, Source, SourceError};
pub use survey::{Ability, Survey, survey};

/// Why something cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The GStreamer library does not start.
    #[error("GStreamer does not start: {0}")]
    Init(String),
    /// An element is not installed.
    #[error("GStreamer has no element \"{element}\": install the package {package}")]
    Missing {
        /// The element's factory name.
        element: &'static str,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// An element that a source needs is not installed.
    #[error("`source`: a {scheme} source needs the GStreamer element \"{element}\": install {package}")]
    Uninstalled {
        /// The source's scheme.
        scheme: &'static str,
        /// The element's factory name.
        element: &'static str,
        /// What has it.
        package: &'static str,
    },
    /// A source that cannot be received as its address says.
    #[error("{0}")]
    Source(String),
    /// A source outside of what sources may reach.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// A picture encoder that cannot be used on this machine.
    #[error("the encoder {name} cannot be used on this machine: {why}; it needs the package {package}")]
    NoEngine {
        /// The encoder's name in the configuration.
        name: &'static str,
        /// What was tried, and how it ended.
        why: String,
        /// The Debian packages that it needs.
        package: &'static str,
    },
    /// A configuration that cannot work.
    #[error("expected {expected}; found {found}")]
    Config {
        /// What would have been right.
        expected: &'static str,
        /// What was given.
        found: String,
    },
    /// A pipeline that GStreamer refuses to build or start.
    #[error("pipeline {pipeline}: {why}")]
    Pipeline {
        /// The pipeline's name.
        pipeline: String,
        /// GStreamer's reason, without credentials.
        why: String,
    },
    /// The system gives no thread.
    #[error("no thread for {name}: {source}")]
    Thread {
        /// What the thread is for.
        name: String,
        /// The system's reason.
        source: std::io::Error,
    },
}
