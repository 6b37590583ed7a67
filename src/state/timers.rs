//! How long connections of clients may be idle: as the configuration says, until an operator says otherwise or the next
//! configuration comes.
//!
//! Not here: who waits for it (`listen`).

use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use crate::config::Limits;

/// Times in tenths of a second, as named.conf, RFC 7828 and `rndc tcp-timeouts` have them; in this order everywhere.
#[derive(Debug)]
pub struct Timers {
    tenths: [AtomicU16; 4],
}

impl Timers {
    /// Those of a configuration.
    pub fn new(limits: &Limits) -> Self {
        let written = [
            limits.tcp_initial_timeout,
            limits.tcp_idle_timeout,
            limits.tcp_keepalive_timeout,
            limits.tcp_advertised_timeout,
        ];
        Self { tenths: written.map(|time| AtomicU16::new((time.as_millis() / 100).min(u16::MAX.into()) as u16)) }
    }

    /// `tcp-initial-timeout`, `tcp-idle-timeout`, `tcp-keepalive-timeout`, `tcp-advertised-timeout`: tenths of a second.
    pub fn tenths(&self) -> [u16; 4] {
        self.tenths.each_ref().map(|tenths| tenths.load(Ordering::Relaxed))
    }

    /// Sets them, in the same order.
    pub fn set(&self, tenths: [u16; 4]) {
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
