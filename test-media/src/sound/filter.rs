//! A band-pass filter (R. Bristow-Johnson, Audio EQ Cookbook, constant peak gain).

use std::f64::consts::TAU;

pub(super) struct Band {
    /// Feed-forward of the newest and, negated, of the sample before the last.
    gain: f64,
    back: [f64; 2],
    input: [f64; 2],
    output: [f64; 2],
}

impl Band {
    /// Passes `centre` hertz at `rate` samples per second; the higher `q`, the narrower.
    pub fn new(rate: f64, centre: f64, q: f64) -> Self {
        let (sin, cos) = (TAU * centre / rate).sin_cos();
        let alpha = sin / (2.0 * q);
        let a0 = 1.0 + alpha;
        Band { gain: alpha / a0, back: [-2.0 * cos / a0, (1.0 - alpha) / a0], input: [0.0; 2], output: [0.0; 2] }
    }

    pub fn pass(&mut self, x: f64) -> f64 {
        let y = self.gain * (x - self.input[1]) - self.back[0] * self.output[0] - self.back[1] * self.output[1];
        self.input = [x, self.input[0]];
        self.output = [y, self.output[0]];
        y
    }

    pub fn forget(&mut self) {
        (self.input, self.output) = ([0.0; 2], [0.0; 2]);
    }
}
