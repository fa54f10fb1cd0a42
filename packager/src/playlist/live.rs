//! Live media playlists: low latency, plain, and the whole ring.

use std::fmt::Write;

use super::{Body, seconds};
use crate::{
    Kind, MediaTime, Msn, RenditionId, Segment, Timeline,
    cutter::{AAC_FRAME, SOUND_TIMESCALE, part_target},
    wall::Anchors,
};

/// Which live playlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// LL-HLS: parts, hint, reports, held reloads. `delta`: skipped segments are replaced by `EXT-X-SKIP`.
    LowLatency {
        /// Whether the asker already has the playlist's older part.
        delta: bool,
    },
    /// Whole segments only.
    Plain,
    /// Whole segments of the whole ring.
    Dvr,
}

/// Another rendition, for `EXT-X-RENDITION-REPORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its playlist, relative to this one.
    pub uri: String,
    /// Its newest part: segment and place; `None` for the place when its newest segment is whole and has none.
    pub last: (Msn, Option<u32>),
}

/// Target durations that live playlists list. A minute of second-long segments: as far back as the fans' app steps.
const WINDOW_TARGETS: u64 = 60;
/// Target durations that `EXT-X-SKIP` leaves unskipped: the least that is allowed (4.4.3.8).
const SKIP_TARGETS: u64 = 6;
/// Target durations of which parts are listed (4.4.4.9).
const PARTS_TARGETS: u64 = 3;

/// Renders a live playlist whose address is three levels below the root, as `/live/{camera}/{rendition}/index.m3u8`, to be
/// played with others whose target durations are `beside` seconds at most, 0 for none: all of them say the longest
/// (rfc8216bis, 6.2.4).
///
/// `None` while there is nothing to list: a playlist without a segment breaks players.
pub fn live(
    id: &RenditionId,
    timeline: &Timeline,
    anchors: &Anchors,
    style: Style,
    reports: &[Report],
    beside: u64,
) -> Option<String> {
    let low_latency = matches!(style, Style::LowLatency { .. });
    let target = timeline.target_duration().max(beside);
    let listed: Vec<&Segment> = window(timeline, style, target)?;
    let mut out = String::with_capacity(256 + listed.len() * 128);
    // EXT-X-SKIP needs 9 (section 8): the full playlist says it too, so that a delta update is the full playlist.
    let version = if low_latency { 9 } else { 6 };
    let _ = write!(out, "#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-TARGETDURATION:{target}\n");
    let hold_back = target * 3;
    if low_latency {
        let part = timeline.part_target();
        let part_target = seconds(part, timeline.timescale);
        let part_hold_back = part_hold_back(timeline);
        let skip = target * SKIP_TARGETS;
        let _ = write!(
            out,
            "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={part_hold_back},HOLD-BACK={hold_back}.0,\
             CAN-SKIP-UNTIL={skip}.0\n#EXT-X-PART-INF:PART-TARGET={part_target}\n"
        );
    } else {
        let _ = writeln!(out, "#EXT-X-SERVER-CONTROL:HOLD-BACK={hold_back}.0");
    }
    let first = listed.first()?;
    let _ = write!(
        out,
        "#EXT-X-MEDIA-SEQUENCE:{}\n#EXT-X-DISCONTINUITY-SEQUENCE:{}\n#EXT-X-INDEPENDENT-SEGMENTS\n",
        first.msn, first.discontinuities
    );
    let mut body = Body::new(out, id, anchors, timeline, "../../../");
    let edge = listed.last().map_or(0, |s| s.end());
    let ticks = |targets: u64| targets * target * u64::from(timeline.timescale);
    let skipped = match style {
        Style::LowLatency { delta: true } => listed.partition_point(|s| s.done && s.end() + ticks(SKIP_TARGETS) < edge),
        _ => 0,
    };
    if skipped > 0 {
        let _ = writeln!(body.out, "#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}");
    }
    for (i, segment) in listed.iter().enumerate() {
        if i < skipped {
            body.pass(segment, false);
            continue;
        }
        body.open(segment);
        if low_latency && segment.end() + ticks(PARTS_TARGETS) > edge {
            parts(&mut body, segment);
        }
        if segment.done {
            body.close(segment);
        }
    }
    let mut out = body.out;
    if low_latency {
        let (msn, part) = timeline.next_part();
        let run = timeline.run();
        let _ = writeln!(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"../../../media/{id}/{run}/{msn}.{part}.m4s\"");
        for Report { uri, last: (msn, part) } in reports {
            // A gap has no part that could be named (4.4.5.4).
            let part = part.map_or(String::new(), |part| format!(",LAST-PART={part}"));
            let _ = writeln!(out, "#EXT-X-RENDITION-REPORT:URI=\"{uri}\",LAST-MSN={msn}{part}");
        }
    }
    Some(out)
}

/// Seconds: three part targets of whatever a player may have beside this rendition. Playlists that are played together say
/// the same (rfc8216bis, 6.2.4), and a sound's parts, of whole AAC frames, are a little longer than a picture's.
fn part_hold_back(timeline: &Timeline) -> String {
    let sound = MediaTime::from_ticks(part_target(Kind::Sound, timeline.grid, AAC_FRAME), SOUND_TIMESCALE);
    let own = MediaTime::from_ticks(timeline.part_target(), timeline.timescale);
    seconds((sound.max(own).0 * 3).div_ceil(1000), 1_000_000)
}

fn window(timeline: &Timeline, style: Style, target: u64) -> Option<Vec<&Segment>> {
    // Before the first header there is nothing that a player could decode.
    timeline.format.as_ref()?;
    let edge = timeline.newest()?.end();
    let span = match style {
        Style::Dvr => u64::MAX,
        // However long the targets are, there is something to skip.
        _ => {
            let seconds = (WINDOW_TARGETS * timeline.target_duration()).max(2 * SKIP_TARGETS * target);
            seconds * u64::from(timeline.timescale)
        }
    };
    let whole_only = !matches!(style, Style::LowLatency { .. });
    let newest = timeline.unbroken().rev().take_while(|s| s.end().saturating_add(span) > edge);
    let mut listed: Vec<&Segment> = newest.filter(|s| s.done || !whole_only).collect();
    listed.reverse();
    // Players begin with something they can play: gaps at the head are left out, unless there is nothing else.
    let gaps = listed.iter().take_while(|s| s.is_gap()).count();
    if gaps < listed.len() {
        listed.drain(..gaps);
    }
    (!listed.is_empty()).then_some(listed)
}

fn parts(body: &mut Body<'_>, segment: &Segment) {
    let base = body.base(segment.run);
    for (i, part) in segment.parts.iter().enumerate() {
        let length = seconds(u64::from(part.duration), body.timescale);
        let independent = if part.independent { ",INDEPENDENT=YES" } else { "" };
        let _ = writeln!(body.out, "#EXT-X-PART:DURATION={length},URI=\"{base}{}.{i}.m4s\"{independent}", segment.msn);
    }
}
