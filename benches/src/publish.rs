//! Mark + publish (`after: 0`) to the highlight's playlists answered, and memory, against the ring's length.
//!
//! The ring's past is written by the packager and the store themselves, in small parts; the last seconds are the demo's.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use bytes::Bytes;
use packager::{
    Cutter, Format, Grid, Kind, MediaTime, Msn, RenditionId, Run, Unit,
    wall::{Anchor, Wall},
};
use serde_json::json;
use store::Store;

use crate::{
    calibration,
    plot::{Point, Series, Words, lines},
    process::{Virage, get, pause, usage},
    report::{Chapter, Report},
    row,
    spread::{Spread, quantile, short},
};

const CAMERAS: [&str; 4] = ["main", "opposite", "goal-north", "goal-south"];
/// Rounds whose quantiles are one figure of the spread.
const BATCHES: usize = 3;

/// The curve over rings of so many seconds; `rounds` publications for each of three quantiles.
///
/// # Errors
/// When the demo does not come or refuses something.
pub fn run(rings: &[u64], rounds: usize, report: &mut Report) -> Result<()> {
    let mut rows = vec![row!["ring", "p50, ms", "p95, ms", "p99, ms", "memory, MB", "answering after a start, s"]];
    let series = |name: &str| Series { name: name.into(), points: Vec::new() };
    let (mut times, mut memory) = ([series("p50"), series("p99")], Vec::new());
    for &seconds in rings {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        past(&data, seconds.saturating_sub(10))?;
        let path = data.to_str().context("a temporary folder's name")?;
        let start = Instant::now();
        let virage =
            Virage::start(&["demo", "--data", path, "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0"], &data)?;
        let ready = start.elapsed().as_secs_f64();
        for camera in CAMERAS {
            virage.wait(&format!("/live/{camera}/360p/plain.m3u8"))?;
        }
        // Ten seconds of real media, so that a mark finds all of its range.
        pause(Duration::from_secs(10));
        let bytes = usage(&[virage.pid()])?.1 as f64 / 1e6;
        let mut quantiles: [Vec<f64>; 3] = Default::default();
        let mut costs = Vec::new();
        for _ in 0..BATCHES {
            let calibration = calibration::milliseconds();
            let mut batch = Vec::with_capacity(rounds);
            for _ in 0..rounds {
                let start = Instant::now();
                round(&virage)?;
                batch.push(start.elapsed().as_secs_f64() * 1000.0);
            }
            batch.sort_by(f64::total_cmp);
            for (values, share) in quantiles.iter_mut().zip([0.5, 0.95, 0.99]) {
                values.push(quantile(&batch, share));
            }
            costs.push(quantile(&batch, 0.5) / calibration);
        }
        let [p50, p95, p99] = quantiles.each_ref().map(|values| Spread::of(values));
        let x = seconds as f64 / 60.0;
        for (series, spread) in times.iter_mut().zip([p50, p99]) {
            series.points.push(Point { x, y: spread.median, low: spread.low, high: spread.high });
        }
        memory.push((seconds as f64 / 3600.0, bytes));
        rows.push(row![format!("{x} min"), p50, p95, p99, short(bytes), short(ready)]);
        if seconds == rings[0] {
            report.figure("publish", Spread::of(&costs));
            report.figure("publish-ms", p99);
        }
        if seconds == rings[rings.len() - 1] && rings.len() > 1 {
            report.figure("publish-long-ms", p99);
            report.figure("publish-flat", p50.times(1.0 / times[0].points[0].y));
        }
    }
    let mut how = format!(
        "The demo: four painted cameras of two rungs and a sound, encoded on the same cores. A mark of the last 8 s, its \
         publication, and every playlist of it answered ({} in all), one after the other on fresh connections. The quantiles' \
         medians of {BATCHES} batches of {rounds}. A longer ring's past was written before the start.",
        2 + 3 * CAMERAS.len()
    );
    if let [(from, less), .., (to, more)] = memory[..] {
        let each = (more - less) / (to - from) / CAMERAS.len() as f64;
        report.figure("camera-hour-mb", Spread::of(&[each]));
        how += &format!(" A camera's hour of two rungs takes {} MB of memory.", short(each));
    }
    let words = |title, y| Words { title, x: "minutes of ring", y };
    let points = memory.iter().map(|&(hours, y)| Point { x: hours * 60.0, y, low: y, high: y }).collect();
    let memory = Series { name: "Virage".into(), points };
    report.add(Chapter {
        title: "Publish to playable, by the ring's length".into(),
        how,
        table: rows,
        charts: vec![
            ("publish".into(), lines(words("Mark to playable by the ring's length", "ms"), &times)),
            ("ring-memory".into(), lines(words("Memory by the ring's length", "MB"), &[memory])),
        ],
        command: "make bench ARGS=publish".into(),
    });
    Ok(())
}

fn round(virage: &Virage) -> Result<()> {
    let mark = virage.post("/api/v1/marks", &json!({"kind": "goal", "before": 8, "after": 0}))?;
    let highlight = virage.post("/api/v1/highlights", &json!({"mark": mark["id"], "publish": true}))?;
    let id = highlight["id"].as_str().context("an id")?;
    let get = |path: String| get(&format!("{}{path}", virage.url)).map(drop);
    get(format!("/highlights/{id}/player.m3u8"))?;
    for camera in CAMERAS {
        get(format!("/highlights/{id}/{camera}/index.m3u8"))?;
        for rung in ["360p", "234p"] {
            get(format!("/highlights/{id}/v1/{camera}/{rung}/index.m3u8"))?;
        }
    }
    get(format!("/highlights/{id}/v1/audio/ambient/index.m3u8"))
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
