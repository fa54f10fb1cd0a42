//! The capture time that a source sends along, and how far it is believed.

use super::{MS, placement::Delay};
use crate::Basis;

/// How far ahead of its own arrival a capture time may lie: clocks that are kept in step are this close.
const AHEAD: i64 = 40 * MS;
/// How far behind: beyond this, a segment would be given up before it has come.
const BEHIND: i64 = 1_500 * MS;
/// A larger change of the sender's clock against its source time is taken at once.
const STEP: i64 = 120 * MS;
/// A smaller one is followed by at most this part of the time that passes, so that even frames stay even.
const SLEW_DIVISOR: i64 = 100;

/// One connection's capture time: what is added to its source time, and how long it takes to arrive.
#[derive(Debug)]
pub(super) struct Captured {
    basis: Basis,
    /// Capture time - source time, as used and as last heard.
    smooth: i64,
    newest: i64,
    updated: i64,
    /// Arrival - source time.
    arrivals: Delay,
}

impl Captured {
    /// Something of source time `source` was captured at media time `at`, by what the source says.
    pub fn new(basis: Basis, source: i64, at: i64, arrival: i64) -> Self {
        let newest = at.saturating_sub(source);
        let arrivals = Delay::new(arrival.saturating_sub(source), arrival);
        Self { basis, smooth: newest, newest, updated: arrival, arrivals }
    }

    /// The same of what follows.
    pub fn observe(&mut self, basis: Basis, source: i64, at: i64, arrival: i64) {
        let newest = at.saturating_sub(source);
        let error = newest.saturating_sub(self.smooth);
        if basis != self.basis || error.saturating_abs() > STEP {
            *self = Self::new(basis, source, at, arrival);
            return;
        }
        let most = arrival.saturating_sub(self.updated).clamp(0, 1_000 * MS) / SLEW_DIVISOR;
        self.smooth += error.clamp(-most, most);
        (self.newest, self.updated) = (newest, arrival);
        self.arrivals.observe(arrival.saturating_sub(source), arrival);
    }

    /// What the source's word rests on, when it can be believed.
    pub fn believed(&self) -> Option<Basis> {
        (-AHEAD..=BEHIND).contains(&self.latency()).then_some(self.basis)
    }

    /// How long after its capture something arrives, by the sender's clock and ours; negative when the sender's is ahead.
    pub fn latency(&self) -> i64 {
        self.arrivals.smooth().saturating_sub(self.smooth)
    }

    /// What is added to source time.
    pub fn ahead(&self) -> i64 {
        self.smooth
    }

    /// How far something that is placed at source time + `delay` stands behind its capture.
    pub fn behind(&self, delay: i64) -> i64 {
        delay.saturating_sub(self.newest)
    }
}
