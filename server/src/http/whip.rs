//! `/whip`: encoders, phones and browsers publish a camera over WebRTC (RFC 9725). Who may, and HTTP's side of it; the
//! rest is `capture`'s.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{delete, post},
};
use capture::whip::{self, Endpoint, Refused, Session};

use super::{Problem, answer};
use crate::app::App;

/// An offer's and an answer's type.
const SDP: &str = "application/sdp";
/// A trickled candidate's (RFC 8840).
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/whip/{camera}", post(publish).options(preflight))
        .route("/whip/{camera}/{session}", delete(end).patch(trickle).options(preflight))
        .layer(middleware::map_response(|mut response: Response| async {
            let headers = response.headers_mut();
            answer::open(headers);
            let fields = HeaderValue::from_static("location, etag, link");
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, fields);
            response
        }))
}

async fn publish(
    State(app): State<Arc<App>>,
    Path(camera): Path<String>,
    headers: HeaderMap,
    offer: Bytes,
) -> Result<Response, Problem> {
    let endpoint = endpoint(&app, &camera, &headers)?;
    if kind(&headers) != SDP {
        let detail = "Publishing takes an SDP offer with `Content-Type: application/sdp`.";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let answer = endpoint.publish(offer.to_vec()).await.map_err(|refused| {
        let status = match refused {
            Refused::Offer(_) => StatusCode::BAD_REQUEST,
            Refused::Codecs => StatusCode::NOT_ACCEPTABLE,
            Refused::Taken => StatusCode::CONFLICT,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        endpoint.turned_away(&refused);
        Problem::new(status, format!("Camera \"{camera}\": {refused}."))
    })?;
    let location = format!("/whip/{camera}/{}", answer.session);
    let fields = [
        (header::CONTENT_TYPE, SDP.to_owned()),
        (header::LOCATION, location),
        (header::ETAG, answer.etag),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((StatusCode::CREATED, fields, answer.sdp).into_response())
}

async fn end(
    State(app): State<Arc<App>>,
    Path((camera, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    session(&endpoint(&app, &camera, &headers)?, &id)?.end();
    Ok(StatusCode::OK)
}

async fn trickle(
    State(app): State<Arc<App>>,
    Path((camera, id)): Path<(String, String)>,
    headers: HeaderMap,
    fragment: String,
) -> Result<StatusCode, Problem> {
    let session = session(&endpoint(&app, &camera, &headers)?, &id)?;
    if kind(&headers) != FRAGMENT {
        let detail = "A session takes candidates with `Content-Type: application/trickle-ice-sdpfrag`.";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    match headers.get(header::IF_MATCH).map(HeaderValue::as_bytes) {
        None => {
            let detail = "Candidates need `If-Match` with the session's ETag.";
            return Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, detail));
        }
        Some(tag) if tag != session.etag().as_bytes() && tag != b"*" => {
            let detail = "The ETag is not this session's.";
            return Err(Problem::new(StatusCode::PRECONDITION_FAILED, detail));
        }
        Some(_) => {}
    }
    session.trickle(&fragment).map_err(|unchanged| Problem::unprocessable(format!("{unchanged}.")))?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a page of another origin asks before it publishes.
async fn preflight() -> impl IntoResponse {
    let text = HeaderValue::from_static;
    let fields = [
        (HeaderName::from_static("accept-post"), text(SDP)),
        (HeaderName::from_static("accept-patch"), text(FRAGMENT)),
        (header::ACCESS_CONTROL_ALLOW_METHODS, text("POST, PATCH, DELETE, OPTIONS")),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, text("authorization, content-type, if-match")),
        (header::ACCESS_CONTROL_MAX_AGE, text("86400")),
    ];
    (StatusCode::NO_CONTENT, fields)
}

/// The camera's endpoint, for who shows its key, or the crew's token where it has none.
fn endpoint(app: &App, camera: &str, headers: &HeaderMap) -> Result<Endpoint, Problem> {
    let endpoint = whip::find(camera).ok_or_else(|| {
        Problem::not_found("No camera of this name is published by WHIP: its `source` would be `whip://`.")
    })?;
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = bearer.and_then(|v| v.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    if endpoint.admits(token.map_or("", |(_, token)| token.trim())).unwrap_or_else(|| app.crew.may_write(headers)) {
        return Ok(endpoint);
    }
    endpoint.turned_away("its token is not the key of the camera's source, nor the crew's where that has none");
    Err(Problem::new(
        StatusCode::UNAUTHORIZED,
        "Publishing needs `Authorization: Bearer KEY` with the key of the camera's `source`, or with the crew token when it has none.",
    ))
}

fn session(endpoint: &Endpoint, id: &str) -> Result<Session, Problem> {
    endpoint.session(id).ok_or_else(|| Problem::not_found("This session has ended, or never was."))
}

/// A body's type, without parameters.
fn kind(headers: &HeaderMap) -> &str {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}
