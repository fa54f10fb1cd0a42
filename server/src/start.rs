//! Puts the application together: the folder's past, this run's anchor, and then everything configured.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use arc_swap::ArcSwap;
use packager::{
    Grid, Kind, MediaTime, RenditionId, Timeline,
    wall::{Anchors, Wall},
};
use store::{Recovered, Rendition, Store};

use crate::{
    app::{App, Venue},
    catalog::Catalog,
    change,
    config::Document,
    crew::Crew,
    events::Events,
    lineup::Lineup,
    moments::Moments,
    settings::Settings,
};

/// How long the start waits for the clock that is to tell UTC.
const PATIENCE: Duration = Duration::from_secs(5);

/// A server whose cameras run. Dropped, it stops them.
pub struct Started {
    /// The state that requests see.
    pub app: Arc<App>,
}

impl Drop for Started {
    fn drop(&mut self) {
        self.app.running.stop_all();
    }
}

/// Opens the data folder, begins a run and starts every camera.
///
/// # Errors
/// When the folder is another process's, was recorded on another grid, cannot be written, or GStreamer does not start.
pub async fn start(document: Document) -> Result<Started> {
    let config = document.config.clone();
    let grid = config.venue.grid;
    let data = config.data.clone();
    std::fs::create_dir_all(&data).with_context(|| format!("cannot make the data folder {}", data.display()))?;
    capture::init()?;
    let engine = capture::Engine::choose(config.encoder)
        .with_context(|| format!("[capture] encoder = \"{}\"", config.encoder))?;
    let (store, recovered) = {
        let data = data.clone();
        tokio::task::spawn_blocking(move || Store::open(&data, grid)).await??
    };
    let catalog = Catalog::open(&data.join("catalog.sqlite"))
        .await
        .with_context(|| format!("cannot open {}", data.join("catalog.sqlite").display()))?;
    let moments = Moments::load(catalog).await.context("cannot read the catalog")?;
    let crew =
        Crew::open(&data).with_context(|| format!("cannot read or make {}", data.join("crew.token").display()))?;

    let mut anchors = Anchors::new(recovered.anchors.clone());
    let segment_up = |at: MediaTime| {
        let timescale = grid.timescale();
        let ticks = at.ticks(timescale);
        let segment = ticks.div_ceil(grid.segment_ticks());
        grid.frame_time(segment.saturating_mul(u64::from(grid.segment_frames)))
    };
    let follow = config.clock.clone();
    let reference = tokio::task::spawn_blocking(move || capture::Reference::open(follow, PATIENCE)).await??;
    let now = Wall(reference.utc() / 1_000);
    let (anchor, moment) = anchors.begin(now, recorded_until(&recovered, grid), segment_up);
    let clock = capture::Clock::following(moment, &reference);
    store.begin_run(anchor)?;
    let anchors = Arc::new(anchors);

    let venue = &config.venue;
    let app = Arc::new(App {
        venue: Venue { grid, ring: venue.ring, engine, preset: venue.preset },
        began: anchor,
        lineup: ArcSwap::default(),
        mosaic: capture::Mosaic::default(),
        running: Default::default(),
        settings: Settings::new(document),
        moments,
        // Over every number of earlier runs: a page that comes back resumes, or learns that it missed too much.
        events: Events::new(u64::from(anchor.run.0) << 32),
        anchors,
        store,
        crew,
        clock,
        reference,
        ended: Default::default(),
        hot: Default::default(),
        brief: Default::default(),
        posters: Default::default(),
    });
    app.lineup.store(Arc::new(past(&app, recovered)));
    let started = Started { app: app.clone() };
    tokio::task::spawn_blocking(move || change::apply(&app, None, &config)).await?;
    tokio::spawn(crate::keep::keep(started.app.clone()));
    tokio::spawn(crate::timing::watch(started.app.clone()));
    Ok(started)
}

/// What earlier runs recorded, under whatever names: highlights may show it.
fn past(app: &App, recovered: Recovered) -> Lineup {
    let ring = u64::try_from(app.venue.ring.as_nanos()).unwrap_or(u64::MAX);
    let horizon = MediaTime(app.began.media.0.saturating_sub(ring));
    let renditions = recovered.renditions.into_iter().map(|rendition| {
        let id = rendition.id.clone();
        let restore = |timeline: &mut Timeline| restore(timeline, rendition, horizon, &app.anchors);
        (id.clone(), change::begin(app, id.clone(), kind_of(&id), app.began.media, restore))
    });
    Lineup { renditions: renditions.collect(), ..Lineup::default() }
}

fn recorded_until(recovered: &Recovered, grid: Grid) -> MediaTime {
    let end = |r: &Rendition| {
        let newest = r.ring.last().or(r.archive.last())?;
        Some(MediaTime::from_ticks(newest.end(), kind_of(&r.id).timescale(grid)))
    };
    recovered.renditions.iter().filter_map(end).max().unwrap_or_default()
}

/// By what rule a rendition of this name was cut.
fn kind_of(id: &RenditionId) -> Kind {
    match (id.is_sound(), id.rendition.as_str()) {
        (true, _) => Kind::Sound,
        (_, "source") => Kind::Source { max_gop: MediaTime(2 * MediaTime::SECOND) },
        _ => Kind::Rung,
    }
}

fn restore(timeline: &mut Timeline, past: Rendition, horizon: MediaTime, anchors: &Anchors) {
    let began = |run| anchors.all().iter().find(|a| a.run == run).map_or(MediaTime(0), |a| a.media);
    timeline.format = past.headers.last().map(|(_, _, format, _)| format.clone());
    let horizon = horizon.ticks(timeline.timescale);
    for segment in past.archive {
        timeline.keep(segment);
    }
    for segment in past.ring {
        let began = began(segment.run);
        if segment.end() <= horizon { timeline.keep(segment) } else { timeline.restore(segment, began) }
    }
}
