//! Media and playlists a second: Virage beside nginx with the same bytes as files, and multimux with the same clip.

use std::{process::Command, time::Duration};

use anyhow::{Context, Result, bail};

use crate::{
    peers::MULTIMUX_LIVE,
    plot::{Point, Series, Words, bars},
    process::{pause, usage},
    report::{Chapter, Report},
    row,
    spread::{Spread, short},
    stand::{Object, Stand},
};

/// One way of asking.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Way {
    name: &'static str,
    id: &'static str,
    secure: bool,
    two: bool,
}

const WAYS: [Way; 4] = [
    Way { name: "HTTP/1.1", id: "h1", secure: false, two: false },
    Way { name: "HTTP/1.1, TLS", id: "h1-tls", secure: true, two: false },
    Way { name: "HTTP/2", id: "h2", secure: false, two: true },
    Way { name: "HTTP/2, TLS", id: "h2-tls", secure: true, two: true },
];

/// A server in the table.
struct Served<'a> {
    name: &'a str,
    object: Object,
    base: String,
    pids: Vec<u32>,
    rates: Vec<f64>,
    /// Microseconds of CPU for a request.
    costs: Vec<f64>,
}

/// Asks in every way, `rounds` times for `seconds` each; the short form in cleartext HTTP/1.1 and TLS with HTTP/2 only.
///
/// # Errors
/// When a program is missing, or something is answered that is not 200.
pub fn run(stand: &Stand, rounds: usize, seconds: u32, short_form: bool, report: &mut Report) -> Result<()> {
    let mut rows = vec![row!["what", "how", "server", "a second", "Gb/s", "CPU a request", "to nginx", "CPU to nginx"]];
    let mut charts = Vec::new();
    for (what, id, object) in [("media", "media", &stand.media), ("plain playlist", "playlist", &stand.playlist)] {
        let mut ours = Series { name: "Virage".into(), points: Vec::new() };
        let mut theirs = Series { name: "nginx".into(), points: Vec::new() };
        let mut others = Series { name: "multimux".into(), points: Vec::new() };
        for (n, way) in WAYS.iter().enumerate() {
            if short_form && !["h1", "h2-tls"].contains(&way.id) {
                continue;
            }
            let mut servers = servers(stand, *way, object, id == "media")?;
            for _ in 0..rounds {
                for server in &mut servers {
                    let before = usage(&server.pids)?.0;
                    let requests = ask(*way, &format!("{}{}", server.base, server.object.path), seconds)?;
                    server.costs.push((usage(&server.pids)?.0 - before) / (requests * f64::from(seconds)) * 1e6);
                    server.rates.push(requests);
                    // What the client has closed is closed on the other side, too.
                    pause(Duration::from_millis(100));
                }
            }
            let (yardstick, cost) = (servers[1].rates.clone(), servers[1].costs.clone());
            for (server, series) in servers.iter().zip([&mut ours, &mut theirs, &mut others]) {
                let rate = Spread::of(&server.rates);
                let gigabits = rate.median * server.object.size as f64 * 8.0 / 1e9;
                let ratio = Spread::ratio(&server.rates, &yardstick);
                let dearer = Spread::ratio(&server.costs, &cost);
                if server.name == "Virage" {
                    report.figure(&format!("serving-{id}-{}", way.id), ratio);
                    report.figure(&format!("serving-{id}-{}-cpu", way.id), dearer);
                }
                let micros = format!("{} µs", short(Spread::of(&server.costs).median));
                let what = format!("{what}, {} bytes", short(server.object.size as f64));
                rows.push(row![
                    what,
                    way.name,
                    server.name,
                    rate,
                    short(gigabits),
                    micros,
                    ratio,
                    short(dearer.median)
                ]);
                series.points.push(Point { x: n as f64, y: rate.median, low: rate.low, high: rate.high });
            }
        }
        let words = Words {
            title: &format!("{what} of {} bytes a second", short(object.size as f64)),
            x: "",
            y: "requests a second",
        };
        let groups: Vec<String> = WAYS.iter().map(|w| w.name.to_owned()).collect();
        charts.push((format!("serving-{id}"), bars(words, &groups, &[ours, theirs, others])));
    }
    report.add(Chapter {
        title: "Media and playlists a second".into(),
        how: "wrk (HTTP/1.1, 64 connections) and h2load (HTTP/2, 16 connections of 16 streams), each with one thread, ask for \
              one media object, and for the live playlist of players without parts while it goes on. nginx has two workers, \
              sendfile, an open file cache and no log; media and playlist are files with the very bytes that Virage serves, TLS has the \
              same certificate. Playlists that are files do not change: nginx renders nothing. multimux serves its own \
              segment and its low-latency playlist of the same clip, both of another size, and no TLS. CPU is the server's alone."
            .into(),
        table: rows,
        charts,
        command: "make bench ARGS=serving".into(),
    });
    Ok(())
}

fn servers<'a>(stand: &'a Stand, way: Way, object: &Object, media: bool) -> Result<Vec<Served<'a>>> {
    let served = |name, base: &str, object: &Object, pids| Served {
        name,
        object: object.clone(),
        base: base.to_owned(),
        pids,
        rates: Vec::new(),
        costs: Vec::new(),
    };
    let (virage, nginx) = (&stand.virage, &stand.nginx);
    let ours = if way.secure { virage.secure.as_ref().context("virage serves no TLS")? } else { &virage.url };
    let theirs = match (way.secure, way.two) {
        (true, _) => nginx.secure.as_ref().context("nginx serves no TLS")?,
        (false, true) => &nginx.prior,
        (false, false) => &nginx.url,
    };
    let mut servers =
        vec![served("Virage", ours, object, vec![virage.pid()]), served("nginx", theirs, object, nginx.peer.pids())];
    if let (Some(multimux), false) = (&stand.multimux, way.secure) {
        let path = if media { multimux.segment()? } else { MULTIMUX_LIVE.to_owned() };
        servers.push(served("multimux", &multimux.url, &Object::of(&multimux.url, &path)?, multimux.peer.pids()));
    }
    Ok(servers)
}

/// Requests a second.
fn ask(way: Way, url: &str, seconds: u32) -> Result<f64> {
    let mut command = match way.two {
        false => Command::new("wrk"),
        true => Command::new("h2load"),
    };
    match way.two {
        false => command.args(["-t1", "-c64", &format!("-d{seconds}s"), url]),
        true => command.args(["-t1", "-c16", "-m16", "-D", &seconds.to_string(), "--warm-up-time", "0", url]),
    };
    let out = command.output().with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    requests(&text).with_context(|| format!("{url}: {text}"))
}

/// Reads what wrk or h2load print.
fn requests(text: &str) -> Result<f64> {
    if text.contains("Non-2xx") || text.contains("Socket errors: connect") {
        bail!("not everything was answered with 200");
    }
    let wrk = text.lines().find_map(|l| l.strip_prefix("Requests/sec:"));
    if let Some(rate) = wrk {
        return Ok(rate.trim().parse()?);
    }
    let finished = text.lines().find(|l| l.starts_with("finished in")).context("no rate")?;
    let refused = text.lines().find(|l| l.starts_with("status codes:")).context("no status codes")?;
    if !refused.contains(" 0 4xx, 0 5xx") {
        bail!("not everything was answered with 200: {refused}");
    }
    let rate = finished.split(", ").nth(1).and_then(|r| r.strip_suffix(" req/s")).context("no rate")?;
    Ok(rate.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_from_both_programs() {
        let wrk = "Running 2s test\n  2 requests in 2s\nRequests/sec:  12345.67\nTransfer/sec:      1.00MB\n";
        let h2load = "finished in 2.00s, 2345.50 req/s, 146.61MB/s\nrequests: 4691 total\n\
                      status codes: 4691 2xx, 0 3xx, 0 4xx, 0 5xx\n";
        assert_eq!(requests(wrk).ok(), Some(12345.67));
        assert_eq!(requests(h2load).ok(), Some(2345.5));
    }

    #[test]
    fn errors_are_no_rate() {
        let wrk = "  Non-2xx or 3xx responses: 7\nRequests/sec:  12345.67\n";
        let h2load = "finished in 2.00s, 2345.50 req/s, 1MB/s\nstatus codes: 1 2xx, 0 3xx, 7 4xx, 0 5xx\n";
        assert!(requests(wrk).is_err() && requests(h2load).is_err() && requests("").is_err());
    }
}
