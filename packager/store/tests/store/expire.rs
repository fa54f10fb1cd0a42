//! What grows old goes; what is kept stays, at the same address, with the same bytes.

use std::collections::BTreeSet;

use packager::{Msn, Segment};
use proptest::prelude::*;
use store::{Item, Store};

use crate::recording::{Recording, Step, begin, cases, find, grid, id, media_files, small};

fn numbers(segments: &[Segment]) -> Vec<u64> {
    segments.iter().map(|s| s.msn.0).collect()
}

#[test]
fn whole_files_go_and_pinned_segments_move_once() {
    let root = tempfile::tempdir().expect("a folder");
    let (store, _, run) = begin(root.path(), small());
    let mut main = Recording::new(id("main"), run);
    main.segments(&store, 9, 80);
    store.flush();
    let pinned = |s: &Segment| [1, 2, 3, 5].contains(&s.msn.0);
    // Files hold segments 0 1, 2 3, 4 5, 6 7, 8. The one up to 6 s ends at tick 150,000.
    let expired = store.expire(&main.id, 149_999, &pinned).expect("expired");
    assert_eq!((numbers(&expired.gone), numbers(&expired.archived)), (vec![0], vec![1, 2, 3]));
    assert!(expired.freed > 0);
    let expired = store.expire(&main.id, 150_000, &pinned).expect("expired");
    assert_eq!((numbers(&expired.gone), numbers(&expired.archived)), (vec![4], vec![5]));
    let again = store.expire(&main.id, 150_000, &pinned).expect("expired");
    assert_eq!((again.gone.len(), again.archived.len(), again.freed), (0, 0, 0));
    let left = |store: &Store| -> Vec<u64> {
        (0..12).filter(|n| find(store, &main.id, run, Item::Segment(Msn(*n))).is_some()).collect()
    };
    assert_eq!(left(&store), [1, 2, 3, 5, 6, 7, 8]);
    for segment in main.recorded().iter().filter(|s| left(&store).contains(&s.msn.0)) {
        main.assert_found(&store, segment);
    }
    // A file of which nothing is kept goes, one of which something is stays whole.
    let expired = store.expire(&main.id, 150_000, &|s| s.msn.0 == 3).expect("expired");
    assert_eq!(numbers(&expired.gone), [1, 5]);
    assert_eq!(left(&store), [2, 3, 6, 7, 8]);
    drop(store);
    let (store, recovered, _) = begin(root.path(), small());
    let [rendition] = recovered.renditions.as_slice() else { panic!("one rendition") };
    assert_eq!((numbers(&rendition.archive), numbers(&rendition.ring)), (vec![2, 3], vec![6, 7, 8]));
    assert_eq!(left(&store), [2, 3, 6, 7, 8]);
}

#[test]
fn the_file_of_a_camera_that_stopped_goes_too() {
    let root = tempfile::tempdir().expect("a folder");
    let (store, _, run) = begin(root.path(), small());
    let mut main = Recording::new(id("main"), run);
    main.segments(&store, 1, 80);
    store.flush();
    let expired = store.expire(&main.id, u64::MAX, &|_| false).expect("expired");
    assert!(expired.gone.is_empty(), "it was still open");
    store.flush();
    let expired = store.expire(&main.id, u64::MAX, &|_| false).expect("expired");
    assert_eq!(numbers(&expired.gone), [0]);
    assert!(find(&store, &main.id, run, Item::Segment(Msn(0))).is_none());
    assert!(media_files(root.path()).is_empty());
    // It comes back.
    main.segments(&store, 2, 80);
    store.flush();
    main.assert_found(&store, &main.recorded()[1]);
}

#[test]
fn a_reader_keeps_what_it_found() {
    let root = tempfile::tempdir().expect("a folder");
    let (store, _, run) = begin(root.path(), small());
    let mut main = Recording::new(id("main"), run);
    main.segments(&store, 6, 80);
    store.flush();
    let body = find(&store, &main.id, run, Item::Segment(Msn(0))).expect("found");
    store.expire(&main.id, 100_000, &|_| false).expect("expired");
    assert!(find(&store, &main.id, run, Item::Segment(Msn(0))).is_none());
    assert_eq!(body.read().expect("readable"), main.bytes(Msn(0)));
}

#[test]
fn what_is_kept_is_found_at_every_moment() {
    let root = tempfile::tempdir().expect("a folder");
    let (store, _, run) = begin(root.path(), small());
    let mut main = Recording::new(id("main"), run);
    main.segments(&store, 60, 40);
    store.flush();
    // Every second file is kept whole and moves, the others are copied from.
    let pinned = |s: &Segment| s.msn.0 % 4 != 3;
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let look = || {
            let mut rounds = 0;
            while rounds < 2 || !over.load(std::sync::atomic::Ordering::Relaxed) {
                main.recorded().iter().filter(|s| pinned(s)).for_each(|s| main.assert_found(&store, s));
                rounds += 1;
            }
        };
        let readers = [scope.spawn(look), scope.spawn(look)];
        for end in 1..=60 {
            store.expire(&main.id, end * 25_000, &pinned).expect("expired");
        }
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        for reader in readers {
            reader.join().expect("found everything");
        }
    });
    assert!(find(&store, &main.id, run, Item::Segment(Msn(3))).is_none());
}

#[test]
fn killed_between_copy_and_deletion_nothing_is_twice() {
    let root = tempfile::tempdir().expect("a folder");
    let (store, _, run) = begin(root.path(), small());
    let mut main = Recording::new(id("main"), run);
    main.segments(&store, 5, 80);
    store.flush();
    let ring = root.path().join("ring/main/360p/1-0-0.mp4");
    let saved = std::fs::read(&ring).expect("a ring file");
    store.expire(&main.id, 50_000, &|s| s.msn.0 == 1).expect("expired");
    drop(store);
    std::fs::write(&ring, saved).expect("as if it had not been deleted");
    let (store, recovered, _) = begin(root.path(), small());
    assert_eq!(numbers(&recovered.renditions[0].ring), [0, 1, 2, 3, 4]);
    assert!(recovered.renditions[0].archive.is_empty());
    let expired = store.expire(&main.id, 50_000, &|s| s.msn.0 == 1).expect("expired");
    assert_eq!((numbers(&expired.gone), numbers(&expired.archived)), (vec![0], vec![]));
    main.assert_found(&store, &main.recorded()[1]);
}

#[test]
fn an_archive_that_cannot_be_written_costs_nothing() {
    let root = tempfile::tempdir().expect("a folder");
    let (store, _, run) = begin(root.path(), small());
    let mut main = Recording::new(id("main"), run);
    main.segments(&store, 7, 80);
    store.flush();
    std::fs::write(root.path().join("archive/main"), b"in the way").expect("written");
    // What needs no archive goes all the same.
    store.expire(&main.id, 100_000, &|s| s.msn.0 == 0).expect_err("no archive");
    assert!(find(&store, &main.id, run, Item::Segment(Msn(3))).is_none());
    main.assert_found(&store, &main.recorded()[0]);
    std::fs::remove_file(root.path().join("archive/main")).expect("removed");
    let expired = store.expire(&main.id, 100_000, &|s| s.msn.0 == 0).expect("expired");
    assert_eq!((numbers(&expired.gone), numbers(&expired.archived)), (vec![1], vec![0]));
    main.assert_found(&store, &main.recorded()[0]);
}

#[derive(Clone, Debug)]
enum Act {
    Record(Step),
    /// Pins from, length.
    Pin(u64, u64),
    Unpin(usize),
    /// Expires all but so many segments.
    Expire(u64),
    Reopen,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (10..90_u32, 1..200_usize).prop_map(|(n, size)| Act::Record(Step::Frames(n, vec![size]))),
        1 => (1..40_u32).prop_map(|n| Act::Record(Step::Lost(n))),
        3 => (0..40_u64, 1..5_u64).prop_map(|(from, n)| Act::Pin(from, n)),
        1 => any::<usize>().prop_map(Act::Unpin),
        2 => (0..8_u64).prop_map(Act::Expire),
        1 => Just(Act::Reopen),
    ];
    prop::collection::vec(act, 5..40)
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn what_was_pinned_since_it_was_recorded_is_there(acts in acts()) {
        let root = tempfile::tempdir().expect("a folder");
        let (mut store, _, run) = begin(root.path(), small());
        let mut main = Recording::new(id("main"), run);
        let mut pins: Vec<std::ops::Range<u64>> = Vec::new();
        // Segments that once were neither in the ring nor pinned: nothing is promised of them.
        let mut free: BTreeSet<u64> = BTreeSet::new();
        let mut before = 0;
        for act in acts {
            match act {
                Act::Record(step) => main.step(&store, &step),
                Act::Pin(from, n) => pins.push(from..from + n),
                Act::Unpin(i) if !pins.is_empty() => drop(pins.swap_remove(i % pins.len())),
                Act::Unpin(_) => {}
                Act::Expire(keep) => {
                    let newest = main.timeline.newest().map_or(0, |s| s.msn.0);
                    // The ring's beginning never goes back.
                    before = before.max(newest.saturating_sub(keep) * 25_000);
                    let pinned = |s: &Segment| pins.iter().any(|p| p.contains(&s.msn.0));
                    store.flush();
                    let expired = store.expire(&main.id, before, &pinned).expect("expired");
                    for gone in &expired.gone {
                        prop_assert!(!pinned(gone) && gone.end() <= before, "{}", gone.msn);
                    }
                    free.extend(main.recorded().iter().filter(|s| s.end() <= before && !pinned(s)).map(|s| s.msn.0));
                }
                Act::Reopen => {
                    // The cutter goes on in the same run: what was cut before is on disk.
                    drop(store);
                    store = Store::open_with(root.path(), grid(), small()).expect("opened").0;
                    for (k, bytes) in &main.headers {
                        let format = crate::recording::h264(640);
                        let event = packager::Event::Header { k: *k, bytes: bytes.clone(), format };
                        store.append(&main.id, run, 0, &event);
                    }
                    // What was open when the process ended is over.
                    let open = main.timeline.newest().is_some_and(|s| !s.done);
                    if open {
                        main.abandon_segment();
                    }
                }
            }
            for segment in main.recorded().iter().filter(|s| s.done && !free.contains(&s.msn.0)) {
                main.assert_found(&store, segment);
            }
        }
    }
}
