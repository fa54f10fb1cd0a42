//! Packets under way: each goes out when it is due.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    time::{Duration, Instant},
};

use super::fate::Passed;

/// One direction's packets, in the order in which they arrive.
pub(super) struct Line {
    packets: BinaryHeap<Reverse<(Instant, u64, Vec<u8>)>>,
    count: u64,
    bytes: usize,
    /// When the last packet that keeps its order is due.
    last: Instant,
    /// When the link has carried everything so far.
    free: Instant,
}

impl Line {
    pub fn new(now: Instant) -> Self {
        Self { packets: BinaryHeap::new(), count: 0, bytes: 0, last: now, free: now }
    }

    /// Takes a packet; `rate_kbps` is what the link carries, 0 without a limit.
    pub fn push(&mut self, packet: Passed, rate_kbps: u64, now: Instant) {
        self.free = match (packet.bytes.len() as u64 * 8_000).checked_div(rate_kbps) {
            Some(micros) => self.free.max(now) + Duration::from_micros(micros),
            None => now,
        };
        let mut due = self.free + packet.delay;
        if packet.in_order {
            due = due.max(self.last);
            self.last = due;
        }
        self.count += 1;
        self.bytes += packet.bytes.len();
        self.packets.push(Reverse((due, self.count, packet.bytes)));
    }

    /// The next packet that is due.
    pub fn pop(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.packets.peek().is_none_or(|Reverse((due, ..))| *due > now) {
            return None;
        }
        let Reverse((_, _, bytes)) = self.packets.pop()?;
        self.bytes -= bytes.len();
        Some(bytes)
    }

    /// How long until a packet is due.
    pub fn wait(&self, now: Instant) -> Option<Duration> {
        self.packets.peek().map(|Reverse((due, ..))| due.saturating_duration_since(now))
    }

    /// Bytes under way.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(bytes: &[u8], delay: u64, in_order: bool) -> Passed {
        Passed { bytes: bytes.to_vec(), delay: Duration::from_millis(delay), in_order }
    }

    fn at(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    #[test]
    fn jitter_keeps_the_order_and_reordering_does_not() {
        let start = Instant::now();
        let mut line = Line::new(start);
        line.push(packet(b"a", 30, true), 0, start);
        line.push(packet(b"b", 10, true), 0, start);
        line.push(packet(b"c", 20, false), 0, start);
        assert_eq!(line.wait(start), Some(Duration::from_millis(20)));
        assert_eq!(line.pop(at(start, 20)).as_deref(), Some(&b"c"[..]));
        assert_eq!(line.pop(at(start, 29)), None);
        assert_eq!(line.pop(at(start, 30)).as_deref(), Some(&b"a"[..]));
        assert_eq!(line.pop(at(start, 30)).as_deref(), Some(&b"b"[..]));
    }

    #[test]
    fn a_narrow_link_spreads_a_burst() {
        let start = Instant::now();
        let mut line = Line::new(start);
        // A thousand bits a packet, a hundred thousand a second.
        (0..10u8).for_each(|n| line.push(packet(&[n; 125], 0, true), 100, start));
        assert_eq!(line.bytes(), 1_250);
        for n in 1..=10 {
            assert_eq!(line.pop(at(start, n * 10 - 1)), None);
            assert!(line.pop(at(start, n * 10)).is_some());
        }
        assert_eq!(line.bytes(), 0);
    }
}
