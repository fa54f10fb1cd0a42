//! Media playlists, with parts and delta updates.

use std::{collections::VecDeque, sync::Arc};

use super::{
    Unreadable,
    text::{attribute, attributes, integer, lines, seconds},
};

/// A media playlist from a certain segment on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Media {
    /// EXT-X-TARGETDURATION in seconds.
    pub(crate) target: f64,
    /// PART-TARGET in seconds: the playlist has parts.
    pub(crate) part_target: Option<f64>,
    /// HOLD-BACK in seconds.
    pub(crate) hold_back: Option<f64>,
    /// PART-HOLD-BACK in seconds.
    pub(crate) part_hold_back: Option<f64>,
    /// CAN-BLOCK-RELOAD.
    pub(crate) can_block: bool,
    /// CAN-SKIP-UNTIL is offered.
    pub(crate) can_skip: bool,
    /// EXT-X-START in seconds, from the end when negative.
    pub(crate) start: Option<f64>,
    /// The first segment's number, listed or skipped.
    pub(crate) first: u64,
    /// Where the tags of the first segments are not repeated: a delta update.
    pub(crate) delta: bool,
    /// Segments that were asked for, without a hole; the last one may be unfinished.
    pub(crate) segments: VecDeque<Segment>,
    /// EXT-X-ENDLIST.
    pub(crate) ended: bool,
    /// EXT-X-PLAYLIST-TYPE.
    pub(crate) kind: Kind,
    /// The part that comes next, when it is a resource of its own.
    pub(crate) hint: Option<String>,
}

/// What EXT-X-PLAYLIST-TYPE says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing: the beginning may go.
    Sliding,
    /// Grows at its end.
    Event,
    /// Does not change.
    Vod,
}

/// A segment, or the beginning of one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Segment {
    /// Media sequence number.
    pub(crate) msn: u64,
    /// The whole, once it is there.
    pub(crate) whole: Option<Item>,
    /// The parts that are listed.
    pub(crate) parts: Vec<Part>,
    /// PROGRAM-DATE-TIME in microseconds, given or counted on from an earlier segment.
    pub(crate) date: Option<i64>,
    /// The header.
    pub(crate) map: Option<Arc<Map>>,
}

/// A part.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    /// What to fetch.
    pub(crate) item: Item,
    /// INDEPENDENT.
    pub(crate) independent: bool,
}

/// A segment or part to fetch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    /// Its address as written.
    pub(crate) uri: String,
    /// The bytes of it, or all.
    pub(crate) range: Option<Range>,
    /// Seconds.
    pub(crate) duration: f64,
    /// EXT-X-GAP: nothing to fetch.
    pub(crate) gap: bool,
}

/// EXT-X-MAP.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Map {
    /// Its address as written.
    pub(crate) uri: String,
    /// The bytes of it, or all.
    pub(crate) range: Option<Range>,
}

/// Bytes of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Range {
    /// The first.
    pub(crate) from: u64,
    /// How many.
    pub(crate) length: u64,
}

impl Segment {
    /// Seconds, as far as it is known.
    pub(crate) fn duration(&self) -> f64 {
        match &self.whole {
            Some(item) => item.duration,
            None => self.parts.iter().map(|p| p.item.duration).sum(),
        }
    }

    /// Whether nothing of it can be fetched.
    pub(crate) fn gap(&self) -> bool {
        self.whole.as_ref().is_some_and(|item| item.gap)
    }
}

impl Media {
    /// Reads a playlist; segments before `from` are counted and not kept.
    pub(crate) fn read(text: &str, from: u64) -> Result<Self, Unreadable> {
        let mut reading = Reading::default();
        for line in lines(text)? {
            match line.strip_prefix("#EXT") {
                Some(tag) => reading.tag(tag)?,
                None if line.starts_with('#') => {}
                None => reading.uri(line, from)?,
            }
        }
        reading.done(from)
    }

    /// The number after the last part or segment: what a held reload asks for (msn, part).
    pub(crate) fn next(&self) -> (u64, u32) {
        match self.segments.back() {
            None => (self.first, 0),
            Some(last) if last.whole.is_some() => (last.msn.saturating_add(1), 0),
            Some(last) => (last.msn, u32::try_from(last.parts.len()).unwrap_or(u32::MAX)),
        }
    }

    /// Takes over from an older reading what a delta update or a late start left out, and what older readings knew of
    /// dates and headers.
    pub(crate) fn continue_from(&mut self, older: Media, from: u64) {
        let begin = self.segments.front().map_or(u64::MAX, |s| s.msn);
        let kept: Vec<Segment> =
            older.segments.into_iter().filter(|s| s.msn >= from.max(self.first) && s.msn < begin).collect();
        let whole = kept.last().is_none_or(|last| last.msn.checked_add(1) == Some(begin));
        if !self.delta || !whole {
            return;
        }
        let map = kept.last().and_then(|s| s.map.clone());
        for segment in self.segments.iter_mut().take_while(|s| s.map.is_none()) {
            segment.map.clone_from(&map);
        }
        kept.into_iter().rev().for_each(|segment| self.segments.push_front(segment));
        self.delta = false;
    }
}

#[derive(Default)]
struct Reading {
    target: Option<f64>,
    part_target: Option<f64>,
    control: [Option<f64>; 2],
    can_block: bool,
    can_skip: bool,
    start: Option<f64>,
    first: u64,
    skipped: u64,
    counted: u64,
    segments: VecDeque<Segment>,
    ended: bool,
    kind: Option<Kind>,
    hint: Option<String>,
    // Of the segment that is being read.
    duration: Option<f64>,
    gap: bool,
    range: Option<Range>,
    parts: Vec<Part>,
    date: Option<i64>,
    map: Option<Arc<Map>>,
    // Where the last range ended, for those that go on from there.
    range_end: u64,
    part_end: u64,
}

impl Reading {
    fn tag(&mut self, tag: &str) -> Result<(), Unreadable> {
        let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
        match name {
            "INF" => self.duration = Some(seconds(value.split_once(',').map_or(value, |(time, _)| time))?),
            "-X-PART" => self.part(value)?,
            "-X-PROGRAM-DATE-TIME" => self.date = value.parse().ok().map(jiff::Timestamp::as_microsecond),
            "-X-GAP" => self.gap = true,
            "-X-BYTERANGE" => self.range = Some(range(value, &mut self.range_end)?),
            "-X-MAP" => self.map = Some(Arc::new(map(value)?)),
            "-X-TARGETDURATION" => self.target = Some(seconds(value)?),
            "-X-MEDIA-SEQUENCE" => self.first = integer(value)?,
            "-X-PART-INF" => {
                self.part_target = Some(seconds(attribute(value, "PART-TARGET").ok_or(Unreadable)?)?);
            }
            "-X-SERVER-CONTROL" => self.control(value)?,
            "-X-SKIP" => {
                self.skipped = integer(attribute(value, "SKIPPED-SEGMENTS").ok_or(Unreadable)?)?;
                self.counted = self.counted.checked_add(self.skipped).ok_or(Unreadable)?;
            }
            "-X-PRELOAD-HINT" => self.hinted(value),
            "-X-START" => self.start = attribute(value, "TIME-OFFSET").and_then(|v| v.parse().ok()),
            "-X-PLAYLIST-TYPE" => self.kind = Some(if value == "VOD" { Kind::Vod } else { Kind::Event }),
            "-X-ENDLIST" => self.ended = true,
            _ => {}
        }
        Ok(())
    }

    fn control(&mut self, list: &str) -> Result<(), Unreadable> {
        for (name, value) in attributes(list) {
            match name {
                "HOLD-BACK" => self.control[0] = Some(seconds(value)?),
                "PART-HOLD-BACK" => self.control[1] = Some(seconds(value)?),
                "CAN-BLOCK-RELOAD" => self.can_block = value == "YES",
                "CAN-SKIP-UNTIL" => self.can_skip = true,
                _ => {}
            }
        }
        Ok(())
    }

    fn part(&mut self, list: &str) -> Result<(), Unreadable> {
        let mut part =
            Part { item: Item { uri: String::new(), range: None, duration: -1.0, gap: false }, independent: false };
        for (name, value) in attributes(list) {
            match name {
                "URI" => value.clone_into(&mut part.item.uri),
                "DURATION" => part.item.duration = seconds(value)?,
                "BYTERANGE" => part.item.range = Some(range(value, &mut self.part_end)?),
                "GAP" => part.item.gap = value == "YES",
                "INDEPENDENT" => part.independent = value == "YES",
                _ => {}
            }
        }
        if part.item.uri.is_empty() || part.item.duration < 0.0 {
            return Err(Unreadable);
        }
        self.parts.push(part);
        Ok(())
    }

    fn hinted(&mut self, list: &str) {
        let whole = attribute(list, "BYTERANGE-START").is_none();
        if attribute(list, "TYPE") == Some("PART") && whole {
            self.hint = attribute(list, "URI").map(str::to_owned);
        }
    }

    fn uri(&mut self, uri: &str, from: u64) -> Result<(), Unreadable> {
        let duration = self.duration.take().ok_or(Unreadable)?;
        let (gap, range) = (std::mem::take(&mut self.gap), self.range.take());
        let whole = Item { uri: String::new(), range, duration, gap };
        // The address is only kept, and paid for, where it is wanted.
        let msn = self.first.checked_add(self.counted).ok_or(Unreadable)?;
        let whole = if msn >= from { Item { uri: uri.to_owned(), ..whole } } else { whole };
        self.close(Some(whole), from)
    }

    /// Ends the segment that is being read.
    fn close(&mut self, whole: Option<Item>, from: u64) -> Result<(), Unreadable> {
        let msn = self.first.checked_add(self.counted).ok_or(Unreadable)?;
        self.counted += 1;
        let segment =
            Segment { msn, whole, parts: std::mem::take(&mut self.parts), date: self.date, map: self.map.clone() };
        let length = (segment.duration() * 1e6).round() as i64;
        self.date = self.date.and_then(|date| date.checked_add(length));
        if msn >= from {
            self.segments.push_back(segment);
        }
        Ok(())
    }

    fn done(mut self, from: u64) -> Result<Media, Unreadable> {
        if !self.parts.is_empty() {
            self.close(None, from)?;
        }
        let [hold_back, part_hold_back] = self.control;
        Ok(Media {
            target: self.target.ok_or(Unreadable)?,
            part_target: self.part_target.filter(|t| *t > 0.0),
            hold_back,
            part_hold_back,
            can_block: self.can_block,
            can_skip: self.can_skip,
            start: self.start.filter(|s| s.is_finite()),
            first: self.first,
            delta: self.skipped > 0,
            segments: self.segments,
            ended: self.ended,
            kind: self.kind.unwrap_or(Kind::Sliding),
            hint: self.hint,
        })
    }
}

fn map(list: &str) -> Result<Map, Unreadable> {
    let uri = attribute(list, "URI").ok_or(Unreadable)?.to_owned();
    let range = attribute(list, "BYTERANGE").map(|text| range(text, &mut 0)).transpose()?;
    Ok(Map { uri, range })
}

/// `n[@o]` (4.4.4.2); without `o` it begins where the last one ended.
fn range(text: &str, end: &mut u64) -> Result<Range, Unreadable> {
    let (length, from) = match text.split_once('@') {
        None => (integer(text)?, *end),
        Some((length, from)) => (integer(length)?, integer(from)?),
    };
    *end = from.checked_add(length).ok_or(Unreadable)?;
    Ok(Range { from, length })
}

#[cfg(test)]
mod tests;
