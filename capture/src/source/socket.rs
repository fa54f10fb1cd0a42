//! UDP sockets at which packets arrive.

use std::{fmt, net::IpAddr};

use super::url::Url;

/// A UDP socket at which a source's packets arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    pub(super) address: IpAddr,
    pub(super) port: u16,
    /// The network interface whose address it is, in place of all addresses.
    pub(super) iface: Option<String>,
}

impl Socket {
    pub(super) fn new(address: IpAddr, port: u16) -> Self {
        Self { address: address.to_canonical(), port, iface: None }
    }

    /// Whether what is sent to the one may reach the other. Everybody who joins a multicast group hears it, so two may
    /// have the same one.
    pub fn overlaps(&self, other: &Self) -> bool {
        let (one, two) = (self.address, other.address);
        let everywhere = |socket: &Self| socket.address.is_unspecified() && socket.iface.is_none();
        // On Linux a socket of all IPv6 addresses hears IPv4, too.
        let within = |all: &Self, address: IpAddr| everywhere(all) && (all.address.is_ipv6() || address.is_ipv4());
        let same = one == two && !one.is_multicast() && self.iface == other.iface;
        self.port == other.port && (same || within(self, two) || within(other, one))
    }
}

impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", Url::show_host(&self.address.to_string()), self.port)
    }
}
