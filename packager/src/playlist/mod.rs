//! Playlists as text. All URIs are relative, so that any prefix works.

mod live;
mod multivariant;
mod vod;

pub use live::{Report, Style, live};
pub use multivariant::{Camera, Layout, Sound, Variant, longer, one, pathways, video_group};
pub use vod::{State, highlight};

use std::fmt::Write;

use crate::{RenditionId, Run, Segment, Timeline, grid::scale, wall::Anchors};

/// Ticks as seconds with six digits, rounded to the nearest microsecond.
fn seconds(ticks: u64, timescale: u32) -> String {
    let micros = scale(ticks, 1_000_000, u64::from(timescale));
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// Writes the tags that stand before a segment, and knows what the segment before it said.
struct Body<'a> {
    out: String,
    id: &'a RenditionId,
    anchors: &'a Anchors,
    timescale: u32,
    /// From this playlist's address up to the root.
    up: &'a str,
    header: Option<(Run, u32)>,
    discontinuities: Option<u64>,
}

impl<'a> Body<'a> {
    fn new(out: String, id: &'a RenditionId, anchors: &'a Anchors, timeline: &Timeline, up: &'a str) -> Self {
        Self { out, id, anchors, timescale: timeline.timescale, up, header: None, discontinuities: None }
    }

    /// DISCONTINUITY, MAP and PROGRAM-DATE-TIME: they stand before a segment's first part.
    fn open(&mut self, segment: &Segment) {
        self.pass(segment, true);
        let at = crate::MediaTime::from_ticks(segment.start, self.timescale);
        let wall = self.anchors.wall_of(segment.run, at).millis();
        let _ = writeln!(self.out, "#EXT-X-PROGRAM-DATE-TIME:{wall}");
    }

    /// Goes past a segment; writes its DISCONTINUITY and MAP when `write`.
    fn pass(&mut self, segment: &Segment, write: bool) {
        let broken =
            self.discontinuities.replace(segment.discontinuities).is_some_and(|d| d != segment.discontinuities);
        if broken && write {
            self.out.push_str("#EXT-X-DISCONTINUITY\n");
        }
        let header = (segment.run, segment.header);
        // A gap needs no header; the first segment's stands at the top in any case.
        if self.header != Some(header) && (!segment.is_gap() || self.header.is_none()) {
            self.header = Some(header);
            if write {
                let base = self.base(segment.run);
                let _ = writeln!(self.out, "#EXT-X-MAP:URI=\"{base}init-{}.mp4\"", segment.header);
            }
        }
    }

    fn base(&self, run: Run) -> String {
        format!("{}media/{}/{run}/", self.up, self.id)
    }

    /// GAP, EXTINF and the segment's address.
    fn close(&mut self, segment: &Segment) {
        if segment.is_gap() {
            self.out.push_str("#EXT-X-GAP\n");
        }
        let base = self.base(segment.run);
        let length = seconds(segment.duration, self.timescale);
        let _ = writeln!(self.out, "#EXTINF:{length},\n{base}{}.m4s", segment.msn);
    }
}
