//! Real media: encoded once by ffmpeg, cut into fragments of five frames, and ways to spoil them.

use std::{
    path::Path,
    process::Command,
    sync::{Arc, OnceLock},
};

use bytes::{Bytes, BytesMut};
use mp4_atom::{Decode, Encode, Moof, TrunSamples};

pub fn ffmpeg(args: &[&str]) {
    let run = Command::new("ffmpeg").args(["-v", "error", "-nostdin", "-y"]).args(args).output();
    let run = run.unwrap_or_else(|e| panic!("ffmpeg (apt package ffmpeg): {e}"));
    assert!(run.status.success(), "ffmpeg {args:?}: {}", String::from_utf8_lossy(&run.stderr));
}

/// A rendition: a header, and fragments of equal length.
#[derive(Clone)]
pub struct Track {
    pub name: &'static str,
    pub init: Bytes,
    pub chunks: Arc<Vec<Bytes>>,
    /// Microseconds of a fragment.
    pub part: u64,
    pub sound: bool,
}

/// Seconds of media.
pub const LENGTH: u64 = 90;

/// `hi` and `lo` of one angle, `b` of another, and the sound.
pub fn tracks() -> &'static [Track; 4] {
    static TRACKS: OnceLock<[Track; 4]> = OnceLock::new();
    TRACKS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let hi = picture(folder.path(), "hi", "160x90");
        let lo = picture(folder.path(), "lo", "96x54");
        let b = Track { name: "b", ..hi.clone() };
        [hi, lo, b, sound(folder.path())]
    })
}

const FRAGMENTS: [&str; 6] =
    ["-movflags", "empty_moov+default_base_moof+skip_trailer", "-frag_duration", "200000", "-f", "mp4"];

fn picture(folder: &Path, name: &'static str, size: &str) -> Track {
    let source = format!("testsrc=size={size}:rate=25:duration={LENGTH}");
    let file = folder.join(name);
    let input = ["-f", "lavfi", "-i", &source, "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"];
    let code = ["-g", "25", "-keyint_min", "25", "-sc_threshold", "0", "-crf", "40", "-pix_fmt", "yuv420p"];
    ffmpeg(&[&input[..], &code, &FRAGMENTS, &[file.to_str().unwrap()]].concat());
    split(name, &std::fs::read(file).unwrap(), 200_000, false)
}

fn sound(folder: &Path) -> Track {
    let source = format!("sine=frequency=440:sample_rate=48000:duration={LENGTH}");
    let file = folder.join("au");
    let input = ["-f", "lavfi", "-i", &source, "-c:a", "aac", "-b:a", "64k", "-ac", "1"];
    ffmpeg(&[&input[..], &FRAGMENTS, &[file.to_str().unwrap()]].concat());
    // Ten AAC frames of 1,024 samples.
    split("au", &std::fs::read(file).unwrap(), 213_333, true)
}

/// The boxes of a file: kind, begin, end.
fn boxes(bytes: &[u8]) -> Vec<([u8; 4], usize, usize)> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let size = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        out.push((bytes[at + 4..at + 8].try_into().unwrap(), at, at + size));
        at += size;
    }
    out
}

fn split(name: &'static str, bytes: &[u8], part: u64, sound: bool) -> Track {
    let all = boxes(bytes);
    let first = all.iter().find(|b| &b.0 == b"moof").unwrap().1;
    let moofs = all.iter().filter(|b| &b.0 == b"moof");
    let chunks: Vec<Bytes> = moofs
        .map(|moof| {
            let mdat = all.iter().find(|b| &b.0 == b"mdat" && b.1 == moof.2).unwrap();
            Bytes::copy_from_slice(&bytes[moof.1..mdat.2])
        })
        .collect();
    Track { name, init: Bytes::copy_from_slice(&bytes[..first]), chunks: Arc::new(chunks), part, sound }
}

/// Puts every fragment later by this many milliseconds.
pub fn later(bytes: Bytes, timescale: u64, millis: u64) -> Bytes {
    let mut out = BytesMut::from(&bytes[..]);
    let places: Vec<usize> = (0..out.len().saturating_sub(4)).filter(|i| &out[*i..i + 4] == b"tfdt").collect();
    for at in places {
        assert_eq!(out[at + 4], 1, "64 bits of time");
        let time = u64::from_be_bytes(out[at + 8..at + 16].try_into().unwrap()) + timescale * millis / 1000;
        out[at + 8..at + 16].copy_from_slice(&time.to_be_bytes());
    }
    out.freeze()
}

/// Lets every sample last this many ticks.
pub fn lasting(bytes: Bytes, ticks: u32) -> Bytes {
    let all = boxes(&bytes);
    let (_, begin, end) = *all.iter().find(|b| &b.0 == b"moof").unwrap();
    let mut moof = Moof::decode(&mut &bytes[begin..end]).unwrap();
    for traf in &mut moof.traf {
        traf.tfhd.default_sample_duration = Some(ticks);
        for run in &mut traf.trun {
            if let TrunSamples::Explicit(samples) = &mut run.samples {
                samples.iter_mut().for_each(|sample| sample.duration = None);
            }
        }
    }
    let encoded = |moof: &Moof| {
        let mut out = Vec::new();
        moof.encode(&mut out).unwrap();
        out
    };
    // The samples have moved by what the header has become shorter.
    let moved = encoded(&moof).len() as i32 - (end - begin) as i32;
    for run in moof.traf.iter_mut().flat_map(|traf| &mut traf.trun) {
        run.data_offset = run.data_offset.map(|offset| offset + moved);
    }
    let mut out = encoded(&moof);
    out.extend_from_slice(&bytes[end..]);
    out.into()
}

/// Turns the key frame of a segment into what is none.
pub fn without_key(bytes: Bytes) -> Bytes {
    let mut out = BytesMut::from(&bytes[..]);
    let (_, begin, end) = *boxes(&bytes).iter().find(|b| &b.0 == b"mdat").unwrap();
    let mut at = begin + 8;
    while at + 4 < end {
        let size = u32::from_be_bytes(out[at..at + 4].try_into().unwrap()) as usize;
        if out[at + 4] & 0x1f == 5 {
            out[at + 4] = (out[at + 4] & 0xe0) | 1;
        }
        at += 4 + size;
    }
    out.freeze()
}

/// Adds an empty box.
pub fn longer(bytes: Bytes) -> Bytes {
    let mut out = BytesMut::from(&bytes[..]);
    out.extend_from_slice(b"\0\0\0\x08free");
    out.freeze()
}
