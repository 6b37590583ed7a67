//! Counting results in a row: what the probes of one server say about it.
//!
//! Not here: `inverted`, `disabled`, overrides, calculated checks ([`super::table`]).

use crate::config::health::Thresholds;

/// A server's state as its probes show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    healthy: bool,
    /// Results in a row that say the opposite of `healthy`: fewer than the threshold that they must reach.
    streak: u8,
    /// Whether there was a result at all.
    decided: bool,
}

impl Machine {
    /// A server that has not been probed and counts as `healthy` until it is.
    pub fn new(healthy: bool) -> Self {
        Self { healthy, streak: 0, decided: false }
    }

    /// What the server counts as.
    pub fn is_healthy(&self) -> bool {
        self.healthy
    }

    /// Whether there was a result at all.
    pub fn is_decided(&self) -> bool {
        self.decided
    }

    /// Results in a row that say the opposite of [`Self::is_healthy`].
    pub fn streak(&self) -> u8 {
        self.streak
    }

    /// Takes a probe's result; says whether it turned the server. The first one decides alone.
    pub fn observe(&mut self, passed: bool, thresholds: Thresholds) -> bool {
        let needed = match (self.decided, passed) {
            (false, _) => 1,
            (true, true) => thresholds.success,
            (true, false) => thresholds.failure,
        };
        self.decided = true;
        self.streak = if passed == self.healthy { 0 } else { self.streak.saturating_add(1) };
        let turns = passed != self.healthy && self.streak >= needed;
        if turns {
            (self.healthy, self.streak) = (passed, 0);
        }
        turns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `+` passed, `-` failed; after each: whether the server counts as healthy, `H` or `u`.
    fn states(start: bool, failure: u8, success: u8, results: &str) -> String {
        let mut machine = Machine::new(start);
        let observe = |result| {
            let before = machine.is_healthy();
            let turned = machine.observe(result == '+', Thresholds { failure, success });
            assert_eq!(turned, machine.is_healthy() != before, "what is told is what happened");
            if machine.is_healthy() { 'H' } else { 'u' }
        };
        results.chars().map(observe).collect()
    }

    #[test]
    fn so_many_in_a_row_turn_a_server() {
        for (case, start, (failure, success), results, expected) in [
            ("the first success decides", false, (3, 3), "+", "H"),
            ("the first failure decides", true, (3, 3), "-", "u"),
            ("the first result of ten needed decides", true, (10, 10), "-", "u"),
            ("three failures turn it", true, (3, 3), "+---", "HHHu"),
            ("three successes turn it back", true, (3, 3), "-+++", "uuuH"),
            ("a success between resets failures", true, (3, 3), "+--+--+---", "HHHHHHHHHu"),
            ("a failure between resets successes", true, (3, 3), "-++-++-+++", "uuuuuuuuuH"),
            ("a threshold of one turns at once", true, (1, 1), "+-+-", "HuHu"),
            ("down fast, up slowly", true, (1, 3), "+-+++", "HuuuH"),
            ("down slowly, up fast", true, (3, 1), "+---+", "HHHuH"),
            ("after a turn the count begins anew", true, (2, 2), "+----++--++", "HHuuuuHHuuH"),
            ("ten in a row", true, (10, 10), "+----------", "HHHHHHHHHHu"),
        ] {
            assert_eq!(states(start, failure, success, results), expected, "{case}");
        }
    }

    #[test]
    fn a_lower_threshold_counts_from_the_next_result() {
        let mut machine = Machine::new(true);
        let patient = Thresholds { failure: 5, success: 5 };
        for result in [true, false, false, false] {
            assert!(!machine.observe(result, patient));
        }
        assert!(machine.observe(false, Thresholds { failure: 2, success: 2 }));
        assert!(!machine.is_healthy());
    }

    #[test]
    fn a_server_that_was_never_probed_says_so() {
        let mut machine = Machine::new(false);
        assert_eq!((machine.is_decided(), machine.is_healthy(), machine.streak()), (false, false, 0));
        machine.observe(false, Thresholds::default());
        assert_eq!((machine.is_decided(), machine.is_healthy(), machine.streak()), (true, false, 0));
        machine.observe(true, Thresholds::default());
        assert_eq!(machine.streak(), 1);
    }
}
