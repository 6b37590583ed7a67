//! Looking again: what is due, who gives up, which server was late.

use std::time::{Duration, Instant};

use super::endings::write_failure;
use super::{Command, Machine, Output};
use crate::upstream::flight::{Role, Route};
use crate::upstream::lanes::Transport;

impl<R: Route, W> Machine<R, W> {
    /// Asks again at `at`; those who wait may give up before.
    pub(super) fn look_again(&mut self, index: u32, at: Instant) {
        let Some(flight) = self.flight_mut(index) else { return };
        flight.ask_again_at = at;
        self.arm(index);
    }

    /// Sets the timer of a flight by what it waits for.
    pub(super) fn arm(&mut self, index: u32) {
        let Some(flight) = self.flight_mut(index) else { return };
        let at = flight.ask_again_at;
        let at = flight.first_deadline().map_or(at, |deadline| deadline.min(at));
        flight.next_at = at;
        let name = (index, flight.id.generation);
        self.wheel.arm(at, name);
    }

    /// Does what is due.
    pub fn fire(&mut self, now: Instant, out: &mut Output<W>) {
        let mut due = std::mem::take(&mut self.due);
        self.wheel.fire(now, &mut due);
        for (index, generation) in due.drain(..) {
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
        self.give_up_late(index, now, out);
        let Some(flight) = self.flight_mut(index) else { return };
        let (hash, key, deserted) = (flight.hash, flight.key.clone(), flight.waiters.is_empty());
        let Role::Asks(route) = &flight.role else {
            return match deserted {
                true => self.fail(index, now, out),
                false => self.look_again(index, now + MAX_SILENCE),
            };
        };
        let route = route.clone();
        let awaited = !deserted || self.in_flight.awaited_until(hash, key.as_octets()).is_some_and(|until| until > now);
        if !awaited {
            return self.fail(index, now, out);
        }
        let Some(flight) = self.flight_mut(index) else { return };
        // Somebody's deadline is not a server's: nothing is late yet.
        if flight.ask_again_at > now {
            return self.arm(index);
        }
        let sent = flight.sent;
        self.note_timeouts(index, &route, now, out);
        // Parting with a silent connection has asked anew already.
        if self.flight_mut(index).is_some_and(|flight| flight.sent == sent) {
            self.ask_next(index, now, out);
        }
    }

    /// Answers those whose time is over.
    fn give_up_late(&mut self, index: u32, now: Instant, out: &mut Output<W>) {
        let Some(flight) = self.flight_mut(index) else { return };
        let late = flight.waiters.iter().take_while(|waiter| waiter.deadline <= now).count();
        let (ede, late) = (flight.ede, flight.waiters.drain(..late).collect::<Vec<_>>());
        let mut segment = std::mem::take(&mut self.segment);
        write_failure(&mut segment, ede);
        self.hand_out(late, &segment, out);
        self.segment = segment;
    }

    /// Counts the last attempts as late; a connection on which nothing was heard since is given up.
    fn note_timeouts(&mut self, index: u32, route: &R, now: Instant, out: &mut Output<W>) {
        let now_ms = self.ms(now);
        let Some(flight) = self.flight_mut(index) else { return };
        let Some(&attempt) = flight.attempts.iter().max_by_key(|attempt| attempt.last_sent) else { return };
        self.counts.timeouts += 1;
        let sent_ms = self.ms(attempt.last_sent);
        route.servers()[usize::from(attempt.server)].timed_out(sent_ms, now_ms);
        let silent = self.lanes.get_mut(attempt.path).is_some_and(|socket| socket.heard < attempt.first_sent);
        if attempt.transport == Transport::Tcp && silent {
            out.commands.push(Command::Close(attempt.path));
            self.closed(attempt.path, now, out);
        }
    }
}

/// A flight that waits for another worker is looked at again at least this often.
const MAX_SILENCE: Duration = Duration::from_secs(1);
