//! Times of the API and frames of the grid.

use jiff::Timestamp;
use packager::{MediaTime, highlight::Range, wall::Wall};
use serde_json::json;

use axum::http::StatusCode;

use crate::{app::App, http::Problem};

/// RFC 3339 to UTC microseconds.
pub(super) fn wall(field: &str, text: &str) -> Result<Wall, Problem> {
    let wrong = || {
        let found: String = text.chars().take(60).collect();
        Problem::unprocessable(format!("`{field}`: expected a time as 2026-11-22T19:03:12.040000Z; found {found:?}"))
    };
    let at: Timestamp = text.parse().map_err(|_| wrong())?;
    // Nanoseconds are rounded, not cut: a frame's time must come back to the same frame.
    let nanos = at.as_nanosecond();
    i64::try_from((nanos + 500).div_euclid(1000)).map(Wall).map_err(|_| wrong())
}

/// Seconds of a guard band: not negative, at most ten minutes.
pub(super) fn guard_band(field: &str, seconds: f64) -> Result<i64, Problem> {
    if !(0.0..=600.0).contains(&seconds) {
        return Err(Problem::unprocessable(format!("`{field}`: expected 0 to 600 seconds; found {seconds:?}")));
    }
    Ok((seconds * 1e6).round() as i64)
}

/// How far ahead of the newest media a range may reach.
const AHEAD_SECONDS: i64 = 600;

/// The range between two instants on the frame grid, when the ring still has its beginning and it does not lie in the far future.
/// `reach_back`: a beginning before the oldest media is moved to it, as long as anything is left.
pub(super) fn range(app: &App, from: Wall, to: Wall, reach_back: bool) -> Result<Range, Problem> {
    if to <= from {
        return Err(Problem::unprocessable(format!("`out` ({}) is not after `in` ({})", to.micros(), from.micros())));
    }
    let newest = app.wall(app.newest());
    if from.0 > newest.0 + AHEAD_SECONDS * 1_000_000 || to.0 > newest.0 + AHEAD_SECONDS * 1_000_000 {
        let detail =
            format!("`out` ({}) is more than ten minutes ahead of the newest media ({})", to.micros(), newest.micros());
        return Err(Problem::unprocessable(detail));
    }
    let grid = app.venue.grid;
    let Some(oldest) = app.oldest() else {
        return Err(Problem::new(StatusCode::CONFLICT, "No camera has sent a picture yet: there is nothing to mark."));
    };
    // Rounded down to the frame grid: the oldest frame itself is still there.
    let start = app.wall(oldest);
    let half_frame = i64::try_from(grid.frame_time(1).0 / 2000).unwrap_or(0);
    let (media_from, media_to) = (app.anchors.media_at(from), app.anchors.media_at(to));
    let missing = from.0 + half_frame < start.0;
    if missing && (!reach_back || to <= start) {
        let detail = format!("The ring goes back to {}; {} is older.", start.micros(), from.micros());
        let available = json!({"in": start.micros(), "out": newest.micros()});
        return Err(Problem::new(StatusCode::CONFLICT, detail).with("available", available));
    }
    let media_from: MediaTime = if missing { oldest } else { media_from };
    Range::snap(grid, media_from, media_to).ok_or_else(|| {
        Problem::unprocessable("The range is shorter than a frame: move `in` or `out` by one frame at least.")
    })
}
