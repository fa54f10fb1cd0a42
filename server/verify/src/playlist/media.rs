//! Media playlists (rfc8216bis, 4.4.3 to 4.4.5).

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;

use super::{Attributes, Fault, FaultKind, decimal, has_header, integer, lines};
use crate::Micros;

/// `EXT-X-PLAYLIST-TYPE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaylistType {
    /// Grows at its end only.
    Event,
    /// Never changes.
    Vod,
}

impl PlaylistType {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Event => "EVENT",
            Self::Vod => "VOD",
        }
    }
}

/// Bytes of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ByteRange {
    /// The first byte.
    pub offset: u64,
    /// How many.
    pub length: u64,
}

/// `EXT-X-MAP`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Map {
    /// The header's address.
    pub uri: String,
    /// Its bytes there; all when left out.
    pub range: Option<ByteRange>,
}

/// `EXT-X-KEY` that applies, by its METHOD; `None` is "not encrypted".
pub type Key = Option<String>;

/// `EXT-X-PART`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The tag's line.
    pub line: usize,
    /// Where it is.
    pub uri: String,
    /// `DURATION`.
    pub duration: Micros,
    /// `INDEPENDENT=YES`.
    pub independent: bool,
    /// `GAP=YES`.
    pub gap: bool,
    /// `BYTERANGE`.
    pub range: Option<ByteRange>,
}

/// A segment, or the one in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its media sequence number.
    pub msn: u64,
    /// The line of its URI, or of its first tag while it is in progress.
    pub line: usize,
    /// Where it is; `None` while it is in progress.
    pub uri: Option<String>,
    /// `EXTINF`, 0 while it is in progress.
    pub duration: Micros,
    /// `EXT-X-BYTERANGE`.
    pub range: Option<ByteRange>,
    /// `EXT-X-DISCONTINUITY` stands before it.
    pub discontinuity: bool,
    /// Its discontinuity sequence number.
    pub discontinuities: u64,
    /// `EXT-X-PROGRAM-DATE-TIME` of its own.
    pub date: Option<Timestamp>,
    /// `EXT-X-GAP`.
    pub gap: bool,
    /// The header that applies.
    pub map: Option<Arc<Map>>,
    /// The encryption that applies.
    pub key: Key,
    /// Its parts.
    pub parts: Vec<Part>,
}

impl Segment {
    /// Whether it is whole and all its parts are known: together they are as long as it is, to a twentieth of a second.
    pub fn has_all_parts(&self) -> bool {
        let sum: Micros = self.parts.iter().map(|p| p.duration).sum();
        self.uri.is_some() && !self.parts.is_empty() && (sum - self.duration).abs() < crate::SECOND / 20
    }
}

/// `EXT-X-PRELOAD-HINT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The tag's line.
    pub line: usize,
    /// `TYPE`: `PART` or `MAP`.
    pub kind: String,
    /// Where it will be.
    pub uri: String,
    /// `BYTERANGE-START` and `BYTERANGE-LENGTH`.
    pub range: Option<(u64, Option<u64>)>,
}

/// `EXT-X-RENDITION-REPORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenditionReport {
    /// The tag's line.
    pub line: usize,
    /// Of which playlist.
    pub uri: String,
    /// `LAST-MSN`.
    pub msn: Option<u64>,
    /// `LAST-PART`.
    pub part: Option<u64>,
}

/// A media playlist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Media {
    /// Whether the first line is `#EXTM3U`.
    pub header: bool,
    /// `EXT-X-VERSION`.
    pub version: Option<u64>,
    /// `EXT-X-TARGETDURATION` in seconds.
    pub target: Option<u64>,
    /// `EXT-X-MEDIA-SEQUENCE`, 0 when left out.
    pub sequence: u64,
    /// `EXT-X-DISCONTINUITY-SEQUENCE`, when it is there.
    pub discontinuity_sequence: Option<u64>,
    /// `EXT-X-INDEPENDENT-SEGMENTS`.
    pub independent: bool,
    /// `EXT-X-PLAYLIST-TYPE`.
    pub kind: Option<PlaylistType>,
    /// `EXT-X-ENDLIST`.
    pub ended: bool,
    /// `EXT-X-I-FRAMES-ONLY`.
    pub i_frames: bool,
    /// `PART-TARGET`.
    pub part_target: Option<Micros>,
    /// `EXT-X-SERVER-CONTROL`, and its line.
    pub control: Option<(usize, Attributes)>,
    /// `SKIPPED-SEGMENTS` of a delta update.
    pub skipped: Option<u64>,
    /// Segments, the one in progress last.
    pub segments: Vec<Segment>,
    /// Hints.
    pub hints: Vec<Hint>,
    /// Reports.
    pub reports: Vec<RenditionReport>,
    /// The least `EXT-X-VERSION` that its tags need, and the tag that needs it (section 8).
    pub needs: (u64, &'static str),
    /// Lines that are not as they should be.
    pub faults: Vec<Fault>,
}

impl Media {
    /// A time of `EXT-X-SERVER-CONTROL`.
    pub fn control_time(&self, name: &str) -> Option<Micros> {
        decimal(self.control.as_ref()?.1.get(name)?)
    }

    /// `CAN-BLOCK-RELOAD=YES`.
    pub fn can_block(&self) -> bool {
        self.control.as_ref().is_some_and(|(_, list)| list.yes("CAN-BLOCK-RELOAD"))
    }

    /// The target duration in microseconds, eleven days at most; 0 when there is none.
    pub fn target_micros(&self) -> Micros {
        self.target.map_or(0, |t| Micros::try_from(t.min(LONGEST_TARGET)).unwrap_or(0) * crate::SECOND)
    }

    /// Whole segments.
    pub fn whole(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        self.segments.iter().filter(|s| s.uri.is_some())
    }

    /// The segment of this number.
    pub fn segment(&self, msn: u64) -> Option<&Segment> {
        self.segments.iter().find(|s| s.msn == msn)
    }

    /// The part that comes next: its segment and place.
    pub fn next_part(&self) -> (u64, usize) {
        match self.segments.last() {
            Some(last) if last.uri.is_none() => (last.msn, last.parts.len()),
            Some(last) => (last.msn.saturating_add(1), 0),
            None => (self.sequence.saturating_add(self.skipped.unwrap_or(0)), 0),
        }
    }

    /// The newest part: its segment and place.
    pub fn last_part(&self) -> Option<(u64, usize)> {
        let segment = self.segments.iter().rev().find(|s| !s.parts.is_empty())?;
        Some((segment.msn, segment.parts.len() - 1))
    }

    /// Whether the playlist holds this part, or, without a place, this whole segment, or later ones.
    pub fn contains(&self, msn: u64, part: Option<u64>) -> bool {
        let (next, count) = self.next_part();
        match part {
            Some(part) => (msn, part) < (next, count as u64),
            None => msn < next,
        }
    }
}

/// What has been read of the segment that comes next.
#[derive(Default)]
struct Pending {
    line: Option<usize>,
    duration: Option<Micros>,
    range: Option<ByteRange>,
    discontinuity: bool,
    date: Option<Timestamp>,
    gap: bool,
    parts: Vec<Part>,
}

/// In seconds: what is longer is nonsense, and multiples of this cannot overflow.
const LONGEST_TARGET: u64 = 1_000_000;
/// Most segments that are read: a day of seconds.
const MOST: usize = 100_000;

pub(super) fn read(text: &str) -> Media {
    let mut out = Media { header: has_header(text), needs: (1, "EXTINF"), ..Media::default() };
    let mut pending = Pending::default();
    let mut state = State { map: None, key: None, next: 0, discontinuities: 0, ends: HashMap::new() };
    for (line, content) in lines(text) {
        if out.segments.len() >= MOST {
            out.faults.push(Fault { line, what: "more segments than are read".into(), kind: FaultKind::Form });
            break;
        }
        let Some(tag) = content.strip_prefix('#') else {
            close(&mut out, &mut pending, &mut state, line, content);
            continue;
        };
        let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
        if let Err((kind, what)) = self::tag(&mut out, &mut pending, &mut state, line, name, value) {
            out.faults.push(Fault { line, what, kind });
        }
    }
    if !pending.parts.is_empty() {
        open(&mut out, pending, &mut state);
    }
    out
}

struct State {
    map: Option<Arc<Map>>,
    key: Key,
    next: u64,
    discontinuities: u64,
    /// Where the last byte range of each resource ended.
    ends: HashMap<String, u64>,
}

type Wrong = (FaultKind, String);

fn need(out: &mut Media, version: u64, tag: &'static str) {
    if version > out.needs.0 {
        out.needs = (version, tag);
    }
}

fn tag(
    out: &mut Media,
    pending: &mut Pending,
    state: &mut State,
    line: usize,
    name: &str,
    value: &str,
) -> Result<(), Wrong> {
    let wrong = |what: String| (FaultKind::Form, what);
    let number = || integer(value.trim()).ok_or_else(|| wrong(format!("{name}: `{value}` is not a whole number")));
    let list = || match Attributes::read(value) {
        (list, None) => Ok(list),
        (_, Some(what)) => Err(wrong(format!("{name}: {what}"))),
    };
    let belongs = ["EXTINF", "EXT-X-DISCONTINUITY", "EXT-X-MAP", "EXT-X-PROGRAM-DATE-TIME", "EXT-X-GAP", "EXT-X-PART"];
    if belongs.contains(&name) {
        pending.line.get_or_insert(line);
    }
    let late = !pending.parts.is_empty();
    match name {
        "EXTINF" => {
            let text = value.split(',').next().unwrap_or("").trim();
            if text.contains('.') {
                need(out, 3, "EXTINF with a fraction");
            }
            pending.duration = Some(decimal(text).unwrap_or(0));
            decimal(text).ok_or_else(|| wrong(format!("EXTINF: `{text}` is not a duration")))?;
        }
        "EXT-X-VERSION" => out.version = Some(number()?),
        "EXT-X-TARGETDURATION" => out.target = Some(number()?),
        "EXT-X-MEDIA-SEQUENCE" => {
            out.sequence = number()?;
            state.next = out.sequence;
        }
        "EXT-X-DISCONTINUITY-SEQUENCE" => {
            let first = number()?;
            out.discontinuity_sequence = Some(first);
            state.discontinuities = first;
        }
        "EXT-X-INDEPENDENT-SEGMENTS" => out.independent = true,
        "EXT-X-I-FRAMES-ONLY" => {
            need(out, 4, "EXT-X-I-FRAMES-ONLY");
            out.i_frames = true;
        }
        "EXT-X-DEFINE" => need(out, if list()?.get("QUERYPARAM").is_some() { 11 } else { 8 }, "EXT-X-DEFINE"),
        "EXT-X-ENDLIST" => out.ended = true,
        "EXT-X-PLAYLIST-TYPE" => {
            out.kind = match value.trim() {
                "VOD" => Some(PlaylistType::Vod),
                "EVENT" => Some(PlaylistType::Event),
                other => return Err(wrong(format!("EXT-X-PLAYLIST-TYPE: `{other}` is neither EVENT nor VOD"))),
            }
        }
        "EXT-X-PART-INF" => {
            let list = list()?;
            let target = list.get("PART-TARGET").and_then(decimal).filter(|t| *t > 0);
            out.part_target = Some(target.ok_or_else(|| wrong("EXT-X-PART-INF has no PART-TARGET".into()))?);
        }
        "EXT-X-SERVER-CONTROL" => out.control = Some((line, list()?)),
        "EXT-X-SKIP" => {
            need(out, 9, "EXT-X-SKIP");
            let list = list()?;
            if list.get("RECENTLY-REMOVED-DATERANGES").is_some() {
                need(out, 10, "EXT-X-SKIP of date ranges");
            }
            let skipped = list.get("SKIPPED-SEGMENTS").and_then(integer);
            let skipped = skipped.ok_or_else(|| wrong("EXT-X-SKIP has no SKIPPED-SEGMENTS".into()))?;
            out.skipped = Some(skipped);
            state.next = state.next.saturating_add(skipped);
        }
        "EXT-X-BYTERANGE" => {
            need(out, 4, "EXT-X-BYTERANGE");
            let range = byte_range(value).ok_or_else(|| wrong(format!("EXT-X-BYTERANGE: `{value}`")))?;
            // An offset that is left out is known when the URI is: kept as the greatest number until then.
            pending.range = Some(ByteRange { offset: range.1.unwrap_or(u64::MAX), length: range.0 });
        }
        "EXT-X-DISCONTINUITY" => pending.discontinuity = true,
        "EXT-X-GAP" => pending.gap = true,
        "EXT-X-PROGRAM-DATE-TIME" => {
            let date = value.trim().parse().map_err(|_| wrong(format!("EXT-X-PROGRAM-DATE-TIME: `{value}`")))?;
            pending.date = Some(date);
        }
        "EXT-X-KEY" => {
            let list = list()?;
            let method = list.get("METHOD").unwrap_or("").to_owned();
            if list.get("IV").is_some() {
                need(out, 2, "the IV of EXT-X-KEY");
            }
            if list.get("KEYFORMAT").is_some() || method.starts_with("SAMPLE-AES") {
                need(out, 5, "EXT-X-KEY of this METHOD and KEYFORMAT");
            }
            state.key = (method != "NONE").then_some(method);
        }
        "EXT-X-MAP" => {
            need(out, if out.i_frames { 5 } else { 6 }, "EXT-X-MAP");
            let list = list()?;
            let uri = list.get("URI").ok_or_else(|| wrong("EXT-X-MAP has no URI".into()))?.to_owned();
            let range = match list.get("BYTERANGE") {
                None => None,
                Some(text) => match byte_range(text) {
                    Some((length, offset)) => Some(ByteRange { offset: offset.unwrap_or(0), length }),
                    None => return Err(wrong(format!("EXT-X-MAP: BYTERANGE=`{text}`"))),
                },
            };
            state.map = Some(Arc::new(Map { uri, range }));
        }
        "EXT-X-PART" => pending.parts.push(part(&list()?, line, pending.parts.last()).map_err(wrong)?),
        "EXT-X-PRELOAD-HINT" => {
            let list = list()?;
            let uri = list.get("URI").ok_or_else(|| wrong("EXT-X-PRELOAD-HINT has no URI".into()))?.to_owned();
            let length = list.get("BYTERANGE-LENGTH").and_then(integer);
            let start = list.get("BYTERANGE-START").and_then(integer);
            let range = (start.is_some() || length.is_some()).then(|| (start.unwrap_or(0), length));
            out.hints.push(Hint { line, kind: list.get("TYPE").unwrap_or("").to_owned(), uri, range });
        }
        "EXT-X-RENDITION-REPORT" => {
            let list = list()?;
            let uri = list.get("URI").ok_or_else(|| wrong("EXT-X-RENDITION-REPORT has no URI".into()))?.to_owned();
            let count = |name| list.get(name).and_then(integer);
            out.reports.push(RenditionReport { line, uri, msn: count("LAST-MSN"), part: count("LAST-PART") });
        }
        "EXT-X-STREAM-INF" | "EXT-X-MEDIA" => return Err((FaultKind::Mixed, format!("{name} in a media playlist"))),
        _ => {}
    }
    if late && ["EXT-X-DISCONTINUITY", "EXT-X-KEY", "EXT-X-MAP", "EXT-X-PROGRAM-DATE-TIME"].contains(&name) {
        return Err((FaultKind::Late, format!("{name} after the segment's first part")));
    }
    Ok(())
}

fn part(list: &Attributes, line: usize, before: Option<&Part>) -> Result<Part, String> {
    let uri = list.get("URI").ok_or("EXT-X-PART has no URI")?.to_owned();
    let duration = list.get("DURATION").and_then(decimal).ok_or("EXT-X-PART has no DURATION")?;
    let range = match list.get("BYTERANGE") {
        None => None,
        Some(text) => {
            let (length, offset) = byte_range(text).ok_or_else(|| format!("EXT-X-PART: BYTERANGE=`{text}`"))?;
            let after = || before.filter(|b| b.uri == uri)?.range.map(|r| r.offset.saturating_add(r.length));
            Some(ByteRange { offset: offset.or_else(after).unwrap_or(0), length })
        }
    };
    Ok(Part { line, uri, duration, independent: list.yes("INDEPENDENT"), gap: list.yes("GAP"), range })
}

/// `<n>[@<o>]`: length and offset.
fn byte_range(text: &str) -> Option<(u64, Option<u64>)> {
    match text.trim().split_once('@') {
        Some((length, offset)) => Some((integer(length)?, Some(integer(offset)?))),
        None => Some((integer(text.trim())?, None)),
    }
}

fn close(out: &mut Media, pending: &mut Pending, state: &mut State, line: usize, uri: &str) {
    let mut done = std::mem::take(pending);
    let Some(duration) = done.duration else {
        let what = format!("`{uri}` follows no EXTINF");
        out.faults.push(Fault { line, what, kind: FaultKind::Form });
        return;
    };
    if let Some(range) = &mut done.range {
        if range.offset == u64::MAX {
            range.offset = state.ends.get(uri).copied().unwrap_or(0);
        }
        state.ends.insert(uri.to_owned(), range.offset.saturating_add(range.length));
    }
    done.line = Some(line);
    let mut segment = segment(done, state);
    segment.uri = Some(uri.to_owned());
    segment.duration = duration;
    out.segments.push(segment);
    state.next = state.next.saturating_add(1);
}

fn open(out: &mut Media, pending: Pending, state: &mut State) {
    let segment = segment(pending, state);
    out.segments.push(segment);
}

fn segment(pending: Pending, state: &mut State) -> Segment {
    if pending.discontinuity {
        state.discontinuities = state.discontinuities.saturating_add(1);
    }
    Segment {
        msn: state.next,
        line: pending.line.unwrap_or(0),
        uri: None,
        duration: 0,
        range: pending.range,
        discontinuity: pending.discontinuity,
        discontinuities: state.discontinuities,
        date: pending.date,
        gap: pending.gap,
        map: state.map.clone(),
        key: state.key.clone(),
        parts: pending.parts,
    }
}
