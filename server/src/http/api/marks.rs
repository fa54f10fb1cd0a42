//! `/api/v1/marks`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
};
use packager::{Slug, wall::Wall};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{body::FromCrew, crew_only, objects, page::Page, time};
use crate::{app::App, catalog::Mark, http::Problem, id};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    kind: String,
    before: f64,
    after: f64,
    at: Option<String>,
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    FromCrew(new): FromCrew<New>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let kind: Slug = new.kind.parse().map_err(|e| Problem::unprocessable(format!("`kind`: {e}")))?;
    let (before, after) = (time::guard_band("before", new.before)?, time::guard_band("after", new.after)?);
    let at = match &new.at {
        Some(text) => time::wall("at", text)?,
        None => app.wall(app.newest()),
    };
    let (from, to) = (Wall(at.0.saturating_sub(before)), Wall(at.0.saturating_add(after)));
    let range = time::range(&app, from, to, true)?;
    let mark = Mark { id: id::fresh("m")?, kind: kind.to_string(), range, created: id::now() };
    app.moments.add_mark(mark.clone()).await.map_err(Problem::internal)?;
    let object = objects::mark(&app, &mark);
    app.events.tell("mark.created", &object);
    Ok((StatusCode::CREATED, Json(object)))
}

pub(super) async fn list(State(app): State<Arc<App>>, Query(page): Query<Page>) -> Result<Json<Value>, Problem> {
    // A whole match's: the desk shows them all.
    let asked = page.of(app.moments.marks().into_iter().map(|m| (m.id.clone(), Some(m))), 500, 1000)?;
    Ok(Json(json!({"items": asked.iter().map(|m| objects::mark(&app, m)).collect::<Vec<_>>()})))
}

pub(super) async fn one(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let mark = app.moments.mark(&id).ok_or_else(unknown)?;
    Ok(Json(objects::mark(&app, &mark)))
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    crew_only(&app, &headers)?;
    if !app.moments.delete_mark(&id).await.map_err(Problem::internal)? {
        return Err(unknown());
    }
    app.events.tell("mark.deleted", &json!({"id": id}));
    Ok(StatusCode::NO_CONTENT)
}

fn unknown() -> Problem {
    Problem::not_found("There is no such mark.")
}
