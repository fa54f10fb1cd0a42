//! Laws of restarts: what players align renditions by is the same in all of them.

use std::collections::BTreeMap;

use packager::{
    Cutter, Kind, MediaTime, Msn, PartEntry, Run, Segment, Timeline,
    highlight::Range,
    playlist::{State, highlight},
    wall::{Anchor, Anchors, Wall},
};
use proptest::prelude::*;

use crate::stage::{Stage, grid};

/// A rendition over runs that begin at whole seconds: what it received of each, in segments and parts of the next one.
fn rendition(kind: Kind, runs: &[(u64, Option<(u64, u64)>)]) -> Timeline {
    let mut past: Vec<(Segment, MediaTime)> = Vec::new();
    let mut timeline = Timeline::new(kind, grid(), Run(1));
    for (run, &(began, received)) in (1u32..).zip(runs) {
        let at = MediaTime(began * MediaTime::SECOND);
        let mut stage = Stage::new(kind, grid());
        stage.timeline = Timeline::new(kind, grid(), Run(run));
        past.iter().for_each(|(segment, began)| stage.timeline.restore(segment.clone(), *began));
        stage.timeline.begin_run(at);
        stage.cutter = Cutter::new(kind, grid(), stage.timeline.next_msn(), at);
        stage.cutter.format(if kind == Kind::Sound { crate::stage::AAC } else { crate::stage::picture() }).unwrap();
        stage.drain();
        let until = runs.get(run as usize).map_or(began + 8, |next| next.0);
        if let Some((first, parts)) = received {
            let (from, to) = (began + first, until - 1);
            if kind == Kind::Sound {
                // The sound is there from the run's beginning, or soon after it.
                let frames =
                    (began * 48_000 + first * 16_000).div_ceil(1024)..(to * 48_000 + parts * 10_240).div_ceil(1024);
                frames.for_each(|n| stage.aac(n, 0));
            } else {
                stage.frames(from * 25..to * 25 + parts * 5);
            }
        }
        stage.tick((until + 3) as f64);
        // What lies on the disk: also of a segment that the process did not live to end.
        let mut stored: Vec<Segment> = Vec::new();
        for part in &stage.parts {
            if stored.last().is_none_or(|last| last.msn != part.msn) {
                let (msn, header, start) = (part.msn, part.header, part.start);
                let discontinuities = stage.timeline.find(msn).map_or(0, |s| s.discontinuities);
                let (parts, duration, done) = (Vec::new(), 0, true);
                stored.push(Segment { msn, run: Run(run), header, discontinuities, start, parts, duration, done });
            }
            let Some(segment) = stored.last_mut() else { continue };
            segment.duration += part.duration;
            segment.parts.push(PartEntry {
                duration: part.duration as u32,
                size: part.bytes.len() as u32,
                independent: part.independent,
            });
        }
        past.extend(stored.into_iter().map(|s| (s, at)));
        timeline = stage.timeline;
    }
    timeline
}

/// Where a replay of whole runs has its discontinuities, and where each of its segments begins and ends in microseconds.
fn replay(timeline: &Timeline, kind: Kind, runs: &[u64], seconds: u64) -> (Vec<usize>, Vec<u64>) {
    let anchor = |(run, began): (u32, &u64)| Anchor {
        run: Run(run),
        media: MediaTime(began * MediaTime::SECOND),
        wall: Wall(crate::stage::START.0 + (*began as i64) * 1_000_000),
    };
    let anchors = Anchors::new((1u32..).zip(runs).map(anchor).collect());
    let range = Range { first: 25, end: seconds * 25 };
    let id = Stage::new(kind, grid()).id;
    let list = highlight(&id, timeline, &anchors, range, State::Ended, 0).unwrap_or_default();
    let (mut breaks, mut lengths) = (Vec::new(), Vec::new());
    for line in list.lines() {
        if line == "#EXT-X-DISCONTINUITY" {
            breaks.push(lengths.len());
        }
        if let Some(length) = line.strip_prefix("#EXTINF:") {
            let length: f64 = length.trim_end_matches(',').parse().unwrap();
            lengths.push((length * 1e6).round() as u64);
        }
    }
    (breaks, lengths)
}

/// The first segment of each discontinuity number.
fn breaks(timeline: &Timeline) -> BTreeMap<u64, Msn> {
    timeline.segments().iter().rev().map(|s| (s.discontinuities, s.msn)).collect()
}

proptest! {
    /// A picture that came back a second after its sound used to have its discontinuity a segment later: hls.js put the
    /// sound a second early and waited for it for a minute.
    #[test]
    fn discontinuities_stand_at_the_same_instants_in_all_renditions(
        lengths in prop::collection::vec(4u64..9, 1..4),
        late in prop::collection::vec(0u64..3, 4),
        received in prop::collection::vec(prop::option::weighted(0.8, (0u64..3, 0u64..5)), 8),
    ) {
        let began: Vec<u64> = lengths.iter().scan(0, |at, length| { let now = *at; *at += length; Some(now) }).collect();
        let runs = |shift: usize| -> Vec<_> {
            began.iter().enumerate().map(|(i, at)| (*at, received[(i + shift) % received.len()])).collect()
        };
        let sound: Vec<_> = began.iter().zip(&late).map(|(at, late)| (*at, Some((*late, 2)))).collect();
        let sound = rendition(Kind::Sound, &sound);
        let listed: Vec<&Segment> = sound.segments().iter().collect();
        for pair in listed.windows(2).filter(|pair| pair[0].discontinuities == pair[1].discontinuities) {
            let hole = pair[1].start.abs_diff(pair[0].end());
            prop_assert!(hole < 1024 || pair[1].is_gap(), "a hole of {} ticks before {}", hole, pair[1].msn);
        }
        let sound = breaks(&sound);
        prop_assert_eq!(sound.len(), began.len());
        for shift in 0..3 {
            let picture = breaks(&rendition(Kind::Rung, &runs(shift)));
            for (number, first) in picture.iter().skip(1) {
                prop_assert_eq!(sound.get(number), Some(first), "{:?} against {:?}", picture, sound);
            }
            // Also of a camera that was never there before.
            if let (Some(newest), Some(of_sound)) = (picture.keys().last(), sound.keys().last()) {
                prop_assert_eq!(newest, of_sound);
            }
        }
    }

    /// A process that is killed tears each rendition elsewhere; the torn second used to be as long as what was left of it.
    #[test]
    fn a_replay_over_a_kill_is_as_long_and_as_broken_in_every_rendition(
        parts in prop::collection::vec(0u64..5, 3),
        late in prop::collection::vec(0u64..3, 3),
        down in 1u64..4,
    ) {
        let began = [0, 5 + down];
        let seconds = began[1] + 6;
        let of = |kind, n: usize| {
            let timeline = rendition(kind, &[(0, Some((0, parts[n]))), (began[1], Some((late[n], 0)))]);
            let whole = |s: &&Segment| s.duration == grid().segment_start(s.msn.next(), timeline.timescale)
                - grid().segment_start(s.msn, timeline.timescale);
            let torn = timeline.segments().iter().filter(|s| s.done).find(|s| !whole(s)).cloned();
            (replay(&timeline, kind, &began, seconds), torn)
        };
        let ((breaks, lengths), torn) = of(Kind::Rung, 0);
        prop_assert_eq!(torn, None);
        prop_assert_eq!(lengths.iter().sum::<u64>(), (seconds - 1) * 1_000_000);
        prop_assert_eq!(breaks.len(), 1);
        let ((other, same), torn) = of(Kind::Rung, 1);
        prop_assert_eq!(torn, None);
        prop_assert_eq!((&other, &same), (&breaks, &lengths));
        let ((sound, close), _) = of(Kind::Sound, 2);
        prop_assert_eq!((&sound, close.len()), (&breaks, lengths.len()));
        let apart = close.iter().sum::<u64>().abs_diff(lengths.iter().sum::<u64>());
        prop_assert!(apart < 50_000, "{} us apart", apart);
    }
}
