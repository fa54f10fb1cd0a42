//! Each rule has a planted fault that finds it, and nothing else that is an error; without a fault nothing is found.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use tokio::{net::TcpListener, task::JoinSet};
use verify::{
    Report,
    rules::{ALL, Severity},
};

use crate::{
    origin::{Plan, serve},
    table::{Case, cases},
};

pub fn args(url: String, seconds: u64) -> verify::Args {
    verify::Args { url, seconds, json: false, strict: false, insecure: true, ca: None, renditions: 16, segments: 40 }
}

async fn look(plan: Plan, path: &str, seconds: u64) -> Report {
    let url = format!("{}/{path}", serve(plan).await);
    verify::check(&args(url, seconds)).await.unwrap()
}

fn ids(report: &Report) -> BTreeSet<&'static str> {
    report.findings.iter().map(|f| f.rule.id).collect()
}

async fn case(case: Case) -> Option<String> {
    let Case { rule, also, path, seconds, tls, plan } = case;
    let report = if tls {
        let url = behind_tls(serve(plan).await).await;
        verify::check(&args(format!("{url}/{path}"), seconds)).await.unwrap()
    } else {
        look(plan, path, seconds).await
    };
    let found = ids(&report);
    let allowed: BTreeSet<&str> = also.iter().copied().chain([rule]).collect();
    let extra = found.iter().any(|id| !allowed.contains(id));
    let missed = !found.contains(rule);
    (extra || missed).then(|| format!("--- {rule}: found {found:?}\n{}", report.text()))
}

/// The same origin over TLS that offers HTTP/1.1 alone.
async fn behind_tls(origin: String) -> String {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".into()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let inner = origin.strip_prefix("http://").unwrap().to_owned();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (acceptor, inner) = (acceptor.clone(), inner.clone());
            tokio::spawn(async move {
                let mut outer = acceptor.accept(socket).await.unwrap();
                let mut plain = tokio::net::TcpStream::connect(inner).await.unwrap();
                // Either side may go away at any time.
                let _ = tokio::io::copy_bidirectional(&mut outer, &mut plain).await;
            });
        }
    });
    format!("https://{address}")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_planted_fault_is_found_and_nothing_else() {
    // One rule alone can be looked at: VIRAGE_RULE=part-too-long.
    let only = std::env::var("VIRAGE_RULE").ok();
    let mut waiting: Vec<Case> = cases().into_iter().filter(|c| only.as_deref().is_none_or(|o| o == c.rule)).collect();
    waiting.reverse();
    let mut running = JoinSet::new();
    let mut wrong = Vec::new();
    loop {
        while running.len() < 12
            && let Some(next) = waiting.pop()
        {
            running.spawn(case(next));
        }
        match running.join_next().await {
            Some(done) => wrong.extend(done.unwrap()),
            None => break,
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_rule_has_a_planted_fault_and_a_name_of_its_own() {
    let planted: BTreeSet<&str> = cases().iter().map(|c| c.rule).collect();
    let known: BTreeSet<&str> = ALL.iter().map(|r| r.id).collect();
    assert_eq!(known.len(), ALL.len(), "two rules of one name");
    assert_eq!(known.difference(&planted).collect::<Vec<_>>(), Vec::<&&str>::new(), "rules without a fault");
    assert_eq!(planted.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new(), "faults without a rule");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_without_faults_is_clean() {
    for (path, parts) in
        [("live.m3u8", true), ("plain.m3u8", false), ("vod.m3u8", false), ("long.m3u8", false), ("hi/live.m3u8", true)]
    {
        let report = look(Plan::default(), path, 4).await;
        assert!(report.findings.is_empty(), "{path}:\n{}", report.text());
        assert_eq!(report.checked.parts > 20, parts, "{path}: {:?}", report.checked);
        assert!(report.checked.segments >= 3, "{path}: {:?}", report.checked);
    }
}

/// A hinted part that is lost is 404, its segment a gap, and what follows stands after a discontinuity: no fault.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_no_fault() {
    let mut running = JoinSet::new();
    for (path, seconds) in [("live.m3u8", 6), ("plain.m3u8", 6), ("hi/live.m3u8", 6), ("hi/live.m3u8", 2)] {
        running.spawn(async move {
            // From within the segment that begins a second after the start, to the end of the next.
            let plan = Plan { lost: Some(107..115), ..Plan::default() };
            (path, seconds, look(plan, path, seconds).await)
        });
    }
    while let Some(done) = running.join_next().await {
        let (path, seconds, report) = done.unwrap();
        assert!(report.findings.is_empty(), "{path} for {seconds} s:\n{}", report.text());
    }
}

#[tokio::test]
async fn what_cannot_be_checked_is_said() {
    let base = serve(Plan::default()).await;
    for (url, says) in [
        (format!("{base}/nothing.txt"), "404"),
        (format!("{base}/hi/init.mp4"), "not an HLS playlist"),
        ("ftp://host/a.m3u8".into(), "http"),
        ("nonsense".into(), "http"),
        ("http://127.0.0.1:9/a.m3u8".into(), "127.0.0.1:9"),
    ] {
        let error = verify::check(&args(url.clone(), 1)).await.unwrap_err();
        let text = format!("{error}: {}", std::error::Error::source(&error).map_or(String::new(), |e| e.to_string()));
        assert!(text.contains(says), "{url}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_read_is_no_success() {
    #[derive(clap::Parser)]
    struct Command {
        #[command(flatten)]
        _args: verify::Args,
    }
    for option in ["--renditions", "--segments"] {
        let parse = |count| <Command as clap::Parser>::try_parse_from(["verify", "http://host/a.m3u8", option, count]);
        assert!(parse("1").is_ok());
        assert!(parse("0").is_err(), "{option} 0");
    }
    let plan = Plan {
        reply: Box::new(|ask, status, _| {
            if !ask.track.is_empty() {
                *status = StatusCode::NOT_FOUND;
            }
        }),
        ..Plan::default()
    };
    let report = look(plan, "vod.m3u8", 1).await;
    assert_eq!((report.status(false), report.checked.editions), (2, 0), "{}", report.text());
    assert_eq!(ids(&report), BTreeSet::from(["playlist-unreachable"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_is_text_and_json_and_decides() {
    let plan = Plan {
        text: Box::new(|_, text| text.replace("AVERAGE-BANDWIDTH", "X-AVERAGE")),
        reply: Box::new(|ask, status, _| {
            if ask.file == "3.m4s" {
                *status = StatusCode::NOT_FOUND;
            }
        }),
        ..Plan::default()
    };
    let report = look(plan, "vod.m3u8", 1).await;
    assert_eq!((report.count(Severity::Error), report.count(Severity::Warning)), (4, 1), "{}", report.text());
    assert_eq!((report.status(false), report.status(true)), (1, 1));
    assert_eq!(report.findings[0].rule.id, "media-missing");
    let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
    assert_eq!(json["findings"][0]["id"], "media-missing");
    assert_eq!(json["findings"][0]["severity"], "error");
    assert_eq!(json["findings"][0]["msn"], 3);
    assert!(json["findings"][0]["section"].as_str().unwrap().contains("6.2.1"));
    assert!(report.text().contains("4 errors, 1 warnings"), "{}", report.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn wild_numbers_are_found_and_break_nothing() {
    for (from, to) in [
        ("#EXT-X-TARGETDURATION:1", "#EXT-X-TARGETDURATION:18446744073709551615"),
        ("#EXTINF:1.0", "#EXTINF:999999.0"),
        ("#EXT-X-MEDIA-SEQUENCE:", "#EXT-X-MEDIA-SEQUENCE:184467440737095516"),
        (
            "#EXT-X-MAP:URI=\"init.mp4\"",
            "#EXT-X-MAP:URI=\"init.mp4\",BYTERANGE=\"18446744073709551615@18446744073709551615\"",
        ),
        ("PART-TARGET=0.22", "PART-TARGET=999999"),
        ("#EXT-X-PROGRAM-DATE-TIME:20", "#EXT-X-PROGRAM-DATE-TIME:90"),
        ("SKIPPED-SEGMENTS=", "SKIPPED-SEGMENTS=1844674407370955161"),
    ] {
        let plan = Plan { text: Box::new(move |_, text| text.replace(from, to)), ..Plan::default() };
        let report = look(plan, "hi/live.m3u8", 1).await;
        assert!(!report.findings.is_empty(), "{to}:\n{}", report.text());
    }
}

#[test]
fn the_documentation_lists_every_rule_as_it_is() {
    let text = include_str!("../../../../docs/verify.md");
    let rows: Vec<String> =
        ALL.iter().map(|r| format!("| `{}` | {} | {} | {} |", r.id, r.severity.name(), r.section, r.advice)).collect();
    let missing: Vec<&String> = rows.iter().filter(|row| !text.contains(row.as_str())).collect();
    assert!(missing.is_empty(), "docs/verify.md: {missing:#?}");
    let table = text.split("## Rules").nth(1).unwrap().split("## What it finds").next().unwrap();
    assert_eq!(table.matches("\n| `").count(), rows.len(), "docs/verify.md lists rules that are gone");
}
