//! `virage sync` against a running server: cameras that show the same at different delays.

use std::{
    io::Write,
    net::UdpSocket,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use serde_json::Value;
use test_media::strip::Strip;

use crate::{
    inputs::port,
    server::{Server, VIRAGE, end_with_us, until},
};

const WIDTH: usize = 320;
const HEIGHT: usize = 180;
/// How late the second camera of each pair is.
const LATE: u64 = 280;
/// A frame at 25 a second, in milliseconds.
const FRAME: i64 = 40;

/// What a pair of cameras shows.
#[derive(Clone, Copy, PartialEq)]
enum Show {
    Strip,
    /// A stadium that a flash lights, at no regular times.
    Flash,
    /// Nothing that moves.
    Still,
}

impl Show {
    fn draw(self, frame: u64, picture: &mut [u8]) {
        let luma = &mut picture[..WIDTH * HEIGHT];
        let flash = self == Show::Flash && [3, 40, 61, 118].contains(&(frame % 150));
        luma.fill(if flash { 200 } else { 90 });
        if self == Show::Strip {
            let strip = Strip { camera: 1, frame: 0, utc_ms: 1_000_000 + frame * 40 };
            strip.draw(luma, WIDTH, HEIGHT, WIDTH);
        }
    }
}

/// ffmpeg sending a show with bursts of noise, in real time, to a port.
fn publish(show: Show, port: u16) -> Child {
    let size = format!("{WIDTH}x{HEIGHT}");
    // Bursts at no regular times: a speaker's syllables.
    let noise = "aevalsrc=exprs='0.5*random(0)*gt(sin(7*t)*sin(3.1*t*t),0.3)':s=48000";
    let target = format!("udp://127.0.0.1:{port}?pkt_size=1316");
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", &size, "-r", "25", "-i", "-"])
        .args(["-re", "-f", "lavfi", "-i", noise, "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"])
        .args(["-threads", "1", "-g", "25", "-c:a", "aac", "-ac", "2", "-muxdelay", "0", "-f", "mpegts", &target])
        .stdin(Stdio::piped())
        .spawn()
        .expect("ffmpeg (apt package ffmpeg)");
    let mut pipe = child.stdin.take().unwrap();
    std::thread::spawn(move || {
        let (started, mut picture) = (Instant::now(), vec![128; WIDTH * HEIGHT * 3 / 2]);
        for frame in 0_u64.. {
            std::thread::sleep(Duration::from_millis(40 * frame).saturating_sub(started.elapsed()));
            show.draw(frame, &mut picture);
            if pipe.write_all(&picture).is_err() {
                return;
            }
        }
    });
    end_with_us(child.id());
    child
}

/// Passes on what comes to a port: at once to one, late to the others. Returns the port.
fn relay(near: u16, far: Vec<u16>) -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (port, sender) = (socket.local_addr().unwrap().port(), socket.try_clone().unwrap());
    let (later, due) = mpsc::channel::<(Instant, Vec<u8>)>();
    std::thread::spawn(move || {
        let mut packet = [0; 2_048];
        while let Ok(length) = socket.recv(&mut packet) {
            let _ = socket.send_to(&packet[..length], ("127.0.0.1", near));
            let _ = later.send((Instant::now() + Duration::from_millis(LATE), packet[..length].to_vec()));
        }
    });
    std::thread::spawn(move || {
        for (at, packet) in due {
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            for port in &far {
                let _ = sender.send_to(&packet, ("127.0.0.1", *port));
            }
        }
    });
    port
}

fn sync(server: &Server, args: &[&str]) -> (Value, Option<i32>) {
    let run = Command::new(VIRAGE).args(["sync", "--url", &server.url, "--json"]).args(args).output().unwrap();
    let text = String::from_utf8(run.stdout).unwrap();
    let read = serde_json::from_str(&text);
    (read.unwrap_or_else(|e| panic!("{e}: {text}{}", String::from_utf8_lossy(&run.stderr))), run.status.code())
}

fn of<'a>(report: &'a Value, camera: &str) -> &'a Value {
    report["cameras"].as_array().unwrap().iter().find(|line| line["camera"] == camera).unwrap()
}

fn proposes(line: &Value, by: &str) {
    assert_eq!(line["by"], by, "{line}");
    let proposed = line["proposed_ms"].as_i64().unwrap_or_else(|| panic!("{line}"));
    assert!((proposed - i64::try_from(LATE).unwrap()).abs() <= FRAME, "{line}");
}

#[test]
fn a_late_camera_is_measured_by_strip_flash_and_electrical_sound_and_never_by_a_microphone() {
    let names = ["strip-near", "strip-far", "flash-near", "flash-far", "still-near", "still-far", "still-mic"];
    let ports = names.map(|_| port());
    let mut config = "[venue]\nname = \"Stade\"\nfps = \"25\"\npreset = \"ultrafast\"\n".to_owned();
    for (place, (name, port)) in names.iter().zip(ports).enumerate() {
        config += &format!(
            "[[camera]]\nid = {name:?} # {place}\nsource = \"udp://127.0.0.1:{port}\"\nbearing = {place}\n\
             rungs = [{{ height = 180, kbps = 400 }}]\n"
        );
    }
    for (sound, group) in [("still-near", "programme"), ("still-far", "programme"), ("still-mic", "")] {
        config += &format!("[[audio]]\nid = {sound:?}\ncamera = {sound:?}\n");
        if !group.is_empty() {
            config += &format!("group = {group:?}\n");
        }
    }
    let server = Server::serve(&config);
    let shows = [(Show::Strip, 0, 1..2), (Show::Flash, 2, 3..4), (Show::Still, 4, 5..7)];
    let _publishers = Publishers(
        shows.into_iter().map(|(show, near, far)| publish(show, relay(ports[near], ports[far].to_vec()))).collect(),
    );
    until("fifteen seconds of every camera", || {
        let enough = |name: &str| {
            let list = server.get(&format!("/live/{name}/180p/dvr.m3u8"));
            list.status == 200 && list.text().matches("#EXTINF").count() > 15
        };
        names.iter().all(|name| enough(name)).then_some(())
    });

    let (report, _) = sync(&server, &["--reference", "strip-near", "--seconds", "10"]);
    proposes(of(&report, "strip-far"), "strip");
    assert_eq!(of(&report, "still-far")["by"], Value::Null, "nothing in common: {report}");

    let (report, _) = sync(&server, &["--reference", "flash-near", "--seconds", "10"]);
    proposes(of(&report, "flash-far"), "flash");

    let (report, code) = sync(&server, &["--reference", "still-near", "--seconds", "10"]);
    proposes(of(&report, "still-far"), "sound");
    let mic = of(&report, "still-mic");
    assert_eq!((&mic["by"], &mic["proposed_ms"]), (&Value::Null, &Value::Null), "{mic}");
    let heard = mic["acoustic_ms"].as_f64().unwrap_or_else(|| panic!("{mic}"));
    assert!((heard - LATE as f64).abs() < 60.0, "{mic}");
    assert_eq!(code, Some(1), "not every camera could be measured");
    assert!(report["cameras"].as_array().unwrap().iter().all(|line| line["written"] == false), "{report}");

    // Written when it is told to, into the file, and nothing else in it is touched.
    let token = server.data().join("crew.token");
    let file = server.data().parent().unwrap().join("virage.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    let write = ["--reference", "strip-near", "--seconds", "10", "--write", "--token-file", token.to_str().unwrap()];
    let (report, _) = sync(&server, &write);
    let line = of(&report, "strip-far");
    assert_eq!(line["written"], true, "{line}");
    let after = std::fs::read_to_string(&file).unwrap();
    let written: Vec<&str> = after.lines().filter(|line| !before.lines().any(|known| known == *line)).collect();
    assert_eq!(written, [format!("offset_ms = {}", line["proposed_ms"])], "{after}");
    assert!(before.lines().all(|line| after.lines().any(|kept| kept == line)), "{after}");
    until("the offset is in use", || {
        let cameras = server.get("/api/v1/cameras").json();
        let camera = cameras["items"].as_array()?.iter().find(|camera| camera["id"] == "strip-far")?.clone();
        (camera["offset_ms"] == line["proposed_ms"]).then_some(())
    });
}

struct Publishers(Vec<Child>);

impl Drop for Publishers {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn what_sync_cannot_do_it_says() {
    let server = crate::server::shared();
    let refused = |args: &[&str]| {
        let run = Command::new(VIRAGE).arg("sync").args(args).output().unwrap();
        assert_eq!(run.status.code(), Some(2), "{args:?}");
        String::from_utf8(run.stderr).unwrap()
    };
    assert!(refused(&["--url", "ftp://here"]).contains("--url"));
    assert!(refused(&["--url", "http://127.0.0.1:1"]).contains("127.0.0.1:1"));
    assert!(refused(&["--url", &server.url, "--write"]).contains("--token-file"));
    let known = refused(&["--url", &server.url, "--reference", "nobody"]);
    assert!(known.contains("nobody") && known.contains("main"), "{known}");
}
