//! The pipelines: one function starts a camera, one a sound, at the server's start and at any time after.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context, Result};
use packager::Slug;
use parking_lot::Mutex;

use crate::{
    app::App,
    config::{self, SoundSource, Source},
    demo,
    feed::Feed,
    lineup::{Camera, Sound},
};

/// What runs now.
#[derive(Default)]
pub struct Running {
    cameras: Mutex<BTreeMap<Slug, capture::Camera>>,
    sounds: Mutex<BTreeMap<Slug, Voice>>,
}

/// A sound that runs, and where the camera that feeds it puts its samples.
struct Voice {
    sound: capture::Sound,
    input: Option<capture::Input>,
}

impl Running {
    /// Whether a camera has a pipeline.
    pub(crate) fn runs(&self, id: &Slug) -> bool {
        self.cameras.lock().contains_key(id)
    }

    /// Whether a sound has a pipeline.
    pub(crate) fn speaks(&self, id: &Slug) -> bool {
        self.sounds.lock().contains_key(id)
    }

    /// Tells cameras that are about to receive something else to leave what they receive, all at once.
    pub(crate) fn leave<'a>(&self, cameras: impl Iterator<Item = &'a Slug>) {
        let mut running = self.cameras.lock();
        cameras.for_each(|id| running.get_mut(id).into_iter().for_each(capture::Camera::leave));
    }

    /// Stops cameras and sounds, all at once and in bounded time.
    pub(crate) fn stop<'a>(&self, cameras: impl Iterator<Item = &'a Slug>, sounds: impl Iterator<Item = &'a Slug>) {
        // Out of the maps first: what stops may take a moment.
        let cameras = cameras.filter_map(|id| self.cameras.lock().remove(id)).collect();
        let sounds = sounds.filter_map(|id| self.sounds.lock().remove(id)).map(|voice| voice.sound).collect();
        capture::stop(cameras, sounds);
    }

    /// Stops everything.
    pub fn stop_all(&self) {
        let (cameras, sounds) = (std::mem::take(&mut *self.cameras.lock()), std::mem::take(&mut *self.sounds.lock()));
        capture::stop(cameras.into_values().collect(), sounds.into_values().map(|voice| voice.sound).collect());
    }
}

/// Starts a camera; `sound` is the id of the sound that it feeds, which runs.
///
/// # Errors
/// When its pipeline cannot be made: then it does not run.
pub(crate) fn camera(app: &Arc<App>, config: &config::Camera, known: &Camera, sound: Option<&Slug>) -> Result<()> {
    let feed = Feed::camera(app, known);
    let grid = app.venue.grid;
    let rungs = config.rungs.iter().map(|r| capture::Rung { height: r.height.into(), kbps: r.kbps }).collect();
    let mut made = capture::Config::new(config.id.clone(), grid, rungs);
    made.passthrough = config.passthrough;
    if !config.source.is_mosaic() {
        made.offset_ms = config.offset_ms;
        made.mosaic = Some(app.mosaic.clone());
    }
    made.capture_time = config.capture_time;
    made.engine = app.venue.engine;
    made.preset = app.venue.preset;
    made.sound = sound.and_then(|id| app.running.sounds.lock().get(id)?.input.clone());
    let clock = app.clock.clone();
    let started = match &config.source {
        Source::Url(source) => capture::Camera::start(made, source.clone(), clock, feed)?,
        Source::Multiview(_) => capture::Camera::mosaic(made, &app.mosaic, clock, feed)?,
        Source::Demo(index) => {
            capture::Camera::painted(made, demo::painter(*index, &config.rungs, grid)?, clock, feed)?
        }
    };
    *known.meter.lock() = Some(started.meter());
    app.running.cameras.lock().insert(config.id.clone(), started);
    Ok(())
}

/// Has a running camera receive from another source, or by another offset; its ladder goes on.
///
/// # Errors
/// When it does not run, or its pipeline cannot be made: then it does not run any more.
pub(crate) fn receive(app: &App, config: &config::Camera) -> Result<()> {
    let Source::Url(source) = &config.source else { anyhow::bail!("a painted camera, or a mosaic, receives nothing") };
    // Out of the map while it stops receiving, which may take a moment.
    let camera = app.running.cameras.lock().remove(&config.id).context("the camera does not run")?;
    let camera = camera.receive(source.clone(), config.offset_ms)?;
    app.running.cameras.lock().insert(config.id.clone(), camera);
    Ok(())
}

/// Starts a sound.
///
/// # Errors
/// When its pipeline cannot be made: then it does not run.
pub(crate) fn sound(app: &Arc<App>, config: &config::Sound, known: &Sound) -> Result<()> {
    let feed = Feed::sound(app, known.live.clone());
    let (mut made, clock) = (capture::SoundConfig::new(config.id.clone()), app.clock.clone());
    made.offset_ms = config.offset_ms;
    let (sound, input) = match &config.from {
        SoundSource::Camera(_) => {
            let (sound, input) = capture::Sound::fed(made, clock, feed)?;
            (sound, Some(input))
        }
        SoundSource::Url(source) => (capture::Sound::start(made, source.clone(), clock, feed)?, None),
        SoundSource::Demo => (capture::Sound::spoken(made, demo::speaker()?, clock, feed)?, None),
    };
    *known.meter.lock() = Some(sound.loudness());
    app.running.sounds.lock().insert(config.id.clone(), Voice { sound, input });
    Ok(())
}
