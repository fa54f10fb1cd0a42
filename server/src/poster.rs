//! Stills of highlights: the frame two thirds into the range, where the moment is.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use packager::{MediaTime, Segment};
use parking_lot::Mutex;
use store::Item;
use tokio::sync::{OnceCell, Semaphore};

use crate::{app::App, catalog::Highlight, live::Live};

/// Made once, kept in memory: some 20 kB each.
pub struct Posters {
    /// By highlight and version; `None` for what cannot be decoded, which is not tried again.
    made: Mutex<HashMap<String, Arc<OnceCell<Option<Bytes>>>>>,
    /// Decoding is done one at a time: live comes first.
    one: Semaphore,
}

/// A poster's width in pixels: what a phone's feed shows, at twice the density.
const WIDTH: u32 = 640;

impl Default for Posters {
    fn default() -> Self {
        Self { made: Mutex::default(), one: Semaphore::new(1) }
    }
}

impl Posters {
    /// The poster of a highlight as JPEG; `None` while nothing of it is recorded, or nothing of it can be decoded.
    pub async fn of(&self, app: &Arc<App>, highlight: &Highlight) -> Option<Bytes> {
        let key = format!("{}/{}", highlight.id, highlight.version);
        let cell = self.made.lock().entry(key).or_default().clone();
        let make = || async {
            let _turn = self.one.acquire().await.map_err(|_| ())?;
            let (app, highlight) = (app.clone(), highlight.clone());
            let made = tokio::task::spawn_blocking(move || make(&app, &highlight)).await.map_err(|_| ())?;
            made.ok_or(())
        };
        cell.get_or_try_init(make).await.ok().cloned().flatten()
    }
}

/// `None` while nothing of it is recorded, `Some(None)` when what is recorded cannot be decoded.
fn make(app: &App, highlight: &Highlight) -> Option<Option<Bytes>> {
    let grid = app.venue.grid;
    let range = highlight.range;
    let at = grid.frame_time(range.first + (range.end - range.first) * 2 / 3);
    let live = highlight.angles.iter().find_map(|camera| app.ladder(camera).into_iter().next())?;
    let (segment, tick) = shown_at(&live, highlight, at)?;
    let header = app.store.find(&live.id, segment.run, Item::Header(segment.header)).ok()??.read().ok()?;
    let media = app.store.find(&live.id, segment.run, Item::Segment(segment.msn)).ok()??.read().ok()?;
    match cut::still(&header, &media, tick, cut::Size { max_width: WIDTH }) {
        Ok(jpeg) => Some(Some(jpeg.into())),
        Err(error) => {
            tracing::warn!(highlight = highlight.id, rendition = %live.id, %error, "no poster");
            Some(None)
        }
    }
}

/// The segment that shows an instant, or the newest one before it, and the instant in its ticks.
fn shown_at(live: &Live, highlight: &Highlight, at: MediaTime) -> Option<(Segment, u64)> {
    live.timeline(|timeline| {
        let tick = at.ticks(timeline.timescale);
        let mut segments = highlight.range.segments(timeline);
        segments.retain(|s| s.start <= tick);
        Some((segments.pop()?, tick))
    })
}
