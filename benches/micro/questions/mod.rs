//! Queries and responses of mixed types, for the microbenchmarks.

pub(crate) mod exchange;

use tandem::wire::response::{Asked, TtlBounds};

/// A repeatable stream of numbers (xorshift64*).
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// `0..limit`
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Fisher and Yates' shuffle.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// What a response says.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// So many A records.
    Address(u8),
    /// One AAAA record.
    AddressV6,
    /// A CNAME, and the A record of its target.
    Alias,
    /// A TXT record of 60 octets.
    Text,
    /// NXDOMAIN with its SOA.
    Absent,
    /// NOERROR without the type, with the SOA.
    NoData,
    /// An A record, and one of a name that was not asked for.
    WithStranger,
}

impl Kind {
    /// A mix as a forwarder sees it: of ten names six with an address or more, the others one each.
    pub(crate) fn of(number: u32) -> Self {
        match number % 10 {
            0..=2 => Self::Address(1),
            3 => Self::Address(2),
            4 => Self::Address(4),
            5 => Self::AddressV6,
            6 => Self::Alias,
            7 => Self::Text,
            8 => Self::Absent,
            _ => Self::NoData,
        }
    }

    pub(crate) fn qtype(self) -> u16 {
        match self {
            Self::Address(_) | Self::Alias | Self::Absent | Self::WithStranger => A,
            Self::AddressV6 | Self::NoData => AAAA,
            Self::Text => TXT,
        }
    }
}

const A: u16 = 1;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const OPT: u16 = 41;
const RRSIG: u16 = 46;
/// A pointer to the question's name.
const QUESTION_NAME: &[u8] = b"\xc0\x0c";
/// In seconds; longer than the benchmarks run.
const TTL: u32 = 3600;

/// A name of short labels, as it travels.
pub(crate) fn wire_name(text: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len() + 2);
    for label in text.split('.') {
        octets.push(label.len() as u8);
        octets.extend_from_slice(label.as_bytes());
    }
    octets.push(0);
    octets
}

/// The OPT record of a query.
#[derive(Clone, Copy)]
pub(crate) enum Opt {
    /// No EDNS.
    None,
    /// 1232 octets, nothing else.
    Plain,
    /// With DO.
    DnssecOk,
    /// With a client cookie (RFC 7873).
    Cookie,
}

/// A client's query.
pub(crate) fn query(name: &[u8], qtype: u16, opt: Opt) -> Vec<u8> {
    let additional = u16::from(!matches!(opt, Opt::None));
    let mut octets = Vec::with_capacity(64);
    for value in [0x1234, 0x0100, 1, 0, 0, additional] {
        octets.extend_from_slice(&u16::to_be_bytes(value));
    }
    octets.extend_from_slice(name);
    octets.extend_from_slice(&qtype.to_be_bytes());
    octets.extend_from_slice(&1u16.to_be_bytes());
    let (flags, data): (u16, &[u8]) = match opt {
        Opt::None => return octets,
        Opt::Plain => (0, b""),
        Opt::DnssecOk => (0x8000, b""),
        Opt::Cookie => (0, b"\x00\x0a\x00\x08abcdefgh"),
    };
    octets.push(0);
    for value in [OPT, 1232, 0, flags, data.len() as u16] {
        octets.extend_from_slice(&value.to_be_bytes());
    }
    octets.extend_from_slice(data);
    octets
}

/// An upstream's response to the question for `name`; for DO with a signature over each answer.
pub(crate) fn response(name: &[u8], kind: Kind, dnssec_ok: bool) -> Vec<u8> {
    let mut message = Message::default();
    match kind {
        Kind::Address(count) => (1..=count).for_each(|n| message.answer(QUESTION_NAME, A, &[10, 0, 0, n])),
        Kind::AddressV6 => message.answer(QUESTION_NAME, AAAA, &[0xfd; 16]),
        Kind::Alias => {
            let target = b"\x06target\x06awslab\x09mycompany\x04corp\0";
            message.answer(QUESTION_NAME, CNAME, target);
            message.answer(target, A, &[10, 0, 0, 1]);
        }
        Kind::Text => message.answer(QUESTION_NAME, TXT, &[&[59][..], &[b't'; 59]].concat()),
        Kind::Absent | Kind::NoData => message.soa(),
        Kind::WithStranger => {
            message.answer(QUESTION_NAME, A, &[10, 0, 0, 1]);
            message.answer(b"\x08stranger\x07example\0", A, &[10, 0, 0, 2]);
        }
    }
    if dnssec_ok && message.answers > 0 {
        message.answer(QUESTION_NAME, RRSIG, &signature(kind.qtype()));
    }
    let rcode = if matches!(kind, Kind::Absent) { 3 } else { 0 };
    message.write(name, kind.qtype(), rcode)
}

/// RDATA of an RRSIG (RFC 4034 §3.1), its signature as long as ECDSA's.
fn signature(covered: u16) -> Vec<u8> {
    let mut data = covered.to_be_bytes().to_vec();
    data.extend_from_slice(&[13, 4]);
    data.extend_from_slice(&TTL.to_be_bytes());
    data.extend_from_slice(&[0; 10]);
    data.extend_from_slice(b"\x09mycompany\x04corp\0");
    data.extend_from_slice(&[0x5a; 64]);
    data
}

#[derive(Default)]
struct Message {
    records: Vec<u8>,
    answers: u16,
    authority: u16,
}

impl Message {
    fn record(&mut self, owner: &[u8], rtype: u16, data: &[u8]) {
        self.records.extend_from_slice(owner);
        self.records.extend_from_slice(&rtype.to_be_bytes());
        self.records.extend_from_slice(&1u16.to_be_bytes());
        self.records.extend_from_slice(&TTL.to_be_bytes());
        self.records.extend_from_slice(&(data.len() as u16).to_be_bytes());
        self.records.extend_from_slice(data);
    }

    fn answer(&mut self, owner: &[u8], rtype: u16, data: &[u8]) {
        self.record(owner, rtype, data);
        self.answers += 1;
    }

    fn soa(&mut self) {
        let mut data = b"\x02ns\x09mycompany\x04corp\0\x0ahostmaster\x09mycompany\x04corp\0".to_vec();
        for value in [1u32, 3600, 600, 86_400, 600] {
            data.extend_from_slice(&value.to_be_bytes());
        }
        self.record(b"\x09mycompany\x04corp\0", SOA, &data);
        self.authority += 1;
    }

    fn write(self, name: &[u8], qtype: u16, rcode: u16) -> Vec<u8> {
        let mut octets = Vec::new();
        for value in [0x1234, 0x8180 | rcode, 1, self.answers, self.authority, 0] {
            octets.extend_from_slice(&value.to_be_bytes());
        }
        octets.extend_from_slice(name);
        octets.extend_from_slice(&qtype.to_be_bytes());
        octets.extend_from_slice(&1u16.to_be_bytes());
        octets.extend_from_slice(&self.records);
        octets
    }
}

/// The question of a response, under a rule for every name.
pub(crate) fn asked(qname: &[u8], qtype: u16, dnssec_ok: bool, layout: u32) -> Asked<'_> {
    let day = (0, 86_400);
    let ttl = TtlBounds { cache: day, ncache: day };
    Asked { qname, qtype, qclass: 1, dnssec_ok, trust_ad: false, layout, ttl, apex_of: &|_| Some(b"\0") }
}
