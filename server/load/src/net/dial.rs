//! Opening connections.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use parking_lot::Mutex;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpSocket, TcpStream},
};
use tokio_rustls::TlsConnector;
use url::Url;

use super::tls;
use crate::{Error, Http, Plan, fault::Fault};

/// Players give a connection and its handshakes this long.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is read at once: small, so that a slow link is felt by the server and thousands of viewers fit in memory.
const READ: usize = 16 * 1024;
/// HTTP/2 windows of a stream and of a connection.
const WINDOWS: [u32; 2] = [256 * 1024, 1024 * 1024];

/// A server, as connections tell them apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) secure: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Origin {
    pub(crate) fn of(url: &Url) -> Option<Self> {
        let secure = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        // An IPv6 address is written in brackets there, and looked up without.
        let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
        Some(Origin { secure, host, port: url.port_or_known_default()? })
    }
}

/// A connection that requests can be sent on.
pub(crate) enum Channel {
    /// HTTP/1.1: one request at a time.
    One(http1::SendRequest<Empty<Bytes>>),
    /// HTTP/2.
    Two(http2::SendRequest<Empty<Bytes>>),
}

/// Opens connections for all viewers.
pub(crate) struct Dialer {
    http: Http,
    tls: TlsConnector,
    addresses: Mutex<HashMap<(String, u16), SocketAddr>>,
    opened: AtomicU64,
}

impl Dialer {
    pub(crate) fn new(plan: &Plan) -> Result<Self, Error> {
        Ok(Dialer {
            http: plan.http,
            tls: TlsConnector::from(Arc::new(tls::settings(&plan.trust, plan.http)?)),
            addresses: Mutex::new(HashMap::new()),
            opened: AtomicU64::new(0),
        })
    }

    /// Connections opened so far.
    pub(crate) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    /// Whether connections to this server may turn out to be HTTP/2.
    pub(crate) fn may_share(&self, origin: &Origin) -> bool {
        match self.http {
            Http::Auto => origin.secure,
            Http::One => false,
            Http::Two => true,
        }
    }

    /// The server's address; looked up once a run.
    pub(crate) async fn address(&self, origin: &Origin) -> Result<SocketAddr, Error> {
        let key = (origin.host.clone(), origin.port);
        if let Some(known) = self.addresses.lock().get(&key) {
            return Ok(*known);
        }
        let unknown = |found: String| Error::Resolve { host: origin.host.clone(), found };
        let mut found =
            tokio::net::lookup_host((origin.host.as_str(), origin.port)).await.map_err(|e| unknown(e.to_string()))?;
        let address = found.next().ok_or_else(|| unknown("none".into()))?;
        self.addresses.lock().insert(key, address);
        Ok(address)
    }

    /// A new connection.
    pub(crate) async fn dial(&self, origin: &Origin, source: Option<IpAddr>) -> Result<Channel, Fault> {
        let address = self.address(origin).await.map_err(|_| Fault::Connect)?;
        let connecting = tokio::time::timeout(PATIENCE, connect(address, source));
        let stream = connecting.await.map_err(|_| Fault::Timeout)?.map_err(|_| Fault::Connect)?;
        self.opened.fetch_add(1, Ordering::Relaxed);
        if !origin.secure {
            return open(stream, self.http == Http::Two).await;
        }
        let name = ServerName::try_from(origin.host.clone()).map_err(|_| Fault::Tls)?;
        let greeting = tokio::time::timeout(PATIENCE, self.tls.connect(name, stream));
        let stream = greeting.await.map_err(|_| Fault::Timeout)?.map_err(|_| Fault::Tls)?;
        let two = match self.http {
            Http::Auto => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
            Http::One => false,
            Http::Two => true,
        };
        open(stream, two).await
    }
}

async fn connect(address: SocketAddr, source: Option<IpAddr>) -> std::io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(source) = source {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn open<S>(stream: S, two: bool) -> Result<Channel, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(stream);
    if two {
        let [of_stream, of_connection] = WINDOWS;
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(of_stream)
            .initial_connection_window_size(of_connection)
            .handshake(io)
            .await
            .map_err(|_| Fault::Closed)?;
        tokio::spawn(connection);
        return Ok(Channel::Two(sender));
    }
    let (sender, connection) =
        http1::Builder::new().read_buf_exact_size(Some(READ)).handshake(io).await.map_err(|_| Fault::Closed)?;
    tokio::spawn(connection);
    Ok(Channel::One(sender))
}
