//! From the file's shape to a [`Config`]: every refusal names file, line and what was expected.

use std::{fmt::Display, net::SocketAddr, ops::Range, sync::Arc};

use ::capture::Limits;
use packager::{MediaTime, Slug};
use toml::Spanned;

use super::{Camera, Config, Rung, Sound, SoundSource, Tls, capture, file, multiview, venue};
use crate::{config, words};

/// Each is an encoder that runs all the time.
const RUNGS: usize = 8;

/// Why a configuration is refused: `{file}:{line}: {what was expected and what was found}`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{file}: cannot be read: {source}")]
    Read {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// A line is none that a configuration has.
    #[error("{file}:{line}: {message}")]
    Shape {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What was expected and what was found.
        message: String,
    },
    /// A line says what makes no sense.
    #[error("{file}:{line}: {message}")]
    Line {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What was expected and what was found.
        message: String,
    },
}

impl ConfigError {
    /// The same, with whose line it is, where it does not say that.
    fn of(mut self, kind: &str, id: &str) -> Self {
        if let Self::Line { message, .. } | Self::Shape { message, .. } = &mut self
            && !message.contains(&format!("\"{id}\""))
        {
            let id: String = id.chars().filter(|c| !c.is_control()).take(80).collect();
            *message = format!("{kind} \"{id}\", {message}");
        }
        self
    }
}

/// Checks a configuration's text; `name` is what errors call the file.
pub(super) fn parse(name: &str, text: &str) -> Result<Config, ConfigError> {
    let check = Check { file: name, text };
    let parsed: file::File = toml::from_str(text).map_err(|error| check.shape(&error))?;
    check.config(parsed)
}

/// The key whose value, or whose list's value, begins there.
fn key(text: &str, at: usize) -> Option<&str> {
    let before = text.get(..at)?;
    let line = before.rsplit('\n').next()?;
    let (keys, _) = line.rsplit_once('=')?;
    let key = keys.trim_end().rsplit(['{', ',', ' ']).next()?;
    (!key.is_empty()).then_some(key)
}

pub(super) struct Check<'a> {
    file: &'a str,
    text: &'a str,
}

impl Check<'_> {
    pub(super) fn at(&self, span: Range<usize>, message: impl Display) -> ConfigError {
        ConfigError::Line { file: self.file.into(), line: self.line(&span), message: message.to_string() }
    }

    fn line(&self, span: &Range<usize>) -> usize {
        self.text.get(..span.start).unwrap_or(self.text).bytes().filter(|b| *b == b'\n').count() + 1
    }

    fn shape(&self, error: &toml::de::Error) -> ConfigError {
        let span = error.span().unwrap_or(0..0);
        let line = self.line(&span);
        let message = words::of_toml(&without_values(&error.message().replace('\n', "; ")));
        // The parser names a field only when it is unknown or missing.
        let key = key(self.text, span.start);
        let message = match key.filter(|key| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')) {
            Some(key) if !message.contains(&format!("`{key}`")) => format!("`{key}`: {message}"),
            _ => message,
        };
        let error = ConfigError::Shape { file: self.file.into(), line, message };
        match self.whose(line) {
            Some((kind, id)) => error.of(kind, id),
            None => error,
        }
    }

    /// The `[[camera]]` or `[[audio]]` that a line is of, and its id.
    fn whose(&self, line: usize) -> Option<(&'static str, &str)> {
        let lines: Vec<&str> = self.text.lines().map(str::trim).collect();
        let head = |line: &str| match line.split('#').next().unwrap_or_default().trim() {
            "[[camera]]" => Some(Some("camera")),
            "[[audio]]" => Some(Some("audio")),
            // A camera's own tables.
            other if other.starts_with("[[camera.") => None,
            other => other.starts_with('[').then_some(None),
        };
        let (from, kind) = (0..line.min(lines.len())).rev().find_map(|i| Some((i, head(lines[i])?)))?;
        let own = lines[from + 1..].iter().take_while(|line| head(line).is_none());
        let id = own.filter_map(|line| line.split_once('=')).find(|(key, _)| key.trim() == "id")?.1;
        let id = id.trim().strip_prefix(['"', '\''])?;
        let id = &id[..id.find(['"', '\''])?];
        id.parse::<Slug>().ok()?;
        Some((kind?, id))
    }

    fn config(&self, parsed: file::File) -> Result<Config, ConfigError> {
        let venue = venue::check(self, parsed.venue, parsed.theme)?;
        let limits = capture::limits(self, &parsed.capture)?;
        let mut cameras: Vec<Camera> = Vec::new();
        let segment = venue.grid.frame_time(u64::from(venue.grid.segment_frames));
        let mut mosaic = None;
        let mut receivers: Vec<Receiver> = Vec::new();
        for camera in parsed.camera {
            let (span, address) = (camera.id.span(), camera.source.clone());
            let id = camera.id.get_ref().clone();
            let camera = self.camera(camera, segment, &limits).map_err(|e| e.of("camera", &id))?;
            if cameras.iter().any(|c| c.id == camera.id) {
                return Err(self.at(span, format!("two cameras are called \"{}\"; give one another `id`", camera.id)));
            }
            // What is paused has no socket.
            if let (config::Source::Url(source), false) = (&camera.source, camera.paused) {
                self.receive(&mut receivers, format!("camera \"{}\"", camera.id), source, address.span())?;
            }
            if camera.source.is_mosaic() {
                mosaic = Some(address);
            }
            cameras.push(camera);
        }
        if cameras.iter().all(|camera| camera.source.is_mosaic()) {
            let message = "expected at least one [[camera]] (that is no mosaic); found none";
            return Err(self.at(self.text.len()..self.text.len(), message));
        }
        cameras.sort_by_key(|camera| (camera.source.is_mosaic(), camera.bearing));
        if let Some(address) = mosaic {
            multiview::complete(self, &address, &mut cameras)?;
        }
        let mut sounds: Vec<Sound> = Vec::new();
        for audio in parsed.audio {
            let span = audio.id.span();
            let place = audio.source.as_ref().map_or(span.clone(), Spanned::span);
            let id = audio.id.get_ref().clone();
            let sound = self.sound(audio, &cameras, &limits).map_err(|e| e.of("audio", &id))?;
            if sounds.iter().any(|s| s.id == sound.id) {
                return Err(self.at(span, format!("two sounds are called \"{}\"; give one another `id`", sound.id)));
            }
            if sounds.iter().any(|s| s.name == sound.name) {
                // RFC 8216, 4.3.4.1.1: players choose by it.
                return Err(
                    self.at(span, format!("two sounds have the name {:?}; give one another `name`", sound.name))
                );
            }
            let same = |s: &&Sound| match (&s.from, &sound.from) {
                (SoundSource::Camera(one), SoundSource::Camera(other)) => one == other,
                _ => false,
            };
            if let Some(other) = sounds.iter().find(same) {
                let why = format!("sounds \"{}\" and \"{}\" are of the same camera; leave one out", other.id, sound.id);
                return Err(self.at(span, why));
            }
            if let SoundSource::Url(source) = &sound.from {
                self.receive(&mut receivers, format!("audio \"{}\"", sound.id), source, place)?;
            }
            sounds.push(sound);
        }
        let tls = parsed.server.tls.map(|tls| self.tls(tls)).transpose()?;
        let data = parsed.server.data;
        if data.get_ref().is_empty() {
            return Err(self.at(data.span(), "expected `data` to be a folder; found an empty text"));
        }
        let listen = self.address("listen", &parsed.server.listen)?;
        let reference = match &parsed.capture.reference {
            Some(id) => {
                let known = self.known(id, "reference", &cameras)?;
                if known.source.is_mosaic() {
                    return Err(
                        self.at(id.span(), "expected `reference` to be a camera; a mosaic has no clock of its own")
                    );
                }
                Some(known.id.clone())
            }
            None => None,
        };
        let encoder = capture::encoder(self, &parsed.capture)?;
        let clock = capture::clock(self, &parsed.capture)?;
        let data = data.into_inner().into();
        Ok(Config { listen, tls, data, venue, encoder, cameras, sounds, limits, clock, reference })
    }

    /// One more that receives packets: at sockets that nobody else has, or the one would take the other's.
    fn receive(
        &self,
        receivers: &mut Vec<Receiver>,
        who: String,
        source: &::capture::Source,
        place: Range<usize>,
    ) -> Result<(), ConfigError> {
        let sockets = source.sockets();
        for (socket, other) in sockets.iter().flat_map(|socket| receivers.iter().map(move |other| (socket, other))) {
            if let Some(taken) = other.sockets.iter().find(|taken| taken.overlaps(socket)) {
                let line = self.line(&other.place);
                let why = format!(
                    "{who}, `source`: {} (line {line}) receives at {taken} already, and this one would at {socket}: \
                     give one of them another port",
                    other.who
                );
                return Err(self.at(place, why));
            }
        }
        if let Some(other) = receivers.iter().find(|other| other.source.shares_path(source)) {
            let why =
                format!("{who}, `source`: {} is published at this address and path; give it another path", other.who);
            return Err(self.at(place, why));
        }
        receivers.push(Receiver { who, place, sockets, source: source.clone() });
        Ok(())
    }

    /// The camera that a field names.
    fn known<'a>(&self, id: &Spanned<String>, field: &str, cameras: &'a [Camera]) -> Result<&'a Camera, ConfigError> {
        cameras.iter().find(|c| c.id.as_str() == id.get_ref()).ok_or_else(|| {
            let found: String = id.get_ref().chars().take(80).collect();
            self.at(id.span(), format!("expected `{field}` to be the id of a [[camera]]; found {found:?}"))
        })
    }

    fn address(&self, field: &str, text: &Spanned<String>) -> Result<SocketAddr, ConfigError> {
        let found = text.get_ref();
        let wrong = |_| self.at(text.span(), format!("expected `{field}` as \"0.0.0.0:8080\"; found {found:?}"));
        found.parse().map_err(wrong)
    }

    fn tls(&self, tls: file::Tls) -> Result<Tls, ConfigError> {
        let listen = self.address("tls.listen", &tls.listen)?;
        let files = match (tls.cert, tls.key) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some((cert.into(), key.into())),
            _ => {
                return Err(self.at(tls.listen.span(), "expected both `cert` and `key`, or neither; found one of them"));
            }
        };
        Ok(Tls { listen, files })
    }

    fn slug(&self, field: &str, text: &Spanned<String>) -> Result<Slug, ConfigError> {
        let found: String = text.get_ref().chars().take(80).collect();
        text.get_ref().parse().map_err(|e| self.at(text.span(), format!("`{field}`: {e}; found {found:?}")))
    }

    /// A value inside its bounds, or `default` when it is left out.
    fn bounded<T: PartialOrd + Copy + Display>(
        &self,
        field: &str,
        value: Option<Spanned<T>>,
        default: T,
        bounds: std::ops::RangeInclusive<T>,
    ) -> Result<T, ConfigError> {
        let Some(value) = value else { return Ok(default) };
        let found = *value.get_ref();
        if bounds.contains(&found) {
            return Ok(found);
        }
        let (low, high) = (bounds.start(), bounds.end());
        Err(self.at(value.span(), format!("expected `{field}` from {low} to {high}; found {found}")))
    }

    fn camera(&self, camera: file::Camera, segment: MediaTime, limits: &Arc<Limits>) -> Result<Camera, ConfigError> {
        let id = self.slug("id", &camera.id)?;
        if ["audio", "index", "player", "plain"].contains(&id.as_str()) {
            return Err(self.at(camera.id.span(), format!("no camera can be called \"{id}\": addresses use that name")));
        }
        let source = capture::pictures(self, limits, &id, &camera.source)?;
        if source.is_mosaic() {
            multiview::fields(self, &camera)?;
        }
        let bearing = self.bounded("bearing", camera.bearing, 0, 0..=359)?;
        let max_gop = self.bounded("max_gop", camera.max_gop, 2.0, 0.5..=10.0)?;
        let offset_ms = self.bounded("offset_ms", camera.offset_ms, 0, -1_000..=10_000)?;
        let rungs = self.rungs(&camera.rungs)?;
        let paused = camera.paused;
        if !source.is_received() && (camera.passthrough || rungs.is_empty()) {
            let message =
                format!("camera \"{id}\": the synthetic match is painted: expected `rungs`, and no `passthrough`");
            return Err(self.at(camera.id.span(), message));
        }
        let capture_time = match &camera.time {
            None => true,
            Some(text) => match text.get_ref().as_str() {
                "auto" => true,
                "arrival" => false,
                found => {
                    let message = format!("expected `time` as \"auto\" or \"arrival\"; found {found:?}");
                    return Err(self.at(text.span(), message));
                }
            },
        };
        // A camera without rungs has its own bitstream as its only rendition.
        let passthrough = camera.passthrough || rungs.is_empty();
        let name = match camera.name {
            None => id.to_string(),
            Some(name) => self.name("name", name)?,
        };
        let max_gop = MediaTime((max_gop * 1e9) as u64).max(segment);
        Ok(Camera { id, name, source, bearing, passthrough, max_gop, rungs, offset_ms, capture_time, paused })
    }

    /// What is shown on pages and stands in playlists.
    pub(super) fn name(&self, field: &str, name: Spanned<String>) -> Result<String, ConfigError> {
        let text = name.get_ref();
        if text.trim().is_empty() || text.chars().count() > 100 || text.chars().any(char::is_control) {
            let message = format!("expected `{field}` to have 1 to 100 characters, none of them a control character");
            return Err(self.at(name.span(), message));
        }
        Ok(name.into_inner())
    }

    fn rungs(&self, rungs: &[Spanned<file::Rung>]) -> Result<Vec<Rung>, ConfigError> {
        let mut checked: Vec<Rung> = Vec::new();
        if let Some(rung) = rungs.get(RUNGS) {
            let message = format!("expected at most {RUNGS} rungs; found {}", rungs.len());
            return Err(self.at(rung.span(), message));
        }
        for rung in rungs {
            let file::Rung { height, kbps } = *rung.get_ref();
            if !(90..=2160).contains(&height) || height % 2 == 1 || !(50..=50_000).contains(&kbps) {
                let message = format!(
                    "expected a rung with an even `height` from 90 to 2160 and `kbps` from 50 to 50000; \
                     found {height} and {kbps}"
                );
                return Err(self.at(rung.span(), message));
            }
            if checked.iter().any(|r| r.height == height) {
                return Err(self.at(rung.span(), format!("two rungs have {height} lines; a height can be had once")));
            }
            checked.push(Rung { height, kbps });
        }
        checked.sort_by_key(|r| std::cmp::Reverse(r.height));
        Ok(checked)
    }

    fn sound(&self, audio: file::Audio, cameras: &[Camera], limits: &Arc<Limits>) -> Result<Sound, ConfigError> {
        let id = self.slug("id", &audio.id)?;
        let from = match (&audio.camera, &audio.source) {
            (Some(camera), None) => {
                let known = self.known(camera, "camera", cameras)?;
                if !known.source.is_received() {
                    let message = match known.source.is_mosaic() {
                        true => "a mosaic has no sound; expected a camera that is in it",
                        false => {
                            "a camera of the synthetic match has no sound; its crowd is `source = \"demo://crowd\"`"
                        }
                    };
                    return Err(self.at(camera.span(), message));
                }
                SoundSource::Camera(known.id.clone())
            }
            (None, Some(source)) if source.get_ref() == "demo://crowd" => SoundSource::Demo,
            (None, Some(source)) => {
                SoundSource::Url(capture::source(self, limits, format_args!("audio \"{id}\""), source)?)
            }
            _ => return Err(self.at(audio.id.span(), format!("audio \"{id}\": expected either `camera` or `source`"))),
        };
        let language = match audio.language {
            None => None,
            Some(text) => {
                let tag = text.get_ref();
                if !(2..=35).contains(&tag.len()) || !tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
                    let message = format!("expected `language` as \"fr\" or \"en-GB\"; found {tag:?}");
                    return Err(self.at(text.span(), message));
                }
                Some(text.into_inner())
            }
        };
        let group = audio.group.map(|group| self.slug("group", &group)).transpose()?;
        if let (SoundSource::Camera(_), Some(offset)) = (&from, &audio.offset_ms) {
            let why = format!("audio \"{id}\": `offset_ms` is the camera's; give it to the camera");
            return Err(self.at(offset.span(), why));
        }
        let offset_ms = self.bounded("offset_ms", audio.offset_ms, 0, -1_000..=10_000)?;
        let name = audio.name.map_or_else(|| Ok(id.to_string()), |name| self.name("name", name))?;
        Ok(Sound { id, name, from, offset_ms, language, group })
    }
}

/// A camera or sound that packets are sent to.
struct Receiver {
    who: String,
    place: Range<usize>,
    sockets: Vec<::capture::Socket>,
    source: ::capture::Source,
}

/// A parser's message without the texts that it quotes: one of them may be a password in the wrong place.
fn without_values(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    let mut rest = message;
    while let Some((before, after)) = rest.split_once("string \"") {
        out.push_str(before);
        out.push_str("a string");
        // A quote inside is escaped.
        let mut escaped = false;
        let end = after.char_indices().find(|(_, c)| {
            let end = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            end
        });
        rest = end.map_or("", |(at, _)| &after[at + 1..]);
    }
    out + rest
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's panic is its verdict")]
mod tests {
    use super::*;

    #[test]
    fn the_documented_configuration_is_read() {
        let guide = include_str!("../../../docs/operators.md");
        let text = guide.split("```toml").nth(1).and_then(|t| t.split("```").next()).unwrap();
        // Its folder of files is there on the venue's machine.
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().to_str().unwrap();
        let config = parse("virage.toml", &text.replace("/srv/rehearsal", here)).unwrap();
        let ids: Vec<&str> = config.cameras.iter().map(|c| c.id.as_str()).collect();
        assert_eq!(ids, ["main", "goal-north", "opposite", "goal-south", "multiview"], "ordered by bearing");
        assert!(config.cameras[2].passthrough, "a camera without rungs has its own bitstream");
        assert_eq!(config.venue.grid.part_frames, 5);
    }

    const HEAD: &str = "[server]\nlisten = \"0.0.0.0:1\"\ndata = \"d\"\n[venue]\nname = \"S\"\nfps = \"25\"\n";

    #[test]
    fn two_sources_that_would_take_each_others_packets_are_refused_by_name() {
        let camera = |id: &str, source: &str| format!("[[camera]]\nid = {id:?}\nsource = {source:?}\n");
        for (one, other, shared) in [
            ("udp://127.0.0.1:5000", "udp://127.0.0.1:5000", true),
            ("udp://127.0.0.1:5000", "udp://0.0.0.0:5000", true),
            ("udp://[::]:5000", "udp://127.0.0.1:5000", true),
            ("udp://[::ffff:127.0.0.1]:5000", "udp://127.0.0.1:5000", true),
            ("udp://0.0.0.0:5000", "udp://239.1.1.1:5000", true),
            ("udp://0.0.0.0:5000?iface=eth0", "udp://0.0.0.0:5000?iface=eth0", true),
            ("udp://0.0.0.0:5000?iface=eth0", "udp://0.0.0.0:5000", true),
            ("rtp://127.0.0.1:5000", "udp://127.0.0.1:5001", true),
            ("rtp://127.0.0.1:5000?codec=h264&sound=opus&sound_port=5004", "udp://127.0.0.1:5005", true),
            ("rist://127.0.0.1:5000", "udp://127.0.0.1:5001", true),
            ("srt://127.0.0.1:5000?mode=listener", "srt://0.0.0.0:5000?mode=listener", true),
            ("srt://10.0.0.1:5000?mode=rendezvous&localport=5001", "udp://127.0.0.1:5001", true),
            ("whip://0.0.0.0:5000?key=hunter22", "udp://0.0.0.0:5000", true),
            ("udp://127.0.0.1:5000", "udp://127.0.0.1:5001", false),
            ("udp://127.0.0.1:5000", "udp://127.0.0.2:5000", false),
            ("udp://239.1.1.1:5000", "udp://239.1.1.1:5000", false),
            ("udp://239.1.1.1:5000", "udp://239.1.1.2:5000", false),
            ("udp://0.0.0.0:5000?iface=eth0", "udp://0.0.0.0:5000?iface=eth1", false),
            ("udp://0.0.0.0:5000", "udp://[::1]:5000", false),
            ("srt://10.0.0.1:5000", "srt://10.0.0.1:5000", false),
            ("rtp://127.0.0.1:5000", "udp://127.0.0.1:5002", false),
            ("whip://?key=hunter22", "whip://?key=hunter23", false),
        ] {
            let both = format!("{HEAD}{}{}", camera("north", one), camera("south", other));
            let sound = format!("{HEAD}{}[[audio]]\nid = \"south\"\nsource = {other:?}\n", camera("north", one));
            for (text, who) in [(both, "camera"), (sound, "audio")] {
                let error = parse("virage.toml", &text).err().map(|error| error.to_string());
                assert_eq!(error.is_some(), shared, "{one} and {other}: {error:?}");
                let Some(error) = error else { continue };
                let expected =
                    format!("virage.toml:12: {who} \"south\", `source`: camera \"north\" (line 9) receives at ");
                assert!(error.starts_with(&expected) && error.contains("another port"), "{error}");
            }
            // What is paused receives nothing.
            let paused = format!("{HEAD}{}paused = true\n{}", camera("north", one), camera("south", other));
            assert!(parse("virage.toml", &paused).is_ok(), "{one} and {other}");
        }
    }

    #[test]
    fn two_cameras_are_not_published_at_one_path() {
        let text = "[server]\nlisten = \"0.0.0.0:1\"\ndata = \"d\"\n[venue]\nname = \"S\"\nfps = \"25\"\n[[camera]]\n\
                    id = \"a\"\nsource = \"rtmp://0.0.0.0/live/a?mode=listener&key=correct-horse\"\n[[camera]]\n\
                    id = \"b\"\nsource = \"rtmp://0.0.0.0:1935/live/b?mode=listener&key=battery-staple\"\n";
        assert_eq!(parse("virage.toml", text).unwrap().cameras.len(), 2, "another path of the same port");
        let Err(error) = parse("virage.toml", &text.replace("live/b", "live/a/")) else { panic!("it was accepted") };
        let expected = "virage.toml:12: camera \"b\", `source`: camera \"a\" is published at this address and path; \
                        give it another path";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_value_of_the_wrong_type_is_named_and_not_quoted() {
        let text = "[server]\nlisten = \"0.0.0.0:1\"\ndata = \"d\"\n[venue]\nname = \"S\"\nfps = \"25\"\n[[camera]]\n\
                    id = \"a\"\nsource = \"udp://0.0.0.0:5000\"\nbearing = \"rtsp://u:p\\\"w@h\"\n";
        let Err(error) = parse("virage.toml", text) else { panic!("it was accepted") };
        assert_eq!(
            error.to_string(),
            "virage.toml:10: camera \"a\", `bearing`: invalid type: a string, expected a whole number, 0 or more"
        );
    }

    #[test]
    fn every_error_of_a_camera_or_sound_names_it() {
        let camera = |more: &str| format!("{HEAD}[[camera]] # north\nid = \"north\"\n{more}\n");
        let source = "source = \"udp://0.0.0.0:5000\"\n";
        let rungs = |count: usize| {
            let rung = |i: usize| format!("{{ height = {}, kbps = 100 }}", 100 + 2 * i);
            format!("rungs = [{}]", (0..count).map(rung).collect::<Vec<_>>().join(", "))
        };
        let audio = |more: &str| format!("{}[[audio]]\nid = \"voice\"\n{more}\n", camera(source));
        let long = "x".repeat(101);
        for (text, says) in [
            (camera("bearing = 5"), "camera \"north\", missing field `source`"),
            (camera(&format!("{source}paused = 1")), "camera \"north\", `paused`: invalid type"),
            (camera(&format!("{source}colour = 1")), "camera \"north\", unknown field `colour`"),
            (camera(&format!("{source}[[camera.rungs]]\nheight = 180")), "camera \"north\", missing field `kbps`"),
            (
                camera(&format!("{source}bearing = 360")),
                "camera \"north\", expected `bearing` from 0 to 359; found 360",
            ),
            (camera(&format!("{source}max_gop = 99.0")), "camera \"north\", expected `max_gop`"),
            (camera(&format!("{source}offset_ms = 99000")), "camera \"north\", expected `offset_ms`"),
            (camera(&format!("{source}time = \"late\"")), "camera \"north\", expected `time`"),
            (camera(&format!("{source}name = \"\"")), "camera \"north\", expected `name`"),
            (camera(&format!("{source}{}", rungs(9))), "camera \"north\", expected at most 8 rungs; found 9"),
            (camera(&format!("{source}rungs = [{{ height = 7, kbps = 1 }}]")), "camera \"north\", expected a rung"),
            (camera("source = \"gopher://x\""), "camera \"north\", `source`: expected srt://"),
            (camera("source = \"gopher://x\""), "file:// or demo://; found gopher://"),
            (audio("source = \"demo://crowd\"\noffset_ms = -9000"), "audio \"voice\", expected `offset_ms`"),
            (audio("source = \"demo://crowd\"\nlanguage = \"?\""), "audio \"voice\", expected `language`"),
            (audio("source = \"demo://crowd\"\nname = \" \""), "audio \"voice\", expected `name`"),
            (audio(&format!("source = \"demo://crowd\"\nname = \"{long}\"")), "audio \"voice\", expected `name`"),
            (camera(source).replace("\"S\"", "\"S\\u0007\""), "virage.toml:5: expected `venue.name` to have"),
            (camera(source) + "[theme]\nclub = \"\"\n", "expected `theme.club` to have"),
            (camera(source) + "[theme]\naccent = \"#000000\"\n", "a contrast of 1.1:1"),
            (camera(source) + "[capture]\nnetworks = []\n", "expected `networks` to name one network at least"),
        ] {
            let Err(error) = parse("virage.toml", &text) else { panic!("it was accepted: {text}") };
            assert!(error.to_string().contains(says), "expected {says:?} in {error}");
        }
        assert!(parse("virage.toml", &camera(&format!("{source}{}", rungs(8)))).is_ok());
    }
}
