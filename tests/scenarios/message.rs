//! Messages: taken apart, put together, and told as text.
//!
//! Written apart from `tandem::wire` on purpose, so that one mistake cannot hide in both.

use std::collections::HashMap;

use super::record::{Record, compressible, read_name, uncompressed};

pub(crate) const QR: u16 = 0x8000;
pub(crate) const AA: u16 = 0x0400;
pub(crate) const TC: u16 = 0x0200;
pub(crate) const RD: u16 = 0x0100;
pub(crate) const RA: u16 = 0x0080;
pub(crate) const AD: u16 = 0x0020;
pub(crate) const CD: u16 = 0x0010;

pub(crate) const COOKIE: u16 = 10;
pub(crate) const EDE: u16 = 15;

const RCODES: &[(&str, u16)] = &[
    ("NOERROR", 0),
    ("FORMERR", 1),
    ("SERVFAIL", 2),
    ("NXDOMAIN", 3),
    ("NOTIMP", 4),
    ("REFUSED", 5),
    ("YXDOMAIN", 6),
    ("NOTAUTH", 9),
    ("BADVERS", 16),
    ("BADCOOKIE", 23),
];

pub(crate) fn rcode_number(name: &str) -> Option<u16> {
    let known = RCODES.iter().find(|(known, _)| *known == name).map(|&(_, number)| number);
    known.or_else(|| name.strip_prefix("RCODE")?.parse().ok())
}

pub(crate) fn rcode_name(number: u16) -> String {
    let known = RCODES.iter().find(|&&(_, known)| known == number);
    known.map_or_else(|| format!("RCODE{number}"), |(name, _)| (*name).to_owned())
}

/// An OPT record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Opt {
    pub(crate) udp_size: u16,
    /// The upper eight bits of the RCODE.
    pub(crate) extended_rcode: u8,
    pub(crate) version: u8,
    pub(crate) dnssec_ok: bool,
    pub(crate) options: Vec<(u16, Vec<u8>)>,
}

/// A message; its OPT record stands apart from the additional section.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    pub(crate) id: u16,
    pub(crate) flags: u16,
    /// Names in the case they were sent in, types, classes.
    pub(crate) questions: Vec<(Vec<u8>, u16, u16)>,
    /// Answer, authority, additional.
    pub(crate) sections: [Vec<Record>; 3],
    pub(crate) opt: Option<Opt>,
}

impl Opt {
    pub(crate) fn option(&self, code: u16) -> Option<&[u8]> {
        self.options.iter().find(|(known, _)| *known == code).map(|(_, value)| &value[..])
    }

    pub(crate) fn octets(&self) -> Vec<u8> {
        let options: Vec<u8> = self
            .options
            .iter()
            .flat_map(|(code, value)| [&code.to_be_bytes()[..], &(value.len() as u16).to_be_bytes(), value].concat())
            .collect();
        let mut out = vec![0, 0, 41];
        out.extend(self.udp_size.to_be_bytes());
        out.extend([self.extended_rcode, self.version, if self.dnssec_ok { 0x80 } else { 0 }, 0]);
        out.extend((options.len() as u16).to_be_bytes());
        out.extend(options);
        out
    }

    fn read(class: u16, ttl: u32, mut rdata: &[u8]) -> Option<Self> {
        let [extended_rcode, version, z, _] = ttl.to_be_bytes();
        let mut opt = Self { udp_size: class, extended_rcode, version, dnssec_ok: z & 0x80 != 0, options: Vec::new() };
        while !rdata.is_empty() {
            let (code, length) = (u16_at(rdata, 0)?, usize::from(u16_at(rdata, 2)?));
            opt.options.push((code, rdata.get(4..4 + length)?.to_vec()));
            rdata = &rdata[4 + length..];
        }
        Some(opt)
    }
}

impl Message {
    /// `None` when the octets are no whole message and nothing else.
    pub(crate) fn read(octets: &[u8]) -> Option<Self> {
        let mut message = Self { id: u16_at(octets, 0)?, flags: u16_at(octets, 2)?, ..Self::default() };
        let counts = [u16_at(octets, 4)?, u16_at(octets, 6)?, u16_at(octets, 8)?, u16_at(octets, 10)?];
        let mut at = 12;
        for _ in 0..counts[0] {
            let (name, next) = read_name(octets, at)?;
            message.questions.push((name, u16_at(octets, next)?, u16_at(octets, next + 2)?));
            at = next + 4;
        }
        for (section, &count) in counts[1..].iter().enumerate() {
            for _ in 0..count {
                at = message.read_record(octets, at, section)?;
            }
        }
        (at == octets.len()).then_some(message)
    }

    fn read_record(&mut self, octets: &[u8], at: usize, section: usize) -> Option<usize> {
        let (name, fixed) = read_name(octets, at)?;
        let (rtype, class) = (u16_at(octets, fixed)?, u16_at(octets, fixed + 2)?);
        let ttl = u32::from(u16_at(octets, fixed + 4)?) << 16 | u32::from(u16_at(octets, fixed + 6)?);
        let end = fixed + 10 + usize::from(u16_at(octets, fixed + 8)?);
        if rtype == 41 && section == 2 && self.opt.is_none() {
            self.opt = Some(Opt::read(class, ttl, octets.get(fixed + 10..end)?)?);
        } else {
            let rdata = uncompressed(octets, fixed + 10, end, rtype)?;
            self.sections[section].push(Record { name, rtype, class, ttl, rdata });
        }
        Some(end)
    }

    /// The RCODE, the upper bits of OPT included.
    pub(crate) fn rcode(&self) -> u16 {
        self.flags & 0xf | self.opt.as_ref().map_or(0, |opt| u16::from(opt.extended_rcode) << 4)
    }

    pub(crate) fn set_rcode(&mut self, rcode: u16) {
        self.flags = self.flags & !0xf | rcode & 0xf;
        if let Some(opt) = &mut self.opt {
            opt.extended_rcode = (rcode >> 4) as u8;
        }
    }

    /// The message as servers send it: names compressed where they may be.
    pub(crate) fn octets(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let counts = self.sections.each_ref().map(|section| section.len() as u16);
        let additional = counts[2] + u16::from(self.opt.is_some());
        for value in [self.id, self.flags, self.questions.len() as u16, counts[0], counts[1], additional] {
            out.extend(value.to_be_bytes());
        }
        let mut names = Names::default();
        for (name, qtype, qclass) in &self.questions {
            names.put(&mut out, name);
            out.extend(qtype.to_be_bytes());
            out.extend(qclass.to_be_bytes());
        }
        self.sections.iter().flatten().for_each(|record| names.put_record(&mut out, record));
        out.extend(self.opt.iter().flat_map(Opt::octets));
        out
    }
}

/// Where names stand in a message.
#[derive(Default)]
struct Names(HashMap<Vec<u8>, u16>);

impl Names {
    fn put(&mut self, out: &mut Vec<u8>, name: &[u8]) {
        let mut rest = name;
        while rest[0] != 0 {
            let known = rest.to_ascii_lowercase();
            if let Some(at) = self.0.get(&known) {
                return out.extend((0xc000 | at).to_be_bytes());
            }
            if out.len() < 0x4000 {
                self.0.insert(known, out.len() as u16);
            }
            let (label, after) = rest.split_at(1 + usize::from(rest[0]));
            out.extend_from_slice(label);
            rest = after;
        }
        out.push(0);
    }

    fn put_record(&mut self, out: &mut Vec<u8>, record: &Record) {
        self.put(out, &record.name);
        out.extend(record.rtype.to_be_bytes());
        out.extend(record.class.to_be_bytes());
        out.extend(record.ttl.to_be_bytes());
        let length_at = out.len();
        out.extend([0, 0]);
        let (skip, count) = compressible(record.rtype).unwrap_or((record.rdata.len(), 0));
        out.extend_from_slice(&record.rdata[..skip.min(record.rdata.len())]);
        let mut at = skip;
        for _ in 0..count {
            let Some((name, next)) = read_name(&record.rdata, at) else { break };
            self.put(out, &name);
            at = next;
        }
        out.extend_from_slice(record.rdata.get(at..).unwrap_or_default());
        let length = (out.len() - length_at - 2) as u16;
        out[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
    }
}

fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(octets.get(at..at + 2)?.try_into().ok()?))
}
