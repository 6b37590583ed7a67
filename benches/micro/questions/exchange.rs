//! A desk with clients and an upstream in memory: a query that misses, from its packet to the reply.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tandem::access::{Bounds, Quota};
use tandem::answer::update::Request;
use tandem::answer::{Client, Decision, Desk, Driver, Moment, desk};
use tandem::cache::Cache;
use tandem::state::State;
use tandem::upstream::{self, FlightId, HedgeBudget, InFlight, Path, Server};
use tandem::wire::Transport;

use crate::questions::{Opt, query, wire_name};

/// Octets of a buffer for a reply, as a worker has them.
const REPLY_OCTETS: usize = 4096;
/// An A record behind the question, with a TTL of a day.
const ANSWER: &[u8] = b"\xc0\x0c\0\x01\0\x01\0\x01\x51\x80\0\x04\x0a\0\0\x01";

/// See the module.
pub(crate) struct Exchange {
    desk: Desk<()>,
    network: Network,
    moment: Moment,
    /// A query whose name has [`DIGITS`] digits that count.
    packet: Vec<u8>,
    number: u64,
    out: Box<[u8]>,
}

/// What is sent to the upstream, one message after the other, and what is replied.
struct Network {
    questions: Vec<(Path, usize)>,
    octets: Vec<u8>,
    replies: usize,
    reply: Box<[u8]>,
}

/// The digits stand behind the header and the first label's length.
const DIGITS: std::ops::Range<usize> = 13..23;

impl Exchange {
    /// A desk without cache entries, which may keep so many octets.
    pub(crate) fn new(state: State, cache_octets: u64) -> Self {
        let epoch = Instant::now();
        let upstream = upstream::Common {
            cache: Arc::new(Cache::new(cache_octets, epoch)),
            in_flight: Arc::new(InFlight::default()),
            budget: Arc::new(HedgeBudget::default()),
            epoch,
        };
        let waiting = Quota::new(Bounds { all: 1000, per_source: 1000, for_proven: 0 });
        let mut desk = Desk::new(
            0,
            [7; 32],
            desk::Common {
                state: Arc::new(state),
                waiting,
                upstream,
                metrics: Arc::default(),
                query_log: Arc::default(),
            },
        );
        desk.reconfigure();
        let buffer = || vec![0; REPLY_OCTETS].into_boxed_slice();
        Self {
            desk,
            network: Network { questions: Vec::new(), octets: Vec::new(), replies: 0, reply: buffer() },
            moment: Moment { now: epoch, unix: 1_700_000_000 },
            packet: query(&wire_name("0000000000.awslab.mycompany.corp"), 1, Opt::None),
            number: 0,
            out: buffer(),
        }
    }

    /// So many clients ask, each for a name of its own, and are answered; time passes as it would.
    pub(crate) fn round(&mut self, clients: usize) {
        for client in 0..clients {
            self.ask(client as u16);
        }
        self.settle();
        self.network.replies = 0;
        self.moment.now += Duration::from_micros(200);
        for index in 0..self.network.questions.len() {
            self.respond(index);
        }
        self.network.questions.clear();
        self.network.octets.clear();
        self.settle();
        assert_eq!(self.network.replies, clients, "everybody is answered");
        self.moment.now += Duration::from_micros(200);
        if self.desk.next_at().is_some_and(|at| at <= self.moment.now) {
            self.desk.fire(self.moment.now);
            self.settle();
        }
    }

    fn ask(&mut self, port: u16) {
        self.number += 1;
        let mut rest = self.number;
        for digit in self.packet[DIGITS].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        let (address, destination) = (IpAddr::from([10, 2, 3, 4]), IpAddr::from(Ipv4Addr::LOCALHOST));
        let client = Client { address, port, destination, transport: Transport::Udp };
        match self.desk.decide(self.moment, &self.packet, client, &mut self.out) {
            Decision::Forward(forward) => {
                self.desk.forward(self.moment, &self.packet, client, (), forward, &mut self.network);
            }
            _ => panic!("a name that was never asked for is forwarded"),
        }
    }

    /// The upstream answers one of the questions; what stands in it beside the question is cut off.
    fn respond(&mut self, index: usize) {
        let (path, start) = self.network.questions[index];
        let mut packet = [0; 128];
        let question_end = self.packet.len();
        packet[..question_end].copy_from_slice(&self.network.octets[start..][..question_end]);
        packet[2..12].copy_from_slice(b"\x81\x80\0\x01\0\x01\0\0\0\0");
        packet[question_end..][..ANSWER.len()].copy_from_slice(ANSWER);
        self.desk.received(path, &packet[..question_end + ANSWER.len()], self.moment.now);
    }

    fn settle(&mut self) {
        self.desk.end_batch();
        self.desk.carry_out(self.moment, &mut self.network);
    }
}

impl Driver for Network {
    type Back = ();

    fn reply(&mut self, (): &(), write: impl FnOnce(&mut [u8]) -> Option<usize>) {
        self.replies += usize::from(write(&mut self.reply).is_some());
    }

    fn begins(&mut self, (): &()) {}

    fn ends(&mut self, (): &()) {}

    fn open(&mut self, _: Path, _: &Arc<Server>, _: Transport) -> bool {
        true
    }

    fn send(&mut self, path: Path, octets: &[u8]) {
        self.questions.push((path, self.octets.len()));
        self.octets.extend_from_slice(octets);
    }

    fn close(&mut self, _: Path) {}

    fn tell(&mut self, _: FlightId, _: Arc<[u8]>) {}

    fn submit(&mut self, _: u64, request: Box<Request>) -> Result<(), Box<Request>> {
        Err(request)
    }
}
