//! What the machine's memory costs: a chase through it, each access telling the address of the next.

// Each benchmark compiles this module for itself and uses a part of it.
#![allow(dead_code)]

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Octets of a cache line: no two places of a chase share one.
const LINE: usize = 64;
/// How long [`ns_per_access`] measures.
const TIME: Duration = Duration::from_millis(200);
/// Accesses between two looks at the clock.
const STEPS: u32 = 10_000;

/// A cache line that names the next one.
#[repr(align(64))]
#[derive(Clone)]
struct Line(u32);

/// One round through so much memory, in an order without pattern.
pub(crate) struct Chase {
    lines: Vec<Line>,
    at: u32,
}

impl Chase {
    pub(crate) fn new(octets: u64) -> Self {
        let count = (octets as usize / LINE).max(2);
        // Sattolo's shuffle leaves one round through all.
        let mut order: Vec<u32> = (0..count as u32).collect();
        let mut random = 0x9e37_79b9_7f4a_7c15u64;
        for last in (1..count).rev() {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            order.swap(last, (random % last as u64) as usize);
        }
        Self { lines: order.into_iter().map(Line).collect(), at: 0 }
    }

    /// One access.
    #[inline]
    pub(crate) fn step(&mut self) -> u32 {
        self.at = self.lines[self.at as usize].0;
        self.at
    }
}

/// Nanoseconds of one access within so many octets.
pub(crate) fn ns_per_access(octets: u64) -> f64 {
    let mut chase = Chase::new(octets);
    // Once around, or for as long, so that what fits into the processor's caches is in them.
    (0..chase.lines.len().min(1 << 20)).for_each(|_| {
        chase.step();
    });
    let (start, mut steps) = (Instant::now(), 0);
    while start.elapsed() < TIME {
        (0..STEPS).for_each(|_| {
            black_box(chase.step());
        });
        steps += STEPS;
    }
    start.elapsed().as_nanos() as f64 / f64::from(steps)
}
