//! A rendition that is recorded, and what must be found of it.

use std::{collections::BTreeMap, path::Path};

use bytes::Bytes;
use packager::{
    Cutter, Event, Format, Grid, Kind, MediaTime, Msn, Part, PartEntry, Rate, RenditionId, Run, Segment, Timeline,
    Unit,
    wall::{Anchor, Wall},
};
use proptest::prelude::*;
use store::{Body, Item, Limits, Recovered, Store};

/// 25 fps, parts of 5 frames, segments of 25.
pub fn grid() -> Grid {
    Grid::new(Rate::new(25, 1).expect("a rate"), 5, 25).expect("a grid")
}

pub fn anchor(run: Run) -> Anchor {
    Anchor { run, media: MediaTime(0), wall: Wall(1_700_000_000_000_000) }
}

pub fn id(camera: &str) -> RenditionId {
    RenditionId::new(camera, "360p").expect("slugs")
}

/// Files of two seconds and one second in memory: every path is taken within a few segments.
pub fn small() -> Limits {
    Limits {
        file: std::time::Duration::from_secs(2),
        tail: std::time::Duration::from_secs(1),
        retry: std::time::Duration::ZERO,
        ..Limits::default()
    }
}

/// Opens the folder and begins the next run.
pub fn begin(root: &Path, limits: Limits) -> (Store, Recovered, Run) {
    let (store, recovered) = Store::open_with(root, grid(), limits).expect("opened");
    let run = Run(recovered.anchors.last().map_or(1, |a| a.run.0 + 1));
    store.begin_run(anchor(run)).expect("begun");
    (store, recovered, run)
}

pub fn h264(width: u16) -> Format {
    let avcc = Bytes::from_static(b"\x01\x42\xc0\x1e\xff\xe1\x00\x04\x67\x42\xc0\x1e\x01\x00\x02\x68\xce");
    Format::H264 { width, height: 360, frame_ticks: 1000, avcc }
}

/// What happens to a rendition.
#[derive(Clone, Debug)]
pub enum Step {
    /// So many frames, with these sizes in turn.
    Frames(u32, Vec<usize>),
    /// So many frames do not come.
    Lost(u32),
    /// The encoder changes.
    Format(u16),
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let sizes = prop::collection::vec(1..400_usize, 1..8);
    let step = prop_oneof![
        6 => (1..120_u32, sizes).prop_map(|(n, sizes)| Step::Frames(n, sizes)),
        1 => (1..60_u32).prop_map(Step::Lost),
        1 => (16..20_u16).prop_map(|w| Step::Format(w * 16)),
    ];
    prop::collection::vec(step, 1..8)
}

/// A camera's rendition: what it cut so far, with the bytes.
pub struct Recording {
    pub id: RenditionId,
    pub run: Run,
    pub cutter: Cutter,
    pub timeline: Timeline,
    pub parts: BTreeMap<Msn, Vec<Part>>,
    /// How many discontinuities stand before each segment.
    discontinuities: BTreeMap<Msn, u64>,
    pub headers: BTreeMap<u32, Bytes>,
    frame: u64,
    seed: u8,
}

fn entry(part: &Part) -> PartEntry {
    let size = part.bytes.len() as u32;
    PartEntry { duration: part.duration as u32, size, independent: part.independent }
}

impl Recording {
    pub fn new(id: RenditionId, run: Run) -> Self {
        Self::from(id, run, Msn(0))
    }

    /// One that begins with a later segment.
    pub fn from(id: RenditionId, run: Run, next: Msn) -> Self {
        let grid = grid();
        let frame = grid.first_frame(next);
        let mut timeline = Timeline::new(Kind::Rung, grid, run);
        timeline.begin_run(grid.frame_time(frame));
        let mut cutter = Cutter::new(Kind::Rung, grid, next, grid.frame_time(frame));
        cutter.format(h264(640)).expect("a format");
        let (parts, discontinuities, headers) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { id, run, cutter, timeline, parts, discontinuities, headers, frame, seed: 0 }
    }

    pub fn step(&mut self, store: &Store, step: &Step) {
        match step {
            Step::Frames(n, sizes) => (0..*n).zip(sizes.iter().cycle()).for_each(|(_, size)| self.frame(store, *size)),
            Step::Lost(n) => self.frame += u64::from(*n),
            Step::Format(width) => {
                self.cutter.format(h264(*width)).expect("a format");
                self.drain(store);
            }
        }
    }

    /// Whole segments, with frames of so many bytes.
    pub fn segments(&mut self, store: &Store, n: u32, frame_bytes: usize) {
        self.step(store, &Step::Frames(n * 25, vec![frame_bytes]));
    }

    pub fn frame(&mut self, store: &Store, size: usize) {
        self.seed = self.seed.wrapping_mul(31).wrapping_add(7);
        let data: Bytes = vec![self.seed; size].into();
        let (pts, key) = (self.frame * 1000, self.frame.is_multiple_of(25));
        self.frame += 1;
        self.unit(store, Unit { pts, dts: pts as i64, duration: 1000, key, data });
    }

    pub fn unit(&mut self, store: &Store, unit: Unit) {
        self.cutter.push(unit).expect("no source");
        self.drain(store);
    }

    fn drain(&mut self, store: &Store) {
        while let Some(event) = self.cutter.poll() {
            self.timeline.apply(&event);
            let discontinuities = self.timeline.newest().map_or(0, |s| s.discontinuities);
            match &event {
                Event::Header { k, bytes, .. } => {
                    self.headers.insert(*k, bytes.clone());
                }
                Event::Part(part) => {
                    self.discontinuities.entry(part.msn).or_insert(discontinuities);
                    self.parts.entry(part.msn).or_default().push(part.clone());
                }
                Event::Gap { .. } => {}
            }
            store.append(&self.id, self.run, discontinuities, &event);
        }
    }

    pub fn bytes(&self, msn: Msn) -> Bytes {
        let parts = self.parts.get(&msn).map(Vec::as_slice).unwrap_or_default();
        parts.iter().flat_map(|p| p.bytes.iter().copied()).collect::<Vec<u8>>().into()
    }

    /// All segments of which something was received, as they lie on the disk: of one that was torn, what there is.
    pub fn recorded(&self) -> Vec<Segment> {
        let open = self.timeline.newest().filter(|s| !s.done).map(|s| s.msn);
        let of = |(msn, parts): (&Msn, &Vec<Part>)| Segment {
            msn: *msn,
            run: self.run,
            header: parts[0].header,
            discontinuities: self.discontinuities[msn],
            start: parts[0].start,
            parts: parts.iter().map(entry).collect(),
            duration: parts.iter().map(|part| part.duration).sum(),
            done: Some(*msn) != open,
        };
        self.parts.iter().map(of).collect()
    }

    /// Every recorded segment, part by part and whole, is found as it was appended.
    pub fn assert_found(&self, store: &Store, segment: &Segment) {
        let (msn, run) = (segment.msn, self.run);
        let parts = &self.parts[&msn];
        let header = read(store, &self.id, run, Item::Header(segment.header)).expect("a header");
        assert_eq!(header, self.headers[&segment.header]);
        for (index, part) in (0_u32..).zip(&parts[..segment.parts.len()]) {
            let found = read(store, &self.id, run, Item::Part(msn, index)).expect("a part");
            assert!(found == part.bytes, "{msn}.{index}: {} bytes, not {}", found.len(), part.bytes.len());
        }
        let whole: Vec<u8> = parts[..segment.parts.len()].iter().flat_map(|p| p.bytes.iter().copied()).collect();
        let found = read(store, &self.id, run, Item::Segment(msn)).expect("a segment");
        assert!(found == whole, "{msn}: {} bytes, not {}", found.len(), whole.len());
        let past = Item::Part(msn, segment.parts.len() as u32);
        assert!(read(store, &self.id, run, past).is_none(), "a part too many");
    }
}

pub fn find(store: &Store, id: &RenditionId, run: Run, item: Item) -> Option<Body> {
    store.find(id, run, item).expect("no trouble")
}

pub fn read(store: &Store, id: &RenditionId, run: Run, item: Item) -> Option<Bytes> {
    find(store, id, run, item).map(|body| body.read().expect("readable"))
}

/// The media files below a folder, sorted.
pub fn media_files(root: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.join("ring"), root.join("archive")];
    while let Some(folder) = folders.pop() {
        // A store that is just being opened makes one after the other.
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for entry in entries {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// As many cases as `PROPTEST_CASES` says, or these.
pub fn cases(cases: u32) -> ProptestConfig {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default(),
        None => ProptestConfig { cases, ..ProptestConfig::default() },
    }
}

impl Recording {
    /// What a restart does to the open segment: the next one begins anew.
    pub fn abandon_segment(&mut self) {
        let Some(newest) = self.timeline.newest().map(|s| s.msn) else { return };
        let grid = grid();
        self.frame = grid.first_frame(newest.next());
        let start = self.frame * 1000;
        self.timeline.apply(&Event::Gap { msn: newest.next(), start, duration: grid.segment_ticks() });
        let next = Msn(newest.0 + 2);
        self.frame = grid.first_frame(next);
        self.cutter = Cutter::new(Kind::Rung, grid, next, grid.frame_time(self.frame));
        self.cutter.format(h264(640)).expect("a format");
        // The header is known.
        self.cutter.poll();
    }
}
