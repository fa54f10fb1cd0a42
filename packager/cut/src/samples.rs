//! Reads the samples of a segment.

use mp4_atom::{Any, Avcc, Codec, Decode, DecodeMaybe, Moof};

use crate::CutError;

/// What a decoder must know first.
pub(crate) struct Header {
    pub(crate) avcc: Avcc,
}

impl Header {
    /// Reads `ftyp` and `moov`.
    pub(crate) fn read(mut bytes: &[u8]) -> Result<Self, CutError> {
        while let Some(any) = Any::decode_maybe(&mut bytes).map_err(|_| CutError::Header("its boxes cannot be read"))? {
            let Any::Moov(moov) = any else { continue };
            let entries = moov.trak.into_iter().flat_map(|t| t.mdia.minf.stbl.stsd.codecs);
            for entry in entries {
                if let Codec::Avc1(avc1) = entry {
                    return Ok(Self { avcc: avc1.avcc });
                }
            }
            return Err(CutError::Header("it has no avc1 entry"));
        }
        Err(CutError::Header("it has no moov"))
    }
}

/// A frame as it is stored: length-prefixed NAL units.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sample<'a> {
    /// When it is shown, in ticks of media time.
    pub(crate) pts: i64,
    /// When it is decoded, in ticks of media time.
    pub(crate) dts: i64,
    pub(crate) data: &'a [u8],
}

/// The samples of the parts (`moof`, `mdat`) that these bytes are made of, in decoding order.
pub(crate) fn samples(bytes: &[u8]) -> Result<Vec<Sample<'_>>, CutError> {
    let mut samples = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let broken = |reason| CutError::Segment { at, reason };
        let rest = &bytes[at..];
        let (size, kind) = box_header(rest).ok_or_else(|| broken("no whole box"))?;
        if kind == *b"moof" {
            let moof = Moof::decode(&mut &rest[..size]).map_err(|_| broken("the moof cannot be read"))?;
            fragment(rest, &moof, &mut samples).ok_or_else(|| broken("the moof points outside of its part"))?;
        }
        at += size;
    }
    Ok(samples)
}

/// The length of the first box, which lies whole in `bytes`, and its type.
fn box_header(bytes: &[u8]) -> Option<(usize, [u8; 4])> {
    let (size, rest) = bytes.split_first_chunk::<4>()?;
    let size = usize::try_from(u32::from_be_bytes(*size)).ok()?;
    let kind = *rest.first_chunk::<4>()?;
    (8..=bytes.len()).contains(&size).then_some((size, kind))
}

/// The samples of a `moof`, which `bytes` begin with.
fn fragment<'a>(bytes: &'a [u8], moof: &Moof, samples: &mut Vec<Sample<'a>>) -> Option<()> {
    for traf in &moof.traf {
        let mut dts = i64::try_from(traf.tfdt.as_ref()?.base_media_decode_time).ok()?;
        for trun in &traf.trun {
            let mut offset = usize::try_from(trun.data_offset?).ok()?;
            for entry in trun.samples.iter() {
                // Without a size it would have no end: a count alone may say four billion.
                let size = entry.size.or(traf.tfhd.default_sample_size).filter(|s| *s > 0)?;
                let end = offset.checked_add(usize::try_from(size).ok()?)?;
                let data = bytes.get(offset..end)?;
                samples.push(Sample { pts: dts.checked_add(entry.cts.unwrap_or(0))?, dts, data });
                offset = end;
                dts = dts.checked_add(i64::from(entry.duration.or(traf.tfhd.default_sample_duration)?))?;
            }
        }
    }
    Some(())
}
