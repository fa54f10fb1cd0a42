//! A bad network between two programs: what goes through it is delayed, lost, doubled, damaged, held or cut, as it is told
//! while it runs.
//!
//! What befalls the n-th packet of a direction is a function of the seed and of the conditions then, so a run can be repeated.
//! Over UDP packets are what the sockets carry, and SRT or RTP see them as from any network. Over TCP (RTSP, RTMP, HTTP) they
//! are pieces of a stream: what would be lost is late instead, as after a retransmission, and nothing is doubled or overtaken.
//!
//! ```
//! use std::net::UdpSocket;
//! use test_media::relay::{Conditions, Relay};
//!
//! let far = UdpSocket::bind("127.0.0.1:0")?;
//! let relay = Relay::udp("127.0.0.1:0".parse()?, far.local_addr()?, 7)?;
//! UdpSocket::bind("127.0.0.1:0")?.send_to(b"frame", relay.address())?;
//! let mut packet = [0; 16];
//! assert_eq!(far.recv(&mut packet)?, 5);
//! relay.set(Conditions { loss: 0.02, ..Conditions::default() });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod clock;
mod conditions;
mod control;
mod fate;
mod line;
mod pump;
mod tcp;
mod udp;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, mpsc::Receiver},
    thread::JoinHandle,
    time::Instant,
};

pub use conditions::{Conditions, Unreadable};
use control::Control;
pub use control::Counts;

/// A relay that runs. Dropped, it is gone, and so are its connections.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    control: Arc<Control>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Datagrams that come to `listen` go on to `target`; its answers go back to whoever sent last.
    ///
    /// # Errors
    /// When it cannot listen.
    pub fn udp(listen: SocketAddr, target: SocketAddr, seed: u64) -> io::Result<Self> {
        let control = Control::new(seed);
        let (address, thread) = udp::start(listen, target, Arc::clone(&control))?;
        Ok(Self { address, control, thread: Some(thread) })
    }

    /// Connections that come to `listen` are connected to `target`.
    ///
    /// # Errors
    /// When it cannot listen.
    pub fn tcp(listen: SocketAddr, target: SocketAddr, seed: u64) -> io::Result<Self> {
        let control = Control::new(seed);
        let (address, thread) = tcp::start(listen, target, Arc::clone(&control))?;
        Ok(Self { address, control, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The conditions at present.
    pub fn conditions(&self) -> Conditions {
        self.control.conditions()
    }

    /// These conditions hold from now on.
    pub fn set(&self, conditions: Conditions) {
        self.control.change(|now| *now = conditions);
    }

    /// Changes some of the conditions.
    pub fn change(&self, change: impl FnOnce(&mut Conditions)) {
        self.control.change(change);
    }

    /// Connections break now, over TCP. Over UDP `target` sees the next packet come from another port, as after a router
    /// has forgotten who is who.
    pub fn cut(&self) {
        self.control.cut();
    }

    /// Every packet from now on and when it went out, both ways; until this is called again.
    pub fn tap(&self) -> Receiver<(Instant, Vec<u8>)> {
        self.control.tap()
    }

    /// What has gone through so far, both ways.
    pub fn counts(&self) -> Counts {
        self.control.counts()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.control.stop();
        if let Some(thread) = self.thread.take() {
            // It looks around at least every 20 ms; a panic in it is not ours.
            let _ = thread.join();
        }
    }
}
