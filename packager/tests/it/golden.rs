//! Golden playlists. `UPDATE_GOLDEN=1 cargo test -p packager` writes them anew.

use packager::{
    Grid, Kind, MediaTime, Msn, Run,
    highlight::Range,
    playlist::{self, Camera, Layout, Report, Sound, State, Style, Variant},
};

use crate::stage::{Stage, anchors, grid};

fn same(name: &str, text: &str) {
    let file = format!("{}/tests/golden/{name}.m3u8", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, text).unwrap();
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        golden == text,
        "{file} differs; UPDATE_GOLDEN=1 cargo test -p packager writes it anew\n--- golden\n{golden}\n--- now\n{text}"
    );
}

fn live(stage: &Stage, style: Style) -> String {
    let reports = [
        Report { uri: "../234p/index.m3u8".into(), last: (Msn(9), Some(1)) },
        Report { uri: "../../audio/ambient/index.m3u8".into(), last: (Msn(9), Some(0)) },
    ];
    playlist::live(&stage.id, &stage.timeline, &anchors(), style, &reports, 0).unwrap()
}

#[test]
fn low_latency_in_the_middle_of_a_segment() {
    let mut stage = Stage::new(Kind::Rung, grid());
    stage.frames(0..235);
    same("live", &live(&stage, Style::LowLatency { delta: false }));
    same("live-delta", &live(&stage, Style::LowLatency { delta: true }));
    same("plain", &live(&stage, Style::Plain));
}

#[test]
fn the_last_part_of_a_segment_is_announced_when_it_exists_and_the_hint_goes_on() {
    let mut stage = Stage::new(Kind::Rung, grid());
    stage.frames(0..50);
    let text = live(&stage, Style::LowLatency { delta: false });
    assert!(text.contains("1.4.m4s"), "{text}");
    assert!(text.contains("1.m4s\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"../../../media/main/360p/1/2.0.m4s\""), "{text}");
}

#[test]
fn a_lost_camera_leaves_gaps_of_the_same_length() {
    let mut stage = Stage::new(Kind::Rung, grid());
    stage.frames(0..100);
    stage.tick(9.0);
    stage.frames(175..200);
    stage.frames(200..205);
    same("gaps", &live(&stage, Style::LowLatency { delta: false }));
}

#[test]
fn sound_in_whole_aac_frames() {
    let mut stage = Stage::new(Kind::Sound, grid());
    (0..150).for_each(|n| stage.aac(n, 300));
    same("sound", &live(&stage, Style::LowLatency { delta: false }));
}

#[test]
fn a_new_run_goes_on_after_a_discontinuity() {
    let mut first = Stage::new(Kind::Rung, grid());
    first.frames(0..60);
    let mut second = Stage::new(Kind::Rung, grid());
    let mut timeline = packager::Timeline::new(Kind::Rung, grid(), Run(2));
    first.timeline.segments().iter().for_each(|s| timeline.restore(s.clone(), MediaTime(0)));
    timeline.begin_run(MediaTime(5_000_000_000));
    second.timeline = timeline;
    second.cutter = packager::Cutter::new(Kind::Rung, grid(), Msn(5), MediaTime(5_000_000_000));
    second.cutter.format(crate::stage::picture()).unwrap();
    second.frames(125..155);
    same("restart", &live(&second, Style::LowLatency { delta: false }));
}

#[test]
fn highlights() {
    let mut stage = Stage::new(Kind::Rung, grid());
    stage.frames(0..235);
    let grid: Grid = grid();
    let range = Range::snap(grid, MediaTime(2_500_000_000), MediaTime(5_480_000_000)).unwrap();
    let text = |range, state| playlist::highlight(&stage.id, &stage.timeline, &anchors(), range, state, 0).unwrap();
    same("highlight", &text(range, State::Ended));
    let ahead = Range::snap(grid, MediaTime(7_200_000_000), MediaTime(12_000_000_000)).unwrap();
    same("highlight-growing", &text(ahead, State::Growing));
}

#[test]
fn multivariants() {
    let variant = |id: &str, resolution, bandwidth| Variant {
        id: id.into(),
        codecs: "avc1.4D401E".into(),
        resolution,
        bandwidth,
        millihertz: 25_000,
        target: 1,
    };
    let variants =
        || vec![variant("360p", (640, 360), (880_000, 790_000)), variant("234p", (416, 234), (385_000, 340_000))];
    let cameras = [
        Camera { id: "main".into(), name: "Tribune \"centrale\"".into(), variants: variants() },
        Camera { id: "opposite".into(), name: "En face".into(), variants: variants() },
    ];
    let sounds = [Sound {
        id: "ambient".into(),
        name: "ambient".into(),
        language: Some("fr".into()),
        codecs: "mp4a.40.2".into(),
        channels: 2,
        bandwidth: (135_000, 130_000),
        target: 1,
    }];
    let layout = |base| Layout { base, file: "index.m3u8", longer: true };
    same("pathways", &playlist::pathways(&cameras, &sounds, layout("")));
    same("video-group", &playlist::video_group(&cameras, &sounds, layout("v1/")));
    same("one", &playlist::one(&cameras[0], &[], Layout { file: "plain.m3u8", ..layout("../") }));
}

#[test]
fn what_is_played_together_says_the_same_target_duration_and_hold_back() {
    let control = |text: &str| {
        let tags = ["#EXT-X-TARGETDURATION", "#EXT-X-SERVER-CONTROL"];
        text.lines().filter(|line| tags.iter().any(|tag| line.starts_with(tag))).collect::<Vec<_>>().join("\n")
    };
    let mut stage = Stage::new(Kind::Sound, grid());
    (0..150).for_each(|n| stage.aac(n, 300));
    let sound = live(&stage, Style::LowLatency { delta: false });
    assert!(control(&sound).contains("HOLD-BACK=3.0"), "{sound}");
    let beside = |style| playlist::live(&stage.id, &stage.timeline, &anchors(), style, &[], 3).unwrap();
    let longer = beside(Style::LowLatency { delta: false });
    assert!(control(&longer).starts_with("#EXT-X-TARGETDURATION:3\n"), "{longer}");
    assert!(control(&longer).ends_with(",HOLD-BACK=9.0,CAN-SKIP-UNTIL=18.0"), "{longer}");
    let media = |text: &str| text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(media(&longer), media(&sound), "the same segments");

    let variant = Variant {
        id: "source".into(),
        codecs: "avc1.4D401E".into(),
        resolution: (640, 360),
        bandwidth: (1, 1),
        millihertz: 25_000,
        target: 3,
    };
    let camera = Camera { id: "main".into(), name: "main".into(), variants: vec![variant] };
    let (id, name, codecs) = ("ambient".to_owned(), "ambient".to_owned(), "mp4a.40.2".to_owned());
    let sounds = [Sound { id, name, language: None, codecs, channels: 2, bandwidth: (1, 1), target: 1 }];
    let layout = Layout { base: "../", file: "index.m3u8", longer: true };
    let text = playlist::one(&camera, &sounds, layout);
    assert!(
        text.contains("URI=\"../audio/ambient/index-3.m3u8\"") && text.ends_with("../main/source/index.m3u8\n"),
        "{text}"
    );
}
