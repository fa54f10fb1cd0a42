//! Real H.264: ffmpeg draws and x264 encodes.

use std::process::Command;

use bytes::Bytes;
use packager::{Format, Unit};

/// A clip at 25 fps with a key frame each second, in ticks of 1/25,000 s.
pub struct Clip {
    pub format: Format,
    pub units: Vec<Unit>,
}

/// Encodes `frames` frames of a lavfi source.
pub fn encode(source: &str, (width, height): (u16, u16), frames: u32) -> Clip {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", source, "-frames:v", &frames.to_string(), "-pix_fmt", "yuv420p"])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "25", "-bf", "0"])
        .args(["-x264-params", "aud=1:scenecut=0:sliced-threads=0", "-f", "h264", "-"])
        .output()
        .expect("ffmpeg runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (mut sps, mut pps, mut units) = (Vec::new(), Vec::new(), Vec::<Unit>::new());
    let mut unit: Option<(Vec<u8>, bool)> = None;
    let finish = |unit: &mut Option<(Vec<u8>, bool)>, units: &mut Vec<Unit>| {
        if let Some((data, key)) = unit.take() {
            let pts = units.len() as u64 * 1000;
            units.push(Unit { pts, dts: pts as i64, duration: 1000, key, data: data.into() });
        }
    };
    for nal in nals(&output.stdout) {
        match nal[0] & 0x1f {
            9 => {
                finish(&mut unit, &mut units);
                unit = Some((Vec::new(), false));
            }
            7 => sps = nal.to_vec(),
            8 => pps = nal.to_vec(),
            kind => {
                let (data, key) = unit.as_mut().expect("an access unit delimiter first");
                data.extend_from_slice(&u32::try_from(nal.len()).expect("short").to_be_bytes());
                data.extend_from_slice(nal);
                *key |= kind == 5;
            }
        }
    }
    finish(&mut unit, &mut units);
    assert_eq!(units.len(), frames as usize);
    let mut avcc = vec![1, sps[1], sps[2], sps[3], 0xff, 0xe1];
    for (set, before) in [(&sps, None), (&pps, Some(1))] {
        avcc.extend(before);
        avcc.extend_from_slice(&u16::try_from(set.len()).expect("short").to_be_bytes());
        avcc.extend_from_slice(set);
    }
    Clip { format: Format::H264 { width, height, frame_ticks: 1000, avcc: Bytes::from(avcc) }, units }
}

/// The NAL units of an Annex B stream.
fn nals(stream: &[u8]) -> Vec<&[u8]> {
    let mut starts: Vec<usize> = Vec::new();
    for (i, window) in stream.windows(3).enumerate() {
        if window == [0, 0, 1] {
            starts.push(i + 3);
        }
    }
    let ends = starts.iter().skip(1).map(|s| s - 3).chain([stream.len()]);
    let trimmed = |(start, end): (&usize, usize)| {
        let nal = &stream[*start..end];
        let zeros = nal.iter().rev().take_while(|b| **b == 0).count();
        &nal[..nal.len() - zeros]
    };
    starts.iter().zip(ends).map(trimmed).collect()
}
