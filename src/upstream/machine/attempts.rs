//! Asking: which server, by which socket and ID, in which form; and elsewhere when a socket is lost.

use std::sync::Arc;
use std::time::Instant;

use rand::RngExt;

use super::paces::{self, Reserved};
use super::responses::Bad;
use super::spills;
use super::timers::PARKED;
use super::{Command, Cookies, Machine, Output};
use crate::access::{CLIENT_LEN, ClientCookie};
use crate::config::ForwarderOrder;
use crate::metrics::Resolver;
use crate::upstream::choice;
use crate::upstream::flight::{Attempt, MAX_ATTEMPTS, OptForm, Role, Route};
use crate::upstream::lanes::Path;
use crate::upstream::server::{Micros, Server, Standing};
use crate::wire::Transport;
use crate::wire::ask::{self, AskOpt, Question};

impl<R: Route, W> Machine<R, W> {
    /// Asks the best server not yet tried in this round; when all were tried, begins another round. While none of them
    /// lives, the question waits.
    pub(super) fn ask_next(&mut self, index: u32, now: Instant, out: &mut Output<W>) {
        let now_us = self.micros(now);
        let Some(flight) = self.flight_mut(index) else { return };
        let Role::Asks(route) = &flight.role else { return };
        let route = route.clone();
        // Doubt may be older than this machine, or than the last reload.
        let doubted = |server: &&Arc<Server>| server.standing(now_us) != Standing::Alive;
        route.servers().iter().filter(doubted).for_each(|server| self.watch(server, now, out));
        let reserved = match self.take_reserved(index, &route, now) {
            Reserved::NotYet => return,
            Reserved::Now(server) => Some(server),
            Reserved::None => None,
        };
        let draw = if route.order() == ForwarderOrder::Spread { self.rng.random() } else { 0 };
        let Some(flight) = self.flight_mut(index) else { return };
        let choose = |excluded| choice::choose(route.servers(), route.order(), excluded, now_us, draw);
        let full = paces::full(route.servers(), now_us);
        let over = spills::full(flight, &route);
        let barred = flight.bad | over;
        let first_choice = || choose(flight.tried | barred).or_else(|| choose(barred));
        let wanted = if full != 0 && reserved.is_none() { first_choice() } else { None };
        let chosen = reserved.or_else(|| choose(flight.tried | barred | full)).or_else(|| {
            let first = choose(barred | full).or_else(|| choose(barred))?;
            flight.tried = 0;
            flight.round += 1;
            Some(first)
        });
        let all = (1u32 << route.servers().len()) - 1;
        if flight.bad & all == all || flight.sent >= MAX_ATTEMPTS {
            return self.fail(index, now, out);
        }
        let is_spilled = chosen.is_none() && over != 0 && choose(flight.bad).is_some();
        if is_spilled && self.spill_at_servers(index, over, now, out) {
            return;
        }
        let Some(chosen) = chosen else { return self.look_again(index, now + PARKED) };
        if let Some(wanted) = wanted.filter(|wanted| full & (1 << wanted) != 0) {
            self.note_held_back(&route.servers()[wanted], now);
        }
        if reserved.is_none() && !self.pay_or_wait(index, &route, chosen, now, out) {
            return;
        }
        let Some(flight) = self.flight_mut(index) else { return };
        flight.tried |= 1 << chosen;
        let server = &route.servers()[chosen];
        let transport = if server.forwarder.tcp_only { Transport::Tcp } else { Transport::Udp };
        choice::note(route.servers(), route.order(), chosen, now_us);
        let again = flight.attempt_at(chosen, transport).map(|attempt| attempt.path);
        match again.is_some_and(|path| transport == Transport::Udp && self.lanes.get_mut(path).is_some()) {
            true => self.retransmit(index, chosen, &route, now, out),
            false => {
                let opt = self.opt_form(server, now_us);
                self.attempt(index, chosen, transport, opt, &route, now, out);
            }
        }
        self.look_again(index, now + server.silent_after().min(server.late_after()));
    }

    fn opt_form(&self, server: &Server, now: Micros) -> OptForm {
        match (server.takes_opt(now), &self.cookies) {
            (true, Some(_)) if server.takes_cookie(now) => OptForm::Cookie,
            (true, _) => OptForm::Bare,
            (false, _) => OptForm::None,
        }
    }

    /// Asks a server by a new ID.
    #[expect(clippy::too_many_arguments, reason = "each is a fact of the attempt")]
    pub(super) fn attempt(
        &mut self,
        index: u32,
        server_index: usize,
        transport: Transport,
        opt: OptForm,
        route: &R,
        now: Instant,
        out: &mut Output<W>,
    ) {
        let server = &route.servers()[server_index];
        let path = self.choose_path(server, transport, now, out);
        let id = self.draw_id(path, index);
        self.lanes.asked(path);
        let attempt = Attempt {
            server: server_index as u8,
            path,
            transport,
            id,
            first_sent: now,
            last_sent: now,
            transmissions: 1,
            opt,
            is_late: false,
            is_overdue: false,
        };
        if let Some(flight) = self.flight_mut(index) {
            flight.sent += 1;
            flight.attempts.push(attempt);
        }
        self.send(index, &attempt, route, out);
    }

    /// The socket by which the next question to a server goes.
    pub(super) fn choose_path(
        &mut self,
        server: &Arc<Server>,
        transport: Transport,
        now: Instant,
        out: &mut Output<W>,
    ) -> Path {
        let chosen = self.lanes.choose(server, transport, now, &mut self.rng);
        if let Some(path) = chosen.close {
            out.commands.push(Command::Close(path));
        }
        if chosen.open {
            out.commands.push(Command::Open(chosen.path, Arc::clone(server), transport));
        }
        chosen.path
    }

    /// Draws an ID that no other question on this socket has.
    pub(super) fn draw_id(&mut self, path: Path, index: u32) -> u16 {
        let Self { rng, by_wire, .. } = self;
        let id = free_id(|| rng.random(), |id| by_wire.contains_key(&(path.slot, id)));
        self.by_wire.insert((path.slot, id), index);
        id
    }

    /// Sends the same question again, by the same socket and ID: an answer to either is an answer.
    fn retransmit(&mut self, index: u32, server: usize, route: &R, now: Instant, out: &mut Output<W>) {
        let Some(flight) = self.flight_mut(index) else { return };
        flight.sent += 1;
        let Some(attempt) = flight.attempt_at(server, Transport::Udp) else { return };
        attempt.last_sent = now;
        attempt.is_late = false;
        attempt.is_overdue = false;
        attempt.transmissions = attempt.transmissions.saturating_add(1);
        let attempt = *attempt;
        self.send(index, &attempt, route, out);
    }

    fn send(&mut self, index: u32, attempt: &Attempt, route: &R, out: &mut Output<W>) {
        let server = &route.servers()[usize::from(attempt.server)];
        if server.forwarder.case_randomisation {
            self.draw_case(index);
        }
        let Some(flight) = self.flights.get(index as usize).and_then(|slot| slot.flight.as_ref()) else { return };
        let question = Question {
            qname: if server.forwarder.case_randomisation { &flight.drawn_case } else { flight.key.qname() },
            qtype: flight.key.qtype(),
            qclass: flight.key.qclass(),
            dnssec_ok: flight.key.dnssec_ok(),
            checking_disabled: flight.key.checking_disabled(),
            want_authentic: route.trust_ad(),
        };
        let cookie = match (&mut self.cookies, attempt.opt) {
            (Some(cookies), OptForm::Cookie) => cookies.of(server).option(),
            _ => &[],
        };
        let opt = AskOpt { udp_size: server.edns_udp_size(), cookie };
        let start = out.octets.len();
        if attempt.transport == Transport::Tcp {
            out.octets.extend_from_slice(&[0, 0]);
        }
        ask::write(&mut out.octets, attempt.id, &question, (attempt.opt != OptForm::None).then_some(opt));
        set_length(&mut out.octets, start, attempt.transport);
        let (view, v6) = (route.view(), server.forwarder.address.is_ipv6());
        self.meter.resolver(view, if v6 { Resolver::Queryv6 } else { Resolver::Queryv4 });
        self.meter.resolver_qtype(view, question.qtype);
        match cookie.len() {
            0 => {}
            CLIENT_LEN => self.meter.resolver(view, Resolver::ClientCookieOut),
            _ => self.meter.resolver(view, Resolver::ServerCookieOut),
        }
        if flight.sent > 1 {
            self.meter.resolver(view, Resolver::Retry);
        }
        server.asked(self.micros(attempt.last_sent));
        out.commands.push(Command::Send(attempt.path, start..out.octets.len()));
    }

    /// Draws the case of the question's letters, once a flight (draft-vixie-dnsext-dns0x20).
    fn draw_case(&mut self, index: u32) {
        let mut bits = [0u8; 32];
        self.rng.fill(&mut bits[..]);
        let Some(flight) = self.flight_mut(index).filter(|flight| flight.drawn_case.is_empty()) else { return };
        let draw = |(at, octet): (usize, &u8)| match bits[at / 8] >> (at % 8) & 1 {
            1 => octet.to_ascii_uppercase(),
            _ => *octet,
        };
        flight.drawn_case = flight.key.qname().iter().enumerate().map(draw).collect();
    }

    /// Asks the same server once more in another way, in the place of an attempt that is answered.
    #[expect(clippy::too_many_arguments, reason = "each is a fact of the attempt")]
    pub(super) fn replace(
        &mut self,
        index: u32,
        place: usize,
        transport: Transport,
        opt: OptForm,
        route: &R,
        now: Instant,
        out: &mut Output<W>,
    ) {
        let Some(flight) = self.flight_mut(index) else { return };
        if flight.sent >= MAX_ATTEMPTS {
            return self.fail(index, now, out);
        }
        let attempt = flight.attempts.swap_remove(place);
        let server = usize::from(attempt.server);
        self.release(&attempt, out);
        route.servers()[server].pace.pay(self.micros(now));
        self.attempt(index, server, transport, opt, route, now, out);
        self.look_again(index, now + route.servers()[server].late_after());
    }

    /// An attempt no longer waits.
    pub(super) fn release(&mut self, attempt: &Attempt, out: &mut Output<W>) {
        self.release_id(attempt.path, attempt.id, out);
    }

    /// An ID is free again.
    pub(super) fn release_id(&mut self, path: Path, id: u16, out: &mut Output<W>) {
        self.by_wire.remove(&(path.slot, id));
        if self.lanes.released(path) {
            out.commands.push(Command::Close(path));
        }
    }

    /// A socket could not be opened, or has closed: what waits on it is asked otherwise.
    pub fn closed(&mut self, path: Path, now: Instant, out: &mut Output<W>) {
        let Some(socket) = self.lanes.get_mut(path) else { return };
        let proven = socket.is_proven();
        self.lanes.forget(path);
        self.forget_probes_on(path);
        let mut affected: Vec<u32> =
            self.by_wire.iter().filter(|((slot, _), _)| *slot == path.slot).map(|(_, &index)| index).collect();
        affected.sort_unstable();
        for index in affected {
            let Some(flight) = self.flight_mut(index) else { continue };
            let Some(place) = flight.attempts.iter().position(|attempt| attempt.path == path) else { continue };
            let attempt = flight.attempts.swap_remove(place);
            self.by_wire.remove(&(attempt.path.slot, attempt.id));
            self.ask_after_loss(index, &attempt, proven, now, out);
        }
    }

    /// A question's socket is gone. If it worked before, the same server is asked by a new one: servers close idle
    /// connections when they like (RFC 7766 §6.2.4). If it never did, the server cannot be reached.
    fn ask_after_loss(&mut self, index: u32, attempt: &Attempt, proven: bool, now: Instant, out: &mut Output<W>) {
        let Some(flight) = self.flight_mut(index) else { return };
        let Role::Asks(route) = &flight.role else { return };
        let server = usize::from(attempt.server);
        if !proven || flight.sent >= MAX_ATTEMPTS {
            let view = route.view();
            self.meter.resolver(view, Resolver::QuerySockFail);
            return self.answered_badly(index, server, Bad::Unreachable, now, out);
        }
        let route = route.clone();
        route.servers()[server].pace.pay(self.micros(now));
        self.attempt(index, server, attempt.transport, attempt.opt, &route, now, out);
        self.look_again(index, now + route.servers()[server].late_after());
    }

    /// Parts with the sockets to servers that `keep` does not name.
    pub fn leave_unless(&mut self, keep: impl Fn(&Server) -> bool, out: &mut Output<W>) {
        self.watch_only(&keep, out);
        let idle = self.lanes.leave_unless(keep);
        out.commands.extend(idle.into_iter().map(Command::Close));
    }
}

/// An ID that is not taken, from a draw.
///
/// A socket is worn long before its IDs are ([`MAX_QUESTIONS`](crate::upstream::lanes::MAX_QUESTIONS)): at most half are
/// taken while one socket takes over from another in the same place, so that the draws find one but for one time in
/// 2^64. Should that ever not hold, the next free one is taken, or the first drawn from its question, which is then sent
/// again by another.
fn free_id(mut draw: impl FnMut() -> u16, is_taken: impl Fn(u16) -> bool) -> u16 {
    const DRAWS: usize = 64;
    let first = draw();
    if !is_taken(first) {
        return first;
    }
    let drawn = (1..DRAWS).map(|_| draw()).find(|&id| !is_taken(id));
    let next = || (1..=u16::MAX).map(|step| first.wrapping_add(step)).find(|&id| !is_taken(id));
    drawn.or_else(next).unwrap_or(first)
}

/// Writes the length of the message that begins behind two octets at `start`, if it is for a connection.
pub(super) fn set_length(octets: &mut [u8], start: usize, transport: Transport) {
    if transport == Transport::Tcp {
        let length = (octets.len() - start - 2) as u16;
        octets[start..start + 2].copy_from_slice(&length.to_be_bytes());
    }
}

impl Cookies {
    pub(super) fn of(&mut self, server: &Server) -> &mut ClientCookie {
        let secret = &self.secret;
        let address = server.forwarder.address;
        self.of.entry(server.id).or_insert_with(|| ClientCookie::new(secret, address.ip()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_however_many_are_taken() {
        let mut next = 0u16;
        let mut draw = || {
            next = next.wrapping_mul(25_173).wrapping_add(13_849);
            next
        };
        for (case, free, found) in
            [("all but one are taken", Some(40_000), Some(40_000)), ("all are taken", None, None)]
        {
            let id = free_id(&mut draw, |id| Some(id) != free);
            assert!(found.is_none_or(|found| id == found), "{case}: {id}");
        }
        let half: Vec<u16> = (0..1000).map(|_| free_id(&mut draw, |id| id % 2 == 0)).collect();
        assert!(half.iter().all(|id| id % 2 == 1), "a taken one is never given out");
    }
}
