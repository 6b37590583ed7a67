//! How soon a name follows what happens to its servers, as a client sees it that asks every 10 ms; and whether it stays
//! where it should.
//!
//! Three deaths (killed: connections are refused; frozen: taken, and silent; cut off: no packet comes back) and the way
//! back from each, two paces of probes, once behind a caching named; and three endless loops around nc. Each test needs
//! a network of its own and minutes: `tests/acceptance failover` and `tests/acceptance failover-nc` run them; `cargo
//! test` does not know this target. Not here: what a single probe makes of an answer (beside the code).

#[path = "../common/mod.rs"]
mod common;
mod client;
mod loops;
mod network;
mod times;

use std::fmt;
use std::time::Duration;

/// The file that shows names that fail over.
const CONFIGURATION: &str = include_str!("../../conf/failover.toml");
/// The name in it.
const NAME: &str = "resilient-site.techotom.com";

/// The value of an environment variable as a number.
fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// What was measured, again and again, and what none of it may exceed.
struct Times {
    /// In seconds, sorted; at least one.
    sorted: Vec<f64>,
    bound: f64,
}

impl Times {
    /// What stands above [`Times`] in a table.
    const HEAD: &str = "times | min s | median s | max s | bound s |";
    /// And below that.
    const RULE: &str = "---:|---:|---:|---:|---:|";

    fn new(times: &[Duration], bound: Duration) -> Times {
        let mut sorted: Vec<_> = times.iter().map(Duration::as_secs_f64).collect();
        sorted.sort_by(f64::total_cmp);
        Times { sorted, bound: bound.as_secs_f64() }
    }

    fn are_held(&self) -> bool {
        self.sorted.last().is_some_and(|longest| *longest <= self.bound)
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Times { sorted, bound } = self;
        let last = sorted.len() - 1;
        let (min, median, max) = (sorted[0], (sorted[last / 2] + sorted[sorted.len() / 2]) / 2.0, sorted[last]);
        write!(f, "{} | {min:.2} | {median:.2} | {max:.2} | {bound:.2} |", sorted.len())
    }
}
