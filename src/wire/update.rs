//! Reading an update in place (RFC 2136 §2): zone, prerequisites, what is to change.
//!
//! An update has a query's shape: its zone section is one question, its prerequisites and changes stand where answers
//! and authority do, OPT and TSIG in the additional section. So it is read as a [`Query`] of another opcode.
//! Not here: what the records mean (`zone`'s updates), who signed it (`tsig`).

use super::header::{opcode, u16_at};
use super::query::Query;
use super::walk::{Malformed, Record};

/// An update all of whose records have their places; their names and RDATA were not looked at.
#[derive(Clone, Copy, Debug)]
pub struct Update<'p> {
    /// The message: its question is the zone section (QTYPE is ZTYPE). Lent to [`super::reply`] for the answer.
    pub query: Query<'p>,
    /// Where the update section begins.
    updates_at: usize,
}

impl<'p> Update<'p> {
    /// Reads an update of one zone whose zone section ends at `zone_end`, as [`super::Fault::Opcode`] says.
    ///
    /// # Errors
    /// When it is no update, is cut off, or has an OPT or TSIG record where none may be.
    pub fn read(packet: &'p [u8], zone_end: usize) -> Result<Self, Malformed> {
        if packet.len() < zone_end || (packet[2] >> 3) & 0xf != opcode::UPDATE {
            return Err(Malformed);
        }
        let query = Query::read_sections(packet, zone_end)?;
        let mut updates_at = zone_end;
        for _ in 0..u16_at(packet, 6) {
            updates_at = Record::read(packet, updates_at)?.end;
        }
        Ok(Self { query, updates_at })
    }

    /// The name of the zone, in the client's case.
    pub fn zone(&self) -> &'p [u8] {
        self.query.qname()
    }

    /// What must hold, in the order of the message.
    pub fn prerequisites(&self) -> impl Iterator<Item = Record> + use<'p> {
        records(self.query.packet, self.query.question_end, u16_at(self.query.packet, 6))
    }

    /// What is to change, in the order of the message.
    pub fn changes(&self) -> impl Iterator<Item = Record> + use<'p> {
        records(self.query.packet, self.updates_at, u16_at(self.query.packet, 8))
    }
}

/// `count` records from `at` on, which were read before.
fn records(packet: &[u8], mut at: usize, count: u16) -> impl Iterator<Item = Record> {
    (0..count).map_while(move |_| {
        let record = Record::read(packet, at).ok()?;
        at = record.end;
        Some(record)
    })
}

#[cfg(test)]
mod tests {
    use super::super::header::{HEADER_OCTETS, class, rtype};
    use super::super::query::Fault;
    use super::*;

    const ZONE: &[u8] = b"\x04Corp\0\0\x06\0\x01";
    const END: usize = HEADER_OCTETS + ZONE.len();

    fn packet(counts: [u16; 3], rest: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x12, 0x34, 0x28, 0, 0, 1];
        packet.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
        [&packet, ZONE, rest].concat()
    }

    #[test]
    fn the_sections_are_told_apart() {
        let packet = packet(
            [1, 2, 2],
            b"\x01a\xc0\x0c\0\x01\0\xff\0\0\0\0\0\0\
              \x01b\xc0\x0c\0\x01\0\x01\0\0\0\x05\0\x04\x0a\0\0\x01\
              \x01c\xc0\x0c\0\x10\0\xfe\0\0\0\0\0\x02\x01x\
              \0\0\x29\x04\xd0\0\0\0\0\0\0\
              \x01k\0\0\xfa\0\xff\0\0\0\0\0\0",
        );
        assert_eq!(Query::read(&packet).err(), Some(Fault::Opcode(opcode::UPDATE, Some(END))));
        let update = Update::read(&packet, END).expect("an update");
        assert_eq!((update.zone(), update.query.qtype, update.query.qclass), (&ZONE[..6], rtype::SOA, class::IN));
        assert!(update.query.signed && update.query.edns.is_some_and(|edns| edns.udp_size == 1232));
        let seen = |record: Record| (packet[record.owner + 1], record.rtype, record.class, record.end - record.rdata());
        assert_eq!(update.prerequisites().map(seen).collect::<Vec<_>>(), [(b'a', rtype::A, class::ANY, 0)]);
        let changes: Vec<_> = update.changes().map(seen).collect();
        assert_eq!(changes, [(b'b', rtype::A, class::IN, 4), (b'c', rtype::TXT, class::NONE, 2)]);
    }

    #[test]
    fn what_is_cut_off_or_misplaced_is_refused() {
        let a = b"\x01a\xc0\x0c\0\x01\0\xff\0\0\0\0\0\0";
        let (opt, tsig) = (b"\0\0\x29\x04\xd0\0\0\0\0\0\0", b"\x01k\0\0\xfa\0\xff\0\0\0\0\0\0");
        let both = [&tsig[..], a].concat();
        let cases: [(&str, [u16; 3], &[u8]); 7] = [
            ("a prerequisite that is missing", [1, 0, 0], b""),
            ("a change that is missing", [0, 2, 0], a),
            ("a change that is cut off", [0, 1, 0], &a[..a.len() - 1]),
            ("OPT among the changes", [0, 1, 0], opt),
            ("TSIG among the changes", [0, 1, 0], tsig),
            ("TSIG before another record", [0, 0, 2], &both),
            ("65,535 changes that are missing", [0, 65_535, 0], a),
        ];
        for (case, counts, rest) in cases {
            assert_eq!(Update::read(&packet(counts, rest), END).err(), Some(Malformed), "{case}");
        }
        let mut query = packet([0, 0, 0], b"");
        assert!(Update::read(&query, END).is_ok());
        query[2] = 0;
        assert_eq!(Update::read(&query, END).err(), Some(Malformed), "another opcode");
    }
}
