//! Cuts a rendition's units into parts and segments, the moment their last unit is there.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::{
    Format, FormatError, Grid, MediaTime, Msn, Unit,
    boxes::{self, Sample},
};

/// By what rule a rendition is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A rung: one unit per grid frame, a key frame at each grid segment. Timescale: [`Grid::timescale`].
    Rung,
    /// AAC at 48 kHz: parts are whole AAC frames, segments begin with the first AAC frame inside the grid's segment.
    Sound,
    /// The camera's own bitstream at 90 kHz, cut at its own key frames, none further apart than `max_gop`.
    Source {
        /// The longest distance of key frames that is accepted.
        max_gop: MediaTime,
    },
}

impl Kind {
    /// Ticks per second of such a rendition.
    pub fn timescale(self, grid: Grid) -> u32 {
        match self {
            Self::Rung => grid.timescale(),
            Self::Sound => SOUND_TIMESCALE,
            Self::Source { .. } => 90_000,
        }
    }
}

/// A finished part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its segment.
    pub msn: Msn,
    /// Its place in the segment, from 0.
    pub index: u32,
    /// The first unit's presentation, in ticks of media time.
    pub start: u64,
    /// Its length in ticks.
    pub duration: u64,
    /// Whether it begins with a key frame.
    pub independent: bool,
    /// Whether it is its segment's last.
    pub last: bool,
    /// Which header of this run it is decoded with.
    pub header: u32,
    /// `moof` and `mdat`.
    pub bytes: Bytes,
}

/// What a cutter made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A new header, number `k` of this run.
    Header {
        /// Counts changes of parameters, from 0.
        k: u32,
        /// `ftyp` and `moov`.
        bytes: Bytes,
        /// What is in it.
        format: Format,
    },
    /// A finished part.
    Part(Part),
    /// A segment of which nothing was received.
    Gap {
        /// Its number.
        msn: Msn,
        /// Its start in ticks.
        start: u64,
        /// Its length in ticks.
        duration: u64,
    },
}

/// Samples a second of a sound.
pub(crate) const SOUND_TIMESCALE: u32 = 48_000;
/// Samples in an AAC frame.
pub(crate) const AAC_FRAME: u32 = 1024;

/// Why a rendition cannot be cut.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CutterError {
    /// The parameters are unusable.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// Key frames too far apart.
    #[error(
        "key frames are more than {max:.1} s apart; set the camera's encoder to a key frame each second or raise `max_gop`"
    )]
    Gop {
        /// The accepted distance in seconds.
        max: f64,
    },
}

/// Segments that one unit may lie ahead of the timeline's end: [`Cutter::tick`] keeps the end near to now, so what lies
/// further ahead has a broken clock.
const AHEAD: u64 = 600;

struct Open {
    msn: Msn,
    start: u64,
    parts: u32,
    /// Where its newest key frame begins.
    key: u64,
}

/// The cutter of one rendition.
pub struct Cutter {
    kind: Kind,
    grid: Grid,
    timescale: u32,
    next: Msn,
    /// Where the timeline ends: nothing before this tick is accepted.
    end: u64,
    headers: u32,
    format: Option<Format>,
    /// The longest part in ticks, by the format of the run's first part: a playlist's PART-TARGET never changes.
    part_target: u64,
    parted: bool,
    open: Option<Open>,
    pending: Vec<Sample>,
    pending_start: u64,
    /// A source's newest unit, whose length is known when the next one comes.
    held: Option<Unit>,
    /// What a source's frames were cut short by to fit their parts, in ticks: the next ones are as much longer.
    owed: u64,
    events: VecDeque<Event>,
}

impl Cutter {
    /// A cutter whose first segment is `next` or later and starts at `from` or later.
    pub fn new(kind: Kind, grid: Grid, next: Msn, from: MediaTime) -> Self {
        let timescale = kind.timescale(grid);
        let mut cutter = Self {
            kind,
            grid,
            timescale,
            next,
            end: from.ticks(timescale),
            headers: 0,
            format: None,
            part_target: 0,
            parted: false,
            open: None,
            pending: Vec::new(),
            pending_start: 0,
            held: None,
            owed: 0,
            events: VecDeque::new(),
        };
        cutter.part_target = part_target(kind, grid, cutter.nominal_frame());
        cutter
    }

    /// Says how far a source's key frames may lie apart. Before its playlist is listed: the target duration follows it, and
    /// never changes (rfc8216bis, 6.2.1).
    pub fn set_kind(&mut self, kind: Kind) {
        self.kind = kind;
    }

    /// Takes new parameters. The same ones again change nothing.
    ///
    /// # Errors
    /// When they are unusable: the units that follow are left out until others come.
    pub fn format(&mut self, format: Format) -> Result<(), CutterError> {
        if self.format.as_ref() == Some(&format) {
            return Ok(());
        }
        self.finish_segment();
        self.format = None;
        let bytes = boxes::header(&format, self.timescale)?;
        let k = self.headers;
        self.headers += 1;
        self.format = Some(format.clone());
        if !self.parted {
            self.part_target = part_target(self.kind, self.grid, self.nominal_frame());
        }
        self.events.push_back(Event::Header { k, bytes, format });
        Ok(())
    }

    /// Takes the next unit. One that does not fit (before the timeline's end, or not a key frame where a segment must
    /// begin) is left out.
    ///
    /// # Errors
    /// When a source's key frames are too far apart; the open segment ends there and the next key frame begins anew.
    pub fn push(&mut self, unit: Unit) -> Result<(), CutterError> {
        if self.format.is_none() || unit.pts > self.end.saturating_add(AHEAD * self.segment_ticks()) {
            return Ok(());
        }
        match self.kind {
            Kind::Rung => self.push_rung(unit),
            Kind::Sound => self.push_sound(unit),
            Kind::Source { max_gop } => return self.push_source(unit, max_gop),
        }
        Ok(())
    }

    /// What was made since the last call, oldest first.
    pub fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Tells that media time has come to `now`: segments of which nothing came within `grace` of their end are gaps, and
    /// every timeline keeps the same length.
    pub fn tick(&mut self, now: MediaTime, grace: MediaTime) {
        let overdue = MediaTime(now.0.saturating_sub(grace.0)).ticks(self.timescale);
        if let Some(open) = &self.open {
            if open.start + self.longest() > overdue {
                return;
            }
            self.finish_segment();
        }
        let due = match self.kind {
            // One gap a segment length after the last end.
            Kind::Source { .. } => (overdue.saturating_sub(self.end) / self.segment_ticks()).min(100_000),
            _ => self.grid.segment_at(overdue, self.timescale).0.saturating_sub(self.next.0).min(100_000),
        };
        for _ in 0..due {
            self.gap_until(self.end + self.segment_ticks());
        }
    }

    fn segment_ticks(&self) -> u64 {
        self.grid.segment_start(Msn(1), self.timescale)
    }

    fn longest(&self) -> u64 {
        match self.kind {
            Kind::Source { max_gop } => longest_segment(max_gop, self.segment_ticks(), self.timescale),
            _ => self.segment_ticks(),
        }
    }

    /// One gap: the next grid segment, or, of a source, up to tick `until`.
    fn gap_until(&mut self, until: u64) {
        let msn = self.next;
        let (start, end) = match self.kind {
            Kind::Source { .. } => (self.end, until),
            _ => {
                let start = self.grid.segment_start(msn, self.timescale);
                (start.max(self.end), self.grid.segment_start(msn.next(), self.timescale))
            }
        };
        if end > start {
            self.events.push_back(Event::Gap { msn, start, duration: end - start });
        }
        self.next = msn.next();
        self.end = end.max(self.end);
    }

    fn push_rung(&mut self, unit: Unit) {
        let frame = unit.pts / u64::from(self.grid.frame_ticks());
        let segment = self.grid.segment_of(frame);
        if self.open.as_ref().is_some_and(|open| open.msn < segment) {
            self.finish_segment();
        }
        if self.open.is_none() {
            if !unit.key || segment < self.next || frame != self.grid.first_frame(segment) {
                return;
            }
            while self.next < segment {
                self.gap_until(0);
            }
            self.begin(segment, unit.pts);
        }
        if unit.pts < self.end {
            return;
        }
        // A frame that never came: the one before it is shown longer, inside its part. A larger hole ends the segment.
        let late = unit.pts - self.end;
        if late > 0 {
            let part = |tick: u64| {
                (tick / u64::from(self.grid.frame_ticks()) - self.grid.first_frame(segment))
                    / u64::from(self.grid.part_frames)
            };
            let same_part = part(self.end) == part(unit.pts);
            match (self.pending.last_mut(), u32::try_from(late)) {
                (Some(last), Ok(late)) if same_part => last.duration += late,
                _ => return self.finish_segment(),
            }
            self.end = unit.pts;
        }
        self.add(&unit, self.grid.frame_ticks(), 0);
        let within = frame - self.grid.first_frame(segment) + 1;
        let ends_segment = within == u64::from(self.grid.segment_frames);
        if ends_segment || within.is_multiple_of(u64::from(self.grid.part_frames)) {
            self.finish_part(ends_segment);
        }
    }

    fn push_sound(&mut self, unit: Unit) {
        let segment = self.grid.segment_at(unit.pts, self.timescale);
        if self.open.as_ref().is_some_and(|open| open.msn < segment) {
            self.finish_segment();
        }
        if unit.pts < self.end {
            return;
        }
        if unit.pts > self.end {
            // A hole: what comes after it is not heard early, it begins the next segment.
            self.finish_segment();
        }
        if self.open.is_none() {
            // Only a segment's first frame begins it: one that began late would be short, and players that add up
            // lengths would hear all that follows early.
            let late = unit.pts - self.grid.segment_start(segment, self.timescale);
            if segment < self.next || late >= u64::from(unit.duration) {
                return;
            }
            while self.next < segment {
                self.gap_until(0);
            }
            self.begin(segment, unit.pts);
        }
        self.add(&unit, unit.duration, 0);
        let next_start = unit.pts + u64::from(unit.duration);
        let ends_segment = self.grid.segment_at(next_start, self.timescale) > segment;
        if ends_segment || self.pending.len() as u64 == self.sound_part_frames(unit.duration) {
            self.finish_part(ends_segment);
        }
    }

    /// AAC frames in a part: every part of a segment but the last has as many, so that each is the part target exactly.
    fn sound_part_frames(&self, frame: u32) -> u64 {
        part_ticks(self.grid, self.timescale).div_ceil(u64::from(frame.max(1)))
    }

    fn push_source(&mut self, unit: Unit, max_gop: MediaTime) -> Result<(), CutterError> {
        let Some(held) = self.held.replace(unit) else { return Ok(()) };
        let Some(unit) = &self.held else { return Ok(()) };
        let step = unit.dts.saturating_sub(held.dts);
        let nominal = if held.duration > 0 { held.duration } else { self.nominal_frame() };
        // Time that runs backwards, or a hole that no part can hold, ends the segment: a new key frame begins anew.
        let fits = u32::try_from(step).ok().filter(|step| (1..=self.part_target()).contains(&u64::from(*step)));
        let next_is_key = unit.key && fits.is_some();
        self.push_held(&held, fits.unwrap_or(nominal), next_is_key);
        let no_room = self.open.as_ref().is_some_and(|open| {
            let gop = self.end.saturating_sub(open.key);
            !next_is_key && gop + u64::from(nominal) > longest_gop(max_gop, self.timescale)
        });
        if fits.is_none() || no_room {
            // The unit that has just come is not of this segment: it waits for its own.
            let unit = self.held.take();
            self.finish_segment();
            self.held = unit;
        }
        if no_room { Err(CutterError::Gop { max: max_gop.0 as f64 / MediaTime::SECOND as f64 }) } else { Ok(()) }
    }

    fn push_held(&mut self, held: &Unit, duration: u32, next_is_key: bool) {
        if self.open.is_none() {
            if !held.key || held.pts < self.end {
                return;
            }
            // A hole of a frame or two is the one before it shown longer; a longer one is a gap.
            if held.pts > self.end + u64::from(duration) * 2 && self.next > Msn(0) {
                while held.pts - self.end > 2 * self.segment_ticks() {
                    self.gap_until(self.end + self.segment_ticks());
                }
                self.gap_until(held.pts);
            }
            self.begin(self.next, held.pts);
        } else if held.key
            && let Some(open) = &mut self.open
        {
            open.key = self.end;
        }
        // A part is at most the target and, but for a segment's last, at least 85 % of it, however uneven the frames are
        // (Apple's authoring specification): the frame that does not fit is decoded early, and shown at its own time.
        let wanted = u64::from(duration) + self.owed;
        let length = wanted.min(self.part_room());
        self.owed = wanted - length;
        // Decoding begins with the key frame's presentation, so that `tfdt` is the instant that playlists say.
        let cts = i64::try_from(held.pts).unwrap_or(i64::MAX).saturating_sub_unsigned(self.end);
        self.add(held, u32::try_from(length).unwrap_or(duration), i32::try_from(cts).unwrap_or(0));
        let elapsed = self.end - self.open.as_ref().map_or(self.end, |open| open.start);
        // Half a frame of tolerance: a key frame that is early by rounding still ends its segment.
        let ends_segment = next_is_key && elapsed + u64::from(duration) / 2 >= self.segment_ticks();
        if ends_segment || self.part_room() * 100 <= self.part_target() * 15 {
            self.finish_part(ends_segment);
        }
    }

    /// Ticks that the part in progress may still hold.
    fn part_room(&self) -> u64 {
        let held: u64 = self.pending.iter().map(|s| u64::from(s.duration)).sum();
        self.part_target().saturating_sub(held)
    }

    fn nominal_frame(&self) -> u32 {
        match self.format {
            Some(Format::H264 { frame_ticks, .. }) if frame_ticks > 0 => frame_ticks,
            Some(Format::Aac { .. }) => AAC_FRAME,
            _ => u32::try_from(self.grid.frame_time(1).ticks(self.timescale)).unwrap_or(u32::MAX),
        }
    }

    /// The longest part in ticks: what `PART-TARGET` says.
    pub fn part_target(&self) -> u64 {
        self.part_target
    }

    /// The longest segment in ticks: what `EXT-X-TARGETDURATION` is derived from.
    pub fn segment_target(&self) -> u64 {
        self.longest()
    }

    fn begin(&mut self, msn: Msn, start: u64) {
        self.open = Some(Open { msn, start, parts: 0, key: start });
        self.next = msn.next();
        self.end = start;
        self.owed = 0;
    }

    fn add(&mut self, unit: &Unit, duration: u32, cts: i32) {
        if self.pending.is_empty() {
            self.pending_start = self.end;
        }
        self.pending.push(Sample { duration, cts, key: unit.key, data: unit.data.clone() });
        self.end += u64::from(duration);
    }

    fn finish_part(&mut self, last: bool) {
        let Some(open) = &mut self.open else { return };
        if self.pending.is_empty() {
            return;
        }
        let duration = self.end - self.pending_start;
        let sequence = (open.msn.0 as u32).wrapping_shl(8) | (open.parts & 0xff);
        let part = Part {
            msn: open.msn,
            index: open.parts,
            start: self.pending_start,
            duration,
            independent: self.pending[0].key,
            last,
            header: self.headers.saturating_sub(1),
            bytes: boxes::fragment(sequence, self.pending_start, &self.pending),
        };
        open.parts += 1;
        self.parted = true;
        self.pending.clear();
        if last {
            self.open = None;
        }
        self.events.push_back(Event::Part(part));
    }

    /// Ends the open segment early: what was lost of it is lost.
    fn finish_segment(&mut self) {
        if let Some(held) = self.held.take() {
            let duration = self.nominal_frame();
            if self.open.is_some() {
                self.push_held(&held, duration, false);
            }
        }
        self.finish_part(true);
        self.open = None;
    }
}

fn part_ticks(grid: Grid, timescale: u32) -> u64 {
    grid.frame_time(u64::from(grid.part_frames)).ticks(timescale)
}

/// The longest segment of a source in ticks: a key frame may come just before the segment could end.
pub(crate) fn longest_segment(max_gop: MediaTime, segment: u64, timescale: u32) -> u64 {
    longest_gop(max_gop, timescale).max(segment) + segment
}

/// The longest distance of key frames that is accepted, in ticks: `max_gop` and a tenth, because capture makes frames as
/// much longer while it learns how late a camera is.
fn longest_gop(max_gop: MediaTime, timescale: u32) -> u64 {
    let ticks = max_gop.ticks(timescale);
    ticks.saturating_add(ticks / 10)
}

/// The longest part of a rendition in its ticks; `frame` is the length of a unit.
pub(crate) fn part_target(kind: Kind, grid: Grid, frame: u32) -> u64 {
    let ticks = part_ticks(grid, kind.timescale(grid));
    match kind {
        Kind::Rung => ticks,
        // Whole frames, rounded up; a hundredth of a frame forgives rounding.
        _ => {
            let frame = u64::from(frame.max(1));
            (ticks.saturating_sub(frame / 100)).div_ceil(frame).max(1) * frame
        }
    }
}
