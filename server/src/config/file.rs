//! The file's shape as TOML has it; every value that is checked later knows its place in the text.

use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub server: Server,
    pub venue: Venue,
    #[serde(default)]
    pub capture: Capture,
    #[serde(default)]
    pub camera: Vec<Camera>,
    #[serde(default)]
    pub audio: Vec<Audio>,
    #[serde(default)]
    pub theme: Theme,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    pub listen: Spanned<String>,
    pub tls: Option<Tls>,
    pub data: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    pub listen: Spanned<String>,
    pub cert: Option<String>,
    pub key: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Venue {
    pub name: Spanned<String>,
    pub fps: Spanned<String>,
    pub part_frames: Option<Spanned<u32>>,
    pub segment_frames: Option<Spanned<u32>>,
    pub ring: Option<Spanned<String>>,
    pub preset: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Capture {
    pub encoder: Option<Spanned<String>>,
    #[serde(default)]
    pub folders: Vec<Spanned<String>>,
    pub networks: Option<Spanned<Vec<Spanned<String>>>>,
    pub reference: Option<Spanned<String>>,
    pub clock: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Camera {
    pub id: Spanned<String>,
    pub name: Option<Spanned<String>>,
    pub source: Spanned<String>,
    pub bearing: Option<Spanned<u16>>,
    #[serde(default)]
    pub passthrough: bool,
    pub max_gop: Option<Spanned<f64>>,
    #[serde(default)]
    pub rungs: Vec<Spanned<Rung>>,
    pub offset_ms: Option<Spanned<i64>>,
    /// What it is placed by.
    pub time: Option<Spanned<String>>,
    #[serde(default)]
    pub paused: bool,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
pub(super) struct Rung {
    pub height: u16,
    pub kbps: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Audio {
    pub id: Spanned<String>,
    pub name: Option<Spanned<String>>,
    pub camera: Option<Spanned<String>>,
    pub source: Option<Spanned<String>>,
    pub language: Option<Spanned<String>>,
    pub group: Option<Spanned<String>>,
    pub offset_ms: Option<Spanned<i64>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Theme {
    pub club: Option<Spanned<String>>,
    pub accent: Option<Spanned<String>>,
}
