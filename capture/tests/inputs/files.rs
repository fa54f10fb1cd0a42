//! Files, played as if they were live.

use capture::{Output, State};

use crate::{config, grid, publisher::Publisher, recorder::Log, start, start_with_sound};

#[test]
fn an_mp4_plays_at_its_own_pace_and_again() {
    play("mp4");
}

#[test]
fn a_matroska_file_plays_at_its_own_pace_and_again() {
    play("mkv");
}

#[test]
fn a_transport_stream_file_plays_at_its_own_pace_and_again() {
    play("ts");
}

fn play(extension: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(format!("match.{extension}"));
    Publisher::file(&path, "2.4");
    let mut config = config(&format!("file-{extension}"));
    config.passthrough = true;
    let ((camera, _sound), recorder) = start_with_sound(config, &format!("file://{}", path.display()));
    let log = recorder.wait("more than two rounds", 30, |log| log.count(Output::Rung(0)) > 150);
    assert_eq!(log.check_rung(Output::Rung(0), grid()).len(), 1, "{extension}: no hole where it starts again");
    assert_eq!(log.times_live(), 1, "{extension}: {:?}", log.states);
    log.check_sound();
    log.check_source();
    assert_eq!(log.decode(Output::Rung(0)), log.count(Output::Rung(0)));
    let first = log.units.iter().find(|(of, ..)| *of == Output::Rung(0)).expect("a unit").2;
    let last = log.units.iter().rfind(|(of, ..)| *of == Output::Rung(0)).expect("a unit").2;
    assert!((last - first).as_secs_f64() > 5.5, "{extension}: faster than its own pace");
    let stats = camera.stats();
    assert!(stats.repeated < 30, "{extension}: {stats:?}");
}

#[test]
fn a_file_that_is_played_once_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("once.mp4");
    Publisher::file(&path, "3");
    let (_camera, recorder) = start(config("file-once"), &format!("file://{}?loop=false", path.display()));
    let ended = |log: &Log| matches!(log.states.last(), Some((State::Lost { why }, _)) if why == "the file has ended");
    let log = recorder.wait("the end of the file", 20, ended);
    assert!(log.count(Output::Rung(0)) > 20);
}

#[test]
fn a_file_that_is_not_there_is_a_loss_with_a_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let address = format!("file://{}/x.mp4", folder.path().display());
    let (_camera, recorder) = start(config("file-missing"), &address);
    let lost =
        |log: &Log| matches!(log.states.last(), Some((State::Lost { why }, _)) if why.contains("x.mp4 is not there"));
    recorder.wait("a reason that names the file", 10, lost);
}
