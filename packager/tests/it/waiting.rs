//! Held reloads, and delta updates.

use packager::{
    Kind, Msn,
    playlist::{self, Report, Style},
    wait::{BadReload, Reload},
};
use proptest::prelude::*;

use crate::stage::{Stage, anchors, grid};

fn reload(msn: &str, part: Option<&str>) -> Reload {
    Reload::parse(Some(msn), part, None).unwrap()
}

#[test]
fn every_boundary() {
    let mut stage = Stage::new(Kind::Rung, grid());
    // Segments 0 and 1 whole, two parts of segment 2.
    stage.frames(0..60);
    let edge = stage.timeline.edge();
    for (msn, part, met) in [
        ("0", None, true),
        ("1", None, true),
        ("2", None, false),
        ("3", None, false),
        ("1", Some("4"), true),
        ("2", Some("1"), true),
        ("2", Some("2"), false),
        ("2", Some("99999999999999999999"), false),
        // Past segment 1's end: part 0 of segment 2, which is there.
        ("1", Some("5"), true),
        ("0", Some("77"), true),
        ("4", Some("0"), false),
    ] {
        assert_eq!(reload(msn, part).is_met(edge), Ok(met), "{msn} {part:?}");
    }
    assert!(matches!(reload("5", None).is_met(edge), Err(BadReload::TooFar { .. })));
    stage.frames(60..75);
    // Segment 2 whole and none of segment 3: past its end is part 0 of the next, which is not there.
    assert_eq!(reload("2", Some("5")).is_met(stage.timeline.edge()), Ok(false));
    assert_eq!(reload("2", Some("4")).is_met(stage.timeline.edge()), Ok(true));
    stage.frames(75..80);
    assert_eq!(reload("2", Some("5")).is_met(stage.timeline.edge()), Ok(true));
}

/// A report names the newest part, and of a gap only the segment: it has no part.
#[test]
fn what_is_last_of_a_gap_is_its_segment() {
    let mut stage = Stage::new(Kind::Rung, grid());
    stage.frames(0..60);
    assert_eq!(stage.timeline.edge().last(), Some((Msn(2), Some(1))));
    stage.frames(60..75);
    assert_eq!(stage.timeline.edge().last(), Some((Msn(2), Some(4))));
    stage.tick(9.0);
    let last = stage.timeline.edge().last();
    assert_eq!(last, stage.timeline.newest().map(|s| (s.msn, None)), "{last:?}");
    let report = Report { uri: "../234p/index.m3u8".into(), last: last.unwrap() };
    let style = Style::LowLatency { delta: false };
    let text = playlist::live(&stage.id, &stage.timeline, &anchors(), style, &[report], 0).unwrap();
    let line = text.lines().find(|l| l.starts_with("#EXT-X-RENDITION-REPORT")).unwrap();
    assert_eq!(line, format!("#EXT-X-RENDITION-REPORT:URI=\"../234p/index.m3u8\",LAST-MSN={}", last.unwrap().0));
}

#[test]
fn what_is_not_a_number_is_refused() {
    for (msn, part) in [
        (Some("abc"), None),
        (Some(""), None),
        (Some("-1"), None),
        (Some("+1"), None),
        (Some("1.5"), None),
        (Some("18446744073709551616"), None),
        (Some("1"), Some("x")),
        (Some("1"), Some("-1")),
        (Some("1"), Some("")),
        (None, Some("0")),
    ] {
        assert!(Reload::parse(msn, part, None).is_err(), "{msn:?} {part:?}");
    }
}

#[test]
fn a_dead_camera_answers_those_who_wait() {
    let mut stage = Stage::new(Kind::Rung, grid());
    stage.frames(0..30);
    let wanted = reload("2", Some("0"));
    assert_eq!(wanted.is_met(stage.timeline.edge()), Ok(false));
    stage.tick(5.1);
    assert_eq!(wanted.is_met(stage.timeline.edge()), Ok(true), "gaps go on in its place");
}

/// The full playlist that a client puts together from an old one and a delta update (rfc8216bis, 6.2.5.1).
fn apply(old: &str, delta: &str) -> String {
    let number = |text: &str, tag: &str| -> u64 {
        text.lines().find_map(|l| l.strip_prefix(tag)).map_or(0, |n| n.parse().unwrap())
    };
    let Some(skipped) = delta.lines().find_map(|l| l.strip_prefix("#EXT-X-SKIP:SKIPPED-SEGMENTS=")) else {
        return delta.into();
    };
    let mut skipped: u64 = skipped.parse().unwrap();
    let advance = number(delta, "#EXT-X-MEDIA-SEQUENCE:") - number(old, "#EXT-X-MEDIA-SEQUENCE:");
    let body = |text: &str| -> Vec<String> {
        let start = text.lines().position(|l| l == "#EXT-X-INDEPENDENT-SEGMENTS").unwrap() + 1;
        text.lines().skip(start).map(str::to_owned).collect()
    };
    let head: Vec<String> = delta.lines().take_while(|l| !l.starts_with("#EXT-X-SKIP")).map(str::to_owned).collect();
    let mut out = head;
    let (mut seen, mut map) = (0, None);
    for line in body(old) {
        if line.starts_with("#EXT-X-MAP") {
            map = Some(line.clone());
        }
        let ends = !line.starts_with('#');
        if seen >= advance && skipped > 0 && !line.starts_with("#EXT-X-PART") {
            // The MAP that applies stands at the top, wherever it stood.
            if let Some(map) = map.take() {
                out.push(map);
                if line.starts_with("#EXT-X-MAP") {
                    continue;
                }
            }
            out.push(line);
        }
        if ends {
            skipped -= u64::from(seen >= advance && skipped > 0);
            seen += 1;
        }
    }
    assert_eq!(skipped, 0, "everything skipped was in the old playlist");
    out.extend(delta.lines().skip_while(|l| !l.starts_with("#EXT-X-SKIP")).skip(1).map(str::to_owned));
    out.join("\n") + "\n"
}

proptest! {
    #[test]
    fn delta_and_old_are_the_full_playlist(first in 10_u64..1800, more in 1_u64..120) {
        let mut stage = Stage::new(Kind::Rung, grid());
        let text = |stage: &Stage, delta| playlist::live(&stage.id, &stage.timeline, &anchors(), Style::LowLatency { delta }, &[], 0).unwrap();
        stage.frames(0..first);
        let old = text(&stage, false);
        stage.frames(first..first + more);
        prop_assert_eq!(apply(&old, &text(&stage, true)), text(&stage, false));
    }

    #[test]
    fn every_waiting_client_is_answered_at_the_first_moment_it_may(asked in prop::collection::vec((0_u64..4, 0_u32..8), 1..20)) {
        let mut stage = Stage::new(Kind::Rung, grid());
        stage.frames(0..5);
        let clients: Vec<(Reload, Msn, u32)> =
            asked.iter().map(|(m, p)| (reload(&m.to_string(), Some(&p.to_string())), Msn(*m), *p)).collect();
        for n in 5..125 {
            for (reload, msn, part) in &clients {
                let Ok(met) = reload.is_met(stage.timeline.edge()) else { continue };
                // Whole parts of five frames, five a segment; beyond the fifth comes the next segment's first.
                let (msn, part) = if *part >= 5 && n >= (msn.0 + 1) * 25 { (msn.0 + 1, 0) } else { (msn.0, *part) };
                let there = part < 5 && n >= msn * 25 + u64::from(part) * 5 + 5;
                prop_assert_eq!(met, there, "frame {} msn {} part {}", n, msn, part);
            }
            stage.frame(n);
        }
    }
}
