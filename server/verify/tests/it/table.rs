//! The table of planted faults: one row a rule.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::{
    media::{lasting, later, longer, without_key},
    origin::{Ask, Behave, Plan},
};

/// A fault, and what it is found as.
pub struct Case {
    pub rule: &'static str,
    /// What it breaks besides.
    pub also: &'static [&'static str],
    /// What is looked at.
    pub path: &'static str,
    pub seconds: u64,
    pub tls: bool,
    pub plan: Plan,
}

impl Case {
    fn also(self, also: &'static [&'static str]) -> Self {
        Self { also, ..self }
    }

    /// Something more in every playlist is written otherwise.
    fn and(mut self, from: &'static str, to: &'static str) -> Self {
        let text = self.plan.text;
        self.plan.text = Box::new(move |ask, list| text(ask, list).replace(from, to));
        self
    }

    fn seconds(self, seconds: u64) -> Self {
        Self { seconds, ..self }
    }
}

fn new(rule: &'static str, path: &'static str, plan: Plan) -> Case {
    Case { rule, also: &[], path, seconds: 2, tls: false, plan }
}

const LIVE: &str = "live.m3u8";
const PLAIN: &str = "plain.m3u8";
const VOD: &str = "vod.m3u8";
const ONE: &str = "hi/live.m3u8";

/// Something in every playlist is written otherwise.
fn text(rule: &'static str, path: &'static str, from: &'static str, to: &'static str) -> Case {
    let text = Box::new(move |_: &Ask<'_>, text: String| text.replace(from, to));
    new(rule, path, Plan { text, ..Plan::default() })
}

/// Something in one track's playlist is written otherwise.
fn of(track: &'static str, rule: &'static str, path: &'static str, from: &'static str, to: &'static str) -> Case {
    let text =
        Box::new(move |ask: &Ask<'_>, text: String| if ask.track == track { text.replace(from, to) } else { text });
    new(rule, path, Plan { text, ..Plan::default() })
}

/// Lines that begin so are left out.
fn without(rule: &'static str, path: &'static str, begin: &'static str) -> Case {
    edit(rule, path, move |_, text| text.lines().filter(|l| !l.starts_with(begin)).map(|l| format!("{l}\n")).collect())
}

fn edit(
    rule: &'static str,
    path: &'static str,
    how: impl Fn(&Ask<'_>, String) -> String + Send + Sync + 'static,
) -> Case {
    new(rule, path, Plan { text: Box::new(how), ..Plan::default() })
}

fn behave(rule: &'static str, path: &'static str, behave: Behave) -> Case {
    new(rule, path, Plan { behave, ..Plan::default() })
}

fn reply(
    rule: &'static str,
    path: &'static str,
    how: impl Fn(&Ask<'_>, &mut StatusCode, &mut HeaderMap) + Send + Sync + 'static,
) -> Case {
    new(rule, path, Plan { reply: Box::new(how), ..Plan::default() })
}

/// Answers that are chosen have a header of this value.
fn says(
    rule: &'static str,
    path: &'static str,
    which: fn(&Ask<'_>, StatusCode) -> bool,
    name: HeaderName,
    value: &'static str,
) -> Case {
    reply(rule, path, move |ask, status, headers| {
        if which(ask, *status) {
            headers.insert(name.clone(), HeaderValue::from_static(value));
        }
    })
}

fn media(
    rule: &'static str,
    path: &'static str,
    how: impl Fn(&Ask<'_>, bytes::Bytes) -> bytes::Bytes + Send + Sync + 'static,
) -> Case {
    new(rule, path, Plan { media: Box::new(how), ..Plan::default() })
}

fn dated(rule: &'static str, path: &'static str, date: fn(&str, u64) -> i64) -> Case {
    new(rule, path, Plan { date, ..Plan::default() })
}

/// The number a media file begins with.
fn msn(ask: &Ask<'_>) -> Option<u64> {
    ask.file.split('.').next()?.parse().ok()
}

fn is_list(ask: &Ask<'_>) -> bool {
    ask.file.ends_with(".m3u8")
}

/// A date after the first part instead of before it.
fn dates_late(_: &Ask<'_>, text: String) -> String {
    let mut out = String::new();
    let mut kept = String::new();
    for line in text.lines() {
        if line.starts_with("#EXT-X-PROGRAM-DATE-TIME") {
            kept = format!("{line}\n");
            continue;
        }
        if line.starts_with("#EXTINF") {
            out.push_str(&std::mem::take(&mut kept));
        }
        out.push_str(&format!("{line}\n"));
        if line.starts_with("#EXT-X-PART:") {
            out.push_str(&std::mem::take(&mut kept));
        }
    }
    out
}

/// A tag after every segment's first part.
fn late_tag(tag: &'static str) -> impl Fn(&Ask<'_>, String) -> String {
    move |_, text| {
        let after = |line: &str| match line.contains(".0.m4s\"") && line.starts_with("#EXT-X-PART:") {
            true => format!("{line}\n{tag}\n"),
            false => format!("{line}\n"),
        };
        text.lines().map(after).collect()
    }
}

/// The hint before the lines of the newest segment.
fn hint_first(_: &Ask<'_>, text: String) -> String {
    let (hints, others): (Vec<&str>, Vec<&str>) = text.lines().partition(|l| l.starts_with("#EXT-X-PRELOAD-HINT"));
    let at = others.iter().rposition(|l| l.starts_with("#EXT-X-PROGRAM-DATE-TIME")).unwrap();
    let lines = others[..at].iter().chain(&hints).chain(&others[at..]);
    lines.map(|l| format!("{l}\n")).collect()
}

/// A finished segment's EXTINF with the next segment's first part only.
fn extinf_late(ask: &Ask<'_>, text: String) -> String {
    if !ask.edge.is_multiple_of(5) || !ask.held {
        return text;
    }
    let whole = format!("{}.m4s", ask.edge / 5 - 1);
    let lines: Vec<&str> = text.lines().collect();
    let Some(at) = lines.iter().position(|l| *l == whole) else { return text };
    [&lines[..at - 1], &lines[at + 1..]].concat().iter().map(|l| format!("{l}\n")).collect()
}

/// Reports that know a segment but always tell the same part of it.
fn report_of(part: &'static str) -> impl Fn(&Ask<'_>, String) -> String {
    move |_, text| {
        let told = |line: &str| match line.split_once(",LAST-PART=") {
            Some((before, _)) => format!("{before},LAST-PART={part}\n"),
            None => format!("{line}\n"),
        };
        text.lines().map(told).collect()
    }
}

/// Only the newest segment's parts.
fn few_parts(ask: &Ask<'_>, text: String) -> String {
    let open = format!("\"{}.", ask.edge / 5);
    let stays = |l: &&str| !l.starts_with("#EXT-X-PART:") || l.contains(&open);
    text.lines().filter(stays).map(|l| format!("{l}\n")).collect()
}

fn odd(ask: &Ask<'_>) -> bool {
    ask.edge % 2 == 1
}

pub fn cases() -> Vec<Case> {
    [written(), promised(), low_latency(), served(), live(), of_media(), over_http()].into_iter().flatten().collect()
}

fn written() -> Vec<Case> {
    vec![
        text("no-extm3u", VOD, "#EXTM3U\n", ""),
        text("bad-line", VOD, "#EXT-X-MAP:", "#EXT-X-BYTERANGE:abc\n#EXT-X-MAP:"),
        edit("mixed-playlist", VOD, |ask, text| if ask.track.is_empty() { text + "#EXT-X-ENDLIST\n" } else { text }),
        of("hi", "version-too-low", VOD, "VERSION:6", "VERSION:3"),
        of("hi", "version-too-high", VOD, "VERSION:6", "VERSION:7"),
        of("hi", "version-too-high", LIVE, "VERSION:9", "VERSION:10"),
        text("version-too-high", VOD, "VERSION:4", "VERSION:9"),
        without("no-target-duration", VOD, "#EXT-X-TARGETDURATION"),
        of("hi", "segment-over-target", "hi/vod.m3u8", "#EXTINF:1.000000", "#EXTINF:1.600000")
            .also(&["segment-duration-untrue", "date-against-durations"]),
        without("no-independent-segments", VOD, "#EXT-X-INDEPENDENT-SEGMENTS"),
        without("vod-without-end", VOD, "#EXT-X-ENDLIST").also(&["stale-playlist"]),
        without("no-map", VOD, "#EXT-X-MAP").also(&["version-too-high"]),
    ]
}

fn promised() -> Vec<Case> {
    let is_stream = |l: &str| l.starts_with("#EXT-X-STREAM") || l.ends_with("vod.m3u8") && !l.starts_with('#');
    vec![
        edit("no-variants", VOD, move |ask, text| match ask.track {
            "" => text.lines().filter(|l| !is_stream(l)).map(|l| format!("{l}\n")).collect(),
            _ => text,
        }),
        reply("playlist-unreachable", VOD, |ask, status, _| {
            if ask.track == "lo" && is_list(ask) {
                *status = StatusCode::NOT_FOUND;
            }
        }),
        text("no-bandwidth", VOD, ":BANDWIDTH=", ":X-BANDWIDTH="),
        text("stream-attributes", VOD, ",FRAME-RATE=25.000", ""),
        text("unknown-group", VOD, ",AUDIO=\"au\"", ",AUDIO=\"other\"").also(&["codecs-mismatch"]),
        text("codecs-mismatch", VOD, "mp4a.40.2", "ac-3"),
        edit("codecs-mismatch", VOD, |_, text| {
            // Another profile and level than avcC says.
            let mut pieces = text.split("avc1.");
            let first = pieces.next().unwrap().to_owned();
            pieces.fold(first, |out, piece| format!("{out}avc1.640033{}", &piece[6..]))
        }),
        text("resolution-mismatch", VOD, "160x90", "320x180"),
        text("frame-rate-mismatch", VOD, "25.000", "50.000"),
        text("bandwidth-low", VOD, ":BANDWIDTH=", ":BANDWIDTH=20000,X-BANDWIDTH="),
        text("bandwidth-high", "long.m3u8", ":BANDWIDTH=", ":BANDWIDTH=9"),
        text("average-bandwidth-low", VOD, "AVERAGE-BANDWIDTH=", "AVERAGE-BANDWIDTH=20000,X-AVERAGE="),
        of("au", "target-durations-differ", VOD, "DURATION:1", "DURATION:2"),
        of("lo", "playlist-types-differ", VOD, "#EXT-X-PLAYLIST-TYPE:VOD\n", ""),
        of("lo", "server-control-differs", LIVE, ",HOLD-BACK=3.2", ",HOLD-BACK=3.4"),
        media(
            "renditions-misaligned",
            LIVE,
            |ask, bytes| {
                if ask.track == "lo" { later(bytes, 12_800, 100) } else { bytes }
            },
        ),
        media("angles-misaligned", VOD, |ask, bytes| if ask.track == "b" { later(bytes, 12_800, 400) } else { bytes }),
        media(
            "sound-off-picture",
            LIVE,
            |ask, bytes| if ask.track == "au" { later(bytes, 48_000, 500) } else { bytes },
        ),
    ]
}

fn low_latency() -> Vec<Case> {
    let zero = |ask: &Ask<'_>, text: String| {
        let line = format!("DURATION=0.200000,URI=\"{}.1.m4s\"", ask.edge / 5 - 1);
        text.replace(&line, &line.replace("0.200000", "0"))
    };
    vec![
        without("no-part-inf", ONE, "#EXT-X-PART-INF"),
        of("hi", "part-too-long", ONE, "PART-TARGET=0.22", "PART-TARGET=0.19"),
        of("hi", "part-too-short", ONE, "PART-TARGET=0.22", "PART-TARGET=0.3"),
        // The media are longer than both the promise and the target.
        text("part-too-long", ONE, "DURATION=0.200000", "DURATION=0.190000")
            .and("PART-TARGET=0.22", "PART-TARGET=0.195")
            .also(&["part-duration-untrue", "parts-not-the-segment"]),
        media("part-empty", ONE, |ask, bytes| match ask.file {
            file if file.ends_with(".1.m4s") => lasting(bytes, 0),
            _ => bytes,
        })
        .also(&["not-continuous"]),
        media("audio-part-frames", "au/live.m3u8", |ask, bytes| match ask.file.matches('.').count() {
            2 => lasting(bytes, 1000),
            _ => bytes,
        })
        .also(&["part-duration-untrue"]),
        edit("part-empty", ONE, zero).also(&["part-duration-untrue", "parts-not-the-segment", "segment-changed"]),
        text("part-duration-untrue", ONE, "DURATION=0.2000", "DURATION=0.2100").also(&["parts-not-the-segment"]),
        text("parts-not-the-segment", ONE, "#EXTINF:1.000000", "#EXTINF:1.030000"),
        text("independent-untrue", ONE, ".1.m4s\"", ".1.m4s\",INDEPENDENT=YES"),
        text("independent-missing", ONE, ",INDEPENDENT=YES", ""),
        edit("tags-after-parts", ONE, dates_late),
        edit("tags-after-parts", ONE, late_tag("#EXT-X-MAP:URI=\"init.mp4\"")),
        edit("tags-after-parts", ONE, late_tag("#EXT-X-KEY:METHOD=NONE")),
        edit("tags-after-parts", ONE, late_tag("#EXT-X-DISCONTINUITY")).also(&["discontinuity-sequence"]),
        edit("hint-before-segment", ONE, hint_first),
        edit("hint-before-segment", ONE, extinf_late).seconds(3).also(&[
            "sequence-goes-back",
            "held-reload-empty",
            "reload-segment-not-whole",
            "reload-past-last-part",
        ]),
        text("no-part-hold-back", ONE, ",PART-HOLD-BACK=0.9", ""),
        text("part-hold-back-below-two", ONE, "BACK=0.9", "BACK=0.3"),
        text("part-hold-back-below-three", ONE, "BACK=0.9", "BACK=0.5"),
        text("hold-back-low", ONE, ",HOLD-BACK=3.2", ",HOLD-BACK=2.5"),
        text("no-hold-back", ONE, ",HOLD-BACK=3.2", ""),
        text("can-skip-until-low", ONE, "CAN-SKIP-UNTIL=6.0", "CAN-SKIP-UNTIL=5.0"),
        text("no-block-reload", ONE, "CAN-BLOCK-RELOAD=YES,", ""),
        without("no-preload-hint", ONE, "#EXT-X-PRELOAD-HINT"),
        text(
            "many-preload-hints",
            ONE,
            "#EXT-X-PRELOAD-HINT",
            "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"z\"\n#EXT-X-PRELOAD-HINT",
        )
        .also(&["hint-not-kept", "hint-not-held"]),
        edit("parts-listed-short", ONE, few_parts),
        without("no-rendition-reports", LIVE, "#EXT-X-RENDITION-REPORT"),
        text("rendition-report-wrong", LIVE, "LAST-MSN=", "LAST-MSN=9"),
        edit("rendition-report-wrong", LIVE, report_of("7")),
        edit("rendition-report-wrong", LIVE, report_of("0")).seconds(4),
    ]
}

fn served() -> Vec<Case> {
    let far_skip = |_: &Ask<'_>, text: String| {
        let Some((before, after)) = text.split_once("SKIPPED-SEGMENTS=") else { return text };
        let (count, after) = after.split_once('\n').unwrap();
        format!("{before}SKIPPED-SEGMENTS={}\n{after}", count.parse::<u64>().unwrap() + 1)
    };
    let hint = |_: &Ask<'_>, text: String| {
        let spelled = |l: &str| if l.contains("PRELOAD") { l.replace(".m4s", ".x.m4s") } else { l.into() };
        text.lines().map(|l| spelled(l) + "\n").collect()
    };
    vec![
        behave("held-reload-empty", ONE, Behave::AtOnce).also(&["reload-segment-not-whole", "reload-past-last-part"]),
        behave("held-reload-unanswered", ONE, Behave::Never).also(&["stale-playlist"]),
        // Too early to give up.
        reply("held-reload-unanswered", ONE, |ask, status, _| {
            if ask.held {
                *status = StatusCode::SERVICE_UNAVAILABLE;
            }
        })
        .also(&["stale-playlist"]),
        behave("reload-segment-not-whole", ONE, Behave::MsnAtOnce),
        behave("reload-past-refused", ONE, Behave::RefusesPast),
        behave("reload-past-refused", ONE, Behave::LatePast),
        behave("reload-past-last-part", ONE, Behave::RefusesPastLastPart),
        behave("reload-far-not-refused", ONE, Behave::TakesFar),
        behave("reload-far-not-refused", ONE, Behave::TakesNear),
        late(0),
        late(1),
        late(2),
        behave("reload-part-only-not-refused", ONE, Behave::TakesPartOnly),
        behave("reload-not-a-number-not-refused", ONE, Behave::TakesText),
        behave("reload-not-a-number-not-refused", ONE, Behave::TakesPartText),
        behave("server-error", ONE, Behave::FailsOnText),
        edit("hint-not-kept", ONE, hint),
        behave("hint-not-held", ONE, Behave::NoHints),
        behave("no-delta-update", ONE, Behave::NoDelta),
        edit("delta-differs", ONE, far_skip),
        behave("skip-v2-unanswered", ONE, Behave::RefusesV2),
        behave("hint-trickles", ONE, Behave::Trickles),
        behave("part-late", ONE, Behave::Stalls).seconds(5),
        behave("ended-directives-heeded", VOD, Behave::RefusesEnded),
        behave("ended-directives-heeded", VOD, Behave::SkipsEnded),
        behave("last-part-late", ONE, Behave::LastPartLate).seconds(4),
        reply("part-gone-early", ONE, |ask, status, _| {
            if ask.file.matches('.').count() == 2 && msn(ask).is_some_and(|msn| msn + 4 < ask.edge / 5) {
                *status = StatusCode::NOT_FOUND;
            }
        }),
    ]
}

/// Refusals that take a while: each of the three rules is found.
fn late(which: usize) -> Case {
    const ALL: [&str; 3] =
        ["reload-far-not-refused", "reload-part-only-not-refused", "reload-not-a-number-not-refused"];
    behave(ALL[which], ONE, Behave::LateRefusal).also(&ALL)
}

fn live() -> Vec<Case> {
    let hold = |ask: &Ask<'_>, text: String| if odd(ask) { text.replace("BACK=0.9", "BACK=1.0") } else { text };
    let length = |ask: &Ask<'_>, text: String| {
        if odd(ask) { text.replace("#EXTINF:1.000000", "#EXTINF:1.000500") } else { text }
    };
    let number = |ask: &Ask<'_>, text: String| {
        let line = format!("#EXT-X-DISCONTINUITY-SEQUENCE:{}\n#EXT-X-INDEP", u8::from(odd(ask)));
        text.replace("#EXT-X-INDEP", &line)
    };
    vec![
        edit("target-changed", ONE, hold),
        edit("target-changed", ONE, |ask, text| match odd(ask) {
            true => text.replace("TARGETDURATION:1", "TARGETDURATION:2"),
            false => text,
        })
        .also(&["hold-back-low", "can-skip-until-low", "delta-differs", "parts-listed-short"]),
        edit("target-changed", ONE, |ask, text| match odd(ask) {
            true => text.replace("PART-TARGET=0.22", "PART-TARGET=0.23"),
            false => text,
        }),
        edit("segment-changed", ONE, length),
        behave("sequence-goes-back", "hi/plain.m3u8", Behave::GoesBack).seconds(3),
        edit("discontinuity-sequence", ONE, number),
        text("event-shrank", ONE, "#EXT-X-INDEP", "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-INDEP"),
        behave("stale-playlist", PLAIN, Behave::Stands).seconds(5),
        new("live-playlist-short", "hi/plain.m3u8", Plan { window: 2, ..Plan::default() }).seconds(3),
        without("no-program-date-time", LIVE, "#EXT-X-PROGRAM-DATE-TIME"),
        edit("program-date-time-in-some", VOD, |ask, text| match ask.track {
            "lo" => text.lines().filter(|l| !l.contains("DATE-TIME")).map(|l| format!("{l}\n")).collect(),
            _ => text,
        }),
        dated("date-against-durations", ONE, |_, msn| i64::try_from(msn).unwrap() * -200_000)
            .also(&["date-against-media"]),
        dated("date-against-media", ONE, |_, msn| i64::try_from(msn).unwrap() * -60_000),
        dated("date-in-the-future", LIVE, |_, _| 10_000_000),
    ]
}

fn of_media() -> Vec<Case> {
    let other = |ask: &Ask<'_>, text: String| {
        if ask.track != "hi" {
            return text;
        }
        let Some((before, after)) = text.split_once("4.m4s\n") else { return text };
        let after = after.replace(".m4s", "%.m4s");
        let after: String = after
            .lines()
            .map(|l| if l.ends_with("%.m4s") { format!("../lo/{l}\n") } else { format!("{l}\n") })
            .collect();
        format!("{before}4.m4s\n#EXT-X-MAP:URI=\"../lo/init.mp4\"\n{}", after.replace('%', ""))
    };
    vec![
        reply("media-missing", VOD, |ask, status, _| {
            if ask.track == "hi" && msn(ask) == Some(3) {
                *status = StatusCode::NOT_FOUND;
            }
        }),
        media("media-unreadable", VOD, |ask, bytes| match (ask.track, msn(ask)) {
            ("hi", Some(2)) => bytes.slice(..bytes.len() / 2),
            _ => bytes,
        }),
        text("segment-duration-untrue", "hi/vod.m3u8", "#EXTINF:1.000000", "#EXTINF:1.070000"),
        media("not-continuous", VOD, |ask, bytes| match (ask.track, msn(ask)) {
            ("au", Some(4..)) => later(bytes, 48_000, 45),
            (_, Some(4..)) => later(bytes, 12_800, 45),
            _ => bytes,
        }),
        edit("encoding-changed", VOD, other).also(&["codecs-mismatch"]),
        media("segment-without-key-frame", VOD, |ask, bytes| match (ask.track, msn(ask)) {
            ("hi", Some(2)) => without_key(bytes),
            _ => bytes,
        }),
        media(
            "media-changed",
            ONE,
            |ask, bytes| if ask.times > 0 && msn(ask).is_some() { longer(bytes) } else { bytes },
        ),
    ]
}

/// Nothing is said of caching but when a playlist was written.
fn guessed(track: &'static str) -> Case {
    reply("playlist-cached-by-guess", PLAIN, move |ask, _, headers| {
        if is_list(ask) && ask.track == track {
            headers.remove(header::CACHE_CONTROL);
            headers.insert(header::LAST_MODIFIED, HeaderValue::from_static("Sun, 22 Nov 2026 19:00:00 GMT"));
        }
    })
}

fn over_http() -> Vec<Case> {
    let mut old = new("no-http2", LIVE, Plan::default());
    old.tls = true;
    vec![
        behave("unknown-answered", VOD, Behave::TakesUnknown),
        reply("unknown-answered", VOD, |ask, status, _| {
            if *status == StatusCode::NOT_FOUND && !is_list(ask) {
                *status = StatusCode::FORBIDDEN;
            }
        }),
        says("playlist-content-type", VOD, |ask, _| is_list(ask), header::CONTENT_TYPE, "text/plain"),
        says("media-content-type", VOD, |ask, _| !is_list(ask), header::CONTENT_TYPE, "text/plain"),
        reply("no-gzip", VOD, |_, _, headers| drop(headers.remove(header::CONTENT_ENCODING))),
        says("playlist-cached-long", PLAIN, |ask, _| is_list(ask), header::CACHE_CONTROL, "max-age=60"),
        says("held-reload-cached-long", ONE, |ask, _| ask.held, header::CACHE_CONTROL, "max-age=60"),
        says("held-reload-not-cached", ONE, |ask, _| ask.held, header::CACHE_CONTROL, "no-store"),
        reply("media-not-cached", VOD, |ask, _, headers| {
            if !is_list(ask) {
                headers.remove(header::CACHE_CONTROL);
            }
        }),
        says("media-not-cached", VOD, |ask, _| !is_list(ask), header::CACHE_CONTROL, "max-age=1"),
        says("media-not-cached", PLAIN, |ask, s| !is_list(ask) && s.is_success(), header::CACHE_CONTROL, "max-age=5"),
        guessed(""),
        guessed("hi"),
        says("missing-cached-long", ONE, |_, status| !status.is_success(), header::CACHE_CONTROL, "max-age=600"),
        old,
        reply("no-cors", VOD, |_, _, headers| drop(headers.remove(header::ACCESS_CONTROL_ALLOW_ORIGIN))),
        new("range-ignored", VOD, Plan { ranges: false, ..Plan::default() }),
    ]
}
