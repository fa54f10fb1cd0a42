//! Clips whose pictures say which they are, in every coding and rate.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use test_media::{draw::Camera, fps::Fps, strip::Strip, y4m};

use super::combos::{Coding, Rate};

/// Longer than a batch takes: where a clip would begin again is the sender's matter.
const SECONDS: u64 = 75;
const SIZE: (usize, usize) = (320, 180);

/// Makes the clip, or finds it made.
pub fn clip(folder: &Path, coding: Coding, rate: Rate) -> PathBuf {
    let file = folder.join(format!("{coding:?}-{}.ts", rate.replace('/', "-")));
    if !file.exists() {
        encode(&file, coding, rate);
    }
    file
}

fn encode(file: &Path, coding: Coding, rate: Rate) {
    let fps: Fps = rate.parse().unwrap();
    // Frames in a second, rounded.
    let second = u64::from((fps.num() + fps.den() / 2) / fps.den());
    let (gop, long) = (second.to_string(), (4 * second).to_string());
    let mut args: Vec<&str> = vec!["-v", "error", "-y", "-f", "yuv4mpegpipe", "-i", "-"];
    if coding != Coding::NoSound {
        args.extend(["-f", "lavfi", "-i", "sine=sample_rate=48000", "-c:a", "aac", "-b:a", "96k", "-shortest"]);
    }
    // One slice thread: what costs least.
    args.extend(["-threads", "1", "-preset", "ultrafast", "-crf", "26", "-pix_fmt", "yuv420p", "-map", "0"]);
    if coding != Coding::NoSound {
        args.extend(["-map", "1"]);
    }
    let closed = ["-c:v", "libx264", "-sc_threshold", "0"];
    match coding {
        Coding::Baseline | Coding::NoSound => {
            args.extend([&closed[..], &["-profile:v", "baseline", "-bf", "0", "-g", &gop]].concat());
        }
        Coding::BFrames => args.extend([&closed[..], &["-bf", "2", "-g", &gop]].concat()),
        Coding::OpenGop => {
            args.extend([&closed[..], &["-bf", "2", "-g", &gop, "-x264-params", "open-gop=1"]].concat());
        }
        Coding::LongGop => args.extend([&closed[..], &["-bf", "0", "-g", &long, "-keyint_min", &long]].concat()),
        Coding::Vfr => {
            let some = ["-vf", "select=not(eq(mod(n\\,7)\\,3))", "-vsync", "vfr", "-bf", "0", "-g", &gop];
            args.extend([&closed[..], &some].concat());
        }
        Coding::H265 => {
            args.extend(["-c:v", "libx265", "-g", &gop, "-x265-params", "log-level=none:scenecut=0:pools=1:bframes=0"]);
        }
        Coding::Interlaced => {
            let fields = "scale=1920:1080:flags=neighbor,tinterlace=interleave_top,fieldorder=tff";
            let coded = ["-vf", fields, "-flags", "+ilme+ildct", "-x264-params", "tff=1", "-bf", "0", "-g", "25"];
            args.extend([&closed[..], &coded].concat());
        }
    }
    let target = file.to_str().unwrap();
    args.extend(["-f", "mpegts", target]);
    let mut child = Command::new("ffmpeg").args(&args).stdin(Stdio::piped()).spawn().expect("apt package ffmpeg");
    draw(child.stdin.take().unwrap(), fps);
    assert!(child.wait().unwrap().success(), "ffmpeg {args:?}");
}

fn draw(mut pipe: impl Write, fps: Fps) {
    let mut camera = Camera::new(0, SIZE.0, SIZE.1).unwrap();
    let mut picture = vec![0; camera.frame_len()];
    y4m::write_header(&mut pipe, SIZE.0, SIZE.1, fps).unwrap();
    let frames = fps.frame_at(SECONDS * 1_000_000_000);
    for frame in 0..frames {
        let strip = Strip { camera: 0, frame: u32::try_from(frame).unwrap(), utc_ms: 0 };
        camera.draw(fps.seconds(frame), strip, &mut picture).unwrap();
        y4m::write_frame(&mut pipe, &picture).unwrap();
    }
}
