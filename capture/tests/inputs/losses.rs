//! Publishers that die, fall silent or talk nonsense; cameras that are stopped.

use std::{
    net::UdpSocket,
    time::{Duration, Instant},
};

use capture::{Output, Sound, SoundConfig, Source, State};

use crate::{
    config, grid,
    publisher::{Publisher, port},
    recorder::{Log, Recorder},
    start, start_with_sound,
};

/// Kills `publish` and starts it again; the camera is live within 3 s, its segments are whole, the sound goes on.
pub fn kill_and_return(id: &str, address: &str, publish: impl Fn() -> Publisher) {
    let other_port = port();
    let (_other, other) = start(config(&format!("{id}-other")), &format!("udp://127.0.0.1:{other_port}"));
    let target = format!("udp://127.0.0.1:{other_port}?pkt_size=1316");
    let _steady = Publisher::ffmpeg(&["-f", "mpegts", &target]);
    let mut config = config(id);
    config.passthrough = true;
    let (_camera, recorder) = start_with_sound(config, address);
    let publisher = publish();
    recorder.wait("a second of pictures", 30, |log| log.count(Output::Rung(0)) > 25);
    other.wait("pictures of the other camera", 30, |log| log.count(Output::Rung(0)) > 25);
    drop(publisher);
    recorder.wait("the loss is told", 10, |log| matches!(log.states.last(), Some((State::Lost { .. }, _))));
    let publisher = publish();
    let returned = Instant::now();
    let log = recorder.wait("live again", 15, Log::is_live);
    let live = log.states.last().expect("a state").1;
    // The publisher itself needs a moment to start, more on a busy machine.
    assert!(live.saturating_duration_since(returned) < Duration::from_secs(5), "live after {:?}", live - returned);
    let before = log.count(Output::Rung(0));
    let log = recorder.wait("pictures again", 15, |log| log.count(Output::Rung(0)) > before + 30);
    drop(publisher);
    let runs = log.check_rung(Output::Rung(0), grid());
    // One run where the publisher was back before the segment's end.
    assert!(runs.len() <= 2, "whole segments before and after: {runs:?}");
    assert_eq!(log.check_rung(Output::Rung(1), grid()).len(), runs.len());
    assert_eq!(log.decode(Output::Rung(0)), log.count(Output::Rung(0)));
    log.check_source();
    log.check_sound();
    let other = other.now();
    assert_eq!(other.check_rung(Output::Rung(0), grid()).len(), 1, "the other camera has no hole");
    assert_eq!(other.times_live(), 1);
}

#[test]
fn a_killed_srt_caller_returns() {
    let port = port();
    let target = format!("srt://127.0.0.1:{port}?mode=caller");
    let publish = || Publisher::ffmpeg(&["-f", "mpegts", &target]);
    kill_and_return("kill-srt", &format!("srt://127.0.0.1:{port}?mode=listener"), publish);
}

#[test]
fn a_killed_srt_listener_returns() {
    let port = port();
    let target = format!("srt://127.0.0.1:{port}?mode=listener");
    let publish = || Publisher::ffmpeg(&["-f", "mpegts", &target]);
    kill_and_return("kill-srt-listener", &format!("srt://127.0.0.1:{port}"), publish);
}

#[test]
fn a_killed_udp_sender_returns() {
    let port = port();
    let target = format!("udp://127.0.0.1:{port}?pkt_size=1316");
    let publish = || Publisher::ffmpeg(&["-f", "mpegts", &target]);
    kill_and_return("kill-udp", &format!("udp://127.0.0.1:{port}"), publish);
}

#[test]
fn a_killed_rtsp_camera_returns() {
    let port = port();
    kill_and_return("kill-rtsp", &format!("rtsp://127.0.0.1:{port}/cam"), || Publisher::rtsp(port, "h264"));
}

#[test]
fn an_absent_peer_is_a_loss_with_a_reason_and_without_the_password() {
    let port = port();
    for address in [
        format!("srt://127.0.0.1:{port}?passphrase=correct-horse"),
        format!("rtsp://admin:correct-horse@127.0.0.1:{port}/x?key=correct-horse"),
    ] {
        let (_camera, recorder) = start(config("absent"), &address);
        let lost = |log: &Log| matches!(log.states.last(), Some((State::Lost { .. }, _)));
        let log = recorder.wait("a reason", 15, lost);
        assert!(!format!("{:?}", log.states).contains("horse"), "{:?}", log.states);
    }
}

#[test]
fn a_sender_that_is_connected_and_silent_is_a_loss() {
    let (udp, srt) = (port(), port());
    let (_camera, recorder) = start(config("silent"), &format!("srt://127.0.0.1:{srt}?mode=listener"));
    let (from, to) = (format!("udp://127.0.0.1:{udp}"), format!("srt://127.0.0.1:{srt}?mode=caller"));
    let _relay = Publisher::start("srt-live-transmit", "srt-tools", &["-q", &from, &to]);
    let silent =
        |log: &Log| matches!(log.states.last(), Some((State::Lost { why }, _)) if why.contains("sends nothing"));
    recorder.wait("the silence is noticed", 15, silent);
}

#[test]
fn a_sound_of_its_own_goes_on_without_its_source() {
    let port = port();
    let recorder = Recorder::new();
    let source = Source::parse(&format!("udp://127.0.0.1:{port}")).expect("a source");
    let config = SoundConfig::new("radio".parse().expect("a slug"));
    let _sound = Sound::start(config, source, crate::clock(), recorder.clone()).expect("a sound");
    recorder.wait("silence", 10, |log| log.count(Output::Sound) > 30);
    let target = format!("udp://127.0.0.1:{port}?pkt_size=1316");
    let input =
        ["-hide_banner", "-loglevel", "error", "-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"];
    let publish = || {
        let coded = ["-c:a", "mp2", "-f", "mpegts", &target];
        Publisher::start("ffmpeg", "ffmpeg", &[&input[..], &coded[..]].concat())
    };
    let publisher = publish();
    let loud = |log: &Log| log.of(Output::Sound).filter(|unit| unit.data.len() > 100).count();
    recorder.wait("a second of the tone", 15, |log| loud(log) > 47 && log.is_live());
    drop(publisher);
    recorder.wait("the loss", 10, |log| matches!(log.states.last(), Some((State::Lost { .. }, _))));
    let before = loud(&recorder.now());
    let _publisher = publish();
    let log = recorder.wait("the tone again", 15, |log| loud(log) > before + 47 && log.is_live());
    log.check_sound();
}

#[test]
fn nonsense_is_survived_and_the_real_sender_taken() {
    let port = port();
    let (_camera, recorder) = start(config("nonsense"), &format!("udp://127.0.0.1:{port}"));
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let mut noise = 1u32;
    for _ in 0..2_000 {
        let packet: Vec<u8> = (0..1_316).map(|i| byte(&mut noise, i)).collect();
        let _ = socket.send_to(&packet, ("127.0.0.1", port));
    }
    let _publisher = Publisher::ffmpeg(&["-f", "mpegts", &format!("udp://127.0.0.1:{port}?pkt_size=1316")]);
    recorder.wait("pictures after all", 40, |log| log.count(Output::Rung(0)) > 25);
}

/// Noise that looks like transport stream packets from afar.
fn byte(noise: &mut u32, i: usize) -> u8 {
    *noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    if i.is_multiple_of(188) { 0x47 } else { noise.to_be_bytes()[0] }
}

#[test]
fn stopping_is_quick_and_final() {
    let port = port();
    let target = format!("udp://127.0.0.1:{port}?pkt_size=1316");
    let _publisher = Publisher::ffmpeg(&["-f", "mpegts", &target]);
    for address in [
        format!("udp://127.0.0.1:{port}"),
        format!("srt://127.0.0.1:{}?mode=listener", crate::publisher::port()),
        "srt://192.0.2.1:7001".to_owned(),
        "rtsp://192.0.2.1/x".to_owned(),
    ] {
        let (camera, recorder) = start_with_sound(config("stopped"), &address);
        recorder.wait("silence at least", 10, |log| log.count(Output::Sound) > 10);
        let started = Instant::now();
        drop(camera);
        assert!(started.elapsed() < Duration::from_secs(5), "{address}: {:?}", started.elapsed());
        assert_final(&recorder);
    }
}

#[test]
fn another_source_takes_over_under_the_same_ladder() {
    let (one, other) = (crate::publisher::port(), crate::publisher::port());
    let target = |port| format!("udp://127.0.0.1:{port}?pkt_size=1316");
    let ((camera, _sound), recorder) = start_with_sound(config("moved"), &format!("udp://127.0.0.1:{one}"));
    let _publishers = [one, other].map(|port| Publisher::ffmpeg(&["-f", "mpegts", &target(port)]));
    recorder.wait("a second of pictures", 30, |log| log.count(Output::Rung(0)) > 25);
    let source = Source::parse(&format!("udp://127.0.0.1:{other}")).expect("a source");
    let camera = camera.receive(source, 100).expect("the other source");
    let before = recorder.wait("now", 1, |_| true).count(Output::Rung(0));
    let log = recorder.wait("two seconds of the other", 30, |log| log.count(Output::Rung(0)) > before + 50);
    log.check_rung(Output::Rung(0), crate::grid());
    log.check_sound();
    assert_eq!(log.times_live(), 2, "{:?}", log.states);
    let formats = log.formats.iter().filter(|(of, _)| *of == Output::Rung(0)).count();
    assert_eq!(formats, 1, "the ladder is the same");
    assert!(camera.receive(Source::parse("udp://127.0.0.1:1").expect("a source"), 99_999).is_err());
}

/// Nothing is called after a drop: the recorder is the only one who holds itself.
fn assert_final(recorder: &std::sync::Arc<Recorder>) {
    assert_eq!(std::sync::Arc::strong_count(recorder), 1, "the sink is let go");
}
