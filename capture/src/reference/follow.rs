//! A clock as the configuration names it.

use std::{fmt, str::FromStr};

const NTP_PORT: u16 = 123;

/// A clock that the configuration names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Follow {
    /// The system's: `system`.
    #[default]
    System,
    /// An NTP server's: `ntp://host` or `ntp://host:port`.
    Ntp {
        /// The server.
        host: String,
        /// Its port.
        port: u16,
    },
    /// A PTP domain's grandmaster: `ptp://domain` or `ptp://domain@interface`.
    Ptp {
        /// The domain, 0 to 127.
        domain: u8,
        /// The network interface; all when left out.
        iface: Option<String>,
    },
}

/// A text that names no clock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected \"system\", \"ntp://host:port\" or \"ptp://domain@interface\"; found {0:?}")]
pub struct UnknownClock(String);

impl FromStr for Follow {
    type Err = UnknownClock;

    fn from_str(text: &str) -> Result<Self, UnknownClock> {
        let wrong = || UnknownClock(text.chars().take(80).collect());
        let name = |text: &str| {
            let legal = |b: u8| b.is_ascii_alphanumeric() || b"._-:".contains(&b);
            (!text.is_empty() && text.len() <= 253 && text.bytes().all(legal)).then(|| text.to_owned())
        };
        let parsed = match text.split_once("://") {
            None if text == "system" => Some(Self::System),
            Some(("ntp", at)) => {
                // An IPv6 address stands in brackets.
                let (host, port) = match at.strip_prefix('[').and_then(|at| at.split_once(']')) {
                    Some((host, "")) => (host, None),
                    Some((host, port)) => (host, Some(port.strip_prefix(':').unwrap_or("none"))),
                    None => at.split_once(':').map_or((at, None), |(host, port)| (host, Some(port))),
                };
                let port = port.map_or(Some(NTP_PORT), |port| port.parse().ok().filter(|port| *port != 0));
                name(host).zip(port).map(|(host, port)| Self::Ntp { host, port })
            }
            Some(("ptp", at)) => {
                let (domain, iface) = at.split_once('@').map_or((at, None), |(domain, iface)| (domain, Some(iface)));
                let domain = domain.parse().ok().filter(|domain| *domain < 128);
                match iface.map(name) {
                    Some(None) => None,
                    iface => domain.map(|domain| Self::Ptp { domain, iface: iface.flatten() }),
                }
            }
            _ => None,
        };
        parsed.ok_or_else(wrong)
    }
}

impl fmt::Display for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::Ntp { host, port } if host.contains(':') => write!(f, "ntp://[{host}]:{port}"),
            Self::Ntp { host, port } => write!(f, "ntp://{host}:{port}"),
            Self::Ptp { domain, iface: None } => write!(f, "ptp://{domain}"),
            Self::Ptp { domain, iface: Some(iface) } => write!(f, "ptp://{domain}@{iface}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_read_and_shown() {
        for (text, shown) in [
            ("system", "system"),
            ("ntp://time.example", "ntp://time.example:123"),
            ("ntp://10.0.0.1:11123", "ntp://10.0.0.1:11123"),
            ("ntp://[fd00::1]:11123", "ntp://[fd00::1]:11123"),
            ("ptp://0", "ptp://0"),
            ("ptp://127@eth1", "ptp://127@eth1"),
        ] {
            let follow: Follow = text.parse().expect(text);
            assert_eq!(follow.to_string(), shown);
            assert_eq!(shown.parse(), Ok(follow));
        }
        for wrong in
            ["", "ntp", "ntp://", "ntp://h:0", "ntp://h:x", "ntp://a b", "ptp://", "ptp://128", "ptp://0@", "gps://"]
        {
            assert!(wrong.parse::<Follow>().is_err(), "{wrong}");
        }
    }
}
