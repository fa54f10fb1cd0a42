//! Inputs of every kind, published by programs that are not ours, through `virage serve` to other people's players.

use std::{
    collections::BTreeMap,
    net::UdpSocket,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    metrics::samples,
    players::{plays_live, plays_whole, plays_whole_within},
    server::{Server, end_with_us, first_uri, resolve, until},
    verify::look,
};

/// Cameras that stay, with rungs: an input of every kind.
const KINDS: [&str; 5] = ["listener", "caller", "udp", "rtsp", "file"];
/// Passed through and nothing else.
const BARE: &str = "bare";
/// Key frames 5 s apart, in a file of 10 s that begins again.
const LONG: &str = "long";
/// Cameras that refuse us, and what is said of each.
const REFUSING: [(&str, &str); 5] = [
    ("passphrase", "the passphrase is wrong: the sender has another"),
    ("password", "the camera refuses user and password"),
    ("absent", "the camera does not answer: nothing listens at this address"),
    ("runtime", "NDI's runtime is not installed: get it from ndi.video"),
    ("unknown", "no address is known for the host nobody.invalid"),
];
/// The one whose publisher is killed.
const STRUCK: &str = "struck";

struct Stage {
    server: Server,
    struck: String,
    clip: PathBuf,
}

/// One server with all inputs for all tests here.
fn stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(|| {
        let folder = TempDir::new().unwrap().keep();
        let (clip, file, long) = (folder.join("match.ts"), folder.join("match.mp4"), folder.join("long.mp4"));
        // Longer than the tests take: where a clip begins again is the sender's matter. With B-frames and AAC.
        encode(&clip, "120", &["-g", "25", "-bf", "2", "-c:a", "aac"]);
        encode(&long, "10", &["-g", "125", "-keyint_min", "125", "-an"]);
        ffmpeg(&["-i", text(&clip), "-c", "copy", text(&file)]);
        let ports: BTreeMap<&str, u16> = [
            "listener",
            "caller",
            "relay",
            "udp",
            "rtsp",
            BARE,
            STRUCK,
            "passphrase",
            "password",
            "absent",
            "commentary",
        ]
        .map(|name| (name, port()))
        .into();
        let at = |name: &str| format!("127.0.0.1:{}", ports[name]);
        let rung = "passthrough = true\nrungs = [{ height = 234, kbps = 350 }]";
        let cameras = [
            ("listener", format!("srt://{}?mode=listener", at("listener")), rung),
            ("caller", format!("srt://{}", at("caller")), rung),
            ("udp", format!("udp://{}", at("udp")), rung),
            ("rtsp", format!("rtsp://{}/cam", at("rtsp")), rung),
            ("file", format!("file://{}", text(&file)), rung),
            (BARE, format!("udp://{}", at(BARE)), ""),
            (LONG, format!("file://{}", text(&long)), rung),
            (STRUCK, format!("srt://{}?mode=listener", at(STRUCK)), rung),
            ("passphrase", format!("srt://{}?passphrase=wrong-horse-1", at("passphrase")), ""),
            ("password", format!("rtsp://admin:wrong-horse@{}/cam", at("password")), ""),
            ("absent", format!("rtsp://admin:wrong-horse@{}/cam?key=wrong-horse", at("absent")), ""),
            ("unknown", "srt://nobody.invalid:1".into(), ""),
            ("runtime", "ndi://TRUCK%20(1)".into(), ""),
        ];
        let camera = |(id, source, more): &(&str, String, &str)| {
            format!("[[camera]]\nid = {id:?}\nsource = {source:?}\n{more}\n")
        };
        let cameras: String = cameras.iter().map(camera).collect();
        let sound = "[[audio]]\nid = \"ambient\"\nname = \"Stade\"\ncamera = \"listener\"\n";
        let commentary = format!(
            "[[audio]]\nid = \"commentary\"\nname = \"English commentary\"\nlanguage = \"en-GB\"\n\
             source = \"udp://{}\"\noffset_ms = 200\n",
            at("commentary")
        );
        let reach = format!("[capture]\nfolders = [{:?}]\n", text(&folder));
        let server =
            Server::serve(&format!("[venue]\nname = \"Stade\"\nfps = \"25\"\n{reach}{cameras}{sound}{commentary}"));
        end_with_us(server.pid());

        let called = |name: &str| format!("srt://{}?mode=caller", at(name));
        let packets = |name: &str| format!("udp://{}?pkt_size=1316", at(name));
        let relayed = [format!("udp://{}", at("relay")), format!("srt://{}?mode=listener", at("caller"))];
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../capture/tests/inputs/rtsp-server.py");
        let publishers = [
            publish(&clip, &called("listener")),
            run("srt-live-transmit", "srt-tools", &["-q", &relayed[0], &relayed[1]]),
            publish(&clip, &packets("relay")),
            publish(&clip, &packets("udp")),
            run("/usr/bin/python3", "python3", &[script, &ports["rtsp"].to_string(), "h264"]),
            publish(&clip, &packets(BARE)),
            publish(&clip, &format!("srt://{}?mode=listener&passphrase=correct-horse&pbkeylen=16", at("passphrase"))),
            run(
                "/usr/bin/python3",
                "python3",
                &[script, &ports["password"].to_string(), "h264", "admin:correct-horse"],
            ),
            run("ffmpeg", "ffmpeg", &speech(&packets("commentary"))),
        ];
        publishers.iter().for_each(|publisher| end_with_us(publisher.id()));
        let stage = Stage { server, struck: called(STRUCK), clip };
        for camera in KINDS.iter().chain([&BARE]) {
            until(&format!("six segments of {camera}"), || {
                let list = stage.live(camera, if *camera == BARE { "source" } else { "234p" })?;
                (list.matches("#EXTINF").count() > 5).then_some(())
            });
            stage.server.until_state(camera, "live");
        }
        stage
    })
}

impl Stage {
    fn live(&self, camera: &str, rendition: &str) -> Option<String> {
        let list = self.server.get(&format!("/live/{camera}/{rendition}/index.m3u8"));
        (list.status == 200).then(|| list.text().to_owned())
    }

    /// Publishes the last `seconds` of these cameras.
    fn highlight(&self, seconds: f64, angles: &[&str]) -> Value {
        let mark = self.server.mark(seconds, 0.0);
        let body = json!({"mark": mark["id"], "title": "But", "angles": angles, "publish": true});
        let made = self.server.crew("POST", "/api/v1/highlights", &body);
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()
    }

    /// Plays one rendition of a highlight, first frame to last.
    fn plays_highlight(&self, highlight: &Value, camera: &str, rendition: &str) {
        let id = highlight["id"].as_str().unwrap();
        let path = format!("/highlights/{id}/v1/{camera}/{rendition}/index.m3u8");
        let list = until("the end of the highlight", || {
            let list = self.server.get(&path);
            (list.status == 200 && list.text().contains("ENDLIST")).then(|| list.text().to_owned())
        });
        assert!(!list.contains("EXT-X-GAP"), "{camera}/{rendition}: {list}");
        let seconds = lengths(&list).iter().sum::<f64>();
        let spare = seconds - highlight["duration"].as_f64().unwrap();
        let url = format!("{}{path}", self.server.url);
        if rendition == "source" {
            // Whole groups of pictures of the camera's, of which two and a bit may stand at either end.
            assert!((-0.1..5.0).contains(&spare), "{camera}: {spare} s more than asked for");
            plays_whole_within(&url, seconds * 25.0, 2.5);
        } else {
            assert!((0.0..2.0).contains(&spare), "{camera}: {spare} s more than asked for");
            plays_whole(&url, seconds, 25.0);
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

pub fn run(program: &str, package: &str, args: &[&str]) -> Child {
    let child = Command::new(program).args(args).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    child.unwrap_or_else(|e| panic!("{program} (apt package {package}): {e}"))
}

fn ffmpeg(args: &[&str]) {
    let done = run("ffmpeg", "ffmpeg", &[&["-v", "error", "-y"], args].concat()).wait().unwrap();
    assert!(done.success(), "ffmpeg {args:?}");
}

fn encode(file: &Path, seconds: &str, coding: &[&str]) {
    let inputs = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi", "-i", "sine=sample_rate=48000"];
    let common = [
        "-t",
        seconds,
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-crf",
        "32",
        "-sc_threshold",
        "0",
        "-pix_fmt",
        "yuv420p",
    ];
    ffmpeg(&[&inputs[..], &common, coding, &[text(file)]].concat());
}

/// Half a commentator: a tone without pictures.
fn speech(target: &str) -> Vec<&str> {
    let tone = ["-v", "fatal", "-re", "-f", "lavfi", "-i", "sine=frequency=300:sample_rate=44100"];
    [&tone[..], &["-c:a", "mp2", "-f", "mpegts", target]].concat()
}

/// Sends a clip over and over at its own pace.
fn publish(clip: &Path, target: &str) -> Child {
    let input = ["-v", "fatal", "-re", "-stream_loop", "-1", "-i", text(clip), "-c", "copy", "-f", "mpegts", target];
    run("ffmpeg", "ffmpeg", &input)
}

/// A port that was free a moment ago, for UDP and TCP.
pub fn port() -> u16 {
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = udp.local_addr().unwrap().port();
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn lengths(list: &str) -> Vec<f64> {
    let length = |l: &str| l.strip_prefix("#EXTINF:")?.trim_end_matches(',').parse().ok();
    list.lines().filter_map(length).collect()
}

/// The numbers of a playlist's segments, and which of them are gaps.
fn numbers(list: &str) -> Vec<(u64, bool)> {
    let mut gap = false;
    let mut found = Vec::new();
    for line in list.lines() {
        gap |= line == "#EXT-X-GAP";
        if let Some(name) = line.strip_suffix(".m4s").filter(|_| !line.starts_with('#')) {
            found.push((name.rsplit('/').next().unwrap().parse().unwrap(), std::mem::take(&mut gap)));
        }
    }
    found
}

/// A camera's own segments are longer than the grid's: its presentation used to say two target durations and hold-backs.
#[test]
fn cameras_with_and_without_rungs_say_the_same_to_players() {
    let stage = stage();
    let highlight = stage.highlight(3.0, &["listener", BARE]);
    let id = highlight["id"].as_str().unwrap();
    for camera in ["listener/234p", &format!("{BARE}/source"), "audio/ambient"] {
        until("the end of the highlight", || {
            let list = stage.server.get(&format!("/highlights/{id}/v1/{camera}/index.m3u8"));
            (list.status == 200 && list.text().contains("ENDLIST")).then_some(())
        });
    }
    for path in ["/live/player.m3u8", &format!("/live/{BARE}/index.m3u8"), &format!("/highlights/{id}/index.m3u8")] {
        let report = look(format!("{}{path}", stage.server.url), 2);
        assert!(report.checked.playlists > 1, "{path}: {:?}", report.checked);
        let differ = ["target-durations-differ", "server-control-differs"];
        assert!(!report.findings.iter().any(|f| differ.contains(&f.rule.id)), "{path}: {}", report.text());
    }
}

#[test]
fn a_camera_that_reports_its_time_is_placed_by_it() {
    let stage = stage();
    let time = |id: &str| stage.server.get(&format!("/api/v1/cameras/{id}")).json()["time"].clone();
    until("a sender report", || (time("rtsp") == "rtcp").then_some(()));
    assert_eq!(time("udp"), "arrival");
}

#[test]
fn every_input_plays_live() {
    let stage = stage();
    // Every list takes its ten seconds, whatever the machine: some at a time.
    let lists = KINDS.map(|camera| (camera, &["index", "source"][..]));
    std::thread::scope(|scope| {
        for (camera, lists) in lists.into_iter().chain([(BARE, &["index", "plain", "source"][..])]) {
            scope.spawn(move || {
                for list in lists {
                    plays_live(&format!("{}/live/{camera}/{list}.m3u8", stage.server.url));
                }
            });
        }
    });
}

#[test]
fn a_camera_that_refuses_us_says_why_in_one_line() {
    let stage = stage();
    for (camera, says) in REFUSING {
        // The peers come up while they are called already.
        let why = stage.server.until_camera(camera, says, |state, why| state == "lost" && why == says);
        assert!(!why.contains('\n'), "{camera}: {why}");
    }
    let all = stage.server.crew("GET", "/api/v1/cameras", &Value::Null).text().to_owned();
    assert!(!all.contains("horse"), "{all}");
    // Why is the crew's alone: addresses and paths of the venue stand there.
    let fans = stage.server.get("/api/v1/cameras").json();
    for camera in fans["items"].as_array().unwrap() {
        assert_eq!(camera["message"], Value::Null, "{camera}");
    }
    let lost = fans["items"].as_array().unwrap().iter().filter(|c| c["state"] == "lost").count();
    assert!(lost >= REFUSING.len(), "{fans}");
    assert_eq!(stage.server.get("/api/v1/cameras/unknown").json()["message"], Value::Null);
}

#[test]
fn a_highlight_of_every_input_plays_whole() {
    let stage = stage();
    let highlight = stage.highlight(3.5, &[&KINDS[..], &[BARE]].concat());
    for camera in KINDS {
        stage.plays_highlight(&highlight, camera, "234p");
        stage.plays_highlight(&highlight, camera, "source");
    }
    stage.plays_highlight(&highlight, BARE, "source");
    // With the sound, as a player is given it.
    let angle = highlight["urls"]["angles"]["listener"].as_str().unwrap();
    let frames = 25.0 * {
        let all = stage.server.get(angle);
        let list = resolve(angle, first_uri(all.text()));
        lengths(stage.server.get(&list).text()).iter().sum::<f64>()
    };
    plays_whole_within(&format!("{}{angle}", stage.server.url), frames, 0.5);
}

#[test]
fn key_frames_too_far_apart_are_refused_and_the_rung_plays_on() {
    let stage = stage();
    let why = stage.server.until_state(LONG, "refused");
    assert!(why.contains("key frames") && why.contains("max_gop"), "{why}");
    plays_live(&format!("{}/live/{LONG}/index.m3u8", stage.server.url));
    // A file that began again used to be taken for one that cannot be decoded, 12 s after its start.
    let list = until("the file's third round", || {
        let list = stage.server.get(&format!("/live/{LONG}/234p/dvr.m3u8")).text().to_owned();
        (numbers(&list).len() > 26).then_some(list)
    });
    assert!(!list.contains("EXT-X-GAP"), "{list}");
    assert_eq!(stage.server.state(LONG).0, "refused");
}

#[test]
fn every_angle_offers_every_sound_by_language_and_name() {
    let stage = stage();
    let sounds = [
        "NAME=\"Stade\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"AT/audio/ambient/",
        "NAME=\"English commentary\",LANGUAGE=\"en-GB\",DEFAULT=NO,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"AT/audio/commentary/",
    ];
    for (list, at) in [("/live/index.m3u8", ""), ("/live/player.m3u8", ""), ("/live/udp/index.m3u8", "../")] {
        let text = stage.server.get(list).text().to_owned();
        for sound in sounds {
            let line = format!("#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"sound\",{}", sound.replace("AT/", at));
            assert!(text.lines().any(|l| l.starts_with(&line)), "{list}: {line}\n{text}");
        }
    }
    let list = stage.server.get("/live/audio/commentary/index.m3u8");
    assert!(list.text().contains("#EXTINF") && !list.text().contains("EXT-X-GAP"), "{}", list.text());
    // ffmpeg's sine stands at -18 dBFS: -21.8 LUFS of one channel, three more of two that are the same.
    let heard = until("the commentary's loudness", || {
        let sounds = stage.server.get("/api/v1/sounds").json();
        let sound = sounds["items"].as_array().unwrap().iter().find(|s| s["id"] == "commentary").unwrap().clone();
        assert_eq!((&sound["name"], &sound["language"]), (&json!("English commentary"), &json!("en-GB")));
        (sound["loudness"]["short_term"].as_f64()? > -30.0).then(|| sound["loudness"].clone())
    });
    let value = |name: &str| heard[name].as_f64().unwrap();
    assert!((value("momentary") - value("integrated")).abs() < 1.5, "{heard}");
    // A packet lost on a busy machine leaves a click.
    assert!((-19.5..-14.0).contains(&value("true_peak")), "{heard}");
    let measured = samples(&stage.server);
    let of = |name: &str| {
        measured.iter().any(|(n, labels, _)| n == name && labels.get("sound").is_some_and(|id| id == "commentary"))
    };
    assert!(of("virage_sound_integrated_lufs") && of("virage_sound_true_peak_dbtp"), "{measured:?}");
}

#[test]
fn a_killed_publisher_is_lost_alone_and_comes_back_by_itself() {
    let stage = stage();
    let live = || stage.server.until_state(STRUCK, "live");
    let real_after = |newest: u64, rendition: &str| {
        // FFmpeg 5.1 does not know EXT-X-GAP and begins three segments before the end: enough for it.
        until("five whole segments", || {
            let list = stage.live(STRUCK, rendition)?;
            let real: Vec<u64> =
                numbers(&list).iter().filter(|(n, gap)| *n > newest && !gap).map(|(n, _)| *n).collect();
            (real.len() > 4).then_some(real)
        })
    };
    let mut publisher = publish(&stage.clip, &stage.struck);
    live();
    real_after(0, "234p");
    real_after(0, "source");
    let others = || KINDS.map(|camera| numbers(&stage.live(camera, "234p").unwrap()).last().unwrap().0);
    let before = others();

    // As far ahead as may be asked for: two segments beyond the newest that is listed.
    let list = stage.live(STRUCK, "234p").unwrap();
    let open = list.rsplit("#EXTINF").next().unwrap().contains("#EXT-X-PART:");
    let ahead = numbers(&list).last().unwrap().0 + 2 + u64::from(open);
    publisher.kill().unwrap();
    publisher.wait().unwrap();
    // What is lost becomes a gap later than after three target durations: a viewer is told, and not held until then.
    let held = stage.server.get(&format!("/live/{STRUCK}/234p/index.m3u8?_HLS_msn={ahead}"));
    assert_eq!(held.status, 503, "{}", held.text());
    assert!(held.problem(503)["detail"].as_str().unwrap().contains("three target durations"));
    let why = stage.server.until_state(STRUCK, "lost");
    assert!(why.len() > 10, "a sentence: {why:?}");
    let gap = |rendition: &str| {
        until("two gaps in the struck camera", || {
            let list = numbers(&stage.live(STRUCK, rendition)?);
            let gaps: Vec<u64> = list.iter().rev().take_while(|(_, gap)| *gap).map(|(n, _)| *n).collect();
            (gaps.len() > 1).then(|| gaps[0])
        })
    };
    let (rung, source) = (gap("234p"), gap("source"));

    // A replay of this moment has nothing from it, says so, and plays from the others.
    let made = stage.server.publish(&stage.server.mark(0.4, 0.0));
    let angle = |camera: &str| format!("/highlights/{}/{camera}/index.m3u8", made["id"].as_str().unwrap());
    until("the absent angle is known to be absent", || (stage.server.get(&angle(STRUCK)).status == 404).then_some(()));
    assert_eq!(stage.server.get(&angle(KINDS[0])).status, 200);

    let mut publisher = publish(&stage.clip, &stage.struck);
    end_with_us(publisher.id());
    live();
    let real = real_after(rung, "234p");
    real_after(source, "source");
    // Numbers go on without one missing, and media is there again.
    let list = stage.live(STRUCK, "234p").unwrap();
    assert!(numbers(&list).windows(2).all(|w| w[1].0 == w[0].0 + 1), "{list}");
    let run = list.lines().rfind(|l| l.ends_with(&format!("/{}.m4s", real[0]))).unwrap();
    assert_eq!(stage.server.get(&resolve(&format!("/live/{STRUCK}/234p/index.m3u8"), run)).status, 200);
    plays_live(&format!("{}/live/{STRUCK}/index.m3u8", stage.server.url));

    // No other camera noticed.
    for (camera, before) in KINDS.iter().zip(before) {
        assert_eq!(stage.server.state(camera), ("live".to_owned(), String::new()), "{camera}");
        for rendition in ["234p", "source"] {
            let list = stage.live(camera, rendition).unwrap();
            assert!(!list.contains("EXT-X-GAP"), "{camera}/{rendition}: {list}");
            let numbers = numbers(&list);
            assert!(numbers.windows(2).all(|w| w[1].0 == w[0].0 + 1), "{camera}/{rendition}: {list}");
            assert!(rendition == "source" || numbers.last().unwrap().0 > before + 3, "{camera} goes on");
        }
    }
    publisher.kill().unwrap();
    publisher.wait().unwrap();
}
