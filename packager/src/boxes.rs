//! CMAF boxes: the header of a rendition and the fragment of a part (ISO/IEC 14496-12, 23000-19).

use bytes::Bytes;
use mp4_atom::{
    Atom, Audio, Avc1, Codec, Dinf, Dref, Encode, Esds, FixedPoint, Ftyp, Hdlr, Matrix, Mdhd, Mdia, Mfhd, Minf, Moof,
    Moov, Mp4a, Mvex, Mvhd, Smhd, Stbl, Stco, Stsd, Tfdt, Tfhd, Tkhd, Traf, Trak, Trex, Trun, TrunEntry, TrunSamples,
    Url, Visual, Vmhd, esds,
};

use crate::{Format, FormatError};

/// `sample_flags` of a sample that depends on no other and at which decoding may start (14496-12, 8.8.3.1).
pub const KEY_SAMPLE: u32 = 0x0200_0000;
/// `sample_flags` of a sample that depends on others.
pub const DEPENDENT_SAMPLE: u32 = 0x0101_0000;

const TRACK: u32 = 1;

/// The header (`ftyp`, `moov`) of a rendition.
///
/// # Errors
/// When the format's parameters cannot be put into boxes.
pub fn header(format: &Format, timescale: u32) -> Result<Bytes, FormatError> {
    let (codec, minf, handler, width, height) = match format {
        Format::H264 { width, height, avcc, .. } => {
            let avcc = Format::parse_avcc(avcc)?;
            let visual = Visual { data_reference_index: 1, width: *width, height: *height, ..Visual::default() };
            let entry = Avc1 { visual, avcc, ..Avc1::default() };
            (Codec::from(entry), Minf { vmhd: Some(Vmhd::default()), ..Minf::default() }, b"vide", *width, *height)
        }
        Format::Aac { rate, channels } => {
            let minf = Minf { smhd: Some(Smhd::default()), ..Minf::default() };
            (Codec::from(aac_entry(*rate, *channels)?), minf, b"soun", 0, 0)
        }
    };
    let sound = handler == b"soun";
    let stbl = Stbl { stsd: Stsd { codecs: vec![codec] }, stco: Some(Stco::default()), ..Stbl::default() };
    let dinf = Dinf { dref: Dref { entries: vec![Url::default().into()] } };
    let moov = Moov {
        mvhd: Mvhd { timescale, rate: 1.into(), volume: 1.into(), next_track_id: TRACK + 1, ..Mvhd::default() },
        mvex: Some(Mvex {
            mehd: None,
            trex: vec![Trex { track_id: TRACK, default_sample_description_index: 1, ..Trex::default() }],
        }),
        trak: vec![Trak {
            tkhd: Tkhd {
                track_id: TRACK,
                enabled: true,
                in_movie: true,
                volume: if sound { 1.into() } else { FixedPoint::default() },
                matrix: Matrix::default(),
                width: width.into(),
                height: height.into(),
                ..Tkhd::default()
            },
            mdia: Mdia {
                mdhd: Mdhd { timescale, language: "und".into(), ..Mdhd::default() },
                hdlr: Hdlr { handler: (*handler).into(), name: "Virage".into() },
                minf: Minf { dinf, stbl, ..minf },
            },
            ..Trak::default()
        }],
        ..Moov::default()
    };
    let ftyp = Ftyp {
        major_brand: b"iso6".into(),
        minor_version: 0,
        compatible_brands: vec![b"iso6".into(), b"cmfc".into(), b"mp41".into()],
    };
    let mut out = Vec::with_capacity(1024);
    encode(&ftyp, &mut out);
    encode(&moov, &mut out);
    Ok(out.into())
}

fn aac_entry(rate: u32, channels: u8) -> Result<Mp4a, FormatError> {
    // The index of ISO/IEC 14496-3, table 1.18.
    const RATES: [u32; 13] =
        [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
    let index = RATES.iter().position(|&r| r == rate).ok_or(FormatError::AacRate(rate))?;
    let specific = esds::DecoderSpecific {
        profile: 2,
        freq_index: u8::try_from(index).unwrap_or(15),
        chan_conf: channels,
        ..Default::default()
    };
    let dec_config = esds::DecoderConfig {
        object_type_indication: 0x40,
        stream_type: 5,
        dec_specific: Some(specific),
        ..Default::default()
    };
    Ok(Mp4a {
        audio: Audio {
            data_reference_index: 1,
            channel_count: u16::from(channels),
            sample_size: 16,
            // Rates over 65,535 Hz do not fit here; players read the decoder's own configuration.
            sample_rate: u16::try_from(rate).unwrap_or(0).into(),
        },
        esds: Esds { es_desc: esds::EsDescriptor { es_id: 1, dec_config, ..Default::default() } },
        btrt: None,
        taic: None,
    })
}

/// One sample of a fragment.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Its length in ticks.
    pub duration: u32,
    /// Presentation less decoding time, in ticks.
    pub cts: i32,
    /// Whether decoding may start here.
    pub key: bool,
    /// Its bytes.
    pub data: Bytes,
}

/// A fragment (`moof`, `mdat`) with these samples; `decode_time` in ticks of media time.
pub fn fragment(sequence: u32, decode_time: u64, samples: &[Sample]) -> Bytes {
    let entry = |sample: &Sample| TrunEntry {
        duration: Some(sample.duration),
        size: Some(u32::try_from(sample.data.len()).unwrap_or(u32::MAX)),
        flags: Some(if sample.key { KEY_SAMPLE } else { DEPENDENT_SAMPLE }),
        cts: Some(i64::from(sample.cts)),
    };
    let sound = samples.iter().all(|s| s.key && s.cts == 0 && s.duration == 1024);
    let entry = |sample| {
        let entry = entry(sample);
        // Every AAC frame is alike: the defaults in tfhd say so once.
        if sound { TrunEntry { duration: None, flags: None, cts: None, ..entry } } else { entry }
    };
    let mut moof = Moof {
        mfhd: Mfhd { sequence_number: sequence },
        traf: vec![Traf {
            tfhd: Tfhd {
                track_id: TRACK,
                default_base_is_moof: true,
                default_sample_duration: sound.then_some(1024),
                default_sample_flags: sound.then_some(KEY_SAMPLE),
                ..Tfhd::default()
            },
            tfdt: Some(Tfdt { base_media_decode_time: decode_time }),
            trun: vec![Trun {
                data_offset: Some(0),
                samples: TrunSamples::Explicit(samples.iter().map(entry).collect()),
            }],
            ..Traf::default()
        }],
    };
    let payload: usize = samples.iter().map(|s| s.data.len()).sum();
    let mut out = Vec::with_capacity(payload + 128 + samples.len() * 16);
    encode(&moof, &mut out);
    // The box's length does not depend on the offset's value.
    let offset = i32::try_from(out.len() + 8).unwrap_or(i32::MAX);
    moof.traf[0].trun[0].data_offset = Some(offset);
    out.clear();
    encode(&moof, &mut out);
    out.extend_from_slice(&u32::try_from(payload + 8).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(b"mdat");
    for sample in samples {
        out.extend_from_slice(&sample.data);
    }
    out.into()
}

fn encode(atom: &(impl Atom + Encode), out: &mut Vec<u8>) {
    // Encoding fails only for boxes over 4 GiB and texts with NULs; ours are neither.
    let written = atom.encode(out);
    debug_assert!(written.is_ok(), "{written:?}");
}
