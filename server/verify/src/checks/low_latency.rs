//! Parts, hints and holds: what a low-latency playlist says.

use std::collections::BTreeMap;

use crate::{
    Micros,
    observe::{Place, Rendition},
    playlist::{Media, Part, Segment},
    report::{At, Findings},
    rules::{
        HINT_CHANGED, HINT_EARLY, HOLD, MANY_HINTS, NO_BLOCK, NO_HINT, NO_HOLD, NO_PART_HOLD, NO_PART_INF, PART_EMPTY,
        PART_HOLD, PART_HOLD_DRAFT, PART_LONG, PART_SHORT, PART_SUM, PARTS_GONE, SKIP_LOW,
    },
    seconds,
};

/// What rounding may do to a written duration: half a millisecond, for three digits.
const ROUNDING: Micros = 1_000;

pub(super) fn check(rendition: &Rendition, findings: &mut Findings) {
    let Some(last) = rendition.last() else { return };
    controls(rendition, last, findings);
    if !rendition.low_latency() {
        return;
    }
    let at = At::new(&rendition.url);
    if last.part_target.is_none() {
        findings.add(&NO_PART_INF, at, "EXT-X-PART-INF", "parts without it");
    }
    if !last.can_block() {
        findings.add(&NO_BLOCK, at, "CAN-BLOCK-RELOAD=YES", "nothing of the kind");
    }
    durations(rendition, last, findings);
    for edition in &rendition.editions {
        let hints = edition.list.hints.iter().filter(|h| h.kind == "PART").count();
        if hints == 0 && !edition.list.ended {
            findings.add(&NO_HINT, at, "EXT-X-PRELOAD-HINT:TYPE=PART", "none");
        }
        if hints > 1 {
            findings.add(&MANY_HINTS, at, "one hint of TYPE=PART", hints.to_string());
        }
    }
    listed(last, at, findings);
    early(rendition, findings);
    kept(rendition, findings);
}

fn controls(rendition: &Rendition, last: &Media, findings: &mut Findings) {
    let target = last.target_micros();
    let at = At::new(&rendition.url);
    let at = last.control.as_ref().map_or(at, |(line, _)| at.line(*line));
    let least = |times: Micros| format!("at least {}", seconds(target * times));
    match last.control_time("HOLD-BACK") {
        Some(hold) if hold < 3 * target => findings.add(&HOLD, at, least(3), seconds(hold)),
        None if rendition.low_latency() => findings.add(&NO_HOLD, at, "HOLD-BACK", "none"),
        _ => {}
    }
    if let Some(skip) = last.control_time("CAN-SKIP-UNTIL").filter(|skip| *skip < 6 * target) {
        findings.add(&SKIP_LOW, at, least(6), seconds(skip));
    }
    let Some(part) = last.part_target.filter(|_| !last.ended) else { return };
    match last.control_time("PART-HOLD-BACK") {
        None => findings.add(&NO_PART_HOLD, at, "PART-HOLD-BACK", "none"),
        Some(hold) => {
            let found = format!("{} with parts of {}", seconds(hold), seconds(part));
            if hold + ROUNDING < 2 * part {
                findings.add(&PART_HOLD_DRAFT, at, format!("at least {}", seconds(2 * part)), found);
            } else if hold + ROUNDING < 3 * part {
                findings.add(&PART_HOLD, at, format!("at least {}", seconds(3 * part)), found);
            }
        }
    }
}

fn durations(rendition: &Rendition, last: &Media, findings: &mut Findings) {
    let at = At::new(&rendition.url);
    for (msn, segment) in rendition.segments() {
        for (index, part) in segment.parts.iter().enumerate() {
            let at = at.line(part.line).place(Place { msn, part: Some(index) });
            if part.duration == 0 {
                findings.add(&PART_EMPTY, at, "a duration", "DURATION of 0");
            }
            let Some(target) = last.part_target else { continue };
            if part.duration > target + ROUNDING {
                findings.add(&PART_LONG, at, format!("at most {}", seconds(target)), seconds(part.duration));
            }
            let least = target * 85 / 100;
            if part.duration > 0 && part.duration + ROUNDING < least && !may_be_short(&segment, part, index) {
                let expected = format!("at least {}, 85 % of {}", seconds(least), seconds(target));
                findings.add(&PART_SHORT, at, expected, seconds(part.duration));
            }
        }
    }
    sums(rendition, findings);
}

/// Parts against their segment, where the playlist lists both and none of the parts has left it yet.
fn sums(rendition: &Rendition, findings: &mut Findings) {
    let most = rendition.segments();
    let listed = rendition.editions.iter().flat_map(|e| e.list.whole());
    let with_all =
        listed.filter(|s| !s.parts.is_empty() && most.get(&s.msn).is_some_and(|m| m.parts.len() == s.parts.len()));
    let once: BTreeMap<u64, &Segment> = with_all.map(|s| (s.msn, s)).collect();
    for (msn, segment) in once {
        let sum: Micros = segment.parts.iter().map(|p| p.duration).sum();
        // Each part is rounded by itself.
        let slack = ROUNDING * (segment.parts.len() as Micros + 1);
        if (sum - segment.duration).abs() > slack {
            let found = format!("EXTINF {}", seconds(segment.duration));
            let at = At::new(&rendition.url).line(segment.line).msn(msn);
            findings.add(&PART_SUM, at, format!("{} in its parts", seconds(sum)), found);
        }
    }
}

/// The last of a segment, independent ones, gaps and what stands before one (4.4.4.9). Of a segment in progress nobody
/// knows yet which part is its last.
fn may_be_short(segment: &Segment, part: &Part, index: usize) -> bool {
    let next = segment.parts.get(index + 1);
    next.is_none_or(|next| next.gap) || part.independent || part.gap
}

fn listed(last: &Media, at: At<'_>, findings: &mut Findings) {
    let mut from_end: Micros = 0;
    for segment in last.segments.iter().rev() {
        if segment.uri.is_none() {
            from_end += segment.parts.iter().map(|p| p.duration).sum::<Micros>();
            continue;
        }
        from_end += segment.duration;
        if from_end > 3 * last.target_micros() {
            break;
        }
        if segment.parts.is_empty() && !segment.gap {
            let found = format!("none of a segment that begins {} before the end", seconds(from_end));
            findings.add(&PARTS_GONE, at.line(segment.line).msn(segment.msn), "its parts", found);
        }
    }
}

/// A finished segment's EXTINF and URI stand before the hint of what comes next, and come with its last part.
fn early(rendition: &Rendition, findings: &mut Findings) {
    let at = At::new(&rendition.url);
    let (segments, parts) = (rendition.segments(), rendition.parts());
    for edition in &rendition.editions {
        let Some(hint) = edition.list.hints.iter().find(|h| h.kind == "PART") else { continue };
        let at = at.line(hint.line);
        let Some(last) = edition.list.segments.last() else { continue };
        if hint.line < last.line.max(last.parts.last().map_or(0, |p| p.line)) {
            findings.add(&HINT_EARLY, at, "the hint after all segments and parts", "a hint before some");
        }
        let whole = segments.get(&last.msn).filter(|s| last.uri.is_none() && s.has_all_parts());
        let next = Place { msn: last.msn.saturating_add(1), part: Some(0) };
        if whole.is_some_and(|s| s.parts.len() == last.parts.len())
            && parts.get(&next).is_some_and(|p| p.uri == hint.uri)
        {
            let expected = format!("EXTINF of segment {}, which is whole, before the hint", last.msn);
            findings.add(&HINT_EARLY, at, expected, "a hint of the next segment's first part");
        }
    }
}

/// A hint is what the part that comes next is published as.
fn kept(rendition: &Rendition, findings: &mut Findings) {
    let parts = rendition.parts();
    let segments = rendition.segments();
    let at = At::new(&rendition.url);
    for edition in &rendition.editions {
        let Some(hint) = edition.list.hints.iter().find(|h| h.kind == "PART") else { continue };
        let (msn, part) = edition.list.next_part();
        let ended = segments.get(&msn).filter(|s| s.uri.is_some() && s.parts.len() <= part);
        // Without all its parts nobody knows whether it ended there.
        if ended.is_some_and(|s| part > 0 && !s.has_all_parts()) {
            continue;
        }
        let ended_there = ended.is_some();
        // A segment may end where a further part of it was expected.
        let (msn, part) = if part > 0 && ended_there { (msn.saturating_add(1), 0) } else { (msn, part) };
        let place = Place { msn, part: Some(part) };
        if let Some(published) = parts.get(&place).filter(|p| p.uri != hint.uri && !p.gap) {
            let expected = format!("{} as hinted", hint.uri);
            findings.add(&HINT_CHANGED, at.line(published.line).place(place), expected, &published.uri);
        }
    }
}
