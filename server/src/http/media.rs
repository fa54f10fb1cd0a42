//! Media: `/media/{camera}/{rendition}/{run}/{file}`. Written once, one address for ever.

use std::{ops::Range, sync::Arc, time::Duration};

use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use packager::{Msn, RenditionId, Run};
use store::Item;

use super::{
    Cache, Problem,
    answer::{Answer, Form},
};
use crate::{app::App, hot::Key, live::Live};

pub(super) async fn media(
    State(app): State<Arc<App>>,
    Path((camera, rendition, run, file)): Path<(String, String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let whole = whole(&app, [&camera, &rendition, &run, &file]).await?;
    let length = whole.body.len() as u64;
    // Media have no validator that `If-Range` could name: what it asks for cannot be confirmed (RFC 9110, 13.1.5).
    let range = headers.get(header::RANGE).filter(|_| !headers.contains_key(header::IF_RANGE));
    match range.and_then(|v| v.to_str().ok()).map_or(Wanted::All, |text| wanted(text, length)) {
        Wanted::All => Ok(whole.into_response()),
        Wanted::Part(span) => {
            // Within the body, whose length fits a `usize`.
            let body = whole.body.slice(span.start as usize..span.end as usize);
            let mut response = Answer { body, ..whole }.into_response();
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            Ok(ranged(response, &format!("bytes {}-{}/{length}", span.start, span.end - 1)))
        }
        Wanted::None => {
            let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "The range lies outside of the media.");
            Ok(ranged(problem.into_response(), &format!("bytes */{length}")))
        }
    }
}

fn ranged(mut response: Response, range: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(range) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response
}

/// All of an item: `/media/{camera}/{rendition}/{run}/{file}`.
pub(super) async fn whole(app: &App, [camera, rendition, run, file]: [&str; 4]) -> Result<Answer, Problem> {
    let gone = || Problem::not_found("There is no such media, or it is no longer kept.");
    let id = RenditionId::new(camera, rendition).map_err(|_| gone())?;
    let run = Run(number(run).ok_or_else(gone)?);
    let item = parse(file).ok_or_else(gone)?;
    let kind = match item {
        Item::Header(_) if id.is_sound() => "audio/mp4",
        Item::Header(_) => "video/mp4",
        _ => "video/iso.segment",
    };
    let key = (id, run, item);
    let kept = match app.hot.get(&key).await {
        Some(kept) => kept,
        None => {
            let body = find(app, &key).await?.ok_or_else(gone)?;
            app.hot.read(key, body).await.map_err(Problem::internal)?
        }
    };
    Ok(Answer { kind, cache: Cache::Immutable, form: Form::Media, body: kept.bytes.clone(), kept: Some(kept) })
}

/// Where an item is. For a part that the playlist hints at: once it is there.
async fn find(app: &App, (id, run, item): &Key) -> Result<Option<store::Body>, Problem> {
    let look = || app.store.find(id, *run, *item).map_err(Problem::internal);
    match (look()?, item, app.known(id)) {
        (None, Item::Part(msn, part), Some(live)) if hinted(&live, *run, *msn, *part).await => look(),
        (found, ..) => Ok(found),
    }
}

/// Waits for a part that the playlist hints at, until it exists; `false` when it is not the hinted one or never comes
/// (rfc8216bis, 4.4.5.3: answered with no byte until it is whole).
async fn hinted(live: &Live, run: Run, msn: Msn, part: u32) -> bool {
    if live.timeline(packager::Timeline::run) != run {
        return false;
    }
    let mut editions = live.watch();
    let edge = editions.borrow_and_update().edge;
    if edge.next != (msn, part) {
        // It may have come between the two looks.
        return (msn, part) < edge.next;
    }
    let limit = Duration::from_secs(3 * live.target_duration());
    let came = editions.wait_for(|edition| edition.edge.next > (msn, part));
    matches!(tokio::time::timeout(limit, came).await, Ok(Ok(_)))
}

/// `init-{k}.mp4`, `{msn}.m4s`, `{msn}.{part}.m4s`.
fn parse(file: &str) -> Option<Item> {
    if let Some(k) = file.strip_prefix("init-").and_then(|rest| rest.strip_suffix(".mp4")) {
        return Some(Item::Header(number(k)?));
    }
    let name = file.strip_suffix(".m4s")?;
    match name.split_once('.') {
        Some((msn, part)) => Some(Item::Part(Msn(number(msn)?), number(part)?)),
        None => Some(Item::Segment(Msn(number(name)?))),
    }
}

/// A number as we write them: digits, no sign, no leading zero. Another spelling would be a second address.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    let canonical = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    canonical.then(|| text.parse().ok())?
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    All,
    Part(Range<u64>),
    None,
}

/// One range (RFC 9110, 14.2). Several, or what is not one, is answered with all of it.
fn wanted(text: &str, length: u64) -> Wanted {
    let Some((first, last)) =
        text.strip_prefix("bytes=").filter(|r| !r.contains(',')).and_then(|r| r.trim().split_once('-'))
    else {
        return Wanted::All;
    };
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if !digits(first) || !digits(last) {
        return Wanted::All;
    }
    match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first > last => Wanted::All,
        (Ok(first), _) if first >= length => Wanted::None,
        (Ok(first), Ok(last)) => Wanted::Part(first..last.saturating_add(1).min(length)),
        (Ok(first), Err(_)) => Wanted::Part(first..length),
        (Err(_), Ok(0)) => Wanted::None,
        (Err(_), Ok(suffix)) if first.is_empty() => Wanted::Part(length.saturating_sub(suffix)..length),
        _ => Wanted::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (text, expected) in [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=5-", Wanted::Part(5..10)),
            ("bytes=-3", Wanted::Part(7..10)),
            ("bytes=-30", Wanted::Part(0..10)),
            ("bytes=3-99", Wanted::Part(3..10)),
            ("bytes=10-", Wanted::None),
            ("bytes=-0", Wanted::None),
            ("bytes=5-3", Wanted::All),
            ("bytes=0-1,3-4", Wanted::All),
            ("bytes=0-18446744073709551615", Wanted::Part(0..10)),
            ("bytes=99999999999999999999-", Wanted::All),
            ("lines=1-2", Wanted::All),
            ("bytes=+1-2", Wanted::All),
        ] {
            assert_eq!(wanted(text, 10), expected, "{text}");
        }
    }

    #[test]
    fn one_address_for_each_item() {
        assert_eq!(parse("init-0.mp4"), Some(Item::Header(0)));
        assert_eq!(parse("12.m4s"), Some(Item::Segment(Msn(12))));
        assert_eq!(parse("12.3.m4s"), Some(Item::Part(Msn(12), 3)));
        for wrong in ["012.m4s", "12.+3.m4s", "12.3.4.m4s", ".m4s", "..m4s", "init-.mp4", "-1.m4s", "1.m4s/", "1 .m4s"]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
