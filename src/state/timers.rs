//! How long connections of clients may be idle: as the configuration says, until an operator says otherwise; then until
//! the next reload.
//!
//! Not here: who waits for it (`listen`).

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::config::Limits;

/// Times in tenths of a second, as named.conf, RFC 7828 and `rndc tcp-timeouts` have them; in this order everywhere.
#[derive(Debug)]
pub struct Timers {
    tenths: [AtomicU16; 4],
    /// How often an operator has set them. Held while they are written, never while they are read.
    orders: Mutex<u64>,
}

impl Timers {
    /// Those of a configuration.
    pub fn new(limits: &Limits) -> Self {
        Self { tenths: written(limits).map(AtomicU16::new), orders: Mutex::default() }
    }

    /// `tcp-initial-timeout`, `tcp-idle-timeout`, `tcp-keepalive-timeout`, `tcp-advertised-timeout`: tenths of a second.
    pub fn tenths(&self) -> [u16; 4] {
        self.tenths.each_ref().map(|tenths| tenths.load(Ordering::Relaxed))
    }

    /// Sets them, in the same order, as an operator says.
    pub fn set(&self, tenths: [u16; 4]) {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        *orders += 1;
        self.store(tenths);
    }

    /// How often an operator has set them: for [`Timers::follow`].
    pub fn orders(&self) -> u64 {
        *self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets them as a configuration says, unless an operator has set them since `orders`, when it began to be read.
    pub fn follow(&self, limits: &Limits, orders: u64) {
        let present = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if *present == orders {
            self.store(written(limits));
        }
    }

    fn store(&self, tenths: [u16; 4]) {
        for (own, tenths) in self.tenths.iter().zip(tenths) {
            own.store(tenths, Ordering::Relaxed);
        }
    }

    /// How long a connection may be idle: before its first message; after one; after one whose sender speaks
    /// edns-tcp-keepalive.
    pub fn patience(&self, has_asked: bool, keeps_alive: bool) -> Duration {
        let [initial, idle, keepalive, _] = self.tenths();
        let tenths = match (has_asked, keeps_alive) {
            (false, _) => initial,
            (true, false) => idle,
            (true, true) => keepalive,
        };
        Duration::from_millis(u64::from(tenths) * 100)
    }

    /// What who speaks edns-tcp-keepalive is told: tenths of a second.
    pub fn advertised(&self) -> u16 {
        self.tenths[3].load(Ordering::Relaxed)
    }
}

fn written(limits: &Limits) -> [u16; 4] {
    let times = [
        limits.tcp_initial_timeout,
        limits.tcp_idle_timeout,
        limits.tcp_keepalive_timeout,
        limits.tcp_advertised_timeout,
    ];
    times.map(|time| (time.as_millis() / 100).min(u16::MAX.into()) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_is_heard_until_what_is_read_after_that() {
        let (first, second) =
            (Limits::default(), Limits { tcp_idle_timeout: Duration::from_secs(7), ..Limits::default() });
        let timers = Timers::new(&first);
        let began = timers.orders();
        timers.follow(&second, began);
        assert_eq!(timers.tenths(), [300, 70, 300, 300]);
        let began = timers.orders();
        for tenths in [[100, 111, 122, 133], [100, 111, 122, 133]] {
            timers.set(tenths);
            timers.follow(&second, began);
            assert_eq!(timers.tenths(), tenths, "it was said while the file was read");
        }
        timers.follow(&first, timers.orders());
        assert_eq!(timers.tenths(), written(&first));
    }
}
