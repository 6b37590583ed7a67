//! Choosing what is kept of a response: the chain from the question on, the negative SOA, signatures and proofs.
//!
//! Not here: what a record's owner is (see [`super::Reader`]'s index), how the kept records are written (see
//! `encode`).

use std::hash::BuildHasher;

use super::{Asked, Found, Indexed, MAX_LINKS, Reader, Unusable};
use crate::wire::header::{flag, rtype, u16_at};
use crate::wire::name::is_within;
use crate::wire::walk::{Malformed, NameBuf, Record};

impl Reader {
    /// Follows the links of the answer section from the question on, keeping what belongs to them.
    ///
    /// Leaves in `current` the name at the chain's end.
    pub(super) fn follow_chain(
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
            if wanted && class == asked.qclass && self.is_owned_by(message, asked, index, name, hash)? {
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
            if rtype == rtype::CNAME && class == asked.qclass && self.is_owned_by(message, asked, index, name, hash)? {
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
            if covers && self.is_owned_by(message, asked, index, name, hash)? {
                self.keep(index);
            }
        }
        Ok(())
    }

    /// Keeps the SOA of a negative answer and, for DO, the proofs of the authority section.
    pub(super) fn keep_authority(
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
                if !is_within(current.as_wire(), owner.as_wire()) || !inside && found.links > 0 {
                    return Err(Unusable::SoaOutside);
                }
                if !inside {
                    return Err(Unusable::SoaAbove { rcode: u16_at(message, 2) & flag::RCODE });
                }
                found.soa = Some(index);
                self.keep(index);
            } else if inside || (asked.apex_of)(owner.as_wire()).is_some() {
                self.keep(index);
            }
        }
        Ok(())
    }
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
