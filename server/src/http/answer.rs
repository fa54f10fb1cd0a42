//! A whole answer: its fields, and a body that everybody who asks is given the same bytes of.

use std::{io::Write, sync::Arc};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;

use crate::hot::Kept;

/// How long caches may keep an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        let mut text = Vec::new();
        self.write(&mut text);
        HeaderValue::from_maybe_shared(Bytes::from(text)).unwrap_or(HeaderValue::from_static("no-cache"))
    }

    fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::No | Self::For(0) => out.extend_from_slice(b"no-cache"),
            Self::Private => out.extend_from_slice(b"private, no-store"),
            Self::Immutable => out.extend_from_slice(b"public, max-age=31536000, immutable"),
            // Writing into memory cannot fail.
            Self::For(seconds) => drop(write!(out, "public, max-age={seconds}")),
        }
    }
}

/// What was asked for, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// `Content-Type`.
    pub kind: &'static str,
    /// `Cache-Control`.
    pub cache: Cache,
    /// What depends on how it was asked for.
    pub form: Form,
    /// The body.
    pub body: Bytes,
    /// Where all of the body is kept, if it is an item of media.
    pub kept: Option<Arc<Kept>>,
}

/// The form of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A text that can be had in gzip, and is not.
    Plain,
    /// A text in gzip.
    Gzip,
    /// Media, of which ranges can be had.
    Media,
}

impl Form {
    fn fields(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Plain => &[("vary", "accept-encoding")],
            Self::Gzip => &[("vary", "accept-encoding"), ("content-encoding", "gzip")],
            Self::Media => &[("accept-ranges", "bytes")],
        }
    }
}

/// What every answer of the server says.
pub const ALWAYS: [(&str, &str); 2] = [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer")];
/// What anybody may read says: any page may, without credentials, so that nobody's drafts are shown.
pub const OPEN: (&str, &str) = ("access-control-allow-origin", "*");

/// Adds what every answer of the server says.
pub fn dress(headers: &mut HeaderMap) {
    for (name, value) in ALWAYS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}

/// Adds what lets any page read it.
pub fn open(headers: &mut HeaderMap) {
    headers.insert(HeaderName::from_static(OPEN.0), HeaderValue::from_static(OPEN.1));
}

impl Answer {
    /// Writes the answer's head as HTTP/1.1 has it, `Date` aside: what the router makes of the same answer.
    pub fn head(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\ncontent-type: ");
        out.extend_from_slice(self.kind.as_bytes());
        out.extend_from_slice(b"\r\ncache-control: ");
        self.cache.write(out);
        for (name, value) in self.form.fields().iter().chain(&ALWAYS).chain([&OPEN]) {
            for text in ["\r\n", name, ": ", value] {
                out.extend_from_slice(text.as_bytes());
            }
        }
        drop(write!(out, "\r\ncontent-length: {}\r\n", self.body.len()));
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let length = self.body.len();
        let mut response = (StatusCode::OK, Body::from(self.body)).into_response();
        let out = response.headers_mut();
        out.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        out.insert(header::CACHE_CONTROL, self.cache.header());
        out.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        for (name, value) in self.form.fields() {
            out.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        response
    }
}
