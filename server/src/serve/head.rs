//! A request's head: whether it is one of the usual kind (RFC 9112, 3 and 5).

use crate::http::{Asked, names_gzip};

/// Bytes of HTTP/2's preface (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Fields of a head, at most; more are not usual.
const FIELDS: usize = 48;
/// Bytes of a head, at most; longer ones are not usual.
const LONGEST: usize = 16 * 1024;

/// What the bytes of a connection begin with.
#[derive(Debug, PartialEq, Eq)]
pub enum Head<'a> {
    /// More bytes are needed to say.
    More,
    /// A request of the usual kind, and the length of its head.
    Usual(Asked<'a>, usize),
    /// Something else: HTTP/2, a body, a range, an error.
    Other,
}

/// Reads the head that `bytes` begin with.
pub fn read(bytes: &[u8]) -> Head<'_> {
    if bytes.len() < PREFACE.len() && PREFACE.starts_with(bytes) {
        return Head::More;
    }
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if bytes.len() < LONGEST => return Head::More,
        _ => return Head::Other,
    };
    match usual(&request) {
        Some(asked) => Head::Usual(asked, length),
        None => Head::Other,
    }
}

fn usual<'a>(request: &httparse::Request<'_, 'a>) -> Option<Asked<'a>> {
    let head = match (request.method?, request.version?) {
        ("GET", 1) => false,
        ("HEAD", 1) => true,
        _ => return None,
    };
    let target = request.path.filter(|t| t.starts_with('/') && !t.contains('#'))?;
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let plain = path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-._~".contains(&b));
    let mut asked = Asked { path, query, gzip: false, personal: false, last_event: None, head };
    if !plain {
        return None;
    }
    for field in &*request.headers {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        // By length first: most fields are none of these.
        match field.name.len() {
            15 if is("accept-encoding") => asked.gzip |= names_gzip(std::str::from_utf8(field.value).ok()?),
            6 if is("cookie") => asked.personal = true,
            13 if is("authorization") => asked.personal = true,
            13 if is("last-event-id") => asked.last_event = Some(std::str::from_utf8(field.value).ok()?),
            10 if is("connection") && !field.value.eq_ignore_ascii_case(b"keep-alive") => return None,
            5 if is("range") => return None,
            6 if is("expect") => return None,
            7 if is("upgrade") => return None,
            14 if is("content-length") => return None,
            17 if is("transfer-encoding") => return None,
            _ => {}
        }
    }
    Some(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Asked<'static> =
        Asked { path: "/live/a.m3u8", query: None, gzip: false, personal: false, last_event: None, head: false };

    #[test]
    fn heads() {
        let usual = |asked, text: &str| (text.to_owned(), Head::Usual(asked, text.len()));
        let other = |text: &str| (text.to_owned(), Head::Other);
        let more = |text: &str| (text.to_owned(), Head::More);
        let cases = [
            usual(ASKED, "GET /live/a.m3u8 HTTP/1.1\r\nHost: a\r\n\r\n"),
            usual(Asked { head: true, ..ASKED }, "HEAD /live/a.m3u8 HTTP/1.1\r\n\r\n"),
            usual(
                Asked { query: Some("_HLS_msn=1&x=%2F"), ..ASKED },
                "GET /live/a.m3u8?_HLS_msn=1&x=%2F HTTP/1.1\r\nConnection: Keep-Alive\r\n\r\n",
            ),
            usual(Asked { gzip: true, ..ASKED }, "GET /live/a.m3u8 HTTP/1.1\r\nACCEPT-Encoding: br, gzip\r\n\r\n"),
            usual(ASKED, "GET /live/a.m3u8 HTTP/1.1\r\nAccept-Encoding: gzip;q=0\r\n\r\n"),
            usual(Asked { personal: true, ..ASKED }, "GET /live/a.m3u8 HTTP/1.1\r\nCookie: a=b\r\n\r\n"),
            usual(
                Asked { last_event: Some("7"), ..ASKED },
                "GET /live/a.m3u8 HTTP/1.1\r\nLast-Event-ID: 7\r\nAuthorization2: x\r\n\r\n",
            ),
            more(""),
            more("PRI * HTTP/2.0\r\n\r\nSM"),
            more("GET /live"),
            more("GET /live/a.m3u8 HTTP/1.1\r\nHost: a\r\n"),
            other("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            other("GET /live/%61.m3u8 HTTP/1.1\r\n\r\n"),
            other("GET http://a/live/a.m3u8 HTTP/1.1\r\n\r\n"),
            other("GET /live/a.m3u8 HTTP/1.0\r\n\r\n"),
            other("POST /live/a.m3u8 HTTP/1.1\r\n\r\n"),
            other("GET /live/a.m3u8 HTTP/1.1\r\nContent-Length: 1\r\n\r\nx"),
            other("GET /live/a.m3u8 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"),
            other("GET /live/a.m3u8 HTTP/1.1\r\nConnection: close\r\n\r\n"),
            other("GET /live/a.m3u8 HTTP/1.1\r\nRange: bytes=0-1\r\n\r\n"),
            other("GET /live/a.m3u8 HTTP/1.1\r\nUpgrade: h2c\r\n\r\n"),
            other("GET /live/a.m3u8 HTTP/1.1\r\nExpect: 100-continue\r\n\r\n"),
            other("\u{0}"),
            other("GET /live/a.m3u8 HTTP/1.1\r\nHost : a\r\n\r\n"),
        ];
        for (text, expected) in &cases {
            assert_eq!(&read(text.as_bytes()), expected, "{text:?}");
        }
        let long = format!("GET /live/a.m3u8 HTTP/1.1\r\nX: {}", "x".repeat(LONGEST));
        assert_eq!(read(long.as_bytes()), Head::Other);
    }
}
