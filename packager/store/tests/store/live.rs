//! What is new is served from memory, what is older from files, with the same bytes.

use packager::{Msn, Run};
use store::{Body, Item, Limits};

use crate::recording::{Recording, Step, begin, find, id, read, small};

#[test]
fn a_part_is_there_at_once_and_its_segment_when_it_is_done() {
    let root = tempfile::tempdir().expect("a folder");
    let (store, _, run) = begin(root.path(), small());
    let mut main = Recording::new(id("main"), run);
    main.step(&store, &Step::Frames(24, vec![50]));
    for index in 0..4 {
        let part = read(&store, &main.id, run, Item::Part(Msn(0), index)).expect("there");
        assert_eq!(part, main.parts[&Msn(0)][index as usize].bytes);
    }
    assert!(find(&store, &main.id, run, Item::Part(Msn(0), 4)).is_none(), "its last frame is missing");
    assert!(find(&store, &main.id, run, Item::Segment(Msn(0))).is_none(), "not done");
    main.step(&store, &Step::Frames(1, vec![50]));
    assert_eq!(read(&store, &main.id, run, Item::Segment(Msn(0))).expect("done"), main.bytes(Msn(0)));
}

#[test]
fn a_segment_that_lost_its_end_is_done_when_the_next_begins() {
    let root = tempfile::tempdir().expect("a folder");
    let (store, _, run) = begin(root.path(), small());
    let mut main = Recording::new(id("main"), run);
    for step in [Step::Frames(10, vec![50]), Step::Lost(15), Step::Frames(5, vec![50])] {
        main.step(&store, &step);
    }
    assert_eq!(read(&store, &main.id, run, Item::Segment(Msn(0))).expect("done"), main.bytes(Msn(0)));
    assert_eq!(main.parts[&Msn(0)].len(), 2);
    assert!(find(&store, &main.id, run, Item::Segment(Msn(1))).is_none(), "not done");
}

#[test]
fn memory_first_then_files_and_the_bytes_stay_the_same() {
    let root = tempfile::tempdir().expect("a folder");
    let (store, _, run) = begin(root.path(), small());
    let mut main = Recording::new(id("main"), run);
    main.segments(&store, 5, 300);
    store.flush();
    main.segments(&store, 1, 300);
    let in_memory = |msn| matches!(find(&store, &main.id, run, Item::Segment(Msn(msn))), Some(Body::Memory(_)));
    assert_eq!([0, 1, 2, 3, 4, 5].map(in_memory), [false, false, false, false, false, true]);
    for segment in main.recorded() {
        main.assert_found(&store, &segment);
    }
    for (other, run, item) in [
        ("main", Run(run.0 + 1), Item::Segment(Msn(0))),
        ("main", run, Item::Segment(Msn(6))),
        ("main", run, Item::Header(1)),
        ("opposite", run, Item::Segment(Msn(0))),
    ] {
        assert!(find(&store, &id(other), run, item).is_none(), "{other} {run} {item:?}");
    }
    assert_eq!(store.health().problem, None);
}

#[test]
fn cameras_are_recorded_side_by_side_and_more_files_than_handles_are_read() {
    let root = tempfile::tempdir().expect("a folder");
    let (store, _, run) = begin(root.path(), small());
    let mut cameras: Vec<Recording> = (0..4).map(|n| Recording::new(id(&format!("camera-{n}")), run)).collect();
    for _ in 0..100 {
        cameras.iter_mut().for_each(|c| c.segments(&store, 1, 20));
    }
    store.flush();
    for _ in 0..2 {
        for camera in &cameras {
            camera.recorded().iter().for_each(|segment| camera.assert_found(&store, segment));
        }
    }
    let open = std::fs::read_dir("/proc/self/fd").expect("proc").count();
    assert!(open < 300, "{open} files are open");
}

#[test]
fn a_queue_that_is_full_costs_recordings_and_not_live() {
    let root = tempfile::tempdir().expect("a folder");
    let (store, _, run) = begin(root.path(), Limits { queue: 1, ..small() });
    let mut main = Recording::new(id("main"), run);
    main.segments(&store, 1, 100);
    assert_eq!(read(&store, &main.id, run, Item::Segment(Msn(0))).expect("live"), main.bytes(Msn(0)));
    let health = store.health();
    assert!(health.problem.as_deref().is_some_and(|p| p.contains("too slow")), "{health:?}");
    assert_eq!((health.lost_segments, health.failing), (1, vec![main.id.clone()]));
    main.segments(&store, 3, 100);
    assert_eq!(store.take_vanished(), [0, 1, 2].map(|n| (main.id.clone(), run, Msn(n))));
    assert!(find(&store, &main.id, run, Item::Segment(Msn(0))).is_none());
    assert!(find(&store, &main.id, run, Item::Segment(Msn(3))).is_some());
    drop(store);
    let (_, recovered, _) = begin(root.path(), small());
    assert!(recovered.renditions.is_empty());
}
