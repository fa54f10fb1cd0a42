//! Perspective: from metres to pixels of a camera's background, and back along a ray.
//!
//! The picture plane is fixed and wider than the frame. A pan moves the frame over it, which is
//! exact perspective (a shifted lens) and costs one copy.

use super::place::Place;
use crate::scene::Point;

/// A point of the background.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pixel {
    pub x: f32,
    pub y: f32,
    /// Metres from the picture plane.
    pub depth: f32,
    /// Pixels per metre there.
    pub scale: f32,
}

pub(super) struct Lens {
    pub at: [f32; 3],
    right: [f32; 3],
    up: [f32; 3],
    ahead: [f32; 3],
    focal: f32,
    /// Size of the background, in pixels; even.
    pub width: usize,
    pub height: usize,
}

impl Lens {
    pub fn new(place: &Place, width: usize, height: usize) -> Self {
        let ahead = unit(sub(place.aim, place.at));
        let right = unit([ahead[1], -ahead[0], 0.0]);
        let up = cross(right, ahead);
        Lens {
            at: place.at,
            right,
            up,
            ahead,
            focal: width as f32 / 2.0 / (place.view.to_radians() / 2.0).tan(),
            width: (width as f32 * place.pan / 2.0) as usize * 2,
            height,
        }
    }

    /// Where a point in metres is in the background, or `None` behind the camera.
    pub fn project(&self, p: [f32; 3]) -> Option<Pixel> {
        let p = sub(p, self.at);
        let depth = dot(p, self.ahead);
        if depth < 1.0 {
            return None;
        }
        let scale = self.focal / depth;
        let x = self.width as f32 / 2.0 + dot(p, self.right) * scale;
        let y = self.height as f32 / 2.0 - dot(p, self.up) * scale;
        Some(Pixel { x, y, depth, scale })
    }

    /// The direction in which the camera sees a point of the background; not normalised.
    pub fn ray(&self, x: f32, y: f32) -> [f32; 3] {
        let dx = (x - self.width as f32 / 2.0) / self.focal;
        let dy = (self.height as f32 / 2.0 - y) / self.focal;
        std::array::from_fn(|i| self.ahead[i] + self.right[i] * dx + self.up[i] * dy)
    }

    /// The left edge of a frame of `width` that follows `play`.
    pub fn follow(&self, play: Point, width: usize) -> usize {
        let middle = self.width as f32 / 2.0;
        let x = self.project([play.x as f32, play.y as f32, 0.0]).map_or(middle, |p| p.x);
        // A little short of play towards the ends, where there is less to see beyond it.
        let x = middle + (x - middle) * 0.92;
        ((x - width as f32 / 2.0).max(0.0) as usize).min(self.width - width)
    }
}

fn sub(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    std::array::from_fn(|i| a[i] - b[i])
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

pub(super) fn unit(a: [f32; 3]) -> [f32; 3] {
    let length = dot(a, a).sqrt();
    a.map(|v| v / length)
}
