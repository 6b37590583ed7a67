//! Random queries, the server that they ask, and what they must get.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, MessageType};
use hickory_proto::rr::Record;
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tandem::access::Host;
use tandem::answer::{self, Client, Context, Decision};
use tandem::cache::{Cache, Key, Parts};
use tandem::config::files::NoFiles;
use tandem::config::named_conf::parse;
use tandem::metrics::Meter;
use tandem::state::{Route, Snapshot, State, Zones};
use tandem::upstream::Route as _;
use tandem::wire::Transport;
use tandem::wire::header::{flag, u16_at};
use tandem::wire::response::{Asked, Kept, Reader};

use super::upstream::Response;

/// Four rules with upstreams of their own: none may speak for another's names. `cyclic`: a set begins with the record of
/// its turn.
const CONF: &str = r#"
    options { directory "/"; allow-query { any; }; forward only; forwarders { 192.0.2.9; };
        rrset-order { order cyclic; }; };
    zone "r0.test" { type forward; forward only; forwarders { 192.0.2.10; }; };
    zone "r1.test" { type forward; forward only; forwarders { 192.0.2.11; }; };
    zone "r2.test" { type forward; forward only; forwarders { 192.0.2.12; }; };
    zone "r3.test" { type forward; forward only; forwarders { 192.0.2.13; }; };
"#;

/// named's `max-cache-ttl` and `max-ncache-ttl`, in seconds.
const MAX_TTL: u32 = 604_800;
const MAX_NEGATIVE_TTL: u32 = 10_800;

/// How a client asks.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    pub(crate) now: Instant,
    pub(crate) rotation: u32,
    id: u16,
    flags: u16,
    /// UDP size and DO.
    edns: Option<(u16, bool)>,
    case_seed: u64,
}

pub(crate) fn any_asking() -> impl Strategy<Value = Asking> {
    let edns = prop::option::of((prop_oneof![0u16..700, 512u16..1500, Just(65535)], any::<bool>()));
    // RD alone decides nothing where the answer is kept.
    let flags = any::<u16>().prop_map(|bits| bits & (flag::RD | flag::CD | flag::AD));
    (any::<u16>(), flags, edns, any::<u32>(), any::<u64>()).prop_map(|(id, flags, edns, rotation, case_seed)| {
        // Long after the epoch, so that segments can be old.
        let now = Instant::now() + Duration::from_secs(1_000_000);
        Asking { now, rotation, id, flags, edns, case_seed }
    })
}

impl Asking {
    /// With RD, and nothing else.
    pub(crate) fn plain(now: Instant) -> Self {
        Self { now, rotation: 0, id: 1, flags: flag::RD, edns: None, case_seed: 0 }
    }

    pub(crate) fn dnssec_ok(&self) -> bool {
        self.edns.is_some_and(|(_, dnssec_ok)| dnssec_ok)
    }

    pub(crate) fn recursion_desired(&self) -> bool {
        self.flags & flag::RD != 0
    }

    fn checking_disabled(&self) -> bool {
        self.flags & flag::CD != 0
    }

    /// The longest reply by UDP: the default `max-udp-size` is 1232.
    fn udp_limit(&self) -> usize {
        self.edns.map_or(512, |(size, _)| usize::from(size.clamp(512, 1232)))
    }

    /// The query, the letters of its question in any case.
    fn packet(&self, response: &Response) -> Vec<u8> {
        let mut packet = Vec::new();
        for value in [self.id, self.flags, 1, 0, 0, u16::from(self.edns.is_some())] {
            packet.extend(value.to_be_bytes());
        }
        packet.extend(&response.qname);
        let mut rng = StdRng::seed_from_u64(self.case_seed);
        let labels = packet[12..].iter_mut();
        labels.filter(|octet| octet.is_ascii_lowercase() && rng.random()).for_each(|octet| *octet -= 32);
        packet.extend([response.qtype.to_be_bytes(), [0, 1]].concat());
        if let Some((size, dnssec_ok)) = self.edns {
            packet.extend([0, 0, 41]);
            packet.extend(size.to_be_bytes());
            packet.extend([0, 0, if dnssec_ok { 0x80 } else { 0 }, 0, 0, 0]);
        }
        packet
    }

    /// Compares a whole reply with what was expected, by hickory's reading.
    pub(crate) fn check(&self, reply: &[u8], response: &Response, expected: &Expected) {
        let query = self.packet(response);
        let question_end = 12 + response.qname.len() + 4;
        assert_eq!(reply[..2], query[..2], "the ID");
        assert_eq!(reply[12..question_end], query[12..question_end], "the question, in the client's case");
        let kept = self.flags & (flag::RD | flag::CD);
        assert_eq!(u16_at(reply, 2), flag::QR | flag::RA | kept | expected.rcode, "flags and RCODE");
        let message = Message::from_vec(reply).expect("hickory reads every reply");
        assert_eq!(message.metadata.message_type, MessageType::Response);
        let edns = message.edns.as_ref().map(|edns| (edns.max_payload(), edns.flags().dnssec_ok));
        assert_eq!(edns, self.edns.map(|(_, dnssec_ok)| (1232, dnssec_ok)), "our OPT, to those who sent one");
        assert_same("answer", &message.answers, &expected.answers);
        assert_same("authority", &message.authorities, &expected.authority);
        assert!(message.additionals.is_empty());
    }

    /// A reply by UDP is the whole one, or says TC and has no records.
    pub(crate) fn check_by_udp(&self, whole: &[u8], reply: &[u8]) {
        if whole.len() <= self.udp_limit() {
            return assert_eq!(reply, whole);
        }
        assert!(reply.len() <= self.udp_limit());
        assert_eq!(u16_at(reply, 2), u16_at(whole, 2) | flag::TC);
        let message = Message::from_vec(reply).expect("hickory reads every reply");
        assert_eq!((message.answers.len(), message.authorities.len()), (0, 0));
        assert_eq!(message.edns.is_some(), self.edns.is_some());
    }
}

/// Compares record by record, and TTLs, which hickory leaves out when it compares records.
fn assert_same(section: &str, records: &[Record], expected: &[(Record, u32)]) {
    for (at, (record, (right, ttl))) in records.iter().zip(expected).enumerate() {
        assert_eq!(record, right, "record {at} of the {section} section");
        assert_eq!(record.ttl, *ttl, "the TTL of record {at} of the {section} section, {right}");
    }
    assert_eq!(records.len(), expected.len(), "records of the {section} section");
}

/// What a client must get.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    answers: Vec<(Record, u32)>,
    authority: Vec<(Record, u32)>,
    rcode: u16,
}

impl Expected {
    /// Adds what is to be kept of a message, as hickory reads it, `age_ms` after it was stored.
    pub(crate) fn append(&mut self, response: &Response, message: &[u8], age_ms: u64, rotation: u32) {
        let elapsed = u32::try_from(age_ms.div_ceil(1000)).expect("days");
        let read = Message::from_vec(message).expect("hickory reads what upstreams send");
        let age = |ttl: u32, most: u32| ttl.min(most).saturating_sub(elapsed);
        let sane = |ttl: u32| if ttl > i32::MAX as u32 { 0 } else { ttl };
        // The lowest TTL of a set is that of all of it (RFC 2181 §5.2).
        let in_set =
            response.answers.iter().enumerate().filter(|(at, record)| response.set.contains(at) && record.kept);
        let set: Vec<usize> = in_set.map(|(at, _)| at).collect();
        let lowest = set.iter().map(|&at| sane(response.answers[at].ttl)).min().unwrap_or(0);
        let mut begin = None;
        for (at, (record, known)) in read.answers.iter().zip(&response.answers).enumerate() {
            if known.kept {
                let ttl = if set.contains(&at) { lowest } else { sane(known.ttl) };
                begin = begin.or(set.contains(&at).then_some(self.answers.len()));
                self.answers.push((record.clone(), age(ttl, MAX_TTL)));
            }
        }
        if let Some(begin) = begin.filter(|_| matches!(response.qtype, 1 | 28)) {
            let rotated = &mut self.answers[begin..begin + set.len()];
            rotated.rotate_left(rotation as usize % set.len());
        }
        let most =
            if response.authority.iter().any(|record| record.minimum.is_some()) { MAX_NEGATIVE_TTL } else { MAX_TTL };
        for (record, known) in read.authorities.iter().zip(&response.authority).filter(|(_, known)| known.kept) {
            let ttl = sane(known.ttl).min(known.minimum.unwrap_or(u32::MAX));
            self.authority.push((record.clone(), age(ttl, most)));
        }
        self.rcode = response.rcode;
    }
}

/// What stands between upstreams and clients.
pub(crate) struct Server {
    snapshot: Arc<Snapshot>,
    cache: Cache,
    meter: Meter,
}

impl Server {
    pub(crate) fn new(now: Instant) -> Self {
        let config = parse(CONF, "properties", &NoFiles).expect("the configuration is right").config;
        let state = State::new(&config, Arc::new(Host::default()), [7; 16], &Zones::default());
        let cache = Cache::new(4 << 20, now - Duration::from_secs(1_000_000));
        Self { snapshot: state.present(), cache, meter: Meter::default() }
    }

    fn route(&self, response: &Response) -> Route {
        let view = Arc::clone(&self.snapshot.views[0]);
        let rule = view.rules.find(&response.qname, response.qtype);
        Route { view, rule }
    }

    fn key(&self, response: &Response, asking: &Asking) -> Key {
        let route = self.route(response);
        let parts = Parts {
            view: route.view.id,
            rule: route.rule().id,
            qtype: response.qtype,
            qclass: 1,
            dnssec_ok: asking.dnssec_ok(),
            checking_disabled: asking.checking_disabled(),
        };
        Key::new(&parts, &response.qname)
    }

    /// Makes a segment of a response.
    pub(crate) fn read(&self, response: &Response, message: &[u8], asking: &Asking) -> (Vec<u8>, Kept) {
        let route = self.route(response);
        let asked = Asked {
            qname: &response.qname,
            qtype: response.qtype,
            qclass: 1,
            dnssec_ok: asking.dnssec_ok(),
            trust_ad: route.trust_ad(),
            layout: route.layout(),
            ttl: route.ttl(),
            apex_of: &|name| route.apex_of(name, response.qtype),
        };
        let mut segment = Vec::new();
        let kept = Reader::default().read(message, &asked, &mut segment).expect("what upstreams say can be used");
        (segment, kept)
    }

    /// Keeps a response, as `upstream` does it.
    pub(crate) fn store(&self, response: &Response, message: &[u8], asking: &Asking, now: Instant) -> Kept {
        let (segment, kept) = self.read(response, message, asking);
        let key = self.key(response, asking);
        let key = if kept.whole_name { key.whole_name() } else { key };
        self.cache.insert(self.cache.hash(&key), &key, &segment, kept.ttl, now);
        kept
    }

    fn context(&self, asking: &Asking) -> Context<'_> {
        let (snapshot, cache) = (&*self.snapshot, &self.cache);
        Context {
            snapshot,
            cache,
            now: asking.now,
            unix: 0,
            rotation: asking.rotation,
            meter: &self.meter,
            query_log: None,
        }
    }

    /// The reply by TCP; `None` if an upstream has to be asked.
    pub(crate) fn ask(&self, asking: &Asking, response: &Response) -> Option<Vec<u8>> {
        let packet = asking.packet(response);
        let mut out = vec![0xee; 65_535];
        let decision = answer::decide(self.context(asking), &packet, client(Transport::Tcp), &mut out);
        match decision {
            Decision::Reply(length) if u16_at(&out, 2) & flag::RCODE != 5 => out.truncate(length),
            Decision::ReplyAndRefresh(length, _) => out.truncate(length),
            // Without RD nothing is asked.
            Decision::Reply(_) if !asking.recursion_desired() => return None,
            Decision::Forward(_) => return None,
            Decision::Reply(_) | Decision::Drop | Decision::Update(_) => panic!("refused or dropped"),
        }
        Some(out)
    }

    pub(crate) fn ask_by_udp(&self, asking: &Asking, response: &Response) -> Vec<u8> {
        let packet = asking.packet(response);
        let mut out = vec![0xee; 4096];
        match answer::decide(self.context(asking), &packet, client(Transport::Udp), &mut out) {
            Decision::Reply(length) | Decision::ReplyAndRefresh(length, _) => out.truncate(length),
            Decision::Forward(_) | Decision::Drop | Decision::Update(_) => panic!("what TCP got, UDP gets"),
        }
        out
    }

    /// The reply by TCP to a question that this segment answers.
    pub(crate) fn resume(&self, asking: &Asking, response: &Response, segment: &[u8]) -> Vec<u8> {
        let packet = asking.packet(response);
        let mut out = vec![0xee; 65_535];
        let decision = answer::resume(self.context(asking), &packet, client(Transport::Tcp), None, segment, &mut out);
        let Decision::Reply(length) = decision else { panic!("the chain has ended") };
        out.truncate(length);
        out
    }
}

fn client(transport: Transport) -> Client {
    let address = [192, 0, 2, 200].into();
    Client { address, port: 4000, destination: [192, 0, 2, 1].into(), transport }
}
