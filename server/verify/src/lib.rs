//! A linter for anybody's HLS and LL-HLS: it reads a presentation as a player would, keeps what it saw, and holds that
//! against the rules that break players ([`rules::ALL`]).
//!
//! How it goes: [`observe`] fetches the multivariant playlist and reads or follows each media playlist ([`follow`]),
//! with its media ([`media`]) and some awkward requests ([`probe`]); [`checks`] are functions over those observations
//! alone; [`report`] says it. What could not be checked is listed too, so that silence always means "checked".
//!
//! Playlists are read by a reader of our own ([`playlist`]): a linter needs line numbers, must know the order of tags
//! within a segment, and must survive and go on after lines that a player's parser refuses.
//!
//! Times are integer microseconds ([`Micros`]) from the text or from the media's ticks to the verdict.

pub mod checks;
mod command;
pub mod fetch;
pub mod follow;
pub mod media;
pub mod observe;
pub mod playlist;
pub mod probe;
pub mod report;
pub mod rules;

pub use command::{Args, Error, check, run};
pub use report::{Finding, Report};

/// Microseconds: a duration or a difference of times.
pub type Micros = i64;

/// A second.
pub const SECOND: Micros = 1_000_000;

/// Microseconds as seconds, for people: `0.213333 s`.
pub fn seconds(micros: Micros) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let text = format!("{sign}{}.{:06}", (micros / SECOND).abs(), (micros % SECOND).abs());
    format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
}
