use proptest::prelude::*;

use super::*;

const MS: i64 = RATE / 1_000;

/// A block in which every sample's left value tells its place (modulo 30,000, plus one).
fn block(at: i64, length: i64) -> Vec<i16> {
    (at..at + length).flat_map(|n| [mark(n), -1]).collect()
}

fn mark(n: i64) -> i16 {
    i16::try_from(n.rem_euclid(30_000) + 1).expect("small")
}

/// Reads every 10 ms from the track's start to `until`; the left values from `first` on.
fn read(track: &mut Track, from: i64, until: i64, all: &mut Vec<i16>) {
    let mut out = Vec::new();
    for now in (from..=until).step_by(480) {
        track.pull(now, &mut out);
        all.extend(out.iter().step_by(2));
    }
}

#[test]
fn without_a_source_there_is_silence_at_the_pace_of_the_clock() {
    let mut track = Track::new(1_000, 0);
    let mut all = Vec::new();
    read(&mut track, 1_000, 1_000 + RATE, &mut all);
    assert_eq!(count(all.len() * 2), RATE - PATIENCE);
    assert!(all.iter().all(|value| *value == 0));
}

#[test]
fn samples_lie_exactly_where_they_belong() {
    let mut track = Track::new(0, 0);
    let mut all = Vec::new();
    for n in 0..200 {
        let (at, now) = (10_000 + n * 1_024, 10_000 + (n + 1) * 1_024);
        read(&mut track, now - 1_024, now - 1, &mut all);
        // Placement wanders by a few milliseconds.
        track.push(at + (n * 37 % 400 - 200) * i64::from(n > 0), &block(at, 1_024), now);
    }
    read(&mut track, 10_000 + 200 * 1_024, 10_000 + 200 * 1_024, &mut all);
    for (n, value) in (0..).zip(&all) {
        assert_eq!(*value, if n < 10_000 { 0 } else { mark(n) }, "sample {n}");
    }
    assert!(all.len() > 200_000);
}

#[test]
fn a_bursty_source_has_gaps_only_until_its_bursts_are_known() {
    let mut track = Track::new(0, 0);
    let (mut all, mut gaps) = (Vec::new(), Vec::new());
    for burst in 0..30 {
        let (at, now) = (burst * 183 * MS, (burst + 1) * 183 * MS);
        read(&mut track, now - 183 * MS, now - 1, &mut all);
        for part in 0..9 {
            track.push(at + part * 976, &block(at + part * 976, 976), now);
        }
    }
    for (n, value) in (0..).zip(&all) {
        if *value != mark(n) {
            gaps.push(n);
        }
    }
    assert!(gaps.iter().all(|n| *n < 2 * 183 * MS), "gaps after the second burst: {:?}", gaps.last());
}

#[test]
fn a_hole_is_silent_and_an_overlap_is_cut() {
    let mut track = Track::new(0, 0);
    track.push(0, &block(0, 4_800), 4_800);
    track.push(9_600, &block(9_600, 4_800), 14_400);
    track.push(11_000, &block(11_000, 9_600), 20_600);
    let mut out = Vec::new();
    assert_eq!(track.pull(20_600, &mut out), 0);
    let left: Vec<i16> = out.iter().step_by(2).copied().collect();
    for (n, value) in (0..).zip(&left) {
        assert_eq!(*value, if (4_800..9_600).contains(&n) { 0 } else { mark(n) }, "sample {n}");
    }
    assert_eq!(left.len(), 20_600);
}

#[test]
fn drift_is_corrected_beyond_the_tolerance() {
    let mut track = Track::new(0, 0);
    track.push(0, &block(0, 4_800), 4_800);
    track.push(4_800 + TOLERANCE, &block(4_800, 4_800), 9_600);
    track.push(9_600 + TOLERANCE + 1, &block(9_600, 4_800), 14_400);
    let mut out = Vec::new();
    track.pull(RATE, &mut out);
    let at = |n: i64| out[values(n)];
    assert_eq!(at(4_800), mark(4_800), "within the tolerance it follows at once");
    assert_eq!((at(9_600), at(9_600 + TOLERANCE)), (0, 0), "beyond it, silence");
    assert_eq!(at(9_600 + TOLERANCE + 1), mark(9_600));
}

#[test]
fn an_offset_is_waited_for() {
    let mut track = Track::new(0, RATE * 2);
    let mut out = Vec::new();
    track.pull(RATE * 2 + PATIENCE, &mut out);
    assert!(out.is_empty());
    track.push(0, &block(0, 480), RATE * 2 + 480);
    track.pull(RATE * 2 + PATIENCE, &mut out);
    assert_eq!(out[0], mark(0));
}

proptest! {
    #[test]
    fn what_is_read_is_contiguous_and_never_ahead(
        blocks in proptest::collection::vec((any::<i64>(), -20_000..20_000i64, 0..5_000i64, any::<bool>()), 1..100),
    ) {
        let mut track = Track::new(0, 0);
        let (mut now, mut next, mut out) = (0, 0, Vec::new());
        for (wild, near, step, sane) in blocks {
            now += step;
            let at = if sane { now + near } else { wild };
            track.push(at, &block(0, 1_024), now);
            let start = track.pull(now, &mut out);
            prop_assert_eq!(start, next);
            next = start + count(out.len());
            prop_assert!(next <= now);
            prop_assert!(next >= now - MOST_PATIENCE - 5_000);
        }
    }
}
