//! What came out of a run. All fields are plain numbers, so that a bench or a script can compare two runs.

use std::{collections::BTreeMap, sync::atomic::Ordering::Relaxed, time::Duration};

use serde::Serialize;

use crate::{
    Behaviour, Crowd, table,
    tally::{Heard, SORTS, Sort, Sum, Tally, Times},
};

/// What came out of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// When it began: RFC 3339, UTC.
    pub began: String,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How viewers arrived.
    pub arrival: Arrival,
    /// Each crowd.
    pub crowds: Vec<Audience>,
    /// Errors in all crowds.
    pub errors: u64,
    /// Connections opened.
    pub connections: u64,
    /// The crowd's own process: a busy one measures itself rather than the server.
    pub generator: Generator,
    /// The server's processes; absent when not measured.
    pub server: Option<Server>,
}

/// How viewers arrived.
#[derive(Clone, Debug, Serialize)]
pub struct Arrival {
    /// Viewers that came.
    pub viewers: u64,
    /// Seconds from the first to the last.
    pub seconds: f64,
    /// Viewers a second over that time.
    pub per_second: f64,
    /// How late the latest of them was sent in, in milliseconds.
    pub late_ms: f64,
}

/// One crowd.
#[derive(Clone, Debug, Serialize)]
pub struct Audience {
    /// `ll`, `plain`, `replay` or `feed`.
    pub behaviour: String,
    /// What it opened.
    pub url: String,
    /// Viewers that came.
    pub viewers: u64,
    /// Viewers that saw a picture; for the feed, whose stream opened.
    pub started: u64,
    /// Viewers that gave up, because a playlist could not be had.
    pub gave_up: u64,
    /// Viewers that played to the end of what ends.
    pub ended: u64,
    /// Low-latency viewers to whom the server offered parts.
    pub by_parts: u64,
    /// From the first request until the picture moved (for the feed: until the stream opened), in milliseconds.
    pub start_ms: Quantiles,
    /// Stalls.
    pub stalls: Stalls,
    /// How far the picture is behind PROGRAM-DATE-TIME on this machine's clock; looked at each second while it moves.
    pub latency_ms: Latency,
    /// Changes of the angle half-way through a replay.
    pub turns: Turns,
    /// What the feed's viewers heard.
    pub events: Option<Events>,
    /// Errors by kind.
    pub errors: BTreeMap<String, u64>,
    /// Bytes of bodies, on the wire.
    pub bytes: Amount,
    /// Requests.
    pub requests: Amount,
    /// Segments and parts of the picture that were played, by variant.
    pub variants: BTreeMap<String, u64>,
    /// Changes of the rung.
    pub switches: u64,
    /// EXT-X-GAP segments and parts passed over.
    pub gaps: u64,
    /// Times a viewer's place had gone from the playlist.
    pub resyncs: u64,
    /// Minutes that viewers stayed, together.
    pub viewer_minutes: f64,
}

/// Quantiles; absent without values.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Quantiles {
    /// Median.
    pub p50: Option<f64>,
    /// 95 %.
    pub p95: Option<f64>,
    /// 99 %.
    pub p99: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
}

/// How far viewers are behind; absent without PROGRAM-DATE-TIME.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latency {
    /// Median.
    pub p50: Option<f64>,
    /// 95 %.
    pub p95: Option<f64>,
}

/// Stalls of at least a frame's time.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Stalls {
    /// Viewers that saw one.
    pub viewers: u64,
    /// How many.
    pub count: u64,
    /// Seconds in all.
    pub seconds: f64,
    /// Seconds in an hour of watching.
    pub seconds_per_viewer_hour: f64,
}

/// Changes of the angle.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Turns {
    /// How many.
    pub count: u64,
    /// From the wish until the picture moved, in milliseconds.
    pub ms: Quantiles,
}

/// What the feed's viewers heard.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Events {
    /// Events.
    pub events: u64,
    /// Events times viewers that heard them.
    pub deliveries: u64,
    /// From the first viewer that heard an event to the last, in milliseconds: the median event's.
    pub spread_p50_ms: f64,
    /// The worst event's.
    pub spread_max_ms: f64,
    /// Deliveries that did not come: to viewers whose stream was open when the first viewer heard the event. Streams that
    /// opened in that very moment may be among them.
    pub missed: u64,
}

/// Something by what was requested.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Amount {
    /// In all.
    pub total: u64,
    /// In a viewer's minute; absent when no viewer saw anything.
    pub per_viewer_minute: Option<f64>,
    /// Playlists.
    pub playlists: u64,
    /// Headers.
    pub headers: u64,
    /// Segments and parts.
    pub media: u64,
    /// Event streams.
    pub events: u64,
}

/// The crowd's own process.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Generator {
    /// Cores in use, in the mean.
    pub cores: f64,
    /// The most, over a second.
    pub peak_cores: f64,
    /// Resident memory at most, in bytes.
    pub peak_rss: u64,
    /// How late a timer fires, 99 %, in milliseconds: times in this report are no more exact than this.
    pub lag_p99_ms: f64,
}

/// The server's processes, together.
#[derive(Clone, Debug, Serialize)]
pub struct Server {
    /// The processes.
    pub pids: Vec<u32>,
    /// Cores in use, in the mean.
    pub cores: f64,
    /// The most, over a second.
    pub peak_cores: f64,
    /// Resident set size in bytes.
    pub rss: Memory,
    /// Proportional set size in bytes.
    pub pss: Memory,
    /// Growth of the resident set from the start to its peak, for each viewer, in bytes.
    pub per_viewer: f64,
}

/// Memory over a run, in bytes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Memory {
    /// Before the first viewer.
    pub start: u64,
    /// At most.
    pub peak: u64,
    /// When the last viewer had gone.
    pub end: u64,
}

impl Report {
    /// For people, a line a fact.
    pub fn text(&self) -> String {
        table::render(self)
    }
}

impl Audience {
    pub(crate) fn new(crowd: &Crowd, tally: &Tally) -> Self {
        let sum = tally.sum();
        let minutes = sum.watched.as_secs_f64() / 60.0;
        let amount = |by: [u64; SORTS]| Amount {
            total: by.iter().sum(),
            per_viewer_minute: (sum.started > 0).then(|| by.iter().sum::<u64>() as f64 / minutes.max(1e-9)),
            playlists: by[Sort::Playlist as usize],
            headers: by[Sort::Init as usize],
            media: by[Sort::Media as usize],
            events: by[Sort::Events as usize],
        };
        let stalled = sum.stalled.as_secs_f64();
        Audience {
            behaviour: crowd.behaviour.to_string(),
            url: crowd.url.to_string(),
            viewers: tally.arrived.load(Relaxed),
            started: sum.started,
            gave_up: tally.gave_up.load(Relaxed),
            ended: sum.ended,
            by_parts: tally.by_parts.load(Relaxed),
            start_ms: Quantiles::of(&sum.starts),
            stalls: Stalls {
                viewers: sum.stalled_viewers,
                count: sum.stalls,
                seconds: stalled,
                seconds_per_viewer_hour: stalled / (minutes / 60.0).max(1e-9),
            },
            latency_ms: Latency { p50: sum.latency.at(0.5), p95: sum.latency.at(0.95) },
            turns: Turns { count: sum.turned, ms: Quantiles::of(&sum.turns) },
            events: (crowd.behaviour == Behaviour::Feed).then(|| Events::of(&sum)),
            errors: sum.errors.iter().map(|(fault, count)| (fault.to_string(), *count)).collect(),
            bytes: amount(sum.bytes),
            requests: amount(sum.requests),
            variants: sum.variants,
            switches: tally.switches.load(Relaxed),
            gaps: tally.gaps.load(Relaxed),
            resyncs: tally.resyncs.load(Relaxed),
            viewer_minutes: minutes,
        }
    }
}

impl Quantiles {
    fn of(times: &Times) -> Self {
        Quantiles { p50: times.at(0.5), p95: times.at(0.95), p99: times.at(0.99), max: times.at(1.0) }
    }
}

impl Events {
    fn of(sum: &Sum) -> Self {
        let mut spreads: Vec<Duration> =
            sum.events.iter().map(|heard| heard.last.duration_since(heard.first)).collect();
        spreads.sort_unstable();
        let ms = |at: Option<&Duration>| at.map_or(0.0, |time| time.as_secs_f64() * 1000.0);
        let viewers = |heard: &Heard| heard.viewers;
        Events {
            events: sum.events.len() as u64,
            deliveries: sum.events.iter().map(viewers).sum(),
            spread_p50_ms: ms(spreads.get(spreads.len() / 2)),
            spread_max_ms: ms(spreads.last()),
            missed: sum.events.iter().map(|heard| heard.open.saturating_sub(heard.viewers)).sum(),
        }
    }
}
