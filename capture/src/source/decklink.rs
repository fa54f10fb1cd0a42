//! `decklink://number?mode=auto|1080i50|…&connection=auto|sdi|hdmi|optical-sdi&channels=2|8|16`

use std::fmt;

use super::{
    Kind, Nature,
    read::{Address, Parsed},
};

/// A Blackmagic DeckLink input.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Decklink {
    /// The card's input, from 0.
    pub number: i32,
    pub mode: &'static str,
    pub connection: &'static str,
    pub channels: &'static str,
}

/// GStreamer's names of the formats that a truck or a camera sends.
const MODES: [&str; 25] = [
    "auto",
    "pal",
    "ntsc",
    "720p50",
    "720p5994",
    "720p60",
    "1080i50",
    "1080i5994",
    "1080i60",
    "1080p2398",
    "1080p24",
    "1080p25",
    "1080p2997",
    "1080p30",
    "1080p50",
    "1080p5994",
    "1080p60",
    "2160p2398",
    "2160p24",
    "2160p25",
    "2160p2997",
    "2160p30",
    "2160p50",
    "2160p5994",
    "2160p60",
];

pub(super) fn read(address: &Address<'_>) -> Parsed<Kind> {
    address.no_user()?;
    address.no_path()?;
    if address.url.port.is_some() {
        return Err(address.wrong("the number of an input, as in decklink://0", "a port".into()));
    }
    let number = address.url.host.parse().ok().filter(|number| (0..=31).contains(number));
    let number = number.ok_or_else(|| address.wrong("the number of an input, as in decklink://0", "another".into()))?;
    let mut decklink = Decklink { number, mode: "auto", connection: "auto", channels: "2" };
    for (option, value) in address.options("mode, connection and channels", &["mode", "connection", "channels"])? {
        match option {
            "mode" => {
                let expected = "auto, or a format as 1080i50, 1080p50, 1080i5994, 720p50 or 2160p50";
                decklink.mode = address.one_of(option, expected, &value, &MODES.map(|mode| (mode, mode)))?;
            }
            "connection" => {
                let names = ["auto", "sdi", "hdmi", "optical-sdi"].map(|name| (name, name));
                decklink.connection = address.one_of(option, "auto, sdi, hdmi or optical-sdi", &value, &names)?;
            }
            _ => {
                let counts = ["2", "8", "16"].map(|count| (count, count));
                decklink.channels = address.one_of(option, "2, 8 or 16", &value, &counts)?;
            }
        }
    }
    Ok(Kind::Decklink(decklink))
}

impl Nature for Decklink {
    fn elements(&self) -> Vec<&'static str> {
        vec!["decklinkvideosrc", "decklinkaudiosrc"]
    }
}

impl fmt::Display for Decklink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "decklink://{}?mode={}", self.number, self.mode)
    }
}
