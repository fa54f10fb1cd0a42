//! From pictures to signals.

use std::collections::BTreeMap;

use test_media::strip::Strip;

use crate::fetch::Media;

/// The picture is cut into so many columns and rows.
pub(crate) const COLUMNS: usize = 8;
const ROWS: usize = 5;
pub(crate) const CELLS: usize = COLUMNS * ROWS;

/// What is seen of a camera: the brightness of the picture's cells in every frame of the venue's grid, and the strip.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub cells: BTreeMap<i64, [f32; CELLS]>,
    /// The instant that the strip names, in milliseconds, less that of the frame on media time.
    pub strips: Vec<f64>,
}

impl Seen {
    /// Looks at every picture. `rate`: frames per second of the grid; `passed`: it is the camera's own bitstream.
    pub fn of(media: &Media, (num, den): (u32, u32), passed: bool) -> Result<Self, cut::CutError> {
        let mut seen = Self::default();
        // As the packager has it: thousandths of a frame where frames are whole parts of a second.
        let grid = if num < 1_000 { num * 1_000 } else { num };
        let timescale = f64::from(if passed { 90_000 } else { grid });
        for (header, segment) in media {
            cut::luma(header, segment, |picture| {
                let at = picture.tick as f64 / timescale;
                let frame = (at * f64::from(num) / f64::from(den)).round() as i64;
                seen.cells.insert(frame, cells(&picture));
                if let Some(strip) = Strip::read(picture.data, picture.width, picture.height, picture.stride) {
                    seen.strips.push(strip.utc_ms as f64 - at * 1e3);
                }
            })?;
        }
        Ok(seen)
    }
}

/// The mean brightness of each cell, from every other row and column.
fn cells(picture: &cut::Luma<'_>) -> [f32; CELLS] {
    let (mut sums, mut counts) = ([0_u32; CELLS], [0_u32; CELLS]);
    for (y, row) in picture.data.chunks(picture.stride.max(1)).take(picture.height).enumerate().step_by(2) {
        for (x, value) in row.iter().take(picture.width).enumerate().step_by(2) {
            let cell = y * ROWS / picture.height * COLUMNS + x * COLUMNS / picture.width;
            sums[cell] += u32::from(*value);
            counts[cell] += 1;
        }
    }
    std::array::from_fn(|cell| sums[cell] as f32 / counts[cell].max(1) as f32)
}
