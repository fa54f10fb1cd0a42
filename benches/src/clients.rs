//! A lean crowd: many connections on one thread, so that the server is what is measured.

use std::{
    io::{ErrorKind, Read, Write},
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use mio::{Events, Interest, Poll, Token, net::TcpStream};
use socket2::{Domain, Socket, Type};

use crate::{
    answer::{Answer, find},
    spread::quantile,
};

/// Addresses on loopback that connections come from, in turn.
const SOURCES: usize = 16;

/// Connections to one server.
pub struct Clients {
    poll: Poll,
    events: Events,
    streams: Vec<TcpStream>,
    buffer: Vec<u8>,
}

/// When all were answered.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    /// When the first byte of the first answer came.
    pub first: Instant,
    /// When the last answer was whole.
    pub last: Instant,
    /// Answers that were not 200, or connections that ended.
    pub failed: usize,
}

/// A steady rate of requests.
#[derive(Clone, Copy, Debug)]
pub struct Polled {
    /// Answers.
    pub answers: usize,
    /// Answers that were not 200, or connections that ended.
    pub failed: usize,
    /// Milliseconds until an answer, the median.
    pub p50: f64,
    /// Milliseconds until an answer, for the 99th of a hundred.
    pub p99: f64,
}

impl Clients {
    /// Opens connections, one after the other, and sends each this at once.
    ///
    /// # Errors
    /// When the server refuses one.
    pub fn connect(to: SocketAddr, count: usize, first: &[u8]) -> Result<Self> {
        let poll = Poll::new()?;
        let mut streams = Vec::with_capacity(count);
        for n in 0..count {
            let source = IpAddr::from([127, 0, 0, u8::try_from(2 + n % SOURCES)?]);
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.bind(&SocketAddr::from((source, 0)).into())?;
            socket.connect(&to.into()).with_context(|| format!("connection {n} to {to}"))?;
            socket.set_tcp_nodelay(true)?;
            socket.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(socket.into());
            if !first.is_empty() {
                stream.write_all(first)?;
            }
            poll.registry().register(&mut stream, Token(n), Interest::READABLE)?;
            streams.push(stream);
        }
        Ok(Self { poll, events: Events::with_capacity(4096), streams, buffer: vec![0; 1 << 18] })
    }

    /// Sends this on every connection.
    ///
    /// # Errors
    /// When a connection has ended.
    pub fn send(&mut self, request: &[u8]) -> Result<()> {
        self.streams.iter_mut().try_for_each(|stream| stream.write_all(request)).context("a connection has ended")
    }

    /// Waits until every connection has a whole answer.
    ///
    /// # Errors
    /// When it takes longer than this.
    pub fn answers(&mut self, within: Duration) -> Result<Answered> {
        let mut answers: Vec<Answer> = Vec::new();
        answers.resize_with(self.streams.len(), Answer::default);
        let answered = self.until(within, |n, bytes| answers[n].take(bytes))?;
        let refused = answers.iter().filter(|a| a.status != 200 && a.status != 0).count();
        Ok(Answered { failed: answered.failed + refused, ..answered })
    }

    /// Waits until every connection has heard this.
    ///
    /// # Errors
    /// When it takes longer than this.
    pub fn heard(&mut self, what: &[u8], within: Duration) -> Result<Answered> {
        self.until(within, |_, bytes| find(bytes, what).is_some())
    }

    fn until(&mut self, within: Duration, mut whole: impl FnMut(usize, &[u8]) -> bool) -> Result<Answered> {
        let end = Instant::now() + within;
        let mut waiting = vec![true; self.streams.len()];
        let mut left = waiting.len();
        let (mut first, mut failed) = (None, 0);
        while left > 0 {
            let now = Instant::now();
            if now > end {
                bail!("{left} of {} connections were not answered within {within:?}", waiting.len());
            }
            self.poll.poll(&mut self.events, Some(end - now))?;
            for event in &self.events {
                let Token(n) = event.token();
                let outcome = drain(&mut self.streams[n], &mut self.buffer, |bytes| {
                    first.get_or_insert_with(Instant::now);
                    whole(n, bytes)
                });
                if waiting[n] && outcome != Outcome::More {
                    waiting[n] = false;
                    left -= 1;
                    failed += usize::from(outcome == Outcome::Ended);
                }
            }
        }
        let last = Instant::now();
        Ok(Answered { first: first.unwrap_or(last), last, failed })
    }

    /// Each connection asks once in this period, evenly spread, for so long.
    ///
    /// # Errors
    /// When a connection has ended.
    pub fn steadily(&mut self, request: &[u8], period: Duration, length: Duration) -> Result<Polled> {
        let count = self.streams.len();
        let start = Instant::now();
        let mut asked: Vec<Option<(Instant, Answer)>> = Vec::new();
        asked.resize_with(count, || None);
        let (mut sent, mut failed, mut times) = (0, 0, Vec::new());
        while start.elapsed() < length {
            let due = (start.elapsed().as_secs_f64() / period.as_secs_f64() * count as f64) as usize;
            while sent < due {
                let n = sent % count;
                sent += 1;
                // One that is not answered after a whole period asks no more often for it.
                if asked[n].is_none() {
                    self.streams[n].write_all(request).context("a connection has ended")?;
                    asked[n] = Some((Instant::now(), Answer::default()));
                }
            }
            self.poll.poll(&mut self.events, Some(Duration::from_millis(1)))?;
            for event in &self.events {
                let Token(n) = event.token();
                let outcome = drain(&mut self.streams[n], &mut self.buffer, |bytes| {
                    asked[n].as_mut().is_some_and(|(_, answer)| answer.take(bytes))
                });
                if outcome == Outcome::More {
                    continue;
                }
                let Some((at, answer)) = asked[n].take() else { continue };
                times.push(at.elapsed().as_secs_f64() * 1000.0);
                failed += usize::from(answer.status != 200);
            }
        }
        times.sort_by(f64::total_cmp);
        Ok(Polled { answers: times.len(), failed, p50: quantile(&times, 0.5), p99: quantile(&times, 0.99) })
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    More,
    Whole,
    Ended,
}

/// Reads what is there; `whole` is given the bytes.
fn drain(stream: &mut TcpStream, buffer: &mut [u8], mut whole: impl FnMut(&[u8]) -> bool) -> Outcome {
    let mut outcome = Outcome::More;
    loop {
        match stream.read(buffer) {
            Ok(0) => return Outcome::Ended,
            Ok(n) if whole(&buffer[..n]) => outcome = Outcome::Whole,
            Ok(_) => (),
            Err(error) if error.kind() == ErrorKind::Interrupted => (),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return outcome,
            Err(_) => return Outcome::Ended,
        }
    }
}
