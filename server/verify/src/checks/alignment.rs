//! Renditions, angles and sounds against each other: one timeline, the same cuts.

use crate::{
    Micros,
    media::{Chunk, Kind},
    observe::{Presentation, Rendition, Role},
    report::{At, Findings},
    rules::{ANGLES_MISALIGNED, MISALIGNED, Rule, SOUND_OFF},
    seconds,
};

/// What sound may lie beside the picture: less than is noticed, more than an AAC frame and its priming.
const LIP: Micros = 100_000;

pub(super) fn check(seen: &Presentation, findings: &mut Findings, unchecked: &mut Vec<String>) {
    for rendition in &seen.renditions {
        muxed(rendition, findings);
    }
    let pictures: Vec<&Rendition> = seen.renditions.iter().filter(|r| shows(r)).collect();
    let Some(model) = pictures.iter().find(|r| !r.measured().is_empty()).or(pictures.first()) else { return };
    for (index, other) in pictures.iter().enumerate() {
        // Its own angle's first rendition, else the first angle.
        let own = angle(seen, other);
        match pictures[..index].iter().find(|r| angle(seen, r) == own) {
            Some(sibling) => pair(&MISALIGNED, sibling, other, findings, unchecked),
            None if std::ptr::eq(*model, *other) => {}
            None => pair(&ANGLES_MISALIGNED, model, other, findings, unchecked),
        }
    }
    for sound in seen.renditions.iter().filter(|r| matches!(r.role, Role::Sound(_)) && !shows(r)) {
        beside(model, sound, findings, unchecked);
    }
}

fn chunks(rendition: &Rendition) -> impl Iterator<Item = &Chunk> {
    rendition.media.values().filter_map(|g| g.chunk.as_ref().ok())
}

fn shows(rendition: &Rendition) -> bool {
    chunks(rendition).any(|c| c.of(Kind::Picture).is_some())
}

/// Sound and picture in the same segments: one timeline may still be interleaved with some tenths of a second between
/// them, so that only more than a target duration says that these are two.
fn muxed(rendition: &Rendition, findings: &mut Findings) {
    let slack = rendition.last().map_or(0, |l| l.target_micros()).max(crate::SECOND);
    for (place, got) in &rendition.media {
        let Ok(chunk) = &got.chunk else { continue };
        let (Some(picture), Some(sound)) = (chunk.of(Kind::Picture), chunk.of(Kind::Sound)) else { continue };
        let apart = sound.shown.saturating_sub(picture.shown);
        if apart.saturating_abs() > slack {
            let at = At::new(&rendition.url).place(*place);
            findings.add(&SOUND_OFF, at, format!("sound from {}", seconds(picture.shown)), seconds(sound.shown));
        }
    }
}

/// Which angle a rendition is: the name in its VIDEO group, or its pathway.
fn angle(seen: &Presentation, rendition: &Rendition) -> Option<String> {
    let top = seen.multivariant.as_ref()?;
    let Role::Picture { streams, groups } = &rendition.role else { return None };
    let named = groups.iter().find_map(|i| top.list.groups.get(*i)?.attributes.get("NAME"));
    let pathway = || streams.iter().find_map(|i| top.list.streams.get(*i)?.attributes.get("PATHWAY-ID"));
    named.or_else(pathway).map(str::to_owned)
}

/// Date less media time, where it is known.
fn clock(rendition: &Rendition) -> Option<(u64, Micros)> {
    rendition.dated().last().map(|d| (d.discontinuities, d.date.saturating_sub(d.media)))
}

fn pair(
    rule: &'static Rule,
    model: &Rendition,
    other: &Rendition,
    findings: &mut Findings,
    unchecked: &mut Vec<String>,
) {
    let at = At::new(&other.url);
    let (ours, theirs) = (model.measured(), other.measured());
    if let (Some((a, ours)), Some((b, theirs))) = (clock(model), clock(other))
        && a == b
        && (ours - theirs).abs() > 50_000
    {
        let found = format!("{} apart", seconds((ours - theirs).abs()));
        findings.add(rule, at, format!("the date of a media time as in {}", model.url), found);
        return;
    }
    let (Some(first), Some(their_first)) = (ours.values().next(), theirs.values().next()) else {
        unchecked.push(format!("alignment of {}: no segment was measured", other.url.path()));
        return;
    };
    let slack = (first.sample.min(their_first.sample) / 2).max(2_000);
    let ended = |r: &Rendition| r.last().is_some_and(|l| l.ended);
    let both_ended = ended(model) && ended(other);
    if both_ended && (first.start - their_first.start).abs() > slack {
        let expected = format!("a beginning at {} as in {}", seconds(first.start), model.url);
        findings.add(rule, at, expected, seconds(their_first.start));
        return;
    }
    let mut compared = 0;
    for (msn, their) in &theirs {
        for our in ours.values() {
            if (our.start - their.start).abs() <= slack {
                compared += 1;
                if our.discontinuities != their.discontinuities {
                    let expected = format!("discontinuity number {} as in {}", our.discontinuities, model.url);
                    findings.add(rule, at.msn(*msn), expected, their.discontinuities.to_string());
                }
            } else if our.start + slack < their.start
                && their.start < our.start.saturating_add(our.duration).saturating_sub(slack)
            {
                compared += 1;
                let expected = format!("a cut at {}, as in {}", seconds(our.start), model.url);
                findings.add(rule, at.msn(*msn), expected, format!("a cut at {}", seconds(their.start)));
            }
        }
    }
    if compared == 0 {
        unchecked.push(format!("alignment of {}: nothing was seen at the same time in both", other.url.path()));
    }
}

/// A sound of its own, beside the picture.
fn beside(model: &Rendition, sound: &Rendition, findings: &mut Findings, unchecked: &mut Vec<String>) {
    let at = At::new(&sound.url);
    let expected = format!("one timeline with {}", model.url);
    if let (Some((_, ours)), Some((_, theirs))) = (clock(model), clock(sound)) {
        if (ours - theirs).abs() > LIP {
            let found = format!("{} apart by their dates", seconds((ours - theirs).abs()));
            findings.add(&SOUND_OFF, at, expected, found);
        }
        return;
    }
    let span = |r: &Rendition| {
        let all: Vec<_> = chunks(r).filter_map(Chunk::main).collect();
        let from = all.iter().map(|r| r.shown).min()?;
        let to = all.iter().map(|r| r.shown.saturating_add(r.duration)).max()?;
        Some((from, to))
    };
    let (Some(picture), Some(heard)) = (span(model), span(sound)) else {
        unchecked.push(format!("sound against picture: {} was not measured", sound.url.path()));
        return;
    };
    let ended = |r: &Rendition| r.last().is_some_and(|l| l.ended);
    let begins_apart = ended(model) && ended(sound) && (picture.0 - heard.0).abs() > LIP;
    if begins_apart || heard.1 < picture.0 || picture.1 < heard.0 {
        let say = |(from, to): (Micros, Micros)| format!("{} to {}", seconds(from), seconds(to));
        findings.add(&SOUND_OFF, at, format!("{expected}: {}", say(picture)), say(heard));
    }
}
