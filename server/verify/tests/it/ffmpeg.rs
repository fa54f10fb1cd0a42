//! What `ffmpeg -f hls` writes, read whole and followed live: found is what is there, and nothing that is not.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Redirect, Response},
};
use tokio::net::TcpListener;
use verify::{Report, rules::Severity};

use crate::{media::ffmpeg, rules::args};

/// A static server as any is: types by name, no gzip, no caching, no other origins.
async fn files(folder: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let folder = Arc::new(folder.to_owned());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(file).with_state(folder)).await });
    format!("http://{address}")
}

async fn file(State(folder): State<Arc<PathBuf>>, uri: Uri) -> Response {
    let name = uri.path().trim_start_matches('/');
    if let Some(name) = name.strip_prefix("moved/") {
        return Redirect::temporary(&format!("/{name}")).into_response();
    }
    let kind = match name.rsplit('.').next() {
        Some("m3u8") => "application/vnd.apple.mpegurl",
        Some("ts") => "video/mp2t",
        _ => "video/mp4",
    };
    match std::fs::read(folder.join(name)) {
        Ok(bytes) => ([(header::CONTENT_TYPE, kind)], bytes).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

const INPUT: [&str; 8] =
    ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"];
const CODE: [&str; 12] =
    ["-c:v", "libx264", "-preset", "veryfast", "-g", "50", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "64k"];
/// Told the rate of the picture, ffmpeg puts it into BANDWIDTH.
const RATE: [&str; 2] = ["-b:v", "400k"];

fn of(report: &Report, severity: Severity) -> BTreeSet<&'static str> {
    report.findings.iter().filter(|f| f.rule.severity == severity).map(|f| f.rule.id).collect()
}

/// What every plain static server is told.
const SERVER: [&str; 3] = ["media-not-cached", "no-cors", "range-ignored"];

async fn vod(kind: &str, rate: &[&str]) -> Report {
    presentation(kind, &[rate, &["-hls_flags", "independent_segments"]].concat(), "top.m3u8").await
}

/// A VOD of four segments, made in a way of its own.
async fn presentation(kind: &str, how: &[&str], path: &str) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (segments, list) = (at(if kind == "fmp4" { "%d.m4s" } else { "%d.ts" }), at("media.m3u8"));
    let hls = ["-t", "8", "-f", "hls", "-hls_time", "2", "-hls_playlist_type", "vod", "-master_pl_name", "top.m3u8"];
    let to = ["-hls_segment_type", kind, "-hls_segment_filename", &segments, &list];
    let to = if how.contains(&"independent_segments+single_file") { vec![to[0], to[1], to[4]] } else { to.to_vec() };
    ffmpeg(&[&INPUT[..], &CODE, &hls, how, &to].concat());
    let url = format!("{}/{path}", files(folder.path()).await);
    verify::check(&args(url, 1)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn vod_of_ffmpeg_is_read_whole() {
    for kind in ["fmp4", "mpegts"] {
        let report = vod(kind, &RATE).await;
        assert_eq!(report.checked.segments, 4, "{kind}:\n{}", report.text());
        assert_eq!(of(&report, Severity::Error), BTreeSet::new(), "{kind}:\n{}", report.text());
        let mut warned = of(&report, Severity::Warning);
        for known in SERVER {
            assert!(warned.remove(known), "{kind}: {known} in\n{}", report.text());
        }
        assert!(warned.remove("stream-attributes"), "{kind}:\n{}", report.text());
        // Its playlists may be too short to be worth compressing.
        warned.remove("no-gzip");
        assert_eq!(warned, BTreeSet::new(), "{kind}:\n{}", report.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_keys_redirects_and_h265_are_read() {
    let flags = ["-hls_flags", "independent_segments"];
    let ranges = [&RATE[..], &["-hls_flags", "independent_segments+single_file"]].concat();
    let keys = [&RATE[..], &flags, &["-hls_enc", "1", "-hls_enc_key", "0123456789abcdef"]].concat();
    // In an open GOP pictures of the segment before follow the key frame: EXTINF is then not what the samples last.
    let x265 = ["-c:v", "libx265", "-x265-params", "log-level=none:open-gop=0", "-tag:v", "hvc1"];
    let h265 = [&RATE[..], &flags, &x265].concat();
    let plain = [&RATE[..], &flags].concat();
    for (what, kind, how, path, read) in [
        ("byte ranges", "fmp4", &ranges, "top.m3u8", 4),
        ("byte ranges", "mpegts", &ranges, "top.m3u8", 4),
        ("redirects", "mpegts", &plain, "moved/top.m3u8", 4),
        ("H.265", "fmp4", &h265, "top.m3u8", 4),
        ("encryption", "mpegts", &keys, "top.m3u8", 0),
    ] {
        let report = presentation(kind, how, path).await;
        assert_eq!(of(&report, Severity::Error), BTreeSet::new(), "{what}, {kind}:\n{}", report.text());
        assert_eq!(report.checked.segments, read, "{what}, {kind}:\n{}", report.text());
        // What is encrypted is said to be unchecked, and nothing else is.
        let closed = report.unchecked.iter().any(|what| what.starts_with("encrypted segments (AES-128)"));
        assert_eq!(closed, what == "encryption", "{what}, {kind}:\n{}", report.text());
    }
}

/// Without the rate it writes a BANDWIDTH of the sound alone: players choose a variant that does not fit their link.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_rate_ffmpeg_does_not_know_its_bandwidth() {
    let report = vod("mpegts", &[]).await;
    assert_eq!(of(&report, Severity::Error), BTreeSet::from(["bandwidth-low"]), "{}", report.text());
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn live_of_ffmpeg_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("live.m3u8");
    let segments = folder.path().join("%d.ts");
    let hls = ["-f", "hls", "-hls_time", "2", "-hls_list_size", "5"];
    let how = ["-hls_flags", "program_date_time+independent_segments+temp_file", "-hls_segment_filename"];
    let mut command = Command::new("ffmpeg");
    command
        .args(["-v", "error", "-nostdin", "-re"])
        .args(&INPUT[..4])
        .args(["-re"])
        .args(&INPUT[4..])
        .args(CODE)
        .args(RATE);
    let _live = Ended(command.args(hls).args(how).arg(&segments).arg(&list).spawn().unwrap());
    let start = Instant::now();
    while std::fs::read_to_string(&list).map_or(0, |text| text.matches("#EXTINF").count()) < 4 {
        assert!(start.elapsed() < Duration::from_secs(60), "ffmpeg writes segments");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let url = format!("{}/live.m3u8", files(folder.path()).await);
    let report = verify::check(&args(url, 7)).await.unwrap();
    assert!(report.checked.segments >= 5, "{}", report.text());
    assert_eq!(of(&report, Severity::Error), BTreeSet::new(), "{}", report.text());
    let warned = of(&report, Severity::Warning);
    assert!(SERVER.iter().all(|known| warned.contains(known)), "{}", report.text());
}
