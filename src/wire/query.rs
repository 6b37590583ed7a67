//! Reading a client's query in place: header, question, EDNS.
//!
//! Nothing is allocated and nothing copied: a [`Query`] lends from the packet. What cannot be read becomes a
//! [`Fault`] that says what is wrong with it.
//! Not here: how a fault is answered (`answer`), other opcodes than QUERY beyond their first question.

use super::edns::Edns;
use super::header::{HEADER_OCTETS, class, flag, opcode, rtype, u16_at};
use super::walk::{Malformed, Record, plain_name_end};

/// A query that can be answered by its meaning.
#[derive(Clone, Copy, Debug)]
pub struct Query<'p> {
    /// The whole packet; at least a header and a question.
    pub packet: &'p [u8],
    /// Where the question ends; the answer section of a reply begins there.
    pub question_end: usize,
    /// QTYPE.
    pub qtype: u16,
    /// QCLASS.
    pub qclass: u16,
    /// The OPT record, if there is one.
    pub edns: Option<Edns<'p>>,
    /// Whether it carries a TSIG record. SIG(0) is not looked at, which RFC 2931 §3.2 leaves to the server.
    pub signed: bool,
}

/// Why a packet is no query that can be answered by its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Not even a header, or itself a response.
    NotAQuery,
    /// A message of another opcode than QUERY, `1..16`; its question (an update's zone section, RFC 2136 §2.3) ends
    /// there, if there is one and only one that can be read.
    Opcode(u8, Option<usize>),
    /// A query that is cut off or against the rules; its question ends there, likewise.
    Malformed(Option<usize>),
}

impl<'p> Query<'p> {
    /// Reads a packet.
    #[inline]
    pub fn read(packet: &'p [u8]) -> Result<Self, Fault> {
        if packet.len() < HEADER_OCTETS || packet[2] & 0x80 != 0 {
            return Err(Fault::NotAQuery);
        }
        let question_end = Self::question_end(packet);
        match ((packet[2] >> 3) & 0xf, question_end) {
            (opcode::QUERY, Some(end)) => {
                Self::read_sections(packet, end).map_err(|Malformed| Fault::Malformed(question_end))
            }
            (opcode::QUERY, None) => Err(Fault::Malformed(None)),
            (opcode, question_end) => Err(Fault::Opcode(opcode, question_end)),
        }
    }

    /// Where the question ends, if there is one and only one that can be read.
    #[inline]
    fn question_end(packet: &[u8]) -> Option<usize> {
        if u16_at(packet, 4) != 1 {
            return None;
        }
        let end = plain_name_end(packet, HEADER_OCTETS).ok()? + 4;
        (end <= packet.len()).then_some(end)
    }

    /// Reads a message whose one question ends at `question_end`, whatever its opcode.
    pub(super) fn read_sections(packet: &'p [u8], question_end: usize) -> Result<Self, Malformed> {
        let mut query = Self {
            packet,
            question_end,
            qtype: u16_at(packet, question_end - 4),
            qclass: u16_at(packet, question_end - 2),
            edns: None,
            signed: false,
        };
        let before = usize::from(u16_at(packet, 6)) + usize::from(u16_at(packet, 8));
        let additional = usize::from(u16_at(packet, 10));
        query.read_records(before, additional)?;
        Ok(query)
    }

    fn read_records(&mut self, before: usize, additional: usize) -> Result<(), Malformed> {
        let mut at = self.question_end;
        for index in 0..before + additional {
            let record = Record::read(self.packet, at)?;
            at = record.end;
            match record.rtype {
                // Once, at the root, and in the additional section (RFC 6891 §6.1.1).
                rtype::OPT if index < before || self.edns.is_some() || record.fixed - record.owner != 1 => {
                    return Err(Malformed);
                }
                rtype::OPT => self.edns = Some(Edns::read(self.packet, &record)?),
                // Once, and behind all others (RFC 8945 §5.1).
                rtype::TSIG if index + 1 < before + additional || index < before || record.class != class::ANY => {
                    return Err(Malformed);
                }
                rtype::TSIG => self.signed = true,
                _ => {}
            }
        }
        // What is left over behind the last record is ignored, as named does.
        Ok(())
    }

    /// The ID, as it was sent.
    #[inline]
    pub fn id(&self) -> u16 {
        u16_at(self.packet, 0)
    }

    /// The flags, as they were sent.
    #[inline]
    pub fn flags(&self) -> u16 {
        u16_at(self.packet, 2)
    }

    /// QNAME in the client's case, uncompressed.
    #[inline]
    pub fn qname(&self) -> &'p [u8] {
        &self.packet[HEADER_OCTETS..self.question_end - 4]
    }

    /// RD.
    #[inline]
    pub fn recursion_desired(&self) -> bool {
        self.flags() & flag::RD != 0
    }

    /// CD.
    #[inline]
    pub fn checking_disabled(&self) -> bool {
        self.flags() & flag::CD != 0
    }

    /// DO.
    #[inline]
    pub fn dnssec_ok(&self) -> bool {
        self.edns.is_some_and(|edns| edns.dnssec_ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUESTION: &[u8] = b"\x03WwW\x07example\0\0\x01\0\x01";

    fn packet(flags: u16, counts: [u16; 4], rest: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x12, 0x34];
        packet.extend(flags.to_be_bytes());
        packet.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
        packet.extend(rest);
        packet
    }

    fn with(extra: &[u8]) -> Vec<u8> {
        [QUESTION, extra].concat()
    }

    #[test]
    fn what_is_wrong_is_told() {
        let opt: &[u8] = b"\0\0\x29\x04\xd0\0\0\0\0\0\0";
        let long_name = [&[63u8; 64][..], &[63; 64], &[63; 64], &[63; 64], b"\0\0\x01\0\x01"].concat();
        let question_end = Some(HEADER_OCTETS + QUESTION.len());
        let (no_question, bad_record) = (Fault::Malformed(None), Fault::Malformed(question_end));
        let tsig: &[u8] = b"\x01k\0\0\xfa\0\xff\0\0\0\0\0\0";
        let cases: Vec<(&str, Vec<u8>, Fault)> = vec![
            ("nothing", vec![], Fault::NotAQuery),
            ("a cut header", vec![0; 11], Fault::NotAQuery),
            ("a response", packet(0x8000, [1, 0, 0, 0], QUESTION), Fault::NotAQuery),
            ("a status request", packet(0x1000, [1, 0, 0, 0], QUESTION), Fault::Opcode(2, question_end)),
            ("a notify", packet(0x2000, [1, 0, 0, 0], QUESTION), Fault::Opcode(opcode::NOTIFY, question_end)),
            ("an update", packet(0x2800, [1, 0, 0, 0], QUESTION), Fault::Opcode(opcode::UPDATE, question_end)),
            ("no question", packet(0, [0, 0, 0, 0], b""), no_question),
            ("two questions", packet(0, [2, 0, 0, 0], &with(QUESTION)), no_question),
            ("a question that is cut off", packet(0, [1, 0, 0, 0], &QUESTION[..QUESTION.len() - 1]), no_question),
            ("a pointer in the question", packet(0, [1, 0, 0, 0], b"\xc0\x0c\0\x01\0\x01"), no_question),
            ("a name of more than 255 octets", packet(0, [1, 0, 0, 0], &long_name), no_question),
            ("a notify of nothing", packet(0x2000, [0, 0, 0, 0], b""), Fault::Opcode(opcode::NOTIFY, None)),
            ("a record that is announced but missing", packet(0, [1, 0, 0, 1], QUESTION), bad_record),
            ("two OPT records", packet(0, [1, 0, 0, 2], &with(&[opt, opt].concat())), bad_record),
            ("OPT not at the root", packet(0, [1, 0, 0, 1], &with(b"\x01a\0\0\x29\x04\xd0\0\0\0\0\0\0")), bad_record),
            ("OPT in the answer section", packet(0, [1, 1, 0, 0], &with(opt)), bad_record),
            (
                "an option that is cut off",
                packet(0, [1, 0, 0, 1], &with(b"\0\0\x29\x04\xd0\0\0\0\0\0\x03\0\x0a\0")),
                bad_record,
            ),
            ("TSIG before another record", packet(0, [1, 0, 0, 2], &with(&[tsig, opt].concat())), bad_record),
            ("TSIG in the answer section", packet(0, [1, 1, 0, 0], &with(tsig)), bad_record),
        ];
        for (case, packet, expected) in cases {
            assert_eq!(Query::read(&packet).err(), Some(expected), "{case}");
        }
    }

    #[test]
    fn octets_behind_the_last_record_are_ignored() {
        for behind in [1, 100] {
            let packet = packet(0, [1, 0, 0, 0], &with(&vec![0xff; behind]));
            let query = Query::read(&packet).expect("a query");
            assert_eq!((query.qname(), query.qtype, query.edns), (&QUESTION[..13], 1, None));
        }
    }

    #[test]
    fn a_query_with_edns_is_read_in_place() {
        let packet =
            packet(0x0110, [1, 0, 0, 1], &with(b"\0\0\x29\x10\0\0\x01\x80\0\0\x11\xff\xfe\0\x01x\0\x0a\0\x08cookie!!"));
        let query = Query::read(&packet).expect("a query");
        assert_eq!(query.qname(), b"\x03WwW\x07example\0");
        assert!(query.recursion_desired() && query.checking_disabled() && query.dnssec_ok() && !query.signed);
        let expected = Edns {
            udp_size: 4096,
            extended_rcode: 0,
            version: 1,
            dnssec_ok: true,
            cookie: Some(b"cookie!!"),
            keepalive: false,
        };
        assert_eq!(query.edns, Some(expected));
    }
}
