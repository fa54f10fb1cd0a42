//! Playlists and lists on the wire: type, gzip, cache time.

use std::sync::Arc;

use axum::{
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};

use super::{
    Cache,
    answer::{Answer, Form},
};
use crate::live::Text;

/// A playlist and how long caches may keep it.
pub struct Playlist {
    /// Its text.
    pub text: Arc<Text>,
    /// How long.
    pub cache: Cache,
}

impl Playlist {
    /// As the asker can read it.
    pub fn answer(&self, gzip: bool) -> Answer {
        answer(&self.text, "application/vnd.apple.mpegurl", self.cache, gzip)
    }

    /// As whoever sent these headers can read it.
    pub fn response(&self, headers: &HeaderMap) -> Response {
        self.answer(accepts_gzip(headers)).into_response()
    }
}

/// A list of the API as the asker can read it.
pub fn json(headers: &HeaderMap, text: &Arc<Text>) -> Response {
    answer(text, "application/json", Cache::No, accepts_gzip(headers)).into_response()
}

fn answer(text: &Text, kind: &'static str, cache: Cache, gzip: bool) -> Answer {
    let (form, body) = if gzip { (Form::Gzip, text.gzip()) } else { (Form::Plain, text.plain()) };
    Answer { kind, cache, form, body, kept: None }
}

/// Whether these headers accept gzip.
pub fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok()).any(names_gzip)
}

/// Whether an `Accept-Encoding` names gzip, and not with `q=0` (RFC 9110, 12.5.3).
pub fn names_gzip(value: &str) -> bool {
    value.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let name = parts.next().unwrap_or("");
        let refused = parts.any(|p| {
            p.strip_prefix("q=").or(p.strip_prefix("Q=")).is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q == 0.0))
        });
        (name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip")) && !refused
    })
}
