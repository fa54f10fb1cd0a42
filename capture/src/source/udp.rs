//! `udp://address:port?iface=eth0`

use std::{fmt, net::IpAddr};

use super::{
    Kind, Nature, Socket,
    read::{Address, Parsed},
    url::Url,
};

/// MPEG-TS over UDP.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Udp {
    pub local: Receiving,
}

/// Where packets arrive.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Receiving {
    /// Of this machine, or of a multicast group, which is joined.
    pub address: IpAddr,
    pub port: u16,
    /// The network interface that they come in by.
    pub iface: Option<String>,
}

impl fmt::Display for Receiving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", Url::show_host(&self.address.to_string()), self.port)
    }
}

impl Receiving {
    /// Address and port; the interface is an option, for [`Self::by`].
    pub(super) fn read(address: &Address<'_>) -> Parsed<Self> {
        address.no_user()?;
        address.no_path()?;
        Ok(Self { address: address.receiving()?, port: address.needed_port()?, iface: None })
    }

    /// The socket of this place, or of the same on another port.
    pub(super) fn socket(&self, port: u16) -> Socket {
        let iface = self.iface.clone().filter(|_| !self.address.is_multicast());
        Socket { iface, ..Socket::new(self.address, port) }
    }

    /// Takes the option `iface`.
    pub(super) fn by(&mut self, address: &Address<'_>, iface: String) -> Parsed<()> {
        let iface = address.interface("iface", iface)?;
        if !self.address.is_multicast() && !self.address.is_unspecified() {
            let expected = "a multicast group or 0.0.0.0 as the address: it says which interface already";
            return Err(address.value("iface", expected, &self.address.to_string()));
        }
        self.iface = Some(iface);
        Ok(())
    }
}

pub(super) fn read(address: &Address<'_>) -> Parsed<Kind> {
    let mut local = Receiving::read(address)?;
    for (_, value) in address.options("iface", &["iface"])? {
        local.by(address, value)?;
    }
    Ok(Kind::Udp(Udp { local }))
}

impl Nature for Udp {
    fn elements(&self) -> Vec<&'static str> {
        vec!["udpsrc", "tsdemux"]
    }

    fn waits(&self) -> bool {
        true
    }

    fn sockets(&self) -> Vec<Socket> {
        vec![self.local.socket(self.local.port)]
    }
}

impl fmt::Display for Udp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "udp://{}", self.local)
    }
}
