//! I420 pictures and the few shapes drawn into them.

/// A colour as red, green and blue in 0..1, as seen (not linear).
pub(super) type Rgb = [f32; 3];

/// From red, green and blue to limited-range luma and chroma.
pub(super) struct Matrix {
    red: f32,
    blue: f32,
}

impl Matrix {
    /// BT.601 for pictures up to 576 lines, BT.709 above.
    pub fn of_height(height: usize) -> Self {
        if height <= 576 { Matrix { red: 0.299, blue: 0.114 } } else { Matrix { red: 0.2126, blue: 0.0722 } }
    }

    /// Luma 16..235 and the two chromas 16..240, before rounding.
    pub fn convert(&self, rgb: Rgb) -> [f32; 3] {
        let [r, g, b] = rgb.map(|v| v.clamp(0.0, 1.0));
        let y = self.red * r + (1.0 - self.red - self.blue) * g + self.blue * b;
        let u = (b - y) / (2.0 - 2.0 * self.blue);
        let v = (r - y) / (2.0 - 2.0 * self.red);
        [16.0 + 219.0 * y, 128.0 + 224.0 * u, 128.0 + 224.0 * v]
    }

    pub fn ink(&self, rgb: Rgb) -> Ink {
        Ink(self.convert(rgb).map(|v| v.round() as u8))
    }
}

/// A colour to draw with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ink(pub [u8; 3]);

/// A picture that is kept.
pub(super) struct Planes {
    pub width: usize,
    pub y: Vec<u8>,
    pub u: Vec<u8>,
    pub v: Vec<u8>,
}

impl Planes {
    /// Takes the colour out of the top `rows` lines.
    pub fn grey_chroma(&mut self, rows: usize) {
        let end = self.width / 2 * rows.div_ceil(2);
        self.u[..end].fill(128);
        self.v[..end].fill(128);
    }
}

/// A picture being drawn, in the caller's buffer.
pub(super) struct Frame<'a> {
    planes: [&'a mut [u8]; 3],
    pub width: usize,
    pub height: usize,
    /// Left edge of the frame in the background; shapes are placed in the background.
    pub shift: f32,
}

impl<'a> Frame<'a> {
    /// `out` is `width * height * 3 / 2` bytes.
    pub fn new(out: &'a mut [u8], width: usize, height: usize) -> Self {
        let (y, chroma) = out.split_at_mut(width * height);
        let (u, v) = chroma.split_at_mut(width * height / 4);
        Frame { planes: [y, u, v], width, height, shift: 0.0 }
    }

    pub fn luma(&mut self) -> &mut [u8] {
        self.planes[0]
    }

    /// Copies the window of `from` that begins at column `left`.
    pub fn window(&mut self, from: &Planes, left: usize) {
        let sources = [&from.y, &from.u, &from.v];
        for (i, (to, from_plane)) in self.planes.iter_mut().zip(sources).enumerate() {
            let half = i.min(1);
            let (width, wide, left) = (self.width >> half, from.width >> half, left >> half);
            for (to, from) in to.chunks_exact_mut(width).zip(from_plane.chunks_exact(wide)) {
                to.copy_from_slice(&from[left..left + width]);
            }
        }
    }

    /// A line from `a` to `b`, round at its ends, `radius` thick to each side, in background pixels.
    pub fn capsule(&mut self, a: [f32; 2], b: [f32; 2], radius: f32, ink: Ink, alpha: f32) {
        let (width, height, shift) = (self.width, self.height, self.shift);
        let (a, b) = ([a[0] - shift, a[1]], [b[0] - shift, b[1]]);
        let [y, u, v] = &mut self.planes;
        capsule(width, height, a, b, radius, |i, k| y[i] = blend(y[i], ink.0[0], k * alpha));
        let (a, b) = (a.map(|v| v / 2.0), b.map(|v| v / 2.0));
        capsule(width / 2, height / 2, a, b, radius / 2.0, |i, k| {
            u[i] = blend(u[i], ink.0[1], k * alpha);
            v[i] = blend(v[i], ink.0[2], k * alpha);
        });
    }

    /// The same, darkening only.
    pub fn shade(&mut self, a: [f32; 2], b: [f32; 2], radius: f32, alpha: f32) {
        let (a, b) = ([a[0] - self.shift, a[1]], [b[0] - self.shift, b[1]]);
        let y = &mut self.planes[0];
        capsule(self.width, self.height, a, b, radius, |i, k| y[i] = blend(y[i], 24, k * alpha));
    }

    /// Mixes one pixel of the background towards a luma, and its colour towards grey.
    pub fn dot(&mut self, x: usize, y: usize, luma: u8, alpha: f32) {
        let x = x as i64 - self.shift as i64;
        if x < 0 || x >= self.width as i64 || y >= self.height {
            return;
        }
        let x = x as usize;
        let i = y * self.width + x;
        self.planes[0][i] = blend(self.planes[0][i], luma, alpha);
        if x.is_multiple_of(2) && y.is_multiple_of(2) {
            let i = y / 2 * (self.width / 2) + x / 2;
            for plane in &mut self.planes[1..] {
                plane[i] = blend(plane[i], 128, alpha);
            }
        }
    }

    /// A filled rectangle, in pixels of the frame, cut off at its edges.
    pub fn rectangle(&mut self, x: usize, y: usize, w: usize, h: usize, ink: Ink, alpha: f32) {
        for (i, plane) in self.planes.iter_mut().enumerate() {
            let half = i.min(1);
            let (width, height) = (self.width >> half, self.height >> half);
            let (left, right) = ((x >> half).min(width), ((x + w) >> half).min(width));
            for row in (y >> half).min(height)..((y + h) >> half).min(height) {
                for pixel in &mut plane[row * width + left..row * width + right] {
                    *pixel = blend(*pixel, ink.0[i], alpha);
                }
            }
        }
    }
}

/// Calls `paint` with the index and the coverage of each pixel of a capsule.
fn capsule(width: usize, height: usize, a: [f32; 2], b: [f32; 2], radius: f32, mut paint: impl FnMut(usize, f32)) {
    // Thinner than a pixel: as thin as a pixel, and fainter.
    let faint = (2.0 * radius).min(1.0);
    let radius = radius.max(0.5);
    let reach = radius + 0.5;
    // A cast from a float to an integer saturates, so nothing here can be out of range.
    let left = (a[0].min(b[0]) - reach).max(0.0) as usize;
    let right = ((a[0].max(b[0]) + reach).ceil().max(0.0) as usize).min(width);
    let top = (a[1].min(b[1]) - reach).max(0.0) as usize;
    let bottom = ((a[1].max(b[1]) + reach).ceil().max(0.0) as usize).min(height);
    let along = [b[0] - a[0], b[1] - a[1]];
    let length2 = along[0] * along[0] + along[1] * along[1];
    let scale = if length2 > 1e-6 { 1.0 / length2 } else { 0.0 };
    let (inner, outer) = ((radius - 0.5) * (radius - 0.5), reach * reach);
    for y in top..bottom {
        let dy = y as f32 + 0.5 - a[1];
        for x in left..right {
            let dx = x as f32 + 0.5 - a[0];
            let k = ((dx * along[0] + dy * along[1]) * scale).clamp(0.0, 1.0);
            let (px, py) = (dx - k * along[0], dy - k * along[1]);
            let d2 = px * px + py * py;
            if d2 <= inner {
                paint(y * width + x, faint);
            } else if d2 < outer {
                paint(y * width + x, faint * (reach - d2.sqrt()));
            }
        }
    }
}

fn blend(under: u8, over: u8, alpha: f32) -> u8 {
    (f32::from(under) + (f32::from(over) - f32::from(under)) * alpha + 0.5) as u8
}
