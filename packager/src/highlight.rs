//! A highlight's range, and the whole segments that cover it.

use crate::{Grid, Kind, MediaTime, Msn, Segment, Timeline};

/// A range of media time in grid frames: the frames with `first <= frame < end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first frame.
    pub first: u64,
    /// The frame after the last.
    pub end: u64,
}

impl Range {
    /// The range from `from` up to `to`, both snapped to the nearest grid frame. `None` when no frame is left.
    pub fn snap(grid: Grid, from: MediaTime, to: MediaTime) -> Option<Self> {
        let range = Self { first: grid.nearest_frame(from), end: grid.nearest_frame(to) };
        (range.first < range.end).then_some(range)
    }

    /// Its first instant and the instant after its last.
    pub fn times(self, grid: Grid) -> (MediaTime, MediaTime) {
        (grid.frame_time(self.first), grid.frame_time(self.end))
    }

    /// The segments of a rendition that cover the range whole, with less than one segment to spare at either end; what
    /// was lost or is not there yet is left out. Of a rung or a sound they have the same numbers in every camera, known
    /// before the media exist.
    pub fn segments(self, timeline: &Timeline) -> Vec<Segment> {
        let grid = timeline.grid;
        if let Kind::Source { .. } = timeline.kind {
            let (first, end) = self.times(grid);
            let (first, end) = (first.ticks(timeline.timescale), end.ticks(timeline.timescale));
            let ring = timeline.segments();
            let begin = ring.partition_point(|s| s.end() <= first);
            let ring = ring.range(begin..).take_while(|s| s.start < end);
            let kept = timeline.kept().filter(|s| s.end() > first && s.start < end);
            return kept.chain(ring).filter(|s| s.done && !s.is_gap()).cloned().collect();
        }
        let (from, to) = self.numbers(grid);
        let numbers = (from.0..=to.0).map(Msn);
        numbers.filter_map(|n| timeline.find(n)).filter(|s| s.done && !s.is_gap()).cloned().collect()
    }

    /// The numbers of the first and the last grid segment that cover the range.
    pub fn numbers(self, grid: Grid) -> (Msn, Msn) {
        (grid.segment_of(self.first), grid.segment_of(self.end - 1))
    }

    /// Whether all of the range is recorded or known to be lost.
    pub fn is_complete(self, timeline: &Timeline) -> bool {
        let (_, end) = self.times(timeline.grid);
        match timeline.kind {
            Kind::Source { .. } => timeline
                .segments()
                .iter()
                .rev()
                .find(|s| s.done)
                .is_some_and(|s| s.end() >= end.ticks(timeline.timescale)),
            _ => timeline.edge().has_segment(self.numbers(timeline.grid).1),
        }
    }
}
