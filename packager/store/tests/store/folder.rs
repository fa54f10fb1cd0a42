//! The data folder as a whole: its lock, its grid, its runs.

use packager::{Grid, Msn, Rate, Run};
use store::{Item, Store, StoreError};

use crate::recording::{Recording, anchor, begin, grid, id, media_files, small};

#[test]
fn one_process_at_a_time_and_the_message_names_the_folder() {
    let root = tempfile::tempdir().expect("a folder");
    let (store, ..) = begin(root.path(), small());
    let other = store.clone();
    let refused = Store::open(root.path(), grid()).map(|_| ()).expect_err("in use");
    assert!(
        matches!(refused, StoreError::InUse(_)) && refused.to_string().contains(root.path().to_str().expect("text"))
    );
    drop(store);
    Store::open(root.path(), grid()).map(|_| ()).expect_err("a clone holds it");
    drop(other);
    Store::open(root.path(), grid()).map(|_| ()).expect("free again");
}

#[test]
fn another_grid_is_refused() {
    let root = tempfile::tempdir().expect("a folder");
    drop(begin(root.path(), small()));
    let grid_of =
        |num, den, part, segment| Grid::new(Rate::new(num, den).expect("a rate"), part, segment).expect("a grid");
    for (other, message) in
        [(grid_of(50, 1, 5, 25), "50"), (grid_of(25, 1, 5, 50), "50"), (grid_of(30_000, 1001, 6, 30), "30000/1001")]
    {
        let refused = Store::open(root.path(), other).map(|_| ()).expect_err("refused").to_string();
        assert!(refused.contains(message) && refused.contains("25 frames per second"), "{refused}");
    }
    // The length of parts is no part of any address.
    for same in [grid_of(25, 1, 1, 25), grid_of(50, 2, 5, 25)] {
        Store::open(root.path(), same).map(|_| ()).expect("the same grid");
    }
}

#[test]
fn runs_are_on_record_before_they_begin_and_only_grow() {
    let root = tempfile::tempdir().expect("a folder");
    for n in 1..4 {
        let (store, recovered, run) = begin(root.path(), small());
        assert_eq!(run, Run(n));
        assert_eq!(recovered.anchors, (1..n).map(|r| anchor(Run(r))).collect::<Vec<_>>());
        for old in 0..=n {
            let refused = store.begin_run(anchor(Run(old))).expect_err("not newer");
            assert!(matches!(refused, StoreError::RunOrder { newest, .. } if newest == run));
        }
    }
    for broken in ["", "{", "{\"rate\":\"25\"}", "{\"rate\":\"0\",\"segment_frames\":25,\"runs\":[]}", "\u{0}"] {
        std::fs::write(root.path().join("runs.json"), broken).expect("written");
        let refused = Store::open(root.path(), grid()).map(|_| ()).expect_err("unreadable");
        assert!(matches!(refused, StoreError::Runs { .. }) && refused.to_string().contains("runs.json"), "{refused}");
    }
}

#[test]
fn what_is_not_ours_is_left_alone_and_what_is_unreadable_is_set_aside() {
    let root = tempfile::tempdir().expect("a folder");
    let (store, _, run) = begin(root.path(), small());
    let mut main = Recording::new(id("main"), run);
    main.segments(&store, 3, 50);
    drop(store);
    let folder = root.path().join("ring/main/360p");
    let whole = std::fs::read(folder.join("1-0-0.mp4")).expect("a ring file");
    for (name, bytes) in [
        ("notes.txt", &b"mine"[..]),
        ("1-0-700.mp4", b"no media at all"),
        ("1-0-800.mp4", b""),
        ("1-0-900.mp4", &[0; 10_000]),
        ("1-0-950.mp4", &whole[..40]),
        ("99-0-0.mp4", &whole),
        ("2-0-0.mp4", &whole),
    ] {
        std::fs::write(folder.join(name), bytes).expect("written");
    }
    std::fs::create_dir_all(root.path().join("ring/Not A Slug/360p")).expect("made");
    std::fs::create_dir_all(root.path().join("ring/main/360p/1-0-5.mp4")).expect("made");
    std::fs::create_dir_all(root.path().join("archive/main/360p")).expect("made");
    std::fs::write(root.path().join("archive/main/360p/1-0-0.mp4.tmp"), &whole).expect("written");
    let (store, recovered, _) = begin(root.path(), small());
    let [rendition] = recovered.renditions.as_slice() else { panic!("{:?}", recovered.renditions) };
    assert_eq!(rendition.ring, main.recorded());
    main.recorded().iter().for_each(|segment| main.assert_found(&store, segment));
    let text = |path: std::path::PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
    let left: Vec<String> = media_files(root.path()).into_iter().map(text).collect();
    for aside in ["1-0-700.mp4.damaged", "1-0-900.mp4.damaged", "99-0-0.mp4.damaged", "2-0-0.mp4.damaged", "notes.txt"]
    {
        assert!(left.iter().any(|n| n == aside), "{aside} in {left:?}");
    }
    for gone in ["1-0-800.mp4", "1-0-950.mp4", "1-0-0.mp4.tmp"] {
        assert!(!left.iter().any(|n| n == gone), "{gone} in {left:?}");
    }
    assert!(store.health().damaged_files >= 4);
    assert!(store.find(&main.id, run, Item::Segment(Msn(700))).expect("no trouble").is_none());
}
