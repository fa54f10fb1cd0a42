//! I420 without padding: tiles and labels into a picture.

use super::label::Label;
use crate::Rung;

/// Luma of what shows nothing, and of a tile whose camera does.
const GROUND: u8 = 18;
const ABSENT: u8 = 40;
const INK: u8 = 235;
/// Chroma without colour.
const GREY: u8 = 128;
/// Between two tiles.
const GAP: usize = 2;

/// The size of things, in luma pixels; all even.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    width: usize,
    height: usize,
    cell_width: usize,
    cell_height: usize,
    side: usize,
}

impl Sizes {
    pub fn new(canvas: Rung, side: u32) -> Self {
        let (width, height, side) = (canvas.width() as usize, canvas.height as usize, side.max(1) as usize);
        let even = |pixels: usize| pixels / 2 * 2;
        Self { width, height, cell_width: even(width / side), cell_height: even(height / side), side }
    }

    /// Width and height of a tile.
    pub fn tile(&self) -> (usize, usize) {
        (self.cell_width - GAP, self.cell_height - GAP)
    }

    /// Where the tile of this number has its upper left corner.
    fn corner(&self, place: usize) -> (usize, usize) {
        (place % self.side * self.cell_width, place / self.side * self.cell_height)
    }

    /// Where each plane begins, and what its sizes are divided by.
    fn planes(&self) -> [(usize, usize); 3] {
        let luma = self.width * self.height;
        [(0, 1), (luma, 2), (luma + luma / 4, 2)]
    }
}

/// A picture that is being painted.
pub(super) struct Sheet<'a> {
    pub sizes: Sizes,
    pub out: &'a mut [u8],
}

impl Sheet<'_> {
    /// An empty picture.
    pub fn blank(sizes: Sizes) -> Vec<u8> {
        let luma = sizes.width * sizes.height;
        let mut out = vec![GROUND; luma];
        out.resize(luma * 3 / 2, GREY);
        out
    }

    /// Paints a tile's pixels.
    pub fn tile(&mut self, place: usize, pixels: &[u8]) {
        let (width, height) = self.sizes.tile();
        let mut from = pixels;
        self.rows(self.sizes.corner(place), (width, height), |row| {
            let (line, rest) = from.split_at(row.len());
            row.copy_from_slice(line);
            from = rest;
        });
    }

    /// Paints a tile without a picture, which says why.
    pub fn absent(&mut self, place: usize, why: &Label) {
        let (width, height) = self.sizes.tile();
        let (x, y) = self.sizes.corner(place);
        let mut luma = height;
        self.rows((x, y), (width, height), |row| {
            row.fill(if luma > 0 { ABSENT } else { GREY });
            luma = luma.saturating_sub(1);
        });
        let middle = |tile: usize, label: usize| tile.saturating_sub(label) / 4 * 2;
        self.write((x + middle(width, why.width), y + middle(height, why.height)), why);
    }

    /// Writes a label into the lower left corner of a tile.
    pub fn label(&mut self, place: usize, label: &Label) {
        let (x, y) = self.sizes.corner(place);
        let (_, height) = self.sizes.tile();
        self.write((x, y + height.saturating_sub(label.height)), label);
    }

    /// Ink on a darkened ground.
    fn write(&mut self, at: (usize, usize), label: &Label) {
        let mut ink = label.ink.chunks_exact(label.width.max(1));
        self.rows(at, (label.width, label.height), |row| match ink.next() {
            Some(ink) => {
                for (pixel, ink) in row.iter_mut().zip(ink) {
                    *pixel = if *ink { INK } else { 16 + pixel.saturating_sub(16) / 4 };
                }
            }
            None => row.iter_mut().for_each(|pixel| *pixel = GREY - GREY / 4 + *pixel / 4),
        });
    }

    /// Every row of a rectangle, of luma and then of both chromas.
    fn rows(&mut self, (x, y): (usize, usize), (width, height): (usize, usize), mut paint: impl FnMut(&mut [u8])) {
        for (start, half) in self.sizes.planes() {
            let stride = self.sizes.width / half;
            for row in 0..height / half {
                paint(&mut self.out[start + (y / half + row) * stride + x / half..][..width / half]);
            }
        }
    }
}
