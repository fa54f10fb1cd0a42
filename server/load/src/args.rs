//! The command line.

use std::{net::IpAddr, path::PathBuf, str::FromStr, time::Duration};

use url::{Host, Url};

use crate::{Arrive, Behaviour, Crowd, Error, Http, Plan, Sources, Throughput, Trust};

/// Opens an HLS server as a crowd of players would, and reports what they saw.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The playlist to open; viewers of the feed open /api/v1/events of its host unless it is an event stream itself.
    #[arg(value_parser = address)]
    pub url: Url,
    /// Viewers.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub viewers: u32,
    /// What viewers do.
    #[arg(long, value_enum, default_value = "plain")]
    pub behaviour: Behaviour,
    /// Several crowds at once instead: BEHAVIOUR=VIEWERS or BEHAVIOUR=VIEWERS@URL, once per crowd.
    #[arg(long = "crowd", value_name = "BEHAVIOUR=VIEWERS[@URL]", conflicts_with_all = ["viewers", "behaviour"])]
    pub crowds: Vec<Mixed>,
    /// The arrival curve.
    #[arg(long, value_enum, default_value = "burst")]
    pub arrive: Arrive,
    /// The time over which viewers arrive, as 10s or 500ms.
    #[arg(long, default_value = "10s", value_parser = duration)]
    pub over: Duration,
    /// The run's length.
    #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub length: Duration,
    /// The median of the viewers' links, as 400kbps or 2mbps; `unlimited` reads as fast as bytes come.
    #[arg(long, default_value = "2mbps", value_parser = rate)]
    pub throughput: Rate,
    /// How far links differ: a sixth of the viewers has less than the median divided by this, a sixth more than times this.
    #[arg(long, default_value_t = 1.6)]
    pub spread: f64,
    /// Addresses to send from: a list, or how many of 127.0.0.1, 127.0.0.2, …
    #[arg(long)]
    pub sources: Option<Sources>,
    /// HTTP version, 1 or 2; 2 where TLS offers it when left out.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub http: Option<u8>,
    /// Accepts any certificate.
    #[arg(long, conflicts_with = "ca")]
    pub insecure: bool,
    /// A PEM file of authorities to trust instead of the system's.
    #[arg(long)]
    pub ca: Option<PathBuf>,
    /// The server's process, to measure its CPU and memory; found by its port when it is on this machine.
    #[arg(long = "server-pid", value_name = "PID")]
    pub server_pids: Vec<u32>,
    /// Viewers of a replay change the angle half-way.
    #[arg(long)]
    pub turn: bool,
    /// The seed of arrivals, links and session ids.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The report as JSON.
    #[arg(long)]
    pub json: bool,
}

/// A `--crowd`.
#[derive(Clone, Debug)]
pub struct Mixed {
    behaviour: Behaviour,
    viewers: u32,
    url: Option<Url>,
}

/// A `--throughput`: bits per second, or none for unlimited.
#[derive(Clone, Copy, Debug)]
pub struct Rate(Option<f64>);

impl Args {
    /// What these options mean together.
    ///
    /// # Errors
    /// [`Error::Option`] with what does not go together.
    pub fn plan(self) -> Result<Plan, Error> {
        let wrong = |text: &str| Err(Error::Option(text.to_owned()));
        if self.length <= self.over {
            return wrong("--for is not longer than --over: the last viewers would leave before they came");
        }
        if !(1.0..=100.0).contains(&self.spread) {
            return wrong("--spread is a factor, 1 (all the same) to 100");
        }
        let crowds: Vec<Crowd> = match self.crowds.is_empty() {
            true => vec![Crowd { behaviour: self.behaviour, viewers: self.viewers, url: self.url.clone() }],
            false => self.crowds.into_iter().map(|mixed| mixed.crowd(&self.url)).collect(),
        };
        let crowds: Vec<Crowd> = crowds.into_iter().map(opened).collect();
        let sources = match self.sources {
            None => Vec::new(),
            Some(Sources::Listed(list)) => list,
            Some(Sources::Loopback(count)) if crowds.iter().all(|c| on_loopback(&c.url)) => {
                (1..=count).map(|n| IpAddr::from([127, 0, 0, n])).collect()
            }
            Some(Sources::Loopback(_)) => {
                return wrong("--sources as a number means 127.0.0.1 and the next ones, which only reach this machine");
            }
        };
        Ok(Plan {
            crowds,
            arrive: self.arrive,
            over: self.over,
            length: self.length,
            throughput: match self.throughput.0 {
                None => Throughput::Unlimited,
                Some(median) => Throughput::Links { median, spread: self.spread },
            },
            sources,
            http: match self.http {
                None => Http::Auto,
                Some(1) => Http::One,
                Some(_) => Http::Two,
            },
            trust: match self.ca {
                _ if self.insecure => Trust::Anything,
                None => Trust::System,
                Some(path) => Trust::Authority(path),
            },
            server_pids: self.server_pids,
            turn: self.turn,
            seed: self.seed,
        })
    }
}

impl Mixed {
    fn crowd(self, url: &Url) -> Crowd {
        Crowd { behaviour: self.behaviour, viewers: self.viewers, url: self.url.unwrap_or_else(|| url.clone()) }
    }
}

impl FromStr for Mixed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (what, url) = match text.split_once('@') {
            None => (text, None),
            Some((what, url)) => (what, Some(address(url)?)),
        };
        let (behaviour, viewers) = what.split_once('=').ok_or("as in replay=800 or replay=800@http://host/x.m3u8")?;
        let behaviour = <Behaviour as clap::ValueEnum>::from_str(behaviour, false)
            .map_err(|_| format!("`{behaviour}` is not ll, plain, replay or feed"))?;
        match viewers.parse() {
            Ok(viewers @ 1..) => Ok(Mixed { behaviour, viewers, url }),
            _ => Err(format!("`{viewers}` is no number of viewers")),
        }
    }
}

/// The feed's viewers open the events of the playlist's host.
fn opened(mut crowd: Crowd) -> Crowd {
    let path = crowd.url.path();
    if crowd.behaviour == Behaviour::Feed && (path == "/" || path.ends_with(".m3u8")) {
        crowd.url.set_path("/api/v1/events");
        crowd.url.set_query(None);
    }
    crowd
}

pub(crate) fn on_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        _ => Err("an address begins with http:// or https://".into()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "a time is written as 10s, 500ms or 2m".to_owned();
    let time: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    let time = Duration::try_from(time).map_err(|_| wrong())?;
    if time > Duration::from_secs(24 * 3600) {
        return Err("a day at most".into());
    }
    Ok(time)
}

fn rate(text: &str) -> Result<Rate, String> {
    let lower = text.to_ascii_lowercase();
    if lower == "unlimited" {
        return Ok(Rate(None));
    }
    let units = [("kbps", 1e3), ("mbps", 1e6), ("gbps", 1e9), ("bps", 1.0)];
    let found = units.iter().find_map(|(unit, factor)| {
        let number: f64 = lower.strip_suffix(unit)?.trim().parse().ok()?;
        Some(number * factor)
    });
    match found {
        Some(rate) if (1e3..=1e11).contains(&rate) => Ok(Rate(Some(rate))),
        Some(_) => Err("1kbps to 100gbps, or unlimited".into()),
        None => Err("a link is written as 400kbps or 2mbps, or unlimited".into()),
    }
}
