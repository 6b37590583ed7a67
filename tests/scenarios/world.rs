//! Workers without sockets, in virtual time: what `listen/worker.rs` does around `answer` and `upstream`, step by step.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tandem::access::{Bounds, Exceeded, Host, Permit, Quota, Secret};
use tandem::answer::{self, Chain, Client, Context, Decision, Forward};
use tandem::cache::Cache;
use tandem::config::Config;
use tandem::state::{Route, Snapshot, State};
use tandem::upstream::{
    Ask, Asking, Command, Common, FlightId, HedgeBudget, InFlight, Machine, Output, Path, Transport, Until, Waiter,
};
use tandem::wire::header::ede;

use super::message::{Message, QR, RA, RD};
use super::record::Record;

/// A message on its way to an upstream.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) worker: usize,
    pub(crate) path: Path,
    pub(crate) server: SocketAddr,
    pub(crate) transport: Transport,
    /// Without the length that TCP puts in front.
    pub(crate) octets: Vec<u8>,
    pub(crate) at: Instant,
}

impl Sent {
    /// `. NS` without OPT, which only a client of an upstream that cannot read OPT would ask otherwise.
    fn is_probe(&self) -> bool {
        self.octets.len() == 17 && self.octets[4..] == [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1]
    }
}

/// How an upstream answers by itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Serving {
    pub(crate) after: Duration,
    /// One question of so many is answered after this instead.
    pub(crate) slow: Option<(usize, Duration)>,
    /// One question of so many is lost.
    pub(crate) lost: Option<usize>,
    pub(crate) rcode: u16,
    /// Questions so far.
    pub(crate) asked: usize,
}

impl Serving {
    /// When a question is answered, and how: without OPT, with one address if it is answered well.
    fn reply(&mut self, question: &[u8]) -> Option<(Duration, Vec<u8>)> {
        self.asked += 1;
        if self.lost.is_some_and(|every| self.asked.is_multiple_of(every)) {
            return None;
        }
        let after = self.slow.filter(|(every, _)| self.asked.is_multiple_of(*every)).map_or(self.after, |slow| slow.1);
        let asked = Message::read(question).expect("a question can be read");
        let mut reply =
            Message { id: asked.id, flags: QR | RD | RA, questions: asked.questions.clone(), ..Message::default() };
        reply.set_rcode(self.rcode);
        if self.rcode == 0 {
            let name = asked.questions[0].0.clone();
            reply.sections[0].push(Record { name, rtype: 1, class: 1, ttl: 60, rdata: vec![10, 0, 0, 1] });
        }
        Some((after, reply.octets()))
    }
}

/// A reply on its way to a client.
#[derive(Clone, Debug)]
pub(crate) struct Replied {
    pub(crate) client: String,
    pub(crate) octets: Vec<u8>,
    pub(crate) at: Instant,
}

/// A query that waits.
struct Waiting {
    name: String,
    client: Client,
    packet: Vec<u8>,
    chain: Option<Box<Chain>>,
    _permit: Permit,
}

struct Worker {
    machine: Machine<Route, Waiting>,
    output: Output<Waiting>,
    sockets: HashMap<Path, (SocketAddr, Transport)>,
}

/// See the module.
pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) epoch: Instant,
    pub(crate) sent: Vec<Sent>,
    pub(crate) replied: Vec<Replied>,
    /// The record that sets of addresses begin with.
    pub(crate) rotation: u32,
    /// Upstreams that refuse connections.
    pub(crate) refusing: Vec<IpAddr>,
    /// Upstreams that answer no probe; the others answer each at once.
    pub(crate) silent: HashSet<IpAddr>,
    /// Probes without answer.
    pub(crate) probes: Vec<Sent>,
    /// Probes that were answered.
    pub(crate) answered_probes: Vec<Sent>,
    /// Upstreams that answer questions by themselves.
    pub(crate) serving: HashMap<IpAddr, Serving>,
    /// Packets on their way from them.
    under_way: Vec<(Instant, usize, Path, Vec<u8>)>,
    state: Arc<State>,
    cache: Arc<Cache>,
    in_flight: Arc<InFlight>,
    waiting: Arc<Quota>,
    workers: Vec<Worker>,
    mail: Vec<(FlightId, Arc<[u8]>)>,
}

/// The host that stories run on: AZ 1's forwarder.
fn host() -> Arc<Host> {
    let addresses = ["127.0.0.1", "10.1.1.53", "::1"].map(|ip| ip.parse().expect("an address"));
    let networks = ["127.0.0.0/8", "10.1.1.0/24", "::1/128"].map(|net| net.parse().expect("a network"));
    Arc::new(Host { name: "az1".to_owned(), addresses: addresses.into(), networks: networks.into() })
}

/// The secret of cookies for clients and upstreams where the configuration gives none.
const SECRET: [u8; 16] = *b"sixteen octets!!";
/// 21 November 2026.
const UNIX_EPOCH_OF_STORIES: u32 = 1_795_219_200;

impl World {
    pub(crate) fn new(config: &Config, workers: usize) -> Self {
        // Only differences of time are looked at; the epoch lies before the story so that nothing begins at zero.
        let epoch = Instant::now();
        let cache = Arc::new(Cache::new(64 << 20, epoch));
        let in_flight = Arc::new(InFlight::default());
        let budget = Arc::new(HedgeBudget::default());
        let common = Common { cache: Arc::clone(&cache), in_flight: Arc::clone(&in_flight), budget, epoch };
        let worker = |number: usize| Worker {
            machine: Machine::new(number as u16, [number as u8 + 1; 32], common.clone()),
            output: Output::default(),
            sockets: HashMap::new(),
        };
        let mut world = Self {
            now: epoch + Duration::from_millis(1_000_003),
            epoch: epoch + Duration::from_millis(1_000_003),
            sent: Vec::new(),
            replied: Vec::new(),
            rotation: 0,
            refusing: Vec::new(),
            silent: HashSet::new(),
            probes: Vec::new(),
            answered_probes: Vec::new(),
            serving: HashMap::new(),
            under_way: Vec::new(),
            state: Arc::new(State::new(config, host(), SECRET)),
            cache,
            in_flight,
            waiting: Quota::new(Bounds::of_waiting_questions(&config.limits)),
            workers: (0..workers).map(worker).collect(),
            mail: Vec::new(),
        };
        world.reconfigure();
        world
    }

    /// What SIGHUP does with a good file.
    pub(crate) fn publish(&mut self, config: &Config) {
        self.state.publish(config, host());
        self.waiting.set_bounds(Bounds::of_waiting_questions(&config.limits));
        self.reconfigure();
    }

    fn reconfigure(&mut self) {
        let snapshot = self.snapshot();
        let secret = snapshot.send_cookies.then(|| Secret::from(self.state.own_secret()));
        let rules = snapshot.views.iter().flat_map(|view| view.rules.iter());
        let used: Vec<u32> = rules.flat_map(|rule| rule.servers.iter().map(|server| server.id)).collect();
        for number in 0..self.workers.len() {
            let worker = &mut self.workers[number];
            worker.machine.set_cookie_secret(secret);
            worker.machine.leave_unless(|server| used.contains(&server.id), &mut worker.output);
            self.carry_out(number);
        }
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.state.present()
    }

    pub(crate) fn worker_count(&self) -> usize {
        self.workers.len()
    }

    fn unix(&self) -> u32 {
        UNIX_EPOCH_OF_STORIES.wrapping_add((self.now - self.epoch).as_secs() as u32)
    }

    /// A packet comes from a client.
    pub(crate) fn query(&mut self, number: usize, name: &str, client: Client, packet: &[u8]) {
        let snapshot = self.snapshot();
        let mut out = reply_buffer(client.transport);
        let decision = answer::decide(self.context(&snapshot), packet, client, &mut out);
        match decision {
            Decision::Reply(octets) => self.reply(name, &out[..octets]),
            Decision::Drop => {}
            Decision::Forward(forward) => self.forward(number, name, client, packet, forward, &snapshot),
        }
        self.workers[number].machine.end_batch();
        self.carry_out(number);
    }

    fn context<'c>(&'c self, snapshot: &'c Snapshot) -> Context<'c> {
        Context { snapshot, cache: &self.cache, now: self.now, unix: self.unix(), rotation: self.rotation }
    }

    fn reply(&mut self, name: &str, octets: &[u8]) {
        self.replied.push(Replied { client: name.to_owned(), octets: octets.to_vec(), at: self.now });
    }

    fn forward(
        &mut self,
        number: usize,
        name: &str,
        client: Client,
        packet: &[u8],
        forward: Forward,
        snapshot: &Snapshot,
    ) {
        let permit = match self.waiting.take(client.address) {
            Ok(permit) => permit,
            Err(Exceeded::All | Exceeded::Address) => return self.fail(name, client, packet, snapshot),
        };
        let waiting = Waiting { name: name.to_owned(), client, packet: packet.to_vec(), chain: None, _permit: permit };
        let until = Until::new(self.now, forward.route.view.query_timeout);
        self.ask(number, waiting, forward, until, snapshot);
    }

    fn ask(&mut self, number: usize, mut waiting: Waiting, forward: Forward, until: Until, snapshot: &Snapshot) {
        let Forward { key, hash, route, chain } = forward;
        waiting.chain = chain;
        let (name, client, packet) = (waiting.name.clone(), waiting.client, waiting.packet.clone());
        let from = (!snapshot.host.addresses.contains(&client.address)).then_some(client.address);
        let worker = &mut self.workers[number];
        let ask = Ask { key, hash, route, until };
        if worker.machine.ask(ask, waiting, from, self.now, &mut worker.output) == Asking::Loop {
            self.fail(&name, client, &packet, snapshot);
        }
    }

    fn fail(&mut self, name: &str, client: Client, packet: &[u8], snapshot: &Snapshot) {
        let mut out = reply_buffer(client.transport);
        let decision = answer::fail(self.context(snapshot), packet, client, (ede::OTHER, "refused"), &mut out);
        if let Decision::Reply(octets) = decision {
            self.reply(name, &out[..octets]);
        }
    }

    /// Does what a machine wants done, and what that makes other machines want.
    fn carry_out(&mut self, number: usize) {
        loop {
            let output = std::mem::take(&mut self.workers[number].output);
            if output.commands.is_empty() && output.finished.is_empty() {
                break;
            }
            for command in output.commands {
                self.carry_out_command(number, command, &output.octets);
            }
            for finished in output.finished {
                let segment = output.segments[finished.segment].to_vec();
                finished.waiters.into_iter().for_each(|waiter| self.finish(number, waiter, &segment));
            }
        }
        for (flight, segment) in std::mem::take(&mut self.mail) {
            let to = usize::from(flight.worker);
            let worker = &mut self.workers[to];
            worker.machine.told(flight, &segment, &mut worker.output);
            self.carry_out(to);
        }
        self.answer_probes();
    }

    fn answer_probes(&mut self) {
        let silent = &self.silent;
        let answered: Vec<_> = self.probes.extract_if(.., |sent| !silent.contains(&sent.server.ip())).collect();
        for probe in answered {
            let mut reply = probe.octets.clone();
            // QR, RA.
            (reply[2], reply[3]) = (reply[2] | 0x80, reply[3] | 0x80);
            let (number, path) = (probe.worker, probe.path);
            self.answered_probes.push(probe);
            self.receive(number, path, &reply);
        }
    }

    fn carry_out_command(&mut self, number: usize, command: Command, octets: &[u8]) {
        let now = self.now;
        let worker = &mut self.workers[number];
        match command {
            Command::Open(path, server, transport) => {
                let address = server.forwarder.address;
                worker.sockets.insert(path, (address, transport));
                if transport == Transport::Tcp && self.refusing.contains(&address.ip()) {
                    worker.sockets.remove(&path);
                    worker.machine.closed(path, now, &mut worker.output);
                }
            }
            Command::Send(path, range) => {
                let Some(&(server, transport)) = worker.sockets.get(&path) else { return };
                let message = &octets[range];
                let octets = match transport {
                    Transport::Udp => message.to_vec(),
                    Transport::Tcp => {
                        let length = usize::from(u16::from_be_bytes([message[0], message[1]]));
                        assert_eq!(length, message.len() - 2, "the length in front of a message");
                        message[2..].to_vec()
                    }
                };
                let sent = Sent { worker: number, path, server, transport, octets, at: now };
                if sent.is_probe() {
                    self.probes.push(sent);
                } else if let Some(serving) = self.serving.get_mut(&server.ip()) {
                    let reply = serving.reply(&sent.octets).filter(|_| !self.silent.contains(&server.ip()));
                    self.under_way.extend(reply.map(|(after, octets)| (now + after, number, path, octets)));
                } else {
                    self.sent.push(sent);
                }
            }
            Command::Close(path) => {
                worker.sockets.remove(&path);
            }
            Command::Tell(flight, segment) => self.mail.push((flight, segment)),
        }
    }

    fn finish(&mut self, number: usize, waiter: Waiter<Waiting>, segment: &[u8]) {
        let Waiter { who: mut waiting, until } = waiter;
        let snapshot = self.snapshot();
        let chain = waiting.chain.take();
        let mut out = reply_buffer(waiting.client.transport);
        let context = self.context(&snapshot);
        match answer::resume(context, &waiting.packet, waiting.client, chain, segment, &mut out) {
            Decision::Reply(octets) => self.reply(&waiting.name, &out[..octets]),
            Decision::Drop => {}
            Decision::Forward(forward) => self.ask(number, waiting, forward, until, &snapshot),
        }
    }

    /// A packet comes from an upstream.
    pub(crate) fn receive(&mut self, number: usize, path: Path, octets: &[u8]) {
        let worker = &mut self.workers[number];
        worker.machine.received(path, octets, self.now, &mut worker.output);
        worker.machine.end_batch();
        self.carry_out(number);
    }

    /// A socket of `number` that is not `path`.
    pub(crate) fn other_socket(&self, number: usize, path: Path) -> Option<Path> {
        self.workers[number].sockets.keys().find(|known| **known != path).copied()
    }

    /// An upstream closes its connections.
    pub(crate) fn close(&mut self, server: IpAddr) {
        for number in 0..self.workers.len() {
            let worker = &mut self.workers[number];
            let at_server = |entry: (&Path, &(SocketAddr, Transport))| {
                (entry.1.0.ip() == server && entry.1.1 == Transport::Tcp).then_some(*entry.0)
            };
            let paths: Vec<Path> = worker.sockets.iter().filter_map(at_server).collect();
            for path in paths {
                worker.sockets.remove(&path);
                worker.machine.closed(path, self.now, &mut worker.output);
            }
            self.carry_out(number);
        }
    }

    /// Lets time pass; every machine is looked at when it wants to be.
    pub(crate) fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            let due = self
                .workers
                .iter()
                .enumerate()
                .filter_map(|(number, worker)| Some((worker.machine.next_at()?, number)));
            let due = due.min().filter(|(at, _)| *at <= end);
            let arrival = self.under_way.iter().map(|packet| packet.0).min().filter(|at| *at <= end);
            if let Some(at) = arrival.filter(|at| due.is_none_or(|(due, _)| *at <= due)) {
                self.now = self.now.max(at);
                let next = self.under_way.iter().position(|packet| packet.0 == at).expect("just seen");
                let (_, number, path, octets) = self.under_way.remove(next);
                self.receive(number, path, &octets);
                continue;
            }
            let Some((at, number)) = due else { break };
            self.now = self.now.max(at);
            let worker = &mut self.workers[number];
            worker.machine.fire(self.now, &mut worker.output);
            self.carry_out(number);
        }
        self.now = end;
    }

    /// What is left over when everybody has been answered or has given up: nothing.
    pub(crate) fn leftovers(&self) -> Option<String> {
        let waiting: usize = self.workers.iter().map(|worker| worker.machine.len()).sum();
        let (in_flight, permits) = (self.in_flight.len(), self.waiting.used());
        let left = waiting > 0 || in_flight > 0 || permits > 0;
        left.then(|| format!("left over: {waiting} flights, {in_flight} questions in flight, {permits} permits"))
    }
}

fn reply_buffer(transport: Transport) -> Vec<u8> {
    vec![0; if transport == Transport::Tcp { 65_535 } else { 4096 }]
}
