use std::{
    fmt::Write,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    extract::{Path, RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use load::Behaviour;

use crate::{load, origin::Origin, plan};

/// Parts of 0.2 s, five in a segment.
const PART: f64 = 0.2;
const PARTS: u64 = 5;
/// Bytes of a part: 800 kb/s of picture, 64 kb/s of sound.
const VIDEO: usize = 20_000;
const AUDIO: usize = 1600;

/// A live source that began ten seconds ago.
struct Live {
    began: Instant,
    wall: f64,
    /// No part after this one is ever made.
    last: u64,
    /// Segments end with ENDLIST after `last`.
    ends: bool,
    /// Hints are kept.
    honest: bool,
    /// Segments have dates.
    dated: bool,
}

impl Live {
    fn new(last: u64, ends: bool) -> Arc<Self> {
        Arc::new(Self::of(last, ends))
    }

    fn of(last: u64, ends: bool) -> Self {
        let ago = Duration::from_secs(10);
        let began = Instant::now().checked_sub(ago).expect("the machine is up for longer");
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970") - ago;
        Live { began, wall: wall.as_secs_f64(), last, ends, honest: true, dated: true }
    }

    /// Parts that there are.
    fn parts(&self) -> u64 {
        ((self.began.elapsed().as_secs_f64() / PART) as u64).min(self.last)
    }

    async fn until(&self, parts: u64) {
        if parts > self.last {
            std::future::pending::<()>().await;
        }
        let due = self.began + Duration::from_secs_f64(PART * parts as f64 + 0.001);
        tokio::time::sleep_until(due.into()).await;
    }

    fn playlist(&self, low_latency: bool, skip: bool) -> String {
        let parts = self.parts();
        let (whole, rest) = (parts / PARTS, parts % PARTS);
        let first = whole.saturating_sub(12);
        let mut out = String::from("#EXTM3U\n#EXT-X-TARGETDURATION:1\n");
        if low_latency {
            out += "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=6.0,PART-HOLD-BACK=0.6,HOLD-BACK=3.0\n\
                    #EXT-X-PART-INF:PART-TARGET=0.2\n";
        }
        let _ = writeln!(out, "#EXT-X-MEDIA-SEQUENCE:{first}");
        let skipped = if skip { (whole - first).saturating_sub(6) } else { 0 };
        match skipped {
            0 => out += "#EXT-X-MAP:URI=\"init.mp4\"\n",
            skipped => {
                let _ = writeln!(out, "#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}");
            }
        }
        for msn in first + skipped..=whole {
            let date = jiff::Timestamp::from_microsecond(((self.wall + msn as f64) * 1e6) as i64).expect("a date");
            let listed = if msn == whole { rest } else { PARTS };
            if self.dated && (msn < whole || listed > 0) {
                let _ = writeln!(out, "#EXT-X-PROGRAM-DATE-TIME:{date}");
            }
            if low_latency && msn + 3 >= whole {
                for part in 0..listed {
                    let independent = if part == 0 { ",INDEPENDENT=YES" } else { "" };
                    let _ = writeln!(out, "#EXT-X-PART:DURATION=0.2,URI=\"{msn}.{part}.m4s\"{independent}");
                }
            }
            if msn < whole {
                let _ = writeln!(out, "#EXTINF:1.0,\n{msn}.m4s");
            }
        }
        if self.ends && parts == self.last {
            out += "#EXT-X-ENDLIST\n";
        } else if low_latency {
            let _ = writeln!(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{whole}.{rest}.m4s\"");
        }
        out
    }
}

async fn playlist(State(live): State<Arc<Live>>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let directive =
        |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned);
    if let Some(msn) = directive("_HLS_msn") {
        let msn: u64 = msn.parse().expect("a number");
        let part: u64 = directive("_HLS_part").expect("a part").parse().expect("a number");
        live.until(msn * PARTS + part + 1).await;
    }
    live.playlist(true, directive("_HLS_skip").is_some()).into_response()
}

async fn plain(State(live): State<Arc<Live>>) -> String {
    live.playlist(false, false)
}

async fn media(State(live): State<Arc<Live>>, Path((track, file)): Path<(String, String)>) -> Response {
    if file == "init.mp4" {
        return vec![1; 700].into_response();
    }
    let size = if track == "video" { VIDEO } else { AUDIO };
    let name = file.strip_suffix(".m4s").expect("media");
    match name.split_once('.') {
        Some((msn, part)) => {
            let at = msn.parse::<u64>().expect("a number") * PARTS + part.parse::<u64>().expect("a number");
            // What is hinted is answered once it is there; what is neither hinted nor there is not found.
            if at > live.parts() || (at == live.parts() && !live.honest) {
                return StatusCode::NOT_FOUND.into_response();
            }
            live.until(at + 1).await;
            vec![2; size].into_response()
        }
        None if (name.parse::<u64>().expect("a number") + 1) * PARTS > live.parts() => {
            StatusCode::NOT_FOUND.into_response()
        }
        None => vec![2; size * PARTS as usize].into_response(),
    }
}

async fn origin(live: Arc<Live>) -> Origin {
    let multivariant = |name: &str| {
        format!(
            "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"s\",NAME=\"s\",DEFAULT=YES,URI=\"audio/{name}\"\n\
             #EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=640x360,AUDIO=\"s\"\nvideo/{name}\n"
        )
    };
    let (ll, segments) = (multivariant("index.m3u8"), multivariant("plain.m3u8"));
    let router = Router::new()
        .route("/index.m3u8", get(move || async move { ll }))
        .route("/plain.m3u8", get(move || async move { segments }))
        .route("/{track}/index.m3u8", get(playlist))
        .route("/{track}/plain.m3u8", get(plain))
        .route("/{track}/{file}", get(media))
        .with_state(live);
    Origin::serve(router).await
}

/// Numbers of parts (`msn * 5 + part`) asked for, in order.
fn parts(targets: &[String], track: &str) -> Vec<u64> {
    let number = |target: &String| {
        let (msn, part) = target.strip_prefix(track)?.strip_suffix(".m4s")?.split_once('.')?;
        Some(msn.parse::<u64>().ok()? * PARTS + part.parse::<u64>().ok()?)
    };
    targets.iter().filter_map(number).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn low_latency_viewers_follow_part_by_part() {
    let live = Live::new(u64::MAX, false);
    let origin = origin(live.clone()).await;
    let first = live.parts();
    let report = load(plan(Behaviour::Ll, 3, &origin.url("/index.m3u8"), 5)).await;
    let made = live.parts();
    let crowd = &report.crowds[0];
    assert_eq!((crowd.started, crowd.by_parts, report.errors), (3, 3, 0), "{crowd:?}");
    assert!(crowd.latency_ms.p50.is_some_and(|ms| ms > 500.0), "no nearer than its hold-back: {:?}", crowd.latency_ms);
    for (viewer, targets) in origin.by_viewer() {
        for track in ["/video/", "/audio/"] {
            let parts = parts(&targets, track);
            let whole: Vec<u64> = (parts[0]..parts[0] + parts.len() as u64).collect();
            assert_eq!(parts, whole, "{viewer}: each part once, in order");
            // From at most a segment and the hold-back behind the edge until the part that is being made.
            assert!(parts[0] + PARTS + 3 >= first && parts[0] <= made, "{parts:?} of {first}");
            assert!(parts.last().is_some_and(|last| *last <= made), "nothing is asked for that is not hinted");
            let held: Vec<u64> = targets
                .iter()
                .filter_map(|t| {
                    let (msn, rest) = t.strip_prefix(track)?.strip_prefix("index.m3u8?_HLS_msn=")?.split_once('&')?;
                    assert!(rest.ends_with("&_HLS_skip=YES"), "{t}");
                    let part: u64 = rest.strip_prefix("_HLS_part=")?.split('&').next()?.parse().ok()?;
                    Some(msn.parse::<u64>().ok()? * PARTS + part)
                })
                .collect();
            assert!(held.windows(2).all(|two| two[0] < two[1]), "{held:?}");
            // One reload a part, give or take those that the beginning and the end cut off.
            let plainly = targets.iter().filter(|t| **t == format!("{track}index.m3u8")).count();
            assert_eq!(plainly, 1);
            assert!(held.len() as u64 <= made - first + 2 && !held.is_empty(), "{} of {}", held.len(), made - first);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_viewers_poll_and_fetch_each_segment_once() {
    let origin = origin(Live::new(u64::MAX, false)).await;
    let report = load(plan(Behaviour::Plain, 3, &origin.url("/plain.m3u8"), 5)).await;
    let crowd = &report.crowds[0];
    assert_eq!((crowd.started, crowd.by_parts, report.errors), (3, 0, 0), "{crowd:?}");
    assert!(crowd.latency_ms.p50.is_some_and(|ms| ms > 2900.0), "{:?}", crowd.latency_ms);
    for (viewer, targets) in origin.by_viewer() {
        for track in ["/video/", "/audio/"] {
            let segments: Vec<u64> =
                targets.iter().filter_map(|t| t.strip_prefix(track)?.strip_suffix(".m4s")?.parse().ok()).collect();
            let whole: Vec<u64> = (segments[0]..segments[0] + segments.len() as u64).collect();
            assert_eq!(segments, whole, "{viewer}");
            // Never more often than each half target duration.
            let polls = targets.iter().filter(|t| **t == format!("{track}plain.m3u8")).count();
            assert!((2..=11).contains(&polls), "{polls} polls in 5 s");
        }
    }
}

/// What a server does not offer is said, and not left out.
#[tokio::test(flavor = "multi_thread")]
async fn viewers_without_parts_or_dates_are_told_of() {
    let origin = origin(Arc::new(Live { dated: false, ..Live::of(u64::MAX, false) })).await;
    let report = load(plan(Behaviour::Ll, 2, &origin.url("/plain.m3u8"), 2)).await;
    assert_eq!((report.crowds[0].started, report.crowds[0].by_parts, report.errors), (2, 0, 0));
    let text = report.text();
    assert!(text.contains("  viewers  2, 2 started, 0 by parts"), "{text}");
    assert!(text.contains("  latency  not known: no PROGRAM-DATE-TIME\n"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_stops_stalls_its_viewers() {
    // Ten seconds and one more are there; then nothing, and held reloads are never answered.
    let origin = origin(Live::new(55, false)).await;
    let report = load(plan(Behaviour::Ll, 2, &origin.url("/index.m3u8"), 5)).await;
    let stalls = report.crowds[0].stalls;
    assert_eq!((report.crowds[0].started, stalls.viewers, stalls.count), (2, 2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_grows_is_followed_until_it_ends() {
    // Ten of twelve seconds are there.
    let origin = origin(Live::new(60, true)).await;
    let report = load(plan(Behaviour::Replay, 2, &origin.url("/plain.m3u8"), 60)).await;
    let crowd = &report.crowds[0];
    assert_eq!((crowd.started, crowd.ended, report.errors), (2, 2, 0), "{crowd:?}");
    for targets in origin.by_viewer().values() {
        let segments = targets.iter().filter(|t| t.starts_with("/video/") && t.ends_with(".m4s")).count();
        assert_eq!(segments, 12, "from its beginning to its end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_that_is_missing_is_an_error_and_asked_for_once() {
    let origin = origin(Arc::new(Live { honest: false, ..Live::of(u64::MAX, false) })).await;
    let crowd = load(plan(Behaviour::Ll, 2, &origin.url("/index.m3u8"), 4)).await.crowds.remove(0);
    assert!(crowd.errors["hinted part missing"] > 0 && crowd.errors.len() == 1, "{:?}", crowd.errors);
    assert_eq!(crowd.started, 2);
    for targets in origin.by_viewer().values() {
        for track in ["/video/", "/audio/"] {
            let mut parts = parts(targets, track);
            parts.dedup();
            // As a hint, and once more when it is announced.
            let whole: Vec<u64> = (parts[0]..parts[0] + parts.len() as u64).collect();
            assert_eq!(parts, whole);
            let most = parts
                .iter()
                .map(|part| (part / PARTS, part % PARTS))
                .map(|(msn, part)| targets.iter().filter(|t| **t == format!("{track}{msn}.{part}.m4s")).count());
            assert!(most.max() <= Some(2), "{targets:?}");
        }
    }
}
