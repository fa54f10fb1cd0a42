//! Marks and highlights in memory, as the catalog has them: reading asks no database, and a crowd may read.

use std::collections::{BTreeMap, HashMap, HashSet};

use packager::{Grid, RenditionId, Segment, highlight::Range};
use parking_lot::RwLock;

use crate::catalog::{self, Catalog, Highlight, Mark};

/// All moments. What is in memory has been saved before.
pub struct Moments {
    catalog: Catalog,
    marks: RwLock<HashMap<String, Mark>>,
    highlights: RwLock<HashMap<String, Highlight>>,
    /// Ids of highlights that may still be growing: looked at often, so kept short.
    growing: RwLock<HashSet<String>>,
    /// Held from reading a highlight to saving its change: two people's changes both count.
    pub changing: tokio::sync::Mutex<()>,
}

impl Moments {
    /// Reads everything.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn load(catalog: Catalog) -> Result<Self, catalog::Error> {
        let marks = catalog.marks().await?.into_iter().map(|m| (m.id.clone(), m)).collect();
        let highlights: HashMap<_, _> = catalog.highlights().await?.into_iter().map(|h| (h.id.clone(), h)).collect();
        let growing = highlights.keys().cloned().collect();
        Ok(Self {
            catalog,
            marks: RwLock::new(marks),
            highlights: RwLock::new(highlights),
            growing: RwLock::new(growing),
            changing: tokio::sync::Mutex::default(),
        })
    }

    /// Saves a new mark.
    ///
    /// # Errors
    /// When it was not saved.
    pub async fn add_mark(&self, mark: Mark) -> Result<(), catalog::Error> {
        self.catalog.add_mark(&mark).await?;
        self.marks.write().insert(mark.id.clone(), mark);
        Ok(())
    }

    /// Takes a mark back; whether there was one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn delete_mark(&self, id: &str) -> Result<bool, catalog::Error> {
        let known = self.catalog.delete_mark(id).await?;
        self.marks.write().remove(id);
        Ok(known)
    }

    /// Saves a highlight, new or changed.
    ///
    /// # Errors
    /// When it was not saved.
    pub async fn put_highlight(&self, highlight: Highlight) -> Result<(), catalog::Error> {
        self.catalog.put_highlight(&highlight).await?;
        self.growing.write().insert(highlight.id.clone());
        self.highlights.write().insert(highlight.id.clone(), highlight);
        Ok(())
    }

    /// Highlights that may still be growing.
    pub fn growing(&self) -> Vec<Highlight> {
        let highlights = self.highlights.read();
        self.growing.read().iter().filter_map(|id| highlights.get(id).cloned()).collect()
    }

    /// Says that a highlight is complete.
    pub fn grown(&self, id: &str) {
        self.growing.write().remove(id);
    }

    /// One mark.
    pub fn mark(&self, id: &str) -> Option<Mark> {
        self.marks.read().get(id).cloned()
    }

    /// All marks, newest first.
    pub fn marks(&self) -> Vec<Mark> {
        let mut marks: Vec<Mark> = self.marks.read().values().cloned().collect();
        marks.sort_by(|a, b| (b.created, &b.id).cmp(&(a.created, &a.id)));
        marks
    }

    /// One highlight.
    pub fn highlight(&self, id: &str) -> Option<Highlight> {
        self.highlights.read().get(id).cloned()
    }

    /// All highlights, newest first.
    pub fn highlights(&self) -> Vec<Highlight> {
        let mut highlights: Vec<Highlight> = self.highlights.read().values().cloned().collect();
        highlights.sort_by(|a, b| (b.created, &b.id).cmp(&(a.created, &a.id)));
        highlights
    }

    /// What must not be deleted: computed anew each time, never counted.
    pub fn pins(&self, grid: Grid) -> Pins {
        let mut pins = Pins { grid, everywhere: BTreeMap::new(), angles: HashMap::new() };
        for mark in self.marks.read().values() {
            insert(&mut pins.everywhere, mark.range);
        }
        for highlight in self.highlights.read().values() {
            for camera in &highlight.angles {
                insert(pins.angles.entry(camera.clone()).or_default(), highlight.range);
            }
            insert(pins.angles.entry("audio".into()).or_default(), highlight.range);
        }
        pins
    }

    /// Closes the catalog.
    pub async fn close(&self) {
        self.catalog.close().await;
    }
}

fn insert(ranges: &mut BTreeMap<u64, u64>, range: Range) {
    let end = ranges.entry(range.first).or_default();
    *end = range.end.max(*end);
}

/// The union of the ranges of all marks and highlights.
pub struct Pins {
    grid: Grid,
    everywhere: BTreeMap<u64, u64>,
    angles: HashMap<String, BTreeMap<u64, u64>>,
}

impl Pins {
    /// Whether a segment of this rendition must be kept.
    pub fn hold(&self, id: &RenditionId, segment: &Segment, timescale: u32) -> bool {
        let frames = |tick: u64| self.grid.nearest_frame(packager::MediaTime::from_ticks(tick, timescale));
        // A segment more at either end: sounds and passthrough do not begin where rungs do.
        let margin = u64::from(self.grid.segment_frames);
        let (first, end) = (frames(segment.start).saturating_sub(margin), frames(segment.end()) + margin);
        let within = |ranges: &BTreeMap<u64, u64>| ranges.range(..end).any(|(_, last)| *last > first);
        within(&self.everywhere) || self.angles.get(id.camera.as_str()).is_some_and(within)
    }
}
