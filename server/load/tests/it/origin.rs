//! Servers that note what they are asked for.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, OnceLock},
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{StatusCode, Version, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Path and query.
    pub(crate) target: String,
    pub(crate) peer: SocketAddr,
    pub(crate) version: Version,
    /// CMCD headers by name, without `cmcd-`.
    pub(crate) cmcd: BTreeMap<String, String>,
}

impl Asked {
    /// The viewer, as its CMCD says.
    pub(crate) fn viewer(&self) -> String {
        cmcd(self).remove("sid").expect("a session id")
    }
}

/// A running server.
pub(crate) struct Origin {
    pub(crate) base: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Origin {
    pub(crate) async fn serve(router: Router) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let router = router.layer(middleware::from_fn_with_state(asked.clone(), note));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("bound"));
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Origin { base, asked }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic").clone()
    }

    /// Targets by viewer, in the order of asking.
    pub(crate) fn by_viewer(&self) -> BTreeMap<String, Vec<String>> {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for asked in self.asked() {
            all.entry(asked.viewer()).or_default().push(asked.target);
        }
        all
    }
}

async fn note(
    State(asked): State<Arc<Mutex<Vec<Asked>>>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let cmcd = request.headers().iter().filter_map(|(name, value)| {
        Some((name.as_str().strip_prefix("cmcd-")?.to_owned(), value.to_str().expect("text").to_owned()))
    });
    let target = request.uri().path_and_query().map(|t| t.as_str().to_owned()).unwrap_or_default();
    let one = Asked { target, peer, version: request.version(), cmcd: cmcd.collect() };
    asked.lock().expect("no panic").push(one);
    next.run(request).await
}

/// CMCD keys of a request, read by the rules of CTA-5004: keys sorted in each header, strings quoted, flags bare.
pub(crate) fn cmcd(asked: &Asked) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (name, text) in &asked.cmcd {
        let (mut rest, mut before) = (text.as_str(), String::new());
        while !rest.is_empty() {
            let end = rest.find([',', '=']).unwrap_or(rest.len());
            let key = rest[..end].to_owned();
            assert!(key > before, "keys out of order: {text}");
            rest = &rest[end..];
            let value = match rest.strip_prefix('=') {
                None => "true".to_owned(),
                Some(value) => {
                    let (value, after) = value_of(value);
                    rest = after;
                    value
                }
            };
            rest = match rest.strip_prefix(',') {
                Some(more) => more,
                None if rest.is_empty() => "",
                None => panic!("{text}"),
            };
            let home = match key.as_str() {
                "br" | "d" | "ot" | "tb" => "object",
                "bl" | "mtp" | "su" => "request",
                "cid" | "sf" | "sid" | "st" => "session",
                "bs" => "status",
                other => panic!("{other} is no key"),
            };
            assert_eq!(home, name, "{key}");
            assert!(all.insert(key.clone(), value).is_none(), "{key} twice");
            before = key;
        }
    }
    all
}

fn value_of(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(',').unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let (mut value, mut escaped) = (String::new(), false);
    for (at, c) in quoted.char_indices() {
        match c {
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return (value, &quoted[at + 1..]),
            _ => value.push(c),
        }
    }
    panic!("an open quote: {text}")
}

/// What happens to a file on its way.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Fate {
    Served,
    Missing,
    /// Never answered.
    Held,
}

/// Serves a folder.
pub(crate) fn files(folder: PathBuf, fate: fn(&str) -> Fate) -> Router {
    Router::new().fallback(move |request: Request| {
        let folder = folder.clone();
        async move {
            let path = request.uri().path().to_owned();
            match fate(&path) {
                Fate::Missing => return StatusCode::NOT_FOUND.into_response(),
                Fate::Held => std::future::pending().await,
                Fate::Served => {}
            }
            match tokio::fs::read(folder.join(path.trim_start_matches('/'))).await {
                Ok(bytes) => ranged(request.headers().get(header::RANGE), bytes),
                Err(_) => StatusCode::NOT_FOUND.into_response(),
            }
        }
    })
}

fn ranged(range: Option<&axum::http::HeaderValue>, bytes: Vec<u8>) -> Response {
    let Some(range) = range else { return bytes.into_response() };
    let text = range.to_str().expect("text").strip_prefix("bytes=").expect("bytes");
    let (from, to) = text.split_once('-').expect("a range");
    let (from, to): (usize, usize) = (from.parse().expect("from"), to.parse().expect("to"));
    let part = bytes[from..=to].to_vec();
    (StatusCode::PARTIAL_CONTENT, Body::from(part)).into_response()
}

/// Six seconds by ffmpeg: two rungs (`low`, `high`) and a sound, fragmented MP4, a second a segment.
pub(crate) fn vod() -> &'static Path {
    static MADE: OnceLock<tempfile::TempDir> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let args = "-v error -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine=sample_rate=48000 -t 6 \
                    -map 0:v -map 0:v -map 1:a -c:v libx264 -preset ultrafast -g 25 -keyint_min 25 -sc_threshold 0 \
                    -b:v:0 200k -maxrate:v:0 200k -bufsize:v:0 200k -s:v:0 160x90 \
                    -b:v:1 1200k -maxrate:v:1 1200k -bufsize:v:1 1200k -c:a aac -b:a 64k \
                    -f hls -hls_time 1 -hls_playlist_type vod -hls_segment_type fmp4 -hls_fmp4_init_filename init.mp4 \
                    -master_pl_name index.m3u8 -hls_segment_filename %v/%d.m4s";
        let streams = "v:0,agroup:s,name:low v:1,agroup:s,name:high a:0,agroup:s,name:sound,default:yes";
        let made = Command::new("ffmpeg")
            .args(args.split_whitespace())
            .args(["-var_stream_map", streams, "%v/index.m3u8"])
            .current_dir(folder.path())
            .status()
            .expect("ffmpeg is installed");
        assert!(made.success());
        folder
    })
    .path()
}

/// The same, served.
pub(crate) async fn vod_origin(fate: fn(&str) -> Fate) -> Origin {
    Origin::serve(files(vod().to_owned(), fate)).await
}

pub(crate) fn served(_: &str) -> Fate {
    Fate::Served
}
