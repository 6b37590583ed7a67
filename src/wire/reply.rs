//! Writing the reply to a client: header, the question as it was asked, records, our own OPT.
//!
//! The flags are those that [`Reply`] says and the client's own RD and CD; no octet of an upstream's OPT is passed on.

use super::edns::{DNSSEC_OK, OPT_OCTETS, OPTION_OCTETS, option};
use super::header::{HEADER_OCTETS, flag, put_u16, rtype};
use super::query::Query;

/// What stands in the reply beside its records.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reply<'r> {
    /// RCODE, the extended bits included.
    pub rcode: u16,
    /// AA: the answer is the server's own.
    pub authoritative: bool,
    /// RA.
    pub recursion_available: bool,
    /// AD.
    pub authentic: bool,
    /// Records in the answer section.
    pub answers: u16,
    /// Records in the authority section.
    pub authority: u16,
    /// Records in the additional section, in front of our own OPT.
    pub additional: u16,
    /// What the OPT record carries; it is only written to a client that sent one.
    pub opt: Opt<'r>,
}

/// What our OPT record carries.
#[derive(Clone, Copy, Debug, Default)]
pub struct Opt<'r> {
    /// The longest message that we take by UDP.
    pub udp_size: u16,
    /// A whole COOKIE option value.
    pub cookie: Option<&'r [u8]>,
    /// An extended error (RFC 8914): INFO-CODE and EXTRA-TEXT.
    pub ede: Option<(u16, &'r str)>,
    /// edns-tcp-keepalive (RFC 7828): how long the connection may be idle, in tenths of a second.
    pub keepalive: Option<u16>,
}

/// Copies the question behind the room for a header; returns where the records begin.
///
/// `out` has room for a header and a question: at least 512 octets.
#[inline]
pub fn begin(out: &mut [u8], query: &Query<'_>) -> usize {
    let end = query.question_end;
    out[HEADER_OCTETS..end].copy_from_slice(&query.packet[HEADER_OCTETS..end]);
    end
}

/// Writes the header and the OPT record around records that end at `end`; returns the reply's length.
///
/// If it would be longer than `limit` (`512..=out.len()`), the records are left out and TC is set.
#[inline]
pub fn finish(out: &mut [u8], query: &Query<'_>, end: usize, limit: usize, reply: &Reply<'_>) -> usize {
    let opt_octets = query.edns.map_or(0, |_| reply.opt.octets());
    let truncated = end + opt_octets > limit;
    let (end, counts) = if truncated {
        (query.question_end, [0; 3])
    } else {
        (end, [reply.answers, reply.authority, reply.additional])
    };
    put_u16(out, 0, query.id());
    let kept = query.flags() & (flag::OPCODE | flag::RD | flag::CD);
    let mut flags = flag::QR | kept | (reply.rcode & flag::RCODE);
    flags |= if truncated { flag::TC } else { 0 };
    flags |= if reply.authoritative { flag::AA } else { 0 };
    flags |= if reply.recursion_available { flag::RA } else { 0 };
    flags |= if reply.authentic { flag::AD } else { 0 };
    put_u16(out, 2, flags);
    put_u16(out, 4, 1);
    put_u16(out, 6, counts[0]);
    put_u16(out, 8, counts[1]);
    put_u16(out, 10, counts[2] + u16::from(query.edns.is_some()));
    if query.edns.is_none() { end } else { end + reply.opt.write(&mut out[end..], reply.rcode, query.dnssec_ok()) }
}

/// Writes a reply of a header alone, for packets whose question could not be read; returns its length.
///
/// `packet` has at least a header, `out` room for one.
pub fn header_only(out: &mut [u8], packet: &[u8], rcode: u16) -> usize {
    out[..HEADER_OCTETS].fill(0);
    out[..2].copy_from_slice(&packet[..2]);
    let flags = u16::from_be_bytes([packet[2], packet[3]]);
    // Other opcodes give RD and CD no meaning; named clears them.
    let kept = if flags & flag::OPCODE == 0 { flags & (flag::RD | flag::CD) } else { flags & flag::OPCODE };
    put_u16(out, 2, flag::QR | kept | (rcode & flag::RCODE));
    HEADER_OCTETS
}

/// Writes a reply of a header and the question, for packets of which nothing more could be read; returns its length.
///
/// The question ends at `question_end` of `packet`; `out` has room for as much.
pub fn question_only(out: &mut [u8], packet: &[u8], question_end: usize, rcode: u16) -> usize {
    header_only(out, packet, rcode);
    put_u16(out, 4, 1);
    out[HEADER_OCTETS..question_end].copy_from_slice(&packet[HEADER_OCTETS..question_end]);
    question_end
}

impl Opt<'_> {
    /// Octets of the record.
    pub fn octets(&self) -> usize {
        let cookie = self.cookie.map_or(0, |cookie| OPTION_OCTETS + cookie.len());
        let keepalive = self.keepalive.map_or(0, |_| OPTION_OCTETS + 2);
        OPT_OCTETS + cookie + keepalive + self.ede.map_or(0, |(_, text)| OPTION_OCTETS + 2 + text.len())
    }

    fn write(&self, out: &mut [u8], rcode: u16, dnssec_ok: bool) -> usize {
        let total = self.octets();
        out[0] = 0;
        put_u16(out, 1, rtype::OPT);
        put_u16(out, 3, self.udp_size);
        out[5] = (rcode >> 4) as u8;
        out[6] = 0;
        put_u16(out, 7, if dnssec_ok { DNSSEC_OK } else { 0 });
        put_u16(out, 9, (total - OPT_OCTETS) as u16);
        let mut at = OPT_OCTETS;
        if let Some(cookie) = self.cookie {
            at = put_option(out, at, option::COOKIE, &[], cookie);
        }
        if let Some(tenths) = self.keepalive {
            at = put_option(out, at, option::TCP_KEEPALIVE, &tenths.to_be_bytes(), &[]);
        }
        if let Some((code, text)) = self.ede {
            put_option(out, at, option::EDE, &code.to_be_bytes(), text.as_bytes());
        }
        total
    }
}

fn put_option(out: &mut [u8], at: usize, code: u16, first: &[u8], second: &[u8]) -> usize {
    put_u16(out, at, code);
    put_u16(out, at + 2, (first.len() + second.len()) as u16);
    let data = at + OPTION_OCTETS;
    let middle = data + first.len();
    out[data..middle].copy_from_slice(first);
    out[middle..middle + second.len()].copy_from_slice(second);
    middle + second.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::header::{rcode, u16_at};

    const QUESTION: &[u8] = b"\x03wWw\x04corp\0\0\x01\0\x01";
    const OPT: &[u8] = b"\0\0\x29\x10\0\0\0\x80\0\0\0";
    const RECORD: &[u8] = b"\xc0\x0c\0\x01\0\x01\0\0\0\x05\0\x04\x0a\0\0\x01";

    /// RD, CD and an unknown bit set; AD asked for.
    fn packet(opt: &[u8]) -> Vec<u8> {
        let header = [0x12, 0x34, 0x01, 0x70, 0, 1, 0, 0, 0, 0, 0, u8::from(!opt.is_empty())];
        [&header[..], QUESTION, opt].concat()
    }

    fn write(packet: &[u8], records: &[u8], limit: usize, reply: &Reply<'_>) -> Vec<u8> {
        let query = Query::read(packet).expect("a query");
        let mut out = vec![0xee; 4096];
        let start = begin(&mut out, &query);
        out[start..start + records.len()].copy_from_slice(records);
        let length = finish(&mut out, &query, start + records.len(), limit, reply);
        out.truncate(length);
        out
    }

    #[test]
    fn flags_are_the_clients_and_ours_alone() {
        let cases: [(&str, Reply<'_>, u16); 5] = [
            ("nothing", Reply::default(), 0x8110),
            ("RA", Reply { recursion_available: true, ..Reply::default() }, 0x8190),
            ("AA", Reply { authoritative: true, ..Reply::default() }, 0x8510),
            ("AD", Reply { authentic: true, ..Reply::default() }, 0x8130),
            ("an RCODE of twelve bits", Reply { rcode: rcode::BADCOOKIE, ..Reply::default() }, 0x8117),
        ];
        for (case, reply, expected) in cases {
            let out = write(&packet(OPT), b"", 512, &reply);
            assert_eq!((u16_at(&out, 0), u16_at(&out, 2)), (0x1234, expected), "{case}");
            let extended = if reply.rcode > 15 { 1 } else { 0 };
            assert_eq!(out[12 + QUESTION.len() + 5], extended, "{case}: the upper bits stand in OPT");
        }
    }

    #[test]
    fn opt_is_ours_and_for_those_who_sent_one() {
        let opt = Opt { udp_size: 1232, ..Opt::default() };
        let cookie = Opt { cookie: Some(b"12345678abcdefgh"), ..opt };
        let ede = Opt { ede: Some((22, "why")), ..opt };
        let both = Opt { ede: ede.ede, ..cookie };
        let cases: [(&str, &[u8], Opt<'_>, &[u8]); 6] = [
            ("a client without OPT gets none", b"", both, b""),
            ("DO comes back", OPT, opt, b"\0\0\x29\x04\xd0\0\0\x80\0\0\0"),
            ("no DO, none", b"\0\0\x29\x04\xd0\0\0\0\0\0\0", opt, b"\0\0\x29\x04\xd0\0\0\0\0\0\0"),
            ("a cookie", OPT, cookie, b"\0\0\x29\x04\xd0\0\0\x80\0\0\x14\0\x0a\0\x1012345678abcdefgh"),
            ("an extended error", OPT, ede, b"\0\0\x29\x04\xd0\0\0\x80\0\0\x09\0\x0f\0\x05\0\x16why"),
            ("both", OPT, both, b"\0\0\x29\x04\xd0\0\0\x80\0\0\x1d\0\x0a\0\x1012345678abcdefgh\0\x0f\0\x05\0\x16why"),
        ];
        for (case, sent, opt, expected) in cases {
            let out = write(&packet(sent), RECORD, 512, &Reply { opt, answers: 1, ..Reply::default() });
            assert_eq!(out[12..], [QUESTION, RECORD, expected].concat(), "{case}");
            let counts = [4, 6, 8, 10].map(|at| u16_at(&out, at));
            assert_eq!(counts, [1, 1, 0, u16::from(!expected.is_empty())], "{case}");
        }
    }

    #[test]
    fn what_does_not_fit_becomes_tc_without_records_but_with_opt() {
        let opt = Opt { udp_size: 1232, ..Opt::default() };
        let reply = Reply { opt, answers: 1, authority: 2, additional: 3, ..Reply::default() };
        let whole = 12 + QUESTION.len() + 500 + OPT.len();
        for (case, limit, expected) in [("exactly", whole, whole), ("one octet too long", whole - 1, whole - 500)] {
            let out = write(&packet(OPT), &[0; 500], limit, &reply);
            let truncated = expected < whole;
            assert_eq!((out.len(), u16_at(&out, 2) & flag::TC != 0), (expected, truncated), "{case}");
            let counts = [6, 8, 10].map(|at| u16_at(&out, at));
            assert_eq!(counts, if truncated { [0, 0, 1] } else { [1, 2, 4] }, "{case}");
        }
    }

    #[test]
    fn a_header_alone_repeats_id_and_opcode_and_rd_and_cd_of_queries() {
        for (sent, repeated) in [([0x7f, 0xff], [0xf8, 0x04]), ([0x07, 0xff], [0x81, 0x14])] {
            let mut out = [0xee; 13];
            let packet = [&[0x12, 0x34][..], &sent, &[0xff; 8]].concat();
            assert_eq!(header_only(&mut out, &packet, rcode::NOTIMP), 12);
            assert_eq!(out, [0x12, 0x34, repeated[0], repeated[1], 0, 0, 0, 0, 0, 0, 0, 0, 0xee]);
        }
    }

    #[test]
    fn a_question_that_was_read_is_repeated() {
        let packet = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\x01\x01A\0\0\x01\0\x01rest";
        let mut out = [0xee; 20];
        assert_eq!(question_only(&mut out, packet, 19, rcode::FORMERR), 19);
        assert_eq!(&out, b"\x12\x34\x81\x01\0\x01\0\0\0\0\0\0\x01A\0\0\x01\0\x01\xee");
    }
}
