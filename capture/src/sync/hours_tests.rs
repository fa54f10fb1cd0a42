//! Three hours of arithmetic: any source rate onto any venue grid, without drift.

use packager::{Grid, MediaTime};
use proptest::prelude::*;

use super::{MS, Placement, Regrid, Stream, scale};
use crate::clock::signed;

const HOURS: i64 = 3 * 3_600_000 * MS;
const START: i64 = 3_600_000 * MS;
/// From the instant to its arrival, at least.
const WAY: i64 = 80 * MS;
/// How much later than that packets come, at most.
const JITTER: i64 = 15 * MS;

/// A number that looks random, below `limit`.
fn noise(state: &mut u64, limit: i64) -> i64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    i64::try_from(*state >> 33).expect("31 bits") % limit
}

/// What came of a source on a grid.
struct Outcome {
    frames: u64,
    slots: u64,
    repeated: u64,
    dropped: u64,
    /// How far slots stood from the instants of their pictures: the earliest and the latest, in nanoseconds.
    error: (i64, i64),
}

/// Plays three hours. `steps` gives each frame's length in nanoseconds of the camera's clock, which is wrong by `ppm`.
fn play(grid: Grid, ppm: i64, mut step: impl FnMut(i64) -> i64) -> Outcome {
    let mut placement = Placement::new(Stream::Picture, 0, true);
    let mut regrid: Regrid<(i64, bool)> = Regrid::new(grid, 0);
    let mut state = 7;
    let mut outcome = Outcome { frames: 0, slots: 0, repeated: 0, dropped: 0, error: (i64::MAX, i64::MIN) };
    let (mut first, mut next) = (None, 0);
    // What the camera's clock says, in whole nanoseconds since its start.
    let mut camera = 0;
    for n in 0.. {
        let instant = START + camera + scale(camera, ppm.unsigned_abs(), 1_000_000) * ppm.signum();
        if instant > START + HOURS {
            break;
        }
        let arrival = instant + WAY + noise(&mut state, JITTER);
        // A transport stream's time stamps: 90 kHz.
        let stamp = scale(scale(camera, 90_000, MediaTime::SECOND), MediaTime::SECOND, 90_000);
        let at = placement.place(Stream::Picture, Some(stamp), arrival).expect("a clock that goes");
        // The minima of arrivals are known after a few seconds.
        let settled = camera > 10_000 * MS;
        let mut emit = |slot: u64, (instant, settled): &(i64, bool)| {
            assert!(first.is_none() || slot == next, "slot {slot} after {next}");
            first.get_or_insert(slot);
            next = slot + 1;
            outcome.slots += 1;
            if *settled {
                let error = signed(grid.frame_time(slot).0) - instant - WAY;
                outcome.error = (outcome.error.0.min(error), outcome.error.1.max(error));
            }
        };
        while let Some(due) = regrid.deadline().map(|due| signed(due.0)).filter(|due| *due <= arrival) {
            regrid.tick(due, &mut emit);
        }
        regrid.frame(at, (instant, settled), &mut emit);
        outcome.frames += 1;
        camera += step(n);
    }
    (outcome.repeated, outcome.dropped) = (regrid.repeated, regrid.dropped);
    outcome
}

fn grid(rate: &str) -> Grid {
    let (part, segment) = if rate == "50" { (10, 50) } else { (6, 30) };
    Grid::new(rate.parse().expect("a rate"), part, segment).expect("a grid")
}

/// The time of a slot, in nanoseconds.
fn slot(grid: Grid) -> i64 {
    signed(grid.frame_time(1).0)
}

#[test]
fn any_rate_stands_on_any_grid_for_three_hours() {
    for rate in ["25", "50", "30000/1001"] {
        let grid = grid(rate);
        for (num, den) in [(24_000, 1_001), (25, 1), (30_000, 1_001), (50, 1), (60_000, 1_001)] {
            for ppm in [-80, 0, 80] {
                let at = |n: i64| scale(n, den * MediaTime::SECOND, num);
                let out = play(grid, ppm, |n| at(n + 1) - at(n));
                let name = format!("{num}/{den} on {rate}, {ppm} ppm");
                let (slot, frame) = (slot(grid), at(1));
                // From three quarters of a slot early, to the end of a picture that is repeated and the jitter.
                let (early, late) = out.error;
                assert!(early > -slot * 3 / 4 - JITTER, "{name}: {} us early", early / 1_000);
                assert!(late < frame.max(slot) + slot * 3 / 4 + JITTER, "{name}: {} us late", late / 1_000);
                // The grid is full from its first whole segment to its end, and nothing is repeated and dropped in turn.
                let expected = scale(HOURS, u64::from(grid.rate.num()), u64::from(grid.rate.den()) * MediaTime::SECOND);
                assert!(signed(out.slots).abs_diff(expected) <= 55, "{name}: {} slots of {expected}", out.slots);
                let (more, less) = (out.slots.saturating_sub(out.frames), out.frames.saturating_sub(out.slots));
                assert!(out.repeated <= more + 60, "{name}: {} repeated for {more}", out.repeated);
                assert!(out.dropped <= less + 60, "{name}: {} dropped for {less}", out.dropped);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]
    #[test]
    fn frames_of_uneven_length_stand_on_the_grid_for_three_hours(
        seed in any::<u64>(),
        shortest in 8..40i64,
        spread in 1..80i64,
        rate in prop::sample::select(vec!["25", "50", "30000/1001"]),
    ) {
        let grid = grid(rate);
        let mut state = seed;
        let out = play(grid, 30, |_| (shortest + noise(&mut state, spread)) * MS);
        let (early, late) = out.error;
        let (slot, longest) = (slot(grid), (shortest + spread) * MS);
        prop_assert!(early > -slot * 3 / 4 - JITTER, "{} us early", early / 1_000);
        prop_assert!(late < longest.max(slot) + slot * 3 / 4 + JITTER, "{} us late", late / 1_000);
        let expected = scale(HOURS, u64::from(grid.rate.num()), u64::from(grid.rate.den()) * MediaTime::SECOND);
        prop_assert!(signed(out.slots).abs_diff(expected) <= 55, "{} slots of {}", out.slots, expected);
    }
}
