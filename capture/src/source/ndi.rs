//! `ndi://MACHINE%20(Channel)` or `ndi://host:port`

use std::fmt;

use super::{
    Kind, Nature,
    read::{Address, Parsed},
    url,
};

/// A sender of NDI.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Ndi {
    /// By the name that it announces, as `MACHINE (Channel)`.
    Name(String),
    /// By its address.
    Address(String, u16),
}

pub(super) fn read(address: &Address<'_>) -> Parsed<Kind> {
    address.no_user()?;
    address.no_path()?;
    address.options("none", &[])?;
    if let (Some(port), true) = (address.port()?, address.url.host_is_plain()) {
        return Ok(Kind::Ndi(Ndi::Address(address.host()?, port)));
    }
    let name = url::decode(address.url.authority).filter(|name| !name.is_empty() && name.len() <= 253);
    name.map(|name| Kind::Ndi(Ndi::Name(name))).ok_or_else(|| {
        address.wrong("a sender's name, as in ndi://MACHINE%20(Channel), or host:port", "something else".into())
    })
}

impl Nature for Ndi {
    fn elements(&self) -> Vec<&'static str> {
        vec!["ndisrc", "ndisrcdemux"]
    }

    fn calls(&self) -> Option<&str> {
        match self {
            Self::Name(_) => None,
            Self::Address(host, _) => Some(host),
        }
    }
}

impl fmt::Display for Ndi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "ndi://{name}"),
            Self::Address(host, port) => write!(f, "ndi://{}:{port}", url::Url::show_host(host)),
        }
    }
}
