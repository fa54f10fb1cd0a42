//! Every way in × every rate × every venue × every coding: plays elsewhere, is clean under our linter, and shows every picture in
//! its place. Pairs by default, everything under `VIRAGE_FULL`.
//!
//! A binary of its own: each batch is all that two cores can do.
#![allow(clippy::unwrap_used, reason = "a test's panic is its verdict")]

mod clip;
mod combos;
#[allow(dead_code, reason = "the other binary's tests need more of it")]
#[path = "../it/http.rs"]
mod http;
#[allow(dead_code, reason = "the other binary's tests need more of it")]
#[path = "../it/server.rs"]
mod server;

use std::{
    net::UdpSocket,
    path::Path,
    process::{Child, Command, Stdio},
};

use ::verify::Args;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_media::{fps::Fps, strip::Strip};

use combos::{Coding, Combo, Way};
use server::{Server, end_with_us, until};

/// Cameras at a time: what two cores decode, encode and check.
const BATCH: usize = 8;
/// The only rung.
const RUNG: &str = "180p";
const SIZE: (usize, usize) = (320, 180);

#[test]
fn every_combination_plays_clean_and_in_order() {
    let folder = TempDir::new().unwrap();
    let mut combos = if std::env::var_os("VIRAGE_FULL").is_some() { combos::whole() } else { combos::pairwise() };
    // Interlaced ones cost most: they are spread over the batches.
    combos.sort_by_key(|combo| (combo.venue, combo.coding));
    let mut failures = Vec::new();
    for venue in combos::VENUES {
        let of_venue: Vec<Combo> = combos.iter().copied().filter(|combo| combo.venue == venue).collect();
        let batches = of_venue.len().div_ceil(BATCH);
        for first in 0..batches {
            let batch: Vec<Combo> = of_venue.iter().copied().skip(first).step_by(batches).collect();
            failures.extend(Batch::start(folder.path(), &batch).check());
        }
    }
    assert!(failures.is_empty(), "{} of {} failed:\n{}", failures.len(), combos.len(), failures.join("\n"));
}

/// Some combinations as the cameras of one server.
struct Batch {
    server: Server,
    combos: Vec<Combo>,
    _publishers: Vec<Publisher>,
}

struct Publisher(Child);

impl Drop for Publisher {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Batch {
    fn start(folder: &Path, combos: &[Combo]) -> Self {
        let clips: Vec<_> = combos.iter().map(|combo| clip::clip(folder, combo.coding, combo.rate)).collect();
        let ports: Vec<u16> = combos.iter().map(|_| port()).collect();
        let venue = combos[0].venue;
        let mut config = format!(
            "[venue]\nname = \"Stade\"\nfps = {venue:?}\npreset = \"ultrafast\"\n[capture]\nfolders = [{:?}]\n",
            text(folder)
        );
        for (n, combo) in combos.iter().enumerate() {
            let source = match combo.way {
                Way::Srt => format!("srt://127.0.0.1:{}?mode=listener", ports[n]),
                Way::Udp => format!("udp://127.0.0.1:{}", ports[n]),
                Way::Rtsp => format!("rtsp://127.0.0.1:{}/cam", ports[n]),
                Way::File => format!("file://{}?loop=false", text(&clips[n])),
            };
            let more = match combo.coding {
                Coding::H265 => "",
                Coding::LongGop => "passthrough = true\nmax_gop = 10.0\n",
                _ => "passthrough = true\n",
            };
            config += &format!(
                "[[camera]]\nid = \"c{n}\"\nsource = {source:?}\nrungs = [{{ height = 180, kbps = 600 }}]\n{more}"
            );
            // The first camera's sound, and every one that will not come.
            if n == 0 || combo.coding == Coding::NoSound {
                config += &format!("[[audio]]\nid = \"s{n}\"\ncamera = \"c{n}\"\n");
            }
        }
        let server = Server::serve(&config);
        let publish = |n: usize| {
            let clip = text(&clips[n]);
            let packets = |target: &str| {
                run(
                    "ffmpeg",
                    "ffmpeg",
                    &["-v", "fatal", "-re", "-i", clip, "-map", "0", "-c", "copy", "-f", "mpegts", target],
                )
            };
            let child = match combos[n].way {
                Way::Srt => packets(&format!("srt://127.0.0.1:{}?mode=caller", ports[n])),
                Way::Udp => packets(&format!("udp://127.0.0.1:{}?pkt_size=1316", ports[n])),
                Way::Rtsp => {
                    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/matrix/rtsp-server.py");
                    let codec = if combos[n].coding == Coding::H265 { "h265" } else { "h264" };
                    let sound = if combos[n].coding == Coding::NoSound { "no" } else { "yes" };
                    run("/usr/bin/python3", "python3", &[script, &ports[n].to_string(), codec, clip, sound])
                }
                Way::File => return None,
            };
            end_with_us(child.id());
            Some(Publisher(child))
        };
        let publishers = (0..combos.len()).filter_map(publish).collect();
        Self { server, combos: combos.to_vec(), _publishers: publishers }
    }

    /// One line for each combination that fails.
    fn check(&self) -> Vec<String> {
        for n in 0..self.combos.len() {
            until(&format!("eight segments of {:?}", self.combos[n]), || (self.segments(n) > 7).then_some(()));
        }
        let highlight = self.highlight();
        std::thread::scope(|scope| {
            let one = |n: usize| {
                let (combo, highlight) = (self.combos[n], &highlight);
                scope.spawn(move || {
                    let found = self.is_clean(n).and_then(|()| self.shows(n, highlight));
                    found.err().map(|why| format!("{combo:?}: {why}"))
                })
            };
            let all: Vec<_> = (0..self.combos.len()).map(one).collect();
            all.into_iter().filter_map(|check| check.join().unwrap()).collect()
        })
    }

    /// Whole segments of a camera's rung that hold something.
    fn segments(&self, n: usize) -> usize {
        let list = self.server.get(&format!("/live/c{n}/{RUNG}/index.m3u8"));
        if list.status != 200 {
            return 0;
        }
        list.text().matches("#EXTINF").count() - list.text().matches("#EXT-X-GAP").count()
    }

    fn highlight(&self) -> Value {
        let made = self.server.crew(
            "POST",
            "/api/v1/highlights",
            &json!({"mark": self.server.mark(3.0, 0.0)["id"], "title": "But", "publish": true}),
        );
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()
    }

    fn is_clean(&self, n: usize) -> Result<(), String> {
        let mut lists = vec!["index"];
        let camera = self.server.crew("GET", "/api/v1/cameras", &Value::Null).json();
        let camera = camera["items"].as_array().unwrap().iter().find(|c| c["id"] == format!("c{n}")).unwrap().clone();
        match (camera["state"].as_str(), self.combos[n].coding) {
            // No frame of it but the first can be begun with.
            (Some("refused"), Coding::OpenGop) => {}
            (Some("live"), Coding::H265) => {}
            (Some("live"), _) => lists.push("source"),
            (state, _) => return Err(format!("{state:?}: {}", camera["message"])),
        }
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for list in lists {
            let url = format!("{}/live/c{n}/{list}.m3u8", self.server.url);
            let (seconds, renditions, segments) = (3, 4, 4);
            let args =
                Args { url, seconds, json: false, strict: false, insecure: true, ca: None, renditions, segments };
            let report = runtime.block_on(::verify::check(&args)).map_err(|e| format!("{list}: {e}"))?;
            // Of uneven frames there is no one rate.
            let uneven = list == "source" && self.combos[n].coding == Coding::Vfr;
            if report.findings.iter().any(|finding| !(uneven && finding.rule.id == "frame-rate-mismatch")) {
                return Err(format!("{list}: {}", report.text()));
            }
        }
        Ok(())
    }

    /// The replay decodes without a word, has every frame, and each shows the source's picture of its instant.
    fn shows(&self, n: usize, highlight: &Value) -> Result<(), String> {
        let id = highlight["id"].as_str().unwrap();
        let path = format!("/highlights/{id}/v1/c{n}/{RUNG}/index.m3u8");
        let list = until("the end of the highlight", || {
            let list = self.server.get(&path);
            (list.status == 200 && list.text().contains("ENDLIST")).then(|| list.text().to_owned())
        });
        if list.contains("EXT-X-GAP") {
            return Err(format!("a gap: {list}"));
        }
        let url = format!("{}{path}", self.server.url);
        let decode = ["-v", "warning", "-xerror", "-i", &url, "-f", "rawvideo", "-pix_fmt", "gray", "-"];
        let out = Command::new("ffmpeg").args(decode).output().expect("apt package ffmpeg");
        let said = String::from_utf8_lossy(&out.stderr);
        if !out.status.success() || !said.trim().is_empty() {
            return Err(format!("ffmpeg: {said}"));
        }
        let fps: Fps = self.combos[n].venue.parse().unwrap();
        let segment = (fps.num() + fps.den() / 2) / fps.den();
        let expected = list.matches("#EXTINF").count() * segment as usize;
        let pictures: Vec<&[u8]> = out.stdout.chunks_exact(SIZE.0 * SIZE.1).collect();
        if pictures.len() != expected {
            return Err(format!("{} frames of {expected}", pictures.len()));
        }
        let strip = |picture: &&[u8]| Strip::read(picture, SIZE.0, SIZE.1, SIZE.0).map(|strip| f64::from(strip.frame));
        let shown: Option<Vec<f64>> = pictures.iter().map(strip).collect();
        in_order(self.combos[n], &shown.ok_or("a picture without a readable strip")?)
    }
}

/// Frame i shows the source's picture of that instant: no further from it than rounding to whole pictures makes it, but for a
/// moment in which the machine was late.
fn in_order(combo: Combo, shown: &[f64]) -> Result<(), String> {
    let of = |rate: &str| rate.parse::<Fps>().map(|fps| f64::from(fps.num()) / f64::from(fps.den())).unwrap();
    let step = of(combo.rate) / of(combo.venue);
    let mut offsets: Vec<f64> = shown.iter().enumerate().map(|(i, frame)| frame - i as f64 * step).collect();
    offsets.sort_by(f64::total_cmp);
    let slack = match combo.coding {
        // Up to three pictures in a row are left out on purpose.
        Coding::Vfr => 2.0,
        // On a grid that is not fast enough for every field, fields come in pairs.
        Coding::Interlaced => 1.0,
        _ => 0.0,
    };
    let (most, moment) = (1.0 + step.max(1.0) + slack, 0.2 * of(combo.rate));
    let few = offsets.len() / 20;
    let usual = offsets[offsets.len() - 1 - few] - offsets[few];
    let worst = offsets[offsets.len() - 1] - offsets[0];
    if shown.windows(2).any(|pair| pair[1] < pair[0]) || usual > most || worst > most + moment {
        return Err(format!("pictures wander by {usual:.2} and {worst:.2}, more than {most:.2}: {shown:?}"));
    }
    Ok(())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn run(program: &str, package: &str, args: &[&str]) -> Child {
    let child = Command::new(program).args(args).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    child.unwrap_or_else(|e| panic!("{program} (apt package {package}): {e}"))
}

/// A port that was free a moment ago, for UDP and TCP.
fn port() -> u16 {
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = udp.local_addr().unwrap().port();
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
