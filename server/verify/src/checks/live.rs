//! How a live playlist goes on: answer against answer.

use crate::{
    Micros, SECOND,
    follow::duration,
    observe::{Edition, Presentation, Rendition, Role},
    playlist::{Media, PlaylistType, Segment},
    report::{At, Findings},
    rules::{
        DATE_DRIFT, DATE_FUTURE, DATE_MISSING, DATE_STEP, DATES_DIFFER, DISCONTINUITY_NUMBER, EVENT_SHRANK,
        SEGMENT_CHANGED, SEQUENCE_BACK, SHORT, STALE, TARGET_CHANGED,
    },
    seconds,
};

pub(super) fn check(rendition: &Rendition, findings: &mut Findings, unchecked: &mut Vec<String>) {
    for pair in rendition.editions.windows(2) {
        if let [before, after] = pair {
            succession(rendition, &before.list, &after.list, findings);
        }
    }
    dates(rendition, findings);
    if rendition.live() {
        stale(rendition, findings, unchecked);
        future(rendition, findings);
    }
}

/// Dates in all media playlists or in none (6.2.4); of live playlists Apple's validator wants them.
pub(super) fn dated(seen: &Presentation, findings: &mut Findings) {
    let has_dates = |r: &Rendition| r.editions.iter().flat_map(|e| &e.list.segments).any(|s| s.date.is_some());
    let model = seen.renditions.iter().find(|r| has_dates(r));
    for rendition in seen.renditions.iter().filter(|r| !r.editions.is_empty() && !has_dates(r)) {
        let at = At::new(&rendition.url);
        if let Some(model) = model {
            let expected = format!("EXT-X-PROGRAM-DATE-TIME as in {}", model.url);
            findings.add(&DATES_DIFFER, at, expected, "none");
        } else if rendition.live() && rendition.role != Role::Subtitles {
            findings.add(&DATE_MISSING, at, "EXT-X-PROGRAM-DATE-TIME", "none");
        }
    }
}

fn succession(rendition: &Rendition, before: &Media, after: &Media, findings: &mut Findings) {
    let at = At::new(&rendition.url);
    let promises = |list: &Media| {
        let target = list.target.map_or("no TARGETDURATION".into(), |t| format!("TARGETDURATION {t}"));
        let time =
            |name: &str, time: Option<Micros>| time.map_or(String::new(), |t| format!(", {name} {}", seconds(t)));
        let part = time("PART-TARGET", list.part_target);
        let hold = time("PART-HOLD-BACK", list.control_time("PART-HOLD-BACK"));
        format!("{target}{part}{hold}")
    };
    // The end of a stream may take its parts with it.
    if !after.ended && promises(before) != promises(after) {
        findings.add(&TARGET_CHANGED, at, promises(before), promises(after));
    }
    if after.sequence < before.sequence {
        let expected = format!("EXT-X-MEDIA-SEQUENCE of at least {}", before.sequence);
        findings.add(&SEQUENCE_BACK, at, expected, after.sequence.to_string());
    } else if after.next_part() < before.next_part() && !after.ended {
        let say = |(msn, part): (u64, usize)| format!("{part} parts of segment {msn}");
        let expected = format!("no less than {}", say(before.next_part()));
        findings.add(&SEQUENCE_BACK, at, expected, say(after.next_part()));
    }
    if before.kind == Some(PlaylistType::Event) && after.sequence > before.sequence {
        let found = format!("the first {} are gone", after.sequence - before.sequence);
        findings.add(&EVENT_SHRANK, at, "all segments of an EVENT playlist", found);
    }
    let mut discontinuity = None;
    for segment in &after.segments {
        let Some(known) = before.segment(segment.msn) else { continue };
        let at = at.line(segment.line).msn(segment.msn);
        if known.discontinuities != segment.discontinuities {
            discontinuity.get_or_insert((at, known.discontinuities, segment.discontinuities));
        }
        if let Some((expected, found)) = changed(known, segment) {
            findings.add(&SEGMENT_CHANGED, at, expected, found);
        }
    }
    if let Some((at, known, now)) = discontinuity {
        findings.add(&DISCONTINUITY_NUMBER, at, format!("discontinuity number {known} as before"), now.to_string());
    }
    let gone = after.sequence > before.sequence;
    let whole: Micros = after.whole().map(|s| s.duration).sum();
    let open: Micros =
        after.segments.iter().filter(|s| s.uri.is_none()).flat_map(|s| &s.parts).map(|p| p.duration).sum();
    let least = after.target_micros() * 3;
    if gone && !after.ended && after.skipped.is_none() && whole + open + 1_000 < least {
        let expected = format!("at least {} after removing segments", seconds(least));
        findings.add(&SHORT, at, expected, seconds(whole + open));
    }
}

/// An address without its query: tokens in it may change.
fn path(uri: &str) -> &str {
    uri.split(['?', '#']).next().unwrap_or("")
}

fn changed(before: &Segment, after: &Segment) -> Option<(String, String)> {
    if let (Some(known), Some(now)) = (&before.uri, &after.uri) {
        if path(known) != path(now) {
            return Some((known.clone(), now.clone()));
        }
        if (before.duration - after.duration).abs() > 1 {
            return Some((format!("EXTINF {}", seconds(before.duration)), seconds(after.duration)));
        }
    }
    if let (Some(known), Some(now)) = (before.date, after.date)
        && (known.as_microsecond() - now.as_microsecond()).abs() > 1_000
    {
        return Some((known.to_string(), now.to_string()));
    }
    if after.parts.is_empty() {
        return None;
    }
    // Parts leave the playlist from the front, of whole segments.
    let gone = if after.uri.is_some() { before.parts.len().saturating_sub(after.parts.len()) } else { 0 };
    if after.parts.len() + gone < before.parts.len() {
        return Some((format!("{} parts", before.parts.len()), after.parts.len().to_string()));
    }
    let pairs = before.parts.iter().skip(gone).zip(&after.parts);
    let mut differing = pairs.filter(|(a, b)| path(&a.uri) != path(&b.uri) || (a.duration - b.duration).abs() > 1);
    differing.next().map(|(a, b)| {
        (format!("part {} of {}", a.uri, seconds(a.duration)), format!("{} of {}", b.uri, seconds(b.duration)))
    })
}

fn stale(rendition: &Rendition, findings: &mut Findings, unchecked: &mut Vec<String>) {
    let whole = |edition: &Edition| edition.list.whole().next_back().map(|s| s.msn);
    let Some((first, last)) = rendition.editions.first().zip(rendition.editions.last()) else { return };
    let target = duration(last.list.target_micros());
    // 1.5 target durations; a poll may come half a target duration late, and a second more is everybody's.
    let most = target * 2 + std::time::Duration::from_secs(1);
    let (mut newest, mut since) = (whole(first), first.at);
    for edition in &rendition.editions {
        if whole(edition) != newest {
            newest = whole(edition);
            since = edition.at;
        }
        if edition.at.saturating_sub(since) > most {
            let found = format!("none for {:.1} s", (edition.at - since).as_secs_f64());
            let expected = format!("a new segment within {:.1} s", target.as_secs_f64() * 1.5);
            findings.add(&STALE, At::new(&rendition.url), expected, found);
            return;
        }
    }
    if rendition.failure.is_some() {
        let found = rendition.failure.clone().unwrap_or_default();
        findings.add(&STALE, At::new(&rendition.url), "a new version of the playlist", found);
    } else if last.at.saturating_sub(first.at) <= most {
        unchecked
            .push(format!("whether segments come in time: longer than --seconds of {:.0}", target.as_secs_f64() * 2.0));
    }
}

/// What dates may be apart from durations: they are often written in milliseconds beside nominal durations.
const STEP: Micros = 100_000;
/// What dates may drift from the media.
const DRIFT: Micros = 50_000;

fn dates(rendition: &Rendition, findings: &mut Findings) {
    let at = At::new(&rendition.url);
    let segments = rendition.segments();
    let mut before: Option<&Segment> = None;
    for (msn, segment) in &segments {
        let whole = before.filter(|b| b.msn.checked_add(1) == Some(*msn) && b.uri.is_some());
        if let Some((before, (then, now))) = whole.and_then(|b| Some((b, b.date.zip(segment.date)?)))
            && before.discontinuities == segment.discontinuities
        {
            let step = now.as_microsecond().saturating_sub(then.as_microsecond());
            if step.saturating_sub(before.duration).saturating_abs() > STEP {
                let expected = format!("{} after the segment before", seconds(before.duration));
                findings.add(&DATE_STEP, at.line(segment.line).msn(*msn), expected, seconds(step));
            }
        }
        before = Some(segment);
    }
    let dated = rendition.dated();
    for next in &dated {
        let Some(first) = dated.iter().find(|d| d.discontinuities == next.discontinuities) else { continue };
        let by_date = next.date.saturating_sub(first.date);
        let by_media = next.media.saturating_sub(first.media);
        if by_date.saturating_sub(by_media).saturating_abs() > DRIFT {
            let expected = format!("{} after segment {}, as its media are", seconds(by_media), first.msn);
            findings.add(&DATE_DRIFT, at.line(next.line).msn(next.msn), expected, seconds(by_date));
        }
    }
}

fn future(rendition: &Rendition, findings: &mut Findings) {
    let Some(edition) = rendition.editions.last() else { return };
    let Some(server) = edition.meta.date(http::header::DATE) else { return };
    let Some(segment) = edition.list.whole().rfind(|s| s.date.is_some()) else { return };
    let Some(date) = segment.date else { return };
    let end = date.as_microsecond().saturating_add(segment.duration);
    // The header has whole seconds.
    if end > server.saturating_add(2 * SECOND) {
        let ahead = seconds(end.saturating_sub(server));
        let at = At::new(&rendition.url).line(segment.line).msn(segment.msn);
        findings.add(&DATE_FUTURE, at, "an end that is past by the server's Date", format!("{ahead} ahead of it"));
    }
}
