//! What a check counts as, where every answer can see it.

use std::sync::atomic::{AtomicU8, Ordering};

/// One octet that policies read for each answer: whether a check counts as healthy.
#[derive(Debug)]
pub struct Mark(AtomicU8);

const UNHEALTHY: u8 = 0;
const HEALTHY: u8 = 1;

impl Mark {
    pub(super) fn new(healthy: bool) -> Self {
        Self(AtomicU8::new(if healthy { HEALTHY } else { UNHEALTHY }))
    }

    /// Whether the check counts as healthy now: overrides, `inverted` and `disabled` included.
    pub fn is_healthy(&self) -> bool {
        self.0.load(Ordering::Acquire) == HEALTHY
    }

    pub(super) fn set(&self, healthy: bool) {
        self.0.store(if healthy { HEALTHY } else { UNHEALTHY }, Ordering::Release);
    }
}
