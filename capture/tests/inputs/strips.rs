//! What the pictures themselves say: every frame of a source once and in order, letterboxed, soon.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use capture::{Camera, Config, Output, Rung, Source};
use test_media::strip::Strip;

use crate::{
    clock, grid,
    publisher::{Publisher, port},
    recorder::{Log, Recorder},
};

fn utc_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64
}

/// A camera of one rung, 640×360.
pub fn camera(id: &str, address: &str) -> (Camera, std::sync::Arc<Recorder>) {
    let mut config = Config::new(id.parse().expect("a slug"), grid(), vec![Rung { height: 360, kbps: 1_500 }]);
    config.preset = capture::Preset::Ultrafast;
    let recorder = Recorder::new();
    let source = Source::parse(address).expect("a source");
    (Camera::start(config, source, clock(), recorder.clone()).expect("a camera"), recorder)
}

/// Publishes frames that carry their number and the time of drawing.
pub fn publish(output: &[&str]) -> Publisher {
    Publisher::drawn(output, |frame, picture| {
        picture[..640 * 360].fill(40 + u8::try_from(frame % 100).expect("small"));
        let strip = Strip { camera: 7, frame: u32::try_from(frame).expect("small"), utc_ms: utc_ms() };
        strip.draw(picture, 640, 360, 640);
    })
}

/// Frame numbers are consecutive, one per grid slot; returns the delays from drawing to unit, sorted.
pub fn check(log: &Log) -> Vec<i64> {
    let luma = log.luma(Output::Rung(0));
    let (utc, now) = (utc_ms().cast_signed(), Instant::now());
    let units = log.units.iter().filter(|(output, ..)| *output == Output::Rung(0));
    let (mut frames, mut delays) = (Vec::new(), Vec::new());
    for (picture, (_, unit, at)) in luma.chunks_exact(640 * 360).zip(units) {
        let strip = Strip::read(picture, 640, 360, 640).expect("a strip in every frame");
        frames.push((unit.pts / 1_000, strip.frame));
        let ago = i64::try_from(now.duration_since(*at).as_millis()).expect("small");
        delays.push(utc - ago - strip.utc_ms.cast_signed());
    }
    assert_eq!(frames.len(), log.count(Output::Rung(0)));
    let odd: Vec<_> = frames.windows(2).filter(|w| w[1].1 != w[0].1 + 1).collect();
    // While the first frames are decoded the place is still being learnt.
    let settled = odd.iter().filter(|w| w[0].0 > frames[0].0 + 50).count();
    assert_eq!(settled, 0, "frames repeated or dropped: {odd:?}");
    delays.sort_unstable();
    delays
}

#[test]
fn every_frame_passes_once_and_in_order() {
    let (udp, srt) = (port(), port());
    let (_a, first) = camera("strip-udp", &format!("udp://127.0.0.1:{udp}"));
    let (_b, second) = camera("strip-srt", &format!("srt://127.0.0.1:{srt}?mode=listener&latency=20"));
    let _a = publish(&["-f", "mpegts", &format!("udp://127.0.0.1:{udp}?pkt_size=1316")]);
    let _b = publish(&["-f", "mpegts", &format!("srt://127.0.0.1:{srt}?latency=20000")]);
    for (name, recorder) in [("UDP", first), ("SRT", second)] {
        let log = recorder.wait("six seconds", 40, |log| log.count(Output::Rung(0)) > 150);
        let delays = check(&log);
        let at = |part: usize| delays[delays.len() * part / 100];
        println!("{name}: drawn to unit: median {} ms, p95 {} ms", at(50), at(95));
        assert!(at(50) < 400, "{name}: median {} ms", at(50));
    }
}

#[test]
fn a_narrow_interlaced_picture_is_letterboxed() {
    let port = port();
    let (_camera, recorder) = camera("narrow", &format!("udp://127.0.0.1:{port}"));
    let target = format!("udp://127.0.0.1:{port}?pkt_size=1316");
    let white = "color=white:size=320x240:rate=25";
    let input = ["-hide_banner", "-loglevel", "error", "-re", "-f", "lavfi", "-i", white, "-threads", "1"];
    let coded = ["-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-top", "1", "-g", "12", "-f", "mpegts", &target];
    let _publisher = Publisher::start("ffmpeg", "ffmpeg", &[&input[..], &coded[..]].concat());
    let log = recorder.wait("a second", 30, |log| log.count(Output::Rung(0)) > 26);
    let luma = log.luma(Output::Rung(0));
    let row = &luma[640 * 360 * 10 + 640 * 180..][..640];
    // 4:3 in 16:9: 480 of 640.
    let (border, inside) = ([10, 70, 570, 630].map(|x| row[x]), [90, 320, 550].map(|x| row[x]));
    assert!(border.iter().all(|v| *v < 24) && inside.iter().all(|v| *v > 225), "{border:?} {inside:?}");
}
