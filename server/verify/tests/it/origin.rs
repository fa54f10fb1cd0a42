//! A small origin that does everything right, but for what is planted.

use std::{
    collections::HashMap,
    fmt::Write as _,
    io::Write as _,
    ops::Range,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, HttpBody},
    extract::{RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::Response,
};
use bytes::Bytes;
use hyper::body::Frame;
use tokio::{
    net::TcpListener,
    time::{Instant, Sleep},
};

use crate::media::{Track, tracks};

/// What the answer in hand is.
pub struct Ask<'a> {
    /// `hi`, `lo`, `b`, `au`; empty for the multivariant playlist.
    pub track: &'a str,
    /// `live.m3u8`, `init.mp4`, `7.m4s`, `7.2.m4s`.
    pub file: &'a str,
    /// Parts that exist.
    pub edge: u64,
    /// How many times this address was asked for before.
    pub times: usize,
    /// Whether it is a held reload.
    pub held: bool,
}

/// How it answers awkward requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behave {
    #[default]
    Right,
    /// Never holds a playlist.
    AtOnce,
    /// Never answers a held playlist.
    Never,
    /// Answers `_HLS_msn` alone at once.
    MsnAtOnce,
    RefusesPast,
    RefusesPastLastPart,
    /// Answers a reload for the past a while later.
    LatePast,
    /// Refuses a while later.
    LateRefusal,
    TakesFar,
    /// Takes what is a little too far ahead.
    TakesNear,
    TakesPartOnly,
    TakesText,
    TakesPartText,
    FailsOnText,
    NoDelta,
    RefusesV2,
    /// Lists a segment's last part with the next segment's first.
    LastPartLate,
    /// Sends half of a part before it exists, and the rest a while later.
    Trickles,
    /// Refuses parts that do not exist yet.
    NoHints,
    /// Answers what nobody knows.
    TakesUnknown,
    /// Goes back three seconds at every second request.
    GoesBack,
    /// Lists nothing new.
    Stands,
    /// Lists all parts of a segment at once.
    Stalls,
    /// Refuses delivery directives of a playlist that has ended.
    RefusesEnded,
    /// Skips segments of a playlist that has ended.
    SkipsEnded,
}

type TextFault = Box<dyn Fn(&Ask<'_>, String) -> String + Send + Sync>;
type MediaFault = Box<dyn Fn(&Ask<'_>, Bytes) -> Bytes + Send + Sync>;
type ReplyFault = Box<dyn Fn(&Ask<'_>, &mut StatusCode, &mut HeaderMap) + Send + Sync>;

/// What is planted.
pub struct Plan {
    pub text: TextFault,
    pub media: MediaFault,
    pub reply: ReplyFault,
    pub behave: Behave,
    /// Segments in a live playlist.
    pub window: u64,
    /// What is added to the date of a segment, in microseconds.
    pub date: fn(&str, u64) -> i64,
    pub ranges: bool,
    /// Parts that are lost, by their number since the beginning: their segments are gaps, and a discontinuity follows.
    pub lost: Option<Range<u64>>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            text: Box::new(|_, text| text),
            media: Box::new(|_, bytes| bytes),
            reply: Box::new(|_, _, _| ()),
            behave: Behave::Right,
            window: 12,
            date: |_, _| 0,
            ranges: true,
            lost: None,
        }
    }
}

/// Microseconds of media that exist at the start.
const BEFORE: u64 = 20_000_000;
/// Parts of a segment.
const PER: u64 = 5;
/// Segments of a VOD playlist.
const VOD: u64 = 8;
/// Segments of a longer one.
const LONG: u64 = 36;

pub struct Origin {
    plan: Plan,
    start: Instant,
    wall: jiff::Timestamp,
    asked: Mutex<HashMap<String, usize>>,
}

/// Serves it on a free port; the address has no slash at its end.
pub async fn serve(plan: Plan) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (start, wall) = (Instant::now(), jiff::Timestamp::now());
    let origin = Arc::new(Origin { plan, start, wall, asked: Mutex::default() });
    let app = Router::new().fallback(answer).with_state(origin);
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

async fn answer(State(origin): State<Arc<Origin>>, uri: Uri, RawQuery(query): RawQuery, asked: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/').to_owned();
    let (name, file) = path.split_once('/').unwrap_or(("", &path));
    let query = query.unwrap_or_default();
    let times = {
        let mut all = origin.asked.lock().unwrap();
        let count = all.entry(format!("{path}?{query}")).or_default();
        *count += 1;
        *count - 1
    };
    let held = query.contains("_HLS_msn");
    let track = tracks().iter().find(|t| t.name == name);
    let found = if file.ends_with(".m3u8") {
        origin.playlist(track, file, &query, times).await
    } else {
        match track {
            Some(track) => origin.media(track, file).await.map(|body| (origin.edge(track), body)),
            None => Err(StatusCode::NOT_FOUND),
        }
    };
    if origin.plan.behave == Behave::LateRefusal && found == Err(StatusCode::BAD_REQUEST) {
        tokio::time::sleep(LATE).await;
    }
    let (mut status, (edge, mut body)) = match found {
        Ok(found) => (StatusCode::OK, found),
        Err(status) => (status, (0, Bytes::new())),
    };
    let ask = Ask { track: name, file, edge, times, held };
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    let (kind, cache) = match (status.is_success(), file.ends_with(".m3u8")) {
        (false, _) => ("text/plain", "max-age=1"),
        (true, true) if held => ("application/vnd.apple.mpegurl", "max-age=6"),
        (true, true) => ("application/vnd.apple.mpegurl", "no-cache"),
        (true, false) => ("video/mp4", "max-age=31536000, immutable"),
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if status.is_success() && file.ends_with(".m3u8") {
        let text = (origin.plan.text)(&ask, String::from_utf8(body.to_vec()).unwrap());
        body = Bytes::from(text);
        if asked.get(header::ACCEPT_ENCODING).is_some_and(|v| v.to_str().unwrap().contains("gzip")) {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
    } else if status.is_success() {
        body = (origin.plan.media)(&ask, body);
    }
    let range = asked.get(header::RANGE).and_then(|v| v.to_str().ok()?.strip_prefix("bytes=")?.split_once('-'));
    if let Some((first, last)) = range.filter(|_| origin.plan.ranges && status.is_success()) {
        let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
        status = if first < body.len() { StatusCode::PARTIAL_CONTENT } else { StatusCode::RANGE_NOT_SATISFIABLE };
        body = body.slice(first.min(body.len())..last.saturating_add(1).min(body.len()));
    }
    (origin.plan.reply)(&ask, &mut status, &mut headers);
    if !status.is_success() {
        body = Bytes::new();
        headers.remove(header::CONTENT_ENCODING);
    }
    if headers.contains_key(header::CONTENT_ENCODING) {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&body).unwrap();
        body = encoder.finish().unwrap().into();
    }
    let trickles = origin.plan.behave == Behave::Trickles && times == 0 && file.matches('.').count() == 2;
    let body = if trickles { Body::new(Trickle::new(body)) } else { Body::from(body) };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().extend(headers);
    response
}

/// A while: more than anybody takes for "at once".
const LATE: Duration = Duration::from_millis(1_200);

/// A body in two halves, some time apart.
struct Trickle {
    halves: Vec<Bytes>,
    pause: Pin<Box<Sleep>>,
}

impl Trickle {
    fn new(mut whole: Bytes) -> Self {
        let first = whole.split_to(whole.len() / 2);
        Self { halves: vec![whole, first], pause: Box::pin(tokio::time::sleep(Duration::from_millis(600))) }
    }
}

impl HttpBody for Trickle {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.halves.len() == 1 {
            ready!(self.pause.as_mut().poll(context));
        }
        Poll::Ready(self.halves.pop().map(|half| Ok(Frame::data(half))))
    }
}

impl Origin {
    /// Parts of a track that exist now.
    fn edge(&self, track: &Track) -> u64 {
        let time = BEFORE + u64::try_from(self.start.elapsed().as_micros()).unwrap();
        let edge = (time / track.part).min(track.chunks.len() as u64);
        if self.plan.behave == Behave::Stalls {
            return edge / PER * PER;
        }
        match &self.plan.lost {
            // Nothing comes until a segment's time is over; then it is known to be a gap.
            Some(lost) if lost.contains(&edge) => lost.start.max(edge / PER * PER),
            _ => edge,
        }
    }

    /// Whether a segment has lost parts.
    fn is_gap(&self, msn: u64) -> bool {
        self.plan.lost.as_ref().is_some_and(|lost| msn * PER < lost.end && lost.start < (msn + 1) * PER)
    }

    /// Waits until a track has more than `parts` parts, or is known never to have this one.
    async fn until(&self, track: &Track, parts: u64) {
        let whole = self.plan.behave == Behave::Stalls || self.plan.lost.as_ref().is_some_and(|l| l.contains(&parts));
        let wanted = if whole { (parts / PER + 1) * PER } else { parts + 1 } * track.part;
        tokio::time::sleep_until(self.start + Duration::from_micros(wanted.saturating_sub(BEFORE) + 1_000)).await;
    }

    /// Parts of a track that are listed now.
    fn listed(&self, track: &Track) -> u64 {
        let edge = self.edge(track);
        edge - u64::from(self.plan.behave == Behave::LastPartLate && edge.is_multiple_of(PER))
    }

    /// Waits until a playlist lists more than `parts` parts.
    async fn until_listed(&self, track: &Track, parts: u64) {
        let late = self.plan.behave == Behave::LastPartLate && (parts + 1).is_multiple_of(PER);
        self.until(track, parts + u64::from(late)).await;
    }

    async fn playlist(
        &self,
        track: Option<&Track>,
        file: &str,
        query: &str,
        times: usize,
    ) -> Result<(u64, Bytes), StatusCode> {
        let Some(track) = track else { return Ok((0, multivariant(file).into())) };
        let behave = self.plan.behave;
        let value = |name: &str| query.split('&').find_map(|p| p.strip_prefix(name)?.strip_prefix('='));
        let mut edge = self.edge(track);
        match file {
            "vod.m3u8" | "long.m3u8" if behave == Behave::RefusesEnded && !query.is_empty() => {
                return Err(StatusCode::BAD_REQUEST);
            }
            "vod.m3u8" if behave == Behave::SkipsEnded && value("_HLS_skip").is_some() => {
                return Ok((edge, skipping(&self.vod(track, VOD)).into()));
            }
            "vod.m3u8" => return Ok((edge, self.vod(track, VOD).into())),
            "long.m3u8" => return Ok((edge, self.vod(track, LONG).into())),
            "plain.m3u8" => {
                if behave == Behave::GoesBack && times % 2 == 1 {
                    edge -= 3 * PER;
                }
                if behave == Behave::Stands {
                    edge = BEFORE / track.part;
                }
                return Ok((edge, self.live(track, edge, false, false).into()));
            }
            "live.m3u8" => {}
            _ => return Err(StatusCode::NOT_FOUND),
        }
        let msn: Option<u64> = match value("_HLS_msn").map(str::parse) {
            Some(Err(_)) if behave == Behave::FailsOnText => return Err(StatusCode::INTERNAL_SERVER_ERROR),
            Some(Err(_)) if behave == Behave::TakesText => None,
            Some(Err(_)) => return Err(StatusCode::BAD_REQUEST),
            Some(Ok(msn)) => Some(msn),
            None => None,
        };
        let part: Option<u64> = match value("_HLS_part").map(str::parse) {
            Some(Err(_)) if behave == Behave::TakesPartText => None,
            Some(Err(_)) => return Err(StatusCode::BAD_REQUEST),
            Some(Ok(part)) => Some(part),
            None => None,
        };
        if behave == Behave::RefusesV2 && value("_HLS_skip") == Some("v2") {
            return Err(StatusCode::BAD_REQUEST);
        }
        let takes = match behave {
            Behave::TakesFar => u64::MAX,
            Behave::TakesNear => edge / PER + 10,
            _ => edge / PER + 2,
        };
        match (msn, part) {
            (None, Some(_)) if behave != Behave::TakesPartOnly => return Err(StatusCode::BAD_REQUEST),
            (Some(msn), _) if msn > takes => return Err(StatusCode::BAD_REQUEST),
            (Some(msn), _) if msn > edge / PER + 2 => {}
            (Some(msn), _) if behave == Behave::RefusesPast && msn + 2 < edge / PER => {
                return Err(StatusCode::BAD_REQUEST);
            }
            (Some(msn), _) if behave == Behave::LatePast && msn + 2 < edge / PER => tokio::time::sleep(LATE).await,
            (Some(_), Some(part)) if behave == Behave::RefusesPastLastPart && part >= PER => {
                return Err(StatusCode::BAD_REQUEST);
            }
            (Some(_), _) if behave == Behave::Never => std::future::pending().await,
            (Some(_), None) if behave == Behave::MsnAtOnce => {}
            (Some(msn), None) if behave != Behave::AtOnce => self.until_listed(track, msn * PER + PER - 1).await,
            (Some(msn), Some(part)) if behave != Behave::AtOnce => {
                self.until_listed(track, msn * PER + part.min(PER)).await;
            }
            _ => {}
        }
        edge = self.listed(track);
        let delta = matches!(value("_HLS_skip"), Some("YES" | "v2")) && behave != Behave::NoDelta;
        Ok((edge, self.live(track, edge, true, delta).into()))
    }

    fn date(&self, track: &Track, msn: u64) -> String {
        let media = i64::try_from(msn * PER * track.part).unwrap() - i64::try_from(BEFORE).unwrap();
        let micros = self.wall.as_microsecond() + media + (self.plan.date)(track.name, msn);
        format!("#EXT-X-PROGRAM-DATE-TIME:{:.6}\n", jiff::Timestamp::from_microsecond(micros).unwrap())
    }

    fn live(&self, track: &Track, edge: u64, low_latency: bool, delta: bool) -> String {
        let version = if low_latency { 9 } else { 6 };
        let mut out = format!("#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-TARGETDURATION:1\n");
        if low_latency {
            out.push_str(
                "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.9,HOLD-BACK=3.2,CAN-SKIP-UNTIL=6.0\n\
                 #EXT-X-PART-INF:PART-TARGET=0.22\n",
            );
        }
        let (open, more) = (edge / PER, edge % PER);
        let first = open.saturating_sub(self.plan.window);
        let _ = write!(out, "#EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-INDEPENDENT-SEGMENTS\n");
        let after = self.plan.lost.as_ref().map(|lost| lost.end / PER);
        if let Some(after) = after {
            let _ = writeln!(out, "#EXT-X-DISCONTINUITY-SEQUENCE:{}", u8::from(first > after));
        }
        let skip = if delta { open.saturating_sub(8).saturating_sub(first) } else { 0 };
        if skip > 0 {
            let _ = writeln!(out, "#EXT-X-SKIP:SKIPPED-SEGMENTS={skip}");
        } else {
            out.push_str("#EXT-X-MAP:URI=\"init.mp4\"\n");
        }
        for msn in first + skip..open + u64::from(low_latency && more > 0) {
            if after == Some(msn) {
                out.push_str("#EXT-X-DISCONTINUITY\n");
            }
            out.push_str(&self.date(track, msn));
            let parts = if msn == open { more } else { PER };
            let gap = msn < open && self.is_gap(msn);
            if gap {
                out.push_str("#EXT-X-GAP\n");
            }
            if low_latency && msn + 4 >= open && !gap {
                for part in 0..parts {
                    self::part(&mut out, track, msn, part);
                }
            }
            if msn < open {
                let _ = write!(out, "#EXTINF:{},\n{msn}.m4s\n", seconds(track.part * PER));
            }
        }
        if low_latency {
            let _ = writeln!(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{open}.{more}.m4s\"");
            for other in tracks().iter().filter(|t| t.name != track.name) {
                let newest = self.edge(other) - 1;
                let (msn, part) = (newest / PER, newest % PER);
                let uri = format!("../{}/live.m3u8", other.name);
                let part =
                    if part + 1 == PER && self.is_gap(msn) { String::new() } else { format!(",LAST-PART={part}") };
                let _ = writeln!(out, "#EXT-X-RENDITION-REPORT:URI=\"{uri}\",LAST-MSN={msn}{part}");
            }
        }
        out
    }

    fn vod(&self, track: &Track, segments: u64) -> String {
        let mut out = String::from("#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:1\n#EXT-X-PLAYLIST-TYPE:VOD\n");
        out.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"init.mp4\"\n");
        for msn in 0..segments {
            let length = seconds(track.part * PER);
            let _ = write!(out, "{}#EXTINF:{length},\n{msn}.m4s\n", self.date(track, msn));
        }
        out + "#EXT-X-ENDLIST\n"
    }

    async fn media(&self, track: &Track, file: &str) -> Result<Bytes, StatusCode> {
        if file == "init.mp4" {
            return Ok(track.init.clone());
        }
        let unknown = match self.plan.behave {
            Behave::TakesUnknown => Ok(Bytes::new()),
            _ => Err(StatusCode::NOT_FOUND),
        };
        // `x` is another spelling of the same part.
        let Some(name) = file.strip_suffix(".m4s").map(|n| n.trim_end_matches(".x")) else { return unknown };
        let numbers: Option<Vec<u64>> = name.split('.').map(|n| n.parse().ok()).collect();
        let edge = self.edge(track);
        let chunks = match numbers.as_deref() {
            // A long VOD reaches beyond what is live.
            Some([msn]) if self.is_gap(*msn) => return unknown,
            Some([msn]) if (msn + 1) * PER <= edge.max(LONG * PER) => msn * PER..(msn + 1) * PER,
            Some([msn, part]) => {
                let index = msn * PER + part;
                if index == edge && self.plan.behave != Behave::NoHints {
                    if self.plan.behave != Behave::Trickles {
                        self.until(track, index).await;
                    }
                } else if index >= edge {
                    return unknown;
                }
                if self.plan.lost.as_ref().is_some_and(|lost| lost.contains(&index)) {
                    return unknown;
                }
                index..index + 1
            }
            _ => return unknown,
        };
        let all: Vec<u8> = chunks.flat_map(|i| track.chunks[usize::try_from(i).unwrap()].to_vec()).collect();
        Ok(all.into())
    }
}

/// A playlist with its first two segments left out.
fn skipping(text: &str) -> String {
    let (head, rest) = text.split_once("#EXT-X-PROGRAM-DATE-TIME").unwrap();
    let kept = rest.split("#EXT-X-PROGRAM-DATE-TIME").skip(2).map(|s| format!("#EXT-X-PROGRAM-DATE-TIME{s}"));
    let head = head.replace("VERSION:6", "VERSION:9");
    format!("{head}#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n{}", kept.collect::<String>())
}

fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

fn part(out: &mut String, track: &Track, msn: u64, part: u64) {
    let independent = if track.sound || part == 0 { ",INDEPENDENT=YES" } else { "" };
    let length = seconds(track.part);
    let _ = writeln!(out, "#EXT-X-PART:DURATION={length},URI=\"{msn}.{part}.m4s\"{independent}");
}

/// The rate of a track's largest segment, in bits per second.
fn peak(track: &Track) -> usize {
    let segments = track.chunks.chunks_exact(PER as usize).map(|parts| parts.iter().map(Bytes::len).sum::<usize>());
    segments.max().unwrap() * 8_000_000 / (PER * track.part) as usize
}

fn multivariant(file: &str) -> String {
    let mut out = String::from("#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-INDEPENDENT-SEGMENTS\n");
    let _ = writeln!(
        out,
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"au\",NAME=\"Sound\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"1\",URI=\"au/{file}\""
    );
    for (name, pathway, size) in [("hi", "a", "160x90"), ("lo", "a", "96x54"), ("b", "b", "160x90")] {
        let track = tracks().iter().find(|t| t.name == name).unwrap();
        let peak = peak(track) + self::peak(&tracks()[3]);
        let codec = &verify::media::init(&track.init).unwrap().tracks[0].codec;
        let _ = write!(
            out,
            "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={peak},CODECS=\"{codec},mp4a.40.2\",\
             RESOLUTION={size},FRAME-RATE=25.000,AUDIO=\"au\",PATHWAY-ID=\"{pathway}\"\n{name}/{file}\n"
        );
    }
    out
}
