//! Playlists and lists on the wire: type, gzip, cache time.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};

use crate::live::Text;

/// How long caches may keep an answer.
#[derive(Clone, Copy, Debug)]
pub enum Cache {
    /// Ask each time.
    No,
    /// For the asker alone.
    Private,
    /// Seconds.
    For(u64),
    /// A year, unchanged.
    Immutable,
}

impl Cache {
    /// The `Cache-Control` value.
    pub fn header(self) -> HeaderValue {
        match self {
            Self::No | Self::For(0) => HeaderValue::from_static("no-cache"),
            Self::Private => HeaderValue::from_static("private, no-store"),
            Self::Immutable => HeaderValue::from_static("public, max-age=31536000, immutable"),
            Self::For(seconds) => HeaderValue::from_str(&format!("public, max-age={seconds}"))
                .unwrap_or(HeaderValue::from_static("no-cache")),
        }
    }
}

/// A playlist as the asker can read it.
pub fn playlist(headers: &HeaderMap, text: &Arc<Text>, cache: Cache) -> Response {
    answer(headers, text, "application/vnd.apple.mpegurl", cache)
}

/// A list of the API as the asker can read it.
pub fn json(headers: &HeaderMap, text: &Arc<Text>) -> Response {
    answer(headers, text, "application/json", Cache::No)
}

fn answer(headers: &HeaderMap, text: &Arc<Text>, kind: &'static str, cache: Cache) -> Response {
    let gzip = accepts_gzip(headers);
    let bytes = if gzip { text.gzip() } else { text.plain() };
    let mut response = Body::from(bytes).into_response();
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    out.insert(header::CACHE_CONTROL, cache.header());
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if gzip {
        out.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Whether `Accept-Encoding` names gzip, and not with `q=0` (RFC 9110, 12.5.3).
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
    values.flat_map(|v| v.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let name = parts.next().unwrap_or("");
        let refused = parts.any(|p| {
            p.strip_prefix("q=").or(p.strip_prefix("Q=")).is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q == 0.0))
        });
        (name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip")) && !refused
    })
}
