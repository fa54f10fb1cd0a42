//! What happens by the clock: gaps, growing highlights, and what grows old.

use std::{collections::HashSet, sync::Arc, time::Duration};

use packager::MediaTime;

use crate::{app::App, catalog::Stage, http, live::Live};

/// How often overdue segments are looked for: five times in a segment is soon enough.
const TICK: Duration = Duration::from_millis(200);
/// How often old media is looked for.
const EXPIRY: Duration = Duration::from_secs(5);
/// How much longer than a timeline the disk keeps a segment: a mark that was accepted against the timeline is a pin
/// before its media could go.
const MARGIN: Duration = Duration::from_secs(30);

/// Runs until the process ends.
pub async fn keep(app: Arc<App>) {
    let expiring = app.clone();
    tokio::spawn(async move {
        let mut every = tokio::time::interval(EXPIRY);
        loop {
            every.tick().await;
            let app = expiring.clone();
            // Files are deleted and copied: not on a thread that answers requests.
            if let Err(error) = tokio::task::spawn_blocking(move || expire(&app)).await {
                tracing::error!(%error, "looking for old media failed");
            }
        }
    });
    let mut growing = Growing::default();
    let mut every = tokio::time::interval(TICK);
    loop {
        every.tick().await;
        let now = app.clock.now();
        for live in app.lineup().renditions.values() {
            live.tick(now);
        }
        growing.look(&app);
    }
}

/// Published highlights whose end was still ahead when last looked at.
#[derive(Default)]
struct Growing(HashSet<String>);

impl Growing {
    fn look(&mut self, app: &App) {
        let published = app.moments.growing();
        for highlight in published {
            let tracks = highlight.angles.iter().map(String::as_str).chain(["audio"]);
            let complete = tracks.flat_map(|camera| app.ladder(camera));
            let complete = complete.into_iter().all(|live| live.timeline(|t| highlight.range.is_complete(t)));
            if !complete {
                self.0.insert(highlight.id);
            } else {
                app.moments.grown(&highlight.id);
                if self.0.remove(&highlight.id) && highlight.stage == Stage::Published {
                    app.events.tell("highlight.updated", &http::highlight_object(app, &highlight));
                }
            }
        }
    }
}

fn expire(app: &App) {
    for (id, run, msn) in app.store.take_vanished() {
        if let Some(live) = app.known(&id) {
            live.lose(run, msn);
        }
    }
    let ring = app.venue.ring;
    let now = app.clock.now().0;
    let back = |age: Duration| MediaTime(now.saturating_sub(u64::try_from(age.as_nanos()).unwrap_or(u64::MAX)));
    let (old, older) = (back(ring), back(ring + MARGIN));
    for live in app.lineup().renditions.values() {
        let timescale = live.timeline(|t| t.timescale);
        // Anew for each: the crew goes on marking while files are copied.
        let pins = app.moments.pins(app.venue.grid);
        let pinned = |segment: &packager::Segment| pins.hold(&live.id, segment, timescale);
        live.forget(old, pinned);
        if let Err(error) = app.store.expire(&live.id, older.ticks(timescale), &pinned) {
            tracing::error!(rendition = %live.id, %error, "old media could not be deleted");
        }
    }
}

impl Live {
    /// Makes a gap of a segment that could not be kept on disk and has left memory.
    fn lose(&self, run: packager::Run, msn: packager::Msn) {
        self.change(|timeline| timeline.lose(run, msn));
    }
}
