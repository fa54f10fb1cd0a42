//! Sources that carry capture time: one stream of one camera, received by several ways at once.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use capture::{Basis, Camera, Output, Rung, Timing};
use test_media::strip::Strip;

use crate::{
    clock, config, grid,
    kinds::even_port,
    publisher::{Publisher, late_relay, port},
    recorder::{Log, Recorder},
    start, strips,
};

/// How late one of the ways is.
const LATE: Duration = Duration::from_millis(280);

fn camera(id: &str, port: u16, capture_time: bool) -> (Camera, Arc<Recorder>) {
    let mut config = config(id);
    config.rungs = vec![Rung { height: 180, kbps: 600 }];
    config.capture_time = capture_time;
    start(config, &format!("rtsp://127.0.0.1:{port}/cam"))
}

fn timing(camera: &Camera) -> Timing {
    camera.meter().timing()
}

#[test]
fn a_sender_whose_clock_is_an_hour_fast_is_placed_by_arrival() {
    let rtsp = port();
    let _server = Publisher::rtsp_fast(rtsp, 3_600);
    let (camera, recorder) = camera("wrong", rtsp, true);
    recorder.wait("its word is weighed", 40, |_| timing(&camera).disbelieved.is_some());
    let timing = timing(&camera);
    assert_eq!((timing.basis, timing.behind), (Basis::Arrival, None));
    let off = timing.disbelieved.expect("known") / 1_000_000_000;
    assert!((-3_601..=-3_598).contains(&off), "{off} s");
}

#[test]
fn a_clock_that_the_description_declares_places_pictures() {
    let (folder, ntp, rtsp) = (tempfile::tempdir().expect("a folder"), port(), port());
    let _clock = Publisher::ntp(folder.path(), ntp);
    let _server = Publisher::rtsp_clocked(rtsp, ntp);
    let late = late_relay(rtsp, LATE);
    let [word, near, far] = [("declared", rtsp, true), ("near", rtsp, false), ("far", late, false)]
        .map(|(id, port, capture_time)| camera(id, port, capture_time));
    word.1.wait("placed by the declared clock", 60, |log| {
        log.count(Output::Rung(0)) > 25 && timing(&word.0).basis == Basis::Rfc7273
    });
    for (camera, recorder) in [&near, &far] {
        recorder.wait("its capture time is known", 40, |log| {
            log.count(Output::Rung(0)) > 100 && timing(camera).behind.is_some()
        });
    }
    let behind = |camera: &Camera| timing(camera).behind.expect("believed") / 1_000_000;
    let apart = behind(&far.0) - behind(&near.0);
    assert!(behind(&word.0).abs() < 20, "{} ms", behind(&word.0));
    assert!((180..=380).contains(&apart), "{apart} ms apart: near {}, far {}", behind(&near.0), behind(&far.0));
}

/// When each picture was drawn, by its strip in milliseconds of UTC, at its place.
fn drawn(log: &Log) -> BTreeMap<u64, i64> {
    let luma = log.luma(Output::Rung(0));
    let strip = |picture| Strip::read(picture, 640, 360, 640).expect("a strip in every picture").utc_ms.cast_signed();
    log.of(Output::Rung(0)).map(|unit| unit.pts).zip(luma.chunks_exact(640 * 360).map(strip)).collect()
}

/// Three cameras, one of which holds its pictures back for a third of a second.
#[test]
fn pictures_of_cameras_that_report_their_time_are_in_step() {
    let ways = [("rtsp", "slow", port()), ("rtsp", "fast", port()), ("rtp", "fast", even_port())];
    let mut cameras = Vec::new();
    for (number, (way, pace, port)) in (1..).zip(ways) {
        let address = match way {
            "rtsp" => format!("rtsp://127.0.0.1:{port}/cam"),
            _ => format!("rtp://127.0.0.1:{port}?codec=h264"),
        };
        let publisher = Publisher::strip_camera(port, way, number, pace);
        cameras.push((publisher, strips::camera(&format!("{way}-{pace}"), &address)));
    }
    for (_, (camera, recorder)) in &cameras {
        recorder.wait("its reports place it", 60, |_| timing(camera).basis == Basis::Rtcp);
    }
    // What was placed by arrival is still on its way.
    let frame = clock().now().0 / 40_000_000 + 25;
    let settled = frame * u64::from(grid().frame_ticks());
    let pictures: Vec<_> = cameras
        .iter()
        .map(|(_, (_, recorder))| {
            let after = |log: &Log| log.of(Output::Rung(0)).filter(|unit| unit.pts > settled).count();
            drawn(&recorder.wait("four seconds", 40, |log| after(log) > 100))
        })
        .collect();
    for (other, (way, pace, _)) in pictures[1..].iter().zip(&ways[1..]) {
        let slots = pictures[0].range(settled..);
        let mut apart: Vec<i64> = slots.filter_map(|(at, first)| Some((first - other.get(at)?).abs())).collect();
        apart.sort_unstable();
        assert!(apart.len() > 75, "{way} {pace}: {apart:?}");
        // The grid takes each picture for half a frame early or late; a sender that has to wait for its turn draws late, and
        // on a busy machine some wait long.
        let tenths = apart.len() / 10;
        assert!(apart[tenths * 5] <= 60 && apart[tenths * 9] <= 100, "{way} {pace}, in ms: {apart:?}");
    }
}
