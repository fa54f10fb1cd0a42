//! Datagrams: from whoever sends to the target, and back.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{
    control::Control,
    fate::Fates,
    pump::{GLANCE, Pump},
};

/// Whoever sent last, and the socket that speaks for it.
struct Peer {
    from: SocketAddr,
    cuts: u64,
    towards: Arc<UdpSocket>,
}

pub(super) fn start(
    listen: SocketAddr,
    target: SocketAddr,
    control: Arc<Control>,
) -> io::Result<(SocketAddr, JoinHandle<()>)> {
    let near = Arc::new(UdpSocket::bind(listen)?);
    near.set_read_timeout(Some(GLANCE))?;
    let address = near.local_addr()?;
    let thread = thread::Builder::new().name("relay".into()).spawn(move || forwards(&near, target, &control))?;
    Ok((address, thread))
}

fn forwards(near: &Arc<UdpSocket>, target: SocketAddr, control: &Arc<Control>) {
    let peer: Mutex<Option<Peer>> = Mutex::new(None);
    let lock = || peer.lock().unwrap_or_else(PoisonError::into_inner);
    let receive = |buffer: &mut [u8], wait: Duration| {
        near.set_read_timeout(Some(wait))?;
        let (length, from) = near.recv_from(buffer)?;
        let mut peer = lock();
        let cuts = control.cuts();
        if peer.as_ref().is_none_or(|peer| peer.from != from || peer.cuts != cuts) {
            let towards = Arc::new(dial(target)?);
            answers(near, &towards, from, control)?;
            *peer = Some(Peer { from, cuts, towards });
        }
        Ok(length)
    };
    let send = |packet: &[u8]| {
        let towards = lock().as_ref().map(|peer| Arc::clone(&peer.towards));
        towards.map_or(Ok(()), |towards| towards.send(packet).map(drop))
    };
    let fates = Fates::new(control.seed, false);
    Pump { control: Arc::clone(control), fates, stream: false, receive, send }.run(|| true);
}

fn dial(target: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = if target.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0; 8], 0).into() };
    let socket = UdpSocket::bind(any)?;
    socket.connect(target)?;
    Ok(socket)
}

/// A thread for what the target answers, for as long as its socket is in use.
fn answers(near: &Arc<UdpSocket>, towards: &Arc<UdpSocket>, to: SocketAddr, control: &Arc<Control>) -> io::Result<()> {
    let (near, socket, control) = (Arc::clone(near), Arc::downgrade(towards), Arc::clone(control));
    let towards = towards.try_clone()?;
    thread::Builder::new().name("relay-back".into()).spawn(move || {
        let receive = |buffer: &mut [u8], wait: Duration| {
            towards.set_read_timeout(Some(wait))?;
            towards.recv(buffer)
        };
        let send = |packet: &[u8]| near.send_to(packet, to).map(drop);
        let fates = Fates::new(!control.seed, false);
        let pump = Pump { control, fates, stream: false, receive, send };
        pump.run(|| socket.strong_count() > 0);
    })?;
    Ok(())
}
