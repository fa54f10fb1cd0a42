//! The table of contents that ends a finished file: what a scan of all its boxes would find.
//!
//! Reading every `moof` of three hours of eight renditions is 430,000 small reads: two seconds when the system has them in
//! memory, fifteen when it has not. A file that was being written when the process ended has no table and is scanned.
//!
//! One `uuid` box: extended type, CRC of the header, length of a unit, number of segments; per segment its number,
//! discontinuities, start, offset, number of parts; per part its length, its bytes, and whether it is independent; the
//! table's CRC and, last in the file, the box's length again, so that it is found from the end.

use std::{fs::File, io, os::unix::fs::FileExt};

use packager::{Msn, PartEntry};

use crate::{layout::box_header, scan::Piece};

const TYPE: [u8; 16] = *b"\x8f\x52\xc1\x09virage-toc\x00\x01";
/// No table is longer: an hour of 100 ms parts is not a fifth of it.
const LONGEST: u64 = 4 << 20;

/// A table of contents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Toc {
    /// CRC-32 of the file's header.
    pub(crate) header_crc: u32,
    /// The first unit's length in ticks.
    pub(crate) unit: u32,
    pub(crate) pieces: Vec<Piece>,
}

impl Toc {
    /// The box.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![0; 4];
        out.extend_from_slice(b"uuid");
        out.extend_from_slice(&TYPE);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes();
        for word in [self.header_crc.to_be_bytes(), self.unit.to_be_bytes(), count(self.pieces.len())] {
            out.extend_from_slice(&word);
        }
        for piece in &self.pieces {
            for long in [piece.msn.0, piece.discontinuities, piece.start, piece.offset] {
                out.extend_from_slice(&long.to_be_bytes());
            }
            out.extend_from_slice(&count(piece.parts.len()));
            for part in &piece.parts {
                out.extend_from_slice(&part.duration.to_be_bytes());
                out.extend_from_slice(&part.size.to_be_bytes());
                out.push(u8::from(part.independent));
            }
        }
        let size = count(out.len() + 8);
        out[..4].copy_from_slice(&size);
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_be_bytes());
        out.extend_from_slice(&size);
        out
    }

    /// The table of a file of `len` bytes whose header is `header` bytes long. `None` when there is none, or it does not
    /// tell of such a file.
    pub(crate) fn read(file: &File, len: u64, header: u64) -> io::Result<Option<Self>> {
        let mut last = [0; 4];
        let Some(at) = len.checked_sub(4) else { return Ok(None) };
        file.read_exact_at(&mut last, at)?;
        let size = u64::from(u32::from_be_bytes(last));
        let Some(begin) = len.checked_sub(size).filter(|_| size <= LONGEST) else { return Ok(None) };
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        file.read_exact_at(&mut bytes, begin)?;
        Ok(Self::decode(&bytes).filter(|toc| toc.tiles(header, begin)))
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (rest, size) = bytes.split_last_chunk::<4>()?;
        let (covered, crc) = rest.split_last_chunk::<4>()?;
        let size_fits = u64::from(u32::from_be_bytes(*size)) == bytes.len() as u64;
        if !size_fits || crc32fast::hash(covered) != u32::from_be_bytes(*crc) {
            return None;
        }
        if box_header(covered)? != (bytes.len() as u64, *b"uuid") {
            return None;
        }
        let mut fields = Fields(covered.get(8..)?.strip_prefix(&TYPE)?);
        let (header_crc, unit, count) = (fields.word()?, fields.word()?, fields.word()?);
        let mut pieces = Vec::new();
        for _ in 0..count {
            let (msn, discontinuities) = (Msn(fields.long()?), fields.long()?);
            let (start, offset, count) = (fields.long()?, fields.long()?, fields.word()?);
            let mut parts = Vec::new();
            for _ in 0..count {
                let (duration, size) = (fields.word()?, fields.word()?);
                parts.push(PartEntry { duration, size, independent: fields.byte()? != 0 });
            }
            let duration = parts.iter().map(|p| u64::from(p.duration)).sum();
            pieces.push(Piece { msn, discontinuities, start, duration, offset, parts });
        }
        fields.0.is_empty().then_some(Self { header_crc, unit, pieces })
    }

    /// Whether the segments lie in order between the header and the table.
    fn tiles(&self, header: u64, end: u64) -> bool {
        let mut at = header;
        let mut newest = None;
        self.pieces.iter().all(|piece| {
            let follows = piece.offset >= at && newest < Some(piece.msn) && !piece.parts.is_empty();
            newest = Some(piece.msn);
            at = piece.offset.saturating_add(piece.parts.iter().map(|p| u64::from(p.size)).sum());
            follows && at <= end
        })
    }
}

/// What is left to read.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take().map(u8::from_be_bytes)
    }

    fn word(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    fn long(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toc() -> Toc {
        let part = |independent| PartEntry { duration: 5000, size: 100, independent };
        let piece = |n: u64, parts: Vec<PartEntry>| Piece {
            msn: Msn(n),
            discontinuities: 2,
            start: n * 25_000,
            duration: parts.len() as u64 * 5000,
            offset: 1000 * n,
            parts,
        };
        let pieces = vec![piece(1, vec![part(true), part(false)]), piece(3, vec![part(true)])];
        Toc { header_crc: 77, unit: 1000, pieces }
    }

    #[test]
    fn a_table_is_read_as_it_was_written_and_no_flipped_bit_goes_unnoticed() {
        let bytes = toc().encode();
        assert_eq!(box_header(&bytes), Some((bytes.len() as u64, *b"uuid")));
        assert_eq!(Toc::decode(&bytes), Some(toc()));
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Toc::decode(&damaged), None, "bit {bit}");
        }
        for short in 0..bytes.len() {
            assert_eq!(Toc::decode(&bytes[..short]), None, "{short} bytes");
        }
    }

    #[test]
    fn a_table_must_tell_of_its_file() {
        assert!(toc().tiles(1000, 3100));
        assert!(!toc().tiles(1001, 3100), "it begins inside the header");
        assert!(!toc().tiles(1000, 3099), "it ends behind the table");
        let mut unordered = toc();
        unordered.pieces.swap(0, 1);
        assert!(!unordered.tiles(0, 10_000));
    }
}
