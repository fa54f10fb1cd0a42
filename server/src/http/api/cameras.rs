//! `/api/v1/venue`, `/api/v1/cameras`, `/api/v1/sounds`.

use std::sync::Arc;

use axum::{Json, extract::State, http::HeaderMap, response::Response};
use serde_json::{Value, json};

use super::{
    super::{Problem, text},
    objects,
};
use crate::app::App;

pub(super) async fn venue(State(app): State<Arc<App>>, headers: HeaderMap) -> Json<Value> {
    let (venue, names) = (&app.venue, &app.lineup().names);
    let grid = venue.grid;
    Json(json!({
        "name": names.venue, "fps": {"num": grid.rate.num(), "den": grid.rate.den()},
        "part_frames": grid.part_frames, "segment_frames": grid.segment_frames, "ring": venue.ring.as_secs(),
        "theme": {"club": names.club, "accent": names.accent}, "crew": app.crew.sent(&headers),
        "clock": {
            "follows": app.reference.follow().to_string(), "state": app.reference.standing().as_str(),
            "ahead_ms": app.reference.ahead_of_system() / 1_000_000,
        },
        "now": app.wall(app.newest()).micros(),
    }))
}

pub(super) async fn cameras(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Problem> {
    let crew = app.crew.sent(&headers);
    let object = if crew { objects::camera_for_crew } else { objects::camera };
    let render = || Ok(json!({"items": app.lineup().cameras.iter().map(object).collect::<Vec<_>>()}).to_string());
    // An event is told of whatever changes here, but for rates.
    let text = app.brief.text(format!("cameras/{crew}/{}", app.events.next()), render)?;
    Ok(text::json(&headers, &text))
}

pub(super) async fn sounds(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!({"items": app.lineup().sounds.iter().map(objects::sound).collect::<Vec<_>>()}))
}
