//! `https://user:password@host:port/path.m3u8?…`, `http://…`

use std::fmt;

use super::{
    Kind, Nature, Pace,
    read::{Address, Parsed},
    url::Url,
};

/// A live stream that is pulled by HLS. Every option is the server's own.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Hls {
    pub tls: bool,
    pub user: Option<(String, String)>,
    pub host: String,
    pub port: Option<u16>,
    /// Path and query, from the first `/`.
    pub target: String,
}

pub(super) fn read(address: &Address<'_>) -> Parsed<Kind> {
    let url = &address.url;
    let (host, port) = (address.host()?, address.port()?);
    let user = address.user()?;
    if !url.path.ends_with(".m3u8") || !url.path.is_ascii() {
        return Err(address.wrong("the address of a playlist, as in https://host/live/index.m3u8", "another".into()));
    }
    let target = url.query.map_or_else(|| url.path.to_owned(), |query| format!("{}?{query}", url.path));
    Ok(Kind::Hls(Hls { tls: address.scheme == "https", user, host, port, target }))
}

impl Hls {
    /// Scheme, host and port; `user` is what stands before the host.
    fn origin(&self, user: &str) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        let port = self.port.map_or_else(String::new, |port| format!(":{port}"));
        format!("{scheme}://{user}{}{port}", Url::show_host(&self.host))
    }

    /// The playlist's address, without user and password.
    pub fn playlist(&self) -> String {
        format!("{}{}", self.origin(""), self.target)
    }
}

impl Nature for Hls {
    fn secrets(&self) -> Vec<&str> {
        let query = self.target.split_once('?').map(|(_, query)| query);
        self.user.iter().flat_map(|(user, password)| [password.as_str(), user]).chain(query).collect()
    }

    fn elements(&self) -> Vec<&'static str> {
        vec!["appsrc", "tsdemux", "qtdemux"]
    }

    fn pace(&self) -> Pace {
        Pace::Segments
    }

    fn calls(&self) -> Option<&str> {
        Some(&self.host)
    }
}

impl fmt::Display for Hls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = if self.user.is_some() { "***@" } else { "" };
        let (path, query) = self.target.split_once('?').map_or((&*self.target, ""), |(path, _)| (path, "?***"));
        write!(f, "{}{path}{query}", self.origin(user))
    }
}
