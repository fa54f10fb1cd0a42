//! More and more viewers: what each of them costs.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::{
    clients::Clients,
    plot::{Point, Series, Words, lines},
    process::{address, pause, usage},
    report::{Chapter, Report},
    row,
    spread::{Spread, short},
    stand::{PLAIN, Stand},
};

/// Viewers in the steps of the curve.
pub const VIEWERS: [usize; 6] = [100, 1000, 3000, 6000, 12_000, 18_000];
const WINDOW: Duration = Duration::from_secs(2);

/// Each viewer asks for the plain playlist once a second, as players without parts do with segments of one second.
///
/// # Errors
/// When somebody is not answered with 200.
pub fn run(stand: &Stand, windows: usize, report: &mut Report) -> Result<()> {
    let request = format!("GET {PLAIN} HTTP/1.1\r\nHost: bench\r\n\r\n");
    let (virage, _folder) = stand.fresh()?;
    virage.wait(PLAIN)?;
    let servers = [
        ("Virage", address(&virage.url)?, vec![virage.pid()]),
        ("nginx", address(&stand.nginx.url)?, stand.nginx.peer.pids()),
    ];
    let series = |name: &str| Series { name: name.into(), points: Vec::new() };
    let mut cpu = servers.each_ref().map(|(name, ..)| series(name));
    let mut memory = servers.each_ref().map(|(name, ..)| series(name));
    let mut rows =
        vec![row!["viewers", "server", "CPU, % of a core", "memory, MB", "a viewer", "answer p50, ms", "p99, ms"]];
    let start: Vec<u64> = servers.iter().map(|(.., pids)| Ok(usage(pids)?.1)).collect::<Result<_>>()?;
    for viewers in VIEWERS {
        let mut percents: [Vec<f64>; 2] = Default::default();
        for (n, (name, at, pids)) in servers.iter().enumerate() {
            let mut clients = Clients::connect(*at, viewers, b"")?;
            clients.steadily(request.as_bytes(), Duration::from_secs(1), Duration::from_millis(1200))?;
            let (mut p50, mut p99) = (Vec::new(), Vec::new());
            for _ in 0..windows {
                let (before, from) = (usage(pids)?.0, Instant::now());
                let polled = clients.steadily(request.as_bytes(), Duration::from_secs(1), WINDOW)?;
                if polled.failed > 0 || polled.answers == 0 {
                    bail!("{name}: {} of {} answers were not 200", polled.failed, polled.answers);
                }
                percents[n].push((usage(pids)?.0 - before) / from.elapsed().as_secs_f64() * 100.0);
                p50.push(polled.p50);
                p99.push(polled.p99);
            }
            let bytes = usage(pids)?.1;
            let each = bytes.saturating_sub(start[n]) as f64 / viewers as f64;
            let (percent, megabytes) = (Spread::of(&percents[n]), bytes as f64 / 1e6);
            let x = viewers as f64;
            cpu[n].points.push(Point { x, y: percent.median, low: percent.low, high: percent.high });
            memory[n].points.push(Point { x, y: megabytes, low: megabytes, high: megabytes });
            let each_text = if viewers < 1000 { "—".into() } else { format!("{} bytes", short(each)) };
            let (p50, p99) = (Spread::of(&p50), Spread::of(&p99));
            rows.push(row![short(x), name, percent, short(megabytes), each_text, p50, p99]);
            if n == 0 && viewers == VIEWERS[VIEWERS.len() - 1] {
                report.figure("viewer-bytes", Spread::of(&[each]));
            }
            drop(clients);
            pause(Duration::from_millis(500));
        }
        if viewers == VIEWERS[VIEWERS.len() - 1] {
            report.figure("viewer-cpu", Spread::ratio(&percents[0], &percents[1]));
        }
    }
    let words = |title, y| Words { title, x: "viewers, each asking once a second", y };
    report.add(Chapter {
        title: "Growth: 100 to 18,000 viewers".into(),
        how: "Connections that stay open (HTTP/1.1, cleartext), each asking for the live playlist of players without parts once a \
              second, evenly spread; by one client thread on the same cores. nginx has it as a file. Memory a viewer is what \
              was added since before the first; it is resident memory, and allocators keep some of what they had."
            .into(),
        table: rows,
        charts: vec![
            ("viewers-cpu".into(), lines(words("CPU by viewers", "% of a core"), &cpu)),
            ("viewers-memory".into(), lines(words("Memory by viewers", "MB"), &memory)),
        ],
        command: "make bench ARGS=growth".into(),
    });
    Ok(())
}
