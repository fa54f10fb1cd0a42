//! Every rule that is checked: one table, read by the report, the documentation and the tests.

use serde::Serialize;

/// How much a breach matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Players break on it, or the specification says MUST.
    Error,
    /// It costs something, or the specification says SHOULD.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// The word in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One rule.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Its name, which does not change: `part-too-long`.
    pub id: &'static str,
    /// How much a breach matters.
    pub severity: Severity,
    /// Where it is written. `bis` is draft-pantos-hls-rfc8216bis-22.
    pub section: &'static str,
    /// What to do about a breach, in one sentence.
    pub advice: &'static str,
}

macro_rules! rules {
    ($($name:ident $id:literal $severity:ident $section:literal $advice:literal;)*) => {
        $(#[doc = $advice] pub static $name: Rule =
            Rule { id: $id, severity: Severity::$severity, section: $section, advice: $advice };)*
        /// All of them, in the order in which they are documented.
        pub static ALL: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    // What the text says.
    NO_HEADER "no-extm3u" Error "bis §4.4.1.1" "Begin every playlist with #EXTM3U.";
    BAD_LINE "bad-line" Error "bis §4.1, §4.2, §4.4" "Write the tag or attribute in its form, each segment after its EXTINF.";
    MIXED "mixed-playlist" Error "bis §4.4" "Keep segment tags out of multivariant playlists, and stream tags out of media playlists.";
    VERSION "version-too-low" Error "bis §8" "Raise EXT-X-VERSION to what the playlist's tags need.";
    VERSION_HIGH "version-too-high" Note "bis §6.2.1, §8" "Let EXT-X-VERSION be no more than the playlist's tags need: older players would play it.";
    NO_TARGET "no-target-duration" Error "bis §4.4.3.1" "Write EXT-X-TARGETDURATION in every media playlist.";
    OVER_TARGET "segment-over-target" Error "bis §4.4.3.1, §6.2.1" "Cut no segment longer, when rounded, than EXT-X-TARGETDURATION.";
    NO_INDEPENDENT "no-independent-segments" Warning "bis §4.4.2.1; Apple authoring" "Start segments at key frames and say EXT-X-INDEPENDENT-SEGMENTS.";
    VOD_OPEN "vod-without-end" Error "bis §4.4.3.5, §6.2.1" "End a VOD playlist with EXT-X-ENDLIST.";
    NO_MAP "no-map" Error "bis §3.1.2, §4.4.4.5" "Give fragmented MP4 its EXT-X-MAP.";

    // What the multivariant playlist promises.
    NO_VARIANTS "no-variants" Error "bis §4.4.6.2" "List at least one EXT-X-STREAM-INF with its URI.";
    UNREACHABLE "playlist-unreachable" Error "bis §6.2.1" "Answer the playlist that the multivariant playlist names.";
    NO_BANDWIDTH "no-bandwidth" Error "bis §4.4.6.2" "Give every EXT-X-STREAM-INF its BANDWIDTH.";
    STREAM_ATTRIBUTES "stream-attributes" Warning "bis §4.4.6.2; Apple authoring" "Give every EXT-X-STREAM-INF its CODECS, RESOLUTION, FRAME-RATE and AVERAGE-BANDWIDTH.";
    UNKNOWN_GROUP "unknown-group" Error "bis §4.4.6.2" "Define the group that the attribute names by EXT-X-MEDIA.";
    CODECS "codecs-mismatch" Error "bis §4.4.6.2, §6.2.4" "Let CODECS say what the media's headers say, and every format of the variant's groups.";
    RESOLUTION "resolution-mismatch" Warning "bis §4.4.6.2" "Let RESOLUTION say what the media's header says.";
    FRAME_RATE "frame-rate-mismatch" Warning "bis §4.4.6.2" "Let FRAME-RATE say how many frames a second the media has.";
    BANDWIDTH "bandwidth-low" Error "bis §4.4.6.2" "Let BANDWIDTH be the peak of the variant with its renditions.";
    BANDWIDTH_HIGH "bandwidth-high" Warning "bis §4.4.6.2; Apple authoring" "Let BANDWIDTH be no more than twice the peak: players pass over what they could play.";
    AVERAGE "average-bandwidth-low" Warning "bis §4.4.6.2" "Let AVERAGE-BANDWIDTH be the mean of the variant with its renditions.";
    TARGETS_DIFFER "target-durations-differ" Error "bis §6.2.4" "Give all media playlists of a presentation the same EXT-X-TARGETDURATION.";
    TYPES_DIFFER "playlist-types-differ" Error "bis §6.2.4" "Give all media playlists of a presentation the same EXT-X-PLAYLIST-TYPE, or none.";
    CONTROLS_DIFFER "server-control-differs" Error "bis §6.2.4" "Give all media playlists of a presentation the same EXT-X-SERVER-CONTROL.";
    MISALIGNED "renditions-misaligned" Error "bis §6.2.4" "Cut all renditions of a picture at the same instants, with matching timestamps and discontinuity numbers.";
    ANGLES_MISALIGNED "angles-misaligned" Error "bis §6.2.4, §4.4.6.1" "Cut all angles at the same instants of one timeline.";
    SOUND_OFF "sound-off-picture" Error "bis §6.2.4" "Put sound and picture on one timeline: one date for one media time.";

    // Low latency: what the playlist says.
    NO_PART_INF "no-part-inf" Error "bis §4.4.3.7" "Write EXT-X-PART-INF where there are parts.";
    PART_LONG "part-too-long" Error "bis §4.4.3.7, §4.4.4.9" "Close a part before it is longer than PART-TARGET: AVPlayer refuses the stream.";
    PART_SHORT "part-too-short" Error "bis §4.4.4.9" "Fill parts to 85 % of PART-TARGET, but for the last of a segment and before key frames and gaps.";
    PART_EMPTY "part-empty" Error "bis §4.4.4.9" "List no part without a duration.";
    PART_DURATION "part-duration-untrue" Error "bis §4.4.4.9" "Let a part's DURATION be that of its samples.";
    PART_SUM "parts-not-the-segment" Error "bis §3.2" "Let a segment's EXTINF be the sum of its parts.";
    PART_FRAMES "audio-part-frames" Error "bis §3.2; ISO/IEC 14496-3" "Let every AAC frame last whole: 1,024 samples, 2,048 of HE-AAC.";
    INDEPENDENT "independent-untrue" Error "bis §4.4.4.9" "Say INDEPENDENT=YES only where the part begins with a key frame.";
    INDEPENDENT_MISSING "independent-missing" Warning "bis §4.4.4.9" "Say INDEPENDENT=YES of a part that begins with a key frame: players start there.";
    TAGS_LATE "tags-after-parts" Error "bis §4.4.4.9" "Write a segment's DISCONTINUITY, KEY, MAP and PROGRAM-DATE-TIME before its first part.";
    NO_PART_HOLD "no-part-hold-back" Error "bis §4.4.3.8" "Write PART-HOLD-BACK where there are parts.";
    PART_HOLD_DRAFT "part-hold-back-below-two" Error "bis §4.4.3.8" "Let PART-HOLD-BACK be three times PART-TARGET; twice is the least.";
    PART_HOLD "part-hold-back-below-three" Warning "bis §4.4.3.8; Apple authoring §14" "Let PART-HOLD-BACK be at least three times PART-TARGET.";
    HOLD "hold-back-low" Error "bis §4.4.3.8" "Let HOLD-BACK be at least three target durations.";
    NO_HOLD "no-hold-back" Warning "bis §4.4.3.8" "Write HOLD-BACK beside PART-HOLD-BACK, for players without low latency.";
    SKIP_LOW "can-skip-until-low" Error "bis §4.4.3.8" "Let CAN-SKIP-UNTIL be at least six target durations.";
    NO_BLOCK "no-block-reload" Warning "bis §4.4.3.8, App. B.1" "Offer CAN-BLOCK-RELOAD=YES with parts: without it players poll.";
    NO_HINT "no-preload-hint" Error "bis §4.4.5.3, App. B.1" "Hint the next part in every live playlist: hls.js loops without it.";
    MANY_HINTS "many-preload-hints" Warning "bis §6.2.6" "Write one EXT-X-PRELOAD-HINT of a TYPE.";
    HINT_EARLY "hint-before-segment" Warning "bis §4.4.5.3" "Write the finished segment's EXTINF and URI first, then the hint of the next segment's first part.";
    PARTS_GONE "parts-listed-short" Warning "bis §6.2.1, §6.2.2" "List the parts of the last three target durations.";
    PART_GONE "part-gone-early" Error "bis §6.2.2" "Serve parts for three target durations more when they are listed no more.";
    LAST_PART_LATE "last-part-late" Error "bis §6.2.1" "Announce a segment's last part when it exists, not with the next segment's first.";
    PART_LATE "part-late" Error "bis §6.2.1" "List each part within one PART-TARGET of the part before.";
    NO_REPORTS "no-rendition-reports" Warning "bis App. B.1" "Write an EXT-X-RENDITION-REPORT for each other rendition.";
    REPORT_WRONG "rendition-report-wrong" Error "bis §4.4.5.4" "Let a report name a rendition's playlist and its last segment and part at that moment.";

    // Low latency: what the server does.
    HELD_EMPTY "held-reload-empty" Error "bis §6.2.5.2" "Answer a held reload only when what was asked for is in the playlist.";
    HELD_NEVER "held-reload-unanswered" Error "bis §6.2.5.2" "Answer a held reload, with 503 after three target durations.";
    RELOAD_MSN "reload-segment-not-whole" Error "bis §6.2.5.2" "Hold _HLS_msn without _HLS_part until the segment is whole.";
    RELOAD_PAST "reload-past-refused" Error "bis §6.2.5.2" "Answer a reload for what is past at once, with the current playlist.";
    RELOAD_PART_END "reload-past-last-part" Error "bis §6.2.5.2" "Treat a part beyond a segment's last as part 0 of the next segment.";
    RELOAD_FAR "reload-far-not-refused" Warning "bis §6.2.5.2" "Refuse a reload more than two segments ahead with 400 at once.";
    RELOAD_PART_ONLY "reload-part-only-not-refused" Error "bis §6.2.5.2" "Refuse _HLS_part without _HLS_msn with 400 at once.";
    RELOAD_TEXT "reload-not-a-number-not-refused" Warning "bis §6.2.5.2" "Refuse directives that are not numbers with 400 at once.";
    SERVER_ERROR "server-error" Error "RFC 9110 §15.6" "Find out why the server fails on this request.";
    HINT_CHANGED "hint-not-kept" Error "bis §4.4.5.3, §6.2.6" "Publish the part at the address that was hinted.";
    HINT_LOST "hint-not-held" Error "bis §6.2.6" "Hold a request for a hinted part and answer it whole.";
    HINT_TRICKLES "hint-trickles" Error "bis §6.2.6" "Send no byte of a hinted part before it is whole, then all at line speed.";
    NO_DELTA "no-delta-update" Error "bis §6.2.5.1" "Answer _HLS_skip=YES with a delta update where CAN-SKIP-UNTIL is offered.";
    SKIP_V2 "skip-v2-unanswered" Error "bis §6.2.5.1" "Answer _HLS_skip=v2 with a delta update, or in full where CAN-SKIP-DATERANGES is not offered.";
    DELTA_DIFFERS "delta-differs" Error "bis §6.2.5.1, §4.4.5.2" "Let a delta update, put after what it skips, be the full playlist, and skip nothing newer than CAN-SKIP-UNTIL.";

    ENDED_HEEDED "ended-directives-heeded" Error "bis §6.2.5.1, §6.2.5.2" "Ignore _HLS_msn, _HLS_part and _HLS_skip once a playlist has EXT-X-ENDLIST: answer it whole, at once.";

    // Live: how the playlist goes on.
    TARGET_CHANGED "target-changed" Error "bis §6.2.1" "Never change TARGETDURATION, PART-TARGET or PART-HOLD-BACK of a playlist.";
    SEGMENT_CHANGED "segment-changed" Error "bis §6.2.1" "Never change a segment or part once it is listed.";
    SEQUENCE_BACK "sequence-goes-back" Error "bis §6.2.2" "Never let EXT-X-MEDIA-SEQUENCE or the last segment's number go back.";
    DISCONTINUITY_NUMBER "discontinuity-sequence" Error "bis §4.4.3.3, §6.2.2" "Raise EXT-X-DISCONTINUITY-SEQUENCE by one when a discontinuity leaves the playlist, and not otherwise.";
    EVENT_SHRANK "event-shrank" Error "bis §4.4.3.5, §6.2.1" "Remove nothing from an EVENT playlist.";
    STALE "stale-playlist" Error "bis §6.2.1" "List a new segment within 1.5 target durations of the last.";
    SHORT "live-playlist-short" Error "bis §6.2.2" "Keep at least three target durations in a live playlist.";
    DATE_MISSING "no-program-date-time" Warning "Apple authoring" "Date live playlists by EXT-X-PROGRAM-DATE-TIME.";
    DATES_DIFFER "program-date-time-in-some" Error "bis §6.2.4" "Date all media playlists of a presentation by EXT-X-PROGRAM-DATE-TIME, or none.";
    DATE_STEP "date-against-durations" Error "bis §6.2.1, §4.4.4.6" "Let dates of successive segments lie their duration apart.";
    DATE_DRIFT "date-against-media" Error "bis §4.4.4.6" "Let dates follow the media's own times (tfdt, PTS).";
    DATE_FUTURE "date-in-the-future" Warning "bis §4.4.4.6" "Date media when they were made: the newest lies ahead of the server's own clock.";

    // The media themselves.
    MEDIA_MISSING "media-missing" Error "bis §6.2.1" "Serve every listed segment, part and header.";
    MEDIA_UNREADABLE "media-unreadable" Error "bis §3.1" "Serve media that can be read: whole boxes or packets, with samples in them.";
    SEGMENT_DURATION "segment-duration-untrue" Error "bis §4.4.4.1" "Let EXTINF be the duration of the segment's samples.";
    NOT_CONTINUOUS "not-continuous" Error "bis §4.4.4.3, §6.2.1" "Let each segment and part begin where the one before ends, or say EXT-X-DISCONTINUITY.";
    ENCODING_CHANGED "encoding-changed" Error "bis §6.2.1" "Say EXT-X-DISCONTINUITY where codec, size or tracks change.";
    NO_KEY "segment-without-key-frame" Error "bis §4.4.2.1" "Begin every segment with a key frame, as EXT-X-INDEPENDENT-SEGMENTS says.";
    MEDIA_CHANGED "media-changed" Error "bis §6.2.1, §6.2.6" "Answer the same address with the same bytes, whole, each time.";

    // HTTP.
    UNKNOWN_ANSWERED "unknown-answered" Error "bis §6.2.6" "Answer 404, at once, for media that are neither known nor hinted.";
    PLAYLIST_TYPE "playlist-content-type" Warning "bis §4" "Serve playlists as application/vnd.apple.mpegurl.";
    MEDIA_TYPE "media-content-type" Warning "bis §3.1; Apple authoring" "Serve media by their type: video/mp4, audio/mp4, video/iso.segment, video/mp2t.";
    NO_GZIP "no-gzip" Warning "bis §6.2.1" "Compress playlists with gzip for who accepts it.";
    PLAYLIST_CACHE "playlist-cached-long" Warning "bis App. B.1; RFC 9111 §5.2" "Let caches keep a live playlist half a target duration at most.";
    PLAYLIST_GUESS "playlist-cached-by-guess" Warning "RFC 9111 §4.2.2" "Say Cache-Control of a playlist that changes: with Last-Modified alone, caches guess how long they may keep it.";
    HELD_CACHE "held-reload-not-cached" Note "bis App. B.1" "Let caches keep a held reload's answer: its address names its content.";
    HELD_CACHE_LONG "held-reload-cached-long" Warning "bis App. B.1; RFC 9111 §5.2" "Let caches keep a held reload's answer for six target durations at most.";
    MEDIA_CACHE "media-not-cached" Warning "RFC 9111 §5.2; bis §6.2.2" "Let caches keep media: say max-age, of a day for what has ended, of as long as it is listed and once more for live.";
    ERROR_CACHE "missing-cached-long" Warning "bis App. B.1; RFC 9111 §4.2.2" "Let caches keep a 404 for a second or so: the media may come.";
    NO_HTTP2 "no-http2" Error "bis App. B.1" "Serve low latency over HTTP/2: AVPlayer falls back without it.";
    NO_CORS "no-cors" Warning "Fetch §3.2; Apple authoring" "Send Access-Control-Allow-Origin, so that players on other pages can read.";
    NO_RANGE "range-ignored" Warning "RFC 9110 §14.2" "Answer a byte range of media with 206 and those bytes.";
}
