//! Keeping to what upstreams may be asked (`max_qps`): elsewhere if there is room, else in turn, as long as somebody waits.
//!
//! A question that has to wait reserves the next token of its server, so that none overtakes it and nothing has to be
//! looked at before its time. What nobody waits for is not worth a wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Machine, Output};
use crate::upstream::flight::Route;
use crate::upstream::pace::Urgency;
use crate::upstream::server::{Micros, Server, Standing};

/// A question for which no token comes in time is looked at this often: others may give theirs back.
const NO_TOKEN: Duration = Duration::from_millis(200);
/// How long a question may wait for a token if only other workers wait for its answer.
const FOR_OTHERS: Duration = Duration::from_secs(1);

/// What a flight has reserved.
pub(super) enum Reserved {
    /// Nothing that can be used.
    None,
    /// A token to come; the flight has been set to look again.
    NotYet,
    /// A token of the server at this place.
    Now(usize),
}

/// The servers that may not be asked just now, a bit each.
pub(super) fn full(servers: &[Arc<Server>], now: Micros) -> u32 {
    let full = servers.iter().enumerate().filter(|(_, server)| !server.pace.has_room(now));
    full.map(|(place, _)| 1 << place).sum()
}

impl<R: Route, W> Machine<R, W> {
    /// Takes the token that a flight has reserved, if its server can still be asked.
    pub(super) fn take_reserved(&mut self, index: u32, route: &R, now: Instant) -> Reserved {
        let now_us = self.micros(now);
        let Some(flight) = self.flight_mut(index) else { return Reserved::None };
        let Some((place, at)) = flight.reserved else { return Reserved::None };
        let server = &route.servers()[place];
        if flight.bad & (1 << place) != 0 || server.standing(now_us) == Standing::Dead {
            flight.reserved = None;
            server.pace.give_back();
            return Reserved::None;
        }
        if at > now {
            self.look_again(index, at);
            return Reserved::NotYet;
        }
        flight.reserved = None;
        Reserved::Now(place)
    }

    /// Notes a message that would have gone to a server, had it room.
    pub(super) fn note_held_back(&mut self, server: &Server, now: Instant) {
        server.held_back(self.micros(now));
    }

    /// Takes a token of the server at `chosen`. If there is none, the flight waits for one; or it ends, if nobody waits for
    /// its answer.
    pub(super) fn pay_or_wait(
        &mut self,
        index: u32,
        route: &R,
        chosen: usize,
        now: Instant,
        out: &mut Output<W>,
    ) -> bool {
        let (now_us, pace) = (self.micros(now), &route.servers()[chosen].pace);
        let Some(flight) = self.flight_mut(index) else { return false };
        let latest = flight.waiters.iter().map(|waiter| waiter.until.alive).max();
        if latest.is_none() && flight.refreshes_until.is_some() && flight.attempts.is_empty() {
            let may = pace.take(now_us, Urgency::Refresh);
            if !may {
                self.fail(index, now, out);
            }
            return may;
        }
        let patience = latest.unwrap_or(now + FOR_OTHERS).saturating_duration_since(now);
        match pace.reserve(now_us, now_us + patience.as_micros() as Micros) {
            Some(at_us) if at_us <= now_us => return true,
            Some(at_us) => {
                let at = now + Duration::from_micros(at_us - now_us);
                flight.reserved = Some((chosen, at));
                self.look_again(index, at);
            }
            None => self.look_again(index, now + NO_TOKEN),
        }
        false
    }
}
