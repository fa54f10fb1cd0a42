//! Glass to glass in Chromium: one encoder's packets to everybody, each origin's stream played in turns.

use std::{
    fs,
    net::UdpSocket,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::json;

use crate::{
    peers::{MULTIMUX_LIVE, Multimux, Nginx},
    plot::{Point, Series, Words, bars},
    process::{Peer, Virage, pause, virage, wait},
    report::{Chapter, Report},
    row,
    spread::Spread,
};

#[derive(Deserialize)]
struct Seen {
    name: String,
    p50: Option<f64>,
    p95: Option<f64>,
    frames: u64,
    why: Option<String>,
}

const DESK: &str = "Virage, its desk";
const PLAIN: &str = "Virage, hls.js";
const MULTIMUX: &str = "multimux, hls.js";

/// Each origin's picture for `seconds`, `rounds` times in turns.
///
/// # Errors
/// When a program is missing or Chromium does not run.
pub fn run(rounds: usize, seconds: u32, report: &mut Report) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let work = folder.path();
    let root = work.join("files");
    let (ffmpeg_out, gst_out) = (root.join("fresh/ffmpeg"), root.join("fresh/gst"));
    fs::create_dir_all(&ffmpeg_out)?;
    fs::create_dir_all(&gst_out)?;
    fs::write(root.join("glass.html"), include_str!("glass.html"))?;
    fs::copy("player-web/node_modules/hls.js/dist/hls.min.js", root.join("hls.min.js"))
        .context("player-web/node_modules: `make web` installs them")?;
    let nginx = Nginx::start(work, &root, None)?;
    let sockets: Vec<UdpSocket> = (0..4).map(|_| UdpSocket::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    let ports: Vec<u16> = sockets.iter().map(|s| Ok(s.local_addr()?.port())).collect::<Result<_>>()?;
    drop(sockets);
    let server = passthrough(work, ports[0])?;
    let multimux = Multimux::from(work, &format!(r#"{{"type": "ts_udp", "addr": "127.0.0.1:{}"}}"#, ports[1]), false)?;
    let _peers = [
        Peer::spawn(
            Command::new("ffmpeg")
                .args(["-v", "error", "-fflags", "nobuffer", "-i", &format!("udp://127.0.0.1:{}", ports[2])])
                .args(["-c", "copy", "-f", "hls", "-hls_time", "1", "-hls_list_size", "8", "-hls_segment_type", "fmp4"])
                .args(["-hls_flags", "delete_segments+temp_file+program_date_time"])
                .arg(ffmpeg_out.join("index.m3u8")),
        )?,
        Peer::spawn(
            Command::new("gst-launch-1.0")
                .args(["-q", "udpsrc", "address=127.0.0.1", &format!("port={}", ports[3])])
                .args(["!", "tsdemux", "latency=0", "!", "h264parse", "!", "sink.video", "hlssink2", "name=sink"])
                .args(["target-duration=1", "playlist-length=8", "max-files=16", "send-keyframe-requests=false"])
                .arg(format!("location={}/%05d.ts", gst_out.display()))
                .arg(format!("playlist-location={}/index.m3u8", gst_out.display())),
        )?,
    ];
    let _camera = camera(&ports)?;
    let live = |base: &str, path: &str| format!("{base}{path}");
    let mut sources = vec![(DESK, String::new()), (PLAIN, live(&server.url, "/live/main/index.m3u8"))];
    if let Some(multimux) = &multimux {
        sources.push((MULTIMUX, live(&multimux.url, "/main/master.m3u8")));
        wait(&live(&multimux.url, MULTIMUX_LIVE))?;
    }
    sources.push(("ffmpeg -f hls, nginx, hls.js", live(&nginx.url, "/fresh/ffmpeg/index.m3u8")));
    sources.push(("GStreamer hlssink2, nginx, hls.js", live(&nginx.url, "/fresh/gst/index.m3u8")));
    server.wait("/live/main/index.m3u8")?;
    for (_, url) in &sources[1..] {
        wait(url)?;
    }
    pause(Duration::from_secs(8));
    let seen = watch(work, &server, &nginx, &sources, rounds, seconds)?;
    tell(&seen, &sources, report);
    Ok(())
}

/// Virage with the camera as it comes, parts of 200 ms.
fn passthrough(work: &Path, port: u16) -> Result<Virage> {
    let data = work.join("data");
    let config = work.join("virage.toml");
    fs::write(
        &config,
        format!(
            "[server]\nlisten = \"127.0.0.1:0\"\ntls = {{ listen = \"127.0.0.1:0\" }}\ndata = {data:?}\n\
             [venue]\nname = \"bench\"\nfps = \"25\"\nring = \"10m\"\n\
             [[camera]]\nid = \"main\"\nsource = \"udp://127.0.0.1:{port}\"\npassthrough = true\n"
        ),
    )?;
    Virage::start(&["serve", "--config", config.to_str().context("a name")?], &data)
}

/// The synthetic match, painted as it is due and encoded once for all of these ports.
fn camera(ports: &[u16]) -> Result<[Peer; 2]> {
    let beside = Path::new(&virage()).with_file_name("test-media");
    let painter = std::env::var("TEST_MEDIA").map_or(beside, Into::into);
    let mut painter = Command::new(&painter)
        .args(["camera", "--start-frame", "now", "--real-time"])
        .stdout(Stdio::piped())
        .stdin(Stdio::null())
        .spawn()
        .with_context(|| {
            format!("cannot start {}; `cargo build --release -p test-media` makes it", painter.display())
        })?;
    let picture = painter.stdout.take().context("no picture")?;
    let outputs: Vec<String> = ports.iter().map(|p| format!("[f=mpegts]udp://127.0.0.1:{p}?pkt_size=1316")).collect();
    let encoder = Command::new("ffmpeg")
        .args(["-v", "error", "-fflags", "nobuffer", "-probesize", "32", "-f", "yuv4mpegpipe", "-i", "-", "-map", "0"])
        .args(["-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency", "-b:v", "800k", "-maxrate", "800k"])
        .args(["-bufsize", "400k", "-g", "25", "-keyint_min", "25", "-sc_threshold", "0", "-pix_fmt", "yuv420p"])
        .args(["-flush_packets", "1", "-f", "tee", &outputs.join("|")])
        .stdin(picture)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start ffmpeg")?;
    Ok([Peer(encoder), Peer(painter)])
}

fn watch(
    work: &Path,
    server: &Virage,
    nginx: &Nginx,
    sources: &[(&str, String)],
    rounds: usize,
    seconds: u32,
) -> Result<Vec<Seen>> {
    let out = work.join("seen.json");
    let sources: Vec<_> = sources.iter().map(|(name, url)| json!({"name": name, "url": url})).collect();
    let status = Command::new("npx")
        .args(["vitest", "run", "--config", "e2e/glass.config.ts"])
        .current_dir("player-web")
        .env("VIRAGE_URL", server.secure.as_deref().context("virage serves no TLS")?)
        .env("VIRAGE_TOKEN", &server.token)
        .env("GLASS_SOURCES", serde_json::to_string(&sources)?)
        .env("GLASS_PAGE", format!("{}/glass.html", nginx.url))
        .env("GLASS_ROUNDS", rounds.to_string())
        .env("GLASS_SECONDS", seconds.to_string())
        .env("GLASS_OUT", &out)
        .stdin(Stdio::null())
        .status()
        .context("cannot start npx")?;
    if !status.success() {
        bail!("the browser did not run");
    }
    Ok(serde_json::from_slice(&fs::read(out)?)?)
}

fn tell(seen: &[Seen], sources: &[(&str, String)], report: &mut Report) {
    let mut rows = vec![row!["player and origin", "median, ms", "p95, ms", "frames a round", ""]];
    let mut series = ["median", "p95"].map(|name| Series { name: name.into(), points: Vec::new() });
    let mut tails = Vec::new();
    for (n, (name, _)) in sources.iter().enumerate() {
        let mine = || seen.iter().filter(|s| s.name == *name);
        let values = |of: fn(&Seen) -> Option<f64>| mine().filter_map(of).collect::<Vec<f64>>();
        let (medians, p95) = (values(|s| s.p50), values(|s| s.p95));
        let frames = mine().map(|s| s.frames).min().unwrap_or(0);
        let why = mine().find_map(|s| s.why.clone()).unwrap_or_default();
        for (series, values) in series.iter_mut().zip([&medians, &p95]) {
            let spread = Spread::of(values);
            series.points.push(Point { x: n as f64, y: spread.median, low: spread.low, high: spread.high });
        }
        rows.push(row![name, Spread::of(&medians), Spread::of(&p95), frames, why]);
        tails.push((*name, p95));
    }
    let tail = |name| tails.iter().find(|(n, _)| *n == name).map(|(_, values)| values.as_slice()).unwrap_or_default();
    report.figure("glass-desk-ms", Spread::of(tail(DESK)));
    if !tail(MULTIMUX).is_empty() {
        report.figure("glass-desk", Spread::ratio(tail(DESK), tail(MULTIMUX)));
        report.figure("glass-hlsjs", Spread::ratio(tail(PLAIN), tail(MULTIMUX)));
    }
    let groups: Vec<String> = sources.iter().map(|(name, _)| name.split(", ").next().unwrap_or(name).into()).collect();
    let groups: Vec<String> = groups
        .into_iter()
        .zip(sources)
        .map(|(group, (name, _))| if *name == DESK { "Virage's desk".into() } else { group })
        .collect();
    let words = Words { title: "Glass to glass in Chromium", x: "", y: "ms" };
    report.add(Chapter {
        title: "Glass to glass in Chromium".into(),
        how: "From painting a frame to its presentation, read from the strip in the picture. One painter and one x264 (superfast, \
              zerolatency, key frames each second) send the same MPEG-TS packets to all origins over UDP; all run at once, one is \
              watched at a time, in turns, 6 s after it has begun to play. Parts are 200 ms where an origin makes parts (Virage, multimux), segments \
              1 s. hls.js plays with `lowLatencyMode` and nothing else changed; the desk is Virage's own page."
            .into(),
        table: rows,
        charts: vec![("glass".into(), bars(words, &groups, &series))],
        command: "make bench ARGS=glass".into(),
    });
}
