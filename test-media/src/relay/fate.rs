//! What becomes of each packet: plain arithmetic from a seed, without sockets or time.

use std::time::Duration;

use super::{Conditions, clock::Clock};
use crate::noise::Rng;

/// How late a packet is that others overtake.
const OVERTAKEN: Duration = Duration::from_millis(20);
/// How late a piece of a TCP stream is that was lost: the least retransmission timeout of Linux.
const RETRANSMITTED: Duration = Duration::from_millis(200);
/// The chance that a burst begins with a packet, and that it ends with one.
const BEGINS: f64 = 1.0 / 200.0;
const ENDS: f64 = 1.0 / 50.0;

/// The fates of one direction's packets.
pub(super) struct Fates {
    rng: Rng,
    stream: bool,
    burst: bool,
    clock: Clock,
}

/// A packet that goes on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Passed {
    pub bytes: Vec<u8>,
    /// How long it is under way.
    pub delay: Duration,
    /// Whether it goes out before packets that came after it.
    pub in_order: bool,
}

/// What became of a packet.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fate {
    /// One, or more, or none.
    pub passed: Vec<Passed>,
    pub damaged: bool,
}

impl Fates {
    /// `stream`: packets are pieces of a stream, of which nothing may be missing, doubled or out of order.
    pub fn new(seed: u64, stream: bool) -> Self {
        Self { rng: Rng::new(seed), stream, burst: false, clock: Clock::default() }
    }

    /// What becomes of the next packet.
    pub fn decide(&mut self, conditions: &Conditions, mut bytes: Vec<u8>) -> Fate {
        // As many draws for every packet, so that one condition does not change what another does.
        let (lost, doubled) = (self.rng.chance(conditions.loss), self.rng.chance(conditions.duplicate));
        let (flipped, inserted) = (self.rng.chance(conditions.flip), self.rng.chance(conditions.insert));
        let (overtaken, jitter) = (self.rng.chance(conditions.reorder), self.rng.range(0.0, 1.0));
        let (turned, burst) = (self.rng.range(0.0, 1.0), self.rng.chance(conditions.burst));
        let (place, noise) = (self.rng.range(0.0, 1.0), self.rng.range(1.0, 256.0) as u8);
        self.burst = if self.burst { turned >= ENDS } else { turned < BEGINS };
        let lost = lost || (self.burst && burst);
        if conditions.black_hole || (lost && !self.stream) {
            return Fate::default();
        }
        self.clock.apply(conditions, &mut bytes);
        if flipped && !bytes.is_empty() {
            let at = ((place * bytes.len() as f64) as usize).min(bytes.len() - 1);
            bytes[at] ^= noise;
        }
        let late = match (self.stream, lost, overtaken) {
            (true, true, _) => RETRANSMITTED,
            (false, _, true) => OVERTAKEN,
            _ => Duration::ZERO,
        };
        let delay = conditions.delay + conditions.jitter.mul_f64(jitter) + late;
        let in_order = self.stream || !overtaken;
        let nonsense = inserted.then(|| bytes.iter().map(|byte| byte.wrapping_mul(167) ^ noise).collect());
        let twice = (doubled && !self.stream).then(|| bytes.clone());
        let passed: Vec<Passed> = [Some(bytes), twice, nonsense]
            .into_iter()
            .flatten()
            .map(|bytes| Passed { bytes, delay, in_order })
            .collect();
        let damaged = flipped || passed.len() > 1;
        Fate { passed, damaged }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 10,000 packets under these conditions.
    fn fates(seed: u64, stream: bool, conditions: &Conditions) -> Vec<Fate> {
        let mut fates = Fates::new(seed, stream);
        (0..10_000u32).map(|n| fates.decide(conditions, n.to_be_bytes().to_vec())).collect()
    }

    fn share(fates: &[Fate], of: impl Fn(&Fate) -> bool) -> f64 {
        fates.iter().filter(|fate| of(fate)).count() as f64 / fates.len() as f64
    }

    #[test]
    fn a_seed_repeats_itself_and_another_does_not() {
        let bad = Conditions { loss: 0.1, flip: 0.1, duplicate: 0.1, ..Conditions::default() };
        assert_eq!(fates(3, false, &bad), fates(3, false, &bad));
        assert_ne!(fates(3, false, &bad), fates(4, false, &bad));
    }

    #[test]
    fn one_condition_does_not_change_what_another_does() {
        let lossy = Conditions { loss: 0.02, ..Conditions::default() };
        let worse = Conditions { jitter: Duration::from_millis(30), duplicate: 0.5, ..lossy.clone() };
        let lost = |fates: Vec<Fate>| fates.iter().map(|fate| fate.passed.is_empty()).collect::<Vec<_>>();
        assert_eq!(lost(fates(1, false, &lossy)), lost(fates(1, false, &worse)));
    }

    #[test]
    fn shares_are_what_they_are_said_to_be() {
        let with = |change: fn(&mut Conditions)| {
            let mut conditions = Conditions::default();
            change(&mut conditions);
            fates(11, false, &conditions)
        };
        let close = |found: f64, wanted: f64| assert!((found - wanted).abs() < 0.01, "{found}, not {wanted}");
        close(share(&with(|c| c.loss = 0.02), |fate| fate.passed.is_empty()), 0.02);
        close(share(&with(|c| c.duplicate = 0.2), |fate| fate.passed.len() == 2), 0.2);
        close(share(&with(|c| c.flip = 0.3), |fate| fate.damaged), 0.3);
        close(share(&with(|c| c.reorder = 0.1), |fate| !fate.passed[0].in_order), 0.1);
        assert!(with(|_| ()).iter().zip(0u32..).all(|(fate, n)| fate.passed[0].bytes == n.to_be_bytes()));
    }

    #[test]
    fn a_burst_loses_its_share_while_it_lasts_and_nothing_outside() {
        let conditions = Conditions { burst: 0.3, ..Conditions::default() };
        let lost: Vec<bool> = fates(5, false, &conditions).iter().map(|fate| fate.passed.is_empty()).collect();
        let total = lost.iter().filter(|lost| **lost).count();
        // A fifth of the time, three tenths.
        assert!((300..1_000).contains(&total), "{total} lost");
        let calm = lost.chunks(100).filter(|chunk| !chunk.contains(&true)).count();
        assert!(calm > 30, "losses come together: {calm} of 100 stretches without any");
    }

    #[test]
    fn a_stream_loses_nothing_and_is_late_instead() {
        let conditions = Conditions { loss: 0.1, duplicate: 0.5, reorder: 0.5, ..Conditions::default() };
        let fates = fates(2, true, &conditions);
        assert!(fates.iter().zip(0u32..).all(|(fate, n)| {
            fate.passed.len() == 1 && fate.passed[0].in_order && fate.passed[0].bytes == n.to_be_bytes()
        }));
        let late = share(&fates, |fate| fate.passed[0].delay == RETRANSMITTED);
        assert!((late - 0.1).abs() < 0.02, "{late}");
    }
}
