//! The bounded way to the writer: putting something in never waits.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

/// A queue that is bounded in bytes.
pub(crate) struct Queue<T> {
    inner: Mutex<Inner<T>>,
    filled: Condvar,
    most: u64,
}

struct Inner<T> {
    items: VecDeque<(T, u64)>,
    bytes: u64,
    closed: bool,
}

impl<T> Queue<T> {
    /// A queue of at most so many bytes.
    pub(crate) fn new(most: u64) -> Self {
        let inner = Inner { items: VecDeque::new(), bytes: 0, closed: false };
        Self { inner: Mutex::new(inner), filled: Condvar::new(), most }
    }

    /// Puts an item of so many bytes in, unless it is full; whether it went in. An item of no bytes always does.
    pub(crate) fn push(&self, item: T, bytes: u64) -> bool {
        let mut inner = self.lock();
        if bytes > 0 && inner.bytes + bytes > self.most {
            return false;
        }
        inner.bytes += bytes;
        inner.items.push_back((item, bytes));
        self.filled.notify_one();
        true
    }

    /// The oldest item; waits for one. `None` when the queue is closed and empty.
    pub(crate) fn pop(&self) -> Option<T> {
        let mut inner = self.lock();
        loop {
            if let Some((item, bytes)) = inner.items.pop_front() {
                inner.bytes -= bytes;
                return Some(item);
            }
            if inner.closed {
                return None;
            }
            inner = self.filled.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets [`Queue::pop`] end once all is taken.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    /// Bytes inside.
    pub(crate) fn bytes(&self) -> u64 {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_is_refused_and_closed_is_drained() {
        let queue = Queue::new(10);
        assert!(queue.push('a', 6));
        assert!(!queue.push('b', 5), "eleven bytes");
        assert!(queue.push('c', 4));
        assert!(queue.push('d', 0), "no bytes");
        assert_eq!(queue.bytes(), 10);
        queue.close();
        assert_eq!([queue.pop(), queue.pop(), queue.pop(), queue.pop()], [Some('a'), Some('c'), Some('d'), None]);
        assert_eq!(queue.bytes(), 0);
    }
}
