//! Pictures whose colours are not those of HD television: what can be shown on it is converted, what cannot is refused.
//!
//! | source | what becomes of it |
//! |---|---|
//! | BT.601, BT.709, sRGB; limited or full range; 8 to 16 bits; 4:2:0 to 4:4:4 | BT.709, limited range, 8 bits, 4:2:0 |
//! | BT.2020 SDR | its colours are taken to BT.709 in linear light; what lies outside is clipped |
//! | HLG | as BT.2020 SDR, which its curve is made to be seen as (BT.2100, note 5 of table 5) |
//! | PQ | refused: without a tone curve made for it, it would be dark and grey |

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_video::{
    VideoColorMatrix, VideoColorPrimaries, VideoColorRange, VideoColorimetry, VideoTransferFunction,
};

use super::Intake;

/// What says nothing of its colours is BT.601 up to this height, BT.709 above it: as GStreamer and players take it.
const SD: i32 = 576;
const PQ: &str =
    "the camera sends HDR by PQ (SMPTE ST 2084), which is not mapped to the rungs' SDR; have it send SDR or HLG";

/// Watches what comes into `first`, and tells `convert`, further down, how to convert it.
pub(super) fn watch(first: &gst::Element, convert: &gst::Element, intake: &Arc<Intake>) {
    let Some(pad) = first.static_pad("sink") else { return };
    let (convert, intake, refused) = (convert.downgrade(), Arc::clone(intake), AtomicBool::new(false));
    let mask = gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::BUFFER;
    pad.add_probe(mask, move |_, info| match &mut info.data {
        Some(gst::PadProbeData::Event(event)) => {
            let gst::EventView::Caps(caps) = event.view() else { return gst::PadProbeReturn::Ok };
            let found = colorimetry(caps.caps());
            let meant = found.as_ref().map(|found| meant(found, caps.caps()));
            refused.store(found.as_ref().is_some_and(is_pq), Ordering::Relaxed);
            if let Some(convert) = convert.upgrade() {
                let wide = found.as_ref().is_some_and(|found| found.primaries() == VideoColorPrimaries::Bt2020);
                convert.set_property_from_str("gamma-mode", if wide { "remap" } else { "none" });
                convert.set_property_from_str("primaries-mode", if wide { "merge-only" } else { "none" });
            }
            if let Some(meant) = meant.filter(|meant| found.as_ref() != Some(meant)) {
                let mut caps = caps.caps_owned();
                caps.make_mut().set("colorimetry", meant.to_string());
                *event = gst::event::Caps::new(&caps);
            }
            gst::PadProbeReturn::Ok
        }
        Some(gst::PadProbeData::Buffer(_)) if refused.load(Ordering::Relaxed) => {
            intake.unusable(PQ);
            // Not `Drop`: there gstreamer-rs takes the buffer and GStreamer 1.22 drops it once more, with a complaint each time.
            gst::PadProbeReturn::Handled
        }
        _ => gst::PadProbeReturn::Ok,
    });
}

fn colorimetry(caps: &gst::CapsRef) -> Option<VideoColorimetry> {
    caps.structure(0)?.get::<&str>("colorimetry").ok()?.parse().ok()
}

fn is_pq(found: &VideoColorimetry) -> bool {
    found.transfer() == VideoTransferFunction::Smpte2084
}

/// The same with what it leaves open: without a matrix, GStreamer converts no range either. HLG becomes the curve that it
/// is made to be seen by on SDR.
fn meant(found: &VideoColorimetry, caps: &gst::CapsRef) -> VideoColorimetry {
    let height = caps.structure(0).and_then(|caps| caps.get::<i32>("height").ok()).unwrap_or(0);
    let (matrix, primaries) = if height > SD {
        (VideoColorMatrix::Bt709, VideoColorPrimaries::Bt709)
    } else {
        (VideoColorMatrix::Bt601, VideoColorPrimaries::Smpte170m)
    };
    let transfer = match found.transfer() {
        VideoTransferFunction::Unknown => VideoTransferFunction::Bt709,
        VideoTransferFunction::AribStdB67 => VideoTransferFunction::Bt202010,
        known => known,
    };
    VideoColorimetry::new(
        if found.range() == VideoColorRange::Unknown { VideoColorRange::Range16_235 } else { found.range() },
        if found.matrix() == VideoColorMatrix::Unknown { matrix } else { found.matrix() },
        transfer,
        if found.primaries() == VideoColorPrimaries::Unknown { primaries } else { found.primaries() },
    )
}
