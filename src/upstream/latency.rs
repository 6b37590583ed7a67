//! How long one server's answers take: a histogram of recent ones that forgets.
//!
//! Buckets are a quarter of an octave wide (19 %), so that a quantile is right to that much at any scale from 64 µs to
//! 16 s. When [`WINDOW`] answers were counted all counts are halved: what is older fades. Lost updates between cores
//! cost a sample, nothing else.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Buckets a power of two.
const PER_OCTAVE: u32 = 4;
/// The first octave begins at 2^6 µs.
const FIRST_OCTAVE: u32 = 6;
/// Octaves: up to 2^24 µs.
const OCTAVES: u32 = 18;
const BUCKETS: usize = (PER_OCTAVE * OCTAVES) as usize;
/// So many answers, and the counts are halved.
const WINDOW: u32 = 512;
/// Quantiles are found anew after so many answers.
const REFRESH: u32 = 16;

/// See the module.
#[derive(Debug)]
pub struct Latency {
    counts: [AtomicU32; BUCKETS],
    total: AtomicU32,
    since_refresh: AtomicU32,
    median_us: AtomicU32,
    tail_us: AtomicU32,
}

impl Default for Latency {
    fn default() -> Self {
        Self {
            counts: [const { AtomicU32::new(0) }; BUCKETS],
            total: AtomicU32::new(0),
            since_refresh: AtomicU32::new(0),
            median_us: AtomicU32::new(0),
            tail_us: AtomicU32::new(0),
        }
    }
}

fn bucket_of(us: u32) -> usize {
    let us = us.max(1 << FIRST_OCTAVE);
    let octave = us.ilog2();
    // The two bits below the leading one.
    let part = (us >> (octave - 2)) & (PER_OCTAVE - 1);
    (((octave - FIRST_OCTAVE) * PER_OCTAVE + part) as usize).min(BUCKETS - 1)
}

/// The upper end of a bucket.
fn end_of(bucket: usize) -> u32 {
    let (octave, part) = (bucket as u32 / PER_OCTAVE + FIRST_OCTAVE, bucket as u32 % PER_OCTAVE);
    (1 << octave) + (part + 1) * (1 << (octave - 2))
}

impl Latency {
    /// Counts an answer.
    pub fn add(&self, took: Duration) {
        let us = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        self.counts[bucket_of(us)].fetch_add(1, Ordering::Relaxed);
        let total = self.total.fetch_add(1, Ordering::Relaxed) + 1;
        if total >= WINDOW {
            self.halve();
        }
        // The first answers count at once, later ones in groups.
        if self.since_refresh.fetch_add(1, Ordering::Relaxed) >= REFRESH || total < REFRESH {
            self.refresh();
        }
    }

    fn halve(&self) {
        let mut total = 0;
        for count in &self.counts {
            let half = count.load(Ordering::Relaxed) / 2;
            count.store(half, Ordering::Relaxed);
            total += half;
        }
        self.total.store(total, Ordering::Relaxed);
    }

    fn refresh(&self) {
        self.since_refresh.store(0, Ordering::Relaxed);
        self.median_us.store(self.quantile_us(50), Ordering::Relaxed);
        self.tail_us.store(self.quantile_us(TAIL_PERCENT), Ordering::Relaxed);
    }

    fn quantile_us(&self, percent: u32) -> u32 {
        let wanted = (u64::from(self.total.load(Ordering::Relaxed)) * u64::from(percent)).div_ceil(100);
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += u64::from(count.load(Ordering::Relaxed));
            if seen >= wanted.max(1) {
                return end_of(bucket);
            }
        }
        0
    }

    /// Half of the answers are faster; zero while none is known. Right to 19 %, upwards.
    pub fn median(&self) -> Duration {
        Duration::from_micros(u64::from(self.median_us.load(Ordering::Relaxed)))
    }

    /// All but a few answers ([`TAIL_PERCENT`]) are faster; zero while none is known.
    pub fn tail(&self) -> Duration {
        Duration::from_micros(u64::from(self.tail_us.load(Ordering::Relaxed)))
    }
}

/// What [`Latency::tail`] is: the part of the answers that are usual.
pub const TAIL_PERCENT: u32 = 96;

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(samples: impl IntoIterator<Item = u64>) -> Latency {
        let latency = Latency::default();
        samples.into_iter().for_each(|us| latency.add(Duration::from_micros(us)));
        latency
    }

    fn about(found: Duration, us: u64) -> bool {
        (us..=us * 5 / 4 + 1).contains(&(found.as_micros() as u64))
    }

    #[test]
    fn quantiles_are_right_to_a_quarter_upwards() {
        for us in [64, 100, 999, 1000, 12_345, 200_000, 3_000_000] {
            let latency = filled(std::iter::repeat_n(us, 100));
            assert!(about(latency.median(), us), "{us}: {:?}", latency.median());
            assert!(about(latency.tail(), us), "{us}: {:?}", latency.tail());
        }
        assert_eq!(Latency::default().tail(), Duration::ZERO);
    }

    #[test]
    fn two_humps_are_told_apart() {
        let latency = filled((0..1000).map(|index| if index % 10 == 0 { 200_000 } else { 500 }));
        assert!(about(latency.median(), 500), "{:?}", latency.median());
        assert!(about(latency.tail(), 200_000), "{:?}", latency.tail());
        let rare = filled((0..1000).map(|index| if index % 100 == 0 { 200_000 } else { 500 }));
        assert!(about(rare.tail(), 500), "one in a hundred is not usual: {:?}", rare.tail());
    }

    #[test]
    fn what_is_old_fades() {
        let latency = filled(std::iter::repeat_n(500, 5000).chain(std::iter::repeat_n(50_000, 3000)));
        assert!(about(latency.median(), 50_000), "{:?}", latency.median());
    }
}
