//! Addresses that publishers call: `rtmp://address:port/app/name?mode=listener&key=…`, `whip://address:port?key=…`

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

use super::{
    Kind, Nature, Socket,
    read::{Address, Parsed},
};
use crate::push::Key;

/// RTMP's registered port.
const RTMP: u16 = 1935;

/// A source that calls us.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Push {
    Rtmp(RtmpPush),
    Whip(WhipPush),
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RtmpPush {
    pub address: SocketAddr,
    /// Application and stream name, without slashes at its ends.
    pub path: String,
    pub key: Key,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct WhipPush {
    /// Where pictures are received over UDP.
    pub address: SocketAddr,
    /// Without one the crew's token is it.
    pub key: Option<Key>,
}

pub(super) fn rtmp(address: &Address<'_>) -> Parsed<Kind> {
    address.no_user()?;
    let at = SocketAddr::new(here(address)?, address.port()?.unwrap_or(RTMP));
    let path = address.url.path.trim_matches('/');
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"._-/".contains(&b);
    if !path.contains('/') || path.contains("//") || path.len() > 200 || !path.bytes().all(legal) {
        return Err(address.wrong("a path of an application and a stream name, as in /live/main,", "another".into()));
    }
    let mut key = None;
    for (option, value) in address.options("mode=listener and key", &["mode", "key"])? {
        if option == "key" {
            key = Some(secret(address, value)?);
        }
    }
    let expected = "a secret of 8 to 128 characters, or anybody could publish,";
    let key = key.ok_or_else(|| address.value("key", expected, "none"))?;
    Ok(Kind::Push(Push::Rtmp(RtmpPush { address: at, path: path.to_owned(), key })))
}

pub(super) fn whip(address: &Address<'_>) -> Parsed<Kind> {
    address.no_user()?;
    address.no_path()?;
    let at = if address.url.authority.is_empty() {
        SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0)
    } else {
        SocketAddr::new(here(address)?, address.port()?.unwrap_or(0))
    };
    let mut key = None;
    for (_, value) in address.options("key", &["key"])? {
        key = Some(secret(address, value)?);
    }
    Ok(Kind::Push(Push::Whip(WhipPush { address: at, key })))
}

fn here(address: &Address<'_>) -> Parsed<IpAddr> {
    address.url.host.parse().map_err(|_| {
        let found = if address.url.host_is_plain() { address.url.host } else { "something else" };
        address.wrong("an address of this machine (0.0.0.0 for all)", found.into())
    })
}

fn secret(address: &Address<'_>, value: String) -> Parsed<Key> {
    if (8..=128).contains(&value.len()) {
        return Ok(Key::new(value));
    }
    Err(address.secret("key", "8 to 128 characters", &value))
}

impl Nature for Push {
    fn secrets(&self) -> Vec<&str> {
        let key = match self {
            Self::Rtmp(rtmp) => Some(&rtmp.key),
            Self::Whip(whip) => whip.key.as_ref(),
        };
        key.into_iter().map(Key::text).collect()
    }

    fn elements(&self) -> Vec<&'static str> {
        match self {
            Self::Rtmp(_) => vec!["appsrc"],
            Self::Whip(_) => vec!["appsrc", "opusdec"],
        }
    }

    fn waits(&self) -> bool {
        true
    }

    fn sockets(&self) -> Vec<Socket> {
        match self {
            Self::Whip(whip) if whip.address.port() != 0 => vec![Socket::new(whip.address.ip(), whip.address.port())],
            _ => Vec::new(),
        }
    }
}

impl fmt::Display for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rtmp(rtmp) => write!(f, "rtmp://{}/{}?mode=listener&key=***", rtmp.address, rtmp.path),
            Self::Whip(whip) => {
                f.write_str("whip://")?;
                if !whip.address.ip().is_unspecified() || whip.address.port() != 0 {
                    write!(f, "{}", whip.address)?;
                }
                whip.key.iter().try_for_each(|_| f.write_str("?key=***"))
            }
        }
    }
}
