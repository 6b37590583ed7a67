//! Random responses of upstreams, and an encoder that compresses as differently as servers do.
//!
//! A [`Response`] says of every record whether Tandem has to keep it, so that what a client must get follows from what
//! was sent, by hickory's reading of it. Everything is drawn from one seed; sizes are proptest's, so that they shrink.

use std::collections::HashMap;

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

/// Types that are asked for; 65280 is for private use.
pub(crate) const QTYPES: [u16; 10] = [1, 28, 15, 33, 16, 2, 12, 65, 35, 65280];

const SOA: u16 = 6;
const CNAME: u16 = 5;
const RRSIG: u16 = 46;
const NSEC: u16 = 47;

/// A piece of RDATA.
#[derive(Clone, Debug)]
enum Piece {
    Octets(Vec<u8>),
    /// A name that any server may compress.
    Name(Vec<u8>),
    /// A name that only old servers compressed (RFC 3597 §4).
    OldName(Vec<u8>),
}

#[derive(Clone, Debug)]
pub(crate) struct Record {
    owner: Vec<u8>,
    rtype: u16,
    pub(crate) ttl: u32,
    rdata: Vec<Piece>,
    /// The SOA's MINIMUM, which bounds how long the absence is believed.
    pub(crate) minimum: Option<u32>,
    /// A client has to get it.
    pub(crate) kept: bool,
}

/// What an upstream says about one question.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) qname: Vec<u8>,
    pub(crate) qtype: u16,
    pub(crate) rcode: u16,
    pub(crate) answers: Vec<Record>,
    pub(crate) authority: Vec<Record>,
    additional: Vec<Record>,
    /// Which of the answers are the set that was asked for.
    pub(crate) set: std::ops::Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Positive,
    Nodata,
    Nxdomain,
}

/// What kind of response to draw.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) seed: u64,
    /// Aliases inside the rule.
    pub(crate) links: usize,
    /// Records of the set; at least one is written.
    pub(crate) records: usize,
    pub(crate) ending: Ending,
    /// The zone is signed, and the upstream sends the proofs.
    pub(crate) signed: bool,
    /// The upstream adds what nobody asked for.
    pub(crate) noise: bool,
}

/// How a server compresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Never,
    Always,
    OwnersAlone,
    AtRandom,
    /// Also where RFC 3597 forbids it by now.
    Old,
}

pub(crate) fn any_shape() -> impl Strategy<Value = Shape> {
    let ending = prop_oneof![3 => Just(Ending::Positive), 1 => Just(Ending::Nodata), 1 => Just(Ending::Nxdomain)];
    let records = prop_oneof![4 => 1usize..4, 2 => 4usize..40, 1 => 40usize..150];
    (any::<u64>(), 0usize..4, records, ending, any::<bool>(), any::<bool>())
        .prop_map(|(seed, links, records, ending, signed, noise)| Shape { seed, links, records, ending, signed, noise })
}

pub(crate) fn any_style() -> impl Strategy<Value = Style> {
    prop::sample::select(vec![Style::Never, Style::Always, Style::OwnersAlone, Style::AtRandom, Style::Old])
}

/// An uncompressed name of up to three labels below `apex`, which is uncompressed too.
pub(crate) fn draw_name(rng: &mut StdRng, apex: &[u8]) -> Vec<u8> {
    const LABELS: [&[u8]; 8] = [b"a", b"b", b"www", b"_sip", b"x-1", b"mail", b"com", &[b'z'; 63]];
    let mut name = Vec::new();
    for _ in 0..rng.random_range(0..=3) {
        let label = match rng.random_range(0..8) {
            0 => (0..rng.random_range(1..=40)).map(|_| rng.random::<u8>().to_ascii_lowercase()).collect(),
            _ => LABELS.choose(rng).expect("some").to_vec(),
        };
        name.push(label.len() as u8);
        name.extend(label);
    }
    name.extend(apex);
    name
}

/// A name that no other of `taken` is.
fn draw_fresh(rng: &mut StdRng, apex: &[u8], taken: &mut Vec<Vec<u8>>) -> Vec<u8> {
    loop {
        let name = draw_name(rng, apex);
        if !taken.contains(&name) {
            taken.push(name.clone());
            return name;
        }
    }
}

fn draw_ttl(rng: &mut StdRng) -> u32 {
    const USUAL: [u32; 8] = [60, 300, 300, 3600, 86_400, 604_799, 604_801, i32::MAX as u32];
    const SHORT: [u32; 5] = [0, 1, 2, 10, 0x8000_0001];
    *if rng.random_range(0..12) == 0 { SHORT.choose(rng) } else { USUAL.choose(rng) }.expect("some")
}

impl Response {
    /// Draws the answer of the server for `apex` to a question about `qname`. `next`: the chain goes on with this name, of
    /// which the server tells nothing, or, if it is another rule's, nothing that is believed. Signatures and proofs are
    /// to be kept for `dnssec_ok`.
    pub(crate) fn draw(
        shape: &Shape,
        (qname, apex): (&[u8], &[u8]),
        qtype: u16,
        next: Option<&[u8]>,
        dnssec_ok: bool,
    ) -> Self {
        let mut draw = Draw { rng: StdRng::seed_from_u64(shape.seed), apex, signed: shape.signed, dnssec_ok };
        let mut response = Self {
            qname: qname.to_vec(),
            qtype,
            rcode: 0,
            answers: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
            set: 0..0,
        };
        let mut taken = vec![qname.to_vec()];
        let mut owner = qname.to_vec();
        for _ in 0..shape.links {
            let target = draw_fresh(&mut draw.rng, apex, &mut taken);
            draw.link(&mut response, &owner, &target);
            owner = target;
        }
        match (next, shape.ending) {
            (Some(next), _) => {
                draw.link(&mut response, &owner, next);
                if !next.ends_with(apex) {
                    draw.claims_elsewhere(&mut response, next);
                }
                if shape.signed {
                    draw.proof(&mut response);
                }
            }
            (None, Ending::Positive) => draw.set(&mut response, &owner, shape.records.max(1)),
            (None, ending) => draw.absence(&mut response, ending),
        }
        if shape.noise {
            draw.noise(&mut response);
        }
        response
    }

    /// The message, with a header and this ID.
    pub(crate) fn encode(&self, style: Style, seed: u64) -> Vec<u8> {
        let mut encoder = Encoder::new(style, seed);
        let sections = [&self.answers, &self.authority, &self.additional];
        for value in [0x4d2, 0x8180 | self.rcode, 1] {
            encoder.out.extend(u16::to_be_bytes(value));
        }
        encoder.out.extend(sections.iter().flat_map(|section| (section.len() as u16).to_be_bytes()));
        encoder.put_name(&self.qname, false);
        encoder.out.extend([self.qtype.to_be_bytes(), 1u16.to_be_bytes()].concat());
        sections.iter().flat_map(|section| section.iter()).for_each(|record| encoder.put_record(record));
        encoder.out
    }

    /// The same with a record in front that is nobody's business.
    pub(crate) fn with_intruder(&self) -> Self {
        let mut response = self.clone();
        let owner = b"\x08intruder\x07invalid\0".to_vec();
        let rdata = vec![Piece::Octets(vec![192, 0, 2, 66])];
        response.answers.insert(0, Record { owner, rtype: 1, ttl: 1, rdata, minimum: None, kept: false });
        response.set = response.set.start + 1..response.set.end + 1;
        response
    }
}

struct Draw<'a> {
    rng: StdRng,
    apex: &'a [u8],
    signed: bool,
    dnssec_ok: bool,
}

impl Draw<'_> {
    fn record(&mut self, owner: &[u8], rtype: u16, ttl: u32, kept: bool) -> Record {
        let rdata = self.rdata(rtype);
        Record { owner: owner.to_vec(), rtype, ttl, rdata, minimum: None, kept }
    }

    fn name(&mut self) -> Vec<u8> {
        draw_name(&mut self.rng, self.apex)
    }

    fn octets(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.rng.random()).collect()
    }

    fn text(&mut self) -> Vec<u8> {
        let length = self.rng.random_range(0..=255);
        let mut text = vec![length as u8];
        text.extend(self.octets(length));
        text
    }

    fn rdata(&mut self, rtype: u16) -> Vec<Piece> {
        match rtype {
            1 => vec![Piece::Octets(self.octets(4))],
            28 => vec![Piece::Octets(self.octets(16))],
            2 | 12 => vec![Piece::Name(self.name())],
            15 => vec![Piece::Octets(self.octets(2)), Piece::Name(self.name())],
            33 => vec![Piece::Octets(self.octets(6)), Piece::OldName(self.name())],
            16 => vec![Piece::Octets((0..self.rng.random_range(1..=3)).flat_map(|_| self.text()).collect())],
            35 => {
                let mut octets = self.octets(4);
                octets.extend(b"\x01S\x07SIP+D2U\0");
                vec![Piece::Octets(octets), Piece::OldName(self.name())]
            }
            // SvcPriority 1, the owner itself, alpn=h2, port=…
            65 => {
                let port = self.octets(2);
                let octets = [&b"\0\x01\0\0\x01\0\x03\x02h2\0\x03\0\x02"[..], &port].concat();
                vec![Piece::Octets(octets)]
            }
            // Type covered, algorithm, labels, TTL, times, key tag; signer, in lower case; signature.
            RRSIG => {
                let (start, signature) = (self.octets(18), self.octets(64));
                vec![Piece::Octets([&start[..], self.apex, &signature].concat())]
            }
            NSEC => vec![Piece::Octets([self.apex, b"\0\x06\x40\x01\0\0\0\x03"].concat())],
            _ => {
                let length = self.rng.random_range(1..60);
                vec![Piece::Octets(self.octets(length))]
            }
        }
    }

    /// A signature over (`owner`, `covered`), if the zone is signed.
    fn signature(&mut self, owner: &[u8], covered: u16, ttl: u32) -> Option<Record> {
        let kept = self.dnssec_ok;
        let mut record = self.signed.then(|| self.record(owner, RRSIG, ttl, kept))?;
        if let Piece::Octets(octets) = &mut record.rdata[0] {
            octets[..2].copy_from_slice(&covered.to_be_bytes());
        }
        Some(record)
    }

    fn link(&mut self, response: &mut Response, owner: &[u8], target: &[u8]) {
        let ttl = draw_ttl(&mut self.rng);
        let rdata = vec![Piece::Name(target.to_vec())];
        let alias = Record { owner: owner.to_vec(), rtype: CNAME, ttl, rdata, minimum: None, kept: true };
        response.answers.push(alias);
        response.answers.extend(self.signature(owner, CNAME, ttl));
    }

    fn set(&mut self, response: &mut Response, owner: &[u8], records: usize) {
        let start = response.answers.len();
        let ttl = draw_ttl(&mut self.rng);
        for _ in 0..records {
            // Against RFC 2181 §5.2, but seen.
            let ttl = if self.rng.random_range(0..20) == 0 { draw_ttl(&mut self.rng) } else { ttl };
            let record = self.record(owner, response.qtype, ttl, true);
            response.answers.push(record);
        }
        response.set = start..response.answers.len();
        response.answers.extend(self.signature(owner, response.qtype, ttl));
        if self.signed {
            self.proof(response);
        }
    }

    /// NSEC and its signature, as for an answer or alias made from a wildcard or for an absence.
    fn proof(&mut self, response: &mut Response) {
        let (owner, ttl, kept) = (self.name(), draw_ttl(&mut self.rng), self.dnssec_ok);
        let denial = self.record(&owner, NSEC, ttl, kept);
        response.authority.push(denial);
        response.authority.extend(self.signature(&owner, NSEC, ttl));
    }

    fn absence(&mut self, response: &mut Response, ending: Ending) {
        response.rcode = if ending == Ending::Nxdomain { 3 } else { 0 };
        let (ttl, minimum) = (draw_ttl(&mut self.rng), *[0, 5, 60, 900, 86_400].choose(&mut self.rng).expect("some"));
        let numbers = [&self.octets(16)[..], &u32::to_be_bytes(minimum)].concat();
        let rdata = vec![Piece::Name(self.name()), Piece::Name(self.name()), Piece::Octets(numbers)];
        let apex = self.apex.to_vec();
        let soa = Record { owner: apex.clone(), rtype: SOA, ttl, rdata, minimum: Some(minimum), kept: true };
        response.authority.push(soa);
        response.authority.extend(self.signature(&apex, SOA, ttl));
        if self.signed {
            self.proof(response);
        }
    }

    /// What this upstream says about another rule's name is not its to say.
    fn claims_elsewhere(&mut self, response: &mut Response, next: &[u8]) {
        let forged = self.record(next, response.qtype, 86_400, false);
        response.answers.push(forged);
    }

    /// Records that nobody asked for: an answer about another name, the zone's servers, their addresses.
    fn noise(&mut self, response: &mut Response) {
        let place = self.rng.random_range(0..=response.answers.len());
        let stray = self.record(b"\x05stray\x07invalid\0", response.qtype, 5, false);
        response.answers.insert(place, stray);
        if place <= response.set.start {
            response.set = response.set.start + 1..response.set.end + 1;
        } else if place < response.set.end {
            response.set.end += 1;
        }
        let apex = self.apex.to_vec();
        for _ in 0..2 {
            let server = self.record(&apex, 2, 86_400, false);
            response.authority.push(server);
            let owner = self.name();
            let glue = self.record(&owner, 1, 86_400, false);
            response.additional.push(glue);
        }
    }
}

/// Writes a message, drawing what to compress and where to point to.
struct Encoder {
    out: Vec<u8>,
    style: Style,
    rng: StdRng,
    /// Suffixes in lower case, and every place where one stands.
    known: HashMap<Vec<u8>, Vec<u16>>,
}

impl Encoder {
    fn new(style: Style, seed: u64) -> Self {
        Self { out: Vec::new(), style, rng: StdRng::seed_from_u64(seed), known: HashMap::new() }
    }

    fn put_record(&mut self, record: &Record) {
        self.put_name(&record.owner, true);
        for value in [record.rtype, 1] {
            self.out.extend(value.to_be_bytes());
        }
        self.out.extend(record.ttl.to_be_bytes());
        let length_at = self.out.len();
        self.out.extend([0, 0]);
        for piece in &record.rdata {
            match piece {
                Piece::Octets(octets) => self.out.extend(octets),
                Piece::Name(name) => self.put_name(name, self.style != Style::OwnersAlone),
                Piece::OldName(name) => self.put_name(name, self.style == Style::Old),
            }
        }
        let length = (self.out.len() - length_at - 2) as u16;
        self.out[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
    }

    /// Writes a name with letters in any case; where `compress` and the style allow it, its end becomes a pointer.
    fn put_name(&mut self, name: &[u8], compress: bool) {
        let mut rest = name;
        while rest[0] != 0 {
            let suffix = rest.to_ascii_lowercase();
            let wanted = compress
                && match self.style {
                    Style::Never => false,
                    Style::AtRandom => self.rng.random_bool(0.6),
                    Style::Always | Style::OwnersAlone | Style::Old => true,
                };
            if let Some(&target) = self.known.get(&suffix).filter(|_| wanted).and_then(|at| at.choose(&mut self.rng)) {
                return self.out.extend((0xc000 | target).to_be_bytes());
            }
            if self.out.len() < 0x4000 {
                self.known.entry(suffix).or_default().push(self.out.len() as u16);
            }
            let (label, tail) = rest.split_at(1 + usize::from(rest[0]));
            self.out.push(label[0]);
            let rng = &mut self.rng;
            let any_case = |octet: &u8| if rng.random() { octet.to_ascii_uppercase() } else { *octet };
            self.out.extend(label[1..].iter().map(any_case));
            rest = tail;
        }
        self.out.push(0);
    }
}
