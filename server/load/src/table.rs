//! The report as text.

use std::fmt::Write;

use crate::{Audience, Behaviour, Quantiles, Report};

/// The report as text, a line a fact.
pub(crate) fn render(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = lines(report, &mut out);
    out
}

fn lines(report: &Report, out: &mut String) -> std::fmt::Result {
    let arrival = &report.arrival;
    writeln!(
        out,
        "{} viewers in {:.1} s ({:.0} a second, at most {:.0} ms late), {:.1} s in all, {} connections, {} errors",
        arrival.viewers,
        arrival.seconds,
        arrival.per_second,
        arrival.late_ms,
        report.seconds,
        report.connections,
        report.errors
    )?;
    report.crowds.iter().try_for_each(|crowd| audience(crowd, out))?;
    match &report.server {
        None => writeln!(out, "\nserver     not measured")?,
        Some(server) => {
            let pids: Vec<String> = server.pids.iter().map(u32::to_string).collect();
            writeln!(out, "\nserver     pid {}", pids.join(", "))?;
            writeln!(out, "  cpu      {:.2} cores, {:.2} at most", server.cores, server.peak_cores)?;
            let memory = server.rss;
            write!(out, "  memory   RSS {} at the start, ", bytes(memory.start as f64))?;
            write!(out, "{} at most, {} at the end; ", bytes(memory.peak as f64), bytes(memory.end as f64))?;
            write!(out, "PSS {} at most; ", bytes(server.pss.peak as f64))?;
            writeln!(out, "{} more a viewer", bytes(server.per_viewer))?;
        }
    }
    let own = &report.generator;
    writeln!(out, "this crowd")?;
    writeln!(out, "  cpu      {:.2} cores, {:.2} at most", own.cores, own.peak_cores)?;
    writeln!(out, "  memory   RSS {} at most", bytes(own.peak_rss as f64))?;
    writeln!(out, "  timers   {:.1} ms late (p99)", own.lag_p99_ms)
}

fn audience(crowd: &Audience, out: &mut String) -> std::fmt::Result {
    writeln!(out, "\n{:<10} {}", crowd.behaviour, crowd.url)?;
    write!(out, "  viewers  {}, {} started", crowd.viewers, crowd.started)?;
    // Low-latency viewers of a server without parts are plain ones: that is said.
    let for_parts = crowd.behaviour == Behaviour::Ll.to_string();
    let notes = [
        (crowd.ended, "played to the end", false),
        (crowd.gave_up, "gave up", false),
        (crowd.by_parts, "by parts", for_parts),
        (crowd.resyncs, "lost places", false),
        (crowd.gaps, "gaps passed over", false),
    ];
    let mut said = notes.iter().filter(|(count, _, always)| *count > 0 || *always);
    said.try_for_each(|(count, what, _)| write!(out, ", {count} {what}"))?;
    writeln!(out)?;
    writeln!(out, "  start    {}", quantiles(&crowd.start_ms))?;
    match crowd.events {
        Some(events) if events.events > 0 => writeln!(
            out,
            "  events   {}, {} deliveries, {} missed; first to last viewer {:.1} ms (p50), {:.1} ms (max)",
            events.events, events.deliveries, events.missed, events.spread_p50_ms, events.spread_max_ms
        )?,
        Some(_) => writeln!(out, "  events   none came")?,
        None => {
            let stalls = &crowd.stalls;
            writeln!(
                out,
                "  stalls   {} of {} viewers, {} stalls, {:.1} s; {:.1} s in a viewer's hour",
                stalls.viewers, crowd.viewers, stalls.count, stalls.seconds, stalls.seconds_per_viewer_hour
            )?;
        }
    }
    let live = [Behaviour::Ll, Behaviour::Plain].iter().any(|b| b.to_string() == crowd.behaviour);
    match (crowd.latency_ms.p50, crowd.latency_ms.p95) {
        (Some(p50), Some(p95)) => writeln!(out, "  latency  {} (p50), {} (p95) behind live", time(p50), time(p95))?,
        _ if live && crowd.started > 0 => writeln!(out, "  latency  not known: no PROGRAM-DATE-TIME")?,
        _ => {}
    }
    if crowd.turns.count > 0 {
        writeln!(out, "  turns    {}; {}", crowd.turns.count, quantiles(&crowd.turns.ms))?;
    }
    amounts(crowd, out)?;
    if !crowd.variants.is_empty() {
        let total: u64 = crowd.variants.values().sum();
        let share = |count: &u64| *count as f64 * 100.0 / total.max(1) as f64;
        let list: Vec<String> = crowd.variants.iter().map(|(name, n)| format!("{name} {:.0} %", share(n))).collect();
        writeln!(out, "  variants {}; {} switches", list.join(", "), crowd.switches)?;
    }
    match crowd.errors.is_empty() {
        true => writeln!(out, "  errors   none"),
        false => {
            let list: Vec<String> = crowd.errors.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            writeln!(out, "  errors   {}", list.join(", "))
        }
    }
}

fn amounts(crowd: &Audience, out: &mut String) -> std::fmt::Result {
    // Of a crowd that saw nothing there is no minute.
    let each = |value: Option<f64>, say: fn(f64) -> String| value.map_or("—".to_owned(), say);
    let rate: fn(f64) -> String = |count| format!("{count:.1}");
    let minutes = Some(crowd.viewer_minutes).filter(|_| crowd.requests.per_viewer_minute.is_some());
    let (sent, got) = (&crowd.requests, &crowd.bytes);
    let kinds = [
        ("playlists", sent.playlists, got.playlists),
        ("headers", sent.headers, got.headers),
        ("media", sent.media, got.media),
        ("events", sent.events, got.events),
    ];
    let kinds = || kinds.iter().filter(|(_, sent, _)| *sent > 0);
    let a_minute = |count: u64| minutes.map(|minutes| count as f64 / minutes);
    let list: Vec<String> = kinds().map(|(kind, sent, _)| format!("{kind} {}", each(a_minute(*sent), rate))).collect();
    let all = each(sent.per_viewer_minute, rate);
    writeln!(out, "  requests {}, {all} in a viewer's minute: {}", sent.total, list.join(", "))?;
    let list: Vec<String> = kinds().map(|(kind, _, got)| format!("{kind} {}", each(a_minute(*got), bytes))).collect();
    let all = each(got.per_viewer_minute, bytes);
    writeln!(out, "  bytes    {}, {all} in a viewer's minute: {}", bytes(got.total as f64), list.join(", "))
}

fn quantiles(times: &Quantiles) -> String {
    match (times.p50, times.p95, times.p99, times.max) {
        (Some(p50), Some(p95), Some(p99), Some(max)) => {
            format!("{} (p50), {} (p95), {} (p99), {} (max)", time(p50), time(p95), time(p99), time(max))
        }
        _ => "never".into(),
    }
}

fn time(ms: f64) -> String {
    if ms < 1000.0 { format!("{ms:.0} ms") } else { format!("{:.2} s", ms / 1000.0) }
}

fn bytes(count: f64) -> String {
    let units = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    match units.iter().find(|(size, _)| count >= *size) {
        Some((size, unit)) => format!("{:.1} {unit}", count / size),
        None => format!("{count:.0} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        assert_eq!([bytes(12.0), bytes(1234.0), bytes(5.4e9)], ["12 B", "1.2 kB", "5.4 GB"]);
        assert_eq!([time(12.4), time(1234.0)], ["12 ms", "1.23 s"]);
    }
}
