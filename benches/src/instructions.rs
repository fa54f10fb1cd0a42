//! Instructions of the hot path, counted by callgrind: the same on a busy machine as on an idle one.

use std::{collections::BTreeMap, hint::black_box, process::Command};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use packager::{
    Cutter, Event, Format, Grid, Kind, MediaTime, Msn, RenditionId, Run, Timeline, Unit,
    highlight::Range,
    playlist::{self, Style},
    wall::{Anchor, Anchors, Wall},
};

use crate::{
    calibration,
    report::{Chapter, Report},
    row,
    spread::{Spread, short},
};

/// What is counted, with the number of times that it is done.
const WORKS: [(&str, u64); 4] = [("calibration", 4), ("part", 200), ("replay", 100), ("replay-long", 100)];
/// Segments of a second before a replay is made: a minute, and three hours.
const SHORT: u64 = 60;
const LONG: u64 = 10_800;

/// Counts each work under callgrind.
///
/// # Errors
/// When valgrind is missing or fails.
pub fn run(report: &mut Report) -> Result<()> {
    let mut counts = BTreeMap::new();
    for (work, times) in WORKS {
        // What starting and preparing costs is in both and falls out.
        let (once, twice) = (count(work, times)?, count(work, 2 * times)?);
        counts.insert(work, twice.saturating_sub(once) as f64 / times as f64);
    }
    let unit = counts["calibration"];
    let mut rows = vec![row!["work", "instructions", "to a mixed megabyte"]];
    for (work, _) in WORKS {
        rows.push(row![work, short(counts[work]), short(counts[work] / unit)]);
    }
    report.add(Chapter {
        title: "Instructions".into(),
        how: "Counted by callgrind, so that they are steady: *part*: five frames become a part of a rendition, and its playlist and \
              its delta are rendered; *replay*: a published range of 10 s becomes a media playlist, in a ring of a minute and of \
              three hours. Beside them a loop that mixes a megabyte."
            .into(),
        table: rows,
        charts: Vec::new(),
        command: "make bench ARGS=instructions".into(),
    });
    let mut figure = |name: &str, value: f64| report.figure(name, Spread::of(&[value]));
    figure("instructions-part", counts["part"] / unit);
    figure("instructions-replay", counts["replay"] / unit);
    figure("instructions-replay-flat", counts["replay-long"] / counts["replay"]);
    Ok(())
}

/// Instructions of this program when it does `work` so many times.
fn count(work: &str, times: u64) -> Result<u64> {
    let program = std::env::current_exe()?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["count", work, &times.to_string()])
        .output()
        .context("cannot start valgrind (apt package valgrind)")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    match collected {
        Some(count) if output.status.success() => Ok(count),
        _ => bail!("callgrind counted nothing for {work}: {}", said.lines().last().unwrap_or("no output")),
    }
}

/// Does a work so many times: what runs under callgrind.
///
/// # Errors
/// When there is no such work.
pub fn work(name: &str, times: &str) -> Result<()> {
    let times: u64 = times.parse().context("how often")?;
    match name {
        "calibration" => (0..times).for_each(|_| calibration::mix_megabyte()),
        "part" => Stage::new()?.parts(times),
        "replay" => Stage::new()?.replays(SHORT, times),
        "replay-long" => Stage::new()?.replays(LONG, times),
        other => bail!("{other}: there is no such work"),
    }
    Ok(())
}

/// A rung at 25 fps with parts of five frames.
struct Stage {
    id: RenditionId,
    grid: Grid,
    anchors: Anchors,
    cutter: Cutter,
    timeline: Timeline,
    next: u64,
}

impl Stage {
    fn new() -> Result<Self> {
        let grid = Grid::new("25".parse()?, 5, 25)?;
        let mut cutter = Cutter::new(Kind::Rung, grid, Msn(0), MediaTime(0));
        let avcc = [1, 0x4d, 0x40, 0x1e, 0xff, 0xe1, 0, 4, 0x67, 0x4d, 0x40, 0x1e, 1, 0, 2, 0x68, 0xeb];
        cutter.format(Format::H264 { width: 640, height: 360, frame_ticks: 0, avcc: Bytes::copy_from_slice(&avcc) })?;
        let anchors =
            Anchors::new(vec![Anchor { run: Run(1), media: MediaTime(0), wall: Wall(1_795_374_000_000_000) }]);
        let timeline = Timeline::new(Kind::Rung, grid, Run(1));
        Ok(Self { id: RenditionId::new("main", "360p")?, grid, anchors, cutter, timeline, next: 0 })
    }

    /// Five frames; whether they became a part.
    fn part(&mut self) -> bool {
        let ticks = u64::from(self.grid.frame_ticks());
        let mut made = false;
        for _ in 0..self.grid.part_frames {
            let (pts, key) = (self.next * ticks, self.next.is_multiple_of(u64::from(self.grid.segment_frames)));
            let data = Bytes::from_static(if key { &[7; 8_000] } else { &[7; 3_000] });
            let unit = Unit { pts, dts: pts.cast_signed(), duration: self.grid.frame_ticks(), key, data };
            // Frames on the grid are what a rung takes.
            let _ = self.cutter.push(unit);
            self.next += 1;
        }
        while let Some(event) = self.cutter.poll() {
            self.timeline.apply(&event);
            made |= matches!(event, Event::Part(_));
        }
        made
    }

    fn parts(&mut self, times: u64) {
        // As long as a live playlist can be, so that every rendering is alike.
        while self.next < 70 * u64::from(self.grid.segment_frames) {
            self.part();
        }
        for _ in 0..times {
            assert!(self.part(), "five frames are a part");
            for delta in [false, true] {
                let style = Style::LowLatency { delta };
                black_box(playlist::live(&self.id, &self.timeline, &self.anchors, style, &[], 0));
            }
        }
    }

    fn replays(&mut self, segments: u64, times: u64) {
        while self.next < segments * u64::from(self.grid.segment_frames) {
            self.part();
        }
        let range = Range { first: self.next - 262, end: self.next - 12 };
        for _ in 0..times {
            let state = playlist::State::Ended;
            let list = playlist::highlight(&self.id, &self.timeline, &self.anchors, black_box(range), state, 0);
            assert!(list.is_some_and(|list| list.ends_with("ENDLIST\n")), "a whole playlist");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_work_can_be_done() -> Result<()> {
        WORKS.iter().try_for_each(|(name, _)| work(name, "2"))
    }
}
