//! What sources may reach, changed while they run: who reaches what is allowed is not disturbed.

use serde_json::Value;

use crate::{
    inputs::{port, run},
    metrics::of_camera,
    server::{Server, end_with_us, until},
};

const CAMERAS: [&str; 3] = ["packets", "caller", "asked"];

/// A moving picture to somewhere, at its own pace.
fn publish(target: &str) -> u32 {
    let picture = ["-v", "fatal", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-c:v", "libx264"];
    let coding =
        ["-preset", "ultrafast", "-tune", "zerolatency", "-g", "25", "-pix_fmt", "yuv420p", "-f", "mpegts", target];
    let id = run("ffmpeg", "ffmpeg", &[&picture[..], &coding].concat()).id();
    end_with_us(id);
    id
}

/// A camera's state and its sentence, as the crew sees them.
fn state(server: &Server, id: &str) -> (String, String) {
    let camera = server.crew("GET", &format!("/api/v1/cameras/{id}"), &Value::Null).json();
    let said = |field: &str| camera[field].as_str().unwrap_or_default().to_owned();
    (said("state"), said("message"))
}

/// Real segments and gaps.
fn counts(server: &Server, id: &str) -> (usize, usize) {
    let list = server.get(&format!("/live/{id}/source/dvr.m3u8")).text().to_owned();
    let of = |tag: &str| list.matches(tag).count();
    (of("#EXTINF") - of("#EXT-X-GAP"), of("#EXT-X-GAP"))
}

#[test]
fn other_networks_disturb_nobody_who_is_in_them_and_lose_who_is_not() {
    let [packets, caller, asked] = [port(), port(), port()];
    let sources = [
        format!("udp://127.0.0.1:{packets}"),
        format!("srt://127.0.0.1:{caller}?mode=listener"),
        format!("rtsp://localhost:{asked}/cam?transport=udp"),
    ];
    let cameras: String = CAMERAS
        .iter()
        .zip(&sources)
        .map(|(id, source)| format!("[[camera]]\nid = {id:?}\nsource = {source:?}\n"))
        .collect();
    let capture = "[capture]\nnetworks = [\"127.0.0.0/8\", \"::1/128\"]\n";
    let server = Server::serve(&format!("[venue]\nname = \"Stade\"\nfps = \"25\"\n{capture}{cameras}"));
    publish(&format!("udp://127.0.0.1:{packets}?pkt_size=1316"));
    publish(&format!("srt://127.0.0.1:{caller}?mode=caller"));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../capture/tests/inputs/rtsp-server.py");
    end_with_us(run("/usr/bin/python3", "python3", &[script, &asked.to_string(), "h264"]).id());
    let live = |real: usize| {
        for id in CAMERAS {
            until(&format!("{id} is live"), || {
                (state(&server, id).0 == "live" && counts(&server, id).0 > real).then_some(())
            });
        }
    };
    live(1);
    let connections = || CAMERAS.map(|id| of_camera(&server, "virage_camera_connections_total", id));
    let (before, known) = (CAMERAS.map(|id| counts(&server, id)), connections());

    let edit = |networks: &str, name: &str| {
        server.edit(|text| {
            let line = |line: &str| match line.split_once(" = ") {
                Some(("networks", _)) => format!("networks = {networks}\n"),
                Some(("name", _)) => format!("name = {name:?}\n"),
                _ => format!("{line}\n"),
            };
            text.lines().map(line).collect()
        });
        until(name, || (server.get("/api/v1/venue").json()["name"] == name).then_some(()));
    };
    edit("[\"127.0.0.0/8\", \"::1/128\", \"10.0.0.0/8\"]", "Wider");
    live(before.iter().map(|(real, _)| real + 2).max().unwrap());
    assert_eq!(connections(), known, "nobody was called anew");
    for (id, (_, gaps)) in CAMERAS.iter().zip(before) {
        assert_eq!(counts(&server, id).1, gaps, "{id} lost nothing");
    }

    edit("[\"10.0.0.0/8\"]", "Elsewhere");
    for (id, says) in [
        ("packets", "nothing has come for 2 s"),
        ("caller", "127.0.0.1 is in none of the `networks` of [capture]"),
        ("asked", "is in none of the `networks` of [capture]"),
    ] {
        until(&format!("{id} is lost: {says}"), || {
            let (state, why) = state(&server, id);
            (state == "lost" && why.contains(says)).then_some(())
        });
    }
}
