//! Everything a request may need. What is configured can change at any time: [`App::lineup`].

use std::{collections::BTreeMap, sync::Arc};

use arc_swap::ArcSwap;
use packager::{
    Grid, MediaTime, RenditionId,
    playlist::{Camera as Angle, Sound as SoundLine, Variant},
    wall::{Anchor, Anchors, Wall},
};
use parking_lot::RwLock;
use store::Store;

use crate::{
    crew::Crew,
    events::Events,
    lineup::{Camera, Lineup, Sound},
    live::Live,
    live::Text,
    moments::Moments,
    run::Running,
    settings::Settings,
};

/// What stays for as long as the process runs.
#[derive(Clone, Copy, Debug)]
pub struct Venue {
    /// The frame grid.
    pub grid: Grid,
    /// How far back the ring reaches.
    pub ring: std::time::Duration,
    /// What encodes pictures.
    pub engine: capture::Engine,
    /// How hard encoders work.
    pub preset: capture::Preset,
}

/// The application's state.
pub struct App {
    /// The venue.
    pub venue: Venue,
    /// Where this run began.
    pub began: Anchor,
    /// What is configured now.
    pub(crate) lineup: ArcSwap<Lineup>,
    /// The configuration as it is written.
    pub settings: Settings,
    /// Where cameras leave their pictures for the mosaic.
    pub(crate) mosaic: capture::Mosaic,
    /// The pipelines that run now.
    pub(crate) running: Running,
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
    /// What tells UTC.
    pub reference: capture::Reference,
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
    /// What is configured now: cameras, sounds, names. A snapshot, cheap to take; changes make another.
    pub fn lineup(&self) -> Arc<Lineup> {
        self.lineup.load_full()
    }

    /// A configured camera.
    pub fn camera(&self, id: &str) -> Option<Camera> {
        self.lineup.load().camera(id).cloned()
    }

    /// The newest media time: what every camera has that is live now, or the run's beginning.
    pub fn newest(&self) -> MediaTime {
        // A camera that is more than a second behind the others is not live.
        const BEHIND: u64 = MediaTime::SECOND;
        let lineup = self.lineup();
        // A mosaic waits for the others, and holds up nobody.
        let lives = lineup.angles().flat_map(|c| &c.renditions);
        let ends: Vec<MediaTime> = lives.filter_map(|live| live.received_until()).collect();
        let Some(newest) = ends.iter().max() else {
            return self.anchors.newest().map_or(MediaTime(0), |a| a.media);
        };
        ends.iter().copied().filter(|end| end.0 + BEHIND >= newest.0).min().unwrap_or(*newest)
    }

    /// Whether every angle of a highlight has come as far as its end, or was lost on the way.
    pub fn received(&self, highlight: &crate::catalog::Highlight) -> bool {
        let (_, to) = highlight.range.times(self.venue.grid);
        let there = |live: Arc<Live>| live.timeline(|t| t.end().is_some_and(|end| end >= to));
        highlight.angles.iter().flat_map(|camera| self.ladder(camera)).all(there)
    }

    /// The beginning of the oldest media of any camera that is still there.
    pub fn oldest(&self) -> Option<MediaTime> {
        let start = |live: &Arc<Live>| {
            live.timeline(|t| {
                t.segments().iter().find(|s| !s.is_gap()).map(|s| MediaTime::from_ticks(s.start, t.timescale))
            })
        };
        self.lineup().cameras.iter().flat_map(|c| &c.renditions).filter_map(start).min()
    }

    /// UTC at an instant of media time.
    pub fn wall(&self, at: MediaTime) -> Wall {
        self.anchors.wall_at(at)
    }

    /// A rendition that there is or was.
    pub fn known(&self, id: &RenditionId) -> Option<Arc<Live>> {
        self.lineup.load().renditions.get(id).cloned()
    }

    /// A rendition that there is or was, by the names in its address.
    pub fn rendition(&self, camera: &str, rendition: &str) -> Option<Arc<Live>> {
        self.known(&RenditionId::new(camera, rendition).ok()?)
    }

    /// A configured rendition, by the names in its address.
    pub fn configured(&self, camera: &str, rendition: &str) -> Option<Arc<Live>> {
        let named = |live: &&Arc<Live>| live.id.camera.as_str() == camera && live.id.rendition.as_str() == rendition;
        self.lineup.load().configured().find(named).cloned()
    }

    /// The renditions of any camera there is or was: its rungs, best first, or its `source` when it has none.
    pub fn ladder(&self, camera: &str) -> Vec<Arc<Live>> {
        let lineup = self.lineup.load();
        let all = lineup.renditions.values().filter(|live| live.id.camera.as_str() == camera);
        let (source, mut rungs): (Vec<_>, Vec<_>) = all.cloned().partition(|live| live.is_source());
        rungs.sort_by_key(|live| std::cmp::Reverse(live.height()));
        if rungs.is_empty() { source } else { rungs }
    }

    /// A camera's name for people; its id when it is no longer configured.
    pub fn name(&self, camera: &str) -> String {
        self.lineup.load().camera(camera).map_or_else(|| camera.to_owned(), |c| c.name.clone())
    }

    /// A camera's line in a multivariant playlist; `None` while nothing of it is known.
    pub fn angle<'a>(&self, camera: &str, ladder: impl IntoIterator<Item = &'a Arc<Live>>) -> Option<Angle> {
        let variants: Vec<Variant> = ladder.into_iter().filter_map(|live| live.variant()).collect();
        (!variants.is_empty()).then(|| Angle { id: camera.to_owned(), name: self.name(camera), variants })
    }

    /// The sounds' lines in a multivariant playlist, of those that `wanted` has.
    pub fn sound_lines(&self, wanted: impl Fn(&Live) -> bool) -> Vec<SoundLine> {
        let lineup = self.lineup();
        let sounds = lineup.sounds.iter().filter(|s| wanted(&s.live));
        let line = |sound: &Sound| {
            let (peak, mean) = sound.live.timeline(|t| t.format.is_some().then(|| t.bandwidth()))?;
            let bandwidth = (peak.max(sound.live.nominal()), mean);
            Some(SoundLine {
                id: sound.id.to_string(),
                name: sound.name.clone(),
                language: sound.language.clone(),
                codecs: "mp4a.40.2".into(),
                channels: 2,
                bandwidth,
                target: sound.live.target_duration(),
            })
        };
        sounds.filter_map(line).collect()
    }
}
