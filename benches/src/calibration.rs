//! A loop that only this machine's speed concerns: what has no peer is compared with it.

use std::{hint::black_box, time::Instant};

/// Milliseconds that one core takes to mix 64 MB, the fastest of three.
pub fn milliseconds() -> f64 {
    let words: Vec<u64> = (0..1 << 20).collect();
    let once = || {
        let start = Instant::now();
        mix(&words, 8);
        start.elapsed().as_secs_f64() * 1000.0
    };
    (0..3).map(|_| once()).fold(f64::INFINITY, f64::min)
}

/// Mixes a megabyte: what counted instructions are compared with.
pub fn mix_megabyte() {
    let words: Vec<u64> = (0..1 << 17).collect();
    mix(&words, 1);
}

fn mix(words: &[u64], rounds: usize) {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for _ in 0..rounds {
        for word in black_box(words) {
            state = (state ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(17);
        }
    }
    black_box(state);
}
