//! Laws of restarts: what players align renditions by is the same in all of them.

use std::collections::BTreeMap;

use packager::{Cutter, Kind, MediaTime, Msn, Run, Segment, Timeline};
use proptest::prelude::*;

use crate::stage::{Stage, grid};

/// A rendition over runs that begin at whole seconds: what it received of each, in segments and parts of the next one.
fn rendition(kind: Kind, runs: &[(u64, Option<(u64, u64)>)]) -> Vec<Segment> {
    let mut past: Vec<(Segment, MediaTime)> = Vec::new();
    let mut listed = Vec::new();
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
        listed = stage.timeline.segments().iter().cloned().collect();
        let stored = listed.iter().filter(|s| !s.is_gap() && s.run == Run(run)).cloned();
        past.extend(stored.map(|s| (s, at)).collect::<Vec<_>>());
    }
    listed
}

/// The first segment of each discontinuity number.
fn breaks(segments: &[Segment]) -> BTreeMap<u64, Msn> {
    segments.iter().rev().map(|s| (s.discontinuities, s.msn)).collect()
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
        for pair in sound.windows(2).filter(|pair| pair[0].discontinuities == pair[1].discontinuities) {
            let hole = pair[1].start - pair[0].end();
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
}
