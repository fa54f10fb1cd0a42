//! What libraries say of a source that cannot be had, in plain words.

use crate::{Source, source::Kind};

/// What stands between two texts.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    Some(text.split_once(before)?.1.split_once(after)?.0)
}

/// A sentence for an error of an element, when it is one of those that people meet. `said` is what it says to people and
/// to developers.
pub(crate) fn plain(source: &Source, said: &str) -> Option<String> {
    let (whom, user) = match &source.kind {
        Kind::Rtsp(rtsp) => ("the camera", rtsp.user.is_some()),
        Kind::Rtmp(rtmp) => ("the server", rtmp.user.is_some()),
        // What is said of publishers is in our own words already.
        Kind::Push(_) => return None,
        _ => ("the sender", false),
    };
    let says = |text: &str| said.contains(text);
    let why = if says("Failed loading NDI SDK") {
        "NDI's runtime is not installed: get it from ndi.video".into()
    } else if says("Incorrect passphrase") {
        "the passphrase is wrong: the sender has another".into()
    } else if says("Password required or unexpected") {
        "the passphrase is wrong: the sender has one and this source has none, or the other way round".into()
    } else if says("Address already in use") {
        let at = between(said, "Error binding to address ", ": ").unwrap_or("its address");
        format!("another program on this machine receives at {at}: give this source another port, or stop that program")
    } else if says("Cannot assign requested address") {
        let at = between(said, "Error binding to address ", ": ").unwrap_or("its address");
        format!("{at} is no address of this machine: 0.0.0.0 receives at all of them")
    } else if says("Cannot bind to ") {
        let at = between(said, "Cannot bind to ", " - ").unwrap_or("its address");
        format!("nothing can be received at {at}: another program has this port, or it is no address of this machine")
    } else if says("(401)") || says("(403)") || says("authmod") {
        match user {
            true => format!("{whom} refuses user and password"),
            false => format!("{whom} asks for user and password: put them into the address, as user:password@"),
        }
    } else if says("(404)") {
        format!("{whom} has no stream at this path")
    } else if says("cmd failed") {
        format!("{whom} closes the connection: is the application's name right?")
    } else if says("TLS") || says("certificate") {
        format!("{whom} has a certificate that this machine does not trust")
    } else if says("Connection refused") || says("Failed to connect") || says("Connection timeout") {
        format!("{whom} does not answer: nothing listens at this address")
    } else if says("No route to host") || says("Network is unreachable") {
        format!("{whom} does not answer: there is no way to this address")
    } else {
        return of_elements(source, whom, said);
    };
    Some(why)
}

/// What GStreamer's elements say in words of their own, to people who know what an element is.
fn of_elements(source: &Source, whom: &str, said: &str) -> Option<String> {
    let starts = |texts: &[&str]| texts.iter().any(|text| said.starts_with(text));
    let broken = ["Could not read from resource", "Could not write to resource"];
    let shut = ["Could not open resource", "Could not get/set settings"];
    let nonsense = [
        "This file is invalid",
        "This file contains no playable",
        "This appears to be a text file",
        "Could not demultiplex",
        "Could not determine type",
        "The stream is of a different type",
    ];
    match &source.kind {
        kind if starts(&nonsense) => Some(match kind {
            Kind::File(_) => "the file is damaged, or it is not what its name says".into(),
            Kind::Hls(_) => "the server's segments are neither transport streams nor fragmented MP4, or damaged".into(),
            _ => format!("what {whom} sends is damaged, or not of the kind that this source is for"),
        }),
        Kind::File(_) if starts(&broken) => Some("the file cannot be read: is its disk still there?".into()),
        Kind::V4l2(_) if starts(&shut) || starts(&broken) => Some(
            "the device cannot be used: another program may have it, or it cannot do this format, size and rate".into(),
        ),
        _ if starts(&broken) => Some(format!("{whom} has broken off the connection")),
        _ if starts(&shut) => Some(format!("{whom} cannot be reached, and nothing says why")),
        _ => None,
    }
}
