//! The codecs that come in: how each is unpacked from RTP, framed and decoded. Decoders are chosen here, not by rank: one
//! that hands over a frame when it has it, without frame threads.

use gstreamer as gst;

/// A codec.
pub(crate) struct Codec {
    /// As people call it.
    pub name: &'static str,
    /// How GStreamer calls it, and the `mpegversion`s where the name alone does not tell.
    caps: (&'static str, &'static [i32]),
    /// How RTP calls it, and what unpacks it.
    rtp: &'static [(&'static str, &'static str)],
    pub parser: &'static str,
    pub decoder: &'static str,
}

/// H.264 is decoded beside being passed through: `branch` has a way of its own for it.
pub(crate) const H264: Codec = Codec {
    name: "H.264",
    caps: ("video/x-h264", &[]),
    rtp: &[("H264", "rtph264depay")],
    parser: "h264parse",
    decoder: "avdec_h264",
};

/// Every other picture.
pub(crate) const PICTURES: [Codec; 3] = [
    Codec {
        name: "H.265",
        caps: ("video/x-h265", &[]),
        rtp: &[("H265", "rtph265depay")],
        parser: "h265parse",
        decoder: "avdec_h265",
    },
    Codec { name: "AV1", caps: ("video/x-av1", &[]), rtp: &[], parser: "av1parse", decoder: "av1dec" },
    Codec {
        name: "MPEG-2",
        caps: ("video/mpeg", &[1, 2]),
        rtp: &[("MPV", "rtpmpvdepay")],
        parser: "mpegvideoparse",
        decoder: "avdec_mpeg2video",
    },
];

/// Sounds.
pub(crate) const SOUNDS: [Codec; 5] = [
    Codec {
        name: "AAC",
        caps: ("audio/mpeg", &[2, 4]),
        rtp: &[("MPEG4-GENERIC", "rtpmp4gdepay"), ("MP4A-LATM", "rtpmp4adepay")],
        parser: "aacparse",
        decoder: "avdec_aac",
    },
    Codec {
        name: "Opus",
        caps: ("audio/x-opus", &[]),
        rtp: &[("OPUS", "rtpopusdepay")],
        parser: "opusparse",
        decoder: "opusdec",
    },
    Codec {
        name: "MP2",
        caps: ("audio/mpeg", &[1]),
        rtp: &[("MPA", "rtpmpadepay")],
        parser: "mpegaudioparse",
        decoder: "mpg123audiodec",
    },
    Codec {
        name: "AC-3",
        caps: ("audio/x-ac3", &[]),
        rtp: &[("AC3", "rtpac3depay")],
        parser: "ac3parse",
        decoder: "avdec_ac3",
    },
    Codec { name: "E-AC-3", caps: ("audio/x-eac3", &[]), rtp: &[], parser: "ac3parse", decoder: "avdec_eac3" },
];

impl Codec {
    /// The codec of a stream, and what unpacks it first when it comes by RTP.
    pub fn of(known: &'static [Self], caps: &gst::StructureRef) -> Option<(&'static Self, Option<&'static str>)> {
        if caps.name() == "application/x-rtp" {
            let encoding = caps.get::<&str>("encoding-name").ok()?;
            let depay = |codec: &Self| codec.rtp.iter().find(|(name, _)| *name == encoding).map(|(_, depay)| *depay);
            return known.iter().find_map(|codec| Some((codec, Some(depay(codec)?))));
        }
        let version = caps.get::<i32>("mpegversion").ok();
        let same = |codec: &Self| {
            let (name, versions) = codec.caps;
            caps.name() == name && (versions.is_empty() || version.is_some_and(|v| versions.contains(&v)))
        };
        known.iter().find(|codec| same(codec)).map(|codec| (codec, None))
    }
}
