//! What the measurements share: a `virage` process, medians with their spread, CPU and memory of a process.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};

/// A `virage` process; ended when dropped.
pub struct Virage {
    process: Child,
    /// `http://…`
    pub url: String,
    /// The crew's token.
    pub token: String,
}

impl Virage {
    /// Starts the binary named by `VIRAGE`, or the release build, with these arguments, and reads the token in `data`.
    ///
    /// # Errors
    /// When it does not start or says no address.
    pub fn start(args: &[&str], data: &Path) -> Result<Self> {
        let program = std::env::var("VIRAGE").unwrap_or_else(|_| "target/release/virage".into());
        let mut process = Command::new(&program)
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {program}; `cargo build --release -p server` makes it"))?;
        let Some(out) = process.stdout.take() else { bail!("no output") };
        let mut lines = BufReader::new(out).lines().map_while(std::result::Result::ok);
        let plain = lines.find_map(|line| line.trim().strip_prefix("plain").map(|u| u.trim().to_owned()));
        let url = plain.context("virage ended without an address")?.trim_end_matches('/').to_owned();
        std::thread::spawn(move || lines.for_each(drop));
        let token = std::fs::read_to_string(data.join("crew.token"))?.trim().to_owned();
        Ok(Self { process, url, token })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Waits until this address answers 200, a minute at most.
    ///
    /// # Errors
    /// When it does not.
    pub fn wait(&self, path: &str) -> Result<()> {
        for _ in 0..600 {
            if ureq::get(format!("{}{path}", self.url)).call().is_ok() {
                return Ok(());
            }
            std::thread::park_timeout(Duration::from_millis(100));
        }
        bail!("{path} did not answer within a minute")
    }
}

impl Drop for Virage {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A child that is killed when dropped.
pub struct Peer(pub Child);

impl Peer {
    /// Starts a program silently.
    ///
    /// # Errors
    /// When it cannot be started: the program is named.
    pub fn start(program: &str, args: &[&str]) -> Result<Self> {
        let child =
            Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null()).spawn();
        Ok(Self(child.with_context(|| format!("cannot start {program}"))?))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The value below which this share (0 to 1) of sorted values lies.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

/// Seconds of CPU that a process has used, and its resident memory in bytes.
///
/// # Errors
/// When the process is gone.
pub fn usage(pid: u32) -> Result<(f64, u64)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit(')').next().context("an unreadable /proc/pid/stat")?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let number = |i: usize| fields.get(i).and_then(|f| f.parse::<u64>().ok()).context("an unreadable /proc/pid/stat");
    // utime and stime in ticks of 10 ms, resident memory in pages of 4 kB.
    Ok(((number(11)? + number(12)?) as f64 / 100.0, number(21)? * 4096))
}
