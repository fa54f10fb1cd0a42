//! Highlights: `/highlights/...`. No media of their own: ranges of what was recorded.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use packager::playlist::{self, Layout, State as Progress};

use super::{Cache, Problem, text::Playlist};
use crate::{
    app::App,
    catalog::{Highlight, Stage},
    live::{Live, Text},
};

/// How long caches may keep a complete highlight's playlists, in seconds: a recall is seen after that.
const ENDED_SECONDS: u64 = 60;

pub(super) async fn all(
    State(app): State<Arc<App>>,
    Path((id, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let highlight = find(&app, &id, app.crew.sent(&headers))?;
    if file == "poster.jpg" {
        return poster(&app, &highlight).await;
    }
    Ok(every_angle(&app, &highlight, &file)?.response(&headers))
}

/// All angles: `/highlights/{id}/{file}`.
pub(super) fn every_angle(app: &App, highlight: &Highlight, file: &str) -> Result<Playlist, Problem> {
    let render = || {
        let base = format!("v{}/", highlight.version);
        let layout = Layout { base: &base, file: "index.m3u8", longer: false };
        let angles: Vec<_> =
            highlight.angles.iter().filter_map(|camera| app.angle(camera, &having(app, highlight, camera))).collect();
        let sounds = app.sound_lines(|live| has(live, highlight));
        if angles.is_empty() {
            return Err(not_yet());
        }
        match file {
            "index.m3u8" => Ok(playlist::video_group(&angles, &sounds, layout)),
            "player.m3u8" => Ok(playlist::pathways(&angles, &sounds, layout)),
            _ => Err(Problem::not_found("A highlight's playlists are called index.m3u8 and player.m3u8.")),
        }
    };
    Ok(Playlist { text: app.brief.text(name(highlight, file), render)?, cache: cache(highlight, Cache::For(1)) })
}

/// A playlist's name among the rendered ones: what was changed has another.
fn name(highlight: &Highlight, file: &str) -> String {
    format!("{}/{}/{}/{file}", highlight.id, highlight.version, highlight.angles.join("+"))
}

pub(super) async fn one(
    State(app): State<Arc<App>>,
    Path((id, camera, file)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let highlight = find(&app, &id, app.crew.sent(&headers))?;
    Ok(one_angle(&app, &highlight, &camera, &file)?.response(&headers))
}

/// One angle: `/highlights/{id}/{camera}/{file}`.
pub(super) fn one_angle(app: &App, highlight: &Highlight, camera: &str, file: &str) -> Result<Playlist, Problem> {
    if !highlight.angles.iter().any(|angle| angle == camera) {
        return Err(Problem::not_found(format!("This highlight has the angles {}.", highlight.angles.join(", "))));
    }
    if file != "index.m3u8" {
        return Err(Problem::not_found("An angle's playlist is called index.m3u8."));
    }
    let render = || {
        let base = format!("../v{}/", highlight.version);
        let layout = Layout { base: &base, file: "index.m3u8", longer: false };
        let renditions = having(app, highlight, camera);
        if renditions.is_empty() {
            return Err(nothing());
        }
        let angle = app.angle(camera, &renditions).ok_or_else(not_yet)?;
        Ok(playlist::one(&angle, &app.sound_lines(|live| has(live, highlight)), layout))
    };
    let text = app.brief.text(name(highlight, &format!("{camera}/{file}")), render)?;
    Ok(Playlist { text, cache: cache(highlight, Cache::For(1)) })
}

pub(super) async fn rendition(
    State(app): State<Arc<App>>,
    Path((id, version, camera, rendition, file)): Path<(String, String, String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let highlight = find(&app, &id, app.crew.sent(&headers))?;
    Ok(one_rendition(&app, &highlight, [&version, &camera, &rendition, &file]).await?.response(&headers))
}

/// One rendition: `/highlights/{id}/v{n}/{camera}/{rendition}/{file}`.
pub(super) async fn one_rendition(
    app: &App,
    highlight: &Highlight,
    [version, camera, rendition, file]: [&str; 4],
) -> Result<Playlist, Problem> {
    let unknown = || Problem::not_found("This highlight has no such playlist.");
    let angle = camera == "audio" || highlight.angles.iter().any(|angle| angle == camera);
    let newest = version.strip_prefix('v').is_some_and(|n| n == highlight.version.to_string());
    if !angle || !newest || file != "index.m3u8" {
        return Err(unknown());
    }
    let live = app.rendition(camera, rendition).ok_or_else(unknown)?;
    let ended = cache(highlight, Cache::For(ENDED_SECONDS));
    let key = format!("{}/{version}/{}", highlight.id, live.id);
    if let Some(text) = app.ended.read().get(&key) {
        return Ok(Playlist { text: text.clone(), cache: ended });
    }
    let (text, state) = first_text(app, &live, highlight).await?;
    if state == Progress::Ended {
        app.ended.write().insert(key, text.clone());
        return Ok(Playlist { text, cache: ended });
    }
    Ok(Playlist { text, cache: cache(highlight, Cache::No) })
}

/// What only the crew may see, no cache may keep.
fn cache(highlight: &Highlight, published: Cache) -> Cache {
    if highlight.stage == Stage::Published { published } else { Cache::Private }
}

/// The playlist as it is now. One of which nothing is recorded yet is waited for: its first segment is about to end.
async fn first_text(app: &App, live: &Live, highlight: &Highlight) -> Result<(Arc<Text>, Progress), Problem> {
    let mut editions = live.watch();
    // All its playlists say the same (rfc8216bis, 6.2.4).
    let longest =
        highlight.angles.iter().flat_map(|camera| app.ladder(camera)).map(|live| live.target_duration()).max();
    let wait = async {
        loop {
            editions.borrow_and_update();
            let (text, state) = live.timeline(|timeline| {
                // What an earlier run recorded is all there is of it.
                let earlier =
                    app.anchors.newest().is_some_and(|run| run.media >= highlight.range.times(timeline.grid).1);
                let complete = earlier || highlight.range.is_complete(timeline);
                let state = if complete { Progress::Ended } else { Progress::Growing };
                (
                    playlist::highlight(&live.id, timeline, &app.anchors, highlight.range, state, longest.unwrap_or(0)),
                    state,
                )
            });
            match text {
                Some(text) => return Ok((Text::new(text), state)),
                None if state == Progress::Ended => return Err(nothing()),
                None => editions.changed().await.map_err(|_| not_yet())?,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(3 * live.target_duration()), wait).await.map_err(|_| not_yet())?
}

/// The highlight, when the asker may see it: drafts and recalled ones are the crew's.
pub(super) fn find(app: &App, id: &str, crew: bool) -> Result<Highlight, Problem> {
    let unknown = || Problem::not_found("There is no such highlight.");
    let highlight = app.moments.highlight(id).ok_or_else(unknown)?;
    match highlight.stage {
        Stage::Published => Ok(highlight),
        _ if crew => Ok(highlight),
        Stage::Draft => Err(unknown()),
        Stage::Recalled => Err(Problem::new(StatusCode::GONE, "This highlight has been taken back.")),
    }
}

/// The renditions of an angle that have something of the range, or will have.
fn having(app: &App, highlight: &Highlight, camera: &str) -> Vec<Arc<Live>> {
    // Of what is configured no more, nothing is to come.
    let expected = |live: &Live| has(live, highlight) && app.configured(camera, live.id.rendition.as_str()).is_some();
    app.ladder(camera).into_iter().filter(|live| recorded(live, highlight) || expected(live)).collect()
}

fn has(live: &Live, highlight: &Highlight) -> bool {
    recorded(live, highlight) || live.timeline(|timeline| !highlight.range.is_complete(timeline))
}

fn recorded(live: &Live, highlight: &Highlight) -> bool {
    live.timeline(|timeline| !highlight.range.segments(timeline).is_empty())
}

fn not_yet() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Nothing of this highlight is recorded yet.")
}

/// What a camera that was away all the while has of it.
fn nothing() -> Problem {
    Problem::not_found("Nothing of this highlight was recorded here: the camera was away.")
}

async fn poster(app: &Arc<App>, highlight: &Highlight) -> Result<Response, Problem> {
    let jpeg = app.posters.of(app, highlight).await.ok_or_else(not_yet)?;
    let mut response = jpeg.into_response();
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    out.insert(header::CACHE_CONTROL, cache(highlight, Cache::For(ENDED_SECONDS)).header());
    Ok(response)
}
