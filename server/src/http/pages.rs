//! The pages, built into the binary.

use std::sync::Arc;

use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use rust_embed::RustEmbed;
use serde::Deserialize;

use super::{Cache, Problem};
use crate::{app::App, crew};

#[derive(RustEmbed)]
#[folder = "../player-web/dist"]
struct Dist;

/// Pages run our own scripts alone and talk to this host alone.
const POLICY: &str = "default-src 'self'; media-src 'self' blob:; worker-src 'self' blob:; connect-src 'self'; \
                      img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; font-src 'self'; object-src 'none'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'self'";

pub(super) async fn fan() -> Result<Response, Problem> {
    page("index.html")
}

#[derive(Deserialize)]
pub(super) struct SignIn {
    token: Option<String>,
}

pub(super) async fn desk(
    State(app): State<Arc<App>>,
    Query(sign_in): Query<SignIn>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(token) = sign_in.token else { return page("desk.html") };
    // The token leaves the address bar at once, whether it was right or not.
    let mut response = StatusCode::SEE_OTHER.into_response();
    let out = response.headers_mut();
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if !app.crew.is(&token) {
        out.insert(header::LOCATION, HeaderValue::from_static("/desk?refused"));
        return Ok(response);
    }
    out.insert(header::LOCATION, HeaderValue::from_static("/desk"));
    let secure = if headers.contains_key(super::OVER_TLS) { "; Secure" } else { "" };
    let cookie =
        format!("{}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age=604800{secure}", crew::COOKIE, app.crew.token());
    out.insert(header::SET_COOKIE, HeaderValue::from_str(&cookie).map_err(Problem::internal)?);
    Ok(response)
}

/// `/desk/` is typed as often as `/desk`.
pub(super) async fn desk_without_slash(uri: Uri) -> Result<Response, Problem> {
    let to = uri.query().map_or("/desk".to_owned(), |query| format!("/desk?{query}"));
    let mut response = StatusCode::PERMANENT_REDIRECT.into_response();
    let out = response.headers_mut();
    out.insert(header::LOCATION, HeaderValue::from_str(&to).map_err(Problem::internal)?);
    // The query may be the token.
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// An address at which there is nothing: a page for whoever reads pages, a problem for programs.
pub(super) async fn nothing(uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let accepts = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok());
    let reads_pages = accepts.flat_map(|v| v.split(',')).any(|kind| kind.trim_start().starts_with("text/html"));
    if !reads_pages || uri.path().starts_with("/api/") {
        return Err(Problem::not_found(
            "There is nothing at this address. The fans' page is at /, the crew's at /desk, the API at /api/v1.",
        ));
    }
    let mut response = page("not-found.html")?;
    *response.status_mut() = StatusCode::NOT_FOUND;
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

pub(super) async fn asset(Path(file): Path<String>) -> Result<Response, Problem> {
    // Names carry a hash of what is in them; no folder is among them.
    let plain = file.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) && !file.starts_with('.');
    if !plain {
        return Err(Problem::not_found("There is no such page or file."));
    }
    embedded(&format!("assets/{file}"), Cache::Immutable)
}

pub(super) async fn favicon() -> Result<Response, Problem> {
    embedded("favicon.svg", Cache::For(86_400))
}

fn page(name: &str) -> Result<Response, Problem> {
    let mut response = embedded(name, Cache::No)?;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    Ok(response)
}

fn embedded(name: &str, cache: Cache) -> Result<Response, Problem> {
    let file = Dist::get(name).ok_or_else(|| Problem::not_found("There is no such page or file."))?;
    let kind = mime_guess::from_path(name).first_or_octet_stream();
    let mut response = match file.data {
        std::borrow::Cow::Borrowed(bytes) => bytes.into_response(),
        std::borrow::Cow::Owned(bytes) => bytes.into_response(),
    };
    let out = response.headers_mut();
    let kind = if kind.type_() == "text" { format!("{kind}; charset=utf-8") } else { kind.to_string() };
    out.insert(header::CONTENT_TYPE, HeaderValue::from_str(&kind).map_err(Problem::internal)?);
    out.insert(header::CACHE_CONTROL, cache.header());
    Ok(response)
}
