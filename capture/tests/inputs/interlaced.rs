//! 1080i is what trucks send: every field becomes a picture of its own where the grid has room for it.

use std::{io::Write, path::Path, process::Command};

use capture::{Camera, Config, Output, Rung};
use packager::{Grid, Rate};
use test_media::strip::Strip;

use crate::{clock, grid, recorder::Recorder};

const WIDTH: usize = 640;
const HEIGHT: usize = 360;
const FIELDS: u32 = 250;

/// How a test's file is coded, and which field comes first.
#[derive(Clone, Copy)]
struct Coding {
    name: &'static str,
    top: bool,
    args: &'static [&'static str],
}

/// x264 interlaces macroblock by macroblock (MBAFF).
const CODINGS: [Coding; 4] = [
    Coding { name: "h264-tff", top: true, args: &["-c:v", "libx264", "-preset", "ultrafast", "-x264-params", "tff=1"] },
    Coding {
        name: "h264-bff",
        top: false,
        args: &["-c:v", "libx264", "-preset", "ultrafast", "-x264-params", "bff=1"],
    },
    Coding { name: "mpeg2-tff", top: true, args: &["-c:v", "mpeg2video", "-b:v", "8M", "-top", "1"] },
    Coding { name: "mpeg2-bff", top: false, args: &["-c:v", "mpeg2video", "-b:v", "8M", "-top", "0"] },
];

/// Fifty pictures a second, each with its number, interlaced into twenty-five frames.
fn film(path: &Path, coding: Coding) {
    let scan = format!("interlace=scan={}:lowpass=off", if coding.top { "tff" } else { "bff" });
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "640x360", "-r", "50", "-i", "-"])
        .args(["-vf", &scan])
        .args(coding.args)
        .args(["-flags", "+ilme+ildct", "-g", "12", "-threads", "1"])
        .arg(path)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .expect("ffmpeg: install the package ffmpeg");
    let mut pipe = child.stdin.take().expect("a pipe");
    let mut picture = vec![128; WIDTH * HEIGHT * 3 / 2];
    for frame in 0..FIELDS {
        picture[..WIDTH * HEIGHT].fill(40 + (frame % 100) as u8);
        Strip { camera: 7, frame, utc_ms: 0 }.draw(&mut picture, WIDTH, HEIGHT, WIDTH);
        pipe.write_all(&picture).expect("ffmpeg reads");
    }
    drop(pipe);
    assert!(child.wait().expect("ffmpeg ends").success(), "{}", coding.name);
}

/// The numbers of the pictures on the grid, one after the other, until the file begins again.
fn numbers(coding: Coding, grid: Grid, slots: usize) -> Vec<u32> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("film.ts");
    film(&path, coding);
    let mut config = Config::new(coding.name.parse().expect("a slug"), grid, vec![Rung { height: 360, kbps: 2_500 }]);
    config.preset = capture::Preset::Ultrafast;
    let recorder = Recorder::new();
    let source = crate::source(&format!("file://{}", path.display()));
    let _camera = Camera::start(config, source, clock(), recorder.clone()).expect("a camera");
    let log = recorder.wait("the film", 40, |log| log.count(Output::Rung(0)) >= slots);
    log.check_rung(Output::Rung(0), grid);
    let luma = log.luma(Output::Rung(0));
    let read = |picture: &[u8]| Strip::read(picture, WIDTH, HEIGHT, WIDTH).expect("a strip in every picture").frame;
    // In the first second the place of frames is still being learnt.
    let learnt = grid.segment_frames as usize;
    luma.chunks_exact(WIDTH * HEIGHT).take(slots).skip(learnt).map(read).collect()
}

#[test]
fn fifty_fields_are_fifty_pictures_on_a_grid_of_fifty() {
    let grid = Grid::new(Rate::new(50, 1).expect("a rate"), 10, 50).expect("a grid");
    // A few at a time: each is decoded and encoded fifty times a second.
    for pair in CODINGS.chunks(2) {
        std::thread::scope(|scope| {
            for coding in pair {
                scope.spawn(move || {
                    let numbers = numbers(*coding, grid, 150);
                    let odd: Vec<_> = numbers.windows(2).filter(|w| w[1] != w[0] + 1).collect();
                    assert!(odd.is_empty(), "{}: two seconds of distinct phases, in order: {odd:?}", coding.name);
                });
            }
        });
    }
}

#[test]
fn a_grid_of_twenty_five_takes_every_other_field() {
    std::thread::scope(|scope| {
        for coding in [CODINGS[0], CODINGS[3]] {
            scope.spawn(move || {
                let numbers = numbers(coding, grid(), 75);
                let odd: Vec<_> = numbers.windows(2).filter(|w| w[1] != w[0] + 2).collect();
                assert!(odd.is_empty(), "{}: one field of each frame, in order: {odd:?}", coding.name);
            });
        }
    });
}
