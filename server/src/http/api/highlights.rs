//! `/api/v1/highlights`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use packager::highlight::Range;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{super::text, body::FromCrew, objects, page::Page, time};
use crate::{
    app::App,
    catalog::{Highlight, Stage},
    http::Problem,
    id,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    mark: Option<String>,
    r#in: Option<String>,
    out: Option<String>,
    title: Option<String>,
    angles: Option<Vec<String>>,
    #[serde(default)]
    publish: bool,
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    FromCrew(new): FromCrew<New>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let mark = match &new.mark {
        Some(id) => Some(
            app.moments
                .mark(id)
                .ok_or_else(|| Problem::not_found("`mark`: there is no such mark; GET /api/v1/marks lists them."))?,
        ),
        None => None,
    };
    let range = match (&mark, &new.r#in, &new.out) {
        (Some(mark), None, None) => mark.range,
        // A mark's range may have been moved at the desk.
        (_, Some(from), Some(to)) => time::range(&app, time::wall("in", from)?, time::wall("out", to)?, false)?,
        _ => {
            return Err(Problem::unprocessable(
                "A highlight takes `mark`, or both `in` and `out`, or all three: a mark whose range was moved.",
            ));
        }
    };
    let angles = match new.angles {
        Some(angles) => chosen(&app, angles, range)?,
        None => every(&app, range)?,
    };
    let kind = mark.as_ref().map(|m| m.kind.clone());
    let title = match new.title {
        Some(title) => title_of(title)?,
        None => kind.clone().unwrap_or_else(|| "replay".into()),
    };
    let stage = if new.publish { Stage::Published } else { Stage::Draft };
    let highlight = Highlight {
        id: id::fresh("h")?,
        title,
        kind,
        mark: mark.map(|m| m.id),
        range,
        version: 1,
        stage,
        angles,
        created: id::now(),
    };
    app.moments.put_highlight(highlight.clone()).await.map_err(Problem::internal)?;
    let object = objects::highlight(&app, &highlight);
    match stage {
        Stage::Published => app.events.tell("highlight.published", &object),
        _ => app.events.tell_crew("highlight.created", &object),
    }
    Ok((StatusCode::CREATED, Json(object)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    title: Option<String>,
    angles: Option<Vec<String>>,
    publish: Option<bool>,
}

pub(super) async fn change(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    FromCrew(change): FromCrew<Change>,
) -> Result<Json<Value>, Problem> {
    let _alone = app.moments.changing.lock().await;
    let before = app.moments.highlight(&id).ok_or_else(unknown)?;
    let mut after = before.clone();
    if let Some(title) = change.title {
        after.title = title_of(title)?;
    }
    if let Some(angles) = change.angles {
        after.angles = chosen(&app, angles, after.range)?;
    }
    after.stage = match (change.publish, before.stage) {
        (Some(true), _) => Stage::Published,
        (Some(false), Stage::Published) => Stage::Recalled,
        (_, stage) => stage,
    };
    if after != before {
        app.moments.put_highlight(after.clone()).await.map_err(Problem::internal)?;
    }
    let object = objects::highlight(&app, &after);
    match (before.stage, after.stage) {
        (Stage::Published, Stage::Recalled) => {
            app.events.tell_apart("highlight.recalled", &object, &json!({"id": id, "state": "recalled"}));
        }
        (Stage::Published, Stage::Published) => app.events.tell("highlight.updated", &object),
        (_, Stage::Published) => app.events.tell("highlight.published", &object),
        _ => app.events.tell_crew("highlight.updated", &object),
    }
    Ok(Json(object))
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Query(page): Query<Page>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let crew = app.crew.sent(&headers);
    let render = || {
        let shown = |h: Highlight| (h.id.clone(), Some(h).filter(|h| crew || h.stage == Stage::Published));
        let asked = page.of(app.moments.highlights().into_iter().map(shown), 50, 200)?;
        Ok(json!({"items": asked.iter().map(|h| objects::highlight(&app, h)).collect::<Vec<_>>()}).to_string())
    };
    // Whatever changes here is told as an event: until the next one, a crowd gets the same bytes.
    let name = format!("highlights/{}/{crew}/{page:?}", app.events.next());
    Ok(text::json(&headers, &app.brief.text(name, render)?))
}

pub(super) async fn one(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let highlight = app.moments.highlight(&id).ok_or_else(unknown)?;
    match highlight.stage {
        Stage::Published => {}
        _ if app.crew.sent(&headers) => {}
        Stage::Recalled => return Err(Problem::new(StatusCode::GONE, "This highlight has been taken back.")),
        Stage::Draft => return Err(unknown()),
    }
    Ok(Json(objects::highlight(&app, &highlight)))
}

fn unknown() -> Problem {
    Problem::not_found("There is no such highlight.")
}

fn title_of(title: String) -> Result<String, Problem> {
    let title = title.trim();
    if title.is_empty() || title.chars().count() > 200 || title.chars().any(char::is_control) {
        return Err(Problem::unprocessable("`title`: expected 1 to 200 characters, none of them a control character"));
    }
    if let Some(turns) = title.chars().find(|c| turns_text(*c)) {
        return Err(Problem::unprocessable(format!(
            "`title`: U+{:04X} turns the direction of the text that follows; leave it out: each title is shown in the direction of its own letters",
            u32::from(turns)
        )));
    }
    Ok(title.to_owned())
}

/// Embeddings, overrides and isolates (UAX #9, 2): unseen, and what they turn may go beyond the title.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// The angles asked for, each known and with something of the range.
fn chosen(app: &App, angles: Vec<String>, range: Range) -> Result<Vec<String>, Problem> {
    if angles.is_empty() {
        return Err(Problem::unprocessable("`angles`: expected one at least; leave it out for all cameras"));
    }
    let mut seen: Vec<String> = Vec::new();
    for angle in angles {
        // One that has been removed may still have something of the range.
        let ladder = app.ladder(&angle);
        if ladder.is_empty() || angle == "audio" {
            let found: String = angle.chars().take(64).collect();
            let known = app.lineup().ids();
            return Err(Problem::unprocessable(format!(
                "`angles`: there is no camera {found:?}; cameras here: {known}"
            )));
        }
        if seen.contains(&angle) {
            return Err(Problem::unprocessable(format!("`angles`: \"{angle}\" is there twice")));
        }
        if !has(ladder.iter(), range) {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                format!("Camera \"{angle}\" recorded nothing in this range."),
            ));
        }
        seen.push(angle);
    }
    Ok(seen)
}

/// Every camera that has something of the range, in the order of bearings. A mosaic only when it is asked for: it shows
/// nothing that the others do not, and a replay is kept for long.
fn every(app: &App, range: Range) -> Result<Vec<String>, Problem> {
    let lineup = app.lineup();
    let cameras = lineup.angles().filter(|c| has(c.ladder(), range));
    let having: Vec<String> = cameras.map(|c| c.id.to_string()).collect();
    if having.is_empty() {
        return Err(Problem::new(StatusCode::CONFLICT, "No camera recorded anything in this range."));
    }
    Ok(having)
}

/// Whether a camera has something of the range, or will have.
fn has<'a>(mut ladder: impl Iterator<Item = &'a Arc<crate::live::Live>>, range: Range) -> bool {
    ladder.any(|live| {
        live.timeline(|t| {
            // The open segment counts: it will be whole in a moment.
            let recording = t.newest().is_some_and(|s| !s.is_gap());
            !range.segments(t).is_empty() || (recording && !range.is_complete(t))
        })
    })
}
