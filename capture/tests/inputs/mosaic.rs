//! The mosaic: every tile shows the same grid slot, whatever becomes of one camera.

use std::sync::Arc;

use capture::{Camera, Config, Layout, Mosaic, Output, Painter, Preset, Rung, Tile};
use packager::MediaTime;
use test_media::strip::Strip;

use crate::{
    clock, grid,
    publisher::port,
    recorder::{Log, Recorder},
    source,
};

const WIDTH: usize = 640;
const HEIGHT: usize = 360;
/// A tile of two a side, and of three; the line between them is two pixels wide.
const HALF: (usize, usize) = (WIDTH / 2 - 2, HEIGHT / 2 - 2);
const THIRD: (usize, usize) = (210, 118);

/// Paints grey with a strip.
struct Marked(u8);

impl Painter for Marked {
    fn paint(&mut self, frame: u64, _at: MediaTime, out: &mut [u8]) {
        out.fill(128);
        let strip = Strip { camera: self.0, frame: u32::try_from(frame).expect("small"), utc_ms: 0 };
        strip.draw(out, WIDTH, HEIGHT, WIDTH);
    }
}

fn config(id: &str, kbps: u32) -> Config {
    let mut config = Config::new(id.parse().expect("a slug"), grid(), vec![Rung { height: 360, kbps }]);
    config.preset = Preset::Ultrafast;
    config
}

/// The cameras of these ids, each named in capitals.
fn layout(side: u32, ids: &[&str]) -> Layout {
    let tile = |id: &&str| Tile {
        camera: id.parse().expect("a slug"),
        label: id.to_uppercase(),
        offset_ms: 0,
        absent: "NO SIGNAL",
    };
    Layout { side, tiles: ids.iter().map(tile).collect() }
}

fn painted(id: &str, index: u8, mosaic: &Mosaic) -> (Camera, Arc<Recorder>) {
    let recorder = Recorder::new();
    let mut config = config(id, 800);
    config.mosaic = Some(mosaic.clone());
    let camera = Camera::painted(config, Box::new(Marked(index)), clock(), recorder.clone()).expect("a camera");
    (camera, recorder)
}

/// The strip in the tile of this row and column.
fn strip(picture: &[u8], side: usize, place: usize) -> Option<Strip> {
    let (width, height) = if side == 2 { HALF } else { THIRD };
    let (x, y) = (place % side * (width + 2), place / side * (height + 2));
    Strip::read(&picture[y * WIDTH + x..], width, height, WIDTH)
}

/// Each picture of the mosaic, and the grid slot that it stands on.
fn pictures(log: &Log) -> Vec<(u64, Vec<u8>)> {
    let luma = log.luma(Output::Rung(0));
    let slots = log.of(Output::Rung(0)).map(|unit| unit.pts / u64::from(grid().frame_ticks()));
    slots.zip(luma.chunks_exact(WIDTH * HEIGHT).map(<[u8]>::to_vec)).collect()
}

#[test]
fn every_tile_shows_the_same_slot_and_a_lost_camera_holds_up_nobody() {
    let mosaic = Mosaic::default();
    mosaic.arrange(layout(2, &["tile-a", "tile-b", "tile-lost"])).expect("a layout");
    let recorder = Recorder::new();
    let _mosaic = Camera::mosaic(config("multiview", 4_000), &mosaic, clock(), recorder.clone()).expect("a camera");
    let (_first, first) = painted("tile-a", 0, &mosaic);
    let (second, _) = painted("tile-b", 1, &mosaic);
    // Nobody sends there.
    let (mut absent, lost) = (config("tile-lost", 800), Recorder::new());
    absent.mosaic = Some(mosaic.clone());
    let nowhere = source(&format!("udp://127.0.0.1:{}", port()));
    let _absent = Camera::start(absent, nowhere, clock(), lost).expect("a camera");

    let both = |log: &Log| log.count(Output::Rung(0)) > 75;
    let slots = recorder.wait("three seconds", 60, both).count(Output::Rung(0));
    // A fifth angle: three a side from now on. And one ends.
    mosaic.arrange(layout(3, &["tile-a", "tile-b", "tile-lost", "tile-d", "tile-e"])).expect("a layout");
    let (_fifth, _) = painted("tile-e", 4, &mosaic);
    drop(second);
    let log = recorder.wait("three more seconds", 60, |log| log.count(Output::Rung(0)) > slots + 75);

    assert_eq!(log.check_rung(Output::Rung(0), grid()).len(), 1, "the mosaic has no hole");
    assert_eq!(first.now().check_rung(Output::Rung(0), grid()).len(), 1, "nor has a camera in it");
    let (mut two, mut three, mut held) = (0, 0, Vec::new());
    for (slot, picture) in pictures(&log) {
        for (side, places) in [(2, &[0, 1][..]), (3, &[0, 1, 4])] {
            let strips: Vec<Strip> = places.iter().filter_map(|place| strip(&picture, side, *place)).collect();
            for strip in strips.iter().filter(|strip| u64::from(strip.frame) != slot) {
                assert_eq!(strip.camera, 1, "slot {slot}: {strips:?}");
                held.push(strip.frame);
            }
            two += usize::from(side == 2 && strips.len() == 2);
            three += usize::from(side == 3 && strips.iter().any(|strip| strip.camera == 4));
        }
    }
    // Of the one that ended the last picture stays for 200 ms.
    assert!(held.len() <= 5 && held.windows(2).all(|w| w[0] == w[1]), "{held:?}");
    assert!(two > 50 && three > 25, "both layouts are seen: {two} and {three} pictures");

    // What has no picture is grey with its name and why; what belongs to nobody is dark.
    let (_, picture) = &pictures(&log)[60];
    let tile = |place: usize| &picture[place / 2 * (HEIGHT / 2) * WIDTH + place % 2 * (WIDTH / 2)..];
    let bright = |place: usize, rows: std::ops::Range<usize>| {
        rows.into_iter().any(|y| tile(place)[y * WIDTH..][..HALF.0].iter().any(|v| *v > 180))
    };
    assert!(tile(2)[20 * WIDTH + 20].abs_diff(40) < 6 && tile(3)[20 * WIDTH + 20].abs_diff(18) < 6);
    assert!(bright(2, 60..120) && bright(2, 156..176), "it says why, and who");
    assert!(!bright(3, 0..HALF.1), "the fourth is empty");
    let (slot, picture) = pictures(&log).pop().expect("a picture");
    let last = [0, 1, 4].map(|place| strip(&picture, 3, place).map(|strip| u64::from(strip.frame)));
    assert_eq!(last, [Some(slot), None, Some(slot)], "what ended is not shown");
}

#[test]
fn what_is_no_mosaic_is_refused_with_a_line() {
    for (side, expected) in [(1, "2 to 4 tiles a side; found 1"), (5, "2 to 4 tiles a side; found 5"), (2, "found 5")] {
        let error = Mosaic::default().arrange(layout(side, &["a", "b", "c", "d", "e"])).expect_err("refused");
        assert!(error.to_string().contains(expected), "{error}");
    }
}
