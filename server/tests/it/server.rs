//! A `virage` process with a data folder of its own.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{self, Answer};

pub const VIRAGE: &str = env!("CARGO_BIN_EXE_virage");

pub struct Server {
    process: Child,
    pub url: String,
    /// The same over TLS and HTTP/2, when it is served.
    pub secure: String,
    pub token: String,
    folder: Arc<TempDir>,
}

/// Waits for a condition, a minute at most.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "waited a minute for {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

impl Server {
    /// A demo with two small cameras.
    pub fn demo() -> Self {
        Self::demo_in(Arc::new(TempDir::new().unwrap()))
    }

    pub fn demo_in(folder: Arc<TempDir>) -> Self {
        let data = folder.path().join("data");
        let data = data.to_str().unwrap();
        let listen = ["--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0"];
        let args = ["demo", "--data", data, "--cameras", "2", "--height", "234"];
        Self::start(&[&args[..], &listen[..]].concat(), folder)
    }

    /// A server with this configuration; `listen` and `data` are put in.
    pub fn serve(config: &str) -> Self {
        Self::serve_with(config, &[])
    }

    /// The same in an environment of its own.
    pub fn serve_with(config: &str, environment: &[(&str, String)]) -> Self {
        let folder = Arc::new(TempDir::new().unwrap());
        let data = folder.path().join("data");
        let server = format!("[server]\nlisten = \"127.0.0.1:0\"\ndata = {:?}\n", data);
        std::fs::write(folder.path().join("virage.toml"), format!("{server}{config}")).unwrap();
        Self::serve_in_with(folder, environment)
    }

    /// A server with the configuration of a folder in which one has run.
    pub fn serve_in(folder: Arc<TempDir>) -> Self {
        Self::serve_in_with(folder, &[])
    }

    /// The same in an environment of its own.
    pub fn serve_in_with(folder: Arc<TempDir>, environment: &[(&str, String)]) -> Self {
        let file = folder.path().join("virage.toml");
        Self::start_with(&["serve", "--config", file.to_str().unwrap()], folder, environment)
    }

    /// The folder with the configuration, the data and the log.
    pub fn folder(&self) -> Arc<TempDir> {
        self.folder.clone()
    }

    /// The configuration file.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("virage.toml")
    }

    /// Edits the configuration file as a person does, and has it read.
    pub fn edit(&self, change: impl FnOnce(String) -> String) {
        let text = std::fs::read_to_string(self.file()).unwrap();
        std::fs::write(self.file(), change(text)).unwrap();
        let sent = Command::new("kill").args(["-HUP", &self.process.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// A demo on a machine that lacks some of GStreamer's plugins: `libgstx264.so`.
    pub fn demo_without(lacking: &[&str]) -> Self {
        let folder = Arc::new(TempDir::new().unwrap());
        let (plugins, registry) = (folder.path().join("plugins"), folder.path().join("registry"));
        std::fs::create_dir(&plugins).unwrap();
        let all = Command::new("pkg-config").args(["--variable=pluginsdir", "gstreamer-1.0"]).output().unwrap();
        let mut left_out = 0;
        for entry in std::fs::read_dir(String::from_utf8(all.stdout).unwrap().trim()).unwrap() {
            let entry = entry.unwrap();
            if lacking.iter().any(|plugin| entry.file_name() == *plugin) {
                left_out += 1;
            } else {
                std::os::unix::fs::symlink(entry.path(), plugins.join(entry.file_name())).unwrap();
            }
        }
        assert_eq!(left_out, lacking.len(), "{lacking:?} are installed, so that they can be left out");
        let data = folder.path().join("data");
        let mut command = Command::new(VIRAGE);
        command.args(["demo", "--cameras", "1", "--height", "234", "--listen", "127.0.0.1:0"]);
        command.args(["--tls-listen", "127.0.0.1:0", "--data"]).arg(data);
        command.env("GST_PLUGIN_SYSTEM_PATH_1_0", plugins).env("GST_REGISTRY_1_0", registry);
        Self::spawn(command, folder)
    }

    fn start(args: &[&str], folder: Arc<TempDir>) -> Self {
        Self::start_with(args, folder, &[])
    }

    fn start_with(args: &[&str], folder: Arc<TempDir>, environment: &[(&str, String)]) -> Self {
        let mut command = Command::new(VIRAGE);
        command.args(args).envs(environment.iter().map(|(name, value)| (name, value)));
        Self::spawn(command, folder)
    }

    fn spawn(mut command: Command, folder: Arc<TempDir>) -> Self {
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut process = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut secure = String::new();
        let url = loop {
            let Some(Ok(line)) = lines.next() else {
                panic!("the server ended: {}", std::fs::read_to_string(folder.path().join("log")).unwrap());
            };
            if let Some(url) = line.trim().strip_prefix("fans") {
                secure = url.trim().trim_end_matches('/').to_owned();
            }
            if let Some(url) = line.trim().strip_prefix("plain") {
                break url.trim().trim_end_matches('/').to_owned();
            }
        };
        // What it says later goes nowhere, and must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let token = std::fs::read_to_string(folder.path().join("data/crew.token")).unwrap().trim().to_owned();
        Self { process, url, secure, token, folder }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    pub fn get(&self, path: &str) -> Answer {
        http::get(&format!("{}{path}", self.url))
    }

    pub fn crew(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.crew_raw(method, path, body.to_string().as_bytes())
    }

    pub fn crew_raw(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        http::send(method, &format!("{}{path}", self.url), Some(&self.token), body)
    }

    /// A camera's state and its sentence.
    pub fn state(&self, id: &str) -> (String, String) {
        let camera = self.crew("GET", &format!("/api/v1/cameras/{id}"), &Value::Null).json();
        let said = |field: &str| camera[field].as_str().unwrap_or_default().to_owned();
        (said("state"), said("message"))
    }

    /// Waits until a camera's state is this one; its sentence.
    pub fn until_state(&self, id: &str, state: &str) -> String {
        self.until_camera(id, state, |now, _| now == state)
    }

    /// Waits until a camera's state and sentence are as wanted, a minute at most: looks at them whenever an event comes. The
    /// sentence.
    pub fn until_camera(&self, id: &str, what: &str, wanted: impl Fn(&str, &str) -> bool) -> String {
        let mut now = Default::default();
        // An event ends with an empty line; the first one comes at once.
        for _ in http::events(&self.url, &[]).filter(String::is_empty) {
            now = self.state(id);
            if wanted(&now.0, &now.1) {
                return now.1;
            }
        }
        panic!("waited a minute for {id}: {what}; it is {now:?}");
    }

    /// Waits until every camera has whole segments up to `seconds` of media.
    pub fn wait_for_media(&self, seconds: usize) {
        until("every camera's first segments", || {
            let cameras = self.get("/api/v1/cameras").json();
            let items = cameras["items"].as_array().unwrap();
            let there = items.iter().all(|camera| {
                let at = camera["urls"]["plain"].as_str().unwrap();
                let ladder = self.get(at);
                let Some(first) = (ladder.status == 200).then(|| first_uri(ladder.text())) else { return false };
                let list = self.get(&resolve(at, first));
                // A server that starts slowly begins with gaps: they are listed, too.
                let count = |tag| list.text().matches(tag).count();
                list.status == 200 && count("#EXTINF") - count("#EXT-X-GAP") >= seconds
            });
            (there && !items.is_empty()).then_some(())
        });
    }

    pub fn mark(&self, before: f64, after: f64) -> Value {
        let made = self.crew("POST", "/api/v1/marks", &json!({"kind": "goal", "before": before, "after": after}));
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()
    }

    pub fn publish(&self, mark: &Value) -> Value {
        let body = json!({"mark": mark["id"], "title": "But, n° 10", "publish": true});
        let made = self.crew("POST", "/api/v1/highlights", &body);
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()
    }
}

/// A URI in a playlist as an address.
pub fn resolve(base: &str, uri: &str) -> String {
    let mut parts: Vec<&str> = base.split('/').collect();
    parts.pop();
    for part in uri.split('/') {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

/// The first URI of a playlist.
pub fn first_uri(text: &str) -> &str {
    text.lines().find(|l| !l.is_empty() && !l.starts_with('#')).unwrap()
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the server's log\n{}", self.log());
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An environment in which libfaketime sets a process's clock, as `more` says, and leaves its monotonic clock alone.
pub fn faketime(more: &[(&'static str, String)]) -> Vec<(&'static str, String)> {
    let folders = std::fs::read_dir("/usr/lib").unwrap().flatten();
    let library = |folder: std::fs::DirEntry| folder.path().join("faketime/libfaketimeMT.so.1");
    let library = folders.map(library).find(|path| path.exists()).expect("libfaketimeMT.so.1: apt package faketime");
    let always =
        [("LD_PRELOAD", library.to_str().unwrap().to_owned()), ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned())];
    [&always, more].concat()
}

/// One demo for all tests that change nothing others look at.
pub fn shared() -> &'static Server {
    static SHARED: OnceLock<Server> = OnceLock::new();
    SHARED.get_or_init(|| {
        let server = Server::demo();
        // A static is never dropped: the process ends with ours.
        let pid = server.pid();
        end_with_us(pid);
        server.wait_for_media(4);
        server
    })
}

/// Has a child killed when this process ends, however it ends.
pub fn end_with_us(pid: u32) {
    let us = std::process::id();
    let watch = format!("while kill -0 {us} 2>/dev/null; do sleep 0.2; done; kill -9 {pid}");
    let watcher = Command::new("sh").args(["-c", &watch]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut watcher = watcher.unwrap();
    std::thread::spawn(move || watcher.wait());
}
