//! Driving `answer` and the machines of two workers through anything: a body for `cargo fuzz` and for the corpus test.
//!
//! The octets are a script: who asks what, what upstreams send back (right, wrong, torn, late), which sockets close, how
//! time passes, when the configuration changes. Whatever it says, these hold: nothing panics; every query that waits
//! gets one outcome, by its deadline; in the end no place, flight, question on the wire or socket is left.
//! Not here: what the answers are worth (`tests/scenarios`), packets by themselves ([`crate::wire::fuzz_response`]).

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::update::Request;
use super::{Client, Decision, Desk, Driver, Moment, desk};
use crate::access::{Bounds, Host, Quota};
use crate::cache::{Cache, MIN_OCTETS};
use crate::config::{Config, ForwardRule, ForwardSettings, Forwarder, MatchList, Stale, View};
use crate::state::{State, Zones};
use crate::upstream::{self, FlightId, HedgeBudget, InFlight, Path, Server, Until};
use crate::wire::Transport;
use crate::wire::header::{HEADER_OCTETS, flag, rtype};
use crate::wire::query::Query;

/// Names that are asked for and that aliases lead to, under two rules.
const NAMES: [&[u8]; 8] = [
    b"\x01a\x07example\0",
    b"\x01b\x07example\0",
    b"\x01a\x01b\x07example\0",
    b"\x01a\x04corp\0",
    b"\x01b\x04corp\0",
    b"\x01a\x01b\x04corp\0",
    b"\x04corp\0",
    b"\0",
];
const TYPES: [u16; 8] =
    [rtype::A, rtype::AAAA, rtype::CNAME, rtype::DS, rtype::ANY, rtype::SOA, rtype::DNAME, rtype::RRSIG];
/// How late an outcome may be: the timers' grain, and rounding.
const GRACE: Duration = Duration::from_millis(10);
/// Beyond every deadline and timer.
const LONG: Duration = Duration::from_secs(60);
const SECRET: [u8; 16] = *b"sixteen octets!!";

/// Octets that say what happens.
struct Script<'o>(&'o [u8]);

impl Script<'_> {
    /// The next octet; 0 behind the end.
    fn next(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.next()) % from.len()]
    }
}

/// A query, by which its outcome is known.
#[derive(Clone, Copy, Debug)]
struct Asker {
    number: u32,
    id: [u8; 2],
}

struct Sent {
    worker: usize,
    path: Path,
    octets: Vec<u8>,
}

struct World {
    now: Instant,
    common: desk::Common,
    /// `None`: it is at work.
    desks: [Option<Desk<Asker>>; 2],
    open: [HashSet<Path>; 2],
    mail: Vec<(FlightId, Arc<[u8]>)>,
    sent: Vec<Sent>,
    /// The deadline of each query that waits.
    awaited: HashMap<u32, Instant>,
    queries: u32,
    /// When the newest query gives up, if it has to wait.
    deadline: Instant,
    sockets_fail: bool,
    /// Sockets that could not be opened: questions may be on their way to them.
    failed: HashSet<Path>,
}

/// The world as the desk at work sees it.
struct Lent<'w> {
    world: &'w mut World,
    worker: usize,
}

/// Runs a script.
pub fn fuzz_exchange(octets: &[u8]) {
    let mut script = Script(octets);
    let mut world = World::new();
    while !script.0.is_empty() {
        world.step(&mut script);
    }
    world.end();
}

/// One of two configurations: other upstreams for corp, and whether there is a rule for b.corp.
fn config(second: bool) -> Config {
    let forwarder = |last: u8| Forwarder::new(([192, 0, 2, last], 53).into());
    let client_timeout = second.then_some(Duration::from_millis(100));
    let stale = Stale { keep: true, answer: true, client_timeout, ..Stale::default() };
    let settings = |forwarders: Vec<Forwarder>| ForwardSettings { forwarders, stale, ..ForwardSettings::default() };
    let rule = |name: &str, forwarders| ForwardRule {
        name: name.parse().expect("a name"),
        settings: settings(forwarders),
        position: None,
    };
    let mixed = Forwarder { case_randomisation: true, ..forwarder(3) };
    let by_tcp = Forwarder { tcp_only: true, ..forwarder(4) };
    let mut rules = vec![rule("corp", if second { vec![forwarder(1), forwarder(2)] } else { vec![mixed, by_tcp] })];
    if second {
        rules.push(rule("b.corp", vec![forwarder(5)]));
    }
    let mut view = View { forward: settings(vec![forwarder(1), forwarder(2)]), rules, ..View::default() };
    (view.access.query_cache, view.access.recursion) = (MatchList::any(), MatchList::any());
    view.minimal_any = second;
    view.query_timeout = Duration::from_secs(if second { 3 } else { 10 });
    Config { views: vec![view], ..Config::default() }
}

impl World {
    fn new() -> Self {
        let epoch = Instant::now();
        let upstream = upstream::Common {
            cache: Arc::new(Cache::new(MIN_OCTETS, epoch)),
            in_flight: Arc::new(InFlight::default()),
            budget: Arc::new(HedgeBudget::default()),
            epoch,
        };
        let state = Arc::new(State::new(&config(false), Arc::new(Host::default()), SECRET, &Zones::default()));
        let common = desk::Common {
            state,
            waiting: Quota::new(Bounds { all: 40, per_source: 30, for_proven: 4 }),
            upstream,
            metrics: Arc::default(),
            query_log: Arc::default(),
        };
        let now = epoch + Duration::from_secs(1);
        let mut world = Self {
            now,
            desks: [0, 1].map(|number| Some(Desk::new(number, [number as u8; 32], common.clone()))),
            common,
            open: [HashSet::new(), HashSet::new()],
            mail: Vec::new(),
            sent: Vec::new(),
            awaited: HashMap::new(),
            queries: 0,
            deadline: now,
            sockets_fail: false,
            failed: HashSet::new(),
        };
        world.reconfigure();
        world
    }

    /// Lends the world to a desk for some work, and carries out what came of it.
    fn at(&mut self, worker: usize, work: impl FnOnce(&mut Desk<Asker>, Moment, &mut Lent<'_>)) {
        let mut desk = self.desks[worker].take().expect("one at a time");
        let moment = Moment { now: self.now, unix: 0 };
        let mut lent = Lent { world: self, worker };
        work(&mut desk, moment, &mut lent);
        desk.carry_out(moment, &mut lent);
        self.desks[worker] = Some(desk);
        self.failed.clear();
    }

    fn step(&mut self, script: &mut Script<'_>) {
        match script.next() % 16 {
            0..=4 => self.query(script),
            5..=10 => self.reply(script),
            11 | 12 => self.pass(Duration::from_millis(u64::from(script.next()) * 13)),
            13 => self.lose_socket(script),
            14 => self.sockets_fail = script.next().is_multiple_of(4),
            _ => self.reload(script.next().is_multiple_of(2)),
        }
        // Letters lie about for a while, as they do between threads.
        if !script.next().is_multiple_of(4) {
            self.deliver();
        }
    }

    /// A client, or a server that asks back, sends a query.
    fn query(&mut self, script: &mut Script<'_>) {
        let (name, qtype, bits) = (script.pick(&NAMES), script.pick(&TYPES), script.next());
        let mut packet = vec![0x12, 0x34, u8::from(bits & 1 == 0), bits & 0x10, 0, 1, 0, 0, 0, 0, 0, bits >> 1 & 1];
        packet.extend_from_slice(name);
        packet.extend_from_slice(&qtype.to_be_bytes());
        packet.extend_from_slice(&[0, 1]);
        if bits & 2 != 0 {
            packet.extend_from_slice(&[0, 0, 41, 4, 0xd0, 0, 0, bits & 0x80, 0, 0, 0]);
        }
        let address = IpAddr::from([192, 0, 2, if bits & 0x0c == 0x0c { 1 } else { 100 + (bits & 1) }]);
        let transport = if bits & 0x40 == 0 { Transport::Udp } else { Transport::Tcp };
        let client = Client { address, port: 1234, destination: IpAddr::from([192, 0, 2, 53]), transport };
        let asker = Asker { number: self.queries, id: [packet[0], packet[1]] };
        self.queries += 1;
        self.at(usize::from(bits >> 5 & 1), |desk, moment, lent| {
            match desk.decide(moment, &packet, client, &mut vec![0; 65_535]) {
                Decision::Forward(forward) => {
                    lent.world.deadline = Until::new(moment.now, forward.route.view.query_timeout).alive;
                    desk.forward(moment, &packet, client, asker, forward, lent);
                }
                Decision::ReplyAndRefresh(_, forward) => desk.refresh(moment, *forward),
                Decision::Update(_) => panic!("nobody may change anything"),
                Decision::Reply(_) | Decision::Drop => {}
            }
            desk.end_batch();
        });
    }

    /// An upstream sends something back to one of the last questions.
    fn reply(&mut self, script: &mut Script<'_>) {
        if self.sent.is_empty() {
            return;
        }
        let which = usize::from(script.next()) % self.sent.len();
        let Sent { worker, path, ref octets } = self.sent[which];
        let packet = answer_to(octets, script);
        if self.open[worker].contains(&path) {
            self.at(worker, |desk, moment, _| {
                desk.received(path, &packet, moment.now);
                desk.end_batch();
            });
        }
    }

    fn lose_socket(&mut self, script: &mut Script<'_>) {
        let (worker, which) = (usize::from(script.next() % 2), usize::from(script.next()));
        let mut open: Vec<Path> = self.open[worker].iter().copied().collect();
        open.sort_unstable_by_key(|path| path.slot);
        if let Some(&path) = open.get(which % open.len().max(1)) {
            self.open[worker].remove(&path);
            self.at(worker, |desk, moment, _| desk.closed(path, moment.now));
        }
    }

    fn reload(&mut self, second: bool) {
        self.publish(&config(second));
    }

    fn publish(&mut self, config: &Config) {
        self.common.state.publish(config, Arc::new(Host::default()), &Zones::default());
        self.reconfigure();
    }

    fn reconfigure(&mut self) {
        (0..self.desks.len()).for_each(|worker| self.at(worker, |desk, _, _| desk.reconfigure()));
    }

    fn deliver(&mut self) {
        while let Some((flight, segment)) = self.mail.pop() {
            self.at(usize::from(flight.worker), |desk, _, _| desk.told(flight, &segment));
        }
    }

    /// Lets time pass; timers fire as they become due.
    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(next) = self.desks.iter().flatten().filter_map(Desk::next_at).min() {
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            (0..self.desks.len()).for_each(|worker| self.at(worker, |desk, moment, _| desk.fire(moment.now)));
        }
        self.now = end;
    }

    /// No upstream says anything any more: everybody has an outcome, and nothing is left.
    fn end(&mut self) {
        self.deliver();
        self.pass(LONG);
        self.deliver();
        assert!(self.awaited.is_empty(), "{} wait for ever", self.awaited.len());
        let in_flight = self.common.upstream.in_flight.len();
        assert_eq!((self.common.waiting.used(), in_flight), (0, 0), "places and questions in flight");
        self.publish(&Config::default());
        for (desk, open) in self.desks.iter().flatten().zip(&self.open) {
            assert_eq!((desk.waiting(), desk.on_wire(), open.len()), (0, 0, 0));
        }
    }
}

impl Driver for Lent<'_> {
    type Back = Asker;

    fn reply(&mut self, back: &Asker, write: impl FnOnce(&mut [u8]) -> Option<usize>) {
        let (world, mut out) = (&mut *self.world, vec![0; 65_535]);
        let Some(octets) = write(&mut out) else { return };
        assert_eq!(out[..2], back.id, "the reply has the query's ID");
        check_sections(&out[..octets]);
        match world.awaited.remove(&back.number) {
            Some(deadline) => assert!(world.now <= deadline + GRACE, "an outcome {:?} late", world.now - deadline),
            None => assert_eq!(back.number + 1, world.queries, "only the newest is refused before it waits"),
        }
    }

    fn begins(&mut self, back: &Asker) {
        self.world.awaited.insert(back.number, self.world.deadline);
    }

    fn ends(&mut self, back: &Asker) {
        assert!(!self.world.awaited.contains_key(&back.number), "a query that waited gets no outcome");
    }

    fn open(&mut self, path: Path, _: &Arc<Server>, _: Transport) -> bool {
        if self.world.sockets_fail {
            self.world.failed.insert(path);
            return false;
        }
        assert!(self.world.open[self.worker].insert(path), "a path is opened once");
        true
    }

    fn send(&mut self, path: Path, message: &[u8]) {
        let (world, worker) = (&mut *self.world, self.worker);
        let usable = world.open[worker].contains(&path) || world.failed.contains(&path);
        assert!(usable, "a question goes by an open socket");
        // A length stands in front for TCP; an ID does too, but no question is that short.
        let framed = message.len() == 2 + usize::from(u16::from_be_bytes([message[0], message[1]]));
        let octets = if framed { message[2..].to_vec() } else { message.to_vec() };
        world.sent.push(Sent { worker, path, octets });
        if world.sent.len() > 64 {
            world.sent.remove(0);
        }
    }

    fn close(&mut self, path: Path) {
        assert!(self.world.open[self.worker].remove(&path), "what is closed was open");
    }

    fn tell(&mut self, flight: FlightId, segment: Arc<[u8]>) {
        self.world.mail.push((flight, segment));
    }

    fn submit(&mut self, _: u64, request: Box<Request>) -> Result<(), Box<Request>> {
        Err(request)
    }
}

/// The sections hold as many records as the header says, and no more.
fn check_sections(reply: &[u8]) {
    let query = &mut reply.to_vec();
    query[2] &= 0x7f;
    assert!(Query::read(query).is_ok(), "a reply that cannot be read: {reply:02x?}");
}

/// What an upstream makes of a question: an answer of some sort, perhaps spoilt.
fn answer_to(question: &[u8], script: &mut Script<'_>) -> Vec<u8> {
    let Ok(query) = Query::read(question) else { return Vec::new() };
    let (kind, spoilt) = (script.next(), script.next());
    let rcode = [0, 0, 0, 0, 3, 0, 2, 1, 4, 5, 0, 3, 0, 0, 0, 7][usize::from(kind % 16)];
    let truncated = kind % 16 == 12;
    let flags = flag::QR | flag::RD | flag::RA | rcode | if truncated { flag::TC } else { 0 };
    let mut packet = question[..query.question_end].to_vec();
    packet[2..4].copy_from_slice(&flags.to_be_bytes());
    packet[6..12].fill(0);
    for _ in 0..script.next() % 5 {
        put_record(&mut packet, 7, &query, script);
    }
    for _ in 0..script.next() % 3 {
        put_record(&mut packet, 9, &query, script);
    }
    put_opt(&mut packet, &query, script.next());
    spoil(&mut packet, query.question_end, spoilt, script);
    packet
}

fn put_record(packet: &mut Vec<u8>, count_at: usize, query: &Query<'_>, script: &mut Script<'_>) {
    let (owner, what) = (script.next(), script.next());
    match owner % 4 {
        0..=1 => packet.extend_from_slice(&[0xc0, HEADER_OCTETS as u8]),
        _ => packet.extend_from_slice(NAMES[usize::from(owner >> 2) % NAMES.len()]),
    }
    let target = NAMES[usize::from(what >> 3) % NAMES.len()];
    let (rtype, rdata) = match what % 8 {
        0 | 1 => (query.qtype, vec![10, 0, 0, what]),
        2 | 3 => (rtype::CNAME, target.to_vec()),
        4 => (rtype::DNAME, target.to_vec()),
        5 => (rtype::SOA, [target, target, &[0; 16], &[0, 0, 0, what]].concat()),
        6 => (rtype::NSEC, [target, &[0, 1, 0x40]].concat()),
        _ => (rtype::RRSIG, [&query.qtype.to_be_bytes()[..], &[0; 16], target, b"sig"].concat()),
    };
    packet.extend_from_slice(&rtype.to_be_bytes());
    packet.extend_from_slice(&[0, 1, 0, 0, 0, script.next()]);
    packet.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
    packet.extend_from_slice(&rdata);
    packet[count_at] += 1;
}

/// OPT, with the cookie that was sent and a server's, without, or none at all; sometimes BADCOOKIE or BADVERS.
fn put_opt(packet: &mut Vec<u8>, query: &Query<'_>, how: u8) {
    let Some(edns) = query.edns.filter(|_| !how.is_multiple_of(4)) else { return };
    let cookie = edns.cookie.unwrap_or_default();
    let extended = u8::from(how >= 0xf0);
    let option = match (how % 4, cookie.get(..8)) {
        (1 | 2, Some(client)) => [&[0, 10, 0, 16], client, b"serverpt"].concat(),
        _ => Vec::new(),
    };
    packet.extend_from_slice(&[0, 0, 41, 4, 0xd0, extended, 0, 0, 0, 0, option.len() as u8]);
    packet.extend_from_slice(&option);
    packet[11] += 1;
}

fn spoil(packet: &mut Vec<u8>, question_end: usize, how: u8, script: &mut Script<'_>) {
    let at = usize::from(script.next()) % packet.len();
    match how {
        0..=7 => packet.truncate(at),
        8..=15 => packet[at] ^= script.next(),
        16..=19 => packet.extend_from_slice(&[script.next(); 3]),
        20..=23 => packet[7] = packet[7].wrapping_add(script.next()),
        24..=27 => {
            packet.drain(HEADER_OCTETS..question_end);
            packet[5] = 0;
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn whatever_happens_everybody_gets_one_outcome_and_nothing_is_left() {
        for seed in 0..60 {
            let mut octets = vec![0; 4096];
            StdRng::seed_from_u64(seed).fill(&mut octets[..]);
            if std::panic::catch_unwind(|| fuzz_exchange(&octets)).is_err() {
                panic!("seed {seed}");
            }
        }
    }
}
