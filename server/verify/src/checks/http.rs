//! Headers and protocols.

use http::{Version, header};

use crate::{
    Micros, SECOND,
    fetch::Meta,
    observe::{Presentation, ProbeKind, Rendition},
    playlist::Media,
    report::{At, Findings},
    rules::{
        ERROR_CACHE, HELD_CACHE, HELD_CACHE_LONG, MEDIA_CACHE, MEDIA_TYPE, NO_CORS, NO_GZIP, NO_HTTP2, NO_RANGE,
        PLAYLIST_CACHE, PLAYLIST_GUESS, PLAYLIST_TYPE, UNKNOWN_ANSWERED,
    },
};

pub(super) fn check(seen: &Presentation, findings: &mut Findings, unchecked: &mut Vec<String>) {
    if let Some(top) = &seen.multivariant {
        playlist(&top.meta, At::new(&top.url), findings);
        if seen.renditions.iter().any(Rendition::live) {
            guessed(&top.meta, At::new(&top.url), findings);
        }
    }
    for rendition in &seen.renditions {
        let at = At::new(&rendition.url);
        if let Some(first) = rendition.editions.first() {
            playlist(&first.meta, at, findings);
        }
        protocol(rendition, findings, unchecked);
        caches(rendition, findings);
        media(rendition, findings);
        probes(rendition, findings);
    }
}

fn playlist(meta: &Meta, at: At<'_>, findings: &mut Findings) {
    let kind = meta.header(header::CONTENT_TYPE).split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    // `application/x-mpegURL` and `audio/x-mpegurl` are older names that players take.
    let known = ["application/vnd.apple.mpegurl", "audio/mpegurl", "application/x-mpegurl", "audio/x-mpegurl"];
    if !known.contains(&&kind[..]) {
        findings.add(&PLAYLIST_TYPE, at, known[0], if kind.is_empty() { "none" } else { &kind });
    }
    // Very small bodies are rightly left alone by many servers.
    if meta.header(header::CONTENT_ENCODING).is_empty() && meta.length > 300 {
        findings.add(&NO_GZIP, at, "Content-Encoding: gzip", format!("{} bytes as they are", meta.length));
    }
    cors(meta, at, findings);
}

/// What changes, and may be kept for as long as a cache guesses: a tenth of its age is usual.
fn guessed(meta: &Meta, at: At<'_>, findings: &mut Findings) {
    let modified = meta.header(header::LAST_MODIFIED);
    if meta.max_age().is_none() && meta.cache("private").is_none() && !modified.is_empty() {
        let found = format!("nothing said but Last-Modified: {modified}");
        findings.add(&PLAYLIST_GUESS, at, "Cache-Control: max-age, or no-cache", found);
    }
}

fn cors(meta: &Meta, at: At<'_>, findings: &mut Findings) {
    let allowed = meta.header(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    if allowed != "*" && allowed != "https://player.invalid" {
        let found = if allowed.is_empty() { "none" } else { allowed };
        findings.add(&NO_CORS, at, "Access-Control-Allow-Origin for other pages", found);
    }
}

fn protocol(rendition: &Rendition, findings: &mut Findings, unchecked: &mut Vec<String>) {
    let Some(first) = rendition.editions.first().filter(|_| rendition.low_latency()) else { return };
    if first.meta.url.scheme() == "http" {
        unchecked.push("HTTP/2 for low latency: it is negotiated over TLS, and this is cleartext".into());
    } else if first.meta.version != Version::HTTP_2 {
        findings.add(&NO_HTTP2, At::new(&rendition.url), "HTTP/2", format!("{:?}", first.meta.version));
    }
}

fn caches(rendition: &Rendition, findings: &mut Findings) {
    let at = At::new(&rendition.url);
    for edition in rendition.editions.iter().filter(|e| !e.list.ended) {
        let target = edition.list.target.unwrap_or(0);
        let age = edition.meta.max_age();
        let said = edition.meta.header(header::CACHE_CONTROL);
        guessed(&edition.meta, at, findings);
        match edition.asked {
            // A second is the least that can be said.
            None if age.is_some_and(|age| age > 1 && age.saturating_mul(2) > target) => {
                let expected = format!("max-age of at most {}", (target / 2).max(1));
                findings.add(&PLAYLIST_CACHE, at, expected, said);
            }
            Some(_) if age.is_none_or(|age| age == 0) => {
                let found = if said.is_empty() { "nothing said" } else { said };
                findings.add(&HELD_CACHE, at, "max-age of some target durations", found);
            }
            Some(_) if age.is_some_and(|age| age > target.saturating_mul(6).max(1)) => {
                let expected = format!("max-age of at most {}, six target durations", target.saturating_mul(6));
                findings.add(&HELD_CACHE_LONG, at, expected, said);
            }
            _ => {}
        }
    }
}

/// Seconds for which media are asked for at least: a day of what has ended; else as long as the playlist, and once more
/// the segment (6.2.2).
fn availability(list: &Media) -> u64 {
    let listed: Micros = list.whole().fold(0, |sum, s| sum.saturating_add(s.duration));
    let longest = list.whole().map(|s| s.duration).max().unwrap_or(0);
    let live = u64::try_from(listed.saturating_add(longest) / SECOND).unwrap_or(0);
    if list.ended { 86_400 } else { live.min(86_400) }
}

fn media(rendition: &Rendition, findings: &mut Findings) {
    let at = At::new(&rendition.url);
    let least = rendition.last().map_or(0, availability);
    let headers = rendition.headers.values().filter_map(|h| h.meta.as_ref().ok()).filter(|m| m.status < 300);
    let media = rendition.media.iter().filter(|(_, g)| g.answered());
    let media = media.filter_map(|(place, g)| Some((Some(*place), g.meta.as_ref().ok()?)));
    for (place, meta) in headers.map(|m| (None, m)).chain(media) {
        let at = place.map_or(at, |place| at.place(place));
        let kind = meta.header(header::CONTENT_TYPE).split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        let (class, rest) = kind.split_once('/').unwrap_or((&kind, ""));
        let other = ["application/mp4", "text/vtt"].contains(&&kind[..]);
        // A playlist's type is said of media by servers that go by the folder.
        if !(["video", "audio"].contains(&class) && !rest.contains("mpegurl") || other) {
            let found = if kind.is_empty() { "none" } else { &kind };
            findings.add(&MEDIA_TYPE, at, "video/mp4, audio/mp4, video/iso.segment or video/mp2t", found);
        }
        if meta.max_age().is_none_or(|age| age < least) {
            let said = meta.header(header::CACHE_CONTROL);
            let found = if said.is_empty() { "nothing said" } else { said };
            findings.add(&MEDIA_CACHE, at, format!("Cache-Control: max-age of at least {least}"), found);
        }
        cors(meta, at, findings);
    }
}

fn probes(rendition: &Rendition, findings: &mut Findings) {
    let at = At::new(&rendition.url);
    for probe in &rendition.probes {
        let unknown = || format!("404 for {}", probe.url.path());
        let meta = match &probe.meta {
            Ok(meta) => meta,
            Err(why) => {
                if probe.kind == ProbeKind::Unknown {
                    findings.add(&UNKNOWN_ANSWERED, at, unknown(), why);
                }
                continue;
            }
        };
        match probe.kind {
            ProbeKind::Unknown if meta.status != 404 => {
                let found = format!("status {} with {} bytes", meta.status, meta.length);
                findings.add(&UNKNOWN_ANSWERED, at, unknown(), found);
            }
            ProbeKind::Unknown => {
                let most = probe.before.target.unwrap_or(1).max(1);
                if let Some(age) = meta.max_age().filter(|age| *age > most && !probe.before.ended) {
                    let found = format!("{age} s with status {}", meta.status);
                    findings.add(&ERROR_CACHE, at, format!("at most {most} s"), found);
                }
            }
            ProbeKind::Range(range) if meta.status != 206 || meta.length as u64 != range.length => {
                let found = format!("status {} with {} bytes", meta.status, meta.length);
                findings.add(&NO_RANGE, at, format!("206 with {} bytes", range.length), found);
            }
            _ => {}
        }
    }
}
