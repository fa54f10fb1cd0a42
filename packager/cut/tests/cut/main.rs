//! Stills of real H.264.

#[path = "../../../store/tests/store/x264.rs"]
mod x264;

use std::{
    io::Write,
    process::{Command, Stdio},
};

use cut::{CutError, Size, still};
use packager::{Cutter, Event, Grid, Kind, MediaTime, Msn, Rate};
use proptest::prelude::*;

/// Each frame of a second has its own grey: 16, 24, 32 … of 16 to 235.
const GREYS: &str = "color=gray:size=320x180:rate=25,geq=lum='16+8*mod(N,25)':cb=128:cr=128";

/// What the brightness of such a frame is in a JPEG, from 0 to 255.
fn grey_of(frame: u64) -> u64 {
    8 * (frame % 25) * 255 / 219
}

/// A header, and segments.
fn media(source: &str, size: (u16, u16), frames: u32) -> (Vec<u8>, Vec<Vec<u8>>) {
    let clip = x264::encode(source, size, frames);
    let grid = Grid::new(Rate::new(25, 1).expect("a rate"), 5, 25).expect("a grid");
    let mut cutter = Cutter::new(Kind::Rung, grid, Msn(0), MediaTime(0));
    cutter.format(clip.format).expect("a format");
    clip.units.into_iter().for_each(|unit| cutter.push(unit).expect("no source"));
    let (mut header, mut segments) = (Vec::new(), Vec::new());
    while let Some(event) = cutter.poll() {
        match event {
            Event::Header { bytes, .. } => header = bytes.to_vec(),
            Event::Part(part) => {
                if part.index == 0 {
                    segments.push(Vec::new());
                }
                segments.last_mut().expect("begun").extend_from_slice(&part.bytes);
            }
            Event::Gap { .. } => {}
        }
    }
    (header, segments)
}

/// Width, height, and the mean brightness of a JPEG, as the `ffmpeg` program sees it.
fn look(jpeg: &[u8], (width, height): (u32, u32)) -> u64 {
    assert!(jpeg.starts_with(&[0xff, 0xd8]) && jpeg.ends_with(&[0xff, 0xd9]), "no JPEG");
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "mjpeg", "-i", "-", "-pix_fmt", "yuvj420p", "-f", "rawvideo", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("ffmpeg runs");
    child.stdin.take().expect("piped").write_all(jpeg).expect("written");
    let output = child.wait_with_output().expect("it ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    let pixels = (width * height) as usize;
    assert_eq!((output.stdout.len(), errors.as_ref()), (pixels + pixels / 2, ""));
    output.stdout[..pixels].iter().map(|y| u64::from(*y)).sum::<u64>() / pixels as u64
}

#[test]
fn the_frame_that_is_shown_at_the_instant() {
    let (header, segments) = media(GREYS, (320, 180), 75);
    assert_eq!(segments.len(), 3);
    let second = 25_000;
    for (segment, tick, frame) in [
        (0, 0, 0),
        (0, 999, 0),
        (0, 1000, 1),
        (0, 13_500, 13),
        (0, 24_999, 24),
        (1, second + 7000, 7),
        (2, 2 * second + 24_000, 24),
        // The last before the end, and the first after the beginning.
        (1, 2 * second, 24),
        (1, u64::MAX, 24),
        (1, 0, 0),
    ] {
        let jpeg = still(&header, &segments[segment], tick, Size { max_width: 640 }).expect("a picture");
        let (seen, drawn) = (look(&jpeg, (320, 180)), grey_of(frame));
        assert!(seen.abs_diff(drawn) <= 3, "tick {tick} of segment {segment}: {seen}, not {drawn}");
    }
}

#[test]
fn frames_that_are_stored_out_of_order_are_shown_in_order() {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", GREYS, "-frames:v", "25", "-pix_fmt", "yuv420p"])
        .args([
            "-c:v",
            "libx264",
            "-g",
            "25",
            "-bf",
            "3",
            "-x264-params",
            "scenecut=0:b-adapt=0",
            "-video_track_timescale",
            "25000",
        ])
        .args(["-movflags", "frag_keyframe+empty_moov+default_base_moof", "-use_editlist", "0", "-f", "mp4", "-"])
        .output()
        .expect("ffmpeg runs");
    let stream = output.stdout;
    let moof = stream.windows(4).position(|w| w == b"moof").expect("a fragment") - 4;
    let end = stream.windows(4).position(|w| w == b"mfra").map_or(stream.len(), |i| i - 4);
    let (header, segment) = (&stream[..moof], &stream[moof..end]);
    // The first frame is shown as late as it is for the reordering.
    let first = (0..6).map(|n| n * 1000).find(|tick| {
        let at = |tick| look(&still(header, segment, tick, Size { max_width: 320 }).expect("a picture"), (320, 180));
        at(*tick).abs_diff(grey_of(0)) <= 3 && at(tick + 1000).abs_diff(grey_of(1)) <= 3
    });
    let first = first.expect("a beginning");
    for frame in 0..25 {
        let jpeg = still(header, segment, first + frame * 1000 + 500, Size { max_width: 320 }).expect("a picture");
        let seen = look(&jpeg, (320, 180));
        assert!(seen.abs_diff(grey_of(frame)) <= 3, "frame {frame}: {seen}, not {}", grey_of(frame));
    }
}

#[test]
fn a_picture_is_as_wide_as_wanted_and_no_wider_than_the_frame() {
    let (header, segments) = media("testsrc=size=640x360:rate=25", (640, 360), 25);
    for (max_width, size) in [(320, (320, 180)), (640, (640, 360)), (4000, (640, 360)), (161, (160, 90)), (0, (2, 2))] {
        let jpeg = still(&header, &segments[0], 0, Size { max_width }).expect("a picture");
        look(&jpeg, size);
    }
}

#[test]
fn the_first_part_alone_is_enough_for_its_frames() {
    let (header, segments) = media(GREYS, (320, 180), 25);
    let whole = still(&header, &segments[0], 3000, Size { max_width: 320 }).expect("a picture");
    let second = segments[0].windows(4).skip(8).position(|w| w == b"moof").expect("a second part") + 4;
    let part = still(&header, &segments[0][..second], 3000, Size { max_width: 320 }).expect("a picture");
    assert_eq!(whole, part);
}

#[test]
fn what_is_no_video_is_refused() {
    let (header, segments) = media(GREYS, (320, 180), 25);
    let sound =
        packager::boxes::header(&packager::Format::Aac { rate: 48_000, channels: 2 }, 48_000).expect("a header");
    let size = Size { max_width: 320 };
    for header in [&b""[..], b"moov", &sound, &header[..header.len() - 1], &segments[0]] {
        assert!(matches!(still(header, &segments[0], 0, size), Err(CutError::Header(_))));
    }
    for segment in [&segments[0][..100], &segments[0][1..]] {
        assert!(matches!(still(&header, segment, 0, size), Err(CutError::Segment { .. })));
    }
    assert!(matches!(still(&header, b"", 0, size), Err(CutError::NoPicture { samples: 0 })));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn damage_is_an_error_or_a_picture_and_no_panic(
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..30),
        in_header: bool,
        tick in 0..30_000_u64,
    ) {
        static MEDIA: std::sync::OnceLock<(Vec<u8>, Vec<Vec<u8>>)> = std::sync::OnceLock::new();
        let (header, segments) = MEDIA.get_or_init(|| media(GREYS, (320, 180), 25));
        let (mut header, mut segment) = (header.clone(), segments[0].clone());
        let damaged = if in_header { &mut header } else { &mut segment };
        for (at, byte) in hits {
            let at = at.index(damaged.len());
            damaged[at] = byte;
        }
        if let Ok(jpeg) = still(&header, &segment, tick, Size { max_width: 320 }) {
            prop_assert!(jpeg.starts_with(&[0xff, 0xd8]));
        }
    }
}
