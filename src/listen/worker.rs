//! A worker: one thread, one core, one current-thread runtime; it owns sockets, timers and an upstream machine.
//!
//! Every task of a worker runs on its thread, so its state is in cells, borrowed only between awaits. A batch of queries
//! is decided, what came of it carried out, and everything sent, before the task waits again.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;

use super::mailbox::Mailbox;
use super::tcp::Connection;
use super::udp::Port;
use super::upstreams::Upstream;
use crate::access::{Exceeded, Permit, Quota, Secret};
use crate::answer::{self, Chain, Client, Context, Decision, Forward};
use crate::cache::Cache;
use crate::config::bounds::UDP_SIZE;
use crate::state::{Follower, Route, Snapshot, State};
use crate::sys::batch::Receiver;
use crate::upstream::{Ask, Asking, Command, Common, HedgeBudget, InFlight, Machine, Output, Path, Until, Waiter};
use crate::wire::header::{MAX_MESSAGE_OCTETS, ede};

/// What all workers share.
pub struct Shared {
    /// Who knows what is in force.
    pub state: Arc<State>,
    /// Answers.
    pub cache: Arc<Cache>,
    /// Questions being asked.
    pub in_flight: Arc<InFlight>,
    /// What hedging may cost.
    pub budget: Arc<HedgeBudget>,
    /// Places for questions that wait (`recursive-clients`).
    pub waiting: Arc<Quota>,
    /// Places for connections (`tcp-clients`).
    pub connections: Arc<Quota>,
    /// One a worker.
    pub mailboxes: Box<[Mailbox]>,
    /// When the clocks of cache and upstreams began.
    pub epoch: Instant,
}

/// A query that waits for an upstream.
pub(super) struct Waiting {
    back: Back,
    client: Client,
    packet: Box<[u8]>,
    chain: Option<Box<Chain>>,
    /// Its place among those that wait.
    _permit: Permit,
}

/// Where a reply goes.
#[derive(Clone)]
pub(super) enum Back {
    /// By a UDP socket to an address.
    Udp(Rc<Port>, SocketAddr),
    /// By a connection.
    Tcp(Rc<Connection>),
}

/// See the module.
pub(super) struct Worker {
    /// Its number.
    pub(super) number: u16,
    pub(super) shared: Arc<Shared>,
    pub(super) inner: RefCell<Inner>,
    /// The machine wants to be looked at earlier than it said before.
    pub(super) earlier: Notify,
}

/// What changes while a worker runs.
pub(super) struct Inner {
    pub(super) machine: Machine<Route, Waiting>,
    pub(super) output: Output<Waiting>,
    pub(super) follower: Follower,
    pub(super) upstreams: HashMap<u32, Upstream, foldhash::fast::RandomState>,
    /// What comes back from upstreams by UDP; used by one task at a time.
    pub(super) responses: Receiver,
    /// Sockets with something to send.
    pub(super) ports_to_send: Vec<Rc<Port>>,
    pub(super) paths_to_send: Vec<Path>,
    /// Where replies for connections are written.
    long_reply: Box<[u8]>,
    rotation: u32,
    /// When the timer is set to.
    pub(super) armed: Option<Instant>,
}

/// Octets of the buffers for datagrams from clients and upstreams: the longest that are announced or sent.
pub(super) const DATAGRAM_OCTETS: usize = *UDP_SIZE.end() as usize;

impl Worker {
    /// A worker without sockets; `seed` comes from the system's CSPRNG.
    pub(super) fn new(number: u16, shared: Arc<Shared>, seed: [u8; 32]) -> Rc<Self> {
        let common = Common {
            cache: Arc::clone(&shared.cache),
            in_flight: Arc::clone(&shared.in_flight),
            budget: Arc::clone(&shared.budget),
            epoch: shared.epoch,
        };
        let inner = Inner {
            machine: Machine::new(number, seed, common),
            output: Output::default(),
            follower: shared.state.follow(),
            upstreams: HashMap::default(),
            responses: Receiver::new(DATAGRAM_OCTETS),
            ports_to_send: Vec::new(),
            paths_to_send: Vec::new(),
            long_reply: vec![0; MAX_MESSAGE_OCTETS].into_boxed_slice(),
            rotation: u32::from_le_bytes([seed[0], seed[1], seed[2], seed[3]]),
            armed: None,
        };
        Rc::new(Self { number, shared, inner: RefCell::new(inner), earlier: Notify::new() })
    }

    /// Takes over what a new snapshot changes for the machine.
    pub(super) fn reconfigure(self: &Rc<Self>) {
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        let snapshot = Arc::clone(inner.follower.load());
        let secret = snapshot.send_cookies.then(|| Secret::from(self.shared.state.own_secret()));
        inner.machine.set_cookie_secret(secret);
        let rules = snapshot.views.iter().flat_map(|view| view.rules.iter());
        let used: std::collections::HashSet<u32> =
            rules.flat_map(|rule| rule.servers.iter().map(|server| server.id)).collect();
        inner.machine.leave_unless(|server| used.contains(&server.id), &mut inner.output);
        self.carry_out(inner, Instant::now());
    }

    /// Decides the datagrams of a batch, and sends what there is to send.
    pub(super) fn take_batch(self: &Rc<Self>, port: &Rc<Port>, batch: &Receiver, count: usize) {
        let now = Instant::now();
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        let snapshot = Arc::clone(inner.follower.load());
        let (unix, rotation) = (unix_seconds(), inner.rotation);
        inner.rotation = rotation.wrapping_add(count as u32);
        for index in 0..count {
            let Some(datagram) = batch.get(index) else { continue };
            let client = port.client(datagram.from);
            let rotation = rotation.wrapping_add(index as u32);
            let context = Context { snapshot: &snapshot, cache: &self.shared.cache, now, unix, rotation };
            let mut sender = port.sender.borrow_mut();
            if sender.is_full() {
                port.send(&mut sender);
            }
            match answer::decide(context, datagram.octets, client, sender.buffer()) {
                Decision::Reply(octets) => sender.push(octets, Some(&datagram.from)),
                Decision::Drop => {}
                Decision::Forward(forward) => {
                    drop(sender);
                    let back = Back::Udp(Rc::clone(port), datagram.from);
                    self.forward(inner, &snapshot, back, client, datagram.octets, forward, now);
                }
            }
        }
        port.send(&mut port.sender.borrow_mut());
        inner.machine.end_batch();
        self.carry_out(inner, now);
    }

    /// Decides a message from a connection.
    pub(super) fn take_message(self: &Rc<Self>, connection: &Rc<Connection>, message: &[u8]) {
        let now = Instant::now();
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        let snapshot = Arc::clone(inner.follower.load());
        inner.rotation = inner.rotation.wrapping_add(1);
        let rotation = inner.rotation;
        let context = Context { snapshot: &snapshot, cache: &self.shared.cache, now, unix: unix_seconds(), rotation };
        match answer::decide(context, message, connection.client, &mut inner.long_reply) {
            Decision::Reply(octets) => connection.reply(&inner.long_reply[..octets]),
            Decision::Drop => {}
            Decision::Forward(forward) => {
                let back = Back::Tcp(Rc::clone(connection));
                self.forward(inner, &snapshot, back, connection.client, message, forward, now);
            }
        }
        inner.machine.end_batch();
        self.carry_out(inner, now);
    }

    /// Has a question asked for a query that has just come.
    #[expect(clippy::too_many_arguments, reason = "each is a fact of the query")]
    fn forward(
        &self,
        inner: &mut Inner,
        snapshot: &Arc<Snapshot>,
        back: Back,
        client: Client,
        packet: &[u8],
        forward: Forward,
        now: Instant,
    ) {
        let permit = match self.shared.waiting.take(client.address) {
            Ok(permit) => permit,
            Err(Exceeded::All) => {
                let why = (ede::OTHER, "recursive-clients: too many questions wait");
                return self.fail(inner, snapshot, &back, client, packet, why);
            }
            Err(Exceeded::Address) => {
                let why = (ede::OTHER, "recursive-clients: too many questions of this client wait");
                return self.fail(inner, snapshot, &back, client, packet, why);
            }
        };
        back.begins();
        let waiting = Waiting { back, client, packet: packet.into(), chain: None, _permit: permit };
        let until = Until::new(now, forward.route.view.query_timeout);
        self.ask(inner, snapshot, waiting, forward, until, now);
    }

    fn ask(
        &self,
        inner: &mut Inner,
        snapshot: &Arc<Snapshot>,
        mut waiting: Waiting,
        forward: Forward,
        until: Until,
        now: Instant,
    ) {
        let Forward { key, hash, route, chain } = forward;
        waiting.chain = chain;
        // Clients on this host may share an address with an upstream on this host.
        let (client, back) = (waiting.client, waiting.back.clone());
        let foreign = !snapshot.host.addresses.contains(&client.address);
        let from = foreign.then_some(client.address);
        let packet = if foreign { waiting.packet.clone() } else { Box::default() };
        let ask = Ask { key, hash, route, until };
        if inner.machine.ask(ask, waiting, from, now, &mut inner.output) == Asking::Loop {
            let why = (ede::OTHER, "forwarding loop: the question came back from the forwarder it was sent to");
            self.fail(inner, snapshot, &back, client, &packet, why);
            back.ends();
        }
    }

    /// Answers SERVFAIL at once.
    fn fail(
        &self,
        inner: &mut Inner,
        snapshot: &Arc<Snapshot>,
        back: &Back,
        client: Client,
        packet: &[u8],
        why: (u16, &str),
    ) {
        let context =
            Context { snapshot, cache: &self.shared.cache, now: Instant::now(), unix: unix_seconds(), rotation: 0 };
        self.reply(inner, back, |out| match answer::fail(context, packet, client, why, out) {
            Decision::Reply(octets) => Some(octets),
            _ => None,
        });
    }

    /// Writes a reply where it goes; it leaves with the next [`Self::carry_out`].
    fn reply(&self, inner: &mut Inner, back: &Back, write: impl FnOnce(&mut [u8]) -> Option<usize>) {
        match back {
            Back::Udp(port, to) => {
                let mut sender = port.sender.borrow_mut();
                if sender.is_full() {
                    port.send(&mut sender);
                }
                if let Some(octets) = write(sender.buffer()) {
                    sender.push(octets, Some(to));
                    port.note(&mut inner.ports_to_send);
                }
            }
            Back::Tcp(connection) => {
                if let Some(octets) = write(&mut inner.long_reply) {
                    connection.reply(&inner.long_reply[..octets]);
                }
            }
        }
    }

    /// Does what the machine wants done, until it wants nothing more; then sends everything.
    pub(super) fn carry_out(self: &Rc<Self>, inner: &mut Inner, now: Instant) {
        while !inner.output.commands.is_empty() || !inner.output.finished.is_empty() {
            let mut output = std::mem::take(&mut inner.output);
            for command in output.commands.drain(..) {
                self.carry_out_command(inner, command, &output.octets, now);
            }
            for finished in output.finished.drain(..) {
                let segment = &output.segments[finished.segment];
                finished.waiters.into_iter().for_each(|waiter| self.finish(inner, waiter, segment, now));
            }
            if inner.output.commands.is_empty() && inner.output.finished.is_empty() {
                output.clear();
                inner.output = output;
            }
        }
        self.send_to_upstreams(inner);
        for port in inner.ports_to_send.drain(..) {
            port.send(&mut port.sender.borrow_mut());
        }
        self.arm(inner);
    }

    fn carry_out_command(self: &Rc<Self>, inner: &mut Inner, command: Command, octets: &[u8], now: Instant) {
        match command {
            Command::Open(path, server, transport) => self.open_upstream(inner, path, &server, transport, now),
            Command::Send(path, range) => self.add_question(inner, path, &octets[range]),
            Command::Close(path) => self.close_upstream(inner, path),
            Command::Tell(flight, segment) => {
                if let Some(mailbox) = self.shared.mailboxes.get(usize::from(flight.worker)) {
                    mailbox.put(flight, segment);
                }
            }
        }
    }

    /// Goes on with a query whose question is answered.
    fn finish(&self, inner: &mut Inner, waiter: Waiter<Waiting>, segment: &[u8], now: Instant) {
        let Waiter { who: mut waiting, until } = waiter;
        let snapshot = Arc::clone(inner.follower.load());
        inner.rotation = inner.rotation.wrapping_add(1);
        let rotation = inner.rotation;
        let context = Context { snapshot: &snapshot, cache: &self.shared.cache, now, unix: unix_seconds(), rotation };
        let (chain, back) = (waiting.chain.take(), waiting.back.clone());
        let mut next = None;
        self.reply(inner, &back, |out| {
            match answer::resume(context, &waiting.packet, waiting.client, chain, segment, out) {
                Decision::Reply(octets) => Some(octets),
                Decision::Drop => None,
                Decision::Forward(forward) => {
                    next = Some(forward);
                    None
                }
            }
        });
        match next {
            Some(forward) => self.ask(inner, &snapshot, waiting, forward, until, now),
            None => back.ends(),
        }
    }

    /// Wakes the timer's task if the machine wants to be looked at earlier.
    fn arm(&self, inner: &mut Inner) {
        let next = inner.machine.next_at();
        let earlier = match (next, inner.armed) {
            (Some(next), Some(armed)) => next < armed,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if earlier {
            inner.armed = next;
            self.earlier.notify_one();
        }
    }

    /// The task of the timer.
    pub(super) async fn keep_time(self: Rc<Self>) {
        loop {
            let next = {
                let mut inner = self.inner.borrow_mut();
                inner.armed = inner.machine.next_at();
                inner.armed
            };
            match next {
                None => self.earlier.notified().await,
                Some(at) => {
                    tokio::select! {
                        () = self.earlier.notified() => continue,
                        () = tokio::time::sleep_until(at.into()) => {}
                    }
                    let now = Instant::now();
                    let mut inner = self.inner.borrow_mut();
                    let inner = &mut *inner;
                    inner.machine.fire(now, &mut inner.output);
                    self.carry_out(inner, now);
                }
            }
        }
    }

    /// The task of the letter box.
    pub(super) async fn read_mail(self: Rc<Self>) {
        loop {
            let letters = self.shared.mailboxes[usize::from(self.number)].take().await;
            let mut inner = self.inner.borrow_mut();
            let inner = &mut *inner;
            for (flight, segment) in letters {
                inner.machine.told(flight, &segment, &mut inner.output);
            }
            self.carry_out(inner, Instant::now());
        }
    }

    /// Whether some query still waits.
    pub(super) fn is_idle(&self) -> bool {
        self.inner.borrow().machine.is_empty()
    }
}

impl Back {
    fn begins(&self) {
        if let Self::Tcp(connection) = self {
            connection.begins();
        }
    }

    fn ends(&self) {
        if let Self::Tcp(connection) = self {
            connection.ends();
        }
    }
}

/// The time of day for cookies: seconds since 1970 modulo 2^32 (RFC 9018 §4.3).
fn unix_seconds() -> u32 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as u32)
}
