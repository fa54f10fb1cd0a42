//! A loop that only this machine's speed concerns: what has no peer is compared with it.

use std::{hint::black_box, time::Instant};

/// Milliseconds that one core takes to mix 64 MB, the fastest of three.
pub fn milliseconds() -> f64 {
    let bytes: Vec<u64> = (0..1 << 20).collect();
    let once = || {
        let start = Instant::now();
        let mut state = 0xcbf2_9ce4_8422_2325_u64;
        for _ in 0..8 {
            for byte in black_box(&bytes) {
                state = (state ^ byte).wrapping_mul(0x0100_0000_01b3).rotate_left(17);
            }
        }
        black_box(state);
        start.elapsed().as_secs_f64() * 1000.0
    };
    (0..3).map(|_| once()).fold(f64::INFINITY, f64::min)
}
