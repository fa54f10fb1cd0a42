//! Checks `[venue]` and `[theme]`.

use std::time::Duration;

use packager::{Grid, Rate};
use toml::Spanned;

use super::{
    Venue,
    check::{Check, ConfigError},
    file,
};

pub(super) fn check(check: &Check<'_>, venue: file::Venue, theme: file::Theme) -> Result<Venue, ConfigError> {
    let rate: Rate = venue.fps.get_ref().parse().map_err(|e| check.at(venue.fps.span(), e))?;
    // 200 ms parts and one-second segments, in whole frames, unless said.
    let frames = |millis: u64| {
        let den = u64::from(rate.den()) * 1000;
        u32::try_from((u64::from(rate.num()) * millis + den / 2) / den).unwrap_or(1).max(1)
    };
    let part_frames = venue.part_frames.as_ref().map_or(frames(200), |n| *n.get_ref());
    let segment_frames = venue.segment_frames.as_ref().map_or(frames(1000), |n| *n.get_ref());
    let span = venue.segment_frames.as_ref().or(venue.part_frames.as_ref()).map_or(venue.fps.span(), Spanned::span);
    let grid = Grid::new(rate, part_frames, segment_frames).map_err(|e| check.at(span, e))?;
    let ring = match &venue.ring {
        None => Duration::from_secs(3 * 3600),
        Some(text) => {
            let found = text.get_ref();
            let wrong =
                || check.at(text.span(), format!("expected `ring` from \"1m\" to \"7d\", as \"3h\"; found {found:?}"));
            duration(found).filter(|d| (60..=7 * 86_400).contains(&d.as_secs())).ok_or_else(wrong)?
        }
    };
    let preset = match venue.preset {
        None => capture::Preset::default(),
        Some(text) => text.get_ref().parse().map_err(|e| check.at(text.span(), format!("`preset`: {e}")))?,
    };
    let accent = match theme.accent {
        None => "#ff5a36".to_owned(),
        Some(text) => accent(check, text)?,
    };
    let name = check.name("venue.name", venue.name)?;
    let club = theme.club.map_or_else(|| Ok(name.clone()), |club| check.name("theme.club", club))?;
    Ok(Venue { name, grid, ring, preset, club, accent })
}

fn accent(check: &Check<'_>, text: Spanned<String>) -> Result<String, ConfigError> {
    let found = text.get_ref();
    let ratio = contrast(found)
        .ok_or_else(|| check.at(text.span(), format!("expected `accent` as \"#ff5a36\"; found {found:?}")))?;
    if ratio < 3.0 {
        let message = format!(
            "`accent` has a contrast of {ratio:.1}:1 on the pages' ground #0b0f14; expected 3:1 or more: a lighter colour"
        );
        return Err(check.at(text.span(), message));
    }
    Ok(text.into_inner())
}

/// `90s`, `15m`, `3h`, `2d`.
fn duration(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let count: u64 = text.strip_suffix(unit)?.trim().parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(count.checked_mul(seconds)?))
}

/// The contrast of `#rrggbb` on the pages' ground (WCAG 2.2, 1.4.3), or `None` when it is not a colour.
fn contrast(colour: &str) -> Option<f64> {
    /// The ground's luminance: #0b0f14.
    const GROUND: f64 = 0.004_64;
    let hex = colour.strip_prefix('#').filter(|h| h.len() == 6 && h.bytes().all(|b| b.is_ascii_hexdigit()))?;
    let channel = |i: usize| {
        let value = f64::from(u8::from_str_radix(hex.get(i..i + 2)?, 16).ok()?) / 255.0;
        Some(if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) })
    };
    let luminance = 0.2126 * channel(0)? + 0.7152 * channel(2)? + 0.0722 * channel(4)?;
    Some((luminance.max(GROUND) + 0.05) / (luminance.min(GROUND) + 0.05))
}
