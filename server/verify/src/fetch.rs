//! HTTP as it is on the wire: no cache, redirects counted, encodings visible, sizes and times bounded.

use std::{
    io::Read,
    path::Path,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, Version, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use url::Url;

use crate::{Micros, playlist::ByteRange};

/// Most bytes of a playlist.
pub const PLAYLIST_LIMIT: usize = 16 << 20;
/// Most bytes of a segment, part or header.
pub const MEDIA_LIMIT: usize = 128 << 20;
const REDIRECTS: usize = 5;

/// Which certificates are believed.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Those of the public authorities.
    #[default]
    Public,
    /// Those of this authority (PEM) too.
    Also(std::path::PathBuf),
    /// All.
    Anything,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The certificate file cannot be used.
    #[error("{file}: {why}")]
    Authority {
        /// The file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// Not an address.
    #[error("`{0}` is not an http or https address")]
    Address(String),
    /// No connection, or it broke.
    #[error("{0}")]
    Transport(String),
    /// Nothing came.
    #[error("no whole answer within {:.1} s", .0.as_secs_f64())]
    Late(Duration),
    /// Too large.
    #[error("the body is larger than {0} bytes")]
    Large(usize),
    /// A redirect that leads nowhere.
    #[error("{0}")]
    Redirect(String),
}

/// What to ask for beside the address.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// `Accept-Encoding: gzip`.
    pub gzip: bool,
    /// `Range`.
    pub range: Option<ByteRange>,
    /// Most bytes of the body.
    pub limit: usize,
    /// How long to wait for all of it.
    pub wait: Duration,
}

impl Ask {
    /// For a playlist.
    pub fn playlist() -> Self {
        Self { gzip: true, range: None, limit: PLAYLIST_LIMIT, wait: Duration::from_secs(15) }
    }

    /// For media.
    pub fn media(range: Option<ByteRange>) -> Self {
        Self { gzip: false, range, limit: MEDIA_LIMIT, wait: Duration::from_secs(30) }
    }

    /// The same, waiting longer or shorter.
    pub fn within(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }
}

/// An answer, without its body.
#[derive(Clone, Debug)]
pub struct Meta {
    /// Where it came from, after redirects.
    pub url: Url,
    /// Its status.
    pub status: u16,
    /// HTTP/1.1, HTTP/2.
    pub version: Version,
    /// Its headers.
    pub headers: HeaderMap,
    /// Bytes on the wire, of the body.
    pub length: usize,
    /// From the request to the last byte.
    pub took: Duration,
    /// From the body's first byte to its last.
    pub flow: Duration,
}

impl Meta {
    /// A header's text; empty when it is not there.
    pub fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("")
    }

    /// A directive of `Cache-Control`: `Some("")` for one without a value.
    pub fn cache(&self, directive: &str) -> Option<&str> {
        let mut items = self.header(header::CACHE_CONTROL).split(',').map(str::trim);
        items.find_map(|item| {
            let (name, value) = item.split_once('=').unwrap_or((item, ""));
            name.trim().eq_ignore_ascii_case(directive).then_some(value.trim().trim_matches('"'))
        })
    }

    /// How many seconds caches may keep it, if that is said (RFC 9111, 4.2.1).
    pub fn max_age(&self) -> Option<u64> {
        if self.cache("no-store").is_some() || self.cache("no-cache").is_some() {
            return Some(0);
        }
        let expires = || {
            // What is no date has expired (5.3).
            let end = self.headers.contains_key(header::EXPIRES).then(|| self.date(header::EXPIRES).unwrap_or(0))?;
            let age = end.saturating_sub(self.date(header::DATE).unwrap_or(end)) / crate::SECOND;
            Some(u64::try_from(age).unwrap_or(0))
        };
        match self.cache("s-maxage").or(self.cache("max-age")) {
            Some(age) => age.parse().ok(),
            None => expires(),
        }
    }

    /// A header's date (RFC 9110, 5.6.7), in microseconds since 1970.
    pub fn date(&self, name: header::HeaderName) -> Option<Micros> {
        let time = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(self.header(name)).ok()?;
        Some(time.as_microsecond())
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// All but the body.
    pub meta: Meta,
    /// The body, its encoding undone.
    pub body: Bytes,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A client. Clones share its connections.
#[derive(Clone)]
pub struct Fetch {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
}

impl Fetch {
    /// A client that believes these certificates.
    ///
    /// # Errors
    /// When the authority's file cannot be read.
    pub fn new(trust: &Trust) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::Transport(e.to_string()))?;
        let config = match trust {
            Trust::Anything => {
                config.dangerous().with_custom_certificate_verifier(Arc::new(Anything(provider))).with_no_client_auth()
            }
            trust => config.with_root_certificates(roots(trust)?).with_no_client_auth(),
        };
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_all_versions()
            .build();
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
        Ok(Self { client })
    }

    /// Fetches, following redirects.
    ///
    /// # Errors
    /// When no answer came whole, in time and within the limit. An answer of any status is one.
    pub async fn get(&self, url: &Url, ask: Ask) -> Result<Answer, Error> {
        let start = Instant::now();
        tokio::time::timeout(ask.wait, self.follow(url.clone(), ask, start)).await.map_err(|_| Error::Late(ask.wait))?
    }

    async fn follow(&self, mut url: Url, ask: Ask, start: Instant) -> Result<Answer, Error> {
        for _ in 0..=REDIRECTS {
            let answer = self.once(&url, ask, start).await?;
            if !matches!(answer.meta.status, 301 | 302 | 303 | 307 | 308) {
                return Ok(answer);
            }
            let place = answer.meta.header(header::LOCATION);
            url = url.join(place).map_err(|_| Error::Redirect(format!("a redirect to `{place}`")))?;
        }
        Err(Error::Redirect(format!("more than {REDIRECTS} redirects")))
    }

    async fn once(&self, url: &Url, ask: Ask, start: Instant) -> Result<Answer, Error> {
        let address = || Error::Address(url.to_string());
        if !matches!(url.scheme(), "http" | "https") {
            return Err(address());
        }
        let mut asked = url.clone();
        asked.set_fragment(None);
        let encoding = if ask.gzip { "gzip" } else { "identity" };
        let mut request = Request::get(asked.as_str())
            .header(header::ACCEPT_ENCODING, encoding)
            .header(header::ACCEPT, "*/*")
            // As a player on another page sends it; `.invalid` is nobody's.
            .header(header::ORIGIN, "https://player.invalid")
            .header(header::USER_AGENT, concat!("virage-verify/", env!("CARGO_PKG_VERSION")));
        if let Some(range) = ask.range {
            let last = range.offset.saturating_add(range.length).saturating_sub(1);
            request = request.header(header::RANGE, format!("bytes={}-{last}", range.offset));
        }
        let request = request.body(Empty::new()).map_err(|_| address())?;
        let broken = |e: &dyn std::error::Error| Error::Transport(chain(e));
        let response = self.client.request(request).await.map_err(|e| broken(&e))?;
        let (parts, body) = response.into_parts();
        let mut body = pin!(Limited::new(body, ask.limit));
        let (mut raw, mut first) = (BytesMut::new(), None);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|e| match e.downcast_ref::<http_body_util::LengthLimitError>() {
                Some(_) => Error::Large(ask.limit),
                None => broken(e.as_ref()),
            })?;
            if let Some(data) = frame.data_ref() {
                first.get_or_insert_with(Instant::now);
                raw.extend_from_slice(data);
            }
        }
        let flow = first.map_or(Duration::ZERO, |first| first.elapsed());
        let raw = raw.freeze();
        let length = raw.len();
        let gzip = parts.headers.get(header::CONTENT_ENCODING).is_some_and(|v| v.as_bytes() == b"gzip");
        let body = if gzip { gunzip(&raw, ask.limit)? } else { raw };
        let (status, version) = (parts.status.as_u16(), parts.version);
        let took = start.elapsed();
        let meta = Meta { url: url.clone(), status, version, headers: parts.headers, length, took, flow };
        Ok(Answer { meta, body })
    }
}

fn gunzip(raw: &[u8], limit: usize) -> Result<Bytes, Error> {
    let mut out = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX);
    let read = flate2::read::MultiGzDecoder::new(raw).take(most.saturating_add(1)).read_to_end(&mut out);
    read.map_err(|e| Error::Transport(format!("the gzip body cannot be read: {e}")))?;
    if out.len() > limit { Err(Error::Large(limit)) } else { Ok(out.into()) }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn roots(trust: &Trust) -> Result<RootCertStore, Error> {
    let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Trust::Also(file) = trust {
        let wrong = |why: String| Error::Authority { file: file.display().to_string(), why };
        for certificate in certificates(file).map_err(wrong)? {
            store.add(certificate).map_err(|e| wrong(e.to_string()))?;
        }
    }
    Ok(store)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).map_err(|e| e.to_string())?.collect();
    match found.map_err(|e| e.to_string())? {
        none if none.is_empty() => Err("there is no certificate in it".into()),
        found => Ok(found),
    }
}

/// Believes every certificate, as `--insecure` asks; signatures are checked all the same.
#[derive(Debug)]
struct Anything(Arc<CryptoProvider>);

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Adds delivery directives to an address that may have a query of its own: after it, in UTF-8 order (rfc8216bis,
/// 6.2.5), so that all clients ask caches for the same text.
pub fn directed(url: &Url, directives: &[(&str, String)]) -> Url {
    let mut out = url.clone();
    let mut sorted: Vec<_> = directives.iter().collect();
    sorted.sort();
    let mut query = out.query().map(|q| q.to_owned()).unwrap_or_default();
    for (name, value) in sorted {
        let join = if query.is_empty() { "" } else { "&" };
        query = format!("{query}{join}{name}={value}");
    }
    out.set_query(Some(&query));
    out
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn directives_follow_the_query_in_order() {
        let url: Url = "https://host/a.m3u8?token=a%20b&x".parse().expect("an address");
        let asked = directed(&url, &[("_HLS_skip", "YES".into()), ("_HLS_part", "2".into()), ("_HLS_msn", "7".into())]);
        assert_eq!(asked.as_str(), "https://host/a.m3u8?token=a%20b&x&_HLS_msn=7&_HLS_part=2&_HLS_skip=YES");
        let bare: Url = "https://host/a.m3u8".parse().expect("an address");
        assert_eq!(directed(&bare, &[("_HLS_msn", "7".into())]).query(), Some("_HLS_msn=7"));
    }

    #[test]
    fn cache_directives_are_read() {
        let meta = |text: &str| Meta {
            url: "http://host/".parse().expect("an address"),
            status: 200,
            version: Version::HTTP_11,
            headers: [(header::CACHE_CONTROL, HeaderValue::from_str(text).expect("a header"))].into_iter().collect(),
            length: 0,
            took: Duration::ZERO,
            flow: Duration::ZERO,
        };
        for (text, expected) in [
            ("public, max-age=6", Some(6)),
            ("s-maxage=3, max-age=60", Some(3)),
            ("no-cache", Some(0)),
            ("max-age=\"7\"", Some(7)),
            ("public", None),
            ("max-age=x", None),
        ] {
            assert_eq!(meta(text).max_age(), expected, "{text}");
        }
    }
}
