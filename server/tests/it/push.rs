//! Publishers that call us: ffmpeg over RTMP and Chromium over WHIP, through `virage serve`.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex, OnceLock},
};

use tempfile::TempDir;
use test_media::strip::Strip;

use crate::{
    http::raw,
    inputs::{port, run},
    players::plays_live,
    server::{Server, end_with_us, until},
};

const KEY: &str = "correct-horse-battery";

struct Stage {
    server: Server,
    rtmp: u16,
}

/// One server for all tests here: a phone with a key, a tablet without, an encoder.
fn stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(|| {
        let rtmp = port();
        let rung = "rungs = [{ height = 234, kbps = 350 }]";
        let cameras = [
            ("phone", format!("whip://?key={KEY}"), format!("passthrough = true\n{rung}")),
            ("tablet", "whip://".into(), rung.into()),
            ("encoder", format!("rtmp://127.0.0.1:{rtmp}/live/encoder?mode=listener&key={KEY}"), rung.into()),
        ];
        let camera = |(id, source, more): &(&str, String, String)| {
            format!("[[camera]]\nid = {id:?}\nsource = {source:?}\n{more}\n")
        };
        let cameras: String = cameras.iter().map(camera).collect();
        let sound = "[[audio]]\nid = \"voice\"\ncamera = \"phone\"\n";
        let server = Server::serve(&format!("[venue]\nname = \"Stade\"\nfps = \"25\"\n{cameras}{sound}"));
        end_with_us(server.pid());
        Stage { server, rtmp }
    })
}

impl Stage {
    /// The status of a request with these header lines.
    fn status(&self, method: &str, path: &str, headers: &[String], body: &str) -> String {
        let fields = headers.join("\r\n");
        let length = body.len();
        let request =
            format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n{fields}\r\n\r\n{body}");
        let line = raw(self.server.address(), request.as_bytes());
        line.split(' ').nth(1).unwrap_or("none").to_owned()
    }
}

/// A page in Chromium that publishes; its browser is killed when it is dropped.
struct Page {
    browser: Child,
    said: Arc<(Mutex<Said>, Condvar)>,
    _profile: TempDir,
}

#[derive(Default)]
struct Said {
    queries: Vec<String>,
    leave: bool,
}

impl Page {
    fn open(whip: &str, key: &str, more: &str) -> Self {
        let said = Arc::<(Mutex<Said>, Condvar)>::default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = listener.local_addr().unwrap();
        std::thread::spawn({
            let said = Arc::clone(&said);
            move || {
                for stream in listener.incoming().flatten() {
                    let said = Arc::clone(&said);
                    std::thread::spawn(move || serve(&stream, &said));
                }
            }
        });
        let profile = TempDir::new().unwrap();
        let browser = Command::new("chromium")
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
            ])
            .args(["--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("http://{origin}/?camera=77&key={key}&whip={whip}{more}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|e| panic!("chromium (apt package chromium): {e}"));
        end_with_us(browser.id());
        Self { browser, said, _profile: profile }
    }

    /// What the page said about `name`.
    fn said(&self, name: &str) -> String {
        until(&format!("the page says {name}"), || {
            let said = self.said.0.lock().unwrap();
            let pairs = said.queries.iter().flat_map(|query| form_urlencoded::parse(query.as_bytes()));
            let pairs: Vec<_> = pairs.map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
            assert!(!pairs.iter().any(|(key, _)| key == "error"), "the page: {pairs:?}");
            pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
        })
    }

    /// Has the page end its session.
    fn leave(&self) {
        self.said.0.lock().unwrap().leave = true;
        self.said.1.notify_all();
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // The browser with all its processes.
        let _ = Command::new("kill").args(["-9", "--", &format!("-{}", self.browser.id())]).status();
        let _ = self.browser.wait();
    }
}

/// The page itself, what it says, and when it is to leave.
fn serve(stream: &std::net::TcpStream, said: &(Mutex<Said>, Condvar)) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let path = head.split(' ').nth(1).unwrap_or("/");
    let mut body = "";
    if let Some(query) = path.strip_prefix("/said?") {
        said.0.lock().unwrap().queries.push(query.to_owned());
    } else if path == "/leave" {
        drop(said.1.wait_while(said.0.lock().unwrap(), |said| !said.leave).unwrap());
    } else if path.starts_with("/?") {
        body = include_str!("whip.html");
    }
    let length = body.len();
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    let _ = (&*stream).write_all((head + body).as_bytes());
}

/// Fifty frames of a picture: what the strips say, where they can be read.
fn strips(url: &str) -> Vec<Option<Strip>> {
    let done = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-i",
            url,
            "-frames:v",
            "50",
            "-vsync",
            "passthrough",
            "-vf",
            "scale=640:360,format=gray",
            "-f",
            "rawvideo",
            "-",
        ])
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    done.stdout.chunks_exact(640 * 360).map(|luma| Strip::read(luma, 640, 360, 640)).collect()
}

/// The loudness of a second of sound, in dB.
fn mean_volume(url: &str) -> f64 {
    let arguments = ["-hide_banner", "-i", url, "-t", "1", "-af", "volumedetect", "-f", "null", "-"];
    let done = Command::new("ffmpeg").args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&done.stderr).into_owned();
    let value = text.split("mean_volume: ").nth(1).and_then(|rest| rest.split(' ').next());
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no volume in {text}"))
}

#[test]
fn a_browser_publishes_by_whip_leaves_dies_and_returns() {
    let stage = stage();
    let whip = format!("{}/whip/phone", stage.server.url);
    let page = Page::open(&whip, KEY, "");
    assert_eq!(page.said("status"), "201");
    stage.server.until_state("phone", "live");
    let source = format!("{}/live/phone/source.m3u8", stage.server.url);
    // Key frames are asked for each second, so that segments of the camera's own bitstream are short.
    let strips = until("readable strips in the browser's own bitstream", || {
        let list = stage.server.get("/live/phone/source/index.m3u8");
        if list.status != 200 || list.text().matches("#EXTINF").count() < 4 {
            return None;
        }
        let strips = strips(&source);
        let read: Vec<Strip> = strips.iter().flatten().copied().collect();
        // At first the browser sends less than it can.
        (read.len() > 25 && read.len() * 10 > strips.len() * 9).then_some(read)
    });
    assert!(strips.iter().all(|strip| strip.camera == 77), "{strips:?}");
    assert!(strips.windows(2).all(|w| w[0].frame < w[1].frame), "not in order: {strips:?}");
    plays_live(&format!("{}/live/phone/234p/index.m3u8", stage.server.url));
    let volume = mean_volume(&format!("{}/live/audio/voice/index.m3u8", stage.server.url));
    assert!(volume > -40.0, "the tone: {volume} dB");

    // The session's other methods.
    let (session, etag) = (page.said("session"), page.said("etag"));
    let bearer = format!("authorization: Bearer {KEY}");
    let kind = "content-type: application/trickle-ice-sdpfrag".to_owned();
    let patch = |headers: &[String], body: &str| stage.status("PATCH", &session, headers, body);
    assert_eq!(patch(&[bearer.clone(), kind.clone()], ""), "428");
    assert_eq!(patch(&[bearer.clone(), kind.clone(), "if-match: \"other\"".into()], ""), "412");
    let matching = format!("if-match: {etag}");
    assert_eq!(
        patch(&[bearer.clone(), kind.clone(), matching.clone()], "a=candidate:1 1 udp 1 192.0.2.9 9 typ host\r\n"),
        "204"
    );
    assert_eq!(
        patch(&[bearer.clone(), kind.clone(), matching.clone()], "a=ice-ufrag:else\r\na=ice-pwd:else\r\n"),
        "422"
    );
    assert_eq!(patch(&[kind, matching], ""), "401");
    assert_eq!(stage.status("DELETE", &session, &[], ""), "401");
    assert_eq!(stage.status("DELETE", "/whip/phone/other", &[bearer], ""), "404");

    // It leaves, and says so.
    page.leave();
    assert_eq!(page.said("left"), "200");
    let why = stage.server.until_state("phone", "lost");
    assert!(why.contains("ended the stream"), "{why}");
    assert_eq!(stage.server.get(&session).status, 405);
    drop(page);

    // It comes back, and is killed.
    let page = Page::open(&whip, KEY, "");
    stage.server.until_state("phone", "live");
    drop(page);
    stage.server.until_state("phone", "lost");
    let _page = Page::open(&whip, KEY, "");
    stage.server.until_state("phone", "live");
}

#[test]
fn the_crew_publishes_in_other_codecs() {
    let stage = stage();
    for codec in ["VP8", "AV1"] {
        let page =
            Page::open(&format!("{}/whip/tablet", stage.server.url), &stage.server.token, &format!("&codec={codec}"));
        assert_eq!(page.said("status"), "201", "{codec}");
        stage.server.until_state("tablet", "live");
        drop(page);
        stage.server.until_state("tablet", "lost");
    }
}

#[test]
fn who_may_not_publish_is_told_why_and_the_log_tells_no_secret() {
    let stage = stage();
    let sdp = "content-type: application/sdp".to_owned();
    let bearer = |key: &str| format!("authorization: Bearer {key}");
    let post =
        |camera: &str, headers: &[String], body: &str| stage.status("POST", &format!("/whip/{camera}"), headers, body);
    assert_eq!(post("phone", &[sdp.clone(), bearer("wrong-horse")], "v=0"), "401");
    assert_eq!(post("phone", &[sdp.clone(), bearer(&stage.server.token)], "v=0"), "401");
    assert_eq!(post("tablet", &[sdp.clone(), bearer(KEY)], "v=0"), "401");
    assert_eq!(post("tablet", std::slice::from_ref(&sdp), "v=0"), "401");
    assert_eq!(post("nobody", &[sdp.clone(), bearer(KEY)], "v=0"), "404");
    assert_eq!(post("encoder", &[sdp.clone(), bearer(KEY)], "v=0"), "404");
    assert_eq!(post("tablet", &[bearer(&stage.server.token)], "v=0"), "415");
    assert_eq!(post("tablet", &[sdp.clone(), bearer(&stage.server.token)], "nonsense"), "400");
    let silent = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
    assert_eq!(post("tablet", &[sdp, bearer(&stage.server.token)], silent), "406");
    let options = crate::http::send("OPTIONS", &format!("{}/whip/phone", stage.server.url), None, b"");
    assert_eq!((options.status, options.header("accept-post")), (204, "application/sdp"));
    assert_eq!(options.header("access-control-allow-origin"), "*");
    assert!(options.header("access-control-allow-headers").contains("authorization"));

    let target = |key: &str| format!("rtmp://127.0.0.1:{}/live/encoder?key={key}", stage.rtmp);
    let publish = |key: &str| {
        let input = ["-v", "quiet", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-c:v", "libx264"];
        run(
            "ffmpeg",
            "ffmpeg",
            &[&input[..], &["-preset", "ultrafast", "-g", "25", "-f", "flv", &target(key)]].concat(),
        )
    };
    assert!(!publish("wrong-horse").wait().unwrap().success());
    let refused = "camera \"encoder\": the key is not the one in its source";
    until("a line in the log", || stage.server.log().contains(refused).then_some(()));
    let mut publisher = publish(KEY);
    stage.server.until_state("encoder", "live");
    // FFmpeg 5.1 does not know EXT-X-GAP and begins three segments before the end.
    until("six segments since the encoder is there", || {
        let list = stage.server.get("/live/encoder/234p/index.m3u8");
        let since = list.text().rsplit("#EXT-X-GAP").next().unwrap_or_default().matches("#EXTINF").count();
        (list.status == 200 && since > 6).then_some(())
    });
    plays_live(&format!("{}/live/encoder/234p/index.m3u8", stage.server.url));
    publisher.kill().unwrap();
    publisher.wait().unwrap();
    let why = stage.server.until_state("encoder", "lost");
    assert!(why.contains("publisher"), "{why}");
    let log = stage.server.log() + stage.server.get("/api/v1/cameras").text();
    assert!(!log.contains("horse"), "a key: {log}");
}
