//! From capture to the renditions: what a camera's pipeline hands over goes to the timeline it belongs to.

use std::sync::{
    Arc, OnceLock, Weak,
    atomic::{AtomicBool, Ordering},
};

use capture::{Output, Sink, State};
use packager::{Format, Unit};

use crate::{
    app::{App, Camera, Health},
    http,
    live::Live,
};

/// Where everything of one camera, or of one sound, goes.
pub struct Feed {
    rungs: Vec<Arc<Live>>,
    source: Option<Arc<Live>>,
    sound: Option<Arc<Live>>,
    /// The camera's place in [`App::cameras`]; `None` for a sound that has a source of its own.
    camera: Option<usize>,
    app: OnceLock<Weak<App>>,
    /// Whether the packager refuses the camera's own bitstream now.
    refused: AtomicBool,
    /// Whether a key frame has come since the last refusal.
    mended: AtomicBool,
}

impl Feed {
    /// A feed into these renditions.
    pub fn new(
        rungs: Vec<Arc<Live>>,
        source: Option<Arc<Live>>,
        sound: Option<Arc<Live>>,
        camera: Option<usize>,
    ) -> Arc<Self> {
        Arc::new(Self {
            rungs,
            source,
            sound,
            camera,
            app: OnceLock::new(),
            refused: AtomicBool::new(false),
            mended: AtomicBool::new(false),
        })
    }

    /// Says whom to tell of the camera's state. Once, before the pipeline starts.
    pub fn tell(&self, app: &Arc<App>) {
        let _ = self.app.set(Arc::downgrade(app));
    }

    fn live(&self, output: Output) -> Option<&Arc<Live>> {
        match output {
            Output::Rung(i) => self.rungs.get(i),
            Output::Source => self.source.as_ref(),
            Output::Sound => self.sound.as_ref(),
        }
    }

    fn set(&self, health: Health, message: Option<String>) {
        let Some(app) = self.app.get().and_then(Weak::upgrade) else { return };
        let Some(camera) = self.camera.and_then(|i| app.cameras.get(i)) else { return };
        set_health(&app, camera, health, message);
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
    tracing::info!(camera = %camera.id, ?health, message, "camera");
    app.events.tell("camera.state", &http::camera_object(camera));
}

impl Sink for Feed {
    fn format(&self, output: Output, format: Format) {
        let Some(live) = self.live(output) else { return };
        if let Err(error) = live.format(format) {
            self.set(Health::Refused, Some(error.to_string()));
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
