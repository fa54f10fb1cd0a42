//! Source frames onto the venue's grid: the same rate passes one to one, another rate evenly, a stall is bridged.

use packager::{Grid, MediaTime};

use super::{MS, scale};
use crate::clock::signed;

/// How long after a frame was due its absence is a stall.
const STALL: i64 = 300 * MS;
/// How far a frame may stand from the slot that takes it, in thousandths of a slot. More than a half is the
/// hysteresis: a source of the grid's rate but another phase neither drops nor repeats when it jitters.
const REACH: i64 = 750;

/// Puts placed frames into grid slots. What it emits is contiguous inside a grid segment, and a segment is emitted
/// whole or not at all (but for the one in which the camera is stopped).
///
/// Give it every frame ([`Regrid::frame`]) and the time ([`Regrid::tick`]), at the latest at [`Regrid::deadline`].
#[derive(Debug)]
pub(crate) struct Regrid<P> {
    grid: Grid,
    /// How late the camera delivers.
    pub offset: i64,
    /// The first slot that was never used.
    floor: u64,
    running: Option<Running<P>>,
    /// While not running: the newest picture, which may still be on at the next boundary.
    waiting: Option<(u64, P)>,
    pub repeated: u64,
    pub dropped: u64,
}

#[derive(Debug)]
struct Running<P> {
    last: P,
    stalled: bool,
}

impl<P: Clone> Regrid<P> {
    /// `offset` is how late the camera delivers.
    pub fn new(grid: Grid, offset: i64) -> Self {
        Self { grid, offset, floor: 0, running: None, waiting: None, repeated: 0, dropped: 0 }
    }

    /// Takes a frame that stands at `at`. `emit` is called with the slots that are now decided, in order.
    pub fn frame(&mut self, at: i64, picture: P, emit: &mut impl FnMut(u64, &P)) {
        let place = scale(at, u64::from(self.grid.rate.num()) * 1_000, self.second());
        let Ok(slot) = u64::try_from((place + 500).div_euclid(1_000)) else {
            self.dropped += 1;
            return;
        };
        let (segment, bridge) = (self.segment(), self.bridge());
        if let Some(running) = &mut self.running {
            let early = place - signed(self.floor).saturating_mul(1_000);
            if early < -REACH {
                self.dropped += 1;
                return;
            }
            let holes = if early < REACH { 0 } else { ((early - REACH) / 1_000 + 1).unsigned_abs() };
            let end = self.floor.next_multiple_of(segment);
            if holes <= bridge || self.floor + holes <= end {
                for _ in 0..holes {
                    emit(self.floor, &running.last);
                    self.floor += 1;
                    self.repeated += 1;
                }
                emit(self.floor, &picture);
                self.floor += 1;
                *running = Running { last: picture, stalled: false };
                return;
            }
            self.finish(emit);
        }
        self.wait(slot, picture, emit);
    }

    /// Lets time pass: repeats the last picture through a stall, until its segment is whole.
    pub fn tick(&mut self, now: i64, emit: &mut impl FnMut(u64, &P)) {
        while let Some(running) = &mut self.running {
            let due = signed(self.grid.frame_time(self.floor).0).saturating_add(self.offset);
            let stall = now >= due.saturating_add(STALL);
            running.stalled |= stall;
            if self.floor.is_multiple_of(u64::from(self.grid.segment_frames)) {
                if stall {
                    self.running = None;
                }
                return;
            }
            if !running.stalled || now < due {
                return;
            }
            emit(self.floor, &running.last);
            self.floor += 1;
            self.repeated += 1;
        }
    }

    /// When [`Regrid::tick`] next has something to do.
    pub fn deadline(&self) -> Option<MediaTime> {
        let running = self.running.as_ref()?;
        let due = signed(self.grid.frame_time(self.floor).0).saturating_add(self.offset);
        let repeats = running.stalled && !self.floor.is_multiple_of(self.segment());
        let at = if repeats { due } else { due.saturating_add(STALL) };
        Some(MediaTime(u64::try_from(at).unwrap_or(0)))
    }

    /// Not running: starts at a segment's first frame, or when a boundary lies between this frame and the one before.
    fn wait(&mut self, slot: u64, picture: P, emit: &mut impl FnMut(u64, &P)) {
        let boundary = match &self.waiting {
            Some((before, _)) if slot > *before && slot - before <= self.bridge() => {
                self.grid.first_frame(self.grid.segment_of(*before).next())
            }
            _ => slot.next_multiple_of(self.segment()),
        };
        if slot < boundary || boundary < self.floor {
            // It may be replaced without having been on any slot.
            self.dropped += u64::from(self.waiting.replace((slot, picture)).is_some());
            return;
        }
        if let Some((_, before)) = self.waiting.take() {
            self.dropped += u64::from(boundary == slot);
            for hole in boundary..slot {
                emit(hole, &before);
                self.repeated += 1;
            }
        }
        emit(slot, &picture);
        self.floor = slot + 1;
        self.running = Some(Running { last: picture, stalled: false });
    }

    /// Stops at the end of the segment that is being written.
    fn finish(&mut self, emit: &mut impl FnMut(u64, &P)) {
        if let Some(running) = self.running.take() {
            while !self.floor.is_multiple_of(u64::from(self.grid.segment_frames)) {
                emit(self.floor, &running.last);
                self.floor += 1;
                self.repeated += 1;
            }
        }
    }

    fn segment(&self) -> u64 {
        u64::from(self.grid.segment_frames)
    }

    /// How many missing slots between two frames are filled across a boundary.
    fn bridge(&self) -> u64 {
        scale(STALL, u64::from(self.grid.rate.num()), self.second()).unsigned_abs()
    }

    /// The rate's denominator in nanoseconds.
    fn second(&self) -> u64 {
        u64::from(self.grid.rate.den()) * MediaTime::SECOND
    }
}

#[cfg(test)]
#[path = "regrid_tests.rs"]
mod tests;
