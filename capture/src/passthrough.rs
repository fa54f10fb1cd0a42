//! A camera's own bitstream, as it is, on media time.

use std::sync::Arc;

use gstreamer as gst;
use packager::Unit;

use crate::{
    Output, h264,
    sink::Gate,
    sync::{Coded, Steady},
};

/// Ticks in a second.
const TIMESCALE: u32 = 90_000;

/// Places access units and hands them over; lives as long as the camera, so that decode times never go back.
pub(crate) struct Passthrough {
    gate: Arc<Gate>,
    steady: Steady,
    caps: Option<gst::Caps>,
    /// Bytes of the length before each NAL unit.
    prefix: usize,
    announced: bool,
}

impl Passthrough {
    pub fn new(gate: Arc<Gate>) -> Self {
        Self { gate, steady: Steady::default(), caps: None, prefix: 4, announced: false }
    }

    pub fn connected(&mut self) {
        self.steady.connected();
    }

    /// Takes an access unit that the source times `pts` and `dts` (nanoseconds without jumps); `delay` is added to
    /// source time at present. Nothing when it has no place, or cannot be read.
    pub fn unit(&mut self, sample: gst::Sample, pts: i64, dts: i64, delay: i64) -> Option<()> {
        let caps = sample.caps_owned()?;
        if self.caps.as_ref() != Some(&caps) {
            self.prefix = h264::prefix(&caps);
            self.caps = Some(caps.clone());
            self.announced = false;
        }
        let rate = h264::rate(&caps);
        let (key, data) = h264::unit(sample)?;
        // An open GOP's first picture is marked like a key frame, and no player can begin with it.
        let key = key && h264::is_idr(&data, self.prefix);
        let (pts, dts) = self.steady.place(Coded { pts, dts, key, rate }, delay)?;
        if !self.announced {
            let ticks = rate
                .map_or(0, |(num, den)| (u64::from(den) * u64::from(TIMESCALE) + u64::from(num) / 2) / u64::from(num));
            let format = h264::format(&caps, u32::try_from(ticks).unwrap_or(0))?;
            self.gate.with(|sink| sink.format(Output::Source, format));
            self.announced = true;
        }
        self.gate.with(|sink| sink.unit(Output::Source, Unit { pts, dts, duration: 0, key, data }));
        Some(())
    }
}
