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
        if self.present.load(Ordering::Relaxed) >= workers.len() {
            notify.alive();
            // A new count: one that answers late to the old roll is not counted twice.
            self.present = Arc::new(AtomicUsize::new(0));
            workers.call_the_roll(&self.present);
        }
    }
}
