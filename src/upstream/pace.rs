//! Keeping an upstream's `max_qps`: a token bucket for all workers together.
//!
//! What is kept is when the bucket will be full again, as in the generic cell rate algorithm: one atomic, and nothing to
//! be filled by a timer. Time is given by the caller.
//! Not here: what becomes of a question that has no token (`machine::attempts`).

use std::sync::atomic::{AtomicU64, Ordering};

use super::server::Micros;

/// So much of a second's worth may be sent at once; no second sees more than a tenth above the rate.
const BURST_PART: u64 = 10;
/// The least burst: a question for A and one for AAAA come together.
const MIN_BURST: u64 = 2;
const SECOND_NS: u64 = 1_000_000_000;

/// For whom a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Somebody waits for the answer.
    Miss,
    /// What is in the cache is to be fetched anew: it may use only what is clearly left over, half of the bucket.
    Refresh,
}

/// See the module.
#[derive(Debug)]
pub struct Pace {
    /// Between two messages at the full rate; 0: there is no bound.
    interval_ns: u64,
    /// An empty bucket is full again after this.
    burst_ns: u64,
    /// When the bucket is full again.
    full_at_ns: AtomicU64,
}

impl Pace {
    /// A full bucket for so many messages a second; `None`: there is no bound.
    pub fn new(max_qps: Option<u32>) -> Self {
        let qps = max_qps.map_or(0, |qps| u64::from(qps.max(1)));
        let interval_ns = SECOND_NS.checked_div(qps).unwrap_or(0);
        Self { interval_ns, burst_ns: interval_ns * (qps / BURST_PART).max(MIN_BURST), full_at_ns: AtomicU64::new(0) }
    }

    /// Whether a message may be sent at `now`; takes its token if so.
    pub fn take(&self, now: Micros, urgency: Urgency) -> bool {
        self.take_if(now, |needed, burst| match urgency {
            Urgency::Miss => needed <= burst,
            Urgency::Refresh => needed <= burst / 2,
        })
        .is_some()
    }

    /// Takes the next token, be it one to come: when it may be used, `now` or later; `None` if that is after `latest`,
    /// and then nothing is taken.
    pub fn reserve(&self, now: Micros, latest: Micros) -> Option<Micros> {
        let patience_ns = latest.saturating_sub(now) * 1000;
        let needed = self.take_if(now, |needed, burst| needed <= burst + patience_ns)?;
        Some(now + needed.saturating_sub(self.burst_ns).div_ceil(1000))
    }

    /// Takes a token that may not be there: for what is sent in any case.
    pub fn pay(&self, now: Micros) {
        self.take_if(now, |_, _| true);
    }

    /// Takes a token for a probe, unless a whole bucket is owed already. Probes come at their own pace, which may be the
    /// faster one; a server that returns after hours is not to pay for them with hours.
    pub fn pay_for_probe(&self, now: Micros) {
        self.take_if(now, |needed, burst| needed <= 2 * burst);
    }

    /// A reserved token is not used.
    pub fn give_back(&self) {
        let less = |full_at: u64| Some(full_at.saturating_sub(self.interval_ns));
        // The closure always says Some.
        let _ = self.full_at_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Whether a message may be sent at `now`.
    pub fn has_room(&self, now: Micros) -> bool {
        self.interval_ns == 0
            || (self.full_at_ns.load(Ordering::Relaxed) + self.interval_ns).saturating_sub(now * 1000) <= self.burst_ns
    }

    /// Takes a token if `may` says so of how full the bucket would not be (the time until it is full again) and its size;
    /// returns that time in nanoseconds.
    fn take_if(&self, now: Micros, may: impl Fn(u64, u64) -> bool) -> Option<u64> {
        if self.interval_ns == 0 {
            return Some(0);
        }
        let now_ns = now * 1000;
        let needed = |full_at: u64| full_at.max(now_ns) - now_ns + self.interval_ns;
        let update = |full_at| may(needed(full_at), self.burst_ns).then(|| now_ns + needed(full_at));
        self.full_at_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, update).ok().map(needed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Micros = 1_000_000;

    #[test]
    fn no_second_sees_more_than_a_tenth_above_the_rate() {
        for qps in [1, 7, 100, 1024, 50_000] {
            let pace = Pace::new(Some(qps));
            let mut taken = Vec::new();
            for now in (5 * SECOND..8 * SECOND).step_by(10) {
                (0..3).for_each(|_| taken.extend(pace.take(now, Urgency::Miss).then_some(now)));
            }
            let most = (0..taken.len()).map(|at| taken[at..].partition_point(|&now| now < taken[at] + SECOND)).max();
            let allowed = qps as usize + (qps as usize / 10).max(2);
            assert!(most.is_some_and(|most| (qps as usize..=allowed).contains(&most)), "{qps}: {most:?}");
            assert!(
                (3 * qps as usize..=2 * qps as usize + allowed + 1).contains(&taken.len()),
                "{qps}: {}",
                taken.len()
            );
        }
    }

    #[test]
    fn without_a_bound_everything_may_be_sent() {
        let pace = Pace::new(None);
        assert!((0..100_000).all(|_| pace.has_room(1) && pace.take(1, Urgency::Refresh)));
        assert_eq!(pace.reserve(7, 7), Some(7));
    }

    #[test]
    fn a_refresh_leaves_half_of_the_bucket_to_misses() {
        let pace = Pace::new(Some(100));
        let take_all = |urgency| (0..100).take_while(|_| pace.take(SECOND, urgency)).count();
        assert_eq!((take_all(Urgency::Refresh), take_all(Urgency::Miss)), (5, 5));
        assert!(!pace.has_room(SECOND));
        pace.pay(SECOND);
        assert!(!pace.take(SECOND + 10_000, Urgency::Miss), "what was sent in any case is missing now");
        assert!(pace.take(SECOND + 20_000, Urgency::Miss));
    }

    #[test]
    fn a_server_is_asked_soon_after_it_was_probed_for_an_hour() {
        for qps in [1, 2, 3, 100] {
            let (pace, end) = (Pace::new(Some(qps)), 3600 * SECOND);
            (SECOND..end).step_by(300_000).for_each(|now| pace.pay_for_probe(now));
            assert!(pace.take(end + 3 * SECOND, Urgency::Miss), "{qps}");
        }
    }

    #[test]
    fn tokens_to_come_are_given_out_in_turn() {
        let pace = Pace::new(Some(100));
        let at: Vec<Micros> = (0..13).filter_map(|_| pace.reserve(SECOND, 2 * SECOND)).collect();
        assert_eq!(at[..10], [SECOND; 10]);
        assert_eq!(at[10..], [SECOND + 10_000, SECOND + 20_000, SECOND + 30_000]);
        assert_eq!(pace.reserve(SECOND, SECOND + 39_999), None, "too late");
        assert!(!pace.take(SECOND + 30_000, Urgency::Miss), "nobody overtakes");
        pace.give_back();
        assert_eq!(pace.reserve(SECOND, 2 * SECOND), Some(SECOND + 30_000));
    }
}
