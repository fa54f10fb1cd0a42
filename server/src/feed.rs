//! From capture to the renditions: what a pipeline hands over goes to the timeline it belongs to.

use std::sync::{
    Arc, Weak,
    atomic::{AtomicBool, Ordering},
};

use capture::{Output, Sink, State};
use packager::{Format, Slug, Unit};

use crate::{
    app::App,
    http,
    lineup::{Camera, Health},
    live::Live,
};

/// Where everything of one camera, or of one sound, goes.
pub struct Feed {
    app: Weak<App>,
    /// Whose health is told; `None` for a sound.
    camera: Option<Slug>,
    rungs: Vec<Arc<Live>>,
    source: Option<Arc<Live>>,
    sound: Option<Arc<Live>>,
    /// Whether the packager refuses the camera's own bitstream now.
    refused: AtomicBool,
    /// Whether a key frame has come since the last refusal.
    mended: AtomicBool,
    /// Whether the camera's own bitstream has parameters that nobody can use.
    unusable: AtomicBool,
}

impl Feed {
    /// A camera's pictures.
    pub fn camera(app: &Arc<App>, camera: &Camera) -> Arc<Self> {
        let rungs = camera.renditions.iter().filter(|live| !live.is_source()).cloned().collect();
        Self::new(app, Some(camera.id.clone()), rungs, camera.source().cloned(), None)
    }

    /// A sound.
    pub fn sound(app: &Arc<App>, live: Arc<Live>) -> Arc<Self> {
        Self::new(app, None, Vec::new(), None, Some(live))
    }

    fn new(
        app: &Arc<App>,
        camera: Option<Slug>,
        rungs: Vec<Arc<Live>>,
        source: Option<Arc<Live>>,
        sound: Option<Arc<Live>>,
    ) -> Arc<Self> {
        let (refused, mended, unusable) = (AtomicBool::new(false), AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { app: Arc::downgrade(app), camera, rungs, source, sound, refused, mended, unusable })
    }

    fn live(&self, output: Output) -> Option<&Arc<Live>> {
        match output {
            Output::Rung(i) => self.rungs.get(i),
            Output::Source => self.source.as_ref(),
            Output::Sound => self.sound.as_ref(),
        }
    }

    fn set(&self, health: Health, message: Option<String>) {
        let (Some(app), Some(id)) = (self.app.upgrade(), &self.camera) else { return };
        // As it is called now: a name may have changed since the pipeline started.
        let Some(camera) = app.camera(id.as_str()) else { return };
        set_health(&app, &camera, health, message);
    }
}

/// Notes how a camera is, and tells every page when that is news.
pub fn set_health(app: &App, camera: &Camera, health: Health, message: Option<String>) {
    {
        let mut now = camera.health.lock();
        if *now == (health, message.clone()) {
            return;
        }
        *now = (health, message.clone());
    }
    tracing::info!(camera = %camera.id, health = health.name(), message, "camera");
    app.events.tell_apart("camera.state", &http::camera_for_crew(camera), &http::camera_object(camera));
}

impl Sink for Feed {
    fn format(&self, output: Output, format: Format) {
        let Some(live) = self.live(output) else { return };
        let result = live.format(format);
        let before = output == Output::Source && self.unusable.swap(result.is_err(), Ordering::Relaxed);
        match result {
            Err(error) => self.set(Health::Refused, Some(error.to_string())),
            // Damage on the way can look like new parameters; the next ones are good again.
            Ok(()) if before => self.set(Health::Live, None),
            Ok(()) => {}
        }
    }

    fn unit(&self, output: Output, unit: Unit) {
        let Some(live) = self.live(output) else { return };
        let key = unit.key;
        match live.push(unit) {
            Err(error) => {
                self.refused.store(true, Ordering::Relaxed);
                self.set(Health::Refused, Some(format!("passthrough: {error}")));
            }
            // Its key frames come often enough again: two without a refusal between them.
            Ok(()) if output == Output::Source && key && self.refused.load(Ordering::Relaxed) => {
                if self.mended.swap(true, Ordering::Relaxed) {
                    self.refused.store(false, Ordering::Relaxed);
                    self.mended.store(false, Ordering::Relaxed);
                    self.set(Health::Live, None);
                }
                return;
            }
            Ok(()) => return,
        }
        self.mended.store(false, Ordering::Relaxed);
    }

    fn state(&self, state: State) {
        match state {
            State::Live => self.set(Health::Live, None),
            State::Lost { why } => self.set(Health::Lost, Some(why)),
            State::Refused { why } => self.set(Health::Refused, Some(why)),
            // `Connecting` is where every camera begins.
            _ => {}
        }
    }
}
