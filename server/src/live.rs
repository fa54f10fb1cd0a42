//! A rendition while it is recorded: units in, and for every part one edition of its playlists, rendered once, that
//! everybody waiting is answered with.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use packager::{
    Cutter, CutterError, Event, Format, Kind, MediaTime, Msn, RenditionId, Timeline, Unit,
    playlist::{self, Report, Style},
    wait::Edge,
    wall::Anchors,
};
use parking_lot::Mutex;
use store::Store;
use tokio::sync::watch;

/// A playlist's text, and its gzip form once somebody asked for it.
#[derive(Debug)]
pub struct Text {
    plain: Bytes,
    gzip: OnceLock<Bytes>,
}

impl Text {
    /// Takes a rendered text.
    pub fn new(text: String) -> Arc<Self> {
        Arc::new(Self { plain: text.into(), gzip: OnceLock::new() })
    }

    /// The text as it is.
    pub fn plain(&self) -> Bytes {
        self.plain.clone()
    }

    /// The text in gzip, compressed once.
    pub fn gzip(&self) -> Bytes {
        let compress = || {
            use std::io::Write;
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
            // Writing into memory cannot fail.
            let _ = encoder.write_all(&self.plain);
            Bytes::from(encoder.finish().unwrap_or_default())
        };
        self.gzip.get_or_init(compress).clone()
    }
}

/// The playlists of a rendition as they are after one part.
#[derive(Clone, Debug, Default)]
pub struct Edition {
    /// Where the timeline ends.
    pub edge: Edge,
    /// Its playlists by their target duration: its own, and those of longer ones that it is played with.
    pub lists: BTreeMap<u64, Lists>,
}

/// The playlists of one target duration.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    /// `index.m3u8`; `None` before the first part.
    pub index: Option<Arc<Text>>,
    /// `index.m3u8?_HLS_skip=YES`.
    pub delta: Option<Arc<Text>>,
    /// `plain.m3u8`; `None` before the first whole segment.
    pub plain: Option<Arc<Text>>,
}

struct Core {
    cutter: Cutter,
    timeline: Timeline,
    /// By target duration.
    dvr: BTreeMap<u64, (Msn, Arc<Text>)>,
}

/// One rendition of one camera, or one sound.
pub struct Live {
    /// Its place in every address.
    pub id: RenditionId,
    /// Seconds: `EXT-X-TARGETDURATION`.
    target_duration: AtomicU64,
    core: Mutex<Core>,
    editions: watch::Sender<Arc<Edition>>,
    /// The other renditions of the same camera, and the sounds.
    siblings: Mutex<Arc<[Sibling]>>,
    /// Target durations, in seconds, of what it is or was played with: longer than its own.
    longer: Mutex<Arc<[u64]>>,
    anchors: Arc<Anchors>,
    store: Store,
    /// The rate that the encoder is told to keep, bits per second; 0 where nobody tells.
    nominal: AtomicU64,
    /// How much later than its instant a frame may come, beyond the usual: a camera's `offset_ms`, in nanoseconds.
    lateness: AtomicU64,
    /// Whether its playlists have been offered in this run.
    listed: AtomicBool,
}

/// Another rendition.
type Sibling = Arc<Live>;

/// How long after its end a segment of which nothing came is called a gap, in segments.
const GRACE_SEGMENTS: u64 = 2;

/// Numbers that a source leaves out at a restart: more than a killed process can have announced beyond its last write.
const SPARE_NUMBERS: u64 = 32;

impl Live {
    /// A rendition that goes on from what `timeline` holds of earlier runs, from media time `from`.
    pub fn new(id: RenditionId, timeline: Timeline, from: MediaTime, anchors: Arc<Anchors>, store: Store) -> Self {
        let (kind, grid) = (timeline.kind, timeline.grid);
        let next = match kind {
            // Numbers of segments that were announced and did not reach the disk are not used again: media time has
            // come at least as far as a count of its segments can have.
            Kind::Source { .. } => {
                let by_time = grid.segment_at(from.ticks(timeline.timescale), timeline.timescale).0;
                let kept = timeline.kept().map(|s| s.msn.next().0).max().unwrap_or(0);
                let used = timeline.next_msn().0.max(kept);
                // The first run begins at 0.
                Msn(if used == 0 { by_time } else { by_time.max(used + SPARE_NUMBERS) })
            }
            _ => grid.segment_at(from.ticks(timeline.timescale), timeline.timescale),
        };
        let cutter = Cutter::new(kind, grid, next, from);
        let target_duration = timeline.target_duration().into();
        let core = Mutex::new(Core { cutter, timeline, dvr: BTreeMap::new() });
        let (editions, _) = watch::channel(Arc::default());
        Self {
            id,
            target_duration,
            core,
            editions,
            siblings: Mutex::new(Arc::new([])),
            longer: Mutex::new(Arc::new([])),
            anchors,
            store,
            nominal: AtomicU64::new(0),
            lateness: AtomicU64::new(0),
            listed: AtomicBool::new(false),
        }
    }

    /// Says what is to come, before it comes and whenever that changes: `nominal` is the rate that the encoder is told to
    /// keep, in bits per second, 0 where nobody tells; `late_ms`, how much later than its instant a frame may come.
    ///
    /// The kind counts the first time in a run: playlists are offered from then on, and their target duration never
    /// changes (rfc8216bis, 6.2.1).
    pub fn expect(&self, kind: Kind, nominal: u64, late_ms: i64) {
        self.nominal.store(nominal, Ordering::Relaxed);
        self.lateness.store(u64::try_from(late_ms).unwrap_or(0) * 1_000_000, Ordering::Relaxed);
        if !self.listed.swap(true, Ordering::Relaxed) {
            let core = &mut *self.core.lock();
            core.cutter.set_kind(kind);
            core.timeline.kind = kind;
            self.target_duration.store(core.timeline.target_duration(), Ordering::Relaxed);
        }
    }

    /// The kind that its playlists were offered with in this run; `None` when they were not.
    pub fn offered(&self) -> Option<Kind> {
        self.listed.load(Ordering::Relaxed).then(|| self.timeline(|t| t.kind))
    }

    /// Seconds: `EXT-X-TARGETDURATION`.
    pub fn target_duration(&self) -> u64 {
        self.target_duration.load(Ordering::Relaxed)
    }

    /// Says which renditions this one's playlist reports, and the target durations of all that it is played with: who
    /// follows a playlist of a former one goes on.
    pub fn accompany(&self, siblings: Vec<Sibling>, targets: &[u64]) {
        let known = self.longer.lock().clone();
        let mut longer: Vec<u64> =
            known.iter().chain(targets).copied().filter(|t| *t > self.target_duration()).collect();
        longer.sort_unstable();
        longer.dedup();
        let same = |known: &[Sibling]| known.iter().map(|live| &live.id).eq(siblings.iter().map(|live| &live.id));
        if same(&self.siblings.lock()) && known[..] == longer[..] {
            return;
        }
        *self.longer.lock() = longer.into();
        *self.siblings.lock() = siblings.into();
        self.publish(&mut self.core.lock());
    }

    /// Whether there are playlists of this target duration.
    pub fn offers(&self, target: u64) -> bool {
        target == self.target_duration() || self.longer.lock().contains(&target)
    }

    /// Takes new parameters.
    ///
    /// # Errors
    /// When no player could use them.
    pub fn format(&self, format: Format) -> Result<(), CutterError> {
        let core = &mut *self.core.lock();
        let result = core.cutter.format(format);
        self.drain(core);
        result
    }

    /// Takes the next unit.
    ///
    /// # Errors
    /// When the camera's key frames are too far apart.
    pub fn push(&self, unit: Unit) -> Result<(), CutterError> {
        // For who measures how long parts take: a line a part, and nothing unless it is asked for.
        let came = tracing::enabled!(target: "virage::parts", tracing::Level::TRACE).then(jiff::Timestamp::now);
        let core = &mut *self.core.lock();
        let (msn, part) = core.timeline.next_part();
        let result = core.cutter.push(unit);
        self.drain(core);
        if let Some(came) = came.filter(|_| core.timeline.next_part() != (msn, part)) {
            let came = came.as_microsecond();
            tracing::trace!(target: "virage::parts", rendition = %self.id, %msn, part, came, "closed");
        }
        result
    }

    /// Tells how far media time has come: what did not come by then is a gap.
    pub fn tick(&self, now: MediaTime) {
        let core = &mut *self.core.lock();
        let grid = core.timeline.grid;
        let grace = grid.frame_time(u64::from(grid.segment_frames) * GRACE_SEGMENTS);
        let grace = MediaTime(grace.0 + self.lateness.load(Ordering::Relaxed));
        core.cutter.tick(now, grace);
        self.drain(core);
    }

    fn drain(&self, core: &mut Core) {
        let mut news = false;
        while let Some(event) = core.cutter.poll() {
            core.timeline.apply(&event);
            let timeline = &core.timeline;
            let discontinuities = timeline.newest().map_or(0, |s| s.discontinuities);
            self.store.append(&self.id, timeline.run(), discontinuities, &event);
            news |= !matches!(event, Event::Header { .. });
        }
        if news {
            self.publish(core);
        }
    }

    fn publish(&self, core: &mut Core) {
        let timeline = &core.timeline;
        let siblings = self.siblings.lock().clone();
        let edge = timeline.edge();
        let before = self.editions.borrow().clone();
        let own = self.target_duration();
        let lists = |target: u64| {
            let report =
                |live: &Sibling| Some(Report { uri: live.beside(target)?, last: live.editions.borrow().edge.last()? });
            let reports: Vec<Report> = siblings.iter().filter_map(report).collect();
            let render =
                |style| playlist::live(&self.id, timeline, &self.anchors, style, &reports, target).map(Text::new);
            // Whole segments change the plain playlist; parts do not.
            let plain =
                before.lists.get(&target).filter(|_| before.edge.done == edge.done).and_then(|l| l.plain.clone());
            let plain = plain.or_else(|| render(Style::Plain));
            let index = render(Style::LowLatency { delta: false });
            let delta = render(Style::LowLatency { delta: true });
            (target, Lists { index, delta, plain })
        };
        let longer = self.longer.lock().clone();
        let lists = std::iter::once(own).chain(longer.iter().copied()).map(lists).collect();
        self.editions.send_replace(Arc::new(Edition { edge, lists }));
    }

    /// Its playlist of a target duration as another rendition's names it; `None` when it is not played with such ones.
    fn beside(&self, target: u64) -> Option<String> {
        let own = target == self.target_duration();
        let file = if own { "index.m3u8".to_owned() } else { playlist::longer("index.m3u8", target) };
        self.offers(target).then(|| format!("../../{}/{file}", self.id))
    }

    /// The newest edition.
    pub fn edition(&self) -> Arc<Edition> {
        self.editions.borrow().clone()
    }

    /// Editions as they come.
    pub fn watch(&self) -> watch::Receiver<Arc<Edition>> {
        self.editions.subscribe()
    }

    /// `dvr.m3u8` of a target duration, rendered once a segment.
    pub fn dvr(&self, target: u64) -> Option<Arc<Text>> {
        let core = &mut *self.core.lock();
        let newest = core.timeline.edge().done?.0;
        if let Some((msn, text)) = core.dvr.get(&target)
            && *msn == newest
        {
            return Some(text.clone());
        }
        let text = playlist::live(&self.id, &core.timeline, &self.anchors, Style::Dvr, &[], target).map(Text::new)?;
        core.dvr.insert(target, (newest, text.clone()));
        Some(text)
    }

    /// Looks at the timeline. Short: nobody records meanwhile.
    pub fn timeline<T>(&self, look: impl FnOnce(&Timeline) -> T) -> T {
        look(&self.core.lock().timeline)
    }

    /// Changes the timeline's past.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Timeline)) {
        change(&mut self.core.lock().timeline);
    }

    /// Forgets what ends before `before` and `keep` does not want.
    pub fn forget(&self, before: MediaTime, keep: impl Fn(&packager::Segment) -> bool) {
        self.core.lock().timeline.forget(before, keep);
    }
}

impl Live {
    /// The rate that the encoder is told to keep, in bits per second; 0 where nobody tells.
    pub fn nominal(&self) -> u64 {
        self.nominal.load(Ordering::Relaxed)
    }

    /// Whether this is a camera's own bitstream.
    pub fn is_source(&self) -> bool {
        self.id.rendition.as_str() == "source"
    }

    /// Lines of the picture, 0 while unknown.
    pub fn height(&self) -> u16 {
        self.timeline(|t| t.format.as_ref().and_then(Format::resolution).map_or(0, |(_, height)| height))
    }

    /// The end of the newest part that was received.
    pub fn received_until(&self) -> Option<MediaTime> {
        self.timeline(|t| {
            let newest = t.segments().iter().rev().find(|s| !s.is_gap())?;
            Some(MediaTime::from_ticks(newest.end(), t.timescale))
        })
    }

    /// Its line in a multivariant playlist; `None` while its format is unknown.
    pub fn variant(&self) -> Option<playlist::Variant> {
        self.timeline(|t| {
            let format = t.format.as_ref()?;
            let resolution = format.resolution()?;
            let (id, codecs) = (self.id.rendition.to_string(), format.codecs());
            let (peak, mean) = t.bandwidth();
            let nominal = self.nominal();
            if peak.max(nominal) == 0 {
                return None;
            }
            // Before much was measured the encoder's own bound counts, with a tenth for boxes. Of a camera's own stream nobody
            // knows the bound: a quarter more than it ever was.
            let peak = if self.is_source() { peak + peak / 4 } else { peak.max(nominal + nominal / 10) };
            let millihertz = format.millihertz(t.timescale).unwrap_or_else(|| t.grid.rate.millihertz());
            let (bandwidth, target) = ((peak, mean), self.target_duration());
            Some(playlist::Variant { id, codecs, resolution, bandwidth, millihertz, target })
        })
    }
}
