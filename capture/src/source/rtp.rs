//! `rtp://address:port?iface=&codec=mp2t|h264|h265|mpeg2&pt=&latency=ms&sound=aac|opus|mp2|ac3|l16|l24&sound_port=&sound_pt=&sound_config=`

use std::fmt;

use super::{
    Kind, Nature, Socket,
    read::{Address, Parsed},
    udp::Receiving,
};

/// RTP over UDP without a session description: what would stand in an SDP file stands in the options.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Rtp {
    pub local: Receiving,
    /// What comes in on the address's port.
    pub main: Payload,
    /// What comes in on a port of its own.
    pub sound: Option<(u16, Payload)>,
    pub latency_ms: u32,
}

/// What packets of one port carry.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Payload {
    pub codec: &'static Codec,
    pub number: u8,
    /// AAC's AudioSpecificConfig in hexadecimal digits (ISO/IEC 14496-3, 1.6.2.1).
    pub config: Option<String>,
}

/// A way to pack a codec into RTP.
#[derive(PartialEq, Eq)]
pub(crate) struct Codec {
    pub name: &'static str,
    /// RTP's name for it (IANA, RTP payload format media types).
    pub encoding: &'static str,
    pub media: &'static str,
    pub clock: i32,
    pub channels: Option<i32>,
    /// The payload type unless said.
    pub number: u8,
    pub depay: &'static str,
}

const fn codec(
    name: &'static str,
    media: &'static str,
    encoding: &'static str,
    clock: i32,
    number: u8,
    depay: &'static str,
) -> Codec {
    Codec { name, encoding, media, clock, channels: None, number, depay }
}

static PICTURES: [Codec; 4] = [
    codec("mp2t", "video", "MP2T", 90_000, 33, "rtpmp2tdepay"),
    codec("h264", "video", "H264", 90_000, 96, "rtph264depay"),
    codec("h265", "video", "H265", 90_000, 96, "rtph265depay"),
    codec("mpeg2", "video", "MPV", 90_000, 32, "rtpmpvdepay"),
];
static SOUNDS: [Codec; 6] = [
    codec("aac", "audio", "MPEG4-GENERIC", 48_000, 97, "rtpmp4gdepay"),
    Codec { channels: Some(2), ..codec("opus", "audio", "OPUS", 48_000, 97, "rtpopusdepay") },
    codec("mp2", "audio", "MPA", 90_000, 14, "rtpmpadepay"),
    codec("ac3", "audio", "AC3", 48_000, 97, "rtpac3depay"),
    Codec { channels: Some(2), ..codec("l16", "audio", "L16", 48_000, 97, "rtpL16depay") },
    Codec { channels: Some(2), ..codec("l24", "audio", "L24", 48_000, 97, "rtpL24depay") },
];

const OPTIONS: &[&str] = &["iface", "codec", "pt", "latency", "sound", "sound_port", "sound_pt", "sound_config"];

pub(super) fn read(address: &Address<'_>) -> Parsed<Kind> {
    const ALLOWED: &str = "iface, codec, pt, latency, sound, sound_port, sound_pt and sound_config";
    let mut local = Receiving::read(address)?;
    let (mut codec, mut number, mut latency_ms) = (&PICTURES[0], None, 50);
    let (mut sound, mut sound_port, mut sound_number, mut config) = (None, None, None, None);
    for (option, value) in address.options(ALLOWED, OPTIONS)? {
        let payload_type = |value: &str| address.number(option, "a payload type from 0 to 127", value, 0..=127);
        match option {
            "iface" => local.by(address, value)?,
            "codec" => {
                let named = PICTURES.iter().map(|codec| (codec.name, codec)).collect::<Vec<_>>();
                codec = address.one_of(option, "mp2t, h264, h265 or mpeg2", &value, &named)?;
            }
            "pt" => number = Some(payload_type(&value)?),
            "latency" => latency_ms = address.number(option, "0 to 8000 (milliseconds)", &value, 0..=8_000)?,
            "sound" => {
                let named = SOUNDS.iter().map(|codec| (codec.name, codec)).collect::<Vec<_>>();
                sound = Some(address.one_of(option, "aac, opus, mp2, ac3, l16 or l24", &value, &named)?);
            }
            "sound_port" => {
                sound_port = Some(address.number(option, "a port from 1 to 65535", &value, 1..=u16::MAX)?)
            }
            "sound_pt" => sound_number = Some(payload_type(&value)?),
            _ => {
                let hexadecimal = value.len() % 2 == 0 && value.bytes().all(|b| b.is_ascii_hexdigit());
                if !hexadecimal || !(4..=64).contains(&value.len()) {
                    let expected = "AAC's configuration in hexadecimal digits, as 1190";
                    return Err(address.value(option, expected, &value));
                }
                config = Some(value);
            }
        }
    }
    let sound = match (sound, sound_port) {
        (Some(codec), Some(port)) => {
            // 48 kHz, two channels, low complexity: what encoders in the field send.
            let config = (codec.name == "aac").then(|| config.unwrap_or_else(|| "1190".into()));
            Some((port, Payload { codec, number: sound_number.unwrap_or(codec.number), config }))
        }
        (None, None) if sound_number.is_none() && config.is_none() => None,
        _ => return Err(address.value("sound", "sound and sound_port together", "one of them")),
    };
    if sound.as_ref().is_some_and(|(port, _)| port.abs_diff(local.port) < 2) {
        let found = "the picture's port or its neighbour";
        return Err(address.value("sound_port", "a port two or more from the picture's", found));
    }
    let main = Payload { codec, number: number.unwrap_or(codec.number), config: None };
    Ok(Kind::Rtp(Rtp { local, main, sound, latency_ms }))
}

impl Nature for Rtp {
    fn elements(&self) -> Vec<&'static str> {
        let mut elements = vec!["udpsrc", "rtpbin", "tsdemux", self.main.codec.depay];
        elements.extend(self.sound.as_ref().map(|(_, sound)| sound.codec.depay));
        elements
    }

    fn waits(&self) -> bool {
        true
    }

    fn sockets(&self) -> Vec<Socket> {
        let ports = [self.local.port].into_iter().chain(self.sound.as_ref().map(|(port, _)| *port));
        // RTCP has the next one.
        ports.flat_map(|port| [port, port.saturating_add(1)]).map(|port| self.local.socket(port)).collect()
    }
}

impl fmt::Display for Rtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rtp://{}?codec={}", self.local, self.main.codec.name)?;
        self.sound.iter().try_for_each(|(port, sound)| write!(f, "&sound={}&sound_port={port}", sound.codec.name))
    }
}
