//! Players, referee and ball: a few round strokes each, as large as perspective has them.

use super::canvas::{Frame, Ink, Matrix, Rgb};
use super::lens::Lens;
use crate::scene::{Ball, Figure, Kit, Side};
use std::f32::consts::{PI, TAU};

/// Metres from sole to crown. A little more than life, so that small pictures still read.
const TALL: f32 = 2.1;
/// The floodlights' directions: where the tips of the shadows lie, in metres.
const SHADOWS: [[f32; 2]; 2] = [[1.5, 0.8], [-1.4, 1.0]];

/// Club colours, also worn by the crowd.
pub(super) const HOME: Rgb = [0.93, 0.30, 0.16];
pub(super) const AWAY: Rgb = [0.16, 0.34, 0.82];

struct Outfit {
    shirt: Ink,
    light: Ink,
    shorts: Ink,
    socks: Ink,
}

/// The colours of everybody, ready to draw.
pub(super) struct Wardrobe {
    outfits: [Outfit; 5],
    skins: [Ink; 3],
    hairs: [Ink; 3],
    ball: Ink,
    seam: Ink,
}

impl Wardrobe {
    pub fn new(matrix: &Matrix) -> Self {
        let outfit = |shirt: Rgb, shorts: Rgb, socks: Rgb| Outfit {
            shirt: matrix.ink(shirt),
            light: matrix.ink(shirt.map(|v| v + (1.0 - v) * 0.28)),
            shorts: matrix.ink(shorts),
            socks: matrix.ink(socks),
        };
        Wardrobe {
            outfits: [
                outfit(HOME, [0.95, 0.95, 0.95], HOME),
                outfit(AWAY, [0.10, 0.14, 0.36], [0.93, 0.93, 0.95]),
                outfit([0.97, 0.85, 0.20], [0.15, 0.15, 0.15], [0.97, 0.85, 0.20]),
                outfit([0.62, 0.30, 0.75], [0.35, 0.14, 0.45], [0.62, 0.30, 0.75]),
                outfit([0.10, 0.10, 0.12], [0.08, 0.08, 0.10], [0.08, 0.08, 0.10]),
            ],
            skins: [[0.92, 0.74, 0.60], [0.66, 0.46, 0.33], [0.42, 0.28, 0.20]].map(|c| matrix.ink(c)),
            hairs: [[0.12, 0.09, 0.07], [0.30, 0.19, 0.10], [0.62, 0.47, 0.25]].map(|c| matrix.ink(c)),
            ball: matrix.ink([1.0, 1.0, 1.0]),
            seam: matrix.ink([0.25, 0.25, 0.28]),
        }
    }

    /// One person, `who` of 23, at media time `t`.
    pub fn figure(&self, frame: &mut Frame, lens: &Lens, figure: &Figure, who: usize, t: f64) {
        let (x, y) = (figure.at.x as f32, figure.at.y as f32);
        let (Some(feet), Some(crown)) = (lens.project([x, y, 0.0]), lens.project([x, y, TALL])) else { return };
        let tall = feet.y - crown.y;
        let size = feet.scale * TALL;
        if feet.x + size < frame.shift || feet.x - size > frame.shift + frame.width as f32 {
            return;
        }
        let outfit = &self.outfits[match figure.kit {
            Kit::Player(Side::Home) => 0,
            Kit::Player(Side::Away) => 1,
            Kit::Keeper(Side::Home) => 2,
            Kit::Keeper(Side::Away) => 3,
            Kit::Referee => 4,
        }];
        let (skin, hair) = (self.skins[who * 7 % 3], self.hairs[who * 5 % 3]);

        // Which way the run goes on the screen, and how hard it is.
        let (vx, vy) = (figure.velocity.x as f32, figure.velocity.y as f32);
        let speed = vx.hypot(vy);
        let next = lens.project([x + vx * 0.1, y + vy * 0.1, 0.0]).map_or(0.0, |p| p.x - feet.x);
        let side = (next / (feet.scale * speed.max(0.5) * 0.1)).clamp(-1.0, 1.0);
        let effort = (speed / 6.0).min(1.0);
        // A point of the body: metres to the side as a share of height, height from 0 to 1.
        let lean = side * effort * 0.07;
        let at = |dx: f32, z: f32| [feet.x + (dx + lean * z) * size, feet.y - z * tall];
        let stride = (t * 1.5).fract() as f32 * TAU + who as f32 * 1.7;

        for (leg, phase) in [(-1.0, stride), (1.0, stride + PI)] {
            let swing = phase.sin() * effort;
            let lift = phase.cos().max(0.0) * effort;
            let hip = at(leg * 0.045, 0.46);
            let knee = at(leg * 0.055 + side * (swing * 0.10 + lift * 0.06), 0.25 + lift * 0.04);
            let foot = at(leg * 0.06 + side * swing * 0.22, 0.02 + lift * 0.13);
            frame.capsule(knee, foot, size * 0.035, outfit.socks, 1.0);
            frame.capsule(hip, knee, size * 0.052, skin, 1.0);
            let hem = [hip[0] + (knee[0] - hip[0]) * 0.6, hip[1] + (knee[1] - hip[1]) * 0.6];
            frame.capsule(hip, hem, size * 0.066, outfit.shorts, 1.0);
        }
        for (arm, phase) in [(-1.0, stride + PI), (1.0, stride)] {
            let swing = phase.sin() * effort;
            let shoulder = at(arm * 0.095, 0.79);
            let elbow = at(arm * 0.13 - side * swing * 0.05, 0.64);
            let hand = at(arm * 0.12 + side * (swing * 0.15 + 0.04 * effort), 0.53 + 0.08 * effort);
            frame.capsule(elbow, hand, size * 0.026, skin, 1.0);
            frame.capsule(shoulder, elbow, size * 0.036, outfit.shirt, 1.0);
        }
        frame.capsule(at(0.0, 0.51), at(0.0, 0.77), size * 0.088, outfit.shirt, 1.0);
        frame.capsule(at(-0.05, 0.79), at(0.05, 0.79), size * 0.05, outfit.shirt, 1.0);
        frame.capsule(at(-0.035, 0.58), at(-0.035, 0.78), size * 0.035, outfit.light, 0.7);
        frame.capsule(at(0.0, 0.93), at(0.0, 0.945), size * 0.058, hair, 1.0);
        frame.capsule(at(side * 0.012, 0.915), at(side * 0.012, 0.915), size * 0.048, skin, 1.0);
    }

    /// The ball and its shadow, never smaller than can be seen.
    pub fn ball(&self, frame: &mut Frame, lens: &Lens, ball: Ball) {
        let (x, y) = (ball.at.x as f32, ball.at.y as f32);
        let height = ball.height.max(0.0) as f32 + 0.15;
        let (Some(ground), Some(middle)) = (lens.project([x, y, 0.0]), lens.project([x, y, height])) else { return };
        let radius = (0.19 * ground.scale).max(frame.height as f32 / 260.0).max(0.9);
        let flat = [ground.x - radius * 0.5, ground.y];
        frame.shade(flat, [ground.x + radius * 0.5, ground.y], radius * 0.7, 0.5);
        let at = [middle.x, middle.y];
        frame.capsule(at, at, radius * 1.22, self.seam, 0.8);
        frame.capsule(at, at, radius, self.ball, 1.0);
        if radius > 3.0 {
            frame.capsule(at, at, radius * 0.35, self.seam, 0.9);
        }
    }
}

/// The shadows of one figure, on the grass; drawn before anybody.
pub(super) fn shadow(frame: &mut Frame, lens: &Lens, figure: &Figure) {
    let (x, y) = (figure.at.x as f32, figure.at.y as f32);
    let Some(feet) = lens.project([x, y, 0.0]) else { return };
    for [dx, dy] in SHADOWS {
        if let Some(tip) = lens.project([x + dx, y + dy, 0.0]) {
            frame.shade([feet.x, feet.y], [tip.x, tip.y], feet.scale * 0.2, 0.28);
        }
    }
    let foot = feet.scale * 0.3;
    frame.shade([feet.x - foot, feet.y], [feet.x + foot, feet.y], feet.scale * 0.13, 0.35);
}
