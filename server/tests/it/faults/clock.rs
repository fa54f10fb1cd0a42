//! The system's clock is wrong, and is set while the server runs.

use std::{
    net::UdpSocket,
    path::Path,
    process::{Child, Command, Stdio},
};

use super::{
    lists::{hint, segments},
    pictures::{breaks, live, read},
    scene::port,
};
use crate::server::{Server, end_with_us, faketime, until};

const PATH: &str = "/live/main/180p/index.m3u8";

/// Shows a program a system clock that is off by what stands in a file.
fn set_by(file: &Path) -> Vec<(&'static str, String)> {
    let file = file.to_str().unwrap().to_owned();
    faketime(&[("FAKETIME_TIMESTAMP_FILE", file), ("FAKETIME_NO_CACHE", "1".to_owned())])
}

#[test]
fn a_clock_that_is_stepped_by_an_hour_moves_neither_parts_nor_their_dates() {
    let folder = tempfile::TempDir::new().unwrap();
    let (clock, port) = (folder.path().join("clock"), port());
    let step = |offset: &str| std::fs::write(&clock, format!("{offset}\n")).unwrap();
    step("+0");
    let camera = format!(
        "[[camera]]\nid = \"main\"\nsource = \"udp://127.0.0.1:{port}\"\nrungs = [{{ height = 180, kbps = 400 }}]\n"
    );
    let venue = "[venue]\nname = \"Stade\"\nfps = \"25\"\npreset = \"ultrafast\"\n";
    let server = Server::serve_with(&format!("{venue}{camera}"), &set_by(&clock));
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

/// chronyd on a port of its own, its clock off by what stands in a file.
fn time_server(folder: &Path, port: u16, clock: &Path) -> Child {
    let (config, pid) = (folder.join("chrony.conf"), folder.join("chronyd.pid"));
    let served = format!("port {port}\nbindaddress 127.0.0.1\nallow 127.0.0.1\nlocal stratum 1\n");
    let alone = format!("cmdport 0\nbindcmdaddress /\npidfile {}\n", pid.display());
    std::fs::write(&config, served + &alone).unwrap();
    // -x -U: it sets no clock, and needs no rights.
    let server = Command::new("/usr/sbin/chronyd")
        .args(["-d", "-x", "-U", "-u", "root", "-f", config.to_str().unwrap()])
        .envs(set_by(clock))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("chronyd (apt package chrony)");
    end_with_us(server.id());
    // It answers once it is up: a client's request (RFC 5905, 7.3: version 4, mode 3).
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_millis(100))).unwrap();
    until("an answer from chronyd", || {
        let mut packet = [0; 48];
        packet[0] = 0x23;
        socket.send_to(&packet, ("127.0.0.1", port)).ok()?;
        socket.recv(&mut packet).ok()
    });
    server
}

/// A server of a camera that is always there, following a clock.
fn following(clock: &str) -> Server {
    let capture = format!("[capture]\nclock = {clock:?}\n");
    let camera = "[[camera]]\nid = \"main\"\nsource = \"demo://0\"\nrungs = [{ height = 180, kbps = 400 }]\n";
    Server::serve(&format!("[venue]\nname = \"Stade\"\nfps = \"25\"\npreset = \"ultrafast\"\n{capture}{camera}"))
}

/// The state of what tells UTC, and how many seconds it is ahead of the system's clock.
fn told(server: &Server) -> (String, i64) {
    let venue = server.get("/api/v1/venue").json();
    let clock = &venue["clock"];
    let seconds = (clock["ahead_ms"].as_f64().unwrap() / 1e3).round() as i64;
    (clock["state"].as_str().unwrap().to_owned(), seconds)
}

#[test]
fn an_ntp_server_that_is_stepped_and_ends_tells_utc_and_moves_nothing_on_air() {
    let folder = tempfile::TempDir::new().unwrap();
    let (clock, port) = (folder.path().join("clock"), port());
    std::fs::write(&clock, "+3600s\n").unwrap();
    let mut ntp = time_server(folder.path(), port, &clock);
    let server = following(&format!("ntp://127.0.0.1:{port}"));
    let list = || {
        let list = server.get(PATH);
        if list.status == 200 { segments(PATH, list.text()) } else { Vec::new() }
    };
    let first = until("two segments", || (list().len() > 1).then(|| list().last().unwrap().msn));
    assert_eq!(told(&server), ("in step".into(), 3_600));
    let now: jiff::Timestamp = server.get("/api/v1/venue").json()["now"].as_str().unwrap().parse().unwrap();
    let ahead = now.as_second() - jiff::Timestamp::now().as_second();
    assert!((3_580..=3_601).contains(&ahead), "PROGRAM-DATE-TIME begins where it says: {ahead} s");
    std::fs::write(&clock, "-3600s\n").unwrap();
    until("the step", || (told(&server) == ("in step".into(), -3_600)).then_some(()));
    ntp.kill().unwrap();
    ntp.wait().unwrap();
    until("its silence", || (told(&server) == ("lost".into(), -3_600)).then_some(()));
    let metrics = server.get("/metrics");
    assert!(metrics.text().contains(&format!("virage_clock_in_step{{clock=\"ntp://127.0.0.1:{port}\"}} 0")));
    let newest = list().last().unwrap().msn;
    let all: Vec<_> = until("a segment after it", || {
        let all = list();
        (all.last()?.msn > newest + 1).then_some(all)
    });
    let all: Vec<_> = all.into_iter().filter(|s| s.msn >= first).collect();
    assert!(all.iter().all(|s| !s.gap && !s.broken), "{all:?}");
    assert!(all.windows(2).all(|w| w[1].msn == w[0].msn + 1 && w[1].starts == w[0].starts + 1_000), "{all:?}");
    for line in ["in step", "stepped by -7200", "UTC goes on by this machine"] {
        assert_eq!(server.log().matches(line).count(), 1, "{line}: {}", server.log());
    }
}

#[test]
fn a_clock_that_is_not_there_is_waited_for_while_live_goes_on() {
    let clock = format!("ntp://127.0.0.1:{}", port());
    let server = following(&clock);
    until("a segment", || (server.get(PATH).status == 200).then_some(()));
    assert_eq!(told(&server), ("waiting".into(), 0));
    assert!(server.log().contains("UTC is the system's until it is"), "{}", server.log());
}
