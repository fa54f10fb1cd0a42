//! Every encoder that can be had without a graphics processor, run for real: key frames on the grid and only there, and
//! the same parameter sets whatever the camera shows.

use std::sync::Arc;

use capture::{Camera, Choice, Config, Engine, Output, Painter};
use packager::{Format, MediaTime};

use crate::{
    clock, config, grid,
    publisher::{Publisher, port},
    recorder::{Log, Recorder},
    start,
};

const HERE: [&str; 2] = ["x264", "openh264"];

fn engine(name: &str) -> Engine {
    clock();
    let engine = Engine::choose(name.parse().expect("a choice")).expect("both are in scripts/install.sh");
    assert_eq!((engine.name(), engine.is_tested()), (name, true));
    engine
}

/// Cuts to another scene every seven frames: a key frame each, for an encoder that looks for them.
struct Cuts;

impl Painter for Cuts {
    fn paint(&mut self, frame: u64, _at: MediaTime, out: &mut [u8]) {
        let mut noise = u32::try_from(frame / 7).expect("small");
        for (i, value) in out.iter_mut().enumerate() {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *value = if i % 64 < 32 { noise.to_be_bytes()[0] / 2 + 60 } else { (frame / 7 % 200) as u8 };
        }
    }
}

fn paint(config: Config) -> (Camera, Arc<Recorder>) {
    let recorder = Recorder::new();
    (Camera::painted(config, Box::new(Cuts), clock(), recorder.clone()).expect("a camera"), recorder)
}

/// The formats of both rungs, each announced once.
fn formats(log: &Log) -> [Format; 2] {
    [0, 1].map(|rung| {
        let mut of = log.formats.iter().filter(|(output, _)| *output == Output::Rung(rung));
        let format = of.next().expect("a format").1.clone();
        assert_eq!(of.count(), 0, "announced once");
        format
    })
}

#[test]
fn key_frames_are_on_the_grid_and_parameter_sets_the_same_whatever_is_shown() {
    for name in HERE {
        let engine = engine(name);
        let with = |id: &str| {
            let mut config = config(&format!("{name}-{id}"));
            config.engine = engine;
            config
        };
        let udp = port();
        let _publisher = Publisher::ffmpeg(&["-f", "mpegts", &format!("udp://127.0.0.1:{udp}?pkt_size=1316")]);
        let (_received, received) = start(with("received"), &format!("udp://127.0.0.1:{udp}"));
        let (painted, cuts) = paint(with("painted"));
        let logs = [cuts, received].map(|recorder| {
            recorder.wait("three seconds", 30, |log| log.count(Output::Rung(0)) > 75 && log.count(Output::Rung(1)) > 75)
        });
        drop(painted);
        let (_again, again) = paint(with("again"));
        let again = again.wait("a second after a restart", 20, |log| log.count(Output::Rung(1)) > 25);
        for log in logs.iter().chain([&again]) {
            assert_eq!(formats(log), formats(&logs[0]), "{name}: codec, size and parameter sets, byte for byte");
            for output in [Output::Rung(0), Output::Rung(1)] {
                assert_eq!(log.check_rung(output, grid()).len(), 1, "{name}: without a hole");
                assert_eq!(log.decode(output), log.count(output), "{name}");
                assert_eq!(log.reordered(output), 0, "{name}: no B-frames");
            }
        }
    }
}

#[test]
fn auto_takes_what_works_and_an_absent_encoder_names_its_package() {
    clock();
    let chosen = Engine::choose(Choice::default()).expect("an encoder");
    assert!(!chosen.is_tested() || chosen == Engine::X264, "x264 is before OpenH264: {chosen:?}");
    for (name, package) in [("nvenc", "gstreamer1.0-plugins-bad"), ("vaapi", "va-driver"), ("qsv", "libmfx1")] {
        // On a machine that has it, it is chosen.
        if let Err(error) = Engine::choose(name.parse().expect("a choice")) {
            let said = error.to_string();
            assert!(said.contains(name) && said.contains(package) && !said.contains('\n'), "{said}");
        }
    }
}
