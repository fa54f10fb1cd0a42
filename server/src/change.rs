//! From what runs to what is configured: the one way in which cameras and sounds begin, change and end.
//!
//! What has not changed is not touched: its pipeline, its timeline and its waiters never hear of it.

use std::{collections::BTreeSet, sync::Arc};

use packager::{Kind, MediaTime, RenditionId, Slug, Timeline};
use serde_json::json;

use crate::{
    app::App,
    config::{self, Config, SoundSource},
    feed::set_health,
    http,
    lineup::{Camera, Health, Lineup, Names, Sound, Tiles},
    live::Live,
    run, words,
};

/// The rate of a sound, in bits per second.
const SOUND_RATE: u64 = 128_000;

/// What becomes of a camera's pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It goes on.
    Stay,
    /// It receives something else; its ladder goes on.
    Receive,
    /// It is made anew, or for the first time.
    Start,
    /// It ends, or stays ended.
    Stop,
}

/// Makes what runs what is configured. Takes as long as what ends takes to end, so it is not called where others wait.
///
/// `before` is what runs, nothing at the start. A pipeline that cannot be made does not stop the others: its camera is
/// [`Health::Refused`] and says why.
pub fn apply(app: &Arc<App>, before: Option<&Config>, after: &Config) {
    let (cameras, sounds) = before.map_or((&[][..], &[][..]), |config| (&config.cameras, &config.sounds));
    let steps: Vec<Step> = after.cameras.iter().map(|camera| step(app, before, camera, after)).collect();
    // One that could not be started is tried again with every change.
    let replaced = |sound: &config::Sound| {
        !app.running.speaks(&sound.id) || sounds.iter().find(|s| s.id == sound.id).is_none_or(|s| !goes_on(s, sound))
    };

    // Everything ends before anything begins: a port may move from one to the other.
    let gone = cameras.iter().filter(|c| after.cameras.iter().all(|other| other.id != c.id));
    let ended = after.cameras.iter().zip(&steps).filter(|(_, step)| matches!(step, Step::Start | Step::Stop));
    let silent = sounds.iter().filter(|s| after.sounds.iter().find(|other| other.id == s.id).is_none_or(replaced));
    let moved = after.cameras.iter().zip(&steps).filter(|(_, step)| **step == Step::Receive);
    app.running.leave(moved.map(|(camera, _)| &camera.id));
    app.running.stop(gone.chain(ended.map(|(c, _)| c)).map(|camera| &camera.id), silent.map(|sound| &sound.id));

    let (old, lineup) = (app.lineup(), Arc::new(lineup(app, after)));
    for (known, step) in lineup.cameras.iter().zip(&steps) {
        match step {
            Step::Stay => {}
            Step::Stop => (*known.health.lock(), *known.meter.lock()) = ((Health::Paused, None), None),
            Step::Start | Step::Receive => *known.health.lock() = (Health::Connecting, None),
        }
    }
    app.lineup.store(lineup.clone());
    accompany(&lineup);
    if before.is_some() {
        tell(app, cameras, after, &old, &lineup);
    }

    if let Some(layout) = config::layout(after)
        && let Err(error) = app.mosaic.arrange(layout)
    {
        tracing::error!(%error, "the mosaic cannot be arranged");
    }
    for (config, known) in after.sounds.iter().zip(&lineup.sounds).filter(|(config, _)| replaced(config)) {
        if let Err(error) = run::sound(app, config, known) {
            tracing::error!(sound = %config.id, "cannot be started: {}", words::chain(&error));
        }
    }
    for ((config, known), step) in after.cameras.iter().zip(&lineup.cameras).zip(steps) {
        let result = match step {
            Step::Stay | Step::Stop => Ok(()),
            Step::Start => run::camera(app, config, known, fed(after, &config.id)),
            Step::Receive => run::receive(app, config),
        };
        if let Err(error) = result {
            let why = format!("cannot be started: {}", words::chain(&error));
            tracing::error!(camera = %config.id, "{why}");
            *known.meter.lock() = None;
            set_health(app, known, Health::Refused, Some(why));
        }
    }
}

/// Tells every page, and the log, what is different.
fn tell(app: &App, before: &[config::Camera], after: &Config, old: &Lineup, lineup: &Lineup) {
    for gone in old.cameras.iter().filter(|c| lineup.camera(c.id.as_str()).is_none()) {
        tracing::info!(camera = %gone.id, "removed");
        app.events.tell("camera.removed", &json!({"id": gone.id.as_str()}));
    }
    for (config, camera) in after.cameras.iter().zip(&lineup.cameras) {
        let kind = match before.iter().find(|c| c.id == config.id) {
            None => "camera.added",
            Some(was) if was != config => "camera.changed",
            Some(_) => continue,
        };
        tracing::info!(camera = %camera.id, health = camera.health().name(), kind, "configured");
        app.events.tell_apart(kind, &http::camera_for_crew(camera), &http::camera_object(camera));
    }
    if old.names != lineup.names {
        let Names { venue, club, accent } = &lineup.names;
        app.events.tell("venue.changed", &json!({"name": venue, "theme": {"club": club, "accent": accent}}));
    }
}

fn step(app: &App, before: Option<&Config>, camera: &config::Camera, after: &Config) -> Step {
    let was = before.and_then(|config| config.cameras.iter().find(|c| c.id == camera.id));
    let was = match (camera.paused, was.filter(|_| app.running.runs(&camera.id))) {
        (true, _) => return Step::Stop,
        (false, None) => return Step::Start,
        (false, Some(was)) => was,
    };
    let sound = |config: Option<&Config>| config.and_then(|config| fed(config, &camera.id)).cloned();
    let received = camera.source.is_received() && was.source.is_received();
    if camera.source.is_mosaic() && was.source.is_mosaic() && camera.rungs == was.rungs {
        // Who stands where is arranged while it runs.
        return Step::Stay;
    }
    // What the pages show, and what a playlist promises, concern no pipeline.
    let mut same =
        config::Camera { name: was.name.clone(), bearing: was.bearing, max_gop: was.max_gop, ..camera.clone() };
    if sound(before) != sound(Some(after)) {
        return Step::Start;
    }
    if same == *was {
        return Step::Stay;
    }
    (same.source, same.offset_ms) = (was.source.clone(), was.offset_ms);
    if received && same == *was { Step::Receive } else { Step::Start }
}

/// Whether a sound's pipeline serves its new configuration as well: a language is only a name, and cameras take turns.
fn goes_on(was: &config::Sound, sound: &config::Sound) -> bool {
    was.from == sound.from && was.offset_ms == sound.offset_ms
        || matches!((&was.from, &sound.from), (SoundSource::Camera(_), SoundSource::Camera(_)))
}

/// The sound that a camera feeds.
fn fed<'a>(config: &'a Config, camera: &Slug) -> Option<&'a Slug> {
    let sound = config.sounds.iter().find(|s| matches!(&s.from, SoundSource::Camera(from) if from == camera));
    sound.map(|s| &s.id)
}

/// The next snapshot. A rendition that there is or was goes on, whatever happened between.
fn lineup(app: &App, config: &Config) -> Lineup {
    let before = app.lineup();
    let venue = &config.venue;
    let names = Names { venue: venue.name.clone(), club: venue.club.clone(), accent: venue.accent.clone() };
    let mut next = Lineup {
        number: before.number + 1,
        names,
        cameras: Vec::new(),
        sounds: Vec::new(),
        reference: config.reference.clone(),
        renditions: before.renditions.clone(),
    };
    let grid = app.venue.grid;
    let segment = grid.frame_time(u64::from(grid.segment_frames)).0 as f64 / 1e9;
    for camera in &config.cameras {
        let mut renditions = Vec::new();
        for rung in &camera.rungs {
            let live = rendition(app, &mut next, camera.id.clone(), &format!("{}p", rung.height), Kind::Rung);
            live.expect(Kind::Rung, u64::from(rung.kbps) * 1000, camera.offset_ms);
            renditions.push(live);
        }
        if camera.passthrough {
            let kind = Kind::Source { max_gop: camera.max_gop };
            let live = rendition(app, &mut next, camera.id.clone(), "source", kind);
            live.expect(kind, 0, camera.offset_ms);
            renditions.push(live);
        }
        let loose = if camera.rungs.is_empty() { camera.max_gop.0 as f64 / 1e9 } else { segment };
        let (id, name) = (camera.id.clone(), camera.name.clone());
        let tiles = config::layout(config).filter(|_| camera.source.is_mosaic()).map(|layout| Tiles {
            side: layout.side,
            cameras: layout.tiles.iter().map(|tile| tile.camera.to_string()).collect(),
        });
        let bearing = tiles.is_none().then_some(camera.bearing);
        let known = before.camera(id.as_str());
        let (health, meter, timing) =
            known.map(|c| (c.health.clone(), c.meter.clone(), c.timing.clone())).unwrap_or_default();
        let engine = (!camera.rungs.is_empty()).then_some(app.venue.engine);
        let offset_ms = camera.offset_ms;
        next.cameras.push(Camera {
            id,
            name,
            bearing,
            tiles,
            offset_ms,
            loose,
            engine,
            renditions,
            health,
            meter,
            timing,
        });
    }
    for sound in &config.sounds {
        let live = rendition(app, &mut next, slug("audio"), sound.id.as_str(), Kind::Sound);
        let late_ms = match &sound.from {
            SoundSource::Camera(from) => config.cameras.iter().find(|c| c.id == *from).map_or(0, |c| c.offset_ms),
            _ => sound.offset_ms,
        };
        live.expect(Kind::Sound, SOUND_RATE, late_ms);
        let camera = match &sound.from {
            SoundSource::Camera(from) => Some(from.clone()),
            _ => None,
        };
        let (id, name, language) = (sound.id.clone(), sound.name.clone(), sound.language.clone());
        let known = before.sounds.iter().find(|known| known.id == id);
        let meter = known.map(|known| known.meter.clone()).unwrap_or_default();
        let group = sound.group.clone();
        next.sounds.push(Sound { id, name, language, camera, group, live, meter });
    }
    next
}

/// The rendition of these names, new or known. A new one has a timeline as long as all others: gaps up to now.
fn rendition(app: &App, lineup: &mut Lineup, camera: Slug, rendition: &str, kind: Kind) -> Arc<Live> {
    let make = |id: &RenditionId| {
        let (grid, ring) = (app.venue.grid, u64::try_from(app.venue.ring.as_nanos()).unwrap_or(u64::MAX));
        let oldest = MediaTime(app.clock.now().0.saturating_sub(ring));
        let segment = grid.segment_of(grid.nearest_frame(oldest));
        let from = grid.frame_time(grid.first_frame(segment)).max(app.began.media);
        begin(app, id.clone(), kind, from, |_| ())
    };
    let id = RenditionId { camera, rendition: slug(rendition) };
    lineup.renditions.entry(id.clone()).or_insert_with(|| make(&id)).clone()
}

/// A rendition that is recorded from media time `from` on, and what `restore` knows of it from earlier runs.
pub(crate) fn begin(
    app: &App,
    id: RenditionId,
    kind: Kind,
    from: MediaTime,
    restore: impl FnOnce(&mut Timeline),
) -> Arc<Live> {
    let mut timeline = Timeline::new(kind, app.venue.grid, app.began.run);
    restore(&mut timeline);
    // Also of a camera that comes later: discontinuities are numbered by runs, alike in all.
    timeline.begin_run(app.began.media);
    Arc::new(Live::new(id, timeline, from, app.anchors.clone(), app.store.clone()))
}

/// A rendition's or a folder's name of ours.
fn slug(name: &str) -> Slug {
    name.parse().expect("digits and lower-case letters, or an id that was checked")
}

/// Every playlist reports the camera's other renditions and the sounds; a sound's reports the other sounds, the first
/// camera, where players begin, and every source that it is played with.
///
/// What is played together says the same target duration: a sound each camera's own, every ladder that of the longest.
fn accompany(lineup: &Lineup) {
    let sounds: Vec<Arc<Live>> = lineup.sounds.iter().map(|s| s.live.clone()).collect();
    let longest = lineup.cameras.iter().flat_map(Camera::ladder).map(|live| live.target_duration()).max().unwrap_or(0);
    let sources: Vec<&Arc<Live>> = lineup.cameras.iter().filter_map(Camera::source).collect();
    let mut targets: Vec<u64> = sources.iter().map(|live| live.target_duration()).collect();
    targets.push(longest);
    // Everybody says what is offered before anybody names it.
    for sound in &sounds {
        let first = lineup.cameras.first().into_iter().flat_map(Camera::ladder).chain(sources.iter().copied());
        let mut others: Vec<_> = sounds.iter().filter(|live| live.id != sound.id).chain(first).cloned().collect();
        let mut seen = BTreeSet::new();
        others.retain(|live| seen.insert(live.id.clone()));
        sound.accompany(others, &targets);
    }
    for camera in &lineup.cameras {
        for live in &camera.renditions {
            let others = camera.renditions.iter().filter(|other| other.id != live.id).chain(&sounds);
            live.accompany(others.cloned().collect(), &[longest]);
        }
    }
}
