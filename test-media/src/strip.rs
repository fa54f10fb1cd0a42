//! The machine-readable strip across the top of a synthetic frame.
//!
//! Two rows of 48 equal blocks, each row a thirtieth of the frame's height; white is 1, black 0,
//! most significant bit first, row by row: camera (8 bits), frame number on the venue's grid (24),
//! UTC milliseconds of drawing (48), CRC-16/CCITT-FALSE of those ten bytes (16).

use crc::{CRC_16_IBM_3740, Crc};

/// Also known as CRC-16/CCITT-FALSE.
const CRC: Crc<u16> = Crc::<u16>::new(&CRC_16_IBM_3740);
const COLUMNS: usize = 48;
const ROWS: usize = 2;
/// Rows of blocks that would fill a frame.
const ROWS_IN_HEIGHT: usize = 30;
const BLACK: u8 = 16;
const WHITE: u8 = 235;
/// Less difference than this between the lightest and the darkest block is no strip.
const CONTRAST: u32 = 48;

/// What the strip of one frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strip {
    /// The camera's index.
    pub camera: u8,
    /// Frame number on the venue's grid; its low 24 bits are carried.
    pub frame: u32,
    /// Wall clock at drawing, in milliseconds since 1970 UTC; its low 48 bits are carried.
    pub utc_ms: u64,
}

impl Strip {
    /// The twelve bytes of the strip: ten of content, two of CRC.
    pub fn encode(&self) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[0] = self.camera;
        bytes[1..4].copy_from_slice(&self.frame.to_be_bytes()[1..]);
        bytes[4..10].copy_from_slice(&self.utc_ms.to_be_bytes()[2..]);
        let crc = CRC.checksum(&bytes[..10]);
        bytes[10..].copy_from_slice(&crc.to_be_bytes());
        bytes
    }

    /// The strip that [`encode`](Self::encode) made these bytes of, or `None` if the CRC is wrong.
    pub fn decode(bytes: &[u8; 12]) -> Option<Self> {
        let (content, crc) = bytes.split_at(10);
        if crc != CRC.checksum(content).to_be_bytes() {
            return None;
        }
        let number = |bytes: &[u8]| bytes.iter().fold(0, |n, &b| n << 8 | u64::from(b));
        Some(Strip { camera: bytes[0], frame: number(&bytes[1..4]) as u32, utc_ms: number(&bytes[4..10]) })
    }

    /// Draws the strip into a luma plane of `height` rows of `width` pixels, `stride` bytes apart.
    ///
    /// Does nothing when the plane is smaller than 48x30 or the buffer is shorter than the strip.
    /// The chroma planes are the caller's: [`rows`] says how much of them to make grey.
    pub fn draw(&self, luma: &mut [u8], width: usize, height: usize, stride: usize) {
        if !fits(luma, width, height, stride) {
            return;
        }
        let bytes = self.encode();
        for row in 0..ROWS {
            let (top, bottom) = (row * height / ROWS_IN_HEIGHT, (row + 1) * height / ROWS_IN_HEIGHT);
            for column in 0..COLUMNS {
                let (left, right) = (column * width / COLUMNS, (column + 1) * width / COLUMNS);
                let value = if bit(&bytes, row * COLUMNS + column) { WHITE } else { BLACK };
                luma[top * stride + left..top * stride + right].fill(value);
            }
            for y in top + 1..bottom {
                luma.copy_within(top * stride..top * stride + width, y * stride);
            }
        }
    }

    /// Reads the strip from a luma plane of `height` rows of `width` pixels, `stride` bytes apart.
    ///
    /// The plane may have been encoded, noised, scaled and changed in range since the strip was
    /// drawn. `None` when there is no strip, it is damaged, or the buffer is too short.
    pub fn read(luma: &[u8], width: usize, height: usize, stride: usize) -> Option<Self> {
        if !fits(luma, width, height, stride) {
            return None;
        }
        let mut levels = [0; ROWS * COLUMNS];
        for (block, level) in levels.iter_mut().enumerate() {
            let rows = middle(block / COLUMNS, height, ROWS_IN_HEIGHT);
            let columns = middle(block % COLUMNS, width, COLUMNS);
            let pixels = (rows.len() * columns.len()) as u32;
            let sum: u32 = rows
                .flat_map(|y| &luma[y * stride + columns.start..y * stride + columns.end])
                .map(|&pixel| u32::from(pixel))
                .sum();
            *level = sum / pixels;
        }
        let darkest = levels.into_iter().min()?;
        let lightest = levels.into_iter().max()?;
        if lightest - darkest < CONTRAST {
            return None;
        }
        let mut bytes = [0; 12];
        for (block, level) in levels.into_iter().enumerate() {
            bytes[block / 8] |= u8::from(2 * level > lightest + darkest) << (7 - block % 8);
        }
        Strip::decode(&bytes)
    }
}

/// Luma rows that the strip covers in a frame of `height` rows.
pub fn rows(height: usize) -> usize {
    ROWS * height / ROWS_IN_HEIGHT
}

fn fits(luma: &[u8], width: usize, height: usize, stride: usize) -> bool {
    // Sizes no picture has are refused before they are multiplied.
    width >= COLUMNS
        && (ROWS_IN_HEIGHT..1 << 16).contains(&height)
        && (width..1 << 20).contains(&stride)
        && luma.len() >= (rows(height) - 1) * stride + width
}

fn bit(bytes: &[u8; 12], index: usize) -> bool {
    bytes[index / 8] >> (7 - index % 8) & 1 == 1
}

/// The pixels in the middle half of block `index` of `count` over `size` pixels: at least one.
fn middle(index: usize, size: usize, count: usize) -> std::ops::Range<usize> {
    let start = ((4 * index + 1) * size).div_ceil(4 * count);
    let end = (4 * index + 3) * size / (4 * count);
    if start < end {
        return start..end;
    }
    // In a tiny picture the rounded block may lie beside its own centre.
    let (first, last) = (index * size / count, (index + 1) * size / count - 1);
    let centre = ((2 * index + 1) * size / (2 * count)).clamp(first, last);
    centre..centre + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::cell;
    use proptest::prelude::*;

    const STRIP: Strip = Strip { camera: 3, frame: 0x01_02_03, utc_ms: 0x0199_a0b1_c2d3 };

    fn drawn(strip: Strip, width: usize, height: usize) -> Vec<u8> {
        let mut luma: Vec<u8> = (0..width * height).map(|i| (i * 7) as u8).collect();
        strip.draw(&mut luma, width, height, width);
        luma
    }

    /// Bilinear, as far from the block grid as a real scaler.
    fn scaled(from: &[u8], w: usize, h: usize, to_w: usize, to_h: usize) -> Vec<u8> {
        let at = |x: usize, y: usize| f64::from(from[y.min(h - 1) * w + x.min(w - 1)]);
        let mut out = Vec::with_capacity(to_w * to_h);
        for y in 0..to_h {
            for x in 0..to_w {
                let sx = ((x as f64 + 0.5) * w as f64 / to_w as f64 - 0.5).max(0.0);
                let sy = ((y as f64 + 0.5) * h as f64 / to_h as f64 - 0.5).max(0.0);
                let (fx, fy) = (sx.fract(), sy.fract());
                let (ix, iy) = (sx as usize, sy as usize);
                let top = at(ix, iy) * (1.0 - fx) + at(ix + 1, iy) * fx;
                let bottom = at(ix, iy + 1) * (1.0 - fx) + at(ix + 1, iy + 1) * fx;
                out.push((top * (1.0 - fy) + bottom * fy) as u8);
            }
        }
        out
    }

    #[test]
    fn layout_is_the_one_of_the_design() {
        let bytes = STRIP.encode();
        assert_eq!(bytes[..10], [3, 1, 2, 3, 0x01, 0x99, 0xa0, 0xb1, 0xc2, 0xd3]);
        // The check value of CRC-16/CCITT-FALSE in every catalogue.
        assert_eq!(CRC.checksum(b"123456789"), 0x29b1);
        let luma = drawn(STRIP, 480, 300);
        assert_eq!(luma[..60], [[BLACK; 60]].concat()[..], "the first six bits of camera 3");
        assert_eq!((luma[60], luma[79], luma[80]), (WHITE, WHITE, BLACK));
        assert_eq!(luma[19 * 480], luma[10 * 480], "the second row ends after 20 lines");
    }

    #[test]
    fn no_strip_reads_as_none() {
        for value in [0, 16, 128, 235, 255] {
            assert_eq!(Strip::read(&vec![value; 640 * 360], 640, 360, 640), None);
        }
        let mut luma = drawn(STRIP, 640, 360);
        luma[..640 * 12].rotate_left(640 / 48);
        assert_eq!(Strip::read(&luma, 640, 360, 640), None);
    }

    #[test]
    fn blocks_beside_their_centre_in_tiny_pictures() {
        for (width, height) in (48..100).flat_map(|w| (30..70).map(move |h| (w, h))) {
            let mut luma = vec![0; rows(height) * width];
            STRIP.draw(&mut luma, width, height, width);
            assert_eq!(Strip::read(&luma, width, height, width), Some(STRIP), "{width}x{height}");
        }
    }

    proptest! {
        #[test]
        fn decode_undoes_encode(camera: u8, frame in 0u32..1 << 24, utc_ms in 0u64..1 << 48) {
            let strip = Strip { camera, frame, utc_ms };
            prop_assert_eq!(Strip::decode(&strip.encode()), Some(strip));
        }

        #[test]
        fn one_wrong_bit_is_noticed(bit in 0usize..96) {
            let mut bytes = STRIP.encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(Strip::decode(&bytes), None);
        }

        #[test]
        fn read_undoes_draw(
            camera: u8, frame in 0u32..1 << 24, utc_ms in 0u64..1 << 48,
            width in 80usize..330, height in 45usize..180, noise in 0u8..60, salt: u64,
        ) {
            let (width, height) = (2 * width, 2 * height);
            let strip = Strip { camera, frame, utc_ms };
            let mut luma = drawn(strip, width, height);
            for (i, pixel) in luma.iter_mut().enumerate() {
                let n = (cell(i as i64, 0, salt >> 24) - 0.5) * f32::from(noise);
                *pixel = (f32::from(*pixel) + n) as u8;
            }
            prop_assert_eq!(Strip::read(&luma, width, height, width), Some(strip));
        }

        #[test]
        fn read_survives_scaling(frame in 0u32..1 << 24, utc_ms in 0u64..1 << 48, size in 0usize..5) {
            let (w, h) = [(416, 234), (320, 180), (960, 540), (426, 240), (480, 270)][size];
            let strip = Strip { camera: 7, frame, utc_ms };
            let down = scaled(&drawn(strip, 640, 360), 640, 360, w, h);
            prop_assert_eq!(Strip::read(&down, w, h, w), Some(strip));
            let up = scaled(&down, w, h, 854, 480);
            prop_assert_eq!(Strip::read(&up, 854, 480, 854), Some(strip));
        }

        #[test]
        fn any_size_is_safe(len in 0usize..5000, width: usize, height: usize, stride: usize, small: bool) {
            let (width, height, stride) =
                if small { (width % 100, height % 100, stride % 100) } else { (width, height, stride) };
            let mut luma = vec![0; len];
            STRIP.draw(&mut luma, width, height, stride);
            Strip::read(&luma, width, height, stride);
        }
    }
}
