//! What may not be reached, and what refuses us: one clear line each, from real peers.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use capture::{Camera, LimitError, Limits, Output, Source, State};

use crate::{
    clock, config, grid,
    protocols::{check, everything},
    publisher::{Publisher, port},
    recorder::{Log, Recorder},
    start, start_with_sound,
};

/// Only this network may be reached.
fn limited(address: &str, network: &str) -> Result<Source, LimitError> {
    let limits = Limits::new(&[], vec![network.parse().expect("a network")]).expect("limits");
    Source::parse(address).expect("a source").limited(&Arc::new(limits))
}

fn start_limited(id: &str, address: &str, network: &str) -> (Camera, Arc<Recorder>) {
    let recorder = Recorder::new();
    let source = limited(address, network).expect("an address that may be right");
    (Camera::start(config(id), source, clock(), recorder.clone()).expect("a camera"), recorder)
}

/// Waits for a loss whose sentence contains `text`, and shows no password.
fn lost(recorder: &Recorder, text: &str) {
    let says = |log: &Log| log.states.iter().any(|(s, _)| matches!(s, State::Lost { why } if why.contains(text)));
    let log = recorder.wait(text, 20, says);
    assert!(!format!("{:?}", log.states).contains("horse"), "{:?}", log.states);
    assert_eq!(log.count(Output::Rung(0)), 0);
}

/// Starts every case, then waits for what is said of each.
fn all_lost(cases: &[(&str, String, &str)]) {
    let cameras: Vec<_> = cases.iter().map(|(id, address, _)| start(config(id), address)).collect();
    cameras.iter().zip(cases).for_each(|((_, recorder), (_, _, says))| lost(recorder, says));
}

#[test]
fn a_wrong_srt_passphrase_is_said() {
    // A listener speaks with one caller at a time.
    let (one, other) = (port(), port());
    let listen = |port: u16| {
        let target = format!("srt://127.0.0.1:{port}?mode=listener&passphrase=correct-horse&pbkeylen=16");
        Publisher::ffmpeg(&["-f", "mpegts", &target])
    };
    let _publishers = [listen(one), listen(other)];
    let none = "the passphrase is wrong: the sender has one and this source has none";
    all_lost(&[
        (
            "srt-wrong",
            format!("srt://127.0.0.1:{one}?passphrase=wrong-horse-1"),
            "the passphrase is wrong: the sender has another",
        ),
        ("srt-none", format!("srt://127.0.0.1:{other}"), none),
    ]);
}

#[test]
fn rtsp_by_digest_authentication() {
    let port = port();
    let _server = Publisher::rtsp_digest(port, "admin:correct-horse");
    let at = |user: &str, path: &str| format!("rtsp://{user}127.0.0.1:{port}/{path}");
    let (_right, right) = start_with_sound(everything("digest"), &at("admin:correct-horse@", "cam"));
    check(&right, true);
    all_lost(&[
        ("digest-wrong", at("admin:wrong-horse@", "cam"), "the camera refuses user and password"),
        ("digest-none", at("", "cam"), "the camera asks for user and password"),
        ("digest-path", at("admin:correct-horse@", "other"), "the camera has no stream at this path"),
    ]);
}

#[test]
fn an_absent_host_is_said() {
    let port = port();
    let (silent, no_name) = ("does not answer", "no address is known for the host nobody.invalid");
    let ndi = "NDI's runtime is not installed";
    let (_with_sound, card) = start_with_sound(config("no-card-sound"), "decklink://31?channels=16&connection=sdi");
    all_lost(&[
        ("no-rtsp", format!("rtsp://me:correct-horse@127.0.0.1:{port}/x"), silent),
        ("no-rtmp", format!("rtmp://127.0.0.1:{port}/live/horse"), silent),
        ("no-srt", format!("srt://127.0.0.1:{port}?passphrase=correct-horse"), silent),
        ("no-hls", format!("http://me:correct-horse@127.0.0.1:{port}/x.m3u8"), silent),
        ("no-name", "srt://nobody.invalid:1".into(), no_name),
        ("no-name-hls", "http://nobody.invalid/x.m3u8".into(), no_name),
        ("no-iface", "udp://239.1.2.3:5000?iface=nothere".into(), "this machine has no network interface nothere"),
        ("no-device", "v4l2:///dev/video63".into(), "this machine has no /dev/video63"),
        (
            "no-card",
            "decklink://0?mode=1080i50&connection=optical-sdi".into(),
            "there is no DeckLink input of this number",
        ),
        ("no-ndi", "ndi://TRUCK%20(1)".into(), ndi),
        ("no-ndi-at", "ndi://127.0.0.1:5961".into(), ndi),
    ]);
    lost(&card, "there is no DeckLink input of this number");
}

#[test]
fn a_port_that_somebody_has_is_said_and_nobody_loses_a_packet() {
    let sockets = || UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let (taken, live, mut even) = (sockets(), port(), sockets());
    while even.local_addr().expect("its address").port() % 2 == 1 {
        even = sockets();
    }
    let at = |socket: &UdpSocket| socket.local_addr().expect("its address").to_string();
    let (taken_at, even_at) = (at(&taken), at(&even));
    let has = |at: &str| format!("another program on this machine receives at {at}: give this source another port");
    all_lost(&[
        ("taken-udp", format!("udp://{taken_at}"), &has(&taken_at)),
        ("taken-rtp", format!("rtp://{even_at}"), &has(&even_at)),
        ("taken-rist", format!("rist://{even_at}"), &has(&even_at)),
        (
            "taken-srt",
            format!("srt://{taken_at}?mode=listener"),
            &format!("nothing can be received at {taken_at}: another"),
        ),
        ("not-ours", "udp://192.0.2.1:5000".into(), "192.0.2.1:5000 is no address of this machine"),
    ]);
    // A second one at a live camera's port: it used to take the live one's packets.
    let address = format!("udp://127.0.0.1:{live}");
    let (_first, first) = start(config("first"), &address);
    let _publisher = Publisher::ffmpeg(&["-f", "mpegts", &format!("{address}?pkt_size=1316")]);
    first.wait("the first one's pictures", 30, |log| log.count(Output::Rung(0)) > 25);
    let (_second, second) = start(config("second"), &address);
    lost(&second, &has(&format!("127.0.0.1:{live}")));
    let before = first.now().count(Output::Rung(0));
    let log = first.wait("two more seconds", 30, |log| log.count(Output::Rung(0)) > before + 50);
    assert_eq!((log.times_live(), log.check_rung(Output::Rung(0), grid()).len()), (1, 1), "without a hole");
}

#[test]
fn sources_that_are_stuck_end_together() {
    const STUCK: usize = 4;
    let silent = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = format!("http://{}/live.m3u8", address(&silent));
    let cameras: Vec<_> = (0..STUCK).map(|i| start(config(&format!("stuck-{i}")), &address).0).collect();
    // Each is in a request that is never answered.
    let callers: Vec<_> = (0..STUCK).map(|_| silent.accept().expect("a caller")).collect();
    let started = Instant::now();
    capture::stop(cameras, Vec::new());
    // One after the other took 2 s each.
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    drop(callers);
}

#[test]
fn a_name_that_leads_out_of_the_networks_is_not_called() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let port = listener.local_addr().expect("its address").port();
    let called = watch(listener);
    let schemes =
        ["rtsp://localhost:P/x", "rtmp://localhost:P/live/x", "http://localhost:P/x.m3u8", "srt://localhost:P"];
    let cameras = schemes.map(|scheme| start_limited("outside", &scheme.replace('P', &port.to_string()), "10.0.0.0/8"));
    cameras.iter().for_each(|(_, recorder)| lost(recorder, "is in none of the `networks` of [capture]"));
    assert!(!called.load(Ordering::Relaxed), "somebody was called");
}

#[test]
fn a_listener_takes_nobody_from_elsewhere() {
    let (srt, udp) = (port(), port());
    let (_one, by_srt) = start_limited("near-srt", &format!("srt://127.0.0.1:{srt}?mode=listener"), "10.0.0.0/8");
    let (_other, by_udp) = start_limited("near-udp", &format!("udp://127.0.0.1:{udp}"), "10.0.0.0/8");
    let (_inside, inside) = start_limited("near-in", &format!("udp://127.0.0.2:{udp}"), "127.0.0.0/8");
    let packets = |host: &str| format!("udp://{host}:{udp}?pkt_size=1316");
    let _publishers = [
        Publisher::ffmpeg(&["-f", "mpegts", &format!("srt://127.0.0.1:{srt}?mode=caller")]),
        Publisher::ffmpeg(&["-f", "mpegts", &packets("127.0.0.1")]),
        Publisher::ffmpeg(&["-f", "mpegts", &packets("127.0.0.2")]),
    ];
    inside.wait("three seconds of the one inside", 30, |log| log.count(Output::Rung(0)) > 75);
    assert_eq!(by_srt.now().count(Output::Rung(0)), 0);
    assert_eq!(by_udp.now().count(Output::Rung(0)), 0);
}

#[test]
fn a_listener_with_a_stream_id_takes_nobody_elses() {
    let listens = port();
    let (_camera, recorder) = start(config("id"), &format!("srt://127.0.0.1:{listens}?mode=listener&streamid=main"));
    let call = |id: &str| Publisher::ffmpeg(&["-f", "mpegts", &format!("srt://127.0.0.1:{listens}?streamid={id}")]);
    let mut other = call("other");
    // Refused, ffmpeg ends by itself.
    assert!(other.wait_within(Duration::from_secs(15)), "a caller that is refused goes on");
    assert!(!recorder.now().is_live());
    let _right = call("main");
    recorder.wait("pictures of the right one", 30, |log| log.count(Output::Rung(0)) > 25);
}

#[test]
fn rtsp_behind_the_networks_is_as_it_is_without() {
    let port = port();
    let _server = Publisher::rtsp(port, "h264");
    let cameras = ["tcp", "udp"].map(|transport| {
        let address = format!("rtsp://localhost:{port}/cam?transport={transport}");
        (transport, start_limited(&format!("relayed-{transport}"), &address, "127.0.0.0/8"))
    });
    for (transport, (_, recorder)) in &cameras {
        let log = recorder.wait("three seconds of pictures", 30, |log| log.count(Output::Rung(0)) > 75);
        assert_eq!(log.check_rung(Output::Rung(0), grid()).len(), 1, "{transport}: without a hole");
    }
}

#[test]
fn an_rtsp_redirect_is_not_followed_out_of_the_networks() {
    let listen = |host: &str| TcpListener::bind((host, 0)).expect("a socket");
    let (target, camera) = (listen("127.0.0.2"), listen("127.0.0.1"));
    let (to, from) = (address(&target), address(&camera));
    let called = watch(target);
    std::thread::spawn(move || camera.incoming().flatten().for_each(|client| redirect(&client, &to)));
    let (_camera, recorder) = start_limited("redirected", &format!("rtsp://{from}/x"), "127.0.0.1/32");
    lost(&recorder, "the camera sends its clients to rtsp://127.0.0.2");
    assert!(!called.load(Ordering::Relaxed), "the redirect was followed");
}

fn address(listener: &TcpListener) -> String {
    listener.local_addr().expect("its address").to_string()
}

/// Answers every RTSP request with a redirect.
fn redirect(client: &TcpStream, to: &str) {
    let mut reader = BufReader::new(client);
    let mut sequence = String::new();
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
        if let Some(number) = line.strip_prefix("CSeq:") {
            sequence = number.trim().to_owned();
        }
        if line.trim().is_empty() {
            let answer = format!(
                "RTSP/1.0 302 Moved Temporarily\r\nCSeq: {sequence}\r\nLocation: rtsp://me:correct-horse@{to}/user=a&password=correct-horse/y?horse=1\r\n\r\n"
            );
            let mut client = client;
            let _ = client.write_all(answer.as_bytes());
        }
        line.clear();
    }
}

/// Whether anybody connects.
fn watch(listener: TcpListener) -> Arc<AtomicBool> {
    let called = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&called);
    std::thread::spawn(move || {
        if listener.accept().is_ok() {
            seen.store(true, Ordering::Relaxed);
        }
    });
    called
}
