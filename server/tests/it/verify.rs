//! Our own streams under our own linter: nothing is found, over TLS and in cleartext, live and of a replay.

use ::verify::{Args, Report};

use crate::server::{shared, until};

pub fn look(url: String, seconds: u64) -> Report {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let args = Args { url, seconds, json: false, strict: true, insecure: true, ca: None, renditions: 16, segments: 20 };
    runtime.block_on(::verify::check(&args)).unwrap()
}

pub fn is_clean(url: String) -> Report {
    let report = look(url, 4);
    assert!(report.findings.is_empty(), "{}", report.text());
    report
}

#[test]
fn live_is_clean() {
    let server = shared();
    for path in ["/live/index.m3u8", "/live/player.m3u8", "/live/main/index.m3u8"] {
        for base in [&server.secure, &server.url] {
            let report = is_clean(format!("{base}{path}"));
            assert!(report.checked.parts > 30 && report.checked.probes > 10, "{path}: {:?}", report.checked);
        }
    }
    for path in ["/live/plain.m3u8", "/live/dvr.m3u8", "/live/main/plain.m3u8"] {
        let report = is_clean(format!("{}{path}", server.url));
        assert!(report.checked.segments > 6, "{path}: {:?}", report.checked);
    }
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
            let report = is_clean(format!("{base}/highlights/{id}/{file}"));
            assert!(report.checked.segments > 6, "{file}: {:?}", report.checked);
        }
    }
}
