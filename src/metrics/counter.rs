//! A number that one thread adds to and others read.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// See the module. It is added to by one thread: two would lose counts of each other.
#[derive(Debug)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    /// Zero.
    pub(super) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds one.
    #[inline]
    pub(super) fn bump(&self) {
        // No atomic addition: nobody else writes.
        self.0.store(self.0.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// What was counted so far.
    pub(super) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Counters side by side.
pub(super) type Row<const N: usize> = [Counter; N];

/// Zeros.
pub(super) const fn row<const N: usize>() -> Row<N> {
    [const { Counter::new() }; N]
}

/// Adds counters to sums, place by place.
pub(super) fn add_up(sums: &mut [u64], counters: &[Counter]) {
    for (sum, counter) in sums.iter_mut().zip(counters) {
        *sum = sum.wrapping_add(counter.get());
    }
}
