//! `runs.json`: the grid of the data folder and every run's anchor.

use std::path::Path;

use packager::{Grid, MediaTime, Rate, Run, wall::Anchor, wall::Wall};
use serde::{Deserialize, Serialize};

use crate::{error::StoreError, files::Folder};

const NAME: &str = "runs.json";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    /// Frames per second, as in the configuration.
    rate: String,
    segment_frames: u32,
    runs: Vec<StoredRun>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRun {
    run: u32,
    media_ns: u64,
    wall_us: i64,
}

/// The runs of a data folder, oldest first, as they stand on disk.
pub(crate) struct Runs {
    grid: Grid,
    anchors: Vec<Anchor>,
}

impl Runs {
    /// Reads the list, or begins one.
    pub(crate) fn open(folder: &Folder, grid: Grid) -> Result<Self, StoreError> {
        let text = match folder.dir.read_to_string(NAME) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let runs = Self { grid, anchors: Vec::new() };
                runs.write(folder, &[])?;
                return Ok(runs);
            }
            Err(e) if e.kind() == std::io::ErrorKind::InvalidData => return Err(unreadable(folder, "it is not text")),
            Err(e) => return Err(StoreError::io("reading", folder.shown(NAME))(e)),
        };
        let stored: Stored = serde_json::from_str(&text).map_err(|e| unreadable(folder, &e.to_string()))?;
        let found_rate: Rate = stored.rate.parse().map_err(|e| unreadable(folder, &format!("{e}")))?;
        // 50/2 and 25 are one rate.
        let same_rate = u64::from(found_rate.num()) * u64::from(grid.rate.den())
            == u64::from(grid.rate.num()) * u64::from(found_rate.den());
        if !same_rate || stored.segment_frames != grid.segment_frames {
            return Err(StoreError::Grid {
                folder: folder.root.clone(),
                found_rate,
                found_frames: stored.segment_frames,
                rate: grid.rate,
                frames: grid.segment_frames,
            });
        }
        let anchor = |s: &StoredRun| Anchor { run: Run(s.run), media: MediaTime(s.media_ns), wall: Wall(s.wall_us) };
        let anchors: Vec<Anchor> = stored.runs.iter().map(anchor).collect();
        if !anchors.is_sorted_by(|a, b| a.run < b.run) {
            return Err(unreadable(folder, "its runs are out of order"));
        }
        Ok(Self { grid, anchors })
    }

    /// All anchors, oldest first.
    pub(crate) fn anchors(&self) -> &[Anchor] {
        &self.anchors
    }

    /// Whether this run is on record.
    pub(crate) fn knows(&self, run: Run) -> bool {
        self.anchors.binary_search_by_key(&run, |a| a.run).is_ok()
    }

    /// Adds a run; on disk before it returns.
    pub(crate) fn begin(&mut self, folder: &Folder, anchor: Anchor) -> Result<(), StoreError> {
        if let Some(newest) = self.anchors.last().filter(|a| a.run >= anchor.run) {
            return Err(StoreError::RunOrder { newest: newest.run, found: anchor.run });
        }
        self.write(folder, &[anchor])?;
        self.anchors.push(anchor);
        Ok(())
    }

    fn write(&self, folder: &Folder, more: &[Anchor]) -> Result<(), StoreError> {
        let all = self.anchors.iter().chain(more);
        let runs = all.map(|a| StoredRun { run: a.run.0, media_ns: a.media.0, wall_us: a.wall.0 }).collect();
        let stored = Stored { rate: self.grid.rate.to_string(), segment_frames: self.grid.segment_frames, runs };
        let text = serde_json::to_vec_pretty(&stored).map_err(|e| unreadable(folder, &e.to_string()))?;
        folder.write_durably(Path::new(NAME), &text)
    }
}

fn unreadable(folder: &Folder, reason: &str) -> StoreError {
    StoreError::Runs { file: folder.shown(NAME), reason: reason.into() }
}
