//! Held reloads: everybody waits for one part, and is answered by it.

use std::{net::SocketAddr, path::Path, time::Duration};

use anyhow::{Context, Result, bail};

use crate::{
    bare::Bare,
    clients::{Answered, Clients},
    peers::MULTIMUX_LIVE,
    plot::{Point, Series, Words, bars},
    process::{address, get, pause, text},
    report::{Chapter, Report},
    row,
    spread::{Spread, short},
    stand::{LIVE, Stand},
};

/// multimux accepts no more than 1024 connections.
const FEW: usize = 1000;

/// Times of one server.
struct Waited {
    name: &'static str,
    viewers: usize,
    times: Vec<f64>,
}

/// `viewers` wait in each of `rounds`; beside a writer that does nothing else, and multimux with as many as it takes.
///
/// # Errors
/// When in every round somebody was not answered.
pub fn run(stand: &Stand, viewers: usize, rounds: usize, report: &mut Report) -> Result<()> {
    let virage = address(&stand.virage.url)?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("answer");
    std::fs::write(&file, sample(virage)?)?;
    let bare = Bare::start(&file)?;
    let mut all = vec![
        Waited { name: "Virage", viewers, times: Vec::new() },
        Waited { name: "bare writer", viewers, times: Vec::new() },
    ];
    let small = viewers.min(FEW);
    if stand.multimux.is_some() {
        for name in ["Virage", "bare writer", "multimux"] {
            all.push(Waited { name, viewers: small, times: Vec::new() });
        }
    }
    for round in 1..=rounds {
        let once = |waited: &Waited| {
            pause(Duration::from_millis(300));
            match (waited.name, &stand.multimux) {
                ("Virage", _) => hold(&stand.virage.url, LIVE, waited.viewers),
                ("multimux", Some(multimux)) => hold(&multimux.url, MULTIMUX_LIVE, waited.viewers),
                _ => write(&bare, waited.viewers),
            }
            .with_context(|| format!("{}, {} viewers", waited.name, waited.viewers))
        };
        // A round counts whole or not at all: its times are compared with each other.
        match all.iter().map(once).collect::<Result<Vec<f64>>>() {
            Ok(times) => all.iter_mut().zip(times).for_each(|(waited, time)| waited.times.push(time)),
            Err(error) => println!("held: round {round} does not count: {error:#}"),
        }
    }
    if all.iter().any(|waited| waited.times.is_empty()) {
        bail!("no round of {rounds} could be measured");
    }
    let mut rows = vec![row!["viewers", "server", "first to last answer, ms", "to the bare writer"]];
    let mut series = ["Virage", "bare writer", "multimux"].map(|name| Series { name: name.into(), points: Vec::new() });
    for waited in &all {
        let bare =
            all.iter().find(|w| w.name == "bare writer" && w.viewers == waited.viewers).context("no yardstick")?;
        let (time, ratio) = (Spread::of(&waited.times), Spread::ratio(&waited.times, &bare.times));
        if waited.name == "Virage" && waited.viewers == viewers {
            report.figure("held-ms", time);
            report.figure("held", ratio);
        }
        rows.push(row![short(waited.viewers as f64), waited.name, time, ratio]);
        let group = f64::from(u8::from(waited.viewers == viewers && viewers != small));
        if let Some(series) = series.iter_mut().find(|s| s.name == waited.name) {
            series.points.push(Point { x: group, y: time.median, low: time.low, high: time.high });
        }
    }
    let groups: Vec<String> = [small, viewers].iter().map(|n| format!("{} held requests", short(*n as f64))).collect();
    let words = Words { title: "Held reloads answered by one part", x: "", y: "ms, first to last" };
    let chart = bars(words, &groups[..if viewers == small { 1 } else { 2 }], &series);
    let (command, title) = ("make bench ARGS=held".into(), "Held reloads: one part answers everybody".into());
    report.add(Chapter {
        title,
        how: "Each viewer has its own connection (HTTP/1.1, cleartext, 16 source addresses) and asks, with gzip, for the playlist with \
              the segment after the next; all requests are with the server before it comes. Measured from the first byte of the \
              first answer to the last byte of the last, by one client thread. The bare writer is one thread with epoll that writes \
              the same bytes to all connections and does nothing else. multimux accepts at most 1,024 connections, fixed in its \
              code: it is compared with 1,000."
            .into(),
        table: rows,
        charts: vec![("held".into(), chart)],
        command,
    });
    Ok(())
}

/// Milliseconds from the first answer to the last.
fn hold(base: &str, path: &str, viewers: usize) -> Result<f64> {
    let mut clients = Clients::connect(address(base)?, viewers, b"")?;
    // Right after a segment has begun, so that all have asked before the one after it begins.
    let next = edge(&text(&format!("{base}{path}"))?)? + 1;
    get(&format!("{base}{path}?_HLS_msn={next}"))?;
    let soon = next + 2;
    clients.send(request(&format!("{path}?_HLS_msn={soon}&_HLS_part=0")).as_bytes())?;
    let sent = std::time::Instant::now();
    let answered = clients.answers(Duration::from_secs(30))?;
    if answered.first < sent {
        bail!("the part came before all had asked for it: too slow a machine for {viewers} viewers");
    }
    check(answered)
}

fn write(bare: &Bare, viewers: usize) -> Result<f64> {
    let mut clients = Clients::connect(bare.at, viewers, b"")?;
    clients.send(request(LIVE).as_bytes())?;
    pause(Duration::from_millis(500));
    bare.tick()?;
    check(clients.answers(Duration::from_secs(30))?)
}

fn check(answered: Answered) -> Result<f64> {
    if answered.failed > 0 {
        bail!("{} were not answered with 200", answered.failed);
    }
    Ok((answered.last - answered.first).as_secs_f64() * 1000.0)
}

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: gzip\r\n\r\n")
}

/// The last whole segment's number.
fn edge(playlist: &str) -> Result<u64> {
    let first = playlist.lines().find_map(|l| l.strip_prefix("#EXT-X-MEDIA-SEQUENCE:")?.parse::<u64>().ok());
    let whole = playlist.lines().filter(|l| l.starts_with("#EXTINF:")).count() as u64;
    Ok((first.context("no media sequence")? + whole).saturating_sub(1))
}

/// What Virage answers, head and body, to the byte.
fn sample(virage: SocketAddr) -> Result<Vec<u8>> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(virage)?;
    stream.write_all(request(LIVE).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    if !answer.starts_with(b"HTTP/1.1 200") {
        bail!("{LIVE} was not answered with 200");
    }
    Ok(answer)
}

/// The bare writer's own program: what `compare bare FILE` does.
///
/// # Errors
/// When it cannot listen.
pub fn bare(answer: &Path) -> Result<()> {
    crate::bare::run(&std::fs::read(answer)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edge_is_the_last_whole_segment() {
        let playlist =
            "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:1,\na\n#EXTINF:1,\nb\n#EXT-X-PART:DURATION=0.2,URI=\"c\"\n";
        assert_eq!(edge(playlist).ok(), Some(8));
        assert!(edge("").is_err());
    }
}
