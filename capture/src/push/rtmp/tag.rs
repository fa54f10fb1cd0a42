//! What a message of picture or sound holds: FLV's tag bodies (Adobe's FLV specification 10.1, annex E) and those of
//! Enhanced RTMP v1 and v2, which name codecs by four characters.

use bytes::Bytes;

use crate::ingest::Coding;

/// A message's content.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// How what follows is coded.
    Format(Coding, Bytes),
    /// A coded frame, shown `offset_ms` after the message's time.
    Frame { coding: Coding, offset_ms: i32, key: bool, data: Bytes },
    /// Nothing of use: an end, metadata, a command.
    Nothing,
    /// Something that is not taken.
    Unknown(&'static str),
}

/// Reads a message of picture.
pub(super) fn picture(body: &Bytes) -> Content {
    let Some(&first) = body.first() else { return Content::Nothing };
    let key = first >> 4 & 7 == 1;
    if first & 0x80 != 0 {
        return enhanced_picture(first & 0xf, key, body);
    }
    // Kind 5 of a frame is a command to a player.
    match (first >> 4, first & 0xf) {
        (5, _) => Content::Nothing,
        (_, 7) => match body.get(1) {
            Some(0) => Content::Format(Coding::H264, after(body, 5)),
            Some(1) => frame(Coding::H264, signed24(body, 2), key, after(body, 5)),
            _ => Content::Nothing,
        },
        (_, 12) => Content::Unknown("H.265 in a form of its own; set the encoder to H.264, or to Enhanced RTMP"),
        (_, 2) => Content::Unknown("Sorenson H.263; set the encoder to H.264"),
        (_, 4 | 5) => Content::Unknown("VP6; set the encoder to H.264"),
        _ => Content::Unknown("an unknown video codec; set the encoder to H.264"),
    }
}

fn enhanced_picture(packet: u8, key: bool, body: &Bytes) -> Content {
    let coding = match body.get(1..5) {
        _ if packet == 6 => return Content::Unknown("several pictures in one stream (multitrack); send one"),
        Some(b"avc1") => Coding::H264,
        Some(b"hvc1") => Coding::H265,
        Some(b"av01") => Coding::Av1,
        Some(_) => return Content::Unknown("a video codec other than H.264, H.265 and AV1; set the encoder to H.264"),
        None => return Content::Nothing,
    };
    match packet {
        0 => Content::Format(coding, after(body, 5)),
        1 if coding != Coding::Av1 => frame(coding, signed24(body, 5), key, after(body, 8)),
        1 | 3 => frame(coding, 0, key, after(body, 5)),
        _ => Content::Nothing,
    }
}

/// Reads a message of sound.
pub(super) fn sound(body: &Bytes) -> Content {
    let Some(&first) = body.first() else { return Content::Nothing };
    match (first >> 4, body.get(1)) {
        (10, Some(0)) => Content::Format(Coding::Aac, after(body, 2)),
        (10, Some(1)) => frame(Coding::Aac, 0, true, after(body, 2)),
        (9, _) => match (first & 0xf, body.get(1..5)) {
            (0, Some(b"mp4a")) => Content::Format(Coding::Aac, after(body, 5)),
            (1, Some(b"mp4a")) => frame(Coding::Aac, 0, true, after(body, 5)),
            (1, Some(b"Opus")) => frame(Coding::Opus, 0, true, after(body, 5)),
            (0 | 1, Some(code)) if code != b"Opus" => {
                Content::Unknown("a sound codec other than AAC, MP3 and Opus; set the encoder to AAC")
            }
            _ => Content::Nothing,
        },
        (2, Some(_)) => frame(Coding::Mp3, 0, true, after(body, 1)),
        (10, _) => Content::Nothing,
        _ => Content::Unknown("a sound codec other than AAC, MP3 and Opus; set the encoder to AAC"),
    }
}

fn frame(coding: Coding, offset_ms: i32, key: bool, data: Bytes) -> Content {
    if data.is_empty() { Content::Nothing } else { Content::Frame { coding, offset_ms, key, data } }
}

fn after(body: &Bytes, at: usize) -> Bytes {
    body.slice(at.min(body.len())..)
}

/// A signed number of three bytes.
fn signed24(body: &Bytes, at: usize) -> i32 {
    match body.get(at..at + 3) {
        Some(&[a, b, c]) => i32::from_be_bytes([a, b, c, 0]) >> 8,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(list: &[u8]) -> Bytes {
        Bytes::copy_from_slice(list)
    }

    /// One table: a message's body and what is in it.
    #[test]
    fn pictures_and_sounds_are_told_apart() {
        let frame = |coding, offset_ms, key| Content::Frame { coding, offset_ms, key, data: bytes(b"x") };
        let cases: [(&[u8], Content); 10] = [
            (&[0x17, 0, 0, 0, 0, b'c'], Content::Format(Coding::H264, bytes(b"c"))),
            (&[0x17, 1, 0, 0, 40, b'x'], frame(Coding::H264, 40, true)),
            (&[0x27, 1, 0xff, 0xff, 0xff, b'x'], frame(Coding::H264, -1, false)),
            (&[0x17, 2, 0, 0, 0], Content::Nothing),
            (&[0x17, 1, 0], Content::Nothing),
            (&[0x90, b'h', b'v', b'c', b'1', b'c'], Content::Format(Coding::H265, bytes(b"c"))),
            (&[0x91, b'h', b'v', b'c', b'1', 0, 0, 9, b'x'], frame(Coding::H265, 9, true)),
            (&[0xa3, b'h', b'v', b'c', b'1', b'x'], frame(Coding::H265, 0, false)),
            (&[0xa1, b'a', b'v', b'0', b'1', b'x'], frame(Coding::Av1, 0, false)),
            (&[], Content::Nothing),
        ];
        for (body, content) in cases {
            assert_eq!(picture(&bytes(body)), content, "{body:?}");
        }
        assert!(matches!(picture(&bytes(&[0x22, 0])), Content::Unknown(_)));
        assert!(matches!(picture(&bytes(b"\x90vp09")), Content::Unknown(_)));
        assert_eq!(sound(&bytes(&[0xaf, 0, 0x12])), Content::Format(Coding::Aac, bytes(&[0x12])));
        assert_eq!(sound(&bytes(&[0xaf, 1, b'x'])), frame(Coding::Aac, 0, true));
        assert_eq!(sound(&bytes(b"\x91Opusx")), frame(Coding::Opus, 0, true));
        assert!(matches!(sound(&bytes(&[0x3f, 0])), Content::Unknown(_)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(body in prop::collection::vec(any::<u8>(), 0..40)) {
            picture(&bytes(&body));
            sound(&bytes(&body));
        }
    }
}
