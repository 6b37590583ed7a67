//! Ending flights: with an answer, with a failure, or with what another worker was told.

use std::sync::Arc;
use std::time::Instant;

use super::{Command, Finished, Machine, Output};
use crate::cache::Key;
use crate::upstream::flight::{Flight, Role, Route, Waiter};
use crate::upstream::in_flight::FlightId;
use crate::upstream::server::Standing;
use crate::wire::header::rcode;
use crate::wire::segment::{self, Meta, Segment};

impl<R: Route, W> Machine<R, W> {
    /// Ends a flight without an answer and remembers that for a moment (RFC 9520).
    ///
    /// Not if it failed because a server is dead: as long as it is, questions cost it nothing, and when it has returned
    /// they are to be answered.
    pub(super) fn fail(&mut self, index: u32, now: Instant, out: &mut Output<W>) {
        let now_us = self.micros(now);
        let Some(flight) = self.flights.get(index as usize).and_then(|slot| slot.flight.as_ref()) else { return };
        let mut segment = std::mem::take(&mut self.segment);
        let Flight { ref key, hash, ref role, .. } = *flight;
        write_end(&mut segment, flight);
        // What is still good, though fetching it anew has failed, is not to be lost.
        if let Role::Asks(route) = role
            && !self.cache.has_answer(hash, key, now)
        {
            if flight.denied.is_none() && self.copy_stale(route, hash, key, now, &mut Vec::new()) {
                let (failure, time) = (key.failure(), route.stale().map_or(0, |stale| stale.refresh_time));
                self.cache.insert(self.cache.hash(&failure), &failure, &segment, time, now);
            } else if !flight.usable(route.servers()).any(|(_, server)| server.standing(now_us) == Standing::Dead) {
                self.cache.insert(hash, key, &segment, route.servfail_ttl(), now);
            }
        }
        self.write_outcome(index, now, &mut segment);
        self.finish(index, &segment, out);
        self.segment = segment;
    }

    /// Writes what those get whose question has failed: what was denied, an answer of old if there is one and the rule
    /// wants it given out, else the failure.
    pub(super) fn write_outcome(&self, index: u32, now: Instant, segment: &mut Vec<u8>) {
        let Some(flight) = self.flights.get(index as usize).and_then(|slot| slot.flight.as_ref()) else { return };
        let is_denied = flight.denied.is_some();
        if is_denied || !self.copy_stale(flight.role.route(), flight.hash, &flight.key, now, segment) {
            write_end(segment, flight);
        }
    }

    fn copy_stale(&self, route: &R, hash: u64, key: &Key, now: Instant, out: &mut Vec<u8>) -> bool {
        route.stale().and_then(|stale| self.cache.copy_stale(hash, key, now, stale.ttls(route.layout()), out)).is_some()
    }

    /// Gives an answer of old, if there is one, to those who waited so long that it is as good as none; others wait on.
    /// The question is asked further, for the cache.
    pub(super) fn give_stale(&mut self, index: u32, now: Instant, out: &mut Output<W>) {
        let is_due = |waiter: &Waiter<W>| waiter.until.stale.is_some_and(|at| at <= now);
        let Some(flight) = self.flight_mut(index) else { return };
        if !flight.waiters.iter().any(is_due) {
            return;
        }
        let (route, hash, key) = (flight.role.route().clone(), flight.hash, flight.key.clone());
        let mut segment = std::mem::take(&mut self.segment);
        let found = self.copy_stale(&route, hash, &key, now, &mut segment);
        let Some(flight) = self.flight_mut(index) else { return };
        if found {
            let mut given: Vec<_> = flight.waiters.extract_if(.., |waiter| is_due(waiter)).collect();
            let until = given.iter().map(|waiter| waiter.until.alive).max();
            let already = flight.refreshes_until.is_some();
            self.leave_clients(index, given.len());
            // One too many is asked as long as somebody waits.
            if already || self.in_flight.begin_refresh() {
                let Some(flight) = self.flight_mut(index) else { return };
                flight.refreshes_until = flight.refreshes_until.max(until);
            }
            Self::hand_out(&mut given, &segment, out);
        } else {
            flight.waiters.iter_mut().filter(|waiter| is_due(waiter)).for_each(|waiter| waiter.until.stale = None);
        }
        self.segment = segment;
    }

    /// Ends a flight with a segment.
    pub(super) fn finish(&mut self, index: u32, segment: &[u8], out: &mut Output<W>) {
        let Some(slot) = self.flights.get_mut(index as usize) else { return };
        let Some(mut flight) = slot.flight.take() else { return };
        self.free.push(index);
        if flight.refreshes_until.is_some() {
            self.in_flight.end_refresh();
        }
        flight.attempts.iter().for_each(|attempt| self.release(attempt, out));
        if let Some((server, _)) = flight.reserved {
            flight.role.route().servers()[server].pace.give_back();
        }
        match &flight.role {
            Role::Asks(route) => {
                self.meter.fetch_ends(route.view());
                let ended = self.in_flight.finish(flight.hash, flight.key.as_octets(), flight.id);
                if let Some(fetches) = route.fetches_per_zone().filter(|_| flight.is_counted) {
                    fetches.end();
                }
                if let (Some(clients), Some(bound)) = (ended.spilled, route.clients_per_query())
                    && is_answer(segment)
                {
                    // As late as what was done last.
                    bound.answered(clients, self.recent.get().1);
                }
                let others = ended.waiting;
                if !others.is_empty() {
                    let shared: Arc<[u8]> = segment.into();
                    out.commands.extend(others.into_iter().map(|other| Command::Tell(other, Arc::clone(&shared))));
                }
            }
            Role::Waits(_) => self.in_flight.leave(flight.hash, flight.key.as_octets(), flight.id),
        }
        Self::hand_out(&mut flight.waiters, segment, out);
        self.spare_waiters.put(flight.waiters);
        self.spare_attempts.put(flight.attempts);
    }

    /// Somebody must no longer wait for `flight`: takes the first for whom `is_it` holds off it. What nobody waits for
    /// any more, on any worker, is not asked any longer, nor remembered as a failure.
    pub fn abandon(
        &mut self,
        flight: FlightId,
        is_it: impl Fn(&W) -> bool,
        now: Instant,
        out: &mut Output<W>,
    ) -> Option<W> {
        let found = self.flight_mut(flight.index).filter(|found| found.id == flight)?;
        let place = found.waiters.iter().position(|waiter| is_it(&waiter.who))?;
        let waiter = found.waiters.remove(place);
        self.leave_clients(flight.index, 1);
        let found = self.flight_mut(flight.index)?;
        let refreshes = found.refreshes_until.is_some_and(|until| until > now);
        let (hash, ede, alone) = (found.hash, found.ede, found.waiters.is_empty() && !refreshes);
        if alone {
            let key = found.key.clone();
            let awaited = self.in_flight.awaited_until(hash, key.as_octets()).is_some_and(|until| until > now);
            let waits = matches!(self.flight_mut(flight.index)?.role, Role::Waits(_));
            if waits || !awaited {
                let mut segment = std::mem::take(&mut self.segment);
                write_failure(&mut segment, ede);
                self.finish(flight.index, &segment, out);
                self.segment = segment;
            }
        }
        Some(waiter.who)
    }

    /// So many no longer wait for a question of which others do.
    pub(super) fn leave_clients(&mut self, index: u32, count: usize) {
        let Some(flight) = self.flights.get(index as usize).and_then(|slot| slot.flight.as_ref()) else { return };
        if flight.role.route().clients_per_query().is_some() {
            self.in_flight.leave_clients(flight.hash, flight.key.as_octets(), count as u32);
        }
    }

    /// Hands a segment to all of them.
    pub(super) fn hand_out(waiters: &mut Vec<Waiter<W>>, segment: &[u8], out: &mut Output<W>) {
        if waiters.is_empty() {
            return;
        }
        let start = out.segments.len();
        out.segments.extend_from_slice(segment);
        let end = out.segments.len();
        out.finished.extend(waiters.drain(..).map(|waiter| Finished { waiter, segment: start..end }));
    }

    /// Another worker's flight, which `flight` waits for, has ended with this segment.
    pub fn told(&mut self, flight: FlightId, segment: &[u8], out: &mut Output<W>) {
        let same = self.flight_mut(flight.index).is_some_and(|found| found.id == flight);
        if same {
            self.finish(flight.index, segment, out);
        }
    }
}

/// Whether a segment is an answer, not a failure.
fn is_answer(segment: &[u8]) -> bool {
    !segment.is_empty() && u16::from(Segment::new(segment).meta().rcode) != rcode::SERVFAIL
}

/// Writes the segment of a question that nobody has answered well: what the last word was, or the failure.
///
/// A denial with the SOA of a zone above the rule has no SOA here and is remembered like a failure. named gives out
/// NXDOMAIN so, and SERVFAIL for a type that is not there.
fn write_end<R, W>(out: &mut Vec<u8>, flight: &Flight<R, W>) {
    let Some(rcode) = flight.denied else { return write_failure(out, flight.ede) };
    let written = segment::encode(out, &Meta { rcode, ..Meta::default() }, &[], &[], &[]);
    debug_assert!(written.is_some());
}

/// Writes the segment of a failure.
pub(super) fn write_failure(out: &mut Vec<u8>, ede: u16) {
    let meta = Meta { rcode: rcode::SERVFAIL as u8, ede: ede + 1, ..Meta::default() };
    let written = segment::encode(out, &meta, &[], &[], &[]);
    debug_assert!(written.is_some());
}
