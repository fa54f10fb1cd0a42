//! What can go wrong for a viewer, by kind.

use std::fmt;

/// What went wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// No connection: refused, reset or unreachable.
    Connect,
    /// No TLS session.
    Tls,
    /// Nothing came for too long.
    Timeout,
    /// The connection ended before an answer came.
    Closed,
    /// An answer of this status.
    Status(u16),
    /// Redirected again and again.
    Redirects,
    /// Media or a header that a playlist names, and that is not there.
    AnnouncedMissing,
    /// A preload hint that is not there.
    HintMissing,
    /// A part that came under another address than hinted.
    HintBroken,
    /// Fewer bytes than promised.
    Short,
    /// Media of no bytes.
    Empty,
    /// A playlist that cannot be read.
    Unreadable,
    /// A held reload answered without what was asked for.
    NoNews,
    /// An answer that is no event stream, to a viewer who asked for one.
    NotEvents,
}

impl Fault {
    /// Whether a player asks again for the same: not when the server has said no.
    pub(crate) fn passing(self) -> bool {
        match self {
            Fault::Status(code) => !(400..500).contains(&code),
            Fault::Redirects | Fault::AnnouncedMissing | Fault::HintMissing | Fault::HintBroken | Fault::NotEvents => {
                false
            }
            _ => true,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Connect => "connect",
            Fault::Tls => "tls",
            Fault::Timeout => "timeout",
            Fault::Closed => "connection closed",
            Fault::Status(code) => return write!(f, "status {code}"),
            Fault::Redirects => "too many redirects",
            Fault::AnnouncedMissing => "announced media missing",
            Fault::HintMissing => "hinted part missing",
            Fault::HintBroken => "hint not kept",
            Fault::Short => "short body",
            Fault::Empty => "empty body",
            Fault::Unreadable => "unreadable playlist",
            Fault::NoNews => "held reload without news",
            Fault::NotEvents => "not an event stream",
        })
    }
}
