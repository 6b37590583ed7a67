//! How many questions may be sent twice because an answer is late: a small part of all, for all workers together.

use std::sync::atomic::{AtomicI64, Ordering};

/// Hundredths of a hedge that each question earns: four in a hundred questions may be hedged, which leaves room for
/// probes below the five in a hundred that all extra packets may be.
const EARNED: i64 = 4;
/// What a hedge costs.
const COST: i64 = 100;
/// The most that can be saved, so that a quiet hour does not pay for a storm: ten hedges.
const MOST: i64 = 10 * COST;

/// See the module.
#[derive(Debug)]
pub struct HedgeBudget {
    saved: AtomicI64,
}

impl Default for HedgeBudget {
    fn default() -> Self {
        Self { saved: AtomicI64::new(MOST) }
    }
}

impl HedgeBudget {
    /// A question was asked for the first time.
    pub fn earn(&self) {
        if self.saved.load(Ordering::Relaxed) < MOST {
            self.saved.fetch_add(EARNED, Ordering::Relaxed);
        }
    }

    /// Pays for a hedge, if there is enough.
    pub fn pay(&self) -> bool {
        let enough = self.saved.fetch_sub(COST, Ordering::Relaxed) >= COST;
        if !enough {
            self.saved.fetch_add(COST, Ordering::Relaxed);
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_in_a_hundred_and_ten_at_once() {
        let budget = HedgeBudget::default();
        let pay_all = || (0..1000).take_while(|_| budget.pay()).count();
        assert_eq!(pay_all(), 10, "what is there at the start");
        (0..100).for_each(|_| budget.earn());
        assert_eq!(pay_all(), 4);
        (0..100_000).for_each(|_| budget.earn());
        assert_eq!(pay_all(), 10, "no more is saved");
    }
}
