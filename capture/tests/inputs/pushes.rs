//! RTMP push: an encoder that publishes to us, and everybody else who finds the port.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Command, Stdio},
    time::Duration,
};

use capture::{Camera, Output, State};

use crate::{
    config,
    losses::kill_and_return,
    protocols::{check, everything},
    publisher::{Publisher, port},
    recorder::{Log, Recorder},
    start, start_with_sound, strips,
};

const KEY: &str = "correct-horse";

fn source(port: u16, name: &str) -> String {
    format!("rtmp://127.0.0.1:{port}/live/{name}?mode=listener&key={KEY}")
}

fn target(port: u16, name: &str) -> String {
    format!("rtmp://127.0.0.1:{port}/live/{name}?key={KEY}")
}

/// A camera whose port takes connections: encoders do not try twice.
fn listening(config: capture::Config, port: u16, name: &str) -> (Camera, std::sync::Arc<Recorder>) {
    let started = start(config, &source(port, name));
    connect(port);
    started
}

/// Connects, waiting for the port to be there.
fn connect(port: u16) -> TcpStream {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let tries = (0..1_000).find_map(|_| {
        std::thread::park_timeout(Duration::from_millis(10));
        TcpStream::connect(address).ok()
    });
    tries.expect("the port within ten seconds")
}

/// Publishes a second with ffmpeg, which says whether it was let.
fn published(target: &str) -> bool {
    let picture = "testsrc2=size=320x180:rate=25";
    let input = ["-hide_banner", "-loglevel", "quiet", "-re", "-f", "lavfi", "-i", picture, "-t", "1"];
    let mut ffmpeg = Command::new("ffmpeg");
    let ffmpeg = ffmpeg.args(input).args(["-c:v", "libx264", "-preset", "ultrafast", "-f", "flv", target]);
    let status = ffmpeg.stdin(Stdio::null()).status();
    status.unwrap_or_else(|e| panic!("ffmpeg: {e}: install the package ffmpeg")).success()
}

#[test]
fn rtmp_from_ffmpeg() {
    let port = port();
    let (_camera, recorder) = start_with_sound(everything("rtmp"), &source(port, "main"));
    connect(port);
    let _publisher = Publisher::ffmpeg(&["-f", "flv", &target(port, "main")]);
    check(&recorder, false);
}

#[test]
fn every_frame_pushed_by_rtmp_passes_once_and_in_order() {
    let port = port();
    let (_camera, recorder) = strips::camera("strip-rtmp", &source(port, "main"));
    connect(port);
    let _publisher = strips::publish(&["-f", "flv", &target(port, "main")]);
    let log = recorder.wait("six seconds", 40, |log| log.count(Output::Rung(0)) > 150);
    let delays = strips::check(&log);
    println!("RTMP: drawn to unit: median {} ms", delays[delays.len() / 2]);
    assert!(delays[delays.len() / 2] < 400, "median {} ms", delays[delays.len() / 2]);
}

#[test]
fn a_killed_rtmp_encoder_returns() {
    let port = port();
    let target = target(port, "main");
    let publish = || {
        connect(port);
        Publisher::ffmpeg(&["-f", "flv", &target])
    };
    kill_and_return("kill-rtmp", &source(port, "main"), publish);
}

/// Everything in a row, on one port: strangers do no harm and are told off, and a camera has one publisher.
#[test]
fn a_port_is_safe_from_strangers() {
    let port = port();
    let (_main, main) = listening(config("rtmp-main"), port, "main");
    let (_north, north) = start(config("rtmp-north"), &source(port, "north"));
    // Silent, dripping and talking nonsense, more than are let in together from one address.
    let mut strangers: Vec<TcpStream> = (0..40).map(|_| connect(port)).collect();
    for (i, stranger) in strangers.iter_mut().enumerate() {
        let _ = match i % 4 {
            0 => Ok(()),
            1 => stranger.write_all(b"\x03"),
            2 => stranger.write_all(b"GET / HTTP/1.1\r\n\r\n"),
            _ => stranger.write_all(&[3; 9_000]),
        };
    }
    for mut stranger in strangers {
        stranger.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        // An end, or a reset: not the silence that would be an error of another kind.
        match stranger.read_to_end(&mut Vec::new()) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "still open after 20 s"),
        }
    }
    for wrong in [
        format!("rtmp://127.0.0.1:{port}/live/main?key=wrong-horse"),
        format!("rtmp://127.0.0.1:{port}/live/main"),
        format!("rtmp://127.0.0.1:{port}/live/west?key={KEY}"),
        format!("rtmp://127.0.0.1:{port}/other/main?key={KEY}"),
    ] {
        assert!(!published(&wrong), "{wrong} was let in");
    }
    assert_eq!((main.now().times_live(), north.now().times_live()), (0, 0));

    // The right ones, side by side.
    let first = Publisher::ffmpeg(&["-f", "flv", &target(port, "main")]);
    let _other = Publisher::ffmpeg(&["-f", "flv", &target(port, "north")]);
    for recorder in [&main, &north] {
        recorder.wait("a second of pictures", 30, |log| log.count(Output::Rung(0)) > 25);
    }
    // A second one is turned away while the first is heard, and takes its place when it falls silent.
    assert!(!published(&target(port, "main")), "two publishers at once");
    assert_eq!(main.now().times_live(), 1, "the first was not disturbed: {:?}", main.now().states);
    first.pause();
    let second = Publisher::ffmpeg(&["-f", "flv", &target(port, "main")]);
    main.wait("the second publisher", 15, |log| log.times_live() == 2 && log.is_live());
    drop(second);
    drop(first);
    main.wait("the loss", 10, |log| matches!(log.states.last(), Some((State::Lost { .. }, _))));
    assert_eq!(north.now().times_live(), 1, "the other camera noticed: {:?}", north.now().states);
}

#[test]
fn a_codec_of_another_age_is_refused_by_its_name() {
    let port = port();
    let (_camera, recorder) = listening(config("rtmp-flv1"), port, "main");
    let _publisher = Publisher::ffmpeg_with(&["-c:v", "flv1"], &["-f", "flv", "-ar", "44100", &target(port, "main")]);
    let named = |log: &Log| {
        let told = |(state, _): &(State, _)| matches!(state, State::Lost { why } if why.contains("Sorenson") && why.contains("H.264"));
        log.states.iter().any(told)
    };
    recorder.wait("a reason", 20, named);
}

#[test]
fn two_cameras_at_one_path_and_a_port_that_is_taken_are_losses_with_a_reason() {
    let port = port();
    let (_first, _) = listening(config("rtmp-first"), port, "main");
    let (_second, second) = start(config("rtmp-second"), &source(port, "main"));
    let says = |part: &'static str| move |log: &Log| matches!(log.states.last(), Some((State::Lost { why }, _)) if why.contains(part));
    second.wait("the other camera's name", 10, says("rtmp-first"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port();
    let (_third, third) = start(config("rtmp-third"), &source(port, "main"));
    third.wait("the port's number", 10, says("cannot listen at"));
    assert!(!format!("{:?}", third.now().states).contains("horse"));
}
