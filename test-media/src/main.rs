//! Cameras and microphones for demos and tests, on stdout; and the strip's reader, on stdin.

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use test_media::{
    draw::Camera,
    fps::Fps,
    relay::{Conditions, Relay},
    scene,
    sound::Crowd,
    strip::Strip,
    y4m,
};

/// A synthetic football match for encoders and publishers to read.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Write one camera's picture.
    Camera(Picture),
    /// Write the stadium's sound, s16le.
    Sound(Sound),
    /// Print what the strip of each frame says, `camera frame utc_ms`, or `-` where there is none.
    Strip {
        /// A y4m file, or `-` for stdin.
        file: String,
    },
    /// Be a bad network between two programs, until stdin ends. Each line there changes conditions, as `loss=0.02 freeze=on`,
    /// or is `cut`, `counts` or `clear`.
    Relay(Network),
}

#[derive(clap::Args)]
struct Network {
    /// What goes through it: udp (also SRT, RTP), or tcp (RTSP, RTMP, HTTP).
    #[arg(value_enum)]
    carries: Carries,
    /// Where it listens, like 127.0.0.1:7000.
    listen: SocketAddr,
    /// Where it all goes, like 192.0.2.7:7001.
    target: SocketAddr,
    /// Conditions from the start, like loss=0.02 burst=0.3 delay=40.
    conditions: Vec<String>,
    /// Which fates: the same number, the same ones.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Carries {
    Udp,
    Tcp,
}

#[derive(clap::Args)]
struct Picture {
    /// Which camera: 0 main, 1 opposite, 2 goal-north, 3 goal-south, 4 corner-nw, 5 corner-se,
    /// 6 pitchside, 7 tactical.
    #[arg(long, default_value_t = 0)]
    index: usize,
    /// Frames per second, like 25 or 30000/1001.
    #[arg(long, default_value = "25")]
    fps: Fps,
    /// Pixels, even, 160x90 to 1920x1080.
    #[arg(long, default_value = "640x360", value_parser = size)]
    size: (usize, usize),
    /// Stop after so many frames.
    #[arg(long)]
    frames: Option<u64>,
    /// Number of the first frame on the grid that begins at media time 0; `now` counts from 1970,
    /// so that cameras started at different moments show the same one.
    #[arg(long, default_value = "0", value_parser = start)]
    start_frame: Start,
    /// Write each frame when it is due, instead of as fast as it is read.
    #[arg(long)]
    real_time: bool,
    /// How frames are wrapped.
    #[arg(long, value_enum, default_value_t = Format::Y4m)]
    format: Format,
    /// Which match.
    #[arg(long, default_value_t = scene::SEED)]
    seed: u64,
}

#[derive(clap::Args)]
struct Sound {
    /// Samples per second.
    #[arg(long, default_value_t = 48_000)]
    rate: u32,
    /// Interleaved channels.
    #[arg(long, default_value_t = 2)]
    channels: u16,
    /// Stop after so many seconds.
    #[arg(long)]
    seconds: Option<f64>,
    /// Number of the first sample from media time 0; `now` counts from 1970.
    #[arg(long, default_value = "0", value_parser = start)]
    start_sample: Start,
    /// Write each sample when it is due, instead of as fast as it is read.
    #[arg(long)]
    real_time: bool,
    /// Which match.
    #[arg(long, default_value_t = scene::SEED)]
    seed: u64,
}

#[derive(Clone, Copy)]
enum Start {
    At(u64),
    Now,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Y4m,
    I420,
}

fn main() -> Result<()> {
    let done = match Cli::parse().what {
        What::Camera(args) => camera(&args),
        What::Sound(args) => sound(&args),
        What::Strip { file } => strip(&file),
        What::Relay(args) => relay(&args),
    };
    match done {
        // Whoever read this has had enough.
        Err(error) if broken_pipe(&error) => Ok(()),
        done => done,
    }
}

fn camera(args: &Picture) -> Result<()> {
    let (width, height) = args.size;
    let mut camera = Camera::with_seed(args.seed, args.index, width, height)?;
    let mut frame = vec![0; camera.frame_len()];
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    if matches!(args.format, Format::Y4m) {
        y4m::write_header(&mut out, width, height, args.fps)?;
    }
    let first = match args.start_frame {
        Start::At(first) => first,
        // The next one, which is not yet late.
        Start::Now => args.fps.frame_at(utc_nanos()?).saturating_add(1),
    };
    let pace = Pace::new(args.real_time, args.start_frame, args.fps.nanos(first))?;
    for count in 0..args.frames.unwrap_or(u64::MAX) {
        let number = first.saturating_add(count);
        pace.wait(args.fps.nanos(number));
        let strip = Strip {
            camera: args.index as u8,
            // The strip carries the low 24 bits.
            frame: number as u32 & 0xff_ffff,
            utc_ms: utc_nanos()? / 1_000_000,
        };
        camera.draw(args.fps.seconds(number), strip, &mut frame)?;
        match args.format {
            Format::Y4m => y4m::write_frame(&mut out, &frame)?,
            Format::I420 => out.write_all(&frame)?,
        }
        if args.real_time {
            out.flush()?;
        }
    }
    Ok(out.flush()?)
}

fn sound(args: &Sound) -> Result<()> {
    let mut crowd = Crowd::new(args.seed, args.rate, args.channels)?;
    let rate = u64::from(args.rate);
    let nanos = |sample: u64| u64::try_from(u128::from(sample) * 1_000_000_000 / u128::from(rate)).unwrap_or(u64::MAX);
    let first = match args.start_sample {
        Start::At(first) => first,
        Start::Now => u64::try_from(u128::from(utc_nanos()?) * u128::from(rate) / 1_000_000_000)?,
    };
    let pace = Pace::new(args.real_time, args.start_sample, nanos(first))?;
    let mut left = args.seconds.map_or(u64::MAX, |s| (s.max(0.0) * f64::from(args.rate)).round() as u64);
    let mut out = BufWriter::new(io::stdout().lock());
    let mut number = first;
    while left > 0 {
        let samples = left.min(rate / 50);
        let mut block = vec![0; samples as usize * usize::from(args.channels)];
        pace.wait(nanos(number.saturating_add(samples)));
        crowd.fill(number, &mut block);
        let bytes: Vec<u8> = block.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        out.write_all(&bytes)?;
        if args.real_time {
            out.flush()?;
        }
        number = number.saturating_add(samples);
        left -= samples;
    }
    Ok(out.flush()?)
}

fn strip(file: &str) -> Result<()> {
    let input: Box<dyn io::Read> = match file {
        "-" => Box::new(io::stdin().lock()),
        path => Box::new(File::open(path).with_context(|| format!("cannot open {path}"))?),
    };
    let mut reader = y4m::Reader::new(BufReader::with_capacity(1 << 20, input))?;
    let (width, height) = (reader.width(), reader.height());
    // Line by line, because a test may wait for it.
    let mut out = io::stdout().lock();
    while let Some(frame) = reader.frame()? {
        match Strip::read(frame, width, height, width) {
            Some(Strip { camera, frame, utc_ms }) => writeln!(out, "{camera} {frame} {utc_ms}")?,
            None => writeln!(out, "-")?,
        }
    }
    Ok(())
}

fn relay(args: &Network) -> Result<()> {
    let mut conditions = Conditions::default();
    args.conditions.iter().try_for_each(|text| conditions.apply(text))?;
    let start = match args.carries {
        Carries::Udp => Relay::udp,
        Carries::Tcp => Relay::tcp,
    };
    let relay =
        start(args.listen, args.target, args.seed).with_context(|| format!("cannot listen on {}", args.listen))?;
    relay.set(conditions);
    println!("{} to {}", relay.address(), args.target);
    for line in io::stdin().lock().lines() {
        match line?.trim() {
            "cut" => relay.cut(),
            "clear" => relay.set(Conditions::default()),
            "counts" => println!("{:?}", relay.counts()),
            line => {
                let mut conditions = relay.conditions();
                match line.split_whitespace().try_for_each(|text| conditions.apply(text)) {
                    Ok(()) => relay.set(conditions),
                    // Who types must not lose the network for it.
                    Err(error) => eprintln!("{error}"),
                }
            }
        }
    }
    Ok(())
}

/// When things are due, on the monotonic clock.
struct Pace {
    /// The instant of media time `from`, in nanoseconds.
    start: Option<(Instant, u64)>,
}

impl Pace {
    fn new(real_time: bool, start: Start, first: u64) -> Result<Self> {
        let now = Instant::now();
        // Started by the wall clock, media time is the wall clock.
        let from = match start {
            Start::Now => utc_nanos()?,
            Start::At(_) => first,
        };
        Ok(Pace { start: real_time.then_some((now, from)) })
    }

    fn wait(&self, due: u64) {
        let Some((start, from)) = self.start else { return };
        let due = Duration::from_nanos(due.saturating_sub(from));
        thread::sleep(due.saturating_sub(start.elapsed()));
    }
}

fn utc_nanos() -> Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).context("the wall clock is before 1970")?;
    u64::try_from(since.as_nanos()).context("the wall clock is past 2554")
}

fn size(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    parts.ok_or_else(|| "a size is like 640x360".into())
}

fn start(text: &str) -> Result<Start, String> {
    match text {
        "now" => Ok(Start::Now),
        number => number.parse().map(Start::At).map_err(|_| "a number, or now".into()),
    }
}

fn broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}
