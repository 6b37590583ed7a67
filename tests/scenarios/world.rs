//! Desks of several workers in virtual time: the sockets are lists, and time passes when it is told to.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tandem::access::{Bounds, Host, Quota};
use tandem::answer::update::Request;
use tandem::answer::{Client, Decision, Desk, Driver, Moment, desk};
use tandem::cache::Cache;
use tandem::config::Config;
use tandem::state::{Snapshot, State, Zones};
use tandem::upstream::{self, FlightId, HedgeBudget, InFlight, Path, Server};
use tandem::wire::Transport;

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
    /// So many messages are answered in each second, the others are lost.
    pub(crate) most_a_second: Option<usize>,
    second: Option<(Instant, usize)>,
    /// Questions so far.
    pub(crate) asked: usize,
}

impl Serving {
    /// When a question is answered, and how: without OPT, with one address if it is answered well.
    fn reply(&mut self, question: &[u8], now: Instant) -> Option<(Duration, Vec<u8>)> {
        self.asked += 1;
        let (began, count) = self.second.filter(|(began, _)| now - *began < Duration::from_secs(1)).unwrap_or((now, 0));
        self.second = Some((began, count + 1));
        if self.most_a_second.is_some_and(|most| count >= most) {
            return None;
        }
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

/// The name of a client, and how it asked.
#[derive(Clone)]
struct Asker {
    name: String,
    transport: Transport,
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
    common: desk::Common,
    /// `None`: it is at work.
    desks: Vec<Option<Desk<Asker>>>,
    /// Open sockets, for each desk.
    sockets: Vec<HashMap<Path, (SocketAddr, Transport)>>,
    mail: Vec<(FlightId, Arc<[u8]>)>,
}

/// The world as the desk at work sees it.
struct Lent<'w> {
    world: &'w mut World,
    number: usize,
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
const UNIX_EPOCH_OF_STORIES: u64 = 1_795_219_200;

impl World {
    pub(crate) fn new(config: &Config, workers: usize, zones: &Zones) -> Self {
        // Only differences of time are looked at; the epoch lies before the story so that nothing begins at zero.
        let epoch = Instant::now();
        let upstream = upstream::Common {
            cache: Arc::new(Cache::new(64 << 20, epoch)),
            in_flight: Arc::new(InFlight::default()),
            budget: Arc::new(HedgeBudget::default()),
            epoch,
        };
        let state = Arc::new(State::new(config, host(), SECRET, zones));
        let waiting = Quota::new(Bounds::of_waiting_questions(&config.limits));
        let common = desk::Common { state, waiting, upstream, metrics: Arc::default(), query_log: Arc::default() };
        let desk = |number: usize| Some(Desk::new(number as u16, [number as u8 + 1; 32], common.clone()));
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
            desks: (0..workers).map(desk).collect(),
            sockets: vec![HashMap::new(); workers],
            mail: Vec::new(),
            common,
        };
        world.reconfigure();
        world
    }

    /// What SIGHUP does with a good file.
    pub(crate) fn publish(&mut self, config: &Config, zones: &Zones) {
        self.common.state.publish(config, host(), zones);
        self.common.waiting.set_bounds(Bounds::of_waiting_questions(&config.limits));
        self.reconfigure();
    }

    fn reconfigure(&mut self) {
        (0..self.desks.len()).for_each(|number| self.at(number, |desk, _, _| desk.reconfigure()));
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.common.state.present()
    }

    pub(crate) fn worker_count(&self) -> usize {
        self.desks.len()
    }

    /// Has a desk do some work; then letters between desks are delivered and probes answered.
    fn at(&mut self, number: usize, work: impl FnOnce(&mut Desk<Asker>, Moment, &mut Lent<'_>)) {
        self.lend(number, work);
        loop {
            let letters = std::mem::take(&mut self.mail);
            let probes = self.probes_to_answer();
            if letters.is_empty() && probes.is_empty() {
                return;
            }
            for (flight, segment) in letters {
                self.lend(usize::from(flight.worker), |desk, _, _| desk.told(flight, &segment));
            }
            for probe in probes {
                let mut reply = probe.octets.clone();
                // QR, RA.
                (reply[2], reply[3]) = (reply[2] | 0x80, reply[3] | 0x80);
                self.lend(probe.worker, |desk, moment, _| desk.received(probe.path, &reply, moment.now));
                self.answered_probes.push(probe);
            }
        }
    }

    /// Lends the world to a desk, and carries out what it wants.
    fn lend(&mut self, number: usize, work: impl FnOnce(&mut Desk<Asker>, Moment, &mut Lent<'_>)) {
        let mut desk = self.desks[number].take().expect("one at a time");
        let unix = UNIX_EPOCH_OF_STORIES + (self.now - self.epoch).as_secs();
        let moment = Moment { now: self.now, unix };
        desk.rotate_to(self.rotation);
        let mut lent = Lent { world: self, number };
        work(&mut desk, moment, &mut lent);
        desk.carry_out(moment, &mut lent);
        self.desks[number] = Some(desk);
    }

    /// A packet comes from a client.
    pub(crate) fn query(&mut self, number: usize, name: &str, client: Client, packet: &[u8]) {
        let back = Asker { name: name.to_owned(), transport: client.transport };
        self.at(number, |desk, moment, lent| {
            let mut out = reply_buffer(client.transport);
            match desk.decide(moment, packet, client, &mut out) {
                Decision::Reply(octets) => lent.world.reply(&back, &out[..octets]),
                Decision::ReplyAndRefresh(octets, forward) => {
                    lent.world.reply(&back, &out[..octets]);
                    desk.refresh(moment, *forward);
                }
                Decision::Drop | Decision::Update(_) => {}
                Decision::Forward(forward) => desk.forward(moment, packet, client, back, forward, lent),
            }
            desk.end_batch();
        });
    }

    fn reply(&mut self, back: &Asker, octets: &[u8]) {
        self.replied.push(Replied { client: back.name.clone(), octets: octets.to_vec(), at: self.now });
    }

    fn probes_to_answer(&mut self) -> Vec<Sent> {
        let silent = &self.silent;
        self.probes.extract_if(.., |sent| !silent.contains(&sent.server.ip())).collect()
    }

    /// A packet comes from an upstream.
    pub(crate) fn receive(&mut self, number: usize, path: Path, octets: &[u8]) {
        self.at(number, |desk, moment, _| {
            desk.received(path, octets, moment.now);
            desk.end_batch();
        });
    }

    /// An upstream's host says of what was sent by this socket that nobody listens there.
    pub(crate) fn refuse(&mut self, number: usize, path: Path) {
        self.at(number, |desk, moment, _| {
            desk.refused(path, moment.now);
            desk.end_batch();
        });
    }

    /// A socket of `number` that is not `path`.
    pub(crate) fn other_socket(&self, number: usize, path: Path) -> Option<Path> {
        self.sockets[number].keys().find(|known| **known != path).copied()
    }

    /// An upstream closes its connections.
    pub(crate) fn close(&mut self, server: IpAddr) {
        for number in 0..self.desks.len() {
            let at_server = |entry: (&Path, &(SocketAddr, Transport))| {
                (entry.1.0.ip() == server && entry.1.1 == Transport::Tcp).then_some(*entry.0)
            };
            let paths: Vec<Path> = self.sockets[number].iter().filter_map(at_server).collect();
            for path in paths {
                self.sockets[number].remove(&path);
                self.at(number, |desk, moment, _| desk.closed(path, moment.now));
            }
        }
    }

    /// Lets time pass; every machine is looked at when it wants to be.
    pub(crate) fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            let due = self.desks.iter().flatten().enumerate();
            let due = due.filter_map(|(number, desk)| Some((desk.next_at()?, number)));
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
            self.at(number, |desk, moment, _| desk.fire(moment.now));
        }
        self.now = end;
    }

    /// What is left over when everybody has been answered or has given up: nothing.
    pub(crate) fn leftovers(&self) -> Option<String> {
        let waiting: usize = self.desks.iter().flatten().map(Desk::waiting).sum();
        let (in_flight, permits) = (self.common.upstream.in_flight.len(), self.common.waiting.used());
        let left = waiting > 0 || in_flight > 0 || permits > 0;
        left.then(|| format!("left over: {waiting} flights, {in_flight} questions in flight, {permits} permits"))
    }
}

impl Driver for Lent<'_> {
    type Back = Asker;

    fn reply(&mut self, back: &Asker, write: impl FnOnce(&mut [u8]) -> Option<usize>) {
        let mut out = reply_buffer(back.transport);
        if let Some(octets) = write(&mut out) {
            self.world.reply(back, &out[..octets]);
        }
    }

    fn begins(&mut self, _: &Asker) {}

    fn ends(&mut self, _: &Asker) {}

    fn open(&mut self, path: Path, server: &Arc<Server>, transport: Transport) -> bool {
        let address = server.forwarder.address;
        let refused = transport == Transport::Tcp && self.world.refusing.contains(&address.ip());
        if !refused {
            self.world.sockets[self.number].insert(path, (address, transport));
        }
        !refused
    }

    fn send(&mut self, path: Path, message: &[u8]) {
        let (world, number) = (&mut *self.world, self.number);
        let Some(&(server, transport)) = world.sockets[number].get(&path) else { return };
        let octets = match transport {
            Transport::Udp => message.to_vec(),
            Transport::Tcp => {
                let length = usize::from(u16::from_be_bytes([message[0], message[1]]));
                assert_eq!(length, message.len() - 2, "the length in front of a message");
                message[2..].to_vec()
            }
        };
        let sent = Sent { worker: number, path, server, transport, octets, at: world.now };
        if sent.is_probe() {
            world.probes.push(sent);
        } else if let Some(serving) = world.serving.get_mut(&server.ip()) {
            let reply = serving.reply(&sent.octets, sent.at).filter(|_| !world.silent.contains(&server.ip()));
            world.under_way.extend(reply.map(|(after, octets)| (world.now + after, number, path, octets)));
        } else {
            world.sent.push(sent);
        }
    }

    fn close(&mut self, path: Path) {
        self.world.sockets[self.number].remove(&path);
    }

    fn tell(&mut self, flight: FlightId, segment: Arc<[u8]>) {
        self.world.mail.push((flight, segment));
    }

    fn submit(&mut self, _: u64, request: Box<Request>) -> Result<(), Box<Request>> {
        Err(request)
    }
}

fn reply_buffer(transport: Transport) -> Vec<u8> {
    vec![0; if transport == Transport::Tcp { 65_535 } else { 4096 }]
}
