//! HTTP/1.1 for the crowd: a head read, shared bytes written, nothing in between.
//!
//! Whatever is not of the usual kind is handed over to [`super::whole`], with the connection and every byte read of it.

use std::{
    cell::RefCell,
    future::poll_fn,
    io::{self, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    task::Poll,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::response::Response;
use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    time::timeout,
};

use super::{
    HEAD, STALLED, Site,
    head::{self, Head},
    pages::{self, Wire},
    rewind::Rewind,
};
use crate::http::{self, Following, Quick};

/// Serves a connection until either side closes it.
pub async fn connection(mut io: impl Wire, site: &Site, over_tls: bool) {
    let mut read = BytesMut::new();
    loop {
        // Silent and drip-feeding clients are closed; one that has nothing more to ask, too.
        let Ok(Ok(true)) = timeout(HEAD, whole_head(&mut io, &mut read)).await else { return };
        let Head::Usual(asked, length) = head::read(&read) else { break };
        let (quick, without_body) = (http::quick(&site.app, &asked).await, asked.head);
        let sent = match quick {
            None => break,
            Some(Quick::Whole(answer)) => {
                let mut head = Vec::with_capacity(512);
                answer.head(&mut head);
                end(&mut head);
                let kept = answer.kept.as_deref().filter(|_| !without_body);
                let pages = io.socket().and_then(|socket| Some((socket, kept?.file()?)));
                match pages {
                    Some((socket, file)) => pages::send(socket, &head, file, answer.body.len()).await,
                    None => send(&mut io, &head, if without_body { &[] } else { &answer.body }).await,
                }
            }
            Some(Quick::Problem(problem)) => refuse(&mut io, problem, without_body).await,
            Some(Quick::Events(following)) => {
                // Ends with the connection, one way or the other.
                let _ = follow(&mut io, following).await;
                return;
            }
        };
        if sent.is_err() {
            return;
        }
        read.advance(length);
        if read.is_empty() {
            // An idle connection keeps no buffer.
            read = BytesMut::new();
        }
    }
    Box::pin(super::whole(Rewind::new(read.freeze(), io), site, over_tls)).await;
}

/// Reads until something can be said of the head; `false` at the end of the connection.
async fn whole_head(io: &mut (impl AsyncRead + Unpin), read: &mut BytesMut) -> io::Result<bool> {
    while read.is_empty() || matches!(head::read(read), Head::More) {
        if more(io, read).await? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Reads once, by way of the stack: nothing is reserved while there is nothing to read.
async fn more(io: &mut (impl AsyncRead + Unpin), read: &mut BytesMut) -> io::Result<usize> {
    poll_fn(|cx| {
        let mut stack = [MaybeUninit::uninit(); 4096];
        let mut buffer = ReadBuf::uninit(&mut stack);
        let polled = Pin::new(&mut *io).poll_read(cx, &mut buffer);
        polled.map_ok(|()| {
            read.extend_from_slice(buffer.filled());
            buffer.filled().len()
        })
    })
    .await
}

/// Writes a head and a body, as few writes as the connection takes.
async fn send(io: &mut (impl AsyncWrite + Unpin), head: &[u8], body: &[u8]) -> io::Result<()> {
    let mut slices = [IoSlice::new(head), IoSlice::new(body)];
    let mut left = if body.is_empty() { &mut slices[..1] } else { &mut slices[..] };
    while !left.is_empty() {
        let written = timeout(STALLED, io.write_vectored(left)).await??;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        IoSlice::advance_slices(&mut left, written);
    }
    timeout(STALLED, io.flush()).await?
}

async fn refuse(io: &mut (impl AsyncWrite + Unpin), problem: Response, without_body: bool) -> io::Result<()> {
    let (parts, body) = problem.into_parts();
    // A problem document is a sentence.
    let body = axum::body::to_bytes(body, 64 * 1024).await.map_err(io::Error::other)?;
    let mut head = format!("HTTP/1.1 {}\r\ncontent-length: {}\r\n", parts.status, body.len()).into_bytes();
    for (name, value) in &parts.headers {
        field(&mut head, name.as_str(), value.as_bytes());
    }
    end(&mut head);
    send(io, &head, if without_body { &[] } else { &body }).await
}

/// Writes events until the client closes or the server stops. Their end is the connection's (RFC 9112, 6.3).
async fn follow(io: &mut (impl AsyncRead + AsyncWrite + Unpin), mut following: Following) -> io::Result<()> {
    let mut head = b"HTTP/1.1 200 OK\r\nconnection: close\r\n".to_vec();
    for (name, value) in http::EVENT_FIELDS.iter().chain(&http::ALWAYS).chain([&http::OPEN]) {
        field(&mut head, name, value.as_bytes());
    }
    end(&mut head);
    loop {
        let bytes = tokio::select! {
            bytes = following.next() => bytes,
            closed = close(io) => return closed,
        };
        let Some(bytes) = bytes else { return Ok(()) };
        send(io, &std::mem::take(&mut head), &bytes).await?;
    }
}

/// Waits for the end of the connection; what a client says before it is of no interest.
async fn close(io: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    poll_fn(|cx| {
        loop {
            let mut stack = [MaybeUninit::uninit(); 512];
            let mut buffer = ReadBuf::uninit(&mut stack);
            match Pin::new(&mut *io).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                polled => return polled,
            }
        }
    })
    .await
}

fn field(head: &mut Vec<u8>, name: &str, value: &[u8]) {
    for bytes in [name.as_bytes(), b": ", value, b"\r\n"] {
        head.extend_from_slice(bytes);
    }
}

/// `Date`, and the end of a head. The date's text is made once a second.
fn end(head: &mut Vec<u8>) {
    thread_local! {
        static DATE: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
    }
    DATE.with_borrow_mut(|(second, text)| {
        let now = SystemTime::now();
        let this = now.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        if *second != this || text.is_empty() {
            (*second, *text) = (this, httpdate::fmt_http_date(now));
        }
        field(head, "date", text.as_bytes());
    });
    head.extend_from_slice(b"\r\n");
}
