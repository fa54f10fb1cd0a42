//! `/metrics`: what Prometheus reads. Everything is looked up when it is asked for; nothing is counted here.
//!
//! Units are spelled out in names, counters end in `_total`, and the only label values are configured ids and fixed words,
//! so that no viewer can make a new series. No secret stands in it: reading is open, as everywhere.

use std::sync::{Arc, atomic::AtomicU64};

use axum::{extract::State, http::header, response::IntoResponse};
use prometheus_client::{
    encoding::prometheus_text,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

use crate::{
    app::App,
    lineup::{Camera, Health},
    timing::Timing,
};

/// A series' labels: names of ours, ids of the configuration.
type Labels = Vec<(&'static str, String)>;

pub(super) async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    let mut registry = Registry::default();
    cameras(&mut registry, &app);
    sounds(&mut registry, &app);
    process(&mut registry);
    let mut text = String::new();
    // Writing into memory cannot fail.
    let _ = prometheus_text::encode(&mut text, &registry);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"), (header::CACHE_CONTROL, "no-store")], text)
}

fn cameras(registry: &mut Registry, app: &App) {
    const STATES: [Health; 5] = [Health::Connecting, Health::Live, Health::Lost, Health::Refused, Health::Paused];
    let labels = |camera: &Camera| vec![("camera", camera.id.to_string())];
    let lineup = app.lineup();
    let states = lineup.cameras.iter().flat_map(|camera| {
        let now = camera.health();
        STATES.map(|state| {
            let labels = vec![("camera", camera.id.to_string()), ("state", state.name().to_owned())];
            (labels, f64::from(u8::from(state == now)))
        })
    });
    gauge(registry, ("virage_camera_state", None), "1 for the state that the camera is in", states);

    let stats: Vec<_> = lineup.cameras.iter().filter_map(|c| Some((labels(c), c.stats()?))).collect();
    let count = |registry: &mut Registry, name, help, read: fn(&capture::Stats) -> u64| {
        counter(registry, name, help, stats.iter().map(|(labels, stats)| (labels.clone(), read(stats))));
    };
    count(registry, "virage_camera_connections", "Times the source went live", |s| s.connections);
    count(registry, "virage_camera_frames", "Pictures that the source delivered", |s| s.frames);
    count(registry, "virage_camera_repeated_frames", "Grid frames filled with the picture before", |s| s.repeated);
    count(registry, "virage_camera_dropped_frames", "Pictures that had no place on the grid", |s| s.dropped);
    count(registry, "virage_camera_overruns", "Pictures thrown away because the encoder was too slow", |s| s.overruns);
    let lateness = stats.iter().map(|(labels, stats)| (labels.clone(), stats.lateness_us as f64 / 1e6));
    let help = "How late the last picture was against its place on media time, offset included";
    gauge(registry, ("virage_camera_lateness", Some(Unit::Seconds)), help, lateness);
    time(registry, app);
    clock(registry, app);
}

/// What is known of the clock that tells UTC.
fn clock(registry: &mut Registry, app: &App) {
    let clock = &app.reference;
    let one = |value: f64| [(vec![("clock", clock.follow().to_string())], value)];
    let in_step = f64::from(u8::from(clock.standing() == capture::Standing::InStep));
    gauge(registry, ("virage_clock_in_step", None), "1 while the clock that tells UTC is heard", one(in_step));
    let help = "How far UTC as it is known is ahead of the system's clock";
    let ahead = clock.ahead_of_system() as f64 / 1e9;
    gauge(registry, ("virage_clock_ahead", Some(Unit::Seconds)), help, one(ahead));
}

/// What is known of cameras' clocks. What is unknown has no sample.
fn time(registry: &mut Registry, app: &App) {
    let lineup = app.lineup();
    let timings: Vec<_> =
        lineup.cameras.iter().map(|camera| (camera.id.to_string(), camera.timing.lock().clone())).collect();
    let labels = |id: &String| vec![("camera", id.clone())];
    let help = "How far the pictures stand behind those of the reference camera";
    let skew = timings.iter().filter_map(|(id, timing)| Some((labels(id), timing.skew_ms? / 1e3)));
    gauge(registry, ("virage_camera_skew", Some(Unit::Seconds)), help, skew);
    let help = "How much faster than ours the sender's clock runs, in parts per million";
    let drift = timings.iter().filter_map(|(id, timing)| Some((labels(id), timing.drift_ppm?)));
    gauge(registry, ("virage_camera_drift_ppm", None), help, drift);
    let help = "1 when something is wrong with the camera's clock or place, as `warning` in the API says it";
    let warned = timings.iter().map(|(id, timing)| (labels(id), f64::from(u8::from(timing.warning.is_some()))));
    gauge(registry, ("virage_camera_skew_warning", None), help, warned);
    let by = |(id, timing): &(String, Timing)| {
        let labels = vec![("camera", id.clone()), ("time", timing.basis.as_str().to_owned())];
        (labels, 1.0)
    };
    gauge(registry, ("virage_camera_time_info", None), "1 for what the camera is placed by", timings.iter().map(by));
}

fn sounds(registry: &mut Registry, app: &App) {
    type Read = fn(&capture::Loudness) -> Option<f64>;
    let series: [(&str, &str, Read); 4] = [
        ("momentary_lufs", "Loudness of the last 400 ms by EBU R128; absent in silence", |l| l.momentary),
        ("short_term_lufs", "Loudness of the last 3 s by EBU R128; absent in silence", |l| l.short_term),
        ("integrated_lufs", "Loudness since the sound was started, by EBU R128", |l| l.integrated),
        ("true_peak_dbtp", "Highest true peak since the sound was started", |l| l.true_peak),
    ];
    let lineup = app.lineup();
    let measured: Vec<_> = lineup.sounds.iter().map(|sound| (sound.id.to_string(), sound.loudness())).collect();
    for (name, help, read) in series {
        let values = measured.iter().filter_map(|(id, loudness)| Some((vec![("sound", id.clone())], read(loudness)?)));
        gauge(registry, (&format!("virage_sound_{name}"), None), help, values);
    }
}

/// The process itself, under the names that every Prometheus client library gives it.
fn process(registry: &mut Registry) {
    let one = |value: f64| [(Labels::new(), value)];
    let Ok(us) = procfs::process::Process::myself() else { return };
    if let Ok(stat) = us.stat() {
        let resident = stat.rss.saturating_mul(procfs::page_size()) as f64;
        gauge(registry, ("process_resident_memory", Some(Unit::Bytes)), "Memory in use", one(resident));
        let ticks = procfs::ticks_per_second() as f64;
        let spent = stat.utime.saturating_add(stat.stime) as f64 / ticks;
        let family = Family::<Labels, Counter<f64, AtomicU64>>::default();
        family.get_or_create(&Labels::new()).inc_by(spent);
        registry.register_with_unit("process_cpu", "Processor time used", Unit::Seconds, family);
        if let Ok(booted) = procfs::boot_time_secs() {
            let started = booted as f64 + stat.starttime as f64 / ticks;
            let help = "When the process started, in seconds since 1970";
            gauge(registry, ("process_start_time", Some(Unit::Seconds)), help, one(started));
        }
        gauge(registry, ("process_threads", None), "Threads", one(stat.num_threads as f64));
    }
    if let Ok(open) = us.fd_count() {
        gauge(registry, ("process_open_fds", None), "Open file descriptors", one(open as f64));
    }
    if let Ok(limits) = us.limits()
        && let procfs::process::LimitValue::Value(most) = limits.max_open_files.soft_limit
    {
        gauge(registry, ("process_max_fds", None), "File descriptors that may be open", one(most as f64));
    }
}

/// Registers a counter; `_total` is put behind its name.
fn counter(registry: &mut Registry, name: &str, help: &str, values: impl IntoIterator<Item = (Labels, u64)>) {
    let family = Family::<Labels, Counter>::default();
    for (labels, value) in values {
        family.get_or_create(&labels).inc_by(value);
    }
    registry.register(name, help, family);
}

/// Registers a gauge; its unit is put behind its name.
fn gauge(
    registry: &mut Registry,
    (name, unit): (&str, Option<Unit>),
    help: &str,
    values: impl IntoIterator<Item = (Labels, f64)>,
) {
    let family = Family::<Labels, Gauge<f64, AtomicU64>>::default();
    for (labels, value) in values {
        family.get_or_create(&labels).set(value);
    }
    match unit {
        Some(unit) => registry.register_with_unit(name, help, unit, family),
        None => registry.register(name, help, family),
    }
}
