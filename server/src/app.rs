//! Everything a request may need, put together once at start.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use packager::{
    Grid, MediaTime, RenditionId, Slug,
    playlist::{Camera as Angle, Sound as SoundLine, Variant},
    wall::{Anchors, Wall},
};
use parking_lot::{Mutex, RwLock};
use serde::Serialize;
use store::Store;

use crate::{crew::Crew, events::Events, live::Live, live::Text, moments::Moments};

/// How a camera is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Nothing received yet.
    Connecting,
    /// Pictures come.
    Live,
    /// Was live; the server keeps trying.
    Lost,
    /// The source is there but cannot be used.
    Refused,
}

/// A configured camera.
pub struct Camera {
    /// Its id.
    pub id: Slug,
    /// Its name for people.
    pub name: String,
    /// Degrees clockwise round the pitch.
    pub bearing: u16,
    /// How far before `in` an instant cut may start, in seconds.
    pub loose: f64,
    /// Its renditions, best first, `source` last.
    pub renditions: Vec<Arc<Live>>,
    /// How it is, and one sentence for a person.
    pub health: Mutex<(Health, Option<String>)>,
    /// What its pipeline counts; set once the pipeline runs.
    pub meter: OnceLock<capture::Meter>,
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
}

/// A configured sound.
pub struct Sound {
    /// Its id.
    pub id: Slug,
    /// BCP 47.
    pub language: Option<String>,
    /// Its rendition.
    pub live: Arc<Live>,
}

/// The venue, for the pages.
#[derive(Clone, Debug)]
pub struct Venue {
    /// Its name.
    pub name: String,
    /// The club's name.
    pub club: String,
    /// The club's accent colour.
    pub accent: String,
    /// The frame grid.
    pub grid: Grid,
    /// How far back the ring reaches.
    pub ring: std::time::Duration,
}

/// The application's state.
pub struct App {
    /// The venue.
    pub venue: Venue,
    /// Cameras by bearing.
    pub cameras: Vec<Camera>,
    /// Sounds, the default first.
    pub sounds: Vec<Sound>,
    /// Every rendition there is or was.
    pub renditions: BTreeMap<RenditionId, Arc<Live>>,
    /// Marks and highlights.
    pub moments: Moments,
    /// What every page is told.
    pub events: Events,
    /// Wall clock and media time.
    pub anchors: Arc<Anchors>,
    /// Media on disk.
    pub store: Store,
    /// Who may write.
    pub crew: Crew,
    /// The pipelines' clock.
    pub clock: capture::Clock,
    /// Rendered playlists of complete highlights.
    pub ended: RwLock<BTreeMap<String, Arc<Text>>>,
    /// Media that are being fetched.
    pub hot: crate::hot::Hot,
    /// Multivariant playlists of the last second.
    pub brief: crate::hot::Brief,
    /// Stills.
    pub posters: crate::poster::Posters,
}

impl App {
    /// The newest media time: what every camera has that is live now, or the run's beginning.
    pub fn newest(&self) -> MediaTime {
        // A camera that is more than a second behind the others is not live.
        const BEHIND: u64 = MediaTime::SECOND;
        let ends: Vec<MediaTime> =
            self.cameras.iter().flat_map(|c| &c.renditions).filter_map(|live| live.received_until()).collect();
        let Some(newest) = ends.iter().max() else {
            return self.anchors.newest().map_or(MediaTime(0), |a| a.media);
        };
        ends.iter().copied().filter(|end| end.0 + BEHIND >= newest.0).min().unwrap_or(*newest)
    }

    /// Whether every angle of a highlight has come as far as its end, or was lost on the way.
    pub fn received(&self, highlight: &crate::catalog::Highlight) -> bool {
        let (_, to) = highlight.range.times(self.venue.grid);
        let there = |live: &Arc<Live>| live.timeline(|t| t.end().is_some_and(|end| end >= to));
        highlight.angles.iter().flat_map(|camera| self.ladder(camera)).all(there)
    }

    /// The beginning of the oldest media of any camera that is still there.
    pub fn oldest(&self) -> Option<MediaTime> {
        let start = |live: &Arc<Live>| {
            live.timeline(|t| {
                t.segments().iter().find(|s| !s.is_gap()).map(|s| MediaTime::from_ticks(s.start, t.timescale))
            })
        };
        self.cameras.iter().flat_map(|c| &c.renditions).filter_map(start).min()
    }

    /// UTC at an instant of media time.
    pub fn wall(&self, at: MediaTime) -> Wall {
        self.anchors.wall_at(at)
    }

    /// A rendition by the names in its address.
    pub fn rendition(&self, camera: &str, rendition: &str) -> Option<&Arc<Live>> {
        self.renditions.get(&RenditionId::new(camera, rendition).ok()?)
    }

    /// The renditions of any camera there is or was: its rungs, best first, or its `source` when it has none.
    pub fn ladder(&self, camera: &str) -> Vec<&Arc<Live>> {
        let all: Vec<_> = self.renditions.values().filter(|live| live.id.camera.as_str() == camera).collect();
        let mut rungs: Vec<_> = all.iter().copied().filter(|live| !live.is_source()).collect();
        rungs.sort_by_key(|live| std::cmp::Reverse(live.height()));
        if rungs.is_empty() { all } else { rungs }
    }

    /// A camera's name for people; its id when it is no longer configured.
    pub fn name(&self, camera: &str) -> String {
        let known = self.cameras.iter().find(|c| c.id.as_str() == camera);
        known.map_or_else(|| camera.to_owned(), |c| c.name.clone())
    }

    /// A camera's line in a multivariant playlist; `None` while nothing of it is known.
    pub fn angle<'a>(&self, camera: &str, ladder: impl IntoIterator<Item = &'a Arc<Live>>) -> Option<Angle> {
        let variants: Vec<Variant> = ladder.into_iter().filter_map(|live| live.variant()).collect();
        (!variants.is_empty()).then(|| Angle { id: camera.to_owned(), name: self.name(camera), variants })
    }

    /// The sounds' lines in a multivariant playlist, of those that `wanted` has.
    pub fn sound_lines(&self, wanted: impl Fn(&Live) -> bool) -> Vec<SoundLine> {
        let sounds = self.sounds.iter().filter(|s| wanted(&s.live));
        let line = |sound: &Sound| {
            let (peak, mean) = sound.live.timeline(|t| t.format.is_some().then(|| t.bandwidth()))?;
            let bandwidth = (peak.max(sound.live.nominal()), mean);
            Some(SoundLine {
                id: sound.id.to_string(),
                name: sound.id.to_string(),
                language: sound.language.clone(),
                codecs: "mp4a.40.2".into(),
                channels: 2,
                bandwidth,
            })
        };
        sounds.filter_map(line).collect()
    }
}
