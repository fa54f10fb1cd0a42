//! A ring file is playable by tools that are not ours.

use std::process::Command;

use crate::{
    recording::{Recording, begin, id, media_files},
    x264,
};

#[test]
fn ffprobe_reads_a_ring_file_whole() {
    let root = tempfile::tempdir().expect("a folder");
    let (store, _, run) = begin(root.path(), store::Limits::default());
    let clip = x264::encode("testsrc=size=320x180:rate=25", (320, 180), 100);
    let mut main = Recording::new(id("main"), run);
    main.cutter.format(clip.format).expect("a format");
    clip.units.into_iter().for_each(|unit| main.unit(&store, unit));
    drop(store);
    let files = media_files(root.path());
    let [file] = files.as_slice() else { panic!("{files:?}") };
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-count_frames", "-select_streams", "v:0", "-of", "default=nokey=1:noprint_wrappers=1"])
        .args(["-show_entries", "stream=codec_name,width,height,nb_read_frames:format=duration"])
        .arg(file)
        .output()
        .expect("ffprobe runs");
    assert!(output.stderr.is_empty() && output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text.split_whitespace().collect::<Vec<_>>(), ["h264", "320", "180", "100", "4.000000"]);
}
