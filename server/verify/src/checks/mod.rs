//! The checks: functions over what was seen. They fetch nothing and know no clock.

mod alignment;
mod arrival;
mod bandwidth;
mod http;
mod live;
mod low_latency;
mod media;
mod multivariant;
mod reloads;
mod reports;
mod syntax;

use url::Url;

use crate::{
    observe::{Presentation, Rendition},
    report::{Counts, Findings, Report},
};

/// Holds everything that was seen against every rule.
pub fn all(url: Url, mut seen: Presentation) -> Report {
    let mut findings = Findings::default();
    let mut unchecked = std::mem::take(&mut seen.unchecked);
    if let Some(top) = &seen.multivariant {
        syntax::multivariant(top, &mut findings);
        multivariant::check(top, &seen, &mut findings);
        bandwidth::check(top, &seen, &mut findings, &mut unchecked);
    }
    for rendition in &seen.renditions {
        syntax::media(rendition, &mut findings);
        low_latency::check(rendition, &mut findings);
        live::check(rendition, &mut findings, &mut unchecked);
        media::check(rendition, &mut findings, &mut unchecked);
        reloads::check(rendition, &mut findings, &mut unchecked);
        arrival::check(rendition, &mut findings, &mut unchecked);
    }
    live::dated(&seen, &mut findings);
    reports::check(&seen, &mut findings);
    alignment::check(&seen, &mut findings, &mut unchecked);
    http::check(&seen, &mut findings, &mut unchecked);
    Report::new(&url, counts(&seen.renditions), findings, unchecked)
}

fn counts(renditions: &[Rendition]) -> Counts {
    let mut out = Counts { playlists: renditions.len(), ..Counts::default() };
    for rendition in renditions {
        out.editions += rendition.editions.len();
        out.probes += rendition.probes.len();
        for (place, _) in rendition.media.iter().filter(|(_, got)| got.chunk.is_ok()) {
            match place.part {
                Some(_) => out.parts += 1,
                None => out.segments += 1,
            }
        }
    }
    out
}
