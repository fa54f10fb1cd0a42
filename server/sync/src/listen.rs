//! From sound to a signal.

use std::collections::BTreeMap;

use crate::fetch::Media;

/// Samples in a millisecond.
const SAMPLES: i64 = 48;

/// What is heard: by milliseconds of media time, how much louder it became.
pub(crate) fn heard(media: &Media) -> Result<BTreeMap<i64, f64>, cut::CutError> {
    let mut loudness: BTreeMap<i64, f64> = BTreeMap::new();
    for (_, segment) in media {
        cut::sound(segment, |tick, samples| {
            for (sample, at) in samples.iter().zip(tick..) {
                *loudness.entry(at.div_euclid(SAMPLES)).or_default() += f64::from(sample.abs()) / SAMPLES as f64;
            }
        })?;
    }
    // What begins is sharper than what lasts.
    let before = loudness.values().copied();
    let rises: Vec<f64> = before.clone().zip(before.skip(1)).map(|(one, next)| (next - one).max(0.0)).collect();
    Ok(loudness.into_keys().skip(1).zip(rises).collect())
}
