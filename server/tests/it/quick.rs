//! The crowd's addresses are answered alike, whichever way a request takes through the server.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

use crate::server::{Server, first_uri, resolve, shared};

/// One connection, kept open.
struct Wire(BufReader<TcpStream>);

#[derive(Debug, PartialEq)]
struct Answered {
    status: String,
    fields: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Wire {
    fn open(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self(BufReader::new(stream))
    }

    fn say(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn head(&mut self) -> Answered {
        let status = self.line();
        let mut fields = BTreeMap::new();
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(": ") else { break };
            // Once each, and what depends on the moment or on the connection aside.
            let twice = fields.insert(name.to_ascii_lowercase(), value.to_owned());
            assert_eq!(twice, None, "{name} twice");
        }
        assert!(fields.remove("date").is_some_and(|date| date.ends_with(" GMT")), "{fields:?}");
        fields.remove("connection");
        Answered { status, fields, body: Vec::new() }
    }

    fn answer(&mut self, method: &str) -> Answered {
        let mut answered = self.head();
        if method != "HEAD" {
            answered.body = vec![0; answered.fields["content-length"].parse().unwrap()];
            self.0.read_exact(&mut answered.body).unwrap();
        }
        answered
    }

    fn ask(&mut self, method: &str, path: &str, fields: &str) -> Answered {
        self.say(&format!("{method} {path} HTTP/1.1\r\nhost: x\r\n{fields}\r\n"));
        self.answer(method)
    }
}

/// A replay's playlist, and a segment and header that it names.
fn replay(server: &Server) -> (String, String, String) {
    server.wait_for_media(3);
    let made = server.publish(&server.mark(2.0, 0.0));
    let at = made["urls"]["angles"]["main"].as_str().unwrap().to_owned();
    let list = resolve(&at, first_uri(server.get(&at).text()));
    let text = server.get(&list).text().to_owned();
    let map = text.split("URI=\"").nth(1).unwrap().split('"').next().unwrap();
    (at, resolve(&list, first_uri(&text)), resolve(&list, map))
}

#[test]
fn quick_and_whole_answers_are_the_same() {
    let server = shared();
    let (multivariant, segment, header) = replay(server);
    let list = resolve(&multivariant, first_uri(server.get(&multivariant).text()));
    let rung = list.rsplit('/').nth(1).unwrap();
    let moving = ["index.m3u8", "index.m3u8?_HLS_msn=1", "index.m3u8?_HLS_skip=YES", "plain.m3u8", "dvr.m3u8"];
    let moving = moving.map(|file| format!("/live/main/{rung}/{file}"));
    let moving: Vec<&str> =
        moving.iter().map(String::as_str).chain(["/live/index.m3u8", "/live/main/index.m3u8"]).collect();
    let wrong = [
        &format!("/live/main/{rung}/index.m3u8?_HLS_msn=abc"),
        &format!("/live/main/{rung}/index.m3u8?_HLS_part=0"),
        &format!("/live/main/{rung}/index.m3u8?_HLS_msn=1&_HLS_msn=2"),
        &format!("/live/main/{rung}/index.m3u8?_HLS_msn=99999999999"),
        &format!("/live/main/{rung}/other.m3u8"),
        "/live/nobody/360p/index.m3u8",
        "/live//index.m3u8",
        "/live/a/b/c/d/e/f/g",
        "/media/main/360p/1/99999999.m4s",
        "/media/main/360p/1/..",
        "/highlights/h-none/index.m3u8",
        "/",
        "/nothing",
    ];
    let still = [multivariant.as_str(), &list, &segment, &header];
    for path in moving.iter().chain(&still).chain(&wrong) {
        for (method, fields) in [("GET", ""), ("GET", "accept-encoding: gzip\r\n"), ("HEAD", "")] {
            let mut quick = Wire::open(server).ask(method, path, fields);
            // What closes the connection takes the other way.
            let mut whole = Wire::open(server).ask(method, path, &format!("{fields}connection: close\r\n"));
            if moving.contains(path) {
                for answered in [&mut quick, &mut whole] {
                    assert_eq!(answered.status, "HTTP/1.1 200 OK", "{path}");
                    answered.fields.remove("content-length");
                    answered.body.clear();
                }
            }
            // HEAD says the length that GET has, by either way or not at all.
            if method == "HEAD"
                && (!quick.fields.contains_key("content-length") || !whole.fields.contains_key("content-length"))
            {
                quick.fields.remove("content-length");
                whole.fields.remove("content-length");
            }
            assert_eq!(quick, whole, "{method} {path} {fields}");
        }
    }
}

#[test]
fn one_connection_takes_requests_of_every_kind_in_order() {
    let server = shared();
    let (multivariant, segment, _) = replay(server);
    let mut wire = Wire::open(server);
    // Several at once, the last of them cut in two.
    wire.say(&format!(
        "GET {segment} HTTP/1.1\r\n\r\nHEAD {segment} HTTP/1.1\r\n\r\nGET {multivariant} HTTP/1.1\r\n\r\nGET /livez HT"
    ));
    let whole = wire.answer("GET");
    assert_eq!(
        (whole.status.as_str(), whole.fields["content-type"].as_str()),
        ("HTTP/1.1 200 OK", "video/iso.segment")
    );
    let head = wire.answer("HEAD");
    assert_eq!((head.status, head.fields), (whole.status, whole.fields));
    assert!(wire.answer("GET").body.starts_with(b"#EXTM3U"));
    wire.say("TP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(wire.answer("GET").body, b"ok\n");
    // Handed over, it goes on with all the rest.
    let part = wire.ask("GET", &segment, "range: bytes=4-7\r\n");
    assert_eq!((part.status.as_str(), part.body.as_slice()), ("HTTP/1.1 206 Partial Content", &whole.body[4..8]));
    let refused = wire.ask("POST", "/api/v1/marks", "content-length: 2\r\n\r\n{}");
    assert_eq!(refused.status, "HTTP/1.1 401 Unauthorized");
}

#[test]
fn large_media_are_the_same_however_often_they_are_asked_for() {
    let server = shared();
    let (_, segment, _) = replay(server);
    let mut wire = Wire::open(server);
    let by_the_book = Wire::open(server).ask("GET", &segment, "range: bytes=0-\r\n").body;
    // From here on the server hands over pages.
    assert!(by_the_book.len() >= 32 << 10, "{segment} has {} bytes only", by_the_book.len());
    let first = wire.ask("GET", &segment, "");
    assert!(first.body == by_the_book);
    for _ in 0..3 {
        let again = wire.ask("GET", &segment, "");
        assert!(again == first, "{again:?}");
    }
    // Several at once: each whole, in order.
    wire.say(&format!("GET {segment} HTTP/1.1\r\n\r\n").repeat(3));
    assert!((0..3).all(|_| wire.answer("GET") == first));
}

#[test]
fn events_end_with_the_connection_and_drafts_stay_the_crews() {
    let server = shared();
    server.wait_for_media(3);
    let mut wire = Wire::open(server);
    wire.say("GET /api/v1/events HTTP/1.1\r\nhost: x\r\n\r\n");
    let head = wire.head();
    assert_eq!((head.status.as_str(), head.fields["content-type"].as_str()), ("HTTP/1.1 200 OK", "text/event-stream"));
    let mut whole = Wire::open(server);
    whole.say("GET /api/v1/events HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    for mut fields in [head.fields, whole.head().fields] {
        fields.remove("transfer-encoding");
        assert_eq!(fields["access-control-allow-origin"], "*", "{fields:?}");
    }
    assert_eq!(wire.line(), "retry: 1000");
    let mark = server.mark(1.0, 0.0);
    let draft = serde_json::json!({"mark": mark["id"], "title": "draft", "angles": ["main"]});
    let draft = server.crew("POST", "/api/v1/highlights", &draft).json();
    let published = server.publish(&mark);
    let told = (0..1000).map(|_| wire.line()).take_while(|line| !line.contains(published["id"].as_str().unwrap()));
    let told: Vec<String> = told.collect();
    assert!(!told.iter().any(|line| line.contains(draft["id"].as_str().unwrap())), "{told:?}");
    assert!(told.len() < 1000);
    // A number to resume after is understood.
    let number = told.iter().rev().find_map(|line| line.strip_prefix("id: ")).unwrap();
    let mut again = Wire::open(server);
    again.say(&format!("GET /api/v1/events HTTP/1.1\r\nLast-Event-ID: {}\r\n\r\n", number.parse::<u64>().unwrap() - 1));
    again.head();
    assert!((0..20).map(|_| again.line()).any(|line| line == format!("id: {number}")));
}
