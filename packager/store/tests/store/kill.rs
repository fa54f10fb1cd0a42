//! Whatever ends the process and whatever befalls the files: what is whole is there again.

use std::{
    collections::BTreeMap,
    ops::Range,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use packager::{Msn, Run, Segment};
use proptest::prelude::*;
use store::{Body, Item, Rendition, Store};

use crate::recording::{Recording, Step, begin, cases, find, grid, id, media_files, small, steps};

/// Where each segment lies: its file, and the range of each part.
type Places = BTreeMap<Msn, (PathBuf, Vec<Range<u64>>)>;

/// Records, closes, and says where everything is.
fn record(root: &Path, steps: &[Step]) -> (Recording, Places) {
    let (store, _, run) = begin(root, small());
    let mut main = Recording::new(id("main"), run);
    steps.iter().for_each(|step| main.step(&store, step));
    drop(store);
    let (store, recovered) = Store::open_with(root, grid(), small()).expect("opened");
    // A segment that was still open is there, too.
    let expected: Vec<Segment> = main.recorded().into_iter().map(|s| Segment { done: true, ..s }).collect();
    assert_eq!(recovered.renditions.iter().flat_map(|r| r.ring.clone()).collect::<Vec<_>>(), expected);
    for rendition in &recovered.renditions {
        for (run, k, format, bytes) in &rendition.headers {
            assert_eq!((*run, bytes), (main.run, &main.headers[k]));
            assert!(matches!(format, packager::Format::H264 { frame_ticks: 1000.., height: 360, .. }), "{format:?}");
        }
    }
    let mut places = Places::new();
    for segment in &expected {
        main.assert_found(&store, segment);
        let part = |index| match find(&store, &main.id, run, Item::Part(segment.msn, index)) {
            Some(Body::File { file, offset, len }) => (file, offset..offset + len),
            other => panic!("{other:?}"),
        };
        let (file, _) = part(0);
        let fd = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&*file));
        let path = std::fs::read_link(fd).expect("a path");
        places.insert(segment.msn, (path, (0..segment.parts.len() as u32).map(|i| part(i).1).collect()));
    }
    (main, places)
}

fn ring(renditions: &[Rendition]) -> BTreeMap<Msn, Segment> {
    renditions.iter().flat_map(|r| &r.ring).map(|s| (s.msn, s.clone())).collect()
}

/// What is left of a segment when `whole` of its parts are.
fn shortened(segment: &Segment, whole: usize) -> Segment {
    let parts = segment.parts[..whole].to_vec();
    let duration = parts.iter().map(|p| u64::from(p.duration)).sum();
    Segment { parts, duration, done: true, ..segment.clone() }
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn a_file_torn_at_any_byte_is_as_long_as_its_whole_parts(steps in steps(), which: prop::sample::Index, at: prop::sample::Index) {
        let root = tempfile::tempdir().expect("a folder");
        let (main, places) = record(root.path(), &steps);
        let files = media_files(root.path());
        prop_assume!(!files.is_empty());
        let torn = which.get(&files);
        let len = std::fs::metadata(torn).expect("a file").len();
        let len = at.index(len as usize + 1) as u64;
        std::fs::OpenOptions::new().write(true).open(torn).and_then(|f| f.set_len(len)).expect("truncated");
        // A second start finds what the first left.
        for _ in 0..2 {
            let (store, recovered) = Store::open_with(root.path(), grid(), small()).expect("opened");
            let found = ring(&recovered.renditions);
            let mut expected = BTreeMap::new();
            for segment in main.recorded() {
                let (file, parts) = &places[&segment.msn];
                let whole = if file == torn { parts.iter().filter(|p| p.end <= len).count() } else { parts.len() };
                if whole > 0 {
                    expected.insert(segment.msn, shortened(&segment, whole));
                }
            }
            prop_assert_eq!(&found, &expected);
            found.values().for_each(|segment| main.assert_found(&store, segment));
        }
    }

    #[test]
    fn damage_costs_what_it_hits(steps in steps(), finished: bool, which: prop::sample::Index, hits in prop::collection::vec((any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 1..40)), 1..4)) {
        let root = tempfile::tempdir().expect("a folder");
        let (main, places) = record(root.path(), &steps);
        let files = media_files(root.path());
        prop_assume!(!files.is_empty());
        let hit = which.get(&files);
        let file = std::fs::OpenOptions::new().write(true).open(hit).expect("a file");
        if !finished {
            // The process was killed: what the file holds is found by reading its boxes.
            let end = places.values().filter(|(f, _)| f == hit).filter_map(|(_, p)| Some(p.last()?.end)).max();
            file.set_len(end.expect("a segment")).expect("truncated");
        }
        let len = file.metadata().expect("a file").len();
        let ranges: Vec<Range<u64>> = hits.iter().map(|(at, bytes)| {
            let at = at.index(len as usize) as u64;
            let n = (bytes.len() as u64).min(len - at);
            file.write_all_at(&bytes[..n as usize], at).expect("written");
            at..at + n
        }).collect();
        let touched = |r: &Range<u64>| ranges.iter().any(|hit| hit.start < r.end && r.start < hit.end);
        let first = places.values().filter(|(f, _)| f == hit).map(|(_, parts)| parts[0].start).min().expect("a segment");
        let header_touched = touched(&(0..first - 72));
        let (store, recovered) = Store::open_with(root.path(), grid(), small()).expect("opened");
        let found = ring(&recovered.renditions);
        for segment in main.recorded() {
            let (file, parts) = &places[&segment.msn];
            let all = parts[0].start - 72..parts[parts.len() - 1].end;
            if file != hit || !(header_touched || touched(&all)) {
                let expected = shortened(&segment, segment.parts.len());
                prop_assert_eq!(found.get(&segment.msn), Some(&expected), "{}", segment.msn);
                main.assert_found(&store, &segment);
            }
        }
        // Whatever is found can be read.
        for segment in found.values() {
            let body = find(&store, &main.id, main.run, Item::Segment(segment.msn)).expect("found");
            prop_assert_eq!(body.read().expect("readable").len() as u64, segment.size());
        }
    }
}

/// Set for the child that records until it is killed.
const CHILD: &str = "STORE_TEST_RECORDS_IN";

#[test]
fn kill_9_while_recording() {
    if let Some(root) = std::env::var_os(CHILD) {
        return record_until_killed(Path::new(&root));
    }
    let root = tempfile::tempdir().expect("a folder");
    let mut before = 0;
    for round in 1..=3 {
        let child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "kill::kill_9_while_recording"])
            .env(CHILD, root.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a child");
        let mut child = Killed(child);
        let deadline = Instant::now() + Duration::from_secs(20);
        let size = || media_files(root.path()).iter().filter_map(|f| f.metadata().ok()).map(|m| m.len()).sum::<u64>();
        let started = root.path().join("ring");
        while !started.exists() || size() < before + 300_000 {
            assert!(Instant::now() < deadline && child.0.try_wait().expect("a status").is_none(), "the child records");
            std::thread::yield_now();
        }
        drop(child);
        let (store, recovered) = Store::open_with(root.path(), grid(), small()).expect("opened");
        assert_eq!(recovered.anchors.len(), round);
        let found = ring(&recovered.renditions);
        let numbers: Vec<u64> = found.keys().map(|m| m.0).collect();
        assert!(numbers.windows(2).all(|w| w[1] > w[0]) && !numbers.is_empty());
        for segment in found.values() {
            // The same frames again, by the same rule as in the child.
            let mut again = Recording::from(id("main"), segment.run, segment.msn);
            let elsewhere = tempfile::tempdir().expect("a folder");
            let (other, ..) = begin(elsewhere.path(), small());
            again.segments(&other, 1, 1000 + (segment.msn.0 as usize % 7) * 100);
            let bytes = find(&store, &id("main"), segment.run, Item::Segment(segment.msn)).expect("there");
            let expected = again.bytes(segment.msn);
            assert!(expected.starts_with(&bytes.read().expect("readable")), "{} of {}", segment.msn, segment.run);
        }
        before = size();
    }
}

/// A child that does not outlive its test, however that ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Records faster than any camera. Should nobody kill it, it ends long before the disk is full.
fn record_until_killed(root: &Path) {
    let (store, recovered, run) = begin(root, small());
    let next = ring(&recovered.renditions).last_key_value().map_or(0, |(msn, _)| msn.0 + 1);
    assert_eq!(Run(recovered.anchors.len() as u32 + 1), run);
    for msn in next..next + 2000 {
        let mut main = Recording::from(id("main"), run, Msn(msn));
        main.segments(&store, 1, 1000 + (msn as usize % 7) * 100);
        store.flush();
    }
}
