//! MPEG-2 transport streams (ISO/IEC 13818-1): times from PTS, key frames from NAL units, codecs from the program map.

use std::collections::BTreeMap;

use super::{Chunk, Error, Kind, Run, key_unit, micros};
use crate::Micros;

const PACKET: usize = 188;
/// PTS are 33 bits of 90 kHz.
const WRAP: i64 = 1 << 33;

#[derive(Default)]
struct Stream {
    kind: u8,
    /// PTS of each PES packet, unwrapped, in ticks of 90 kHz.
    times: Vec<i64>,
    /// The first PES packet's decoding time.
    first_dts: Option<i64>,
    /// The payload of its first PES packet, as far as it is needed.
    head: Vec<u8>,
}

/// Reads a segment.
///
/// # Errors
/// When packets are out of step, or there is no program in it.
pub fn transport_stream(bytes: &[u8]) -> Result<Chunk, Error> {
    let mut map_pid = None;
    let mut streams: BTreeMap<u16, Stream> = BTreeMap::new();
    let mut scrambled = false;
    for (index, packet) in bytes.chunks(PACKET).enumerate() {
        let broken = |what: &str| Error::Broken(format!("{what} in packet {index}"));
        if packet.len() < PACKET || packet[0] != 0x47 {
            return Err(broken("no whole packet"));
        }
        let pid = u16::from(packet[1] & 0x1f) << 8 | u16::from(packet[2]);
        let starts = packet[1] & 0x40 != 0;
        scrambled |= packet[3] & 0xc0 != 0;
        let adaptation = packet[3] & 0x20 != 0;
        if packet[3] & 0x10 == 0 {
            continue;
        }
        let skip = if adaptation { 5 + usize::from(packet[4]) } else { 4 };
        let Some(payload) = packet.get(skip..) else { return Err(broken("an adaptation field too long")) };
        if pid == 0 && starts && map_pid.is_none() {
            map_pid = section(payload).and_then(program_map);
        } else if Some(pid) == map_pid && starts && streams.is_empty() {
            for (pid, kind) in section(payload).map(elementary).unwrap_or_default() {
                streams.insert(pid, Stream { kind, ..Stream::default() });
            }
        } else if let Some(stream) = streams.get_mut(&pid) {
            take(stream, payload, starts);
        }
    }
    if scrambled {
        return Err(Error::NotRead("a scrambled transport stream"));
    }
    if streams.is_empty() {
        return Err(Error::Broken("there is no program map in it".into()));
    }
    Ok(Chunk { runs: streams.into_values().filter_map(run).collect() })
}

/// A section's bytes, behind the pointer field.
fn section(payload: &[u8]) -> Option<&[u8]> {
    let rest = payload.get(1 + usize::from(*payload.first()?)..)?;
    let length = usize::from(rest.get(1)? & 0x0f) << 8 | usize::from(*rest.get(2)?);
    // Without its CRC. One that goes on in the next packet is read as far as it is here.
    rest.get(..(3 + length).saturating_sub(4).min(rest.len()))
}

fn program_map(section: &[u8]) -> Option<u16> {
    let programs = section.get(8..)?.chunks_exact(4);
    let mut maps = programs.filter(|p| (p[0], p[1]) != (0, 0)).map(|p| u16::from(p[2] & 0x1f) << 8 | u16::from(p[3]));
    maps.next()
}

fn elementary(section: &[u8]) -> Vec<(u16, u8)> {
    let mut out = Vec::new();
    let info = section.get(10..12).map_or(0, |b| usize::from(b[0] & 0x0f) << 8 | usize::from(b[1]));
    let mut rest = section.get(12 + info..).unwrap_or_default();
    while let [kind, high, low, info_high, info_low, after @ ..] = rest {
        out.push((u16::from(high & 0x1f) << 8 | u16::from(*low), *kind));
        rest = after.get(usize::from(info_high & 0x0f) << 8 | usize::from(*info_low)..).unwrap_or_default();
    }
    out
}

/// How much of a first PES packet is looked at.
const HEAD: usize = 256 * 1024;

fn take(stream: &mut Stream, payload: &[u8], starts: bool) {
    let mut data = payload;
    if starts && let Some((pts, dts, body)) = pes(payload) {
        let unwrap = |time: i64| match stream.times.first() {
            Some(first) => {
                let ahead = (time - first).rem_euclid(WRAP);
                first + if ahead > WRAP / 2 { ahead - WRAP } else { ahead }
            }
            None => time,
        };
        let time = unwrap(pts);
        stream.times.push(time);
        stream.first_dts.get_or_insert(dts.unwrap_or(pts));
        data = body;
    }
    if stream.times.len() <= 1 && stream.head.len() < HEAD {
        stream.head.extend_from_slice(data);
    }
}

/// PTS, DTS and body of a PES packet's beginning (2.4.3.6).
fn pes(bytes: &[u8]) -> Option<(i64, Option<i64>, &[u8])> {
    if bytes.get(..3)? != [0, 0, 1] {
        return None;
    }
    let flags = *bytes.get(7)?;
    let time = |at: usize| {
        let b = bytes.get(at..at + 5)?;
        let n = |i: usize| i64::from(b[i]);
        Some((n(0) >> 1 & 7) << 30 | n(1) << 22 | (n(2) >> 1) << 15 | n(3) << 7 | n(4) >> 1)
    };
    let pts = if flags & 0x80 != 0 { time(9)? } else { return None };
    let dts = if flags & 0x40 != 0 { time(14) } else { None };
    Some((pts, dts, bytes.get(9 + usize::from(*bytes.get(8)?)..).unwrap_or_default()))
}

/// Object type and sample rate of an ADTS header.
fn adts(data: &[u8]) -> Option<(u8, u32)> {
    const RATES: [u32; 13] = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];
    if *data.first()? != 0xff || data.get(1)? & 0xf6 != 0xf0 {
        return None;
    }
    let third = *data.get(2)?;
    Some(((third >> 6) + 1, *RATES.get(usize::from(third >> 2 & 0xf))?))
}

fn run(stream: Stream) -> Option<Run> {
    let (kind, h265) = match stream.kind {
        0x1b => (Kind::Picture, false),
        0x24 => (Kind::Picture, true),
        0x01 | 0x02 => (Kind::Picture, false),
        0x03 | 0x04 | 0x0f | 0x11 | 0x81 | 0x87 => (Kind::Sound, false),
        _ => return None,
    };
    let (least, most) = (*stream.times.iter().min()?, *stream.times.iter().max()?);
    let count = i64::try_from(stream.times.len()).ok()?;
    let span = most - least;
    // The last sample's own length is not written: that of the others, on average.
    let last = if count > 1 { span / (count - 1) } else { 0 };
    let ticks = |t: i64| u64::try_from(t).unwrap_or(0);
    let (key, codec) = match (kind, stream.kind) {
        (Kind::Picture, 0x1b | 0x24) => units(&stream.head, h265),
        (Kind::Picture, _) => (None, None),
        (_, 0x0f) => (Some(true), adts(&stream.head).map(|(object, _)| format!("mp4a.40.{object}"))),
        (_, 0x81) => (Some(true), Some("ac-3".into())),
        (_, 0x87) => (Some(true), Some("ec-3".into())),
        _ => (Some(true), None),
    };
    Some(Run {
        kind,
        codec,
        start: micros(ticks(stream.first_dts.unwrap_or(least)), 90_000),
        shown: micros(ticks(least), 90_000),
        duration: micros(ticks(span + last), 90_000) as Micros,
        samples: stream.times.len() as u64,
        broken_frame: None,
        key,
    })
}

/// Whether the first picture in an Annex B stream is a key frame, and the codec by its parameter set.
fn units(data: &[u8], h265: bool) -> (Option<bool>, Option<String>) {
    let mut codec = h265.then(|| "hvc1".to_owned());
    let mut at = 0;
    while let Some(found) = data.get(at..).and_then(|rest| rest.windows(3).position(|w| w == [0, 0, 1])) {
        let unit = data.get(at + found + 3..).unwrap_or_default();
        if let ([first, profile, compatible, level, ..], false) = (unit, h265)
            && first & 0x1f == 7
        {
            codec = Some(format!("avc1.{profile:02X}{compatible:02X}{level:02X}"));
        }
        if let Some(key) = unit.first().and_then(|first| key_unit(*first, h265)) {
            return (Some(key), codec);
        }
        at += found + 3;
    }
    (None, codec)
}
