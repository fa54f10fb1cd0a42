//! What libraries say of a source that cannot be had, in plain words.

use crate::{Source, source::Kind};

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
        return None;
    };
    Some(why)
}
