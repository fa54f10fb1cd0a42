//! Every codec that comes in, sent by ffmpeg or GStreamer over a transport that carries it.

use capture::{Output, State};

use crate::{
    config, grid,
    kinds::even_port,
    publisher::{Publisher, port},
    recorder::{Log, Recorder},
    start, start_with_sound,
};

const TS: [&str; 2] = ["-f", "mpegts"];

/// Two seconds of pictures, each shown: nothing is repeated but at the start, and no passthrough of another codec.
fn pictures(recorder: &Recorder) -> Log {
    let log = recorder.wait("two seconds of pictures", 40, |log| log.count(Output::Rung(0)) > 50);
    assert_eq!(log.check_rung(Output::Rung(0), grid()).len(), 1);
    assert_eq!(log.decode(Output::Rung(0)), log.count(Output::Rung(0)));
    log
}

/// A second of the tone.
fn tone(recorder: &Recorder) {
    let loud = |log: &Log| log.of(Output::Sound).filter(|unit| unit.data.len() > 100).count() > 47;
    recorder.wait("a second of the tone", 40, loud).check_sound();
}

#[test]
fn h265_over_udp() {
    let port = port();
    let mut config = config("h265");
    config.passthrough = true;
    let (_camera, recorder) = start(config, &format!("udp://127.0.0.1:{port}"));
    let coding = ["-c:v", "libx265", "-preset", "ultrafast", "-tune", "zerolatency", "-x265-params", "log-level=none"];
    let _publisher = Publisher::ffmpeg_with(&coding, &[&TS[..], &[&packets(port)]].concat());
    let log = pictures(&recorder);
    let refused = |state: &State| matches!(state, State::Refused { why } if why.contains("the camera sends H.265"));
    assert!(log.states.iter().any(|(state, _)| refused(state)), "{:?}", log.states);
}

#[test]
fn h265_over_rtp_and_rtsp() {
    let (rtp, rtsp) = (even_port(), port());
    let (_one, by_rtp) = start(config("h265-rtp"), &format!("rtp://127.0.0.1:{rtp}?codec=h265&pt=98"));
    let (_other, by_rtsp) = start(config("h265-rtsp"), &format!("rtsp://127.0.0.1:{rtsp}/cam"));
    let _server = Publisher::rtsp(rtsp, "h265");
    let _sender = Publisher::gst(&format!(
        "videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=25/1 ! x265enc tune=zerolatency \
         speed-preset=ultrafast key-int-max=25 ! rtph265pay config-interval=1 pt=98 ! udpsink host=127.0.0.1 port={rtp}"
    ));
    pictures(&by_rtp);
    pictures(&by_rtsp);
}

#[test]
fn av1_in_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let encoders: [(&str, &[&str]); 2] = [
        ("mp4", &["-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "25"]),
        ("mkv", &["-c:v", "libsvtav1", "-preset", "12", "-g", "25"]),
    ];
    let cameras = encoders.map(|(extension, coding)| {
        let path = folder.path().join(format!("av1.{extension}"));
        Publisher::file_with(&path, "2", coding);
        start(config(&format!("av1-{extension}")), &format!("file://{}", path.display()))
    });
    cameras.iter().for_each(|(_, recorder)| drop(pictures(recorder)));
}

#[test]
fn mpeg2_with_ac3_over_udp() {
    let port = port();
    let (_camera, recorder) = start_with_sound(config("mpeg2-ac3"), &format!("udp://127.0.0.1:{port}"));
    let sound = ["-c:a", "ac3", "-b:a", "192k"];
    let coding = ["-c:v", "mpeg2video", "-b:v", "1M"];
    let _publisher = Publisher::ffmpeg_with(&coding, &[&sound[..], &TS, &[&packets(port)]].concat());
    pictures(&recorder);
    tone(&recorder);
}

#[test]
fn mp2_opus_and_eac3_over_udp() {
    let picture = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"];
    let sounds: [&[&str]; 3] =
        [&["-c:a", "mp2", "-b:a", "192k"], &["-c:a", "libopus", "-b:a", "96k"], &["-c:a", "eac3"]];
    let cameras = sounds.map(|coding| {
        let port = port();
        let started = start_with_sound(config(&format!("sound-{port}")), &format!("udp://127.0.0.1:{port}"));
        (started, Publisher::ffmpeg_with(&picture, &[coding, &TS, &[&packets(port)]].concat()))
    });
    cameras.iter().for_each(|((_, recorder), _)| tone(recorder));
}

#[test]
fn mp2_ac3_and_pcm_over_rtp() {
    let sounds = [
        ("mp2", "avenc_mp2 ! mpegaudioparse ! rtpmpapay"),
        ("ac3", "avenc_ac3 ! ac3parse ! rtpac3pay pt=97"),
        ("l16", "rtpL16pay pt=97"),
        ("l24", "rtpL24pay pt=97"),
    ];
    let cameras = sounds.map(|(codec, sender)| {
        let (picture, sound) = (even_port(), even_port());
        let address = format!("rtp://127.0.0.1:{picture}?codec=h264&sound={codec}&sound_port={sound}");
        let started = start_with_sound(config(&format!("rtp-{codec}")), &address);
        let publisher = Publisher::gst(&format!(
            "audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=2 ! audioconvert ! {sender} ! \
             udpsink host=127.0.0.1 port={sound}"
        ));
        (started, publisher)
    });
    cameras.iter().for_each(|((_, recorder), _)| tone(recorder));
}

fn packets(port: u16) -> String {
    format!("udp://127.0.0.1:{port}?pkt_size=1316")
}
