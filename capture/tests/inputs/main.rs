//! Every kind of source, published by a program that is not ours, through real pipelines and sockets.
//!
//! Needs the packages ffmpeg, gstreamer1.0-tools, srt-tools, nginx-light, libnginx-mod-rtmp, python3-gi and
//! gir1.2-gst-rtsp-server-1.0. A test fails when its program is missing.

mod codecs;
mod engines;
mod files;
mod hls;
mod interlaced;
mod kinds;
mod losses;
mod mosaic;
mod painted;
mod protocols;
mod publisher;
mod pushes;
mod recorder;
mod refusals;
mod shapes;
mod sounds;
mod strips;
mod timed;

use std::sync::{Arc, OnceLock};

use capture::{Camera, Clock, Config, Limits, Rung, Sound, SoundConfig, Source};
use packager::{Grid, MediaTime, Rate};
use recorder::Recorder;

/// 25 frames per second, parts of 200 ms, segments of a second.
fn grid() -> Grid {
    Grid::new(Rate::new(25, 1).expect("a rate"), 5, 25).expect("a grid")
}

/// The one clock of this process. It starts an hour into media time.
fn clock() -> Clock {
    static CLOCK: OnceLock<Clock> = OnceLock::new();
    let start = || {
        capture::init().expect("GStreamer with every element");
        Clock::start(MediaTime(3_600 * MediaTime::SECOND))
    };
    CLOCK.get_or_init(start).clone()
}

/// A source that may reach any network, and files in the folder for temporary files.
fn source(address: &str) -> Source {
    let limits = Limits::new(&[std::env::temp_dir()], Vec::new()).expect("limits");
    Source::parse(address).expect("a source").limited(&Arc::new(limits)).expect("within the limits")
}

/// A camera with two small rungs.
fn config(id: &str) -> Config {
    let rungs = vec![Rung { height: 180, kbps: 300 }, Rung { height: 90, kbps: 100 }];
    let mut config = Config::new(id.parse().expect("a slug"), grid(), rungs);
    config.preset = capture::Preset::Ultrafast;
    config
}

fn start(config: Config, address: &str) -> (Camera, Arc<Recorder>) {
    let recorder = Recorder::new();
    let camera = Camera::start(config, source(address), clock(), recorder.clone()).expect("a camera");
    (camera, recorder)
}

/// A camera, and a sound that it feeds.
fn start_with_sound(mut config: Config, address: &str) -> ((Camera, Sound), Arc<Recorder>) {
    let recorder = Recorder::new();
    let ambient = SoundConfig::new("ambient".parse().expect("a slug"));
    let (sound, input) = Sound::fed(ambient, clock(), recorder.clone()).expect("a sound");
    config.sound = Some(input);
    let camera = Camera::start(config, source(address), clock(), recorder.clone()).expect("a camera");
    ((camera, sound), recorder)
}
