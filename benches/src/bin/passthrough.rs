//! CPU and memory per passthrough camera, beside `ffmpeg -c copy -f hls` doing the same with the same packets, in one run.

use std::{net::UdpSocket, process::Command, time::Duration};

use anyhow::{Context, Result, bail};
use benches::{Peer, Virage, quantile, usage};

const CAMERAS: usize = 4;
const WINDOWS: usize = 6;
const WINDOW: Duration = Duration::from_secs(5);

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("clip.ts");
    let clip = clip.to_str().context("a temporary folder's name")?;
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=50", "-t", "10", "-c:v", "libx264"])
        .args([
            "-preset",
            "ultrafast",
            "-b:v",
            "8M",
            "-maxrate",
            "8M",
            "-bufsize",
            "4M",
            "-g",
            "50",
            "-f",
            "mpegts",
            clip,
        ])
        .status()
        .context("cannot start ffmpeg")?;
    if !made.success() {
        bail!("ffmpeg made no clip");
    }
    // Free ports, held until everybody has one.
    let sockets: Vec<UdpSocket> = (0..2 * CAMERAS).map(|_| UdpSocket::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    let ports: Vec<u16> = sockets.iter().map(|s| Ok(s.local_addr()?.port())).collect::<Result<_>>()?;
    drop(sockets);
    let data = folder.path().join("data");
    let mut config = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\ndata = {data:?}\n[venue]\nname = \"bench\"\nfps = \"50\"\nring = \"5m\"\n"
    );
    for (i, port) in ports[..CAMERAS].iter().enumerate() {
        config += &format!("[[camera]]\nid = \"c{i}\"\nsource = \"udp://127.0.0.1:{port}\"\n");
    }
    let file = folder.path().join("virage.toml");
    std::fs::write(&file, config)?;
    let virage = Virage::start(&["serve", "--config", file.to_str().context("a name")?], &data)?;
    let mut peers = Vec::new();
    let mut publishers = Vec::new();
    for i in 0..CAMERAS {
        let out = folder.path().join(format!("hls{i}"));
        std::fs::create_dir(&out)?;
        let input = format!("udp://127.0.0.1:{}?fifo_size=100000&overrun_nonfatal=1", ports[CAMERAS + i]);
        let list = out.join("index.m3u8");
        let flags =
            ["-hls_time", "1", "-hls_list_size", "60", "-hls_segment_type", "fmp4", "-hls_flags", "delete_segments"];
        let copy = ["-v", "error", "-i", &input, "-c", "copy", "-f", "hls"];
        peers.push(Peer::start("ffmpeg", &[&copy[..], &flags[..], &[list.to_str().context("a name")?]].concat())?);
        let both = format!(
            "[f=mpegts]udp://127.0.0.1:{}?pkt_size=1316|[f=mpegts]udp://127.0.0.1:{}?pkt_size=1316",
            ports[i],
            ports[CAMERAS + i]
        );
        let publish =
            ["-v", "error", "-re", "-stream_loop", "-1", "-i", clip, "-map", "0", "-c", "copy", "-f", "tee", &both];
        publishers.push(Peer::start("ffmpeg", &publish)?);
    }
    for i in 0..CAMERAS {
        virage.wait(&format!("/live/c{i}/source/index.m3u8"))?;
    }
    std::thread::park_timeout(WINDOW);
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let both = || -> Result<(f64, f64)> {
        let ffmpeg: f64 = peers.iter().map(|p| Ok(usage(p.0.id())?.0)).sum::<Result<f64>>()?;
        Ok((usage(virage.pid())?.0, ffmpeg))
    };
    for _ in 0..WINDOWS {
        let before = both()?;
        std::thread::park_timeout(WINDOW);
        let after = both()?;
        let percent = |from: f64, to: f64| (to - from) / WINDOW.as_secs_f64() / CAMERAS as f64 * 100.0;
        let (a, b) = (percent(before.0, after.0), percent(before.1, after.1));
        ours.push(a);
        theirs.push(b);
        ratios.push(a / b);
    }
    for values in [&mut ours, &mut theirs, &mut ratios] {
        values.sort_by(f64::total_cmp);
    }
    let memory = |pid| usage(pid).map(|(_, bytes)| bytes as f64 / 1e6);
    let ffmpeg_memory: f64 = peers.iter().map(|p| memory(p.0.id())).sum::<Result<f64>>()? / CAMERAS as f64;
    let spread = |v: &[f64]| format!("{:.1} ({:.1} to {:.1})", quantile(v, 0.5), quantile(v, 0.0), quantile(v, 1.0));
    println!(
        "a passthrough camera, 1080p50 8 Mb/s over UDP; {CAMERAS} at once, {WINDOWS} windows of 5 s, median (spread)"
    );
    println!(
        "virage: {} % of a core, {:.0} MB   parts of 200 ms, ring, playlists",
        spread(&ours),
        memory(virage.pid())? / CAMERAS as f64
    );
    println!("ffmpeg -c copy -f hls: {} % of a core, {ffmpeg_memory:.0} MB", spread(&theirs));
    println!("ratio of CPU: {}", spread(&ratios));
    println!("repeat: cargo run --release -p benches --bin passthrough");
    Ok(())
}
