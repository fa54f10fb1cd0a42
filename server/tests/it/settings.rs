//! The configuration at run time: what the crew may change, what is refused, where secrets go, and what is kept.

use std::{
    os::unix::fs::PermissionsExt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    http,
    server::{Server, until},
};

const SECRETS: [&str; 5] = ["0perator", "pa55-w0rd", "t0ken-of-truck", "pa55-phrase-of-srt", "an0ther-secret"];
const CAMERAS: &str = "/api/v1/cameras";

/// A painted camera that is live, and two with secrets that nobody answers.
fn config() -> String {
    let [user, password, token, phrase, _] = SECRETS;
    format!(
        r#"
# The venue of the tests.
[venue]
name = "Stade"
fps = "25"

[[camera]]
id = "main"                 # everybody's first
source = "demo://0"
rungs = [{{ height = 180, kbps = 400 }}]

# In the truck.
[[camera]]
id = "truck"
name = "Car"
source = "rtsp://{user}:{password}@127.0.0.1:9/cam?transport=tcp&token={token}"
bearing = 90
offset_ms = 40              # measured
passthrough = true
max_gop = 4.0
rungs = [
  {{ height = 180, kbps = 400 }},
]

[[camera]]
id = "wireless"
source = "srt://127.0.0.1:9?passphrase={phrase}&latency=80"
bearing = 180

[[audio]]
id = "commentary"
camera = "truck"

[theme]
club = "Le Club"
"#
    )
}

fn text(server: &Server) -> String {
    std::fs::read_to_string(server.file()).unwrap()
}

/// What must not change when a change is refused.
fn everything(server: &Server) -> (String, Value, Vec<Value>) {
    let list = server.get(CAMERAS).json();
    let cameras: Vec<Value> =
        list["items"].as_array().unwrap().iter().map(|c| json!([c["id"], c["name"], c["bearing"]])).collect();
    let configs = ["main", "truck", "wireless"].map(|id| crew(server, id)["config"].clone());
    (text(server), Value::from(cameras), configs.into())
}

fn crew(server: &Server, id: &str) -> Value {
    server.crew("GET", &format!("{CAMERAS}/{id}"), &Value::Null).json()
}

fn put(server: &Server, id: &str, body: &Value) -> http::Answer {
    server.crew("PUT", &format!("{CAMERAS}/{id}"), body)
}

#[test]
fn wrong_changes_are_refused_and_change_nothing() {
    let server = Server::serve(&config());
    let before = everything(&server);
    let new = json!({"id": "fifth", "source": "udp://0.0.0.0:5999", "rungs": [{"height": 180, "kbps": 400}]});
    let with = |field: &str, value: Value| {
        let mut body = new.clone();
        body[field] = value;
        body.to_string()
    };
    let without = |field: &str| {
        let mut body = new.clone();
        body.as_object_mut().unwrap().remove(field);
        body.to_string()
    };
    let truck = crew(&server, "truck")["config"].clone();
    let changed = |field: &str, value: Value| {
        let mut body = truck.clone();
        body[field] = value;
        body.to_string()
    };
    let at = |id: &str| format!("{CAMERAS}/{id}");
    let post = "POST";
    let cases: Vec<(&str, String, String, u16, &str)> = vec![
        (post, CAMERAS.into(), String::new(), 400, "line 1"),
        (post, CAMERAS.into(), "[]".into(), 400, "object"),
        (post, CAMERAS.into(), "{".into(), 400, "line 1"),
        (post, CAMERAS.into(), without("id"), 400, "`id`"),
        (post, CAMERAS.into(), without("source"), 400, "source"),
        (post, CAMERAS.into(), with("id", json!(5)), 400, "`id`"),
        (post, CAMERAS.into(), with("id", json!("Main Camera")), 422, "a-z"),
        (post, CAMERAS.into(), with("id", json!("../main")), 422, "a-z"),
        (post, CAMERAS.into(), with("id", json!("audio")), 422, "audio"),
        (post, CAMERAS.into(), with("id", json!("main")), 409, "PUT"),
        (post, CAMERAS.into(), with("name", json!("")), 422, "`name`"),
        (post, CAMERAS.into(), with("name", json!("a\nb")), 422, "`name`"),
        (post, CAMERAS.into(), with("name", json!("x".repeat(101))), 422, "`name`"),
        (post, CAMERAS.into(), with("name", json!(5)), 400, "`name`"),
        (post, CAMERAS.into(), with("source", json!("exec:rm -rf /")), 422, "srt://"),
        (post, CAMERAS.into(), with("source", json!("srt://host:99999")), 422, "port"),
        (post, CAMERAS.into(), with("source", json!("demo://99")), 422, "demo://7"),
        (post, CAMERAS.into(), with("source", json!("")), 422, "source"),
        (post, CAMERAS.into(), with("source", json!(["a"])), 400, "`source`"),
        (post, CAMERAS.into(), with("source", json!("rtsp://***@127.0.0.1:9/cam")), 422, "nothing is saved"),
        (post, CAMERAS.into(), with("bearing", json!(360)), 422, "0 to 359"),
        (post, CAMERAS.into(), with("bearing", json!(-1)), 400, "`bearing`"),
        (post, CAMERAS.into(), with("bearing", json!(SECRETS[4])), 400, "`bearing`"),
        (post, CAMERAS.into(), with("bearing", json!(1e300)), 400, "`bearing`"),
        (post, CAMERAS.into(), with("passthrough", json!("yes")), 400, "`passthrough`"),
        (post, CAMERAS.into(), with("paused", json!(1)), 400, "`paused`"),
        (post, CAMERAS.into(), with("max_gop", json!(0.1)), 422, "max_gop"),
        (post, CAMERAS.into(), with("max_gop", json!("long")), 400, "`max_gop`"),
        (post, CAMERAS.into(), with("offset_ms", json!(99_999)), 422, "offset_ms"),
        (post, CAMERAS.into(), with("offset_ms", json!(1.5)), 400, "`offset_ms`"),
        (post, CAMERAS.into(), with("rungs", json!([{"height": 181, "kbps": 400}])), 422, "even"),
        (post, CAMERAS.into(), with("rungs", json!([{"height": 180, "kbps": 1}])), 422, "kbps"),
        (post, CAMERAS.into(), with("rungs", json!([{"height": 180}])), 400, "kbps"),
        (
            post,
            CAMERAS.into(),
            with("rungs", json!([{"height": 180, "kbps": 400}, {"height": 180, "kbps": 500}])),
            422,
            "180",
        ),
        (post, CAMERAS.into(), with("rungs", json!("many")), 400, "`rungs`"),
        (post, CAMERAS.into(), with("colour", json!("red")), 400, "colour"),
        ("PUT", at("nobody"), new.to_string(), 404, "main, truck, wireless"),
        ("PUT", at("truck"), changed("id", json!("lorry")), 422, "`id`"),
        ("PUT", at("truck"), changed("bearing", json!(400)), 422, "0 to 359"),
        ("PUT", at("truck"), changed("max_gop", json!(6)), 409, "max_gop"),
        ("PUT", at("truck"), changed("source", json!("rtsp://***@127.0.0.2:9/cam")), 422, "another"),
        ("PUT", at("truck"), changed("source", json!("rtsp://***@127.0.0.1:99/cam")), 422, "another"),
        ("PUT", at("truck"), changed("source", json!("srt://127.0.0.1:9?passphrase=***")), 422, "another"),
        ("PUT", at("truck"), changed("source", json!("rtsp://127.0.0.1:9/cam?password=***")), 422, "nothing is saved"),
        ("PUT", at("truck"), "{}".into(), 400, "source"),
        ("DELETE", at("nobody"), String::new(), 404, "main"),
        ("DELETE", at("truck"), String::new(), 409, "commentary"),
        (post, format!("{}/pause", at("nobody")), String::new(), 404, "main"),
        (post, format!("{}/resume", at("..%2fmain")), String::new(), 404, "main"),
    ];
    for (method, path, body, status, says) in cases {
        let answer = server.crew_raw(method, &path, body.as_bytes());
        let detail = answer.problem(status)["detail"].to_string();
        assert!(detail.contains(says), "{method} {path} {body} should say {says:?}: {detail}");
        assert!(SECRETS.iter().all(|secret| !detail.contains(secret)), "{detail}");
        assert_eq!(everything(&server), before, "{method} {path} {body} changed something");
    }
    // Whoever has no token changes nothing either.
    let wrong = "0".repeat(server.token.len());
    for (method, path) in [
        ("POST", CAMERAS.to_owned()),
        ("PUT", at("truck")),
        ("DELETE", at("truck")),
        ("POST", format!("{}/pause", at("truck"))),
        ("POST", format!("{}/resume", at("truck"))),
    ] {
        for token in [None, Some(""), Some(wrong.as_str())] {
            http::send(method, &format!("{}{path}", server.url), token, new.to_string().as_bytes()).problem(401);
        }
        assert_eq!(everything(&server), before, "{method} {path} without a token changed something");
    }
}

#[test]
fn secrets_are_kept_and_shown_to_nobody() {
    let server = Server::serve(&config());
    let heard = Arc::new(Mutex::new(String::new()));
    let events = http::events(&server.url, &[("authorization", &format!("Bearer {}", server.token))]);
    std::thread::spawn({
        let heard = heard.clone();
        move || events.for_each(|line| heard.lock().unwrap().push_str(&line))
    });
    let before = text(&server);
    let (truck, wireless) = (crew(&server, "truck"), crew(&server, "wireless"));
    assert_eq!(truck["config"]["source"], "rtsp://***@127.0.0.1:9/cam?transport=tcp&token=***");
    assert_eq!(wireless["config"]["source"], "srt://127.0.0.1:9?passphrase=***&latency=80");
    assert!(server.get(&format!("{CAMERAS}/truck")).json().get("config").is_none(), "not for the public");

    // Read and saved again, not a letter of the file is another.
    for (id, camera) in [("truck", &truck), ("wireless", &wireless)] {
        let answer = put(&server, id, &camera["config"]);
        assert_eq!((answer.status, answer.json()["config"].clone()), (200, camera["config"].clone()));
        assert_eq!(text(&server), before);
    }
    let mut config = truck["config"].clone();
    config["name"] = "Le car".into();
    config["offset_ms"] = 80.into();
    assert_eq!(put(&server, "truck", &config).status, 200);
    let expected = before.replace("name = \"Car\"", "name = \"Le car\"").replace("offset_ms = 40 ", "offset_ms = 80 ");
    assert_eq!(text(&server), expected, "comments, order and secrets stay");
    // Another path of the same camera, with the saved password; the token is left out.
    config["source"] = "rtsp://***@127.0.0.1:9/other?transport=tcp".into();
    assert_eq!(put(&server, "truck", &config).status, 200);
    let [user, password, ..] = SECRETS;
    assert!(text(&server).contains(&format!("\"rtsp://{user}:{password}@127.0.0.1:9/other?transport=tcp\"")));
    // A new secret is as hidden as an old one.
    let elsewhere = format!("rtsp://crew:{}@127.0.0.2:9/cam", SECRETS[4]);
    config["source"] = elsewhere.clone().into();
    let answer = put(&server, "truck", &config);
    assert_eq!(answer.json()["config"]["source"], "rtsp://***@127.0.0.2:9/cam");
    assert!(text(&server).contains(&elsewhere));
    server.crew("POST", &format!("{CAMERAS}/wireless/pause"), &Value::Null);
    until("the pause is told", || heard.lock().unwrap().contains("paused").then_some(()));
    server.until_state("truck", "lost");

    let mut seen = vec![server.log(), heard.lock().unwrap().clone()];
    for path in [CAMERAS, "/api/v1/cameras/truck", "/api/v1/sounds", "/api/v1/venue", "/metrics", "/live/player.m3u8"] {
        for answer in [server.get(path), server.crew("GET", path, &Value::Null)] {
            seen.push(String::from_utf8(answer.body).unwrap());
        }
    }
    for (secret, seen) in SECRETS.iter().flat_map(|secret| seen.iter().map(move |seen| (secret, seen))) {
        assert!(!seen.contains(secret), "{secret} in {seen}");
    }
}

#[test]
fn a_file_that_is_not_to_be_written_refuses_the_change() {
    let server = Server::serve(&config());
    let before = everything(&server);
    let pause = || server.crew("POST", &format!("{CAMERAS}/main/pause"), &Value::Null);
    let allow = |mode| std::fs::set_permissions(server.file(), std::fs::Permissions::from_mode(mode)).unwrap();
    allow(0o440);
    assert!(pause().problem(409)["detail"].to_string().contains("read-only"));
    assert_eq!(everything(&server), before);
    allow(0o640);
    // A person is editing: what they wrote is not overwritten, nor taken over half done.
    let edited = format!("{}\n# to do: the other stand\n", before.0);
    std::fs::write(server.file(), &edited).unwrap();
    assert!(pause().problem(409)["detail"].to_string().contains("SIGHUP"));
    assert_eq!(text(&server), edited);
    server.edit(|text| text);
    until("the edited file is read", || (pause().status == 200).then_some(()));
    assert!(text(&server).contains("# to do") && text(&server).contains("paused = true"));
    assert_eq!(std::fs::metadata(server.file()).unwrap().permissions().mode() & 0o777, 0o640, "as it was");
    assert_eq!(crew(&server, "main")["state"], "paused");
}

#[test]
fn an_edited_file_is_read_on_sighup_and_a_wrong_one_is_not() {
    let server = Server::serve(&config());
    let before = everything(&server);
    let lines = before.0.lines().count();
    server.edit(|text| format!("{text}[[camera]]\nid = \"fifth\"\nsource = \"exec:rm\"\n"));
    let wrong = format!("virage.toml:{}: camera \\\"fifth\\\"", lines + 3);
    until("the refusal", || server.log().replace('"', "\\\"").contains(&wrong).then_some(()));
    std::fs::write(server.file(), &before.0).unwrap();
    assert_eq!(everything(&server), before);

    server.edit(|text| {
        let text = text.replace("name = \"Stade\"", "name = \"Parc\"\nring = \"1h\"").replace("Le Club", "Les Bleus");
        text.replace("listen = \"127.0.0.1:0\"", "listen = \"127.0.0.1:1\"").replace("bearing = 180", "bearing = 200")
    });
    until("the new names", || (server.get("/api/v1/venue").json()["name"] == "Parc").then_some(()));
    assert_eq!(server.get("/api/v1/venue").json()["theme"]["club"], "Les Bleus");
    assert_eq!(crew(&server, "wireless")["bearing"], 200);
    until("what needs a restart", || {
        let log = server.log();
        log.lines()
            .any(|l| l.contains("started again") && l.contains("server.listen") && l.contains("venue.ring"))
            .then_some(())
    });
    assert_eq!(server.get("/api/v1/venue").json()["ring"], 3 * 3600);

    server.edit(|text| text.replace("camera = \"truck\"", "source = \"demo://crowd\"\nlanguage = \"fr\""));
    until("the sound's language", || {
        (server.get("/api/v1/sounds").json()["items"][0]["language"] == "fr").then_some(())
    });
    // Its camera is free to go now.
    assert_eq!(server.crew("DELETE", &format!("{CAMERAS}/truck"), &Value::Null).status, 204);
    assert!(!text(&server).contains("truck\""), "{}", text(&server));
    server.get(&format!("{CAMERAS}/truck")).problem(404);
    server.get("/live/truck/index.m3u8").problem(404);
}

#[test]
fn what_was_answered_is_in_the_file_after_kill_9() {
    let rounds = if std::env::var_os("VIRAGE_FULL").is_some() { 25 } else { 2 };
    let folder: Arc<TempDir> = Server::serve(&config()).folder();
    let mut known = String::from("Car");
    for round in 0..rounds {
        let mut server = Server::serve_in(folder.clone());
        assert_eq!(crew(&server, "truck")["name"], known, "round {round}");
        let (url, token) = (format!("{}{CAMERAS}/truck", server.url), server.token.clone());
        let config = crew(&server, "truck")["config"].clone();
        let stop = AtomicBool::new(false);
        known = std::thread::scope(|scope| {
            let changing = scope.spawn(|| {
                let mut last = known.clone();
                for i in 0.. {
                    let mut config = config.clone();
                    let name = format!("Car {round}.{i}");
                    config["name"] = name.clone().into();
                    let put = ureq::put(&url).header("authorization", format!("Bearer {token}"));
                    match put.send(config.to_string()) {
                        Ok(answer) if answer.status() == 200 => last = name,
                        _ => break,
                    }
                    if i > 3 {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
                last
            });
            until("some changes", || stop.load(Ordering::Relaxed).then_some(()));
            server.kill();
            let answered = changing.join().unwrap();
            // What was on its way may have arrived as well.
            let text = text(&server);
            let name = text.lines().find_map(|l| l.strip_prefix("name = \"Car ")).unwrap().trim_end_matches('"');
            let number = |name: &str| name.rsplit('.').next().unwrap().parse::<u32>().unwrap();
            assert!(number(name) == number(&answered) || number(name) == number(&answered) + 1, "{answered}: {text}");
            assert!(SECRETS[..4].iter().all(|secret| text.contains(secret)), "{text}");
            format!("Car {name}")
        });
    }
}

#[test]
fn a_demo_changes_until_it_ends_and_says_so() {
    let server = Server::demo();
    let new = json!({"id": "fifth", "source": "demo://5", "rungs": [{"height": 180, "kbps": 400}]});
    let made = server.crew("POST", CAMERAS, &new);
    assert_eq!((made.status, &made.json()["saved"]), (201, &json!(false)));
    until("the new angle", || server.get("/live/player.m3u8").text().contains("PATHWAY-ID=\"fifth\"").then_some(()));
}
