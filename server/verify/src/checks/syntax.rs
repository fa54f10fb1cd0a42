//! What the text of a playlist says, by itself.

use crate::{
    SECOND,
    observe::{Rendition, Top},
    playlist::{Fault, FaultKind, Media, PlaylistType},
    report::{At, Findings},
    rules::{
        BAD_LINE, MIXED, NO_HEADER, NO_INDEPENDENT, NO_MAP, NO_TARGET, OVER_TARGET, Rule, TAGS_LATE, VERSION,
        VERSION_HIGH, VOD_OPEN,
    },
    seconds,
};

pub(super) fn multivariant(top: &Top, findings: &mut Findings) {
    let at = At::new(&top.url);
    if !top.list.header {
        findings.add(&NO_HEADER, at.line(1), "#EXTM3U on the first line", "something else");
    }
    faults(&top.list.faults, at, findings);
    // Section 8 allows 4 for EXT-X-MEDIA; 7 and more are for attributes that say so.
    let more = |group: &crate::playlist::Group| group.attributes.get("INSTREAM-ID").is_some();
    let most = if top.list.groups.iter().any(more) { 7 } else { 4 };
    if !top.list.newer {
        too_high(top.list.version, most, at, findings);
    }
}

/// What may say more than its tags need, and does.
fn too_high(version: Option<u64>, most: u64, at: At<'_>, findings: &mut Findings) {
    if let Some(version) = version.filter(|v| *v > most) {
        findings.add(&VERSION_HIGH, at, format!("EXT-X-VERSION of at most {most}"), version.to_string());
    }
}

fn faults(faults: &[Fault], at: At<'_>, findings: &mut Findings) {
    for fault in faults {
        let (rule, expected): (&'static Rule, _) = match fault.kind {
            FaultKind::Form => (&BAD_LINE, "a tag, an attribute list or a URI in its form"),
            FaultKind::Mixed => (&MIXED, "tags of one kind of playlist"),
            FaultKind::Late => (&TAGS_LATE, "before the segment's first EXT-X-PART"),
        };
        findings.add(rule, at.line(fault.line), expected, &fault.what);
    }
}

pub(super) fn media(rendition: &Rendition, findings: &mut Findings) {
    let at = At::new(&rendition.url);
    for edition in &rendition.editions {
        faults(&edition.list.faults, at, findings);
        list(&edition.list, at, findings);
    }
    let Some(last) = rendition.last() else { return };
    if !last.independent && !last.i_frames && !only_sound(rendition) {
        findings.add(&NO_INDEPENDENT, at, "EXT-X-INDEPENDENT-SEGMENTS", "nothing of the kind");
    }
    if last.kind == Some(PlaylistType::Vod) && !last.ended {
        findings.add(&VOD_OPEN, at, "EXT-X-ENDLIST", "EXT-X-PLAYLIST-TYPE:VOD and no end");
    }
}

/// Whether there are no pictures in it, so that every segment is independent anyway.
fn only_sound(rendition: &Rendition) -> bool {
    use crate::{media::Kind, observe::Role};
    match rendition.role {
        Role::Sound(_) | Role::Subtitles => true,
        _ => {
            let chunks = || rendition.media.values().filter_map(|g| g.chunk.as_ref().ok());
            chunks().next().is_some() && chunks().all(|c| c.of(Kind::Picture).is_none())
        }
    }
}

fn list(list: &Media, at: At<'_>, findings: &mut Findings) {
    if !list.header {
        findings.add(&NO_HEADER, at.line(1), "#EXTM3U on the first line", "something else");
    }
    let (needed, tag) = list.needs;
    let version = list.version.unwrap_or(1);
    if version < needed {
        findings.add(&VERSION, at, format!("EXT-X-VERSION of at least {needed} for {tag}"), version.to_string());
    }
    // A server that skips segments for some says 9 to all: a delta update is the full playlist otherwise.
    let skips = if list.control_time("CAN-SKIP-UNTIL").is_some() { 9 } else { 1 };
    too_high(list.version, needed.max(skips), at, findings);
    let Some(target) = list.target else {
        findings.add(&NO_TARGET, at, "EXT-X-TARGETDURATION", "none");
        return;
    };
    for segment in list.whole() {
        let rounded = (segment.duration + SECOND / 2) / SECOND;
        if u64::try_from(rounded).unwrap_or(u64::MAX) > target {
            let expected = format!("at most {target} s when rounded");
            findings.add(&OVER_TARGET, at.line(segment.line).msn(segment.msn), expected, seconds(segment.duration));
        }
    }
    let fragmented = |s: &&crate::playlist::Segment| {
        let path = s.uri.as_deref().unwrap_or("").split(['?', '#']).next().unwrap_or("");
        s.map.is_none() && !s.gap && [".m4s", ".cmfv", ".cmfa"].iter().any(|end| path.ends_with(end))
    };
    if let Some(segment) = list.whole().find(fragmented) {
        findings.add(&NO_MAP, at.line(segment.line).msn(segment.msn), "EXT-X-MAP before a fragment", "none");
    }
}
