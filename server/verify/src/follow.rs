//! One media playlist: read whole when it has ended, followed as a player would while it is live.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::Semaphore, task::JoinSet};
use url::Url;

use crate::{
    Micros,
    fetch::{Ask, Fetch, directed},
    media::{self, Init},
    observe::{Asked, Edition, Got, Header, Place, Rendition, Role},
    playlist::{self, ByteRange, Media, Playlist, Segment},
    probe,
};

/// How much is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long live is followed.
    pub time: Duration,
    /// Segments that are fetched of a playlist that has ended.
    pub segments: usize,
    /// When looking began: answers of all playlists are timed from here.
    pub start: Instant,
}

/// Segments of a live playlist that are fetched at the start.
const HISTORY: usize = 3;
/// Requests of one rendition's media at a time, beside the hint's.
const AT_ONCE: usize = 6;
/// Editions that are kept, whatever a server answers.
const EDITIONS: usize = 3_000;

/// Reads or follows a playlist, fetches its media, and tries awkward requests.
pub async fn rendition(fetch: Fetch, url: Url, role: Role, limits: Limits) -> Rendition {
    let mut follower = Follower {
        fetch,
        seen: Rendition::new(url.clone(), role),
        start: limits.start,
        known: HashSet::new(),
        tasks: JoinSet::new(),
        gate: Arc::new(Semaphore::new(AT_ONCE)),
    };
    let first = match follower.load(None, Ask::playlist()).await {
        Ok(list) => list,
        Err(refusal) => {
            follower.seen.failure = Some(refusal.why);
            return follower.seen;
        }
    };
    if first.ended {
        follower.sample(&first, limits.segments).await;
    } else {
        follower.live(first, limits.time).await;
    }
    follower.drain(Duration::from_secs(20)).await;
    follower.again().await;
    let Follower { fetch, mut seen, start, .. } = follower;
    probe::all(&fetch, &mut seen, start).await;
    seen
}

struct Follower {
    fetch: Fetch,
    seen: Rendition,
    start: Instant,
    known: HashSet<(String, Option<ByteRange>)>,
    tasks: JoinSet<(Place, Got)>,
    gate: Arc<Semaphore>,
}

/// Something to fetch.
struct Wanted {
    place: Place,
    uri: String,
    range: Option<ByteRange>,
    hinted: bool,
    wait: Duration,
}

/// The status of a server that gives up a hold.
const GAVE_UP: u16 = 503;

/// Why there is no playlist.
struct Refusal {
    why: String,
    status: Option<u16>,
}

impl From<String> for Refusal {
    fn from(why: String) -> Self {
        Self { why, status: None }
    }
}

impl Follower {
    /// Asks for the playlist and keeps the answer; says why when it is none.
    async fn load(&mut self, asked: Option<Asked>, ask: Ask) -> Result<Media, Refusal> {
        let url = match asked {
            None => self.seen.url.clone(),
            Some(asked) => directed(&self.seen.url, &directives(asked)),
        };
        let answer = self.fetch.get(&url, ask).await.map_err(|e| e.to_string())?;
        if answer.meta.status != 200 {
            let why = format!("{} was answered with status {}", url, answer.meta.status);
            return Err(Refusal { why, status: Some(answer.meta.status) });
        }
        let list = match playlist::read(&answer.text()) {
            Some(Playlist::Media(list)) => list,
            Some(Playlist::Multivariant(_)) => {
                return Err("a multivariant playlist where a media playlist belongs".to_owned().into());
            }
            None => return Err(format!("{url} is not a playlist").into()),
        };
        let at = self.start.elapsed();
        if self.seen.editions.len() < EDITIONS {
            self.seen.editions.push(Edition { at, asked, meta: answer.meta, list: list.clone() });
        }
        Ok(list)
    }

    /// Fetches the first segments of a playlist that has ended, and its last.
    async fn sample(&mut self, list: &Media, most: usize) {
        let whole: Vec<&Segment> = list.whole().filter(|s| !s.gap).collect();
        let last = whole.last().copied();
        let mut chosen: Vec<&Segment> = whole.iter().take(most.saturating_sub(1).max(1)).copied().collect();
        if let Some(last) = last.filter(|last| chosen.iter().all(|s| s.msn != last.msn)) {
            chosen.push(last);
        }
        for segment in chosen {
            self.segment(list, segment).await;
        }
    }

    async fn live(&mut self, first: Media, time: Duration) {
        let end = Instant::now() + time;
        let history: Vec<&Segment> = first.whole().rev().filter(|s| !s.gap).take(HISTORY).collect();
        for segment in history.into_iter().rev() {
            self.segment(&first, segment).await;
        }
        self.news(&first).await;
        let mut list = first;
        let (mut failures, mut gave_up) = (0, false);
        while Instant::now() < end && !list.ended && failures < 2 {
            let next = if list.can_block() { self.held(&list).await } else { self.polled(&list, end).await };
            match next {
                Ok(next) => {
                    (failures, gave_up) = (0, false);
                    self.news(&next).await;
                    list = next;
                }
                // An outage may be longer than a hold; of a server that gives up again nothing comes.
                Err(refusal) if refusal.status == Some(GAVE_UP) && !gave_up => gave_up = true,
                Err(refusal) => {
                    failures += 1;
                    self.seen.failure = Some(refusal.why);
                }
            }
            self.collect();
        }
        if failures == 0 {
            self.seen.failure = None;
        }
    }

    /// A held reload for what comes next.
    async fn held(&mut self, list: &Media) -> Result<Media, Refusal> {
        let (msn, part) = list.next_part();
        let asked = Asked { msn, part: list.part_target.map(|_| part as u64) };
        let target = duration(list.target_micros());
        let wait = (target * 3 + Duration::from_secs(2)).min(Duration::from_secs(60));
        let begin = Instant::now();
        match self.load(Some(asked), Ask::playlist().within(wait)).await {
            Ok(next) => {
                if !next.contains(asked.msn, asked.part) {
                    // An answer without news: a player would ask again at once. We do not join the storm.
                    tokio::time::sleep(Duration::from_millis(250)).await;
                }
                Ok(next)
            }
            // The server may give up after three target durations (6.2.5.2).
            Err(refusal) if refusal.status == Some(GAVE_UP) && begin.elapsed() >= target * 3 => Err(refusal),
            Err(Refusal { why, .. }) => {
                self.seen.unanswered.push((asked, why.clone()));
                tokio::time::sleep(Duration::from_millis(250)).await;
                Err(why.into())
            }
        }
    }

    /// An ordinary reload (6.3.4): after a target duration, or half of one when nothing was new.
    async fn polled(&mut self, list: &Media, end: Instant) -> Result<Media, Refusal> {
        let target = list.target_micros().clamp(500_000, 60_000_000).unsigned_abs();
        let pause = Duration::from_micros(target / 2);
        let left = end.saturating_duration_since(Instant::now());
        tokio::time::sleep(pause.min(left)).await;
        self.load(None, Ask::playlist()).await.map_err(|refusal| refusal.why.into())
    }

    /// Fetches what a playlist has that was not there before: parts, the hinted part, or whole segments.
    async fn news(&mut self, list: &Media) {
        let first = self.seen.first().map_or(0, |f| f.next_part().0.saturating_sub(1));
        for segment in list.segments.iter().filter(|s| s.msn >= first) {
            if segment.parts.is_empty() {
                // With parts, the parts are what is fetched: a segment is the same bytes once more.
                if segment.uri.is_some() && !segment.gap {
                    self.segment(list, segment).await;
                }
                continue;
            }
            for (i, part) in segment.parts.iter().enumerate().filter(|(_, p)| !p.gap) {
                let place = Place { msn: segment.msn, part: Some(i) };
                self.want(segment, wanted(place, &part.uri, part.range)).await;
            }
        }
        let (msn, part) = list.next_part();
        let hints = list.hints.iter().filter(|h| h.kind == "PART" && !list.ended);
        // The length of a hinted range is not known yet: the part is fetched when it is listed.
        for hint in hints.filter(|h| h.range.is_none()).take(1) {
            let Some(segment) = list.segments.last() else { continue };
            let place = Place { msn, part: Some(part) };
            let target = duration(list.target_micros());
            let wait = target * 3 + Duration::from_secs(2);
            self.want(segment, Wanted { hinted: true, wait, ..wanted(place, &hint.uri, None) }).await;
        }
    }

    async fn segment(&mut self, list: &Media, segment: &Segment) {
        let Some(uri) = &segment.uri else { return };
        let place = Place { msn: segment.msn, part: None };
        let long = duration(list.target_micros()) * 3;
        let wanted = wanted(place, uri, segment.range);
        self.want(segment, Wanted { wait: long.clamp(Duration::from_secs(20), Duration::from_secs(120)), ..wanted })
            .await;
    }

    async fn want(&mut self, segment: &Segment, wanted: Wanted) {
        if segment.key.is_some() || !self.known.insert((wanted.uri.clone(), wanted.range)) {
            return;
        }
        let init = self.header(segment).await;
        let Ok(url) = self.seen.url.join(&wanted.uri) else { return };
        let (fetch, gate) = (self.fetch.clone(), self.gate.clone());
        self.tasks.spawn(async move {
            // A hint is held by the server: it must not stand in the way of what is there already.
            let _turn = if wanted.hinted { None } else { gate.acquire().await.ok() };
            (wanted.place, got(&fetch, &url, wanted, init.as_deref()).await)
        });
    }

    /// The header of a segment, fetched once.
    async fn header(&mut self, segment: &Segment) -> Option<Arc<Init>> {
        let map = segment.map.clone()?;
        if !self.seen.headers.contains_key(&map) {
            let header = match self.seen.url.join(&map.uri) {
                Ok(url) => match self.fetch.get(&url, Ask::media(map.range)).await {
                    Ok(answer) if matches!(answer.meta.status, 200 | 206) => {
                        let init = media::init(within(&answer.body, map.range, answer.meta.status)).map(Arc::new);
                        Header { meta: Ok(answer.meta), init }
                    }
                    Ok(answer) => {
                        Header { init: Err(media::Error::NotRead("a missing header")), meta: Ok(answer.meta) }
                    }
                    Err(error) => {
                        Header { meta: Err(error.to_string()), init: Err(media::Error::NotRead("a missing header")) }
                    }
                },
                Err(_) => Header {
                    meta: Err(format!("`{}` is not an address", map.uri)),
                    init: Err(media::Error::NotRead("a missing header")),
                },
            };
            self.seen.headers.insert(map.clone(), header);
        }
        self.seen.headers.get(&map)?.init.as_ref().ok().cloned()
    }

    fn collect(&mut self) {
        while let Some(done) = self.tasks.try_join_next() {
            self.keep(done);
        }
    }

    fn keep(&mut self, done: Result<(Place, Got), tokio::task::JoinError>) {
        if let Ok((place, got)) = done {
            // A hint that came to nothing does not hide the part that was published in its place.
            match self.seen.media.get(&place) {
                Some(known) if known.answered() && got.hinted => {}
                _ => drop(self.seen.media.insert(place, got)),
            }
        }
    }

    async fn drain(&mut self, most: Duration) {
        let all = async {
            while let Some(done) = self.tasks.join_next().await {
                if let Ok((place, got)) = done {
                    self.seen.media.entry(place).or_insert(got);
                }
            }
        };
        // What is still under way then is a hint that no server keeps: it is left out, and said by its rule.
        let _ = tokio::time::timeout(most, all).await;
        self.tasks.abort_all();
        self.settle();
    }

    /// Puts parts that were fetched by their hint where they were published: a segment may have ended where a further
    /// part of it was expected.
    fn settle(&mut self) {
        let published: HashMap<(String, Option<ByteRange>), Place> =
            self.seen.parts().into_iter().map(|(place, p)| ((p.uri, p.range), place)).collect();
        let moved: Vec<(Place, Place)> = self
            .seen
            .media
            .iter()
            .filter(|(_, got)| got.hinted)
            .filter_map(|(place, got)| Some((*place, *published.get(&(got.uri.clone(), got.range))?)))
            .filter(|(from, to)| from != to)
            .collect();
        for (from, to) in moved {
            if let Some(got) = self.seen.media.remove(&from) {
                self.seen.media.entry(to).or_insert(got);
            }
        }
    }

    /// Fetches a few things a second time.
    async fn again(&mut self) {
        let hinted = self.seen.media.iter().filter(|(_, g)| g.hinted && g.answered()).take(2);
        let others = self.seen.media.iter().filter(|(_, g)| !g.hinted && g.answered()).take(1);
        let chosen: Vec<(Place, String, Option<ByteRange>)> =
            hinted.chain(others).map(|(place, g)| (*place, g.uri.clone(), g.range)).collect();
        for (place, uri, range) in chosen {
            let Ok(url) = self.seen.url.join(&uri) else { continue };
            let got = got(&self.fetch, &url, wanted(place, &uri, range), None).await;
            self.seen.again.insert(place, got);
        }
    }
}

fn wanted(place: Place, uri: &str, range: Option<ByteRange>) -> Wanted {
    Wanted { place, uri: uri.to_owned(), range, hinted: false, wait: Duration::from_secs(20) }
}

async fn got(fetch: &Fetch, url: &Url, wanted: Wanted, init: Option<&Init>) -> Got {
    let Wanted { uri, range, hinted, wait, .. } = wanted;
    match fetch.get(url, Ask::media(range).within(wait)).await {
        Ok(mut answer) => {
            let body = within(&answer.body, range, answer.meta.status);
            if body.len() < answer.body.len() {
                // What a server that ignores ranges sends beyond them adds nothing to the bit rate.
                answer.meta.length = body.len();
            }
            let chunk = match answer.meta.status {
                200 | 206 => media::read(body, init),
                _ => Err(media::Error::NotRead("a missing segment")),
            };
            let mut hasher = DefaultHasher::new();
            body.hash(&mut hasher);
            Got { uri, range, hinted, meta: Ok(answer.meta), digest: hasher.finish(), chunk }
        }
        Err(error) => {
            let chunk = Err(media::Error::NotRead("a missing segment"));
            Got { uri, range, hinted, meta: Err(error.to_string()), digest: 0, chunk }
        }
    }
}

/// The bytes that were asked for, also of a server that ignores ranges.
fn within(body: &[u8], range: Option<ByteRange>, status: u16) -> &[u8] {
    let Some(range) = range.filter(|_| status == 200) else { return body };
    let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(body.len());
    body.get(at(range.offset)..at(range.offset.saturating_add(range.length))).unwrap_or_default()
}

/// The directives of a held reload.
pub(crate) fn directives(asked: Asked) -> Vec<(&'static str, String)> {
    let mut out = vec![("_HLS_msn", asked.msn.to_string())];
    out.extend(asked.part.map(|part| ("_HLS_part", part.to_string())));
    out
}

/// A time as a [`Duration`].
pub(crate) fn duration(micros: Micros) -> Duration {
    Duration::from_micros(micros.max(0).unsigned_abs())
}
