//! Pictures that carry their number and the time of drawing, to be published and to be read back.

use std::{
    io::Write,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use test_media::strip::Strip;

use super::lists::Segment;
use crate::server::Server;

const SIZE: (usize, usize) = (320, 180);

pub fn utc_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn ffmpeg(args: &[&str]) -> Command {
    let mut command = Command::new("ffmpeg");
    command
        .args(["-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "320x180", "-r", "25", "-i", "-"]);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::null());
    command
}

fn start(command: &mut Command) -> Child {
    command.spawn().unwrap_or_else(|e| panic!("ffmpeg (apt package ffmpeg): {e}"))
}

fn draw(frame: u64, picture: &mut [u8]) {
    let luma = &mut picture[..SIZE.0 * SIZE.1];
    luma.fill(40 + u8::try_from(frame % 100).unwrap());
    let frame = u32::try_from(frame).unwrap();
    Strip { camera: 1, frame, utc_ms: utc_ms().unsigned_abs() }.draw(luma, SIZE.0, SIZE.1, SIZE.0);
}

/// Writes a clip of these frames, coded as `args` say.
pub fn clip(frames: std::ops::Range<u64>, args: &[&str], file: &Path) {
    let mut child = start(ffmpeg(args).arg(file));
    let mut pipe = child.stdin.take().unwrap();
    let mut picture = vec![128; SIZE.0 * SIZE.1 * 3 / 2];
    for frame in frames {
        draw(frame, &mut picture);
        pipe.write_all(&picture).unwrap();
    }
    drop(pipe);
    assert!(child.wait().unwrap().success(), "ffmpeg made no {}", file.display());
}

/// How long a frame is shown.
const FRAME: Duration = Duration::from_millis(40);

/// Draws and sends 25 frames a second, until it is killed.
pub fn live(target: &str) -> Child {
    live_since(Instant::now(), Duration::ZERO, target)
}

/// The same with frames that are numbered since `epoch`, when the sender's clock was at `begin`: senders that are started at
/// different moments send the same frame at the same time.
pub fn live_since(epoch: Instant, begin: Duration, target: &str) -> Child {
    let first = u32::try_from(epoch.elapsed().as_millis() / FRAME.as_millis()).unwrap();
    let offset = (begin + FRAME * first).as_secs_f64().to_string();
    let coded = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-threads", "1", "-g", "25"];
    let muxed = ["-b:v", "600k", "-muxdelay", "0", "-output_ts_offset", &offset, "-f", "mpegts", target];
    let mut child = start(ffmpeg(&coded).args(muxed));
    let mut pipe = child.stdin.take().unwrap();
    std::thread::spawn(move || {
        let mut picture = vec![128; SIZE.0 * SIZE.1 * 3 / 2];
        for frame in first.. {
            std::thread::sleep((FRAME * frame).saturating_sub(epoch.elapsed()));
            draw(u64::from(frame), &mut picture);
            if pipe.write_all(&picture).is_err() {
                return;
            }
        }
    });
    child
}

/// What every frame of these segments says, decoded by ffmpeg.
pub fn read(server: &Server, segments: &[Segment]) -> Vec<Option<Strip>> {
    let fetch = |path: &str| {
        let answer = server.get(path);
        assert_eq!(answer.status, 200, "{path}");
        answer.body
    };
    let mut media = fetch(&segments.first().expect("a segment").map);
    segments.iter().filter(|s| !s.gap).for_each(|segment| media.extend(fetch(&segment.uri)));
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().write_all(&media).unwrap();
    let decode =
        ["-vf", "scale=320:180,format=yuv420p,extractplanes=y", "-vsync", "passthrough", "-f", "rawvideo", "-"];
    let decoded = Command::new("ffmpeg")
        .args(["-v", "error", "-xerror", "-i"])
        .arg(file.path())
        .args(decode)
        .output()
        .unwrap_or_else(|e| panic!("ffmpeg (apt package ffmpeg): {e}"));
    assert!(decoded.status.success(), "ffmpeg: {}", String::from_utf8_lossy(&decoded.stderr));
    decoded.stdout.chunks_exact(SIZE.0 * SIZE.1).map(|luma| Strip::read(luma, SIZE.0, SIZE.1, SIZE.0)).collect()
}

/// The numbers that are not the one after the frame before, with it: none, when nothing is missing or shown twice.
pub fn breaks(strips: &[Option<Strip>]) -> Vec<(Option<u32>, Option<u32>)> {
    let numbers: Vec<Option<u32>> = strips.iter().map(|strip| strip.map(|s| s.frame)).collect();
    let follows = |w: &&[Option<u32>]| !matches!((w[0], w[1]), (Some(one), Some(next)) if next == one + 1);
    numbers.windows(2).filter(follows).map(|w| (w[0], w[1])).collect()
}
