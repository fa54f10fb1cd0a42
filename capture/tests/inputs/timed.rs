//! Sources that carry capture time: one stream of one camera, received by several ways at once.

use std::{sync::Arc, time::Duration};

use capture::{Basis, Camera, Output, Rung, Timing};

use crate::{
    config,
    publisher::{Publisher, late_relay, port},
    recorder::Recorder,
    start,
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
    assert!((220..=340).contains(&apart), "{apart} ms apart: near {}, far {}", behind(&near.0), behind(&far.0));
}
