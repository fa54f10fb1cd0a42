//! Laws of cutting: parts tile segments, sequences only grow, marks are covered.

use bytes::Bytes;
use packager::{Cutter, CutterError, Event, Kind, MediaTime, Msn, Run, Timeline, Unit, highlight::Range};
use proptest::prelude::*;

use crate::stage::{self, Stage, grid, grid_of, picture};

const SOURCE: Kind = Kind::Source { max_gop: MediaTime(2 * MediaTime::SECOND) };

fn tiles(stage: &Stage) {
    let mut last = None;
    for segment in stage.timeline.segments() {
        if let Some((msn, _)) = last {
            assert_eq!(segment.msn, Msn(msn + 1), "no number is missing");
        }
        let parts: u64 = segment.parts.iter().map(|p| u64::from(p.duration)).sum();
        assert!(segment.is_gap() || parts == segment.duration, "parts tile their segment");
        let target = stage.timeline.part_target();
        for (i, part) in segment.parts.iter().enumerate() {
            assert!(u64::from(part.duration) <= target, "no part over its target");
            assert!(part.duration > 0);
            let last = segment.done && i + 1 == segment.parts.len();
            assert!(last || part.independent || u64::from(part.duration) * 100 >= target * 85, "85 % of the target");
        }
        let rounded =
            (2 * segment.duration + u64::from(stage.timeline.timescale)) / (2 * u64::from(stage.timeline.timescale));
        assert!(segment.is_gap() || rounded <= stage.timeline.target_duration(), "EXTINF within the target");
        last = Some((segment.msn.0, segment.end()));
    }
    let mut end = 0;
    for part in &stage.parts {
        assert!(part.start >= end, "media time only grows");
        end = part.start + part.duration;
    }
}

/// Media from one grid frame up to another.
fn record(stage: &mut Stage, first: u64, end: u64) {
    if stage.timeline.kind != Kind::Sound {
        return stage.frames(first..end);
    }
    let sample = |frame: u64| stage.grid.frame_time(frame).ticks(48_000);
    let (from, to) = (sample(first).div_ceil(1024), sample(end) / 1024);
    (from..to).for_each(|n| stage.aac(n, 0));
}

/// A second run, which begins with this segment and has the first one's past.
fn go_on(stage: &mut Stage, segment: u64) {
    let (kind, grid) = (stage.timeline.kind, stage.grid);
    let past: Vec<_> = stage.timeline.segments().iter().filter(|s| s.done && s.msn < Msn(segment)).cloned().collect();
    let at = grid.frame_time(segment * u64::from(grid.segment_frames));
    stage.timeline = Timeline::new(kind, grid, Run(2));
    past.into_iter().for_each(|segment| stage.timeline.restore(segment, MediaTime(0)));
    stage.timeline.begin_run(at);
    stage.cutter = Cutter::new(kind, grid, stage.timeline.next_msn(), at);
    stage.cutter.format(if kind == Kind::Sound { stage::AAC } else { picture() }).unwrap();
    stage.drain();
}

proptest! {
    #[test]
    fn rungs_tile_whatever_is_lost(
        rate in prop::sample::select(vec![("25", 5, 25), ("50", 10, 50), ("30000/1001", 6, 30), ("24", 5, 24), ("25", 3, 25)]),
        present in prop::collection::vec((0_u64..80, 1_u64..80), 1..8),
        ticks in prop::collection::vec(0.0_f64..40.0, 0..8),
    ) {
        let mut stage = Stage::new(Kind::Rung, grid_of(rate.0, rate.1, rate.2));
        let mut n = 0;
        for (i, (skip, take)) in present.iter().enumerate() {
            n += skip;
            stage.frames(n..n + take);
            n += take;
            if let Some(seconds) = ticks.get(i) {
                stage.tick(*seconds);
            }
        }
        tiles(&stage);
        let grid = stage.grid;
        for segment in stage.timeline.segments() {
            prop_assert_eq!(segment.msn, grid.segment_at(segment.start, grid.timescale()), "numbers are grid segments");
            if let Some(first) = segment.parts.first() {
                prop_assert!(first.independent);
            }
        }
    }

    #[test]
    fn sound_tiles_at_any_phase(phase in 0_u64..5000, frames in 1_u64..400, hole in 0_u64..300, rate in prop::sample::select(vec![("25", 5, 25), ("30000/1001", 6, 30), ("50", 5, 50)])) {
        let mut stage = Stage::new(Kind::Sound, grid_of(rate.0, rate.1, rate.2));
        (0..frames).for_each(|n| stage.aac(n, phase));
        (frames + hole..2 * frames + hole).for_each(|n| stage.aac(n, phase));
        tiles(&stage);
        for segment in stage.timeline.segments().iter().filter(|s| !s.is_gap()) {
            prop_assert_eq!(segment.msn, stage.grid.segment_at(segment.start, 48_000));
        }
    }

    #[test]
    fn sources_tile_with_b_frames_and_any_gop(gop in 6_u64..48, b in 0_u64..3, fps in prop::sample::select(vec![24_u64, 25, 30, 50, 60]), frames in 100_u64..400) {
        let mut stage = Stage::new(SOURCE, grid());
        let step = 90_000 / fps;
        let mut format = picture();
        if let packager::Format::H264 { frame_ticks, .. } = &mut format {
            *frame_ticks = step as u32;
        }
        stage.cutter.format(format).unwrap();
        stage.drain();
        let gop = gop.min(2 * fps);
        for n in 0..frames {
            // In decoding order: a P frame, then the B frames before it.
            let within = n % gop;
            let reorder = if within == 0 || b == 0 { b } else if (within - 1) % (b + 1) == 0 { 2 * b } else { b - 1 };
            let dts = (n * step) as i64;
            let pts = (n + reorder) * step;
            stage.push(Unit { pts, dts, duration: 0, key: within == 0, data: Bytes::from_static(&[0; 50]) });
        }
        tiles(&stage);
        let segments = stage.timeline.segments();
        prop_assert!(segments.iter().all(|s| !s.is_gap()), "an unbroken stream has no gap");
        for pair in segments.iter().collect::<Vec<_>>().windows(2) {
            prop_assert_eq!(pair[0].end(), pair[1].start);
        }
    }

    #[test]
    fn sources_keep_the_part_rules_and_each_frame_its_time_whatever_is_lost(
        lost in prop::collection::btree_set(0_u64..300, 0..12),
        steps in prop::collection::vec(3_240_u64..=3_960, 300),
        gop in 12_u64..51,
    ) {
        let mut stage = Stage::new(SOURCE, grid());
        let (mut at, mut times) = (90_000, Vec::new());
        for (n, step) in (0..300_u64).zip(steps) {
            at += step;
            if !lost.contains(&n) {
                times.push(at);
                let unit = Unit { pts: at, dts: at as i64, duration: 0, key: n % gop == 0, data: Bytes::from_static(&[0; 50]) };
                // Where key frames are lost, those that are left may be too far apart.
                let _ = stage.cutter.push(unit);
                stage.drain();
            }
        }
        tiles(&stage);
        let shown: Vec<u64> = stage.parts.iter().flat_map(stage::shown).collect();
        prop_assert!(shown.iter().all(|at| times.contains(at)), "every frame at its own time");
        prop_assert!(shown.len() > 50);
    }

    #[test]
    fn marks_are_covered_whole_with_less_than_a_segment_to_spare(
        rate in prop::sample::select(vec![("25", 5, 25), ("50", 10, 50), ("30000/1001", 6, 30), ("24000/1001", 4, 24), ("60", 12, 60)]),
        kind in prop::sample::select(vec![Kind::Rung, Kind::Sound]),
        first in 60_u64..900,
        length in 1_u64..300,
        restart in 3_u64..40,
    ) {
        let mut stage = Stage::new(kind, grid_of(rate.0, rate.1, rate.2));
        let grid = stage.grid;
        let segment = u64::from(grid.segment_frames);
        let end = first + length;
        // The process ends somewhere in a segment, which is lost; the next run records it.
        record(&mut stage, 0, restart * segment + 10);
        go_on(&mut stage, restart);
        record(&mut stage, restart * segment, (restart * segment).max(end) + 2 * segment);
        let range = Range { first, end };
        let segments = range.segments(&stage.timeline);
        let scale = stage.timeline.timescale;
        let instant = |frame: u64| match kind {
            Kind::Sound => grid.frame_time(frame).ticks(scale),
            _ => frame * u64::from(grid.frame_ticks()),
        };
        let long = instant(segment);
        // A sound's segments begin and end with whole AAC frames.
        let loose = if kind == Kind::Sound { 1024 } else { 0 };
        let (from, to) = (segments.first().unwrap().start, segments.last().unwrap().end());
        prop_assert!(from <= instant(first) + loose && to + loose >= instant(end), "{from}..{to} covers {first}..{end}");
        prop_assert!(instant(first) <= from + long + loose && to <= instant(end) + long + loose, "less than a segment to spare");
        for pair in segments.windows(2) {
            prop_assert_eq!(pair[0].msn.0 + 1, pair[1].msn.0);
            let hole = pair[1].start - pair[0].end();
            prop_assert!(hole == 0 || hole <= loose && pair[1].msn == Msn(restart), "a hole of {} before {:?}", hole, pair[1].msn);
            prop_assert_eq!(pair[1].discontinuities - pair[0].discontinuities, u64::from(pair[1].msn == Msn(restart)), "a run begins with a discontinuity");
        }
    }

    #[test]
    fn no_unit_panics(units in prop::collection::vec((any::<u64>(), any::<i64>(), any::<u32>(), any::<bool>()), 0..60), kind in prop::sample::select(vec![Kind::Rung, Kind::Sound, SOURCE])) {
        // Media time within a century: what clocks can say.
        const CENTURY: u64 = 3_200_000_000 * 90_000;
        let mut stage = Stage::new(kind, grid());
        for (pts, dts, duration, key) in units {
            let unit = Unit { pts: pts % CENTURY, dts: dts % CENTURY as i64, duration: duration % 100_000, key, data: Bytes::from_static(&[1]) };
            let _ = stage.cutter.push(unit);
            while stage.cutter.poll().is_some() {}
        }
    }
}

#[test]
fn key_frames_too_far_apart_are_refused_with_a_reason() {
    let mut cutter = Cutter::new(SOURCE, grid(), Msn(0), MediaTime(0));
    cutter.format(picture()).unwrap();
    let refused = (0..200_u64).find_map(|n| {
        let (pts, dts) = (n * 3600, (n * 3600) as i64);
        cutter.push(Unit { pts, dts, duration: 3600, key: n == 0, data: Bytes::from_static(&[1]) }).err()
    });
    assert_eq!(refused, Some(CutterError::Gop { max: 2.0 }));
    assert!(refused.unwrap().to_string().contains("key frames are more than 2.0 s apart"));
}

#[test]
fn a_change_of_parameters_begins_a_new_header_after_a_discontinuity() {
    let mut stage = Stage::new(Kind::Rung, grid());
    stage.frames(0..40);
    let packager::Format::H264 { avcc, .. } = picture() else { unreachable!() };
    stage.cutter.format(packager::Format::H264 { width: 1280, height: 720, frame_ticks: 0, avcc }).unwrap();
    stage.frames(50..100);
    let headers: Vec<(u64, u32, u64)> =
        stage.timeline.segments().iter().map(|s| (s.msn.0, s.header, s.discontinuities)).collect();
    assert_eq!(headers, [(0, 0, 0), (1, 0, 0), (2, 1, 1), (3, 1, 1)]);
}

#[test]
fn what_follows_unusable_parameters_is_left_out_until_others_come() {
    let mut stage = Stage::new(Kind::Rung, grid());
    stage.frames(0..50);
    let broken = packager::Format::H264 { width: 0, height: 0, frame_ticks: 0, avcc: Bytes::from_static(&[1, 2, 3]) };
    assert!(matches!(stage.cutter.format(broken), Err(CutterError::Format(_))));
    stage.frames(50..100);
    stage.cutter.format(picture()).unwrap();
    stage.frames(100..150);
    let real: Vec<(u64, u32)> =
        stage.timeline.segments().iter().filter(|s| !s.is_gap()).map(|s| (s.msn.0, s.header)).collect();
    assert_eq!(real, [(0, 0), (1, 0), (4, 1), (5, 1)]);
}

#[test]
fn the_same_parameters_again_change_nothing() {
    let mut stage = Stage::new(Kind::Rung, grid());
    stage.frames(0..10);
    stage.cutter.format(picture()).unwrap();
    assert_eq!(stage.cutter.poll().map(|e| matches!(e, Event::Header { .. })), None);
}

#[test]
fn a_jump_ends_the_segment_and_its_key_frame_begins_the_next() {
    let mut stage = Stage::new(SOURCE, grid());
    let mut push = |from: u64, frames: u64| {
        for n in 0..frames {
            let at = from + n * 3600;
            let data = Bytes::from_static(&[1; 50]);
            stage.push(Unit { pts: at, dts: at as i64, duration: 0, key: n % 25 == 0, data });
        }
    };
    push(90_000, 37);
    push(630_000, 40);
    tiles(&stage);
    let real: Vec<(u64, u64)> =
        stage.timeline.segments().iter().filter(|s| s.done && !s.is_gap()).map(|s| (s.start, s.duration)).collect();
    assert_eq!(real, [(90_000, 90_000), (180_000, 43_200), (630_000, 90_000)]);
    let range = Range::snap(grid(), MediaTime(1_500_000_000), MediaTime(7_900_000_000)).unwrap();
    let text = packager::playlist::highlight(
        &stage.id,
        &stage.timeline,
        &stage::anchors(),
        range,
        packager::playlist::State::Ended,
        0,
    );
    let text = text.unwrap();
    let seconds = text.lines().filter_map(|l| l.strip_prefix("#EXTINF:")?.trim_end_matches(',').parse::<f64>().ok());
    assert!((seconds.sum::<f64>() - 7.0).abs() < 0.001, "from 1 to 8 s, the hole included: {text}");
    assert_eq!(text.matches("#EXT-X-GAP").count(), 2, "{text}");
}

#[test]
fn key_frames_exactly_max_gop_apart_are_accepted_while_frames_are_stretched() {
    let mut stage = Stage::new(SOURCE, grid());
    for n in 0..200_u64 {
        let at = n * 3960;
        stage.push(Unit { pts: at, dts: at as i64, duration: 0, key: n % 50 == 0, data: Bytes::from_static(&[1]) });
    }
    assert!(stage.timeline.segments().iter().all(|s| !s.is_gap()));
}

#[test]
fn short_groups_of_pictures_are_joined_even_at_the_smallest_max_gop() {
    let mut stage = Stage::new(Kind::Source { max_gop: MediaTime(MediaTime::SECOND) }, grid());
    for n in 0..200_u64 {
        let at = n * 3600;
        stage.push(Unit { pts: at, dts: at as i64, duration: 0, key: n % 24 == 0, data: Bytes::from_static(&[1]) });
    }
    tiles(&stage);
}

/// A source of so many frames a second, from frame `frames.start` on.
fn sends(stage: &mut Stage, fps: u64, from: u64, frames: u64) {
    let packager::Format::H264 { width, height, avcc, .. } = picture() else { unreachable!() };
    let step = 90_000 / fps;
    let format = packager::Format::H264 { width, height, frame_ticks: step as u32, avcc };
    stage.cutter.format(format).unwrap();
    for n in 0..frames {
        let at = from + n * step;
        let data = Bytes::from_static(&[1; 50]);
        stage.push(Unit { pts: at, dts: at as i64, duration: 0, key: n % fps == 0, data });
    }
}

/// 24 frames a second used to make parts of 208 ms in a playlist that had promised 200 ms: Apple's players give up at that.
#[test]
fn a_source_that_changes_its_rate_keeps_the_part_target_of_its_playlist() {
    for (before, after) in [(25, 30), (30, 25), (25, 24), (50, 25), (25, 60)] {
        let mut stage = Stage::new(SOURCE, grid());
        sends(&mut stage, before, 90_000, 5 * before);
        let promised = stage.timeline.part_target();
        sends(&mut stage, after, 90_000 * 6, 5 * after);
        assert_eq!(stage.timeline.part_target(), promised, "from {before} to {after}");
        tiles(&stage);
        assert!(stage.parts.iter().all(|part| part.duration <= promised), "from {before} to {after}");
        assert!(stage.timeline.segments().iter().filter(|s| !s.is_gap()).count() > 8);
    }
}

#[test]
fn a_camera_that_starts_an_hour_late_has_a_timeline_as_long_as_the_others() {
    const HOUR: u64 = 3_600;
    let punctual = {
        let mut stage = Stage::new(Kind::Rung, grid());
        stage.frames(0..(HOUR + 10) * 25);
        stage
    };
    let absent = |kind| {
        let mut stage = Stage::new(kind, grid());
        stage.timeline = Timeline::new(kind, grid(), Run(1));
        stage.cutter = Cutter::new(kind, grid(), Msn(0), MediaTime(0));
        (0..=HOUR).for_each(|second| stage.tick(second as f64));
        stage
    };
    let mut late = absent(Kind::Rung);
    late.cutter.format(picture()).unwrap();
    late.drain();
    late.frames(HOUR * 25..(HOUR + 10) * 25);
    let all = |stage: &Stage| stage.timeline.segments().iter().map(|s| (s.msn, s.start, s.end())).collect::<Vec<_>>();
    assert_eq!(all(&late), all(&punctual), "the same numbers for the same seconds");
    assert_eq!(late.timeline.segments().iter().filter(|s| s.is_gap()).count() as u64, HOUR);

    // Passed through, at a rate that is not the venue's: what it promises is what it then makes.
    let mut source = absent(SOURCE);
    sends(&mut source, 24, HOUR * 90_000, 240);
    let promised = source.timeline.part_target();
    assert_eq!(promised, 5 * 3_750, "five whole frames");
    assert!(source.parts.iter().all(|part| part.duration <= promised));
    let segments = source.timeline.segments();
    assert!(
        segments
            .iter()
            .zip(segments.iter().skip(1))
            .all(|(one, next)| one.end() == next.start && one.msn.next() == next.msn)
    );
    assert_eq!(segments.iter().find(|s| !s.is_gap()).map(|s| s.start), Some(HOUR * 90_000));
}
