//! What a run is to do.

use std::{fmt, net::IpAddr, path::PathBuf, str::FromStr, time::Duration};

use url::Url;

/// A run: who comes, when, from where, over what.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The crowds; they arrive together.
    pub crowds: Vec<Crowd>,
    /// The arrival curve.
    pub arrive: Arrive,
    /// The time over which viewers arrive.
    pub over: Duration,
    /// The run's length, from its start; viewers that are still watching then leave.
    pub length: Duration,
    /// The viewers' links.
    pub throughput: Throughput,
    /// Addresses that viewers send from, in turn; the system's choice when empty.
    pub sources: Vec<IpAddr>,
    /// The HTTP version.
    pub http: Http,
    /// Which certificates are accepted.
    pub trust: Trust,
    /// Processes of the server, to be measured; empty to look for who listens on this machine.
    pub server_pids: Vec<u32>,
    /// Whether viewers of a replay change the angle half-way.
    pub turn: bool,
    /// The seed of arrivals, links and session ids.
    pub seed: u64,
}

impl Plan {
    /// One crowd that arrives within 10 s and stays until the minute is over, at 2 Mb/s in the median.
    pub fn new(behaviour: Behaviour, viewers: u32, url: Url) -> Self {
        Plan {
            crowds: vec![Crowd { behaviour, viewers, url }],
            arrive: Arrive::Burst,
            over: Duration::from_secs(10),
            length: Duration::from_secs(60),
            throughput: Throughput::default(),
            sources: Vec::new(),
            http: Http::Auto,
            trust: Trust::System,
            server_pids: Vec::new(),
            turn: false,
            seed: 1,
        }
    }
}

/// Viewers that do the same.
#[derive(Clone, Debug)]
pub struct Crowd {
    /// What they do.
    pub behaviour: Behaviour,
    /// How many they are.
    pub viewers: u32,
    /// What they open.
    pub url: Url,
}

/// What a viewer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Behaviour {
    /// Low-latency live: parts, held reloads, hints.
    Ll,
    /// Live by segments, polling.
    Plain,
    /// A replay from its beginning to its end.
    Replay,
    /// An event stream, idle.
    Feed,
}

impl Behaviour {
    /// Connections that a viewer may have open at once over HTTP/1.1; over HTTP/2 it is one.
    pub(crate) fn connections(self) -> u32 {
        match self {
            // A reload and a transfer for each of picture and sound.
            Behaviour::Ll => 4,
            Behaviour::Plain => 3,
            Behaviour::Replay => 2,
            Behaviour::Feed => 1,
        }
    }
}

impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Behaviour::Ll => "ll",
            Behaviour::Plain => "plain",
            Behaviour::Replay => "replay",
            Behaviour::Feed => "feed",
        })
    }
}

/// An arrival curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Arrive {
    /// As after a push message: everyone within the time, 64 % of them in its first quarter.
    Burst,
    /// One after the other, evenly.
    Ramp,
    /// Independently of each other, at an even rate: the last may come later.
    Poisson,
}

/// The viewers' links.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Throughput {
    /// Bodies are read as fast as they come.
    Unlimited,
    /// Each viewer's link is drawn from a log-normal distribution.
    Links {
        /// Half of the viewers have less, in bits per second.
        median: f64,
        /// A sixth of them has less than the median divided by this, a sixth more than the median times this; at least 1.
        spread: f64,
    },
}

impl Default for Throughput {
    fn default() -> Self {
        Throughput::Links { median: 2e6, spread: 1.6 }
    }
}

impl Throughput {
    /// A viewer's link in bits per second, or none for unlimited.
    pub(crate) fn draw(self, rng: &mut fastrand::Rng) -> Option<f64> {
        let Throughput::Links { median, spread } = self else { return None };
        // Box and Muller's normal deviate; 1 - u is never 0.
        let normal = (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (std::f64::consts::TAU * rng.f64()).cos();
        Some((median * (spread.ln() * normal).exp()).max(1000.0))
    }
}

/// The HTTP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Http {
    /// HTTP/2 where TLS negotiates it, HTTP/1.1 otherwise.
    Auto,
    /// HTTP/1.1, several connections a viewer.
    One,
    /// HTTP/2, one connection a viewer; without TLS, by prior knowledge.
    Two,
}

/// Which certificates are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Those that the system's authorities have signed.
    System,
    /// Those that the authorities in this PEM file have signed.
    Authority(PathBuf),
    /// All.
    Anything,
}

/// Addresses that viewers send from, as written on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sources {
    /// `127.0.0.1` and the ones after it.
    Loopback(u8),
    /// These.
    Listed(Vec<IpAddr>),
}

impl FromStr for Sources {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(count) = text.parse::<u32>() {
            return match u8::try_from(count) {
                Ok(count @ 1..=254) => Ok(Sources::Loopback(count)),
                _ => Err("a number of loopback addresses is 1 to 254".into()),
            };
        }
        let parse = |one: &str| one.trim().parse().map_err(|_| format!("`{one}` is no IP address"));
        text.split(',').map(parse).collect::<Result<_, _>>().map(Sources::Listed)
    }
}
