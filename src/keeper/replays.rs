//! Updates that come again: a signed message is made once, however often it arrives.
//!
//! Who sees a signed update on its way can send it again within its fudge, when the zone has changed since; and a client
//! that got no answer sends the same message again. Both get what the first one got (RFC 8945 §5.2.3 leaves it to the
//! server how repeated messages are found). What failed for the server's own reasons may be tried again.
//! Bounds: [`MAX_REMEMBERED`]; the oldest are forgotten first.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::answer::update::Outcome;
use crate::wire::header::rcode;

/// Updates that are remembered at once.
const MAX_REMEMBERED: usize = 65_536;
/// How long: twice the longest fudge that is taken, since a client's clock may be ahead by one.
const REMEMBERED: Duration = Duration::from_secs(600);

/// See the module.
#[derive(Default)]
pub(super) struct Replays {
    outcomes: HashMap<Box<[u8]>, Outcome>,
    /// In the order they came.
    order: VecDeque<(Instant, Box<[u8]>)>,
}

impl Replays {
    /// What came of the update with this MAC, if it was made not long ago.
    pub(super) fn outcome(&self, mac: &[u8]) -> Option<Outcome> {
        self.outcomes.get(mac).copied()
    }

    /// Remembers what came of an update.
    pub(super) fn remember(&mut self, mac: &[u8], outcome: Outcome, now: Instant) {
        let is_old = |at: Instant| now.saturating_duration_since(at) > REMEMBERED;
        while self.order.len() >= MAX_REMEMBERED || self.order.front().is_some_and(|(at, _)| is_old(*at)) {
            let Some((_, oldest)) = self.order.pop_front() else { break };
            self.outcomes.remove(&oldest);
        }
        if outcome.rcode != rcode::SERVFAIL && self.outcomes.insert(mac.into(), outcome).is_none() {
            self.order.push_back((now, mac.into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_is_remembered_for_as_long_as_it_might_be_sent_again() {
        let (mut replays, begin) = (Replays::default(), Instant::now());
        let refused = Outcome { rcode: rcode::NXRRSET, why: "" };
        replays.remember(b"done", Outcome::DONE, begin);
        replays.remember(b"refused", refused, begin + Duration::from_secs(1));
        replays.remember(b"failed", Outcome::failed("the disk is full"), begin);
        assert_eq!(replays.outcome(b"done"), Some(Outcome::DONE));
        assert_eq!(replays.outcome(b"refused"), Some(refused));
        assert_eq!(replays.outcome(b"failed"), None, "it may be tried again");
        replays.remember(b"later", Outcome::DONE, begin + REMEMBERED + Duration::from_millis(500));
        assert_eq!((replays.outcome(b"done"), replays.outcome(b"refused")), (None, Some(refused)));
        for number in 0..MAX_REMEMBERED as u32 + 7 {
            replays.remember(&number.to_be_bytes(), Outcome::DONE, begin + REMEMBERED);
        }
        assert_eq!((replays.order.len(), replays.outcomes.len()), (MAX_REMEMBERED, MAX_REMEMBERED));
        assert_eq!(replays.outcome(&6u32.to_be_bytes()), None, "the oldest go first");
    }
}
