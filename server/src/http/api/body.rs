//! Request bodies: JSON of at most 64 kB, no unknown field, from the crew.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;

use super::crew_only;
use crate::{app::App, http::Problem, words};

/// The largest body that is read, in bytes.
pub(in crate::http) const LIMIT: usize = 64 * 1024;

/// What the crew sent. Nobody else's body is looked at.
pub(super) struct FromCrew<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for FromCrew<T> {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let crew = crew_only(app, request.headers());
        // Whoever asks: over HTTP/2 an answer before the body's end resets the stream, and clients lose the answer.
        let body = Bytes::from_request(request, app).await;
        crew.map_err(IntoResponse::into_response)?;
        let body = body.map_err(IntoResponse::into_response)?;
        json(&body).map(Self).map_err(IntoResponse::into_response)
    }
}

fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // serde would read a list as a structure's fields in order, and name the structure in its error for other values.
    let first = body.iter().find(|b| !b.is_ascii_whitespace());
    if first.is_some_and(|b| b"[\"-0123456789tfn".contains(b)) {
        return Err(Problem::bad_request("The body is not what this address takes: expected an object, as {…}."));
    }
    let refused = |path: &str, error: serde_json::Error| {
        // The place and what was expected; the text itself is not repeated.
        let message: String = words::of_json(&error.to_string()).chars().take(300).collect();
        let field = if path == "." { String::new() } else { format!("`{path}`: ") };
        Problem::bad_request(format!("The body is not what this address takes: {field}{message}."))
    };
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| refused(&error.path().to_string(), error.into_inner()))?;
    reader.end().map_err(|error| refused(".", error))?;
    Ok(read)
}
