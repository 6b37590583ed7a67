//! What waits for the keeper: bounded, in all and of each client.
//!
//! Not here: what is done with it.

use std::net::IpAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::lock;
use crate::access::Source;

/// Updates that wait at once. Each has at most 65,535 octets.
const MAX_WAITING: usize = 256;
/// Of those, the most of one client's network.
const MAX_OF_ONE: usize = 64;

/// See the module.
pub(super) struct Queue<T> {
    inner: Mutex<Inner<T>>,
    changed: Condvar,
}

struct Inner<T> {
    waiting: Vec<(Source, T)>,
    /// Somebody wants the keeper to look round.
    woken: bool,
    closed: bool,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { inner: Mutex::new(Inner { waiting: Vec::new(), woken: false, closed: false }), changed: Condvar::new() }
    }
}

impl<T> Queue<T> {
    /// Adds what a client wants, unless too much waits: then it comes back.
    pub(super) fn put(&self, client: IpAddr, one: T) -> Result<(), T> {
        let source = Source::of(client);
        let mut inner = lock(&self.inner);
        let is_full = inner.closed || inner.waiting.len() >= MAX_WAITING;
        if is_full || inner.waiting.iter().filter(|(other, _)| *other == source).count() >= MAX_OF_ONE {
            return Err(one);
        }
        inner.waiting.push((source, one));
        self.changed.notify_one();
        Ok(())
    }

    /// Has [`Self::take`] return soon.
    pub(super) fn wake(&self) {
        lock(&self.inner).woken = true;
        self.changed.notify_one();
    }

    /// Nothing more is taken in.
    pub(super) fn close(&self) {
        lock(&self.inner).closed = true;
        self.changed.notify_one();
    }

    /// Waits until there is something, or somebody wakes it, or `patience` ends; takes it all, in the order it came.
    /// `None`: the queue is closed and empty.
    pub(super) fn take(&self, patience: Option<Duration>) -> Option<Vec<T>> {
        let mut inner = lock(&self.inner);
        while inner.waiting.is_empty() && !inner.woken && !inner.closed {
            inner = match patience {
                None => self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner),
                Some(patience) => {
                    let (inner, _) = self.changed.wait_timeout(inner, patience).unwrap_or_else(PoisonError::into_inner);
                    return Some(take_all(inner));
                }
            };
        }
        if inner.closed && inner.waiting.is_empty() {
            return None;
        }
        Some(take_all(inner))
    }
}

fn take_all<T>(mut inner: MutexGuard<'_, Inner<T>>) -> Vec<T> {
    inner.woken = false;
    std::mem::take(&mut inner.waiting).into_iter().map(|(_, one)| one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_its_share_and_all_have_a_bound() {
        let queue = Queue::default();
        let put =
            |client: u8, count: usize| (0..count).filter(|&n| queue.put([10, 0, 0, client].into(), n).is_ok()).count();
        assert_eq!(put(1, MAX_OF_ONE + 1), MAX_OF_ONE);
        assert_eq!((2..9).map(|client| put(client, MAX_OF_ONE)).sum::<usize>(), MAX_WAITING - MAX_OF_ONE);
        let taken = queue.take(None).expect("it is open");
        assert_eq!((taken.len(), &taken[..3]), (MAX_WAITING, &[0, 1, 2][..]), "all, in the order they came");
        assert_eq!(put(1, 1), 1, "there is room again");
        queue.close();
        assert_eq!(put(2, 1), 0, "nothing more");
        assert_eq!((queue.take(None).map(|taken| taken.len()), queue.take(None)), (Some(1), None));
    }

    #[test]
    fn whoever_waits_is_woken() {
        let queue = Queue::<()>::default();
        assert_eq!(queue.take(Some(Duration::from_millis(1))), Some(vec![]));
        std::thread::scope(|scope| {
            let taker = scope.spawn(|| queue.take(None));
            queue.wake();
            assert_eq!(taker.join().expect("it ends"), Some(vec![]));
        });
    }
}
