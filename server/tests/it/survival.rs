//! `kill -9` at any moment: what was acknowledged is there, and media sequence never falls.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::json;
use tempfile::TempDir;

use crate::server::{Server, until};

/// The first and the newest media sequence number of every rendition of every camera, and of the sound.
fn sequences(server: &Server) -> BTreeMap<String, (u64, u64)> {
    let top = server.get("/live/plain.m3u8").text().to_owned();
    let groups = top.lines().filter_map(|l| l.strip_prefix("#EXT-X-MEDIA:")?.split_once("URI=\"")?.1.split('"').next());
    let streams = top.lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
    groups
        .chain(streams)
        .map(|name| {
            let answer = server.get(&format!("/live/{name}"));
            assert_eq!(answer.status, 200, "{name}: {}", answer.text());
            let list = answer.text();
            let first = list.lines().find_map(|l| l.strip_prefix("#EXT-X-MEDIA-SEQUENCE:")).unwrap();
            let newest = list.lines().rfind(|l| l.ends_with(".m4s")).and_then(|l| l.rsplit('/').next()).unwrap();
            (name.to_owned(), (first.parse().unwrap(), newest.trim_end_matches(".m4s").parse().unwrap()))
        })
        .collect()
}

/// Whether every rendition that was there has gone on; none may have gone back.
fn have_grown(now: &BTreeMap<String, (u64, u64)>, before: &BTreeMap<String, (u64, u64)>) -> bool {
    before.iter().all(|(name, then)| {
        let Some(now) = now.get(name) else { return false };
        assert!(now.0 >= then.0 && now.1 >= then.1, "{name}: media sequence never falls: {now:?} after {then:?}");
        now.1 > then.1
    })
}

#[test]
fn what_the_crew_was_told_is_saved_survives_kill_9() {
    let rounds = if std::env::var_os("VIRAGE_FULL").is_some() { 30 } else { 3 };
    let folder = Arc::new(TempDir::new().unwrap());
    let mut known: Vec<(String, String)> = Vec::new();
    let mut highest = BTreeMap::new();
    for round in 0..rounds {
        let mut server = Server::demo_in(folder.clone());
        server.wait_for_media(2);
        until("the media sequence goes on in every rendition", || {
            have_grown(&sequences(&server), &highest).then_some(())
        });
        // Every rendition was torn elsewhere; all are of one length, and so is a replay over the kill.
        crate::verify::is_clean(format!("{}/live/dvr.m3u8", server.url));
        if let Some((id, _)) = known.last() {
            crate::verify::is_clean(format!("{}/highlights/{id}/index.m3u8", server.url));
        }
        for (id, body) in &known {
            let answer = server.get(&format!("/api/v1/highlights/{id}"));
            assert_eq!(answer.status, 200, "{id} of an earlier run: {}", answer.text());
            assert_eq!(&answer.json()["in"].to_string(), body, "its times are what they were");
            let list = server.get(&format!("/highlights/{id}/v1/main/234p/index.m3u8"));
            assert!(list.text().contains("#EXT-X-ENDLIST"), "{}", list.text());
            // A mark may reach back to before its run: what was not recorded then is a gap, and all else is there.
            let mut lines = list.text().lines();
            while let Some(line) = lines.next() {
                if line == "#EXT-X-GAP" {
                    lines.find(|l| l.ends_with(".m4s"));
                } else if line.ends_with(".m4s") {
                    let media = line.replace("../../../../..", "");
                    assert_eq!(server.get(&media).status, 200, "{media}: {}", list.text());
                }
            }
        }
        // The crew goes on marking until the process is gone.
        let stop = AtomicBool::new(false);
        let (url, token) = (server.url.clone(), server.token.clone());
        let mut made = std::thread::scope(|scope| {
            let crew = scope.spawn(|| {
                let mut made = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let post = |path: &str, body: serde_json::Value| {
                        let sent =
                            ureq::post(format!("{url}{path}")).header("authorization", format!("Bearer {token}"));
                        sent.send(body.to_string()).ok()?.into_body().read_to_string().ok()
                    };
                    let Some(mark) = post("/api/v1/marks", json!({"kind": "goal", "before": 1, "after": 0})) else {
                        break;
                    };
                    let mark: serde_json::Value = serde_json::from_str(&mark).unwrap();
                    let body = json!({"mark": mark["id"], "publish": true});
                    let Some(highlight) = post("/api/v1/highlights", body) else { break };
                    let highlight: serde_json::Value = serde_json::from_str(&highlight).unwrap();
                    made.push((highlight["id"].as_str().unwrap().to_owned(), highlight["in"].to_string()));
                }
                made
            });
            // Some way into a segment, elsewhere each time.
            let part = round % 5;
            let text = server.get("/live/main/234p/index.m3u8").text().to_owned();
            let msn: u64 = text
                .lines()
                .rfind(|l| l.ends_with(".m4s") && !l.starts_with('#'))
                .unwrap()
                .rsplit('/')
                .next()
                .unwrap()
                .trim_end_matches(".m4s")
                .parse()
                .unwrap();
            server.get(&format!("/live/main/234p/index.m3u8?_HLS_msn={}&_HLS_part={part}", msn + 2));
            highest = sequences(&server);
            assert!(highest.len() > 2 && highest.keys().any(|name| name.starts_with("audio")), "{highest:?}");
            server.kill();
            stop.store(true, Ordering::Relaxed);
            crew.join().unwrap()
        });
        assert!(!made.is_empty());
        // The newest last: it reaches into the second in which the process ended.
        known.extend(made.split_off(made.len().saturating_sub(5)));
    }
}
