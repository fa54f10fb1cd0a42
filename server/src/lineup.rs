//! What is configured now: a snapshot that never changes, replaced whole by [`crate::change`].

use std::{collections::BTreeMap, sync::Arc};

use packager::{RenditionId, Slug};
use parking_lot::Mutex;
use serde::Serialize;

use crate::{live::Live, timing::Timing};

/// How a camera is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Nothing received yet.
    #[default]
    Connecting,
    /// Pictures come.
    Live,
    /// Was live; the server keeps trying.
    Lost,
    /// The source is there but cannot be used.
    Refused,
    /// The crew wants nothing from it at present.
    Paused,
}

impl Health {
    /// The word in the API, in metrics and in logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Live => "live",
            Self::Lost => "lost",
            Self::Refused => "refused",
            Self::Paused => "paused",
        }
    }
}

/// A configured camera.
#[derive(Clone)]
pub struct Camera {
    /// Its id.
    pub id: Slug,
    /// Its name for people.
    pub name: String,
    /// Degrees clockwise round the pitch; a mosaic is nowhere.
    pub bearing: Option<u16>,
    /// Whose tiles it shows, when it is a mosaic.
    pub tiles: Option<Tiles>,
    /// How late its pictures are by configuration, in milliseconds.
    pub offset_ms: i64,
    /// How far before `in` an instant cut may start, in seconds.
    pub loose: f64,
    /// What encodes its rungs, when it has any.
    pub engine: Option<capture::Engine>,
    /// Its renditions, best first, `source` last.
    pub renditions: Vec<Arc<Live>>,
    /// How it is, and one sentence for a person. The same through every change of the camera.
    pub health: Arc<Mutex<(Health, Option<String>)>>,
    /// What its pipeline counts; `None` while it has none.
    pub meter: Arc<Mutex<Option<capture::Meter>>>,
    /// What is known of its clock, as of the last second.
    pub timing: Arc<Mutex<Timing>>,
}

impl Camera {
    /// The rungs, or `source` when there are none: what every player gets.
    pub fn ladder(&self) -> impl Iterator<Item = &Arc<Live>> {
        let alone = self.renditions.len() == 1;
        self.renditions.iter().filter(move |live| alone || !live.is_source())
    }

    /// The camera's own bitstream.
    pub fn source(&self) -> Option<&Arc<Live>> {
        self.renditions.iter().find(|live| live.is_source())
    }

    /// What its pipeline has counted since it was started; `None` while it has none.
    pub fn stats(&self) -> Option<capture::Stats> {
        self.meter.lock().as_ref().map(capture::Meter::read)
    }

    /// How it is now.
    pub fn health(&self) -> Health {
        self.health.lock().0
    }
}

/// Who stands where in a mosaic: from the upper left, row by row.
#[derive(Clone, Debug, Serialize)]
pub struct Tiles {
    /// Tiles across, and as many down.
    pub side: u32,
    /// The cameras; what is left over is empty.
    pub cameras: Vec<String>,
}

/// A configured sound.
#[derive(Clone)]
pub struct Sound {
    /// Its id.
    pub id: Slug,
    /// Its name for people.
    pub name: String,
    /// BCP 47.
    pub language: Option<String>,
    /// The camera that it comes from.
    pub camera: Option<Slug>,
    /// The same in all sounds that are the same electrically.
    pub group: Option<Slug>,
    /// Its rendition.
    pub live: Arc<Live>,
    /// What measures how loud it is; `None` while it has no pipeline.
    pub meter: Arc<Mutex<Option<capture::LoudnessMeter>>>,
}

impl Sound {
    /// How loud it is now.
    pub fn loudness(&self) -> capture::Loudness {
        self.meter.lock().as_ref().map(capture::LoudnessMeter::read).unwrap_or_default()
    }
}

/// What the pages call the place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The venue's name.
    pub venue: String,
    /// The club's name.
    pub club: String,
    /// The club's accent colour.
    pub accent: String,
}

/// Everything that is configured, and every rendition there is or was.
#[derive(Clone, Default)]
pub struct Lineup {
    /// Counts changes: what was rendered from this one carries its number.
    pub number: u64,
    /// For the pages.
    pub names: Names,
    /// Cameras by bearing, a mosaic last.
    pub cameras: Vec<Camera>,
    /// Sounds, the default first.
    pub sounds: Vec<Sound>,
    /// The camera that skew is measured against; the first one when none is named.
    pub reference: Option<Slug>,
    /// Every rendition there is or was: highlights show what is configured no more.
    pub renditions: BTreeMap<RenditionId, Arc<Live>>,
}

impl Lineup {
    /// A configured camera.
    pub fn camera(&self, id: &str) -> Option<&Camera> {
        self.cameras.iter().find(|c| c.id.as_str() == id)
    }

    /// The cameras that look at the match themselves: all but a mosaic.
    pub fn angles(&self) -> impl Iterator<Item = &Camera> {
        self.cameras.iter().filter(|camera| camera.tiles.is_none())
    }

    /// The camera that skew is measured against.
    pub fn reference(&self) -> Option<&Camera> {
        self.reference.as_ref().and_then(|id| self.camera(id.as_str())).or(self.cameras.first())
    }

    /// Every configured rendition, sounds last.
    pub fn configured(&self) -> impl Iterator<Item = &Arc<Live>> {
        self.cameras.iter().flat_map(|c| &c.renditions).chain(self.sounds.iter().map(|s| &s.live))
    }

    /// The configured cameras' ids, for a sentence.
    pub fn ids(&self) -> String {
        self.cameras.iter().map(|c| c.id.as_str()).collect::<Vec<_>>().join(", ")
    }
}
