//! How loud a sound is, by EBU R128 (ITU-R BS.1770): measured on the samples that go to its encoder.

use std::sync::{Arc, Mutex, PoisonError};

use ebur128::{EbuR128, Mode};

use crate::encoder::{CHANNELS, RATE};

/// How loud a sound is. `None` stands for what has no loudness: silence, or too little heard so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loudness {
    /// Over the last 400 ms, in LUFS.
    pub momentary: Option<f64>,
    /// Over the last 3 s, in LUFS.
    pub short_term: Option<f64>,
    /// Since the sound was started, quiet passages left out as the standard says, in LUFS.
    pub integrated: Option<f64>,
    /// The highest true peak since the sound was started, in dBTP.
    pub true_peak: Option<f64>,
}

/// Reads a sound's loudness at any time, from any thread.
#[derive(Clone, Debug)]
pub struct LoudnessMeter(Arc<Mutex<EbuR128>>);

impl LoudnessMeter {
    pub(crate) fn new() -> Self {
        // The histogram keeps the integrated loudness of a whole match in a few kilobytes.
        let mode = Mode::M | Mode::S | Mode::I | Mode::TRUE_PEAK | Mode::HISTOGRAM;
        let meter = EbuR128::new(CHANNELS.into(), RATE, mode).expect("two channels and 48 kHz are what it is made for");
        Self(Arc::new(Mutex::new(meter)))
    }

    /// Takes interleaved samples.
    pub(crate) fn hear(&self, samples: &[i16]) {
        // Whole frames of the right number of channels: what is pulled for the encoder always is.
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).add_frames_i16(samples);
    }

    /// What has been measured up to now.
    pub fn read(&self) -> Loudness {
        let meter = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let finite = |value: Result<f64, ebur128::Error>| value.ok().filter(|value| value.is_finite());
        let peaks = (0..u32::from(CHANNELS)).filter_map(|channel| meter.true_peak(channel).ok());
        let peak = peaks.fold(0.0, f64::max);
        Loudness {
            momentary: finite(meter.loudness_momentary()),
            short_term: finite(meter.loudness_shortterm()),
            integrated: finite(meter.loudness_global()),
            true_peak: finite(Ok(20.0 * peak.log10())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        f64::consts::TAU,
        io::Write,
        process::{Command, Stdio},
    };

    use super::*;

    /// Twelve seconds of speech-like sound: tones under noise, loud, quiet and loud again, with pauses, and unlike left
    /// and right.
    fn material() -> Vec<i16> {
        let mut noise = 1u32;
        let sample = |n: u32| {
            let seconds = f64::from(n) / 48_000.0;
            let level = match seconds % 4.0 {
                s if s < 1.5 => 0.5,
                s if s < 2.5 => 0.05,
                s if s < 3.0 => 0.0,
                _ => 0.25,
            };
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let hiss = f64::from(noise >> 16) / 32_768.0 - 1.0;
            let tone = (TAU * 220.0 * seconds).sin() * 0.6 + (TAU * 3_000.0 * seconds).sin() * 0.3;
            [(tone + hiss * 0.1) * level, (tone * 0.5 + hiss * 0.1) * level].map(|v| (v * 32_000.0) as i16)
        };
        (0..12 * 48_000).flat_map(sample).collect()
    }

    /// What ffmpeg's `ebur128` filter makes of the same samples.
    fn by_ffmpeg(samples: &[i16]) -> Loudness {
        let input = ["-hide_banner", "-nostats", "-f", "s16le", "-ar", "48000", "-ac", "2", "-i", "-"];
        let mut child = Command::new("ffmpeg")
            .args(input)
            .args(["-af", "ebur128=peak=true:framelog=verbose,ametadata=print", "-v", "verbose", "-f", "null", "-"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("ffmpeg: install the package ffmpeg");
        let mut pipe = child.stdin.take().expect("a pipe");
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let writer = std::thread::spawn(move || pipe.write_all(&bytes));
        let done = child.wait_with_output().expect("ffmpeg ends");
        writer.join().expect("no panic").expect("ffmpeg reads everything");
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        let number = |text: &str| text.split_whitespace().next().and_then(|value| value.parse().ok());
        let last = |mark: &str| said.rsplit_once(mark).and_then(|(_, rest)| number(rest));
        // One line every 100 ms, and a summary in the end.
        let frames = said.rsplit_once("Summary:").expect("a summary").0;
        let in_frames = |mark: &str| frames.rsplit_once(mark).and_then(|(_, rest)| number(rest));
        Loudness {
            momentary: in_frames(" M:"),
            short_term: in_frames(" S:"),
            integrated: last(" I:"),
            true_peak: last("Peak:"),
        }
    }

    #[test]
    fn it_agrees_with_ffmpeg_within_half_a_unit() {
        let samples = material();
        let meter = LoudnessMeter::new();
        samples.chunks(1_922).for_each(|block| meter.hear(block));
        let (ours, theirs) = (meter.read(), by_ffmpeg(&samples));
        for (name, read) in [
            ("momentary", (|l: &Loudness| l.momentary) as fn(&Loudness) -> Option<f64>),
            ("short-term", |l| l.short_term),
            ("integrated", |l| l.integrated),
            ("true peak", |l| l.true_peak),
        ] {
            let (ours, theirs) = (read(&ours).expect(name), read(&theirs).expect(name));
            assert!((ours - theirs).abs() < 0.5, "{name}: {ours}, by ffmpeg {theirs}");
        }
    }

    #[test]
    fn silence_has_no_loudness() {
        let meter = LoudnessMeter::new();
        assert_eq!(meter.read(), Loudness::default());
        meter.hear(&[0; 96_000]);
        assert_eq!(meter.read(), Loudness::default());
    }
}
