//! Multivariant playlists: angles and their ladders.

use super::{
    Unreadable,
    text::{attribute, integer, lines},
};

/// What there is to choose from.
#[derive(Debug, PartialEq)]
pub(crate) struct Multivariant {
    /// The angles, in the playlist's order; each has the same content seen from elsewhere. Never empty.
    pub(crate) angles: Vec<Angle>,
}

/// One angle: a `PATHWAY-ID`, a rendition of a `TYPE=VIDEO` group, or all there is.
#[derive(Debug, PartialEq)]
pub(crate) struct Angle {
    /// Its name.
    pub(crate) name: String,
    /// Its rungs, lowest first. Never empty.
    pub(crate) rungs: Vec<Rung>,
}

/// One variant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rung {
    /// Peak bits per second, sound included.
    pub(crate) bandwidth: u64,
    /// What it is called in the report.
    pub(crate) label: String,
    /// The picture's playlist, or that of both.
    pub(crate) video: String,
    /// The sound's playlist, when it has one of its own.
    pub(crate) audio: Option<String>,
}

struct Rendition<'a> {
    kind: &'a str,
    group: &'a str,
    name: &'a str,
    uri: &'a str,
    default: bool,
}

struct Variant<'a> {
    tag: &'a str,
    uri: &'a str,
}

impl Multivariant {
    pub(crate) fn read(text: &str) -> Result<Self, Unreadable> {
        let (mut renditions, mut variants) = (Vec::new(), Vec::new());
        let mut pending = None;
        for line in lines(text)? {
            if let Some(list) = line.strip_prefix("#EXT-X-MEDIA:") {
                renditions.extend(Rendition::read(list));
            } else if let Some(list) = line.strip_prefix("#EXT-X-STREAM-INF:") {
                pending = Some(list);
            } else if !line.starts_with('#')
                && let Some(tag) = pending.take()
            {
                variants.push(Variant { tag, uri: line });
            }
        }
        let mut angles: Vec<Angle> = Vec::new();
        for variant in &variants {
            for (name, rung) in variant.rungs(&renditions)? {
                match angles.iter_mut().find(|a| a.name == name) {
                    Some(angle) => angle.rungs.push(rung),
                    None => angles.push(Angle { name: name.to_owned(), rungs: vec![rung] }),
                }
            }
        }
        angles.iter_mut().for_each(|angle| angle.rungs.sort_by_key(|r| r.bandwidth));
        if angles.is_empty() { Err(Unreadable) } else { Ok(Multivariant { angles }) }
    }

    /// A media playlist that was opened by itself.
    pub(crate) fn single(uri: &str) -> Self {
        let rung = Rung { bandwidth: 0, label: "single".into(), video: uri.into(), audio: None };
        Multivariant { angles: vec![Angle { name: String::new(), rungs: vec![rung] }] }
    }
}

impl<'a> Rendition<'a> {
    fn read(list: &'a str) -> Option<Self> {
        Some(Rendition {
            kind: attribute(list, "TYPE")?,
            group: attribute(list, "GROUP-ID")?,
            name: attribute(list, "NAME")?,
            uri: attribute(list, "URI")?,
            default: attribute(list, "DEFAULT") == Some("YES"),
        })
    }
}

impl<'a> Variant<'a> {
    /// This variant in each of its angles.
    fn rungs(&self, renditions: &[Rendition<'a>]) -> Result<Vec<(&'a str, Rung)>, Unreadable> {
        let bandwidth = integer(attribute(self.tag, "BANDWIDTH").ok_or(Unreadable)?)?;
        let group = |kind: &'static str, id: Option<&'a str>| {
            renditions.iter().filter(move |r| r.kind == kind && Some(r.group) == id)
        };
        let mut sounds: Vec<_> = group("AUDIO", attribute(self.tag, "AUDIO")).collect();
        sounds.sort_by_key(|r| !r.default);
        let size = attribute(self.tag, "RESOLUTION").unwrap_or("sound");
        let rung = |uri: &str| Rung {
            bandwidth,
            label: format!("{size} {} kb/s", bandwidth / 1000),
            video: uri.to_owned(),
            audio: sounds.first().map(|r| r.uri.to_owned()).filter(|audio| audio != uri),
        };
        let pictures: Vec<_> = group("VIDEO", attribute(self.tag, "VIDEO")).map(|r| (r.name, rung(r.uri))).collect();
        if !pictures.is_empty() {
            return Ok(pictures);
        }
        Ok(vec![(attribute(self.tag, "PATHWAY-ID").unwrap_or("."), rung(self.uri))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packager/tests/golden/");

    fn golden(name: &str) -> Multivariant {
        let text = std::fs::read_to_string(format!("{GOLDEN}{name}")).expect("a golden playlist");
        Multivariant::read(&text).expect("readable")
    }

    #[test]
    fn angles_of_pathways_and_of_video_groups_are_the_same() {
        for name in ["pathways.m3u8", "video-group.m3u8"] {
            let read = golden(name);
            assert_eq!(read.angles.len(), 2, "{name}");
            for angle in &read.angles {
                let ladder: Vec<_> = angle.rungs.iter().map(|r| r.bandwidth).collect();
                assert_eq!(ladder, [520_000, 1_015_000], "{name}");
                assert!(angle.rungs.iter().all(|r| r.audio.as_deref().is_some_and(|a| a.contains("ambient"))));
            }
            assert_ne!(read.angles[0].rungs[0].video, read.angles[1].rungs[0].video);
        }
    }

    #[test]
    fn a_ladder_without_sound_of_its_own() {
        let read = golden("one.m3u8");
        assert_eq!(read.angles.len(), 1);
        assert!(read.angles[0].rungs.iter().all(|r| r.audio.is_none()));
        assert_eq!(read.angles[0].rungs[0].label, "416x234 385 kb/s");
    }

    #[test]
    fn garbage_is_unreadable() {
        for text in ["", "#EXTM3U", "x", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=x\na", "#EXTM3U\n#EXT-X-STREAM-INF:\na"]
        {
            assert_eq!(Multivariant::read(text), Err(Unreadable), "{text}");
        }
    }
}
