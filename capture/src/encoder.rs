//! The AAC encoder: samples in, access units out, each labelled with the instant of its own samples.

use std::sync::Arc;

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as app;
use packager::{Format, Unit};

use crate::{
    Clock, Error, Output, SoundConfig,
    elements::{chain, make},
    ladder::log_errors,
    sink::Gate,
};

/// Samples per second of every sound.
pub(crate) const RATE: u32 = 48_000;
/// Channels of every sound.
pub(crate) const CHANNELS: u8 = 2;
/// Samples in an access unit of AAC-LC, and in the encoder's priming.
pub(crate) const UNIT: u64 = 1_024;

/// Encodes one unbroken row of samples.
pub(crate) struct Encoder {
    pipeline: gst::Pipeline,
    input: app::AppSrc,
    first: u64,
    pushed: u64,
}

impl Encoder {
    /// `first` is the media time, in samples, of the first sample that will be pushed.
    pub fn start(config: &SoundConfig, first: u64, clock: &Clock, gate: Arc<Gate>) -> Result<Self, Error> {
        let name = format!("{}-aac", config.id);
        let pipeline = gst::Pipeline::with_name(&name);
        let input = app::AppSrc::builder().caps(&pcm_caps()).format(gst::Format::Time).is_live(true).build();
        let convert = make("audioconvert")?;
        let encoder = make("avenc_aac")?;
        encoder.set_property("bitrate", i32::try_from(config.kbps.saturating_mul(1_000)).unwrap_or(128_000));
        let sink = unit_sink(first, gate);
        chain(pipeline.upcast_ref(), &name, &[input.upcast_ref(), &convert, &encoder, sink.upcast_ref()])?;
        clock.attach(&pipeline);
        log_errors(&pipeline);
        let started = pipeline.set_state(gst::State::Playing);
        let encoder = Self { pipeline, input, first, pushed: 0 };
        match started {
            Ok(_) => Ok(encoder),
            Err(e) => Err(Error::Pipeline { pipeline: name, why: e.to_string() }),
        }
    }

    /// The media time, in samples, of the next sample to push.
    pub fn next(&self) -> u64 {
        self.first + self.pushed
    }

    /// Encodes interleaved samples, which follow the ones before.
    ///
    /// # Errors
    /// When the encoder has failed.
    pub fn push(&mut self, samples: &[i16]) -> Result<(), gst::FlowError> {
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        if let Some(buffer) = buffer.get_mut() {
            let time = gst::ClockTime::SECOND.mul_div_floor(self.pushed, u64::from(RATE));
            buffer.set_pts(time);
        }
        self.pushed += samples.len() as u64 / u64::from(CHANNELS);
        self.input.push_buffer(buffer).map(|_| ())
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// The caps of samples everywhere between a decoder and the encoder.
pub(crate) fn pcm_caps() -> gst::Caps {
    gst::Caps::builder("audio/x-raw")
        .field("format", "S16LE")
        .field("rate", RATE.cast_signed())
        .field("channels", i32::from(CHANNELS))
        .field("layout", "interleaved")
        .field("channel-mask", gst::Bitmask::new(3))
        .build()
}

/// Unit `n` of the encoder decodes to the samples that were pushed as unit `n - 1`, so unit 0 is priming and dropped.
fn unit_sink(first: u64, gate: Arc<Gate>) -> app::AppSink {
    let mut count = 0;
    let new_sample = move |sink: &app::AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let buffer = sample.buffer_owned().ok_or(gst::FlowError::Error)?;
        drop(sample);
        count += 1;
        if count == 1 {
            let format = Format::Aac { rate: RATE, channels: CHANNELS };
            gate.with(|sink| sink.format(Output::Sound, format));
            return Ok(gst::FlowSuccess::Ok);
        }
        let pts = first + (count - 2) * UNIT;
        let data = Bytes::from_owner(buffer.into_mapped_buffer_readable().map_err(|_| gst::FlowError::Error)?);
        let dts = i64::try_from(pts).unwrap_or(i64::MAX);
        let unit = Unit { pts, dts, duration: UNIT as u32, key: true, data };
        gate.with(|sink| sink.unit(Output::Sound, unit));
        Ok(gst::FlowSuccess::Ok)
    };
    let caps = gst::Caps::builder("audio/mpeg").field("mpegversion", 4).field("stream-format", "raw").build();
    let callbacks = app::AppSinkCallbacks::builder().new_sample(new_sample).build();
    app::AppSink::builder().caps(&caps).sync(false).async_(false).enable_last_sample(false).callbacks(callbacks).build()
}
