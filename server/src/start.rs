//! Puts the application together: the folder's past, this run's anchor, a rendition for everything configured.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, OnceLock},
};

use anyhow::{Context, Result};
use packager::{
    Grid, Kind, MediaTime, RenditionId, Timeline,
    wall::{Anchors, Wall},
};
use parking_lot::Mutex;
use store::{Recovered, Rendition, Store};

use crate::{
    app::{App, Camera, Health, Sound, Venue},
    catalog::Catalog,
    config::{Config, SoundSource, Source},
    crew::Crew,
    demo,
    events::Events,
    feed::Feed,
    live::Live,
    moments::Moments,
    poster::Posters,
};

/// A server whose cameras run. Dropped, it stops them.
pub struct Started {
    /// The state that requests see.
    pub app: Arc<App>,
    _cameras: Vec<capture::Camera>,
    _sounds: Vec<capture::Sound>,
}

/// The rate of a sound, in bits per second.
const SOUND_RATE: u64 = 128_000;

/// Opens the data folder, begins a run and starts every camera.
///
/// # Errors
/// When the folder is another process's, was recorded on another grid, cannot be written, or a pipeline cannot be made.
pub async fn start(config: Config) -> Result<Started> {
    let grid = config.venue.grid;
    let data = config.data.clone();
    std::fs::create_dir_all(&data).with_context(|| format!("cannot make the data folder {}", data.display()))?;
    capture::init()?;
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
    let now = Wall(jiff::Timestamp::now().as_microsecond());
    let (anchor, moment) = anchors.begin(now, recorded_until(&recovered, grid), segment_up);
    let clock = capture::Clock::start(moment);
    store.begin_run(anchor)?;
    let anchors = Arc::new(anchors);

    let horizon =
        MediaTime(anchor.media.0.saturating_sub(u64::try_from(config.venue.ring.as_nanos()).unwrap_or(u64::MAX)));
    let mut past: HashMap<RenditionId, Rendition> =
        recovered.renditions.into_iter().map(|r| (r.id.clone(), r)).collect();
    let mut renditions: BTreeMap<RenditionId, Arc<Live>> = BTreeMap::new();
    let mut make = |id: RenditionId, kind: Kind, nominal: u64, late_ms: i64, past: Option<Rendition>| {
        let lateness = MediaTime(u64::try_from(late_ms).unwrap_or(0) * 1_000_000);
        let mut timeline = Timeline::new(kind, grid, anchor.run);
        if let Some(past) = past {
            restore(&mut timeline, past, horizon, &anchors);
        }
        timeline.begin_run(anchor.media);
        let live = Live::new(id.clone(), timeline, anchor.media, anchors.clone(), store.clone(), nominal, lateness);
        renditions.entry(id).or_insert(Arc::new(live)).clone()
    };

    let mut cameras = Vec::new();
    for camera in &config.cameras {
        let id = |rendition: &str| RenditionId::new(camera.id.as_str(), rendition).context("a camera's id");
        let mut lives = Vec::new();
        for rung in &camera.rungs {
            let id = id(&format!("{}p", rung.height))?;
            let before = past.remove(&id);
            lives.push(make(id, Kind::Rung, u64::from(rung.kbps) * 1000, camera.offset_ms, before));
        }
        if camera.passthrough {
            let id = id("source")?;
            let before = past.remove(&id);
            lives.push(make(id, Kind::Source { max_gop: camera.max_gop }, 0, camera.offset_ms, before));
        }
        let segment = grid.frame_time(u64::from(grid.segment_frames)).0 as f64 / 1e9;
        let loose = if camera.rungs.is_empty() { camera.max_gop.0 as f64 / 1e9 } else { segment };
        cameras.push(Camera {
            id: camera.id.clone(),
            name: camera.name.clone(),
            bearing: camera.bearing,
            loose,
            renditions: lives,
            health: Mutex::new((Health::Connecting, None)),
            meter: OnceLock::new(),
        });
    }
    let mut sounds = Vec::new();
    for sound in &config.sounds {
        let id = RenditionId::new("audio", sound.id.as_str()).context("a sound's id")?;
        let before = past.remove(&id);
        let late_ms = match &sound.from {
            SoundSource::Camera(from) => config.cameras.iter().find(|c| c.id == *from).map_or(0, |c| c.offset_ms),
            _ => 0,
        };
        let live = make(id, Kind::Sound, SOUND_RATE, late_ms, before);
        sounds.push(Sound { id: sound.id.clone(), language: sound.language.clone(), live });
    }
    // What was recorded under names that are not configured any more: highlights may still show it.
    for (id, rendition) in past {
        let kind = kind_of(&id);
        make(id, kind, 0, 0, Some(rendition));
    }

    let venue = Venue {
        name: config.venue.name.clone(),
        club: config.venue.club.clone(),
        accent: config.venue.accent.clone(),
        grid,
        ring: config.venue.ring,
    };
    let app = Arc::new(App {
        venue,
        cameras,
        sounds,
        renditions,
        moments,
        // Over every number of earlier runs: a page that comes back resumes, or learns that it missed too much.
        events: Events::new(u64::from(anchor.run.0) << 32),
        anchors,
        store,
        crew,
        clock,
        ended: Default::default(),
        hot: Default::default(),
        brief: Default::default(),
        posters: Posters::default(),
    });
    report(&app);
    let (cameras, sounds) = run(config, &app)?;
    tokio::spawn(crate::keep::keep(app.clone()));
    Ok(Started { app, _cameras: cameras, _sounds: sounds })
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

/// Every playlist reports the camera's other renditions and the sounds; a sound's reports the other sounds and the first
/// camera, where players begin.
fn report(app: &App) {
    let line = |live: &Arc<Live>| (format!("../../{}/index.m3u8", live.id), live.clone());
    let sounds: Vec<_> = app.sounds.iter().map(|s| line(&s.live)).collect();
    for camera in &app.cameras {
        for live in &camera.renditions {
            let others = camera.renditions.iter().filter(|other| other.id != live.id).map(line);
            live.report(others.chain(sounds.clone()).collect());
        }
    }
    let first: Vec<_> = app.cameras.first().map_or_else(Vec::new, |c| c.ladder().map(line).collect());
    for sound in &app.sounds {
        let others = sounds.iter().filter(|(_, live)| live.id != sound.live.id).cloned();
        sound.live.report(others.chain(first.clone()).collect());
    }
}

fn run(config: Config, app: &Arc<App>) -> Result<(Vec<capture::Camera>, Vec<capture::Sound>)> {
    let grid = config.venue.grid;
    let preset = config.venue.preset;
    let (mut cameras, mut sounds) = (Vec::new(), Vec::new());
    for (place, camera) in config.cameras.into_iter().enumerate() {
        let known = &app.cameras[place];
        let sound = config
            .sounds
            .iter()
            .zip(&app.sounds)
            .find(|(sound, _)| matches!(&sound.from, SoundSource::Camera(from) if *from == camera.id));
        let rungs = known.renditions.iter().filter(|live| !live.is_source()).cloned().collect();
        let feed = Feed::new(rungs, known.source().cloned(), sound.map(|(_, s)| s.live.clone()), Some(place));
        feed.tell(app);
        let rungs = camera.rungs.iter().map(|r| capture::Rung { height: r.height.into(), kbps: r.kbps }).collect();
        let mut made = capture::Config::new(camera.id.clone(), grid, rungs);
        made.passthrough = camera.passthrough;
        made.offset_ms = camera.offset_ms;
        made.preset = preset;
        made.sound = sound.map(|(sound, _)| capture::SoundConfig::new(sound.id.clone()));
        let started = match camera.source {
            Source::Url(source) => capture::Camera::start(made, source, app.clock.clone(), feed),
            Source::Demo(index) => {
                capture::Camera::painted(made, demo::painter(index, &camera.rungs, grid)?, app.clock.clone(), feed)
            }
        };
        let started = started.with_context(|| format!("camera \"{}\"", camera.id))?;
        let _ = known.meter.set(started.meter());
        cameras.push(started);
    }
    for (sound, known) in config.sounds.into_iter().zip(&app.sounds) {
        let feed = Feed::new(Vec::new(), None, Some(known.live.clone()), None);
        let made = capture::SoundConfig::new(sound.id.clone());
        let started = match sound.from {
            SoundSource::Camera(_) => continue,
            SoundSource::Url(source) => capture::Sound::start(made, source, app.clock.clone(), feed),
            SoundSource::Demo => capture::Sound::spoken(made, demo::speaker()?, app.clock.clone(), feed),
        };
        sounds.push(started.with_context(|| format!("sound \"{}\"", sound.id))?);
    }
    Ok((cameras, sounds))
}
