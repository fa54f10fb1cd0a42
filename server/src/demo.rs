//! `virage demo`: a synthetic match, seen by several cameras at once.

use std::{fmt::Write, net::SocketAddr, path::PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use packager::{Grid, MediaTime, Rate};
use test_media::{draw, sound::Crowd, strip::Strip};

use crate::config::{ConfigError, Document, Rung};

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
    /// Whether there is a mosaic of all cameras.
    pub multiview: bool,
}

/// A demo's configuration. It is kept nowhere: what is changed at run time lasts as long as the process.
///
/// # Errors
/// When there are too many cameras, or the rate or size makes no sense.
pub fn document(options: &Options) -> Result<Document> {
    let most = draw::PLACES.len();
    if !(1..=most).contains(&options.cameras) {
        bail!("--cameras: expected 1 to {most}; found {}", options.cameras);
    }
    let height = options.height;
    if !(180..=1080).contains(&height) || height % 2 == 1 {
        bail!("--height: expected an even number from 180 to 1080; found {height}");
    }
    options.fps.parse::<Rate>().map_err(|e| anyhow!("--fps: {e}"))?;
    let data = options.data.to_str().context("--data: expected a folder's name in UTF-8")?;
    let text = |text: &str| toml_edit::Value::from(text).to_string();
    let mut out = format!(
        "[server]\nlisten = {}\ntls = {{ listen = {} }}\ndata = {}\n\n[venue]\nname = \"Stade Virage\"\nfps = {}\n\
         ring = \"1h\"\n",
        text(&options.listen.to_string()),
        text(&options.tls_listen.to_string()),
        text(data),
        text(&options.fps),
    );
    if let Some(frames) = options.part_frames {
        let _ = writeln!(out, "part_frames = {frames}");
    }
    let mut rungs = format!("{{ height = {height}, kbps = {} }}", u32::from(height) * u32::from(height) / 160);
    if height > 234 {
        rungs += ", { height = 234, kbps = 350 }";
    }
    for (index, place) in draw::PLACES.iter().take(options.cameras).enumerate() {
        let (id, name, bearing) = (text(place.id), text(place.name), place.bearing);
        let _ = writeln!(out, "\n[[camera]]\nid = {id}\nname = {name}\nsource = \"demo://{index}\"");
        let _ = writeln!(out, "bearing = {bearing}\nrungs = [{rungs}]");
    }
    if options.multiview {
        let _ = writeln!(out, "\n[[camera]]\nid = \"multiview\"\nname = \"Multiview\"\nsource = \"multiview://auto\"");
        let _ = writeln!(out, "rungs = [{rungs}]");
    }
    out += "\n[[audio]]\nid = \"ambient\"\nname = \"Stadium\"\nsource = \"demo://crowd\"\n\n[theme]\nclub = \"Virage FC\"\n";
    // All else is ours: what is wrong now is how the rate is cut.
    let flag = if options.part_frames.is_some() { "--part-frames" } else { "--fps" };
    Document::in_memory(out).map_err(|error| match error {
        // In no file, so without its line.
        ConfigError::Line { message, .. } | ConfigError::Shape { message, .. } => anyhow!("{flag}: {message}"),
        error => error.into(),
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
