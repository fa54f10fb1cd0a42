//! The processes that are measured: started, found out, and ended when dropped.

use std::{
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener},
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
    /// `https://…`, where it serves TLS.
    pub secure: Option<String>,
    /// The crew's token.
    pub token: String,
}

/// The binary named by `VIRAGE`, or the release build.
pub fn virage() -> String {
    std::env::var("VIRAGE").unwrap_or_else(|_| "target/release/virage".into())
}

impl Virage {
    /// Starts the binary with these arguments, and reads the token in `data`.
    ///
    /// # Errors
    /// When it does not start or says no address.
    pub fn start(args: &[&str], data: &Path) -> Result<Self> {
        Self::spawn(Command::new(virage()).args(args).stderr(Stdio::null()), data)
    }

    /// The same with a log of what `filter` names.
    ///
    /// # Errors
    /// As [`Virage::start`], and when the log cannot be written.
    pub fn logging(args: &[&str], data: &Path, filter: &str, log: &Path) -> Result<Self> {
        let log = std::fs::File::create(log)?;
        Self::spawn(Command::new(virage()).args(args).env("RUST_LOG", filter).env("NO_COLOR", "1").stderr(log), data)
    }

    fn spawn(command: &mut Command, data: &Path) -> Result<Self> {
        let mut process = command.stdout(Stdio::piped()).spawn().with_context(|| {
            let program = command.get_program().display();
            format!("cannot start {program}; `cargo build --release -p server` makes it")
        })?;
        let Some(out) = process.stdout.take() else { bail!("no output") };
        let mut lines = BufReader::new(out).lines().map_while(std::result::Result::ok);
        let mut secure = None;
        let plain = lines.find_map(|line| {
            let word = |name| line.trim().strip_prefix(name).map(|u: &str| u.trim().trim_end_matches('/').to_owned());
            secure = secure.take().or_else(|| word("fans").filter(|u| u.starts_with("https")));
            word("plain")
        });
        let url = plain.context("virage ended without an address")?;
        std::thread::spawn(move || lines.for_each(drop));
        let token = std::fs::read_to_string(data.join("crew.token"))?.trim().to_owned();
        Ok(Self { process, url, secure, token })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Waits until this path answers 200, a minute at most.
    ///
    /// # Errors
    /// When it does not.
    pub fn wait(&self, path: &str) -> Result<()> {
        wait(&format!("{}{path}", self.url))
    }

    /// Posts JSON as the crew.
    ///
    /// # Errors
    /// When it is refused.
    pub fn post(&self, path: &str, body: &serde_json::Value) -> Result<serde_json::Value> {
        let request =
            ureq::post(format!("{}{path}", self.url)).header("authorization", format!("Bearer {}", self.token));
        Ok(serde_json::from_str(&request.send(body.to_string())?.into_body().read_to_string()?)?)
    }
}

impl Drop for Virage {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A child that is ended when dropped.
pub struct Peer(pub Child);

impl Peer {
    /// Starts a program silently.
    ///
    /// # Errors
    /// When it cannot be started: the program is named.
    pub fn start(program: &str, args: &[&str]) -> Result<Self> {
        Self::spawn(Command::new(program).args(args))
    }

    /// Starts a command silently.
    ///
    /// # Errors
    /// When it cannot be started: the program is named.
    pub fn spawn(command: &mut Command) -> Result<Self> {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null()).spawn();
        Ok(Self(child.with_context(|| format!("cannot start {}", command.get_program().display()))?))
    }

    /// The process and its children.
    pub fn pids(&self) -> Vec<u32> {
        let pid = self.0.id();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        [pid].into_iter().chain(children.split_whitespace().filter_map(|c| c.parse().ok())).collect()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // nginx's first process ends its others when it is asked to; whoever does not listen is killed.
        let _ = Command::new("kill").arg(self.0.id().to_string()).stderr(Stdio::null()).status();
        for _ in 0..20 {
            if matches!(self.0.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until an address answers 200, a minute at most.
///
/// # Errors
/// When it does not.
pub fn wait(url: &str) -> Result<()> {
    for _ in 0..600 {
        if ureq::get(url).call().is_ok() {
            return Ok(());
        }
        std::thread::park_timeout(Duration::from_millis(100));
    }
    bail!("{url} did not answer within a minute")
}

/// What an address answers.
///
/// # Errors
/// When it is not 200.
pub fn get(url: &str) -> Result<Vec<u8>> {
    Ok(ureq::get(url).call().with_context(|| url.to_owned())?.into_body().read_to_vec()?)
}

/// The same as text.
///
/// # Errors
/// When it is not 200, or no text.
pub fn text(url: &str) -> Result<String> {
    Ok(String::from_utf8(get(url)?)?)
}

/// The socket address in `http://address/…`.
///
/// # Errors
/// When there is none.
pub fn address(url: &str) -> Result<SocketAddr> {
    let host = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).context("an address without a host")?;
    host.parse().with_context(|| format!("{host} is no socket address"))
}

/// Free ports of this machine; all are held until all are known.
///
/// # Errors
/// When there are none.
pub fn ports(count: usize) -> Result<Vec<u16>> {
    let held: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    held.iter().map(|s| Ok(s.local_addr()?.port())).collect()
}

/// Seconds of CPU that processes have used, and their resident memory in bytes.
///
/// # Errors
/// When one is gone.
pub fn usage(pids: &[u32]) -> Result<(f64, u64)> {
    let (mut cpu, mut memory) = (0.0, 0);
    for pid in pids {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let after_name = stat.rsplit(')').next().context("an unreadable /proc/pid/stat")?;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let number =
            |i: usize| fields.get(i).and_then(|f| f.parse::<u64>().ok()).context("an unreadable /proc/pid/stat");
        // utime and stime in ticks of 10 ms, resident memory in pages of 4 kB.
        cpu += (number(11)? + number(12)?) as f64 / 100.0;
        memory += number(21)? * 4096;
    }
    Ok((cpu, memory))
}

/// Waits without doing anything.
pub fn pause(time: Duration) {
    let end = std::time::Instant::now() + time;
    while let Some(left) = end.checked_duration_since(std::time::Instant::now()).filter(|left| !left.is_zero()) {
        std::thread::park_timeout(left);
    }
}
