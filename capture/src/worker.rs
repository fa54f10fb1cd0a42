//! Threads that stop when they are told to, and the end of whatever does not.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread,
    time::{Duration, Instant},
};

use crate::Error;

/// Locks, also after a panic in another thread: what is kept under these locks is whole after every statement.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request to stop that interrupts waits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<(Mutex<bool>, Condvar)>);

impl Stop {
    pub fn stop(&self) {
        *lock(&self.0.0) = true;
        self.0.1.notify_all();
    }

    pub fn stopped(&self) -> bool {
        *lock(&self.0.0)
    }

    /// Waits; whether it was cut short because of the stop.
    pub fn wait(&self, time: Duration) -> bool {
        let waited = self.0.1.wait_timeout_while(lock(&self.0.0), time, |stopped| !*stopped);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// A named thread.
#[derive(Debug)]
pub(crate) struct Worker {
    name: String,
    /// Disconnected when the thread has ended.
    ended: Receiver<()>,
}

impl Worker {
    pub fn spawn(name: String, work: impl FnOnce() + Send + 'static) -> Result<Self, Error> {
        let (end, ended) = channel::<()>();
        let body = move || {
            work();
            drop(end);
        };
        match thread::Builder::new().name(name.clone()).spawn(body) {
            Ok(_) => Ok(Self { name, ended }),
            Err(source) => Err(Error::Thread { name, source }),
        }
    }

    /// Waits for the thread's end, but not for ever: a network library may hold it in a call. It then ends by itself.
    pub fn join_until(&self, end: Instant) {
        let time = end.saturating_duration_since(Instant::now());
        if self.ended.recv_timeout(time) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!(thread = self.name, "did not stop in time; it is left to end by itself");
        }
    }
}
