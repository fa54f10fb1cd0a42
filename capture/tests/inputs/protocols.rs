//! SRT, UDP and RTSP: ladder, sound and passthrough of each.

use capture::{Output, State};
use packager::Format;

use crate::{
    config, grid,
    publisher::{Publisher, port},
    recorder::{Log, Recorder},
    start_with_sound,
};

/// Passed through as well.
pub fn everything(id: &str) -> capture::Config {
    let mut config = config(id);
    config.passthrough = true;
    config
}

/// Three seconds of everything, and the laws.
pub fn check(recorder: &Recorder, rtsp: bool) {
    let enough = |log: &Log| log.count(Output::Rung(1)) > 75 && log.count(Output::Source) > 75;
    let log = recorder.wait("three seconds of pictures", 30, enough);
    for (output, size) in [(Output::Rung(0), (320, 180)), (Output::Rung(1), (160, 90)), (Output::Source, (320, 180))] {
        let formats: Vec<&Format> = log.formats.iter().filter(|(of, _)| *of == output).map(|(_, f)| f).collect();
        assert_eq!(formats.len(), 1, "one format: {formats:?}");
        assert_eq!(formats[0].resolution(), Some(size));
    }
    assert_eq!(log.check_rung(Output::Rung(0), grid()).len(), 1, "without a hole");
    assert_eq!(log.check_rung(Output::Rung(1), grid()).len(), 1, "without a hole");
    log.check_sound();
    let steps = log.check_source();
    // While the delay is still being learnt frames are up to a tenth longer or shorter; then each is a 25th of a second.
    // RTSP's first sender reports may move picture against sound, once.
    let uneven = steps.iter().filter(|step| !(3_239..=3_961).contains(*step)).count();
    assert!(uneven <= usize::from(rtsp), "uneven steps: {steps:?}");
    let even = steps.iter().filter(|step| **step == 3_600).count();
    assert!(even * 2 > steps.len(), "uneven steps: {steps:?}");
    assert!(log.of(Output::Source).filter(|unit| unit.key).count() >= 3);
    assert_eq!(log.decode(Output::Rung(0)), log.count(Output::Rung(0)));
    assert_eq!(log.decode(Output::Source), log.count(Output::Source));
    let loud = log.of(Output::Sound).filter(|unit| unit.data.len() > 100).count();
    assert!(loud > 90, "two seconds of the tone: {loud} loud units");
}

#[test]
fn srt_listener_is_called_by_ffmpeg() {
    let port = port();
    let (_camera, recorder) =
        start_with_sound(everything("srt-listener"), &format!("srt://127.0.0.1:{port}?mode=listener"));
    let _publisher = Publisher::ffmpeg(&["-f", "mpegts", &format!("srt://127.0.0.1:{port}?mode=caller&latency=80000")]);
    check(&recorder, false);
}

#[test]
fn srt_caller_calls_ffmpeg_with_a_passphrase() {
    let port = port();
    let secret = "passphrase=correct-horse&pbkeylen=16";
    let _publisher = Publisher::ffmpeg(&["-f", "mpegts", &format!("srt://127.0.0.1:{port}?mode=listener&{secret}")]);
    let (_camera, recorder) =
        start_with_sound(everything("srt-caller"), &format!("srt://127.0.0.1:{port}?{secret}&latency=80"));
    check(&recorder, false);
}

#[test]
fn srt_caller_calls_srt_live_transmit() {
    let (udp, srt) = (port(), port());
    let target = format!("srt://127.0.0.1:{srt}?mode=listener");
    let _relay =
        Publisher::start("srt-live-transmit", "srt-tools", &["-q", &format!("udp://127.0.0.1:{udp}"), &target]);
    let _publisher = Publisher::ffmpeg(&["-f", "mpegts", &format!("udp://127.0.0.1:{udp}?pkt_size=1316")]);
    let (_camera, recorder) = start_with_sound(everything("srt-relay"), &format!("srt://127.0.0.1:{srt}"));
    check(&recorder, false);
}

#[test]
fn mpeg_ts_over_udp_from_ffmpeg() {
    let port = port();
    let (_camera, recorder) = start_with_sound(everything("udp-ffmpeg"), &format!("udp://127.0.0.1:{port}"));
    let _publisher = Publisher::ffmpeg(&["-f", "mpegts", &format!("udp://127.0.0.1:{port}?pkt_size=1316")]);
    check(&recorder, false);
}

#[test]
fn mpeg_ts_over_udp_from_gst_launch() {
    let port = port();
    let (_camera, recorder) = start_with_sound(everything("udp-gst"), &format!("udp://127.0.0.1:{port}"));
    let pipeline = format!(
        "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=180,framerate=25/1 ! \
         x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 threads=1 ! mpegtsmux name=m alignment=7 ! \
         udpsink host=127.0.0.1 port={port} \
         audiotestsrc is-live=true samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! m."
    );
    let args: Vec<&str> = std::iter::once("-q").chain(pipeline.split_whitespace()).collect();
    let _publisher = Publisher::start("gst-launch-1.0", "gstreamer1.0-tools", &args);
    check(&recorder, false);
}

#[test]
fn rtsp_from_gst_rtsp_server() {
    let port = port();
    let _publisher = Publisher::rtsp(port, "h264");
    let (_camera, recorder) = start_with_sound(everything("rtsp-tcp"), &format!("rtsp://127.0.0.1:{port}/cam"));
    check(&recorder, true);
}

#[test]
fn rtsp_over_udp_from_gst_rtsp_server() {
    let port = port();
    let _publisher = Publisher::rtsp(port, "h264");
    let (_camera, recorder) =
        start_with_sound(everything("rtsp-udp"), &format!("rtsp://127.0.0.1:{port}/cam?transport=udp"));
    check(&recorder, true);
}

#[test]
fn another_codec_is_transcoded_and_not_passed_through() {
    let port = port();
    let (_camera, recorder) = start_with_sound(everything("mpeg2"), &format!("udp://127.0.0.1:{port}"));
    let target = format!("udp://127.0.0.1:{port}?pkt_size=1316");
    let _publisher = Publisher::ffmpeg_with(&["-c:v", "mpeg2video", "-b:v", "1M"], &["-f", "mpegts", &target]);
    let log = recorder.wait("two seconds of pictures", 30, |log| log.count(Output::Rung(0)) > 50);
    assert_eq!(log.check_rung(Output::Rung(0), grid()).len(), 1);
    assert_eq!(log.count(Output::Source), 0);
    let refused =
        log.states.iter().any(|(state, _)| matches!(state, State::Refused { why } if why.contains("only H.264")));
    assert!(refused, "{:?}", log.states);
}
