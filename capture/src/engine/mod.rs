//! The engines that encode pictures: which there are, which of them this machine has, and how each is told to make key
//! frames where they are asked for and nowhere else.

mod probe;
mod row;
mod settings;

use std::{fmt, str::FromStr};

use crate::{Ability, Error};

pub(crate) use row::row;

/// An H.264 encoder. All cameras of a venue use the same: the same rung of every angle then has the same parameter
/// sets, and players may splice angles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// NVIDIA's, by `nvh264enc`.
    Nvenc,
    /// A graphics processor's, by `vah264enc`.
    Va,
    /// A graphics processor's, by the older `vaapih264enc`.
    Vaapi,
    /// Intel's Quick Sync, by `qsvh264enc`.
    Qsv,
    /// x264, by `x264enc`.
    #[default]
    X264,
    /// Cisco's OpenH264, by `openh264enc`.
    OpenH264,
}

impl Engine {
    /// All of them, in the order in which they are tried.
    const ALL: [Self; 6] = [Self::Nvenc, Self::Va, Self::Vaapi, Self::Qsv, Self::X264, Self::OpenH264];

    /// The first engine of `choice` with which this machine really encodes pictures. [`init`](crate::init) comes first.
    ///
    /// # Errors
    /// [`Error::NoEngine`] names what is missing, and the package that has it.
    pub fn choose(choice: Choice) -> Result<Self, Error> {
        let mut missing = None;
        for engine in Self::ALL.into_iter().filter(|engine| choice.0.is_none_or(|name| engine.name() == name)) {
            match probe::probe(engine) {
                Ok(()) => {
                    tracing::info!(encoder = engine.name(), element = engine.element(), "pictures are encoded by");
                    return Ok(engine);
                }
                Err(why) if engine.is_tested() || choice.0.is_some() => {
                    tracing::warn!(encoder = engine.name(), why, "an encoder is not to be had");
                    missing.get_or_insert(Error::NoEngine { name: engine.name(), why, package: engine.package() });
                }
                // That a machine has no such graphics processor is nothing to warn of.
                Err(why) => tracing::info!(encoder = engine.name(), why, "an encoder is not to be had"),
            }
        }
        Err(missing.unwrap_or_else(|| Self::X264.absent()))
    }

    /// What the configuration can name, in the order of trial, each with what is missing for it: nothing when one of its
    /// elements really encodes here.
    pub(crate) fn survey() -> Vec<Ability> {
        let mut all: Vec<Ability> = Vec::new();
        for engine in Self::ALL {
            let missing: Vec<String> = match probe::probe(engine) {
                Ok(()) => Vec::new(),
                Err(why) => vec![format!("{why} ({})", engine.package())],
            };
            match all.iter_mut().find(|known| known.name == engine.name()) {
                Some(known) if known.missing.is_empty() || missing.is_empty() => known.missing.clear(),
                Some(known) => known.missing.extend(missing),
                None => all.push(Ability { name: engine.name(), missing, tested: engine.is_tested() }),
            }
        }
        all
    }

    /// Its name in the configuration and the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nvenc => "nvenc",
            Self::Va | Self::Vaapi => "vaapi",
            Self::Qsv => "qsv",
            Self::X264 => "x264",
            Self::OpenH264 => "openh264",
        }
    }

    /// Whether this project's tests run it. The others are believed after their probe.
    pub fn is_tested(self) -> bool {
        matches!(self, Self::X264 | Self::OpenH264)
    }

    fn element(self) -> &'static str {
        match self {
            Self::Nvenc => "nvh264enc",
            Self::Va => "vah264enc",
            Self::Vaapi => "vaapih264enc",
            Self::Qsv => "qsvh264enc",
            Self::X264 => "x264enc",
            Self::OpenH264 => "openh264enc",
        }
    }

    /// Its element is not there.
    fn absent(self) -> Error {
        let why = format!("GStreamer has no element \"{}\" here", self.element());
        Error::NoEngine { name: self.name(), why, package: self.package() }
    }

    /// What has to be installed for it on Debian.
    fn package(self) -> &'static str {
        match self {
            Self::Nvenc => "gstreamer1.0-plugins-bad, and NVIDIA's driver with libnvidia-encode1",
            Self::Va => "gstreamer1.0-plugins-bad, and the graphics processor's va-driver",
            Self::Vaapi => "gstreamer1.0-vaapi, and the graphics processor's va-driver",
            Self::Qsv => "gstreamer1.0-plugins-bad, and intel-media-va-driver with libmfx1",
            Self::X264 => "gstreamer1.0-plugins-ugly",
            Self::OpenH264 => "gstreamer1.0-plugins-bad",
        }
    }
}

/// Which engine is wanted: a certain one, or the first that works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choice(Option<&'static str>);

/// A text that names no engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected auto, nvenc, vaapi, qsv, x264 or openh264; found \"{0}\"")]
pub struct UnknownEngine(String);

impl FromStr for Choice {
    type Err = UnknownEngine;

    fn from_str(text: &str) -> Result<Self, UnknownEngine> {
        if text == "auto" {
            return Ok(Self(None));
        }
        let known = Engine::ALL.into_iter().find(|engine| engine.name() == text);
        known.map(|engine| Self(Some(engine.name()))).ok_or_else(|| UnknownEngine(text.chars().take(40).collect()))
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.unwrap_or("auto"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read_back() {
        for name in ["auto", "nvenc", "vaapi", "qsv", "x264", "openh264"] {
            assert_eq!(name.parse::<Choice>().expect("a choice").to_string(), name);
        }
        let error = "libx264".parse::<Choice>().expect_err("no engine").to_string();
        assert_eq!(error, "expected auto, nvenc, vaapi, qsv, x264 or openh264; found \"libx264\"");
    }
}
