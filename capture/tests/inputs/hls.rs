//! HLS that is pulled from a web server.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use capture::{Camera, Limits, Output, Source, State};

use crate::{
    clock, config,
    protocols::everything,
    publisher::Publisher,
    recorder::{Log, Recorder},
    start, start_with_sound,
};

/// A web server that knows a folder, and a few addresses that it sends elsewhere.
struct Web {
    address: String,
    requests: Arc<AtomicUsize>,
}

impl Web {
    fn start(host: &str, folder: &Path, redirects: Vec<(&'static str, String)>, user: Option<&'static str>) -> Self {
        let listener = TcpListener::bind((host, 0)).expect("a socket");
        let address = listener.local_addr().expect("its address").to_string();
        let (folder, requests) = (folder.to_owned(), Arc::<AtomicUsize>::default());
        let counted = Arc::clone(&requests);
        let redirects = Arc::new(redirects);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::Relaxed);
                let (folder, redirects) = (folder.clone(), Arc::clone(&redirects));
                std::thread::spawn(move || answer(&client, &folder, &redirects, user));
            }
        });
        Self { address, requests }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }
}

fn answer(client: &TcpStream, folder: &Path, redirects: &[(&str, String)], user: Option<&str>) -> Option<()> {
    let mut lines = BufReader::new(client).lines();
    let first = lines.next()?.ok()?;
    let head: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let name = first.split(' ').nth(1)?.trim_start_matches('/').split('?').next()?.to_owned();
    let welcome = user.is_none_or(|user| head.iter().any(|line| line.ends_with(user)));
    let mut to = client;
    if !welcome {
        return to.write_all(b"HTTP/1.1 401 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").ok();
    }
    if let Some((_, location)) = redirects.iter().find(|(path, _)| *path == name) {
        let answer =
            format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        return to.write_all(answer.as_bytes()).ok();
    }
    match std::fs::read(folder.join(&name)) {
        Ok(body) => {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            to.write_all(head.as_bytes()).ok()?;
            to.write_all(&body).ok()
        }
        Err(_) => to.write_all(b"HTTP/1.1 404 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").ok(),
    }
}

/// A folder that no busy disk keeps a publisher waiting for.
fn in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").expect("a folder in memory")
}

/// ffmpeg publishing HLS into a folder: segments of a second.
fn publish(folder: &Path, more: &[&str]) -> Publisher {
    let list = folder.join("live.m3u8");
    let output = ["-f", "hls", "-hls_time", "1", "-hls_list_size", "6", "-hls_flags", "delete_segments+temp_file"];
    Publisher::ffmpeg(&[&output[..], more, &[list.to_str().expect("a name")]].concat())
}

/// Three seconds of everything, in step and at its own pace.
fn plays(recorder: &Recorder) {
    let enough = |log: &Log| log.count(Output::Rung(0)) > 100 && log.count(Output::Source) > 75;
    let log = recorder.wait("four seconds of pictures", 40, enough);
    assert_eq!(log.check_rung(Output::Rung(0), crate::grid()).len(), 1, "without a hole");
    log.check_sound();
    log.check_source();
    assert_eq!(log.decode(Output::Rung(0)), log.count(Output::Rung(0)));
    let loud = log.of(Output::Sound).filter(|unit| unit.data.len() > 100).count();
    assert!(loud > 90, "two seconds of the tone: {loud} loud units");
}

#[test]
fn transport_streams_by_hls() {
    let folder = in_memory();
    let web = Web::start("127.0.0.1", folder.path(), Vec::new(), None);
    let _publisher = publish(folder.path(), &[]);
    let (cameras, recorder) = start_with_sound(everything("hls-ts"), &web.url("live.m3u8?token=x"));
    plays(&recorder);
    let stats = cameras.0.stats();
    assert!(stats.repeated < 50 && stats.overruns == 0, "segments are not shown at once: {stats:?}");
}

#[test]
fn fragmented_mp4_by_hls_with_a_redirect_and_a_password() {
    let folder = in_memory();
    // user:correct-horse
    let user = Some("Basic dXNlcjpjb3JyZWN0LWhvcnNl");
    let web = Web::start("127.0.0.1", folder.path(), vec![("moved.m3u8", "/main.m3u8".into())], user);
    let main = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nnone.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=900000\nlive.m3u8\n";
    std::fs::write(folder.path().join("main.m3u8"), main).expect("a file");
    let _publisher = publish(folder.path(), &["-hls_segment_type", "fmp4"]);
    let at = web.url("moved.m3u8");
    let (_cameras, recorder) =
        start_with_sound(everything("hls-mp4"), &at.replace("http://", "http://user:correct-horse@"));
    plays(&recorder);
    let (_wrong, recorder) = start(config("hls-wrong"), &at.replace("http://", "http://user:wrong-horse@"));
    lost(&recorder, "the server refuses user and password");
}

#[test]
fn user_and_password_go_to_the_port_that_is_named_and_no_other() {
    let folder = in_memory();
    // user:correct-horse
    let user = Some("Basic dXNlcjpjb3JyZWN0LWhvcnNl");
    let other = Web::start("127.0.0.1", folder.path(), Vec::new(), user);
    let web = Web::start("127.0.0.1", folder.path(), vec![("live.m3u8", other.url("live.m3u8"))], user);
    let (_sent, sent) =
        start(config("hls-port"), &web.url("live.m3u8").replace("http://", "http://user:correct-horse@"));
    // Shown them, it would let us in, to find nothing there.
    lost(&sent, "the server sends us to another one");
    let (_none, none) = start(config("hls-nobody"), &web.url("other.m3u8"));
    lost(&none, "the server asks for user and password");
}

#[test]
fn av1_by_hls() {
    let folder = in_memory();
    let web = Web::start("127.0.0.1", folder.path(), Vec::new(), None);
    let list = folder.path().join("live.m3u8");
    let coding = ["-c:v", "libsvtav1", "-preset", "12"];
    let output = ["-f", "hls", "-hls_time", "1", "-hls_list_size", "6", "-hls_segment_type", "fmp4"];
    let _publisher = Publisher::ffmpeg_with(&coding, &[&output[..], &[list.to_str().expect("a name")]].concat());
    let (_camera, recorder) = start(config("hls-av1"), &web.url("live.m3u8"));
    recorder.wait("two seconds of pictures", 40, |log| log.count(Output::Rung(0)) > 50);
}

#[test]
fn a_playlist_leads_nowhere_but_to_the_networks() {
    let folder = in_memory();
    let secret = folder.path().join("secret.ts");
    std::fs::write(&secret, "secret").expect("a file");
    std::fs::write(folder.path().join("nonsense.ts"), "nonsense ".repeat(50_000)).expect("a file");
    let outside = Web::start("127.0.0.2", folder.path(), Vec::new(), None);
    let elsewhere = vec![
        ("moved.m3u8", outside.url("live.m3u8")),
        ("moved.ts", outside.url("secret.ts")),
        ("file-moved.m3u8", "file:///etc/passwd".into()),
        ("round.m3u8", "/round.m3u8".into()),
    ];
    let web = Web::start("127.0.0.1", folder.path(), elsewhere, None);
    const HEADER: &str = "#EXT-X-MAP:URI=\"nonsense.ts\"\n#EXTINF";
    let list = |segment: &str| format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{segment}\n");
    let cases = [
        ("moved.m3u8", String::new(), "127.0.0.2 is in none of the `networks`"),
        ("redirect.m3u8", list("moved.ts"), "127.0.0.2 is in none of the `networks`"),
        ("outside.m3u8", list(&outside.url("secret.ts")), "127.0.0.2 is in none of the `networks`"),
        ("file.m3u8", list(&format!("file://{}", secret.display())), "a playlist names a file address"),
        ("main.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nfile:///etc/passwd\n".into(), "names a file address"),
        ("file-moved.m3u8", String::new(), "the server sends us to a file address"),
        ("round.m3u8", String::new(), "the server redirects without end"),
        (
            "last.m3u8",
            format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{}\n#EXTINF:1,\nlast.ts\n", u64::MAX),
            "EXT-X-MEDIA-SEQUENCE leaves no number",
        ),
        ("nonsense.m3u8", list("nonsense.ts").replace("#EXTINF", HEADER), "the server's segments are neither"),
        ("none.m3u8", String::new(), "the server has nothing at this address"),
        ("garbage.m3u8", "<html>".into(), "what came is no HLS playlist"),
    ];
    let limits = Limits::new(&[PathBuf::from("/")], vec!["127.0.0.1/32".parse().expect("a network")]);
    let limits = Arc::new(limits.expect("limits"));
    let cameras = cases.map(|(name, text, says)| {
        if !text.is_empty() {
            std::fs::write(folder.path().join(name), text).expect("a file");
        }
        let source = Source::parse(&web.url(name)).expect("a source").limited(&limits).expect("an address inside");
        let recorder = Recorder::new();
        let camera = Camera::start(config("hls-out"), source, clock(), recorder.clone()).expect("a camera");
        (camera, recorder, says)
    });
    cameras.iter().for_each(|(_, recorder, says)| lost(recorder, says));
    assert_eq!(outside.requests.load(Ordering::Relaxed), 0, "somebody outside was asked");
}

fn lost(recorder: &Recorder, text: &str) {
    let says = |log: &Log| log.states.iter().any(|(s, _)| matches!(s, State::Lost { why } if why.contains(text)));
    let log = recorder.wait(text, 30, says);
    assert!(!format!("{:?}", log.states).contains("horse"), "{:?}", log.states);
}
