//! `virage demo`: a synthetic match, seen by several cameras at once.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};
use packager::{Grid, MediaTime};
use test_media::{draw, sound::Crowd, strip::Strip};

use crate::config::{Camera, Config, Rung, Sound, SoundSource, Source, Tls, Venue};

/// What the command line says of a demo.
pub struct Options {
    /// Where plain HTTP is served.
    pub listen: SocketAddr,
    /// Where HTTPS is served.
    pub tls_listen: SocketAddr,
    /// The data folder.
    pub data: PathBuf,
    /// Cameras, 1 to 8.
    pub cameras: usize,
    /// Lines of the tallest rung.
    pub height: u16,
    /// Frames per second.
    pub fps: String,
    /// Frames in a part; 200 ms unless said.
    pub part_frames: Option<u32>,
}

/// A demo's configuration.
///
/// # Errors
/// When there are too many cameras, or the rate or size makes no sense.
pub fn config(options: Options) -> Result<Config> {
    let most = draw::PLACES.len();
    if !(1..=most).contains(&options.cameras) {
        bail!("--cameras: expected 1 to {most}; found {}", options.cameras);
    }
    if !(180..=1080).contains(&options.height) || options.height % 2 == 1 {
        bail!("--height: expected an even number from 180 to 1080; found {}", options.height);
    }
    let rate: packager::Rate = options.fps.parse().context("--fps")?;
    let frames = |millis: u64| {
        let den = u64::from(rate.den()) * 1000;
        u32::try_from((u64::from(rate.num()) * millis + den / 2) / den).unwrap_or(1).max(1)
    };
    let grid =
        Grid::new(rate, options.part_frames.unwrap_or(frames(200)), frames(1000)).context("--fps, --part-frames")?;
    let mut rungs =
        vec![Rung { height: options.height, kbps: u32::from(options.height) * u32::from(options.height) / 160 }];
    if options.height > 234 {
        rungs.push(Rung { height: 234, kbps: 350 });
    }
    let mut cameras = Vec::new();
    for (index, place) in draw::PLACES.iter().take(options.cameras).enumerate() {
        cameras.push(Camera {
            id: place.id.parse().context("a demo camera's id")?,
            name: place.name.into(),
            source: Source::Demo(index),
            bearing: place.bearing,
            passthrough: false,
            max_gop: MediaTime(2 * MediaTime::SECOND),
            rungs: rungs.clone(),
            offset_ms: 0,
            paused: false,
        });
    }
    cameras.sort_by_key(|c| c.bearing);
    let ambient = Sound { id: "ambient".parse().context("the sound's id")?, from: SoundSource::Demo, language: None };
    Ok(Config {
        listen: options.listen,
        tls: Some(Tls { listen: options.tls_listen, files: None }),
        data: options.data,
        venue: Venue {
            name: "Stade Virage".into(),
            grid,
            ring: Duration::from_secs(3600),
            preset: capture::Preset::default(),
            club: "Virage FC".into(),
            accent: "#ff5a36".into(),
        },
        cameras,
        sounds: vec![ambient],
        limits: Default::default(),
    })
}

/// The synthetic camera of this number.
pub(crate) fn painter(index: usize, rungs: &[Rung], grid: Grid) -> Result<Box<dyn capture::Painter>> {
    let height = rungs.iter().map(|r| r.height).max().unwrap_or(360);
    let width = capture::Rung { height: height.into(), kbps: 0 }.width() as usize;
    let camera = draw::Camera::new(index, width, height.into())?;
    Ok(Box::new(Painted { camera, index: u8::try_from(index).unwrap_or(u8::MAX), grid }))
}

struct Painted {
    camera: draw::Camera,
    index: u8,
    grid: Grid,
}

impl capture::Painter for Painted {
    fn paint(&mut self, frame: u64, at: MediaTime, out: &mut [u8]) {
        debug_assert_eq!(self.grid.nearest_frame(at), frame);
        let utc_ms = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0);
        let strip = Strip { camera: self.index, frame: (frame & 0xff_ffff) as u32, utc_ms };
        // The buffer is the camera's own size: nothing else can go wrong.
        let drawn = self.camera.draw(at.0 as f64 / 1e9, strip, out);
        debug_assert!(drawn.is_ok(), "{drawn:?}");
    }
}

/// The synthetic crowd.
pub(crate) fn speaker() -> Result<Box<dyn capture::Speaker>> {
    Ok(Box::new(Spoken(Crowd::new(test_media::scene::SEED, 48_000, 2)?)))
}

struct Spoken(Crowd);

impl capture::Speaker for Spoken {
    fn fill(&mut self, first_sample: u64, out: &mut [i16]) {
        self.0.fill(first_sample, out);
    }
}
