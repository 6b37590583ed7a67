//! Updates that wait for the keeper: bounded, in all and of each client.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::{Waiting, lock};
use crate::access::Source;

/// Updates that wait at once. Each has at most 65,535 octets.
const MAX_WAITING: usize = 256;
/// Of those, the most of one client's network.
const MAX_OF_ONE: usize = 64;

/// See the module.
#[derive(Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    waiting: Vec<Waiting>,
    /// Somebody wants the keeper to look round.
    woken: bool,
    closed: bool,
}

impl Queue {
    /// Adds an update, unless too many wait.
    pub(super) fn put(&self, one: Waiting) -> Result<(), Waiting> {
        let source = |waiting: &Waiting| Source::of(waiting.request.sender().client);
        let mut inner = lock(&self.inner);
        let own = source(&one);
        let is_full = inner.closed || inner.waiting.len() >= MAX_WAITING;
        if is_full || inner.waiting.iter().filter(|waiting| source(waiting) == own).count() >= MAX_OF_ONE {
            return Err(one);
        }
        inner.waiting.push(one);
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

    /// Waits until there is something, or somebody wakes it, or `patience` ends; takes it all. `None`: the queue is
    /// closed and empty.
    pub(super) fn take(&self, patience: Option<Duration>) -> Option<Vec<Waiting>> {
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

fn take_all(mut inner: std::sync::MutexGuard<'_, Inner>) -> Vec<Waiting> {
    inner.woken = false;
    std::mem::take(&mut inner.waiting)
}
