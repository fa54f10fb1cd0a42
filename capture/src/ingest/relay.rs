//! A connection to a checked address, lent on loopback to an RTSP client that would otherwise go where it is sent.
//!
//! rtspsrc follows any redirect, and tells nobody before it has connected. Behind a relay it knows no other address
//! than the relay's: a redirect is not passed on, and transports name the camera that was checked.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crate::{Error, worker::lock};

/// A camera that does not answer.
const CONNECT: Duration = Duration::from_secs(3);
/// More head than a message needs.
const HEAD: u64 = 64 << 10;

/// Lends connections to one camera, until it is dropped.
pub(super) struct Relay {
    port: u16,
    peer: IpAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// Where the camera sends its clients instead.
    redirect: Mutex<Option<String>>,
}

impl Relay {
    /// Connects to the first of these addresses that answers.
    pub fn open(addresses: &[SocketAddr]) -> Result<Self, Error> {
        let mut why = None;
        let connect = |address: &SocketAddr| {
            let connected = TcpStream::connect_timeout(address, CONNECT);
            connected.map_err(|e| why = Some(format!("{address} does not answer: {}", e.kind()))).ok()
        };
        let first = addresses.iter().find_map(connect);
        let Some(first) = first else {
            return Err(Error::Source(why.unwrap_or_else(|| "no address to connect to".into())));
        };
        let no_socket = |e: io::Error| Error::Source(format!("no socket on loopback: {e}"));
        let peer = first.peer_addr().map_err(no_socket)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(no_socket)?;
        let port = listener.local_addr().map_err(no_socket)?.port();
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        let accept = move || {
            let mut ready = Some(first);
            for client in listener.incoming() {
                if accepting.stop.load(Ordering::Relaxed) {
                    return;
                }
                let camera = ready.take().map_or_else(|| TcpStream::connect_timeout(&peer, CONNECT), Ok);
                if let (Ok(client), Ok(camera)) = (client, camera) {
                    let _ = lend(client, camera, peer.ip(), &accepting);
                }
            }
        };
        let spawned = thread::Builder::new().name("rtsp-relay".into()).spawn(accept);
        spawned.map_err(|source| Error::Thread { name: "rtsp-relay".into(), source })?;
        Ok(Self { port, peer: peer.ip(), shared })
    }

    /// The port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl super::Peer for Relay {
    fn complaint(&self) -> Option<String> {
        let to = lock(&self.shared.redirect);
        let why = |to: &String| format!("the camera sends its clients to {to}: configure that address instead");
        to.as_ref().map(why)
    }

    fn address(&self) -> Option<IpAddr> {
        Some(self.peer)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

/// Passes bytes both ways until one side ends.
fn lend(client: TcpStream, camera: TcpStream, peer: IpAddr, shared: &Arc<Shared>) -> io::Result<()> {
    let (mut from_client, mut to_camera) = (client.try_clone()?, camera.try_clone()?);
    let up = move || {
        let _ = io::copy(&mut from_client, &mut to_camera);
        let _ = to_camera.shutdown(Shutdown::Both);
    };
    let shared = Arc::clone(shared);
    let down = move || {
        let mut client = client;
        if let Ok(Some(to)) = pass(&mut BufReader::new(&camera), &mut client, peer) {
            *lock(&shared.redirect) = Some(to);
        }
        let _ = camera.shutdown(Shutdown::Both);
        let _ = client.shutdown(Shutdown::Both);
    };
    thread::Builder::new().name("rtsp-relay-up".into()).spawn(up)?;
    thread::Builder::new().name("rtsp-relay-down".into()).spawn(down)?;
    Ok(())
}

/// Passes on what a server says, message by message (RFC 2326, 10.12 and 15.1), until it ends or redirects: then it is
/// where to.
fn pass(from: &mut impl BufRead, to: &mut impl Write, peer: IpAddr) -> io::Result<Option<String>> {
    loop {
        match from.fill_buf()?.first() {
            None => return Ok(None),
            Some(b'$') => {
                let mut frame = [0; 4];
                from.read_exact(&mut frame)?;
                to.write_all(&frame)?;
                copy(from, to, u16::from_be_bytes([frame[2], frame[3]]).into())?;
            }
            Some(_) => {
                let head = head(from)?;
                let first = head.first().map_or("", String::as_str);
                let value = |name: &str| head.iter().find_map(|line| field(line, name));
                let status = first.strip_prefix("RTSP/1.0 ").or_else(|| first.strip_prefix("RTSP/2.0 "));
                if status.is_some_and(|status| status.starts_with('3')) || first.starts_with("REDIRECT ") {
                    return Ok(Some(shown(value("location").unwrap_or("nowhere"))));
                }
                let body = value("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
                for line in &head {
                    let line =
                        if field(line, "transport").is_some() { own_transport(line, peer) } else { line.clone() };
                    to.write_all(line.as_bytes())?;
                    to.write_all(b"\r\n")?;
                }
                copy(from, to, body)?;
                to.flush()?;
            }
        }
    }
}

/// A message's lines, the empty one at the end included.
fn head(from: &mut impl BufRead) -> io::Result<Vec<String>> {
    let mut limited = from.take(HEAD);
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        if limited.read_until(b'\n', &mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        // Empty lines between messages are nobody's.
        let ends = line.is_empty() && !lines.is_empty();
        if ends || !line.is_empty() {
            lines.push(line);
        }
        if ends {
            return Ok(lines);
        }
    }
}

/// A header field's value.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (found, value) = line.split_once(':')?;
    found.eq_ignore_ascii_case(name).then(|| value.trim())
}

/// A `Transport` line that names the checked camera as the sender, and nobody else.
fn own_transport(line: &str, peer: IpAddr) -> String {
    let kept = line.split(';').filter(|part| !part.trim().to_ascii_lowercase().starts_with("source="));
    let kept: Vec<&str> = kept.collect();
    if line.contains("interleaved") || line.contains("multicast") {
        return kept.join(";");
    }
    format!("{};source={peer}", kept.join(";"))
}

/// As much of an address as holds no secret: scheme, host and port. User and password may stand in every other part.
fn shown(address: &str) -> String {
    let parsed = url::Url::parse(address).ok();
    let shown = parsed.as_ref().and_then(|url| {
        let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
        Some(format!("{}://{}{port}", url.scheme(), url.host_str()?))
    });
    shown.map_or_else(|| "another address".into(), |shown| shown.chars().take(200).collect())
}

fn copy(from: &mut impl BufRead, to: &mut impl Write, length: u64) -> io::Result<()> {
    let copied = io::copy(&mut from.take(length), to)?;
    if copied == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_redirect_nothing_is_shown_that_could_be_a_secret() {
        for (address, expected) in [
            ("rtsp://10.9.9.9/user=admin&password=hunter2&channel=1", "rtsp://10.9.9.9"),
            ("rtsp://admin:hunter2@10.9.9.9:8554/hunter2?key=hunter2", "rtsp://10.9.9.9:8554"),
            ("rtsp://admin:hun/ter2@cam.local/x", "another address"),
            ("rtsp://[::1]:554/hunter2", "rtsp://[::1]:554"),
            ("/user=admin&password=hunter2", "another address"),
            ("nowhere", "another address"),
        ] {
            assert_eq!(shown(address), expected);
        }
    }
}
