//! Where an HTTP/1.1 answer ends: as little reading as a client can do that has ten thousand connections.

/// Chunks end with an empty one.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

#[derive(Debug)]
enum Left {
    Bytes(usize),
    /// The last bytes so far: as many as the end has.
    Chunks(Vec<u8>),
}

/// An answer while it arrives.
#[derive(Debug, Default)]
pub struct Answer {
    head: Vec<u8>,
    /// What is still to come, once the head is whole.
    left: Option<Left>,
    /// The status, once the head is whole.
    pub status: u16,
}

impl Answer {
    /// Takes bytes in; whether the answer is whole. One without length or chunks never is.
    pub fn take(&mut self, bytes: &[u8]) -> bool {
        let mut body = bytes;
        if self.left.is_none() {
            let known = self.head.len();
            self.head.extend_from_slice(bytes);
            let Some(end) = find(&self.head, b"\r\n\r\n") else { return false };
            body = &bytes[(end + 4 - known).min(bytes.len())..];
            let text = String::from_utf8_lossy(&self.head[..end]).to_ascii_lowercase();
            self.status = text.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
            let length = text.lines().find_map(|l| l.strip_prefix("content-length:")?.trim().parse().ok());
            self.left = Some(length.map_or_else(|| Left::Chunks(Vec::new()), Left::Bytes));
            self.head = Vec::new();
        }
        match &mut self.left {
            None => false,
            Some(Left::Bytes(left)) => {
                *left = left.saturating_sub(body.len());
                *left == 0
            }
            Some(Left::Chunks(tail)) => {
                tail.extend_from_slice(body);
                tail.drain(..tail.len().saturating_sub(LAST_CHUNK.len()));
                tail == LAST_CHUNK
            }
        }
    }
}

/// Where these bytes begin in those.
pub fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|w| w == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_with_its_body_however_it_is_torn() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        for cut in 1..whole.len() {
            let mut answer = Answer::default();
            assert!(!answer.take(&whole[..cut]), "{cut}");
            assert!(answer.take(&whole[cut..]), "{cut}");
            assert_eq!(answer.status, 200);
        }
    }

    #[test]
    fn chunks_end_with_an_empty_one() {
        let whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        for cut in 1..whole.len() {
            let mut answer = Answer::default();
            assert!(!answer.take(&whole[..cut]), "{cut}");
            assert!(answer.take(&whole[cut..]), "{cut}");
        }
    }

    #[test]
    fn an_answer_without_a_length_does_not_end() {
        assert!(!Answer::default().take(b"HTTP/1.1 200 OK\r\n\r\nhello"));
    }
}
