//! Where in a playlist a viewer is: where it begins, what comes next. Nothing here waits or asks.

use std::sync::Arc;

use crate::playlist::{Item, Kind, Map, Media, Segment};

/// The next thing to fetch of a track.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) msn: u64,
    /// Parts of it that are there already.
    pub(super) part: u32,
    /// Where the segment begins on the play clock, in seconds.
    pub(super) segment: f64,
    /// Where the next part begins.
    pub(super) position: f64,
    /// PROGRAM-DATE-TIME of the segment, in microseconds.
    pub(super) date: Option<i64>,
}

/// Where to begin: what is fetched first, and where in it the playhead stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Begin {
    pub(super) msn: u64,
    pub(super) part: u32,
    /// The segment's beginning, from the playlist's, in seconds.
    pub(super) segment: f64,
    /// The first part's beginning likewise.
    pub(super) position: f64,
    /// The playhead likewise.
    pub(super) playhead: f64,
    /// PROGRAM-DATE-TIME of `segment`.
    pub(super) date: Option<i64>,
    /// Seconds to be buffered before the picture moves.
    pub(super) need: f64,
}

/// Which instant a viewer wants to begin with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wish {
    /// The hold-back from the edge, by parts.
    Parts,
    /// The hold-back from the edge, by segments; the beginning of what has ended.
    Segments,
    /// The beginning, or where EXT-X-START says.
    Beginning,
    /// Seconds from the beginning.
    Position(f64),
    /// PROGRAM-DATE-TIME in microseconds.
    Date(i64),
}

/// What a viewer does next.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Fetches a segment, or a part when `part`.
    Fetch { item: Item, part: bool, map: Option<Arc<Map>>, date: Option<i64> },
    /// Passes over a gap of so many seconds.
    Gap(f64),
    /// Goes on with the next segment: this one is complete.
    Advance,
    /// Asks for the part that is hinted.
    Hint(String),
    /// Waits for the playlist.
    Wait,
    /// Begins anew: its place is no longer, or not at all, in the playlist.
    Lost,
    /// Has everything.
    End,
}

/// Where to begin in a playlist; none while it is empty.
pub(super) fn begin(media: &Media, wish: Wish, by_parts: bool) -> Option<Begin> {
    let listed = |s: &&Segment| by_parts || s.whole.is_some();
    let total: f64 = media.segments.iter().filter(listed).map(Segment::duration).sum();
    let part_target = media.part_target.filter(|_| by_parts);
    let target = match wish {
        Wish::Position(position) => position,
        Wish::Date(date) => {
            let first = media.segments.front()?.date?;
            date.saturating_sub(first) as f64 / 1e6
        }
        _ if media.ended || media.kind == Kind::Vod || wish == Wish::Beginning => match media.start {
            Some(start) if start < 0.0 => total + start,
            start => start.unwrap_or(0.0),
        },
        _ => match part_target {
            Some(part) => total - media.part_hold_back.unwrap_or(3.0 * part),
            None => total - media.hold_back.unwrap_or(3.0 * media.target),
        },
    };
    let target = target.clamp(0.0, total);
    let mut found: Option<Begin> = None;
    let mut at = 0.0;
    for segment in media.segments.iter().filter(listed) {
        if at > target {
            break;
        }
        let mut take = |part, position| {
            let need = part_target.map_or(segment.duration(), |part| 2.0 * part);
            let date = segment.date;
            found = Some(Begin { msn: segment.msn, part, segment: at, position, playhead: target, date, need });
        };
        take(0, at);
        let mut position = at;
        for (part, index) in segment.parts.iter().zip(0u32..).filter(|_| by_parts) {
            if position > target {
                break;
            }
            if part.independent {
                take(index, position);
            }
            position += part.item.duration;
        }
        at += segment.duration();
    }
    found
}

/// The number of the segment that begins at a date, give or take half of it.
pub(super) fn dated(media: &Media, date: i64) -> Option<u64> {
    let near =
        |s: &&Segment| s.date.is_some_and(|d| (d.saturating_sub(date).unsigned_abs() as f64) < s.duration() * 5e5);
    media.segments.iter().find(near).map(|s| s.msn)
}

/// What to do at a place.
pub(super) fn step(media: &Media, place: &Place, by_parts: bool) -> Step {
    let (next, parts) = media.next();
    let hint = || match &media.hint {
        Some(uri) if by_parts && (next, parts) == (place.msn, place.part) => Step::Hint(uri.clone()),
        _ => Step::Wait,
    };
    let Some(front) = media.segments.front() else {
        return if media.ended { Step::End } else { Step::Wait };
    };
    let Some(index) = place.msn.checked_sub(front.msn) else { return Step::Lost };
    let Some(segment) = usize::try_from(index).ok().and_then(|index| media.segments.get(index)) else {
        return match media.ended {
            true => Step::End,
            // A server that began to count anew.
            false if place.msn > next.saturating_add(1) => Step::Lost,
            false => hint(),
        };
    };
    if segment.gap() {
        return Step::Gap(segment.duration());
    }
    if by_parts && segment.parts.len() > place.part as usize {
        let part = &segment.parts[place.part as usize].item;
        return match part.gap {
            true => Step::Gap(part.duration),
            false => Step::Fetch { item: part.clone(), part: true, map: segment.map.clone(), date: segment.date },
        };
    }
    match &segment.whole {
        Some(_) if by_parts && place.part > 0 && segment.parts.len() == place.part as usize => Step::Advance,
        // Its parts are no longer listed, or never were.
        Some(whole) => Step::Fetch { item: whole.clone(), part: false, map: segment.map.clone(), date: segment.date },
        None => hint(),
    }
}

impl Place {
    /// After a part of so many seconds.
    pub(super) fn after_part(&mut self, duration: f64) {
        self.part += 1;
        self.position += duration;
    }

    /// After the whole segment, which took so many seconds.
    pub(super) fn after_segment(&mut self, duration: f64) {
        self.segment += duration;
        self.position = self.segment;
        self.advance();
        self.date = self.date.map(|date| date.saturating_add(super::micros(duration)));
    }

    /// After the last part of a segment.
    pub(super) fn after_parts(&mut self) {
        let duration = self.position - self.segment;
        self.date = self.date.map(|date| date.saturating_add(super::micros(duration)));
        self.segment = self.position;
        self.advance();
    }

    fn advance(&mut self) {
        self.msn = self.msn.saturating_add(1);
        self.part = 0;
    }
}

#[cfg(test)]
mod tests;
