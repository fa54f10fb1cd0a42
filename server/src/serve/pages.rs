//! Media that a socket takes by the page: in cleartext nothing has to touch the bytes.

use std::{fs::File, io};

use rustix::{
    fs::sendfile,
    net::{SendFlags, send as give},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, Interest},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::server::TlsStream;

use super::STALLED;

/// A connection that the crowd's addresses are served on.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// The socket, when what is written to it goes out as it is.
    fn socket(&self) -> Option<&TcpStream>;
}

impl Wire for TcpStream {
    fn socket(&self) -> Option<&TcpStream> {
        Some(self)
    }
}

impl Wire for TlsStream<TcpStream> {
    fn socket(&self) -> Option<&TcpStream> {
        None
    }
}

/// Writes a head, and `length` bytes of a file after it.
pub async fn send(socket: &TcpStream, head: &[u8], file: &File, length: usize) -> io::Result<()> {
    let mut left = head;
    while !left.is_empty() {
        // The head leaves with the first of the body.
        let written = taken(socket, || Ok(give(socket, left, SendFlags::MORE | SendFlags::NOSIGNAL)?)).await?;
        left = left.get(written..).unwrap_or_default();
    }
    let (mut sent, length) = (0, length as u64);
    while sent < length {
        // Within the file, whose length fits a `usize`.
        let rest = (length - sent) as usize;
        taken(socket, || Ok(sendfile(socket, file, Some(&mut sent), rest)?)).await?;
    }
    Ok(())
}

/// What the socket takes once it takes something.
async fn taken(socket: &TcpStream, write: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    match timeout(STALLED, socket.async_io(Interest::WRITABLE, write)).await?? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        taken => Ok(taken),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use anyhow::Result;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    async fn pair() -> Result<(TcpStream, TcpStream)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (client, accepted) = tokio::join!(TcpStream::connect(listener.local_addr()?), listener.accept());
        Ok((client?, accepted?.0))
    }

    /// More than a socket takes at once.
    fn media() -> Result<(File, Vec<u8>)> {
        let bytes: Vec<u8> = (0..8_000_000_u32).map(|n| (n % 251) as u8).collect();
        let mut file = tempfile::tempfile()?;
        file.write_all(&bytes)?;
        Ok((file, bytes))
    }

    #[tokio::test]
    async fn a_head_and_all_of_a_file_arrive_in_order_again_and_again() -> Result<()> {
        let (file, bytes) = media()?;
        let (mut client, mut server) = pair().await?;
        let sending = async move {
            for head in [&b"one"[..], b"two"] {
                send(&server, head, &file, bytes.len()).await?;
            }
            server.shutdown().await?;
            Ok::<_, io::Error>(bytes)
        };
        let mut read = Vec::new();
        let (bytes, _) = tokio::try_join!(sending, client.read_to_end(&mut read))?;
        assert!(read == [&b"one"[..], &bytes, b"two", &bytes].concat(), "{} bytes", read.len());
        Ok(())
    }

    #[tokio::test]
    async fn a_client_that_leaves_and_a_file_that_ends_are_errors() -> Result<()> {
        let (file, bytes) = media()?;
        let (client, server) = pair().await?;
        drop(client);
        assert!(send(&server, b"head", &file, bytes.len()).await.is_err());
        let (mut client, server) = pair().await?;
        let mut read = Vec::new();
        let sending = async move { send(&server, b"", &file, bytes.len() + 1).await };
        let (sent, received) = tokio::join!(sending, client.read_to_end(&mut read));
        received?;
        assert_eq!(sent.map_err(|error| error.kind()), Err(io::ErrorKind::WriteZero));
        Ok(())
    }
}
