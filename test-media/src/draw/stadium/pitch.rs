//! The ground: mown stripes, white lines, and the way round the pitch.

use crate::draw::canvas::Rgb;
use crate::noise::{cell, smooth};

/// Half the pitch, in metres.
const LENGTH: f32 = 52.5;
const WIDTH: f32 = 34.0;
/// Half the thickness of a line; a little more than life, so that it lasts in small pictures.
const HALF_LINE: f32 = 0.1;
/// Where the grass ends.
const GRASS: [f32; 2] = [56.2, 37.2];
/// Stripes between the goal lines.
const STRIPES: f32 = 18.0;

/// The colour of the ground at a place in metres.
pub(super) fn colour(x: f32, y: f32) -> Rgb {
    if x.abs() > GRASS[0] || y.abs() > GRASS[1] {
        let speck = 0.02 * cell((x * 3.0).floor() as i64, (y * 3.0).floor() as i64, 3);
        return [0.20 + speck, 0.22 + speck, 0.25 + speck];
    }
    if line(x, y) {
        return [0.93, 0.95, 0.93];
    }
    let stripe = ((x + LENGTH) / (2.0 * LENGTH) * STRIPES).floor() as i64 & 1;
    let inside = x.abs() < LENGTH && y.abs() < WIDTH;
    let mown = match (inside, stripe) {
        (true, 0) => 1.0,
        (true, _) => 0.86,
        (false, _) => 0.78,
    };
    // Wear, tufts, and more light in the middle than at the edges.
    let wear = 0.94 + 0.12 * smooth(x / 7.0, y / 5.0, 1) * smooth(x / 1.9, y / 1.7, 2);
    let tuft = 0.98 + 0.04 * cell((x * 6.0).floor() as i64, (y * 6.0).floor() as i64, 4);
    let edge = 1.0 - 0.16 * ((x / 60.0).powi(2) + (y / 45.0).powi(2));
    let k = mown * wear * tuft * edge;
    [0.29 * k, 0.58 * k, 0.22 * k]
}

/// Whether a line of the pitch (Laws of the Game, law 1) is there.
fn line(x: f32, y: f32) -> bool {
    // All four quarters are alike: `x` from the centre, `end` from the goal line.
    let (x, y) = (x.abs(), y.abs());
    if x > LENGTH + HALF_LINE || y > WIDTH + HALF_LINE {
        return false;
    }
    let end = LENGTH - x;
    let on = |distance: f32| distance.abs() < HALF_LINE;
    let box_of =
        |deep: f32, half: f32| (on(end - deep) && y < half + HALF_LINE) || (on(y - half) && end < deep + HALF_LINE);
    let from_spot = (end - 11.0).hypot(y);
    on(end)
        || on(y - WIDTH)
        || on(x)
        || on(x.hypot(y) - 9.15)
        || x.hypot(y) < 0.2
        || box_of(16.5, 20.16)
        || box_of(5.5, 9.16)
        || from_spot < 0.16
        || (on(from_spot - 9.15) && end > 16.5)
        || on(end.hypot(WIDTH - y) - 1.0)
}
