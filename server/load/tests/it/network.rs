use std::{
    collections::{BTreeSet, HashSet},
    net::IpAddr,
    sync::Arc,
};

use axum::http::Version;
use load::{Behaviour, Error, Http, Plan, Throughput, Trust};
use tokio_rustls::TlsAcceptor;

use crate::{
    load,
    origin::{self, cmcd, served, vod_origin},
    plan,
};

#[tokio::test(flavor = "multi_thread")]
async fn viewers_come_from_the_addresses_asked_for() {
    let origin = vod_origin(served).await;
    let mut plan = plan(Behaviour::Replay, 6, &origin.url("/index.m3u8"), 60);
    plan.sources = vec!["127.0.0.2".parse().expect("an address"), "127.0.0.3".parse().expect("an address")];
    let wanted: BTreeSet<IpAddr> = plan.sources.iter().copied().collect();
    assert_eq!(load(plan).await.errors, 0);
    let seen: BTreeSet<IpAddr> = origin.asked().iter().map(|asked| asked.peer.ip()).collect();
    assert_eq!(seen, wanted);
    let of_one = |viewer: &String| {
        let ips: HashSet<IpAddr> =
            origin.asked().iter().filter(|a| a.viewer() == *viewer).map(|a| a.peer.ip()).collect();
        ips.len()
    };
    assert!(origin.by_viewer().keys().all(|viewer| of_one(viewer) == 1), "a viewer has one address");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_says_what_it_is_for() {
    let origin = vod_origin(served).await;
    let mut plan = plan(Behaviour::Replay, 2, &origin.url("/index.m3u8"), 60);
    plan.throughput = Throughput::Links { median: 5e6, spread: 1.0 };
    load(plan).await;
    for asked in origin.asked() {
        let said = cmcd(&asked);
        let object = match asked.target.as_str() {
            target if target.ends_with(".m3u8") => "m",
            target if target.ends_with(".mp4") => "i",
            target if target.starts_with("/sound/") => "a",
            _ => "v",
        };
        assert_eq!(said["ot"], object, "{}", asked.target);
        assert_eq!((said["sf"].as_str(), said["cid"].as_str(), said["sid"].len()), ("h", "/index.m3u8", 32));
        if object == "v" {
            let low = asked.target.starts_with("/low/");
            assert_eq!(said["br"], if low { "291" } else { "1391" });
            assert_eq!((said["tb"].as_str(), said["d"].as_str(), said["st"].as_str()), ("1391", "1000", "v"));
            assert_eq!(said["bl"].parse::<u64>().expect("a number") % 100, 0);
        }
        if asked.target == "/low/0.m4s" {
            assert_eq!(said["su"], "true");
        }
    }
    let measured = |a: &origin::Asked| cmcd(a).get("mtp").and_then(|kbps| kbps.parse::<u64>().ok());
    assert!(origin.asked().iter().filter_map(measured).all(|kbps| (100..=6000).contains(&kbps)));
    assert!(origin.asked().iter().any(|asked| measured(asked).is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_is_one_connection_a_viewer_and_http_1_a_few() {
    let check = |http: Http, version: Version, most: usize| async move {
        let origin = vod_origin(served).await;
        let mut plan = plan(Behaviour::Replay, 4, &origin.url("/index.m3u8"), 60);
        plan.http = http;
        let report = load(plan).await;
        assert_eq!((report.errors, report.crowds[0].ended), (0, 4));
        assert!(origin.asked().iter().all(|asked| asked.version == version));
        let peers: HashSet<_> = origin.asked().iter().map(|asked| asked.peer).collect();
        assert!((4..=4 * most).contains(&peers.len()), "{http:?}: {peers:?}");
        assert_eq!(report.connections as usize, peers.len());
    };
    tokio::join!(check(Http::Two, Version::HTTP_2, 1), check(Http::One, Version::HTTP_11, 2));
}

/// A TLS server for `localhost` in front of the same files, its authority's certificate in a file.
async fn secure(alpn: &[&[u8]]) -> (String, tempfile::NamedTempFile) {
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let authority = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(authority.path(), key.cert.pem()).expect("written");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let private = rustls::pki_types::PrivatePkcs8KeyDer::from(key.signing_key.serialize_der());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], private.into())
        .expect("a certificate");
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("https://localhost:{}/index.m3u8", listener.local_addr().expect("bound").port());
    let router = origin::files(origin::vod().to_owned(), served);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, router) = (acceptor.clone(), router.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = hyper_util::service::TowerToHyperService::new(router);
                let io = hyper_util::rt::TokioIo::new(stream);
                let builder = hyper_util::server::conn::auto::Builder::new(hyper_util::rt::TokioExecutor::new());
                let _ = builder.serve_connection(io, service).await;
            });
        }
    });
    (url, authority)
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_checked_unless_told_not_to() {
    let check = |alpn: &'static [&'static [u8]], connections: std::ops::RangeInclusive<u64>| async move {
        let (url, authority) = secure(alpn).await;
        let trusting = |trust: Trust| load(Plan { trust, ..plan(Behaviour::Replay, 2, &url, 60) });
        let trusted = trusting(Trust::Authority(authority.path().to_owned()));
        let (first, second) = tokio::join!(trusted, trusting(Trust::Anything));
        for report in [first, second] {
            assert_eq!((report.errors, report.crowds[0].ended), (0, 2));
            assert!(connections.contains(&report.connections), "{} connections, {alpn:?}", report.connections);
        }
        let refused = load::load(plan(Behaviour::Replay, 2, &url, 60)).await;
        assert!(matches!(refused, Err(Error::Reach { .. })), "{refused:?}");
    };
    tokio::join!(check(&[b"h2", b"http/1.1"], 2..=2), check(&[b"http/1.1"], 3..=4), check(&[], 3..=4));
}
