//! Bounds on what is asked at once, and on who waits for it: named's fetch quotas. Off unless they are written.
//!
//! What is over a bound never waits for it: its asker gets nothing, or a failure, at once. The log tells of it once a minute.
//! Not here: `recursive-clients`, which bounds all who wait ([`crate::access::quota`]); `max_qps`, which lets questions
//! wait ([`super::pace`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use super::server::Micros;
use crate::config::{self, FetchLimit};
use crate::logging::{self, Category, Severity};

/// What is over is told this often, while there is any.
const TOLD_EVERY: Micros = 60_000_000;
/// The bound of clients grows by so many when one that reached it was answered.
const GROWTH: u32 = 5;
/// Without such a question it shrinks by one in this time.
const SHRINKS_EVERY: Micros = 20 * 60_000_000;

/// Questions that are being asked under one rule, on all workers; stays with the rule across reloads.
#[derive(Debug, Default)]
pub struct UnderWay {
    count: AtomicU32,
    spilled: AtomicU64,
    told: AtomicU64,
}

impl UnderWay {
    /// Questions now.
    pub fn count(&self) -> u32 {
        self.count.load(Relaxed)
    }

    /// Counts one that was not asked; `what`: asks for more than it may, in words.
    pub fn spill(&self, now: Micros, limit: FetchLimit, what: impl FnOnce() -> String) {
        self.spilled.fetch_add(1, Relaxed);
        let told = self.told.load(Relaxed);
        let is_due = told == 0 || now.saturating_sub(told) >= TOLD_EVERY;
        if is_due && self.told.compare_exchange(told, now.max(1), Relaxed, Relaxed).is_ok() {
            let (spilled, most, what) = (self.spilled.swap(0, Relaxed), limit.most, what());
            logging::event!(
                Category::Spill,
                Severity::Info,
                "too many simultaneous fetches for {what} (allowed {most} spilled {spilled})"
            );
        }
    }
}

/// `fetches-per-zone` for one rule.
#[derive(Clone, Debug)]
pub struct ZoneFetches {
    /// The bound.
    pub limit: FetchLimit,
    /// What counts towards it.
    pub under_way: Arc<UnderWay>,
}

impl ZoneFetches {
    /// One more is asked, if that is not one too many; [`Self::end`] is due for each.
    pub fn begin(&self) -> bool {
        let below = |count| (count < self.limit.most).then_some(count + 1);
        self.under_way.count.fetch_update(Relaxed, Relaxed, below).is_ok()
    }

    /// One less.
    pub fn end(&self) {
        self.under_way.count.fetch_sub(1, Relaxed);
    }
}

/// `clients-per-query` of a view: how many may wait for one question. Where so many wait and are answered after all, the
/// bound was too low, and grows; it shrinks with time.
#[derive(Debug)]
pub struct ClientsPerQuery {
    bounds: config::ClientsPerQuery,
    most: AtomicU32,
    raised: AtomicU64,
}

impl ClientsPerQuery {
    /// Begins with the least.
    pub fn new(bounds: config::ClientsPerQuery) -> Self {
        Self { bounds, most: AtomicU32::new(bounds.least), raised: AtomicU64::new(0) }
    }

    /// How many may wait for one question at `now`.
    pub fn most(&self, now: Micros) -> u32 {
        let steps = now.saturating_sub(self.raised.load(Relaxed)) / SHRINKS_EVERY;
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        self.most.load(Relaxed).saturating_sub(steps).max(self.bounds.least)
    }

    /// A question was answered for which so many waited, and more were turned away.
    pub fn answered(&self, clients: u32, now: Micros) {
        let before = self.most(now);
        if clients < before {
            return;
        }
        let most = before.saturating_add(GROWTH).min(self.bounds.most.unwrap_or(u32::MAX));
        self.most.store(most, Relaxed);
        self.raised.store(now, Relaxed);
        if most > before {
            logging::event!(Category::Resolver, Severity::Notice, "clients-per-query increased to {most}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Over;

    #[test]
    fn as_many_are_asked_as_may_be() {
        let limit = FetchLimit { most: 2, over: Over::Drop };
        let zone = ZoneFetches { limit, under_way: Arc::default() };
        assert_eq!([(); 3].map(|()| zone.begin()), [true, true, false]);
        zone.end();
        assert_eq!((zone.under_way.count(), zone.begin(), zone.begin()), (1, true, false));
    }

    #[test]
    fn the_bound_of_clients_grows_when_it_was_too_low_and_shrinks_with_time() {
        let bound = ClientsPerQuery::new(config::ClientsPerQuery { least: 3, most: Some(10) });
        assert_eq!(bound.most(1), 3);
        bound.answered(2, 1);
        assert_eq!(bound.most(1), 3, "it was not reached");
        bound.answered(3, 1);
        assert_eq!(bound.most(1), 8);
        bound.answered(8, 2);
        assert_eq!(bound.most(2), 10, "no more than it may");
        assert_eq!(bound.most(2 + 3 * SHRINKS_EVERY), 7);
        assert_eq!(bound.most(2 + 100 * SHRINKS_EVERY), 3, "no less than it began with");
        let unbounded = ClientsPerQuery::new(config::ClientsPerQuery { least: 3, most: None });
        (0..100).for_each(|step| unbounded.answered(unbounded.most(step), step));
        assert_eq!(unbounded.most(100), 503);
    }
}
