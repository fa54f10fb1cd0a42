//! The peers: nginx with files, and multimux as a process.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::process::{Peer, ports, text, wait};

/// What could not be measured, and why.
pub const NOT_MEASURED: [(&str, &str); 4] = [
    ("MediaMTX", "a Go program, neither in apt nor a crate nor an npm package; its binaries come from elsewhere"),
    ("OvenMediaEngine", "not in apt, crates.io or npm; built from source with its own patched libraries"),
    ("Wowza Streaming Engine, Nimble Streamer", "closed, need a licence"),
    ("AWS Elemental, Mux, Cloudflare Stream and other services", "not on this machine: the network would be measured"),
];

/// nginx with two workers and its files.
pub struct Nginx {
    /// The process that has the workers as children.
    pub peer: Peer,
    /// HTTP/1.1 in cleartext.
    pub url: String,
    /// HTTP/2 by prior knowledge, in cleartext.
    pub prior: String,
    /// TLS with both; none without certificates.
    pub secure: Option<String>,
}

impl Nginx {
    /// Starts it on a folder of files; `tls` has `server.pem` and `server.key`.
    ///
    /// # Errors
    /// When it is not installed, or does not answer.
    pub fn start(work: &Path, root: &Path, tls: Option<&Path>) -> Result<Self> {
        let ports = ports(3)?;
        let root_user = if fs::metadata("/proc/self")?.uid() == 0 { "user root;" } else { "" };
        let (listen, keys) = match tls {
            None => (String::new(), String::new()),
            Some(folder) => (
                format!("listen 127.0.0.1:{} ssl http2 backlog=4096;", ports[2]),
                format!(
                    "ssl_certificate {0}/server.pem; ssl_certificate_key {0}/server.key; ssl_protocols TLSv1.2 TLSv1.3;",
                    folder.display()
                ),
            ),
        };
        let config = format!(
            "{root_user} worker_processes 2; daemon off; pid {work}/nginx.pid; error_log {work}/nginx.log crit;
            worker_rlimit_nofile 40000;
            events {{ worker_connections 36000; multi_accept on; }}
            http {{
              access_log off; sendfile on; tcp_nopush on; tcp_nodelay on;
              keepalive_timeout 600; keepalive_requests 1000000000; open_file_cache max=10000 inactive=600s;
              types {{ application/vnd.apple.mpegurl m3u8; video/mp4 mp4 m4s; text/html html; text/javascript js; }}
              client_body_temp_path {work}; proxy_temp_path {work}; fastcgi_temp_path {work}; uwsgi_temp_path {work};
              scgi_temp_path {work};
              add_header access-control-allow-origin *;
              server {{
                root {root}; {keys}
                listen 127.0.0.1:{plain} backlog=4096; listen 127.0.0.1:{prior} http2 backlog=4096; {listen}
                location / {{ }}
                location ~ /fresh/ {{ open_file_cache off; }}
              }}
            }}",
            work = work.display(),
            root = root.display(),
            plain = ports[0],
            prior = ports[1],
        );
        let file = work.join("nginx.conf");
        fs::write(&file, config)?;
        fs::create_dir_all(root)?;
        fs::write(root.join("ready"), "ready")?;
        let file = file.to_str().context("a name")?;
        let peer = Peer::start("nginx", &["-e", "stderr", "-c", file])?;
        let url = format!("http://127.0.0.1:{}", ports[0]);
        wait(&format!("{url}/ready"))?;
        let secure = tls.map(|_| format!("https://127.0.0.1:{}", ports[2]));
        Ok(Self { peer, url, prior: format!("http://127.0.0.1:{}", ports[1]), secure })
    }
}

/// multimux, repackaging one source as LL-HLS.
pub struct Multimux {
    /// The process.
    pub peer: Peer,
    /// `http://…`
    pub url: String,
}

/// Where its playlist is.
pub const MULTIMUX_LIVE: &str = "/main/media.m3u8";

impl Multimux {
    /// Starts it on a clip, where `scripts/bench.sh` has built it; none where it has not.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn start(work: &Path, clip: &Path) -> Result<Option<Self>> {
        Self::from(work, &format!(r#"{{"type": "file", "path": "{}", "loop": true}}"#, clip.display()), true)
    }

    /// The same with another input, as its configuration has it.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn from(work: &Path, input: &str, wait_for_media: bool) -> Result<Option<Self>> {
        let Some(program) = program() else { return Ok(None) };
        let port = ports(1)?[0];
        let config = format!(
            r#"{{"bind": "127.0.0.1:{port}", "target_duration_secs": 1.0, "part_target_ms": 200, "window_segments": 300,
            "max_concurrent_requests": 100000, "routes": [{{"name": "main", "input": {input}, "outputs": ["llhls"]}}]}}"#
        );
        let file = work.join("multimux.json");
        fs::write(&file, config)?;
        let peer = Peer::start(program.to_str().context("a name")?, &[file.to_str().context("a name")?])?;
        let url = format!("http://127.0.0.1:{port}");
        if wait_for_media {
            wait(&format!("{url}{MULTIMUX_LIVE}"))?;
        }
        Ok(Some(Self { peer, url }))
    }

    /// The whole segment nearest to 64 kB of those that it lists.
    ///
    /// # Errors
    /// When it lists none.
    pub fn segment(&self) -> Result<String> {
        let playlist = text(&format!("{}{MULTIMUX_LIVE}", self.url))?;
        let name = playlist.lines().rfind(|l| l.ends_with(".m4s") && !l.starts_with('#'));
        Ok(format!("/main/{}", name.context("no segment yet")?))
    }
}

/// The program named by `PEER_MULTIMUX`.
fn program() -> Option<PathBuf> {
    std::env::var_os("PEER_MULTIMUX").map(PathBuf::from).filter(|p| p.exists())
}
