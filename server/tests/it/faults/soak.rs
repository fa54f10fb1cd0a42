//! Hours of faults, or a minute of them: memory, descriptors and threads stay, and cameras stay together, also across the end of
//! a clock of 33 bits.
//!
//! `make soak` runs it for hours (`SOAK=minutes`); without `VIRAGE_SOAK` it takes about a minute.

use std::{
    process::Child,
    time::{Duration, Instant},
};

use test_media::relay::{Conditions, Relay};

use super::{
    lists::{Segment, segments},
    pictures::{live_since, read},
    scene::port,
};
use crate::server::{Server, end_with_us, until};

/// A fault and the calm after it, in seconds of media.
const FAULT: u64 = 3;
const CALM: u64 = 6;
/// Where the senders' clocks begin: a quarter of a minute before their 33 bits are full.
const BEGIN: Duration = Duration::from_millis(95_443_717 - 15_000);
/// What memory may grow by after the first third: 15 MB, and 2 MB for every hour.
const SPARE_KB: f64 = 15_000.0;
const SLOPE_KB: f64 = 2_000.0;
/// What descriptors and threads may grow by: connections that are under way.
const SPARE: u64 = 4;

/// A camera, its sender, and the network between.
struct Line {
    id: &'static str,
    target: String,
    relay: Relay,
    sender: Child,
    epoch: Instant,
}

impl Line {
    fn start(id: &'static str, port: u16, epoch: Instant, seed: u64) -> Self {
        let local = |port| ([127, 0, 0, 1], port).into();
        let relay = Relay::udp(local(0), local(port), seed).unwrap();
        let network = relay.address().port();
        let target = match id {
            "srt" => format!("srt://127.0.0.1:{network}?latency=200000"),
            _ => format!("udp://127.0.0.1:{network}?pkt_size=1316"),
        };
        let sender = Self::sender(&target, epoch);
        Self { id, target, relay, sender, epoch }
    }

    fn sender(target: &str, epoch: Instant) -> Child {
        let sender = live_since(epoch, BEGIN, target);
        end_with_us(sender.id());
        sender
    }

    fn restart(&mut self) {
        let _ = self.sender.kill();
        let _ = self.sender.wait();
        self.sender = Self::sender(&self.target, self.epoch);
    }

    /// An encoder starts again when its connection has ended.
    fn look_after(&mut self) {
        if self.sender.try_wait().unwrap().is_some() {
            self.restart();
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let _ = self.sender.kill();
        let _ = self.sender.wait();
    }
}

/// What befalls a line for three seconds.
fn befall(line: &mut Line, which: u64, shift: &mut i64) -> &'static str {
    let mut bad = Conditions { clock_shift_ms: *shift, ..Conditions::default() };
    let name = match which % 9 {
        0 => {
            bad.loss = 0.02;
            "2 % lost"
        }
        1 => {
            bad.burst = 0.3;
            "bursts of 30 %"
        }
        2 => {
            (bad.delay, bad.jitter) = (Duration::from_millis(40), Duration::from_millis(40));
            "delay and jitter"
        }
        3 => {
            (bad.duplicate, bad.reorder) = (0.1, 0.02);
            "doubled, overtaken"
        }
        4 => {
            (bad.flip, bad.insert) = (0.05, 0.02);
            "garbage"
        }
        5 => {
            bad.freeze = true;
            "frozen"
        }
        6 => {
            bad.black_hole = true;
            "black hole"
        }
        7 => {
            *shift += if which & 16 == 0 { 10_000 } else { -10_000 };
            bad.clock_shift_ms = *shift;
            "clock jumps"
        }
        _ => {
            line.restart();
            "killed"
        }
    };
    line.relay.set(bad);
    name
}

/// Resident memory in kB, file descriptors and threads of a process.
fn usage(pid: u32) -> (f64, u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap()
    };
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() as u64;
    (number("VmRSS:") as f64, descriptors, number("Threads:"))
}

/// The slope of the straight line through these points.
fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let spread: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
    points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum::<f64>() / spread.max(f64::EPSILON)
}

fn list(server: &Server, id: &str) -> Vec<Segment> {
    let path = format!("/live/{id}/180p/dvr.m3u8");
    let list = server.get(&path);
    if list.status == 200 { segments(&path, list.text()) } else { Vec::new() }
}

/// How many frames each camera is ahead of the first, at the first frame of the newest segment that all of them have.
fn offsets(server: &Server, lines: &[Line]) -> Vec<i64> {
    let lists: Vec<Vec<Segment>> = lines.iter().map(|line| list(server, line.id)).collect();
    let there = |msn: u64| lists.iter().all(|list| list.iter().any(|s| s.msn == msn && !s.gap));
    let newest = lists[0].iter().rev().map(|s| s.msn).find(|msn| there(*msn));
    let newest = newest.expect("a segment that all cameras have");
    let frames: Vec<i64> = lists
        .iter()
        .map(|list| {
            let segment: Vec<Segment> = list.iter().filter(|s| s.msn == newest).cloned().collect();
            let strip = read(server, &segment)[0].expect("a strip");
            i64::from(strip.frame)
        })
        .collect();
    frames.iter().map(|frame| frame - frames[0]).collect()
}

#[test]
fn nothing_grows_and_no_camera_drifts_under_faults_that_never_end() {
    let minutes: Option<f64> =
        std::env::var("VIRAGE_SOAK").ok().map(|text| text.parse().expect("VIRAGE_SOAK in minutes"));
    let seed: u64 = std::env::var("VIRAGE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1_122);
    let rounds = minutes.map_or(6, |minutes| ((minutes * 60.0 / (FAULT + CALM) as f64) as u64).max(6));
    println!("{rounds} rounds of {} s, seed {seed} (VIRAGE_SEED)", FAULT + CALM);
    let ids = ["steady", "udp", "srt"];
    let ports = ids.map(|_| port());
    let camera = |(id, port): (&&str, &u16)| {
        let source = match *id {
            "srt" => format!("srt://127.0.0.1:{port}?mode=listener&latency=200"),
            _ => format!("udp://127.0.0.1:{port}"),
        };
        format!(
            "[[camera]]\nid = {id:?}\nsource = {source:?}\npassthrough = true\nrungs = [{{ height = 180, kbps = 400 }}]\n"
        )
    };
    let cameras: String = ids.iter().zip(&ports).map(camera).collect();
    let venue = "[venue]\nname = \"Stade\"\nfps = \"25\"\npreset = \"ultrafast\"\nring = \"1m\"\n";
    let server = Server::serve(&format!("{venue}{cameras}"));
    let epoch = Instant::now();
    let mut lines: Vec<Line> =
        ids.iter().zip(ports).zip(seed..).map(|((id, port), seed)| Line::start(id, port, epoch, seed)).collect();
    let newest = || list(&server, "steady").last().map_or(0, |s| s.msn);
    until("five segments of every camera", || ids.iter().all(|id| list(&server, id).len() > 5).then_some(()));
    let pass = |seconds: u64, lines: &mut [Line]| {
        let from = newest();
        until("media time passes", || {
            lines.iter_mut().for_each(Line::look_after);
            (newest() >= from + seconds).then_some(())
        });
    };
    let begun = newest();
    let basis = offsets(&server, &lines);
    let (mut random, mut shifts) = (seed, [0; 3]);
    let (mut memory, mut counts, mut drifted) = (Vec::new(), Vec::new(), Vec::new());
    println!(
        "media s | line | fault              | RSS MB | fds | threads | frames from the steady camera (at first {basis:?})"
    );
    for round in 0..rounds {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (victim, which) = (1 + (random >> 40) as usize % 2, random >> 48);
        let fault = befall(&mut lines[victim], which, &mut shifts[victim]);
        pass(FAULT, &mut lines);
        let calm = Conditions { clock_shift_ms: shifts[victim], ..Conditions::default() };
        lines[victim].relay.set(calm);
        pass(CALM, &mut lines);
        // Over SRT a sender may have to notice first that its connection is gone.
        let back = || list(&server, ids[victim]).iter().rev().take(2).all(|s| !s.gap);
        until("the camera is back", || {
            lines[victim].look_after();
            back().then_some(())
        });
        let (kb, descriptors, threads) = usage(server.pid());
        let found = offsets(&server, &lines);
        let at = newest() - begun;
        println!(
            "{at:>7} | {:<4} | {fault:<18} | {:>6.1} | {descriptors:>3} | {threads:>7} | {found:?}",
            ids[victim],
            kb / 1e3
        );
        if found.iter().zip(&basis).any(|(now, first)| (now - first).abs() > 1) {
            drifted.push((at, fault, found));
        }
        if round >= rounds / 3 {
            memory.push((at as f64 / 3_600.0, kb));
            counts.push((descriptors, threads));
        }
    }
    let hours = memory[memory.len() - 1].0 - memory[0].0;
    let grown = slope(&memory) * hours;
    let allowed = SPARE_KB + SLOPE_KB * hours;
    println!("memory grew by {:.1} MB in {hours:.2} h; {:.1} MB are allowed", grown / 1e3, allowed / 1e3);
    assert!(drifted.is_empty(), "cameras are apart by more than a frame: {drifted:?}, at first {basis:?}");
    assert!(grown <= allowed, "memory grows: {memory:?}");
    let (early, late) = counts.split_at(counts.len() / 2);
    let most = |of: &[(u64, u64)]| of.iter().fold((0, 0), |most, now| (most.0.max(now.0), most.1.max(now.1)));
    let (early, late) = (most(early), most(late));
    assert!(late.0 <= early.0 + SPARE && late.1 <= early.1 + SPARE, "descriptors or threads grow: {counts:?}");
    let steady = list(&server, "steady");
    assert!(steady.iter().all(|s| !s.gap && !s.broken), "the steady camera was harmed: {steady:?}");
}
