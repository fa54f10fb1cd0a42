//! RTMP's chunk stream (Adobe's specification 1.0, section 5.3), reading: bytes in, whole messages out. Every bound is
//! checked before anything is kept, for whoever can reach the port can write here.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};

/// Chunk streams that a peer may have open: encoders use four.
const STREAMS: usize = 16;
/// A timestamp field that says: the time follows in four bytes of its own.
const EXTENDED: u32 = 0xff_ff_ff;

/// A message, put together.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// Its type: 8 is sound, 9 picture, 20 a command.
    pub kind: u8,
    /// Milliseconds, modulo 2³².
    pub time: u32,
    pub body: Bytes,
}

/// What no RTMP peer sends, or none should.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Nonsense {
    #[error("a chunk continues a stream that has not begun")]
    NotBegun,
    #[error("more than {STREAMS} chunk streams")]
    Streams,
    #[error("a message of {0} bytes, which is too large")]
    Large(usize),
    #[error("a chunk size of {0}")]
    ChunkSize(u32),
}

/// Puts messages together.
pub(super) struct Reader {
    input: BytesMut,
    streams: HashMap<u32, Stream>,
    chunk: usize,
    limit: usize,
    /// Bytes of unfinished messages.
    held: usize,
}

/// One chunk stream: the header that later chunks refer to, and the message under way.
#[derive(Default)]
struct Stream {
    head: Head,
    body: Vec<u8>,
}

#[derive(Clone, Copy, Default)]
struct Head {
    time: u32,
    delta: u32,
    extended: bool,
    length: usize,
    kind: u8,
}

/// A chunk whose header is there.
struct Chunk {
    stream: u32,
    head: Head,
    /// Whether a message begins here.
    begins: bool,
    /// Bytes of the header.
    length: usize,
}

impl Reader {
    /// Messages, and all unfinished ones together, have at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { input: BytesMut::new(), streams: HashMap::new(), chunk: 128, limit, held: 0 }
    }

    /// Allows larger messages from now on.
    pub fn allow(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Where received bytes are put.
    pub fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// The next whole message, if there is one in what has been received.
    pub fn next(&mut self) -> Result<Option<Message>, Nonsense> {
        while let Some(chunk) = self.chunk()? {
            let filled = self.streams.get(&chunk.stream).map_or(0, |stream| stream.body.len());
            let missing = chunk.head.length - if chunk.begins { 0 } else { filled };
            let here = missing.min(self.chunk);
            if self.input.len() < chunk.length + here {
                return Ok(None);
            }
            let bytes = self.input.split_to(chunk.length + here);
            let stream = self.streams.entry(chunk.stream).or_default();
            stream.head = chunk.head;
            if chunk.begins {
                // A message that was under way and is begun anew is given up.
                self.held -= filled;
                stream.body.clear();
            }
            stream.body.extend_from_slice(&bytes[chunk.length..]);
            self.held += here;
            if self.held > self.limit {
                return Err(Nonsense::Large(self.held));
            }
            if here < missing {
                continue;
            }
            let body = Bytes::from(std::mem::take(&mut stream.body));
            self.held -= body.len();
            match chunk.head.kind {
                // These two are the reader's own.
                1 => self.set_chunk(&body)?,
                2 => self.abort(&body),
                kind => return Ok(Some(Message { kind, time: chunk.head.time, body })),
            }
        }
        Ok(None)
    }

    /// The header in front, once it is whole.
    fn chunk(&self) -> Result<Option<Chunk>, Nonsense> {
        let bytes = &self.input[..];
        let Some(&first) = bytes.first() else { return Ok(None) };
        let (id, mut at) = match (first & 0x3f, bytes.get(1), bytes.get(2)) {
            (0, Some(one), _) => (64 + u32::from(*one), 2),
            (1, Some(one), Some(two)) => (64 + u32::from(*one) + 256 * u32::from(*two), 3),
            (0 | 1, ..) => return Ok(None),
            (id, ..) => (u32::from(id), 1),
        };
        let format = first >> 6;
        let known = self.streams.get(&id);
        let mut head = match known {
            Some(stream) => stream.head,
            None if format != 0 => return Err(Nonsense::NotBegun),
            None if self.streams.len() >= STREAMS => return Err(Nonsense::Streams),
            None => Head::default(),
        };
        let length = [11, 7, 3, 0][usize::from(format)];
        let Some(fields) = bytes.get(at..at + length) else { return Ok(None) };
        at += length;
        if format < 3 {
            head.delta = number(&fields[..3]);
            head.extended = head.delta == EXTENDED;
        }
        if format < 2 {
            head.length = usize::try_from(number(&fields[3..6])).unwrap_or(usize::MAX);
            head.kind = fields[6];
            if head.length > self.limit {
                return Err(Nonsense::Large(head.length));
            }
        }
        if head.extended {
            let Some(field) = bytes.get(at..at + 4) else { return Ok(None) };
            at += 4;
            head.delta = number(field);
        }
        let begins = format < 3 || known.is_none_or(|stream| stream.body.is_empty());
        if begins {
            // Also of a chunk without fields that begins a message: it is as much later as the one before it was.
            head.time = if format == 0 { head.delta } else { head.time.wrapping_add(head.delta) };
        }
        Ok(Some(Chunk { stream: id, head, begins, length: at }))
    }

    fn set_chunk(&mut self, body: &[u8]) -> Result<(), Nonsense> {
        let size = body.get(..4).map_or(0, number);
        match size {
            1..=0xff_ff_ff => self.chunk = usize::try_from(size).unwrap_or(128),
            _ => return Err(Nonsense::ChunkSize(size)),
        }
        Ok(())
    }

    fn abort(&mut self, body: &[u8]) {
        if let Some(stream) = body.get(..4).and_then(|id| self.streams.get_mut(&number(id))) {
            self.held -= stream.body.len();
            stream.body.clear();
        }
    }
}

/// Big-endian.
fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(reader: &mut Reader, bytes: &[u8]) -> Result<Vec<(u8, u32, usize)>, Nonsense> {
        reader.input().extend_from_slice(bytes);
        let mut messages = Vec::new();
        while let Some(message) = reader.next()? {
            messages.push((message.kind, message.time, message.body.len()));
        }
        Ok(messages)
    }

    /// A header of format 0 on chunk stream 4.
    fn first(time: u32, length: u32, kind: u8) -> Vec<u8> {
        let mut bytes = vec![4];
        bytes.extend(&time.to_be_bytes()[1..]);
        bytes.extend(&length.to_be_bytes()[1..]);
        bytes.extend([kind, 1, 0, 0, 0]);
        bytes
    }

    #[test]
    fn a_message_without_a_header_of_its_own_is_as_much_later() {
        let mut reader = Reader::new(1_000);
        let bytes = [first(1_000, 2, 8), b"ab".to_vec(), vec![0x84, 0, 0, 23], b"cd".to_vec(), b"\xc4ef".to_vec()];
        let messages = read(&mut reader, &bytes.concat());
        assert_eq!(messages, Ok(vec![(8, 1_000, 2), (8, 1_023, 2), (8, 1_046, 2)]));
    }

    #[test]
    fn chunks_of_two_messages_may_alternate_and_arrive_byte_by_byte() {
        let mut bytes = first(7, 200, 9);
        bytes.extend([1; 128]);
        let mut other = first(9, 3, 8);
        other[0] = 5;
        bytes.extend(other);
        bytes.extend([2; 3]);
        bytes.push(0xc4);
        bytes.extend([1; 72]);
        let mut reader = Reader::new(1_000);
        let one_by_one: Vec<_> =
            bytes.iter().flat_map(|byte| read(&mut reader, &[*byte]).expect("no nonsense")).collect();
        assert_eq!(one_by_one, [(8, 9, 3), (9, 7, 200)]);
        assert_eq!(reader.held, 0);
    }

    #[test]
    fn times_beyond_24_bits_stand_in_every_chunk() {
        let mut bytes = first(0xff_ff_ff, 130, 9);
        bytes.extend(0x0123_4567_u32.to_be_bytes());
        bytes.extend([1; 128]);
        bytes.push(0xc4);
        bytes.extend(0x0123_4567_u32.to_be_bytes());
        bytes.extend([1; 2]);
        assert_eq!(read(&mut Reader::new(1_000), &bytes), Ok(vec![(9, 0x0123_4567, 130)]));
    }

    #[test]
    fn nothing_is_kept_beyond_the_limit() {
        assert_eq!(read(&mut Reader::new(1_000), &first(0, 1_001, 9)), Err(Nonsense::Large(1_001)));
        // Many streams, each with an unfinished message.
        let mut reader = Reader::new(1_000);
        let mut unfinished = |stream: u8| {
            let mut bytes = first(0, 900, 9);
            bytes[0] = stream;
            bytes.extend([1; 128]);
            read(&mut reader, &bytes)
        };
        assert!((2..9).all(|stream| unfinished(stream).is_ok()));
        assert_eq!(unfinished(9), Err(Nonsense::Large(1_024)));
        assert_eq!(read(&mut Reader::new(1_000), &[0xc4]), Err(Nonsense::NotBegun));
        let size = [first(0, 4, 1), vec![0; 4]].concat();
        assert_eq!(read(&mut Reader::new(1_000), &size), Err(Nonsense::ChunkSize(0)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..2_000), cut in 1usize..50) {
            let mut reader = Reader::new(4_096);
            for piece in bytes.chunks(cut) {
                if read(&mut reader, piece).is_err() {
                    break;
                }
                prop_assert!(reader.held <= 4_096);
            }
        }
    }
}
