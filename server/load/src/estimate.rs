//! Throughput as players estimate it, and the rung they choose by it.

use std::time::Duration;

/// What is assumed before anything has been measured, in bits per second: hls.js's `abrEwmaDefaultEstimate`.
const ASSUMED: f64 = 500_000.0;
/// Half-lives of the two averages in seconds of transfer, and the seconds until both count fully; as in hls.js.
const HALF_LIVES: [f64; 2] = [3.0, 9.0];
/// A rung is kept while it takes at most this share of the estimate, and entered at the smaller share.
const SHARES: [f64; 2] = [0.8, 0.7];
/// Transfers shorter than this say nothing about a link.
const SHORTEST: f64 = 0.001;

/// Two moving averages; the lower one counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Estimate {
    averages: [f64; 2],
    seconds: f64,
}

impl Estimate {
    /// A transfer of so many bytes took so long.
    pub(crate) fn transfer(&mut self, bytes: u64, took: Duration) {
        let seconds = took.as_secs_f64().max(SHORTEST);
        let rate = bytes as f64 * 8.0 / seconds;
        for (average, half_life) in self.averages.iter_mut().zip(HALF_LIVES) {
            let keep = 0.5f64.powf(seconds / half_life);
            *average = *average * keep + rate * (1.0 - keep);
        }
        self.seconds += seconds;
    }

    /// Bits per second as measured, or 0.
    pub(crate) fn measured(&self) -> f64 {
        if self.seconds == 0.0 {
            return 0.0;
        }
        let corrected = self.averages.iter().zip(HALF_LIVES).map(|(average, half_life)| {
            // A young average leans to its zero: this takes that out.
            average / (1.0 - 0.5f64.powf(self.seconds / half_life))
        });
        corrected.fold(f64::INFINITY, f64::min)
    }

    /// The rung for a ladder of peak rates, lowest first, when playing `now`.
    pub(crate) fn rung(&self, ladder: impl Iterator<Item = u64>, now: Option<usize>) -> usize {
        let estimate = if self.seconds == 0.0 { ASSUMED } else { self.measured() };
        let fits = |(index, rate): (usize, u64)| {
            let share = if now.is_none_or(|now| index <= now) { SHARES[0] } else { SHARES[1] };
            let rate = rate as f64;
            (rate <= estimate * share).then_some(index)
        };
        ladder.enumerate().filter_map(fits).last().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LADDER: [u64; 3] = [350_000, 800_000, 1_800_000];

    fn after(rate: f64, transfers: u32) -> Estimate {
        let mut estimate = Estimate::default();
        for _ in 0..transfers {
            estimate.transfer(25_000, Duration::from_secs_f64(200_000.0 / rate));
        }
        estimate
    }

    #[test]
    fn a_link_is_measured_as_it_is() {
        for rate in [3e5, 2e6, 1e8] {
            let measured = after(rate, 5).measured();
            assert!((measured / rate - 1.0).abs() < 0.01, "{rate}: {measured}");
        }
    }

    #[test]
    fn rungs_follow_the_link() {
        let rung = |rate, now| after(rate, 5).rung(LADDER.into_iter(), now);
        assert_eq!(Estimate::default().rung(LADDER.into_iter(), None), 0);
        assert_eq!(rung(100_000.0, Some(2)), 0, "the lowest when none fits");
        assert_eq!(rung(1_100_000.0, Some(0)), 0, "up at seven tenths");
        assert_eq!(rung(1_100_000.0, Some(1)), 1, "stays at eight tenths");
        assert_eq!(rung(10_000_000.0, Some(0)), 2);
    }

    #[test]
    fn a_link_that_breaks_down_is_noticed() {
        let mut estimate = after(1e7, 10);
        estimate.transfer(25_000, Duration::from_secs(2));
        assert!(estimate.measured() < 5e6, "{}", estimate.measured());
    }
}
