//! What the owner of a relay tells its threads, and what they tell it.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, Sender, channel},
    },
    time::Instant,
};

use super::Conditions;

/// Packets of a relay, both ways; over TCP, pieces of the stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Came in.
    pub received: u64,
    /// Went out.
    pub sent: u64,
    /// Are gone: lost, or in a black hole.
    pub lost: u64,
    /// Were changed, doubled, or followed by nonsense.
    pub damaged: u64,
}

/// A packet, and when it went out.
pub(super) type Sent = (Instant, Vec<u8>);

/// The relay as its threads see it.
#[derive(Debug)]
pub(super) struct Control {
    pub seed: u64,
    conditions: Mutex<Conditions>,
    tap: Mutex<Option<Sender<Sent>>>,
    stopped: AtomicBool,
    cuts: AtomicU64,
    pub received: AtomicU64,
    sent: AtomicU64,
    pub lost: AtomicU64,
    pub damaged: AtomicU64,
}

impl Control {
    pub fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self {
            seed,
            conditions: Mutex::default(),
            tap: Mutex::default(),
            stopped: AtomicBool::new(false),
            cuts: AtomicU64::new(0),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            damaged: AtomicU64::new(0),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Conditions> {
        self.conditions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn conditions(&self) -> Conditions {
        self.lock().clone()
    }

    pub fn change(&self, change: impl FnOnce(&mut Conditions)) {
        change(&mut self.lock());
    }

    pub fn tap(&self) -> Receiver<Sent> {
        let (sender, receiver) = channel();
        *self.tap.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        receiver
    }

    /// A packet has gone out.
    pub fn sent(&self, packet: Vec<u8>) {
        self.sent.fetch_add(1, Relaxed);
        if let Some(tap) = &*self.tap.lock().unwrap_or_else(PoisonError::into_inner) {
            // Whoever listened may have left.
            let _ = tap.send((Instant::now(), packet));
        }
    }

    pub fn cut(&self) {
        self.cuts.fetch_add(1, Relaxed);
    }

    /// Which connections are alive: those that were made since the last cut.
    pub fn cuts(&self) -> u64 {
        self.cuts.load(Relaxed)
    }

    pub fn stop(&self) {
        self.stopped.store(true, Relaxed);
    }

    pub fn stopped(&self) -> bool {
        self.stopped.load(Relaxed)
    }

    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        Counts {
            received: read(&self.received),
            sent: read(&self.sent),
            lost: read(&self.lost),
            damaged: read(&self.damaged),
        }
    }
}
