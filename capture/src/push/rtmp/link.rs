//! One RTMP connection, our side of it: handshake, messages in, commands out (Adobe's specification 1.0, sections 5.2,
//! 5.4 and 7).

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    amf::{self, Value},
    chunk::{Message, Nonsense, Reader},
};

/// A handshake's packet.
const PACKET: usize = 1536;
/// A command is a few hundred bytes.
const COMMAND: usize = 4 << 10;
/// A frame: the largest key frames of 2160p are a tenth of this.
const FRAME: usize = 8 << 20;
/// All that may come before publishing begins.
const BEFORE: u64 = 32 << 10;
/// Received bytes that we acknowledge together.
const WINDOW: u32 = 1 << 20;
/// What we write is short; a peer that does not read it is gone.
const WRITING: Duration = Duration::from_secs(5);

/// How a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum End {
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    #[error("the connection was closed")]
    Closed,
    #[error("it does not speak RTMP: {0}")]
    Nonsense(#[from] Nonsense),
    #[error("it does not speak RTMP version 3")]
    Version,
    #[error("it sends much and does not publish")]
    Much,
    #[error("it wants to play, and this address only takes publishers")]
    Plays,
}

pub(super) struct Link {
    stream: TcpStream,
    reader: Reader,
    output: Vec<u8>,
    received: u64,
    acknowledged: u64,
    publishing: bool,
}

/// What a peer wants to publish, as it says.
pub(super) struct Request {
    pub app: String,
    pub name: String,
}

impl Link {
    pub fn new(stream: TcpStream) -> Self {
        let reader = Reader::new(COMMAND);
        Self { stream, reader, output: Vec::new(), received: 0, acknowledged: 0, publishing: false }
    }

    /// The plain handshake: what we send is the peer's own packet, and zeros.
    pub async fn handshake(&mut self) -> Result<(), End> {
        let mut first = [0; 1 + PACKET];
        self.stream.read_exact(&mut first).await?;
        if first[0] != 3 {
            return Err(End::Version);
        }
        self.output.push(3);
        self.output.extend([0; PACKET]);
        self.output.extend(&first[1..]);
        self.flush().await?;
        self.stream.read_exact(&mut [0; PACKET]).await?;
        Ok(())
    }

    /// Answers commands until the peer says what it wants to publish.
    pub async fn request(&mut self) -> Result<Request, End> {
        let mut app = String::new();
        loop {
            let message = self.message().await?.ok_or(End::Closed)?;
            let values = command(&message);
            let name = values.first().and_then(Value::text).unwrap_or_default();
            let transaction = values.get(1).and_then(Value::number).unwrap_or_default();
            match name {
                "connect" => {
                    let wanted = values.get(2).and_then(|object| object.member("app")).and_then(Value::text);
                    app = wanted.unwrap_or_default().to_owned();
                    self.accept_connection(transaction);
                }
                "createStream" => {
                    let result = [text("_result"), Value::Number(transaction), Value::Null, Value::Number(1.0)];
                    self.put(3, 20, 0, &amf::write(&result));
                }
                "publish" => {
                    let name = values.get(3).and_then(Value::text).unwrap_or_default().to_owned();
                    return Ok(Request { app, name });
                }
                "play" | "play2" => return Err(End::Plays),
                _ => {}
            }
            self.flush().await?;
        }
    }

    fn accept_connection(&mut self, transaction: f64) {
        self.put(2, 5, 0, &WINDOW.to_be_bytes());
        self.put(2, 6, 0, &[&WINDOW.to_be_bytes()[..], &[2]].concat());
        // Whatever we send is one chunk.
        self.put(2, 1, 0, &4096_u32.to_be_bytes());
        let about = object(&[("fmsVer", text("FMS/3,0,1,123")), ("capabilities", Value::Number(31.0))]);
        let status = object(&[
            ("level", text("status")),
            ("code", text("NetConnection.Connect.Success")),
            ("description", text("Connected.")),
            ("objectEncoding", Value::Number(0.0)),
        ]);
        self.put(3, 20, 0, &amf::write(&[text("_result"), Value::Number(transaction), about, status]));
    }

    /// Lets the peer publish.
    pub async fn accept(&mut self) -> Result<(), End> {
        self.reader.allow(FRAME);
        self.publishing = true;
        self.status("status", "NetStream.Publish.Start", "Publishing.");
        self.flush().await
    }

    /// Turns the peer away, in words that its operator can read.
    pub async fn refuse(&mut self, why: &str) -> Result<(), End> {
        self.status("error", "NetStream.Publish.BadName", why);
        self.flush().await?;
        Ok(self.stream.shutdown().await?)
    }

    fn status(&mut self, level: &str, code: &str, description: &str) {
        let status = object(&[("level", text(level)), ("code", text(code)), ("description", text(description))]);
        self.put(5, 20, 1, &amf::write(&[text("onStatus"), Value::Number(0.0), Value::Null, status]));
    }

    /// The next message; `None` when the peer has closed the connection.
    pub async fn message(&mut self) -> Result<Option<Message>, End> {
        loop {
            if let Some(message) = self.reader.next()? {
                match message.kind {
                    // A ping is answered with a pong.
                    4 if message.body.starts_with(&[0, 6]) && message.body.len() == 6 => {
                        let pong = [&[0, 7], &message.body[2..]].concat();
                        self.put(2, 4, 0, &pong);
                        self.flush().await?;
                    }
                    3..=6 => {}
                    _ => return Ok(Some(message)),
                }
                continue;
            }
            let input = self.reader.input();
            input.reserve(16 << 10);
            let read = self.stream.read_buf(input).await?;
            if read == 0 {
                return Ok(None);
            }
            self.received += read as u64;
            if !self.publishing && self.received > BEFORE {
                return Err(End::Much);
            }
            if self.received - self.acknowledged >= u64::from(WINDOW) / 2 {
                self.acknowledged = self.received;
                let bytes = self.received.to_be_bytes();
                self.put(2, 3, 0, &bytes[4..]);
                self.flush().await?;
            }
        }
    }

    /// Writes a message of one chunk.
    fn put(&mut self, chunk_stream: u8, kind: u8, stream: u8, body: &[u8]) {
        let length = u32::try_from(body.len()).unwrap_or(0).to_be_bytes();
        self.output.extend([chunk_stream, 0, 0, 0]);
        self.output.extend(&length[1..]);
        self.output.extend([kind, stream, 0, 0, 0]);
        self.output.extend(body);
    }

    async fn flush(&mut self) -> Result<(), End> {
        let output = std::mem::take(&mut self.output);
        let written = tokio::time::timeout(WRITING, self.stream.write_all(&output)).await;
        Ok(written.unwrap_or_else(|late| Err(late.into()))?)
    }
}

/// A command's values: its name, its transaction, its object, its arguments. Empty for other messages.
pub(super) fn command(message: &Message) -> Vec<Value> {
    match message.kind {
        20 => amf::read(&message.body),
        // AMF 3, of which a command's values are AMF 0 after a zero.
        17 => message.body.strip_prefix(&[0]).map(amf::read).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn object(members: &[(&str, Value)]) -> Value {
    Value::Object(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}
