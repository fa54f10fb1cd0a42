//! Idle event streams: what one costs in memory, and one event to all of them.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::json;

use crate::{
    bare::Bare,
    clients::Clients,
    process::{address, pause, usage},
    report::{Chapter, Report},
    row,
    spread::{Spread, short},
    stand::Stand,
};

const REQUEST: &[u8] = b"GET /api/v1/events HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n";
/// As many bytes as a mark's event has.
const EVENT: &str = "event: mark\r\nid: 4294967297\ndata: {\"created\":\"2026-01-01T00:00:00.000000Z\",\"id\":\"m-0123456789\",\"in\":\"2026-01-01T00:00:00.000000Z\",\"kind\":\"goal\",\"out\":\"2026-01-01T00:00:00.000000Z\"}\n\n";

/// `viewers` hold an event stream open in each of two turns, and a mark is made `events` times in each.
///
/// # Errors
/// When somebody does not hear it.
pub fn run(stand: &Stand, viewers: usize, turns: usize, events: usize, report: &mut Report) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("event");
    std::fs::write(&file, EVENT)?;
    let bare = Bare::start(&file)?;
    let (virage, _folder) = stand.fresh()?;
    let (mut ours, mut heard, mut theirs, mut memory, mut bare_memory) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..turns {
        let before = usage(&[virage.pid()])?.1;
        let mut clients = Clients::connect(address(&virage.url)?, viewers, REQUEST)?;
        clients.heard(b"id: ", Duration::from_secs(30))?;
        pause(Duration::from_secs(1));
        memory.push(usage(&[virage.pid()])?.1.saturating_sub(before) as f64 / viewers as f64);
        for _ in 0..events {
            let asked = Instant::now();
            virage.post("/api/v1/marks", &json!({"kind": "goal", "before": 1, "after": 0}))?;
            let all = clients.heard(b"event: mark", Duration::from_secs(30))?;
            if all.failed > 0 {
                bail!("{} event streams ended", all.failed);
            }
            ours.push((all.last - all.first).as_secs_f64() * 1000.0);
            heard.push((all.last - asked).as_secs_f64() * 1000.0);
            pause(Duration::from_millis(200));
        }
        drop(clients);
        pause(Duration::from_secs(1));
        let before = usage(&[bare.pid()])?.1;
        let mut clients = Clients::connect(bare.at, viewers, REQUEST)?;
        pause(Duration::from_secs(1));
        bare_memory.push(usage(&[bare.pid()])?.1.saturating_sub(before) as f64 / viewers as f64);
        for _ in 0..events {
            bare.tick()?;
            let all = clients.heard(b"event: mark", Duration::from_secs(30))?;
            theirs.push((all.last - all.first).as_secs_f64() * 1000.0);
            pause(Duration::from_millis(200));
        }
    }
    // Later turns find memory that the first has left: the first is what a connection costs.
    let (bytes, ratio) = (memory[0], Spread::ratio(&ours, &theirs));
    report.figure("feed-bytes", Spread::of(&memory[..1]));
    report.figure("feed-ms", Spread::of(&heard));
    report.figure("feed", ratio);
    let head =
        row!["server", "streams", "memory a stream", "first to last, ms", "from the mark's request to the last, ms"];
    let count = short(viewers as f64);
    let mine = row!["Virage", count, format!("{} bytes", short(bytes)), Spread::of(&ours), Spread::of(&heard)];
    let bare = row!["bare writer", count, format!("{} bytes", short(bare_memory[0])), Spread::of(&theirs), ""];
    report.add(Chapter {
        title: "Idle event streams, and one event to all".into(),
        how: format!(
            "Server-sent events over HTTP/1.1 in cleartext, {} connections from 16 source addresses. Memory is resident memory with \
             all of them open, less that before the first, divided by their number; the kernel's socket buffers are not in it. \
             Then a mark is made. First to last is {} times the bare writer's, which writes as many bytes to as many connections.",
            short(viewers as f64),
            ratio
        ),
        table: vec![head, mine, bare],
        charts: Vec::new(),
        command: "make bench ARGS=feed".into(),
    });
    Ok(())
}
