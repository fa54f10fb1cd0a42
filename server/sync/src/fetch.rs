//! What players read, and the API.

use std::time::Duration;

use m3u8_rs::MediaPlaylist;
use serde::Deserialize;
use serde_json::Value;
use ureq::Agent;

use crate::Error;

/// Most bytes of one answer.
const LIMIT: u64 = 64 << 20;
/// How long one answer may take.
const WAIT: Duration = Duration::from_secs(30);

/// A running server.
pub(crate) struct Server {
    agent: Agent,
    url: String,
    token: Option<String>,
}

/// A camera, as far as it matters here.
#[derive(Deserialize)]
pub(crate) struct Camera {
    pub id: String,
    pub state: String,
    pub time: String,
    pub offset_ms: i64,
    pub renditions: Vec<Rendition>,
    /// Whose tiles it shows, when it is a mosaic.
    #[serde(default)]
    pub tiles: Option<Value>,
}

/// A camera's rendition.
#[derive(Deserialize)]
pub(crate) struct Rendition {
    pub id: String,
    pub height: u32,
    pub bandwidth: u64,
}

/// A sound, as far as it matters here.
#[derive(Deserialize)]
pub(crate) struct Sound {
    pub id: String,
    pub camera: Option<String>,
    pub group: Option<String>,
}

#[derive(Deserialize)]
struct List<T> {
    items: Vec<T>,
}

/// The newest segments of a rendition, one after the other, each with its header.
pub(crate) type Media = Vec<(Vec<u8>, Vec<u8>)>;

impl Server {
    pub fn new(url: &str, token: Option<String>) -> Result<Self, Error> {
        if !url.starts_with("http://") {
            return Err(Error::Address(url.to_owned()));
        }
        let config = Agent::config_builder().timeout_global(Some(WAIT)).max_redirects(0).http_status_as_error(false);
        Ok(Self { agent: config.build().into(), url: url.trim_end_matches('/').to_owned(), token })
    }

    pub fn cameras(&self) -> Result<Vec<Camera>, Error> {
        Ok(self.json::<List<Camera>>("/api/v1/cameras")?.items)
    }

    pub fn sounds(&self) -> Result<Vec<Sound>, Error> {
        Ok(self.json::<List<Sound>>("/api/v1/sounds")?.items)
    }

    /// Frames per second of the venue, numerator and denominator.
    pub fn rate(&self) -> Result<(u32, u32), Error> {
        let venue: Value = self.json("/api/v1/venue")?;
        let part = |name: &str| venue["fps"][name].as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
        part("num").zip(part("den")).ok_or_else(|| self.wrong("/api/v1/venue", "it names no frame rate"))
    }

    /// The last `seconds` of a rendition or sound, as far as there are so many. Segments that were lost are left out.
    pub fn media(&self, rendition: &str, seconds: f64) -> Result<Media, Error> {
        let path = format!("/live/{rendition}/dvr.m3u8");
        let bytes = self.get(&path)?;
        let list: MediaPlaylist =
            m3u8_rs::parse_media_playlist_res(&bytes).map_err(|_| self.wrong(&path, "this is no media playlist"))?;
        let mut header: (String, Vec<u8>) = Default::default();
        let mut map = None;
        let mut wanted = Vec::new();
        for segment in &list.segments {
            map = segment.map.as_ref().map(|map| map.uri.clone()).or(map);
            let lost = segment.unknown_tags.iter().any(|tag| tag.tag == "X-GAP");
            if let Some(map) = map.clone().filter(|_| !lost) {
                wanted.push((map, segment));
            }
        }
        let mut left = seconds;
        let newest = wanted.iter().rev().take_while(|(_, segment)| {
            let take = left > 0.0;
            left -= f64::from(segment.duration);
            take
        });
        let first = wanted.len() - newest.count();
        let mut media = Media::new();
        for (map, segment) in &wanted[first..] {
            if header.0 != *map {
                header = (map.clone(), self.get(&resolve(&path, map))?);
            }
            media.push((header.1.clone(), self.get(&resolve(&path, &segment.uri))?));
        }
        Ok(media)
    }

    /// Sets a camera's offset in the server's configuration: everything else stays as it is written.
    pub fn set_offset(&self, camera: &str, offset_ms: i64) -> Result<(), Error> {
        let path = format!("/api/v1/cameras/{camera}");
        let mut fields = self.json::<Value>(&path)?["config"].clone();
        if !fields.is_object() {
            return Err(self.wrong(&path, "the crew's token was not accepted"));
        }
        fields["offset_ms"] = offset_ms.into();
        let request = self.agent.put(format!("{}{path}", self.url));
        let answer = self.authorized(request).send_json(&fields).map_err(|e| self.wrong(&path, e))?;
        self.body(&path, answer).map(drop)
    }

    fn json<T: for<'a> Deserialize<'a>>(&self, path: &str) -> Result<T, Error> {
        serde_json::from_slice(&self.get(path)?).map_err(|e| self.wrong(path, format!("this is not Virage's API: {e}")))
    }

    fn get(&self, path: &str) -> Result<Vec<u8>, Error> {
        let request = self.agent.get(format!("{}{path}", self.url));
        let answer = self.authorized(request).call().map_err(|e| self.wrong(path, e))?;
        self.body(path, answer)
    }

    fn authorized<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    fn body(&self, path: &str, mut answer: ureq::http::Response<ureq::Body>) -> Result<Vec<u8>, Error> {
        let status = answer.status();
        let body = answer.body_mut().with_config().limit(LIMIT).read_to_vec().map_err(|e| self.wrong(path, e))?;
        if status.is_success() {
            return Ok(body);
        }
        let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
        let detail = problem["detail"].as_str().unwrap_or("no reason is given");
        Err(self.wrong(path, format!("{status}: {detail}")))
    }

    fn wrong(&self, path: &str, why: impl ToString) -> Error {
        Error::Server { url: format!("{}{path}", self.url), why: why.to_string() }
    }
}

/// A relative URI of a playlist at `base`.
fn resolve(base: &str, uri: &str) -> String {
    let mut names: Vec<&str> = base.split('/').collect();
    names.pop();
    for name in uri.split('/') {
        match name {
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    names.join("/")
}
