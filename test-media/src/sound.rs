//! The sound of the stadium: a murmur that swells with the match, singing, clapping, a whistle.
//!
//! Every sample is a function of its number. Only the filters remember, for some milliseconds, and
//! after a jump they are run in on the samples before it, so any cut of the sound is the same
//! sound.

mod filter;

use crate::Error;
use crate::noise::hash;
use crate::scene::{Scene, ease};
use filter::Band;
use std::f64::consts::TAU;

/// Samples for which the filters are run in after a jump: a hundred times what they remember.
const RUN_IN: u64 = 4096;
/// How often the levels follow the match, per second.
const LEVELS_PER_SECOND: u64 = 100;
/// Seconds from one song or clapping to the next.
const TURN: f64 = 22.0;
/// The song, in hertz, one note per beat; 0 is a breath.
const SONG: [f64; 16] =
    [196.0, 196.0, 246.9, 196.0, 293.7, 261.6, 246.9, 0.0, 196.0, 196.0, 246.9, 196.0, 220.0, 246.9, 196.0, 0.0];
/// Beats per second.
const TEMPO: f64 = 2.2;

/// The crowd and the referee, as microphones over the stands hear them.
pub struct Crowd {
    scene: Scene,
    seed: u64,
    rate: u32,
    channels: usize,
    /// The sample the filters are ready for.
    next: Option<u64>,
    ears: Vec<Ear>,
}

/// One channel's filters.
struct Ear {
    rumble: Band,
    voices: Band,
    roar: Band,
    clap: Band,
}

/// How loud each sound is at one instant.
#[derive(Clone, Copy, Default)]
struct Levels {
    murmur: f64,
    roar: f64,
    song: f64,
    clap: f64,
    whistle: f64,
}

impl Crowd {
    /// The sound of the match of that seed, at `rate` samples per second in `channels` channels.
    ///
    /// # Errors
    /// [`Error::Sound`] for a rate beyond 8 to 192 kHz, or channels beyond 1 to 8.
    pub fn new(seed: u64, rate: u32, channels: u16) -> Result<Self, Error> {
        if !(8000..=192_000).contains(&rate) || !(1..=8).contains(&channels) {
            return Err(Error::Sound { rate, channels });
        }
        let hertz = f64::from(rate);
        let ear = || Ear {
            rumble: Band::new(hertz, 260.0, 0.5),
            voices: Band::new(hertz, 620.0, 0.9),
            roar: Band::new(hertz, 1150.0, 0.6),
            clap: Band::new(hertz, 1900.0, 0.9),
        };
        Ok(Crowd {
            scene: Scene::new(seed),
            seed,
            rate,
            channels: usize::from(channels),
            next: None,
            ears: (0..channels).map(|_| ear()).collect(),
        })
    }

    /// Fills `out` with interleaved samples, the first of which is number `first_sample` of each
    /// channel from media time 0.
    ///
    /// What is left over of `out` when it is not whole samples of all channels is silent.
    pub fn fill(&mut self, first_sample: u64, out: &mut [i16]) {
        if self.next != Some(first_sample) {
            for ear in &mut self.ears {
                ear.forget();
            }
            let before = first_sample.saturating_sub(RUN_IN);
            let mut heard = vec![0; (first_sample - before) as usize * self.channels];
            self.render(before, &mut heard);
        }
        self.render(first_sample, out);
        self.next = first_sample.checked_add((out.len() / self.channels) as u64);
    }

    fn render(&mut self, first: u64, out: &mut [i16]) {
        let hop = u64::from(self.rate) / LEVELS_PER_SECOND;
        let mut known = None;
        let (mut from, mut to) = (Levels::default(), Levels::default());
        let mut samples = out.chunks_exact_mut(self.channels);
        for (i, sample) in (&mut samples).enumerate() {
            let n = first.wrapping_add(i as u64);
            let step = n / hop;
            if known != Some(step) {
                from = self.levels(step, hop);
                to = self.levels(step.wrapping_add(1), hop);
                known = Some(step);
            }
            let levels = from.mix(to, (n % hop) as f64 / hop as f64);
            self.sample(n, levels, sample);
        }
        samples.into_remainder().fill(0);
    }

    /// The levels at the beginning of a step of the match.
    fn levels(&self, step: u64, hop: u64) -> Levels {
        let t = step as f64 * hop as f64 / f64::from(self.rate);
        let excitement = self.scene.excitement(t);
        let breath = (t * TAU / 7.3).sin() + (t * TAU / 11.9).sin() + (t * TAU / 3.1).sin() * 0.5;
        let (turn, within) = ((t / TURN).floor(), t % TURN);
        let kind = hash(turn as u64 ^ self.seed) % 3;
        // Songs stop when something happens.
        let calm = 1.0 - ease((excitement - 0.2) / 0.3);
        let singing = calm * ease((within - 2.0) / 2.5) * (1.0 - ease((within - 17.0) / 2.0));
        let beat = t * TEMPO;
        let clapping = match ((beat.floor() as u64) % 4, beat.fract()) {
            (0 | 1, k) => strike(k),
            // Two quick ones on the third beat, and a rest.
            (2, k) => strike(k * 2.0 % 1.0),
            _ => 0.0,
        };
        let since = self.scene.since_kick_off(t);
        Levels {
            murmur: 0.16 + 0.015 * breath + 0.18 * excitement,
            roar: 0.62 * excitement.powf(1.6),
            song: if kind == 0 { 0.05 * singing } else { 0.0 },
            clap: if kind == 1 { 0.5 * singing * clapping } else { 0.0 },
            whistle: 0.09 * ease(since / 0.03) * (1.0 - ease((since - 0.38) / 0.05)),
        }
    }

    fn sample(&mut self, n: u64, levels: Levels, out: &mut [i16]) {
        let t = n as f64 / f64::from(self.rate);
        let mut all = 0.0;
        if levels.song > 0.0 {
            all += levels.song * song(t);
        }
        if levels.whistle > 0.0 {
            // A pea whistle: two tones that beat, fluttering.
            let flutter = 0.75 + 0.25 * (t * TAU * 38.0).sin();
            all += levels.whistle * flutter * ((t * TAU * 2950.0).sin() + 0.6 * (t * TAU * 3180.0).sin());
        }
        let shared = white(n, self.seed);
        for (channel, (ear, out)) in self.ears.iter_mut().zip(out).enumerate() {
            let own = white(n, self.seed ^ (channel as u64 + 1) << 48);
            let noise = 0.45 * shared + 0.9 * own;
            let sound = all
                + levels.murmur * (ear.rumble.pass(noise) + 0.8 * ear.voices.pass(noise))
                + levels.roar * ear.roar.pass(noise)
                + levels.clap * ear.clap.pass(noise);
            // Bends instead of clipping.
            *out = (sound.tanh() * 32000.0) as i16;
        }
    }
}

impl Ear {
    fn forget(&mut self) {
        for band in [&mut self.rumble, &mut self.voices, &mut self.roar, &mut self.clap] {
            band.forget();
        }
    }
}

impl Levels {
    fn mix(self, to: Levels, k: f64) -> Levels {
        let mix = |a: f64, b: f64| a + (b - a) * k;
        Levels {
            murmur: mix(self.murmur, to.murmur),
            roar: mix(self.roar, to.roar),
            song: mix(self.song, to.song),
            clap: mix(self.clap, to.clap),
            whistle: mix(self.whistle, to.whistle),
        }
    }
}

/// Many voices not quite on the note.
fn song(t: f64) -> f64 {
    let beat = t * TEMPO;
    let note = SONG[(beat.floor() as u64 % SONG.len() as u64) as usize];
    // Silent where notes meet, so that the change of pitch is not heard as a click.
    let k = beat.fract();
    let swell = ease(k / 0.18) * (1.0 - ease((k - 0.72) / 0.28));
    let voices = [0.988, 0.996, 1.0, 1.007, 1.013].map(|detune| {
        let phase = t * TAU * note * detune;
        phase.sin() + 0.5 * (2.0 * phase).sin() + 0.25 * (3.0 * phase).sin()
    });
    swell * voices.iter().sum::<f64>() / 2.5
}

/// The loudness of a clap, `k` of the way from one to the next.
fn strike(k: f64) -> f64 {
    ease(k / 0.05) * (1.0 - ease((k - 0.05) / 0.35))
}

/// White noise, -1 to 1; salts far apart, so that one is not the echo of another.
fn white(n: u64, salt: u64) -> f64 {
    (hash(n ^ hash(salt)) >> 32) as f64 / f64::from(1u32 << 31) - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::SEED;
    use proptest::prelude::*;

    const RATE: u64 = 48_000;

    fn crowd() -> Crowd {
        Crowd::new(SEED, RATE as u32, 2).expect("a format")
    }

    fn loudness(t: f64) -> f64 {
        let mut out = vec![0; RATE as usize];
        crowd().fill((t * RATE as f64) as u64, &mut out);
        let power = out.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / out.len() as f64;
        power.sqrt() / 32768.0
    }

    #[test]
    fn a_goal_is_loud_and_nothing_clips() {
        let goal = Scene::new(SEED).goals_between(0.0, 100.0).next().expect("a goal");
        let (calm, goal) = (loudness(goal.at - 10.0), loudness(goal.at + 0.3));
        assert!((0.01..0.12).contains(&calm), "{calm}");
        assert!((0.08..0.5).contains(&goal) && goal > 2.5 * calm, "{calm} {goal}");
        let mut out = vec![0; 60 * RATE as usize];
        crowd().fill(0, &mut out);
        assert!(out.iter().all(|s| s.unsigned_abs() < 31_900));
    }

    #[test]
    fn no_clicks() {
        let mut out = vec![0i16; 50 * 2 * RATE as usize];
        crowd().fill(0, &mut out);
        let steps: Vec<f64> =
            out.chunks(2).map(|s| f64::from(s[0])).collect::<Vec<_>>().windows(2).map(|s| s[1] - s[0]).collect();
        for (i, around) in steps.chunks(1024).enumerate() {
            let usual = (around.iter().map(|s| s * s).sum::<f64>() / around.len() as f64).sqrt();
            let largest = around.iter().fold(0.0, |a: f64, s| a.max(s.abs()));
            // A click is a step far beyond what noise of this loudness has.
            assert!(largest < 8.0 * usual, "block {i}: {largest} among {usual}");
        }
    }

    #[test]
    fn channels_do_not_echo_each_other() {
        let salts = [SEED, SEED ^ 1 << 48, SEED ^ 2 << 48];
        for (i, a) in salts.into_iter().enumerate() {
            for lag in (if i == 0 { 1 } else { 0 })..40u64 {
                let product = |n: u64| white(n, a) * white(n + lag, SEED);
                let correlation = (0..8000).map(product).sum::<f64>() / 8000.0 * 3.0;
                assert!(correlation.abs() < 0.08, "salt {i}, lag {lag}: {correlation}");
            }
        }
    }

    #[test]
    fn formats_out_of_range_are_refused() {
        for (rate, channels) in [(0, 2), (48_000, 0), (48_000, 9), (200_000, 2)] {
            assert!(Crowd::new(1, rate, channels).is_err());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn any_cut_is_the_same_sound(first in 0u64..100_000_000, cut in 1usize..3000, jump: bool) {
            let mut whole = vec![0; 6000];
            crowd().fill(first, &mut whole);
            let (mut head, mut tail) = (vec![0; 2 * cut], vec![0; 6000 - 2 * cut]);
            let mut crowd = crowd();
            crowd.fill(first, &mut head);
            if jump {
                crowd.fill(first / 2, &mut [0; 64]);
            }
            crowd.fill(first + cut as u64, &mut tail);
            prop_assert_eq!(whole, [head, tail].concat());
        }

        #[test]
        fn any_sample_is_safe(first: u64, len in 0usize..50, channels in 1u16..9) {
            let mut out = vec![0; len];
            Crowd::new(SEED, 44_100, channels).expect("a format").fill(first, &mut out);
        }
    }
}
