//! Reading an upstream's response into a [segment](super::segment): only the question's own chain is kept.
//!
//! Kept are the CNAME and DNAME links from the question on, the RRset asked for, the SOA of a negative answer and, for
//! DO, signatures and proofs. Everything else in the response is dropped unseen by cache and clients: an upstream
//! speaks for the names of its rule alone. Where a link leaves the rules that share this upstream, the segment ends.
//! Where the kept records are all that the answer section holds, they are copied as they are, compression included;
//! else they are written anew.
//! Here are the index of a response's records and its OPT; `keep` chooses among them, `encode` writes.

use std::hash::BuildHasher;

use super::edns::Edns;
use super::header::{HEADER_OCTETS, rtype, u16_at};
use super::walk::{Malformed, NameBuf, Record, skip_name};

mod encode;
mod keep;

/// The question that was asked and what may be believed of the answer.
pub struct Asked<'a> {
    /// QNAME, uncompressed, lower case.
    pub qname: &'a [u8],
    /// QTYPE.
    pub qtype: u16,
    /// QCLASS.
    pub qclass: u16,
    /// The client wants signatures and proofs.
    pub dnssec_ok: bool,
    /// The upstream's AD is passed on.
    pub trust_ad: bool,
    /// Fingerprint of the rules; see [`Meta::layout`](super::Meta::layout).
    pub layout: u32,
    /// Bounds of TTLs in seconds.
    pub ttl: TtlBounds,
    /// The apex of the rule that answers for a name, if that rule's upstreams are those that were asked.
    pub apex_of: &'a dyn Fn(&[u8]) -> Option<&'a [u8]>,
}

/// [`crate::config::TtlLimits`] in seconds, as TTLs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TtlBounds {
    /// The least and the most of a positive answer.
    pub cache: (u32, u32),
    /// The least and the most of a negative answer.
    pub ncache: (u32, u32),
}

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// How long it may be kept, in seconds; 0: not at all.
    pub ttl: u32,
    /// NXDOMAIN of the question's own name: it holds for every type (RFC 2308 §5).
    pub whole_name: bool,
}

/// Why a response is of no use: another upstream may do better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It cannot be read.
    Malformed,
    /// The SOA of a negative answer is not that of a zone around the name.
    SoaOutside,
    /// A negative answer of the question's own name has the SOA of a zone above the rule, which its upstreams have no say
    /// about: the name may be known to another of them. Where none knows better, the RCODE is what is known.
    SoaAbove {
        /// NOERROR or NXDOMAIN.
        rcode: u16,
    },
    /// Links that lead nowhere: a loop, or more than [`MAX_LINKS`].
    BrokenChain,
}

impl From<Malformed> for Unusable {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// The most CNAME links that are followed for one question, as in named.
pub const MAX_LINKS: usize = 11;

/// Owners may be found by so many pointers a record, and [`MOST_POINTERS`] more a message: a name of many labels may
/// have one for each, but thousands of such names are there to cost time.
const POINTERS_PER_RECORD: usize = 8;
/// See [`POINTERS_PER_RECORD`].
const MOST_POINTERS: usize = 1024;

/// Memory that is used again from response to response.
#[derive(Default)]
pub struct Reader {
    records: Vec<Indexed>,
    kept: Vec<usize>,
    /// Where names stand that owners may point to.
    regions: Vec<(usize, usize)>,
    ttl_offsets: Vec<u16>,
    rewritten: Vec<u8>,
    hasher: foldhash::fast::FixedState,
}

#[derive(Clone, Copy)]
struct Indexed {
    record: Record,
    owner_hash: u64,
    kept: bool,
}

/// Where the sections of the response lie in [`Reader::records`], and what was found in them.
#[derive(Default)]
struct Found {
    answers: usize,
    links: usize,
    final_set: bool,
    /// The kept records of the final set, by their place in `kept`.
    set: (usize, usize),
    ends_elsewhere: bool,
    soa: Option<usize>,
    question_end: usize,
    /// Some owner's name depends on octets that are not surely part of a name.
    odd_pointer: bool,
}

impl Reader {
    /// Reads a response whose header and question were already compared with what was asked; writes the segment.
    ///
    /// # Errors
    /// When it must not be used at all; `out` is then unspecified.
    pub fn read(&mut self, message: &[u8], asked: &Asked<'_>, out: &mut Vec<u8>) -> Result<Kept, Unusable> {
        let mut found = Found { question_end: HEADER_OCTETS + asked.qname.len() + 4, ..Found::default() };
        self.index(message, asked, &mut found)?;
        let mut current = NameBuf::default();
        current.set(asked.qname);
        self.follow_chain(message, asked, &mut found, &mut current)?;
        self.keep_authority(message, asked, &mut found, &current)?;
        self.encode(message, asked, &found, &current, out)
    }

    /// Notes every record of the answer and authority sections.
    fn index(&mut self, message: &[u8], asked: &Asked<'_>, found: &mut Found) -> Result<(), Malformed> {
        self.records.clear();
        self.kept.clear();
        self.regions.clear();
        found.answers = usize::from(u16_at(message, 6));
        let total = found.answers + usize::from(u16_at(message, 8));
        let question_hash = self.hasher.hash_one(asked.qname);
        let mut at = found.question_end;
        let mut owner = NameBuf::default();
        let mut pointers = 0;
        for _ in 0..total {
            let record = Record::read(message, at)?;
            let owner_hash = if points_to_question(message, &record) {
                question_hash
            } else {
                owner.read_with(message, at, |target| {
                    pointers += 1;
                    found.odd_pointer |= !self.is_name(message, target, found.question_end)
                })?;
                if pointers > MOST_POINTERS + total * POINTERS_PER_RECORD {
                    return Err(Malformed);
                }
                self.hasher.hash_one(owner.as_wire())
            };
            self.regions.push((record.owner, record.fixed));
            if matches!(record.rtype, rtype::CNAME | rtype::DNAME) {
                self.regions.push((record.rdata(), record.end));
            }
            self.records.push(Indexed { record, owner_hash, kept: false });
            at = record.end;
        }
        Ok(())
    }

    /// Whether what a pointer leads to is a name in the question's name or in one noted before. A name that begins
    /// there and runs on (from the middle of a label or a pointer) would change with the octets around it.
    fn is_name(&self, message: &[u8], target: usize, question_end: usize) -> bool {
        let end = if target < question_end - 4 {
            question_end - 4
        } else {
            let after = self.regions.partition_point(|&(start, _)| start <= target);
            after.checked_sub(1).map_or(0, |region| self.regions[region].1)
        };
        skip_name(message, target).is_ok_and(|name_end| name_end <= end)
    }

    /// Whether the record at `index` is owned by `name`.
    fn is_owned_by(
        &self,
        message: &[u8],
        asked: &Asked<'_>,
        index: usize,
        name: &[u8],
        hash: u64,
    ) -> Result<bool, Malformed> {
        let Indexed { record, owner_hash, .. } = self.records[index];
        if owner_hash != hash {
            return Ok(false);
        }
        if points_to_question(message, &record) {
            return Ok(name == asked.qname);
        }
        let mut owner = NameBuf::default();
        owner.read(message, record.owner)?;
        Ok(owner.as_wire() == name)
    }

    fn keep(&mut self, index: usize) {
        if !self.records[index].kept {
            self.records[index].kept = true;
            self.kept.push(index);
        }
    }
}

/// The commonest owner: a pointer to the question's name.
#[inline]
fn points_to_question(message: &[u8], record: &Record) -> bool {
    record.fixed - record.owner == 2 && u16_at(message, record.owner) == 0xc000 | HEADER_OCTETS as u16
}

/// Finds the OPT record of a response whose question ends at `question_end`.
///
/// # Errors
/// When a record before it, or one of its options, cannot be read.
pub fn find_opt(message: &[u8], question_end: usize) -> Result<Option<Edns<'_>>, Malformed> {
    let additional = usize::from(u16_at(message, 10));
    if additional == 0 {
        return Ok(None);
    }
    let before = usize::from(u16_at(message, 6)) + usize::from(u16_at(message, 8));
    let mut at = question_end;
    for index in 0..before + additional {
        let record = Record::read(message, at)?;
        at = record.end;
        if index < before || record.rtype != rtype::OPT {
            continue;
        }
        return Edns::read(message, &record).map(Some);
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
