//! The bytes of a header, a segment or a part, wherever they are.

use std::{fs::File, io, ops::Range, os::unix::fs::FileExt, sync::Arc};

use bytes::{Bytes, BytesMut};

/// Bytes that were found.
#[derive(Clone, Debug)]
pub enum Body {
    /// In memory: the parts, in order.
    Memory(Vec<Bytes>),
    /// In a file. The handle stays good when the file is deleted.
    File {
        /// The file.
        file: Arc<File>,
        /// Where in it.
        offset: u64,
        /// How many bytes.
        len: u64,
    },
}

impl Body {
    /// How many bytes there are.
    pub fn len(&self) -> u64 {
        match self {
            Self::Memory(chunks) => chunks.iter().map(|c| c.len() as u64).sum(),
            Self::File { len, .. } => *len,
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads some of the bytes; blocks while the disk is read.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for a range that is not inside, and what the disk reports.
    pub fn read_range(&self, range: Range<u64>) -> io::Result<Bytes> {
        let outside = || io::Error::new(io::ErrorKind::InvalidInput, format!("{range:?} of {} bytes", self.len()));
        let length = range.end.checked_sub(range.start).filter(|_| range.end <= self.len()).ok_or_else(outside)?;
        let length = usize::try_from(length).map_err(|_| outside())?;
        match self {
            Self::Memory(chunks) => Ok(slice(chunks, range.start, length)),
            Self::File { file, offset, .. } => {
                let mut out = BytesMut::zeroed(length);
                file.read_exact_at(&mut out, offset + range.start)?;
                Ok(out.freeze())
            }
        }
    }

    /// Reads all of it; blocks while the disk is read.
    ///
    /// # Errors
    /// What the disk reports.
    pub fn read(&self) -> io::Result<Bytes> {
        self.read_range(0..self.len())
    }
}

/// `length` bytes from `start` of the chunks, without a copy when they lie in one of them.
fn slice(chunks: &[Bytes], start: u64, length: usize) -> Bytes {
    let mut skip = usize::try_from(start).unwrap_or(usize::MAX);
    let mut out = BytesMut::new();
    for chunk in chunks {
        if skip >= chunk.len() {
            skip -= chunk.len();
            continue;
        }
        let take = (chunk.len() - skip).min(length - out.len());
        if out.is_empty() && take == length {
            return chunk.slice(skip..skip + take);
        }
        out.extend_from_slice(&chunk[skip..skip + take]);
        if out.len() == length {
            break;
        }
        skip = 0;
    }
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_is_the_same_from_memory_and_from_a_file() {
        let whole: Vec<u8> = (0..=255).collect();
        let chunks = [&whole[..1], &[], &whole[1..100], &whole[100..]].map(Bytes::copy_from_slice).to_vec();
        let file = tempfile::tempfile().expect("a temporary file");
        file.write_all_at(&whole, 13).expect("written");
        let bodies = [Body::Memory(chunks), Body::File { file: Arc::new(file), offset: 13, len: 256 }];
        for body in &bodies {
            assert_eq!(body.len(), 256);
            for start in 0..=256 {
                for end in start..=256 {
                    let read = body.read_range(start..end).expect("inside");
                    assert_eq!(read, whole[start as usize..end as usize], "{start}..{end}");
                }
            }
            for outside in [0..257, 300..301, Range { start: 5, end: 4 }] {
                let error = body.read_range(outside).expect_err("outside");
                assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            }
        }
    }
}
