//! What exists of a rendition: segments and parts, without their bytes.

use std::collections::{BTreeMap, VecDeque};

use crate::{Event, Format, Grid, Kind, MediaTime, Msn, Part, Run, grid::scale, wait::Edge};

/// A part as playlists need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartEntry {
    /// Length in ticks.
    pub duration: u32,
    /// Bytes.
    pub size: u32,
    /// Begins with a key frame.
    pub independent: bool,
}

/// A segment as playlists need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its number.
    pub msn: Msn,
    /// The run that recorded it.
    pub run: Run,
    /// Which header of that run it is decoded with.
    pub header: u32,
    /// How many discontinuities stand before it, from the rendition's beginning.
    pub discontinuities: u64,
    /// Its first presentation in ticks of media time.
    pub start: u64,
    /// Its parts so far. Empty: nothing was received, a gap.
    pub parts: Vec<PartEntry>,
    /// Length in ticks, of all parts so far.
    pub duration: u64,
    /// Whether no further part will come.
    pub done: bool,
}

impl Segment {
    /// Whether nothing was received.
    pub fn is_gap(&self) -> bool {
        self.done && self.parts.is_empty()
    }

    /// The tick after its last.
    pub fn end(&self) -> u64 {
        self.start + self.duration
    }

    /// Bytes of all parts.
    pub fn size(&self) -> u64 {
        self.parts.iter().map(|p| u64::from(p.size)).sum()
    }
}

/// The timeline of one rendition: segments without a missing number, the newest perhaps still open.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// By what rule it is cut.
    pub kind: Kind,
    /// The venue's grid.
    pub grid: Grid,
    /// Ticks per second.
    pub timescale: u32,
    /// The newest format, `None` before the first unit ever.
    pub format: Option<Format>,
    segments: VecDeque<Segment>,
    kept: BTreeMap<Msn, Segment>,
    run: Run,
    /// Where the run of the newest segment begins, in ticks: gaps from there on stand after its discontinuity.
    began: u64,
    header: u32,
    discontinuities: u64,
    part_target: u64,
    /// Whether this run has made a part: from then on the playlist's PART-TARGET stays.
    parted: bool,
    peak: u64,
    bits: u128,
    ticks: u128,
}

impl Timeline {
    /// An empty timeline, to be filled from the store ([`Timeline::restore`]) and then by run `run`.
    pub fn new(kind: Kind, grid: Grid, run: Run) -> Self {
        let mut timeline = Self {
            kind,
            grid,
            timescale: kind.timescale(grid),
            format: None,
            segments: VecDeque::new(),
            kept: BTreeMap::new(),
            run,
            began: 0,
            header: 0,
            discontinuities: u64::from(run.0.saturating_sub(1)),
            part_target: 0,
            parted: false,
            peak: 0,
            bits: 0,
            ticks: 0,
        };
        timeline.set_part_target();
        timeline
    }

    /// Puts back a segment of an earlier run, which began at `began`, oldest first. One that is not newer than the newest
    /// is left out. Missing numbers become gaps.
    pub fn restore(&mut self, segment: Segment, began: MediaTime) {
        if self.segments.back().is_some_and(|last| last.msn >= segment.msn) || segment.parts.is_empty() {
            return;
        }
        self.discontinuities = segment.discontinuities;
        self.began = began.ticks(self.timescale);
        self.fill_gaps(segment.msn, segment.start, segment.run);
        self.segments.push_back(Segment { done: false, ..segment });
        self.close();
    }

    /// Puts back a segment that is older than the ring and kept for a mark or a highlight.
    pub fn keep(&mut self, segment: Segment) {
        if !self.torn(&segment) {
            self.kept.insert(segment.msn, Segment { done: true, ..segment });
        }
    }

    /// Says that the stored past is all there: what comes now belongs to this run, which begins at `at` after a
    /// discontinuity.
    ///
    /// Discontinuities are numbered by runs, and stand at a run's beginning whether or not anything was received by then:
    /// the same instants under the same numbers in every rung and sound, by which players align them (rfc8216bis, 6.2.4).
    /// hls.js waits for ever with a sound whose number is ahead of its picture's.
    pub fn begin_run(&mut self, at: MediaTime) {
        let past = self.segments.iter().chain(self.kept.values()).map(|s| s.discontinuities + 1).max();
        self.discontinuities = u64::from(self.run.0.saturating_sub(1)).max(past.unwrap_or(0));
        self.began = at.ticks(self.timescale);
    }

    /// Takes what the cutter made.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Header { k, format, .. } => {
                if self.format.is_some() && *k > 0 {
                    self.discontinuities += 1;
                }
                self.header = *k;
                self.format = Some(format.clone());
                if !self.parted {
                    self.set_part_target();
                }
            }
            Event::Part(part) => self.part(part),
            Event::Gap { msn, start, duration } => {
                self.close();
                self.fill_gaps(*msn, *start, self.run);
                self.push_gap(*msn, *start, *duration);
            }
        }
    }

    fn part(&mut self, part: &Part) {
        self.parted = true;
        if self.segments.back().is_none_or(|last| last.msn < part.msn) {
            self.close();
            self.fill_gaps(part.msn, part.start, self.run);
            self.segments.push_back(Segment {
                msn: part.msn,
                run: self.run,
                header: part.header,
                discontinuities: self.discontinuities,
                start: part.start,
                parts: Vec::new(),
                duration: 0,
                done: false,
            });
        }
        let Some(segment) = self.segments.back_mut() else { return };
        segment.parts.push(PartEntry {
            duration: u32::try_from(part.duration).unwrap_or(u32::MAX),
            size: u32::try_from(part.bytes.len()).unwrap_or(u32::MAX),
            independent: part.independent,
        });
        segment.duration += part.duration;
        if part.last {
            self.close();
        }
    }

    /// Ends the newest segment. One of the grid that is not whole becomes a gap as long as the grid's: every camera's
    /// timeline keeps the same length.
    fn close(&mut self) {
        let Some(mut last) = self.segments.pop_back() else { return };
        if !last.done {
            last.done = true;
            if self.torn(&last) {
                last.parts = Vec::new();
                last.start = self.grid.segment_start(last.msn, self.timescale);
                last.duration = self.grid.segment_start(last.msn.next(), self.timescale) - last.start;
            } else {
                self.measure(&last);
            }
        }
        self.segments.push_back(last);
    }

    /// Whether a grid segment's end is missing: its process was killed, or its camera stopped.
    fn torn(&self, segment: &Segment) -> bool {
        let end = self.grid.segment_start(segment.msn.next(), self.timescale);
        !matches!(self.kind, Kind::Source { .. }) && segment.end() < end
    }

    /// Gaps for the numbers between the newest segment and `next`, which starts at tick `start`.
    /// A source's numbers say nothing about time: between two runs they leave a hole that no playlist lists.
    fn fill_gaps(&mut self, next: Msn, start: u64, run: Run) {
        let Some(last) = self.segments.back() else { return };
        if matches!(self.kind, Kind::Source { .. }) && last.run != run {
            return;
        }
        let (from, first) = (last.end(), last.msn.next());
        let missing = next.0.saturating_sub(first.0);
        let hole = start.saturating_sub(from);
        if !matches!(self.kind, Kind::Source { .. }) {
            for msn in (0..missing).map(|i| Msn(first.0 + i)) {
                let begin = self.grid.segment_start(msn, self.timescale);
                let end = self.grid.segment_start(msn.next(), self.timescale);
                self.push_gap(msn, begin, end - begin);
            }
            return;
        }
        for i in 0..missing {
            let begin = from + scale(hole, i, missing);
            let end = from + scale(hole, i + 1, missing);
            self.push_gap(Msn(first.0 + i), begin, end.saturating_sub(begin));
        }
    }

    fn push_gap(&mut self, msn: Msn, start: u64, duration: u64) {
        let (run, header, before) = match self.segments.back() {
            Some(last) => (last.run, last.header, last.discontinuities),
            None => (self.run, self.header, self.discontinuities),
        };
        let discontinuities = if start >= self.began { self.discontinuities } else { before };
        let parts = Vec::new();
        self.segments.push_back(Segment { msn, run, header, discontinuities, start, parts, duration, done: true });
    }

    fn measure(&mut self, segment: &Segment) {
        if segment.duration == 0 {
            return;
        }
        let bits = segment.size() * 8;
        // Half a segment or less says little about a rate.
        if segment.duration * 2 > self.grid.segment_start(Msn(1), self.timescale) {
            self.peak = self.peak.max(scale(bits, u64::from(self.timescale), segment.duration));
        }
        self.bits += u128::from(bits);
        self.ticks += u128::from(segment.duration);
    }

    fn set_part_target(&mut self) {
        let frame = match &self.format {
            Some(Format::H264 { frame_ticks, .. }) if *frame_ticks > 0 => *frame_ticks,
            Some(Format::H264 { .. }) | None if self.kind != Kind::Sound => {
                u32::try_from(self.grid.frame_time(1).ticks(self.timescale)).unwrap_or(u32::MAX)
            }
            _ => crate::cutter::AAC_FRAME,
        };
        self.part_target = crate::cutter::part_target(self.kind, self.grid, frame);
    }

    /// The newest segments between which no number is missing: what a live playlist may list.
    pub fn unbroken(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        let breaks = |i: &usize| self.segments[*i].msn != self.segments[i - 1].msn.next();
        let from = match self.kind {
            Kind::Source { .. } => (1..self.segments.len()).rev().find(breaks).unwrap_or(0),
            _ => 0,
        };
        self.segments.range(from..)
    }

    /// The run that records now.
    pub fn run(&self) -> Run {
        self.run
    }

    /// All segments, oldest first.
    pub fn segments(&self) -> &VecDeque<Segment> {
        &self.segments
    }

    /// The segment of this number, in the ring or kept from before it.
    pub fn find(&self, msn: Msn) -> Option<&Segment> {
        self.segment(msn).or_else(|| self.kept.get(&msn))
    }

    /// Segments older than the ring that are kept, oldest first.
    pub fn kept(&self) -> impl Iterator<Item = &Segment> {
        self.kept.values()
    }

    /// The segment of this number, in the ring.
    pub fn segment(&self, msn: Msn) -> Option<&Segment> {
        self.segments.get(self.segments.partition_point(|s| s.msn < msn)).filter(|s| s.msn == msn)
    }

    /// The newest segment, open or not.
    pub fn newest(&self) -> Option<&Segment> {
        self.segments.back()
    }

    /// The number of the next segment to begin.
    pub fn next_msn(&self) -> Msn {
        self.newest().map_or(Msn(0), |s| s.msn.next())
    }

    /// The instant after the newest part.
    pub fn end(&self) -> Option<MediaTime> {
        self.newest().map(|s| MediaTime::from_ticks(s.end(), self.timescale))
    }

    /// The part that comes next: its segment and place.
    pub fn next_part(&self) -> (Msn, u32) {
        match self.newest() {
            Some(open) if !open.done => (open.msn, u32::try_from(open.parts.len()).unwrap_or(u32::MAX)),
            Some(done) => (done.msn.next(), 0),
            None => (Msn(0), 0),
        }
    }

    /// Where the timeline ends: all that a waiting request needs to know.
    pub fn edge(&self) -> Edge {
        let parts = |s: &Segment| u32::try_from(s.parts.len()).unwrap_or(u32::MAX);
        let done = self.segments.iter().rev().find(|s| s.done).map(|s| (s.msn, parts(s)));
        Edge { next: self.next_part(), done }
    }

    /// The longest part in ticks.
    pub fn part_target(&self) -> u64 {
        self.part_target
    }

    /// `EXT-X-TARGETDURATION` in seconds: no segment, rounded, is longer.
    pub fn target_duration(&self) -> u64 {
        let segment = self.grid.segment_start(Msn(1), self.timescale);
        let longest = match self.kind {
            Kind::Source { max_gop } => crate::cutter::longest_segment(max_gop, segment, self.timescale),
            _ => segment,
        };
        // Half a tick's worth of rounding apart, EXTINF rounds to the nearest integer.
        ((2 * longest + u64::from(self.timescale)) / (2 * u64::from(self.timescale))).max(1)
    }

    /// The highest rate of any segment so far, and the mean, in bits per second.
    pub fn bandwidth(&self) -> (u64, u64) {
        let mean = self.bits * u128::from(self.timescale) / self.ticks.max(1);
        (self.peak, u64::try_from(mean).unwrap_or(u64::MAX))
    }

    /// Makes a gap of a segment whose media could not be kept.
    pub fn lose(&mut self, run: Run, msn: Msn) {
        let place = self.segments.partition_point(|s| s.msn < msn);
        if let Some(segment) = self.segments.get_mut(place).filter(|s| s.msn == msn && s.done && s.run == run) {
            segment.parts = Vec::new();
        }
    }

    /// Forgets what ends at or before `before`: segments that `keep` wants are kept aside, the others' numbers are
    /// handed back. The newest segment stays.
    pub fn forget(&mut self, before: MediaTime, keep: impl Fn(&Segment) -> bool) -> Vec<(Run, Msn)> {
        let before = before.ticks(self.timescale);
        let mut gone = Vec::new();
        while self.segments.len() > 1 && self.segments.front().is_some_and(|s| s.done && s.end() <= before) {
            if let Some(oldest) = self.segments.pop_front().filter(|s| !s.is_gap()) {
                self.kept.insert(oldest.msn, oldest);
            }
        }
        self.kept.retain(|_, segment| {
            let wanted = keep(segment);
            if !wanted {
                gone.push((segment.run, segment.msn));
            }
            wanted
        });
        gone
    }
}
