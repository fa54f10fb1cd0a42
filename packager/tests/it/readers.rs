//! Other people's readers read all that we write.

use packager::{
    Kind, MediaTime,
    highlight::Range,
    playlist::{self, State, Style},
};

use crate::stage::{Stage, anchors, grid};

fn read(text: &str) {
    let (_, list) = m3u8_rs::parse_media_playlist(text.as_bytes()).unwrap();
    let named = text.lines().filter(|l| !l.is_empty() && !l.starts_with('#')).count();
    assert_eq!(list.segments.len(), named, "m3u8-rs finds every segment");
    let mut reader = quick_m3u8::Reader::from_str(text, quick_m3u8::config::ParsingOptions::default());
    let mut lines = 0;
    while reader.read_line().unwrap_or_else(|e| panic!("quick-m3u8: {e:?}\n{text}")).is_some() {
        lines += 1;
    }
    assert_eq!(lines, text.lines().count(), "quick-m3u8 reads every line");
}

#[test]
fn media_playlists() {
    for (kind, frames) in [(Kind::Rung, 0..333_u64), (Kind::Rung, 0..3)] {
        let mut stage = Stage::new(kind, grid());
        stage.frames(frames.clone());
        stage.frames(frames.start..frames.end);
        stage.tick(25.0);
        for style in [Style::LowLatency { delta: false }, Style::LowLatency { delta: true }, Style::Plain, Style::Dvr] {
            if let Some(text) = playlist::live(&stage.id, &stage.timeline, &anchors(), style, &[], 0) {
                read(&text);
            }
        }
        let range = Range::snap(grid(), MediaTime(1_000_000_000), MediaTime(3_000_000_000)).unwrap();
        if let Some(text) = playlist::highlight(&stage.id, &stage.timeline, &anchors(), range, State::Ended, 0) {
            read(&text);
        }
    }
}

#[test]
fn multivariant_playlists() {
    let golden =
        |name: &str| std::fs::read(format!("{}/tests/golden/{name}.m3u8", env!("CARGO_MANIFEST_DIR"))).unwrap();
    for (name, variants) in [("pathways", 4), ("video-group", 2), ("one", 2)] {
        let text = golden(name);
        let (_, list) = m3u8_rs::parse_master_playlist(&text).unwrap();
        assert_eq!(list.variants.len(), variants, "{name}");
    }
}
