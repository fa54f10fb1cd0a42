//! What a multivariant playlist promises, against what its playlists and headers are.

use std::collections::BTreeSet;

use crate::{
    SECOND,
    media::{Kind, Track},
    observe::{Presentation, Rendition, Role, Top},
    playlist::{PlaylistType, Stream},
    report::{At, Findings},
    rules::{
        CODECS, CONTROLS_DIFFER, FRAME_RATE, NO_BANDWIDTH, NO_VARIANTS, RESOLUTION, STREAM_ATTRIBUTES, TARGETS_DIFFER,
        TYPES_DIFFER, UNKNOWN_GROUP, UNREACHABLE,
    },
};

pub(super) fn check(top: &Top, seen: &Presentation, findings: &mut Findings) {
    let at = At::new(&top.url);
    if top.list.streams.is_empty() {
        findings.add(&NO_VARIANTS, at, "EXT-X-STREAM-INF", "none");
    }
    for rendition in seen.renditions.iter().filter(|r| r.editions.is_empty()) {
        let found = rendition.failure.clone().unwrap_or_else(|| "nothing".into());
        findings.add(&UNREACHABLE, At::new(&rendition.url), "a media playlist", found);
    }
    for (index, stream) in top.list.streams.iter().enumerate() {
        attributes(top, stream, seen, index, findings);
        for kind in ["AUDIO", "VIDEO", "SUBTITLES"] {
            let Some(id) = stream.attributes.get(kind) else { continue };
            if !top.list.groups.iter().any(|g| g.kind() == kind && g.id() == id) {
                findings.add(&UNKNOWN_GROUP, at.line(stream.line), format!("a {kind} group `{id}`"), "none");
            }
        }
        formats(top, seen, index, stream, findings);
    }
    alike(seen, findings);
}

fn attributes(top: &Top, stream: &Stream, seen: &Presentation, index: usize, findings: &mut Findings) {
    let at = At::new(&top.url).line(stream.line);
    let bandwidth = stream.attributes.get("BANDWIDTH").and_then(crate::playlist::integer);
    if bandwidth.is_none_or(|b| b == 0) {
        findings.add(&NO_BANDWIDTH, at, "BANDWIDTH", stream.attributes.get("BANDWIDTH").unwrap_or("none"));
    }
    let has_picture = of_stream(seen, index).is_none_or(|r| tracks(r).is_empty() || has(r, Kind::Picture));
    let mut wanted = vec!["CODECS", "AVERAGE-BANDWIDTH"];
    if has_picture {
        wanted.extend(["RESOLUTION", "FRAME-RATE"]);
    }
    let missing: Vec<&str> = wanted.iter().copied().filter(|name| stream.attributes.get(name).is_none()).collect();
    if !missing.is_empty() {
        findings.add(&STREAM_ATTRIBUTES, at, wanted.join(", "), format!("no {}", missing.join(", ")));
    }
}

/// The playlist of a stream.
pub(super) fn of_stream(seen: &Presentation, index: usize) -> Option<&Rendition> {
    seen.renditions.iter().find(|r| matches!(&r.role, Role::Picture { streams, .. } if streams.contains(&index)))
}

/// The renditions of a stream's group of this kind.
pub(super) fn of_group<'a>(
    top: &'a Top,
    seen: &'a Presentation,
    stream: &Stream,
    kind: &str,
) -> impl Iterator<Item = &'a Rendition> {
    let id = stream.attributes.get(kind).map(str::to_owned);
    let kind = kind.to_owned();
    seen.renditions.iter().filter(move |r| {
        let members = match &r.role {
            Role::Picture { groups, .. } | Role::Sound(groups) => groups,
            _ => return false,
        };
        members
            .iter()
            .filter_map(|i| top.list.groups.get(*i))
            .any(|g| g.kind() == kind && Some(g.id()) == id.as_deref())
    })
}

fn tracks(rendition: &Rendition) -> Vec<&Track> {
    rendition.inits().flat_map(|init| &init.tracks).collect()
}

fn has(rendition: &Rendition, kind: Kind) -> bool {
    tracks(rendition).iter().any(|t| t.kind == kind) || chunks_have(rendition, kind)
}

fn chunks_have(rendition: &Rendition, kind: Kind) -> bool {
    rendition.media.values().filter_map(|g| g.chunk.as_ref().ok()).any(|c| c.of(kind).is_some())
}

/// The codecs of pictures and sounds, by headers, or by the segments of a transport stream.
fn codecs(rendition: &Rendition) -> BTreeSet<String> {
    let heard = |kind| matches!(kind, Kind::Picture | Kind::Sound);
    let headers = tracks(rendition).into_iter().filter(|t| heard(t.kind) && !t.encrypted).map(|t| t.codec.clone());
    let chunks = rendition.media.values().filter_map(|g| g.chunk.as_ref().ok());
    let streams = chunks.flat_map(|c| &c.runs).filter(|r| heard(r.kind)).filter_map(|r| r.codec.clone());
    headers.chain(streams).filter(|c| !c.is_empty()).collect()
}

/// Whether a declared codec says the same as a measured one: the measured one may be known by its beginning only.
fn same(declared: &str, measured: &str) -> bool {
    let (declared, measured) = (declared.to_ascii_lowercase(), measured.to_ascii_lowercase());
    if declared == measured {
        return true;
    }
    let family = |name: &str| name.split('.').next().unwrap_or("").to_owned();
    let whole = measured.contains('.') && measured != "mp4a.40";
    let alike = match (&family(&declared)[..], &family(&measured)[..]) {
        ("avc1" | "avc3", "avc1" | "avc3") | ("hvc1" | "hev1", "hvc1" | "hev1") => true,
        (a, b) => a == b,
    };
    // SBR is often signalled in the samples alone: a header of mp4a.40.2 may be 40.5 or 40.29.
    let sound = measured == "mp4a.40.2" && ["mp4a.40.5", "mp4a.40.29"].contains(&&declared[..]);
    sound || (alike && (!whole || declared.split_once('.').map(|d| d.1) == measured.split_once('.').map(|m| m.1)))
}

fn formats(top: &Top, seen: &Presentation, index: usize, stream: &Stream, findings: &mut Findings) {
    let at = At::new(&top.url).line(stream.line);
    let own = of_stream(seen, index);
    let angles = of_group(top, seen, stream, "VIDEO");
    let sounds = of_group(top, seen, stream, "AUDIO");
    let all: Vec<&Rendition> = own.into_iter().chain(angles).chain(sounds).collect();
    if let Some(declared) = stream.attributes.get("CODECS") {
        let declared: Vec<&str> = declared.split(',').map(str::trim).collect();
        let measured: BTreeSet<String> = all.iter().flat_map(|r| codecs(r)).collect();
        let missing: Vec<&String> = measured.iter().filter(|m| !declared.iter().any(|d| same(d, m))).collect();
        // What is declared too much can be said only when every playlist's formats are known.
        let known = !all.is_empty() && all.iter().all(|r| !codecs(r).is_empty());
        let extra: Vec<&&str> =
            declared.iter().filter(|d| known && !is_text(d) && !measured.iter().any(|m| same(d, m))).collect();
        if !missing.is_empty() || !extra.is_empty() {
            let measured: Vec<&str> = measured.iter().map(String::as_str).collect();
            findings.add(&CODECS, at, measured.join(","), declared.join(","));
        }
    }
    let Some(own) = own else { return };
    let sizes: BTreeSet<(u16, u16)> = tracks(own).iter().filter_map(|t| t.size).collect();
    if let Some(declared) = stream.attributes.get("RESOLUTION")
        && !sizes.is_empty()
        && !sizes.iter().any(|(w, h)| declared == format!("{w}x{h}"))
    {
        let sizes: Vec<String> = sizes.iter().map(|(w, h)| format!("{w}x{h}")).collect();
        findings.add(&RESOLUTION, at, sizes.join(" or "), declared);
    }
    if let (Some(text), Some(measured)) = (stream.attributes.get("FRAME-RATE"), rate(own)) {
        let declared = crate::playlist::decimal(text).unwrap_or(0);
        // A whole frame more or less in what was measured, and a rate that is rounded.
        if (declared - measured).abs() > (measured / 50).max(SECOND / 10) {
            let measured = format!("{}.{:03}", measured / SECOND, measured % SECOND / 1000);
            findings.add(&FRAME_RATE, at, format!("{measured} as measured"), text);
        }
    }
}

fn is_text(codec: &str) -> bool {
    ["stpp", "wvtt", "tx3g"].iter().any(|name| codec.starts_with(name))
}

/// Frames per second, in millionths.
fn rate(rendition: &Rendition) -> Option<i64> {
    let chunks = rendition.media.values().filter_map(|g| g.chunk.as_ref().ok());
    let runs = chunks.filter_map(|c| c.of(Kind::Picture));
    let (samples, time) = runs.fold((0i64, 0i64), |(n, t), r| {
        (n.saturating_add(i64::try_from(r.samples).unwrap_or(0)), t.saturating_add(r.duration))
    });
    // Half a second at least: less says too little.
    (time > SECOND / 2).then(|| i64::try_from(i128::from(samples) * 1_000_000_000_000 / i128::from(time)).unwrap_or(0))
}

/// One that ends meanwhile may become VOD: what each said at any time is compared.
fn types(seen: &Presentation, findings: &mut Findings) {
    let kinds = |r: &Rendition| r.editions.iter().map(|e| e.list.kind).collect::<Vec<_>>();
    let read: Vec<&Rendition> = seen.renditions.iter().filter(|r| !r.editions.is_empty()).collect();
    let Some((first, others)) = read.split_first() else { return };
    let model = kinds(first);
    for other in others {
        let theirs = kinds(other);
        if !theirs.iter().any(|kind| model.contains(kind)) {
            let say = |kinds: &[Option<PlaylistType>]| {
                kinds.last().copied().flatten().map_or("no EXT-X-PLAYLIST-TYPE", PlaylistType::name)
            };
            let expected = format!("{} as in {}", say(&model), first.url);
            findings.add(&TYPES_DIFFER, At::new(&other.url), expected, say(&theirs));
        }
    }
}

/// Types, target durations and server controls are the same in all playlists (6.2.4).
fn alike(seen: &Presentation, findings: &mut Findings) {
    types(seen, findings);
    let lists: Vec<_> =
        seen.renditions.iter().filter(|r| r.role != Role::Subtitles).filter_map(|r| r.last().map(|l| (r, l))).collect();
    let Some((first, model)) = lists.first() else { return };
    for (rendition, list) in &lists[1..] {
        let at = At::new(&rendition.url);
        if list.target != model.target {
            let say = |target: Option<u64>| target.map_or("none".to_owned(), |t| format!("{t} s"));
            let expected = format!("{} as in {}", say(model.target), first.url);
            findings.add(&TARGETS_DIFFER, at, expected, say(list.target));
        }
        let said = |l: &crate::playlist::Media| match &l.control {
            None => "none".to_owned(),
            Some((_, list)) => list.sorted().iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(","),
        };
        if said(list) != said(model) {
            findings.add(&CONTROLS_DIFFER, at, format!("{} as in {}", said(model), first.url), said(list));
        }
    }
}
