//! A camera's sound that is not there, or ends: the picture is unharmed, the sound silent, never absent.

use capture::Output;

use crate::{
    config, grid,
    publisher::{Publisher, port},
    recorder::Log,
    start_with_sound,
};

const PICTURE: [&str; 7] = ["-v", "error", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25"];
const CODED: [&str; 12] = [
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-tune",
    "zerolatency",
    "-g",
    "25",
    "-pix_fmt",
    "yuv420p",
    "-threads",
    "1",
];

fn loud(log: &Log) -> usize {
    log.of(Output::Sound).filter(|unit| unit.data.len() > 100).count()
}

/// Access units of sound and frames of picture are of the same few seconds, both without a gap.
fn in_step(log: &Log) {
    assert_eq!(log.check_rung(Output::Rung(0), grid()).len(), 1, "the picture has no hole");
    assert_eq!(log.decode(Output::Rung(0)), log.count(Output::Rung(0)));
    log.check_sound();
}

#[test]
fn a_camera_without_sound_has_a_silent_one() {
    let port = port();
    let ((_camera, sound), recorder) = start_with_sound(config("mute"), &format!("udp://127.0.0.1:{port}"));
    let target = format!("udp://127.0.0.1:{port}?pkt_size=1316");
    let _publisher = Publisher::start("ffmpeg", "ffmpeg", &[&PICTURE[..], &CODED, &["-f", "mpegts", &target]].concat());
    let log =
        recorder.wait("three seconds", 30, |log| log.count(Output::Rung(0)) > 75 && log.count(Output::Sound) > 141);
    in_step(&log);
    assert_eq!(loud(&log), 0);
    assert_eq!(sound.loudness().read(), capture::Loudness::default());
    assert!(log.is_live());
}

#[test]
fn a_sound_that_ends_in_mid_stream_leaves_the_picture_unharmed() {
    // Not by ffmpeg, which holds back the picture when a sound ends.
    let port = port();
    let ((_camera, sound), recorder) = start_with_sound(config("falls-silent"), &format!("udp://127.0.0.1:{port}"));
    let pipeline = format!(
        "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=180,framerate=25/1 ! \
         x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 threads=1 ! mpegtsmux name=m alignment=7 ! \
         udpsink host=127.0.0.1 port={port} \
         audiotestsrc is-live=true samplesperbuffer=1024 num-buffers=141 volume=0.2 ! audio/x-raw,rate=48000,channels=2 ! \
         avenc_aac ! m."
    );
    let args: Vec<&str> = std::iter::once("-q").chain(pipeline.split_whitespace()).collect();
    let _publisher = Publisher::start("gst-launch-1.0", "gstreamer1.0-tools", &args);
    recorder.wait("the tone", 30, |log| loud(log) > 47);
    let heard = sound.loudness().read();
    assert!(heard.momentary.is_some() && heard.true_peak.is_some_and(|peak| (-25.0..0.0).contains(&peak)), "{heard:?}");
    // Eight seconds of picture: five after the tone.
    let log = recorder.wait("pictures long after it", 40, |log| log.count(Output::Rung(0)) > 200);
    in_step(&log);
    let last: Vec<usize> = log.of(Output::Sound).map(|unit| unit.data.len()).collect();
    assert!(last[last.len() - 94..].iter().all(|length| *length < 100), "two seconds of silence: {last:?}");
    assert!(sound.loudness().read().momentary.is_none(), "silence has no loudness");
    assert!(log.is_live() && log.times_live() == 1, "{:?}", log.states);
}
