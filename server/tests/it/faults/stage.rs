//! One server for all faults: a camera for each, and healthy ones beside them.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{
    healthy::Healthy,
    lists::{Segment, segments},
    pictures::clip,
    scene::{Kind, Ports},
};
use crate::server::{Server, until};

pub struct Stage {
    pub server: Server,
    pub cameras: Vec<Camera>,
    healthy_ports: [u16; 2],
    folder: TempDir,
}

/// A camera that a fault befalls.
pub struct Camera {
    pub id: String,
    pub kind: Kind,
    pub ports: Ports,
}

/// A clip that publishers send.
#[derive(Clone, Copy)]
pub enum Clip {
    /// H.264 with B-frames and AAC.
    Match,
    /// After twelve seconds of the same, another encoder's: another size, other parameter sets.
    Spliced,
    /// MPEG-2, which cannot be passed through.
    Mpeg2,
}

impl Stage {
    pub fn start(wanted: &[(Kind, String)]) -> Self {
        let folder = TempDir::new().unwrap();
        let cameras: Vec<Camera> =
            wanted.iter().map(|(kind, id)| Camera { id: id.clone(), kind: *kind, ports: Ports::new() }).collect();
        let healthy_ports = [super::scene::port(), super::scene::port()];
        let camera = |id: &str, source: &str| {
            format!(
                "[[camera]]\nid = {id:?}\nsource = {source:?}\npassthrough = true\nrungs = [{{ height = 180, kbps = 400 }}]\n"
            )
        };
        let faulty: String = cameras.iter().map(|c| camera(&c.id, &c.kind.source(c.ports))).collect();
        let [udp, srt] = healthy_ports;
        let healthy = camera("healthy-udp", &format!("udp://127.0.0.1:{udp}"))
            + &camera("healthy-srt", &format!("srt://127.0.0.1:{srt}?mode=listener"));
        let venue = "[venue]\nname = \"Stade\"\nfps = \"25\"\npreset = \"ultrafast\"\n";
        make(folder.path());
        let server = Server::serve(&format!("{venue}{healthy}{faulty}"));
        Self { server, cameras, healthy_ports, folder }
    }

    /// Starts the healthy cameras and watches them.
    pub fn healthy(&self) -> Healthy {
        let [udp, srt] = self.healthy_ports;
        let targets = [format!("udp://127.0.0.1:{udp}?pkt_size=1316"), format!("srt://127.0.0.1:{srt}?latency=100000")];
        Healthy::start(&self.server, targets)
    }

    pub fn clip(&self, clip: Clip) -> PathBuf {
        self.folder.path().join(match clip {
            Clip::Match => "match.ts",
            Clip::Spliced => "spliced.ts",
            Clip::Mpeg2 => "mpeg2.ts",
        })
    }

    /// The whole ring of a rendition.
    pub fn segments(&self, camera: &str, rendition: &str) -> Vec<Segment> {
        let path = format!("/live/{camera}/{rendition}/dvr.m3u8");
        let list = self.server.get(&path);
        if list.status == 200 { segments(&path, list.text()) } else { Vec::new() }
    }

    /// The same number is the same instant in every rung, lost ones are gaps, and all of them go on to the newest second.
    pub fn all_timelines_are_equally_long(&self) {
        let newest = self.segments("healthy-udp", "180p").last().expect("a segment").msn;
        let ids = self.cameras.iter().map(|camera| camera.id.as_str()).chain(["healthy-udp", "healthy-srt"]);
        let mut origin = None;
        for id in ids {
            let segments = until(&format!("segment {newest} of {id}, received or lost"), || {
                let segments = self.segments(id, "180p");
                segments.last().is_some_and(|last| last.msn >= newest).then_some(segments)
            });
            assert!(segments.windows(2).all(|w| w[1].msn == w[0].msn + 1), "{id}: a number is missing");
            for segment in segments {
                let zero = segment.starts - i64::try_from(segment.msn).unwrap() * 1_000;
                assert_eq!(
                    *origin.get_or_insert(zero),
                    zero,
                    "{id}: segment {} is not where it is elsewhere",
                    segment.msn
                );
            }
        }
    }
}

/// Makes the clips. Key frames every second.
fn make(folder: &Path) {
    let tone = ["-f", "lavfi", "-i", "sine=sample_rate=48000", "-shortest", "-c:a", "aac"];
    let with = |more: &[&'static str]| [&tone[..], &["-pix_fmt", "yuv420p"], more].concat();
    let h264 = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-bf", "2", "-b:v", "500k"];
    clip(0..1_500, &with(&h264), &folder.join("match.ts"));
    clip(0..300, &with(&h264), &folder.join("before.ts"));
    let other = ["-vf", "scale=426:240", "-output_ts_offset", "12.08", "-profile:v", "high", "-level", "4.0"];
    clip(300..1_500, &with(&[&h264[..], &other].concat()), &folder.join("after.ts"));
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    std::fs::write(folder.join("spliced.ts"), [read("before.ts"), read("after.ts")].concat()).unwrap();
    clip(0..500, &with(&["-c:v", "mpeg2video", "-g", "25", "-b:v", "600k"]), &folder.join("mpeg2.ts"));
}
