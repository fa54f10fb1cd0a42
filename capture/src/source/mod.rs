//! Where a camera or a sound comes from: an address of an allowed scheme, read strictly, shown without secrets. Each
//! scheme has a room of its own.

mod decklink;
mod file;
mod hls;
mod limits;
mod ndi;
mod push;
mod read;
mod rist;
mod rtmp;
mod rtp;
mod rtsp;
mod socket;
mod srt;
mod udp;
mod url;
mod v4l2;

use std::{fmt, sync::Arc};

pub(crate) use decklink::Decklink;
pub(crate) use file::{Container, File};
pub(crate) use hls::Hls;
pub use limits::{LimitError, Limits};
pub(crate) use ndi::Ndi;
pub(crate) use push::{Push, RtmpPush, WhipPush};
use read::{Address, Parsed};
pub(crate) use rist::Rist;
pub(crate) use rtmp::Rtmp;
pub(crate) use rtp::{Payload, Rtp};
pub(crate) use rtsp::{Rtsp, Transport};
pub use socket::Socket;
pub(crate) use srt::{Mode, Srt};
pub(crate) use udp::{Receiving, Udp};
use url::Url;
pub(crate) use url::decode;
pub(crate) use v4l2::{Format, V4l2};

/// The address of a live source. Showing it ([`Display`](fmt::Display), [`Debug`]) leaves out passwords, passphrases,
/// stream ids, stream names and the options that belong to the other side.
///
/// | address | what |
/// |---|---|
/// | `srt://host:port?mode=caller\|listener\|rendezvous&localport=&passphrase=&pbkeylen=16\|24\|32&streamid=&latency=ms` | MPEG-TS over SRT |
/// | `udp://address:port?iface=eth0` | MPEG-TS over UDP; a multicast group is joined |
/// | `rtp://address:port?iface=&codec=&pt=&latency=ms&sound=&sound_port=&sound_pt=&sound_config=` | RTP over UDP |
/// | `rist://address:port?iface=&latency=ms` | MPEG-TS over RIST, simple profile |
/// | `rtsp://user:password@host:port/path?transport=tcp\|udp\|auto`, `rtsps://…` | RTSP; every other option is the camera's own |
/// | `rtmp://user:password@host:port/app/name`, `rtmps://…` | pulled from an RTMP server |
/// | `https://host/path.m3u8`, `http://…` | pulled by HLS |
/// | `rtmp://address:port/app/name?mode=listener&key=` | encoders publish to us over RTMP, several cameras on one port |
/// | `whip://address:port?key=` | encoders, phones and browsers publish to us by WHIP; without an address, at any UDP port |
/// | `v4l2:///dev/video0?format=raw\|mjpeg\|h264&size=1920x1080&fps=50` | a capture device |
/// | `decklink://0?mode=1080i50&connection=sdi&channels=2` | a DeckLink input |
/// | `ndi://MACHINE%20(Channel)`, `ndi://host:port` | NDI |
/// | `file:///absolute/path.mp4?loop=true` | a file (`ts`, `mts`, `m2ts`, `mp4`, `mov`, `m4v`, `mkv`) at its own pace |
#[derive(Clone)]
pub struct Source {
    pub(crate) kind: Kind,
    pub(crate) limits: Arc<Limits>,
}

/// The same address. What it is held to is shared, and changes while it runs.
impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Eq for Source {}

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Srt(Srt),
    Udp(Udp),
    Rtp(Rtp),
    Rist(Rist),
    Rtsp(Rtsp),
    Rtmp(Rtmp),
    Hls(Hls),
    V4l2(V4l2),
    Decklink(Decklink),
    Ndi(Ndi),
    File(File),
    Push(Push),
}

/// What every kind of source knows of itself.
pub(crate) trait Nature: fmt::Display {
    /// What must never be shown.
    fn secrets(&self) -> Vec<&str> {
        Vec::new()
    }

    /// The elements that receive it.
    fn elements(&self) -> Vec<&'static str>;

    /// Whether the sender begins: waiting for it is no failure.
    fn waits(&self) -> bool {
        false
    }

    /// What sets its pace.
    fn pace(&self) -> Pace {
        Pace::Arrival
    }

    /// The host that is called, if one is.
    fn calls(&self) -> Option<&str> {
        None
    }

    /// The UDP sockets at which packets arrive.
    fn sockets(&self) -> Vec<Socket> {
        Vec::new()
    }
}

/// What sets the pace of a source.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// It comes as it happens.
    Arrival,
    /// Its timestamps, from the beginning on.
    File,
    /// Its timestamps, from wherever it begins or jumps to: it comes by whole segments.
    Segments,
}

impl Kind {
    pub fn nature(&self) -> &dyn Nature {
        match self {
            Self::Srt(kind) => kind,
            Self::Udp(kind) => kind,
            Self::Rtp(kind) => kind,
            Self::Rist(kind) => kind,
            Self::Rtsp(kind) => kind,
            Self::Rtmp(kind) => kind,
            Self::Hls(kind) => kind,
            Self::V4l2(kind) => kind,
            Self::Decklink(kind) => kind,
            Self::Ndi(kind) => kind,
            Self::File(kind) => kind,
            Self::Push(kind) => kind,
        }
    }
}

/// Reads what follows a scheme.
type Reader = fn(&Address<'_>) -> Parsed<Kind>;

/// The schemes there are, for people.
pub const SCHEMES: &str = "srt://, udp://, rtp://, rist://, rtsp://, rtsps://, rtmp://, rtmps://, http://, https://, \
                           v4l2://, decklink://, ndi://, whip://, file://";

/// What reads each of them.
const READERS: [(&str, Reader); 15] = [
    ("srt", srt::read),
    ("udp", udp::read),
    ("rtp", rtp::read),
    ("rist", rist::read),
    ("rtsp", rtsp::read),
    ("rtsps", rtsp::read),
    ("rtmp", rtmp::read),
    ("rtmps", rtmp::read),
    ("whip", push::whip),
    ("http", hls::read),
    ("https", hls::read),
    ("v4l2", v4l2::read),
    ("decklink", decklink::read),
    ("ndi", ndi::read),
    ("file", file::read),
];

/// An address that is no source. Never contains a password: what was found is quoted only where no secret can stand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The scheme is none of ours, or there is none.
    #[error("expected {all}; found {0}", all = SCHEMES)]
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
    #[error("a {scheme} source has the options {allowed}, each once; found {found}")]
    Option {
        /// The scheme.
        scheme: &'static str,
        /// The option's name, quoted where it can be no secret.
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
    /// Reads an address. Nothing is resolved, opened or run. It may reach any network and no file, until
    /// [`limited`](Self::limited) says otherwise.
    ///
    /// # Errors
    /// One line that says what was expected, for every other scheme, option and value.
    pub fn parse(address: &str) -> Result<Self, SourceError> {
        let Some((scheme, rest)) = address.split_once("://") else {
            return Err(SourceError::Scheme("no scheme".into()));
        };
        let Some((scheme, read)) = READERS.into_iter().find(|(known, _)| *known == scheme) else {
            // Whatever is not a word could be a password.
            let word = scheme.len() <= 20 && scheme.bytes().all(|b| b.is_ascii_alphanumeric());
            return Err(SourceError::Scheme(if word { format!("{scheme}://") } else { "something else".into() }));
        };
        let address = Address { scheme, url: Url::split(rest) };
        if rest.len() > 4096 {
            return Err(address.wrong("at most 4096 characters", format!("{}", rest.len())));
        }
        if rest.chars().any(|c| c.is_control() || c.is_whitespace() || c == '#') {
            return Err(address.wrong("no spaces, control characters or '#'", "one of them".into()));
        }
        Ok(Self { kind: read(&address)?, limits: Arc::default() })
    }

    /// The same source, held to `limits` from now on: checked here as far as the address tells, and again each time it
    /// is opened.
    ///
    /// # Errors
    /// When the address itself is outside of them.
    pub fn limited(self, limits: &Arc<Limits>) -> Result<Self, LimitError> {
        match &self.kind {
            Kind::File(file) => limits.check_path(&file.path)?,
            // Who answers is known by name only: another address cannot be told from it.
            Kind::Rtsp(Rtsp { tls: true, .. }) if limits.has_networks() => {
                return Err(LimitError::Unchecked { what: "rtsps", instead: "rtsp" });
            }
            Kind::Rtmp(Rtmp { tls: true, .. }) if limits.has_networks() => {
                return Err(LimitError::Unchecked { what: "rtmps", instead: "rtmp" });
            }
            Kind::Ndi(Ndi::Name(_)) if limits.has_networks() => {
                return Err(LimitError::Unchecked { what: "an NDI sender's name", instead: "ndi://host:port" });
            }
            kind => {
                if let Some(ip) = kind.nature().calls().and_then(|host| host.parse().ok()) {
                    limits.check(ip)?;
                }
            }
        }
        Ok(Self { limits: Arc::clone(limits), ..self })
    }

    /// Whether who publishes to the one would publish to the other as well: RTMP's publishers say address and path alone.
    pub fn shares_path(&self, other: &Self) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::Push(Push::Rtmp(one)), Kind::Push(Push::Rtmp(other))) => {
                (one.address, &one.path) == (other.address, &other.path)
            }
            _ => false,
        }
    }

    /// The same source, held to limits that say the same as its own.
    #[must_use]
    pub fn sharing(self, limits: &Arc<Limits>) -> Self {
        Self { limits: Arc::clone(limits), ..self }
    }

    /// The UDP sockets at which its packets arrive, where the address says which: two sources cannot have the same.
    pub fn sockets(&self) -> Vec<Socket> {
        self.kind.nature().sockets()
    }

    /// The address's scheme, of those that share a kind the first.
    pub(crate) fn scheme(&self) -> &'static str {
        match &self.kind {
            Kind::Srt(_) => "srt",
            Kind::Udp(_) => "udp",
            Kind::Rtp(_) => "rtp",
            Kind::Rist(_) => "rist",
            Kind::Rtsp(_) => "rtsp",
            Kind::Rtmp(_) => "rtmp",
            Kind::Hls(_) => "https",
            Kind::V4l2(_) => "v4l2",
            Kind::Decklink(_) => "decklink",
            Kind::Ndi(_) => "ndi",
            Kind::File(_) => "file",
            Kind::Push(Push::Rtmp(_)) => "rtmp",
            Kind::Push(Push::Whip(_)) => "whip",
        }
    }

    /// Whether it comes at the pace of our own clock.
    pub(crate) fn is_paced(&self) -> bool {
        self.kind.nature().pace() != Pace::Arrival
    }

    /// `text` with every secret of this source replaced: for messages of libraries, which quote what they were given.
    pub(crate) fn scrub(&self, text: &str) -> String {
        let mut secrets = self.kind.nature().secrets();
        // The longer first: one may contain another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.iter().filter(|s| !s.is_empty()).fold(text.to_owned(), |text, secret| hide(&text, secret))
    }
}

/// A secret this short is hidden only where it stands as a word of its own: it may be a part of any other.
const SHORT: usize = 8;

/// `text` with a secret replaced.
fn hide(text: &str, secret: &str) -> String {
    if secret.len() >= SHORT {
        return text.replace(secret, "***");
    }
    let in_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let (mut shown, mut end) = (String::with_capacity(text.len()), 0);
    for (at, found) in text.match_indices(secret) {
        let after = &text[at + found.len()..];
        shown.push_str(&text[end..at]);
        shown.push_str(if in_word(text[..at].chars().next_back()) || in_word(after.chars().next()) {
            found
        } else {
            "***"
        });
        end = at + found.len();
    }
    shown + &text[end..]
}

impl std::str::FromStr for Source {
    type Err = SourceError;

    fn from_str(address: &str) -> Result<Self, SourceError> {
        Self::parse(address)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.nature().fmt(f)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({self})")
    }
}

#[cfg(test)]
mod tests;
