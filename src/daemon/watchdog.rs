//! Telling the service manager that every worker lives, as often as it wants to hear.
//!
//! The sign of life is given when all workers have looked at their orders since the last one: one that hangs lets the
//! manager's patience run out, and the server is started anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::notify::Notify;
use crate::listen::Workers;

/// Looks between two signs of life that are due: one that comes late is then no reason to end the server.
const LOOKS: u32 = 4;

/// See the module.
pub(super) struct Watchdog {
    looks: Option<Interval>,
    present: Arc<AtomicUsize>,
}

impl Watchdog {
    /// For whoever wants to be told; within a runtime.
    pub(super) fn new(notify: &Notify, workers: &Workers) -> Self {
        let looks = notify.watchdog().map(|patience| {
            let period = (patience / LOOKS).max(Duration::from_millis(1));
            let mut looks = interval_at(Instant::now() + period, period);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            looks
        });
        let present = Arc::new(AtomicUsize::new(0));
        if looks.is_some() {
            workers.call_the_roll(&present);
        }
        Self { looks, present }
    }

    /// Waits until it is time to look; for ever where nobody wants to hear.
    pub(super) async fn due(&mut self) {
        match &mut self.looks {
            Some(looks) => drop(looks.tick().await),
            None => std::future::pending().await,
        }
    }

    /// Gives a sign of life if all have answered.
    pub(super) fn look(&mut self, notify: &Notify, workers: &Workers) {
        self.look_at(notify, workers.len(), |present| workers.call_the_roll(present));
    }

    fn look_at(&mut self, notify: &Notify, workers: usize, call_the_roll: impl FnOnce(&Arc<AtomicUsize>)) {
        if self.present.load(Ordering::Relaxed) >= workers {
            notify.alive();
            // A new count: one that answers late to the old roll is not counted twice.
            self.present = Arc::new(AtomicUsize::new(0));
            call_the_roll(&self.present);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;

    #[test]
    fn a_worker_that_hangs_keeps_the_sign_of_life_back_and_one_that_goes_on_brings_it() {
        let (ours, manager) = UnixDatagram::pair().expect("sockets");
        manager.set_nonblocking(true).expect("it is ours");
        let notify = Notify::to(ours);
        let heard = || manager.recv(&mut [0; 64]).is_ok();
        let mut watchdog = Watchdog { looks: None, present: Arc::new(AtomicUsize::new(0)) };
        let answer = |watchdog: &Watchdog| watchdog.present.fetch_add(1, Ordering::Relaxed);
        let look = |watchdog: &mut Watchdog| {
            let mut called = false;
            watchdog.look_at(&notify, 2, |_| called = true);
            called
        };
        answer(&watchdog);
        assert!(!look(&mut watchdog) && !heard(), "one of two has answered");
        let late = Arc::clone(&watchdog.present);
        answer(&watchdog);
        assert!(look(&mut watchdog) && heard(), "both have");
        late.fetch_add(1, Ordering::Relaxed);
        answer(&watchdog);
        assert!(!look(&mut watchdog) && !heard(), "an answer to the old roll is not counted");
    }
}
