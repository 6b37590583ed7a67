//! What is over `fetches-per-zone` or `fetches-per-server`: it ends at once, unasked.
//!
//! Nothing of it is remembered: a moment later there may be room.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use super::{Machine, Output};
use crate::config::{FetchLimit, Over};
use crate::metrics::Resolver;
use crate::upstream::flight::{Flight, Role, Route};
use crate::upstream::server::Server;
use crate::wire::header::ede;

/// Whether as much is outstanding to a server as may be.
pub(super) fn is_full(server: &Server, limit: Option<FetchLimit>) -> bool {
    limit.is_some_and(|limit| server.outstanding.load(Relaxed) >= limit.most)
}

/// The servers to which as much is outstanding as may be, a bit each; but not those that this question counts at already.
pub(super) fn full<R: Route, W>(flight: &Flight<R, W>, route: &R) -> u32 {
    let limit = route.fetches_per_server();
    if limit.is_none() {
        return 0;
    }
    let asked = flight.attempts.iter().map(|attempt| 1 << attempt.server).fold(0, |asked: u32, one: u32| asked | one);
    let full = route.servers().iter().enumerate().filter(|(_, server)| is_full(server, limit));
    full.map(|(place, _)| 1 << place).sum::<u32>() & !asked
}

impl<R: Route, W> Machine<R, W> {
    /// Counts a question that is about to be asked under its rule; where it is one too many, it ends.
    pub(super) fn count_in_zone(&mut self, index: u32, now: Instant, out: &mut Output<W>) -> bool {
        let now_us = self.micros(now);
        let Some(flight) = self.flight_mut(index) else { return false };
        let Role::Asks(route) = &flight.role else { return false };
        let Some(fetches) = route.fetches_per_zone() else { return true };
        flight.is_counted = fetches.begin();
        if flight.is_counted {
            return true;
        }
        let limit = fetches.limit;
        fetches.under_way.spill(now_us, limit, || route.zone().to_string());
        self.spill(index, (Resolver::ZoneQuota, limit.over), now, out);
        false
    }

    /// Ends a question that none of these servers may be asked now; says whether it did. One that waits for an answer goes
    /// on waiting.
    pub(super) fn spill_at_servers(&mut self, index: u32, full: u32, now: Instant, out: &mut Output<W>) -> bool {
        let now_us = self.micros(now);
        let Some(flight) = self.flight_mut(index).filter(|flight| flight.attempts.is_empty()) else { return false };
        let route = flight.role.route();
        let Some(limit) = route.fetches_per_server() else { return false };
        for (_, server) in route.servers().iter().enumerate().filter(|(place, _)| full & (1 << place) != 0) {
            let server = Arc::clone(server);
            server.spilled.spill(now_us, limit, || format!("forwarder {}", server.forwarder.address));
        }
        self.spill(index, (Resolver::ServerQuota, limit.over), now, out);
        true
    }

    fn spill(&mut self, index: u32, (bound, over): (Resolver, Over), now: Instant, out: &mut Output<W>) {
        let Some(view) = self.flight_mut(index).map(|flight| flight.role.route().view()) else { return };
        self.meter.resolver(view, bound);
        let mut segment = std::mem::take(&mut self.segment);
        segment.clear();
        if over == Over::Fail {
            if let Some(flight) = self.flight_mut(index) {
                flight.ede = ede::OTHER;
            }
            self.write_outcome(index, now, &mut segment);
        }
        // Without a segment nobody gets anything.
        self.finish(index, &segment, out);
        self.segment = segment;
    }
}
