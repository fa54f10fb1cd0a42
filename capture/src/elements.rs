//! The GStreamer elements in use, and the Debian packages that hold them.

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::{Error, Source};

const CORE: &str = "libgstreamer1.0-0";
const BASE: &str = "gstreamer1.0-plugins-base";
const GOOD: &str = "gstreamer1.0-plugins-good";
const BAD: &str = "gstreamer1.0-plugins-bad";
const LIBAV: &str = "gstreamer1.0-libav";

/// What every camera needs.
const ALWAYS: &[&str] = &[
    "capsfilter",
    "fakesink",
    "queue",
    "tee",
    "appsink",
    "appsrc",
    "audioconvert",
    "audioresample",
    "decodebin",
    "videoconvertscale",
    "videoscale",
    "deinterlace",
    "h264parse",
    "h264timestamper",
    "aacparse",
    "avdec_aac",
    "avdec_h264",
    "avenc_aac",
];

/// Where elements come from.
const PACKAGES: &[(&str, &[&str])] = &[
    (CORE, &["capsfilter", "fakesink", "filesrc", "queue", "tee"]),
    (
        BASE,
        &[
            "appsink",
            "appsrc",
            "audioconvert",
            "audioresample",
            "decodebin",
            "opusdec",
            "videoconvertscale",
            "videoscale",
        ],
    ),
    (
        GOOD,
        &[
            "aacparse",
            "ac3parse",
            "deinterlace",
            "flvdemux",
            "jpegdec",
            "matroskademux",
            "mpegaudioparse",
            "mpg123audiodec",
            "qtdemux",
            "rtpac3depay",
            "rtpbin",
            "rtph264depay",
            "rtph265depay",
            "rtpL16depay",
            "rtpL24depay",
            "rtpmp2tdepay",
            "rtpmp4adepay",
            "rtpmp4gdepay",
            "rtpmpadepay",
            "rtpmpvdepay",
            "rtpopusdepay",
            "rtspsrc",
            "udpsrc",
            "v4l2src",
        ],
    ),
    (
        BAD,
        &[
            "av1dec",
            "av1parse",
            "decklinkaudiosrc",
            "decklinkvideosrc",
            "h264parse",
            "h264timestamper",
            "h265parse",
            "mpegvideoparse",
            "opusparse",
            "ristsrc",
            "rtmp2src",
            "srtsrc",
            "tsdemux",
        ],
    ),
    (LIBAV, &["avdec_aac", "avdec_ac3", "avdec_eac3", "avdec_h264", "avdec_h265", "avdec_mpeg2video", "avenc_aac"]),
];

/// Starts GStreamer and checks that every element that all cameras need is installed.
///
/// # Errors
/// [`Error::Missing`] names the Debian package of the first element that is not there.
pub fn init() -> Result<(), Error> {
    gst::init().map_err(|e| Error::Init(e.to_string()))?;
    // Part of this program; NDI's own library is loaded when the first such source starts.
    gstndi::plugin_register_static().map_err(|e| Error::Init(e.to_string()))?;
    match ALWAYS.iter().find(|element| !installed(element)) {
        Some(element) => Err(Error::Missing { element, package: package(element) }),
        None => Ok(()),
    }
}

/// Checks that what receives a source is installed.
pub(crate) fn check(source: &Source) -> Result<(), Error> {
    let missing = source.kind.nature().elements().into_iter().find(|element| !installed(element));
    missing.map_or(Ok(()), |element| {
        Err(Error::Uninstalled { scheme: source.scheme(), element, package: package(element) })
    })
}

/// Whether an element can be made.
pub(crate) fn installed(element: &str) -> bool {
    gst::ElementFactory::find(element).is_some()
}

/// What has an element.
pub(crate) fn package(element: &str) -> &'static str {
    PACKAGES.iter().find(|(_, elements)| elements.contains(&element)).map_or(BASE, |(package, _)| package)
}

/// Makes an element for a pipeline.
pub(crate) fn make(factory: &'static str) -> Result<gst::Element, Error> {
    let missing = |_| Error::Missing { element: factory, package: package(factory) };
    gst::ElementFactory::make(factory).build().map_err(missing)
}

/// Makes a `capsfilter`.
pub(crate) fn filter(caps: &gst::Caps) -> Result<gst::Element, Error> {
    let element = make("capsfilter")?;
    element.set_property("caps", caps);
    Ok(element)
}

/// Makes a `queue` that holds at most `limit`, and blocks rather than leaks.
pub(crate) fn queue(limit: Limit) -> Result<gst::Element, Error> {
    let element = make("queue")?;
    let (buffers, time) = match limit {
        Limit::Buffers(n) => (n, gst::ClockTime::ZERO),
        Limit::Time(time) => (0, time),
    };
    element.set_property("max-size-buffers", buffers);
    element.set_property("max-size-bytes", 0u32);
    element.set_property("max-size-time", time.nseconds());
    Ok(element)
}

/// How much a [`queue`] holds.
pub(crate) enum Limit {
    Buffers(u32),
    Time(gst::ClockTime),
}

/// Adds elements to a bin and links them in a row.
pub(crate) fn chain(bin: &gst::Bin, name: &str, elements: &[&gst::Element]) -> Result<(), Error> {
    let refused = |e: gst::glib::BoolError| Error::Pipeline { pipeline: name.into(), why: e.message.into_owned() };
    bin.add_many(elements.iter().copied()).map_err(refused)?;
    gst::Element::link_many(elements.iter().copied()).map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_for_a_source_is_named_with_its_package() {
        init().expect("GStreamer with every element");
        let source = Source::parse("rist://0.0.0.0:5000").expect("a source");
        check(&source).expect("all that it needs");
        let registry = gst::Registry::get();
        let feature = registry.find_feature("ristsrc", gst::ElementFactory::static_type()).expect("ristsrc");
        registry.remove_feature(&feature);
        let error = check(&source).expect_err("something is missing").to_string();
        for part in ["`source`", "rist source", "\"ristsrc\"", "gstreamer1.0-plugins-bad"] {
            assert!(error.contains(part), "expected {part}: {error}");
        }
        init().expect("other sources do not need it");
    }
}
