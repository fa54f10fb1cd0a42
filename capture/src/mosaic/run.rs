//! The mosaic's thread: slot after slot, each when its pictures are there.

use std::{sync::Arc, time::Duration};

use packager::{Grid, MediaTime};

use super::{Mosaic, inbox::Looker, wall::Wall};
use crate::{
    Clock, Config, Error, Rung, State,
    clock::signed,
    ladder::Ladder,
    painter::Canvas,
    sink::{Counters, Gate},
    sync::MS,
    worker::{Stop, Worker},
};

/// How long a camera's last picture stays when the next does not come in time. When its rungs have a gap, so has its tile.
const STAYS: i64 = 200 * MS;
/// How long a camera of which nothing comes is waited for.
const SILENCE: u64 = MediaTime::SECOND * 3 / 10;
/// How often is looked whether to stop, or to wait no longer.
const LOOK: Duration = Duration::from_millis(50);

/// Starts the thread. When it is more than a segment late it leaves out whole segments.
pub(crate) fn run(
    mosaic: &Mosaic,
    config: &Config,
    clock: Clock,
    mut ladder: Ladder,
    gate: Arc<Gate>,
    counters: Arc<Counters>,
    stop: Stop,
) -> Result<Worker, Error> {
    let (grid, mut looker) = (config.grid, Looker::new(Arc::clone(&mosaic.0)));
    let canvas = config.canvas().unwrap_or(Rung { height: 360, kbps: 0 });
    let mut pictures = Canvas::new(canvas)?;
    Worker::spawn(format!("{}-mosaic", config.id), move || {
        Counters::add(&counters.connections);
        gate.with(|sink| sink.state(State::Live));
        let segment = u64::from(grid.segment_frames);
        let stays = grid.nearest_frame(MediaTime(STAYS.unsigned_abs()));
        // The slot whose instant was so long ago, and the first of the segment after it.
        let ago = |late: i64| grid.nearest_frame(MediaTime(clock.now().0.saturating_sub(late.unsigned_abs())));
        let upcoming = |late: i64| (ago(late) + 1).next_multiple_of(segment);
        let (mut wall, mut coming): (Option<Wall>, Option<(u64, Wall)>) = (None, None);
        let (mut late, mut next) = (0, upcoming(0));
        while !stop.stopped() {
            let ready = |wall: &Option<Wall>, next| {
                let lately = MediaTime(clock.now().0.saturating_sub(SILENCE));
                wall.as_ref().is_some_and(|wall| wall.has(next, lately))
            };
            let time = if ready(&wall, next) { Duration::ZERO } else { clock.until(due(grid, next, late)).min(LOOK) };
            let news = looker.look(time);
            late = news.late + Mosaic::WAITS_MS * MS;
            if let Some(layout) = news.layout {
                let fresh = Wall::new(grid, canvas, layout);
                // From a slot on that no camera has delivered yet: till then the tiles stay as they are.
                if wall.is_none() { wall = Some(fresh) } else { coming = Some((ago(0) + 2, fresh)) }
            }
            for (camera, picture) in &news.pictures {
                let walls = wall.iter_mut().chain(coming.iter_mut().map(|(_, wall)| wall));
                walls.for_each(|wall| wall.keep(camera, picture, clock.now()));
            }
            if clock.now() < due(grid, next, late) && !ready(&wall, next) {
                continue;
            }
            if next.is_multiple_of(segment) && clock.now() > due(grid, next + segment, late) {
                tracing::warn!(frame = next, "the mosaic is more than a segment late; leaving segments out");
                next = upcoming(late);
                continue;
            }
            if let Some((_, fresh)) = coming.take_if(|(from, _)| next >= *from) {
                wall = Some(fresh);
            }
            let Some(wall) = &mut wall else { continue };
            let Some(picture) = pictures.picture(|out| wall.paint(next, stays, out)) else { return };
            Counters::add(&counters.frames);
            ladder.push(next, &picture);
            next += 1;
        }
    })
}

/// When a slot is painted with whatever is there.
fn due(grid: Grid, frame: u64, late: i64) -> MediaTime {
    MediaTime(signed(grid.frame_time(frame).0).saturating_add(late).unsigned_abs())
}
