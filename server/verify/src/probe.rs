//! Awkward requests: what players and crowds send to servers at the boundaries.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use url::Url;

use crate::{
    fetch::{Answer, Ask, Error, Fetch, directed},
    follow::{directives, duration},
    observe::{Asked, Place, Probe, ProbeKind, Rendition},
    playlist::{self, ByteRange, Media, Playlist},
};

/// Sends them all, and keeps the answers. Answers of the playlist were timed from `start`.
pub async fn all(fetch: &Fetch, seen: &mut Rendition, start: Instant) {
    let Some(last) = seen.editions.last() else { return };
    let before = Now { list: Arc::new(last.list.clone()), took: last.meta.took };
    if let Some((place, part, left)) = seen.delisted()
        && start.elapsed() + last.meta.took < left + duration(before.list.target_micros()) * 3
        && let Ok(url) = seen.url.join(&part.uri)
    {
        let answer = fetch.get(&url, Ask::media(part.range)).await;
        keep(seen, probe(ProbeKind::Delisted(place), url, &before, answer, false));
    }
    if let Some(url) = unknown(seen) {
        let answer = fetch.get(&url, Ask::media(None).within(wait(&before.list, 1))).await;
        keep(seen, probe(ProbeKind::Unknown, url, &before, answer, false));
    }
    if let Some((url, range)) = some_bytes(seen) {
        let answer = fetch.get(&url, Ask::media(Some(range))).await;
        keep(seen, probe(ProbeKind::Range(range), url, &before, answer, false));
    }
    if before.list.ended && seen.failure.is_none() {
        at_once(fetch, seen, ProbeKind::Ended, 200, |now| {
            let next = Asked { msn: now.next_part().0, part: Some(0) };
            directives(next).into_iter().chain([("_HLS_skip", "YES".to_owned())]).collect()
        })
        .await;
    }
    if seen.live() && before.list.can_block() && seen.failure.is_none() {
        reloads(fetch, seen).await;
    }
}

/// The playlist as it is, and how long it took to come.
#[derive(Clone)]
struct Now {
    list: Arc<Media>,
    took: Duration,
}

/// Delivery directives.
type Directives = Vec<(&'static str, String)>;

async fn reloads(fetch: &Fetch, seen: &mut Rendition) {
    let Some(now) = current(fetch, seen).await else { return };
    let parts = now.list.part_target.is_some();
    let segment = |msn: u64| vec![("_HLS_msn", msn.to_string())];
    at_once(fetch, seen, ProbeKind::Past, 200, |now| directives(Asked { msn: now.sequence, part: parts.then_some(0) }))
        .await;
    for ahead in [3, 50] {
        at_once(fetch, seen, ProbeKind::Far, 400, |now| segment(now.next_part().0.saturating_add(ahead))).await;
    }
    at_once(fetch, seen, ProbeKind::Text, 400, |_| vec![("_HLS_msn", "abc".into())]).await;
    if parts {
        at_once(fetch, seen, ProbeKind::PartOnly, 400, |_| vec![("_HLS_part", "0".into())]).await;
        let text = |now: &Media| vec![("_HLS_msn", now.next_part().0.to_string()), ("_HLS_part", "abc".into())];
        at_once(fetch, seen, ProbeKind::Text, 400, text).await;
    }
    let Some(now) = current(fetch, seen).await else { return };
    // A whole segment's part after its last. (6.2.5.2: part 0 of the next.)
    if let Some(whole) = now.list.whole().next_back().filter(|s| parts && !s.parts.is_empty()) {
        let asked = Asked { msn: whole.msn, part: Some(whole.parts.len() as u64) };
        let kind = ProbeKind::PastLastPart(asked);
        let probe = ask(fetch, seen, &now, kind, &directives(asked), wait(&now.list, 3)).await;
        keep(seen, probe);
    }
    let Some(now) = current(fetch, seen).await else { return };
    let (msn, _) = now.list.next_part();
    let probe = ask(fetch, seen, &now, ProbeKind::Whole(msn), &segment(msn), wait(&now.list, 4)).await;
    keep(seen, probe);
    if now.list.control_time("CAN-SKIP-UNTIL").is_some() {
        delta(fetch, seen).await;
    }
}

/// Something that a server answers at once with this status. When it does not, it is asked a second time: it, or this
/// machine, may have been busy, and a segment may have begun in between.
async fn at_once(
    fetch: &Fetch,
    seen: &mut Rendition,
    kind: ProbeKind,
    status: u16,
    with: impl Fn(&Media) -> Directives,
) {
    let mut last = None;
    for _ in 0..2 {
        let Some(now) = current(fetch, seen).await else { break };
        let probe = ask(fetch, seen, &now, kind, &with(&now.list), wait(&now.list, 1)).await;
        let right = probe.is_prompt() && probe.meta.as_ref().is_ok_and(|m| m.status == status);
        last = Some(probe);
        if right {
            break;
        }
    }
    last.into_iter().for_each(|probe| keep(seen, probe));
}

/// The same held reload in full and as delta updates, at once.
async fn delta(fetch: &Fetch, seen: &mut Rendition) {
    let Some(now) = current(fetch, seen).await else { return };
    let (msn, part) = now.list.next_part();
    let asked = Asked { msn, part: now.list.part_target.map(|_| part as u64) };
    let full = directed(&seen.url, &directives(asked));
    let skipping = |how: &str| {
        let with: Directives = directives(asked).into_iter().chain([("_HLS_skip", how.to_owned())]).collect();
        directed(&seen.url, &with)
    };
    let (yes, v2) = (skipping("YES"), skipping("v2"));
    let how = Ask::playlist().within(wait(&now.list, 4));
    let (whole, by_yes, by_v2) = tokio::join!(fetch.get(&full, how), fetch.get(&yes, how), fetch.get(&v2, how));
    keep(seen, probe(ProbeKind::Full(asked), full, &now, whole, true));
    keep(seen, probe(ProbeKind::Delta { asked, v2: false }, yes, &now, by_yes, true));
    keep(seen, probe(ProbeKind::Delta { asked, v2: true }, v2, &now, by_v2, true));
}

async fn current(fetch: &Fetch, seen: &Rendition) -> Option<Now> {
    let answer = fetch.get(&seen.url, Ask::playlist()).await.ok()?;
    Some(Now { list: list(&answer).map(Arc::new)?, took: answer.meta.took })
}

async fn ask(
    fetch: &Fetch,
    seen: &Rendition,
    before: &Now,
    kind: ProbeKind,
    with: &[(&str, String)],
    wait: Duration,
) -> Probe {
    let url = directed(&seen.url, with);
    let answer = fetch.get(&url, Ask::playlist().within(wait)).await;
    probe(kind, url, before, answer, true)
}

fn probe(kind: ProbeKind, url: Url, before: &Now, answer: Result<Answer, Error>, read: bool) -> Probe {
    let (meta, list) = match answer {
        Ok(answer) => {
            let list = if read && answer.meta.status == 200 { list(&answer) } else { None };
            (Ok(answer.meta), list)
        }
        Err(error) => (Err(error.to_string()), None),
    };
    Probe { kind, url, before: before.list.clone(), round_trip: before.took, meta, list }
}

fn keep(seen: &mut Rendition, probe: Probe) {
    seen.probes.push(probe);
}

fn list(answer: &Answer) -> Option<Media> {
    match playlist::read(&answer.text()) {
        Some(Playlist::Media(list)) if answer.meta.status == 200 => Some(list),
        _ => None,
    }
}

/// This many target durations and a little.
fn wait(list: &Media, targets: u32) -> Duration {
    (duration(list.target_micros()) * targets).min(Duration::from_secs(60)) + Duration::from_secs(2)
}

/// An address beside a segment's that nobody listed.
fn unknown(seen: &Rendition) -> Option<Url> {
    let listed = seen.media.values().find(|g| g.answered())?;
    let mut url = seen.url.join(&listed.uri).ok()?;
    let path = url.path().to_owned();
    let (folder, name) = path.rsplit_once('/')?;
    url.set_path(&format!("{folder}/virage-verify-unknown-{name}"));
    Some(url)
}

/// A whole resource's address, and some bytes of it.
fn some_bytes(seen: &Rendition) -> Option<(Url, ByteRange)> {
    let whole = |place: &Place| place.part.is_none();
    let got =
        seen.media.iter().find(|(place, g)| whole(place) && g.answered() && g.range.is_none() && g.length() > 200);
    let (_, got) = got?;
    Some((seen.url.join(&got.uri).ok()?, ByteRange { offset: 50, length: 100 }))
}
