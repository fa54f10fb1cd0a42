//! What goes wrong between a camera and us, one fault after the other on cameras of one server, and what no other camera may
//! notice of it.
//!
//! By default every fault befalls one kind of source, chosen by a seed (`VIRAGE_SEED`, else 1122); `VIRAGE_FULL=1` takes every
//! kind, `VIRAGE_FAULT=name` this one alone. Needs the packages ffmpeg, srt-tools, python3-gi and gir1.2-gst-rtsp-server-1.0.

mod catalogue;
mod clock;
mod healthy;
mod lists;
mod pictures;
mod publisher;
mod scene;
mod soak;
mod stage;

use std::sync::Mutex;

use catalogue::{FAULTS, Fault};
use scene::{Kind, Scene};
use stage::Stage;

/// Scenes that play at a time: what two cores carry.
const AT_A_TIME: usize = 4;

/// Every fault with the kinds of source that it befalls.
fn selection() -> Vec<(&'static Fault, Kind)> {
    let full = std::env::var_os("VIRAGE_FULL").is_some();
    let seed: usize = std::env::var("VIRAGE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1_122);
    let of = |(place, fault): (usize, &'static Fault)| {
        let kinds = if full { fault.kinds } else { &fault.kinds[(seed / 7 + place * 5) % fault.kinds.len()..][..1] };
        kinds.iter().map(move |kind| (fault, *kind)).collect::<Vec<_>>()
    };
    println!("seed {seed}; VIRAGE_SEED chooses another selection, VIRAGE_FULL=1 all");
    let alone = std::env::var("VIRAGE_FAULT").ok();
    let wanted = |(_, fault): &(usize, &'static Fault)| alone.as_ref().is_none_or(|name| name == fault.name);
    FAULTS.iter().enumerate().filter(wanted).flat_map(of).collect()
}

#[test]
fn whatever_befalls_one_camera_no_other_notices() {
    let selected = selection();
    let names: Vec<String> = selected.iter().map(|(fault, kind)| format!("{}-{}", fault.name, kind.name())).collect();
    let stage = Stage::start(&selected.iter().map(|(_, kind)| *kind).zip(names).collect::<Vec<_>>());
    let healthy = stage.healthy();
    let scenes = Mutex::new(selected.iter().zip(&stage.cameras).rev().collect::<Vec<_>>());
    std::thread::scope(|scope| {
        let play = || {
            while let Some(((fault, _), camera)) = { scenes.lock().unwrap().pop() } {
                let mut scene = Scene::new(&stage, camera);
                (fault.play)(&mut scene);
                scene.laws();
                println!("{}: as it should be", camera.id);
            }
        };
        let workers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(play)).collect();
        let ended: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
        // The watchers of the healthy cameras end with the scenes, however these went.
        let unharmed = healthy.end(&stage);
        ended.into_iter().for_each(|end| end.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        unharmed.unwrap_or_else(|harm| panic!("{harm}"));
    });
    stage.all_timelines_are_equally_long();
}
