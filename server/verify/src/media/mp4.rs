//! Fragmented MP4 (ISO/IEC 14496-12; CMAF, ISO/IEC 23000-19).

use mp4_atom::{Atom, Avcc, Codec, Decode, Header, Hvcc, Moof, Moov, Traf};

use super::{Chunk, Error, Init, Kind, Run, Track, key_unit, micros};
use crate::Micros;

/// `sample_is_non_sync_sample` (8.8.3.1).
const NOT_SYNC: u32 = 0x0001_0000;

/// A box: its kind, and where its body begins and ends in the text.
struct Part<'a> {
    kind: [u8; 4],
    at: usize,
    body: &'a [u8],
}

/// The boxes of one level.
fn boxes(bytes: &[u8]) -> Result<Vec<Part<'_>>, Error> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let mut rest = bytes.get(at..).unwrap_or_default();
        let whole = rest.len();
        let broken = |what: &str| Error::Broken(format!("{what} at byte {at}"));
        let header = Header::decode(&mut rest).map_err(|_| broken("no box's header"))?;
        let begin = at + (whole - rest.len());
        let size = header.size.unwrap_or(rest.len());
        let body = rest.get(..size).ok_or_else(|| broken(&format!("box {} is cut off", header.kind)))?;
        out.push(Part { kind: header.kind.into(), at, body });
        at = begin + size;
    }
    Ok(out)
}

/// Reads a header (`EXT-X-MAP`).
///
/// # Errors
/// When there is no readable `moov` in it.
pub fn init(bytes: &[u8]) -> Result<Init, Error> {
    let parts = boxes(bytes)?;
    let moov =
        parts.iter().find(|p| &p.kind == b"moov").ok_or_else(|| Error::Broken("there is no moov in it".into()))?;
    let mut body = moov.body;
    let moov = Moov::decode_body(&mut body).map_err(|e| Error::Broken(format!("its moov cannot be read: {e}")))?;
    let mut tracks: Vec<Track> = Vec::new();
    for trak in &moov.trak {
        let id = trak.tkhd.track_id;
        let trex = moov.mvex.iter().flat_map(|m| &m.trex).find(|t| t.track_id == id);
        let entry = trak.mdia.minf.stbl.stsd.codecs.first();
        let described = entry.map(describe).unwrap_or_else(|| Described::other("", Kind::Other));
        let kind = match &trak.mdia.hdlr.handler.to_string()[..] {
            "vide" => Kind::Picture,
            "soun" => Kind::Sound,
            _ => described.kind,
        };
        tracks.push(Track {
            id,
            kind,
            timescale: trak.mdia.mdhd.timescale,
            codec: described.codec.clone(),
            size: described.size,
            encrypted: described.encrypted,
            nal_length: described.nal_length,
            aac_rate: match entry {
                // The field has sixteen bits: higher rates do not fit.
                Some(Codec::Mp4a(e))
                    if trak.mdia.mdhd.timescale < 1 << 16 && described.codec.starts_with("mp4a.40") =>
                {
                    Some(u32::from(e.audio.sample_rate.integer())).filter(|rate| *rate > 0)
                }
                _ => None,
            },
            defaults: trex.map_or((0, 0), |t| (t.default_sample_duration, t.default_sample_flags)),
        });
    }
    tracks.sort_by_key(|t| t.kind);
    Ok(Init { tracks })
}

struct Described {
    kind: Kind,
    codec: String,
    size: Option<(u16, u16)>,
    encrypted: bool,
    nal_length: Option<u8>,
}

impl Described {
    fn other(codec: &str, kind: Kind) -> Self {
        Self { kind, codec: codec.into(), size: None, encrypted: false, nal_length: None }
    }

    fn picture(codec: String, visual: &mp4_atom::Visual, nal_length: Option<u8>) -> Self {
        let size = Some((visual.width, visual.height));
        Self { kind: Kind::Picture, codec, size, encrypted: false, nal_length }
    }
}

fn describe(entry: &Codec) -> Described {
    let sound = |codec: &str| Described::other(codec, Kind::Sound);
    match entry {
        Codec::Avc1(e) => Described::picture(h264("avc1", &e.avcc), &e.visual, Some(e.avcc.length_size)),
        Codec::Hvc1(e) => Described::picture(h265("hvc1", &e.hvcc), &e.visual, Some(4)),
        Codec::Hev1(e) => Described::picture(h265("hev1", &e.hvcc), &e.visual, Some(4)),
        Codec::Av01(e) => Described::picture("av01".into(), &e.visual, None),
        Codec::Vp09(e) => Described::picture("vp09".into(), &e.visual, None),
        Codec::Mp4a(e) => match (e.esds.es_desc.dec_config.object_type_indication, &e.esds.es_desc.dec_config) {
            (0x40, config) => match config.dec_specific.as_ref().map(|s| s.profile) {
                Some(profile) if profile > 0 => sound(&format!("mp4a.40.{profile}")),
                _ => sound("mp4a.40"),
            },
            (other, _) => sound(&format!("mp4a.{other:02x}")),
        },
        Codec::Opus(_) => sound("opus"),
        Codec::Ac3(_) => sound("ac-3"),
        Codec::Eac3(_) => sound("ec-3"),
        Codec::Flac(_) => sound("flac"),
        Codec::Wvtt(_) => Described::other("wvtt", Kind::Other),
        Codec::Unknown(four, _) => {
            let name = four.to_string();
            let kind = match &name[..] {
                "encv" => Kind::Picture,
                "enca" => Kind::Sound,
                _ => Kind::Other,
            };
            Described { encrypted: name.starts_with("enc"), ..Described::other(&name, kind) }
        }
        _ => Described::other("", Kind::Other),
    }
}

fn h264(name: &str, avcc: &Avcc) -> String {
    let (profile, compatible, level) =
        (avcc.avc_profile_indication, avcc.profile_compatibility, avcc.avc_level_indication);
    format!("{name}.{profile:02X}{compatible:02X}{level:02X}")
}

/// The sample entry's name alone: the rest of an H.265 codec string is written in too many ways to be compared.
fn h265(name: &str, _: &Hvcc) -> String {
    name.into()
}

/// Reads the fragments of a segment or part.
///
/// # Errors
/// When a box is broken, there is no fragment, or nothing is known of its tracks.
pub fn fragment(bytes: &[u8], init: Option<&Init>) -> Result<Chunk, Error> {
    let parts = boxes(bytes)?;
    let inside;
    let init = match init {
        Some(init) => init,
        // Self-initializing segments.
        None if parts.iter().any(|p| &p.kind == b"moov") => {
            inside = self::init(bytes)?;
            &inside
        }
        None => return Err(Error::NotRead("a fragment without a header")),
    };
    let mut chunk = Chunk { runs: Vec::new() };
    let mut moofs = 0;
    for part in parts.iter().filter(|p| &p.kind == b"moof") {
        moofs += 1;
        let mut body = part.body;
        let moof = Moof::decode_body(&mut body).map_err(|e| Error::Broken(format!("its moof cannot be read: {e}")))?;
        for traf in &moof.traf {
            add(&mut chunk, traf, init, bytes.get(part.at..).unwrap_or_default())?;
        }
    }
    if moofs == 0 {
        let found: Vec<String> = parts.iter().map(|p| String::from_utf8_lossy(&p.kind).into_owned()).collect();
        return Err(Error::Broken(format!("there is no fragment in it, but {}", found.join(", "))));
    }
    Ok(chunk)
}

fn add(chunk: &mut Chunk, traf: &Traf, init: &Init, bytes: &[u8]) -> Result<(), Error> {
    let id = traf.tfhd.track_id;
    let unknown = || Error::Broken(format!("its track {id} is not in the header"));
    let track = init.tracks.iter().find(|t| t.id == id).ok_or_else(unknown)?;
    let default_duration = traf.tfhd.default_sample_duration.unwrap_or(track.defaults.0);
    let default_flags = traf.tfhd.default_sample_flags.unwrap_or(track.defaults.1);
    let start = traf.tfdt.as_ref().map(|t| t.base_media_decode_time);
    let start = start.ok_or_else(|| Error::Broken(format!("track {id} has no tfdt")))?;
    let (mut ticks, mut samples, mut first_flags) = (0u64, 0u64, None);
    let mut earliest: Option<i128> = None;
    let mut broken_frame = None;
    for run in &traf.trun {
        for sample in run.samples.iter().take(1_000_000) {
            first_flags.get_or_insert(sample.flags.unwrap_or(default_flags));
            let shown = i128::from(ticks) + i128::from(sample.cts.unwrap_or(0));
            earliest = Some(earliest.map_or(shown, |e| e.min(shown)));
            let length = sample.duration.unwrap_or(default_duration);
            if track.aac_rate.is_some_and(|rate| !is_aac_frame(length, track.timescale, rate)) {
                broken_frame.get_or_insert(micros(u64::from(length), track.timescale));
            }
            ticks = ticks.saturating_add(u64::from(length));
            samples += 1;
        }
    }
    let flagged = first_flags.map(|f| f & NOT_SYNC == 0);
    let key = match track.kind {
        Kind::Picture if !track.encrypted => {
            let offset = traf.trun.first().and_then(|t| t.data_offset).and_then(|o| usize::try_from(o).ok());
            let size = traf.trun.first().and_then(|t| t.samples.iter().next()).and_then(|s| s.size);
            let size = size.or(traf.tfhd.default_sample_size).map(|s| s as usize);
            let data = offset.zip(size).and_then(|(o, s)| bytes.get(o..o.checked_add(s)?));
            let coded =
                data.zip(track.nal_length).and_then(|(d, n)| starts_with_key(d, n, track.codec.starts_with('h')));
            // A frame that is flagged as a key frame and holds none is none.
            flagged.map(|flagged| flagged && coded.unwrap_or(true))
        }
        Kind::Picture => flagged,
        _ => Some(true),
    };
    let at = micros(start, track.timescale);
    let shift = earliest.unwrap_or(0) * 1_000_000 / i128::from(track.timescale.max(1));
    let shown = at.saturating_add(Micros::try_from(shift).unwrap_or(0));
    let duration = micros(ticks, track.timescale);
    match chunk.runs.iter_mut().find(|r| r.kind == track.kind) {
        Some(run) => {
            run.duration = micros(start.saturating_add(ticks), track.timescale).saturating_sub(run.start);
            run.samples += samples;
            run.broken_frame = run.broken_frame.or(broken_frame);
            run.shown = run.shown.min(shown);
        }
        None => chunk.runs.push(Run {
            kind: track.kind,
            codec: None,
            start: at,
            shown,
            duration,
            samples,
            broken_frame,
            key,
        }),
    }
    Ok(())
}

/// Whether a sample of this many ticks is a frame of AAC: 1,024 samples of sound, 2,048 with SBR whose rate is told, 960
/// and 1,920 for broadcast; a tick is for rounding.
fn is_aac_frame(ticks: u32, timescale: u32, rate: u32) -> bool {
    let (ticks, timescale, rate) = (u64::from(ticks), u64::from(timescale), u64::from(rate));
    [960, 1024, 1920, 2048].iter().any(|frame| (ticks * rate).abs_diff(frame * timescale) <= rate)
}

/// Whether the access unit's first coded picture is a key frame.
fn starts_with_key(mut sample: &[u8], length_size: u8, h265: bool) -> Option<bool> {
    let size = usize::from(length_size);
    while sample.len() > size {
        let (prefix, rest) = sample.split_at(size);
        let length = prefix.iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
        if let Some(key) = rest.first().and_then(|first| key_unit(*first, h265)) {
            return Some(key);
        }
        sample = rest.get(length..)?;
    }
    None
}
