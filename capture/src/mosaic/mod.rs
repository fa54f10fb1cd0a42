//! The mosaic: all angles in one picture, in step by construction.
//!
//! Every camera leaves the picture of each grid slot here, the same that its own ladder gets, and waits for nothing. The
//! mosaic's thread paints its slot N out of every camera's slot N, as soon as all that deliver have come so far, at the latest
//! [`Mosaic::WAITS_MS`] after the latest of them is due.

mod inbox;
mod label;
mod paint;
mod run;
mod wall;

use std::{fmt, sync::Arc};

use gstreamer as gst;
use packager::Slug;

use crate::{Config, Rung, config::within};
use inbox::{Inbox, Picture};
pub(crate) use run::run;

/// Where cameras leave their pictures, and who stands where. Cloning is cheap; make one per process.
///
/// While no [`Camera::mosaic`](crate::Camera::mosaic) looks, nothing is kept.
#[derive(Clone, Default)]
pub struct Mosaic(Arc<Inbox>);

/// Who stands where: from the upper left, row by row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Tiles across, and as many down: 2 to 4.
    pub side: u32,
    /// The tiles; what is left over stays empty.
    pub tiles: Vec<Tile>,
}

/// One camera's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// The camera.
    pub camera: Slug,
    /// What is written on the tile.
    pub label: String,
    /// How late the camera delivers by configuration, in milliseconds.
    pub offset_ms: i64,
    /// What the tile says while there is no picture.
    pub absent: &'static str,
}

impl Mosaic {
    /// How long after the latest camera is due a slot is painted without whom it lacks: longer than a camera's own
    /// synchroniser bridges a stall (300 ms), so that what its rungs show is what its tile shows.
    pub const WAITS_MS: i64 = 400;

    /// Says who stands where, at any time.
    ///
    /// # Errors
    /// When there are other than 2 to 4 tiles a side, or more cameras than tiles.
    pub fn arrange(&self, layout: Layout) -> Result<(), crate::Error> {
        within("a mosaic of 2 to 4 tiles a side", layout.side.into(), 2..=4)?;
        let room = i64::from(layout.side * layout.side);
        within(
            "no more cameras than a mosaic has tiles",
            i64::try_from(layout.tiles.len()).unwrap_or(room + 1),
            0..=room,
        )?;
        self.0.arrange(layout);
        Ok(())
    }
}

/// A camera's way into the mosaic.
pub(crate) struct Window {
    inbox: Arc<Inbox>,
    camera: Slug,
    canvas: Rung,
}

impl Window {
    /// The way of a camera that has one.
    pub fn of(config: &Config) -> Option<Self> {
        let inbox = Arc::clone(&config.mosaic.as_ref()?.0);
        Some(Self { inbox, camera: config.id.clone(), canvas: config.canvas()? })
    }

    /// Leaves the picture of a grid slot, of a camera that is `late` nanoseconds late by what is known. Never waits.
    pub fn show(&self, frame: u64, picture: &gst::Buffer, late: i64) {
        self.inbox.put(&self.camera, late, || Picture { frame, buffer: picture.clone(), canvas: self.canvas });
    }
}

impl fmt::Debug for Mosaic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mosaic")
    }
}

/// The same one.
impl PartialEq for Mosaic {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Mosaic {}
