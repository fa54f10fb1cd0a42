//! `/api/v1/cameras/{id}`: one camera, read by everybody, added, changed, paused and removed by the crew.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use packager::Slug;
use serde_json::Value;

use super::{body::FromCrew, crew_only, objects};
use crate::{
    app::App,
    config::{self, ConfigError, Document, Fields, SoundSource},
    http::Problem,
    settings::{self, Refusal},
};

pub(super) async fn one(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let camera = app.camera(&id).ok_or_else(|| unknown(&app))?;
    Ok(Json(if app.crew.sent(&headers) { for_crew(&app, &id)? } else { objects::camera(&camera) }))
}

pub(super) async fn add(
    State(app): State<Arc<App>>,
    FromCrew(fields): FromCrew<Fields>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let id = match fields.get("id") {
        Some(Value::String(id)) => slug(id)?,
        Some(_) => return Err(Problem::bad_request("`id`: expected a text.")),
        None => return Err(Problem::bad_request("`id` is missing: it stands in every address of the camera.")),
    };
    let name = id.to_string();
    let edit = move |document: &Document| {
        if document.camera(id.as_str()).is_some() {
            let detail = format!("There is a camera \"{id}\" already; PUT /api/v1/cameras/{id} changes it.");
            return Err(Problem::new(StatusCode::CONFLICT, detail));
        }
        with(document, &id, fields)
    };
    changed(&app, edit).await?;
    Ok((StatusCode::CREATED, Json(for_crew(&app, &name)?)))
}

pub(super) async fn change(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    FromCrew(mut fields): FromCrew<Fields>,
) -> Result<Json<Value>, Problem> {
    let camera = app.camera(&id).ok_or_else(|| unknown(&app))?;
    if fields.get("id").is_some_and(|sent| *sent != id) {
        return Err(Problem::unprocessable(
            "`id` cannot be changed: addresses and recordings carry it. Add a camera, and remove this one.",
        ));
    }
    fields.insert("id".into(), id.clone().into());
    let edit = edited(&app, camera.id, |_| fields);
    changed(&app, edit).await?;
    Ok(Json(for_crew(&app, &id)?))
}

pub(super) async fn pause(app: State<Arc<App>>, id: Path<String>, headers: HeaderMap) -> Result<Json<Value>, Problem> {
    set_paused(app, id, headers, true).await
}

pub(super) async fn resume(app: State<Arc<App>>, id: Path<String>, headers: HeaderMap) -> Result<Json<Value>, Problem> {
    set_paused(app, id, headers, false).await
}

async fn set_paused(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    paused: bool,
) -> Result<Json<Value>, Problem> {
    crew_only(&app, &headers)?;
    let camera = app.camera(&id).ok_or_else(|| unknown(&app))?;
    let edit = edited(&app, camera.id, move |mut fields| {
        fields.remove("paused");
        if paused {
            fields.insert("paused".into(), true.into());
        }
        fields
    });
    changed(&app, edit).await?;
    Ok(Json(for_crew(&app, &id)?))
}

pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    crew_only(&app, &headers)?;
    let conflict = |detail: String| Problem::new(StatusCode::CONFLICT, detail);
    let gone = unknown(&app);
    let edit = move |document: &Document| {
        if document.camera(&id).is_none() {
            return Err(gone);
        }
        let of = |from: &SoundSource| matches!(from, SoundSource::Camera(camera) if camera.as_str() == id);
        if let Some(sound) = document.config.sounds.iter().find(|sound| of(&sound.from)) {
            let detail =
                "comes from this camera: give it another in the configuration file first. Nothing was changed.";
            return Err(conflict(format!("Sound \"{}\" {detail}", sound.id)));
        }
        let others = document.config.cameras.iter().filter(|camera| camera.id.as_str() != id);
        if others.filter(|camera| !camera.source.is_mosaic()).count() == 0 {
            return Err(conflict("The last camera stays: pause it instead. Nothing was changed.".into()));
        }
        document.without_camera(&id).map_err(wrong)
    };
    changed(&app, edit).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A change of the camera of this id, of what is written of it.
fn edited(
    app: &App,
    id: Slug,
    change: impl FnOnce(Fields) -> Fields + Send + 'static,
) -> impl FnOnce(&Document) -> Result<Document, Problem> + Send + 'static {
    let gone = unknown(app);
    move |document| {
        let before = document.camera(id.as_str()).ok_or(gone)?;
        with(document, &id, change(before))
    }
}

/// The configuration with these fields of a camera, what is hidden in them filled in from what is saved.
fn with(document: &Document, id: &Slug, mut fields: Fields) -> Result<Document, Problem> {
    let saved = document.camera(id.as_str());
    let saved = saved.as_ref().and_then(|saved| saved.get("source")?.as_str());
    if let Some(Value::String(source)) = fields.get_mut("source") {
        *source =
            config::fill(source, saved).map_err(|e| Problem::unprocessable(format!("{e}. Nothing was changed.")))?;
    }
    document.with_camera(id, &fields).map_err(wrong)
}

/// Makes a change, whether or not the one who asked for it stays to hear.
async fn changed(
    app: &Arc<App>,
    edit: impl FnOnce(&Document) -> Result<Document, Problem> + Send + 'static,
) -> Result<(), Problem> {
    let app = app.clone();
    tokio::task::spawn_blocking(move || settings::change(&app, edit, refused)).await.map_err(Problem::internal)?
}

/// The camera as the crew sees it: with what is written of it, its secrets hidden.
fn for_crew(app: &App, id: &str) -> Result<Value, Problem> {
    let document = app.settings.document();
    let (camera, config) = app.camera(id).zip(document.shown(id)).ok_or_else(|| unknown(app))?;
    let mut object = objects::camera_for_crew(&camera);
    object["config"] = Value::Object(config);
    object["saved"] = document.file.is_some().into();
    Ok(object)
}

fn slug(id: &str) -> Result<Slug, Problem> {
    id.parse().map_err(|e| {
        let found: String = id.chars().take(80).collect();
        Problem::unprocessable(format!("`id`: {e}; found {found:?}. Nothing was changed."))
    })
}

fn unknown(app: &App) -> Problem {
    Problem::not_found(format!("There is no such camera. Cameras here: {}.", app.lineup().ids()))
}

/// What is wrong with a camera, without the file and line that it would have had.
fn wrong(error: ConfigError) -> Problem {
    match error {
        ConfigError::Shape { message, .. } => Problem::bad_request(format!("{message}. Nothing was changed.")),
        ConfigError::Line { message, .. } => Problem::unprocessable(format!("{message}. Nothing was changed.")),
        error => Problem::internal(error),
    }
}

fn refused(refusal: Refusal) -> Problem {
    let status = match refusal {
        Refusal::Unwritten(_) => StatusCode::INSUFFICIENT_STORAGE,
        _ => StatusCode::CONFLICT,
    };
    tracing::warn!(%refusal, "a change was refused");
    Problem::new(status, format!("{refusal}. Nothing was changed."))
}
