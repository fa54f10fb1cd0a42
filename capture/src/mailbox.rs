//! A small row of pictures between the thread that receives and the thread that places.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::worker::lock;

/// Holds the newest few items. Putting never waits: when the reader is slow, the oldest goes.
#[derive(Debug)]
pub(crate) struct Mailbox<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    closed: bool,
}

/// What [`Mailbox::take`] found.
pub(crate) enum Taken<T> {
    Item(T),
    Nothing,
    Closed,
}

/// Room for a hiccup of the encoder; a longer one costs pictures.
const CAPACITY: usize = 8;

impl<T> Mailbox<T> {
    pub fn new() -> Self {
        Self { state: Mutex::new(State { items: VecDeque::new(), closed: false }), changed: Condvar::new() }
    }

    /// Puts an item in; whether another was thrown away for it.
    pub fn put(&self, item: T) -> bool {
        let mut state = lock(&self.state);
        let full = state.items.len() >= CAPACITY;
        if full {
            state.items.pop_front();
        }
        state.items.push_back(item);
        self.changed.notify_one();
        full
    }

    /// Takes the oldest item, waiting for one at most `time`, or for ever.
    pub fn take(&self, time: Option<Duration>) -> Taken<T> {
        let deadline = time.map(|time| Instant::now() + time);
        let mut state = lock(&self.state);
        loop {
            if state.closed {
                return Taken::Closed;
            }
            if let Some(item) = state.items.pop_front() {
                return Taken::Item(item);
            }
            state = match deadline.map(|at| at.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return Taken::Nothing,
                Some(left) => self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Ends the reader.
    pub fn close(&self) {
        lock(&self.state).closed = true;
        self.changed.notify_all();
    }
}
