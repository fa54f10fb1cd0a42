//! CPU and memory per passthrough camera, beside `ffmpeg -c copy -f hls` doing the same with the same packets.

use std::{net::UdpSocket, path::Path, time::Duration};

use anyhow::{Context, Result};

use crate::{
    plot::{Point, Series, Words, lines},
    process::{Peer, Virage, pause, usage},
    report::{Chapter, Report},
    row,
    spread::{Spread, short},
    stand::paint,
};

/// What a number of cameras cost, all of them together.
pub struct Cost {
    /// % of a core, window by window: Virage, ffmpeg.
    pub cpu: [Vec<f64>; 2],
    /// MB: Virage, ffmpeg.
    pub memory: [f64; 2],
}

/// The curve over these numbers of cameras, in windows of so many seconds: CPU is counted in ticks of 10 ms.
///
/// # Errors
/// When a program is missing, or a camera does not come.
pub fn run(counts: &[usize], windows: usize, seconds: u64, report: &mut Report) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("clip.ts");
    paint(&clip, "1920x1080", 50, 8000)?;
    let mut rows = vec![row![
        "cameras",
        "server",
        "CPU a camera, % of a core",
        "fit on a core",
        "memory a camera, MB",
        "CPU to ffmpeg"
    ]];
    let mut series = ["Virage", "ffmpeg -c copy -f hls"].map(|name| Series { name: name.into(), points: Vec::new() });
    for &count in counts {
        let cost = measure(&clip, count, windows, Duration::from_secs(seconds))?;
        let ratio = Spread::ratio(&cost.cpu[0], &cost.cpu[1]);
        for n in [0, 1] {
            let percent = Spread::of(&cost.cpu[n]);
            series[n].points.push(Point { x: count as f64, y: percent.median, low: percent.low, high: percent.high });
            let each = percent.times(1.0 / count as f64);
            let ratio = if n == 0 { ratio.to_string() } else { "1".into() };
            let fit = short((100.0 / each.median).floor());
            rows.push(row![count, series[n].name, each, fit, short(cost.memory[n] / count as f64), ratio]);
        }
        if count == 4 {
            report.figure("camera-cpu", ratio);
        }
    }
    let words = Words { title: "CPU by passthrough cameras", x: "cameras, 1080p50 at 8 Mb/s", y: "% of a core" };
    report.add(Chapter {
        title: "Cameras".into(),
        how: format!(
            "Passthrough of H.264, 1080p50 at 8 Mb/s in MPEG-TS over UDP: each camera's packets go to Virage (parts of 200 ms, \
             ring on disk, playlists) and to an `ffmpeg -c copy -f hls` of its own (segments of 1 s) at once, for windows of \
             {seconds} s. All of Virage's cameras are in one process."
        ),
        table: rows,
        charts: vec![("cameras-cpu".into(), lines(words, &series))],
        command: "make bench ARGS=cameras".into(),
    });
    Ok(())
}

fn measure(clip: &Path, count: usize, windows: usize, window: Duration) -> Result<Cost> {
    let folder = tempfile::tempdir()?;
    let clip = clip.to_str().context("a temporary folder's name")?;
    // Free ports, held until everybody has one.
    let sockets: Vec<UdpSocket> = (0..2 * count).map(|_| UdpSocket::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    let ports: Vec<u16> = sockets.iter().map(|s| Ok(s.local_addr()?.port())).collect::<Result<_>>()?;
    drop(sockets);
    let data = folder.path().join("data");
    let mut config = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\ndata = {data:?}\n[venue]\nname = \"bench\"\nfps = \"50\"\nring = \"5m\"\n"
    );
    for (i, port) in ports[..count].iter().enumerate() {
        config += &format!("[[camera]]\nid = \"c{i}\"\nsource = \"udp://127.0.0.1:{port}\"\n");
    }
    let file = folder.path().join("virage.toml");
    std::fs::write(&file, config)?;
    let virage = Virage::start(&["serve", "--config", file.to_str().context("a name")?], &data)?;
    let (mut peers, mut publishers) = (Vec::new(), Vec::new());
    for i in 0..count {
        let out = folder.path().join(format!("hls{i}"));
        std::fs::create_dir(&out)?;
        let input = format!("udp://127.0.0.1:{}?fifo_size=100000&overrun_nonfatal=1", ports[count + i]);
        let list = out.join("index.m3u8");
        let flags =
            ["-hls_time", "1", "-hls_list_size", "60", "-hls_segment_type", "fmp4", "-hls_flags", "delete_segments"];
        let copy = ["-v", "error", "-i", &input, "-c", "copy", "-f", "hls"];
        peers.push(Peer::start("ffmpeg", &[&copy[..], &flags[..], &[list.to_str().context("a name")?]].concat())?);
        let both = format!(
            "[f=mpegts]udp://127.0.0.1:{}?pkt_size=1316|[f=mpegts]udp://127.0.0.1:{}?pkt_size=1316",
            ports[i],
            ports[count + i]
        );
        let publish =
            ["-v", "error", "-re", "-stream_loop", "-1", "-i", clip, "-map", "0", "-c", "copy", "-f", "tee", &both];
        publishers.push(Peer::start("ffmpeg", &publish)?);
    }
    for i in 0..count {
        virage.wait(&format!("/live/c{i}/source/index.m3u8"))?;
    }
    pause(Duration::from_secs(4));
    let theirs: Vec<u32> = peers.iter().map(|p| p.0.id()).collect();
    let servers = [vec![virage.pid()], theirs];
    let mut cost = Cost { cpu: Default::default(), memory: [0.0; 2] };
    for _ in 0..windows {
        let before = [usage(&servers[0])?.0, usage(&servers[1])?.0];
        pause(window);
        for n in [0, 1] {
            cost.cpu[n].push((usage(&servers[n])?.0 - before[n]) / window.as_secs_f64() * 100.0);
        }
    }
    for n in [0, 1] {
        cost.memory[n] = usage(&servers[n])?.1 as f64 / 1e6;
    }
    Ok(cost)
}
