//! The GStreamer elements in use, and the Debian packages that hold them.

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::{Error, Source};

const CORE: &str = "libgstreamer1.0-0";
const BASE: &str = "gstreamer1.0-plugins-base";
const GOOD: &str = "gstreamer1.0-plugins-good";
const BAD: &str = "gstreamer1.0-plugins-bad";
const UGLY: &str = "gstreamer1.0-plugins-ugly";
const LIBAV: &str = "gstreamer1.0-libav";

const NDI: &str = "gst-plugin-ndi (gst-plugins-rs) and NDI's runtime from ndi.video";

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
    "x264enc",
    "aacparse",
    "avdec_aac",
    "avdec_h264",
    "avenc_aac",
];

/// Where elements come from.
const PACKAGES: &[(&str, &[&str])] = &[
    (CORE, &["capsfilter", "fakesink", "filesrc", "queue", "tee"]),
    (BASE, &["appsink", "appsrc", "audioconvert", "audioresample", "decodebin", "videoconvertscale", "videoscale"]),
    (
        GOOD,
        &[
            "aacparse",
            "deinterlace",
            "flvdemux",
            "jpegdec",
            "matroskademux",
            "qtdemux",
            "rtpac3depay",
            "rtpbin",
            "rtph264depay",
            "rtph265depay",
            "rtpL16depay",
            "rtpL24depay",
            "rtpmp2tdepay",
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
            "decklinkaudiosrc",
            "decklinkvideosrc",
            "h264parse",
            "h264timestamper",
            "ristsrc",
            "rtmp2src",
            "srtsrc",
            "tsdemux",
        ],
    ),
    (UGLY, &["x264enc"]),
    (LIBAV, &["avdec_aac", "avdec_h264", "avenc_aac"]),
    (NDI, &["ndisrc", "ndisrcdemux"]),
];

/// Starts GStreamer and checks that every element that all cameras need is installed.
///
/// # Errors
/// [`Error::Missing`] names the Debian package of the first element that is not there.
pub fn init() -> Result<(), Error> {
    gst::init().map_err(|e| Error::Init(e.to_string()))?;
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

fn installed(element: &str) -> bool {
    gst::ElementFactory::find(element).is_some()
}

/// What has an element.
fn package(element: &str) -> &'static str {
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
