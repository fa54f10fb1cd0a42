//! Cameras come, change and go while others are watched: nobody who watches another one notices.

use std::{
    collections::BTreeMap,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::{Value, json};
use test_media::strip::Strip;

use crate::server::{Server, first_uri, until};

/// Cameras that are left alone, each drawing its own strip.
const STEADY: [&str; 4] = ["main", "goal-north", "opposite", "goal-south"];
const RUNG: &str = "180p";
const SIZE: (usize, usize) = (320, 180);

/// The fifth, as it is configured in turn.
const SOURCES: [&str; 2] = ["demo://4", "demo://5"];

fn steady() -> String {
    let camera = |(i, id): (usize, &&str)| {
        let rungs = "rungs = [{ height = 180, kbps = 400 }]";
        format!("\n[[camera]]\nid = \"{id}\"\nsource = \"demo://{i}\"\nbearing = {}\n{rungs}\n", i * 90)
    };
    let cameras: String = STEADY.iter().enumerate().map(camera).collect();
    format!(
        "[venue]\nname = \"Stade\"\nfps = \"25\"\n{cameras}\n[[audio]]\nid = \"ambient\"\nsource = \"demo://crowd\"\n"
    )
}

/// What a watcher has seen: the first and the last segment that it saw whole, and how many parts.
#[derive(Debug)]
struct Seen {
    first: u64,
    last: u64,
    parts: u64,
}

/// Watches a rendition part by part, by held reloads, until it is told to stop. Every answer has the part that was asked
/// for, every part is there, and nothing is lost.
fn watch(server: &Server, rendition: &str, stop: &AtomicBool) -> Seen {
    let at = format!("/live/{rendition}/index.m3u8");
    let first = server.get(&at);
    let hint = |text: &str| {
        let hint = text.lines().find_map(|l| l.strip_prefix("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\""));
        let name = hint.unwrap_or_else(|| panic!("{rendition}: no hint: {text}")).trim_end_matches(".m4s\"");
        let (msn, part) = name.rsplit('/').next().unwrap().split_once('.').unwrap();
        (msn.parse::<u64>().unwrap(), part.parse::<u64>().unwrap())
    };
    let (mut msn, mut part) = hint(first.text());
    let (begin, mut parts) = (msn + 1, 0);
    while !stop.load(Ordering::Relaxed) {
        let answer = server.get(&format!("{at}?_HLS_msn={msn}&_HLS_part={part}"));
        assert_eq!(answer.status, 200, "{rendition} {msn}.{part}: {}", answer.text());
        let text = answer.text();
        // The announced part, or the next segment when this one has ended.
        let next = hint(text);
        assert!(next > (msn, part), "{rendition} {msn}.{part}: {text}");
        let name = format!("/{msn}.{part}.m4s");
        let uri = text.lines().find_map(|l| l.split_once("URI=\"").filter(|(_, u)| u.contains(&name)));
        let uri = uri.unwrap_or_else(|| panic!("{rendition}: {name} is not in the answer: {text}")).1;
        let uri = uri.split('"').next().unwrap().trim_start_matches("../../..");
        assert_eq!(server.get(uri).status, 200, "{uri}");
        assert!(!text.contains("EXT-X-GAP") && !text.contains("#EXT-X-DISCONTINUITY\n"), "{rendition}: {text}");
        parts += 1;
        // An answer may have more than was asked for: nothing is passed over.
        let ended = text.lines().any(|l| l.ends_with(&format!("/{msn}.m4s")))
            && !text.contains(&format!("/{msn}.{}.m4s", part + 1));
        (msn, part) = if ended { (msn + 1, 0) } else { (msn, part + 1) };
    }
    Seen { first: begin, last: msn - 1, parts }
}

/// The frame numbers that the pictures of these segments carry.
fn frames(server: &Server, camera: &str, seen: &Seen) -> Vec<u32> {
    let list = server.get(&format!("/live/{camera}/{RUNG}/dvr.m3u8")).text().to_owned();
    let uri = |name: &str| {
        let line = list.lines().find(|l| l.contains(name)).unwrap_or_else(|| panic!("{camera}: no {name}: {list}"));
        line.trim_start_matches("#EXT-X-MAP:URI=\"").trim_end_matches('"').trim_start_matches("../../..").to_owned()
    };
    let mut media = server.get(&uri("init-0.mp4")).body;
    for msn in seen.first..=seen.last {
        media.extend(server.get(&uri(&format!("/{msn}.m4s"))).body);
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), media).unwrap();
    let decode = ["-vsync", "passthrough", "-vf", "extractplanes=y", "-f", "rawvideo", "-"];
    let run = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-i", file.path().to_str().unwrap()])
        .args(decode)
        .stdin(Stdio::null())
        .output()
        .expect("ffmpeg (apt package ffmpeg)");
    assert!(run.status.success() && run.stderr.is_empty(), "{}", String::from_utf8_lossy(&run.stderr));
    let (width, height) = SIZE;
    let strip = |luma: &[u8]| Strip::read(luma, width, height, width).expect("a strip in every frame");
    let strips: Vec<Strip> = run.stdout.chunks_exact(width * height).map(strip).collect();
    let number = STEADY.iter().position(|id| *id == camera).unwrap();
    assert!(strips.iter().all(|s| usize::from(s.camera) == number), "{camera}: another camera's picture");
    strips.iter().map(|s| s.frame).collect()
}

/// Small numbers that look random, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

/// The fifth camera, changed by the one way and the other.
struct Fifth<'a> {
    server: &'a Server,
    /// The file without it.
    base: String,
    config: Option<Value>,
    steps: BTreeMap<&'static str, usize>,
}

impl Fifth<'_> {
    const AT: &'static str = "/api/v1/cameras/fifth";

    fn state(&self) -> Option<String> {
        let list = self.server.get("/api/v1/cameras").json();
        let fifth = list["items"].as_array().unwrap().iter().find(|c| c["id"] == "fifth")?;
        Some(fifth["state"].as_str().unwrap().to_owned())
    }

    /// Says what is to be by the API or in the file, and waits until it is.
    fn set(&mut self, what: &'static str, by_file: bool, mut config: Option<Value>) {
        *self.steps.entry(what).or_default() += 1;
        if let (true, Some(config)) = (by_file, &mut config) {
            // By which it is known that the file was read.
            config["name"] = format!("Cinq {:?}", self.steps).replace('"', "").into();
        }
        let paused = |c: &Option<Value>| c.as_ref().is_some_and(|c| c["paused"] == true);
        if by_file {
            self.server.edit(|_| {
                let toml = |(key, value): (&String, &Value)| format!("{key} = {value}\n");
                let line = |pair: (&String, &Value)| match pair.1 {
                    Value::Array(rungs) => {
                        let rung = |r: &Value| format!("{{ height = {}, kbps = {} }}", r["height"], r["kbps"]);
                        format!("rungs = [{}]\n", rungs.iter().map(rung).collect::<Vec<_>>().join(", "))
                    }
                    _ => toml(pair),
                };
                let camera = config.iter().flat_map(|c| c.as_object().unwrap().iter().filter(|(k, _)| *k != "id"));
                let camera: String = camera.map(line).collect();
                let head = if config.is_some() { "\n[[camera]]\nid = \"fifth\"\n" } else { "" };
                format!("{}{head}{camera}", self.base)
            });
        } else {
            let (method, path, body, status) = match (&self.config, &config) {
                (None, Some(new)) => ("POST", "/api/v1/cameras".into(), new.clone(), 201),
                (Some(_), None) => ("DELETE", Self::AT.to_owned(), Value::Null, 204),
                (Some(_), Some(_)) if what == "pause" => ("POST", format!("{}/pause", Self::AT), Value::Null, 200),
                (Some(_), Some(_)) if what == "resume" => ("POST", format!("{}/resume", Self::AT), Value::Null, 200),
                (Some(_), Some(new)) => ("PUT", Self::AT.to_owned(), new.clone(), 200),
                (None, None) => return,
            };
            let answer = self.server.crew(method, &path, &body);
            assert_eq!(answer.status, status, "{what}: {}", String::from_utf8_lossy(&answer.body));
            if let (Some(config), true) = (&config, status != 204) {
                assert_eq!(answer.json()["config"], *config, "{what}");
                assert_eq!(answer.json()["saved"], true);
            }
        }
        let wanted = config.as_ref().map(|_| if paused(&config) { "paused" } else { "live" });
        let name = config.as_ref().map(|c| c["name"].clone());
        until(&format!("{what}: the fifth is {wanted:?}"), || {
            let now = self.server.get(Self::AT);
            let named = name.as_ref().is_none_or(|name| now.json()["name"] == *name);
            (self.state().as_deref() == wanted && named).then_some(())
        });
        let all = self.server.get("/live/player.m3u8").text().contains("PATHWAY-ID=\"fifth\"");
        if wanted != Some("live") {
            assert!(!all, "{what}: what is not there is not offered");
        } else {
            until("the fifth is offered", || {
                self.server.get("/live/player.m3u8").text().contains("PATHWAY-ID=\"fifth\"").then_some(())
            });
        }
        self.config = config;
    }

    /// Waits until more of it is recorded.
    fn records(&self) {
        let real = || {
            let list = self.server.get(&format!("/live/fifth/{RUNG}/dvr.m3u8")).body;
            let list = String::from_utf8(list).unwrap();
            let lines: Vec<&str> = list.lines().collect();
            lines.windows(2).filter(|w| w[0] != "#EXT-X-GAP" && w[1].starts_with("#EXTINF")).count()
        };
        let before = real();
        until("a whole segment of the fifth", || (real() > before).then_some(()));
    }

    fn step(&mut self, dice: &mut Dice, round: usize) {
        let by_file = dice.throw(2) == 1;
        let Some(mut now) = self.config.clone() else {
            let rungs = json!([{"height": 180, "kbps": 400}]);
            let config = json!({"id": "fifth", "name": format!("Cinq {round}"), "source": SOURCES[dice.throw(2)],
                                "bearing": 45, "rungs": rungs});
            return self.set("add", by_file, Some(config));
        };
        let paused = now["paused"] == true;
        match dice.throw(6) {
            0 => self.set("remove", by_file, None),
            1 if !paused => {
                now["paused"] = true.into();
                self.set("pause", by_file, Some(now));
            }
            2 | 3 if paused => {
                now.as_object_mut().unwrap().remove("paused");
                self.set("resume", by_file, Some(now));
            }
            2 => {
                now["name"] = format!("Cinq {round}").into();
                now["bearing"] = dice.throw(360).into();
                self.set("name", by_file, Some(now));
            }
            3 | 4 => {
                let other = SOURCES.iter().position(|s| now["source"] == *s).unwrap();
                now["source"] = SOURCES[1 - other].into();
                self.set("source", by_file, Some(now));
            }
            _ => {
                let more = json!([{"height": 180, "kbps": 400}, {"height": 90, "kbps": 100}]);
                let less = json!([{"height": 180, "kbps": 400}]);
                now["rungs"] = if now["rungs"] == less { more } else { less };
                self.set("rungs", by_file, Some(now));
            }
        }
    }
}

#[test]
fn a_camera_comes_changes_and_goes_and_no_other_notices() {
    let full = std::env::var_os("VIRAGE_FULL").is_some();
    let (seed, steps) = if full { (std::process::id().into(), 100) } else { (1_122, 9) };
    println!("seed {seed}");
    let server = Server::serve(&steady());
    server.wait_for_media(3);
    let stop = AtomicBool::new(false);
    let base = std::fs::read_to_string(server.file()).unwrap();
    let mut fifth = Fifth { server: &server, base, config: None, steps: BTreeMap::new() };
    let renditions = STEADY.map(|id| format!("{id}/{RUNG}")).into_iter().chain(["audio/ambient".to_owned()]);
    let renditions: Vec<String> = renditions.collect();
    let seen: Vec<Seen> = std::thread::scope(|scope| {
        let watchers: Vec<_> =
            renditions.iter().map(|rendition| scope.spawn(|| watch(&server, rendition, &stop))).collect();
        // Whatever goes wrong here, the watchers end.
        let changes = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut dice = Dice(seed);
            for what in ["add", "pause", "resume", "remove"] {
                let config = json!({"id": "fifth", "name": "Cinq", "source": SOURCES[0], "bearing": 45,
                                    "rungs": [{"height": 180, "kbps": 400}]});
                let mut paused = config.clone();
                paused["paused"] = true.into();
                let next = match what {
                    "pause" => Some(paused),
                    "remove" => None,
                    _ => Some(config),
                };
                fifth.set(what, dice.throw(2) == 1, next);
                if what == "add" {
                    fifth.records();
                }
            }
            (0..steps).for_each(|round| fifth.step(&mut dice, round));
            // Once more all the way, so that there is a fifth to look at.
            if fifth.config.is_some() {
                fifth.set("remove", false, None);
            }
            fifth.step(&mut dice, steps);
            // However fast the changes were: the others are watched for some seconds.
            (0..3).for_each(|_| fifth.records());
        }));
        stop.store(true, Ordering::Relaxed);
        let seen = watchers.into_iter().map(|watcher| watcher.join().unwrap()).collect();
        changes.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        seen
    });
    println!("{:?}", fifth.steps);
    for (rendition, seen) in renditions.iter().zip(&seen) {
        assert!(seen.parts > 25 && seen.last > seen.first, "{rendition} was watched: {seen:?}");
        let Some(camera) = rendition.strip_suffix(&format!("/{RUNG}")) else { continue };
        let frames = frames(&server, camera, seen);
        assert_eq!(frames.len() as u64, (seen.last - seen.first + 1) * 25, "{camera}");
        let odd: Vec<_> = frames.windows(2).filter(|w| w[1] != w[0] + 1).collect();
        assert!(odd.is_empty(), "{camera}: frames missing or twice: {odd:?}");
    }
    no_run_of_its_own(&server);
}

/// The fifth's timeline is everybody's: the same numbers at the same instants, gaps where nothing was received, and no
/// discontinuity that the others do not have.
fn no_run_of_its_own(server: &Server) {
    let list = |camera: &str| server.get(&format!("/live/{camera}/{RUNG}/dvr.m3u8")).text().to_owned();
    let (fifth, main) = (list("fifth"), list("main"));
    let sequence = |text: &str, tag: &str| -> u64 {
        text.lines().find_map(|l| l.strip_prefix(tag)).unwrap_or_else(|| panic!("{tag}: {text}")).parse().unwrap()
    };
    assert!(!fifth.contains("#EXT-X-DISCONTINUITY\n") && fifth.contains("#EXT-X-GAP"), "{fifth}");
    let tag = "#EXT-X-DISCONTINUITY-SEQUENCE:";
    assert_eq!(sequence(&fifth, tag), sequence(&main, tag));
    // Where each stands on the wall clock: its first instant less its number of whole seconds.
    let origin = |text: &str| {
        let first = sequence(text, "#EXT-X-MEDIA-SEQUENCE:");
        let at = text.lines().find_map(|l| l.strip_prefix("#EXT-X-PROGRAM-DATE-TIME:")).unwrap();
        let seconds = |at: &str| -> f64 {
            let time = at.split('T').nth(1).unwrap().trim_end_matches('Z');
            time.split(':').fold(0.0, |sum, part| sum * 60.0 + part.parse::<f64>().unwrap())
        };
        (seconds(at) - first as f64).rem_euclid(86_400.0)
    };
    assert!((origin(&fifth) - origin(&main)).abs() < 0.001, "{fifth}\n{main}");
    let numbers = |text: &str| -> Vec<u64> {
        let name = |l: &str| l.rsplit('/').next()?.strip_suffix(".m4s")?.parse().ok();
        text.lines().filter(|l| !l.starts_with('#')).filter_map(name).collect()
    };
    assert!(numbers(&fifth).windows(2).all(|w| w[1] == w[0] + 1), "{fifth}");
    let first = first_uri(&fifth).to_owned();
    assert_eq!(server.get(first.trim_start_matches("../../..")).status, 200, "{first}");
}
