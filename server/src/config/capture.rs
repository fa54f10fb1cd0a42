//! Checks `[capture]`, and every source against it.

use std::{fmt::Display, path::PathBuf, sync::Arc};

use capture::{Choice, Follow, Limits, SCHEMES, Source, SourceError};
use packager::Slug;
use toml::Spanned;

use super::{
    check::{Check, ConfigError},
    file, multiview,
};
use crate::config;

/// What is to encode pictures.
pub(super) fn encoder(check: &Check<'_>, capture: &file::Capture) -> Result<Choice, ConfigError> {
    let Some(text) = &capture.encoder else { return Ok(Choice::default()) };
    text.get_ref().parse().map_err(|e| check.at(text.span(), format!("`encoder`: {e}")))
}

/// What tells UTC.
pub(super) fn clock(check: &Check<'_>, capture: &file::Capture) -> Result<Follow, ConfigError> {
    let Some(text) = &capture.clock else { return Ok(Follow::System) };
    text.get_ref().parse().map_err(|e| check.at(text.span(), format!("`clock`: {e}")))
}

/// What sources may reach.
pub(super) fn limits(check: &Check<'_>, capture: &file::Capture) -> Result<Arc<Limits>, ConfigError> {
    let mut folders = Vec::new();
    for folder in &capture.folders {
        let path = PathBuf::from(folder.get_ref());
        if !path.is_absolute() {
            let found = folder.get_ref();
            return Err(check.at(folder.span(), format!("expected `folders` as [\"/srv/rehearsal\"]; found {found:?}")));
        }
        // One at a time: the wrong one is named.
        Limits::new(std::slice::from_ref(&path), Vec::new())
            .map_err(|e| check.at(folder.span(), format!("`folders`: {e}")))?;
        folders.push(path);
    }
    let mut networks = Vec::new();
    if let Some(none) = capture.networks.as_ref().filter(|networks| networks.get_ref().is_empty()) {
        let message = "expected `networks` to name one network at least; left out, sources reach every one; found none";
        return Err(check.at(none.span(), message));
    }
    for network in capture.networks.iter().flat_map(Spanned::get_ref) {
        let found = network.get_ref();
        let expected = |_| format!("expected `networks` as [\"10.0.0.0/8\", \"fd00::/8\"]; found {found:?}");
        networks.push(found.parse().map_err(|e| check.at(network.span(), expected(e)))?);
    }
    let limits = Limits::new(&folders, networks).map_err(|e| check.at(0..0, format!("`folders`: {e}")))?;
    Ok(Arc::new(limits))
}

/// Where a camera's pictures come from: an address, the synthetic match, or all other cameras.
pub(super) fn pictures(
    check: &Check<'_>,
    limits: &Arc<Limits>,
    id: &Slug,
    address: &Spanned<String>,
) -> Result<config::Source, ConfigError> {
    if let Some(mosaic) = multiview::source(check, id, address)? {
        return Ok(mosaic);
    }
    let Some(place) = address.get_ref().strip_prefix("demo://") else {
        return source(check, limits, format_args!("camera \"{id}\""), address).map(config::Source::Url);
    };
    let last = test_media::draw::PLACES.len() - 1;
    place.parse().ok().filter(|place| *place <= last).map(config::Source::Demo).ok_or_else(|| {
        let message = format!("camera \"{id}\", `source`: expected demo://0 to demo://{last}, the synthetic match");
        check.at(address.span(), message)
    })
}

/// A source, held to the limits. `whose` is what errors call its camera or sound.
pub(super) fn source(
    check: &Check<'_>,
    limits: &Arc<Limits>,
    whose: impl Display,
    address: &Spanned<String>,
) -> Result<Source, ConfigError> {
    let wrong = |e: &dyn Display| check.at(address.span(), format!("{whose}, `source`: {e}"));
    let known = |error| match error {
        // The match is ours, not a program's that sends it.
        SourceError::Scheme(found) => format!("expected {SCHEMES} or demo://; found {found}"),
        other => other.to_string(),
    };
    Source::parse(address.get_ref()).map_err(|e| wrong(&known(e)))?.limited(limits).map_err(|e| wrong(&e))
}
