//! The machine that gets questions answered: no socket, no clock, no thread of its own.
//!
//! In go questions, packets, the time; out come [`Command`]s for the driver and [`Finished`] questions. One machine
//! belongs to one worker; machines share the cache and the table of questions in flight. A question becomes a flight
//! here; `attempts` asks for it, `paces` lets it wait for `max_qps`, `spills` ends what is over a bound, `responses` judges what comes, `refusals` what a
//! server's host says of it, `timers` looks again, `endings` hands out what came of it; `probes` asks servers whether they
//! live, `stragglers` still learns from answers that nobody waits for.
//! Invariant: a response is believed only if socket, ID and the whole question are those of an attempt that still
//! waits; anything else is dropped and the wait goes on, so that a forger cannot even spoil a question.

mod attempts;
mod endings;
mod paces;
mod probes;
mod refusals;
mod responses;
mod spills;
mod stragglers;
mod timers;

use std::cell::Cell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::budget::HedgeBudget;
use super::flight::{Attempt, Flight, Role, Route, Until, Waiter};
use super::in_flight::{FlightId, InFlight, Joined};
use super::lanes::{Lanes, Path};
use super::server::{Micros, Server};
use super::spares::Spares;
use super::wheel::Wheel;
use crate::access::{ClientCookie, Secret};
use crate::cache::{Cache, Key, Patch, RefreshWindow};
use crate::metrics::{Event, Meter, Resolver};
use crate::wire::Transport;
use crate::wire::header::ede;
use crate::wire::response::Reader;
use probes::Watched;
use stragglers::Straggler;

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
    /// One of those who waited for it.
    pub waiter: Waiter<W>,
    /// Where its segment stands in [`Output::segments`]; a failure is a segment too. Empty: its asker gets nothing.
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
    pub until: Until,
}

/// What became of a question.
#[derive(Debug, PartialEq, Eq)]
pub enum Asking<W> {
    /// It is being asked, or already was; this flight has the waiter.
    Joined(FlightId),
    /// It comes from a server that it is being sent to, a forwarding loop; here is who asked.
    Loop(W),
    /// As many wait for it as may (`clients-per-query`); here is who asked.
    Full(W),
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
    /// Servers that are probed, by number.
    watched: HashMap<u32, Watched>,
    /// Servers that no rule names any more, though questions that still wait do.
    left: HashSet<u32>,
    stragglers: VecDeque<Straggler>,
    budget: Arc<HedgeBudget>,
    reader: Reader,
    segment: Vec<u8>,
    spare_waiters: Spares<Waiter<W>>,
    spare_attempts: Spares<Attempt>,
    cache: Arc<Cache>,
    in_flight: Arc<InFlight>,
    epoch: Instant,
    /// A time, and what it is in microseconds: it is asked for often in a batch.
    recent: Cell<(Instant, Micros)>,
    meter: Rc<Meter>,
}

struct Slot<R, W> {
    generation: u32,
    flight: Option<Flight<R, W>>,
}

struct Cookies {
    secret: Secret,
    of: HashMap<u32, ClientCookie, foldhash::fast::RandomState>,
}

/// What machines share.
#[derive(Clone)]
pub struct Common {
    /// The cache.
    pub cache: Arc<Cache>,
    /// Questions in flight.
    pub in_flight: Arc<InFlight>,
    /// What hedging may cost.
    pub budget: Arc<HedgeBudget>,
    /// When the time of [`Server`]s began.
    pub epoch: Instant,
}

impl<R: Route, W> Machine<R, W> {
    /// A machine for the worker of this number; its draws follow from `seed`, which comes from the system's CSPRNG.
    /// What happens to questions is counted by `meter`.
    pub fn new(worker: u16, seed: [u8; 32], common: Common, meter: Rc<Meter>) -> Self {
        let Common { cache, in_flight, budget, epoch } = common;
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
            watched: HashMap::new(),
            left: HashSet::new(),
            stragglers: VecDeque::new(),
            budget,
            reader: Reader::default(),
            segment: Vec::new(),
            spare_waiters: Spares::default(),
            spare_attempts: Spares::default(),
            cache,
            in_flight,
            epoch,
            recent: Cell::new((epoch, 1)),
            meter,
        }
    }

    /// Sends cookies made with this secret from now on, or none.
    pub fn set_cookie_secret(&mut self, secret: Option<Secret>) {
        let same = self.cookies.as_ref().map(|cookies| cookies.secret) == secret;
        if !same {
            self.cookies = secret.map(|secret| Cookies { secret, of: HashMap::default() });
        }
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

    /// Those who wait, with the question that is being asked for them.
    pub fn waiting(&self) -> impl Iterator<Item = (&Key, &Waiter<W>)> {
        let flights = self.flights.iter().filter_map(|slot| slot.flight.as_ref());
        flights.flat_map(|flight| flight.waiters.iter().map(|waiter| (&flight.key, waiter)))
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Questions on the wire whose answer would still be taken; one that is asked in several ways counts as often.
    /// Probes are nobody's questions and do not count.
    pub fn on_wire(&self) -> usize {
        self.by_wire.len() - self.probes_on_wire()
    }

    /// The time as [`Server`]s count it; their 0 is before everything.
    fn micros(&self, at: Instant) -> Micros {
        let (recent, micros) = self.recent.get();
        if at == recent {
            return micros;
        }
        let micros = at.saturating_duration_since(self.epoch).as_micros() as Micros + 1;
        self.recent.set((at, micros));
        micros
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
    ) -> Asking<W> {
        let me = self.vacant();
        let most = ask.route.clients_per_query().map_or(u32::MAX, |bound| bound.most(self.micros(now)));
        let joined = self.in_flight.join(ask.hash, ask.key.as_octets(), me, ask.until.alive, Some(most));
        let asks_itself = |server: &Arc<Server>| Some(server.forwarder.address.ip()) == from;
        if joined != Joined::Own && ask.route.servers().iter().any(asks_itself) {
            if joined == Joined::Elsewhere {
                self.in_flight.leave(ask.hash, ask.key.as_octets(), me);
            }
            if joined != Joined::Full {
                self.in_flight.leave_clients(ask.hash, ask.key.as_octets(), 1);
            }
            return Asking::Loop(who);
        }
        if joined == Joined::Full {
            self.meter.resolver(ask.route.view(), Resolver::ClientQuota);
            return Asking::Full(who);
        }
        let waiter = Waiter { who, until: ask.until };
        match joined {
            Joined::Here(flight) => {
                self.add_waiter(flight.index, waiter);
                return Asking::Joined(flight);
            }
            Joined::Elsewhere => {
                let role = Role::Waits(ask.route.clone());
                self.begin(me, ask, Some(waiter), role, now);
            }
            Joined::Own => self.begin_asking(me, ask, waiter, now, out),
            // Told above.
            Joined::Full => {}
        }
        Asking::Joined(me)
    }

    fn add_waiter(&mut self, index: u32, waiter: Waiter<W>) {
        let Some(flight) = self.flight_mut(index) else { return };
        let first = waiter.until.stale.map_or(waiter.until.dead, |stale| stale.min(waiter.until.dead));
        let earlier = first < flight.next_at;
        flight.waiters.push(waiter);
        if earlier {
            self.arm(index);
        }
    }

    /// The name of the next flight.
    fn vacant(&mut self) -> FlightId {
        let index = *self.free.last().unwrap_or(&(self.flights.len() as u32));
        let generation = self.flights.get(index as usize).map_or(1, |slot| slot.generation.wrapping_add(1));
        FlightId { worker: self.worker, index, generation }
    }

    fn begin(&mut self, id: FlightId, ask: Ask<R>, waiter: Option<Waiter<W>>, role: Role<R>, now: Instant) {
        let waits = matches!(role, Role::Waits(_));
        if !waits {
            self.meter.fetch_begins(role.route().view());
        }
        let refreshes_until = waiter.is_none().then_some(ask.until.alive);
        let mut waiters = self.spare_waiters.take();
        if let Some(waiter) = waiter {
            waiters.push(waiter);
        }
        let flight = Flight {
            id,
            key: ask.key,
            hash: ask.hash,
            role,
            began: now,
            next_at: ask.until.alive,
            ask_again_at: ask.until.alive,
            looked_at: None,
            refreshes_until,
            waiters,
            attempts: self.spare_attempts.take(),
            drawn_case: Vec::new(),
            tried: 0,
            bad: 0,
            refused_opt: 0,
            refused_cookie: 0,
            round: 0,
            sent: 0,
            has_asked_who_lives: false,
            reserved: None,
            is_counted: false,
            ede: ede::NO_REACHABLE_AUTHORITY,
            denied: None,
        };
        let slot = Slot { generation: id.generation, flight: Some(flight) };
        if self.free.pop().is_some() {
            self.flights[id.index as usize] = slot;
        } else {
            self.flights.push(slot);
        }
        if waits {
            self.arm(id.index);
        }
    }

    fn begin_asking(&mut self, me: FlightId, ask: Ask<R>, waiter: Waiter<W>, now: Instant, out: &mut Output<W>) {
        let role = Role::Asks(ask.route.clone());
        // Another worker may have finished the same question between our look into the cache and now.
        let kept = self.cache.contains(ask.hash, &ask.key, now);
        self.begin(me, ask, Some(waiter), role, now);
        self.budget.earn();
        if kept {
            self.finish_from_cache(me.index, now, out);
        } else if self.count_in_zone(me.index, now, out) {
            self.ask_next(me.index, now, out);
        }
    }

    fn finish_from_cache(&mut self, index: u32, now: Instant, out: &mut Output<W>) {
        let mut segment = std::mem::take(&mut self.segment);
        let found = self.flight_mut(index).and_then(|flight| {
            let Role::Asks(route) = &flight.role else { return None };
            Some((flight.hash, flight.key.clone(), route.layout()))
        });
        let kept = found.and_then(|(hash, key, layout)| {
            let patch = Patch { layout, rotation: 0, refresh: RefreshWindow::NEVER };
            self.cache.copy_segment(hash, &key, now, patch, &mut segment)
        });
        match kept {
            Some(_) => self.finish(index, &segment, out),
            None => self.ask_next(index, now, out),
        }
        self.segment = segment;
    }

    /// Asks a question whose answer is still in the cache, for nobody; nothing if it is being asked already, or too
    /// many are ([`InFlight::set_most_refreshing`]).
    pub fn refresh(&mut self, ask: Ask<R>, now: Instant, out: &mut Output<W>) {
        if !self.in_flight.begin_refresh() {
            return;
        }
        let me = self.vacant();
        match self.in_flight.join(ask.hash, ask.key.as_octets(), me, ask.until.alive, None) {
            Joined::Here(_) | Joined::Full => self.in_flight.end_refresh(),
            Joined::Elsewhere => {
                self.in_flight.leave(ask.hash, ask.key.as_octets(), me);
                self.in_flight.end_refresh();
            }
            Joined::Own => {
                let role = Role::Asks(ask.route.clone());
                self.meter.event(Event::Prefetch);
                self.begin(me, ask, None, role, now);
                if self.count_in_zone(me.index, now, out) {
                    self.ask_next(me.index, now, out);
                }
            }
        }
    }

    fn flight_mut(&mut self, index: u32) -> Option<&mut Flight<R, W>> {
        self.flights.get_mut(index as usize)?.flight.as_mut()
    }
}
