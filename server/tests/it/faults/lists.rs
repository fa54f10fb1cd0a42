//! What a playlist says of each whole segment.

use crate::server::resolve;

#[derive(Clone, Debug)]
pub struct Segment {
    pub msn: u64,
    pub gap: bool,
    /// Whether a discontinuity stands before it.
    pub broken: bool,
    /// Paths from the root.
    pub uri: String,
    pub map: String,
    /// PROGRAM-DATE-TIME, milliseconds since 1970.
    pub starts: i64,
    /// Milliseconds.
    pub length: i64,
}

/// The whole segments of the media playlist at `path`.
pub fn segments(path: &str, list: &str) -> Vec<Segment> {
    let (mut found, mut map) = (Vec::new(), String::new());
    let (mut gap, mut broken, mut starts, mut length) = (false, false, 0, 0);
    for line in list.lines() {
        match line.split_once(':').unwrap_or((line, "")) {
            ("#EXT-X-GAP", _) => gap = true,
            ("#EXT-X-DISCONTINUITY", _) => broken = true,
            ("#EXT-X-MAP", said) => {
                map = resolve(path, said.split('"').nth(1).expect("a header's address"));
            }
            ("#EXT-X-PROGRAM-DATE-TIME", said) => starts = millis(said),
            ("#EXTINF", said) => {
                let seconds: f64 = said.trim_end_matches(',').parse().expect("a length");
                length = (seconds * 1e3).round() as i64;
            }
            _ if !line.starts_with('#') && !line.is_empty() => {
                let name = line.rsplit('/').next().and_then(|name| name.strip_suffix(".m4s"));
                found.push(Segment {
                    msn: name.and_then(|name| name.parse().ok()).expect("a segment's number"),
                    gap: std::mem::take(&mut gap),
                    broken: std::mem::take(&mut broken),
                    uri: resolve(path, line),
                    map: map.clone(),
                    starts,
                    length,
                });
            }
            _ => {}
        }
    }
    found
}

fn millis(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().expect("RFC 3339").as_millisecond()
}

/// The segment and part that a low-latency playlist hints at: what comes next.
pub fn hint(list: &str) -> (u64, u64) {
    let line = list.lines().find(|line| line.starts_with("#EXT-X-PRELOAD-HINT")).expect("a hint");
    let name = line.rsplit('/').next().and_then(|name| name.strip_suffix(".m4s\"")).expect("a part's name");
    let (msn, part) = name.split_once('.').expect("segment and part");
    (msn.parse().expect("a number"), part.parse().expect("a number"))
}
