use super::*;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packager/tests/golden/");

fn golden(name: &str) -> Media {
    let text = std::fs::read_to_string(format!("{GOLDEN}{name}")).expect("a golden playlist");
    Media::read(&text, 0).expect("readable")
}

fn at(msn: u64, part: u32) -> Place {
    Place { msn, part, segment: 0.0, position: 0.0, date: None }
}

#[test]
fn low_latency_begins_at_the_hold_back_with_an_independent_part() {
    // The edge is at 9.4; the hold-back is 0.64.
    let begin = begin(&golden("live.m3u8"), Wish::Parts, true).expect("a place");
    assert_eq!((begin.msn, begin.part), (8, 0));
    assert!((begin.playhead - 8.76).abs() < 1e-6 && (begin.position - 8.0).abs() < 1e-6);
    assert!((begin.need - 0.4).abs() < 1e-6);
}

#[test]
fn sound_begins_with_any_part() {
    let begin = begin(&golden("sound.m3u8"), Wish::Parts, true).expect("a place");
    assert_eq!((begin.msn, begin.part), (2, 1));
}

#[test]
fn plain_live_begins_at_three_target_durations() {
    for name in ["plain.m3u8", "live.m3u8"] {
        let begin = begin(&golden(name), Wish::Segments, false).expect("a place");
        assert_eq!((begin.msn, begin.playhead, begin.need), (6, 6.0, 1.0), "{name}");
    }
}

#[test]
fn replays_begin_at_their_beginning_or_where_they_say() {
    let vod = begin(&golden("highlight.m3u8"), Wish::Beginning, false).expect("a place");
    assert_eq!((vod.msn, vod.playhead), (0, 0.0));
    let growing = begin(&golden("highlight-growing.m3u8"), Wish::Beginning, false).expect("a place");
    assert_eq!((growing.msn, growing.playhead), (0, 0.2));
    let turned = begin(&golden("highlight.m3u8"), Wish::Position(2.5), false).expect("a place");
    assert_eq!((turned.msn, turned.position), (2, 2.0));
}

#[test]
fn steps_through_a_live_playlist() {
    let live = golden("live.m3u8");
    let fetches = |place: &Place, end: &str| match step(&live, place, true) {
        Step::Fetch { item, .. } => assert!(item.uri.ends_with(end), "{}", item.uri),
        other => panic!("{other:?}"),
    };
    fetches(&at(5, 0), "/5.m4s");
    fetches(&at(6, 0), "/6.0.m4s");
    fetches(&at(9, 1), "/9.1.m4s");
    assert_eq!(step(&live, &at(6, 5), true), Step::Advance);
    assert!(matches!(step(&live, &at(9, 2), true), Step::Hint(uri) if uri.ends_with("/9.2.m4s")));
    assert_eq!(step(&live, &at(9, 0), false), Step::Wait, "a plain viewer waits for the whole segment");
    assert_eq!(step(&live, &at(400, 0), true), Step::Lost);
    assert_eq!(step(&golden("highlight.m3u8"), &at(4, 0), false), Step::End);
    assert_eq!(step(&golden("gaps.m3u8"), &at(4, 0), true), Step::Gap(1.0));
}

#[test]
fn dates_find_the_same_instant_in_another_rendition() {
    let (live, sound) = (golden("live.m3u8"), golden("sound.m3u8"));
    let date = live.segments[1].date.expect("a date");
    assert_eq!(dated(&sound, date), Some(1));
    let begin = begin(&sound, Wish::Date(date + 300_000), true).expect("a place");
    assert_eq!((begin.msn, begin.part), (1, 1));
}
