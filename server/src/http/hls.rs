//! Live playlists: `/live/...`.

use std::{collections::HashSet, sync::Arc, time::Duration};

use axum::{
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use packager::{
    playlist::{self, Layout},
    wait::Reload,
};

use super::{Cache, Problem, text::Playlist};
use crate::{
    app::App,
    lineup::{Health, Lineup},
    live::{Lists, Live},
};

/// The delivery directives of a query. Other parameters are somebody else's (CMCD, signatures) and ignored.
fn directives(query: Option<&str>) -> Result<Reload, Problem> {
    let (mut msn, mut part, mut skip) = (None, None, None);
    for (name, value) in form_urlencoded::parse(query.unwrap_or("").as_bytes()) {
        let (place, name) = match &*name {
            "_HLS_msn" => (&mut msn, "_HLS_msn"),
            "_HLS_part" => (&mut part, "_HLS_part"),
            "_HLS_skip" => (&mut skip, "_HLS_skip"),
            _ => continue,
        };
        if place.replace(value).is_some() {
            return Err(Problem::bad_request(format!("`{name}` stands there twice.")));
        }
    }
    Reload::parse(msn.as_deref(), part.as_deref(), skip.as_deref()).map_err(|e| Problem::bad_request(e.to_string()))
}

pub(super) async fn all(
    State(app): State<Arc<App>>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Ok(every_angle(&app, &file)?.response(&headers))
}

/// All angles: `/live/{file}`.
pub(super) fn every_angle(app: &App, file: &str) -> Result<Playlist, Problem> {
    let lineup = app.lineup();
    let render = || {
        // What is paused cannot be chosen; who watches it is told by an event.
        let there = lineup.cameras.iter().filter(|c| c.health() != Health::Paused);
        let mut angles: Vec<_> = there.filter_map(|c| app.angle(c.id.as_str(), c.ladder())).collect();
        let sounds = app.sound_lines(|_| true);
        let layout = |file| Layout { base: "", file, longer: true };
        if angles.is_empty() {
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "No camera has sent a picture yet."));
        }
        match file {
            "index.m3u8" => {
                only_shared(&lineup, &mut angles);
                Ok(playlist::video_group(&angles, &sounds, layout("index.m3u8")))
            }
            "player.m3u8" => Ok(playlist::pathways(&angles, &sounds, layout("index.m3u8"))),
            "plain.m3u8" => Ok(playlist::pathways(&angles, &sounds, layout("plain.m3u8"))),
            "dvr.m3u8" => Ok(playlist::pathways(&angles, &sounds, layout("dvr.m3u8"))),
            _ => Err(Problem::not_found(
                "/live/ has index.m3u8, player.m3u8, plain.m3u8 and dvr.m3u8 of all cameras; \
                 /live/{camera}/ has index.m3u8, plain.m3u8 and source.m3u8 of one.",
            )),
        }
    };
    Ok(Playlist { text: app.brief.text(format!("live/{}/{file}", lineup.number), render)?, cache: Cache::For(1) })
}

/// Leaves of a mosaic what other cameras have too. A native player takes a quality, and then an angle of those that have it:
/// at one that only the mosaic has, there would be nothing to turn to.
fn only_shared(lineup: &Lineup, angles: &mut [playlist::Camera]) {
    let is_mosaic = |angle: &playlist::Camera| lineup.camera(&angle.id).is_some_and(|c| c.tiles.is_some());
    let others = angles.iter().filter(|angle| !is_mosaic(angle)).flat_map(|angle| &angle.variants);
    let shared: HashSet<String> = others.map(|variant| variant.id.clone()).collect();
    if shared.is_empty() {
        return;
    }
    for mosaic in angles.iter_mut().filter(|angle| is_mosaic(angle)) {
        mosaic.variants.retain(|variant| shared.contains(&variant.id));
    }
}

pub(super) async fn one(
    State(app): State<Arc<App>>,
    Path((id, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Ok(one_angle(&app, &id, &file)?.response(&headers))
}

/// One angle: `/live/{camera}/{file}`.
pub(super) fn one_angle(app: &App, id: &str, file: &str) -> Result<Playlist, Problem> {
    let lineup = app.lineup();
    let camera = lineup.camera(id).ok_or_else(|| unknown_camera(app))?;
    let layout = |file| Layout { base: "../", file, longer: true };
    let (ladder, layout): (Vec<&Arc<Live>>, _) = match file {
        "index.m3u8" => (camera.ladder().collect(), layout("index.m3u8")),
        "plain.m3u8" => (camera.ladder().collect(), layout("plain.m3u8")),
        "source.m3u8" => {
            let source =
                camera.source().ok_or_else(|| Problem::not_found("This camera is configured without passthrough."))?;
            (vec![source], layout("index.m3u8"))
        }
        _ => return Err(Problem::not_found("A camera's playlists are called index.m3u8, plain.m3u8 and source.m3u8.")),
    };
    let render = || {
        let angle = app.angle(id, ladder).ok_or_else(no_picture)?;
        Ok(playlist::one(&angle, &app.sound_lines(|_| true), layout))
    };
    Ok(Playlist { text: app.brief.text(format!("live/{}/{id}/{file}", lineup.number), render)?, cache: Cache::For(1) })
}

pub(super) async fn rendition(
    State(app): State<Arc<App>>,
    Path((camera, rendition, file)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Ok(one_rendition(&app, [&camera, &rendition, &file], query.as_deref()).await?.response(&headers))
}

/// One rendition: `/live/{camera}/{rendition}/{file}`.
pub(super) async fn one_rendition(
    app: &App,
    [camera, rendition, file]: [&str; 3],
    query: Option<&str>,
) -> Result<Playlist, Problem> {
    let live = app.configured(camera, rendition).ok_or_else(|| unknown_camera(app))?;
    let unknown = || Problem::not_found("A rendition's playlists are called index.m3u8, plain.m3u8 and dvr.m3u8.");
    let (name, target) = named(file, &live).ok_or_else(unknown)?;
    let half_target = Cache::For(live.target_duration() / 2);
    let (text, cache) = match name {
        "index" => {
            let reload = directives(query)?;
            let lists = held(&live, reload, target).await?;
            // A held answer's URL names its content.
            let cache = if reload.until.is_some() { Cache::For(6 * live.target_duration()) } else { half_target };
            (if reload.skip { lists.delta } else { lists.index }, cache)
        }
        "plain" => (live.edition().lists.get(&target).and_then(|lists| lists.plain.clone()), half_target),
        "dvr" => (live.dvr(target), half_target),
        _ => return Err(unknown()),
    };
    Ok(Playlist { text: text.ok_or_else(no_picture)?, cache })
}

/// What a file's name asks for: `index` of the rendition's own target duration, or, of `index-3.m3u8`, of three seconds,
/// when it is played with such ones.
fn named<'a>(file: &'a str, live: &Live) -> Option<(&'a str, u64)> {
    let name = file.strip_suffix(".m3u8")?;
    let Some((name, seconds)) = name.split_once('-') else { return Some((name, live.target_duration())) };
    let target = seconds.parse().ok().filter(|target| live.offers(*target) && *target != live.target_duration())?;
    // As we write it: another spelling would be a second address.
    (playlist::longer(name, target) == file).then_some((name, target))
}

/// Waits for the edition that has what was asked for: three target durations at most (rfc8216bis, 6.2.5.2).
async fn held(live: &Live, reload: Reload, target: u64) -> Result<Lists, Problem> {
    let mut editions = live.watch();
    let wait = async {
        loop {
            let edition = editions.borrow_and_update().clone();
            let lists = edition.lists.get(&target).filter(|lists| lists.index.is_some()).ok_or_else(no_picture)?;
            if reload.is_met(edition.edge).map_err(|e| Problem::bad_request(e.to_string()))? {
                return Ok(lists.clone());
            }
            editions
                .changed()
                .await
                .map_err(|_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The server is stopping."))?;
        }
    };
    let limit = Duration::from_secs(3 * live.target_duration());
    let late = || {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "What was asked for did not come within three target durations.")
    };
    tokio::time::timeout(limit, wait).await.map_err(|_| late())?
}

fn no_picture() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "This camera has not sent a picture yet.")
}

fn unknown_camera(app: &App) -> Problem {
    Problem::not_found(format!("There is no such camera or rendition. Cameras here: {}.", app.lineup().ids()))
}
