//! What never moves: the ground, boards, stands, roof and sky, one ray per sample.

use super::canvas::{Matrix, Planes, Rgb};
use super::figure::{AWAY, HOME};
use super::lens::{Lens, unit};
use super::{font, scoreboard::TEAMS};
use crate::noise::{cell, smooth};

mod pitch;

/// Metres from the centre spot to the boards, along and across the pitch.
const BOARDS: [f32; 2] = [58.0, 38.5];
/// Metres of one panel of the boards.
const PANEL: f32 = 9.0;

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Board,
    Wall,
    Lower,
    Ribbon,
    Upper,
    Back,
    Roof,
}

/// The section of all four stands: from (metres behind the boards, metres up) to the same.
const SECTION: [(Part, [f32; 2], [f32; 2]); 7] = [
    (Part::Board, [0.0, 0.0], [0.0, 1.25]),
    (Part::Wall, [4.0, 0.0], [4.0, 1.6]),
    (Part::Lower, [4.0, 1.6], [25.0, 12.5]),
    (Part::Ribbon, [25.0, 12.5], [25.0, 15.0]),
    (Part::Upper, [25.0, 15.0], [45.0, 30.0]),
    (Part::Back, [45.0, 30.0], [45.0, 38.0]),
    (Part::Roof, [17.0, 35.0], [45.0, 38.0]),
];

/// Where a ray ends on a stand.
struct Hit {
    part: Part,
    /// How far along the ray.
    far: f32,
    /// Metres along the stand, from left to right as the pitch sees it.
    along: f32,
    /// Metres up the section of this part.
    up: f32,
    /// 0 north, 1 south, 2 main, 3 opposite.
    stand: usize,
    /// The ray comes from behind the stand.
    behind: bool,
}

/// Renders a camera's background.
pub(super) fn render(lens: &Lens, matrix: &Matrix) -> Planes {
    let (width, height) = (lens.width, lens.height);
    let mut planes =
        Planes { width, y: vec![0; width * height], u: vec![0; width * height / 4], v: vec![0; width * height / 4] };
    for row in (0..height).step_by(2) {
        for column in (0..width).step_by(2) {
            let mut chroma = [0.0; 2];
            for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                let (x, y) = (column + dx, row + dy);
                let [luma, u, v] = matrix.convert(sample(lens, x, y));
                let grain = cell(x as i64, y as i64, 9) - 0.5;
                planes.y[y * width + x] = (luma + grain).round().clamp(16.0, 235.0) as u8;
                chroma = [chroma[0] + u, chroma[1] + v];
            }
            let i = row / 2 * (width / 2) + column / 2;
            planes.u[i] = (chroma[0] / 4.0).round() as u8;
            planes.v[i] = (chroma[1] / 4.0).round() as u8;
        }
    }
    planes
}

/// Whether the ray ends on seats.
pub(super) fn is_crowd(at: [f32; 3], ray: [f32; 3]) -> bool {
    hit(at, ray).is_some_and(|hit| matches!(hit.part, Part::Lower | Part::Upper))
}

/// The mean of the rays through one pixel: four of them, and many where they disagree.
fn sample(lens: &Lens, x: usize, y: usize) -> Rgb {
    let mean = |across: usize, down: usize, spread: &mut f32| {
        let (mut sum, mut low, mut high) = ([0.0; 3], f32::INFINITY, f32::NEG_INFINITY);
        for i in 0..across * down {
            let dx = ((i % across) as f32 + 0.5) / across as f32;
            let dy = ((i / across) as f32 + 0.5) / down as f32;
            let seen = colour(lens.at, lens.ray(x as f32 + dx, y as f32 + dy));
            sum = std::array::from_fn(|c| sum[c] + seen[c]);
            (low, high) = (low.min(seen[1]), high.max(seen[1]));
        }
        *spread = high - low;
        sum.map(|c| c / (across * down) as f32)
    };
    let mut spread = 0.0;
    let few = mean(2, 2, &mut spread);
    // Lines that lie far away are thin from top to bottom; a crowd is confetti anyway.
    if spread > 0.08 && !is_crowd(lens.at, lens.ray(x as f32 + 0.5, y as f32 + 0.5)) {
        mean(3, 6, &mut spread)
    } else {
        few
    }
}

fn colour(at: [f32; 3], ray: [f32; 3]) -> Rgb {
    let ground = if ray[2] < -1e-6 { -at[2] / ray[2] } else { f32::INFINITY };
    match hit(at, ray) {
        Some(hit) if hit.far < ground => stand(&hit),
        _ if ground < 1e4 => pitch::colour(at[0] + ray[0] * ground, at[1] + ray[1] * ground),
        _ => sky(at, ray),
    }
}

/// The nearest part of a stand that the ray meets.
fn hit(at: [f32; 3], ray: [f32; 3]) -> Option<Hit> {
    let mut nearest: Option<Hit> = None;
    for stand in 0..4 {
        let axis = stand / 2;
        let sign = if stand % 2 == 0 { -1.0 } else { 1.0 };
        let out = ray[axis] * sign;
        let from = at[axis] * sign - BOARDS[axis];
        for (part, [d0, z0], [d1, z1]) in SECTION {
            // Cameras stand in their own stand: of that they see the rows and boards below them.
            if out <= 0.0 && !matches!(part, Part::Lower | Part::Board) {
                continue;
            }
            let (run, rise) = (d1 - d0, z1 - z0);
            let facing = out * rise - ray[2] * run;
            if facing.abs() < 1e-6 {
                continue;
            }
            let far = ((at[2] - z0) * run - (from - d0) * rise) / facing;
            if far <= 0.0 || nearest.as_ref().is_some_and(|hit| hit.far <= far) {
                continue;
            }
            let (d, z) = (from + out * far, at[2] + ray[2] * far);
            let length = run.hypot(rise);
            let up = ((d - d0) * run + (z - z0) * rise) / length;
            // The stands meet at the corners, each up to the diagonal.
            let side = at[1 - axis] + ray[1 - axis] * far;
            if up < 0.0 || up > length || side.abs() - BOARDS[1 - axis] > d {
                continue;
            }
            let along = if axis == 0 { -sign * side } else { sign * side };
            nearest = Some(Hit { part, far, along, up, stand, behind: out <= 0.0 });
        }
    }
    nearest
}

fn stand(hit: &Hit) -> Rgb {
    match hit.part {
        Part::Board if hit.behind => [0.10, 0.11, 0.14],
        Part::Board => board(hit),
        Part::Lower if hit.behind => crowd(hit, 0.5),
        Part::Wall => [0.13, 0.14, 0.17],
        Part::Lower => crowd(hit, 0.92),
        Part::Upper => crowd(hit, 0.74 - hit.up * 0.012),
        Part::Ribbon => {
            // A band of light under the upper tier.
            let lit = (0.9..1.7).contains(&hit.up);
            let club = if (hit.along / 30.0).floor() as i64 % 2 == 0 { HOME } else { [0.92, 0.92, 0.95] };
            if lit { club.map(|v| v * 0.85) } else { [0.09, 0.10, 0.13] }
        }
        Part::Back => [0.07, 0.08, 0.11],
        Part::Roof if hit.up < 1.0 => [0.85, 0.88, 0.92],
        Part::Roof => {
            let truss = (hit.along / 7.0).rem_euclid(1.0) < 0.07;
            let base = 0.10 + 0.10 * (1.0 - hit.up / 28.0);
            if truss { [base + 0.08; 3] } else { [base, base * 1.05, base * 1.2] }
        }
    }
}

/// Advertising with words in dots, nine metres each.
fn board(hit: &Hit) -> Rgb {
    const DOT: f32 = 0.14;
    let panel = (hit.along / PANEL).floor();
    let (text, paper, ink): (&str, Rgb, Rgb) = match panel.rem_euclid(4.0) as u32 {
        0 => ("VIRAGE", [0.05, 0.07, 0.16], [1.0, 1.0, 1.0]),
        1 => (TEAMS[0], HOME, [1.0, 1.0, 1.0]),
        2 => ("REPLAY", [0.92, 0.93, 0.95], [0.07, 0.10, 0.25]),
        _ => ("ALLEZ", [0.98, 0.80, 0.12], [0.12, 0.10, 0.08]),
    };
    let width = (text.len() * font::ADVANCE - 1) as f32 * DOT;
    let x = (hit.along - panel * PANEL - (PANEL - width) / 2.0) / DOT;
    let y = (1.12 - hit.up) / DOT;
    let inked = x >= 0.0 && y >= 0.0 && font::inked(text, x as usize, y as usize);
    if inked { ink } else { paper }
}

/// Seats and who sits in them, `light` bright.
fn crowd(hit: &Hit, light: f32) -> Rgb {
    let stairs = (hit.along / 15.0).rem_euclid(1.0) * 15.0;
    if stairs < 1.0 {
        return [0.36, 0.37, 0.40].map(|v| v * light);
    }
    let (seat, row) = (hit.along / 0.62, hit.up / 0.95);
    let (x, y) = (seat.floor() as i64, row.floor() as i64);
    let salt = 16 + hit.stand as u64 + if hit.part == Part::Upper { 8 } else { 0 };
    let (who, hue, tint) = (cell(x, y, salt), cell(x, y, salt + 32), cell(x, y, salt + 64));
    let guests = hit.stand == 1 && hit.along > 12.0;
    let kop = hit.stand == 0;
    // Waves of colour rather than even confetti.
    let block = smooth(hit.along / 9.0, hit.up / 5.0, salt);
    let club = if guests { AWAY } else { HOME };
    let loyal = if guests || kop { 0.72 } else { 0.20 + 0.35 * block };
    let shirt: Rgb = if who < 0.06 {
        [0.24, 0.25, 0.29]
    } else if hue < loyal {
        club
    } else if hue < loyal + 0.1 {
        [0.86, 0.86, 0.86]
    } else {
        [[0.16, 0.18, 0.24], [0.30, 0.31, 0.36], [0.22, 0.26, 0.40], [0.42, 0.38, 0.34]][(tint * 3.99) as usize]
    };
    let (fx, fy) = (seat - seat.floor() - 0.5, row - row.floor());
    let head = fx * fx + (fy - 0.72) * (fy - 0.72) < 0.045;
    let base = if who < 0.06 {
        shirt
    } else if head {
        [0.80, 0.62, 0.50].map(|v| v * (0.55 + 0.5 * tint))
    } else if fx.abs() < 0.4 && fy < 0.62 {
        shirt.map(|v| v * (0.8 + 0.3 * tint))
    } else {
        [0.11, 0.12, 0.15]
    };
    base.map(|v| v * light)
}

/// Dusk, and the floodlights over the corners.
fn sky(at: [f32; 3], ray: [f32; 3]) -> Rgb {
    let ray = unit(ray);
    let k = (ray[2] * 2.2).clamp(0.0, 1.0);
    let low = [0.55, 0.50, 0.58];
    let high = [0.10, 0.16, 0.34];
    let mut seen: Rgb = std::array::from_fn(|c| low[c] + (high[c] - low[c]) * k);
    for (x, y) in [(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)] {
        let mast = unit([x * 92.0 - at[0], y * 74.0 - at[1], 52.0 - at[2]]);
        let near = (mast[0] * ray[0] + mast[1] * ray[1] + mast[2] * ray[2]).max(0.0);
        let glow = near.powi(60) * 0.25 + near.powi(4000) * 1.4;
        seen = seen.map(|v| v + glow);
    }
    seen
}
