//! A worker's queries from packet to reply, without sockets and without a clock.
//!
//! What cannot be answered at once waits here while the upstream machine asks, and is resumed with what came of it. A
//! [`Driver`] lends its sockets for the time of a call: `listen` has real ones, tests have lists and virtual time.
//! How many may wait is bounded; where a newcomer has no place, the oldest of its own source, or of those that have not
//! proven their address, makes room, and if there is none here the newcomer is refused: SERVFAIL, at once, either way.
//! Updates wait here for their outcome, too.
//! Not here: what a query gets ([`decide`], [`resume`]), when and whom to ask ([`crate::upstream`]).

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use super::queue::{Queue, Ticket};
use super::update::{Outcome, Request};
use super::walk::{Keys, Walk};
use super::{Chain, Client, Context, Decision, Forward, decide, fail, resume};
use crate::access::{Exceeded, Permit, Quota, Secret, Source};
use crate::logging::queries::{Book, Switch};
use crate::logging::{self, Category, Severity};
use crate::metrics::{Event, Meter, Registry};
use crate::state::{Follower, Route, State};
use crate::upstream::spares::Spares;
use crate::upstream::{self, Ask, Asking, Command, FlightId, Machine, Output, Path, Server, Until, Waiter};
use crate::wire::header::{HEADER_OCTETS, ede, u16_at};
use crate::wire::walk::NameBuf;
use crate::wire::{Name, Transport};

/// What all desks share.
#[derive(Clone)]
pub struct Common {
    /// Who knows what is in force.
    pub state: Arc<State>,
    /// Places for questions that wait (`recursive-clients`).
    pub waiting: Arc<Quota>,
    /// What their machines share, the cache among it.
    pub upstream: upstream::Common,
    /// What they count.
    pub metrics: Arc<Registry>,
    /// Whether they log queries.
    pub query_log: Arc<Switch>,
}

/// When something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The time.
    pub now: Instant,
    /// The time of day, in seconds since 1970.
    pub unix: u64,
}

/// What a desk needs of the world, for the time of a call.
pub trait Driver {
    /// Where a reply goes.
    type Back: Clone;

    /// Sends a reply: `write` puts it at the beginning of a buffer that [`decide`] would take, and says how long it is.
    fn reply(&mut self, back: &Self::Back, write: impl FnOnce(&mut [u8]) -> Option<usize>);
    /// A query from there waits from now on.
    fn begins(&mut self, back: &Self::Back);
    /// It no longer waits.
    fn ends(&mut self, back: &Self::Back);
    /// Opens a socket to a server, to be called by this path; says whether it could.
    fn open(&mut self, path: Path, server: &Arc<Server>, transport: Transport) -> bool;
    /// Sends a message by a path; for TCP its length stands in front. A path that is not open loses it.
    fn send(&mut self, path: Path, octets: &[u8]);
    /// Closes a socket.
    fn close(&mut self, path: Path);
    /// Hands a segment to a flight of another worker, for [`Desk::told`].
    fn tell(&mut self, flight: FlightId, segment: Arc<[u8]>);
    /// Has an update made and kept; its outcome comes to [`Desk::updated`] with this number.
    ///
    /// # Errors
    /// When too many wait; the request comes back.
    fn submit(&mut self, number: u64, request: Box<Request>) -> Result<(), Box<Request>>;
}

/// A query that waits, for somebody who looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waits {
    /// Who asks.
    pub client: SocketAddr,
    /// Its view's name.
    pub view: String,
    /// Its ID.
    pub id: u16,
    /// What it asks.
    pub qname: Name,
    /// QTYPE.
    pub qtype: u16,
    /// QCLASS.
    pub qclass: u16,
    /// For so many seconds already.
    pub seconds: u64,
}

/// A query that waits for an upstream.
struct Waiting<B> {
    back: B,
    client: Client,
    packet: Vec<u8>,
    chain: Option<Box<Chain>>,
    ticket: Ticket,
    /// Its place among those that wait.
    _permit: Permit,
}

/// See the module. After the calls that say so, [`Self::carry_out`] is due.
pub struct Desk<B> {
    common: Common,
    follower: Follower,
    machine: Machine<Route, Waiting<B>>,
    output: Output<Waiting<B>>,
    queue: Queue,
    meter: Rc<Meter>,
    book: Book,
    spare_packets: Spares<u8>,
    keys: Keys,
    rotation: u32,
    /// Who waits for the outcome of an update, by its number. As many as the keeper lets wait.
    updates: HashMap<u64, B>,
    /// Updates so far.
    update_count: u64,
}

impl<B: Clone> Desk<B> {
    /// The desk of the worker of this number; `seed` comes from the system's CSPRNG.
    pub fn new(number: u16, seed: [u8; 32], common: Common) -> Self {
        let meter = Rc::new(common.metrics.meter());
        Self {
            follower: common.state.follow(),
            machine: Machine::new(number, seed, common.upstream.clone(), Rc::clone(&meter)),
            output: Output::default(),
            queue: Queue::default(),
            meter,
            book: Book::new(),
            spare_packets: Spares::default(),
            keys: Keys::default(),
            rotation: u32::from_le_bytes([seed[0], seed[1], seed[2], seed[3]]),
            updates: HashMap::new(),
            update_count: 0,
            common,
        }
    }

    /// What it counts by; for what its driver counts.
    pub fn meter(&self) -> &Rc<Meter> {
        &self.meter
    }

    /// Takes over what a new snapshot changes for the machine. [`Self::carry_out`] is due.
    pub fn reconfigure(&mut self) {
        let snapshot = Arc::clone(self.follower.load());
        self.common.upstream.in_flight.set_most_refreshing((self.common.waiting.limit() / 2).max(1));
        self.machine.set_cookie_secret(Some(Secret::from(self.common.state.own_secret())));
        let rules = snapshot.views.iter().flat_map(|view| view.rules.iter());
        let used: HashSet<u32> = rules.flat_map(|rule| rule.servers.iter().map(|server| server.id)).collect();
        self.machine.leave_unless(|server| used.contains(&server.id), &mut self.output);
    }

    /// Questions and updates that somebody of this worker waits for.
    pub fn waiting(&self) -> usize {
        self.machine.len() + self.updates.len()
    }

    /// The queries of this worker that wait for an upstream. For looking at them: it allocates for each.
    pub fn waits(&mut self, now: Instant) -> Vec<Waits> {
        let snapshot = Arc::clone(self.follower.load());
        let mut found = Vec::new();
        for (key, waiter) in self.machine.waiting() {
            let Waiting { client, packet, .. } = &waiter.who;
            let mut qname = NameBuf::default();
            let (Ok(end), Some(view)) = (qname.read(packet, HEADER_OCTETS), snapshot.view(key.view())) else {
                continue;
            };
            let (Some(qname), Some(fixed)) = (Name::from_wire(qname.as_wire()), packet.get(end..end + 4)) else {
                continue;
            };
            let began = waiter.until.alive.checked_sub(view.query_timeout).unwrap_or(now);
            found.push(Waits {
                client: SocketAddr::new(client.address, client.port),
                view: view.name.clone(),
                id: u16_at(packet, 0),
                qname,
                qtype: u16_at(fixed, 0),
                qclass: u16_at(fixed, 2),
                seconds: now.saturating_duration_since(began).as_secs(),
            });
        }
        found
    }

    /// Questions on the wire whose answer would still be taken ([`Machine::on_wire`]).
    pub fn on_wire(&self) -> usize {
        self.machine.on_wire()
    }

    /// Sets of addresses begin with this record, modulo their number, in the next reply; then with the next, and so on.
    pub fn rotate_to(&mut self, record: u32) {
        self.rotation = record.wrapping_sub(1);
    }

    /// Decides a packet; a reply is written to `out` as by [`decide`]. What is to be asked goes to [`Self::forward`].
    #[inline]
    pub fn decide(&mut self, moment: Moment, packet: &[u8], client: Client, out: &mut [u8]) -> Decision {
        self.rotation = self.rotation.wrapping_add(1);
        let Moment { now, unix } = moment;
        let cache = &self.common.upstream.cache;
        let query_log = self.book.while_on(&self.common.query_log);
        let (snapshot, meter) = (self.follower.load(), &*self.meter);
        let context = Context { snapshot, cache, now, unix, rotation: self.rotation, meter, query_log };
        decide(context, packet, client, out)
    }

    /// Decides a few packets together, as [`Self::decide`] would one after the other. What is to be asked goes to
    /// [`Self::forward`] or [`Self::refresh`] afterwards.
    #[inline]
    pub fn walk(&mut self, moment: Moment) -> Walk<'_> {
        let Moment { now, unix } = moment;
        let cache = &self.common.upstream.cache;
        let query_log = self.book.while_on(&self.common.query_log);
        let (snapshot, meter) = (self.follower.load(), &*self.meter);
        let context = Context { snapshot, cache, now, unix, rotation: self.rotation, meter, query_log };
        Walk::new(context, &mut self.keys, &mut self.rotation)
    }

    /// Has a question asked for a query that has just come, or refuses it. [`Self::carry_out`] is due.
    pub fn forward(
        &mut self,
        moment: Moment,
        packet: &[u8],
        client: Client,
        back: B,
        forward: Forward,
        driver: &mut impl Driver<Back = B>,
    ) {
        let source = Source::of(client.address);
        let permit = match self.take_place(moment, source, forward.proven, driver) {
            Ok(permit) => permit,
            Err(exceeded) => {
                self.common.waiting.count_refused();
                return self.fail(moment, packet, client, &back, reason(exceeded), driver);
            }
        };
        driver.begins(&back);
        self.meter.event(Event::QryRecursion);
        let until =
            Until::new(moment.now, forward.route.view.query_timeout).with_stale(moment.now, forward.route.rule().stale);
        let ticket = self.queue.join(source, forward.proven);
        let mut kept = self.spare_packets.take();
        kept.extend_from_slice(packet);
        let waiting = Waiting { back, client, packet: kept, chain: None, ticket, _permit: permit };
        self.ask(moment, waiting, forward, until, driver);
    }

    /// Has an update made that has just come, or says that too many wait.
    pub fn update(&mut self, moment: Moment, back: B, request: Box<Request>, driver: &mut impl Driver<Back = B>) {
        self.update_count += 1;
        match driver.submit(self.update_count, request) {
            Ok(()) => {
                driver.begins(&back);
                self.updates.insert(self.update_count, back);
            }
            Err(request) => {
                self.reply_to_update(moment, &back, &request, Outcome::failed("too many updates wait"), driver);
            }
        }
    }

    /// The update of this number was made, or not. [`Self::carry_out`] is due.
    pub fn updated(
        &mut self,
        moment: Moment,
        number: u64,
        request: &Request,
        outcome: Outcome,
        driver: &mut impl Driver<Back = B>,
    ) {
        let Some(back) = self.updates.remove(&number) else { return };
        self.reply_to_update(moment, &back, request, outcome, driver);
        driver.ends(&back);
    }

    fn reply_to_update(
        &mut self,
        moment: Moment,
        back: &B,
        request: &Request,
        outcome: Outcome,
        driver: &mut impl Driver<Back = B>,
    ) {
        let Moment { now, unix } = moment;
        let cache = &self.common.upstream.cache;
        let query_log = self.book.while_on(&self.common.query_log);
        let (snapshot, meter) = (self.follower.load(), &*self.meter);
        let context = Context { snapshot, cache, now, unix, rotation: 0, meter, query_log };
        driver.reply(back, |out| Some(request.reply(context, outcome, out)));
    }

    /// A place for a newcomer; if there is none, the oldest makes room.
    fn take_place(
        &mut self,
        moment: Moment,
        source: Source,
        proven: bool,
        driver: &mut impl Driver<Back = B>,
    ) -> Result<Permit, Exceeded> {
        let quota = Arc::clone(&self.common.waiting);
        let exceeded = match quota.take(source, proven) {
            Ok(permit) => return Ok(permit),
            Err(exceeded) => exceeded,
        };
        if quota.may_complain(moment.unix) {
            let (used, limit) = (quota.used(), quota.limit());
            let reason = match exceeded {
                Exceeded::Share => format!("{source} has its share of the quota: its oldest question makes room"),
                Exceeded::All => format!("{exceeded}: the oldest question makes room"),
            };
            logging::event!(
                Category::Client,
                Severity::Warning,
                "no more recursive clients ({used}/{limit}): {reason}"
            );
        }
        let oldest = match exceeded {
            Exceeded::Share => self.queue.oldest_of(source),
            Exceeded::All => self.queue.oldest_unproven(),
        };
        match oldest.is_some_and(|ticket| self.push_out(moment, ticket, exceeded, driver)) {
            true => quota.take(source, proven),
            false => Err(exceeded),
        }
    }

    /// Fails a question that waits, so that another can; says whether it could.
    fn push_out(
        &mut self,
        moment: Moment,
        ticket: Ticket,
        exceeded: Exceeded,
        driver: &mut impl Driver<Back = B>,
    ) -> bool {
        let Some(flight) = self.queue.awaited(ticket) else { return false };
        let is_it = |waiting: &Waiting<B>| waiting.ticket == ticket;
        let Some(waiting) = self.machine.abandon(flight, is_it, moment.now, &mut self.output) else { return false };
        self.common.waiting.count_pushed_out();
        self.fail(moment, &waiting.packet, waiting.client, &waiting.back, reason(exceeded), driver);
        self.end(waiting, driver);
        true
    }

    /// A query no longer waits.
    fn end(&mut self, waiting: Waiting<B>, driver: &mut impl Driver<Back = B>) {
        self.queue.leave(waiting.ticket);
        driver.ends(&waiting.back);
        self.spare_packets.put(waiting.packet);
    }

    fn ask(
        &mut self,
        moment: Moment,
        mut waiting: Waiting<B>,
        forward: Forward,
        until: Until,
        driver: &mut impl Driver<Back = B>,
    ) {
        let Forward { key, hash, route, chain, .. } = forward;
        waiting.chain = chain;
        // Clients on this host may share an address with an upstream on this host.
        let address = waiting.client.address;
        let from = (!self.follower.load().host.addresses.contains(&address)).then_some(address);
        let ask = Ask { key, hash, route, until };
        let ticket = waiting.ticket;
        match self.machine.ask(ask, waiting, from, moment.now, &mut self.output) {
            Asking::Joined(flight) => self.queue.waits_for(ticket, flight),
            // As many wait for the question as may: whoever comes later gets nothing, as in named.
            Asking::Full(waiting) => self.end(waiting, driver),
            Asking::Loop(waiting) => {
                let why = "forwarding loop: the question came back from the forwarder it was sent to";
                self.fail(moment, &waiting.packet, waiting.client, &waiting.back, why, driver);
                self.end(waiting, driver);
            }
        }
    }

    /// Answers SERVFAIL at once.
    fn fail(
        &mut self,
        moment: Moment,
        packet: &[u8],
        client: Client,
        back: &B,
        why: &str,
        driver: &mut impl Driver<Back = B>,
    ) {
        let Moment { now, unix } = moment;
        let cache = &self.common.upstream.cache;
        let query_log = self.book.while_on(&self.common.query_log);
        let (snapshot, meter) = (self.follower.load(), &*self.meter);
        let context = Context { snapshot, cache, now, unix, rotation: 0, meter, query_log };
        driver.reply(back, |out| match fail(context, packet, client, (ede::OTHER, why), out) {
            Decision::Reply(octets) => Some(octets),
            _ => None,
        });
    }

    /// Has an answer that was given out fetched anew, unless half of `recursive-clients` is in use: who waits goes first,
    /// and an answer that is not fetched now is when somebody misses it. [`Self::carry_out`] is due.
    pub fn refresh(&mut self, moment: Moment, forward: Forward) {
        let Forward { key, hash, route, .. } = forward;
        let waiting = &self.common.waiting;
        if (waiting.used() + self.common.upstream.in_flight.refreshing()).saturating_mul(2) >= waiting.limit() {
            return;
        }
        let until = Until::new(moment.now, route.view.query_timeout);
        self.machine.refresh(Ask { key, hash, route, until }, moment.now, &mut self.output);
    }

    /// A packet came from an upstream. [`Self::carry_out`] is due.
    pub fn received(&mut self, path: Path, packet: &[u8], now: Instant) {
        self.machine.received(path, packet, now, &mut self.output);
    }

    /// The host of an upstream says that nobody listens there ([`Machine::refused`]). [`Self::carry_out`] is due.
    pub fn refused(&mut self, path: Path, now: Instant) {
        self.machine.refused(path, now, &mut self.output);
    }

    /// A socket to an upstream has closed. [`Self::carry_out`] is due.
    pub fn closed(&mut self, path: Path, now: Instant) {
        self.machine.closed(path, now, &mut self.output);
    }

    /// Another worker's flight has ended. [`Self::carry_out`] is due.
    pub fn told(&mut self, flight: FlightId, segment: &[u8]) {
        self.machine.told(flight, segment, &mut self.output);
    }

    /// Does what is due by `now`. [`Self::carry_out`] is due.
    pub fn fire(&mut self, now: Instant) {
        self.machine.fire(now, &mut self.output);
    }

    /// When [`Self::fire`] wants to be called.
    pub fn next_at(&self) -> Option<Instant> {
        self.machine.next_at()
    }

    /// The questions of the next batch go by newly drawn sockets; what of this one is logged is on its way.
    pub fn end_batch(&mut self) {
        self.machine.end_batch();
        self.book.end_batch();
    }

    /// Does what the machine wants done, until it wants nothing more.
    pub fn carry_out(&mut self, moment: Moment, driver: &mut impl Driver<Back = B>) {
        while !self.output.commands.is_empty() || !self.output.finished.is_empty() {
            let mut output = std::mem::take(&mut self.output);
            for command in output.commands.drain(..) {
                self.carry_out_command(command, &output.octets, moment.now, driver);
            }
            for finished in output.finished.drain(..) {
                let segment = &output.segments[finished.segment];
                self.finish(moment, finished.waiter, segment, driver);
            }
            // Its memory is used again.
            if self.output.commands.is_empty() && self.output.finished.is_empty() {
                output.clear();
                self.output = output;
            }
        }
    }

    fn carry_out_command(&mut self, command: Command, octets: &[u8], now: Instant, driver: &mut impl Driver<Back = B>) {
        match command {
            Command::Open(path, server, transport) => {
                if !driver.open(path, &server, transport) {
                    self.machine.closed(path, now, &mut self.output);
                }
            }
            Command::Send(path, range) => driver.send(path, &octets[range]),
            Command::Close(path) => driver.close(path),
            Command::Tell(flight, segment) => driver.tell(flight, segment),
        }
    }

    /// Goes on with a query whose question is answered.
    fn finish(
        &mut self,
        moment: Moment,
        waiter: Waiter<Waiting<B>>,
        segment: &[u8],
        driver: &mut impl Driver<Back = B>,
    ) {
        let Waiter { who: mut waiting, until } = waiter;
        if segment.is_empty() {
            return self.end(waiting, driver);
        }
        self.rotation = self.rotation.wrapping_add(1);
        let Moment { now, unix } = moment;
        let cache = &self.common.upstream.cache;
        let query_log = self.book.while_on(&self.common.query_log);
        let (snapshot, meter) = (self.follower.load(), &*self.meter);
        let context = Context { snapshot, cache, now, unix, rotation: self.rotation, meter, query_log };
        let chain = waiting.chain.take();
        let (mut next, mut refresh) = (None, None);
        driver.reply(&waiting.back, |out| {
            match resume(context, &waiting.packet, waiting.client, chain, segment, out) {
                Decision::Reply(octets) => Some(octets),
                Decision::ReplyAndRefresh(octets, forward) => {
                    refresh = Some(forward);
                    Some(octets)
                }
                Decision::Drop => None,
                Decision::Forward(forward) => {
                    next = Some(forward);
                    None
                }
                // A query is none.
                Decision::Update(_) => None,
            }
        });
        match next {
            Some(forward) => self.ask(moment, waiting, forward, until, driver),
            None => self.end(waiting, driver),
        }
        if let Some(forward) = refresh {
            self.refresh(moment, *forward);
        }
    }
}

/// What a client is told whose question must not wait, or no longer.
fn reason(exceeded: Exceeded) -> &'static str {
    match exceeded {
        Exceeded::All => "recursive-clients: too many questions wait",
        Exceeded::Share => "recursive-clients: too many questions of this client wait",
    }
}
