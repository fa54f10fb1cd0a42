//! A sink that keeps everything, and what must hold for what it kept.

use std::{
    io::Write,
    process::{Command, Stdio},
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use capture::{Output, Sink, State};
use packager::{Format, Grid, Unit};

/// Everything that a camera or sound handed over.
#[derive(Default)]
pub struct Recorder {
    log: Mutex<Log>,
    changed: Condvar,
}

#[derive(Default, Clone)]
pub struct Log {
    pub formats: Vec<(Output, Format)>,
    pub units: Vec<(Output, Unit, Instant)>,
    pub states: Vec<(State, Instant)>,
}

impl Sink for Recorder {
    fn format(&self, output: Output, format: Format) {
        self.note(|log| log.formats.push((output, format)));
    }

    fn unit(&self, output: Output, unit: Unit) {
        self.note(|log| log.units.push((output, unit, Instant::now())));
    }

    fn state(&self, state: State) {
        self.note(|log| log.states.push((state, Instant::now())));
    }
}

impl Recorder {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    fn note(&self, change: impl FnOnce(&mut Log)) {
        change(&mut self.log.lock().expect("no panic under the lock"));
        self.changed.notify_all();
    }

    /// Waits for a condition of the log, at most so many seconds, and returns the log.
    pub fn wait(&self, what: &str, seconds: u64, condition: impl Fn(&Log) -> bool) -> Log {
        let guard = self.log.lock().expect("no panic under the lock");
        let waited = self.changed.wait_timeout_while(guard, Duration::from_secs(seconds), |log| !condition(log));
        let (log, result) = waited.expect("no panic under the lock");
        let count = |output| log.of(output).count();
        assert!(
            !result.timed_out(),
            "not within {seconds} s: {what}; states {:?}; units: rung 0 {}, source {}, sound {}",
            log.states.iter().map(|(state, _)| state).collect::<Vec<_>>(),
            count(Output::Rung(0)),
            count(Output::Source),
            count(Output::Sound),
        );
        log.clone()
    }

    pub fn now(&self) -> Log {
        self.log.lock().expect("no panic under the lock").clone()
    }
}

impl Log {
    pub fn of(&self, output: Output) -> impl Iterator<Item = &Unit> {
        self.units.iter().filter(move |(of, ..)| *of == output).map(|(_, unit, _)| unit)
    }

    pub fn count(&self, output: Output) -> usize {
        self.of(output).count()
    }

    pub fn is_live(&self) -> bool {
        self.states.last().is_some_and(|(state, _)| *state == State::Live)
    }

    pub fn times_live(&self) -> usize {
        self.states.iter().filter(|(state, _)| *state == State::Live).count()
    }

    /// The law of the ladder. Returns the runs of contiguous frames: first and last.
    pub fn check_rung(&self, output: Output, grid: Grid) -> Vec<(u64, u64)> {
        let segment = u64::from(grid.segment_frames);
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for unit in self.of(output) {
            assert_eq!(unit.pts % u64::from(grid.frame_ticks()), 0);
            assert_eq!((unit.dts, unit.duration), (unit.pts.cast_signed(), grid.frame_ticks()));
            let frame = unit.pts / u64::from(grid.frame_ticks());
            assert_eq!(unit.key, frame % segment == 0, "{output:?}: frame {frame}");
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == frame => *last = frame,
                _ => {
                    assert_eq!(frame % segment, 0, "{output:?} starts inside a segment: {frame} after {runs:?}");
                    if let Some((_, last)) = runs.last() {
                        assert!(*last < frame && (last + 1) % segment == 0, "{output:?}: {frame} after {runs:?}");
                    }
                    runs.push((frame, frame));
                }
            }
        }
        runs
    }

    /// Sound is one unbroken row of access units.
    pub fn check_sound(&self) {
        let pts: Vec<u64> = self.of(Output::Sound).map(|unit| unit.pts).collect();
        assert!(pts.first().is_some_and(|first| first % 1_024 == 0));
        assert!(pts.windows(2).all(|w| w[1] == w[0] + 1_024), "sound has a gap: {pts:?}");
    }

    /// Passed-through units: a key frame first, decode times growing. Returns their steps in ticks.
    pub fn check_source(&self) -> Vec<i64> {
        let units: Vec<&Unit> = self.of(Output::Source).collect();
        assert!(units.first().is_some_and(|unit| unit.key), "the source starts with a key frame");
        let steps: Vec<i64> = units.windows(2).map(|w| w[1].dts - w[0].dts).collect();
        assert!(steps.iter().all(|step| *step > 0), "decode times go back: {steps:?}");
        steps
    }

    /// Decodes a picture stream with ffmpeg, which must not complain. Returns the number of pictures.
    pub fn decode(&self, output: Output) -> usize {
        let report = self.ffmpeg(output, &["-f", "framecrc"]);
        String::from_utf8_lossy(&report).lines().filter(|line| !line.starts_with('#')).count()
    }

    /// Decodes a picture stream and returns its luma planes, one after the other.
    pub fn luma(&self, output: Output) -> Vec<u8> {
        self.ffmpeg(output, &["-vf", "extractplanes=y", "-f", "rawvideo"])
    }

    /// The number of pictures that ffmpeg finds to be B-frames.
    pub fn reordered(&self, output: Output) -> usize {
        let report = self.ffmpeg(output, &["-vf", "select=eq(pict_type\\,B)", "-f", "framecrc"]);
        String::from_utf8_lossy(&report).lines().filter(|line| !line.starts_with('#')).count()
    }

    /// Decodes a picture stream with ffmpeg, which must not complain; what it writes.
    pub fn ffmpeg(&self, output: Output, args: &[&str]) -> Vec<u8> {
        let stream = self.annex_b(output);
        let mut child = Command::new("ffmpeg")
            .args(["-hide_banner", "-loglevel", "error", "-xerror", "-f", "h264", "-i", "-", "-vsync", "passthrough"])
            .args(args)
            .arg("-")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("ffmpeg: install the package ffmpeg");
        let mut stdin = child.stdin.take().expect("a pipe");
        let writer = std::thread::spawn(move || stdin.write_all(&stream));
        let done = child.wait_with_output().expect("ffmpeg ends");
        writer.join().expect("no panic").expect("ffmpeg reads everything");
        assert!(done.status.success() && done.stderr.is_empty(), "ffmpeg: {}", String::from_utf8_lossy(&done.stderr));
        done.stdout
    }

    /// A stream with start codes instead of lengths, and its parameter sets in front.
    fn annex_b(&self, output: Output) -> Vec<u8> {
        let avcc = self.formats.iter().find_map(|(of, format)| match format {
            Format::H264 { avcc, .. } if *of == output => Some(avcc.clone()),
            _ => None,
        });
        let avcc = avcc.expect("a format before the units");
        let mut stream = Vec::new();
        // avcC with one SPS and one PPS: five bytes, their number, their length (ISO/IEC 14496-15, 5.3.3.1).
        let mut rest = &avcc[5..];
        for _ in 0..2 {
            assert_eq!(rest[0] & 0x1f, 1, "one parameter set of a kind");
            let length = usize::from(u16::from_be_bytes([rest[1], rest[2]]));
            stream.extend([0, 0, 0, 1]);
            stream.extend(&rest[3..3 + length]);
            rest = &rest[3 + length..];
        }
        for unit in self.of(output) {
            let mut rest = &unit.data[..];
            while let Some((length, nal)) = rest.split_first_chunk::<4>() {
                let length = u32::from_be_bytes(*length) as usize;
                stream.extend([0, 0, 0, 1]);
                stream.extend(&nal[..length]);
                rest = &nal[length..];
            }
        }
        stream
    }
}
