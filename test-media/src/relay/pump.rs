//! One direction of a relay: in, befallen by its fate, under way, out.

use std::{
    io,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use super::{control::Control, fate::Fates, line::Line};

/// How often a pump looks around at least.
pub(super) const GLANCE: Duration = Duration::from_millis(20);
/// How much of a stream is taken in while nothing goes out: then its sender has to wait.
const STREAM_BACKLOG: usize = 256 << 10;
/// The longest datagram.
const LONGEST: usize = 65_536;

/// One direction, and how packets come and go.
pub(super) struct Pump<R, S> {
    pub control: Arc<Control>,
    pub fates: Fates,
    /// Whether this is a stream, which ends, or datagrams, which do not.
    pub stream: bool,
    /// Takes a packet, waiting as long as it is told.
    pub receive: R,
    pub send: S,
}

impl<R, S> Pump<R, S>
where
    R: FnMut(&mut [u8], Duration) -> io::Result<usize>,
    S: FnMut(&[u8]) -> io::Result<()>,
{
    /// Runs until `alive` says no, or a stream ends.
    pub fn run(mut self, alive: impl Fn() -> bool) {
        let mut line = Line::new(Instant::now());
        let mut buffer = vec![0; LONGEST];
        let mut ended = false;
        while alive() && !self.control.stopped() {
            let conditions = self.control.conditions();
            let held = conditions.freeze || (self.stream && conditions.black_hole);
            while let Some(packet) = if held { None } else { line.pop(Instant::now()) } {
                // Nobody there is what a network does not mind.
                if (self.send)(&packet).is_err() && self.stream {
                    return;
                }
                self.control.sent(packet);
            }
            if ended && line.bytes() == 0 {
                return;
            }
            let wait =
                line.wait(Instant::now()).filter(|_| !held).unwrap_or(GLANCE).clamp(Duration::from_millis(1), GLANCE);
            if ended || (self.stream && (line.bytes() > STREAM_BACKLOG || conditions.black_hole)) {
                std::thread::sleep(wait);
                continue;
            }
            match (self.receive)(&mut buffer, wait) {
                Ok(0) if self.stream => ended = true,
                Ok(length) => {
                    // Those of the moment of its arrival, not of the wait before.
                    let conditions = self.control.conditions();
                    let fate = self.fates.decide(&conditions, buffer[..length].to_vec());
                    self.control.lost.fetch_add(u64::from(fate.passed.is_empty()), Relaxed);
                    self.control.damaged.fetch_add(u64::from(fate.damaged), Relaxed);
                    self.control.received.fetch_add(1, Relaxed);
                    let now = Instant::now();
                    fate.passed.into_iter().for_each(|packet| line.push(packet, conditions.rate_kbps, now));
                }
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                // A datagram that nobody took comes back as an error of the next call.
                Err(_) if !self.stream => {}
                Err(_) => return,
            }
        }
    }
}
