//! Reads back what a media file holds, without its media: its table of contents, or box headers, markers and `moof`s.

use std::{fs::File, io, os::unix::fs::FileExt};

use bytes::Bytes;
use packager::{Msn, PartEntry};

use crate::{
    files::Name,
    layout::{Fragment, Header, LONGEST_BOX, MARKER_BYTES, Marker, box_header, header_crc, prefix},
    toc::Toc,
};

/// A segment as it lies in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) msn: Msn,
    pub(crate) discontinuities: u64,
    pub(crate) start: u64,
    pub(crate) duration: u64,
    /// Where its first part begins.
    pub(crate) offset: u64,
    pub(crate) parts: Vec<PartEntry>,
}

/// A file's contents.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) header: Bytes,
    pub(crate) read: Header,
    pub(crate) pieces: Vec<Piece>,
    /// The end of what is whole; what lies behind it is a torn tail.
    pub(crate) end: u64,
    /// Places inside at which something could not be read.
    pub(crate) faults: usize,
}

/// What a file turned out to be.
#[derive(Debug)]
pub(crate) enum Scan {
    /// Segments.
    Media(Contents),
    /// It was torn before anything was whole.
    Empty,
    /// Not what its name says.
    Damaged(&'static str),
}

/// Why reading stopped at a place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// The file ends inside a box.
    Torn,
    /// These are no bytes of ours.
    Broken,
}

/// Reads a file of `len` bytes.
pub(crate) fn scan(file: &File, len: u64, name: Name) -> io::Result<Scan> {
    let mut window = Window { file, len, buffer: Vec::new(), at: 0, ahead: 2048 };
    let header_len = match header_len(&mut window)? {
        Ok(header_len) => header_len,
        // A header is written in one piece with what follows: a longer file was whole once.
        Err(Stop::Torn) if len <= 4096 => return Ok(Scan::Empty),
        Err(_) => return Ok(Scan::Damaged("its header is not one")),
    };
    let Some(header) = window.bytes(0, header_len)?.map(Bytes::copy_from_slice) else { return Ok(Scan::Empty) };
    let header_crc = header_crc(&header);
    if let Some(toc) = Toc::read(file, len, header_len)?.filter(|t| t.header_crc == header_crc && !t.pieces.is_empty())
    {
        return Ok(media(header, toc.unit, toc.pieces, len, 0));
    }
    let mut reader = Reader { window, name, header_crc, pieces: Vec::new(), unit: 0, end: header_len };
    let (mut at, mut faults, mut first_stop) = (header_len, 0, None);
    while let Some((stopped, stop)) = reader.read_from(at)? {
        first_stop.get_or_insert(stop);
        // Further on a marker may begin what is whole again: damage costs its segment alone.
        match reader.next_marker(stopped + 1)? {
            Some(marker) => {
                faults += 1;
                at = marker;
            }
            None => break,
        }
    }
    let Reader { pieces, unit, end, .. } = reader;
    if pieces.is_empty() {
        return Ok(match first_stop {
            Some(Stop::Broken) => Scan::Damaged("nothing in it can be read"),
            Some(Stop::Torn) | None => Scan::Empty,
        });
    }
    Ok(media(header, unit, pieces, end, faults))
}

/// The header's check sum is in every marker and in the table: these are the bytes that were written.
fn media(header: Bytes, unit: u32, pieces: Vec<Piece>, end: u64, faults: usize) -> Scan {
    let Some(mut read) = Header::read(&header) else { return Scan::Damaged("its header is of another kind") };
    read.set_unit(unit);
    Scan::Media(Contents { header, read, pieces, end, faults })
}

/// The length of `ftyp` and `moov`.
fn header_len(window: &mut Window<'_>) -> io::Result<Result<u64, Stop>> {
    let mut at = 0;
    for wanted in [b"ftyp", b"moov"] {
        let Some((size, kind)) = window.bytes(at, 8)?.and_then(box_header) else { return Ok(Err(Stop::Torn)) };
        if kind != *wanted || !(8..=LONGEST_BOX).contains(&size) {
            return Ok(Err(Stop::Broken));
        }
        at += size;
        if at > window.len {
            return Ok(Err(Stop::Torn));
        }
    }
    Ok(Ok(at))
}

struct Reader<'a> {
    window: Window<'a>,
    name: Name,
    header_crc: u32,
    pieces: Vec<Piece>,
    unit: u32,
    end: u64,
}

impl Reader<'_> {
    /// Reads segments from a place where a marker should be; where and why it stopped, or `None` at the file's end.
    fn read_from(&mut self, mut at: u64) -> io::Result<Option<(u64, Stop)>> {
        let mut inside = false;
        while at < self.window.len {
            let Some(bytes) = self.window.bytes(at, 8)? else { return Ok(Some((at, Stop::Torn))) };
            let step = match box_header(bytes) {
                Some((MARKER_BYTES, kind)) if kind == *b"uuid" => self.marker(at)?,
                Some((size, kind)) if kind == *b"moof" && inside => self.part(at, size)?,
                _ => Err(Stop::Broken),
            };
            match step {
                Ok(next) => at = next,
                Err(stop) => return Ok(Some((at, stop))),
            }
            inside = true;
        }
        Ok(None)
    }

    fn marker(&mut self, at: u64) -> io::Result<Result<u64, Stop>> {
        let Some(bytes) = self.window.bytes(at, MARKER_BYTES)? else { return Ok(Err(Stop::Torn)) };
        let Some(marker) = Marker::decode(bytes).filter(|m| self.fits(m)) else { return Ok(Err(Stop::Broken)) };
        self.drop_empty();
        let (msn, discontinuities, start) = (marker.msn, marker.discontinuities, marker.start);
        let offset = at + MARKER_BYTES;
        self.pieces.push(Piece { msn, discontinuities, start, duration: 0, offset, parts: Vec::new() });
        Ok(Ok(offset))
    }

    /// Whether a marker belongs here: of this file, and newer than what was read.
    fn fits(&self, marker: &Marker) -> bool {
        (marker.run, marker.header, marker.header_crc) == (self.name.run, self.name.header, self.header_crc)
            && self.pieces.iter().rev().find(|p| !p.parts.is_empty()).is_none_or(|p| p.msn < marker.msn)
    }

    fn part(&mut self, at: u64, moof: u64) -> io::Result<Result<u64, Stop>> {
        if !(8..=LONGEST_BOX).contains(&moof) {
            return Ok(Err(Stop::Broken));
        }
        let Some(bytes) = self.window.bytes(at, moof + 8)? else { return Ok(Err(Stop::Torn)) };
        let (moof_bytes, mdat) = bytes.split_at(bytes.len() - 8);
        let Some(fragment) = Fragment::read(moof_bytes) else { return Ok(Err(Stop::Broken)) };
        let Some(piece) = self.pieces.last_mut() else { return Ok(Err(Stop::Broken)) };
        // Parts tile their segment: a time that does not follow is damage.
        let follows = fragment.start == piece.start.saturating_add(piece.duration);
        if box_header(mdat) != Some((fragment.payload + 8, *b"mdat")) || !follows {
            return Ok(Err(Stop::Broken));
        }
        let size = moof + 8 + fragment.payload;
        let Ok(size) = u32::try_from(size) else { return Ok(Err(Stop::Broken)) };
        let next = at + u64::from(size);
        if next > self.window.len {
            return Ok(Err(Stop::Torn));
        }
        if self.unit == 0 {
            self.unit = fragment.unit;
        }
        piece.duration += u64::from(fragment.duration);
        piece.parts.push(PartEntry { duration: fragment.duration, size, independent: fragment.independent });
        self.end = next;
        Ok(Ok(next))
    }

    /// A segment of which nothing is whole vanishes.
    fn drop_empty(&mut self) {
        self.pieces.pop_if(|p| p.parts.is_empty());
    }

    /// The next place, from `from` on, at which a marker of this file stands.
    fn next_marker(&mut self, from: u64) -> io::Result<Option<u64>> {
        self.drop_empty();
        const CHUNK: u64 = 1 << 20;
        let wanted = prefix();
        let mut at = from;
        while at + MARKER_BYTES <= self.window.len {
            let size = CHUNK.min(self.window.len - at);
            let Some(bytes) = self.window.bytes(at, size)? else { return Ok(None) };
            let hits: Vec<u64> = find_all(bytes, &wanted).map(|i| at + i as u64).collect();
            for hit in hits {
                let marker = self.window.bytes(hit, MARKER_BYTES)?.and_then(Marker::decode);
                if marker.is_some_and(|m| self.fits(&m)) {
                    return Ok(Some(hit));
                }
            }
            if at + size == self.window.len {
                break;
            }
            // A marker across the chunks' border is found by the next one.
            at += size - wanted.len() as u64;
        }
        Ok(None)
    }
}

fn find_all<'a>(bytes: &'a [u8], wanted: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    bytes.windows(wanted.len()).enumerate().filter(move |(_, w)| *w == wanted).map(|(i, _)| i)
}

/// A file read in small pieces: a `moof` and the next box's header come with one read.
struct Window<'a> {
    file: &'a File,
    len: u64,
    buffer: Vec<u8>,
    at: u64,
    ahead: u64,
}

impl Window<'_> {
    /// Bytes `at .. at + n`; `None` where the file ends before.
    fn bytes(&mut self, at: u64, n: u64) -> io::Result<Option<&[u8]>> {
        let Some(end) = at.checked_add(n).filter(|end| *end <= self.len) else { return Ok(None) };
        if at < self.at || end > self.at + self.buffer.len() as u64 {
            let size = n.max(self.ahead).min(self.len - at);
            self.buffer.clear();
            self.buffer.resize(usize::try_from(size).unwrap_or(usize::MAX), 0);
            self.at = at;
            if let Err(e) = self.file.read_exact_at(&mut self.buffer, at) {
                self.buffer.clear();
                return Err(e);
            }
        }
        let from = usize::try_from(at - self.at).unwrap_or(usize::MAX);
        Ok(self.buffer.get(from..from + usize::try_from(n).unwrap_or(usize::MAX)))
    }
}
