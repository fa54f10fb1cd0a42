//! From a raw picture of any size to length-prefixed access units of a rung.

use gstreamer as gst;
use packager::Grid;

use super::{Engine, settings};
use crate::{
    Error, Preset, Rung,
    elements::{filter, make},
    ladder::picture_caps,
};

/// The elements of one rung, from the canvas to the encoder's units, in their order.
pub(crate) fn row(engine: Engine, rung: Rung, preset: Preset, grid: Grid) -> Result<Vec<gst::Element>, Error> {
    let mut size = picture_caps(rung, Some(grid));
    let mut elements = if engine.takes_nv12() {
        size.make_mut().set("format", "NV12");
        vec![make("videoconvertscale")?]
    } else {
        vec![make("videoscale")?]
    };
    elements.push(filter(&size)?);
    let encoder = gst::ElementFactory::make(engine.element()).build().map_err(|_| engine.absent())?;
    settings::apply(&encoder, engine, rung, preset);
    elements.push(encoder);
    let profile = gst::Caps::builder("video/x-h264").field("profile", engine.profile());
    if engine != Engine::X264 {
        // With start codes, which the parser turns into lengths.
        elements.push(filter(&profile.build())?);
        elements.push(make("h264parse")?);
    }
    let avc = gst::Caps::builder("video/x-h264")
        .field("stream-format", "avc")
        .field("alignment", "au")
        .field("profile", engine.profile());
    elements.push(filter(&avc.build())?);
    Ok(elements)
}

impl Engine {
    /// Graphics processors want chroma interleaved.
    fn takes_nv12(self) -> bool {
        !self.is_tested()
    }

    fn profile(self) -> &'static str {
        match self {
            // What GStreamer's element makes of it, whatever it is called: no CABAC, no 8×8 transform.
            Self::OpenH264 => "constrained-baseline",
            _ => "high",
        }
    }
}
