//! Randomness that is a function of its place: the same everywhere, in any order.

/// A well-mixed hash of `x` (the finaliser of SplitMix64).
pub(crate) fn hash(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Uniform in 0..1 at a cell of a grid.
pub(crate) fn cell(x: i64, y: i64, salt: u64) -> f32 {
    let h = hash((x as u64).wrapping_mul(0x8da6_b343) ^ hash((y as u64).wrapping_add(salt << 40)));
    (h >> 40) as f32 / (1u64 << 24) as f32
}

/// Smooth noise in 0..1 with features about one unit wide.
pub(crate) fn smooth(x: f32, y: f32, salt: u64) -> f32 {
    let (ix, iy) = (x.floor(), y.floor());
    let (fx, fy) = (ease(x - ix), ease(y - iy));
    let (ix, iy) = (ix as i64, iy as i64);
    let top = mix(cell(ix, iy, salt), cell(ix + 1, iy, salt), fx);
    let bottom = mix(cell(ix, iy + 1, salt), cell(ix + 1, iy + 1, salt), fx);
    mix(top, bottom, fy)
}

fn mix(a: f32, b: f32, k: f32) -> f32 {
    a + (b - a) * k
}

fn ease(k: f32) -> f32 {
    k * k * (3.0 - 2.0 * k)
}

/// A seeded sequence.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Rng(hash(seed))
    }

    /// Uniform in `low..high`.
    pub(crate) fn range(&mut self, low: f64, high: f64) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let unit = (hash(self.0) >> 11) as f64 / (1u64 << 53) as f64;
        low + (high - low) * unit
    }

    /// True with probability `p`.
    pub(crate) fn chance(&mut self, p: f64) -> bool {
        self.range(0.0, 1.0) < p
    }

    /// One of `items`, which are never empty.
    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[(self.range(0.0, items.len() as f64) as usize).min(items.len() - 1)]
    }
}
