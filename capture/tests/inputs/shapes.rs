//! Pictures of every shape, depth and colour: letterboxed, converted, or refused with a reason.

use std::{
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use capture::{Camera, Config, Output, Rung, State};
use gstreamer::glib;
use tempfile::TempDir;

use crate::{
    clock, grid,
    recorder::{Log, Recorder},
};

const WIDTH: usize = 640;
const HEIGHT: usize = 360;
const HD: [&str; 6] = ["-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709"];
const PQ: [&str; 6] = ["-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc"];
const HLG: [&str; 6] = ["-color_primaries", "bt2020", "-color_trc", "arib-std-b67", "-colorspace", "bt2020nc"];

/// Three seconds of a still: `filter` makes it, `args` code it.
fn still(path: &Path, filter: &str, args: &[&str]) {
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "lavfi", "-i", filter, "-t", "3", "-c:v", "libx264", "-preset", "ultrafast"])
        .args(["-qp", "4", "-g", "25", "-threads", "1"])
        .args(args)
        .arg(path)
        .status();
    assert!(status.expect("ffmpeg: install the package ffmpeg").success(), "{filter}");
}

fn camera(id: &str, path: &Path) -> (Camera, Arc<Recorder>) {
    let mut config = Config::new(id.parse().expect("a slug"), grid(), vec![Rung { height: 360, kbps: 4_000 }]);
    config.preset = capture::Preset::Ultrafast;
    let recorder = Recorder::new();
    let source = crate::source(&format!("file://{}", path.display()));
    (Camera::start(config, source, clock(), recorder.clone()).expect("a camera"), recorder)
}

/// What a still looks like on the rung.
fn shown(id: &str, filter: &str, args: &[&str]) -> Picture {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("still.ts");
    still(&path, filter, args);
    let (_camera, recorder) = camera(id, &path);
    let log = recorder.wait(&format!("a second of {id}"), 30, |log| log.count(Output::Rung(0)) > 26);
    Picture(log.ffmpeg(Output::Rung(0), &["-pix_fmt", "yuv420p", "-f", "rawvideo"]))
}

/// Decoded pictures, of which the 20th is looked at.
struct Picture(Vec<u8>);

impl Picture {
    fn planes(&self) -> &[u8] {
        &self.0[WIDTH * HEIGHT * 3 / 2 * 20..][..WIDTH * HEIGHT * 3 / 2]
    }

    fn luma(&self, x: usize, y: usize) -> u8 {
        self.planes()[y * WIDTH + x]
    }

    /// Luma and both chromas at a place.
    fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let chroma = |plane: usize| self.planes()[WIDTH * HEIGHT * (4 + plane) / 4 + y / 2 * (WIDTH / 2) + x / 2];
        [self.luma(x, y), chroma(0), chroma(1)]
    }

    /// The width and height of what is not border, through the middle, and whether it stands in the middle.
    fn lit(&self) -> (usize, usize) {
        let across: Vec<usize> = (0..WIDTH).filter(|x| self.luma(*x, HEIGHT / 2) > 120).collect();
        let down: Vec<usize> = (0..HEIGHT).filter(|y| self.luma(WIDTH / 2, *y) > 120).collect();
        let (left, right) = (across[0], WIDTH - 1 - across[across.len() - 1]);
        let (top, bottom) = (down[0], HEIGHT - 1 - down[down.len() - 1]);
        assert!(left.abs_diff(right) <= 2 && top.abs_diff(bottom) <= 2, "{left} {right} {top} {bottom}");
        (across.len(), down.len())
    }
}

fn near(found: &[u8], expected: &[u8], tolerance: u8) -> bool {
    found.iter().zip(expected).all(|(found, expected)| found.abs_diff(*expected) <= tolerance)
}

/// A name, what ffmpeg draws and how it codes it, and what is lit of the rung.
type Case = (&'static str, &'static str, &'static [&'static str], (usize, usize));

#[test]
fn every_shape_is_letterboxed_and_every_depth_converted() {
    let cases: [Case; 7] = [
        ("portrait", "color=white:size=270x480:rate=25", &["-pix_fmt", "yuv420p"], (202, 360)),
        // Odd sizes need chroma for every pixel.
        ("odd", "color=white:size=321x241:rate=25", &["-pix_fmt", "yuv444p"], (480, 360)),
        ("anamorphic", "color=white:size=720x576:rate=25,setsar=16/11", &["-pix_fmt", "yuv420p"], (640, 352)),
        ("narrow", "color=white:size=480x576:rate=25,setsar=24/11", &["-pix_fmt", "yuv420p"], (640, 352)),
        ("cinema", "color=white:size=640x268:rate=25", &["-pix_fmt", "yuv420p"], (640, 268)),
        ("ten-bits", "color=white:size=640x360:rate=25", &["-pix_fmt", "yuv420p10le"], (640, 360)),
        (
            "contribution",
            "color=white:size=640x360:rate=25",
            &["-pix_fmt", "yuv422p10le", "-flags", "+ilme+ildct"],
            (640, 360),
        ),
    ];
    for some in cases.chunks(4) {
        std::thread::scope(|scope| {
            for (id, filter, args, expected) in some {
                scope.spawn(move || {
                    let picture = shown(id, filter, args);
                    let lit = picture.lit();
                    let off = (lit.0.abs_diff(expected.0), lit.1.abs_diff(expected.1));
                    assert!(off.0 <= 2 && off.1 <= 2, "{id}: {lit:?}, expected {expected:?}");
                    assert!(near(&picture.at(320, 180), &[235, 128, 128], 2), "{id}: white is white");
                });
            }
        });
    }
}

#[test]
fn colours_are_those_of_hd_whatever_the_source_calls_them() {
    // BT.709's red, as every HD set shows it.
    let red = [63, 102, 240];
    let full = "color=white:size=640x360:rate=25,drawbox=w=320:color=black:t=fill,scale=out_range=full";
    let sd = "color=red:size=640x360:rate=25,scale=out_color_matrix=bt601";
    let hd = "color=red:size=640x360:rate=25,scale=out_color_matrix=bt709";
    let grey = "color=0x808080:size=640x360:rate=25,format=yuv420p10le";
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let picture = shown("full-range", full, &["-pix_fmt", "yuvj420p", "-color_range", "pc"]);
            let (black, white) = (picture.luma(100, 180), picture.luma(540, 180));
            assert!(near(&[black, white], &[16, 235], 2), "full range becomes limited: {black} and {white}");
        });
        scope.spawn(move || {
            let sd_tags = ["-color_primaries", "bt470bg", "-color_trc", "smpte170m", "-colorspace", "bt470bg"];
            let picture = shown("sd", sd, &[&["-pix_fmt", "yuv420p"], &sd_tags[..]].concat());
            assert!(near(&picture.at(320, 180), &red, 3), "{:?}", picture.at(320, 180));
        });
        scope.spawn(move || {
            let picture = shown("hd", hd, &[&["-pix_fmt", "yuv420p"], &HD[..]].concat());
            assert!(near(&picture.at(320, 180), &red, 3), "{:?}", picture.at(320, 180));
        });
        scope.spawn(move || {
            // Half a signal stays half a signal: HLG is seen as it is made to be seen on SDR.
            let picture = shown("hlg", grey, &HLG);
            assert!(near(&picture.at(320, 180), &[126, 128, 128], 3), "{:?}", picture.at(320, 180));
        });
    });
}

#[test]
fn wide_colours_are_taken_to_hd() {
    // BT.709's yellow, made in BT.2020: it comes back.
    let filter = "color=0xC8B43C:size=640x360:rate=25,format=gbrp,\
                  zscale=pin=709:tin=709:min=gbr:p=2020:t=2020_10:m=2020_ncl:r=limited,format=yuv420p10le";
    let same = "color=0xC8B43C:size=640x360:rate=25,format=gbrp,\
                zscale=pin=709:tin=709:min=gbr:p=709:t=709:m=709:r=limited,format=yuv420p";
    let tags = ["-color_primaries", "bt2020", "-color_trc", "bt2020-10", "-colorspace", "bt2020nc"];
    let (wide, hd) = (shown("wide", filter, &tags), shown("not-wide", same, &HD));
    let (wide, hd) = (wide.at(320, 180), hd.at(320, 180));
    assert!(near(&wide, &hd, 6), "{wide:?}, expected {hd:?}");
}

/// Two stills in one file, one after the other: new parameter sets in mid-stream.
fn joined(folder: &TempDir, parts: [(&str, &[&str]); 2]) -> std::path::PathBuf {
    let mut all = Vec::new();
    for (i, (filter, args)) in parts.into_iter().enumerate() {
        let path = folder.path().join(format!("{i}.ts"));
        let offset = (i * 3).to_string();
        still(&path, filter, &[args, &["-output_ts_offset", &offset]].concat());
        all.extend(std::fs::read(path).expect("a file"));
    }
    let path = folder.path().join("joined.ts");
    std::fs::write(&path, all).expect("a file");
    path
}

#[test]
fn a_size_that_changes_in_mid_stream_changes_nothing_but_the_picture() {
    let folder = TempDir::new().expect("a folder");
    let yuv: &[&str] = &["-pix_fmt", "yuv420p"];
    let path = joined(&folder, [("color=white:size=640x360:rate=25", yuv), ("color=white:size=320x240:rate=25", yuv)]);
    let (_camera, recorder) = camera("changing", &path);
    let log = recorder.wait("both halves", 30, |log| log.count(Output::Rung(0)) > 130);
    assert_eq!(log.formats.len(), 1, "{:?}", log.formats);
    let planes = log.ffmpeg(Output::Rung(0), &["-pix_fmt", "yuv420p", "-f", "rawvideo"]);
    let all: Vec<Picture> = planes.chunks_exact(WIDTH * HEIGHT * 3 / 2).map(|p| Picture(p.repeat(21))).collect();
    let lit: Vec<(usize, usize)> = all.iter().map(Picture::lit).collect();
    let (wide, narrow) = (|l: &&(usize, usize)| l.0 > 636, |l: &&(usize, usize)| l.0.abs_diff(480) <= 2);
    assert!(lit.iter().filter(wide).count() > 40 && lit.iter().filter(narrow).count() > 40, "{lit:?}");
    assert!(lit.iter().all(|l| wide(&l) || narrow(&l)), "no picture in between: {lit:?}");
}

#[test]
fn pq_is_refused_with_a_reason_until_the_source_is_sdr() {
    let folder = TempDir::new().expect("a folder");
    let (grey, ten) = ("color=0x808080:size=640x360:rate=25", ["-pix_fmt", "yuv420p10le"]);
    let parts = [(grey, &[&ten[..], &PQ].concat()[..]), (grey, &[&ten[..], &HD].concat()[..])];
    let path = joined(&folder, parts);
    // What is refused is not dropped twice, of which GStreamer complains each time.
    let complaints = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&complaints);
    let count = move |_: Option<&str>, _, message: &str| {
        eprintln!("GStreamer complains: {message}");
        counted.fetch_add(usize::from(message.contains("mini_object")), Ordering::Relaxed);
    };
    let handler = glib::log_set_handler(Some("GStreamer"), glib::LogLevels::LEVEL_CRITICAL, false, false, count);
    let (_camera, recorder) = camera("pq", &path);
    let refused =
        |log: &Log| log.states.iter().position(|(s, _)| matches!(s, State::Refused { why } if why.contains("PQ")));
    let log = recorder.wait("the refusal", 20, |log| refused(log).is_some());
    assert_eq!(log.count(Output::Rung(0)), 0, "no dark picture is shown");
    let log = recorder.wait("pictures once it is SDR", 20, |log| log.count(Output::Rung(0)) > 25);
    let after: Vec<_> = log.states[refused(&log).expect("refused")..].iter().map(|(state, _)| state).collect();
    assert!(after.contains(&&State::Live), "{after:?}");
    assert!(!log.states.iter().any(|(state, _)| matches!(state, State::Lost { .. })), "{:?}", log.states);
    glib::log_remove_handler(Some("GStreamer"), handler);
    assert_eq!(complaints.load(Ordering::Relaxed), 0);
}
