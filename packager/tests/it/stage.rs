//! A stage for tests: renditions fed with made-up units under a fake clock.

use bytes::Bytes;
use mp4_atom::Decode;
use packager::{
    Cutter, Event, Format, Grid, Kind, MediaTime, Msn, Part, Rate, RenditionId, Run, Timeline, Unit,
    wall::{Anchor, Anchors, Wall},
};

/// 25 fps, 200 ms parts, one-second segments.
pub fn grid() -> Grid {
    grid_of("25", 5, 25)
}

pub fn grid_of(rate: &str, part: u32, segment: u32) -> Grid {
    Grid::new(rate.parse::<Rate>().unwrap(), part, segment).unwrap()
}

/// 2026-11-22T19:00:00Z.
pub const START: Wall = Wall(1_795_374_000_000_000);

pub fn anchors() -> Anchors {
    Anchors::new(vec![Anchor { run: Run(1), media: MediaTime(0), wall: START }])
}

/// Real parameters of x264, 640x360, main profile.
pub fn picture() -> Format {
    let sps = [
        0x67, 0x4d, 0x40, 0x1e, 0xec, 0xa0, 0x50, 0x17, 0xfc, 0xb8, 0x08, 0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00,
        0x00, 0x19, 0x07, 0x8b, 0x16, 0xcb,
    ];
    let pps = [0x68, 0xeb, 0xe3, 0xcb, 0x20];
    let mut avcc = vec![1, 0x4d, 0x40, 0x1e, 0xff, 0xe1, 0, sps.len() as u8];
    avcc.extend_from_slice(&sps);
    avcc.extend_from_slice(&[1, 0, pps.len() as u8]);
    avcc.extend_from_slice(&pps);
    Format::H264 { width: 640, height: 360, frame_ticks: 0, avcc: avcc.into() }
}

pub const AAC: Format = Format::Aac { rate: 48_000, channels: 2 };

/// One rendition: a cutter, its timeline, and every part it made.
pub struct Stage {
    pub id: RenditionId,
    pub grid: Grid,
    pub cutter: Cutter,
    pub timeline: Timeline,
    pub parts: Vec<Part>,
}

impl Stage {
    pub fn new(kind: Kind, grid: Grid) -> Self {
        let id = match kind {
            Kind::Sound => RenditionId::new("audio", "ambient"),
            Kind::Source { .. } => RenditionId::new("main", "source"),
            _ => RenditionId::new("main", "360p"),
        };
        let mut stage = Self {
            id: id.unwrap(),
            grid,
            cutter: Cutter::new(kind, grid, Msn(0), MediaTime(0)),
            timeline: Timeline::new(kind, grid, Run(1)),
            parts: Vec::new(),
        };
        let format = if kind == Kind::Sound { AAC } else { picture() };
        stage.cutter.format(format).unwrap();
        stage.drain();
        stage
    }

    pub fn drain(&mut self) {
        while let Some(event) = self.cutter.poll() {
            self.timeline.apply(&event);
            if let Event::Part(part) = event {
                self.parts.push(part);
            }
        }
    }

    pub fn push(&mut self, unit: Unit) {
        self.cutter.push(unit).unwrap();
        self.drain();
    }

    /// A frame on the grid; each segment's first is a key frame.
    pub fn frame(&mut self, n: u64) {
        let ticks = u64::from(self.grid.frame_ticks());
        let key = n.is_multiple_of(u64::from(self.grid.segment_frames));
        self.push(Unit {
            pts: n * ticks,
            dts: (n * ticks) as i64,
            duration: ticks as u32,
            key,
            data: Bytes::from(vec![n as u8; if key { 900 } else { 100 }]),
        });
    }

    pub fn frames(&mut self, range: std::ops::Range<u64>) {
        range.for_each(|n| self.frame(n));
    }

    /// AAC frame `n`, the first of which begins `phase` samples into media time.
    pub fn aac(&mut self, n: u64, phase: u64) {
        let pts = phase + n * 1024;
        self.push(Unit { pts, dts: pts as i64, duration: 1024, key: true, data: Bytes::from(vec![7; 340]) });
    }

    pub fn tick(&mut self, seconds: f64) {
        self.cutter.tick(MediaTime((seconds * 1e9) as u64), MediaTime(2_000_000_000));
        self.drain();
    }
}

/// The presentation times of a part's frames, in decoding order, read from its boxes.
pub fn shown(part: &Part) -> Vec<u64> {
    let Ok(moof) = mp4_atom::Moof::decode(&mut part.bytes.as_ref()) else { panic!("a part begins with moof") };
    let traf = &moof.traf[0];
    let mut at = traf.tfdt.as_ref().unwrap().base_media_decode_time;
    let entries = traf.trun.iter().flat_map(|run| match &run.samples {
        mp4_atom::TrunSamples::Explicit(entries) => entries.clone(),
        other => panic!("samples that say nothing: {other:?}"),
    });
    let time = |entry: mp4_atom::TrunEntry| {
        let shown = at.checked_add_signed(entry.cts.unwrap_or(0)).unwrap();
        at += u64::from(entry.duration.unwrap());
        shown
    };
    entries.map(time).collect()
}
