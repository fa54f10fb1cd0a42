//! A camera that something befalls: its sender, the network between, and what must hold of its timelines.

use std::{
    net::{SocketAddr, UdpSocket},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use test_media::relay::{Conditions, Relay};

use super::{
    lists::Segment,
    pictures::{breaks, read, utc_ms},
    publisher::Publisher,
    stage::{Camera, Clip, Stage},
};
use crate::server::until;

/// How a camera is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It sends MPEG-TS over UDP.
    Udp,
    /// It calls us over SRT.
    Listener,
    /// We call it over SRT.
    Caller,
    /// We ask it over RTSP, all in one TCP connection.
    Rtsp,
}

#[derive(Clone, Copy)]
pub struct Ports {
    /// Where we listen, when we do.
    ours: u16,
    /// Where the network begins, when we call.
    network: u16,
    /// Where the sender listens, when it does.
    sender: u16,
}

/// A port that is free, for UDP and TCP, and that no outgoing connection is given meanwhile: those have higher ones.
pub fn port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let place = NEXT.fetch_add(1, Relaxed).wrapping_add(std::process::id().wrapping_mul(97));
        let port = u16::try_from(20_000 + place % 12_000).unwrap();
        if UdpSocket::bind(("127.0.0.1", port)).is_ok() && std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn local(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

impl Ports {
    pub fn new() -> Self {
        Self { ours: port(), network: port(), sender: port() }
    }
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Listener => "srt-listener",
            Self::Caller => "srt-caller",
            Self::Rtsp => "rtsp",
        }
    }

    /// The camera's `source`.
    pub fn source(self, ports: Ports) -> String {
        match self {
            Self::Udp => format!("udp://127.0.0.1:{}", ports.ours),
            Self::Listener => format!("srt://127.0.0.1:{}?mode=listener&latency=250", ports.ours),
            Self::Caller => format!("srt://127.0.0.1:{}?latency=250", ports.network),
            Self::Rtsp => format!("rtsp://127.0.0.1:{}/cam", ports.network),
        }
    }
}

pub struct Scene<'a> {
    pub stage: &'a Stage,
    pub camera: &'a Camera,
    pub network: Relay,
    sender: Option<Publisher>,
    seed: u64,
}

impl<'a> Scene<'a> {
    pub fn new(stage: &'a Stage, camera: &'a Camera) -> Self {
        let seed = camera.id.bytes().fold(1_122, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
        let network = match camera.kind {
            Kind::Udp | Kind::Listener => Relay::udp(local(0), local(camera.ports.ours), seed),
            Kind::Caller => Relay::udp(local(camera.ports.network), local(camera.ports.sender), seed),
            Kind::Rtsp => Relay::tcp(local(camera.ports.network), local(camera.ports.sender), seed),
        };
        Self { stage, camera, network: network.unwrap(), sender: None, seed }
    }

    /// The sender begins, or another one takes its place. `more` are options of ffmpeg before its output; an RTSP server has
    /// a picture of its own.
    pub fn send(&mut self, clip: Clip, more: &[&str]) {
        self.sender = None;
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let listen = self.network.address().port();
        let target = match self.camera.kind {
            Kind::Udp => format!("udp://127.0.0.1:{listen}?pkt_size=1316"),
            Kind::Listener => format!("srt://127.0.0.1:{listen}?mode=caller&latency=250000"),
            Kind::Caller => format!("srt://127.0.0.1:{}?mode=listener&latency=250000", self.camera.ports.sender),
            Kind::Rtsp => {
                let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../capture/tests/inputs/rtsp-server.py");
                let args = vec![script.to_owned(), self.camera.ports.sender.to_string(), "h264".to_owned()];
                self.sender = Some(Publisher::start("/usr/bin/python3", "python3-gi", args));
                return;
            }
        };
        let mut args = words("-v fatal -re -stream_loop -1 -i");
        args.push(self.stage.clip(clip).to_str().unwrap().to_owned());
        args.extend(words("-c copy"));
        args.extend(more.iter().map(|word| (*word).to_owned()));
        args.extend(words("-f mpegts"));
        args.push(target);
        self.sender = Some(Publisher::start("ffmpeg", "ffmpeg", args));
    }

    /// The sender is killed: no farewell is said.
    pub fn kill(&mut self) {
        self.sender = None;
    }

    /// A sender of the usual clip, and three seconds of it.
    pub fn begin(&mut self) {
        self.send(Clip::Match, &[]);
        self.goes_on(3);
    }

    pub fn set(&self, change: impl FnOnce(&mut Conditions)) {
        let mut conditions = Conditions::default();
        change(&mut conditions);
        self.network.set(conditions);
    }

    /// Waits until as many more segments have come, of the rung and the source; the camera is live then.
    pub fn goes_on(&self, segments: usize) {
        for rendition in ["180p", "source"] {
            let newest = self.real(rendition).last().map_or(0, |s| s.msn);
            self.until(&format!("{segments} segments of {rendition} after {newest}"), || {
                let fresh = self.real(rendition).iter().filter(|s| s.msn > newest).count();
                (fresh >= segments).then_some(())
            });
        }
        self.until("live", || (self.state().0 == "live").then_some(()));
    }

    pub fn rung(&self) -> Vec<Segment> {
        self.stage.segments(&self.camera.id, "180p")
    }

    /// The segments of which something was received.
    pub fn real(&self, rendition: &str) -> Vec<Segment> {
        let mut segments = self.stage.segments(&self.camera.id, rendition);
        segments.retain(|segment| !segment.gap);
        segments
    }

    pub fn state(&self) -> (String, String) {
        self.stage.server.state(&self.camera.id)
    }

    /// The camera is said to be lost, for one of these reasons.
    pub fn lost(&self, why: &[&str]) {
        self.until(&format!("lost, because of one of {why:?}"), || {
            let (state, message) = self.state();
            (state == "lost" && why.iter().any(|why| message.contains(why))).then_some(())
        });
    }

    /// Waits, and says what there is instead when it does not come.
    pub fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let started = std::time::Instant::now();
        until(&format!("{}: {what}", self.camera.id), || {
            let found = look();
            if found.is_none() && started.elapsed().as_secs() >= 55 {
                panic!("{}: waited for {what}; {:?}; {:?}", self.camera.id, self.state(), self.network.counts());
            }
            found
        })
    }

    /// The number of the newest segment of the rung: what comes after it is looked at.
    pub fn newest(&self) -> u64 {
        self.rung().last().map_or(0, |segment| segment.msn)
    }

    /// The moment at which the source is there again, as the network or the sender's socket shows it.
    pub fn returns(&mut self, again: impl FnOnce(&mut Self)) -> i64 {
        let before = self.network.counts().sent;
        again(self);
        let listens = matches!(self.camera.kind, Kind::Caller | Kind::Rtsp);
        self.until("the source's return", || {
            let there = if listens { bound(self.camera.ports.sender) } else { self.network.counts().sent > before };
            there.then(utc_ms)
        })
    }

    /// The first whole segment begins within 3 s of the source's return, and the second that the grid needs.
    pub fn back(&self, returned: i64) {
        let first = self.until("a segment after the return", || {
            self.real("180p").into_iter().find(|segment| segment.starts >= returned)
        });
        let after = first.starts - returned;
        assert!(after <= 4_000, "{}: the first segment begins {after} ms after the source's return", self.camera.id);
        self.goes_on(2);
    }

    /// Since segment `from`, nothing of the rung is lost.
    pub fn no_gap_since(&self, from: u64) {
        let lost: Vec<u64> = self.rung().iter().filter(|s| s.msn >= from && s.gap).map(|s| s.msn).collect();
        assert!(lost.is_empty(), "{}: lost since {from}: {lost:?}", self.camera.id);
    }

    /// Since segment `from`, every frame of the clip is there once and in order.
    pub fn every_frame_since(&self, from: u64) {
        self.no_gap_since(from);
        let segments: Vec<Segment> = self.rung().into_iter().filter(|s| s.msn >= from).collect();
        let strips = read(&self.stage.server, &segments);
        let breaks = breaks(&strips);
        assert!(breaks.is_empty(), "{}: of {} frames: {breaks:?}", self.camera.id, strips.len());
    }

    /// What holds whatever has happened: numbers and time go on, a rung's header is one, and nobody's timeline is shorter.
    pub fn laws(&self) {
        let id = &self.camera.id;
        let rung = self.rung();
        assert!(rung.windows(2).all(|w| w[1].msn == w[0].msn + 1), "{id}: a number is missing in the rung");
        assert!(rung.windows(2).all(|w| w[1].starts == w[0].starts + 1_000), "{id}: the rung's time is uneven");
        assert!(rung.iter().all(|s| !s.broken && s.map == rung[0].map && s.length == 1_000), "{id}: {rung:?}");
        let source = self.stage.segments(id, "source");
        assert!(source.windows(2).all(|w| w[1].msn == w[0].msn + 1), "{id}: a number is missing in the source");
        assert!(
            source.windows(2).all(|w| (w[1].starts - w[0].starts - w[0].length).abs() <= 100),
            "{id}: the source's time is uneven: {source:?}"
        );
    }

    /// A number that is the same in every run.
    pub fn seed(&self) -> u64 {
        self.seed
    }
}

/// Whether a program of this machine has bound a port of 127.0.0.1 or of all addresses.
fn bound(port: u16) -> bool {
    let local = format!(":{port:04X}");
    ["udp", "tcp", "udp6", "tcp6"].iter().any(|table| {
        let table = std::fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default();
        table.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).any(|address| address.ends_with(&local))
    })
}
