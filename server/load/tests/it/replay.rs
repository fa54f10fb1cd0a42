use std::collections::BTreeMap;

use load::{Behaviour, Throughput};

use crate::{
    load, origin,
    origin::{Fate, Origin, served, vod_origin},
    plan,
};

/// Segment numbers that a viewer asked for, of the picture (in any rung) and of the sound.
fn numbers(targets: &[String]) -> [Vec<u32>; 2] {
    let number = |target: &String, folders: &[&str]| {
        let (folder, file) = target.trim_start_matches('/').split_once('/')?;
        folders.contains(&folder).then(|| file.strip_suffix(".m4s")?.parse().ok())?
    };
    let of = |folders: &[&str]| targets.iter().filter_map(|t| number(t, folders)).collect();
    [of(&["low", "high"]), of(&["sound"])]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_segment_is_fetched_once_and_played() {
    let origin = vod_origin(served).await;
    let report = load(plan(Behaviour::Replay, 5, &origin.url("/index.m3u8"), 60)).await;
    let crowd = &report.crowds[0];
    assert_eq!((crowd.viewers, crowd.started, crowd.ended, report.errors), (5, 5, 5, 0), "{crowd:?}");
    assert!(report.seconds > 5.5, "six seconds take their time: {}", report.seconds);
    let viewers = origin.by_viewer();
    assert_eq!(viewers.len(), 5);
    for (viewer, targets) in &viewers {
        assert_eq!(numbers(targets), [(0..6).collect::<Vec<_>>(), (0..7).collect()], "{viewer}: {targets:?}");
        for once in ["/index.m3u8", "/sound/index.m3u8", "/sound/init_2.mp4", "/low/init_0.mp4", "/high/init_1.mp4"] {
            assert_eq!(targets.iter().filter(|t| *t == once).count(), 1, "{once}: {targets:?}");
        }
    }
    // The report counts what the server saw.
    assert_eq!(crowd.requests.total as usize, origin.asked().len());
    let folder = origin::vod();
    let size = |target: &str| std::fs::metadata(folder.join(target.trim_start_matches('/'))).expect("a file").len();
    assert_eq!(crowd.bytes.total, origin.asked().iter().map(|a| size(&a.target)).sum::<u64>());
    assert_eq!(crowd.variants.values().sum::<u64>(), 5 * 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_chooses_the_rung() {
    let origin = vod_origin(served).await;
    let labels = |median| {
        let mut plan = plan(Behaviour::Replay, 3, &origin.url("/index.m3u8"), 60);
        plan.throughput = Throughput::Links { median, spread: 1.0 };
        async move { load(plan).await.crowds.remove(0) }
    };
    let (slow, fast) = tokio::join!(labels(900e3), labels(50e6));
    let names: Vec<_> = slow.variants.keys().collect();
    assert_eq!(names, ["160x90 290 kb/s"], "0.9 Mb/s is not enough for 1.4");
    assert_eq!(slow.switches, 0);
    assert!(fast.variants["320x180 1390 kb/s"] > fast.variants["160x90 290 kb/s"], "{:?}", fast.variants);
    assert_eq!((slow.ended, fast.ended), (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_too_slow_for_the_lowest_rung_stalls() {
    let origin = vod_origin(served).await;
    let mut plan = plan(Behaviour::Replay, 2, &origin.url("/index.m3u8"), 60);
    // The picture alone takes twice as long as it lasts.
    plan.throughput = Throughput::Links { median: 100e3, spread: 1.0 };
    let crowd = load(plan).await.crowds.remove(0);
    assert_eq!((crowd.started, crowd.stalls.viewers, crowd.ended), (2, 2, 2), "{crowd:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announced_segment_that_is_missing_is_an_error() {
    let origin = vod_origin(|path| if path.ends_with("/3.m4s") { Fate::Missing } else { Fate::Served }).await;
    let report = load(plan(Behaviour::Replay, 2, &origin.url("/index.m3u8"), 60)).await;
    let crowd = &report.crowds[0];
    // Picture and sound of each viewer; nobody asks again for what the server says is not there.
    assert_eq!(crowd.errors, BTreeMap::from([("announced media missing".to_owned(), 4)]));
    assert_eq!((report.errors, crowd.ended), (4, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_answering_is_a_stall() {
    let origin = vod_origin(|path| if path.ends_with("/2.m4s") { Fate::Held } else { Fate::Served }).await;
    let report = load(plan(Behaviour::Replay, 3, &origin.url("/index.m3u8"), 6)).await;
    let stalls = report.crowds[0].stalls;
    assert_eq!((stalls.viewers, stalls.count), (3, 3));
    assert!(stalls.seconds > 0.0 && report.crowds[0].started == 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_way_the_angle_is_turned() {
    let text = "#EXTM3U\n\
        #EXT-X-STREAM-INF:BANDWIDTH=290400,RESOLUTION=160x90,PATHWAY-ID=\"one\"\nlow/index.m3u8\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1390400,RESOLUTION=320x180,PATHWAY-ID=\"two\"\nhigh/index.m3u8\n";
    let router = origin::files(origin::vod().to_owned(), served)
        .route("/angles.m3u8", axum::routing::get(move || async move { text }));
    let origin = Origin::serve(router).await;
    let mut plan = plan(Behaviour::Replay, 2, &origin.url("/angles.m3u8"), 60);
    plan.turn = true;
    let crowd = load(plan).await.crowds.remove(0);
    assert_eq!((crowd.turns.count, crowd.ended), (2, 2), "{crowd:?}");
    for targets in origin.by_viewer().values() {
        let of = |folder: &str| targets.iter().filter(|t| t.starts_with(folder) && t.ends_with(".m4s")).count();
        // The buffer held the whole first angle; of the second only what is still to come.
        assert_eq!((of("/low/"), of("/high/")), (6, 3), "{targets:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn byte_ranges_of_one_file() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("all.mp4"), vec![7; 1000]).expect("written");
    let text = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MAP:URI=\"all.mp4\",BYTERANGE=\"100@0\"\n\
                #EXTINF:0.5,\n#EXT-X-BYTERANGE:400@100\nall.mp4\n#EXTINF:0.5,\n#EXT-X-BYTERANGE:500\nall.mp4\n#EXT-X-ENDLIST\n";
    std::fs::write(folder.path().join("index.m3u8"), text).expect("written");
    let origin = Origin::serve(origin::files(folder.path().to_owned(), served)).await;
    let crowd = load(plan(Behaviour::Replay, 1, &origin.url("/index.m3u8"), 30)).await.crowds.remove(0);
    assert_eq!((crowd.bytes.headers, crowd.bytes.media, crowd.requests.media), (100, 900, 2));
    assert_eq!((crowd.ended, crowd.errors.len()), (1, 0), "{crowd:?}");
}
