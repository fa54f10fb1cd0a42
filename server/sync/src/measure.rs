//! Signals against signals: plain arithmetic.

use std::collections::BTreeMap;

/// How much later one signal is than another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Peak {
    /// In steps of the signals; more than 0 when the second one is late.
    pub lag: i64,
    /// How alike they are at this lag: 1 is the same.
    pub height: f64,
    /// The most that they are alike at another lag.
    pub next: f64,
}

/// Correlates two signals at every lag up to `most` either way; `None` when nothing changes in one of them or they have too
/// little in common. Lags up to `near` from the best belong to it.
pub(crate) fn correlate(one: &BTreeMap<i64, f64>, other: &BTreeMap<i64, f64>, most: i64, near: i64) -> Option<Peak> {
    let (one, other) = (Row::of(one)?, Row::of(other)?);
    let all: Vec<(i64, f64)> = (-most..=most).filter_map(|lag| Some((lag, one.alike(&other, lag)?))).collect();
    let (lag, height) = all.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let others = all.iter().filter(|(other, _)| (other - lag).abs() > near);
    let next = others.map(|(_, height)| *height).max_by(f64::total_cmp)?;
    Some(Peak { lag, height, next })
}

/// A signal without gaps and without its mean.
struct Row {
    start: i64,
    values: Vec<f64>,
}

impl Row {
    fn of(signal: &BTreeMap<i64, f64>) -> Option<Self> {
        let (start, end) = (*signal.first_key_value()?.0, *signal.last_key_value()?.0);
        let mean = signal.values().sum::<f64>() / signal.len() as f64;
        let values: Vec<f64> = (start..=end).map(|at| signal.get(&at).map_or(0.0, |value| value - mean)).collect();
        (values.iter().map(|v| v * v).sum::<f64>() > f64::EPSILON).then_some(Self { start, values })
    }

    /// The correlation with a signal that is `lag` late, over what both have, which must be half at least.
    fn alike(&self, other: &Self, lag: i64) -> Option<f64> {
        let shift = self.start + lag - other.start;
        let (own, theirs) = (usize::try_from(-shift).unwrap_or(0), usize::try_from(shift).unwrap_or(0));
        let (own, theirs) = (self.values.get(own..)?, other.values.get(theirs..)?);
        let common = own.len().min(theirs.len());
        if common * 2 < self.values.len().min(other.values.len()) {
            return None;
        }
        let (mut product, mut one, mut two) = (0.0, 0.0, 0.0);
        for (a, b) in own.iter().zip(theirs) {
            product += a * b;
            one += a * a;
            two += b * b;
        }
        Some(product / (one * two).sqrt().max(f64::EPSILON))
    }
}

/// The middle of some values.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(start: i64, values: impl IntoIterator<Item = f64>) -> BTreeMap<i64, f64> {
        (start..).zip(values).collect()
    }

    fn noise(salt: u64) -> impl Iterator<Item = f64> {
        let mut state = salt;
        std::iter::from_fn(move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            Some((state >> 40) as f64 / f64::from(1 << 24))
        })
    }

    #[test]
    fn the_same_signal_is_found_wherever_it_is() {
        for lag in [-40, -1, 0, 7, 60] {
            let peak = correlate(&signal(1_000, noise(1).take(250)), &signal(1_000 + lag, noise(1).take(250)), 75, 2);
            let peak = peak.expect("a peak");
            assert_eq!(peak.lag, lag);
            assert!(peak.height > 0.99 && peak.next < 0.5, "{peak:?}");
        }
    }

    #[test]
    fn signals_that_have_nothing_in_common_are_not_alike() {
        let peak = correlate(&signal(0, noise(1).take(250)), &signal(0, noise(2).take(250)), 75, 2).expect("a peak");
        assert!(peak.height < 0.5, "{peak:?}");
        assert_eq!(correlate(&signal(0, [1.0; 250]), &signal(0, noise(2).take(250)), 75, 2), None, "nothing changes");
        assert_eq!(
            correlate(&signal(0, noise(1).take(99)), &signal(5_000, noise(1).take(99)), 75, 2),
            None,
            "no overlap"
        );
    }

    #[test]
    fn what_repeats_is_no_peak() {
        let tick = |offset: usize| (0..250).map(move |i| f64::from(u8::from((i + offset).is_multiple_of(25))));
        let peak = correlate(&signal(0, tick(0)), &signal(0, tick(7)), 75, 2).expect("a peak");
        assert!(peak.height - peak.next < 0.1, "{peak:?}");
    }
}
