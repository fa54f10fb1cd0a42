//! `multiview`: all angles in one picture, through the whole server.

use serde_json::{Value, json};
use std::process::Command;
use test_media::strip::Strip;

use crate::server::{Server, resolve, until};

const WIDTH: usize = 640;
const HEIGHT: usize = 360;
/// A tile of two a side; the line between them is two pixels wide.
const TILE: (usize, usize) = (WIDTH / 2 - 2, HEIGHT / 2 - 2);

const CONFIG: &str = r#"
[venue]
name = "S"
fps = "25"
preset = "ultrafast"
[[camera]]
id = "main"
source = "demo://0"
rungs = [{ height = 234, kbps = 500 }]
[[camera]]
id = "north"
source = "demo://1"
bearing = 90
rungs = [{ height = 234, kbps = 500 }]
"#;
const MULTIVIEW: &str = r#"
[[camera]]
id = "multiview"
name = "All"
source = "multiview://auto"
rungs = [{ height = 360, kbps = 3000 }, { height = 234, kbps = 800 }]
"#;
const THIRD: &str = r#"
[[camera]]
id = "opposite"
source = "demo://2"
bearing = 180
rungs = [{ height = 234, kbps = 500 }]
"#;

const LIST: &str = "/live/multiview/360p/plain.m3u8";

/// The header and the segments of the mosaic that are no gaps, as they are listed.
fn listed(server: &Server) -> Option<(String, Vec<String>)> {
    let list = server.get(LIST);
    let text = (list.status == 200).then(|| list.text().to_owned())?;
    let map = text.lines().find_map(|l| l.strip_prefix("#EXT-X-MAP:URI=\"")?.split('"').next())?.to_owned();
    let mut gap = false;
    let mut all = Vec::new();
    for line in text.lines() {
        gap |= line == "#EXT-X-GAP";
        if line.ends_with(".m4s") && !std::mem::take(&mut gap) {
            all.push(line.to_owned());
        }
    }
    Some((map, all))
}

/// What the tiles show in each picture of the newest segments, in order; `None` where there is no strip.
fn tiles(server: &Server, segments: usize) -> Vec<[Option<Strip>; 4]> {
    let (map, all) = until("segments of the mosaic", || listed(server).filter(|(_, all)| all.len() > segments));
    let path = LIST;
    let mut film = server.get(&resolve(path, &map)).body;
    all[all.len() - segments..].iter().for_each(|segment| film.extend(server.get(&resolve(path, segment)).body));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), film).unwrap();
    let run = Command::new("ffmpeg")
        .args(["-v", "error", "-i", file.path().to_str().unwrap()])
        .args(["-vsync", "passthrough", "-vf", "extractplanes=y", "-f", "rawvideo", "-"])
        .output()
        .expect("ffmpeg (apt package ffmpeg)");
    assert!(run.status.success() && run.stderr.is_empty(), "{}", String::from_utf8_lossy(&run.stderr));
    let tile = |picture: &[u8], place: usize| {
        let corner = place / 2 * (HEIGHT / 2) * WIDTH + place % 2 * (WIDTH / 2);
        Strip::read(&picture[corner..], TILE.0, TILE.1, WIDTH)
    };
    run.stdout.chunks_exact(WIDTH * HEIGHT).map(|picture| [0, 1, 2, 3].map(|place| tile(picture, place))).collect()
}

fn multiview(server: &Server) -> Option<Value> {
    let cameras = server.get("/api/v1/cameras").json();
    cameras["items"].as_array().unwrap().iter().find(|camera| camera["id"] == "multiview").cloned()
}

#[test]
fn the_mosaic_is_a_camera_that_follows_the_others() {
    let server = Server::serve(CONFIG);
    server.wait_for_media(2);
    assert_eq!(multiview(&server), None, "off unless it is asked for");

    // On, while it runs.
    server.edit(|text| text + MULTIVIEW);
    let camera = until("the mosaic", || multiview(&server).filter(|camera| camera["state"] == "live"));
    assert_eq!(camera["tiles"], json!({"side": 2, "cameras": ["main", "north"]}));
    assert_eq!((&camera["name"], &camera["bearing"], &camera["offset_ms"]), (&"All".into(), &Value::Null, &400.into()));
    until("the mosaic on the air", || listed(&server));
    for list in ["/live/index.m3u8", "/live/player.m3u8", "/live/plain.m3u8"] {
        // What was answered within the last second may still be said.
        until(list, || server.get(list).text().contains("multiview/234p/").then_some(()));
    }
    assert!(server.get("/live/player.m3u8").text().contains("multiview/360p/"));
    let native = server.get("/live/index.m3u8").text().to_owned();
    assert!(!native.contains("360p"), "no quality that only the mosaic has: {native}");

    // In every picture both tiles show the same slot, the one after the picture before.
    let shown = tiles(&server, 2);
    assert_eq!(shown.len(), 50);
    let both: Vec<[u32; 2]> =
        shown.iter().map(|t| [&t[0], &t[1]].map(|s| s.as_ref().expect("a strip").frame)).collect();
    assert!(both.iter().all(|[one, other]| one == other), "in step: {both:?}");
    assert!(both.windows(2).all(|w| w[1][0] == w[0][0] + 1), "one after the other: {both:?}");

    // A replay has it when it is asked for, and only then.
    let mark = server.crew("POST", "/api/v1/marks", &json!({"kind": "goal", "before": 1, "after": 0})).json();
    let replay = |angles: Value| {
        let body = json!({"mark": mark["id"], "publish": true, "angles": angles});
        let answer = server.crew("POST", "/api/v1/highlights", &body);
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        answer.json()["urls"]["angles"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(replay(Value::Null), ["main", "north"]);
    assert_eq!(replay(json!(["multiview"])), ["multiview"]);

    // One camera more, one paused: by the file and by the API.
    server.edit(|text| text + THIRD);
    until("the third's tile", || (multiview(&server)?["tiles"]["cameras"][2] == "opposite").then_some(()));
    let paused = server.crew("POST", "/api/v1/cameras/north/pause", &Value::Null);
    assert_eq!(paused.status, 200);
    let after = until("three tiles, one of them without a picture", || {
        let shown = tiles(&server, 1);
        let [one, two, three, four] = shown.last()?;
        (one.is_some() && two.is_none() && three.is_some() && four.is_none()).then_some(shown)
    });
    let seen: Vec<u8> = after.last().unwrap().iter().flatten().map(|strip| strip.camera).collect();
    assert_eq!(seen, [0, 2], "each in its place");
    for strips in &after {
        let frames: Vec<u32> = strips.iter().flatten().map(|strip| strip.frame).collect();
        assert!(frames.windows(2).all(|w| w[0] == w[1]), "in step: {frames:?}");
    }

    // Off again; nobody else lost anything, nor did the mosaic while it was on.
    let list = server.get(&LIST.replace("plain", "dvr")).text().to_owned();
    let (_, since) = list.rsplit_once("#EXT-X-GAP\n").unwrap_or(("", &list));
    assert!(since.matches("#EXTINF").count() > 2, "no gap since it came: {list}");
    assert_eq!(server.crew("DELETE", "/api/v1/cameras/multiview", &Value::Null).status, 204);
    assert_eq!(multiview(&server), None);
    let main = server.get("/live/main/234p/dvr.m3u8").text().to_owned();
    assert!(!main.contains("EXT-X-GAP"), "{main}");
}
