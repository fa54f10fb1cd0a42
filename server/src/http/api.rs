//! `/api/v1`: JSON for pages, apps and scripts. Described in `docs/api.md`.

mod body;
mod camera;
mod cameras;
mod highlights;
mod marks;
mod objects;
mod page;
mod time;

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};

pub(super) use body::LIMIT as BODY_LIMIT;
pub use objects::{camera as camera_object, camera_for_crew, highlight as highlight_object};

use super::{Problem, sse};
use crate::{app::App, lineup::Health};

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/venue", get(cameras::venue))
        .route("/cameras", get(cameras::cameras).post(camera::add))
        .route("/cameras/{id}", get(camera::one).put(camera::change).delete(camera::remove))
        .route("/cameras/{id}/pause", post(camera::pause))
        .route("/cameras/{id}/resume", post(camera::resume))
        .route("/sounds", get(cameras::sounds))
        .route("/marks", get(marks::list).post(marks::create))
        .route("/marks/{id}", get(marks::one).delete(marks::delete))
        .route("/highlights", get(highlights::list).post(highlights::create))
        .route("/highlights/{id}", get(highlights::one).patch(highlights::change))
        .route("/events", get(sse::events))
}

/// Refuses whoever is not the crew.
fn crew_only(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    if app.crew.may_write(headers) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNAUTHORIZED,
        "Writing needs the crew token, as `Authorization: Bearer TOKEN` or by the desk's sign-in link; it is in `crew.token` in the data folder.",
    ))
}

/// Ready when a camera is live: a load balancer sends nobody to an empty stadium.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, Problem> {
    if app.lineup().angles().any(|c| c.health() == Health::Live) {
        return Ok("ready\n");
    }
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "No camera is live yet."))
}
