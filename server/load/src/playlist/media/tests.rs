use super::*;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packager/tests/golden/");
const MEDIA: [&str; 8] = [
    "live.m3u8",
    "live-delta.m3u8",
    "gaps.m3u8",
    "plain.m3u8",
    "sound.m3u8",
    "restart.m3u8",
    "highlight.m3u8",
    "highlight-growing.m3u8",
];

fn text(name: &str) -> String {
    std::fs::read_to_string(format!("{GOLDEN}{name}")).expect("a golden playlist")
}

fn golden(name: &str) -> Media {
    Media::read(&text(name), 0).expect("readable")
}

/// Segments by address and duration.
type Wholes = Vec<(String, f64)>;
/// Parts by address, duration and independence.
type Parts = Vec<(String, f64, bool)>;

/// What another reader finds.
fn as_others_read(text: &str) -> (Wholes, Parts) {
    use quick_m3u8::{
        HlsLine, Reader,
        config::ParsingOptionsBuilder,
        tag::{KnownTag, hls::Tag},
    };
    let mut reader = Reader::from_str(text, ParsingOptionsBuilder::new().with_parsing_for_all_tags().build());
    let (mut segments, mut parts, mut duration) = (Vec::new(), Vec::new(), 0.0);
    while let Some(line) = reader.read_line().expect("readable by quick-m3u8") {
        match line {
            HlsLine::KnownTag(KnownTag::Hls(Tag::Inf(inf))) => duration = inf.duration(),
            HlsLine::KnownTag(KnownTag::Hls(Tag::Part(part))) => {
                parts.push((part.uri().to_owned(), part.duration(), part.independent()));
            }
            HlsLine::Uri(uri) => segments.push((uri.into_owned(), duration)),
            _ => {}
        }
    }
    (segments, parts)
}

#[test]
fn another_reader_finds_the_same() {
    for name in MEDIA {
        let media = golden(name);
        let (segments, parts) = as_others_read(&text(name));
        let mine: Vec<_> =
            media.segments.iter().filter_map(|s| s.whole.as_ref()).map(|i| (i.uri.clone(), i.duration)).collect();
        assert_eq!(mine, segments, "{name}");
        let mine: Vec<_> = media
            .segments
            .iter()
            .flat_map(|s| &s.parts)
            .map(|p| (p.item.uri.clone(), p.item.duration, p.independent))
            .collect();
        assert_eq!(mine, parts, "{name}");
    }
}

#[test]
fn what_comes_next() {
    assert_eq!(golden("live.m3u8").next(), (9, 2));
    assert_eq!(golden("live-delta.m3u8").next(), (9, 2));
    assert_eq!(golden("plain.m3u8").next(), (9, 0));
    let live = golden("live.m3u8");
    assert_eq!(live.hint.as_deref(), Some("../../../media/main/360p/1/9.2.m4s"));
    assert!(live.can_block && live.can_skip);
    assert_eq!((live.part_target, live.part_hold_back, live.hold_back), (Some(0.2), Some(0.64), Some(3.0)));
}

#[test]
fn a_delta_and_the_old_playlist_are_the_full_playlist() {
    let mut delta = golden("live-delta.m3u8");
    assert!(delta.delta);
    delta.continue_from(golden("live.m3u8"), 0);
    assert_eq!(delta, golden("live.m3u8"));
}

#[test]
fn older_segments_are_counted_and_not_kept() {
    let media = Media::read(&text("live.m3u8"), 8).expect("readable");
    let numbers: Vec<_> = media.segments.iter().map(|s| s.msn).collect();
    assert_eq!((numbers, media.next()), (vec![8, 9], (9, 2)));
    assert!(media.segments[0].map.is_some());
}

#[test]
fn dates_count_on_and_gaps_are_gaps() {
    let restart = golden("restart.m3u8");
    assert_eq!(restart.segments.iter().filter(|s| s.gap()).count(), 3);
    let inits: Vec<_> = restart.segments.iter().filter_map(|s| s.map.as_ref()).map(|m| m.uri.as_str()).collect();
    assert!(inits[0].ends_with("1/init-0.mp4") && inits[5].ends_with("2/init-0.mp4"));
    let sparse = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PROGRAM-DATE-TIME:2026-11-22T19:00:00.000+0000\n\
                  #EXTINF:2,\na.ts\n#EXTINF:1.5,\nb.ts\n#EXTINF:2,\nc.ts\n";
    let media = Media::read(sparse, 0).expect("readable");
    let dates: Vec<_> = media.segments.iter().filter_map(|s| s.date).map(|d| d - 1_795_374_000_000_000).collect();
    assert_eq!(dates, [0, 2_000_000, 3_500_000]);
}

#[test]
fn byte_ranges_go_on_where_the_last_ended() {
    let text = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MAP:URI=\"a.mp4\",BYTERANGE=\"700@0\"\n#EXTINF:2,\n\
                #EXT-X-BYTERANGE:100@700\na.mp4\n#EXTINF:2,\n#EXT-X-BYTERANGE:50\na.mp4\n#EXT-X-ENDLIST\n";
    let media = Media::read(text, 0).expect("readable");
    let ranges: Vec<_> = media.segments.iter().filter_map(|s| s.whole.as_ref()?.range).collect();
    assert_eq!(ranges, [Range { from: 700, length: 100 }, Range { from: 800, length: 50 }]);
    assert_eq!(media.segments[1].map.as_ref().and_then(|m| m.range), Some(Range { from: 0, length: 700 }));
}

#[test]
fn garbage_is_unreadable_and_never_a_panic() {
    let head = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n";
    for rest in [
        "a.ts",
        "#EXTINF:-1,\na.ts",
        "#EXTINF:nan,\na.ts",
        "#EXT-X-PART:DURATION=0.2",
        "#EXT-X-PART:URI=\"a\"",
        "#EXT-X-MEDIA-SEQUENCE:18446744073709551615\n#EXTINF:1,\na\n#EXTINF:1,\nb",
        "#EXT-X-SKIP:SKIPPED-SEGMENTS=18446744073709551615\n#EXT-X-MEDIA-SEQUENCE:9\n#EXTINF:1,\na",
        "#EXTINF:1,\n#EXT-X-BYTERANGE:18446744073709551615@1\na",
        "#EXT-X-MAP:X=1",
    ] {
        assert_eq!(Media::read(&format!("{head}{rest}\n"), 0), Err(Unreadable), "{rest}");
    }
    assert_eq!(Media::read("#EXTM3U\n#EXTINF:1,\na", 0), Err(Unreadable));
    // Every golden text cut anywhere reads as something, or does not.
    for name in MEDIA {
        let text = text(name);
        (0..text.len()).for_each(|end| drop(Media::read(&text[..end], 0)));
    }
}
