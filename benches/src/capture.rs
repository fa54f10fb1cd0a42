//! How long a frame takes: from the network to the appsink, by kind of source, and from the appsink to whoever holds a request
//! for the part that it ends.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};
use capture::{Camera, Clock, Config, Output, Sink, Source, State};
use packager::{Format, Grid, MediaTime, Rate, Unit};
use test_media::relay::Relay;

use crate::{
    process::{Peer, Virage, pause, ports, text},
    report::{Chapter, Report},
    row,
    spread::{Spread, quantile, short},
};

/// Rounds that a measure is divided into.
const ROUNDS: usize = 3;
/// What the end of a frame is recognised by.
const TAIL: usize = 12;

/// Measures every kind of source for so many seconds, and the answers for three times as many.
///
/// # Errors
/// When a program is missing or a camera does not come.
pub fn run(seconds: u64, report: &mut Report) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("clip.ts");
    paint(&clip)?;
    let mut rows = vec![row!["from", "to", "frames", "p50, ms", "p95, ms", "p99, ms"]];
    for kind in &KINDS {
        let times = arrivals(kind, &clip, seconds)?;
        rows.push(line(&format!("the network, {}", kind.name), "the appsink", &times));
    }
    let answers = answers(&clip, 3 * seconds)?;
    for (rendition, name) in [("360p", "a rung's"), ("source", "a source's")] {
        let times: Vec<f64> = answers.iter().filter(|(of, _)| of == rendition).map(|(_, took)| *took).collect();
        rows.push(line(
            &format!("{name} unit that closes a part, at the appsink"),
            "the held request's answer",
            &times,
        ));
        let rounds: Vec<f64> = times.chunks(times.len().div_ceil(ROUNDS).max(1)).map(|round| at(round, 0.99)).collect();
        report.figure(if rendition == "source" { "capture-source-ms" } else { "capture-part-ms" }, Spread::of(&rounds));
    }
    report.add(Chapter {
        title: "Capture: how long a frame takes".into(),
        how: "H.264, 640x360 at 25 frames a second, published by ffmpeg (RTSP: gst-rtsp-server). From the last packet of a frame, as \
              the relay of `test-media` passes it on, to the frame at the pipeline's end: over SRT its 120 ms of latency are in it, and \
              in a transport stream from ffmpeg a frame is known to be whole when the next one begins, 40 ms later. From there to the \
              last byte of the answer to a request that was held for the part, four cameras with a rung and their source each: of a \
              rung the part's last frame closes it, of a source the frame after it, which says how long it was."
            .into(),
        table: rows,
        charts: Vec::new(),
        command: "make bench ARGS=capture".into(),
    });
    Ok(())
}

fn line(from: &str, to: &str, times: &[f64]) -> Vec<String> {
    row![from, to, times.len(), short(at(times, 0.5)), short(at(times, 0.95)), short(at(times, 0.99))]
}

fn at(times: &[f64], share: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile(&sorted, share)
}

/// A clip without filler, so that every frame ends differently.
fn paint(clip: &Path) -> Result<()> {
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25,noise=alls=4:allf=t", "-t", "20"])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-b:v", "1500k", "-g", "25"])
        .args(["-pix_fmt", "yuv420p", "-f", "mpegts"])
        .arg(clip)
        .status()
        .context("cannot start ffmpeg")?;
    if !status.success() {
        bail!("ffmpeg made no clip");
    }
    Ok(())
}

/// How a camera is reached.
struct Kind {
    name: &'static str,
    /// Whether we call the sender.
    calls: bool,
    rtsp: bool,
    /// With the port that we listen on, or call.
    source: fn(u16) -> String,
    /// With the port that the sender calls, or listens on.
    target: fn(u16) -> String,
}

const KINDS: [Kind; 4] = [
    Kind {
        name: "UDP",
        calls: false,
        rtsp: false,
        source: |port| format!("udp://127.0.0.1:{port}"),
        target: |port| format!("udp://127.0.0.1:{port}?pkt_size=1316"),
    },
    Kind {
        name: "SRT, listener",
        calls: false,
        rtsp: false,
        source: |port| format!("srt://127.0.0.1:{port}?mode=listener&latency=120"),
        target: |port| format!("srt://127.0.0.1:{port}?mode=caller&latency=120000"),
    },
    Kind {
        name: "SRT, caller",
        calls: true,
        rtsp: false,
        source: |port| format!("srt://127.0.0.1:{port}?mode=caller&latency=120"),
        target: |port| format!("srt://127.0.0.1:{port}?mode=listener&latency=120000"),
    },
    Kind {
        name: "RTSP over TCP",
        calls: true,
        rtsp: true,
        source: |port| format!("rtsp://127.0.0.1:{port}/cam?transport=tcp"),
        target: |port| port.to_string(),
    },
];

/// When each frame came out, and how it ends.
#[derive(Default)]
struct Meter(Mutex<Vec<(Instant, Vec<u8>)>>);

impl Sink for Meter {
    fn format(&self, _output: Output, _format: Format) {}

    fn unit(&self, _output: Output, unit: Unit) {
        let now = Instant::now();
        let tail = unit.data[unit.data.len().saturating_sub(TAIL)..].to_vec();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((now, tail));
    }

    fn state(&self, _state: State) {}
}

/// Milliseconds from the network to the appsink, frame by frame.
fn arrivals(kind: &Kind, clip: &Path, seconds: u64) -> Result<Vec<f64>> {
    capture::init()?;
    let [ours, network, sender] = ports(3)?[..] else { bail!("no ports") };
    let local = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let start = if kind.rtsp { Relay::tcp } else { Relay::udp };
    let relay = start(local(network), local(if kind.calls { sender } else { ours }), 1)?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../capture/tests/inputs/rtsp-server.py");
    let target = (kind.target)(if kind.calls { sender } else { network });
    let clip = clip.to_str().context("a temporary folder's name")?;
    let publish = ["-v", "error", "-re", "-stream_loop", "-1", "-i", clip, "-c", "copy", "-f", "mpegts", &target];
    let send = || match kind.rtsp {
        true => Peer::start("/usr/bin/python3", &[script, &target, "h264"]),
        false => Peer::start("ffmpeg", &publish),
    };
    let mut config = Config::new("bench".parse()?, Grid::new(Rate::new(25, 1)?, 5, 25)?, Vec::new());
    config.passthrough = true;
    let meter = Arc::new(Meter::default());
    let source = Source::parse(&(kind.source)(if kind.calls { network } else { ours }))?;
    let _camera = Camera::start(config, source, Clock::start(MediaTime(0)), meter.clone())?;
    let _sender = send()?;
    let came = |least: usize| -> Result<()> {
        let begun = Instant::now();
        while meter.0.lock().unwrap_or_else(PoisonError::into_inner).len() < least {
            if begun.elapsed() > Duration::from_secs(60) {
                bail!("{}: no frame came", kind.name);
            }
            pause(Duration::from_millis(50));
        }
        Ok(())
    };
    came(50)?;
    let packets = relay.tap();
    let from = Instant::now();
    pause(Duration::from_secs(seconds));
    let units = std::mem::take(&mut *meter.0.lock().unwrap_or_else(PoisonError::into_inner));
    let packets: Vec<(Instant, Vec<u8>)> = packets.try_iter().collect();
    let took = |(out, tail): &(Instant, Vec<u8>)| {
        let mut before = packets.iter().rev().skip_while(|(at, _)| at > out).take_while(|(at, _)| *out - *at < MEMORY);
        // The end of some frames lies in two packets.
        let (arrived, _) = before.find(|(_, bytes)| bytes.windows(TAIL).any(|window| window == tail))?;
        Some((*out - *arrived).as_secs_f64() * 1e3)
    };
    let times: Vec<f64> = units.iter().filter(|(out, _)| *out > from + MEMORY).filter_map(took).collect();
    if times.is_empty() {
        bail!("{}: no frame was recognised", kind.name);
    }
    Ok(times)
}

/// How long after its arrival a frame is looked for.
const MEMORY: Duration = Duration::from_secs(1);

/// Milliseconds from the unit that closes a part to the last byte of the answer that was held for it, by rendition.
fn answers(clip: &Path, seconds: u64) -> Result<Vec<(String, f64)>> {
    const CAMERAS: usize = 4;
    let folder = tempfile::tempdir()?;
    let (data, log) = (folder.path().join("data"), folder.path().join("log"));
    let ports = ports(CAMERAS)?;
    let mut config = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\ndata = {data:?}\n[venue]\nname = \"bench\"\nfps = \"25\"\nring = \"5m\"\n"
    );
    for (i, port) in ports.iter().enumerate() {
        config += &format!(
            "[[camera]]\nid = \"c{i}\"\nsource = \"udp://127.0.0.1:{port}\"\npassthrough = true\n\
             rungs = [{{ height = 360, kbps = 800 }}]\n"
        );
    }
    let file = folder.path().join("virage.toml");
    std::fs::write(&file, config)?;
    let args = ["serve", "--config", file.to_str().context("a name")?];
    let virage = Virage::logging(&args, &data, "warn,virage::parts=trace", &log)?;
    let clip = clip.to_str().context("a name")?;
    let publish = |port: &u16| {
        let target = format!("udp://127.0.0.1:{port}?pkt_size=1316");
        Peer::start(
            "ffmpeg",
            &["-v", "error", "-re", "-stream_loop", "-1", "-i", clip, "-c", "copy", "-f", "mpegts", &target],
        )
    };
    let _senders: Vec<Peer> = ports.iter().map(publish).collect::<Result<_>>()?;
    let renditions: Vec<String> =
        (0..CAMERAS).flat_map(|i| ["source", "360p"].map(|rendition| format!("c{i}/{rendition}"))).collect();
    for rendition in &renditions {
        virage.wait(&format!("/live/{rendition}/index.m3u8"))?;
    }
    // While delays are learnt a camera's frames are not yet even.
    pause(Duration::from_secs(5));
    let until = Instant::now() + Duration::from_secs(seconds);
    let url = &virage.url;
    let answered: Result<Vec<_>> = std::thread::scope(|scope| {
        let follow = |rendition: &'_ String| {
            let playlist = format!("{url}/live/{rendition}/index.m3u8");
            let rendition = rendition.clone();
            scope.spawn(move || follow(&rendition, &playlist, until))
        };
        let threads: Vec<_> = renditions.iter().map(follow).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| bail!("a reader panicked"))).collect()
    });
    let answered: HashMap<String, i64> = answered?.into_iter().flatten().collect();
    let log = std::fs::read_to_string(log)?;
    let closed = log.lines().filter_map(|line| {
        let field = |name: &str| line.split(name).nth(1)?.split_whitespace().next();
        let part = format!("{} {} {}", field("rendition=")?, field("msn=")?, field("part=")?);
        let came: i64 = field("came=")?.parse().ok()?;
        let took = (answered.get(&part)? - came) as f64 / 1e3;
        Some((field("rendition=")?.split('/').nth(1)?.to_owned(), took))
    });
    let times: Vec<(String, f64)> = closed.collect();
    if times.is_empty() {
        bail!("no part was asked for before it was there");
    }
    Ok(times)
}

/// Asks for part after part; when each was answered, in microseconds of UTC.
fn follow(rendition: &str, playlist: &str, until: Instant) -> Result<Vec<(String, i64)>> {
    let agent = ureq::Agent::new_with_defaults();
    let mut next = hint(&text(playlist)?)?;
    let mut answered = Vec::new();
    while Instant::now() < until {
        let url = format!("{playlist}?_HLS_msn={}&_HLS_part={}", next.0, next.1);
        let list = agent.get(&url).call()?.into_body().read_to_string()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros();
        answered.push((format!("{rendition} {} {}", next.0, next.1), i64::try_from(now)?));
        next = hint(&list)?;
    }
    Ok(answered)
}

/// The segment and part that come next.
fn hint(playlist: &str) -> Result<(u64, u64)> {
    let line =
        playlist.lines().find(|line| line.starts_with("#EXT-X-PRELOAD-HINT")).context("a playlist without a hint")?;
    let name = line.rsplit('/').next().and_then(|name| name.strip_suffix(".m4s\"")).context("a hint without a part")?;
    let (msn, part) = name.split_once('.').context("a part without a number")?;
    Ok((msn.parse()?, part.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_names_the_next_part() {
        let playlist = "#EXTM3U\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"../../../media/c0/360p/1/17.3.m4s\"\n";
        assert_eq!(hint(playlist).ok(), Some((17, 3)));
        assert!(hint("#EXTM3U\n").is_err());
    }
}
