//! Rendition reports, against what the reported playlists themselves said at the time.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    follow::duration,
    observe::{Edition, Presentation, Rendition, Role},
    playlist::{RenditionReport, Segment},
    report::{At, Findings},
    rules::{NO_REPORTS, REPORT_WRONG},
};

pub(super) fn check(seen: &Presentation, findings: &mut Findings) {
    let low: Vec<&Rendition> = seen.renditions.iter().filter(|r| r.low_latency()).collect();
    if low.len() < 2 {
        return;
    }
    for rendition in &low {
        let Some(last) = rendition.last() else { continue };
        if last.reports.is_empty() && rendition.role != Role::Subtitles {
            findings.add(&NO_REPORTS, At::new(&rendition.url), "EXT-X-RENDITION-REPORT", "none");
        }
        for other in &low {
            of(rendition, other, findings);
        }
    }
}

/// What one playlist reports of another. What a report leaves out is as in the playlist that it is in (4.4.5.4).
fn of(rendition: &Rendition, other: &Rendition, findings: &mut Findings) {
    let at = At::new(&rendition.url);
    let segments = other.segments();
    let mut places = Vec::new();
    for edition in &rendition.editions {
        for report in edition.list.reports.iter().filter(|r| names(rendition, r, other)) {
            let at = at.line(report.line);
            let own = edition.list.last_part();
            let Some(msn) = report.msn.or(own.map(|o| o.0)) else {
                findings.add(&REPORT_WRONG, at, "LAST-MSN", "none");
                continue;
            };
            if let Some((expected, found)) = wrong(other, edition.at, msn) {
                findings.add(&REPORT_WRONG, at, format!("LAST-MSN {expected} of {}", report.uri), found);
            }
            // A gap has no part to be named.
            let has_parts = segments.get(&msn).is_some_and(|s| !s.gap && !s.parts.is_empty());
            let left_out = own.filter(|_| has_parts).map(|o| o.1 as u64);
            if let Some(part) = report.part.or(left_out) {
                places.push((edition, report, (msn, part)));
            }
        }
    }
    parts(rendition, other, &segments, &places, findings);
}

/// Whether a report is of this playlist.
fn names(rendition: &Rendition, report: &RenditionReport, other: &Rendition) -> bool {
    let place =
        |url: &url::Url| (url.host_str().map(str::to_owned), url.port_or_known_default(), url.path().to_owned());
    rendition.url.join(&report.uri).is_ok_and(|url| place(&url) == place(&other.url))
}

/// The segment in which a report should have been, when it is wrong by more than what travels could explain.
fn wrong(other: &Rendition, at: Duration, msn: u64) -> Option<(String, String)> {
    let target = duration(other.last()?.target_micros());
    let state = |until: Duration| other.editions.iter().rfind(|e| e.at <= until).map(|e| e.list.next_part().0);
    let stale = at.checked_sub(target * 2).and_then(state).filter(|then| msn.saturating_add(1) < *then);
    if let Some(then) = stale {
        return Some((format!("{} or later", then.saturating_sub(1)), msn.to_string()));
    }
    // Known only when that playlist was still looked at then.
    let later = at + target;
    other.editions.iter().find(|e| e.at >= later)?;
    let then = state(later)?;
    (msn > then.saturating_add(1)).then(|| (format!("{then} or earlier"), msn.to_string()))
}

/// A report with where it is and the segment and place that it tells.
type Told<'a> = (&'a Edition, &'a RenditionReport, (u64, u64));

/// Places of parts: one that its segment does not have is wrong at any time; what is behind or ahead of what the playlist
/// itself said half a part earlier or later is wrong when most are so, for answers overtake each other.
fn parts(
    rendition: &Rendition,
    other: &Rendition,
    segments: &BTreeMap<u64, Segment>,
    told: &[Told<'_>],
    findings: &mut Findings,
) {
    let at = At::new(&rendition.url);
    let Some(target) = other.last().and_then(|l| l.part_target).map(duration) else { return };
    let slack = target / 2;
    let last = |edition: &Edition| edition.list.last_part().map(|(msn, part)| (msn, part as u64));
    let (mut judged, mut off) = (0, Vec::new());
    for (edition, report, place) in told {
        let whole = segments.get(&place.0).filter(|s| s.has_all_parts() && place.1 >= s.parts.len() as u64);
        if let Some(segment) = whole {
            let expected = format!("LAST-PART below {}: segment {} has no more", segment.parts.len(), place.0);
            findings.add(&REPORT_WRONG, at.line(report.line), expected, place.1.to_string());
            continue;
        }
        let before = edition.at.checked_sub(slack).and_then(|t| other.editions.iter().rfind(|e| e.at <= t));
        let after = other.editions.iter().find(|e| e.at >= edition.at + slack);
        let (Some(least), Some(most)) = (before.and_then(last), after.and_then(last)) else { continue };
        judged += 1;
        if *place < least || *place > most {
            off.push((report, place, least, most));
        }
    }
    if let Some((report, place, least, most)) = off.first().filter(|_| judged > 3 && off.len() * 2 > judged) {
        let say = |(msn, part): &(u64, u64)| format!("part {part} of segment {msn}");
        let expected = format!("{} to {} of {}", say(least), say(most), report.uri);
        let found = format!("{}; {} of {judged} reports are so", say(place), off.len());
        findings.add(&REPORT_WRONG, at.line(report.line), expected, found);
    }
}
