//! Cameras that nothing befalls: every part of them is asked for before it exists, and every frame is looked at.

use std::{
    process::Child,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::JoinHandle,
};

use super::{
    lists::{hint, segments},
    pictures::{breaks, live, read},
    stage::Stage,
};
use crate::{
    http,
    server::{Server, end_with_us, until},
};

const CAMERAS: [&str; 2] = ["healthy-udp", "healthy-srt"];
/// Frames that pass while a camera's delay is being learnt.
const LEARNING: u64 = 3;

pub struct Healthy {
    senders: Vec<Child>,
    over: Arc<AtomicBool>,
    watchers: Vec<JoinHandle<Result<u64, String>>>,
    /// The first segment that is looked at, of each.
    first: Vec<u64>,
}

impl Healthy {
    pub fn start(server: &Server, targets: [String; 2]) -> Self {
        let senders: Vec<Child> = targets.iter().map(|target| live(target)).collect();
        senders.iter().for_each(|sender| end_with_us(sender.id()));
        let path = |camera: &str| format!("/live/{camera}/180p/index.m3u8");
        let first = CAMERAS.map(|camera| {
            until(&format!("three segments of {camera}"), || {
                let list = server.get(&path(camera));
                let found = if list.status == 200 { segments(&path(camera), list.text()) } else { Vec::new() };
                (found.len() as u64 > LEARNING).then(|| found[found.len() - 1].msn)
            })
        });
        let over = Arc::new(AtomicBool::new(false));
        let watch = |camera: &str| {
            let (url, over) = (format!("{}{}", server.url, path(camera)), Arc::clone(&over));
            std::thread::spawn(move || follow(&url, &over))
        };
        Self { senders, watchers: CAMERAS.map(watch).into(), over, first: first.into() }
    }

    /// What was harmed, if anything was.
    pub fn end(mut self, stage: &Stage) -> Result<(), String> {
        self.over.store(true, Relaxed);
        let parts: Vec<Result<u64, String>> = self.watchers.drain(..).map(|w| w.join().unwrap()).collect();
        for ((camera, first), parts) in CAMERAS.iter().zip(&self.first).zip(parts) {
            let parts = parts.map_err(|harm| format!("{camera}: {harm}"))?;
            let state = stage.server.state(camera);
            if state != ("live".to_owned(), String::new()) {
                return Err(format!("{camera} is {state:?}"));
            }
            for rendition in ["180p", "source"] {
                let all = stage.segments(camera, rendition);
                let since = all.iter().find(|s| s.msn == *first).map_or(0, |s| s.starts);
                let all: Vec<_> = all.into_iter().filter(|s| s.starts >= since).collect();
                if let Some(harmed) = all.iter().find(|s| s.gap || s.broken) {
                    return Err(format!("{camera}/{rendition}: {harmed:?}"));
                }
                let strips = read(&stage.server, &all);
                let breaks = breaks(&strips);
                if !breaks.is_empty() {
                    return Err(format!("{camera}/{rendition}: of {} frames: {breaks:?}", strips.len()));
                }
                println!(
                    "{camera}/{rendition}: {} frames, none missing; {parts} parts asked for and answered",
                    strips.len()
                );
            }
        }
        Ok(())
    }
}

impl Drop for Healthy {
    fn drop(&mut self) {
        self.over.store(true, Relaxed);
        for sender in &mut self.senders {
            let _ = sender.kill();
            let _ = sender.wait();
        }
    }
}

/// Asks for part after part before each exists; returns their number.
fn follow(url: &str, over: &AtomicBool) -> Result<u64, String> {
    let (mut next, mut parts) = (hint(http::get(url).text()), 0);
    while !over.load(Relaxed) {
        let answer = http::get(&format!("{url}?_HLS_msn={}&_HLS_part={}", next.0, next.1));
        if answer.status != 200 {
            return Err(format!("part {next:?} was answered with {}", answer.status));
        }
        let list = answer.text();
        let after = hint(list);
        if after <= next || list.contains("#EXT-X-GAP") {
            return Err(format!("the answer for {next:?} does not hold it: {list}"));
        }
        (next, parts) = (after, parts + 1);
    }
    Ok(parts)
}
