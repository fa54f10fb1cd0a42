//! Keeps a source connected: every loss ends one [`Ingest`] and begins the next, and touches nothing else.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    sync::Arc,
    time::Duration,
};

use gstreamer as gst;

use crate::{
    Error, Source,
    ingest::{Ingest, Intake, Note, Progress, plain},
    push::Door,
    source::{Kind, Pace},
    sync::MS,
    worker::{Stop, Worker},
};

/// A peer that is there and sends nothing.
const SILENT: i64 = 4_000 * MS;
/// A peer that sent and stopped.
const STOPPED: i64 = 2_000 * MS;
/// Bytes that become no picture: longer than the longest distance of key frames.
const USELESS: i64 = 12_000 * MS;
/// What GStreamer calls an internal error: a demuxer whose streams nobody takes.
const NOTHING_NEEDED: &str = "there is no picture (or, for a sound, no sound) in what the sender sends";
/// How often a connection is looked at.
const GLANCE: gst::ClockTime = gst::ClockTime::from_mseconds(100);

/// Starts the thread that looks after a source.
pub(crate) fn run(name: &str, source: Source, intake: Arc<Intake>, stop: Stop) -> Result<Worker, Error> {
    let name = name.to_owned();
    Worker::spawn(format!("{name}-source"), move || {
        let mut backoff = Backoff::default();
        let mut door = None;
        while !stop.stopped() {
            intake.connecting(source.is_paced());
            let end = unharmed(|| attempt(&name, &source, &mut door, &intake, &stop));
            if stop.stopped() {
                return;
            }
            match end {
                End::Again => continue,
                End::Finished(why) => {
                    intake.lost(why);
                    stop.wait(Duration::MAX);
                    return;
                }
                End::Lost(why) => {
                    if intake.is_live() {
                        backoff = Backoff::default();
                    }
                    intake.lost(&why);
                }
            }
            stop.wait(backoff.next());
        }
    })
}

/// How a connection ended.
enum End {
    Lost(String),
    /// To be started again at once, as if nothing had happened.
    Again,
    /// For good.
    Finished(&'static str),
}

fn attempt(name: &str, source: &Source, door: &mut Option<Door>, intake: &Arc<Intake>, stop: &Stop) -> End {
    if door.is_none() {
        // Open for as long as the camera lives: who comes between two attempts waits inside.
        match Door::open(name, source) {
            Ok(opened) => *door = opened,
            Err(why) => return End::Lost(why),
        }
    }
    let seat = door.as_ref().map(|door| &door.seat);
    let mut limits = source.limits.now();
    let ingest = match Ingest::start(name, source, seat, intake) {
        Ok(ingest) => ingest,
        // Our own words; what libraries say may quote the address.
        Err(error @ (Error::Source(_) | Error::Limit(_))) => return End::Lost(error.to_string()),
        Err(Error::Pipeline { why, .. }) => return End::Lost(source.scrub(&why)),
        Err(error) => return End::Lost(source.scrub(&error.to_string())),
    };
    while !stop.stopped() {
        match ingest.note(GLANCE) {
            Some(Note::Error(why, detail)) => {
                let detail = source.scrub(&detail);
                // At each attempt: for who looks for it.
                tracing::debug!(source = %name, detail, "pipeline error");
                let known = complaint(&ingest, source).or_else(|| plain(source, &format!("{why} {detail}")));
                let why = if detail.contains("not-linked") { NOTHING_NEEDED.into() } else { source.scrub(&why) };
                return End::Lost(known.unwrap_or(why));
            }
            Some(Note::End) => match &source.kind {
                Kind::File(_) if intake.progress().output.is_none() => {
                    return End::Lost("the file holds nothing that can be played".into());
                }
                Kind::File(file) if !file.repeat => return End::Finished("the file has ended"),
                Kind::File(_) if ingest.rewind(intake) => {}
                Kind::File(_) => return End::Again,
                _ => return End::Lost(complaint(&ingest, source).unwrap_or("the sender has ended the stream".into())),
            },
            None => {}
        }
        if let Some(why) = given_up(&source.kind, intake.progress()) {
            return End::Lost(complaint(&ingest, source).unwrap_or(why.into()));
        }
        let now = source.limits.now();
        if !Arc::ptr_eq(&now, &limits) {
            limits = now;
            if let Err(error) = ingest.hold(&source.limits, &source.kind) {
                return End::Lost(error.to_string());
            }
        }
    }
    End::Again
}

/// What the connection knows of its failure, for people.
fn complaint(ingest: &Ingest, source: &Source) -> Option<String> {
    ingest.complaint().map(|why| source.scrub(&why))
}

/// A panic is a mistake of ours, and no reason to leave a camera dark until the server is started again.
fn unharmed(attempt: impl FnOnce() -> End) -> End {
    // What is shared with it is behind locks that `worker::lock` takes after a panic, too.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(attempt))
        .unwrap_or_else(|_| End::Lost("receiving it failed by a mistake in this program; the log has more".into()))
}

/// Why a connection is not worth keeping, if it is not.
fn given_up(source: &Kind, progress: Progress) -> Option<&'static str> {
    let (waits, paced) = (source.nature().waits(), source.nature().pace() != Pace::Arrival);
    match progress {
        Progress { bytes: Some(age), output, .. } if age > STOPPED && !paced => Some(match output {
            Some(_) => "nothing has come for 2 s",
            None => "nothing has come for 2 s, and no picture or sound before",
        }),
        Progress { output: Some(age), frozen, .. } if age > SILENT => Some(match frozen {
            Some(age) if age < STOPPED => "pictures or sound come, but their timestamps have stood still for 4 s",
            _ => "data comes, but no picture or sound for 4 s",
        }),
        Progress { output: None, first_bytes: Some(age), .. } if age > USELESS => {
            Some("data comes, but nothing in it can be decoded")
        }
        Progress { bytes: None, connected: Some(age), .. } if age > SILENT => {
            Some("the sender is connected and sends nothing")
        }
        Progress { bytes: None, started, .. } if started > SILENT && !waits => Some("nothing answers"),
        _ => None,
    }
}

/// Waits between attempts: 0.2 s, growing to 1 s, each a fifth more or less so that cameras do not return in step. What is
/// left of 3 s after the longest is for the connection and a key frame.
struct Backoff {
    next_ms: u64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next_ms: 200 }
    }
}

impl Backoff {
    fn next(&mut self) -> Duration {
        let base = self.next_ms;
        self.next_ms = (base * 8 / 5).min(1_000);
        let random = RandomState::new().build_hasher().finish();
        Duration::from_millis(base * 4 / 5 + random % (base * 2 / 5).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_that_panics_is_a_loss_and_tried_again() {
        let end = unharmed(|| panic!("of an attempt, on purpose"));
        assert!(matches!(end, End::Lost(why) if why.contains("mistake")));
    }
}
