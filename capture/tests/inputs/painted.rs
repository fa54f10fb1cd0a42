//! Cameras and sounds that are programs, and what both kinds have in common.

use std::{
    f64::consts::TAU,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use capture::{Camera, Config, Output, Painter, Preset, Rung, Sound, SoundConfig, Speaker};
use packager::{Format, Grid, MediaTime, Rate};

use crate::{
    clock, config, grid,
    recorder::{Log, Recorder},
};

/// The frames that were asked for, in order.
type Asked = Arc<Mutex<Vec<u64>>>;

/// Paints plain grey, and notes what it was asked for.
struct Grey(Asked);

impl Painter for Grey {
    fn paint(&mut self, frame: u64, at: MediaTime, out: &mut [u8]) {
        self.0.lock().expect("no panic").push(frame);
        assert!(clock().now() >= at, "painted before it is due");
        out.fill(u8::try_from(frame % 200).expect("small") + 20);
    }
}

fn paint(config: Config) -> (Camera, Arc<Recorder>, Asked) {
    let (recorder, asked) = (Recorder::new(), Arc::default());
    let painter = Box::new(Grey(Arc::clone(&asked)));
    let camera = Camera::painted(config, painter, clock(), recorder.clone()).expect("a camera");
    (camera, recorder, asked)
}

#[test]
fn painted_cameras_are_in_phase_and_have_the_same_parameter_sets() {
    let (_a, first, asked) = paint(config("painted-a"));
    let (_b, second, _) = paint(config("painted-b"));
    let (first, second) = (
        first.wait("three seconds", 20, |log| log.count(Output::Rung(1)) > 75),
        second.wait("three seconds", 20, |log| log.count(Output::Rung(1)) > 75),
    );
    for log in [&first, &second] {
        for output in [Output::Rung(0), Output::Rung(1)] {
            assert_eq!(log.check_rung(output, grid()).len(), 1);
        }
    }
    let format = |log: &Log, i| log.formats.iter().find(|(of, _)| *of == Output::Rung(i)).map(|(_, f)| f.clone());
    assert_eq!((format(&first, 0), format(&first, 1)), (format(&second, 0), format(&second, 1)));
    assert_eq!(first.decode(Output::Rung(1)), first.count(Output::Rung(1)));
    let asked = asked.lock().expect("no panic");
    assert!(asked.windows(2).all(|w| w[1] == w[0] + 1), "every slot once");
}

#[test]
fn odd_widths_and_ntsc_rates_work() {
    // 252 high is 448 wide, 250 is 444: a chroma row of 222 bytes is padded to 224.
    let rungs = vec![Rung { height: 250, kbps: 300 }, Rung { height: 180, kbps: 200 }];
    let grid = Grid::new(Rate::new(30_000, 1_001).expect("a rate"), 6, 30).expect("a grid");
    let (_camera, recorder, _) = paint(Config::new("odd".parse().expect("a slug"), grid, rungs));
    let log = recorder.wait("two seconds", 20, |log| log.count(Output::Rung(0)) > 60);
    assert_eq!(log.check_rung(Output::Rung(0), grid).len(), 1);
    let format = log.formats.iter().find(|(of, _)| *of == Output::Rung(0)).map(|(_, format)| format);
    assert_eq!(format.and_then(Format::resolution), Some((444, 250)));
    assert_eq!(log.decode(Output::Rung(0)), log.count(Output::Rung(0)));
}

#[test]
fn every_preset_gives_a_stream_that_decodes() {
    for preset in [Preset::Ultrafast, Preset::Superfast, Preset::Veryfast, Preset::Faster, Preset::Fast] {
        let mut config = config("preset");
        config.preset = preset;
        let (_camera, recorder, _) = paint(config);
        let log = recorder.wait("a second", 20, |log| log.count(Output::Rung(0)) > 30);
        log.check_rung(Output::Rung(0), grid());
        assert_eq!(log.decode(Output::Rung(0)), log.count(Output::Rung(0)), "{preset}");
    }
}

/// A short tone at every whole second of media time.
struct Beep;

impl Speaker for Beep {
    fn fill(&mut self, first_sample: u64, out: &mut [i16]) {
        for (n, pair) in (first_sample..).zip(out.chunks_exact_mut(2)) {
            let phase = n % 48_000;
            let value = (f64::from(u32::try_from(phase).expect("small")) * TAU / 48.0).sin() * 20_000.0;
            pair.fill(if phase < 4_800 { value as i16 } else { 0 });
        }
    }
}

#[test]
fn aac_units_are_labelled_with_the_instant_of_their_samples() {
    let recorder = Recorder::new();
    let config = SoundConfig::new("beep".parse().expect("a slug"));
    let sound = Sound::spoken(config, Box::new(Beep), clock(), recorder.clone()).expect("a sound");
    let log = recorder.wait("three seconds", 20, |log| log.count(Output::Sound) > 141);
    drop(sound);
    log.check_sound();
    let first = log.of(Output::Sound).next().expect("a unit").pts;
    let pcm = decode_aac(&log);
    // Past the first units, which a decoder that starts here fades in.
    let onset =
        (4_800..pcm.len()).find(|n| pcm[*n].abs() > 2_000 && pcm[n - 480..*n - 100].iter().all(|v| v.abs() < 500));
    let onset = first + onset.expect("a beep") as u64;
    let error = (onset + 24_000) % 48_000;
    assert!(
        (24_000 - 64..24_000 + 64).contains(&error),
        "a beep starts at sample {onset}: {} off",
        error as i64 - 24_000
    );
}

/// Decodes raw AAC units with ffmpeg, as ADTS; the left channel, one sample per sample.
fn decode_aac(log: &Log) -> Vec<i16> {
    let mut stream = Vec::new();
    for unit in log.of(Output::Sound) {
        // ADTS (ISO/IEC 13818-7, 6.2): LC, 48 kHz (index 3), two channels.
        let length = unit.data.len() + 7;
        stream.extend([
            0xff,
            0xf1,
            0x4c,
            0x80 | (length >> 11) as u8,
            (length >> 3) as u8,
            (length << 5) as u8 | 0x1f,
            0xfc,
        ]);
        stream.extend(&unit.data);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.aac");
    std::fs::write(&path, stream).expect("a file");
    let done = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-i"])
        .arg(&path)
        .args(["-map_channel", "0.0.0", "-f", "s16le", "-"])
        .stdin(Stdio::null())
        .output()
        .expect("ffmpeg: install the package ffmpeg");
    done.stdout.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

#[test]
fn impossible_configurations_are_refused_with_a_line() {
    type Change = fn(&mut Config);
    let cases: [(Change, &str); 6] = [
        (|c| c.rungs[0].height = 91, "expected an even rung height; found 91"),
        (|c| c.rungs[0].height = 64, "expected a rung's height from 90 to 2160; found 64"),
        (|c| c.rungs[1] = c.rungs[0], "expected rungs of different heights; found 180 twice"),
        (|c| c.rungs[0].kbps = 1, "expected a rung's kbps from 50 to 50000; found 1"),
        (|c| c.offset_ms = 99_999, "expected offset_ms from -1000 to 10000; found 99999"),
        (|c| c.passthrough = true, "expected a painted camera with rungs and nothing else"),
    ];
    for (change, expected) in cases {
        let mut config = config("impossible");
        change(&mut config);
        let painter = Box::new(Grey(Arc::default()));
        let error = Camera::painted(config, painter, clock(), Recorder::new()).err().expect("refused").to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}
