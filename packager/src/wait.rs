//! Held reloads (draft-pantos-hls-rfc8216bis, 6.2.5.2): what a playlist request waits for.

use crate::Msn;

/// Where a timeline ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    /// The part that comes next: its segment and place.
    pub next: (Msn, u32),
    /// The newest whole segment and the number of its parts, 0 for a gap.
    pub done: Option<(Msn, u32)>,
}

impl Edge {
    /// Whether this part exists, or is known never to come. A place past its segment's end means part 0 of the next.
    pub fn has_part(self, msn: Msn, part: u32) -> bool {
        let wanted = match self.done {
            Some((done, parts)) if msn == done && parts > 0 && part >= parts => (msn.next(), 0),
            _ => (msn, part),
        };
        wanted < self.next
    }

    /// Whether this segment is whole, or is known never to come.
    pub fn has_segment(self, msn: Msn) -> bool {
        self.done.is_some_and(|(done, _)| msn <= done)
    }

    /// The newest part: its segment and place, as rendition reports say it.
    pub fn last(self) -> Option<(Msn, Option<u32>)> {
        match (self.next, self.done) {
            ((msn, part), _) if part > 0 => Some((msn, Some(part - 1))),
            (_, Some((msn, parts))) => Some((msn, parts.checked_sub(1))),
            _ => None,
        }
    }
}

/// The delivery directives of a request, parsed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reload {
    /// `_HLS_msn` and `_HLS_part`: what the answer must contain.
    pub until: Option<(Msn, Option<u32>)>,
    /// `_HLS_skip`: a delta update is welcome.
    pub skip: bool,
}

/// A request that must be answered with 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadReload {
    /// Not a whole number.
    #[error("`{0}` is not a whole number")]
    Number(&'static str),
    /// A part of no segment.
    #[error("`_HLS_part` needs `_HLS_msn`")]
    PartAlone,
    /// Too far ahead.
    #[error("`_HLS_msn` {asked} is more than two beyond the newest segment, {newest}")]
    TooFar {
        /// What was asked for.
        asked: Msn,
        /// The newest segment.
        newest: Msn,
    },
}

impl Reload {
    /// Reads the directives' raw values; of `skip`, `YES` and `v2` count.
    ///
    /// # Errors
    /// When a number is none, or a part comes without its segment.
    pub fn parse(msn: Option<&str>, part: Option<&str>, skip: Option<&str>) -> Result<Self, BadReload> {
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let msn = match msn {
            Some(text) if !digits(text) => return Err(BadReload::Number("_HLS_msn")),
            Some(text) => Some(Msn(text.parse().map_err(|_| BadReload::Number("_HLS_msn"))?)),
            None => None,
        };
        let part = match part {
            Some(text) if !digits(text) => return Err(BadReload::Number("_HLS_part")),
            // A part beyond any is the same as the last one possible: part 0 of the next segment.
            Some(text) if !text.is_empty() => Some(text.parse().unwrap_or(u32::MAX)),
            Some(_) => return Err(BadReload::Number("_HLS_part")),
            None => None,
        };
        if part.is_some() && msn.is_none() {
            return Err(BadReload::PartAlone);
        }
        Ok(Self { until: msn.map(|msn| (msn, part)), skip: matches!(skip, Some("YES" | "v2")) })
    }

    /// Whether a timeline that ends there holds what was asked for.
    ///
    /// # Errors
    /// When it lies more than two segments ahead: no such wait is kept.
    pub fn is_met(&self, edge: Edge) -> Result<bool, BadReload> {
        let Some((msn, part)) = self.until else { return Ok(true) };
        let newest = edge.last().map_or(Msn(0), |(msn, _)| msn);
        if msn.0 > newest.0.saturating_add(2) {
            return Err(BadReload::TooFar { asked: msn, newest });
        }
        Ok(match part {
            Some(part) => edge.has_part(msn, part),
            None => edge.has_segment(msn),
        })
    }
}
