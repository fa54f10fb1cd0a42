//! When viewers come.

use std::time::Duration;

use crate::Arrive;

/// The shape of [`Arrive::Burst`]: an exponential decline with a time constant of a quarter of the time.
const DECLINE: f64 = 4.0;

/// The instants at which `count` viewers come, from the run's start, in order.
pub(crate) fn times(curve: Arrive, count: u32, over: Duration, rng: &mut fastrand::Rng) -> Vec<Duration> {
    let count = count.max(1);
    let mut gone = 0.0;
    let mut share = |index: u32| match curve {
        Arrive::Ramp => f64::from(index) / f64::from(count),
        Arrive::Burst => -(1.0 - rng.f64() * (1.0 - (-DECLINE).exp())).ln() / DECLINE,
        Arrive::Poisson => {
            gone += -(1.0 - rng.f64()).ln() / f64::from(count);
            gone
        }
    };
    let mut times: Vec<Duration> = (0..count).map(|index| over.mul_f64(share(index))).collect();
    times.sort_unstable();
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    const OVER: Duration = Duration::from_secs(10);

    fn of(curve: Arrive) -> Vec<Duration> {
        times(curve, 1000, OVER, &mut fastrand::Rng::with_seed(7))
    }

    #[test]
    fn a_burst_is_over_in_time_and_heavy_at_its_beginning() {
        let times = of(Arrive::Burst);
        assert!(times.iter().all(|t| *t <= OVER));
        let early = times.iter().filter(|t| **t <= OVER / 4).count();
        assert!((590..=700).contains(&early), "{early}");
    }

    #[test]
    fn a_ramp_is_even() {
        let times = of(Arrive::Ramp);
        assert_eq!((times[0], times[500]), (Duration::ZERO, OVER / 2));
    }

    #[test]
    fn poisson_gaps_have_the_rate_asked_for() {
        let last = of(Arrive::Poisson)[999].as_secs_f64();
        assert!((8.5..11.5).contains(&last), "{last}");
    }
}
