use packager::{Grid, Rate};
use proptest::prelude::*;

use super::*;

fn grid(rate: &str, segment_frames: u32) -> Grid {
    Grid::new(rate.parse::<Rate>().expect("a rate"), 5, segment_frames).expect("a grid")
}

/// What a source made of a regrid: the slots, and the number of the source frame in each.
struct Run {
    regrid: Regrid<usize>,
    slots: Vec<(u64, usize)>,
}

impl Run {
    fn new(grid: Grid) -> Self {
        Self { regrid: Regrid::new(grid, 0), slots: Vec::new() }
    }

    /// Frame `n` stands at `at` and arrives at `now`; time has been passing before it.
    fn frame(&mut self, n: usize, at: i64, now: i64) {
        self.tick(now);
        self.regrid.frame(at, n, &mut |slot, n| self.slots.push((slot, *n)));
    }

    /// Time passes as a thread would let it pass: from deadline to deadline.
    fn tick(&mut self, now: i64) {
        while let Some(due) = self.regrid.deadline().map(|at| signed(at.0)).filter(|due| *due <= now) {
            self.regrid.tick(due, &mut |slot, n| self.slots.push((slot, *n)));
        }
        self.regrid.tick(now, &mut |slot, n| self.slots.push((slot, *n)));
    }

    /// A source of `fps` (numerator, denominator), `frames` long, of a phase.
    fn play(&mut self, fps: (i64, i64), frames: usize, phase: i64) {
        for n in 0..frames {
            let at = phase + i64::try_from(n).expect("small") * fps.1 * 1_000_000_000 / fps.0;
            self.frame(n, at, at);
        }
    }

    fn numbers(&self) -> Vec<u64> {
        self.slots.iter().map(|(slot, _)| *slot).collect()
    }

    /// Segments are whole or absent, slots contiguous inside them and used once.
    fn check(&self, segment_frames: u64, unfinished: bool) {
        let slots = self.numbers();
        assert!(slots.windows(2).all(|w| w[0] < w[1]), "slots go back: {slots:?}");
        for (i, slot) in slots.iter().enumerate() {
            if i == 0 || slots[i - 1] + 1 != *slot {
                assert_eq!(slot % segment_frames, 0, "slot {slot} starts in a segment: {slots:?}");
            }
            let followed = slots.get(i + 1).is_some_and(|next| *next == slot + 1);
            let excused = unfinished && i + 1 == slots.len();
            if !followed && !excused {
                assert_eq!((slot + 1) % segment_frames, 0, "slot {slot} ends in a segment: {slots:?}");
            }
        }
    }
}

#[test]
fn a_source_of_the_grids_rate_passes_one_to_one() {
    for (rate, fps) in [("25", (25, 1)), ("50", (50, 1)), ("30000/1001", (30_000, 1_001))] {
        for phase in [0, 13 * MS, 19 * MS, 33 * MS] {
            let mut run = Run::new(grid(rate, 30));
            run.play(fps, 500, phase);
            assert_eq!((run.regrid.repeated, run.slots.len()), (0, 500 - run.slots[0].1), "{rate} at {phase}");
            assert!(run.slots.windows(2).all(|w| w[1].1 == w[0].1 + 1));
            run.check(30, true);
        }
    }
}

#[test]
fn jitter_of_less_than_a_quarter_frame_changes_nothing() {
    let mut run = Run::new(grid("25", 25));
    for n in 0..1_000 {
        let at = 19 * MS + i64::try_from(n).expect("small") * 40 * MS;
        run.frame(n, at + (at / MS * 7 % 19 - 9) * MS, at + 20 * MS);
    }
    assert_eq!(run.regrid.repeated, 0);
    assert!(run.slots.windows(2).all(|w| w[1].1 == w[0].1 + 1));
}

#[test]
fn other_rates_are_converted_evenly() {
    for (fps, most_repeats, most_skips) in
        [((50, 1), 0, 1), ((60, 1), 0, 2), ((30, 1), 0, 1), ((24, 1), 1, 0), ((20, 1), 1, 0), ((10, 1), 2, 0)]
    {
        let mut run = Run::new(grid("25", 25));
        run.play(fps, 600, 7 * MS);
        run.check(25, true);
        let mut repeats = 0;
        for pair in run.slots.windows(2) {
            let step = pair[1].1 - pair[0].1;
            repeats = if step == 0 { repeats + 1 } else { 0 };
            assert!(repeats <= most_repeats && step <= most_skips + 1, "{fps:?}: {pair:?}");
        }
        assert_eq!(run.slots[0].0 % 25, 0);
        assert_eq!(run.slots.last().map(|s| s.0 - run.slots[0].0 + 1), Some(run.slots.len() as u64), "no hole");
    }
}

#[test]
fn a_stall_is_bridged_to_the_end_of_its_segment_and_ends_at_a_boundary() {
    let mut run = Run::new(grid("25", 25));
    run.play((25, 1), 60, 0);
    run.tick(9_000 * MS);
    assert_eq!(run.numbers(), (0..75).collect::<Vec<_>>());
    assert_eq!(run.slots[74].1, 59, "the last picture stays");
    for n in 0..60 {
        let at = 9_050 * MS + i64::try_from(n).expect("small") * 40 * MS;
        run.frame(100 + n, at, at);
    }
    assert_eq!(run.slots[75].0, 250);
    run.check(25, true);
}

#[test]
fn a_stall_repeats_in_real_time() {
    let mut run = Run::new(grid("25", 25));
    run.play((25, 1), 52, 0);
    run.tick(52 * 40 * MS + 299 * MS);
    assert_eq!(run.slots.len(), 52);
    run.tick(52 * 40 * MS + 300 * MS);
    assert_eq!(run.numbers().last(), Some(&59), "everything that is due");
    run.tick(70 * 40 * MS);
    assert_eq!(run.numbers().last(), Some(&70));
}

#[test]
fn a_short_stall_across_a_boundary_loses_no_segment() {
    let mut run = Run::new(grid("25", 25));
    for n in 0..100 {
        let at = i64::try_from(n).expect("small") * 40 * MS;
        let late = if (73..79).contains(&n) { (79 * 40 * MS) - at } else { 0 };
        run.frame(n, at, at + late);
    }
    assert_eq!(run.numbers(), (0..100).collect::<Vec<_>>());
    assert_eq!(run.regrid.repeated, 0);
}

#[test]
fn a_lost_second_costs_the_segments_it_touches() {
    let mut run = Run::new(grid("25", 25));
    for n in (0..60).chain(90..200) {
        let at = i64::try_from(n).expect("small") * 40 * MS;
        run.frame(n, at, at);
    }
    run.check(25, true);
    assert_eq!(run.numbers(), (0..75).chain(100..200).collect::<Vec<_>>());
}

#[test]
fn frames_before_the_first_boundary_are_dropped() {
    let mut run = Run::new(grid("25", 25));
    run.play((25, 1), 100, 1_240 * MS);
    assert_eq!(run.slots[0], (50, 19));
    assert_eq!(run.regrid.dropped, 19);
}

proptest! {
    #[test]
    fn segments_are_whole_or_absent_whatever_comes(
        frames in proptest::collection::vec((0..400i64, 0..900i64), 1..400),
        outages in proptest::collection::vec((1..400usize, 100..4_000i64), 0..4),
        segment_frames in 13..50u32,
    ) {
        let mut run = Run::new(grid("25", segment_frames));
        let (mut now, mut latest) = (0, 0);
        for (n, (step, late)) in frames.iter().enumerate() {
            now += step * MS / 5;
            now += outages.iter().filter(|(at, _)| *at == n).map(|(_, length)| length * MS).sum::<i64>();
            let at = now - late * MS / if n % 3 == 0 { 1 } else { 20 };
            run.frame(n, at, now);
            latest = now;
        }
        run.check(u64::from(segment_frames), true);
        let ahead = run.numbers().last().map_or(0, |slot| signed(run.regrid.grid.frame_time(*slot).0));
        prop_assert!(ahead <= latest + 1_000 * i64::from(segment_frames) * 40 * MS / 1_000);
        run.tick(latest + 60_000 * MS);
        run.check(u64::from(segment_frames), false);
    }

    #[test]
    fn any_time_is_survived(times in proptest::collection::vec((any::<i64>(), any::<i64>()), 1..50)) {
        let mut run = Run::new(grid("25", 25));
        for (n, (at, now)) in times.into_iter().enumerate() {
            run.frame(n, at, now);
        }
        run.check(25, true);
    }
}
