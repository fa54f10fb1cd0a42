//! What was seen: everything that the checks look at, and nothing they would have to fetch.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use url::Url;

use crate::{
    Micros,
    fetch::Meta,
    media::{self, Chunk, Init},
    playlist::{ByteRange, Map, Media, Multivariant, Part, Segment},
};

/// A whole presentation.
#[derive(Debug, Default)]
pub struct Presentation {
    /// The multivariant playlist, when the address is one.
    pub multivariant: Option<Top>,
    /// Every media playlist that was read or followed.
    pub renditions: Vec<Rendition>,
    /// What was left out, and why.
    pub unchecked: Vec<String>,
}

/// A multivariant playlist.
#[derive(Debug)]
pub struct Top {
    /// Where it is.
    pub url: Url,
    /// How it was answered.
    pub meta: Meta,
    /// What it says.
    pub list: Multivariant,
}

/// What a media playlist is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// It stands alone.
    Alone,
    /// The playlist of these `EXT-X-STREAM-INF`, by index; and of these angles of VIDEO groups, by index of
    /// `EXT-X-MEDIA`.
    Picture {
        /// Of `streams`.
        streams: Vec<usize>,
        /// Of `groups`.
        groups: Vec<usize>,
    },
    /// A sound: these `EXT-X-MEDIA`.
    Sound(Vec<usize>),
    /// Subtitles.
    Subtitles,
}

/// A segment, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The segment's media sequence number.
    pub msn: u64,
    /// The part's place in it.
    pub part: Option<usize>,
}

/// What a playlist request asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// `_HLS_msn`.
    pub msn: u64,
    /// `_HLS_part`.
    pub part: Option<u64>,
}

/// One answer to a playlist request.
#[derive(Debug)]
pub struct Edition {
    /// When it came, since the first.
    pub at: Duration,
    /// What it was held for.
    pub asked: Option<Asked>,
    /// How it was answered.
    pub meta: Meta,
    /// What it says.
    pub list: Media,
}

/// Something of a rendition's media that was fetched.
#[derive(Debug)]
pub struct Got {
    /// Its address in the playlist.
    pub uri: String,
    /// Its bytes there.
    pub range: Option<ByteRange>,
    /// Whether it was asked for as the playlist's hint, before it was listed.
    pub hinted: bool,
    /// How it was answered; else why not.
    pub meta: Result<Meta, String>,
    /// A fingerprint of the body.
    pub digest: u64,
    /// What is in it.
    pub chunk: Result<Chunk, media::Error>,
}

impl Got {
    /// Whether it was answered with media.
    pub fn answered(&self) -> bool {
        self.meta.as_ref().is_ok_and(|m| matches!(m.status, 200 | 206) && m.length > 0)
    }

    /// How many bytes came.
    pub fn length(&self) -> usize {
        self.meta.as_ref().map_or(0, |m| m.length)
    }
}

/// A header that was fetched.
#[derive(Debug)]
pub struct Header {
    /// How it was answered; else why not.
    pub meta: Result<Meta, String>,
    /// What is in it.
    pub init: Result<Arc<Init>, media::Error>,
}

/// An awkward request and its answer.
#[derive(Debug)]
pub struct Probe {
    /// What was tried.
    pub kind: ProbeKind,
    /// The address.
    pub url: Url,
    /// The playlist just before.
    pub before: Arc<Media>,
    /// How long that playlist took: a round trip.
    pub round_trip: Duration,
    /// How it was answered; else why not.
    pub meta: Result<Meta, String>,
    /// The playlist in the answer.
    pub list: Option<Media>,
}

impl Probe {
    /// Whether it was answered at once: half a second beyond the round trip is anybody's.
    pub fn is_prompt(&self) -> bool {
        self.meta.as_ref().is_ok_and(|m| m.took <= self.round_trip + Duration::from_millis(500))
    }
}

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeKind {
    /// A part that has been there for long.
    Past,
    /// A segment more than two ahead: just so, or far.
    Far,
    /// `_HLS_msn=abc`, or `_HLS_part=abc`.
    Text,
    /// `_HLS_part` alone.
    PartOnly,
    /// The part after a segment's last.
    PastLastPart(Asked),
    /// A segment that is in progress, without a part.
    Whole(u64),
    /// A playlist that is held, in full.
    Full(Asked),
    /// The same as a delta update: `YES`, or `v2`, without date ranges.
    Delta {
        /// What both are held for.
        asked: Asked,
        /// Which.
        v2: bool,
    },
    /// Media that nobody listed.
    Unknown,
    /// A part that has left the playlist for less than three target durations.
    Delisted(Place),
    /// Delivery directives to a playlist that has ended.
    Ended,
    /// A hundred bytes of a segment.
    Range(ByteRange),
}

/// A media playlist and its media.
#[derive(Debug)]
pub struct Rendition {
    /// Where it is.
    pub url: Url,
    /// What it is for.
    pub role: Role,
    /// Its answers, in order.
    pub editions: Vec<Edition>,
    /// Why it could not be read, if it could not; or why following it ended early.
    pub failure: Option<String>,
    /// Held reloads that were not answered in time.
    pub unanswered: Vec<(Asked, String)>,
    /// Its media.
    pub media: BTreeMap<Place, Got>,
    /// Media that were fetched again later.
    pub again: BTreeMap<Place, Got>,
    /// Its headers.
    pub headers: HashMap<Arc<Map>, Header>,
    /// Awkward requests.
    pub probes: Vec<Probe>,
}

impl Rendition {
    /// One of which nothing is known yet.
    pub fn new(url: Url, role: Role) -> Self {
        Self {
            url,
            role,
            editions: Vec::new(),
            failure: None,
            unanswered: Vec::new(),
            media: BTreeMap::new(),
            again: BTreeMap::new(),
            headers: HashMap::new(),
            probes: Vec::new(),
        }
    }

    /// The newest answer.
    pub fn last(&self) -> Option<&Media> {
        self.editions.last().map(|e| &e.list)
    }

    /// The first answer.
    pub fn first(&self) -> Option<&Media> {
        self.editions.first().map(|e| &e.list)
    }

    /// Whether it goes on.
    pub fn live(&self) -> bool {
        self.last().is_some_and(|list| !list.ended)
    }

    /// Whether it has parts.
    pub fn low_latency(&self) -> bool {
        self.live()
            && self.last().is_some_and(|l| l.part_target.is_some() || l.segments.iter().any(|s| !s.parts.is_empty()))
    }

    /// Every segment that was ever listed, as it was listed last, but with the most of its parts: they leave the
    /// playlist before the segment does.
    pub fn segments(&self) -> BTreeMap<u64, Segment> {
        let mut out: BTreeMap<u64, Segment> = BTreeMap::new();
        for segment in self.editions.iter().flat_map(|e| &e.list.segments) {
            let mut segment = segment.clone();
            if let Some(known) = out.remove(&segment.msn)
                && known.parts.len() > segment.parts.len()
            {
                segment.parts = known.parts;
            }
            out.insert(segment.msn, segment);
        }
        out
    }

    /// Every part that was ever listed.
    pub fn parts(&self) -> BTreeMap<Place, Part> {
        let place = |msn, (i, part)| (Place { msn, part: Some(i) }, part);
        let all = self.segments().into_iter();
        all.flat_map(|(msn, s)| s.parts.into_iter().enumerate().map(move |part| place(msn, part))).collect()
    }

    /// The part that left the playlist last, with what stayed of its segment, and the earliest moment at which it may
    /// have left: when the last answer that lists it was asked for.
    pub fn delisted(&self) -> Option<(Place, Part, Duration)> {
        let pairs = self.editions.windows(2).rev().filter_map(|pair| Some((pair.first()?, pair.last()?)));
        pairs.filter(|(_, after)| !after.list.ended).find_map(|(before, after)| {
            let left = before.list.segments.iter().filter(|s| s.key.is_none()).rev().find_map(|segment| {
                let stays = after.list.segment(segment.msn).is_some_and(|s| !s.parts.is_empty());
                let place = Place { msn: segment.msn, part: Some(segment.parts.len().checked_sub(1)?) };
                let last = segment.parts.last().filter(|part| !part.gap && !stays)?;
                Some((place, last.clone()))
            });
            left.map(|(place, part)| (place, part, before.at.saturating_sub(before.meta.took)))
        })
    }

    /// The header that applies to a segment.
    pub fn init(&self, segment: &Segment) -> Option<&Arc<Init>> {
        self.headers.get(segment.map.as_ref()?)?.init.as_ref().ok()
    }

    /// Every header that could be read.
    pub fn inits(&self) -> impl Iterator<Item = &Arc<Init>> {
        self.headers.values().filter_map(|h| h.init.as_ref().ok())
    }

    /// What was measured of each segment that was fetched whole, or in all its parts.
    pub fn measured(&self) -> BTreeMap<u64, Measured> {
        let mut out = BTreeMap::new();
        for (msn, segment) in self.segments() {
            let whole = self.media.get(&Place { msn, part: None });
            if let Some(measured) = whole.and_then(|got| Measured::new(&segment, &[got])) {
                out.insert(msn, measured);
                continue;
            }
            let parts: Option<Vec<&Got>> =
                (0..segment.parts.len()).map(|i| self.media.get(&Place { msn, part: Some(i) })).collect();
            if let (Some(parts), true) = (parts, segment.has_all_parts())
                && let Some(measured) = Measured::new(&segment, &parts)
            {
                out.insert(msn, measured);
            }
        }
        out
    }

    /// The dated instants: media time and date of each segment that has a date of its own and was measured, part by
    /// part of it if need be.
    pub fn dated(&self) -> Vec<Dated> {
        let mut out = Vec::new();
        for (msn, segment) in self.segments() {
            let Some(date) = segment.date else { continue };
            let whole = self.media.get(&Place { msn, part: None });
            let got = whole.or_else(|| self.media.get(&Place { msn, part: Some(0) }));
            let Some(run) = got.and_then(|g| g.chunk.as_ref().ok()).and_then(Chunk::main) else { continue };
            let date = date.as_microsecond();
            out.push(Dated {
                msn,
                line: segment.line,
                discontinuities: segment.discontinuities,
                date,
                media: run.start,
            });
        }
        out
    }
}

/// A segment's date and media time.
#[derive(Clone, Copy, Debug)]
pub struct Dated {
    /// The segment.
    pub msn: u64,
    /// Its line.
    pub line: usize,
    /// Its discontinuity sequence number.
    pub discontinuities: u64,
    /// Its date, in microseconds since 1970.
    pub date: Micros,
    /// Its media time.
    pub media: Micros,
}

/// A segment's media.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Where it begins.
    pub start: Micros,
    /// How long it is.
    pub duration: Micros,
    /// One sample of it.
    pub sample: Micros,
    /// How many samples of its main track.
    pub samples: u64,
    /// How many bytes.
    pub bytes: u64,
    /// Its discontinuity sequence number.
    pub discontinuities: u64,
}

impl Measured {
    fn new(segment: &Segment, got: &[&Got]) -> Option<Self> {
        let runs: Option<Vec<_>> = got.iter().map(|g| g.chunk.as_ref().ok()?.main()).collect();
        let runs = runs?;
        let first = runs.first()?;
        Some(Self {
            start: first.start,
            duration: runs.iter().fold(0, |sum: Micros, r| sum.saturating_add(r.duration)),
            sample: first.sample(),
            samples: runs.iter().map(|r| r.samples).sum(),
            bytes: got.iter().map(|g| g.length() as u64).sum(),
            discontinuities: segment.discontinuities,
        })
    }
}
