//! Awkward requests: what players and crowds send to servers at the boundaries.

use std::{sync::Arc, time::Duration};

use url::Url;

use crate::{
    fetch::{Answer, Ask, Error, Fetch, directed},
    follow::{directives, duration},
    observe::{Asked, Place, Probe, ProbeKind, Rendition},
    playlist::{self, ByteRange, Media, Playlist},
};

/// Sends them all, and keeps the answers.
pub async fn all(fetch: &Fetch, seen: &mut Rendition) {
    let Some(last) = seen.editions.last() else { return };
    let before = Arc::new(last.list.clone());
    if let Some(url) = unknown(seen) {
        let answer = fetch.get(&url, Ask::media(None).within(wait(&before, 1))).await;
        keep(seen, ProbeKind::Unknown, url, &before, answer, false);
    }
    if let Some((url, range)) = some_bytes(seen) {
        let answer = fetch.get(&url, Ask::media(Some(range))).await;
        keep(seen, ProbeKind::Range(range), url, &before, answer, false);
    }
    if seen.live() && before.can_block() && seen.failure.is_none() {
        reloads(fetch, seen).await;
    }
}

async fn reloads(fetch: &Fetch, seen: &mut Rendition) {
    let Some(now) = current(fetch, seen).await else { return };
    let parts = now.part_target.is_some();
    let oldest = Asked { msn: now.sequence, part: parts.then_some(0) };
    ask(fetch, seen, &now, ProbeKind::Past, &directives(oldest), wait(&now, 1)).await;
    let far = now.next_part().0.saturating_add(50);
    ask(fetch, seen, &now, ProbeKind::Far, &[("_HLS_msn", far.to_string())], wait(&now, 1)).await;
    ask(fetch, seen, &now, ProbeKind::Text, &[("_HLS_msn", "abc".into())], wait(&now, 1)).await;
    if parts {
        ask(fetch, seen, &now, ProbeKind::PartOnly, &[("_HLS_part", "0".into())], wait(&now, 1)).await;
    }
    let Some(now) = current(fetch, seen).await else { return };
    // A whole segment's part after its last. (6.2.5.2: part 0 of the next.)
    if let Some(whole) = now.whole().next_back().filter(|s| parts && !s.parts.is_empty()) {
        let asked = Asked { msn: whole.msn, part: Some(whole.parts.len() as u64) };
        ask(fetch, seen, &now, ProbeKind::PastLastPart(asked), &directives(asked), wait(&now, 3)).await;
    }
    let Some(now) = current(fetch, seen).await else { return };
    let (msn, _) = now.next_part();
    ask(fetch, seen, &now, ProbeKind::Whole(msn), &[("_HLS_msn", msn.to_string())], wait(&now, 4)).await;
    if now.control_time("CAN-SKIP-UNTIL").is_some() {
        delta(fetch, seen).await;
    }
}

/// The same held reload in full and as a delta update, at once.
async fn delta(fetch: &Fetch, seen: &mut Rendition) {
    let Some(now) = current(fetch, seen).await else { return };
    let (msn, part) = now.next_part();
    let asked = Asked { msn, part: now.part_target.map(|_| part as u64) };
    let full = directed(&seen.url, &directives(asked));
    let mut skipping = directives(asked);
    skipping.push(("_HLS_skip", "YES".into()));
    let short = directed(&seen.url, &skipping);
    let how = Ask::playlist().within(wait(&now, 4));
    let (whole, skipped) = tokio::join!(fetch.get(&full, how), fetch.get(&short, how));
    keep(seen, ProbeKind::Full(asked), full, &now, whole, true);
    keep(seen, ProbeKind::Delta(asked), short, &now, skipped, true);
}

async fn current(fetch: &Fetch, seen: &Rendition) -> Option<Arc<Media>> {
    let answer = fetch.get(&seen.url, Ask::playlist()).await.ok()?;
    list(&answer).map(Arc::new)
}

async fn ask(
    fetch: &Fetch,
    seen: &mut Rendition,
    before: &Arc<Media>,
    kind: ProbeKind,
    with: &[(&str, String)],
    wait: Duration,
) {
    let url = directed(&seen.url, with);
    let answer = fetch.get(&url, Ask::playlist().within(wait)).await;
    keep(seen, kind, url, before, answer, true);
}

fn keep(
    seen: &mut Rendition,
    kind: ProbeKind,
    url: Url,
    before: &Arc<Media>,
    answer: Result<Answer, Error>,
    read: bool,
) {
    let (meta, list) = match answer {
        Ok(answer) => {
            let list = if read && answer.meta.status == 200 { list(&answer) } else { None };
            (Ok(answer.meta), list)
        }
        Err(error) => (Err(error.to_string()), None),
    };
    seen.probes.push(Probe { kind, url, before: before.clone(), meta, list });
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
