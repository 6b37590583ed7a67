//! What a server's host says of it: nobody listens there.
//!
//! Where a server's process has died, or is being started anew, its host answers questions with an ICMP message (port
//! unreachable) at once, long before silence could be told from slowness. Anybody who guesses the port of a socket can
//! forge one, so it proves nothing: the server is doubted and probed, and what waits for it is asked at another server
//! too, once while it is watched. Its answers still count, and any of them ends the doubt. Where no other server lives,
//! questions wait as they do for a silent one: it may be back in a moment.

use std::time::Instant;

use super::{Machine, Output};
use crate::upstream::flight::{Role, Route};
use crate::upstream::lanes::Path;
use crate::wire::Transport;

impl<R: Route, W> Machine<R, W> {
    /// The host of the server that a datagram socket leads to says that nobody listens there.
    pub fn refused(&mut self, path: Path, now: Instant, out: &mut Output<W>) {
        let Some(socket) = self.lanes.get_mut(path) else { return };
        let server = std::sync::Arc::clone(&socket.server);
        server.doubt(self.micros(now));
        self.watch(&server, now, out);
        if self.note_refusal(server.id) {
            // Whatever is asked meanwhile is asked for flights that are known already.
            (0..self.flights.len() as u32).for_each(|index| self.ask_elsewhere(index, server.id, now, out));
        }
    }

    /// Asks another server that lives, if the question was last sent to this one.
    fn ask_elsewhere(&mut self, index: u32, server: u32, now: Instant, out: &mut Output<W>) {
        let Some(flight) = self.flight_mut(index).filter(|flight| flight.reserved.is_none()) else { return };
        let Role::Asks(route) = &flight.role else { return };
        let last = flight.attempts.iter().max_by_key(|attempt| attempt.last_sent);
        let is_there = last.is_some_and(|attempt| {
            attempt.transport == Transport::Udp && route.servers()[usize::from(attempt.server)].id == server
        });
        let route = route.clone();
        if is_there && self.has_another(index, &route, now) {
            self.ask_next(index, now, out);
        }
    }
}
