//! What a media file is made of.
//!
//! `ftyp moov (uuid (moof mdat)+)* uuid?`: fragmented MP4 as any tool plays it. Each segment's parts follow one `uuid` box,
//! the *marker*, that says what the parts themselves do not: the number and the discontinuities before it. Tools skip
//! boxes that they do not know, and the parts lie together, so that a segment is one range of bytes. A finished file ends
//! with a table of contents ([`crate::toc`]).

use bytes::Bytes;
use mp4_atom::{Any, Codec, Decode, DecodeMaybe, Moof, TrunSamples};
use packager::{Format, Msn, Run, boxes::KEY_SAMPLE};

/// The extended type of a marker.
const MARKER_TYPE: [u8; 16] = *b"\x8f\x52\xc1\x09virage-seg\x00\x01";
/// Bytes of a marker: box header and type (24), the fields (44), their CRC (4).
pub(crate) const MARKER_BYTES: u64 = 72;
/// No header and no `moof` is longer; a size above is damage.
pub(crate) const LONGEST_BOX: u64 = 1 << 20;

/// What stands before a segment's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    pub(crate) run: Run,
    pub(crate) header: u32,
    pub(crate) msn: Msn,
    /// The first presentation in ticks of media time.
    pub(crate) start: u64,
    pub(crate) discontinuities: u64,
    pub(crate) timescale: u32,
    /// CRC-32 of the file's header: a header that was damaged later is noticed.
    pub(crate) header_crc: u32,
}

impl Marker {
    pub(crate) fn encode(&self) -> [u8; MARKER_BYTES as usize] {
        let mut out = [0; MARKER_BYTES as usize];
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            out[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(&prefix());
        put(&self.run.0.to_be_bytes());
        put(&self.header.to_be_bytes());
        put(&self.msn.0.to_be_bytes());
        put(&self.start.to_be_bytes());
        put(&self.discontinuities.to_be_bytes());
        put(&self.timescale.to_be_bytes());
        put(&self.header_crc.to_be_bytes());
        put(&[0; 4]);
        let body = MARKER_BYTES as usize - 4;
        let crc = crc32fast::hash(&out[..body]);
        out[body..].copy_from_slice(&crc.to_be_bytes());
        out
    }

    /// The marker that these bytes begin with.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..MARKER_BYTES as usize)?;
        let (body, crc) = bytes.split_last_chunk::<4>()?;
        let rest = body.strip_prefix(&prefix()[..])?;
        if crc32fast::hash(body) != u32::from_be_bytes(*crc) {
            return None;
        }
        let word = |at: usize| Some(u32::from_be_bytes(rest.get(at..at + 4)?.try_into().ok()?));
        let long = |at: usize| Some(u64::from_be_bytes(rest.get(at..at + 8)?.try_into().ok()?));
        Some(Self {
            run: Run(word(0)?),
            header: word(4)?,
            msn: Msn(long(8)?),
            start: long(16)?,
            discontinuities: long(24)?,
            timescale: word(32)?,
            header_crc: word(36)?,
        })
    }
}

/// The bytes that every marker begins with.
pub(crate) fn prefix() -> [u8; 24] {
    let mut out = [0; 24];
    out[..4].copy_from_slice(&(MARKER_BYTES as u32).to_be_bytes());
    out[4..8].copy_from_slice(b"uuid");
    out[8..].copy_from_slice(&MARKER_TYPE);
    out
}

/// The length and type of the box that these bytes begin with.
pub(crate) fn box_header(bytes: &[u8]) -> Option<(u64, [u8; 4])> {
    let (size, kind) = (bytes.get(..4)?, bytes.get(4..8)?);
    Some((u64::from(u32::from_be_bytes(size.try_into().ok()?)), kind.try_into().ok()?))
}

/// What a `moof` says of its part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fragment {
    /// The first unit's presentation in ticks.
    pub(crate) start: u64,
    /// The length in ticks.
    pub(crate) duration: u32,
    /// Whether it begins with a key frame.
    pub(crate) independent: bool,
    /// Bytes of media in the `mdat` behind it.
    pub(crate) payload: u64,
    /// The first unit's length in ticks.
    pub(crate) unit: u32,
}

impl Fragment {
    /// Reads a `moof` as the packager writes them: one track fragment with one run. `None` for anything else.
    pub(crate) fn read(moof: &[u8]) -> Option<Self> {
        let decoded = Moof::decode(&mut &*moof).ok()?;
        let [traf] = decoded.traf.as_slice() else { return None };
        let [trun] = traf.trun.as_slice() else { return None };
        let TrunSamples::Explicit(samples) = &trun.samples else { return None };
        if usize::try_from(trun.data_offset?).ok()? != moof.len() + 8 {
            return None;
        }
        let (mut duration, mut payload) = (0_u64, 0_u64);
        for sample in samples {
            duration += u64::from(sample.duration.or(traf.tfhd.default_sample_duration)?);
            payload += u64::from(sample.size.or(traf.tfhd.default_sample_size)?);
        }
        let first = samples.first()?;
        Some(Self {
            start: traf.tfdt.as_ref()?.base_media_decode_time,
            duration: u32::try_from(duration).ok()?,
            independent: first.flags.or(traf.tfhd.default_sample_flags)? == KEY_SAMPLE,
            payload,
            unit: first.duration.or(traf.tfhd.default_sample_duration)?,
        })
    }
}

/// What a header (`ftyp`, `moov`) says. The length of a frame is not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) timescale: u32,
    pub(crate) format: Format,
}

impl Header {
    /// Reads a header as the packager writes them. `None` for anything else.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let mut moov = None;
        while let Some(any) = Any::decode_maybe(&mut rest).ok()? {
            if let Any::Moov(found) = any {
                moov = Some(found);
            }
        }
        let moov = moov?;
        let mdia = &moov.trak.first()?.mdia;
        let timescale = mdia.mdhd.timescale;
        let format = match mdia.minf.stbl.stsd.codecs.first()? {
            Codec::Avc1(avc1) => {
                let mut avcc = Vec::new();
                mp4_atom::Atom::encode_body(&avc1.avcc, &mut avcc).ok()?;
                let (width, height) = (avc1.visual.width, avc1.visual.height);
                Format::H264 { width, height, frame_ticks: 0, avcc: avcc.into() }
            }
            Codec::Mp4a(mp4a) => {
                let channels = u8::try_from(mp4a.audio.channel_count).ok()?;
                // Rates that do not fit the entry's field are the track's timescale.
                let rate = match mp4a.audio.sample_rate.integer() {
                    0 => timescale,
                    rate => u32::from(rate),
                };
                Format::Aac { rate, channels }
            }
            _ => return None,
        };
        (timescale > 0).then_some(Self { timescale, format })
    }

    /// Sets what a header does not say: the length of a frame in ticks.
    pub(crate) fn set_unit(&mut self, unit: u32) {
        if let Format::H264 { frame_ticks, .. } = &mut self.format {
            *frame_ticks = unit;
        }
    }

    /// The length of a frame in ticks, 0 when it is not known or the format has one anyway.
    pub(crate) fn unit(&self) -> u32 {
        match self.format {
            Format::H264 { frame_ticks, .. } => frame_ticks,
            _ => 0,
        }
    }
}

/// A header's check sum, as markers carry it.
pub(crate) fn header_crc(header: &Bytes) -> u32 {
    crc32fast::hash(header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use packager::boxes::{Sample, fragment, header};

    const MARKER: Marker = Marker {
        run: Run(3),
        header: 1,
        msn: Msn(0x0102_0304_0506),
        start: 42_000,
        discontinuities: 7,
        timescale: 25_000,
        header_crc: 0xdead_beef,
    };

    #[test]
    fn a_marker_is_read_as_it_was_written_and_no_flipped_bit_goes_unnoticed() {
        let bytes = MARKER.encode();
        assert_eq!(Marker::decode(&bytes), Some(MARKER));
        assert_eq!(box_header(&bytes), Some((MARKER_BYTES, *b"uuid")));
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Marker::decode(&damaged), None, "bit {bit}");
        }
        assert_eq!(Marker::decode(&bytes[..bytes.len() - 1]), None);
    }

    #[test]
    fn a_part_says_what_it_was_made_of() {
        let sample = |duration, key, len| Sample { duration, cts: 0, key, data: vec![7; len].into() };
        for (samples, duration, independent) in [
            (vec![sample(1000, true, 100), sample(1000, false, 10), sample(2000, false, 3)], 4000, true),
            (vec![sample(1000, false, 1)], 1000, false),
            (vec![sample(1024, true, 9), sample(1024, true, 11)], 2048, true),
        ] {
            let bytes = fragment(1, 123_456_789_012, &samples);
            let (moof, _) = box_header(&bytes).expect("a box");
            let read = Fragment::read(&bytes[..usize::try_from(moof).expect("short")]).expect("ours");
            assert_eq!((read.start, read.duration, read.independent), (123_456_789_012, duration, independent));
            assert_eq!(moof + 8 + read.payload, bytes.len() as u64);
        }
    }

    #[test]
    fn a_header_gives_back_the_format() {
        let avcc =
            Bytes::from_static(b"\x01\x64\x00\x1e\xff\xe1\x00\x04\x67\x64\x00\x1e\x01\x00\x02\x68\xce\xfd\xf8\xf8\x00");
        let formats = [
            (Format::H264 { width: 640, height: 360, frame_ticks: 1000, avcc }, 25_000),
            (Format::Aac { rate: 48_000, channels: 2 }, 48_000),
        ];
        for (format, timescale) in formats {
            let mut read = Header::read(&header(&format, timescale).expect("good parameters")).expect("ours");
            read.set_unit(1000);
            assert_eq!(read, Header { timescale, format });
        }
        assert_eq!(Header::read(b""), None);
        assert_eq!(Header::read(b"\0\0\0\x08free"), None);
    }
}
