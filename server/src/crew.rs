//! The crew's token: who may write.

use std::{
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use axum::http::{HeaderMap, header};
use subtle::ConstantTimeEq;

/// The cookie that the desk's sign-in link sets.
pub const COOKIE: &str = "virage-crew";

/// Characters of a token, at least: it is all that stands between a stadium and its highlights.
const SHORTEST: usize = 20;

/// The crew's token, made once and kept in `crew.token` in the data folder, readable by its owner alone.
pub struct Crew(String);

impl Crew {
    /// Reads the token, or makes one.
    ///
    /// # Errors
    /// When the file can neither be read nor made.
    pub fn open(data: &Path) -> io::Result<Self> {
        let file = data.join("crew.token");
        match std::fs::read_to_string(&file) {
            Ok(token) if token.trim().len() >= SHORTEST => {
                // A copy or an editor may have opened it to others.
                std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))?;
                return Ok(Self(token.trim().to_owned()));
            }
            Ok(_) => {
                let wrong = format!("expected a token of {SHORTEST} characters or more; without the file, one is made");
                return Err(io::Error::new(io::ErrorKind::InvalidData, wrong));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Err(_) => {}
        }
        let mut random = [0_u8; 24];
        getrandom::fill(&mut random).map_err(|e| io::Error::other(e.to_string()))?;
        let token: String = random.iter().map(|b| format!("{b:02x}")).collect();
        // Written beside and moved: a crash leaves no half token.
        let fresh = data.join("crew.token.new");
        let mut out = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        writeln!(out, "{token}")?;
        out.sync_all()?;
        std::fs::rename(fresh, file)?;
        Ok(Self(token))
    }

    /// The token, for the link that the console shows.
    pub fn token(&self) -> &str {
        &self.0
    }

    /// Whether a text is the token. Takes as long for any text of its length.
    pub fn is(&self, token: &str) -> bool {
        self.0.as_bytes().ct_eq(token.trim().as_bytes()).into()
    }

    /// Whether a request comes from the crew: a bearer token, or the desk's cookie.
    pub fn sent(&self, headers: &HeaderMap) -> bool {
        self.bearer(headers) || self.cookie(headers)
    }

    fn bearer(&self, headers: &HeaderMap) -> bool {
        let value = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        let token = value.and_then(|v| v.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        token.is_some_and(|(_, token)| self.is(token))
    }

    fn cookie(&self, headers: &HeaderMap) -> bool {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
        let mut pairs = cookies.flat_map(|v| v.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.any(|(name, value)| name == COOKIE && self.is(value))
    }

    /// Whether a request may write: from the crew and, by cookie, from a page of this very host, so that no other
    /// page's script writes in the crew's name.
    pub fn may_write(&self, headers: &HeaderMap) -> bool {
        if self.bearer(headers) {
            return true;
        }
        let text = |name| headers.get(name).and_then(|v: &axum::http::HeaderValue| v.to_str().ok());
        let same_host = match text(header::ORIGIN) {
            None => true,
            Some(origin) => {
                text(header::HOST).is_some_and(|host| origin.split_once("://").is_some_and(|(_, o)| o == host))
            }
        };
        let same_site = headers.get("sec-fetch-site").is_none_or(|v| v != "cross-site");
        same_host && same_site && self.cookie(headers)
    }
}
