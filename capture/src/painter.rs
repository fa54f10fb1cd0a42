//! Cameras and microphones that are programs: pictures and samples made when they are due.

use std::{sync::Arc, time::Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use packager::MediaTime;

use crate::{
    Clock, Config, Error, Rung, State,
    ladder::Ladder,
    mosaic::Window,
    sink::{Counters, Gate},
    worker::{Stop, Worker},
};

/// Draws pictures.
pub trait Painter: Send + 'static {
    /// Draws the picture of grid frame `frame`, which stands at `at` and is due now, into `out`: I420 (BT.709, limited
    /// range) of the tallest rung's size, without padding: luma, then both chromas of half the width and height
    /// (rounded up). `out` holds an older picture.
    fn paint(&mut self, frame: u64, at: MediaTime, out: &mut [u8]);
}

/// Makes sound.
pub trait Speaker: Send + 'static {
    /// Makes the samples from `first_sample` (48 kHz of media time) on into `out`: left and right, interleaved. Called
    /// without gap or overlap.
    fn fill(&mut self, first_sample: u64, out: &mut [i16]);
}

/// Starts the thread that paints every slot once, when it is due. When it is more than a segment late it leaves out
/// whole segments.
pub(crate) fn run(
    mut painter: Box<dyn Painter>,
    config: &Config,
    clock: Clock,
    mut ladder: Ladder,
    gate: Arc<Gate>,
    counters: Arc<Counters>,
    stop: Stop,
) -> Result<Worker, Error> {
    let grid = config.grid;
    let mut canvas = Canvas::new(config.canvas().unwrap_or(Rung { height: 360, kbps: 0 }))?;
    let (segment, window) = (u64::from(grid.segment_frames), Window::of(config));
    Worker::spawn(format!("{}-painter", config.id), move || {
        Counters::add(&counters.connections);
        gate.with(|sink| sink.state(State::Live));
        let upcoming = |clock: &Clock| (grid.nearest_frame(clock.now()) + 1).next_multiple_of(segment);
        let mut frame = upcoming(&clock);
        while !stop.wait(clock.until(grid.frame_time(frame))) {
            let started = Instant::now();
            if frame.is_multiple_of(segment) && clock.now() > grid.frame_time(frame + segment) {
                tracing::warn!(frame, "painting is more than a segment late; leaving segments out");
                frame = upcoming(&clock);
                continue;
            }
            let paint = |out: &mut [u8]| painter.paint(frame, grid.frame_time(frame), out);
            let Some(picture) = canvas.picture(paint) else {
                return;
            };
            Counters::add(&counters.frames);
            if let Some(window) = &window {
                window.show(frame, &picture, 0);
            }
            ladder.push(frame, &picture);
            tracing::trace!(frame, took = ?started.elapsed(), "painted");
            frame += 1;
        }
    })
}

/// Buffers of GStreamer's I420, whose rows are padded to four bytes.
pub(crate) struct Canvas {
    pool: gst::BufferPool,
    /// Width, height and padded width of each plane.
    planes: [(usize, usize, usize); 3],
    /// The picture without padding, when GStreamer's has some.
    tight: Option<Vec<u8>>,
}

impl Canvas {
    pub fn new(rung: Rung) -> Result<Self, Error> {
        let (width, height) = (rung.width() as usize, rung.height as usize);
        let chroma = (width.div_ceil(2), height.div_ceil(2));
        let planes = [(width, height), chroma, chroma].map(|(w, h)| (w, h, w.next_multiple_of(4)));
        let size: usize = planes.iter().map(|(_, height, stride)| height * stride).sum();
        let tight: usize = planes.iter().map(|(width, height, _)| width * height).sum();
        let failed = |e: gst::glib::BoolError| Error::Pipeline { pipeline: "painter".into(), why: e.to_string() };
        let pool = gst::BufferPool::new();
        let mut config = pool.config();
        config.set_params(None, u32::try_from(size).unwrap_or(u32::MAX), 2, 0);
        pool.set_config(config).map_err(failed)?;
        pool.set_active(true).map_err(failed)?;
        Ok(Self { pool, planes, tight: (tight != size).then(|| vec![0; tight]) })
    }

    /// A buffer with what `paint` draws. Nothing when there is no memory.
    pub fn picture(&mut self, paint: impl FnOnce(&mut [u8])) -> Option<gst::Buffer> {
        let mut buffer = self.pool.acquire_buffer(None).ok()?;
        let mut map = buffer.get_mut()?.map_writable().ok()?;
        match &mut self.tight {
            None => paint(&mut map),
            Some(tight) => {
                paint(tight);
                let (mut from, mut to) = (&tight[..], &mut map[..]);
                for (width, height, stride) in self.planes {
                    let (rows, below) = to.split_at_mut(height * stride);
                    for (row, line) in rows.chunks_exact_mut(stride).zip(from.chunks_exact(width)) {
                        row[..width].copy_from_slice(line);
                    }
                    (from, to) = (&from[width * height..], below);
                }
            }
        }
        drop(map);
        Some(buffer)
    }
}

impl Drop for Canvas {
    fn drop(&mut self) {
        let _ = self.pool.set_active(false);
    }
}
