//! Queries that the loads ask, and the answer that floors and upstreams give.

use tandem::wire::Query;
use tandem::wire::header::{HEADER_OCTETS, flag, put_u16, rtype, u16_at};

/// Where all names lie.
pub(crate) const ZONE: &str = "awslab.mycompany.corp";
/// The address in every right answer.
const ADDRESS: [u8; 4] = [10, 0, 0, 1];
/// Of every answer, in seconds: longer than any run.
pub(crate) const TTL: u32 = 86_400;
/// Room for every query that is written here.
pub(crate) const QUERY_OCTETS: usize = 128;

/// In which order numbers are asked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    /// `0..count`, over and over.
    Turn(u64),
    /// `0..count`, without pattern.
    Random(u64),
    /// Every one once.
    New,
}

/// An endless row of A questions: `PREFIX NUMBER . [z NUMBER .] ZONE`.
#[derive(Clone, Debug)]
pub(crate) struct Questions {
    prefix: String,
    order: Order,
    /// Names are spread over so many zones `zN.ZONE`; 0: they lie in the zone itself.
    zones: u64,
    suffix: Vec<u8>,
    asked: u64,
    random: u64,
}

impl Questions {
    /// `prefix` keeps the names of one run apart from those of another.
    pub(crate) fn new(prefix: &str, order: Order) -> Self {
        Self { prefix: prefix.into(), order, zones: 0, suffix: wire(ZONE), asked: 0, random: 0x2545_f491_4f6c_dd1d }
    }

    pub(crate) fn in_zones(mut self, zones: u64) -> Self {
        self.zones = zones;
        self
    }

    /// The same names, each once, and how many they are; of new names, which have no number, none.
    pub(crate) fn each_once(&self) -> (Self, u64) {
        let count = match self.order {
            Order::Turn(count) | Order::Random(count) => count,
            Order::New => 0,
        };
        (Self { order: Order::New, asked: 0, ..self.clone() }, count)
    }

    /// The number that comes next.
    fn take(&mut self) -> u64 {
        self.asked += 1;
        match self.order {
            Order::Turn(count) => (self.asked - 1) % count,
            Order::New => self.asked - 1,
            Order::Random(count) => {
                self.random ^= self.random << 13;
                self.random ^= self.random >> 7;
                self.random ^= self.random << 17;
                self.random % count
            }
        }
    }

    /// Writes the next query; its ID follows from how many were asked. Returns its length.
    pub(crate) fn next(&mut self, out: &mut [u8]) -> usize {
        let number = self.take();
        let id = self.asked as u16;
        self.write(number, id, out)
    }

    /// Writes the query of a number.
    pub(crate) fn write(&self, number: u64, id: u16, out: &mut [u8]) -> usize {
        out[..HEADER_OCTETS].fill(0);
        put_u16(out, 0, id);
        put_u16(out, 2, flag::RD);
        put_u16(out, 4, 1);
        let mut at = put_label(out, HEADER_OCTETS, self.prefix.as_bytes(), number);
        if self.zones > 0 {
            at = put_label(out, at, b"z", number % self.zones);
        }
        out[at..at + self.suffix.len()].copy_from_slice(&self.suffix);
        at += self.suffix.len();
        put_u16(out, at, rtype::A);
        put_u16(out, at + 2, 1);
        at + 4
    }
}

/// A name as it travels.
pub(crate) fn wire(text: &str) -> Vec<u8> {
    text.parse::<tandem::wire::Name>().expect("a name of the benchmarks").as_wire().to_vec()
}

fn put_label(out: &mut [u8], at: usize, prefix: &[u8], number: u64) -> usize {
    let mut digits = [0; 20];
    let (mut first, mut rest) = (digits.len(), number);
    loop {
        first -= 1;
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    let middle = at + 1 + prefix.len();
    let end = middle + digits.len() - first;
    out[at] = (end - at - 1) as u8;
    out[at + 1..middle].copy_from_slice(prefix);
    out[middle..end].copy_from_slice(&digits[first..]);
    end
}

/// Whether a response has the address that was asked for.
pub(crate) fn is_right(response: &[u8]) -> bool {
    response.len() > HEADER_OCTETS && u16_at(response, 2) & flag::RCODE == 0 && u16_at(response, 6) > 0
}

/// Where the TTL of an answer's first record is, if its owner is a pointer to the question, as here and in what
/// forwarders make of it.
pub(crate) fn ttl_at(response: &[u8]) -> Option<usize> {
    let mut at = HEADER_OCTETS;
    while *response.get(at)? != 0 {
        at += 1 + usize::from(response[at]);
    }
    let owner = at + 5;
    let is_pointer = u16_at(response.get(..owner + 10)?, owner) == 0xc00c;
    (is_pointer && u16_at(response, 6) > 0).then_some(owner + 6)
}

/// Writes the answer to a query: an address for A questions, else none. `None` if it cannot be read.
pub(crate) fn answer(packet: &[u8], rcode: u16, out: &mut [u8]) -> Option<usize> {
    let query = Query::read(packet).ok()?;
    let has_address = rcode == 0 && query.qtype == rtype::A;
    let mut at = query.question_end;
    out.get_mut(..at)?.copy_from_slice(&packet[..at]);
    put_u16(out, 2, flag::QR | (u16_at(packet, 2) & (flag::RD | flag::CD)) | flag::RA | rcode);
    put_u16(out, 6, u16::from(has_address));
    put_u16(out, 8, 0);
    put_u16(out, 10, u16::from(query.edns.is_some()));
    if has_address {
        at = append(out, at, &[0xc0, 0x0c, 0, 1, 0, 1])?;
        at = append(out, at, &TTL.to_be_bytes())?;
        at = append(out, at, &[0, 4])?;
        at = append(out, at, &ADDRESS)?;
    }
    if query.edns.is_some() {
        at = append(out, at, &[0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0])?;
    }
    Some(at)
}

fn append(out: &mut [u8], at: usize, octets: &[u8]) -> Option<usize> {
    out.get_mut(at..at + octets.len())?.copy_from_slice(octets);
    Some(at + octets.len())
}
