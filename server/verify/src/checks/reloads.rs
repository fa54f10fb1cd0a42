//! Held reloads, hints and delta updates: what a low-latency server does at the boundaries.

use crate::{
    observe::{Asked, Got, Place, Probe, ProbeKind, Rendition},
    playlist::{Media, Part, Segment},
    report::{At, Findings},
    rules::{
        DELTA_DIFFERS, ENDED_HEEDED, HELD_EMPTY, HELD_NEVER, HINT_LOST, NO_DELTA, RELOAD_FAR, RELOAD_MSN,
        RELOAD_PART_END, RELOAD_PART_ONLY, RELOAD_PAST, RELOAD_TEXT, Rule, SERVER_ERROR, SKIP_V2,
    },
    seconds,
};

pub(super) fn check(rendition: &Rendition, findings: &mut Findings, unchecked: &mut Vec<String>) {
    let at = At::new(&rendition.url);
    for edition in &rendition.editions {
        let Some(asked) = edition.asked.filter(|_| !edition.list.ended) else { continue };
        if !edition.list.contains(asked.msn, asked.part) {
            findings.add(&HELD_EMPTY, at, format!("{} in the answer", say(asked)), reach(&edition.list));
        }
    }
    for (asked, why) in &rendition.unanswered {
        findings.add(&HELD_NEVER, at, format!("{} in time, or 503", say(*asked)), why);
    }
    let parts = rendition.parts();
    for (place, got) in rendition.media.iter().filter(|(_, g)| g.hinted && !g.answered()) {
        if !parts.values().any(|p| p.uri == got.uri) && may_stay_away(rendition, *place, got) {
            continue;
        }
        let found = match &got.meta {
            Err(why) => why.clone(),
            Ok(meta) => format!("status {} with {} bytes", meta.status, meta.length),
        };
        findings.add(&HINT_LOST, at.place(*place), format!("{} whole", got.uri), found);
    }
    for probe in &rendition.probes {
        self::probe(rendition, probe, findings);
    }
    delta(rendition, findings, unchecked);
}

/// Whether a hinted part may be 404: what was hinted need not be published (6.2.6) when media fail, or the segment ends
/// earlier. Of what comes after the last answer nobody knows yet.
fn may_stay_away(rendition: &Rendition, place: Place, got: &Got) -> bool {
    let missing = got.meta.as_ref().is_ok_and(|m| matches!(m.status, 404 | 410));
    let Some(last) = rendition.last().filter(|_| missing) else { return false };
    let part = place.part.unwrap_or(0);
    if (place.msn, part) >= last.next_part() {
        return true;
    }
    let segments = rendition.segments();
    let Some(segment) = segments.get(&place.msn) else { return false };
    let ended = segment.uri.is_some() && segment.parts.len() <= part;
    segment.gap || segment.parts.get(part).is_some_and(|p| p.gap) || ended
}

fn say(asked: Asked) -> String {
    match asked.part {
        Some(part) => format!("part {part} of segment {}", asked.msn),
        None => format!("segment {} whole", asked.msn),
    }
}

fn reach(list: &Media) -> String {
    let (msn, part) = list.next_part();
    format!("a playlist that ends before part {part} of segment {msn}")
}

/// How a probe was answered, for people.
fn answered(probe: &Probe) -> String {
    match &probe.meta {
        Err(why) => why.clone(),
        Ok(meta) => {
            let late =
                if probe.is_prompt() { String::new() } else { format!(" after {:.1} s", meta.took.as_secs_f64()) };
            let list = probe.list.as_ref().map_or(String::new(), |list| match list.skipped {
                Some(skipped) => format!(", a delta update without {skipped} segments"),
                None => format!(", {}", reach(list)),
            });
            format!("status {}{late}{list}", meta.status)
        }
    }
}

fn probe(rendition: &Rendition, probe: &Probe, findings: &mut Findings) {
    let at = At::new(&rendition.url);
    let status = probe.meta.as_ref().map_or(0, |m| m.status);
    let query = probe.url.query().unwrap_or("").to_owned();
    if status >= 500 && status != 503 {
        let found = format!("status {status} for ?{query}");
        findings.add(&SERVER_ERROR, at, "an answer, or a refusal with a status of 400 to 499", found);
        return;
    }
    let refused = |rule: &'static Rule, findings: &mut Findings| {
        if status != 400 || !probe.is_prompt() {
            findings.add(rule, at, format!("400 at once for ?{query}"), answered(probe));
        }
    };
    let has = |msn, part| probe.list.as_ref().is_some_and(|l| l.ended || l.contains(msn, part));
    match probe.kind {
        ProbeKind::Far => refused(&RELOAD_FAR, findings),
        ProbeKind::Text => refused(&RELOAD_TEXT, findings),
        ProbeKind::PartOnly => refused(&RELOAD_PART_ONLY, findings),
        ProbeKind::Past => {
            let (msn, part) = probe.before.next_part();
            let current = match part {
                0 => has(msn.saturating_sub(1), None),
                part => has(msn, Some(part as u64 - 1)),
            };
            if !current || !probe.is_prompt() {
                let expected = format!("the current playlist at once for ?{query}");
                findings.add(&RELOAD_PAST, at, expected, answered(probe));
            }
        }
        ProbeKind::PastLastPart(asked) => {
            let next = asked.msn.saturating_add(1);
            if !has(next, Some(0)) {
                let expected = format!("part 0 of segment {next} for ?{query}");
                findings.add(&RELOAD_PART_END, at, expected, answered(probe));
            }
        }
        ProbeKind::Ended => {
            let whole = probe.list.as_ref().is_some_and(|l| l.ended && l.skipped.is_none());
            if !whole || !probe.is_prompt() {
                let expected = format!("the whole playlist at once for ?{query}");
                findings.add(&ENDED_HEEDED, at, expected, answered(probe));
            }
        }
        ProbeKind::Whole(msn) if !has(msn, None) => {
            let expected = format!("segment {msn} whole for ?{query}");
            findings.add(&RELOAD_MSN, at, expected, answered(probe));
        }
        _ => {}
    }
}

/// A delta update, put after what it skips, is the full playlist (6.2.5.1).
fn delta(rendition: &Rendition, findings: &mut Findings, unchecked: &mut Vec<String>) {
    let Some(full) = rendition.probes.iter().find(|p| matches!(p.kind, ProbeKind::Full(_))) else { return };
    for short in &rendition.probes {
        let ProbeKind::Delta { v2, .. } = short.kind else { continue };
        match &full.list {
            Some(list) => update(rendition, list, short, v2, findings, unchecked),
            None if v2 => {}
            None => findings.add(&NO_DELTA, At::new(&rendition.url), expected(short), answered(full)),
        }
    }
}

fn expected(short: &Probe) -> String {
    format!("a delta update for ?{}", short.url.query().unwrap_or(""))
}

/// One delta update beside the full playlist. Without `CAN-SKIP-DATERANGES`, `v2` may be answered in full.
fn update(
    rendition: &Rendition,
    list: &Media,
    short: &Probe,
    v2: bool,
    findings: &mut Findings,
    unchecked: &mut Vec<String>,
) {
    let at = At::new(&rendition.url);
    let missing = if v2 { &SKIP_V2 } else { &NO_DELTA };
    let Some(update) = &short.list else {
        findings.add(missing, at, expected(short), answered(short));
        return;
    };
    let boundary = list.control_time("CAN-SKIP-UNTIL").unwrap_or(0);
    let Some(skipped) = update.skipped else {
        // A playlist no longer than the boundary has nothing to skip.
        match list.whole().filter(|s| from_end(list, s.msn) > boundary + list.target_micros()).count() {
            _ if v2 && !list.control.as_ref().is_some_and(|(_, said)| said.yes("CAN-SKIP-DATERANGES")) => {}
            0 => unchecked.push(format!("delta updates: {} is too short to skip any", rendition.url.path())),
            old => {
                let expected = format!("EXT-X-SKIP of {old} segments");
                findings.add(missing, at, expected, "the whole playlist");
            }
        }
        return;
    };
    if let Some((expected, found)) = differs(list, update, skipped, boundary) {
        findings.add(&DELTA_DIFFERS, at, expected, found);
    }
}

/// How far a segment's end lies from the end of the last whole one, in the full playlist.
fn from_end(list: &Media, msn: u64) -> crate::Micros {
    list.whole().filter(|s| s.msn > msn).map(|s| s.duration).sum()
}

fn differs(full: &Media, update: &Media, skipped: u64, boundary: crate::Micros) -> Option<(String, String)> {
    // The one may be a part newer than the other: what both have is compared.
    let first = update.sequence.saturating_add(skipped);
    if first > full.next_part().0 {
        let expected = format!("no more than {} segments skipped", full.segments.len());
        return Some((expected, format!("EXT-X-SKIP of {skipped}")));
    }
    if let Some(newest) = first.checked_sub(1).filter(|_| skipped > 0)
        && full.segment(newest).is_some()
        && from_end(full, newest) < boundary - full.target_micros()
    {
        let found = format!("skipped segment {newest}, {} from the end", seconds(from_end(full, newest)));
        return Some((format!("what is nearer than {} to the end", seconds(boundary)), found));
    }
    if update.sequence < full.sequence.saturating_sub(1) || update.sequence > full.sequence.saturating_add(1) {
        let expected = format!("EXT-X-MEDIA-SEQUENCE {}", full.sequence);
        return Some((expected, update.sequence.to_string()));
    }
    for segment in &full.segments {
        if segment.msn < first {
            continue;
        }
        let Some(other) = update.segment(segment.msn) else {
            if segment.msn.saturating_add(1) < update.next_part().0 {
                return Some((format!("segment {}", segment.msn), "none in the delta update".into()));
            }
            continue;
        };
        let whole = |s: &Segment| s.uri.as_ref().map(|uri| (uri.clone(), s.duration));
        if let (Some(a), Some(b)) = (whole(segment), whole(other))
            && a != b
        {
            let tell = |(uri, length): (String, _)| format!("segment {}: {uri} of {}", segment.msn, seconds(length));
            return Some((tell(a), tell(b)));
        }
        let same =
            |(a, b): (&Part, &Part)| a.uri == b.uri && a.duration == b.duration && a.independent == b.independent;
        if !segment.parts.iter().zip(&other.parts).all(same) {
            return Some((format!("the parts of segment {}", segment.msn), "other parts".into()));
        }
        if (segment.date, segment.gap) != (other.date, other.gap) {
            return Some((format!("date and gap of segment {}", segment.msn), "others".into()));
        }
        if segment.map != other.map && other.map.is_some() {
            return Some((format!("the header of segment {}", segment.msn), "another".into()));
        }
    }
    None
}
