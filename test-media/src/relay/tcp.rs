//! Connections: each is one to the target, with a pump in either direction.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{
    control::Control,
    fate::Fates,
    pump::{GLANCE, Pump},
};

/// How much of a stream is one piece: what a packet carries.
const PIECE: usize = 1_460;

pub(super) fn start(
    listen: SocketAddr,
    target: SocketAddr,
    control: Arc<Control>,
) -> io::Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind(listen)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let accept = move || {
        let mut connections = 0;
        while !control.stopped() {
            match listener.accept() {
                Ok((near, _)) => {
                    connections += 1;
                    // Who cannot be connected is hung up on.
                    let _ = connect(near, target, connections, &control);
                }
                Err(_) => thread::sleep(GLANCE / 4),
            }
        }
    };
    Ok((address, thread::Builder::new().name("relay".into()).spawn(accept)?))
}

fn connect(near: TcpStream, target: SocketAddr, number: u64, control: &Arc<Control>) -> io::Result<()> {
    near.set_nonblocking(false)?;
    let far = TcpStream::connect_timeout(&target, Duration::from_secs(1))?;
    let alive = Arc::new(AtomicBool::new(true));
    direction(&near, &far, number << 1, control, &alive)?;
    direction(&far, &near, number << 1 | 1, control, &alive)
}

fn direction(
    from: &TcpStream,
    to: &TcpStream,
    salt: u64,
    control: &Arc<Control>,
    alive: &Arc<AtomicBool>,
) -> io::Result<()> {
    let (from, to) = (from.try_clone()?, to.try_clone()?);
    let (control, alive) = (Arc::clone(control), Arc::clone(alive));
    to.set_nodelay(true)?;
    // A receiver that takes nothing must not keep this thread for ever.
    to.set_write_timeout(Some(Duration::from_secs(2)))?;
    thread::Builder::new().name("relay-stream".into()).spawn(move || {
        let receive = |buffer: &mut [u8], wait: Duration| {
            from.set_read_timeout(Some(wait))?;
            (&from).read(&mut buffer[..PIECE])
        };
        let send = |piece: &[u8]| (&to).write_all(piece);
        let fates = Fates::new(control.seed.wrapping_add(salt), true);
        let cuts = control.cuts();
        let hole = AtomicBool::new(false);
        let pump = Pump { control: Arc::clone(&control), fates, stream: true, receive, send };
        pump.run(|| {
            let in_hole = control.conditions().black_hole;
            let left = hole.swap(in_hole, Relaxed) && !in_hole;
            alive.load(Relaxed) && control.cuts() == cuts && !left
        });
        // One direction's end is the connection's.
        alive.store(false, Relaxed);
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    })?;
    Ok(())
}
