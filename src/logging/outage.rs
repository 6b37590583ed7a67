//! Knowing when a channel that failed is tried again, and whether its trouble is news.
//!
//! It is left alone for [`RETRY`]. A channel that fails soon after it came back is tried less and less often, so that a
//! disk on the edge of full does not fill the other logs. What may come by itself, as a syslog that starts after us, is
//! told only once a second try has failed.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

/// How long a channel that is out is left alone.
pub(super) const RETRY: Duration = Duration::from_secs(1);
/// The longest that it is, and how long it must work to be trusted again.
const RETRY_BOUND: Duration = Duration::from_secs(60);

/// How a channel is.
#[derive(Debug)]
pub(super) struct Health {
    out: Option<Outage>,
    /// Until the next try after a failure.
    pause: Duration,
    /// When it last came back.
    back_since: Option<Instant>,
}

#[derive(Debug)]
struct Outage {
    /// Messages not written since.
    lost: u64,
    next_try: Instant,
    /// Somebody was told.
    told: bool,
}

/// Whether a channel is to be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trial {
    /// It works.
    NotNeeded,
    /// It is out, and was tried a moment ago.
    TooEarly,
    /// It is out and may be tried; so many messages were not written.
    Due {
        /// Messages.
        lost: u64,
    },
}

impl Health {
    /// It works as far as is known.
    pub(super) fn new() -> Self {
        Health { out: None, pause: RETRY, back_since: None }
    }

    /// Whether it does not work.
    pub(super) fn is_out(&self) -> bool {
        self.out.is_some()
    }

    /// Whether it is to be tried.
    pub(super) fn trial(&self, tick: Instant) -> Trial {
        match &self.out {
            None => Trial::NotNeeded,
            Some(outage) if tick < outage.next_try => Trial::TooEarly,
            Some(outage) => Trial::Due { lost: outage.lost },
        }
    }

    /// Counts messages that are not written while it is out.
    pub(super) fn lose(&mut self, messages: u64) {
        if let Some(outage) = &mut self.out {
            outage.lost += messages;
        }
    }

    /// It failed, which cost so many messages. `may_come`: by itself, soon. Says whether it is news.
    pub(super) fn note_failure(&mut self, lost: u64, may_come: bool, tick: Instant) -> bool {
        if let Some(outage) = &mut self.out {
            outage.lost += lost;
            outage.next_try = tick + self.pause;
            return !std::mem::replace(&mut outage.told, true);
        }
        let relapse = self.back_since.is_some_and(|back| tick.duration_since(back) < RETRY_BOUND);
        self.pause = if relapse { (self.pause * 2).min(RETRY_BOUND) } else { RETRY };
        self.out = Some(Outage { lost, next_try: tick + self.pause, told: !may_come });
        !may_come
    }

    /// It works again. Says whether that is news to those who heard of the failure.
    pub(super) fn note_success(&mut self, tick: Instant) -> bool {
        self.back_since = Some(tick);
        self.out.take().is_some_and(|outage| outage.told)
    }
}

/// What went wrong and, where it is known, what would be right.
pub(super) fn reason(error: &io::Error) -> String {
    let advice = match error.kind() {
        ErrorKind::NotFound => " (does its directory exist?)",
        ErrorKind::PermissionDenied => " (may the server's user write there?)",
        ErrorKind::ReadOnlyFilesystem => " (is it to be remounted, or the path another one?)",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => " (free some space)",
        _ => "",
    };
    format!("{error}{advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_come_by_itself_is_told_at_the_second_failure_and_once() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        for (name, may_come, told) in [("a disk", false, [true, false, false]), ("syslog", true, [false, true, false])]
        {
            let mut health = Health::new();
            for (seconds, told) in (0..).zip(told) {
                assert_eq!(health.note_failure(1, may_come, after(seconds)), told, "{name} after {seconds} s");
            }
            assert_eq!(health.trial(after(3)), Trial::Due { lost: 3 }, "{name}");
            assert!(health.note_success(after(3)), "{name}");
        }
        let mut health = Health::new();
        health.note_failure(1, true, start);
        assert!(!health.note_success(after(1)), "nobody heard of it");
        assert_eq!(health.trial(after(1)), Trial::NotNeeded);
    }
}
