//! The faults: what is done to a camera, and what must come of it.

use std::{net::UdpSocket, time::Duration};

use super::{
    publisher::Publisher,
    scene::{
        Kind::{self, Caller, Listener, Rtsp, Udp},
        Scene, port,
    },
    stage::Clip,
};

pub struct Fault {
    pub name: &'static str,
    /// The sources that it can befall.
    pub kinds: &'static [Kind],
    pub play: fn(&mut Scene<'_>),
}

const ALL: &[Kind] = &[Udp, Listener, Caller, Rtsp];
const STREAMS: &[Kind] = &[Udp, Listener, Caller];

pub const FAULTS: &[Fault] = &[
    Fault { name: "late", kinds: ALL, play: late },
    Fault { name: "silent", kinds: &[Listener, Rtsp], play: silent },
    Fault { name: "stops", kinds: ALL, play: stops },
    Fault { name: "no-picture", kinds: STREAMS, play: no_picture },
    Fault { name: "frozen-clock", kinds: STREAMS, play: frozen_clock },
    Fault { name: "killed", kinds: ALL, play: killed },
    Fault { name: "cut", kinds: &[Rtsp], play: cut },
    Fault { name: "new-size", kinds: STREAMS, play: new_size },
    Fault { name: "new-codec", kinds: &[Udp], play: new_codec },
    Fault { name: "wrap", kinds: STREAMS, play: wrap },
    Fault { name: "jumps", kinds: STREAMS, play: jumps },
    Fault { name: "lossy", kinds: &[Listener, Caller], play: lossy },
    Fault { name: "lossy-without-repair", kinds: &[Udp, Rtsp], play: lossy_without_repair },
    Fault { name: "garbage", kinds: ALL, play: garbage },
    Fault { name: "noise", kinds: &[Udp], play: noise },
];

/// Nothing for a while, then a camera like any other: its timeline is as long as all others'.
fn late(scene: &mut Scene<'_>) {
    let others = || scene.stage.segments("healthy-udp", "180p").last().map_or(0, |s| s.msn);
    let begun = others();
    scene.until("fifteen segments of the others", || (others() > begun + 15).then_some(()));
    assert!(scene.rung().is_empty(), "nothing that a player could decode");
    scene.begin();
}

/// A peer that is there and sends nothing is a loss with a reason; the next one is taken.
fn silent(scene: &mut Scene<'_>) {
    let target = scene.network.address();
    let silent = match scene.camera.kind {
        Listener => {
            let (from, to) = (format!("udp://127.0.0.1:{}", port()), format!("srt://{target}?mode=caller"));
            let args = ["-q".to_owned(), from, to];
            Some(Publisher::start("srt-live-transmit", "srt-tools", args.into()))
        }
        _ => {
            scene.set(|c| c.freeze = true);
            scene.send(Clip::Match, &[]);
            None
        }
    };
    scene.lost(if silent.is_some() { &["sends nothing"] } else { &[""] });
    drop(silent);
    scene.set(|_| ());
    scene.begin();
}

/// Bytes stop, and come again.
fn stops(scene: &mut Scene<'_>) {
    scene.begin();
    scene.set(|c| c.black_hole = true);
    scene.lost(if scene.camera.kind == Rtsp { &[""] } else { &["nothing has come for 2 s"] });
    let returned = scene.returns(|scene| {
        scene.set(|_| ());
        // Over SRT the sender has to notice first, within its five seconds; an encoder's own watchdog is quicker.
        if matches!(scene.camera.kind, Listener | Caller) {
            scene.send(Clip::Match, &[]);
        }
    });
    scene.back(returned);
}

/// Sound goes on, the picture does not.
fn no_picture(scene: &mut Scene<'_>) {
    scene.begin();
    scene.send(Clip::Match, &["-vn"]);
    // Where the connection is another one: nothing in it is of use.
    scene.lost(&["no picture", "nothing in it can be decoded"]);
    let returned = scene.returns(|scene| scene.send(Clip::Match, &[]));
    scene.back(returned);
}

/// Every frame has the timestamp of the one before: the stream's frame rate is a clock as well, and no second is lost, neither
/// when the clock stops nor when it goes again, seconds later.
fn frozen_clock(scene: &mut Scene<'_>) {
    scene.begin();
    let first = scene.newest();
    scene.set(|c| c.clock_stopped = true);
    scene.goes_on(6);
    scene.set(|_| ());
    scene.goes_on(3);
    scene.no_gap_since(first);
    assert_eq!(scene.state(), ("live".to_owned(), String::new()));
}

/// `kill -9`, and another one started.
fn killed(scene: &mut Scene<'_>) {
    scene.begin();
    scene.kill();
    scene.lost(&[""]);
    let newest = scene.newest();
    scene.until("a gap", || scene.rung().iter().any(|s| s.msn >= newest && s.gap).then_some(()));
    let returned = scene.returns(|scene| scene.send(Clip::Match, &[]));
    scene.back(returned);
}

/// The connection breaks, and can be made again at once.
fn cut(scene: &mut Scene<'_>) {
    scene.begin();
    let returned = scene.returns(|scene| scene.network.cut());
    scene.back(returned);
}

/// Another size and other parameter sets in mid-stream: a new header in the source, nothing in the rung.
fn new_size(scene: &mut Scene<'_>) {
    scene.send(Clip::Spliced, &[]);
    scene.goes_on(3);
    let first = scene.newest();
    let splice = scene.until("a new header in the source", || {
        let source = scene.real("source");
        source.iter().position(|s| s.map != source[0].map).map(|at| source[at].clone())
    });
    assert!(splice.map.ends_with("init-1.mp4") && splice.broken, "{splice:?}");
    scene.goes_on(3);
    let answer = scene.stage.server.get(&splice.map);
    assert_eq!(answer.status, 200);
    scene.every_frame_since(first);
    let source = scene.stage.segments(&scene.camera.id, "source");
    assert!(source.iter().all(|s| !s.gap), "{}: {source:?}", scene.camera.id);
}

/// Another codec: the rung goes on, and what cannot be passed through is refused by name; and back again.
fn new_codec(scene: &mut Scene<'_>) {
    scene.begin();
    let newest = scene.newest();
    scene.send(Clip::Mpeg2, &[]);
    scene.until("the refusal", || {
        let (state, why) = scene.state();
        (state == "refused" && why.contains("MPEG-2")).then_some(())
    });
    scene.until("five segments of the other codec", || {
        let rung = scene.rung();
        (rung.iter().rev().take_while(|s| !s.gap && s.msn > newest).count() > 4).then_some(())
    });
    scene.begin();
    let lost = scene.rung().iter().filter(|s| s.msn > newest && s.gap).count();
    assert!(lost <= 8, "{}: {lost} segments lost by two changes", scene.camera.id);
}

/// The 33 bits of the clock begin anew: nobody sees it.
fn wrap(scene: &mut Scene<'_>) {
    // 2^33 ticks are 95,443.7 s.
    scene.send(Clip::Match, &["-output_ts_offset", "95434"]);
    scene.goes_on(3);
    let first = scene.newest();
    scene.until("the wrap and six seconds after it", || (scene.newest() > first + 14).then_some(()));
    scene.every_frame_since(first);
    assert_eq!(scene.state(), ("live".to_owned(), String::new()));
    let source = scene.stage.segments(&scene.camera.id, "source");
    assert!(source.iter().all(|s| !s.gap && !s.broken), "{}: {source:?}", scene.camera.id);
}

/// Timestamps jump, forward and back, by seconds and by more than a day: no second is lost.
fn jumps(scene: &mut Scene<'_>) {
    scene.begin();
    let first = scene.newest();
    let mut shift = 0;
    for jump in [10_000, -10_000, 26 * 3_600_000, -26 * 3_600_000 - 10_000] {
        shift += jump;
        scene.set(|c| c.clock_shift_ms = shift);
        scene.goes_on(3);
    }
    scene.no_gap_since(first);
    assert_eq!(scene.state(), ("live".to_owned(), String::new()));
}

/// Two in a hundred lost, bursts of three in ten, a long way, doubled and overtaken: SRT repairs it, but for what comes too late.
fn lossy(scene: &mut Scene<'_>) {
    scene.begin();
    let first = scene.newest();
    let lost = scene.network.counts().lost;
    scene.set(|c| {
        (c.loss, c.burst, c.duplicate, c.reorder) = (0.02, 0.3, 0.05, 0.02);
        (c.delay, c.jitter) = (Duration::from_millis(15), Duration::from_millis(10));
    });
    scene.goes_on(8);
    let counts = scene.network.counts();
    assert!(counts.lost > lost + 5, "{counts:?}");
    scene.set(|_| ());
    scene.goes_on(2);
    let gaps = scene.rung().iter().filter(|s| s.msn >= first && s.gap).count();
    assert!(gaps <= 2, "{}: {gaps} of ten segments lost", scene.camera.id);
}

/// The same where nothing repairs it: what is damaged is lost, and the camera is back when the network is.
fn lossy_without_repair(scene: &mut Scene<'_>) {
    scene.begin();
    scene.set(|c| {
        (c.loss, c.burst, c.duplicate) = (0.02, 0.3, 0.05);
        (c.delay, c.jitter) = (Duration::from_millis(15), Duration::from_millis(10));
    });
    let (lost, newest) = (scene.network.counts().lost, scene.newest());
    scene.until("eight seconds of it", || (scene.newest() > newest + 8).then_some(()));
    let counts = scene.network.counts();
    assert!(counts.lost > lost + 2 || scene.camera.kind == Rtsp, "{counts:?}");
    let returned = scene.returns(|scene| scene.set(|_| ()));
    scene.back(returned);
}

/// Bytes are changed and nonsense comes between.
fn garbage(scene: &mut Scene<'_>) {
    scene.begin();
    scene.set(|c| (c.flip, c.insert) = (0.05, 0.02));
    let (damaged, newest) = (scene.network.counts().damaged, scene.newest());
    scene.until("five seconds of it", || (scene.newest() > newest + 5).then_some(()));
    assert!(scene.network.counts().damaged > damaged, "{:?}", scene.network.counts());
    let returned = scene.returns(|scene| scene.set(|_| ()));
    scene.back(returned);
}

/// Nothing but nonsense, which looks like a transport stream from afar: said so in the end, and the real sender is taken.
fn noise(scene: &mut Scene<'_>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut noise = scene.seed();
    let mut packet = || {
        let mut byte = |i: usize| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if i.is_multiple_of(188) { 0x47 } else { noise.to_be_bytes()[0] }
        };
        let packet: Vec<u8> = (0..1_316).map(&mut byte).collect();
        let _ = socket.send_to(&packet, scene.network.address());
    };
    scene.until("the loss is told", || {
        packet();
        let (state, why) = scene.state();
        (state == "lost" && why.contains("nothing in it can be decoded")).then_some(())
    });
    scene.begin();
}
