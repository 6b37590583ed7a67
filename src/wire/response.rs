//! Reading an upstream's response into a [`segment`]: only the question's own chain is kept.
//!
//! Kept are the CNAME and DNAME links from the question on, the RRset asked for, the SOA of a negative answer and, for
//! DO, signatures and proofs. Everything else in the response is dropped unseen by cache and clients: an upstream
//! speaks for the names of its rule alone. Where a link leaves the rules that share this upstream, the segment ends.
//! Where the kept records are all that the answer section holds, they are copied as they are, compression included;
//! else they are written anew.

use std::hash::BuildHasher;

use super::compress::Writer;
use super::edns::Edns;
use super::header::{HEADER_OCTETS, flag, put_u32, rcode, rtype, u16_at, u32_at};
use super::name::is_within;
use super::segment::{self, Meta, rotates};
use super::walk::{Malformed, NameBuf, Record, skip_name};

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
    /// Fingerprint of the rules; see [`Meta::layout`].
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
    /// The SOA of a negative answer is not that of a zone around the name and inside the rule.
    SoaOutside,
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
    fn is_owned_by(&self, message: &[u8], index: usize, name: &[u8], hash: u64) -> Result<bool, Malformed> {
        let Indexed { record, owner_hash, .. } = self.records[index];
        if owner_hash != hash {
            return Ok(false);
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

    /// Follows the links of the answer section from the question on, keeping what belongs to them.
    ///
    /// Leaves in `current` the name at the chain's end.
    fn follow_chain(
        &mut self,
        message: &[u8],
        asked: &Asked<'_>,
        found: &mut Found,
        current: &mut NameBuf,
    ) -> Result<(), Unusable> {
        loop {
            let hash = self.hasher.hash_one(current.as_wire());
            if self.keep_final_set(message, asked, found, current.as_wire(), hash)? {
                return Ok(());
            }
            let Some(link) = self.keep_link(message, asked, found, current.as_wire(), hash)? else { return Ok(()) };
            found.links += 1;
            if found.links > MAX_LINKS {
                return Err(Unusable::BrokenChain);
            }
            let record = self.records[link].record;
            let end = current.read_with(message, record.rdata(), |target| {
                found.odd_pointer |= !self.is_name(message, target, found.question_end);
            })?;
            // A target that is shorter or longer than its RDATA would be another name elsewhere.
            if end != record.end {
                return Err(Unusable::Malformed);
            }
            if (asked.apex_of)(current.as_wire()).is_none() {
                found.ends_elsewhere = true;
                return Ok(());
            }
        }
    }

    /// Keeps the RRset that was asked for, if `name` owns it.
    fn keep_final_set(
        &mut self,
        message: &[u8],
        asked: &Asked<'_>,
        found: &mut Found,
        name: &[u8],
        hash: u64,
    ) -> Result<bool, Malformed> {
        let start = self.kept.len();
        for index in 0..found.answers {
            let Record { rtype, class, .. } = self.records[index].record;
            let wanted = rtype == asked.qtype || asked.qtype == rtype::ANY;
            if wanted && class == asked.qclass && self.is_owned_by(message, index, name, hash)? {
                self.keep(index);
            }
        }
        found.set = (start, self.kept.len());
        found.final_set = start < self.kept.len();
        if found.final_set {
            self.keep_signatures(message, asked, found, name, hash, asked.qtype)?;
        }
        Ok(found.final_set)
    }

    /// Keeps the CNAME that `name` owns and the DNAME that it was made from; returns the CNAME.
    fn keep_link(
        &mut self,
        message: &[u8],
        asked: &Asked<'_>,
        found: &Found,
        name: &[u8],
        hash: u64,
    ) -> Result<Option<usize>, Malformed> {
        let mut cname = None;
        for index in 0..found.answers {
            let Record { rtype, class, .. } = self.records[index].record;
            if rtype == rtype::CNAME && class == asked.qclass && self.is_owned_by(message, index, name, hash)? {
                cname = Some(index);
                break;
            }
        }
        let Some(cname) = cname else { return Ok(None) };
        self.keep_dname(message, asked, found, name)?;
        self.keep(cname);
        self.keep_signatures(message, asked, found, name, hash, rtype::CNAME)?;
        Ok(Some(cname))
    }

    /// Keeps the DNAME that the CNAME of `name` was made from: a name has one at most (RFC 6672 §2.4), so the first is
    /// enough, however many thousands there are to look for signatures of.
    fn keep_dname(&mut self, message: &[u8], asked: &Asked<'_>, found: &Found, name: &[u8]) -> Result<(), Malformed> {
        let mut owner = NameBuf::default();
        for index in 0..found.answers {
            let Indexed { record, owner_hash, .. } = self.records[index];
            if record.rtype != rtype::DNAME || record.class != asked.qclass {
                continue;
            }
            owner.read(message, record.owner)?;
            if owner.as_wire() == name || !is_within(name, owner.as_wire()) {
                continue;
            }
            // One that another rule answers for would send a client's cache astray below its owner.
            if (asked.apex_of)(owner.as_wire()).is_some() {
                self.keep(index);
                return self.keep_signatures(message, asked, found, owner.as_wire(), owner_hash, rtype::DNAME);
            }
        }
        Ok(())
    }

    /// For DO: keeps the signatures over the RRset (`name`, `covered`) in the answer section.
    fn keep_signatures(
        &mut self,
        message: &[u8],
        asked: &Asked<'_>,
        found: &Found,
        name: &[u8],
        hash: u64,
        covered: u16,
    ) -> Result<(), Malformed> {
        if !asked.dnssec_ok {
            return Ok(());
        }
        for index in 0..found.answers {
            let record = self.records[index].record;
            let signs = record.rtype == rtype::RRSIG && record.end >= record.rdata() + 2;
            let covers = signs && (covered == rtype::ANY || u16_at(message, record.rdata()) == covered);
            if covers && self.is_owned_by(message, index, name, hash)? {
                self.keep(index);
            }
        }
        Ok(())
    }

    /// Keeps the SOA of a negative answer and, for DO, the proofs of the authority section.
    fn keep_authority(
        &mut self,
        message: &[u8],
        asked: &Asked<'_>,
        found: &mut Found,
        current: &NameBuf,
    ) -> Result<(), Unusable> {
        let mut owner = NameBuf::default();
        for index in found.answers..self.records.len() {
            let record = self.records[index].record;
            let soa = record.rtype == rtype::SOA;
            // Where the chain goes on elsewhere, this upstream has no say about its end.
            let negative = !(found.final_set || found.ends_elsewhere);
            if record.class != asked.qclass || !(soa || asked.dnssec_ok && is_proof(message, &record, negative)) {
                continue;
            }
            if soa && (!negative || found.soa.is_some()) {
                continue;
            }
            owner.read(message, record.owner)?;
            let inside = (asked.apex_of)(current.as_wire()).is_some_and(|apex| is_within(owner.as_wire(), apex));
            if soa {
                if !inside || !is_within(current.as_wire(), owner.as_wire()) {
                    return Err(Unusable::SoaOutside);
                }
                found.soa = Some(index);
                self.keep(index);
            } else if inside || (asked.apex_of)(owner.as_wire()).is_some() {
                self.keep(index);
            }
        }
        Ok(())
    }

    fn encode(
        &mut self,
        message: &[u8],
        asked: &Asked<'_>,
        found: &Found,
        current: &NameBuf,
        out: &mut Vec<u8>,
    ) -> Result<Kept, Unusable> {
        let rcode = u16_at(message, 2) & flag::RCODE;
        // A chain that was left early says nothing about its end.
        let negative = !found.final_set && !found.ends_elsewhere;
        let unfinished = negative && found.links > 0 && found.soa.is_none() && rcode == rcode::NOERROR;
        let ttl = self.bound_ttls(message, asked, found);
        let answers = self.kept.iter().filter(|&&index| index < found.answers).count();
        let mut meta = Meta {
            rcode: if found.ends_elsewhere { 0 } else { rcode as u8 },
            authentic: asked.trust_ad && u16_at(message, 2) & flag::AD != 0,
            linked: found.links > 0,
            answers: answers as u16,
            authority: (self.kept.len() - answers) as u16,
            layout: asked.layout,
            ..Meta::default()
        };
        let verbatim = self.is_prefix(found) && !found.odd_pointer;
        let next = if found.ends_elsewhere || unfinished { current.as_wire() } else { &[] };
        if verbatim {
            let end = self.kept.len().checked_sub(1).map_or(found.question_end, |last| self.records[last].record.end);
            self.note_offsets(found);
            self.note_rotation(message, asked, found, &mut meta);
            segment::encode(out, &meta, &self.ttl_offsets, next, &message[found.question_end..end])
        } else {
            self.rewrite(message, asked, found)?;
            self.note_rotation(message, asked, found, &mut meta);
            segment::encode(out, &meta, &self.ttl_offsets, next, &self.rewritten[found.question_end..])
        }
        .ok_or(Unusable::Malformed)?;
        self.patch_ttls(out);
        let keepable = !self.kept.is_empty() && (!negative || found.soa.is_some() || unfinished);
        Ok(Kept {
            ttl: if keepable { ttl } else { 0 },
            whole_name: rcode == rcode::NXDOMAIN && found.links == 0 && negative,
        })
    }

    /// Bounds the TTLs of the kept records; returns the smallest.
    fn bound_ttls(&mut self, message: &[u8], asked: &Asked<'_>, found: &Found) -> u32 {
        for &index in &self.kept {
            let bounds = if index >= found.answers && found.soa.is_some() { asked.ttl.ncache } else { asked.ttl.cache };
            let bounded = bounded_ttl(message, &self.records[index].record, found.soa == Some(index), bounds);
            self.records[index].record.ttl = bounded;
        }
        let smallest = |records: &[Indexed], kept: &[usize]| {
            kept.iter().map(|&index| records[index].record.ttl).min().unwrap_or(u32::MAX)
        };
        // The records of a set live as long as the shortest of them (RFC 2181 §5.2); ANY gets several sets.
        if asked.qtype != rtype::ANY {
            let set = &self.kept[found.set.0..found.set.1];
            let shortest = smallest(&self.records, set);
            set.iter().for_each(|&index| self.records[index].record.ttl = shortest);
        }
        smallest(&self.records, &self.kept)
    }

    /// Whether the kept records are all answers, in the order of the chain, and then the first of the authority section.
    ///
    /// Many clients read a chain from top to bottom only, whatever order their upstream found good enough.
    fn is_prefix(&self, found: &Found) -> bool {
        self.kept.len() >= found.answers && self.kept.iter().enumerate().all(|(place, &index)| place == index)
    }

    fn note_offsets(&mut self, found: &Found) {
        self.ttl_offsets.clear();
        let offsets = self.kept.iter().map(|&index| (self.records[index].record.ttl_at() - found.question_end) as u16);
        self.ttl_offsets.extend(offsets);
    }

    /// Writes the kept records anew: those of the answer in the order of the chain, then those of the authority.
    fn rewrite(&mut self, message: &[u8], asked: &Asked<'_>, found: &Found) -> Result<(), Malformed> {
        self.ttl_offsets.clear();
        self.rewritten.clear();
        self.rewritten.extend_from_slice(&[0; HEADER_OCTETS]);
        self.rewritten.extend_from_slice(asked.qname);
        self.rewritten.extend_from_slice(&[0; 4]);
        let mut writer = Writer::new(&mut self.rewritten, HEADER_OCTETS, found.question_end - 4);
        for &index in &self.kept {
            let record = self.records[index].record;
            let at = writer.put_record(message, &record, record.ttl)?;
            self.ttl_offsets.push((at - found.question_end) as u16);
        }
        Ok(())
    }

    /// Notes the set of addresses, if there is one of two or more.
    fn note_rotation(&self, message: &[u8], asked: &Asked<'_>, found: &Found, meta: &mut Meta) {
        let (from, to) = found.set;
        if !rotates(asked.qtype) || to - from < 2 {
            return;
        }
        let length = if asked.qtype == rtype::A { 4 } else { 16 };
        let alike = |&index: &usize| u16_at(message, self.records[index].record.fixed + 8) == length;
        if self.kept[from..to].iter().all(alike) {
            (meta.rotate_first, meta.rotate_count) = (from as u16, (to - from) as u16);
        }
    }

    /// Writes the bounded TTLs into the segment's body.
    fn patch_ttls(&self, out: &mut [u8]) {
        let body = out.len() - segment::Segment::new(out).body().len();
        for (place, &index) in self.kept.iter().enumerate() {
            put_u32(out, body + usize::from(self.ttl_offsets[place]), self.records[index].record.ttl);
        }
    }
}

/// The commonest owner: a pointer to the question's name.
#[inline]
fn points_to_question(message: &[u8], record: &Record) -> bool {
    record.fixed - record.owner == 2 && u16_at(message, record.owner) == 0xc000 | HEADER_OCTETS as u16
}

/// Whether a record of the authority section proves something, or signs what does. A signature without its RRset, such
/// as one over the NS records that are not kept, would make a validator doubt the whole answer. The SOA is kept if the
/// answer is `negative`.
fn is_proof(message: &[u8], record: &Record, negative: bool) -> bool {
    match record.rtype {
        rtype::NSEC | rtype::NSEC3 => true,
        rtype::RRSIG if record.end >= record.rdata() + 2 => match u16_at(message, record.rdata()) {
            rtype::NSEC | rtype::NSEC3 => true,
            covered => covered == rtype::SOA && negative,
        },
        _ => false,
    }
}

/// A record's TTL within the bounds; the SOA's is also bounded by its MINIMUM (RFC 2308 §5).
fn bounded_ttl(message: &[u8], record: &Record, is_soa: bool, (least, most): (u32, u32)) -> u32 {
    let ttl = match is_soa && record.end >= record.rdata() + 4 {
        true => record.ttl.min(u32_at(message, record.end - 4)),
        false => record.ttl,
    };
    ttl.max(least).min(most)
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
mod tests {
    use super::super::header::put_u16;
    use super::super::name::Name;
    use super::super::segment::Segment;
    use super::super::walk::RECORD_FIXED_OCTETS;
    use super::*;

    const TTL: TtlBounds = TtlBounds { cache: (0, 1000), ncache: (0, 100) };
    const MX: u16 = 15;

    fn wire(name: &str) -> Vec<u8> {
        name.parse::<Name>().expect("a name").as_wire().to_vec()
    }

    /// A record: owner, type, TTL, RDATA.
    type Rr<'r> = (&'r str, u16, u32, Vec<u8>);

    fn address(owner: &str, ttl: u32, last: u8) -> Rr<'_> {
        (owner, rtype::A, ttl, vec![192, 0, 2, last])
    }

    fn alias<'r>(owner: &'r str, target: &str) -> Rr<'r> {
        (owner, rtype::CNAME, 300, wire(target))
    }

    /// An SOA with TTL 90 and MINIMUM 60.
    fn soa(owner: &str) -> Rr<'_> {
        (owner, rtype::SOA, 90, [&[0, 0][..], &[9; 16], &[0, 0, 0, 60]].concat())
    }

    fn signature(owner: &str, covered: u16) -> Rr<'_> {
        (owner, rtype::RRSIG, 300, [&covered.to_be_bytes()[..], &[7; 16], &[0], &[1; 8]].concat())
    }

    fn message(qname: &str, qtype: u16, flags: u16, answers: &[Rr<'_>], authority: &[Rr<'_>]) -> Vec<u8> {
        let mut out = Vec::new();
        for value in [1, flag::QR | flags, 1, answers.len() as u16, authority.len() as u16, 0] {
            out.extend(value.to_be_bytes());
        }
        out.extend(wire(qname));
        out.extend([qtype.to_be_bytes(), [0, 1]].concat());
        for (owner, rtype, ttl, rdata) in answers.iter().chain(authority) {
            out.extend(wire(owner));
            out.extend([rtype.to_be_bytes(), [0, 1]].concat());
            out.extend(ttl.to_be_bytes());
            out.extend((rdata.len() as u16).to_be_bytes());
            out.extend(rdata);
        }
        out
    }

    /// Reads under a rule for `corp` alone.
    fn read(message: &[u8], qname: &str, qtype: u16, dnssec_ok: bool) -> Result<(Kept, Vec<u8>), Unusable> {
        let (qname, corp) = (wire(qname), wire("corp"));
        let asked = Asked {
            qname: &qname,
            qtype,
            qclass: 1,
            dnssec_ok,
            trust_ad: false,
            layout: 0,
            ttl: TTL,
            apex_of: &|name| is_within(name, &corp).then_some(&corp[..]),
        };
        let mut out = Vec::new();
        Reader::default().read(message, &asked, &mut out).map(|kept| (kept, out))
    }

    /// What a segment keeps: `owner TYPE ttl`, the authority section behind `|`, the next name behind `->`.
    fn told(qname: &str, octets: &[u8]) -> String {
        let segment = Segment::new(octets);
        let message = [&[0; HEADER_OCTETS][..], &wire(qname), &[0; 4], segment.body()].concat();
        let meta = segment.meta();
        let (mut at, mut words) = (message.len() - segment.body().len(), Vec::new());
        for index in 0..meta.answers + meta.authority {
            if index == meta.answers {
                words.push("|".to_owned());
            }
            let record = Record::read(&message, at).expect("a kept record");
            let mut owner = NameBuf::default();
            owner.read(&message, record.owner).expect("a kept name");
            let owner = Name::from_wire(owner.as_wire()).expect("a name");
            words.push(format!("{owner} {} {}", super::super::mnemonic::type_name(record.rtype), record.ttl));
            at = record.end;
        }
        assert_eq!(at, message.len());
        if !segment.next().is_empty() {
            words.push(format!("-> {}", Name::from_wire(segment.next()).expect("a name")));
        }
        words.join(" ")
    }

    #[test]
    fn only_the_questions_own_chain_is_kept() {
        let glue = || vec![address("ns.corp", 300, 53)];
        let proof = || vec![("a.corp", rtype::NSEC, 80, vec![0, 0]), signature("a.corp", rtype::NSEC)];
        type Case<'c> = (&'c str, u16, u16, bool, Vec<Rr<'c>>, Vec<Rr<'c>>, &'c str, u32);
        let cases: Vec<Case<'_>> = vec![
            ("an address", 1, 0, false, vec![address("w.corp", 300, 1)], vec![], "w.corp A 300", 300),
            ("in another case", 1, 0, false, vec![address("W.Corp", 300, 1)], vec![], "w.corp A 300", 300),
            ("a TTL above the bound", 1, 0, false, vec![address("w.corp", 5000, 1)], vec![], "w.corp A 1000", 1000),
            ("a TTL with the top bit", 1, 0, false, vec![address("w.corp", 1 << 31, 1)], vec![], "w.corp A 0", 0),
            (
                "a set whose TTLs differ lives as long as the shortest",
                1,
                0,
                false,
                vec![address("w.corp", 300, 1), address("w.corp", 20, 2)],
                vec![],
                "w.corp A 20 w.corp A 20",
                20,
            ),
            (
                "ANY gets sets that each have their TTL",
                rtype::ANY,
                0,
                false,
                vec![address("w.corp", 300, 1), ("w.corp", MX, 20, vec![0, 1, 0])],
                vec![],
                "w.corp A 300 w.corp MX 20",
                20,
            ),
            (
                "another name's address beside it",
                1,
                0,
                false,
                vec![address("x.corp", 5, 9), address("w.corp", 300, 1)],
                glue(),
                "w.corp A 300",
                300,
            ),
            (
                "another type of the name, which is no answer",
                1,
                0,
                false,
                vec![("w.corp", rtype::TXT, 300, vec![0])],
                vec![],
                "",
                0,
            ),
            (
                "a chain in the wrong order",
                1,
                0,
                false,
                vec![address("y.corp", 40, 1), alias("x.corp", "y.corp"), alias("w.corp", "x.corp")],
                vec![],
                "w.corp CNAME 300 x.corp CNAME 300 y.corp A 40",
                40,
            ),
            (
                "a chain that leaves the rule, and what the upstream claims of the other's name",
                1,
                rcode::NXDOMAIN,
                false,
                vec![alias("w.corp", "victim.example"), address("victim.example", 300, 66)],
                vec![soa("corp")],
                "w.corp CNAME 300 -> victim.example",
                300,
            ),
            (
                "a chain whose end the upstream does not tell",
                1,
                0,
                false,
                vec![alias("w.corp", "x.corp")],
                vec![],
                "w.corp CNAME 300 -> x.corp",
                300,
            ),
            (
                "a DNAME above the name, one elsewhere, and the CNAME made from the first",
                1,
                0,
                false,
                vec![
                    ("old.corp", rtype::DNAME, 300, wire("corp")),
                    ("corp", rtype::DNAME, 300, wire("new.corp")),
                    alias("w.corp", "w.new.corp"),
                    address("w.new.corp", 300, 1),
                ],
                vec![],
                "corp DNAME 300 w.corp CNAME 300 w.new.corp A 300",
                300,
            ),
            ("no such name", 1, rcode::NXDOMAIN, false, vec![], vec![soa("corp")], "| corp SOA 60", 60),
            ("no such type", 1, 0, false, vec![], vec![soa("corp")], "| corp SOA 60", 60),
            ("no such type, and no SOA", 1, 0, false, vec![], glue(), "", 0),
            (
                "an alias to a name that does not exist",
                1,
                rcode::NXDOMAIN,
                false,
                vec![alias("w.corp", "x.corp")],
                vec![soa("corp")],
                "w.corp CNAME 300 | corp SOA 60",
                60,
            ),
            (
                "signatures and proofs, without DO",
                1,
                0,
                false,
                vec![address("w.corp", 300, 1), signature("w.corp", 1)],
                proof(),
                "w.corp A 300",
                300,
            ),
            (
                "signatures and proofs, for DO",
                1,
                0,
                true,
                vec![address("w.corp", 300, 1), signature("w.corp", 1), signature("w.corp", MX)],
                proof(),
                "w.corp A 300 w.corp RRSIG 300 | a.corp NSEC 80 a.corp RRSIG 300",
                80,
            ),
            (
                "a proof from outside the rule, for DO",
                1,
                rcode::NXDOMAIN,
                true,
                vec![],
                vec![soa("corp"), ("a.example", rtype::NSEC, 80, vec![0, 0])],
                "| corp SOA 60",
                60,
            ),
        ];
        for (case, qtype, flags, dnssec_ok, answers, authority, expected, ttl) in cases {
            let message = message("w.corp", qtype, flags, &answers, &authority);
            let (kept, segment) = read(&message, "w.corp", qtype, dnssec_ok).expect(case);
            assert_eq!((told("w.corp", &segment).as_str(), kept.ttl), (expected, ttl), "{case}");
        }
    }

    #[test]
    fn what_cannot_be_believed_is_of_no_use() {
        let names: Vec<String> = (0..=MAX_LINKS).map(|link| format!("n{link}.corp")).collect();
        let owner = |link: usize| if link == 0 { "w.corp" } else { names[link - 1].as_str() };
        let long: Vec<Rr<'_>> = (0..=MAX_LINKS).map(|link| alias(owner(link), &names[link])).collect();
        let followed = long[..MAX_LINKS].to_vec();
        type Case<'c> = (&'c str, Vec<Rr<'c>>, Vec<Rr<'c>>, Option<Unusable>);
        let cases: Vec<Case<'_>> = vec![
            ("a loop", vec![alias("w.corp", "x.corp"), alias("x.corp", "w.corp")], vec![], Some(Unusable::BrokenChain)),
            ("an alias of itself", vec![alias("w.corp", "w.corp")], vec![], Some(Unusable::BrokenChain)),
            ("one link more than named follows", long, vec![], Some(Unusable::BrokenChain)),
            ("as many links as named follows", followed, vec![], None),
            ("the SOA of a zone beside the name", vec![], vec![soa("x.corp")], Some(Unusable::SoaOutside)),
            ("the SOA of a zone above the rule", vec![], vec![soa(".")], Some(Unusable::SoaOutside)),
            (
                "an alias with octets behind its target",
                vec![("w.corp", rtype::CNAME, 300, b"\x01x\0\0".to_vec())],
                vec![],
                Some(Unusable::Malformed),
            ),
            (
                "an alias without a target",
                vec![("w.corp", rtype::CNAME, 300, vec![])],
                vec![],
                Some(Unusable::Malformed),
            ),
        ];
        for (case, answers, authority, expected) in cases {
            let message = message("w.corp", 1, 0, &answers, &authority);
            assert_eq!(read(&message, "w.corp", 1, false).err(), expected, "{case}");
        }
        let whole = message("w.corp", 1, 0, &[address("w.corp", 300, 1)], &[]);
        for length in HEADER_OCTETS + 8 + 4..whole.len() {
            assert_eq!(read(&whole[..length], "w.corp", 1, false).err(), Some(Unusable::Malformed), "cut at {length}");
        }
    }

    #[test]
    fn nxdomain_is_for_the_whole_name_only_if_it_is_the_questions_own() {
        let nxdomain = message("w.corp", 1, rcode::NXDOMAIN, &[], &[soa("corp")]);
        assert!(read(&nxdomain, "w.corp", 1, false).expect("usable").0.whole_name);
        let of_target = message("w.corp", 1, rcode::NXDOMAIN, &[alias("w.corp", "x.corp")], &[soa("corp")]);
        assert!(!read(&of_target, "w.corp", 1, false).expect("usable").0.whole_name);
    }

    #[test]
    fn the_opt_record_of_a_response_is_found_in_the_additional_section_only() {
        let opt: &[u8] = b"\0\0\x29\x04\xd0\x01\0\0\0";
        let with = |additional: u16, records: &[u8]| {
            let mut octets = message("w.corp", 1, 0, &[address("w.corp", 300, 1)], &[]);
            octets[10..12].copy_from_slice(&additional.to_be_bytes());
            octets.extend(records);
            octets
        };
        let found = |cookie| Ok(Some((1, cookie)));
        type Case<'c> = (&'c str, Vec<u8>, Result<Option<(u8, Option<&'c [u8]>)>, Malformed>);
        let cases: Vec<Case<'_>> = vec![
            ("none", with(0, b""), Ok(None)),
            ("one without options", with(1, &[opt, b"\0\0"].concat()), found(None)),
            (
                "a cookie behind another option",
                with(1, &[opt, b"\0\x09\0\x03\0\0\0\x0a\0\x01c"].concat()),
                found(Some(b"c")),
            ),
            ("a cookie", with(1, &[opt, b"\0\x05\0\x0a\0\x01c"].concat()), found(Some(b"c"))),
            ("an option that is cut off", with(1, &[opt, b"\0\x05\0\x0a\0\x09c"].concat()), Err(Malformed)),
            ("announced but missing", with(1, b""), Err(Malformed)),
            ("another record alone", with(1, b"\0\0\x01\0\x01\0\0\0\0\0\0"), Ok(None)),
        ];
        for (case, octets, expected) in cases {
            let opt = find_opt(&octets, HEADER_OCTETS + 8 + 4);
            assert_eq!(opt.map(|opt| opt.map(|opt| (opt.extended_rcode, opt.cookie))), expected, "{case}");
        }
    }

    #[test]
    fn a_message_whose_owners_are_all_at_the_end_of_long_ways_is_not_walked() {
        let qname = wire("a.example");
        let mut packet = message("a.example", rtype::A, 0, &[], &[]);
        // In the RDATA of a record of an unknown type: labels, each with a pointer to the one before.
        let mut rdata = Vec::new();
        let start = packet.len() + 2 + RECORD_FIXED_OCTETS;
        for step in 0..110 {
            let before = if step == 0 { HEADER_OCTETS } else { start + 4 * (step - 1) };
            rdata.extend([1, b'x', 0xc0 | (before >> 8) as u8, before as u8]);
        }
        let owner = start + 4 * 109;
        packet.extend([0xc0, 12, 0xff, 0, 0, 1, 0, 0, 0, 9, (rdata.len() >> 8) as u8, rdata.len() as u8]);
        packet.extend(&rdata);
        let record = [0xc0 | (owner >> 8) as u8, owner as u8, 0, 1, 0, 1, 0, 0, 0, 9, 0, 0];
        for (count, expected) in [(5, None), (4000, Some(Unusable::Malformed))] {
            let mut packet = packet.clone();
            put_u16(&mut packet, 6, count + 1);
            packet.extend(record.repeat(usize::from(count)));
            let asked = Asked {
                qname: &qname,
                qtype: rtype::A,
                qclass: 1,
                dnssec_ok: false,
                trust_ad: false,
                layout: 0,
                ttl: TTL,
                apex_of: &|_| Some(&[0]),
            };
            let outcome = Reader::default().read(&packet, &asked, &mut Vec::new());
            assert_eq!(outcome.err(), expected, "{count} records");
        }
    }
}
