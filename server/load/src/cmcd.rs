//! Common Media Client Data (CTA-5004), as request headers: caches keep their keys.

use std::fmt::Write;

use hyper::http::{HeaderMap, HeaderValue};

/// What a request is for (`ot`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    /// A playlist.
    Manifest,
    /// A header.
    Init,
    /// Picture.
    Video,
    /// Sound.
    Audio,
    /// Picture and sound in one.
    Muxed,
}

/// What a player says about one request.
#[derive(Debug)]
pub(crate) struct Said<'a> {
    pub(crate) object: Object,
    /// Bits per second of the rung, or 0.
    pub(crate) bitrate: u64,
    /// Bits per second of the highest rung, or 0.
    pub(crate) top: u64,
    /// Seconds of media asked for, or 0.
    pub(crate) duration: f64,
    /// Seconds in the buffer.
    pub(crate) buffer: f64,
    /// Measured bits per second, or 0.
    pub(crate) measured: f64,
    /// Needed at once: start-up, seek or an empty buffer.
    pub(crate) urgent: bool,
    /// Playback stalled since the last request.
    pub(crate) starved: bool,
    /// The session.
    pub(crate) session: &'a str,
    /// The content.
    pub(crate) content: &'a str,
    /// Live or not, once it is known.
    pub(crate) live: Option<bool>,
}

impl Said<'_> {
    /// The headers; keys in alphabetical order, absent when unknown (section 3).
    pub(crate) fn headers(&self, into: &mut HeaderMap) {
        let media = matches!(self.object, Object::Video | Object::Audio | Object::Muxed);
        let token = match self.object {
            Object::Manifest => "m",
            Object::Init => "i",
            Object::Video => "v",
            Object::Audio => "a",
            Object::Muxed => "av",
        };
        let mut object = String::with_capacity(32);
        if media && self.bitrate > 0 {
            let _ = write!(object, "br={},", self.bitrate.div_ceil(1000));
        }
        if media && self.duration > 0.0 {
            let _ = write!(object, "d={:.0},", self.duration * 1000.0);
        }
        let _ = write!(object, "ot={token}");
        if media && self.top > 0 {
            let _ = write!(object, ",tb={}", self.top.div_ceil(1000));
        }
        put(into, "cmcd-object", &object);

        let mut request = String::with_capacity(32);
        if media {
            let _ = write!(request, "bl={:.0}", (self.buffer * 10.0).round() * 100.0);
        }
        if self.measured > 0.0 {
            let comma = if request.is_empty() { "" } else { "," };
            let _ = write!(request, "{comma}mtp={:.0}", (self.measured / 1e5).round() * 100.0);
        }
        if self.urgent {
            request.push_str(if request.is_empty() { "su" } else { ",su" });
        }
        if !request.is_empty() {
            put(into, "cmcd-request", &request);
        }

        let mut session = format!("cid={},sf=h,sid={}", quoted(self.content), quoted(self.session));
        if let Some(live) = self.live {
            session.push_str(if live { ",st=l" } else { ",st=v" });
        }
        put(into, "cmcd-session", &session);
        if self.starved {
            put(into, "cmcd-status", "bs");
        }
    }
}

fn put(into: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        into.insert(name, value);
    }
}

/// A string of at most 64 characters, with what RFC 8941 says of quotes.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(64) {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(object: Object) -> Said<'static> {
        Said {
            object,
            bitrate: 519_600,
            top: 1_015_000,
            duration: 0.2,
            buffer: 1.26,
            measured: 1_840_000.0,
            urgent: true,
            starved: true,
            session: "6e2fb550",
            content: "a \"b\"",
            live: Some(true),
        }
    }

    fn headers(said: &Said<'_>) -> Vec<(String, String)> {
        let mut map = HeaderMap::new();
        said.headers(&mut map);
        let mut all: Vec<_> = map.iter().map(|(k, v)| (k.to_string(), v.to_str().expect("text").to_owned())).collect();
        all.sort();
        all
    }

    #[test]
    fn media_says_everything() {
        let expected = [
            ("cmcd-object", "br=520,d=200,ot=v,tb=1015"),
            ("cmcd-request", "bl=1300,mtp=1800,su"),
            ("cmcd-session", r#"cid="a \"b\"",sf=h,sid="6e2fb550",st=l"#),
            ("cmcd-status", "bs"),
        ];
        let found = headers(&said(Object::Video));
        let found: Vec<_> = found.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_first_playlist_says_little() {
        let said = Said { measured: 0.0, urgent: false, starved: false, live: None, ..said(Object::Manifest) };
        let found = headers(&said);
        assert_eq!(found[0].1, "ot=m");
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
