//! `rtmp://user:password@host:port/app/name?…`, `rtmps://…`

use std::fmt;

use super::{
    Kind, Nature, push,
    read::{Address, Parsed},
    url::{self, Url},
};

/// A stream that is pulled from an RTMP server. Every option is the server's own, but for `mode=listener`: then
/// encoders publish to us.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Rtmp {
    pub tls: bool,
    pub user: Option<(String, String)>,
    pub host: String,
    pub port: Option<u16>,
    pub application: String,
    pub stream: String,
    pub query: Option<String>,
}

pub(super) fn read(address: &Address<'_>) -> Parsed<Kind> {
    let url = &address.url;
    if address.scheme == "rtmp"
        && url.options().any(|(name, value)| name == "mode" && value.as_deref() == Some("listener"))
    {
        return push::rtmp(address);
    }
    let (host, port) = (address.host()?, address.port()?);
    let user = address.user()?;
    let path = url::decode(url.path).unwrap_or_default();
    let (application, stream) = path
        .trim_start_matches('/')
        .rsplit_once('/')
        .filter(|(application, stream)| !application.is_empty() && !stream.is_empty())
        .ok_or_else(|| address.wrong("an application and a stream, as in rtmp://host/live/name", "less".into()))?;
    Ok(Kind::Rtmp(Rtmp {
        tls: address.scheme == "rtmps",
        user,
        host,
        port,
        application: application.to_owned(),
        stream: stream.to_owned(),
        query: url.query.map(str::to_owned),
    }))
}

impl Rtmp {
    /// The port that is asked.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.tls { 443 } else { 1935 })
    }
}

impl Nature for Rtmp {
    fn secrets(&self) -> Vec<&str> {
        let user = self.user.iter().flat_map(|(user, password)| [password.as_str(), user]);
        // A stream's name is its key with many servers.
        user.chain(self.query.as_deref()).chain([self.stream.as_str()]).collect()
    }

    fn elements(&self) -> Vec<&'static str> {
        vec!["rtmp2src", "flvdemux"]
    }

    fn calls(&self) -> Option<&str> {
        Some(&self.host)
    }
}

impl fmt::Display for Rtmp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "rtmps" } else { "rtmp" };
        let user = if self.user.is_some() { "***@" } else { "" };
        let port = self.port.map_or_else(String::new, |port| format!(":{port}"));
        write!(f, "{scheme}://{user}{}{port}/{}/***", Url::show_host(&self.host), self.application)
    }
}
