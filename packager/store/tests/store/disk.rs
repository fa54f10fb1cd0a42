//! A disk that refuses: live goes on, health says so, and recording goes on when it can.
//!
//! The refusal is real: a child process whose files may grow to 64 KiB and no further.

use std::{path::Path, process::Command};

use packager::{Msn, Segment};
use store::{Item, Limits};

use crate::recording::{Recording, begin, id, read, small};

const CHILD: &str = "STORE_TEST_LIMITED_IN";

/// Runs a test of this binary again, in a prepared folder, with a limit on the size of files; `None` in the child.
fn limited(name: &str, prepare: impl FnOnce(&Path)) -> Option<()> {
    if std::env::var_os(CHILD).is_some() {
        return None;
    }
    let root = tempfile::tempdir().expect("a folder");
    prepare(root.path());
    // 128 blocks of 512 bytes; the signal that would end the process is ignored, so that write fails instead.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 128; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().expect("this test"))
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, root.path())
        .output()
        .expect("a shell");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stdout));
    Some(())
}

fn root() -> std::path::PathBuf {
    std::env::var_os(CHILD).expect("in the child").into()
}

/// Ten minutes to a file: none ends before it is full.
fn long_files() -> Limits {
    Limits { file: std::time::Duration::from_secs(600), ..small() }
}

#[test]
fn a_segment_that_does_not_fit_is_lost_whole_and_the_next_has_a_new_file() {
    if limited("disk::a_segment_that_does_not_fit_is_lost_whole_and_the_next_has_a_new_file", |_| {}).is_some() {
        return;
    }
    let (store, _, run) = begin(&root(), long_files());
    let mut main = Recording::new(id("main"), run);
    // 25 frames of 400 bytes: six segments fit a file.
    for _ in 0..20 {
        main.segments(&store, 1, 400);
        store.flush();
        let newest = *main.parts.last_key_value().expect("a segment").0;
        assert_eq!(read(&store, &main.id, run, Item::Segment(newest)).expect("live"), main.bytes(newest));
    }
    let health = store.health();
    assert!((2..=4).contains(&health.lost_segments), "{health:?}");
    assert_eq!(health.problem, None, "it goes on");
    main.segments(&store, 2, 400);
    let lost = store.take_vanished();
    assert_eq!(lost.len() as u64, health.lost_segments);
    drop(store);
    let (store, recovered, _) = begin(&root(), long_files());
    let kept: Vec<Segment> =
        main.recorded().into_iter().filter(|s| !lost.contains(&(main.id.clone(), run, s.msn))).collect();
    assert_eq!(recovered.renditions[0].ring, kept);
    kept.iter().for_each(|segment| main.assert_found(&store, segment));
}

#[test]
fn while_nothing_can_be_written_health_says_so() {
    if limited("disk::while_nothing_can_be_written_health_says_so", |_| {}).is_some() {
        return;
    }
    let (store, _, run) = begin(&root(), long_files());
    let (mut main, mut other) = (Recording::new(id("main"), run), Recording::new(id("opposite"), run));
    for n in 0..3 {
        main.segments(&store, 1, 4000);
        other.segments(&store, 1, 10);
        store.flush();
        let health = store.health();
        assert_eq!((health.lost_segments, health.failing.as_slice()), (n + 1, &[main.id.clone()][..]));
        let problem = health.problem.expect("in words");
        assert!(problem.contains("main/360p") && problem.contains("largest size"), "{problem}");
        assert_eq!(read(&store, &main.id, run, Item::Segment(Msn(n))).expect("live"), main.bytes(Msn(n)));
    }
    assert_eq!(std::fs::read_dir(root().join("ring/main/360p")).expect("a folder").count(), 0, "no stubs are left");
    main.segments(&store, 1, 10);
    store.flush();
    assert_eq!(store.health().problem, None);
    drop(store);
    let (_, recovered, _) = begin(&root(), long_files());
    let numbers = |n: usize| recovered.renditions[n].ring.iter().map(|s| s.msn.0).collect::<Vec<_>>();
    assert_eq!((numbers(0), numbers(1)), (vec![3], vec![0, 1, 2]));
}

#[test]
fn what_cannot_be_copied_to_the_archive_is_kept_with_its_file() {
    let record = |root: &Path| {
        let (store, _, run) = begin(root, long_files());
        let mut main = Recording::new(id("main"), run);
        main.segments(&store, 10, 400);
        main
    };
    let prepare = |root: &Path| drop(record(root));
    if limited("disk::what_cannot_be_copied_to_the_archive_is_kept_with_its_file", prepare).is_some() {
        return;
    }
    // The same again, to know the bytes.
    let elsewhere = tempfile::tempdir().expect("a folder");
    let main = record(elsewhere.path());
    let (store, ..) = begin(&root(), long_files());
    let expired = store.expire(&main.id, u64::MAX, &|s| s.msn != Msn(0)).expect("expired");
    assert_eq!((expired.archived.len(), expired.gone.len()), (9, 0));
    let names = |place: &str| std::fs::read_dir(root().join(place)).expect("a folder").count();
    assert_eq!((names("ring/main/360p"), names("archive/main/360p")), (0, 1));
    main.recorded().iter().for_each(|segment| main.assert_found(&store, segment));
    let expired = store.expire(&main.id, u64::MAX, &|_| false).expect("expired");
    assert_eq!((expired.gone.len(), names("archive/main/360p")), (10, 0));
}
