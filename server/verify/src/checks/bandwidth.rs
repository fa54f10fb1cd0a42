//! BANDWIDTH and AVERAGE-BANDWIDTH against the bytes that came.

use crate::{
    Micros, SECOND,
    observe::{Presentation, Rendition, Top},
    playlist::integer,
    report::{At, Findings},
    rules::{AVERAGE, BANDWIDTH, BANDWIDTH_HIGH},
    seconds,
};

use super::multivariant::{of_group, of_stream};

/// What one rendition takes, in bits per second.
struct Rate {
    peak: u64,
    mean: u64,
    /// How much was measured.
    time: Micros,
    /// Whether all of it was read.
    whole: bool,
}

/// Less than this says little about the peak of a stream: a quiet scene is no proof.
const ENOUGH: Micros = 30 * SECOND;

pub(super) fn check(top: &Top, seen: &Presentation, findings: &mut Findings, unchecked: &mut Vec<String>) {
    let (mut some, mut enough) = (false, false);
    for (index, stream) in top.list.streams.iter().enumerate() {
        let Some(own) = of_stream(seen, index).and_then(rate) else { continue };
        let heard = of_group(top, seen, stream, "AUDIO").filter_map(rate);
        // Of several sounds or angles one is played: the dearest counts.
        let dearest = heard.max_by_key(|r| r.peak);
        let peak = own.peak.saturating_add(dearest.as_ref().map_or(0, |r| r.peak));
        let mean = own.mean.saturating_add(dearest.as_ref().map_or(0, |r| r.mean));
        let at = At::new(&top.url).line(stream.line);
        let declared = |name| stream.attributes.get(name).and_then(integer);
        // A tenth more is allowed by Apple's validator.
        if let Some(declared) = declared("BANDWIDTH")
            && peak > declared.saturating_add(declared / 10)
        {
            findings.add(&BANDWIDTH, at, format!("at least {peak} b/s, the peak measured"), declared.to_string());
        }
        let long = own.time >= ENOUGH && dearest.as_ref().is_none_or(|r| r.time >= ENOUGH);
        enough |= long;
        if let Some(declared) = declared("BANDWIDTH").filter(|_| long)
            && declared / 2 > peak
        {
            findings.add(&BANDWIDTH_HIGH, at, format!("about {peak} b/s, the peak measured"), declared.to_string());
        }
        let whole = own.whole && dearest.is_none_or(|r| r.whole);
        some |= whole;
        if let Some(declared) = declared("AVERAGE-BANDWIDTH").filter(|_| whole)
            && mean > declared.saturating_add(declared / 10)
        {
            findings.add(&AVERAGE, at, format!("at least {mean} b/s, the mean of it all"), declared.to_string());
        }
    }
    if !enough && !top.list.streams.is_empty() {
        unchecked.push(format!("whether BANDWIDTH is far too high: less than {} of media were read", seconds(ENOUGH)));
    }
    if !some && !top.list.streams.is_empty() {
        unchecked.push("AVERAGE-BANDWIDTH: only part of the media was read".into());
    }
}

/// Peak: the largest rate of consecutive segments that last between half and one and a half target durations together
/// (rfc8216bis, 4.1).
fn rate(rendition: &Rendition) -> Option<Rate> {
    let list = rendition.last()?;
    let target = list.target_micros().max(SECOND);
    let measured = rendition.measured();
    let all: Vec<(u64, u64, Micros)> = measured.iter().map(|(msn, m)| (*msn, m.bytes, m.duration)).collect();
    let mut peak = 0;
    for (index, (first, ..)) in all.iter().enumerate() {
        let (mut bytes, mut time) = (0u64, 0);
        for (expected, (msn, more, length)) in (*first..).zip(&all[index..]) {
            if *msn != expected {
                break;
            }
            bytes = bytes.saturating_add(*more);
            time = Micros::saturating_add(time, *length);
            if time > target + target / 2 {
                break;
            }
            if time >= target / 2 {
                peak = peak.max(bits(bytes, time));
            }
        }
    }
    let (bytes, time) = all
        .iter()
        .fold((0u64, 0), |(b, t), (_, more, length)| (b.saturating_add(*more), Micros::saturating_add(t, *length)));
    let whole = list.ended && list.whole().filter(|s| !s.gap).count() == all.len();
    (time > 0).then(|| Rate { peak, mean: bits(bytes, time), time, whole })
}

fn bits(bytes: u64, time: Micros) -> u64 {
    let time = u128::from(time.max(1).unsigned_abs());
    u64::try_from(u128::from(bytes) * 8 * 1_000_000 / time).unwrap_or(u64::MAX)
}
