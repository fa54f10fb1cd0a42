//! Mark + publish (`after: 0`) to the highlight's playlists answered, against the ring's length.
//!
//! The ring's past is written by the packager and the store themselves, in small parts; the last seconds are the demo's.

use std::{path::Path, time::Instant};

use anyhow::{Context, Result};
use benches::{Virage, quantile};
use bytes::Bytes;
use packager::{
    Cutter, Format, Grid, Kind, MediaTime, Msn, RenditionId, Run, Unit,
    wall::{Anchor, Wall},
};
use serde_json::{Value, json};
use store::Store;

const ROUNDS: usize = 200;
const CAMERAS: [&str; 4] = ["main", "opposite", "goal-north", "goal-south"];

fn main() -> Result<()> {
    println!("mark + publish to all playlists answered (4 cameras, {ROUNDS} rounds each; milliseconds)");
    println!("{:>12} {:>8} {:>8} {:>8} {:>8}", "ring", "p50", "p95", "p99", "max");
    for seconds in [0_u64, 600, 3000] {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        if seconds > 0 {
            past(&data, seconds)?;
        }
        let path = data.to_str().context("a temporary folder's name")?;
        let virage =
            Virage::start(&["demo", "--data", path, "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0"], &data)?;
        for camera in CAMERAS {
            virage.wait(&format!("/live/{camera}/360p/plain.m3u8"))?;
        }
        // Ten seconds of real media, so that a mark finds all of its range.
        std::thread::park_timeout(std::time::Duration::from_secs(10));
        let mut times = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            let start = Instant::now();
            round(&virage)?;
            times.push(start.elapsed().as_secs_f64() * 1000.0);
        }
        times.sort_by(f64::total_cmp);
        let at = |share| quantile(&times, share);
        println!("{:>10} s {:>8.2} {:>8.2} {:>8.2} {:>8.2}", seconds + 10, at(0.5), at(0.95), at(0.99), at(1.0));
    }
    println!("repeat: cargo run --release -p benches --bin publish");
    Ok(())
}

fn round(virage: &Virage) -> Result<()> {
    let mark = post(virage, "/api/v1/marks", &json!({"kind": "goal", "before": 8, "after": 0}))?;
    let highlight = post(virage, "/api/v1/highlights", &json!({"mark": mark["id"], "publish": true}))?;
    let id = highlight["id"].as_str().context("an id")?;
    get(virage, &format!("/highlights/{id}/player.m3u8"))?;
    for camera in CAMERAS {
        get(virage, &format!("/highlights/{id}/v1/{camera}/360p/index.m3u8"))?;
    }
    get(virage, &format!("/highlights/{id}/v1/audio/ambient/index.m3u8"))
}

fn post(virage: &Virage, path: &str, body: &Value) -> Result<Value> {
    let request =
        ureq::post(format!("{}{path}", virage.url)).header("authorization", format!("Bearer {}", virage.token));
    Ok(serde_json::from_str(&request.send(body.to_string())?.into_body().read_to_string()?)?)
}

fn get(virage: &Virage, path: &str) -> Result<()> {
    ureq::get(format!("{}{path}", virage.url)).call()?.into_body().read_to_vec()?;
    Ok(())
}

/// Records `seconds` of every rendition of the demo, ending now.
fn past(data: &Path, seconds: u64) -> Result<()> {
    std::fs::create_dir_all(data)?;
    let grid = Grid::new("25".parse()?, 5, 25)?;
    let (store, _) = Store::open(data, grid)?;
    let wall = Wall(jiff::Timestamp::now().as_microsecond() / 1000 * 1000 - i64::try_from(seconds)? * 1_000_000);
    let run = Run(1);
    store.begin_run(Anchor { run, media: MediaTime(0), wall })?;
    let mut ids = vec![(RenditionId::new("audio", "ambient")?, Kind::Sound)];
    for camera in CAMERAS {
        ids.push((RenditionId::new(camera, "360p")?, Kind::Rung));
        ids.push((RenditionId::new(camera, "234p")?, Kind::Rung));
    }
    for (id, kind) in ids {
        let mut cutter = Cutter::new(kind, grid, Msn(0), MediaTime(0));
        let sound = kind == Kind::Sound;
        cutter.format(if sound { Format::Aac { rate: 48_000, channels: 2 } } else { picture() })?;
        let step = if sound { 1024 } else { u64::from(grid.frame_ticks()) };
        let count = seconds * u64::from(kind.timescale(grid)) / step;
        for n in 0..count {
            let key = sound || n % 25 == 0;
            let (pts, duration) = (n * step, u32::try_from(step)?);
            cutter.push(Unit { pts, dts: i64::try_from(pts)?, duration, key, data: Bytes::from_static(&[0; 64]) })?;
            while let Some(event) = cutter.poll() {
                store.append(&id, run, 0, &event);
            }
        }
        store.flush();
    }
    Ok(())
}

fn picture() -> Format {
    let avcc = [
        &[1, 0x64, 0, 0x1e, 0xff, 0xe1, 0, 4, 0x67, 0x64, 0, 0x1e, 1, 0, 4, 0x68, 0xee, 0x3c, 0x80][..],
        &[0xfd, 0xf8, 0xf8, 0],
    ]
    .concat();
    Format::H264 { width: 640, height: 360, frame_ticks: 0, avcc: avcc.into() }
}
