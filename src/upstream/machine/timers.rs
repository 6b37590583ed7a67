//! Looking again: what is due, who gives up, which answer is late, and what follows.
//!
//! A question that is sent is looked at when silence could be told from slowness, when its answer is later than is usual
//! for its server, and when it is to be sent again. Late, it may be **hedged**: sent to the next server while the first
//! may still answer. Where a server has gone silent, all its questions are; otherwise the budget decides.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::probes::PROBE;
use super::spills;
use super::{Command, Machine, Output};
use crate::metrics::Resolver;
use crate::upstream::flight::{Attempt, PATIENCE_WITH_THE_DEAD, Role, Route, patience};
use crate::upstream::server::{DEAD_AFTER, MAX_LATE, Server, Standing};
use crate::upstream::wheel::TICK;
use crate::wire::Transport;

/// A flight that waits for another worker is looked at again at least this often: its servers may have died since.
const MAX_SILENCE: Duration = Duration::from_millis(200);
/// Questions to servers that owe an answer to probes are looked at this often: one may have come.
pub(super) const PARKED: Duration = Duration::from_millis(20);
/// A late question that could not be hedged is looked at again after this: its server may turn out silent.
const RECONSIDER: Duration = Duration::from_millis(16);
/// A question that is not answered after this finds out which of its servers live: what is found dead is so in time for
/// [`PATIENCE_WITH_THE_DEAD`], with the wheel's ticks and a little to spare.
const ASK_WHO_LIVES: Duration = Duration::from_millis(650);
const _: () = assert!(
    ASK_WHO_LIVES.as_millis() + DEAD_AFTER.as_millis() + 5 * PARKED.as_millis() <= PATIENCE_WITH_THE_DEAD.as_millis()
);
/// It need not ask a server from which something has come just now.
const JUST_NOW: Duration = Duration::from_millis(100);

impl<R: Route, W> Machine<R, W> {
    /// Looks at what is asked again at `at`; those who wait may give up before.
    pub(super) fn look_again(&mut self, index: u32, at: Instant) {
        let Some(flight) = self.flight_mut(index) else { return };
        flight.ask_again_at = at;
        self.arm(index);
    }

    /// Sets the timer of a flight by what it waits for.
    pub(super) fn arm(&mut self, index: u32) {
        let Some(flight) = self.flight_mut(index) else { return };
        let at = flight.next_deadline().map_or(flight.ask_again_at, |deadline| deadline.min(flight.ask_again_at));
        flight.next_at = at;
        let name = (index, flight.id.generation);
        self.wheel.arm(at, name);
    }

    /// Does what is due.
    pub fn fire(&mut self, now: Instant, out: &mut Output<W>) {
        let mut due = std::mem::take(&mut self.due);
        self.wheel.fire(now, &mut due);
        for (index, generation) in due.drain(..) {
            if index == PROBE {
                self.tend(generation, now, out);
                continue;
            }
            let next_at = self.flight_mut(index).filter(|flight| flight.id.generation == generation);
            match next_at.map(|flight| flight.next_at) {
                Some(at) if at <= now => self.look_at(index, now, out),
                // Armed beyond the wheel's horizon, or again since.
                Some(at) => self.wheel.arm(at, (index, generation)),
                None => {}
            }
        }
        self.due = due;
    }

    fn look_at(&mut self, index: u32, now: Instant, out: &mut Output<W>) {
        let Some(flight) = self.flight_mut(index) else { return };
        let (route, waits) = (flight.role.route().clone(), matches!(flight.role, Role::Waits(_)));
        let hopeless = self.is_hopeless(index, &route, now);
        self.give_stale(index, now, out);
        self.give_up_late(index, hopeless, now, out);
        if waits {
            return match self.flight_mut(index).is_some_and(|flight| flight.waiters.is_empty()) {
                true => self.fail(index, now, out),
                false => self.look_again(index, now + MAX_SILENCE),
            };
        }
        let Some(flight) = self.flight_mut(index) else { return };
        if flight.waiters.is_empty() {
            let (hash, key) = (flight.hash, flight.key.clone());
            let refreshes = flight.refreshes_until.is_some_and(|until| until > now);
            let awaited = || self.in_flight.awaited_until(hash, key.as_octets()).is_some_and(|until| until > now);
            if hopeless || !(refreshes || awaited()) {
                return self.fail(index, now, out);
            }
        }
        let Some(flight) = self.flight_mut(index) else { return };
        // Somebody's deadline is not a server's: nothing is late yet.
        if flight.ask_again_at > now {
            return self.arm(index);
        }
        self.follow_up(index, &route, now, out);
    }

    /// Whether no server is left that could answer: each is dead, or has answered badly.
    fn is_hopeless(&mut self, index: u32, route: &R, now: Instant) -> bool {
        let now_us = self.micros(now);
        let Some(flight) = self.flight_mut(index) else { return false };
        flight.usable(route.servers()).all(|(_, server)| server.standing(now_us) == Standing::Dead)
    }

    /// Answers those whose time is over.
    fn give_up_late(&mut self, index: u32, hopeless: bool, now: Instant, out: &mut Output<W>) {
        let Some(flight) = self.flight_mut(index) else { return };
        flight.looked_at = Some(now);
        let mut late: Vec<_> = flight.waiters.extract_if(.., |waiter| waiter.until.when(hopeless) <= now).collect();
        if late.is_empty() {
            return;
        }
        self.leave_clients(index, late.len());
        let mut segment = std::mem::take(&mut self.segment);
        self.write_outcome(index, now, &mut segment);
        Self::hand_out(&mut late, &segment, out);
        self.segment = segment;
    }

    /// Draws the conclusions from the time that the last attempt takes.
    fn follow_up(&mut self, index: u32, route: &R, now: Instant, out: &mut Output<W>) {
        let Some(flight) = self.flight_mut(index) else { return };
        let last = flight.attempts.iter().max_by_key(|attempt| attempt.last_sent);
        let Some(&attempt) = last.filter(|_| flight.reserved.is_none()) else { return self.ask_next(index, now, out) };
        let (round, age) = (flight.round, now.saturating_duration_since(attempt.last_sent));
        let asks_who_lives_in =
            (flight.began + ASK_WHO_LIVES).checked_duration_since(now).filter(|left| !left.is_zero());
        if asks_who_lives_in.is_none() {
            self.ask_who_lives(index, route, now, out);
        }
        let server = Arc::clone(&route.servers()[usize::from(attempt.server)]);
        let (sent_us, now_us) = (self.micros(attempt.last_sent), self.micros(now));
        let late_after = server.late_after();
        let is_late = age >= late_after;
        if is_late && !attempt.is_late {
            server.was_late(sent_us, now_us);
            if let Some(attempt) = self.flight_mut(index).and_then(|flight| flight.attempt_of(attempt.path, attempt.id))
            {
                attempt.is_late = true;
            }
        }
        let doubtful = server.is_silent(now_us) || (is_late && server.late(sent_us, now_us));
        if doubtful {
            server.doubt(now_us);
            self.watch(&server, now, out);
        }
        let again_after = match server.returned_after(sent_us) {
            true => Duration::ZERO,
            false => patience(&server, attempt.transport, round),
        };
        if age >= again_after {
            self.note_timeout(index, &attempt, route);
            return self.ask_again(index, &attempt, now, out);
        }
        let can_hedge = self.has_another(index, route, now);
        // Nobody waits for what is fetched anew: it is not worth a second question.
        let may_pay = self.flight_mut(index).is_some_and(|flight| !flight.waiters.is_empty());
        if can_hedge && (server.is_lost_in_silence(sent_us, now_us) || (is_late && may_pay && self.budget.pay())) {
            return self.ask_next(index, now, out);
        }
        let steps = [server.silent_after(), late_after, again_after];
        let next = steps.into_iter().filter(|&step| step > age).min().unwrap_or(again_after);
        let next = match server.standing(now_us) {
            Standing::Alive if can_hedge && age >= server.silent_after() => next.min(age + RECONSIDER),
            Standing::Alive if is_late => next.min(age + MAX_LATE.saturating_sub(server.quiet_for(now_us)).max(TICK)),
            Standing::Alive => next,
            Standing::Doubted | Standing::Dead => next.min(age + PARKED),
        };
        let next = asks_who_lives_in.map_or(next, |left| next.min(age + left));
        self.look_again(index, attempt.last_sent + next);
    }

    /// Doubts the servers of a question from which nothing has come for a while: a probe tells.
    fn ask_who_lives(&mut self, index: u32, route: &R, now: Instant, out: &mut Output<W>) {
        let now_us = self.micros(now);
        let Some(flight) = self.flight_mut(index).filter(|flight| !flight.has_asked_who_lives) else { return };
        flight.has_asked_who_lives = true;
        let quiet = |server: &&Arc<Server>| server.quiet_for(now_us) >= JUST_NOW;
        let quiet: Vec<_> =
            flight.usable(route.servers()).map(|(_, server)| server).filter(quiet).map(Arc::clone).collect();
        for server in quiet {
            server.doubt(now_us);
            self.watch(&server, now, out);
        }
    }

    /// Counts a message whose answer did not come in time: once, however often nobody is there to be asked instead.
    fn note_timeout(&mut self, index: u32, attempt: &Attempt, route: &R) {
        let own = self.flight_mut(index).and_then(|flight| flight.attempt_of(attempt.path, attempt.id));
        if let Some(attempt) = own.filter(|attempt| !attempt.is_overdue) {
            attempt.is_overdue = true;
            self.meter.resolver(route.view(), Resolver::QueryTimeout);
        }
    }

    /// Asks again, since the last attempt was not answered in time; a connection on which nothing was heard since is
    /// given up.
    fn ask_again(&mut self, index: u32, attempt: &Attempt, now: Instant, out: &mut Output<W>) {
        let silent = self.lanes.get_mut(attempt.path).is_some_and(|socket| socket.heard < attempt.first_sent);
        if attempt.transport == Transport::Tcp && silent {
            out.commands.push(Command::Close(attempt.path));
            // Those who used it, this question among them, are asked anew.
            return self.closed(attempt.path, now, out);
        }
        self.ask_next(index, now, out);
    }

    /// Whether a server that lives has not been asked in this round.
    pub(super) fn has_another(&mut self, index: u32, route: &R, now: Instant) -> bool {
        let now_us = self.micros(now);
        let Some(flight) = self.flight_mut(index) else { return false };
        let used = flight.tried | flight.bad;
        let mut unused = route.servers().iter().enumerate().filter(|(place, _)| used & (1 << place) == 0);
        let limit = route.fetches_per_server();
        unused.any(|(_, server)| {
            server.standing(now_us) == Standing::Alive
                && server.pace.has_room(now_us)
                && !spills::is_full(server, limit)
        })
    }
}
