//! Segments, parts and headers: whether they come, and are what the playlist says.

use std::collections::BTreeSet;

use crate::{
    Micros,
    media::{Chunk, Error, Kind, Run},
    observe::{Got, Place, Rendition},
    playlist::Segment,
    report::{At, Findings},
    rules::{
        ENCODING_CHANGED, INDEPENDENT, INDEPENDENT_MISSING, MEDIA_CHANGED, MEDIA_MISSING, MEDIA_UNREADABLE, NO_KEY,
        NOT_CONTINUOUS, PART_DURATION, PART_EMPTY, PART_FRAMES, PART_LONG, SEGMENT_DURATION,
    },
    seconds,
};

pub(super) fn check(rendition: &Rendition, findings: &mut Findings, unchecked: &mut Vec<String>) {
    headers(rendition, findings);
    let segments = rendition.segments();
    let mut fetched: BTreeSet<u64> = BTreeSet::new();
    for (place, got) in &rendition.media {
        arrival(rendition, *place, got, findings, unchecked);
        let (Some(segment), Ok(chunk)) = (segments.get(&place.msn), &got.chunk) else { continue };
        fetched.insert(place.msn);
        match place.part {
            None => whole(rendition, segment, chunk, findings),
            Some(index) => part(rendition, segment, index, chunk, findings),
        }
    }
    if let Some(key) = segments.values().find_map(|s| s.key.as_deref()) {
        unchecked.push(format!("encrypted segments ({key}): durations, key frames, times"));
    }
    if rendition.last().is_some_and(|l| l.ended) {
        let all = segments.values().filter(|s| !s.gap && s.key.is_none()).count();
        if fetched.len() < all {
            unchecked.push(format!(
                "{} of {all} segments of {}: --segments",
                all - fetched.len(),
                rendition.url.path()
            ));
        }
    }
    continuity(rendition, findings);
    encoding(rendition, findings);
    for (place, again) in &rendition.again {
        let Some(first) = rendition.media.get(place).filter(|g| g.uri == again.uri && g.range == again.range) else {
            continue;
        };
        if again.answered() && again.digest != first.digest {
            let expected = format!("the {} bytes of the first answer", first.length());
            let found = format!("{} other bytes", again.length());
            findings.add(&MEDIA_CHANGED, At::new(&rendition.url).place(*place), expected, found);
        }
    }
}

fn headers(rendition: &Rendition, findings: &mut Findings) {
    for (map, header) in &rendition.headers {
        let at = At::new(&rendition.url);
        let found = match (&header.meta, &header.init) {
            (Err(why), _) => why.clone(),
            (Ok(meta), _) if !matches!(meta.status, 200 | 206) => format!("status {}", meta.status),
            (_, Err(error)) => {
                findings.add(&MEDIA_UNREADABLE, at, format!("a header in {}", map.uri), error.to_string());
                continue;
            }
            _ => continue,
        };
        findings.add(&MEDIA_MISSING, at, format!("the header {}", map.uri), found);
    }
}

fn arrival(rendition: &Rendition, place: Place, got: &Got, findings: &mut Findings, unchecked: &mut Vec<String>) {
    let at = At::new(&rendition.url).place(place);
    if got.hinted && !got.answered() {
        // Said as a hint that was not held.
        return;
    }
    match (&got.meta, &got.chunk) {
        (Err(why), _) => findings.add(&MEDIA_MISSING, at, &got.uri, why),
        (Ok(meta), _) if !matches!(meta.status, 200 | 206) => {
            findings.add(&MEDIA_MISSING, at, &got.uri, format!("status {}", meta.status));
        }
        (_, Err(Error::Broken(what))) => findings.add(&MEDIA_UNREADABLE, at, &got.uri, what),
        (_, Err(what)) => unchecked.push(format!("{what}: {}", rendition.url.path())),
        _ => {}
    }
}

fn whole(rendition: &Rendition, segment: &Segment, chunk: &Chunk, findings: &mut Findings) {
    let at = At::new(&rendition.url).line(segment.line).msn(segment.msn);
    let Some(run) = chunk.main() else { return };
    // A frame more or less, as muxers count, and nominal durations rounded to a twentieth of a second.
    let slack = run.sample().max(50_000) + 1_000;
    if (run.duration - segment.duration).abs() > slack {
        let expected = format!("{} as its samples last", seconds(run.duration));
        findings.add(&SEGMENT_DURATION, at, expected, format!("EXTINF {}", seconds(segment.duration)));
    }
    key(rendition, segment, chunk, findings);
}

fn key(rendition: &Rendition, segment: &Segment, chunk: &Chunk, findings: &mut Findings) {
    let at = At::new(&rendition.url).line(segment.line).msn(segment.msn);
    let independent = rendition.last().is_some_and(|l| l.independent);
    if independent && chunk.of(Kind::Picture).is_some_and(|r| r.key == Some(false)) {
        findings.add(&NO_KEY, at, "a key frame first", "another frame");
    }
}

fn part(rendition: &Rendition, segment: &Segment, index: usize, chunk: &Chunk, findings: &mut Findings) {
    let Some((part, run)) = segment.parts.get(index).zip(chunk.main()) else { return };
    let place = Place { msn: segment.msn, part: Some(index) };
    let at = At::new(&rendition.url).line(part.line).place(place);
    let target = rendition.last().and_then(|l| l.part_target);
    if run.duration == 0 {
        findings.add(&PART_EMPTY, at, "samples that last", "samples of no duration");
    } else if (run.duration - part.duration).abs() > 2_000 {
        let expected = format!("{} as its samples last", seconds(run.duration));
        findings.add(&PART_DURATION, at, expected, format!("DURATION {}", seconds(part.duration)));
    }
    if let Some(target) = target.filter(|t| run.duration > t + 2_000 && part.duration <= t + 1_000) {
        findings.add(
            &PART_LONG,
            at,
            format!("at most {}", seconds(target)),
            format!("{} of samples", seconds(run.duration)),
        );
    }
    if let Some(length) = chunk.of(Kind::Sound).and_then(|r| r.broken_frame) {
        findings.add(&PART_FRAMES, at, "frames of 1,024 samples", format!("a frame of {}", seconds(length)));
    }
    if let Some(begins) = chunk.of(Kind::Picture).and_then(|r| r.key) {
        if part.independent && !begins {
            findings.add(&INDEPENDENT, at, "a key frame first", "another frame");
        } else if !part.independent && begins {
            findings.add(&INDEPENDENT_MISSING, at, "INDEPENDENT=YES", "a key frame first, and nothing said");
        }
    }
    if index == 0 {
        key(rendition, segment, chunk, findings);
    }
}

/// Each run with where it is, for comparing it with the next.
fn continuity(rendition: &Rendition, findings: &mut Findings) {
    let segments = rendition.segments();
    let run = |place: &Place| rendition.media.get(place)?.chunk.as_ref().ok()?.main();
    let follows = |place: Place| -> Option<Place> {
        let next = place.msn.checked_add(1)?;
        match place.part {
            None => Some(Place { msn: next, part: None }),
            Some(index) => {
                let segment = segments.get(&place.msn)?;
                let more = index + 1 < segment.parts.len();
                if !more && !segment.has_all_parts() {
                    return None;
                }
                let (msn, part) = if more { (place.msn, index + 1) } else { (next, 0) };
                Some(Place { msn, part: Some(part) })
            }
        }
    };
    for place in rendition.media.keys() {
        let Some(next) = follows(*place) else { continue };
        let (Some(this), Some(that)) = (run(place), run(&next)) else { continue };
        let broken = match (segments.get(&place.msn), segments.get(&next.msn)) {
            (Some(a), Some(b)) => a.discontinuities != b.discontinuities,
            _ => true,
        };
        if broken {
            continue;
        }
        let end = this.start.saturating_add(this.duration);
        let apart = that.start.saturating_sub(end);
        if apart.saturating_abs() > slack(this) {
            let found = format!(
                "{} ({} {})",
                seconds(that.start),
                seconds(apart.abs()),
                if apart > 0 { "later" } else { "earlier" }
            );
            let expected = format!("a beginning at {}, where the one before ends", seconds(end));
            findings.add(&NOT_CONTINUOUS, At::new(&rendition.url).place(next), expected, found);
        }
    }
}

/// Less than a missing sample, more than rounding.
fn slack(run: &Run) -> Micros {
    (run.sample() * 3 / 4).max(5_000)
}

fn encoding(rendition: &Rendition, findings: &mut Findings) {
    let mut before: Option<(u64, Vec<String>)> = None;
    for (msn, segment) in rendition.segments() {
        let tracks = |s: &Segment| {
            let init = rendition.init(s)?;
            let say = |t: &crate::media::Track| {
                let size = t.size.map_or(String::new(), |(w, h)| format!(" {w}x{h}"));
                format!("{}{size}", t.codec)
            };
            Some(init.tracks.iter().map(say).collect::<Vec<_>>())
        };
        let Some(now) = tracks(&segment) else { continue };
        if let Some((discontinuities, then)) = &before
            && *discontinuities == segment.discontinuities
            && *then != now
        {
            let at = At::new(&rendition.url).line(segment.line).msn(msn);
            findings.add(&ENCODING_CHANGED, at, format!("{} as before", then.join(", ")), now.join(", "));
        }
        before = Some((segment.discontinuities, now));
    }
}
