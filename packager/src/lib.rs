//! The core of Virage without input or output: encoded frames in; CMAF parts, timelines, playlists, waits and
//! highlights out. It has no clock, file, socket, thread, GStreamer or FFmpeg in it: time is an argument.
//!
//! How to drive it, per rendition:
//! 1. make a [`Cutter`] for the rendition and a [`Timeline`] for what it cuts;
//! 2. give the cutter every [`Unit`] ([`Cutter::push`]) and, now and then, the newest media time ([`Cutter::tick`]);
//! 3. drain what it made ([`Cutter::poll`]) and put each [`Event`] on the timeline ([`Timeline::apply`]);
//! 4. render the timeline ([`playlist`]) and answer whoever waits ([`wait::Reload`]).
//!
//! Three clocks occur. *Media time* is the one timeline of all angles, kept in integer ticks; *wall clock* is UTC,
//! anchored to media time once per run ([`wall::Anchors`]); *now* does not occur here.

pub mod boxes;
mod cutter;
mod grid;
pub mod highlight;
mod id;
pub mod playlist;
mod timeline;
mod unit;
pub mod wait;
pub mod wall;

pub use cutter::{Cutter, CutterError, Event, Kind, Part};
pub use grid::{Grid, GridError, MediaTime, Rate};
pub use id::{InvalidSlug, Msn, RenditionId, Run, Slug};
pub use timeline::{PartEntry, Segment, Timeline};
pub use unit::{Format, FormatError, Unit};
