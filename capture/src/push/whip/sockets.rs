//! The UDP sockets of a session: one for each address of this machine, so that an answer leaves from where the question
//! came to.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{net::UdpSocket, sync::mpsc, task::JoinSet};

use crate::source::Limits;

/// Addresses that are offered, at most.
const ADDRESSES: usize = 8;
/// Datagrams that wait for the session.
const WAITING: usize = 2_048;
/// Larger ones do not come over a network.
const DATAGRAM: usize = 2_048;
/// How often a port that the last session may still hold is tried again, and for how long.
const AGAIN: (u32, Duration) = (20, Duration::from_millis(50));

pub(super) struct Sockets {
    sockets: Vec<(SocketAddr, Arc<UdpSocket>)>,
    arrivals: mpsc::Receiver<Datagram>,
    _readers: JoinSet<()>,
}

pub(super) struct Datagram {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

impl Sockets {
    /// Opens a socket at an address, or at each of this machine's when it is unspecified. Port 0 is any free one. What
    /// comes from outside of `limits` is not heard.
    pub async fn open(address: SocketAddr, limits: &Arc<Limits>) -> io::Result<Self> {
        let (arrived, arrivals) = mpsc::channel(WAITING);
        let mut readers = JoinSet::new();
        let mut sockets = Vec::new();
        for ip in addresses(address.ip())? {
            let socket = Arc::new(bind(SocketAddr::new(ip, address.port())).await?);
            let at = socket.local_addr()?;
            readers.spawn(read(Arc::clone(&socket), at, Arc::clone(limits), arrived.clone()));
            sockets.push((at, socket));
        }
        Ok(Self { sockets, arrivals, _readers: readers })
    }

    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.sockets.iter().map(|(at, _)| *at)
    }

    pub async fn next(&mut self) -> Option<Datagram> {
        self.arrivals.recv().await
    }

    /// Sends, or not: what is lost is sent again by those who miss it.
    pub fn send(&self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        if let Some((_, socket)) = self.sockets.iter().find(|(at, _)| *at == from) {
            let _ = socket.try_send_to(bytes, to);
        }
    }
}

async fn bind(at: SocketAddr) -> io::Result<UdpSocket> {
    let (times, pause) = AGAIN;
    for _ in 1..times {
        match UdpSocket::bind(at).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => tokio::time::sleep(pause).await,
            bound => return bound,
        }
    }
    UdpSocket::bind(at).await
}

async fn read(socket: Arc<UdpSocket>, to: SocketAddr, limits: Arc<Limits>, arrived: mpsc::Sender<Datagram>) {
    let mut buffer = [0; DATAGRAM];
    loop {
        // An error is an answer to something that we sent: nobody is there.
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
        if limits.check(from.ip().to_canonical()).is_err() {
            continue;
        }
        // When the session does not keep up, they are lost here as they would be in the network.
        if let Err(mpsc::error::TrySendError::Closed(_)) =
            arrived.try_send(Datagram { from, to, bytes: buffer[..length].to_vec() })
        {
            return;
        }
    }
}

/// The addresses where others reach this machine; its own, where there are none.
fn addresses(wanted: IpAddr) -> io::Result<Vec<IpAddr>> {
    if !wanted.is_unspecified() {
        return Ok(vec![wanted]);
    }
    let reachable = |ip: &IpAddr| match ip {
        IpAddr::V4(_) => true,
        // Addresses of a link mean nothing without its name.
        IpAddr::V6(ip) => wanted.is_ipv6() && !ip.is_unicast_link_local(),
    };
    let interfaces = if_addrs::get_if_addrs()?;
    let (own, others): (Vec<IpAddr>, Vec<IpAddr>) =
        interfaces.iter().map(|interface| interface.ip()).filter(reachable).partition(IpAddr::is_loopback);
    let mut chosen = if others.is_empty() { own } else { others };
    chosen.truncate(ADDRESSES);
    Ok(chosen)
}
