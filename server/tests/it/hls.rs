//! LL-HLS over the wire: held reloads at every boundary, hints, caching, gzip, ranges.

use std::time::{Duration, Instant};

use crate::{
    http,
    server::{Server, first_uri, resolve, shared},
};

const LIVE: &str = "/live/main/234p/index.m3u8";

fn attribute<'a>(line: &'a str, name: &str) -> &'a str {
    let at = line.find(name).unwrap_or_else(|| panic!("{name} in {line}")) + name.len() + 1;
    line[at..].trim_start_matches('"').split(['"', ',']).next().unwrap()
}

/// The number and place of the hinted part.
fn hint(text: &str) -> (u64, u32, String) {
    let line = text.lines().find(|l| l.starts_with("#EXT-X-PRELOAD-HINT")).unwrap();
    let uri = attribute(line, "URI");
    let mut name = uri.rsplit('/').next().unwrap().split('.');
    (name.next().unwrap().parse().unwrap(), name.next().unwrap().parse().unwrap(), uri.to_owned())
}

fn held(server: &Server, query: &str) -> http::Answer {
    server.get(&format!("{LIVE}?{query}"))
}

#[test]
fn reloads_are_held_until_what_was_asked_for_is_there() {
    let server = shared();
    let (msn, part, _) = hint(server.get(LIVE).text());
    // Ahead: held, and the answer has it.
    for ahead in 0..8 {
        let (msn, part) = (msn + u64::from((part + ahead) / 5), (part + ahead) % 5);
        let answer = held(server, &format!("_HLS_msn={msn}&_HLS_part={part}"));
        assert_eq!(answer.status, 200);
        assert!(answer.text().contains(&format!("/{msn}.{part}.m4s\"")), "{msn}.{part} in {}", answer.text());
        assert_eq!(answer.header("cache-control"), "public, max-age=6");
    }
    let (msn, ..) = hint(server.get(LIVE).text());
    let whole = held(server, &format!("_HLS_msn={msn}"));
    assert!(whole.text().contains(&format!("/{msn}.m4s\n")), "a whole segment: {}", whole.text());
    // Past the segment's end: part 0 of the next.
    let next = held(server, &format!("_HLS_msn={}&_HLS_part=5", msn + 1));
    assert!(next.text().contains(&format!("/{}.0.m4s\"", msn + 2)), "{}", next.text());
    // Already there: at once, with the current playlist.
    let before = hint(server.get(LIVE).text());
    let past = held(server, "_HLS_msn=0&_HLS_part=0");
    let after = hint(server.get(LIVE).text());
    assert_eq!(past.status, 200);
    let now = hint(past.text());
    assert!(before <= now && now <= after, "{before:?}, {now:?}, {after:?}: {}", past.text());
    for (query, says) in [
        ("_HLS_msn=99999999", "beyond"),
        ("_HLS_part=1", "_HLS_msn"),
        ("_HLS_msn=abc", "number"),
        ("_HLS_msn=-1", "number"),
        ("_HLS_msn=1&_HLS_part=x", "number"),
        ("_HLS_msn=99999999999999999999999", "number"),
    ] {
        let start = Instant::now();
        let problem = held(server, query).problem(400);
        assert!(problem["detail"].as_str().unwrap().contains(says), "{query}: {problem}");
        assert!(start.elapsed() < Duration::from_secs(3), "a wrong request is answered at once");
    }
}

#[test]
fn a_hint_is_kept_and_nothing_else_is_promised() {
    let server = shared();
    for _ in 0..6 {
        let (msn, part, uri) = hint(server.get(LIVE).text());
        let answer = server.get(&resolve(LIVE, &uri));
        assert_eq!(answer.status, 200, "{msn}.{part}");
        assert_eq!(&answer.body[4..8], b"moof");
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
    }
    let (msn, part, uri) = hint(server.get(LIVE).text());
    let base = resolve(LIVE, &uri);
    let folder = base.rsplit_once('/').unwrap().0;
    for name in [
        format!("{}.0.m4s", msn + 5),
        format!("{msn}.{}.m4s", part + 3),
        format!("{}.m4s", msn + 1),
        "0".into(),
        "init-7.mp4".into(),
    ] {
        let answer = server.get(&format!("{folder}/{name}"));
        answer.problem(404);
        assert_eq!(answer.header("cache-control"), "max-age=1");
    }
}

#[test]
fn a_segment_is_its_parts_and_ranges_are_its_bytes() {
    let server = shared();
    let text = server.get(LIVE).text().to_owned();
    let whole: Vec<&str> = text.lines().filter(|l| !l.starts_with('#') && !l.is_empty()).collect();
    let uri = whole[whole.len() - 2];
    let segment = server.get(&resolve(LIVE, uri));
    let parts: Vec<u8> =
        (0..5).flat_map(|i| server.get(&resolve(LIVE, &uri.replace(".m4s", &format!(".{i}.m4s")))).body).collect();
    assert!(segment.body == parts);
    let url = format!("{}{}", server.url, resolve(LIVE, uri));
    let range = |value: &str| http::get_with(&url, &[("range", value)]);
    let length = segment.body.len();
    let some = range("bytes=10-19");
    assert_eq!((some.status, some.header("content-range")), (206, format!("bytes 10-19/{length}").as_str()));
    assert!(some.body == segment.body[10..20]);
    assert!(range("bytes=-7").body == segment.body[length - 7..]);
    assert_eq!(range("bytes=99999999-").status, 416);
    let many: String = (0..5000).map(|i| format!("{i}-{i},")).collect();
    assert_eq!(range(&format!("bytes={}0-1", &many[..7000])).status, 200);
}

#[test]
fn playlists_are_gzipped_and_uris_are_relative() {
    let server = shared();
    let addresses = [
        "/live/index.m3u8",
        "/live/player.m3u8",
        "/live/plain.m3u8",
        "/live/main/index.m3u8",
        LIVE,
        "/live/main/234p/plain.m3u8",
        "/live/main/234p/dvr.m3u8",
        "/live/audio/ambient/index.m3u8",
    ];
    for path in addresses {
        let url = format!("{}{path}", server.url);
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\naccept-encoding: gzip\r\nconnection: close\r\n\r\n");
        assert!(http::raw(server.address(), request.as_bytes()).contains(" 200 "), "{path}");
        let plain = http::get_with(&url, &[("accept-encoding", "identity")]);
        assert_eq!(plain.header("content-encoding"), "");
        assert_eq!(plain.header("content-type"), "application/vnd.apple.mpegurl");
        assert_eq!(plain.header("vary"), "accept-encoding");
        for uri in plain.text().lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
            assert!(!uri.starts_with('/') && !uri.contains("://"), "{path}: {uri}");
            assert_eq!(server.get(&resolve(path, uri)).status, 200, "{path}: {uri}");
        }
    }
    let list = server.get("/live/index.m3u8");
    assert_eq!(first_uri(list.text()), "main/234p/index.m3u8");
}

#[test]
fn a_silent_client_is_closed_and_disturbs_nobody() {
    use std::io::{Read, Write};
    let server = shared();
    let mut silent = std::net::TcpStream::connect(server.address()).unwrap();
    let mut dripping = std::net::TcpStream::connect(server.address()).unwrap();
    dripping.write_all(b"PRI * HT").unwrap();
    let mut half = std::net::TcpStream::connect(server.address()).unwrap();
    half.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\nx-slow: ").unwrap();
    assert_eq!(server.get("/livez").status, 200);
    for stream in [&mut silent, &mut dripping, &mut half] {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut buffer = [0; 512];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => break,
                // A 408 before the end is fine.
                Ok(_) => {}
                Err(error) => {
                    assert!(error.kind() != std::io::ErrorKind::WouldBlock, "closed within 20 s");
                    break;
                }
            }
        }
    }
}
