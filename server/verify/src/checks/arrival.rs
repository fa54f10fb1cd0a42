//! When parts come and go: the last of a segment in its time, a hinted one whole, a delisted one still.

use std::time::Duration;

use crate::{
    follow::duration,
    observe::{Edition, ProbeKind, Rendition},
    report::{At, Findings},
    rules::{HINT_TRICKLES, LAST_PART_LATE, PART_GONE, PART_LATE},
};

pub(super) fn check(rendition: &Rendition, findings: &mut Findings, unchecked: &mut Vec<String>) {
    if !rendition.low_latency() {
        return;
    }
    boundaries(rendition, findings, unchecked);
    pauses(rendition, findings, unchecked);
    trickles(rendition, findings);
    delisted(rendition, findings, unchecked);
}

/// Held reloads for the last part of a segment: a server that finds out by the next part that it was the last answers
/// with both. A busy moment can do the same once; one boundary in time acquits.
fn boundaries(rendition: &Rendition, findings: &mut Findings, unchecked: &mut Vec<String>) {
    let pairs = rendition.editions.windows(2).filter_map(|pair| Some((pair.first()?, pair.last()?)));
    let seen: Vec<(u64, bool)> = pairs.filter_map(|(before, after)| boundary(before, after)).collect();
    let Some((msn, _)) = seen.first().filter(|_| seen.len() > 1) else {
        let why = "fewer than two boundaries were waited for";
        unchecked.push(format!("whether a segment's last part is announced in time: {why}"));
        return;
    };
    if seen.iter().all(|(_, late)| *late) {
        let expected = "the last part listed before the next segment has any";
        let found = format!("both at once, at each of {} boundaries", seen.len());
        findings.add(&LAST_PART_LATE, At::new(&rendition.url).msn(*msn), expected, found);
    }
}

/// The segment whose last part was waited for, and whether a part of the next came with it.
fn boundary(before: &Edition, after: &Edition) -> Option<(u64, bool)> {
    let asked = after.asked?;
    let (msn, part) = before.list.next_part();
    if (asked.msn, asked.part) != (msn, Some(part as u64)) {
        return None;
    }
    let ended = after.list.segment(msn).filter(|s| s.uri.is_some() && s.parts.len() == part + 1)?;
    // One that was not held for half a part says nothing: we came late ourselves.
    let held = after.meta.took * 2 >= duration(ended.parts.last()?.duration);
    let next = after.list.segment(msn.checked_add(1)?).is_some_and(|s| !s.parts.is_empty());
    held.then_some((msn, next))
}

/// Held reloads that brought parts long after the parts before. One pause may be ours; what is lost is listed as a gap
/// and is no pause.
fn pauses(rendition: &Rendition, findings: &mut Findings, unchecked: &mut Vec<String>) {
    let Some(target) = rendition.last().and_then(|l| l.part_target).map(duration) else { return };
    let most = target + Duration::from_millis(300);
    let (mut watched, mut paused, mut longest, mut count) = (Duration::ZERO, Duration::ZERO, Duration::ZERO, 0);
    for pair in rendition.editions.windows(2) {
        let [before, after] = pair else { continue };
        let (from, to) = (before.list.next_part(), after.list.next_part());
        let gap = after.list.segments.iter().any(|s| s.msn >= from.0 && s.gap);
        if after.asked.is_none() || after.list.ended || gap || from >= to {
            continue;
        }
        let pause = after.at.saturating_sub(before.at);
        watched += pause;
        if pause > most {
            paused += pause;
            longest = longest.max(pause);
            count += 1;
        }
    }
    if watched < target * 5 {
        unchecked.push("whether parts come in time: too few were waited for".into());
    } else if count > 2 && paused * 4 > watched {
        let expected = format!("a part each {:.3} s", target.as_secs_f64());
        let found = format!("{count} pauses, up to {:.3} s, in {:.1} s", longest.as_secs_f64(), watched.as_secs_f64());
        findings.add(&PART_LATE, At::new(&rendition.url), expected, found);
    }
}

/// Hinted parts whose bytes came as they were made. On a slow line all media come slowly: what is fetched again later
/// tells.
fn trickles(rendition: &Rendition, findings: &mut Findings) {
    let Some(target) = rendition.last().and_then(|l| l.part_target).map(duration) else { return };
    let twice = rendition.again.iter().filter_map(|(place, again)| {
        let first = rendition.media.get(place).filter(|g| g.hinted && g.answered())?;
        Some((*place, first.meta.as_ref().ok()?.flow, again.meta.as_ref().ok()?.took))
    });
    let all: Vec<_> = twice.collect();
    let slow = |(_, flow, later): &(_, Duration, Duration)| *flow * 2 > target && *later * 2 < *flow;
    if let Some((place, flow, later)) = all.first().filter(|_| all.len() > 1 && all.iter().all(slow)) {
        let found = format!("{:.3} s from its first byte to its last", flow.as_secs_f64());
        let expected = format!("no byte before it is whole, then all within {:.3} s, as later", later.as_secs_f64());
        findings.add(&HINT_TRICKLES, At::new(&rendition.url).place(*place), expected, found);
    }
}

fn delisted(rendition: &Rendition, findings: &mut Findings, unchecked: &mut Vec<String>) {
    let mut tried = false;
    for probe in &rendition.probes {
        let ProbeKind::Delisted(place) = probe.kind else { continue };
        tried = true;
        let found = match &probe.meta {
            Ok(meta) if matches!(meta.status, 200 | 206) && meta.length > 0 => continue,
            Ok(meta) => format!("status {} with {} bytes", meta.status, meta.length),
            Err(why) => why.clone(),
        };
        let expected = format!("{} for three target durations more", probe.url.path());
        findings.add(&PART_GONE, At::new(&rendition.url).place(place), expected, found);
    }
    if !tried {
        unchecked.push("whether parts stay for a while when they are listed no more: none was seen to leave".into());
    }
}
