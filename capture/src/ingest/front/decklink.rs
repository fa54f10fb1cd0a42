//! A DeckLink input: pictures and embedded sound, uncompressed.

use gstreamer::prelude::*;

use super::{Front, Held};
use crate::{Error, elements::make, source::Decklink};

pub(super) fn build(front: &Front<'_>, decklink: &Decklink) -> Result<Held, Error> {
    let pictures = make("decklinkvideosrc")?;
    pictures.set_property("device-number", decklink.number);
    pictures.set_property_from_str("mode", decklink.mode);
    pictures.set_property_from_str("connection", decklink.connection);
    // No signal, no frames: black would look like a picture.
    pictures.set_property("drop-no-signal-frames", true);
    front.chain(&[&pictures])?;
    front.watch(&pictures);
    pictures.static_pad("src").iter().for_each(|pad| front.branches.attach(pad));
    if front.branches.wants_sound() {
        let sound = make("decklinkaudiosrc")?;
        sound.set_property("device-number", decklink.number);
        sound.set_property_from_str("connection", "embedded");
        sound.set_property_from_str("channels", decklink.channels);
        front.chain(&[&sound])?;
        sound.static_pad("src").iter().for_each(|pad| front.branches.attach(pad));
    }
    Ok(None)
}
