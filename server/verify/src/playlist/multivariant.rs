//! Multivariant playlists (rfc8216bis, 4.4.6).

use super::{Attributes, Fault, FaultKind, has_header, integer, lines};

/// What there is to choose from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Multivariant {
    /// Whether the first line is `#EXTM3U`.
    pub header: bool,
    /// `EXT-X-INDEPENDENT-SEGMENTS`.
    pub independent: bool,
    /// `EXT-X-STREAM-INF` with their URIs.
    pub streams: Vec<Stream>,
    /// `EXT-X-MEDIA`.
    pub groups: Vec<Group>,
    /// How many `EXT-X-I-FRAME-STREAM-INF` there are.
    pub i_frames: usize,
    /// `EXT-X-VERSION`.
    pub version: Option<u64>,
    /// Whether it has variables or required attributes (`REQ-`), which came with later versions.
    pub newer: bool,
    /// Lines that are not as they should be.
    pub faults: Vec<Fault>,
}

/// A variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The tag's line.
    pub line: usize,
    /// Its attributes.
    pub attributes: Attributes,
    /// Its media playlist.
    pub uri: String,
}

/// A rendition of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The tag's line.
    pub line: usize,
    /// Its attributes.
    pub attributes: Attributes,
}

impl Group {
    /// `TYPE`: `AUDIO`, `VIDEO`, `SUBTITLES` or `CLOSED-CAPTIONS`.
    pub fn kind(&self) -> &str {
        self.attributes.get("TYPE").unwrap_or("")
    }

    /// `GROUP-ID`.
    pub fn id(&self) -> &str {
        self.attributes.get("GROUP-ID").unwrap_or("")
    }
}

const SEGMENT_TAGS: [&str; 6] =
    ["#EXTINF", "#EXT-X-TARGETDURATION", "#EXT-X-MEDIA-SEQUENCE", "#EXT-X-PART", "#EXT-X-MAP", "#EXT-X-ENDLIST"];

pub(super) fn read(text: &str) -> Multivariant {
    let mut out = Multivariant { header: has_header(text), ..Multivariant::default() };
    let mut open: Option<(usize, Attributes)> = None;
    for (line, content) in lines(text) {
        out.newer |= content.starts_with("#EXT-X-DEFINE") || content.contains("REQ-");
        let mut fault = |kind, what: String| out.faults.push(Fault { line, what, kind });
        let mut list = |text: &str| {
            let (attributes, wrong) = Attributes::read(text);
            if let Some(what) = wrong {
                fault(FaultKind::Form, what);
            }
            attributes
        };
        if let Some(rest) = content.strip_prefix("#EXT-X-STREAM-INF:") {
            let attributes = list(rest);
            if open.replace((line, attributes)).is_some() {
                fault(FaultKind::Form, "the EXT-X-STREAM-INF before has no URI".into());
            }
        } else if let Some(rest) = content.strip_prefix("#EXT-X-MEDIA:") {
            let attributes = list(rest);
            for name in ["TYPE", "GROUP-ID", "NAME"] {
                if attributes.get(name).is_none() {
                    fault(FaultKind::Form, format!("EXT-X-MEDIA has no {name}"));
                }
            }
            out.groups.push(Group { line, attributes });
        } else if content.starts_with("#EXT-X-I-FRAME-STREAM-INF:") {
            out.i_frames += 1;
        } else if content.starts_with("#EXT-X-INDEPENDENT-SEGMENTS") {
            out.independent = true;
        } else if let Some(rest) = content.strip_prefix("#EXT-X-VERSION:") {
            out.version = integer(rest);
        } else if SEGMENT_TAGS.iter().any(|tag| content.starts_with(tag)) {
            fault(FaultKind::Mixed, format!("{content} in a multivariant playlist"));
        } else if !content.starts_with('#') {
            match open.take() {
                Some((line, attributes)) => {
                    out.streams.push(Stream { line, attributes, uri: content.to_owned() });
                }
                None => fault(FaultKind::Form, format!("`{content}` follows no EXT-X-STREAM-INF")),
            }
        }
    }
    if let Some((line, _)) = open {
        out.faults.push(Fault { line, what: "this EXT-X-STREAM-INF has no URI".into(), kind: FaultKind::Form });
    }
    out
}
