//! Other people's players play live and highlights.

use std::process::Command;

use serde_json::Value;

use crate::server::{Server, shared, until};

fn run(program: &str, package: &str, args: &[&str]) -> (bool, String) {
    let run = Command::new("timeout").arg("60").arg(program).args(args).output();
    let run = run.unwrap_or_else(|e| panic!("{program} (apt package {package}): {e}"));
    assert_ne!(run.status.code(), Some(127), "{program} is missing: apt package {package}");
    (run.status.success(), format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr)))
}

/// Plays a highlight's angle with ffmpeg and with GStreamer: no error, the right number of frames, timestamps that grow.
pub fn plays_whole(url: &str, seconds: f64, fps: f64) {
    plays_whole_within(url, seconds * fps, 0.5);
}

/// The same with `slack` frames more or less: a camera's own frames are not all equally long.
pub fn plays_whole_within(url: &str, expected: f64, slack: f64) {
    let decode = ["-v", "warning", "-xerror", "-i", url, "-map", "0:v:0", "-map", "0:a:0?", "-f", "null", "-"];
    let (ok, out) = run("ffmpeg", "ffmpeg", &decode);
    assert!(ok && out.trim().is_empty(), "{url}: ffmpeg decodes without a word: {out}");
    let entries = "frame=best_effort_timestamp_time";
    let probe = ["-v", "error", "-select_streams", "v:0", "-show_entries", entries, "-of", "csv=p=0", url];
    let (_, out) = run("ffprobe", "ffmpeg", &probe);
    let times: Vec<f64> = out.lines().filter_map(|l| l.trim().trim_end_matches(',').parse().ok()).collect();
    assert!(times.windows(2).all(|w| w[1] > w[0]), "{url}: timestamps grow: {times:?}");
    assert!((times.len() as f64 - expected).abs() <= slack, "{url}: {} frames, expected {expected}", times.len());
    assert_eq!(gst_frames(url), times.len(), "{url}: frames in hlsdemux2 and in ffprobe");
}

/// Frames that GStreamer's `hlsdemux2` shows of a playlist; its sound, if it has one, is decoded beside.
pub fn gst_frames(url: &str) -> usize {
    // Pictures of 16 by 16 pixels, of which a file's length tells the number.
    const PICTURE: &str = "video/x-raw,format=GRAY8,width=16,height=16";
    let file = tempfile::NamedTempFile::new().unwrap();
    let pipeline = format!(
        "uridecodebin3 uri={url} name=d {} d. ! video/x-raw ! videoconvert ! videoscale ! {PICTURE} ! filesink location={} {}",
        room(url),
        file.path().display(),
        sound(url)
    );
    assert!(gst(url, "gst-launch-1.0", &pipeline).0, "{url}: to its end");
    usize::try_from(file.as_file().metadata().unwrap().len()).unwrap() / 256
}

/// How far ahead `hlsdemux2` may fetch of a media playlist: a segment and a half.
///
/// Version 1.22 ends with "Couldn't download fragments" when it has fetched all of a short playlist before its pads are
/// exposed; its debug log says "Can't push EOS on non-exposed pad". With this room it waits for its output before the third
/// segment. (With room for less than one it waits for ever, and with two playlists at once sometimes.)
fn room(url: &str) -> String {
    let list = crate::http::get(url);
    let target = list.text().lines().find_map(|l| l.strip_prefix("#EXT-X-TARGETDURATION:")?.parse::<u64>().ok());
    target.map_or_else(String::new, |s| format!("urisourcebin0::hlsdemux2-0::max-buffering-time={}", s * 1_500_000_000))
}

/// The branch of a pipeline that takes a playlist's sound, if it has one.
fn sound(url: &str) -> &'static str {
    if crate::http::get(url).text().contains("TYPE=AUDIO") { "d. ! audio/x-raw ! fakesink sync=false" } else { "" }
}

/// Whether a pipeline ended well that plays this address with `hlsdemux2`, and what it said: no error.
fn gst(url: &str, launch: &str, pipeline: &str) -> (bool, String) {
    // By name: an older `hlsdemux` would be taken for a missing one.
    let mut args = vec!["GST_PLUGIN_FEATURE_RANK=hlsdemux2:512,hlsdemux:NONE"];
    args.extend(launch.split_whitespace().chain(["-v"]).chain(pipeline.split_whitespace()));
    let (ok, out) = run("env", "coreutils", &args);
    assert!(
        !out.contains("No such file or directory"),
        "apt packages gstreamer1.0-tools, -plugins-good, -libav: {out}"
    );
    assert!(!out.contains("ERROR"), "{url}: {out}");
    assert!(out.contains("GstHLSDemux2"), "{url}: not played by hlsdemux2 (gstreamer1.0-plugins-good): {out}");
    (ok, out)
}

/// Plays some seconds of live with ffprobe and with GStreamer: no error, no frame missing, timestamps that grow.
pub fn plays_live(url: &str) {
    let entries = "frame=best_effort_timestamp_time";
    let probe = ["-v", "warning", "-select_streams", "v:0", "-read_intervals", "%+#75", "-show_entries", entries];
    let (ok, out) = run("ffprobe", "ffmpeg", &[&probe[..], &["-of", "csv=p=0", url]].concat());
    // ffmpeg reads the header again at every reload of a live playlist, and says so.
    let known = ["Found duplicated MOOV Atom", "Last message repeated"];
    let lines = || out.lines().map(|l| l.trim().trim_end_matches(',')).filter(|l| !l.is_empty());
    let times: Vec<f64> = lines().filter_map(|l| l.parse().ok()).collect();
    let noise = |l: &&str| l.parse::<f64>().is_err() && !known.iter().any(|k| l.contains(k));
    assert!(ok && lines().filter(noise).count() == 0, "{url}: ffprobe decodes without a word: {out}");
    no_frame_missing(url, "ffprobe", &times);

    let pipeline = format!(
        "uridecodebin3 uri={url} name=d d. ! video/x-raw ! fakesink name=picture silent=false sync=false {}",
        sound(url)
    );
    // Live has no end: it is watched for some seconds.
    let (_, out) = gst(url, "timeout 7 gst-launch-1.0", &pipeline);
    no_frame_missing(url, "hlsdemux2", &out.lines().filter_map(shown_at).collect::<Vec<f64>>());
}

/// At 25 frames a second, as many frames as their time holds. A camera's own are not all equally long.
fn no_frame_missing(url: &str, player: &str, times: &[f64]) {
    assert!(times.windows(2).all(|w| w[1] > w[0]), "{url}: timestamps grow in {player}: {times:?}");
    assert!(times.len() >= 50, "{url}: {player} shows two seconds: {times:?}");
    let span = (times[times.len() - 1] - times[0]) * 25.0 + 1.0;
    assert!((span - times.len() as f64).abs() < 1.5, "{url}: {} frames in {player}, of {span}", times.len());
}

/// Seconds, of what `fakesink` says of a buffer: `... pts: 0:00:01.040000000, ...`.
fn shown_at(line: &str) -> Option<f64> {
    let time = line.split_once("(picture:sink)")?.1.split_once(", pts: ")?.1.split_once(',')?.0;
    let mut parts = time.rsplitn(3, ':').map(|part| part.parse::<f64>().ok());
    Some(parts.next()?? + 60.0 * parts.next()?? + 3600.0 * parts.next()??)
}

fn duration(server: &Server, highlight: &Value, angle: &str, rendition: &str) -> f64 {
    let id = highlight["id"].as_str().unwrap();
    let text = until("the end of the highlight", || {
        let list = server.get(&format!("/highlights/{id}/v1/{angle}/{rendition}/index.m3u8"));
        // The sound ends some AAC frames after the picture.
        let sound = server.get(&format!("/highlights/{id}/v1/audio/ambient/index.m3u8"));
        let ended = |list: &crate::http::Answer| list.status == 200 && list.text().contains("ENDLIST");
        (ended(&list) && ended(&sound)).then(|| list.text().to_owned())
    });
    text.lines()
        .filter_map(|l| l.strip_prefix("#EXTINF:"))
        .map(|l| l.trim_end_matches(',').parse::<f64>().unwrap())
        .sum()
}

#[test]
fn a_highlight_plays_whole_on_every_angle() {
    let server = shared();
    let highlight = server.publish(&server.mark(2.5, 0.5));
    for (angle, url) in highlight["urls"]["angles"].as_object().unwrap() {
        let seconds = duration(server, &highlight, angle, "234p");
        assert!((3.0..5.0).contains(&seconds), "{seconds}");
        plays_whole(&format!("{}{}", server.url, url.as_str().unwrap()), seconds, 25.0);
    }
}

#[test]
fn live_plays() {
    let server = shared();
    plays_live(&format!("{}/live/main/index.m3u8", server.url));
    plays_live(&format!("{}/live/main/plain.m3u8", server.url));
}
