//! The HTTP surface: one router over the application's state.

mod answer;
mod api;
mod cors;
mod highlight;
mod hls;
mod media;
mod metrics;
mod pages;
mod problem;
mod quick;
mod sse;
mod text;
mod whip;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};

use answer::dress;
pub use answer::{ALWAYS, Answer, Cache, OPEN};
pub use api::{camera_for_crew, camera_object, highlight_object};
pub use problem::Problem;
pub use quick::{Asked, Quick, crowd, quick};
pub use sse::{FIELDS as EVENT_FIELDS, Following};
pub use text::names_gzip;

/// A header that the server itself sets on requests that came over TLS; one sent by a client is taken off.
pub const OVER_TLS: &str = "x-virage-over-tls";

use crate::app::App;

/// Every address, over this state.
pub fn app(state: Arc<App>) -> Router {
    Router::new()
        .route("/live/{file}", get(hls::all))
        .route("/live/{camera}/{file}", get(hls::one))
        .route("/live/{camera}/{rendition}/{file}", get(hls::rendition))
        .route("/media/{camera}/{rendition}/{run}/{file}", get(media::media))
        .route("/highlights/{id}/{file}", get(highlight::all))
        .route("/highlights/{id}/{camera}/{file}", get(highlight::one))
        .route("/highlights/{id}/{version}/{camera}/{rendition}/{file}", get(highlight::rendition))
        .merge(whip::router())
        .nest("/api/v1", api::router())
        .route("/", get(pages::fan))
        .route("/desk", get(pages::desk))
        .route("/desk/", get(pages::desk_without_slash))
        .route("/assets/{*file}", get(pages::asset))
        .route("/favicon.ico", get(pages::favicon))
        .route("/favicon.svg", get(pages::favicon))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(api::ready))
        .route("/metrics", get(metrics::metrics))
        .fallback(pages::nothing)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(api::BODY_LIMIT))
        .layer(middleware::from_fn(guard))
        .layer(middleware::from_fn(cors::reads))
        .with_state(state)
}

/// How long a request that brings a body may take in all.
const WRITING: Duration = Duration::from_secs(15);

async fn guard(request: Request, next: Next) -> Response {
    let writes = !request.method().is_safe();
    let mut response = if writes {
        let slow = || Problem::new(StatusCode::REQUEST_TIMEOUT, "The request did not come whole within 15 seconds.");
        tokio::time::timeout(WRITING, next.run(request)).await.unwrap_or_else(|_| slow().into_response())
    } else {
        next.run(request).await
    };
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let ours = kind.is_some_and(|k| k == b"application/problem+json" || k.starts_with(b"text/html"));
    if (status.is_client_error() || status.is_server_error()) && !ours {
        // The framework's own refusals (a body too large, a path that is not UTF-8) in our form.
        let detail = match status {
            StatusCode::PAYLOAD_TOO_LARGE => "A body is at most 64 kB.",
            _ => "The request is not one that this address can read.",
        };
        response = Problem::new(status, detail).into_response();
    }
    dress(response.headers_mut());
    response
}

async fn wrong_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "This address does not take this method.")
}
