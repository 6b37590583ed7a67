//! Putting the RRsets of a written answer in the orders that `rrset-order` has for their owners and types, of all sections.
//!
//! Done last, since whatever is told beside an answer is found by where names stand in it. Signatures stay where they are.
//! Not here: one order for everything, which costs no second look ([`Admitted::rotation`]).

use super::admitted::Admitted;
use crate::config::RrsetOrder;
use crate::state::order::Orders;
use crate::wire::compress::Writer;
use crate::wire::header::{HEADER_OCTETS, rtype};
use crate::wire::reply::Reply;
use crate::wire::segment::rotates;
use crate::wire::walk::{NameBuf, Record};
use crate::zone::policy::Draw;

impl Admitted<'_> {
    /// Puts the RRsets of an answer that ends at `end` in order, if it fits into `limit` octets with its OPT record;
    /// returns where it ends then.
    #[cold]
    pub(super) fn put_in_order(
        &self,
        orders: &Orders,
        reply: &Reply<'_>,
        (end, limit): (usize, usize),
        out: &mut [u8],
    ) -> usize {
        let opt = self.query.edns.map_or(0, |_| reply.opt.octets());
        let counts = [reply.answers, reply.authority, reply.additional];
        let (start, room) = (self.query.question_end, limit.saturating_sub(opt));
        if counts.iter().all(|count| *count < 2) || end > room {
            return end;
        }
        let told = Told { start, end, counts };
        told.put_in_order(out, room, |owner, rtype| orders.of(owner, rtype), self.context.rotation, &mut self.draw())
            .unwrap_or(end)
    }
}

/// An answer behind a header and a question.
struct Told {
    /// Where its records begin and end.
    start: usize,
    end: usize,
    /// Records of each section.
    counts: [u16; 3],
}

impl Told {
    /// Returns where the records end then; `None`: they are left as they are, since nothing is to be moved, or what is
    /// written does not fit into `room` octets when it is written anew.
    fn put_in_order(
        &self,
        out: &mut [u8],
        room: usize,
        order: impl Fn(&[u8], u16) -> RrsetOrder,
        rotation: u32,
        draw: &mut Draw,
    ) -> Option<usize> {
        let before = out.get(..self.end)?.to_vec();
        let records = self.records(&before)?;
        let mut places: Vec<usize> = (0..records.len()).collect();
        let (mut from, mut is_copied) = (0, true);
        for count in self.counts {
            let section_end = from + usize::from(count);
            while from < section_end {
                let (owner, rtype, to) = rrset(&before, &records[..section_end], from)?;
                if to - from > 1 && rtype != rtype::RRSIG {
                    let is_moved = arrange(&mut places[from..to], order(owner.as_wire(), rtype), rotation, draw);
                    is_copied &= !is_moved || (rotates(rtype) && are_alike(&records[from..to]));
                }
                from = to;
            }
        }
        if places.is_sorted() {
            return None;
        }
        match is_copied {
            true => {
                for (to, from) in records.iter().zip(places.iter().map(|&place| &records[place])) {
                    out[to.rdata()..to.end].copy_from_slice(&before[from.rdata()..from.end]);
                }
                Some(self.end)
            }
            false => self.rewrite(&before, places.iter().map(|&place| &records[place]), room, out),
        }
    }

    fn records(&self, message: &[u8]) -> Option<Vec<Record>> {
        let (mut records, mut at) = (Vec::new(), self.start);
        for _ in 0..self.counts.iter().map(|&count| usize::from(count)).sum() {
            let record = Record::read(message, at).ok()?;
            at = record.end;
            records.push(record);
        }
        (at == self.end).then_some(records)
    }

    /// Writes the records anew: names in RDATA may point into a record that is behind them now.
    fn rewrite<'r>(
        &self,
        before: &[u8],
        records: impl Iterator<Item = &'r Record>,
        room: usize,
        out: &mut [u8],
    ) -> Option<usize> {
        let mut message = before[..self.start].to_vec();
        let mut writer = Writer::new(&mut message, HEADER_OCTETS, self.start - 4);
        for record in records {
            writer.put_record(before, record, record.ttl).ok()?;
        }
        let written = message.get(self.start..).filter(|_| message.len() <= room)?;
        out.get_mut(self.start..message.len())?.copy_from_slice(written);
        Some(message.len())
    }
}

/// The owner and type of the RRset that begins at this record, and the place of the record behind it.
fn rrset(message: &[u8], records: &[Record], from: usize) -> Option<(NameBuf, u16, usize)> {
    let (mut owner, mut other) = (NameBuf::default(), NameBuf::default());
    let first = records.get(from)?;
    owner.read(message, first.owner).ok()?;
    let mut is_of_it = |record: &&Record| {
        record.rtype == first.rtype && other.read(message, record.owner).is_ok() && other.as_wire() == owner.as_wire()
    };
    let more = records[from + 1..].iter().take_while(&mut is_of_it).count();
    Some((owner, first.rtype, from + 1 + more))
}

/// Says whether any place has changed.
fn arrange(places: &mut [usize], order: RrsetOrder, rotation: u32, draw: &mut Draw) -> bool {
    match order {
        RrsetOrder::Fixed => return false,
        RrsetOrder::Cyclic => places.rotate_left(rotation as usize % places.len()),
        // Fisher and Yates, as Durstenfeld wrote it down (Algorithm 235, CACM 7, 1964).
        RrsetOrder::Random => (1..places.len()).rev().for_each(|last| places.swap(last, draw.below(last + 1))),
    }
    !places.is_sorted()
}

/// Whether RDATA of all these records have one length.
fn are_alike(records: &[Record]) -> bool {
    records.windows(2).all(|pair| pair[0].end - pair[0].rdata() == pair[1].end - pair[1].rdata())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where records begin behind a question of `x`.
    const START: usize = HEADER_OCTETS + 7;

    /// A message with these records, each of a type and RDATA, owned by the question's name.
    fn message(records: &[(u16, &[u8])]) -> Vec<u8> {
        let mut message = [&[0; HEADER_OCTETS][..], b"\x01x\0\0\x01\0\x01"].concat();
        for (rtype, rdata) in records {
            message.extend(b"\xc0\x0c");
            message.extend(rtype.to_be_bytes());
            message.extend(b"\0\x01\0\0\0\x3c");
            message.extend((rdata.len() as u16).to_be_bytes());
            message.extend_from_slice(rdata);
        }
        message
    }

    fn told(message: &[u8], counts: [u16; 3]) -> Told {
        Told { start: START, end: message.len(), counts }
    }

    #[test]
    fn each_rrset_of_each_section_has_its_order_and_signatures_stay() {
        let before = [
            (1, &b"aaaa"[..]),
            (1, b"bbbb"),
            (1, b"cccc"),
            (46, &[0; 19]),
            (46, &[0; 20]),
            (16, b"\x01u"),
            (16, b"\x02vv"),
        ];
        type Case<'c> = (&'c str, [u16; 3], RrsetOrder, RrsetOrder, [usize; 7]);
        let (cyclic, fixed) = (RrsetOrder::Cyclic, RrsetOrder::Fixed);
        let cases: [Case<'_>; 5] = [
            ("addresses go round", [7, 0, 0], cyclic, fixed, [1, 2, 0, 3, 4, 5, 6]),
            ("texts do", [7, 0, 0], fixed, cyclic, [0, 1, 2, 3, 4, 6, 5]),
            ("both do", [7, 0, 0], cyclic, cyclic, [1, 2, 0, 3, 4, 6, 5]),
            ("in other sections, too", [3, 2, 2], cyclic, cyclic, [1, 2, 0, 3, 4, 6, 5]),
            ("no section's records go to another", [1, 5, 1], cyclic, cyclic, [0, 2, 1, 3, 4, 5, 6]),
        ];
        for (case, counts, of_addresses, of_others, expected) in cases {
            let mut out = message(&before);
            let room = out.len();
            let order = |owner: &[u8], rtype: u16| {
                assert_eq!(owner, b"\x01x\0", "{case}");
                if rtype == 1 { of_addresses } else { of_others }
            };
            let end = told(&out, counts).put_in_order(&mut out, room, order, 1, &mut Draw::new(0));
            assert_eq!(end, Some(room), "{case}");
            assert_eq!(out, message(&expected.map(|place| before[place])), "{case}");
        }
    }

    #[test]
    fn names_that_point_into_records_behind_them_are_written_anew() {
        // The second points to the first's name, at START + 14.
        let first = START + 14;
        let pointer = [0, 20, 0xc0, first as u8];
        let before = message(&[(15, b"\0\x0a\x01m\x01y\0"), (15, &pointer)]);
        let mut out = before.clone();
        let end = told(&before, [2, 0, 0]).put_in_order(&mut out, 512, |_, _| RrsetOrder::Cyclic, 1, &mut Draw::new(0));
        let expected = message(&[(15, b"\0\x14\x01m\x01y\0"), (15, &[0, 10, 0xc0, first as u8])]);
        assert_eq!((end, &out), (Some(before.len()), &expected));
        let mut out = before.clone();
        let room = before.len() - 1;
        let end =
            told(&before, [2, 0, 0]).put_in_order(&mut out, room, |_, _| RrsetOrder::Cyclic, 1, &mut Draw::new(0));
        assert_eq!((end, out), (None, before), "it is left as it is where there is no room");
    }

    #[test]
    fn every_order_is_drawn() {
        let before = message(&[(1, b"aaaa"), (1, b"bbbb"), (1, b"cccc")]);
        let mut seen = std::collections::HashMap::new();
        for seed in 0..600 {
            let mut out = before.clone();
            told(&before, [3, 0, 0]).put_in_order(
                &mut out,
                512,
                |_, _| RrsetOrder::Random,
                0,
                &mut Draw::new(seed << 32),
            );
            *seen.entry(out).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), 6);
        assert!(seen.values().all(|count| (60..=140).contains(count)), "{:?}", seen.values());
    }
}
