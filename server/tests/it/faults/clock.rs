//! The system's clock is wrong, and is set while the server runs.

use std::path::PathBuf;

use super::{
    lists::{hint, segments},
    pictures::{breaks, live, read},
    scene::port,
};
use crate::server::{Server, end_with_us, until};

const PATH: &str = "/live/main/180p/index.m3u8";

/// The library that sets a process's clock by a file, and leaves its monotonic clock alone.
fn faketime() -> String {
    let folders = std::fs::read_dir("/usr/lib").unwrap().flatten();
    let library = |folder: std::fs::DirEntry| folder.path().join("faketime/libfaketimeMT.so.1");
    let found: Option<PathBuf> = folders.map(library).find(|path| path.exists());
    found.expect("libfaketimeMT.so.1: apt package faketime").to_str().unwrap().to_owned()
}

#[test]
fn a_clock_that_is_stepped_by_an_hour_moves_neither_parts_nor_their_dates() {
    let folder = tempfile::TempDir::new().unwrap();
    let (clock, port) = (folder.path().join("clock"), port());
    let step = |offset: &str| std::fs::write(&clock, format!("{offset}\n")).unwrap();
    step("+0");
    let set = [
        ("LD_PRELOAD", faketime()),
        ("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap().to_owned()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ];
    let camera = format!(
        "[[camera]]\nid = \"main\"\nsource = \"udp://127.0.0.1:{port}\"\nrungs = [{{ height = 180, kbps = 400 }}]\n"
    );
    let venue = "[venue]\nname = \"Stade\"\nfps = \"25\"\npreset = \"ultrafast\"\n";
    let server = Server::serve_with(&format!("{venue}{camera}"), &set);
    let mut sender = live(&format!("udp://127.0.0.1:{port}?pkt_size=1316"));
    end_with_us(sender.id());
    let list = || {
        let list = server.get(PATH);
        if list.status == 200 { segments(PATH, list.text()) } else { Vec::new() }
    };
    let first = until("four segments", || (list().len() > 3).then(|| list().last().unwrap().msn));
    // A mark's time is the system's: it shows that the clock is really another one.
    let created = || server.mark(1.0, 0.0)["created"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
    let before = created();
    for (offset, seconds) in [("+1h", 3_600), ("-1h", -3_600)] {
        step(offset);
        let shift = created() - before - seconds;
        assert!((0..120).contains(&shift), "the clock was stepped: {shift} s");
        // Three seconds of parts, each asked for before it exists.
        let mut next = hint(server.get(PATH).text());
        for _ in 0..15 {
            let answer = server.get(&format!("{PATH}?_HLS_msn={}&_HLS_part={}", next.0, next.1));
            assert_eq!(answer.status, 200, "{}", answer.text());
            let after = hint(answer.text());
            assert!(after > next, "the answer holds what was asked for");
            next = after;
        }
    }
    let all: Vec<_> = list().into_iter().filter(|s| s.msn >= first).collect();
    assert!(all.iter().all(|s| !s.gap && !s.broken), "{all:?}");
    assert!(all.windows(2).all(|w| w[1].msn == w[0].msn + 1 && w[1].starts == w[0].starts + 1_000), "{all:?}");
    let breaks = breaks(&read(&server, &all));
    assert!(breaks.is_empty(), "{breaks:?}");
    let _ = sender.kill();
    let _ = sender.wait();
}
