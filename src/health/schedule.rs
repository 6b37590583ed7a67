//! When each check is probed: from start to start of its interval, drawn early by up to a tenth, never late.
//!
//! New checks are due at once. The second probe of each comes after a random part of its interval, so that checks that
//! began together drift apart and their probes never come in bursts again. No check has two probes under way: one that
//! takes longer than the interval is followed at once. When there are too many at once, those due longest come first.
//! Time and chance are arguments. Not here: probing ([`super::Prober`]), who is probed ([`super::Table`]).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::{Duration, Instant};

use rand::{Rng, RngExt};

/// Probes under way at once, at most. More wait, those due longest first. 10,000 checks every 10 s need 6,000 where every
/// server is silent for as long as the usual times allow.
pub const MAX_UNDER_WAY: usize = 8192;

/// A timer fires up to so much after its time; a probe is always drawn earlier by at least this.
const TIMER_GRAIN: Duration = Duration::from_millis(2);

/// Names a check: whatever its owner likes, never reused while one of its probes is under way.
pub type Key = usize;

/// The checks that are probed, and when.
#[derive(Debug)]
pub struct Schedule {
    slots: HashMap<Key, Slot>,
    /// One for each slot that is not under way, and some for slots that are no more. By time, then in order of arrival.
    due: BinaryHeap<Reverse<(Instant, u64, Key)>>,
    arrivals: u64,
    /// Probes that have not finished, those of slots that are no more among them. `<= most`
    under_way: usize,
    /// `1..=MAX_UNDER_WAY`
    most: usize,
}

#[derive(Debug)]
struct Slot {
    interval: Duration,
    /// Its place in the heap, so that an older one there is known for what it is; `None` while it is under way.
    arrival: Option<u64>,
    /// When the next probe may start; while one is under way, no earlier than its end.
    next: Instant,
    /// Whether a probe was started at all.
    started: bool,
}

/// A probe that is to start now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// Of which check.
    pub key: Key,
    /// How long after its time.
    pub late: Duration,
}

impl Schedule {
    /// Nothing is probed yet. At most so many probes will be under way, `1..=`[`MAX_UNDER_WAY`].
    pub fn new(most: usize) -> Self {
        let most = most.clamp(1, MAX_UNDER_WAY);
        Self { slots: HashMap::new(), due: BinaryHeap::new(), arrivals: 0, under_way: 0, most }
    }

    /// Takes these checks with their intervals in the place of those before; who is new is due now. The interval of a
    /// known key does not change.
    pub fn follow(&mut self, checks: impl IntoIterator<Item = (Key, Duration)>, now: Instant) {
        let mut before = std::mem::take(&mut self.slots);
        for (key, interval) in checks {
            if let Some(slot) = before.remove(&key) {
                self.slots.insert(key, slot);
            } else {
                let slot = Slot { interval, arrival: None, next: now, started: false };
                self.slots.insert(key, slot);
                self.wait(key);
            }
        }
        // What the heap holds of those that went.
        let slots = &self.slots;
        self.due.retain(|Reverse((_, arrival, key))| is_current(slots, *arrival, *key));
    }

    /// When the next probe is due, if one may start at all.
    pub fn next_due(&self) -> Option<Instant> {
        let has_room = self.under_way < self.most;
        self.due.peek().filter(|_| has_room).map(|Reverse((due, _, _))| *due)
    }

    /// The probe that must start now, if any: the one due longest. It is under way until [`Self::finish`].
    pub fn start(&mut self, now: Instant, chance: &mut impl Rng) -> Option<Start> {
        let due = self.next_due().filter(|due| *due <= now)?;
        let Reverse((_, arrival, key)) = self.due.pop()?;
        let slot = self.slots.get_mut(&key).filter(|slot| slot.arrival == Some(arrival))?;
        slot.arrival = None;
        slot.next = now + pause(slot.interval, slot.started, chance);
        slot.started = true;
        self.under_way += 1;
        Some(Start { key, late: now - due })
    }

    /// A probe has ended: its check waits for the next one.
    pub fn finish(&mut self, key: Key, now: Instant) {
        self.under_way = self.under_way.saturating_sub(1);
        if let Some(slot) = self.slots.get_mut(&key) {
            slot.next = slot.next.max(now);
            self.wait(key);
        }
    }

    /// How many probes are under way.
    pub fn under_way(&self) -> usize {
        self.under_way
    }

    fn wait(&mut self, key: Key) {
        if let Some(slot) = self.slots.get_mut(&key) {
            self.arrivals += 1;
            slot.arrival = Some(self.arrivals);
            self.due.push(Reverse((slot.next, self.arrivals, key)));
        }
    }
}

fn is_current(slots: &HashMap<Key, Slot>, arrival: u64, key: Key) -> bool {
    slots.get(&key).is_some_and(|slot| slot.arrival == Some(arrival))
}

/// From the start of a probe to that of the next: `started` says that it is not the first.
fn pause(interval: Duration, started: bool, chance: &mut impl Rng) -> Duration {
    let tenth = interval / 10;
    if started {
        let early = chance.random_range(Duration::ZERO..=tenth).max(TIMER_GRAIN);
        interval - early
    } else {
        chance.random_range(tenth..=interval - TIMER_GRAIN)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const MOST: usize = 1024;

    /// A probe that was started, in virtual time from the begin.
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Started {
        key: Key,
        at: Duration,
        late: Duration,
    }

    /// Runs a schedule in virtual time for so long; each probe of a key takes what `takes` says.
    fn run(checks: &[(Key, Duration)], takes: impl Fn(Key) -> Duration, time: Duration, seed: u64) -> Vec<Started> {
        let begin = Instant::now();
        let mut chance = StdRng::seed_from_u64(seed);
        let mut schedule = Schedule::new(MOST);
        schedule.follow(checks.iter().copied(), begin);
        let mut ends: BinaryHeap<Reverse<(Instant, Key)>> = BinaryHeap::new();
        let mut all = Vec::new();
        let mut now = begin;
        while now <= begin + time {
            while let Some(&Reverse((end, key))) = ends.peek().filter(|Reverse((end, _))| *end <= now) {
                ends.pop();
                schedule.finish(key, end);
            }
            while let Some(Start { key, late }) = schedule.start(now, &mut chance) {
                all.push(Started { key, at: now - begin, late });
                ends.push(Reverse((now + takes(key), key)));
                assert!(schedule.under_way() <= MOST);
                assert_eq!(schedule.under_way(), ends.len());
            }
            let end = ends.peek().map(|Reverse((end, _))| *end);
            now = schedule.next_due().into_iter().chain(end).min().expect("something goes on");
        }
        all
    }

    fn of(key: Key, all: &[Started]) -> Vec<Duration> {
        all.iter().filter(|started| started.key == key).map(|started| started.at).collect()
    }

    #[test]
    fn intervals_are_kept_from_start_to_start_and_drawn_early_by_up_to_a_tenth() {
        for interval in [SECOND / 10, SECOND, 30 * SECOND] {
            let starts = of(7, &run(&[(7, interval)], |_| interval / 2, 1000 * interval, 1));
            assert_eq!(starts[0], Duration::ZERO, "the first at once");
            let pauses: Vec<_> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert!(pauses[0] >= interval / 10 && pauses[0] <= interval, "{:?}", pauses[0]);
            for pause in &pauses[1..] {
                assert!(*pause >= interval - interval / 10 && *pause < interval, "{pause:?} of {interval:?}");
            }
            let mean = pauses[1..].iter().sum::<Duration>() / (pauses.len() - 1) as u32;
            assert!(mean > interval * 94 / 100 && mean < interval * 96 / 100, "{mean:?} of {interval:?}");
        }
    }

    #[test]
    fn a_probe_longer_than_the_interval_is_followed_at_once() {
        let starts = of(1, &run(&[(1, SECOND)], |_| 3 * SECOND, 30 * SECOND, 2));
        let expected: Vec<_> = (0..=10).map(|number| 3 * SECOND * number).collect();
        assert_eq!(starts, expected);
    }

    #[test]
    fn checks_that_begin_together_drift_apart() {
        let checks: Vec<_> = (0..1000).map(|key| (key, 10 * SECOND)).collect();
        let all = run(&checks, |_| SECOND / 100, 60 * SECOND, 3);
        assert!(all.iter().take(1000).all(|started| started.at == Duration::ZERO && started.late.is_zero()));
        let mut tenths = [0; 100];
        for started in all.iter().filter(|started| started.at >= 50 * SECOND && started.at < 60 * SECOND) {
            tenths[(started.at - 50 * SECOND).as_millis() as usize / 100] += 1;
        }
        let most = tenths.iter().max().copied().unwrap_or_default();
        assert!(most < 30, "{most} of about 10 within a tenth of a second: {tenths:?}");
    }

    #[test]
    fn no_more_than_the_bound_are_under_way_and_none_starves() {
        let checks: Vec<_> = (0..3000).map(|key| (key, 10 * SECOND)).collect();
        // Half of them are silent for 4 s: 3000 probes need 1500 × 4 s / 1024 = 5.9 s.
        let all = run(&checks, |key| if key % 2 == 0 { 4 * SECOND } else { SECOND / 100 }, 100 * SECOND, 4);
        for key in 0..3000 {
            let starts = of(key, &all);
            assert!(starts.len() >= 8, "check {key} was probed {} times in 100 s", starts.len());
            assert!(starts[0] <= 10 * SECOND, "check {key} was first probed after {:?}", starts[0]);
        }
        assert!(all.iter().any(|started| started.late > SECOND), "lateness is told");
    }

    #[test]
    fn following_drops_adds_and_leaves_the_others_alone() {
        let begin = Instant::now();
        let mut chance = StdRng::seed_from_u64(5);
        let mut schedule = Schedule::new(MOST);
        schedule.follow([(1, SECOND), (2, SECOND), (3, SECOND)], begin);
        let started: Vec<_> =
            std::iter::from_fn(|| schedule.start(begin, &mut chance)).map(|start| start.key).collect();
        assert_eq!(started, [1, 2, 3], "in the order of the list");
        schedule.finish(1, begin);
        schedule.finish(2, begin);
        let due = schedule.next_due().expect("two wait");
        schedule.follow([(1, SECOND), (2, SECOND), (4, SECOND)], begin + SECOND / 100);
        assert_eq!(schedule.next_due(), Some(begin + SECOND / 100), "the new one at once");
        assert_eq!(schedule.start(begin + SECOND / 100, &mut chance), Some(Start { key: 4, late: Duration::ZERO }));
        assert_eq!(schedule.next_due(), Some(due), "those that stay keep their time");
        assert_eq!(schedule.under_way(), 2, "a probe of one that went is under way still");
        schedule.finish(3, begin + SECOND);
        assert_eq!(schedule.under_way(), 1);
        schedule.follow([], begin + SECOND);
        assert_eq!((schedule.next_due(), schedule.start(begin + 9 * SECOND, &mut chance)), (None, None));
        schedule.finish(4, begin + SECOND);
        assert_eq!((schedule.under_way(), schedule.next_due()), (0, None));
    }

    #[test]
    fn a_server_that_stops_is_found_out_within_its_intervals() {
        // Dead from the first on: the last of N probes has ended before N · I.
        for seed in 0..200 {
            let starts = of(1, &run(&[(1, SECOND)], |_| SECOND / 1000, 10 * SECOND, seed));
            for threshold in [2, 3] {
                // Whenever it dies, the next probe comes within an interval.
                for window in starts[1..].windows(threshold + 1) {
                    let took = window[threshold] - window[0];
                    assert!(took <= SECOND * threshold as u32, "{took:?}");
                    assert!(took >= SECOND * 9 / 10 * threshold as u32, "{took:?}");
                }
            }
        }
    }
}
