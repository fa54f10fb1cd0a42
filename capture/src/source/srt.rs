//! `srt://host:port?mode=caller|listener|rendezvous&localport=&passphrase=&pbkeylen=16|24|32&streamid=&latency=ms`

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::{
    Kind, Nature, Socket,
    read::{Address, Parsed},
    url::Url,
};

/// MPEG-TS over SRT.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Srt {
    pub mode: Mode,
    pub host: String,
    pub port: u16,
    pub passphrase: Option<String>,
    pub pbkeylen: Option<u32>,
    pub streamid: Option<String>,
    pub latency_ms: u32,
}

/// Who begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// We do.
    Caller,
    /// The sender does.
    Listener,
    /// Both at once, from this port of ours: a way through two firewalls.
    Rendezvous { local_port: u16 },
}

const OPTIONS: &[&str] = &["mode", "localport", "passphrase", "pbkeylen", "streamid", "latency"];

pub(super) fn read(address: &Address<'_>) -> Parsed<Kind> {
    address.no_user()?;
    address.no_path()?;
    let mut srt = Srt {
        mode: Mode::Caller,
        host: address.host()?,
        port: address.needed_port()?,
        passphrase: None,
        pbkeylen: None,
        streamid: None,
        latency_ms: 120,
    };
    let mut local_port = None;
    for (option, value) in address.options("mode, localport, passphrase, pbkeylen, streamid and latency", OPTIONS)? {
        match option {
            "mode" => {
                let rendezvous = Mode::Rendezvous { local_port: srt.port };
                let modes = [("caller", Mode::Caller), ("listener", Mode::Listener), ("rendezvous", rendezvous)];
                srt.mode = address.one_of(option, "caller, listener or rendezvous", &value, &modes)?;
            }
            "localport" => local_port = Some(address.number(option, "a port from 1 to 65535", &value, 1..=u16::MAX)?),
            "passphrase" if (10..=79).contains(&value.len()) => srt.passphrase = Some(value),
            "passphrase" => return Err(address.secret(option, "10 to 79 characters", &value)),
            "pbkeylen" => {
                let lengths = [("16", 16), ("24", 24), ("32", 32)];
                srt.pbkeylen = Some(address.one_of(option, "16, 24 or 32", &value, &lengths)?);
            }
            "streamid" if (1..=512).contains(&value.len()) => srt.streamid = Some(value),
            "streamid" => return Err(address.secret(option, "1 to 512 characters", &value)),
            _ => srt.latency_ms = address.number(option, "20 to 8000 (milliseconds)", &value, 20..=8_000)?,
        }
    }
    match (local_port, srt.mode) {
        (Some(local_port), Mode::Rendezvous { .. }) => srt.mode = Mode::Rendezvous { local_port },
        (Some(port), _) => return Err(address.value("localport", "mode=rendezvous as well", &port.to_string())),
        _ => {}
    }
    if srt.pbkeylen.is_some() && srt.passphrase.is_none() {
        return Err(address.value("pbkeylen", "a passphrase as well", "none"));
    }
    let ip = srt.host.parse::<IpAddr>().ok();
    if srt.mode == Mode::Listener && ip.is_none() {
        return Err(address.wrong("an address of this machine (0.0.0.0 for all) with mode=listener", srt.host));
    }
    if srt.mode != Mode::Listener && ip.is_some_and(|ip| ip.is_unspecified()) {
        return Err(address.wrong("mode=listener with 0.0.0.0, or a host to call", srt.host));
    }
    Ok(Kind::Srt(srt))
}

impl Nature for Srt {
    fn secrets(&self) -> Vec<&str> {
        self.passphrase.iter().chain(&self.streamid).map(String::as_str).collect()
    }

    fn elements(&self) -> Vec<&'static str> {
        vec!["srtsrc", "tsdemux"]
    }

    fn waits(&self) -> bool {
        self.mode != Mode::Caller
    }

    fn calls(&self) -> Option<&str> {
        (self.mode != Mode::Listener).then_some(self.host.as_str())
    }

    fn sockets(&self) -> Vec<Socket> {
        let ip = self.host.parse::<IpAddr>().ok();
        let any =
            if ip.is_some_and(|ip| ip.is_ipv6()) { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
        match self.mode {
            Mode::Caller => Vec::new(),
            Mode::Listener => ip.map(|ip| Socket::new(ip, self.port)).into_iter().collect(),
            Mode::Rendezvous { local_port } => vec![Socket::new(any, local_port)],
        }
    }
}

impl fmt::Display for Srt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match self.mode {
            Mode::Caller => "caller",
            Mode::Listener => "listener",
            Mode::Rendezvous { .. } => "rendezvous",
        };
        write!(f, "srt://{}:{}?mode={mode}", Url::show_host(&self.host), self.port)?;
        let secrets = [("passphrase", &self.passphrase), ("streamid", &self.streamid)];
        secrets.iter().filter(|(_, value)| value.is_some()).try_for_each(|(name, _)| write!(f, "&{name}=***"))
    }
}
