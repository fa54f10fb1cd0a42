//! `rist://address:port?iface=eth0&latency=ms`

use std::fmt;

use super::{
    Kind, Nature, Socket,
    read::{Address, Parsed},
    udp::Receiving,
};

/// MPEG-TS over RIST, simple profile (VSF TR-06-1): the sender sends to us, and sends again what we miss.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Rist {
    pub local: Receiving,
    pub latency_ms: u32,
}

pub(super) fn read(address: &Address<'_>) -> Parsed<Kind> {
    let mut local = Receiving::read(address)?;
    if local.port % 2 == 1 {
        let found = local.port.to_string();
        return Err(address.wrong("an even port: RTCP has the next one", found));
    }
    let mut latency_ms = 200;
    for (option, value) in address.options("iface and latency", &["iface", "latency"])? {
        match option {
            "iface" => local.by(address, value)?,
            _ => latency_ms = address.number(option, "20 to 8000 (milliseconds)", &value, 20..=8_000)?,
        }
    }
    Ok(Kind::Rist(Rist { local, latency_ms }))
}

impl Nature for Rist {
    fn elements(&self) -> Vec<&'static str> {
        vec!["ristsrc", "rtpmp2tdepay", "tsdemux"]
    }

    fn waits(&self) -> bool {
        true
    }

    fn sockets(&self) -> Vec<Socket> {
        let port = self.local.port;
        [port, port.saturating_add(1)].map(|port| self.local.socket(port)).into()
    }
}

impl fmt::Display for Rist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rist://{}", self.local)
    }
}
