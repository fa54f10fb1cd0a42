//! A highlight's media playlists.

use std::fmt::Write;

use super::{Body, seconds};
use crate::{Kind, Msn, RenditionId, Segment, Timeline, highlight::Range, wall::Anchors};

/// Whether a highlight's range is all recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// `out` lies ahead: an EVENT playlist that grows.
    Growing,
    /// Complete: a VOD playlist that never changes.
    Ended,
}

/// Renders a highlight's media playlist, whose address is five levels below the root, as
/// `/highlights/{id}/v{n}/{camera}/{rendition}/index.m3u8`; `beside` is the longest target duration of what is played
/// with it, in seconds.
///
/// `None` while there is nothing to list.
pub fn highlight(
    id: &RenditionId,
    timeline: &Timeline,
    anchors: &Anchors,
    range: Range,
    state: State,
    beside: u64,
) -> Option<String> {
    let listed = with_gaps(range.segments(timeline), timeline, anchors, range, state);
    let first = listed.first()?;
    let longest = listed.iter().map(|s| s.duration).max().unwrap_or(0);
    let rounded = (2 * longest + u64::from(timeline.timescale)) / (2 * u64::from(timeline.timescale));
    let target = rounded.max(timeline.target_duration()).max(beside);
    let kind = match state {
        State::Growing => "EVENT",
        State::Ended => "VOD",
    };
    let mut out = String::with_capacity(256 + listed.len() * 128);
    let _ = write!(
        out,
        "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-PLAYLIST-TYPE:{kind}\n\
         #EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-INDEPENDENT-SEGMENTS\n"
    );
    if state == State::Growing {
        // hls.js begins an unfinished EVENT at its live edge unless told.
        let (begin, _) = range.times(timeline.grid);
        let offset = seconds(begin.ticks(timeline.timescale).saturating_sub(first.start), timeline.timescale);
        let _ = writeln!(out, "#EXT-X-START:TIME-OFFSET={offset},PRECISE=YES");
    }
    let mut body = Body::new(out, id, anchors, timeline, "../../../../../");
    for segment in &listed {
        body.open(segment);
        body.close(segment);
    }
    let mut out = body.out;
    if state == State::Ended {
        out.push_str("#EXT-X-ENDLIST\n");
    }
    Some(out)
}

/// All segments of the range: what was lost is a gap, so that every angle has the same length.
fn with_gaps(found: Vec<Segment>, timeline: &Timeline, anchors: &Anchors, range: Range, state: State) -> Vec<Segment> {
    if matches!(timeline.kind, Kind::Source { .. }) {
        return source_with_gaps(found, timeline, range, state);
    }
    let Some(mut like) = found.first().cloned() else { return found };
    let (from, to) = range.numbers(timeline.grid);
    let began = |segment: &Segment| {
        let anchor = anchors.all().iter().find(|anchor| anchor.run == segment.run);
        anchor.map_or(0, |anchor| anchor.media.ticks(timeline.timescale))
    };
    let known = timeline.newest().map_or(Msn(0), |s| if s.done { s.msn.next() } else { s.msn });
    let mut found = found.into_iter().peekable();
    let numbers = (from.0..=to.0).map(Msn).take_while(|msn| state == State::Ended || *msn < known);
    let mut listed: Vec<Segment> = Vec::new();
    for msn in numbers {
        if let Some(segment) = found.next_if(|s| s.msn == msn) {
            like = segment.clone();
            listed.push(segment);
            continue;
        }
        if let Some(gap) = timeline.find(msn).filter(|s| s.is_gap()) {
            listed.push(gap.clone());
            continue;
        }
        let start = timeline.grid.segment_start(msn, timeline.timescale);
        let duration = timeline.grid.segment_start(msn.next(), timeline.timescale) - start;
        // The discontinuity stands where the run began, in every rendition alike: before a gap, too.
        let discontinuities = match found.peek().filter(|next| next.run != like.run || listed.is_empty()) {
            Some(next) if start >= began(next) => next.discontinuities,
            Some(next) if listed.is_empty() => next.discontinuities.saturating_sub(1),
            _ => like.discontinuities,
        };
        let gap = Segment { msn, start, duration, discontinuities, parts: Vec::new(), done: true, ..like.clone() };
        listed.push(gap);
    }
    listed
}

/// The same for a camera's own bitstream, whose segments are no grid's: a hole of more than two frames is a gap, or
/// several where it is longer than a segment may be.
fn source_with_gaps(found: Vec<Segment>, timeline: &Timeline, range: Range, state: State) -> Vec<Segment> {
    let (from, to) = range.times(timeline.grid);
    let (from, to) = (from.ticks(timeline.timescale), to.ticks(timeline.timescale));
    let forgiven = timeline.grid.frame_time(2).ticks(timeline.timescale);
    let longest = (timeline.target_duration() * u64::from(timeline.timescale)).max(1);
    let (Some(first), Some(last)) = (found.first().cloned(), found.last().cloned()) else { return found };
    let mut listed: Vec<Segment> = Vec::new();
    let fill = |listed: &mut Vec<Segment>, mut start: u64, end: u64, like: &Segment, next: Msn| {
        if end.saturating_sub(start) <= forgiven {
            return;
        }
        let mut msn = Msn(next.0.saturating_sub((end - start).div_ceil(longest)));
        while start < end {
            let duration = (end - start).min(longest);
            listed.push(Segment { msn, start, duration, parts: Vec::new(), done: true, ..like.clone() });
            (start, msn) = (start + duration, msn.next());
        }
    };
    let mut end = from.min(first.start);
    for segment in found {
        fill(&mut listed, end, segment.start, &segment, segment.msn);
        end = segment.end();
        listed.push(segment);
    }
    if state == State::Ended {
        let pieces = to.saturating_sub(end).div_ceil(longest);
        fill(&mut listed, end, to, &last, Msn(last.msn.0 + 1 + pieces));
    }
    listed
}
