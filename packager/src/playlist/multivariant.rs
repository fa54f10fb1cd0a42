//! Multivariant playlists: what there is to choose from.

use std::fmt::Write;

/// One quality of one camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The rendition's id: `360p`.
    pub id: String,
    /// `CODECS` of the picture.
    pub codecs: String,
    /// Width and height in pixels.
    pub resolution: (u16, u16),
    /// Peak and mean of the picture, in bits per second.
    pub bandwidth: (u64, u64),
    /// Frames in a thousand seconds.
    pub millihertz: u64,
    /// Its own target duration in seconds.
    pub target: u64,
}

/// A camera's qualities, best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Camera {
    /// Its id: the pathway's.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Its qualities.
    pub variants: Vec<Variant>,
}

/// A sound that all cameras share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// BCP 47, when it is said.
    pub language: Option<String>,
    /// `CODECS` of the sound.
    pub codecs: String,
    /// Channels.
    pub channels: u8,
    /// Peak and mean, in bits per second.
    pub bandwidth: (u64, u64),
    /// Its own target duration in seconds.
    pub target: u64,
}

/// Where the media playlists stand, seen from the multivariant one.
#[derive(Clone, Copy, Debug)]
pub struct Layout<'a> {
    /// Before `{camera}/{rendition}/`: empty, `v1/`, `../`.
    pub base: &'a str,
    /// The media playlists' name: `index.m3u8`, `plain.m3u8`.
    pub file: &'a str,
    /// Whether a media playlist whose own target duration is shorter than another's here has one beside it that says the
    /// other's: `index-3.m3u8`. All playlists that are played together say the same (rfc8216bis, 6.2.4).
    pub longer: bool,
}

/// The name of the playlist beside `file` (`index.m3u8`) that says a target duration of `target` seconds: `index-3.m3u8`.
pub fn longer(file: &str, target: u64) -> String {
    format!("{}-{target}.m3u8", file.strip_suffix(".m3u8").unwrap_or(file))
}

/// What the media playlists of one multivariant playlist are called.
struct Names<'a> {
    layout: Layout<'a>,
    target: u64,
}

impl<'a> Names<'a> {
    fn new(cameras: &[Camera], sounds: &[Sound], layout: Layout<'a>) -> Self {
        let pictures = cameras.iter().flat_map(|c| &c.variants).map(|v| v.target);
        Self { layout, target: pictures.chain(sounds.iter().map(|s| s.target)).max().unwrap_or(0) }
    }

    /// The address of a rendition whose own target duration is `target`.
    fn at(&self, camera: &str, rendition: &str, target: u64) -> String {
        let Layout { base, file, longer: offered } = self.layout;
        let name = if offered && target < self.target { longer(file, self.target) } else { file.to_owned() };
        format!("{base}{camera}/{rendition}/{name}")
    }
}

/// Every camera as a pathway of its own and one group of sounds: what hls.js turns round in.
pub fn pathways(cameras: &[Camera], sounds: &[Sound], layout: Layout<'_>) -> String {
    let names = Names::new(cameras, sounds, layout);
    let mut out = head(sounds, &names);
    for camera in cameras {
        for variant in &camera.variants {
            stream(&mut out, variant, sounds, &format!(",PATHWAY-ID=\"{}\"", camera.id));
            let _ = writeln!(out, "{}", names.at(&camera.id, &variant.id, variant.target));
        }
    }
    out
}

/// Every camera as a member of a VIDEO group per quality: what native players choose angles by (RFC 8216, 4.3.4.1).
pub fn video_group(cameras: &[Camera], sounds: &[Sound], layout: Layout<'_>) -> String {
    let names = Names::new(cameras, sounds, layout);
    let mut out = head(sounds, &names);
    // Every quality that any camera has, the best first.
    let mut qualities: Vec<(&Camera, &Variant)> = Vec::new();
    for (camera, variant) in cameras.iter().flat_map(|c| c.variants.iter().map(move |v| (c, v))) {
        if qualities.iter().all(|(_, known)| known.id != variant.id) {
            qualities.push((camera, variant));
        }
    }
    qualities.sort_by_key(|(_, variant)| std::cmp::Reverse(variant.resolution.1));
    for (_, variant) in &qualities {
        let having = cameras.iter().filter_map(|c| Some((c, c.variants.iter().find(|v| v.id == variant.id)?)));
        for (i, (camera, own)) in having.enumerate() {
            let default = if i == 0 { "YES" } else { "NO" };
            let _ = writeln!(
                out,
                "#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID=\"{}\",NAME=\"{}\",DEFAULT={default},AUTOSELECT={default},URI=\"{}\"",
                variant.id,
                quoted(&camera.name),
                names.at(&camera.id, &own.id, own.target)
            );
        }
    }
    for (first, variant) in qualities {
        // The rate of the most demanding angle: a player must be able to turn to any.
        let all = cameras.iter().flat_map(|c| &c.variants).filter(|v| v.id == variant.id);
        let peak = all.clone().map(|v| v.bandwidth.0).max().unwrap_or(0);
        let mean = all.clone().map(|v| v.bandwidth.1).max().unwrap_or(0);
        let millihertz = all.map(|v| v.millihertz).max().unwrap_or(0);
        let variant = Variant { bandwidth: (peak, mean), millihertz, ..variant.clone() };
        stream(&mut out, &variant, sounds, &format!(",VIDEO=\"{}\"", variant.id));
        let _ = writeln!(out, "{}", names.at(&first.id, &variant.id, variant.target));
    }
    out
}

/// One camera alone: its qualities and the sounds.
pub fn one(camera: &Camera, sounds: &[Sound], layout: Layout<'_>) -> String {
    let names = Names::new(std::slice::from_ref(camera), sounds, layout);
    let mut out = head(sounds, &names);
    for variant in &camera.variants {
        stream(&mut out, variant, sounds, "");
        let _ = writeln!(out, "{}", names.at(&camera.id, &variant.id, variant.target));
    }
    out
}

fn head(sounds: &[Sound], names: &Names<'_>) -> String {
    // Players of before version 4 know no EXT-X-MEDIA (section 8).
    let mut out = String::from("#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-INDEPENDENT-SEGMENTS\n");
    for (i, sound) in sounds.iter().enumerate() {
        let default = if i == 0 { "YES" } else { "NO" };
        let language = match &sound.language {
            Some(language) => format!("LANGUAGE=\"{}\",", quoted(language)),
            None => String::new(),
        };
        let _ = writeln!(
            out,
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"sound\",NAME=\"{}\",{language}DEFAULT={default},AUTOSELECT=YES,\
             CHANNELS=\"{}\",URI=\"{}\"",
            quoted(&sound.name),
            sound.channels,
            names.at("audio", &sound.id, sound.target)
        );
    }
    out
}

fn stream(out: &mut String, variant: &Variant, sounds: &[Sound], more: &str) {
    // Of several sounds one is heard: the dearest counts.
    let peak = variant.bandwidth.0 + sounds.iter().map(|s| s.bandwidth.0).max().unwrap_or(0);
    let mean = variant.bandwidth.1 + sounds.iter().map(|s| s.bandwidth.1).max().unwrap_or(0);
    let (width, height) = variant.resolution;
    let (sound_codecs, group) = match sounds.first() {
        Some(sound) => (format!(",{}", sound.codecs), ",AUDIO=\"sound\""),
        None => (String::new(), ""),
    };
    let _ = writeln!(
        out,
        "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS=\"{}{sound_codecs}\",RESOLUTION={width}x{height},\
         FRAME-RATE={}.{:03}{group}{more}",
        peak.max(1),
        mean.clamp(1, peak.max(1)),
        variant.codecs,
        variant.millihertz / 1000,
        variant.millihertz % 1000
    );
}

/// A text inside a quoted string: without what would end it (RFC 8216, 4.2).
fn quoted(text: &str) -> String {
    text.chars().filter(|c| *c != '"' && !c.is_control()).collect()
}
