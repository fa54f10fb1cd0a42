//! Whether an engine works here: pictures are encoded, and its key frames are where they were asked for.

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as app;
use packager::{Grid, Rate};

use super::{Engine, row};
use crate::{
    Preset, Rung,
    elements::chain,
    ladder::{EPOCH, key_request, picture_caps},
};

/// Pictures that are encoded, and every which of them is to be a key frame.
const PICTURES: u64 = 26;
const SEGMENT: u32 = 13;
/// How long a graphics processor may take to wake up.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(5);
const RUNG: Rung = Rung { height: 360, kbps: 800 };

/// # Errors
/// Why the engine cannot be used.
pub(super) fn probe(engine: Engine) -> Result<(), String> {
    if gst::ElementFactory::find(engine.element()).is_none() {
        return Err(format!("GStreamer has no element \"{}\" here", engine.element()));
    }
    let pipeline = gst::Pipeline::with_name(&format!("probe-{}", engine.name()));
    let keys = encode(engine, &pipeline);
    let said = pipeline.bus().and_then(|bus| bus.pop_filtered(&[gst::MessageType::Error]));
    let _ = pipeline.set_state(gst::State::Null);
    match (keys, said.as_ref().map(|message| message.view())) {
        (_, Some(gst::MessageView::Error(error))) => Err(format!("it does not encode: {}", error.error())),
        (Err(why), _) => Err(why),
        (Ok(keys), _) => {
            let right: Vec<bool> = (0..PICTURES).map(|n| n.is_multiple_of(SEGMENT.into())).collect();
            if keys == right { Ok(()) } else { Err(format!("its key frames are not where they should be: {keys:?}")) }
        }
    }
}

/// Encodes a few pictures: which of the units are key frames.
fn encode(engine: Engine, pipeline: &gst::Pipeline) -> Result<Vec<bool>, String> {
    let grid = Rate::new(25, 1).and_then(|rate| Grid::new(rate, 5, SEGMENT)).map_err(|e| e.to_string())?;
    let caps = picture_caps(RUNG, Some(grid));
    let input = app::AppSrc::builder().caps(&caps).format(gst::Format::Time).build();
    let sink = app::AppSink::builder().sync(false).build();
    let row = row(engine, RUNG, Preset::default(), grid).map_err(|e| e.to_string())?;
    let elements: Vec<&gst::Element> =
        [input.upcast_ref()].into_iter().chain(&row).chain([sink.upcast_ref()]).collect();
    chain(pipeline.upcast_ref(), &pipeline.name(), &elements).map_err(|e| e.to_string())?;
    pipeline.set_state(gst::State::Playing).map_err(|_| "it does not start".to_owned())?;
    let (luma, height) = (RUNG.width() as usize * RUNG.height as usize, RUNG.height);
    for n in 0..PICTURES {
        let at = gst::ClockTime::from_nseconds(EPOCH + grid.frame_time(n).0);
        if n.is_multiple_of(SEGMENT.into()) {
            input.send_event(key_request(at));
        }
        // The second half is another scene: none of that is a reason for a key frame.
        let grey = if n > PICTURES * 2 / 3 { 200 } else { 50 };
        let mut picture = vec![128; luma * 3 / 2];
        picture[..luma].chunks_mut(height as usize).enumerate().for_each(|(i, part)| part.fill(grey + (i % 16) as u8));
        let mut buffer = gst::Buffer::from_mut_slice(picture);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(at);
        }
        input.push_buffer(buffer).map_err(|e| format!("it takes no pictures: {e}"))?;
    }
    input.end_of_stream().map_err(|e| format!("it does not end: {e}"))?;
    let mut keys = Vec::new();
    while let Some(sample) = sink.try_pull_sample(PATIENCE) {
        let buffer = sample.buffer().ok_or("it makes nothing")?;
        keys.push(!buffer.flags().contains(gst::BufferFlags::DELTA_UNIT));
    }
    Ok(keys)
}
