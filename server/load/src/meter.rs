//! CPU and memory of processes, from /proc.

use std::{
    fs,
    io::{Error, ErrorKind},
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::Instant;

/// How often processes are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// What processes have used so far, and hold now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sample {
    pub(crate) cpu: Duration,
    pub(crate) rss: u64,
    pub(crate) pss: u64,
}

/// What processes used over a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    pub(crate) began: Instant,
    pub(crate) first: Sample,
    pub(crate) latest: Sample,
    pub(crate) latest_at: Instant,
    /// The largest of each, and the most cores over one interval.
    pub(crate) peak_rss: u64,
    pub(crate) peak_pss: u64,
    pub(crate) peak_cores: f64,
}

/// Looks at processes for as long as it lives.
pub(crate) struct Meter {
    pids: Vec<u32>,
    used: Arc<Mutex<Used>>,
    task: tokio::task::JoinHandle<()>,
}

impl Meter {
    /// Begins to look at `pids`, taken together.
    pub(crate) fn start(pids: Vec<u32>) -> Self {
        let now = Instant::now();
        let first = sample(&pids);
        let used = Used {
            began: now,
            first,
            latest: first,
            latest_at: now,
            peak_rss: first.rss,
            peak_pss: first.pss,
            peak_cores: 0.0,
        };
        let used = Arc::new(Mutex::new(used));
        let task = tokio::spawn({
            let (pids, used) = (pids.clone(), used.clone());
            async move {
                loop {
                    tokio::time::sleep(EVERY).await;
                    let found = sample(&pids);
                    used.lock().add(found, Instant::now());
                }
            }
        });
        Meter { pids, used, task }
    }

    /// What was used until now.
    pub(crate) fn stop(self) -> Used {
        let mut used = self.used.lock();
        used.add(sample(&self.pids), Instant::now());
        *used
    }

    /// The processes.
    pub(crate) fn pids(&self) -> &[u32] {
        &self.pids
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Used {
    fn add(&mut self, sample: Sample, now: Instant) {
        let between = now.duration_since(self.latest_at).as_secs_f64();
        // A short last interval has few clock ticks in it.
        if between > 0.5 {
            let cores = sample.cpu.saturating_sub(self.latest.cpu).as_secs_f64() / between;
            self.peak_cores = self.peak_cores.max(cores);
        }
        self.peak_rss = self.peak_rss.max(sample.rss);
        self.peak_pss = self.peak_pss.max(sample.pss);
        (self.latest, self.latest_at) = (sample, now);
    }

    /// Cores in use, in the mean.
    pub(crate) fn cores(&self) -> f64 {
        let time = self.latest_at.duration_since(self.began).as_secs_f64();
        self.latest.cpu.saturating_sub(self.first.cpu).as_secs_f64() / time.max(0.001)
    }
}

/// Whether a process can be looked at.
pub(crate) fn exists(pid: u32) -> std::io::Result<()> {
    // Of a process "no such file or directory" would be a riddle.
    let say = |error: Error| {
        if error.kind() == ErrorKind::NotFound { Error::new(error.kind(), "no such process") } else { error }
    };
    fs::read_to_string(format!("/proc/{pid}/stat")).map(drop).map_err(say)
}

/// The processes that listen on an address of this machine; none when it is another machine's, or theirs are hidden.
pub(crate) fn listeners(at: SocketAddr) -> Vec<u32> {
    let here = at.ip().is_loopback() || UdpSocket::bind((at.ip(), 0)).is_ok();
    if !here {
        return Vec::new();
    }
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let sockets: Vec<String> = tables.iter().flat_map(|table| listening(table, at)).collect();
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let mut pids: Vec<u32> = processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| holds(*pid, &sockets))
        .collect();
    pids.sort_unstable();
    pids
}

/// Names of the sockets that listen on a port, on this address or on all: `socket:[inode]`.
fn listening(table: &str, at: SocketAddr) -> Vec<String> {
    let wanted = format!("{:04X}", at.port());
    let own = match at.ip() {
        IpAddr::V4(ip) => format!("{:08X}", u32::from_ne_bytes(ip.octets())),
        IpAddr::V6(ip) => {
            let words = ip.octets();
            words.chunks_exact(4).map(|w| format!("{:08X}", u32::from_ne_bytes([w[0], w[1], w[2], w[3]]))).collect()
        }
    };
    let named = |line: &str| {
        let mut columns = line.split_whitespace().skip(1);
        let (address, port) = columns.next()?.split_once(':')?;
        let state = columns.nth(1)?;
        let inode = columns.nth(5)?;
        let ours = address == own || address.bytes().all(|digit| digit == b'0');
        (port == wanted && state == "0A" && ours).then(|| format!("socket:[{inode}]"))
    };
    table.lines().skip(1).filter_map(named).collect()
}

fn holds(pid: u32, sockets: &[String]) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    files
        .filter_map(|file| fs::read_link(file.ok()?.path()).ok())
        .any(|target| target.to_str().is_some_and(|target| sockets.iter().any(|socket| socket == target)))
}

/// What processes have used together; one that has gone counts no more.
pub(crate) fn sample(pids: &[u32]) -> Sample {
    let one = |pid: &u32| {
        let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
        Sample {
            cpu: cpu(&read("stat")).unwrap_or_default(),
            rss: kilobytes(&read("status"), "VmRSS:") * 1024,
            pss: kilobytes(&read("smaps_rollup"), "Pss:") * 1024,
        }
    };
    pids.iter().map(one).fold(Sample::default(), |sum, one| Sample {
        cpu: sum.cpu + one.cpu,
        rss: sum.rss + one.rss,
        pss: sum.pss + one.pss,
    })
}

/// User and system time of a stat line: columns 14 and 15, behind a name that may hold anything (proc_pid_stat(5)).
fn cpu(stat: &str) -> Option<Duration> {
    let (_, columns) = stat.rsplit_once(')')?;
    let mut columns = columns.split_whitespace().skip(11);
    let ticks = columns.next()?.parse::<u64>().ok()?.checked_add(columns.next()?.parse().ok()?)?;
    let rate = rustix::param::clock_ticks_per_second().max(1);
    Some(Duration::from_secs_f64(ticks as f64 / rate as f64))
}

fn kilobytes(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_found_by_its_port() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let at = listener.local_addr().expect("bound");
        assert_eq!(listeners(at), [std::process::id()]);
        drop(listener);
        assert_eq!(listeners(at), [0u32; 0]);
    }

    #[test]
    fn this_process_uses_time_and_memory() {
        let me = [std::process::id()];
        let before = sample(&me);
        let begun = std::time::Instant::now();
        while sample(&me).cpu <= before.cpu {
            assert!(begun.elapsed() < Duration::from_secs(30), "no time is counted");
        }
        assert!(before.rss > 100_000 && before.pss > 0 && before.pss <= before.rss * 2);
    }

    #[test]
    fn a_name_may_hold_anything() {
        let stat = "7 (a) b) S 1 1 1 0 -1 0 0 0 0 0 150 50 0 0 20 0 1 0 5 6 7";
        assert_eq!(cpu(stat), Some(Duration::from_secs_f64(200.0 / rustix::param::clock_ticks_per_second() as f64)));
    }
}
