use std::{
    net::TcpListener,
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use axum::{Router, extract::Request, http::StatusCode, response::IntoResponse};
use clap::Parser;
use load::{Behaviour, Crowd, Error};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{load, origin::Origin, plan};

/// A server below HTTP: reads a request's head, writes `answer`, closes.
async fn blunt(answer: &'static [u8]) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/index.m3u8", listener.local_addr().expect("bound"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(answer).await;
            });
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_up_is_an_error() {
    let short = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n#EXTM3U\n";
    for (answer, kind) in [(&b""[..], "connection closed"), (b"HTTP/1.1 2", "connection closed"), (short, "short body")]
    {
        let url = blunt(answer).await;
        let mut everybody = plan(Behaviour::Ll, 3, &url, 2);
        for behaviour in [Behaviour::Plain, Behaviour::Replay] {
            everybody.crowds.push(Crowd { behaviour, ..everybody.crowds[0].clone() });
        }
        for crowd in load(everybody).await.crowds {
            assert!(crowd.errors.get(kind).is_some_and(|count| *count >= 3), "{kind}: {:?}", crowd.errors);
            assert_eq!(crowd.started, 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_an_error_and_never_more() {
    let ladder = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nvideo.m3u8\n";
    let served = AtomicUsize::new(0);
    let served: &'static AtomicUsize = Box::leak(Box::new(served));
    let router = Router::new().route("/index.m3u8", axum::routing::get(move || async move { ladder })).fallback(
        move |request: Request| async move {
            let mut rng = fastrand::Rng::with_seed(served.fetch_add(1, Ordering::Relaxed) as u64);
            let mut bytes: Vec<u8> = (0..rng.usize(..3000)).map(|_| rng.u8(..)).collect();
            if request.uri().path() == "/video.m3u8" && rng.bool() {
                // Half of them begin well.
                bytes = [b"#EXTM3U\n#EXT-X-TARGETDURATION:0\n#EXTINF:0,\n#EXT-X-".to_vec(), bytes].concat();
            }
            bytes
        },
    );
    let origin = Origin::serve(router).await;
    let mut everybody = plan(Behaviour::Ll, 5, &origin.url("/index.m3u8"), 4);
    let crowd =
        |behaviour, path: &str| Crowd { behaviour, viewers: 5, url: origin.url(path).parse().expect("an address") };
    everybody.crowds.extend([Behaviour::Plain, Behaviour::Replay].map(|behaviour| crowd(behaviour, "/index.m3u8")));
    let all = [Behaviour::Ll, Behaviour::Plain, Behaviour::Replay, Behaviour::Feed];
    everybody.crowds.extend(all.map(|behaviour| crowd(behaviour, "/x")));
    for crowd in load(everybody).await.crowds {
        assert!(crowd.errors.values().sum::<u64>() >= 5, "{crowd:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_server_is_asked_again_and_a_refusal_is_not() {
    let router = Router::new().fallback(|request: Request| async move {
        match request.uri().path() {
            "/busy" => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            _ => StatusCode::FORBIDDEN.into_response(),
        }
    });
    let origin = Origin::serve(router).await;
    let crowd = load(plan(Behaviour::Plain, 2, &origin.url("/busy"), 3)).await.crowds.remove(0);
    assert!(crowd.errors["status 503"] > 2 && crowd.gave_up == 0, "{crowd:?}");
    let crowd = load(plan(Behaviour::Plain, 2, &origin.url("/no"), 30)).await.crowds.remove(0);
    assert_eq!((crowd.errors["status 403"], crowd.gave_up), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_start_says_why() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
    let nobody = load::load(plan(Behaviour::Plain, 1, &format!("http://127.0.0.1:{port}/"), 1)).await;
    assert!(matches!(nobody, Err(Error::Reach { .. })), "{nobody:?}");

    let url = blunt(b"").await;
    let crowded = load::load(plan(Behaviour::Ll, 100_000_000, &url, 1)).await;
    assert!(matches!(crowded, Err(Error::Files { needed: 400_000_000, .. })), "{crowded:?}");

    let mut elsewhere = plan(Behaviour::Plain, 1, &url, 1);
    elsewhere.sources = vec!["192.0.2.1".parse().expect("an address")];
    let elsewhere = load::load(elsewhere).await;
    assert!(matches!(elsewhere, Err(Error::Source { .. })), "{elsewhere:?}");

    let mut gone = plan(Behaviour::Plain, 1, &url, 1);
    gone.server_pids = vec![u32::MAX];
    let error = load::load(gone).await.expect_err("nobody has this number");
    assert!(matches!(error, Error::Process { .. }));
    assert_eq!(error.to_string(), "--server-pid 4294967295: no such process");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_found_by_its_port_and_the_report_is_json() {
    let url = blunt(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
    let mut plan = plan(Behaviour::Plain, 2, &url, 1);
    plan.over = Duration::from_millis(100);
    let report = load(plan).await;
    // It is this very process.
    let server = report.server.as_ref().expect("measured");
    assert_eq!(server.pids, [std::process::id()]);
    assert!(server.rss.peak >= server.rss.start && server.rss.start > 0);
    let json = serde_json::to_value(&report).expect("JSON");
    assert_eq!(json["crowds"][0]["errors"]["status 404"], 2);
    assert_eq!(json["arrival"]["viewers"], 2);
    // Nobody saw anything: there is no viewer's minute.
    assert!(json["crowds"][0]["requests"]["per_viewer_minute"].is_null());
    assert!(report.text().contains("  requests 2, — in a viewer's minute: playlists —\n"), "{}", report.text());
}

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: load::Args,
}

fn parsed(line: &str) -> Result<load::Plan, String> {
    let words = std::iter::once("load").chain(line.split_whitespace());
    let command = Command::try_parse_from(words).map_err(|error| error.to_string())?;
    command.args.plan().map_err(|error| error.to_string())
}

#[test]
fn options_that_make_no_sense_are_explained() {
    let url = "http://127.0.0.1:1/live.m3u8";
    for (options, word) in [
        ("--over 60s --for 10s", "--for"),
        ("--viewers 0", "--viewers"),
        ("--throughput fast", "400kbps"),
        ("--throughput 1bps", "1kbps to"),
        ("--spread 0.5", "factor"),
        ("--over never", "10s"),
        ("--crowd plain", "replay=800"),
        ("--crowd loud=3", "ll, plain, replay or feed"),
        ("--crowd plain=-1", "number of viewers"),
        ("--crowd plain=3 --viewers 9", "--viewers"),
        ("--sources 300", "1 to 254"),
        ("--sources 127.0.0.1,x", "no IP address"),
        ("--http 3", "--http"),
        ("--insecure --ca x.pem", "--ca"),
    ] {
        let error = parsed(&format!("{url} {options}")).expect_err(options);
        assert!(error.contains(word), "{options}: {error}");
    }
    assert!(parsed("ftp://x/y").expect_err("ftp").contains("http://"));
    assert!(parsed("http://192.0.2.1/ --sources 8").expect_err("not here").contains("this machine"));
}

#[test]
fn several_crowds() {
    let plan = parsed(
        "http://127.0.0.1:1/live/plain.m3u8 --crowd plain=20 --crowd replay=8@http://127.0.0.1:1/r.m3u8 --crowd feed=2 --sources 3",
    )
    .expect("a plan");
    let crowds: Vec<_> = plan.crowds.iter().map(|c| (c.behaviour, c.viewers, c.url.path())).collect();
    assert_eq!(
        crowds,
        [
            (Behaviour::Plain, 20, "/live/plain.m3u8"),
            (Behaviour::Replay, 8, "/r.m3u8"),
            (Behaviour::Feed, 2, "/api/v1/events")
        ]
    );
    assert_eq!(plan.sources.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_status_says_whether_there_were_errors() {
    let url = blunt(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
    let line = format!("load {url} --viewers 1 --over 0s --for 1s --json");
    let command = Command::try_parse_from(line.split_whitespace()).expect("options");
    assert_eq!(load::run(command.args).await.expect("it runs"), ExitCode::from(1));
}
