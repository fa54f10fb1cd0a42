//! The GStreamer elements in use, and the Debian packages that hold them.

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::Error;

const CORE: &str = "libgstreamer1.0-0";
const BASE: &str = "gstreamer1.0-plugins-base";
const GOOD: &str = "gstreamer1.0-plugins-good";
const BAD: &str = "gstreamer1.0-plugins-bad";
const UGLY: &str = "gstreamer1.0-plugins-ugly";
const LIBAV: &str = "gstreamer1.0-libav";

const NEEDED: &[(&str, &str)] = &[
    ("capsfilter", CORE),
    ("fakesink", CORE),
    ("filesrc", CORE),
    ("queue", CORE),
    ("tee", CORE),
    ("appsink", BASE),
    ("appsrc", BASE),
    ("audioconvert", BASE),
    ("audioresample", BASE),
    ("decodebin", BASE),
    ("videoconvertscale", BASE),
    ("videoscale", BASE),
    ("aacparse", GOOD),
    ("deinterlace", GOOD),
    ("matroskademux", GOOD),
    ("qtdemux", GOOD),
    ("rtph264depay", GOOD),
    ("rtspsrc", GOOD),
    ("udpsrc", GOOD),
    ("h264parse", BAD),
    ("h264timestamper", BAD),
    ("srtsrc", BAD),
    ("tsdemux", BAD),
    ("x264enc", UGLY),
    ("avdec_aac", LIBAV),
    ("avdec_h264", LIBAV),
    ("avenc_aac", LIBAV),
];

/// Starts GStreamer and checks that every element in use is installed.
///
/// # Errors
/// [`Error::Missing`] names the Debian package of the first element that is not there.
pub fn init() -> Result<(), Error> {
    gst::init().map_err(|e| Error::Init(e.to_string()))?;
    match NEEDED.iter().find(|(element, _)| gst::ElementFactory::find(element).is_none()) {
        Some(&(element, package)) => Err(Error::Missing { element, package }),
        None => Ok(()),
    }
}

/// Makes an element for a pipeline.
pub(crate) fn make(factory: &'static str) -> Result<gst::Element, Error> {
    gst::ElementFactory::make(factory).build().map_err(|_| {
        let package = NEEDED.iter().find(|(element, _)| *element == factory).map_or(BASE, |(_, package)| package);
        Error::Missing { element: factory, package }
    })
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
