//! Cameras flashing in the stands when something happens.

use super::{canvas::Frame, lens::Lens, stadium};
use crate::noise::hash;

/// Seats looked at when searching for the crowd.
const TRIES: u64 = 3000;
/// Flashes per second that every seat is good for.
const RATE: f64 = 12.0;

pub(super) struct Flashes {
    /// Pixels of the background where somebody sits.
    seats: Vec<(u32, u32)>,
}

impl Flashes {
    pub fn find(lens: &Lens) -> Self {
        let seats = (0..TRIES).filter_map(|i| {
            let h = hash(i);
            let (x, y) = (h as u32 % lens.width as u32, (h >> 32) as u32 % lens.height as u32);
            let ray = lens.ray(x as f32 + 0.5, y as f32 + 0.5);
            stadium::is_crowd(lens.at, ray).then_some((x, y))
        });
        Flashes { seats: seats.collect() }
    }

    /// Draws the flashes of media time `t`, more of them the more excited the crowd is.
    pub fn draw(&self, frame: &mut Frame, t: f64, excitement: f64) {
        let limit = ((excitement - 0.4).max(0.0) * 0.05 * f64::from(1u32 << 16)) as u64;
        if limit == 0 {
            return;
        }
        let tick = (t * RATE) as i64 as u64;
        let size = (frame.height / 360).max(1);
        for (i, &(x, y)) in self.seats.iter().enumerate() {
            if hash(tick ^ ((i as u64) << 32)) & 0xffff < limit {
                for (dx, dy) in (0..size).flat_map(|dy| (0..=size).map(move |dx| (dx, dy))) {
                    frame.dot(x as usize + dx, y as usize + dy, 235, 0.9);
                }
            }
        }
    }
}
