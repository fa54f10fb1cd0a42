//! The API: what the crew may do, what everybody sees, and what bad input changes: nothing.

use serde_json::{Value, json};

use crate::{
    http,
    server::{Server, shared, until},
};

/// Everything that the API lists, as the crew sees it.
fn everything(server: &Server) -> (Value, Value) {
    let list = |path: &str| server.crew("GET", path, &Value::Null).json();
    (list("/api/v1/marks"), list("/api/v1/highlights"))
}

#[test]
fn bad_input_gets_a_clear_problem_and_changes_nothing() {
    let server = Server::demo();
    server.wait_for_media(3);
    let mark = server.mark(1.0, 0.0);
    server.publish(&mark);
    let before = everything(&server);
    let now = server.get("/api/v1/venue").json()["now"].as_str().unwrap().to_owned();
    let old = "2020-01-01T00:00:00Z";
    let marks = "/api/v1/marks";
    let highlights = "/api/v1/highlights";
    for (path, body, status, says) in [
        (marks, r#"{"kind":"goal","before":-1,"after":0}"#.to_owned(), 422, "before"),
        (marks, r#"{"kind":"goal","before":1e300,"after":0}"#.into(), 422, "before"),
        (marks, r#"{"kind":"goal","before":1,"after":100000}"#.into(), 422, "after"),
        (marks, r#"{"kind":"goal","before":0,"after":0}"#.into(), 422, "not after"),
        (marks, r#"{"kind":"Goal!","before":1,"after":1}"#.into(), 422, "kind"),
        (marks, r#"{"kind":"","before":1,"after":1}"#.into(), 422, "kind"),
        (marks, r#"{"kind":"goal","before":"8","after":1}"#.into(), 400, "`before`: invalid type: string"),
        (marks, r#"{"kind":"goal","before":8}"#.into(), 400, "after"),
        (marks, r#"{"kind":"goal","before":8,"after":1,"colour":"red"}"#.into(), 400, "colour"),
        (marks, r#"{"kind":"goal","before":8,"after":"#.into(), 400, "line 1"),
        (marks, "not json".into(), 400, "object"),
        (marks, "\"goal\"".into(), 400, "object"),
        (marks, r#"[["goal",8,4]]"#.into(), 400, "object"),
        (marks, String::new(), 400, "line 1"),
        (marks, format!(r#"{{"kind":"goal","before":8,"after":1,"at":"{old}"}}"#), 409, "older"),
        (marks, r#"{"kind":"goal","before":8,"after":1,"at":"2999-01-01T00:00:00Z"}"#.into(), 422, "ahead"),
        (marks, r#"{"kind":"goal","before":8,"after":1,"at":"yesterday"}"#.into(), 422, "at"),
        (marks, format!(r#"{{"kind":"goal","before":8,"after":1,"at":"{}"}}"#, "9".repeat(5000)), 422, "at"),
        (highlights, format!(r#"{{"in":"{now}","out":"{old}"}}"#), 422, "not after"),
        (highlights, format!(r#"{{"in":"{old}","out":"{now}"}}"#), 409, "older"),
        (highlights, format!(r#"{{"in":"{now}"}}"#), 422, "both"),
        (highlights, "{}".into(), 422, "all three"),
        (highlights, r#"{"mark":"m-nothere"}"#.into(), 404, "mark"),
        (highlights, json!({"mark": "../../etc/passwd"}).to_string(), 404, "mark"),
        (highlights, json!({"mark": "x".repeat(10_000)}).to_string(), 404, "mark"),
        (highlights, json!({"mark": "a\0b"}).to_string(), 404, "mark"),
        (highlights, json!({"mark": mark["id"], "in": now}).to_string(), 422, "both"),
        (highlights, json!({"mark": mark["id"], "in": now, "out": now}).to_string(), 422, "not after"),
        (highlights, json!({"mark": mark["id"], "angles": ["nowhere"]}).to_string(), 422, "nowhere"),
        (highlights, json!({"mark": mark["id"], "angles": []}).to_string(), 422, "angles"),
        (highlights, json!({"mark": mark["id"], "angles": ["main", "main"]}).to_string(), 422, "twice"),
        (highlights, json!({"mark": mark["id"], "angles": ["../main"]}).to_string(), 422, "angles"),
        (highlights, json!({"mark": mark["id"], "title": ""}).to_string(), 422, "title"),
        (highlights, json!({"mark": mark["id"], "title": "a\u{7}b"}).to_string(), 422, "title"),
        (highlights, json!({"mark": mark["id"], "title": "x".repeat(1000)}).to_string(), 422, "title"),
        (highlights, json!({"mark": mark["id"], "publish": "yes"}).to_string(), 400, "`publish`: invalid type: string"),
        (highlights, json!({"mark": mark["id"], "title": "But\u{202e}3-0"}).to_string(), 422, "U+202E"),
        (highlights, json!({"mark": mark["id"], "title": "\u{2066}But"}).to_string(), 422, "U+2066"),
    ] {
        let answer = server.crew_raw("POST", path, body.as_bytes());
        let detail = answer.problem(status)["detail"].to_string();
        assert!(detail.contains(says), "{body} should say {says:?}: {detail}");
        assert!(!["u64", "i64", "f64", "u32", "struct"].iter().any(|rust| detail.contains(rust)), "{body}: {detail}");
        assert_eq!(everything(&server), before, "{body} changed something");
    }
    let gone = server.crew("POST", marks, &json!({"kind": "goal", "before": 1, "after": 1, "at": old})).problem(409);
    assert!(gone["available"]["in"].is_string() && gone["available"]["out"].is_string(), "{gone}");
    server.crew_raw("POST", marks, &vec![b' '; 100_000]).problem(413);
    assert_eq!(everything(&server), before);
}

#[test]
fn strange_ids_are_not_found() {
    let server = shared();
    let long = "x".repeat(10_000);
    let ids = ["..%2f..%2fetc%2fpasswd", "%2e%2e", "a%00b", "a%2fb", "%ff%fe", "A", "a.b", "%20", long.as_str()];
    let addresses = [
        "/api/v1/marks/{}",
        "/api/v1/highlights/{}",
        "/highlights/{}/index.m3u8",
        "/highlights/h-a/{}/index.m3u8",
        "/highlights/{}/v1/main/234p/index.m3u8",
        "/live/{}/index.m3u8",
        "/live/main/{}/index.m3u8",
        "/media/{}/234p/1/1.m4s",
        "/media/main/{}/1/1.m4s",
        "/media/main/234p/{}/1.m4s",
        "/media/main/234p/1/{}.m4s",
        "/assets/{}",
    ];
    for id in ids {
        for address in addresses {
            let answer = server.get(&address.replace("{}", id));
            assert!(matches!(answer.status, 400 | 404 | 414), "{address} {id}: {}", answer.status);
            answer.problem(answer.status);
        }
    }
    for path in ["/../../etc/passwd", "/media/../../etc/passwd", "/assets/../index.html", "/%2e%2e/%2e%2e/etc/passwd"] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let status = http::raw(server.address(), request.as_bytes());
        assert!(status.contains(" 404 ") || status.contains(" 400 "), "{path}: {status}");
    }
}

#[test]
fn whoever_reads_a_wrong_address_gets_a_page_and_programs_a_problem() {
    let server = shared();
    let browser = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    for path in ["/nope", "/desk/nope", "/assets", "/screens/a/b/c/d/e/f"] {
        let url = format!("{}{path}", server.url);
        let page = http::get_with(&url, &browser);
        assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"), "{path}");
        assert_eq!(page.header("vary"), "accept", "{path}");
        assert!(page.header("content-security-policy").contains("default-src 'self'"), "{path}");
        let script = page.text().split("src=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(server.get(script).status, 200, "{path}: {script}");
        for accept in ["*/*", "application/json", "image/avif,image/*"] {
            let problem = http::get_with(&url, &[("accept", accept)]).problem(404);
            assert!(problem["detail"].as_str().unwrap().contains("/desk"), "{problem}");
        }
    }
    // The API speaks JSON to everybody.
    http::get_with(&format!("{}/api/v1/nope", server.url), &browser).problem(404);
    for (from, to) in [("/desk/", "/desk"), ("/desk/?token=a%20b", "/desk?token=a%20b")] {
        let answer = server.get(from);
        assert_eq!((answer.status, answer.header("location")), (308, to));
        assert_eq!(answer.header("cache-control"), "no-store", "an address may hold a token");
    }
}

#[test]
fn pages_of_other_origins_read_what_anybody_may_and_no_draft() {
    const ALLOWED: &str = "access-control-allow-origin";
    let server = shared();
    server.wait_for_media(3);
    let mark = server.mark(1.0, 0.0);
    let published = server.publish(&mark);
    let of = |highlight: &Value| format!("/highlights/{}/index.m3u8", highlight["id"].as_str().unwrap());
    let poster = published["urls"]["poster"].as_str().unwrap();
    until("a poster", || Some(server.get(poster)).filter(|a| a.status == 200));
    let reads = [
        "/api/v1/venue",
        "/api/v1/cameras",
        "/api/v1/highlights",
        "/api/v1/marks",
        "/live/player.m3u8",
        poster,
        &of(&published),
    ];
    for path in
        reads.into_iter().chain(["/api/v1/highlights/h-none", "/highlights/h-none/index.m3u8", "/live/main/nope"])
    {
        let url = format!("{}{path}", server.url);
        let elsewhere = ("origin", "https://club.example");
        // Over either way through the server.
        for way in [("accept", "*/*"), ("connection", "close")] {
            assert_eq!(http::get_with(&url, &[elsewhere, way]).header(ALLOWED), "*", "{path} {way:?}");
        }
        let preflight = http::send("OPTIONS", &url, None, b"");
        assert_eq!((preflight.status, preflight.header(ALLOWED)), (204, "*"), "{path}");
        assert_eq!(preflight.header("access-control-allow-methods"), "GET, HEAD", "{path}");
        let fields = preflight.header("access-control-allow-headers");
        assert!(fields.contains("cmcd-request") && fields.contains("range"), "{path}: {fields}");
        assert!(!fields.contains("authorization"), "{path}: {fields}");
    }
    assert_eq!(http::send("OPTIONS", &format!("{}/media/main/234p/1/1.m4s", server.url), None, b"").status, 204);

    let draft = server.crew("POST", "/api/v1/highlights", &json!({"mark": mark["id"], "angles": ["main"]})).json();
    let bearer = format!("Bearer {}", server.token);
    let cookie = format!("virage-crew={}", server.token);
    for path in ["/api/v1/highlights", &format!("/api/v1/highlights/{}", draft["id"].as_str().unwrap()), &of(&draft)] {
        for sent in [("authorization", bearer.as_str()), ("cookie", cookie.as_str())] {
            let answer = http::get_with(&format!("{}{path}", server.url), &[sent]);
            assert_eq!((answer.status, answer.header(ALLOWED)), (200, ""), "{path}");
        }
    }
    let written = server.crew("POST", "/api/v1/marks", &json!({"kind": "goal", "before": 1, "after": 0}));
    assert_eq!((written.status, written.header(ALLOWED)), (201, ""));
    // Pages are nobody else's, and the crew's least of all.
    for path in ["/", "/desk", "/metrics"] {
        assert_eq!(server.get(path).header(ALLOWED), "", "{path}");
    }
}

#[test]
fn writing_needs_the_crew() {
    let server = shared();
    let body = br#"{"kind":"goal","before":1,"after":0}"#;
    let url = format!("{}/api/v1/marks", server.url);
    let wrong = "0".repeat(server.token.len());
    for token in [None, Some(""), Some("wrong"), Some(wrong.as_str())] {
        http::send("POST", &url, token, body).problem(401);
    }
    for (method, path) in
        [("DELETE", "/api/v1/marks/m-x"), ("POST", "/api/v1/highlights"), ("PATCH", "/api/v1/highlights/h-x")]
    {
        http::send(method, &format!("{}{path}", server.url), None, b"{}").problem(401);
    }
    let link = server.get(&format!("/desk?token={}", server.token));
    assert_eq!((link.status, link.header("location")), (303, "/desk"));
    let cookie = link.header("set-cookie").to_owned();
    for word in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    let refused = server.get("/desk?token=wrong");
    assert_eq!((refused.status, refused.header("set-cookie")), (303, ""));
    let venue =
        http::get_with(&format!("{}/api/v1/venue", server.url), &[("cookie", cookie.split(';').next().unwrap())]);
    assert_eq!(venue.json()["crew"], true);
    assert_eq!(server.get("/api/v1/venue").json()["crew"], false);
    // The cookie of another page's script does not write.
    let foreign = format!(
        "POST /api/v1/marks HTTP/1.1\r\nhost: {}\r\norigin: https://evil.example\r\ncookie: {}\r\ncontent-length: {}\r\n\r\n{}",
        server.address(),
        cookie.split(';').next().unwrap(),
        body.len(),
        std::str::from_utf8(body).unwrap()
    );
    assert!(http::raw(server.address(), foreign.as_bytes()).contains(" 401 "));
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(server.data().join("crew.token")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    assert!(!server.log().contains(&server.token), "the token stays out of the log");
}

#[test]
fn the_desk_writes_over_http_2() {
    let server = shared();
    let cookie = format!("cookie: virage-crew={}", server.token);
    let post = |origin: &str| {
        let (url, origin) = (format!("{}/api/v1/marks", server.secure), format!("origin: {origin}"));
        let body = r#"{"kind":"save","before":1,"after":0}"#;
        let args = [
            "-sk",
            "--http2",
            "-o",
            "/dev/null",
            "-w",
            "%{http_version} %{http_code}",
            "-H",
            &cookie,
            "-H",
            &origin,
            "-d",
            body,
            &url,
        ];
        let run = std::process::Command::new("curl").args(args).output().expect("curl (apt package curl)");
        String::from_utf8(run.stdout).unwrap()
    };
    assert_eq!(post(&server.secure), "2 201");
    assert_eq!(post("https://evil.example"), "2 401");
    let list = std::process::Command::new("curl")
        .args([
            "-sk",
            "--http2",
            "--compressed",
            "-D",
            "-",
            "-o",
            "/dev/null",
            &format!("{}/live/main/234p/index.m3u8", server.secure),
        ])
        .output()
        .expect("curl (apt package curl)");
    assert!(String::from_utf8_lossy(&list.stdout).contains("content-encoding: gzip"));
}

#[test]
fn a_highlight_from_mark_to_recall() {
    let server = shared();
    let mut events = http::events(&server.url, &[]);
    // Other tests mark too: an event of this kind about this object.
    let mut event = |kind: &str, id: &Value| loop {
        let wanted = format!("event: {kind}");
        events.find(|line| *line == wanted).unwrap_or_else(|| panic!("waited a minute for {kind}"));
        let data: Value = serde_json::from_str(events.next().unwrap().strip_prefix("data: ").unwrap()).unwrap();
        if data["id"] == *id {
            break data;
        }
    };

    let mark = server.mark(2.0, 3.0);
    assert_eq!(event("mark.created", &mark["id"]), mark);
    assert_eq!(server.get(&format!("/api/v1/marks/{}", mark["id"].as_str().unwrap())).json(), mark);
    let draft = server.crew("POST", "/api/v1/highlights", &json!({"mark": mark["id"], "angles": ["main"]})).json();
    let id = draft["id"].as_str().unwrap();
    assert_eq!((&draft["state"], &draft["title"]), (&json!("draft"), &json!("goal")));
    let one = format!("/api/v1/highlights/{id}");
    server.get(&one).problem(404);
    server.get(&format!("/highlights/{id}/index.m3u8")).problem(404);
    let listed = server.get("/api/v1/highlights").json();
    assert!(!listed["items"].as_array().unwrap().iter().any(|h| h["id"] == draft["id"]), "fans see no draft");

    let published = server.crew("PATCH", &one, &json!({"publish": true, "title": "But"})).json();
    assert_eq!((&published["state"], &published["title"]), (&json!("growing"), &json!("But")));
    event("highlight.published", &draft["id"]);
    let media = format!("/highlights/{id}/v1/main/234p/index.m3u8");
    let first = server.get(&media);
    assert_eq!(first.status, 200);
    assert!(first.text().contains("PLAYLIST-TYPE:EVENT") && first.text().contains("PRECISE=YES"), "{}", first.text());
    let updated = event("highlight.updated", &draft["id"]);
    assert_eq!((&updated["id"], &updated["state"]), (&json!(id), &json!("published")));
    let ended = server.get(&media).text().to_owned();
    assert!(ended.contains("PLAYLIST-TYPE:VOD") && ended.ends_with("#EXT-X-ENDLIST\n"), "{ended}");
    let poster =
        until("a poster", || Some(server.get(&format!("/highlights/{id}/poster.jpg"))).filter(|a| a.status == 200));
    assert_eq!((poster.header("content-type"), &poster.body[..2]), ("image/jpeg", &[0xff, 0xd8][..]));

    server.crew("PATCH", &one, &json!({"publish": false}));
    assert_eq!(event("highlight.recalled", &draft["id"]), json!({"id": id, "state": "recalled"}));
    server.get(&one).problem(410);
    server.get(&media).problem(410);
}

#[test]
fn marks_snap_to_frames_and_keep_the_time_they_were_given() {
    let server = shared();
    let now: jiff::Timestamp = server.get("/api/v1/venue").json()["now"].as_str().unwrap().parse().unwrap();
    // A frame's own time comes back exactly; a time inside a frame goes to the nearest one.
    for (shift, expected) in [(0, 0), (19_000, 0), (21_000, 40_000), (-19_000, 0)] {
        let at = now + jiff::SignedDuration::from_micros(shift) - jiff::SignedDuration::from_secs(1);
        let body = json!({"kind": "save", "before": 0, "after": 0.4, "at": at.to_string()});
        let mark = server.crew("POST", "/api/v1/marks", &body).json();
        let from: jiff::Timestamp = mark["in"].as_str().unwrap().parse().unwrap();
        let wanted = now - jiff::SignedDuration::from_secs(1) + jiff::SignedDuration::from_micros(expected);
        assert_eq!(from, wanted, "{body}");
    }
}

#[test]
fn lists_come_in_pages() {
    let server = Server::demo();
    server.wait_for_media(2);
    let marks: Vec<Value> = (0..5).map(|_| server.mark(1.0, 0.0)).collect();
    let highlights: Vec<Value> = marks.iter().map(|mark| server.publish(mark)).collect();
    for (list, made) in [("marks", marks), ("highlights", highlights)] {
        let ids = |query: &str| -> Vec<Value> {
            let items = server.get(&format!("/api/v1/{list}?{query}")).json()["items"].take();
            items.as_array().unwrap().iter().map(|item| item["id"].clone()).collect()
        };
        let newest_first: Vec<Value> = made.iter().rev().map(|item| item["id"].clone()).collect();
        let before = newest_first[1].as_str().unwrap();
        assert_eq!(ids("limit=2"), newest_first[..2]);
        assert_eq!(ids(&format!("limit=2&before={before}")), newest_first[2..4]);
        assert_eq!(ids(&format!("before={}", newest_first[4].as_str().unwrap())), Vec::<Value>::new());
        for query in ["limit=0", "limit=-1", "limit=many", "limit=100000"] {
            let problem = server.get(&format!("/api/v1/{list}?{query}")).problem(400);
            assert!(problem["detail"].to_string().contains("limit"), "{problem}");
        }
        server.get(&format!("/api/v1/{list}?before=nothing")).problem(404);
    }
    // What is recalled while somebody pages keeps its place.
    let published = server.get("/api/v1/highlights").json()["items"].take();
    let second = published[1]["id"].as_str().unwrap();
    server.crew("PATCH", &format!("/api/v1/highlights/{second}"), &json!({"publish": false}));
    let after = server.get(&format!("/api/v1/highlights?before={second}&limit=1")).json()["items"].take();
    assert_eq!(after[0]["id"], published[2]["id"]);
}

#[test]
fn a_page_that_had_heard_of_nothing_learns_what_it_missed() {
    let server = Server::demo();
    server.wait_for_media(2);
    let listen = |last: Option<&str>| {
        let last: Vec<_> = last.into_iter().map(|id| ("last-event-id", id)).collect();
        http::events(&server.url, &last)
    };
    // The line is up, nothing happens, and it breaks.
    let quiet = listen(None).find_map(|line| Some(line.strip_prefix("id: ")?.to_owned())).unwrap();
    let highlight = server.publish(&server.mark(1.0, 0.0));
    let data = |line: String| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok();
    let missed = listen(Some(&quiet)).filter_map(data).find(|event| event["urls"].is_object()).unwrap();
    assert_eq!(missed["id"], highlight["id"]);
    // Too long ago: the page is told to load its lists anew.
    assert!(listen(Some("1")).take(8).any(|line| line == "event: reset"));
}
