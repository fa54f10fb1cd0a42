//! What one ladder costs: latency from a painted picture to each rung's unit, and processor time per camera.
//!
//! `cargo run -p capture --example measure -- [seconds]`; needs the package ffmpeg, which makes the pictures.

use std::{
    collections::HashMap,
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use capture::{Camera, Clock, Config, Output, Painter, Preset, Rung, Sink, State};
use packager::{Format, Grid, MediaTime, Rate, Unit};

/// When each frame was painted, and how long its units took.
#[derive(Default)]
struct Meter {
    painted: Mutex<HashMap<u64, Instant>>,
    took: Mutex<HashMap<Output, Vec<Duration>>>,
    bytes: Mutex<HashMap<Output, usize>>,
}

struct Film {
    pictures: Arc<Vec<u8>>,
    meter: Arc<Meter>,
}

impl Painter for Film {
    fn paint(&mut self, frame: u64, _at: MediaTime, out: &mut [u8]) {
        let count = self.pictures.len() / out.len();
        let start = usize::try_from(frame).unwrap_or(0) % count * out.len();
        out.copy_from_slice(&self.pictures[start..start + out.len()]);
        lock(&self.meter.painted).insert(frame, Instant::now());
    }
}

impl Sink for Meter {
    fn format(&self, output: Output, format: Format) {
        println!("  {output:?}: {} {:?}", format.codecs(), format.resolution());
    }

    fn unit(&self, output: Output, unit: Unit) {
        let painted = lock(&self.painted).get(&(unit.pts / u64::from(unit.duration))).copied();
        lock(&self.took).entry(output).or_default().extend(painted.map(|at| at.elapsed()));
        *lock(&self.bytes).entry(output).or_default() += unit.data.len();
    }

    fn state(&self, _state: State) {}
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Processor time of this process so far, in clock ticks of 10 ms.
fn cpu() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(15);
    let made = Command::new("ffmpeg")
        .args(["-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25,noise=alls=6:allf=t"])
        .args(["-frames:v", "100", "-pix_fmt", "yuv420p", "-f", "rawvideo", "-"])
        .output()?;
    let pictures = Arc::new(made.stdout);
    capture::init()?;
    let clock = Clock::start(MediaTime(0));
    let grid = Grid::new(Rate::new(25, 1)?, 5, 25)?;
    for preset in [Preset::Ultrafast, Preset::Superfast, Preset::Veryfast] {
        println!("{preset}: 640x360@25, rungs 360p at 800 kb/s and 234p at 350 kb/s");
        let meter = Arc::new(Meter::default());
        let rungs = vec![Rung { height: 360, kbps: 800 }, Rung { height: 234, kbps: 350 }];
        let mut config = Config::new("film".parse()?, grid, rungs);
        config.preset = preset;
        let film = Film { pictures: Arc::clone(&pictures), meter: Arc::clone(&meter) };
        let camera = Camera::painted(config, Box::new(film), clock.clone(), meter.clone())?;
        std::thread::sleep(Duration::from_secs(2));
        lock(&meter.took).clear();
        lock(&meter.bytes).clear();
        let (before, started) = (cpu(), Instant::now());
        std::thread::sleep(Duration::from_secs(seconds));
        let load = (cpu() - before) as f64 / started.elapsed().as_secs_f64();
        drop(camera);
        println!("  {load:.1} % of a core");
        for rung in [Output::Rung(0), Output::Rung(1)] {
            let mut took = lock(&meter.took).remove(&rung).unwrap_or_default();
            took.sort();
            let at = |part: usize| took.get(took.len() * part / 100).map_or(0.0, |t| t.as_secs_f64() * 1e3);
            let kbps = lock(&meter.bytes).get(&rung).map_or(0, |bytes| bytes * 8 / 1_000) as u64 / seconds;
            println!("  {rung:?}: median {:.2} ms, p95 {:.2} ms, p99 {:.2} ms, {kbps} kb/s", at(50), at(95), at(99));
        }
    }
    Ok(())
}
