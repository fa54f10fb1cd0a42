//! Server-Sent Events: what happened, numbered, to every open page at once.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::broadcast;

/// One event, in the bytes that every page gets.
#[derive(Debug)]
pub struct Event {
    /// Its number: what `Last-Event-ID` resumes after.
    pub number: u64,
    /// What the crew's pages get; `None` when it is not for them.
    pub crew: Option<Bytes>,
    /// What everybody else gets; `None` when it is the crew's alone.
    pub fans: Option<Bytes>,
}

/// All events of this run, the newest of them kept for pages that come back.
pub struct Events {
    sender: broadcast::Sender<Arc<Event>>,
    recent: Mutex<Recent>,
}

struct Recent {
    next: u64,
    kept: VecDeque<Arc<Event>>,
}

/// How many events a page may have missed and still resume.
const KEPT: usize = 512;

impl Events {
    /// No events yet; the first gets number `first`, which must be over those of earlier runs.
    pub fn new(first: u64) -> Self {
        let (sender, _) = broadcast::channel(256);
        Self { sender, recent: Mutex::new(Recent { next: first, kept: VecDeque::new() }) }
    }

    /// Tells everybody.
    pub fn tell(&self, kind: &str, object: &impl Serialize) {
        self.send(kind, Some(json(object)), Some(json(object)));
    }

    /// Tells the crew alone.
    pub fn tell_crew(&self, kind: &str, object: &impl Serialize) {
        self.send(kind, Some(json(object)), None);
    }

    /// Tells the crew one thing and everybody else another.
    pub fn tell_apart(&self, kind: &str, crew: &impl Serialize, fans: &impl Serialize) {
        self.send(kind, Some(json(crew)), Some(json(fans)));
    }

    fn send(&self, kind: &str, crew: Option<String>, fans: Option<String>) {
        // Numbered and sent under one lock: nobody sees numbers out of order.
        let mut recent = self.recent.lock();
        let number = recent.next;
        recent.next += 1;
        let frame = |data: String| Bytes::from(format!("id: {number}\nevent: {kind}\ndata: {data}\n\n"));
        let event = Arc::new(Event { number, crew: crew.map(frame), fans: fans.map(frame) });
        recent.kept.push_back(event.clone());
        if recent.kept.len() > KEPT {
            recent.kept.pop_front();
        }
        // Nobody listening is no error.
        let _ = self.sender.send(event);
    }

    /// The number that the next event gets: while it is the same, nothing has happened.
    pub fn next(&self) -> u64 {
        self.recent.lock().next
    }

    /// What came after `last`, and all that comes from now on. `None` in place of the past: too much was missed.
    pub fn resume(&self, last: Option<u64>) -> (Option<Vec<Arc<Event>>>, broadcast::Receiver<Arc<Event>>) {
        let recent = self.recent.lock();
        let receiver = self.sender.subscribe();
        let missed = match last {
            None => Some(Vec::new()),
            Some(last) if last.saturating_add(1) == recent.next => Some(Vec::new()),
            Some(last) => {
                let first = recent.kept.front().map(|e| e.number);
                let known = first.is_some_and(|first| (first..recent.next).contains(&last.saturating_add(1)));
                known.then(|| recent.kept.iter().filter(|e| e.number > last).cloned().collect())
            }
        };
        (missed, receiver)
    }
}

fn json(object: &impl Serialize) -> String {
    // The API's objects are plain structures: writing them cannot fail.
    serde_json::to_string(object).unwrap_or_else(|_| "{}".into())
}
