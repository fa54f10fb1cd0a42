//! The yardstick of a fan-out: one thread that holds connections and writes the same bytes to all of them at a tick.

use std::{
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};
use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};

/// The writer in its own process.
pub struct Bare {
    process: Child,
    /// Where it listens.
    pub at: SocketAddr,
}

impl Bare {
    /// Starts this program again as the writer of what is in the file.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(answer: &std::path::Path) -> Result<Self> {
        let mut process =
            Command::new(std::env::current_exe()?).arg("bare").arg(answer).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().context("no output")?).read_line(&mut line)?;
        Ok(Self { process, at: line.trim().parse().context("the writer said no address")? })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Has it write.
    ///
    /// # Errors
    /// When it has ended.
    pub fn tick(&self) -> Result<()> {
        Ok(std::net::TcpStream::connect(self.at)?.write_all(b"!")?)
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The writer itself: holds what connects, and writes to all when one of them says `!`.
///
/// # Errors
/// When it cannot listen.
pub fn run(answer: &[u8]) -> Result<()> {
    const LISTENER: Token = Token(usize::MAX);
    let mut listener = TcpListener::bind("127.0.0.1:0".parse()?)?;
    println!("{}", listener.local_addr()?);
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(4096);
    let mut held: Vec<Option<TcpStream>> = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        poll.poll(&mut events, None)?;
        let mut tick = false;
        for event in &events {
            let token = event.token();
            if token == LISTENER {
                while let Ok((mut stream, _)) = listener.accept() {
                    let _ = stream.set_nodelay(true);
                    poll.registry().register(&mut stream, Token(held.len()), Interest::READABLE)?;
                    held.push(Some(stream));
                }
                continue;
            }
            let Some(stream) = &mut held[token.0] else { continue };
            loop {
                match stream.read(&mut buffer) {
                    Ok(n) if n > 0 && buffer[0] != b'!' => (),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    other => {
                        tick |= matches!(other, Ok(1..));
                        held[token.0] = None;
                        break;
                    }
                }
            }
        }
        if tick {
            // Small answers: a socket's buffer takes them whole.
            held.iter_mut().flatten().for_each(|stream| drop(stream.write(answer)));
        }
    }
}
