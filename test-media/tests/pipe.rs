//! The binary as tests use it: cameras into a pipe, strips out of it.

use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};
use std::thread;

fn test_media(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_test-media"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(args: &[&str]) -> Output {
    test_media(args).output().expect("the binary runs")
}

fn strips(y4m: Vec<u8>) -> Vec<String> {
    let mut reader = test_media(&["strip", "-"]).stdin(Stdio::piped()).spawn().expect("the binary runs");
    let mut input = reader.stdin.take().expect("stdin is piped");
    let writer = thread::spawn(move || input.write_all(&y4m));
    let output = reader.wait_with_output().expect("the binary ends");
    writer.join().expect("the writer does not panic").expect("everything is read");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
}

#[test]
fn strips_come_back_from_a_camera() {
    let args = ["camera", "--index", "2", "--size", "320x180", "--frames", "3", "--start-frame", "16777215"];
    let output = run(&args);
    assert!(output.status.success());
    assert!(output.stdout.starts_with(b"YUV4MPEG2 W320 H180 F25:1 Ip A1:1 C420jpeg"));
    let lines = strips(output.stdout);
    // The number is 24 bits wide.
    let numbers: Vec<_> = lines.iter().map(|line| line.rsplit_once(' ').expect("three words").0).collect();
    assert_eq!(numbers, ["2 16777215", "2 0", "2 1"]);
}

#[test]
fn a_frame_without_a_strip_is_a_dash() {
    let mut y4m = b"YUV4MPEG2 W64 H64 F25:1\nFRAME\n".to_vec();
    y4m.extend([128; 64 * 64 * 3 / 2]);
    assert_eq!(strips(y4m), ["-"]);
}

#[test]
fn cameras_at_now_are_on_one_grid() {
    let real_time = |index| {
        let args =
            ["camera", "--index", index, "--size", "160x90", "--frames", "4", "--start-frame", "now", "--real-time"];
        strips(run(&args).stdout)
    };
    for line in [real_time("0"), real_time("7")].concat() {
        let words: Vec<u64> = line.split(' ').map(|word| word.parse().expect("a number")).collect();
        let (frame, utc_ms) = (words[1], words[2]);
        // Never drawn before it is due.
        let due = utc_ms * 25 / 1000;
        assert!((due & 0xff_ffff).wrapping_sub(frame) & 0xff_ffff < 250, "{line} is not on the grid");
    }
}

#[test]
fn raw_frames_and_sound_are_as_long_as_asked() {
    let raw = run(&["camera", "--size", "160x90", "--frames", "2", "--format", "i420", "--fps", "30000/1001"]);
    assert_eq!(raw.stdout.len(), 2 * 160 * 90 * 3 / 2);
    let sound = run(&["sound", "--seconds", "0.5"]);
    assert_eq!(sound.stdout.len(), 24_000 * 2 * 2);
    let later = run(&["sound", "--seconds", "0.25", "--start-sample", "12000"]);
    assert_eq!(later.stdout[..], sound.stdout[48_000..], "the same samples have the same sound");
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    for args in [&["camera", "--size", "160x90"][..], &["sound"][..]] {
        let mut child = test_media(args).spawn().expect("the binary runs");
        let mut some = [0; 1000];
        child.stdout.take().expect("stdout is piped").read_exact(&mut some).expect("it writes");
        let output = child.wait_with_output().expect("the binary ends");
        assert!(output.status.success(), "{args:?}");
        assert!(output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn wrong_arguments_say_so() {
    for args in [
        &["camera", "--index", "8"][..],
        &["camera", "--size", "641x360"],
        &["camera", "--size", "big"],
        &["camera", "--fps", "0"],
        &["sound", "--rate", "1"],
        &["strip", "/nowhere.y4m"],
    ] {
        let output = run(args);
        assert!(!output.status.success() && !output.stderr.is_empty(), "{args:?}");
    }
}
