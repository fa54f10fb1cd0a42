//! The goals, kept as masks so that players behind them stay behind the net.

use super::canvas::Frame;
use super::lens::Lens;
use crate::scene::HALF_LENGTH;
use std::collections::BTreeMap;

/// Half the mouth's width, its height, and the net's depth above and below, in metres.
const HALF: f32 = 3.66;
const HIGH: f32 = 2.44;
const SHALLOW: f32 = 0.9;
const DEEP: f32 = 2.1;
/// Metres between the net's cords; wider than life, so that it reads as a net.
const MESH: f32 = 0.35;

/// One goal as a camera sees it.
pub(super) struct Net {
    /// `x` of the goal line, in metres.
    pub line: f64,
    /// Column and row in the background, and coverage.
    dots: Vec<(u32, u32, f32)>,
}

impl Net {
    /// The goal at the end where `x` has the sign of `end`.
    pub fn new(lens: &Lens, end: f32) -> Self {
        let mut mask = Mask { lens, end, dots: BTreeMap::new() };
        let steps = |length: f32| (0..=(length / MESH).round() as u32).map(move |i| i as f32 * MESH);
        for across in steps(2.0 * HALF) {
            let y = across - HALF;
            mask.line([DEEP, y, 0.0], [SHALLOW, y, HIGH], 0.02, 0.42);
            mask.line([SHALLOW, y, HIGH], [0.0, y, HIGH], 0.02, 0.35);
        }
        for z in steps(HIGH) {
            let back = DEEP + (SHALLOW - DEEP) * z / HIGH;
            mask.line([back, -HALF, z], [back, HALF, z], 0.02, 0.42);
            for y in [-HALF, HALF] {
                mask.line([0.0, y, z], [back, y, z], 0.02, 0.4);
            }
        }
        for back in steps(DEEP) {
            let top = (HIGH * (DEEP - back) / (DEEP - SHALLOW)).min(HIGH);
            for y in [-HALF, HALF] {
                mask.line([back, y, 0.0], [back, y, top], 0.02, 0.4);
            }
        }
        for y in [-HALF, HALF] {
            mask.line([0.0, y, 0.0], [0.0, y, HIGH], 0.075, 1.0);
        }
        mask.line([0.0, -HALF, HIGH], [0.0, HALF, HIGH], 0.075, 1.0);
        let dots = mask.dots.into_iter().map(|((row, column), alpha)| (column, row, alpha)).collect();
        Net { line: HALF_LENGTH * f64::from(end), dots }
    }

    pub fn draw(&self, frame: &mut Frame) {
        for &(x, y, alpha) in &self.dots {
            frame.dot(x as usize, y as usize, 232, alpha);
        }
    }
}

struct Mask<'a> {
    lens: &'a Lens,
    end: f32,
    dots: BTreeMap<(u32, u32), f32>,
}

impl Mask<'_> {
    /// A bar between two points given as depth behind the goal line, `y` and height.
    fn line(&mut self, a: [f32; 3], b: [f32; 3], radius: f32, strength: f32) {
        let world = |p: [f32; 3]| [self.end * (HALF_LENGTH as f32 + p[0]), p[1], p[2]];
        let (Some(a), Some(b)) = (self.lens.project(world(a)), self.lens.project(world(b))) else { return };
        let steps = ((a.x - b.x).hypot(a.y - b.y).ceil() as usize).clamp(1, 4000);
        for i in 0..=steps {
            let k = i as f32 / steps as f32;
            let (x, y) = (a.x + (b.x - a.x) * k, a.y + (b.y - a.y) * k);
            let thick = radius * (a.scale + (b.scale - a.scale) * k);
            let faint = (thick * 2.0).clamp(0.3, 1.0);
            let thick = thick.max(0.5);
            let reach = thick + 0.5;
            for row in (y - reach).floor() as i64..=(y + reach).floor() as i64 {
                for column in (x - reach).floor() as i64..=(x + reach).floor() as i64 {
                    let away = (column as f32 + 0.5 - x).hypot(row as f32 + 0.5 - y);
                    let alpha = (reach - away).clamp(0.0, 1.0) * strength * faint;
                    let inside =
                        (0..self.lens.height as i64).contains(&row) && (0..self.lens.width as i64).contains(&column);
                    if inside && alpha > 0.03 {
                        let dot = self.dots.entry((row as u32, column as u32)).or_insert(0.0);
                        *dot = dot.max(alpha);
                    }
                }
            }
        }
    }
}
