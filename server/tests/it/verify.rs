//! Our own streams under our own linter: nothing is found, over TLS and in cleartext, live, while a camera pauses, and of a
//! replay; and what was not checked is what cannot be.

use std::thread;

use ::verify::{Args, Report};
use serde_json::Value;

use crate::server::{Server, shared, until};

/// The mean of what goes on cannot be known.
const LIVE: &str = "AVERAGE-BANDWIDTH: only part";
/// What half a minute tells, and a few seconds may not.
const SHORT: [&str; 4] = [
    LIVE,
    "whether BANDWIDTH is far too high",
    "whether a segment's last part is announced in time",
    "whether segments come in time",
];
/// In cleartext there is no HTTP/2 to be seen.
const CLEARTEXT: &str = "HTTP/2 for low latency";

pub fn look(url: String, seconds: u64) -> Report {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let args = Args { url, seconds, json: false, strict: true, insecure: true, ca: None, renditions: 16, segments: 20 };
    runtime.block_on(::verify::check(&args)).unwrap()
}

pub fn is_clean(url: String) -> Report {
    found_nothing(look(url, 4))
}

fn found_nothing(report: Report) -> Report {
    assert!(report.findings.is_empty(), "{}", report.text());
    report
}

/// Nothing is found, and nothing but this is left unchecked.
fn is_checked(url: String, seconds: u64, unchecked: &[&str]) -> Report {
    let report = found_nothing(look(url, seconds));
    let allowed = |what: &&String| unchecked.iter().any(|allowed| what.starts_with(allowed));
    let more: Vec<&String> = report.unchecked.iter().filter(|what| !allowed(what)).collect();
    assert!(more.is_empty(), "not checked: {more:#?}\n{}", report.text());
    report
}

#[test]
fn live_is_clean() {
    let server = shared();
    // Half a minute says whether BANDWIDTH is honest; the others are looked at meanwhile.
    let long = thread::spawn(|| is_checked(format!("{}/live/main/index.m3u8", server.secure), 30, &[LIVE]));
    server.wait_for_media(9);
    for path in ["/live/index.m3u8", "/live/player.m3u8", "/live/main/index.m3u8"] {
        for (base, more) in [(&server.secure, &[][..]), (&server.url, &[CLEARTEXT][..])] {
            let report = is_checked(format!("{base}{path}"), 4, &[&SHORT[..], more].concat());
            assert!(report.checked.parts > 30 && report.checked.probes > 10, "{path}: {:?}", report.checked);
        }
    }
    for path in ["/live/plain.m3u8", "/live/dvr.m3u8", "/live/main/plain.m3u8"] {
        let report = is_checked(format!("{}{path}", server.url), 4, &SHORT);
        assert!(report.checked.segments > 6, "{path}: {:?}", report.checked);
    }
    let long = long.join().unwrap();
    assert!(long.checked.parts > 200, "{:?}", long.checked);
}

const CONFIG: &str = r#"
[venue]
name = "S"
fps = "25"
preset = "ultrafast"
[[camera]]
id = "main"
source = "demo://0"
rungs = [{ height = 180, kbps = 400 }, { height = 90, kbps = 150 }]
[[camera]]
id = "north"
source = "demo://1"
rungs = [{ height = 180, kbps = 400 }, { height = 90, kbps = 150 }]
"#;

/// A hinted part does not come when its camera is paused, and the segment becomes a gap: all by the book, for who watches
/// the pause, who comes meanwhile, and who watches it end.
#[test]
fn a_paused_camera_is_clean() {
    let server = Server::serve(CONFIG);
    server.wait_for_media(4);
    let list = || server.get("/live/north/180p/index.m3u8").text().to_owned();
    let watch = |path: &'static str, seconds| {
        let url = format!("{}{path}", server.url);
        thread::spawn(move || look(url, seconds))
    };
    let gaps = || list().matches("#EXT-X-GAP").count();
    let set = |what: &str| {
        let answer = server.crew("POST", &format!("/api/v1/cameras/north/{what}"), &Value::Null);
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    let segments = || list().matches("#EXTINF").count();
    let (before, since) = (segments(), gaps());
    let pausing = [watch("/live/north/index.m3u8", 6), watch("/live/index.m3u8", 6)];
    until("a segment more", || (segments() > before + 1).then_some(()));
    set("pause");
    until("gaps", || (gaps() > since + 1).then_some(()));
    let resuming = watch("/live/north/index.m3u8", 6);
    set("resume");
    for watching in pausing.into_iter().chain([resuming]) {
        found_nothing(watching.join().unwrap());
    }
    assert!(gaps() > since, "{}", list());
}

#[test]
fn a_replay_is_clean() {
    let server = shared();
    let highlight = server.publish(&server.mark(2.5, 0.5));
    let id = highlight["id"].as_str().unwrap();
    until("the end of the replay", || {
        let ended = |path: &str| {
            let list = server.get(&format!("/highlights/{id}/v1/{path}/index.m3u8"));
            list.status == 200 && list.text().contains("ENDLIST")
        };
        (ended("main/234p") && ended("audio/ambient")).then_some(())
    });
    for base in [&server.secure, &server.url] {
        for file in ["index.m3u8", "player.m3u8"] {
            let report = is_checked(format!("{base}/highlights/{id}/{file}"), 4, &SHORT[1..2]);
            assert!(report.checked.segments > 6, "{file}: {:?}", report.checked);
        }
    }
}
