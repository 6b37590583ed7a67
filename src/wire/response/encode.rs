//! Writing the kept records as a segment: copied as they are where they are all there is, else anew; TTLs bounded.
//!
//! Not here: which records those are (see `keep`).

use super::{Asked, Found, Indexed, Kept, Reader, Unusable};
use crate::wire::compress::Writer;
use crate::wire::header::{HEADER_OCTETS, flag, put_u32, rcode, rtype, u16_at, u32_at};
use crate::wire::segment::{self, Meta, rotates};
use crate::wire::walk::{Malformed, NameBuf, Record};

impl Reader {
    /// Writes the segment, with `current` the name at the chain's end.
    pub(super) fn encode(
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

/// A record's TTL within the bounds; the SOA's is also bounded by its MINIMUM (RFC 2308 §5).
fn bounded_ttl(message: &[u8], record: &Record, is_soa: bool, (least, most): (u32, u32)) -> u32 {
    let ttl = match is_soa && record.end >= record.rdata() + 4 {
        true => record.ttl.min(u32_at(message, record.end - 4)),
        false => record.ttl,
    };
    ttl.max(least).min(most)
}
