//! `rtsp://user:password@host:port/path?transport=tcp|udp|auto`, `rtsps://…`

use std::fmt;

use super::{
    Kind, Nature, SourceError,
    read::{Address, Parsed},
    url::Url,
};

/// A camera that is asked by RTSP. Every option but `transport` is the camera's own.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Rtsp {
    pub tls: bool,
    pub user: Option<(String, String)>,
    pub host: String,
    pub port: Option<u16>,
    /// Path and query without `transport`, from the first `/`.
    pub target: String,
    pub transport: Transport,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Udp,
    Auto,
}

pub(super) fn read(address: &Address<'_>) -> Parsed<Kind> {
    let (scheme, url) = (address.scheme, &address.url);
    let (host, port) = (address.host()?, address.port()?);
    let user = address.user()?;
    let mut transport = None;
    let mut query = Vec::new();
    for option in url.query.into_iter().flat_map(|query| query.split('&')) {
        match option.strip_prefix("transport=") {
            Some(_) if transport.is_some() => {
                let found = "\"transport twice\"".into();
                return Err(SourceError::Option { scheme, found, allowed: "transport, and the camera's own" });
            }
            Some(value) => {
                let values = [("tcp", Transport::Tcp), ("udp", Transport::Udp), ("auto", Transport::Auto)];
                transport = Some(address.one_of("transport", "tcp, udp or auto", value, &values)?);
            }
            None => query.push(option),
        }
    }
    if scheme == "rtsps" && transport.is_some_and(|transport| transport != Transport::Tcp) {
        return Err(address.value("transport", "tcp", "another"));
    }
    let path = if url.path.is_empty() { "/" } else { url.path };
    let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) };
    let transport = transport.unwrap_or(Transport::Tcp);
    Ok(Kind::Rtsp(Rtsp { tls: scheme == "rtsps", user, host, port, target, transport }))
}

impl Rtsp {
    /// The port that is asked.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.tls { 322 } else { 554 })
    }

    fn parts(&self) -> (&str, Option<&str>) {
        self.target.split_once('?').map_or((&*self.target, None), |(path, query)| (path, Some(query)))
    }
}

/// Some cameras want user and password as a part of the path: `/user=admin&password=…&channel=1`.
fn is_secret(part: &str) -> bool {
    part.contains('=')
}

impl Nature for Rtsp {
    fn secrets(&self) -> Vec<&str> {
        let (path, query) = self.parts();
        let user = self.user.iter().flat_map(|(user, password)| [password.as_str(), user]);
        user.chain(query).chain(path.split('/').filter(|part| is_secret(part))).collect()
    }

    fn elements(&self) -> Vec<&'static str> {
        vec!["rtspsrc", "rtph264depay"]
    }

    fn calls(&self) -> Option<&str> {
        Some(&self.host)
    }
}

impl fmt::Display for Rtsp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "rtsps" } else { "rtsp" };
        let user = if self.user.is_some() { "***@" } else { "" };
        let port = self.port.map_or_else(String::new, |port| format!(":{port}"));
        let (path, query) = self.parts();
        let shown: Vec<&str> = path.split('/').map(|part| if is_secret(part) { "***" } else { part }).collect();
        let (path, query) = (shown.join("/"), query.map_or("", |_| "?***"));
        write!(f, "{scheme}://{user}{}{port}{path}{query}", Url::show_host(&self.host))
    }
}
