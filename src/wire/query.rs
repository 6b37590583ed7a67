//! Reading a client's query in place: header, question, EDNS.
//!
//! Nothing is allocated and nothing copied: a [`Query`] lends from the packet. What cannot be read becomes a
//! [`Fault`] that says how it is answered, as named answers it.

use super::edns::Edns;
use super::header::{HEADER_OCTETS, flag, opcode, rcode, rtype, u16_at};
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
    /// Whether it carries a TSIG or SIG(0) record.
    pub signed: bool,
}

/// Why a packet is no query that can be answered by its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Not even a header, or itself a response: no answer, lest two servers talk for ever.
    Drop,
    /// This RCODE, with a header alone, the counts zero.
    Reply(u16),
}

impl<'p> Query<'p> {
    /// Reads a packet.
    #[inline]
    pub fn read(packet: &'p [u8]) -> Result<Self, Fault> {
        if packet.len() < HEADER_OCTETS || packet[2] & 0x80 != 0 {
            return Err(Fault::Drop);
        }
        match (packet[2] >> 3) & 0xf {
            opcode::QUERY => {}
            // For names that are only forwarded no zone is ours to notify or update.
            opcode::NOTIFY | opcode::UPDATE => return Err(Fault::Reply(rcode::NOTAUTH)),
            _ => return Err(Fault::Reply(rcode::NOTIMP)),
        }
        if u16_at(packet, 4) != 1 {
            return Err(Fault::Reply(rcode::FORMERR));
        }
        Self::read_sections(packet).map_err(|Malformed| Fault::Reply(rcode::FORMERR))
    }

    fn read_sections(packet: &'p [u8]) -> Result<Self, Malformed> {
        let name_end = plain_name_end(packet, HEADER_OCTETS)?;
        let question_end = name_end + 4;
        if packet.len() < question_end {
            return Err(Malformed);
        }
        let mut query = Self {
            packet,
            question_end,
            qtype: u16_at(packet, name_end),
            qclass: u16_at(packet, name_end + 2),
            edns: None,
            signed: false,
        };
        let before = usize::from(u16_at(packet, 6)) + usize::from(u16_at(packet, 8));
        let additional = usize::from(u16_at(packet, 10));
        if before + additional == 0 && packet.len() == question_end {
            return Ok(query);
        }
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
                rtype::TSIG | rtype::SIG if index >= before => self.signed = true,
                _ => {}
            }
        }
        // named refuses what is left over behind the last record.
        if at == self.packet.len() { Ok(()) } else { Err(Malformed) }
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
    fn faults_are_answered_as_named_answers_them() {
        let opt: &[u8] = b"\0\0\x29\x04\xd0\0\0\0\0\0\0";
        let long_name = [&[63u8; 64][..], &[63; 64], &[63; 64], &[63; 64], b"\0\0\x01\0\x01"].concat();
        let formerr = Fault::Reply(rcode::FORMERR);
        let cases: Vec<(&str, Vec<u8>, Fault)> = vec![
            ("nothing", vec![], Fault::Drop),
            ("a cut header", vec![0; 11], Fault::Drop),
            ("a response", packet(0x8000, [1, 0, 0, 0], QUESTION), Fault::Drop),
            ("a status request", packet(0x1000, [1, 0, 0, 0], QUESTION), Fault::Reply(rcode::NOTIMP)),
            ("a notify", packet(0x2000, [1, 0, 0, 0], QUESTION), Fault::Reply(rcode::NOTAUTH)),
            ("an update", packet(0x2800, [1, 0, 0, 0], QUESTION), Fault::Reply(rcode::NOTAUTH)),
            ("no question", packet(0, [0, 0, 0, 0], b""), formerr),
            ("two questions", packet(0, [2, 0, 0, 0], &with(QUESTION)), formerr),
            ("a question that is cut off", packet(0, [1, 0, 0, 0], &QUESTION[..QUESTION.len() - 1]), formerr),
            ("a pointer in the question", packet(0, [1, 0, 0, 0], b"\xc0\x0c\0\x01\0\x01"), formerr),
            ("a name of more than 255 octets", packet(0, [1, 0, 0, 0], &long_name), formerr),
            ("octets behind the end", packet(0, [1, 0, 0, 0], &with(b"\0")), formerr),
            ("a record that is announced but missing", packet(0, [1, 0, 0, 1], QUESTION), formerr),
            ("two OPT records", packet(0, [1, 0, 0, 2], &with(&[opt, opt].concat())), formerr),
            ("OPT not at the root", packet(0, [1, 0, 0, 1], &with(b"\x01a\0\0\x29\x04\xd0\0\0\0\0\0\0")), formerr),
            ("OPT in the answer section", packet(0, [1, 1, 0, 0], &with(opt)), formerr),
            (
                "an option that is cut off",
                packet(0, [1, 0, 0, 1], &with(b"\0\0\x29\x04\xd0\0\0\0\0\0\x03\0\x0a\0")),
                formerr,
            ),
        ];
        for (case, packet, expected) in cases {
            assert_eq!(Query::read(&packet).err(), Some(expected), "{case}");
        }
    }

    #[test]
    fn a_query_with_edns_is_read_in_place() {
        let packet =
            packet(0x0110, [1, 0, 0, 1], &with(b"\0\0\x29\x10\0\0\x01\x80\0\0\x11\xff\xfe\0\x01x\0\x0a\0\x08cookie!!"));
        let query = Query::read(&packet).expect("a query");
        assert_eq!(query.qname(), b"\x03WwW\x07example\0");
        assert!(query.recursion_desired() && query.checking_disabled() && query.dnssec_ok() && !query.signed);
        let expected =
            Edns { udp_size: 4096, extended_rcode: 0, version: 1, dnssec_ok: true, cookie: Some(b"cookie!!") };
        assert_eq!(query.edns, Some(expected));
    }
}
