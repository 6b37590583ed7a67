//! The machine that gets questions answered: no socket, no clock, no thread of its own.
//!
//! In go questions, packets, the time; out come [`Command`]s for the driver and [`Finished`] questions. One machine
//! belongs to one worker; machines share the cache and the table of questions in flight.
//! Invariant: a response is believed only if socket, ID and the whole question are those of an attempt that still waits;
//! anything else is dropped and the wait goes on, so that a forger cannot even spoil a question.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::flight::{Attempt, Flight, MAX_ATTEMPTS, OptForm, Role, Route, Waiter, patience};
use super::in_flight::{FlightId, InFlight, Joined};
use super::lanes::{Lanes, Path, Transport};
use super::server::{Server, choose};
use super::wheel::Wheel;
use crate::access::{ClientCookie, CookieCheck, Secret};
use crate::cache::{Cache, Key};
use crate::wire::ask::{self, AskOpt, Echo, Question, compare_question, is_response};
use crate::wire::header::{HEADER_OCTETS, ede, flag, rcode, u16_at};
use crate::wire::response::{Asked, Reader, Unusable, find_opt};
use crate::wire::segment::{self, Meta};

/// What the driver is to do, in this order.
#[derive(Debug)]
pub enum Command {
    /// Open a socket to a server, and call it by this path.
    Open(Path, Arc<Server>, Transport),
    /// Send [`Output::octets`] at this range.
    Send(Path, Range<usize>),
    /// Close a socket; nothing more is expected of it.
    Close(Path),
    /// Hand a segment to a flight of another worker's machine, which takes it by [`Machine::told`].
    Tell(FlightId, Arc<[u8]>),
}

/// A question that needs no more asking.
#[derive(Debug)]
pub struct Finished<W> {
    /// Who waited for it.
    pub waiters: Vec<Waiter<W>>,
    /// Where its segment stands in [`Output::segments`]; a failure is a segment too.
    pub segment: Range<usize>,
}

/// What came of a call.
#[derive(Debug)]
pub struct Output<W> {
    /// What to do.
    pub commands: Vec<Command>,
    /// The messages to send; those for TCP have their length in front.
    pub octets: Vec<u8>,
    /// What is done.
    pub finished: Vec<Finished<W>>,
    /// The segments of what is done.
    pub segments: Vec<u8>,
}

impl<W> Default for Output<W> {
    fn default() -> Self {
        Self { commands: Vec::new(), octets: Vec::new(), finished: Vec::new(), segments: Vec::new() }
    }
}

impl<W> Output<W> {
    /// Empties it, keeping its memory.
    pub fn clear(&mut self) {
        self.commands.clear();
        self.octets.clear();
        self.finished.clear();
        self.segments.clear();
    }
}

/// A question to be answered.
pub struct Ask<R> {
    /// The question.
    pub key: Key,
    /// The key's hash by [`Cache::hash`].
    pub hash: u64,
    /// Its rule.
    pub route: R,
    /// When its asker gives up.
    pub deadline: Instant,
}

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// It is being asked, or already was.
    Joined,
    /// It comes from a server that it is being sent to: a forwarding loop.
    Loop,
}

/// Counts of what a machine saw; readers add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages sent to upstreams.
    pub sent: u64,
    /// Responses that answered a question.
    pub matched: u64,
    /// Packets that answered no question: late, forged, malformed.
    pub unmatched: u64,
    /// Times that a server did not answer in time.
    pub timeouts: u64,
}

/// See the module.
pub struct Machine<R, W> {
    worker: u16,
    flights: Vec<Slot<R, W>>,
    free: Vec<u32>,
    /// Attempts by socket and ID.
    by_wire: HashMap<(u32, u16), u32, foldhash::fast::RandomState>,
    lanes: Lanes,
    wheel: Wheel<(u32, u32)>,
    due: Vec<(u32, u32)>,
    rng: StdRng,
    cookies: Option<Cookies>,
    reader: Reader,
    segment: Vec<u8>,
    cache: Arc<Cache>,
    in_flight: Arc<InFlight>,
    epoch: Instant,
    counts: Counts,
}

struct Slot<R, W> {
    generation: u32,
    flight: Option<Flight<R, W>>,
}

struct Cookies {
    secret: Secret,
    of: HashMap<u32, ClientCookie>,
}

/// What machines share.
#[derive(Clone)]
pub struct Common {
    /// The cache.
    pub cache: Arc<Cache>,
    /// Questions in flight.
    pub in_flight: Arc<InFlight>,
    /// When the time of [`Server`]s began.
    pub epoch: Instant,
}

impl<R: Route, W> Machine<R, W> {
    /// A machine for the worker of this number; its draws follow from `seed`, which comes from the system's CSPRNG.
    pub fn new(worker: u16, seed: [u8; 32], common: Common) -> Self {
        let Common { cache, in_flight, epoch } = common;
        Self {
            worker,
            flights: Vec::new(),
            free: Vec::new(),
            by_wire: HashMap::default(),
            lanes: Lanes::default(),
            wheel: Wheel::new(epoch),
            due: Vec::new(),
            rng: StdRng::from_seed(seed),
            cookies: None,
            reader: Reader::default(),
            segment: Vec::new(),
            cache,
            in_flight,
            epoch,
            counts: Counts::default(),
        }
    }

    /// Sends cookies made with this secret from now on, or none.
    pub fn set_cookie_secret(&mut self, secret: Option<Secret>) {
        let same = self.cookies.as_ref().map(|cookies| cookies.secret) == secret;
        if !same {
            self.cookies = secret.map(|secret| Cookies { secret, of: HashMap::new() });
        }
    }

    /// What it counted so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The questions of the next batch go by newly drawn sockets.
    pub fn end_batch(&mut self) {
        self.lanes.end_batch();
    }

    /// When [`Self::fire`] wants to be called.
    pub fn next_at(&self) -> Option<Instant> {
        self.wheel.next_at()
    }

    /// Questions that somebody of this worker waits for.
    pub fn len(&self) -> usize {
        self.flights.len() - self.free.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn ms(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.epoch).as_millis() as u64
    }

    /// Gets a question answered for `who`, or joins the flight that does.
    ///
    /// `from` is the asker's address if it may be an upstream that asks back.
    pub fn ask(
        &mut self,
        ask: Ask<R>,
        who: W,
        from: Option<std::net::IpAddr>,
        now: Instant,
        out: &mut Output<W>,
    ) -> Asking {
        let me = self.vacant();
        let joined = self.in_flight.join(ask.hash, ask.key.as_octets(), me, ask.deadline);
        let asks_itself = |server: &Arc<Server>| Some(server.forwarder.address.ip()) == from;
        if joined != Joined::Own && ask.route.servers().iter().any(asks_itself) {
            if joined == Joined::Elsewhere {
                self.in_flight.leave(ask.hash, ask.key.as_octets(), me);
            }
            return Asking::Loop;
        }
        let waiter = Waiter { who, deadline: ask.deadline };
        match joined {
            Joined::Here(flight) => {
                if let Some(flight) = self.flight_mut(flight.index) {
                    flight.waiters.push(waiter);
                }
            }
            Joined::Elsewhere => self.begin(me, ask, waiter, Role::Waits),
            Joined::Own => self.begin_asking(me, ask, waiter, now, out),
        }
        Asking::Joined
    }

    /// The name of the next flight.
    fn vacant(&mut self) -> FlightId {
        let index = *self.free.last().unwrap_or(&(self.flights.len() as u32));
        let generation = self.flights.get(index as usize).map_or(1, |slot| slot.generation.wrapping_add(1));
        FlightId { worker: self.worker, index, generation }
    }

    fn begin(&mut self, id: FlightId, ask: Ask<R>, waiter: Waiter<W>, role: Role<R>) {
        let waits = matches!(role, Role::Waits);
        let flight = Flight {
            id,
            key: ask.key,
            hash: ask.hash,
            role,
            next_at: ask.deadline,
            waiters: vec![waiter],
            attempts: Vec::new(),
            drawn_case: Vec::new(),
            tried: 0,
            bad: 0,
            round: 0,
            sent: 0,
            ede: ede::NO_REACHABLE_AUTHORITY,
        };
        let slot = Slot { generation: id.generation, flight: Some(flight) };
        if self.free.pop().is_some() {
            self.flights[id.index as usize] = slot;
        } else {
            self.flights.push(slot);
        }
        if waits {
            self.wheel.arm(ask.deadline, (id.index, id.generation));
        }
    }

    fn begin_asking(&mut self, me: FlightId, ask: Ask<R>, waiter: Waiter<W>, now: Instant, out: &mut Output<W>) {
        let role = Role::Asks(ask.route.clone());
        // Another worker may have finished the same question between our look into the cache and now.
        let kept = self.cache.contains(ask.hash, &ask.key, now);
        self.begin(me, ask, waiter, role);
        if kept {
            self.finish_from_cache(me.index, now, out);
        } else {
            self.ask_next(me.index, now, out);
        }
    }

    fn finish_from_cache(&mut self, index: u32, now: Instant, out: &mut Output<W>) {
        let mut segment = std::mem::take(&mut self.segment);
        let found = self.flight_mut(index).and_then(|flight| {
            let Role::Asks(route) = &flight.role else { return None };
            Some((flight.hash, flight.key.clone(), route.layout()))
        });
        let kept = found.and_then(|(hash, key, layout)| self.cache.copy_segment(hash, &key, now, layout, &mut segment));
        match kept {
            Some(_) => self.finish(index, &segment, out),
            None => self.ask_next(index, now, out),
        }
        self.segment = segment;
    }

    fn flight_mut(&mut self, index: u32) -> Option<&mut Flight<R, W>> {
        self.flights.get_mut(index as usize)?.flight.as_mut()
    }

    /// Asks the best server not yet tried in this round; when all were tried, begins another round.
    fn ask_next(&mut self, index: u32, now: Instant, out: &mut Output<W>) {
        let now_ms = self.ms(now);
        let Some(flight) = self.flight_mut(index) else { return };
        let Role::Asks(route) = &flight.role else { return };
        let route = route.clone();
        let servers = || route.servers().iter().map(Arc::as_ref);
        let chosen = choose(servers(), flight.tried | flight.bad, now_ms).or_else(|| {
            flight.tried = 0;
            flight.round += 1;
            choose(servers(), flight.bad, now_ms)
        });
        let Some(chosen) = chosen.filter(|_| flight.sent < MAX_ATTEMPTS) else {
            return self.fail(index, now, out);
        };
        flight.tried |= 1 << chosen;
        let server = &route.servers()[chosen];
        let transport = if server.forwarder.tcp_only { Transport::Tcp } else { Transport::Udp };
        let wait = patience(server, transport, flight.round);
        servers().enumerate().filter(|&(other, _)| other != chosen).for_each(|(_, server)| server.fade());
        let again = flight.attempt_at(chosen, transport).map(|attempt| attempt.path);
        match again.is_some_and(|path| transport == Transport::Udp && self.lanes.get_mut(path).is_some()) {
            true => self.retransmit(index, chosen, &route, now, out),
            false => {
                let opt = self.opt_form(server, now_ms);
                self.attempt(index, chosen, transport, opt, &route, now, out);
            }
        }
        self.look_again(index, now + wait);
    }

    fn opt_form(&self, server: &Server, now_ms: u64) -> OptForm {
        match (server.takes_opt(now_ms), &self.cookies) {
            (true, Some(_)) => OptForm::Cookie,
            (true, None) => OptForm::Bare,
            (false, _) => OptForm::None,
        }
    }

    /// Looks at the flight again at `at`, or when the first of its waiters gives up.
    fn look_again(&mut self, index: u32, at: Instant) {
        let Some(flight) = self.flight_mut(index) else { return };
        let at = flight.first_deadline().map_or(at, |deadline| deadline.min(at));
        flight.next_at = at;
        let name = (index, flight.id.generation);
        self.wheel.arm(at, name);
    }

    /// Asks a server by a new ID.
    #[expect(clippy::too_many_arguments, reason = "each is a fact of the attempt")]
    fn attempt(
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
        let chosen = self.lanes.choose(server, transport, now, &mut self.rng);
        if let Some(path) = chosen.close {
            out.commands.push(Command::Close(path));
        }
        if chosen.open {
            out.commands.push(Command::Open(chosen.path, Arc::clone(server), transport));
        }
        let path = chosen.path;
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
        };
        if let Some(flight) = self.flight_mut(index) {
            flight.sent += 1;
            flight.attempts.push(attempt);
        }
        self.send(index, &attempt, route, out);
    }

    /// Draws an ID that no other question on this socket has.
    fn draw_id(&mut self, path: Path, index: u32) -> u16 {
        loop {
            let id: u16 = self.rng.random();
            if let std::collections::hash_map::Entry::Vacant(place) = self.by_wire.entry((path.slot, id)) {
                place.insert(index);
                return id;
            }
        }
    }

    /// Sends the same question again, by the same socket and ID: an answer to either is an answer.
    fn retransmit(&mut self, index: u32, server: usize, route: &R, now: Instant, out: &mut Output<W>) {
        let Some(flight) = self.flight_mut(index) else { return };
        flight.sent += 1;
        let Some(attempt) = flight.attempt_at(server, Transport::Udp) else { return };
        attempt.last_sent = now;
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
        let opt = AskOpt { udp_size: route.edns_udp_size(), cookie };
        let start = out.octets.len();
        if attempt.transport == Transport::Tcp {
            out.octets.extend_from_slice(&[0, 0]);
        }
        ask::write(&mut out.octets, attempt.id, &question, (attempt.opt != OptForm::None).then_some(opt));
        if attempt.transport == Transport::Tcp {
            let length = (out.octets.len() - start - 2) as u16;
            out.octets[start..start + 2].copy_from_slice(&length.to_be_bytes());
        }
        out.commands.push(Command::Send(attempt.path, start..out.octets.len()));
        self.counts.sent += 1;
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

    /// A packet came by `path`.
    pub fn received(&mut self, path: Path, packet: &[u8], now: Instant, out: &mut Output<W>) {
        match self.match_response(path, packet) {
            Some((index, place)) => {
                let taken = self.take_response(index, place, packet, now, out);
                *if taken.is_some() { &mut self.counts.matched } else { &mut self.counts.unmatched } += 1;
            }
            None => self.counts.unmatched += 1,
        }
    }

    /// Finds the attempt that a packet answers: its flight and its place among the flight's attempts.
    fn match_response(&mut self, path: Path, packet: &[u8]) -> Option<(u32, usize)> {
        self.lanes.get_mut(path)?;
        if !is_response(packet) {
            return None;
        }
        let id = u16_at(packet, 0);
        let index = *self.by_wire.get(&(path.slot, id))?;
        let flight = self.flight_mut(index)?;
        let place = flight.attempts.iter().position(|attempt| attempt.path == path && attempt.id == id)?;
        let Role::Asks(route) = &flight.role else { return None };
        let exact = route.servers()[usize::from(flight.attempts[place].server)].forwarder.case_randomisation;
        let qname = if exact { &flight.drawn_case[..] } else { flight.key.qname() };
        let without_question = matches!(u16_at(packet, 2) & flag::RCODE, rcode::FORMERR | rcode::NOTIMP);
        match compare_question(packet, qname, flight.key.qtype(), flight.key.qclass(), exact) {
            Echo::Same => Some((index, place)),
            Echo::Missing if without_question => Some((index, place)),
            Echo::Missing | Echo::Other => None,
        }
    }

    /// Draws conclusions from a response; `None` if it is to be treated as if it had not come.
    fn take_response(
        &mut self,
        index: u32,
        place: usize,
        packet: &[u8],
        now: Instant,
        out: &mut Output<W>,
    ) -> Option<()> {
        let flight = self.flight_mut(index)?;
        let attempt = flight.attempts[place];
        let question_octets = flight.key.qname().len() + 4;
        let Role::Asks(route) = &flight.role else { return None };
        let route = route.clone();
        let server = &route.servers()[usize::from(attempt.server)];
        let question_end = if u16_at(packet, 4) == 0 { HEADER_OCTETS } else { HEADER_OCTETS + question_octets };
        let opt = find_opt(packet, question_end).ok()?;
        if let (Some(cookies), OptForm::Cookie) = (&mut self.cookies, attempt.opt) {
            let cookie = cookies.of(server);
            let expected = cookie.is_expected();
            match cookie.check(opt.and_then(|opt| opt.cookie)) {
                CookieCheck::WrongClientPart => return None,
                // Forged, or the server has given up cookies: a connection cannot be forged (RFC 7873 §5.3).
                CookieCheck::Absent if expected && attempt.transport == Transport::Udp => {
                    self.replace(index, place, Transport::Tcp, attempt.opt, &route, now, out);
                    return Some(());
                }
                CookieCheck::Absent => cookie.forget_server(),
                CookieCheck::Right => {}
            }
        }
        let low = u16_at(packet, 2) & flag::RCODE;
        let rcode = low | opt.map_or(0, |opt| u16::from(opt.extended_rcode) << 4);
        self.note_reply(&attempt, server, now);
        let truncated = u16_at(packet, 2) & flag::TC != 0;
        match rcode {
            rcode::NOERROR | rcode::NXDOMAIN | rcode::YXDOMAIN if truncated && attempt.transport == Transport::Udp => {
                self.replace(index, place, Transport::Tcp, attempt.opt, &route, now, out);
            }
            rcode::NOERROR | rcode::NXDOMAIN | rcode::YXDOMAIN => {
                return self.take_answer(index, place, packet, &route, now, out);
            }
            rcode::FORMERR | rcode::NOTIMP | rcode::BADVERS if attempt.opt != OptForm::None => {
                let simpler = if attempt.opt == OptForm::Cookie { OptForm::Bare } else { OptForm::None };
                if simpler == OptForm::None {
                    server.cannot_read_opt(self.ms(now));
                }
                self.replace(index, place, attempt.transport, simpler, &route, now, out);
            }
            // Its cookie is known by now; a second time over TCP, where none is needed (RFC 7873 §5.3).
            rcode::BADCOOKIE if attempt.transport == Transport::Udp => {
                let again = attempt.transmissions == 1 && self.flight_mut(index)?.sent == 1;
                let transport = if again { Transport::Udp } else { Transport::Tcp };
                self.replace(index, place, transport, attempt.opt, &route, now, out);
            }
            _ => self.answered_badly(index, usize::from(attempt.server), ede::NETWORK_ERROR, now, out),
        }
        Some(())
    }

    fn note_reply(&mut self, attempt: &Attempt, server: &Server, now: Instant) {
        let measurable = attempt.transmissions == 1 && attempt.transport == Transport::Udp;
        let round_trip = measurable.then(|| now.saturating_duration_since(attempt.first_sent));
        server.replied(self.ms(now), round_trip);
        if let Some(socket) = self.lanes.get_mut(attempt.path) {
            socket.heard = now;
        }
    }

    /// Asks the same server once more in another way, in the place of an attempt that is answered.
    #[expect(clippy::too_many_arguments, reason = "each is a fact of the attempt")]
    fn replace(
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
        let round = flight.round;
        let attempt = flight.attempts.swap_remove(place);
        let server = usize::from(attempt.server);
        self.release(&attempt, out);
        self.attempt(index, server, transport, opt, route, now, out);
        self.look_again(index, now + patience(&route.servers()[server], transport, round));
    }

    /// Keeps an answer and hands it out, if it can be used.
    fn take_answer(
        &mut self,
        index: u32,
        place: usize,
        packet: &[u8],
        route: &R,
        now: Instant,
        out: &mut Output<W>,
    ) -> Option<()> {
        let flight = self.flights.get(index as usize)?.flight.as_ref()?;
        let (key, hash) = (&flight.key, flight.hash);
        let apex_of = |name: &[u8]| route.apex_of(name, key.qtype());
        // The apex lives as long as the route, which outlives the call.
        let asked = Asked {
            qname: key.qname(),
            qtype: key.qtype(),
            qclass: key.qclass(),
            dnssec_ok: key.dnssec_ok(),
            trust_ad: route.trust_ad(),
            layout: route.layout(),
            ttl: route.ttl(),
            apex_of: &apex_of,
        };
        let attempt = flight.attempts[place];
        let mut segment = std::mem::take(&mut self.segment);
        match self.reader.read(packet, &asked, &mut segment) {
            Ok(kept) => {
                let whole = kept.whole_name.then(|| key.whole_name());
                match whole {
                    Some(whole) => self.cache.insert(self.cache.hash(&whole), &whole, &segment, kept.ttl, now),
                    None => self.cache.insert(hash, key, &segment, kept.ttl, now),
                }
                self.finish(index, &segment, out);
            }
            // By a datagram anybody could have sent it: the right one may still come.
            Err(Unusable::Malformed) if attempt.transport == Transport::Udp => {
                self.segment = segment;
                return None;
            }
            Err(_) => self.answered_badly(index, usize::from(attempt.server), ede::INVALID_DATA, now, out),
        }
        self.segment = segment;
        Some(())
    }

    /// A server's answer is of no use: others are asked; when all have answered so, the question has failed.
    fn answered_badly(&mut self, index: u32, server: usize, why: u16, now: Instant, out: &mut Output<W>) {
        let Some(flight) = self.flight_mut(index) else { return };
        let Role::Asks(route) = &flight.role else { return };
        flight.bad |= 1 << server;
        flight.ede = flight.ede.max(why);
        let all = (1u32 << route.servers().len()) - 1;
        let (failed, untried) = (flight.bad & all == all, all & !(flight.bad | flight.tried) != 0);
        let (gone, kept) = std::mem::take(&mut flight.attempts)
            .into_iter()
            .partition::<Vec<_>, _>(|attempt| usize::from(attempt.server) == server);
        let waits = !kept.is_empty();
        flight.attempts = kept;
        gone.iter().for_each(|attempt| self.release(attempt, out));
        if failed {
            self.fail(index, now, out);
        } else if untried || !waits {
            self.ask_next(index, now, out);
        }
    }

    /// An attempt no longer waits.
    fn release(&mut self, attempt: &Attempt, out: &mut Output<W>) {
        self.by_wire.remove(&(attempt.path.slot, attempt.id));
        if self.lanes.released(attempt.path) {
            out.commands.push(Command::Close(attempt.path));
        }
    }

    /// Ends a flight without an answer and remembers that for a moment (RFC 9520).
    fn fail(&mut self, index: u32, now: Instant, out: &mut Output<W>) {
        let Some(flight) = self.flights.get(index as usize).and_then(|slot| slot.flight.as_ref()) else { return };
        let mut segment = std::mem::take(&mut self.segment);
        write_failure(&mut segment, flight.ede);
        if let Role::Asks(route) = &flight.role {
            self.cache.insert(flight.hash, &flight.key, &segment, route.servfail_ttl(), now);
        }
        self.finish(index, &segment, out);
        self.segment = segment;
    }

    /// Ends a flight with a segment.
    fn finish(&mut self, index: u32, segment: &[u8], out: &mut Output<W>) {
        let Some(slot) = self.flights.get_mut(index as usize) else { return };
        let Some(flight) = slot.flight.take() else { return };
        self.free.push(index);
        flight.attempts.iter().for_each(|attempt| self.release(attempt, out));
        match flight.role {
            Role::Asks(_) => {
                let others = self.in_flight.finish(flight.hash, flight.key.as_octets(), flight.id);
                if !others.is_empty() {
                    let shared: Arc<[u8]> = segment.into();
                    out.commands.extend(others.into_iter().map(|other| Command::Tell(other, Arc::clone(&shared))));
                }
            }
            Role::Waits => self.in_flight.leave(flight.hash, flight.key.as_octets(), flight.id),
        }
        self.hand_out(flight.waiters, segment, out);
    }

    fn hand_out(&mut self, waiters: Vec<Waiter<W>>, segment: &[u8], out: &mut Output<W>) {
        if waiters.is_empty() {
            return;
        }
        let start = out.segments.len();
        out.segments.extend_from_slice(segment);
        out.finished.push(Finished { waiters, segment: start..out.segments.len() });
    }

    /// Another worker's flight, which `flight` waits for, has ended with this segment.
    pub fn told(&mut self, flight: FlightId, segment: &[u8], out: &mut Output<W>) {
        let same = self.flight_mut(flight.index).is_some_and(|found| found.id == flight);
        if same {
            self.finish(flight.index, segment, out);
        }
    }

    /// A socket could not be opened, or has closed: what waits on it is asked otherwise.
    pub fn closed(&mut self, path: Path, now: Instant, out: &mut Output<W>) {
        let Some(socket) = self.lanes.get_mut(path) else { return };
        let proven = socket.is_proven();
        self.lanes.forget(path);
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
            return self.answered_badly(index, server, ede::NETWORK_ERROR, now, out);
        }
        let (route, round) = (route.clone(), flight.round);
        self.attempt(index, server, attempt.transport, attempt.opt, &route, now, out);
        self.look_again(index, now + patience(&route.servers()[server], attempt.transport, round));
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
        self.note_timeouts(index, &route, now, out);
        self.ask_next(index, now, out);
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

    /// Parts with the sockets to servers that `keep` does not name.
    pub fn leave_unless(&mut self, keep: impl Fn(&Server) -> bool, out: &mut Output<W>) {
        let idle = self.lanes.leave_unless(keep);
        out.commands.extend(idle.into_iter().map(Command::Close));
    }
}

/// A flight that waits for another worker is looked at again at least this often.
const MAX_SILENCE: Duration = Duration::from_secs(1);

/// Writes the segment of a failure.
fn write_failure(out: &mut Vec<u8>, ede: u16) {
    let meta = Meta { rcode: rcode::SERVFAIL as u8, ede: ede + 1, ..Meta::default() };
    let written = segment::encode(out, &meta, &[], &[], &[]);
    debug_assert!(written.is_some());
}

impl Cookies {
    fn of(&mut self, server: &Server) -> &mut ClientCookie {
        let secret = &self.secret;
        let address = server.forwarder.address;
        self.of.entry(server.id).or_insert_with(|| ClientCookie::new(secret, address.ip()))
    }
}
