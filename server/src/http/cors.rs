//! What pages of other origins may read: what anybody may, and nothing that is for the asker alone.
//!
//! `*` is never said with credentials, so that no other page reads what the crew's cookie opens; what came with a cookie
//! or `Authorization` has no permission at all. Writing from other origins is not allowed: a preflight names reads alone.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::answer;

/// Addresses of which the whole is open: media, and playlists of what is on air.
const OPEN: [&str; 2] = ["/live/", "/media/"];
/// Addresses that answer the crew otherwise than everybody.
const BY_ASKER: [&str; 2] = ["/highlights/", "/api/v1/"];

/// What a preflight is answered with. CMCD in headers (CTA-5004, 3.1), ranges and a resumed line of events need one.
const PREFLIGHT: [(&str, &str); 5] = [
    ("access-control-allow-origin", "*"),
    ("access-control-allow-methods", "GET, HEAD"),
    (
        "access-control-allow-headers",
        "range, last-event-id, cache-control, cmcd-request, cmcd-object, cmcd-status, cmcd-session",
    ),
    ("access-control-max-age", "86400"),
    ("cache-control", "public, max-age=86400"),
];

/// Adds the permission to what other pages may read, and answers their preflights.
pub(super) async fn reads(request: Request, next: Next) -> Response {
    let (open, by_asker) = (among(&request, OPEN), among(&request, BY_ASKER));
    if (open || by_asker) && *request.method() == Method::OPTIONS {
        let fields = PREFLIGHT.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let mut fields = HeaderMap::from_iter(fields);
        answer::dress(&mut fields);
        return (StatusCode::NO_CONTENT, fields).into_response();
    }
    let readable = request.method().is_safe() && (open || (by_asker && !personal(request.headers())));
    let mut response = next.run(request).await;
    if readable {
        answer::open(response.headers_mut());
    }
    response
}

fn among(request: &Request, prefixes: [&str; 2]) -> bool {
    prefixes.iter().any(|prefix| request.uri().path().starts_with(prefix))
}

/// Whether what is answered may be for the asker alone.
pub(super) fn personal(headers: &HeaderMap) -> bool {
    headers.contains_key(header::COOKIE) || headers.contains_key(header::AUTHORIZATION)
}
