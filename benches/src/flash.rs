//! A flash crowd: everybody opens one highlight within ten seconds.

use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{
    process::virage,
    report::{Chapter, Report},
    row,
    spread::Spread,
    stand::Stand,
};

#[derive(Default)]
struct Seen {
    errors: Vec<f64>,
    stalled: Vec<f64>,
    start: [Vec<f64>; 3],
    cores: Vec<f64>,
    generator: Vec<f64>,
}

/// `viewers` open the highlight on Virage, then the copy of it on nginx, `rounds` times.
///
/// # Errors
/// When `virage load` cannot run.
pub fn run(stand: &Stand, viewers: usize, rounds: usize, report: &mut Report) -> Result<()> {
    let (mut ours, mut theirs) = (Seen::default(), Seen::default());
    for _ in 0..rounds {
        crowd(&stand.virage.url, &stand.highlight, &[stand.virage.pid()], viewers, &mut ours)?;
        crowd(&stand.nginx.url, &stand.highlight, &stand.nginx.peer.pids(), viewers, &mut theirs)?;
    }
    report.figure("flash-errors", Spread::of(&ours.errors));
    report.figure("flash-start", Spread::ratio(&ours.start[1], &theirs.start[1]));
    report.figure("flash-cpu", Spread::ratio(&ours.cores, &theirs.cores));
    let mut rows = vec![row![
        "server",
        "errors",
        "viewers that stalled",
        "start p50, ms",
        "start p95, ms",
        "start p99, ms",
        "server, cores",
        "crowd, cores"
    ]];
    for (name, seen) in [("Virage", &ours), ("nginx", &theirs)] {
        let of = |values: &[f64]| Spread::of(values).to_string();
        rows.push(row![
            name,
            of(&seen.errors),
            of(&seen.stalled),
            of(&seen.start[0]),
            of(&seen.start[1]),
            of(&seen.start[2]),
            of(&seen.cores),
            of(&seen.generator)
        ]);
    }
    report.add(Chapter {
        title: format!("A flash crowd: {viewers} viewers open one highlight within 10 s"),
        how: "`virage load` as in docs/load.md: links of 2 Mb/s in the median, from 8 source addresses, 64 % of them within 2.5 s, \
              until each has played the highlight of 9 s to its end. nginx serves a copy of its playlists and media as files."
            .into(),
        table: rows,
        charts: Vec::new(),
        command: "make bench ARGS=flash".into(),
    });
    Ok(())
}

fn crowd(base: &str, path: &str, pids: &[u32], viewers: usize, seen: &mut Seen) -> Result<()> {
    let mut command = Command::new(virage());
    command.args(["load", &format!("{base}{path}"), "--behaviour", "replay", "--viewers", &viewers.to_string()]);
    command.args(["--arrive", "burst", "--over", "10s", "--for", "45s", "--sources", "8", "--json"]);
    for pid in pids {
        command.args(["--server-pid", &pid.to_string()]);
    }
    let out = command.output().context("cannot start virage load")?;
    let report: Value = serde_json::from_slice(&out.stdout)
        .with_context(|| format!("virage load: {}", String::from_utf8_lossy(&out.stderr)))?;
    let number = |at: &str| report.pointer(at).and_then(Value::as_f64).unwrap_or(f64::NAN);
    seen.errors.push(number("/errors"));
    seen.stalled.push(number("/crowds/0/stalls/viewers"));
    for (times, at) in seen.start.iter_mut().zip(["p50", "p95", "p99"]) {
        times.push(number(&format!("/crowds/0/start_ms/{at}")));
    }
    seen.cores.push(number("/server/cores"));
    seen.generator.push(number("/generator/cores"));
    Ok(())
}
