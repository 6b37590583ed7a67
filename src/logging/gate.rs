//! Knowing, for the price of one load, whether a message would be written anywhere.
//!
//! A gate has one rank a category: the least grave severity that any of its channels takes. A logger has its own;
//! the installed logger's is also the program's, which [`enabled`] reads without going through `tracing`.

use std::sync::atomic::{AtomicU8, Ordering};

use super::{Category, Severity};

/// The gate of the logger that is installed; closed until there is one.
pub(super) static PROGRAM: Gate = Gate::closed();

/// Whether a message of this category and severity would be written: one relaxed load.
///
/// For callers that must work to have something to say; [`event!`](crate::event) asks by itself.
#[inline]
pub fn enabled(category: Category, severity: Severity) -> bool {
    PROGRAM.admits(category, severity)
}

/// The largest rank of each category that is written; 0: nothing is.
pub(super) type Ranks = [u8; Category::COUNT];

/// [`Ranks`] that many threads read while one changes them.
#[derive(Debug)]
pub(super) struct Gate([AtomicU8; Category::COUNT]);

impl Gate {
    /// A gate that admits nothing.
    pub(super) const fn closed() -> Self {
        Gate([const { AtomicU8::new(0) }; Category::COUNT])
    }

    /// Whether a message goes on to the ring.
    #[inline]
    pub(super) fn admits(&self, category: Category, severity: Severity) -> bool {
        severity.rank() <= self.0[category.index()].load(Ordering::Relaxed)
    }

    /// Admits what `ranks` admit and nothing else.
    pub(super) fn set(&self, ranks: &Ranks) {
        for (slot, rank) in self.0.iter().zip(ranks) {
            slot.store(*rank, Ordering::Relaxed);
        }
    }

    /// Admits what `ranks` admit besides what it admits already.
    pub(super) fn widen(&self, ranks: &Ranks) {
        for (slot, rank) in self.0.iter().zip(ranks) {
            slot.fetch_max(*rank, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_category_has_its_own_rank() {
        let gate = Gate::closed();
        assert!(!gate.admits(Category::Security, Severity::Critical), "a closed gate admits nothing");

        let mut ranks = [0; Category::COUNT];
        ranks[Category::Security.index()] = Severity::Info.rank();
        gate.set(&ranks);
        assert!(gate.admits(Category::Security, Severity::Info));
        assert!(!gate.admits(Category::Security, Severity::Debug(1)));
        assert!(!gate.admits(Category::General, Severity::Critical));

        let mut more = [0; Category::COUNT];
        more[Category::General.index()] = Severity::Error.rank();
        gate.widen(&more);
        assert!(gate.admits(Category::General, Severity::Error));
        assert!(gate.admits(Category::Security, Severity::Info), "widening closes nothing");
        gate.set(&more);
        assert!(!gate.admits(Category::Security, Severity::Info), "setting does");
    }
}
