//! What each engine is told. They have no two words in common.

use gstreamer as gst;
use gstreamer::{glib, prelude::*};

use super::Engine;
use crate::{Preset, Rung};

/// How much of a rung's rate may be borrowed from its future, in milliseconds: what keeps BANDWIDTH honest.
const VBV_MS: u32 = 500;
/// Key frames come when they are asked for, and only then. Where an engine cannot count so far, it counts as far as it
/// can, and begins again at every key frame.
const NEVER: u32 = 1 << 30;

/// A property's value.
enum Value {
    Number(u32),
    Text(&'static str),
}
use Value::{Number, Text};

const NO: Value = Text("false");
const YES: Value = Text("true");

/// Tells an encoder what a rung needs: its rate, no reordering, no key frame of its own accord.
pub(super) fn apply(element: &gst::Element, engine: Engine, rung: Rung, preset: Preset) {
    let kbps = rung.kbps;
    let vbv = kbps.saturating_mul(VBV_MS) / 1_000;
    let threads = threads(rung);
    let settings = match engine {
        Engine::X264 => vec![
            ("tune", Text("zerolatency")),
            ("speed-preset", Text(preset.as_str())),
            ("bitrate", Number(kbps)),
            ("vbv-buf-capacity", Number(VBV_MS)),
            ("key-int-max", Number(NEVER)),
            ("bframes", Number(0)),
            ("aud", NO),
            ("byte-stream", NO),
            ("threads", Number(threads)),
            ("option-string", Text("scenecut=0")),
        ],
        Engine::OpenH264 => vec![
            ("rate-control", Text("bitrate")),
            ("bitrate", Number(kbps.saturating_mul(1_000))),
            ("enable-frame-skip", NO),
            ("gop-size", Number(NEVER)),
            ("scene-change-detection", NO),
            ("complexity", Text(by(preset, ["low", "medium", "high"]))),
            ("multi-thread", Number(threads)),
            ("slice-mode", Text(if threads > 1 { "auto" } else { "n-slices" })),
        ],
        Engine::Nvenc => vec![
            ("preset", Text(by(preset, ["low-latency-hp", "low-latency", "low-latency-hq"]))),
            ("rc-mode", Text("cbr")),
            ("bitrate", Number(kbps)),
            ("max-bitrate", Number(kbps)),
            ("vbv-buffer-size", Number(vbv)),
            // Without end.
            ("gop-size", Text("-1")),
            ("bframes", Number(0)),
            ("rc-lookahead", Number(0)),
            ("i-adapt", NO),
            ("zerolatency", YES),
            ("aud", NO),
        ],
        Engine::Va => vec![
            ("rate-control", Text("cbr")),
            ("bitrate", Number(kbps)),
            ("cpb-size", Number(vbv)),
            ("key-int-max", Number(NEVER)),
            ("b-frames", Number(0)),
            ("ref-frames", Number(1)),
            ("target-usage", Text(by(preset, ["7", "4", "2"]))),
            ("aud", NO),
        ],
        Engine::Vaapi => vec![
            ("rate-control", Text("cbr")),
            ("bitrate", Number(kbps)),
            ("cpb-length", Number(VBV_MS)),
            ("keyframe-period", Number(NEVER)),
            ("max-bframes", Number(0)),
            ("refs", Number(1)),
            ("quality-level", Text(by(preset, ["7", "4", "2"]))),
            ("aud", NO),
        ],
        Engine::Qsv => vec![
            ("rate-control", Text("cbr")),
            ("bitrate", Number(kbps)),
            ("max-bitrate", Number(kbps)),
            // Counted in 16 bits.
            ("gop-size", Number(60_000)),
            ("idr-interval", Number(0)),
            ("b-frames", Number(0)),
            ("ref-frames", Number(1)),
            ("low-latency", YES),
            ("target-usage", Text(by(preset, ["7", "4", "2"]))),
            ("cc-insert", Text("disabled")),
        ],
    };
    for (name, value) in settings {
        set(element, name, &value);
    }
}

/// More threads cut the picture into slices, which costs quality: only for what one core cannot do.
fn threads(rung: Rung) -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(1));
    if rung.height >= 720 { cores.min(4) } else { 1 }
}

/// One of three efforts: for a laptop, for a server, for a strong one.
fn by(preset: Preset, [least, some, most]: [&'static str; 3]) -> &'static str {
    match preset {
        Preset::Ultrafast | Preset::Superfast => least,
        Preset::Veryfast => some,
        Preset::Faster | Preset::Fast => most,
    }
}

/// Sets a property, as far as this version of the element has it. Whether the whole does what it must is for the probe.
fn set(element: &gst::Element, name: &str, value: &Value) {
    let Some(spec) = element.find_property(name) else {
        tracing::debug!(element = %element.name(), name, "the encoder has no such property");
        return;
    };
    let text = match value {
        Text(text) => (*text).to_owned(),
        Number(number) => most(&spec).map_or(*number, |most| most.min(*number)).to_string(),
    };
    match glib::Value::deserialize_with_pspec(&text, &spec) {
        Ok(value) => element.set_property_from_value(name, &value),
        Err(_) => tracing::debug!(element = %element.name(), name, text, "the encoder knows no such value"),
    }
}

/// The largest number that a property takes.
fn most(spec: &glib::ParamSpec) -> Option<u32> {
    let signed = || spec.downcast_ref::<glib::ParamSpecInt>().map(|spec| spec.maximum().unsigned_abs());
    spec.downcast_ref::<glib::ParamSpecUInt>().map(|spec| spec.maximum()).or_else(signed)
}
