//! Where a camera or a sound comes from: an address of an allowed scheme, parsed strictly, shown without secrets.

mod parse;
mod url;

use std::{fmt, net::IpAddr, path::PathBuf};

use url::Url;

/// The address of a live source. Showing it ([`Display`](fmt::Display), [`Debug`]) leaves out passwords, passphrases,
/// stream ids and RTSP queries.
///
/// | address | what |
/// |---|---|
/// | `srt://host:port?mode=caller\|listener&passphrase=&pbkeylen=16\|24\|32&streamid=&latency=ms` | MPEG-TS over SRT |
/// | `udp://address:port?iface=eth0` | MPEG-TS over UDP; a multicast group is joined |
/// | `rtsp://user:password@host:port/path?transport=tcp\|udp\|auto`, `rtsps://…` | RTSP; every other option is the camera's own |
/// | `file:///absolute/path.mp4?loop=true` | a file (`ts`, `mts`, `m2ts`, `mp4`, `mov`, `m4v`, `mkv`) at its own pace |
#[derive(Clone, PartialEq, Eq)]
pub struct Source(pub(crate) Kind);

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Srt(Srt),
    Udp(Udp),
    Rtsp(Rtsp),
    File(File),
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Srt {
    pub listener: bool,
    pub host: String,
    pub port: u16,
    pub passphrase: Option<String>,
    pub pbkeylen: Option<u32>,
    pub streamid: Option<String>,
    pub latency_ms: u32,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Udp {
    pub address: IpAddr,
    pub port: u16,
    pub iface: Option<String>,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Rtsp {
    pub tls: bool,
    pub user: Option<(String, String)>,
    /// Host and port as they stand in the address.
    pub authority: String,
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

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub path: PathBuf,
    pub container: Container,
    pub repeat: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    MpegTs,
    Mp4,
    Matroska,
}

/// An address that is no source. Never contains a password: what was found is quoted only where no secret can stand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The scheme is none of ours, or there is none.
    #[error("expected srt://, udp://, rtsp://, rtsps:// or file://; found {0}")]
    Scheme(String),
    /// The part after the scheme is wrong.
    #[error("expected {expected} in a {scheme} source; found {found}")]
    Address {
        /// The scheme.
        scheme: &'static str,
        /// What should stand there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// An option that the scheme does not have, or has twice.
    #[error("a {scheme} source has the options {allowed}, each once; found \"{found}\"")]
    Option {
        /// The scheme.
        scheme: &'static str,
        /// The option's name.
        found: String,
        /// The options there are.
        allowed: &'static str,
    },
    /// An option's value is wrong.
    #[error("expected {expected} for {option} of a {scheme} source; found {found}")]
    Value {
        /// The scheme.
        scheme: &'static str,
        /// The option.
        option: &'static str,
        /// What should stand there.
        expected: &'static str,
        /// What stands there, or its length when it is secret.
        found: String,
    },
}

impl Source {
    /// Reads an address. Nothing is resolved, opened or run.
    ///
    /// # Errors
    /// One line that says what was expected, for every other scheme, option and value.
    pub fn parse(address: &str) -> Result<Self, SourceError> {
        parse::source(address).map(Self)
    }

    /// `text` with every secret of this source replaced: for messages of libraries, which quote what they were given.
    pub(crate) fn scrub(&self, text: &str) -> String {
        let secrets: Vec<&str> = match &self.0 {
            Kind::Srt(srt) => srt.passphrase.iter().chain(&srt.streamid).map(String::as_str).collect(),
            Kind::Rtsp(rtsp) => {
                let query = rtsp.target.split_once('?').map(|(_, query)| query);
                rtsp.user.iter().flat_map(|(user, password)| [password.as_str(), user]).chain(query).collect()
            }
            Kind::Udp(_) | Kind::File(_) => Vec::new(),
        };
        secrets.iter().filter(|s| !s.is_empty()).fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }
}

impl std::str::FromStr for Source {
    type Err = SourceError;

    fn from_str(address: &str) -> Result<Self, SourceError> {
        Self::parse(address)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Srt(srt) => {
                let mode = if srt.listener { "listener" } else { "caller" };
                write!(f, "srt://{}:{}?mode={mode}", Url::show_host(&srt.host), srt.port)?;
                let secrets = [("passphrase", &srt.passphrase), ("streamid", &srt.streamid)];
                secrets.iter().filter(|(_, value)| value.is_some()).try_for_each(|(name, _)| write!(f, "&{name}=***"))
            }
            Kind::Udp(udp) => write!(f, "udp://{}:{}", Url::show_host(&udp.address.to_string()), udp.port),
            Kind::Rtsp(rtsp) => {
                let scheme = if rtsp.tls { "rtsps" } else { "rtsp" };
                let user = if rtsp.user.is_some() { "***@" } else { "" };
                let (path, query) = rtsp.target.split_once('?').map_or((&*rtsp.target, ""), |(path, _)| (path, "?***"));
                write!(f, "{scheme}://{user}{}{path}{query}", rtsp.authority)
            }
            Kind::File(file) => write!(f, "file://{}", file.path.display()),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({self})")
    }
}
