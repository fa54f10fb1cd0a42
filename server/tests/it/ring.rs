//! The ring: what is older than it is gone from playlists, addresses and disk, but for what replays keep.

use std::path::Path;

use crate::{
    players::plays_whole,
    server::{Server, faketime, resolve, until},
};

const DVR: &str = "/live/main/90p/dvr.m3u8";

/// A camera and a sound with the shortest ring there may be.
const CONFIG: &str = "[venue]\nname = \"Stade\"\nfps = \"25\"\nring = \"1m\"\n\
    [[camera]]\nid = \"main\"\nsource = \"demo://0\"\nrungs = [{ height = 90, kbps = 100 }]\n\
    [[audio]]\nid = \"ambient\"\nsource = \"demo://crowd\"\n";

/// The addresses of a playlist's header and of its segments that are no gaps.
fn media(server: &Server, list: &str) -> Vec<String> {
    let answer = server.get(list);
    assert_eq!(answer.status, 200, "{list}: {}", answer.text());
    let (mut found, mut gap) = (Vec::new(), false);
    for line in answer.text().lines() {
        gap |= line == "#EXT-X-GAP";
        if let Some(header) = line.strip_prefix("#EXT-X-MAP:URI=\"") {
            found.push(resolve(list, header.split('"').next().unwrap()));
        } else if !line.starts_with('#') && !std::mem::take(&mut gap) {
            found.push(resolve(list, line));
        }
    }
    found
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).map(|entries| entries.flatten().collect()).unwrap_or_else(|_| Vec::new());
    entries.iter().map(|entry| entry.file_name().into_string().unwrap()).collect()
}

/// The server is stopped, and started again when it is so much later than now: media time is UTC's while it is away.
fn later(mut server: Server, seconds: u32) -> Server {
    server.kill();
    let later = Server::serve_in_with(server.folder(), &faketime(&[("FAKETIME", format!("+{seconds}s"))]));
    later.wait_for_media(1);
    later
}

#[test]
fn what_is_older_than_the_ring_is_gone_and_what_a_replay_needs_is_not() {
    let server = Server::serve(CONFIG);
    server.wait_for_media(7);
    let highlight = server.publish(&server.mark(2.5, 0.0));
    let id = highlight["id"].as_str().unwrap();
    let lists = ["main/90p", "audio/ambient"].map(|track| format!("/highlights/{id}/v1/{track}/index.m3u8"));
    let [replay, sound] = until("the end of the replay", || {
        let lists = [&lists[0], &lists[1]].map(|list| server.get(list));
        lists.iter().all(|list| list.text().contains("ENDLIST")).then_some(lists)
    });
    let kept: Vec<String> = lists.iter().flat_map(|list| media(&server, list)).collect();
    // Replays keep a segment more than they play at either end.
    let listed = media(&server, DVR).into_iter().filter(|address| address.ends_with(".m4s"));
    let before: Vec<String> = listed.take_while(|address| !kept.contains(address)).collect();
    let free = &before[..before.len() - 1];
    assert!(free.len() > 1 && kept.len() > 5, "{free:?}; {kept:?}");
    let bytes = |server: &Server, addresses: &[String]| -> Vec<Vec<u8>> {
        let fetch = |address: &String| {
            let answer = server.get(address);
            assert_eq!(answer.status, 200, "{address}: {}", String::from_utf8_lossy(&answer.body));
            answer.body
        };
        addresses.iter().map(fetch).collect()
    };
    let (kept_bytes, free_bytes) = (bytes(&server, &kept), bytes(&server, free));

    // Still in the ring.
    let server = later(server, 40);
    assert!(free.iter().all(|address| media(&server, DVR).contains(address)), "{}", server.get(DVR).text());
    assert_eq!(bytes(&server, free), free_bytes);

    // Older than the ring, and than the half minute for which the disk keeps what no playlist lists any more.
    let server = later(server, 110);
    let listed = media(&server, DVR);
    assert!(free.iter().chain(&kept).all(|address| !listed.contains(address)), "{listed:?}");
    for address in free {
        until("the end of media older than the ring", || (server.get(address).status == 404).then_some(()));
        server.get(address).problem(404);
    }
    let of_first_run = |place: &str, track: &str| -> usize {
        files(&server.data().join(place).join(track)).iter().filter(|name| name.starts_with("1-")).count()
    };
    for track in ["main/90p", "audio/ambient"] {
        until("the end of old files", || (of_first_run("ring", track) == 0).then_some(()));
        assert_eq!(of_first_run("archive", track), 1, "{track}: the replay's stretch");
    }
    assert_eq!(bytes(&server, &kept), kept_bytes, "the same media at the same addresses");
    assert_eq!([&lists[0], &lists[1]].map(|list| server.get(list).body), [replay.body, sound.body]);
    let seconds = kept.iter().filter(|at| at.starts_with("/media/main/") && at.ends_with(".m4s")).count();
    plays_whole(&format!("{}{}", server.url, lists[0]), seconds as f64, 25.0);
}
