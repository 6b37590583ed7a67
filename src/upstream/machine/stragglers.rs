//! Replies that come after their question was answered, by another server or to a retransmission: they still tell how
//! slow theirs is.
//!
//! Without them a server whose slow answers are always overtaken would be believed to have none, and each would be called
//! late and asked for twice. The same goes for slow answers that are overtaken by those to retransmissions. What such a
//! reply says is not looked at.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::Machine;
use crate::cache::Key;
use crate::upstream::flight::{Attempt, Flight, Route};
use crate::upstream::lanes::Path;
use crate::upstream::server::Server;
use crate::wire::ask::{Echo, compare_question, is_response};
use crate::wire::header::u16_at;

/// So many are remembered: at 25,000 questions a second those hedged within the budget, for a quarter of a second.
const MOST: usize = 256;

/// A question that was answered otherwise.
pub(super) struct Straggler {
    path: Path,
    id: u16,
    key: Key,
    server: Arc<Server>,
    sent: Instant,
}

/// Remembers what was sent by UDP and is overtaken: by the attempt at `place`, or in it by a retransmission.
pub(super) fn remember<R: Route, W>(
    stragglers: &mut VecDeque<Straggler>,
    flight: &Flight<R, W>,
    servers: &[Arc<Server>],
    place: usize,
    now: Instant,
) {
    let is_overtaken = |(other, attempt): &(usize, &Attempt)| match *other == place {
        true => attempt.was_sent_twice() && !attempt.answers_first(&servers[usize::from(attempt.server)], now),
        false => attempt.is_measurable(),
    };
    for (_, attempt) in flight.attempts.iter().enumerate().filter(is_overtaken) {
        if stragglers.len() == MOST {
            stragglers.pop_front();
        }
        stragglers.push_back(Straggler {
            path: attempt.path,
            id: attempt.id,
            key: flight.key.clone(),
            server: Arc::clone(&servers[usize::from(attempt.server)]),
            sent: attempt.first_sent,
        });
    }
}

impl<R: Route, W> Machine<R, W> {
    /// Learns from a packet that answers no question any more.
    pub(super) fn take_straggler(&mut self, path: Path, packet: &[u8], now: Instant) {
        if self.stragglers.is_empty() || !is_response(packet) {
            return;
        }
        let id = u16_at(packet, 0);
        let is_answered = |straggler: &Straggler| {
            let key = &straggler.key;
            straggler.path == path
                && straggler.id == id
                && compare_question(packet, key.qname(), key.qtype(), key.qclass(), false) == Echo::Same
        };
        let Some(place) = self.stragglers.iter().position(is_answered) else { return };
        if let Some(Straggler { server, sent, .. }) = self.stragglers.remove(place) {
            server.replied(self.micros(now), Some(now.saturating_duration_since(sent)));
        }
    }
}
