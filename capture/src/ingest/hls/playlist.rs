//! From the address of a playlist to the tracks that are pulled: the best picture, and its sound when that is apart.

use m3u8_rs::{AlternativeMediaType, KeyMethod, MasterPlaylist, MediaPlaylist, Playlist};
use url::Url;

use super::Client;

/// A playlist of three hours is smaller.
const BYTES: u64 = 4 << 20;

/// A media playlist, as it is now.
pub(in crate::ingest) struct Track {
    pub url: Url,
    pub list: MediaPlaylist,
}

/// Finds out what to pull.
pub(in crate::ingest) fn open(client: &Client, with_sound: bool) -> Result<Vec<Track>, String> {
    let (url, playlist) = fetch(client, &client.first())?;
    let master = match playlist {
        Playlist::MediaPlaylist(list) => return Ok(vec![Track::new(url, list)?]),
        Playlist::MasterPlaylist(master) => master,
    };
    let picture = best(&master).ok_or("the playlist has no picture")?;
    let mut tracks = vec![Track::fetch(client, &join(&url, &picture.uri)?)?];
    // A sound apart is in step with the picture only where both carry the same timeline: in fragmented MP4.
    let wanted = picture.audio.as_ref().filter(|_| with_sound && tracks[0].is_fragmented());
    if let Some(sound) = wanted.and_then(|group| sound(&master, group)) {
        tracks.push(Track::fetch(client, &join(&url, sound)?)?);
    }
    Ok(tracks)
}

fn best(master: &MasterPlaylist) -> Option<&m3u8_rs::VariantStream> {
    master.variants.iter().filter(|variant| !variant.is_i_frame).max_by_key(|variant| variant.bandwidth)
}

/// The default of a group of sounds, or its first; none when it is in with the picture.
fn sound<'a>(master: &'a MasterPlaylist, group: &str) -> Option<&'a str> {
    let of_group =
        || master.alternatives.iter().filter(|m| m.media_type == AlternativeMediaType::Audio && m.group_id == group);
    of_group().find(|m| m.default).or_else(|| of_group().next())?.uri.as_deref()
}

impl Track {
    fn fetch(client: &Client, url: &Url) -> Result<Self, String> {
        match fetch(client, url)? {
            (url, Playlist::MediaPlaylist(list)) => Self::new(url, list),
            _ => Err("a multivariant playlist names another one".into()),
        }
    }

    fn new(url: Url, list: MediaPlaylist) -> Result<Self, String> {
        let encrypted = |s: &m3u8_rs::MediaSegment| s.key.as_ref().is_some_and(|key| key.method != KeyMethod::None);
        if list.segments.iter().any(encrypted) {
            return Err("the stream is encrypted".into());
        }
        if list.media_sequence.checked_add(list.segments.len() as u64).is_none() {
            return Err("the playlist's EXT-X-MEDIA-SEQUENCE leaves no number for its segments".into());
        }
        Ok(Self { url, list })
    }

    /// The same playlist, as it is by now.
    pub fn again(&self, client: &Client) -> Result<Self, String> {
        Self::fetch(client, &self.url)
    }

    /// Whether segments are fragmented MP4; they are transport streams otherwise.
    pub fn is_fragmented(&self) -> bool {
        self.list.segments.iter().any(|segment| segment.map.is_some())
    }

    /// The address of something in this playlist.
    pub fn resolve(&self, uri: &str) -> Result<Url, String> {
        join(&self.url, uri)
    }
}

fn join(base: &Url, uri: &str) -> Result<Url, String> {
    base.join(uri).map_err(|_| "a playlist names something that is no address".into())
}

fn fetch(client: &Client, url: &Url) -> Result<(Url, Playlist), String> {
    let answer = client.get(url, None)?;
    let from = answer.from.clone();
    let text = answer.text(BYTES)?;
    let playlist = m3u8_rs::parse_playlist_res(&text).map_err(|_| "what came is no HLS playlist".to_owned())?;
    Ok((from, playlist))
}
