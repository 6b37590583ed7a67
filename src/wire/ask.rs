//! Writing the question to an upstream, and comparing a response with it.

use super::edns::{DNSSEC_OK, OPTION_OCTETS, option};
use super::header::{HEADER_OCTETS, flag, rtype, u16_at};

/// A question as an upstream is asked it.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    /// QNAME, uncompressed, in the case that is to be sent.
    pub qname: &'q [u8],
    /// QTYPE.
    pub qtype: u16,
    /// QCLASS.
    pub qclass: u16,
    /// DO, passed on from the client.
    pub dnssec_ok: bool,
    /// CD, passed on from the client.
    pub checking_disabled: bool,
    /// AD: the upstream's verdict on authenticity is of interest (RFC 6840 §5.7).
    pub want_authentic: bool,
}

/// What is said in the OPT record of the question.
#[derive(Clone, Copy, Debug)]
pub struct AskOpt<'q> {
    /// The longest answer that we take by UDP.
    pub udp_size: u16,
    /// The COOKIE option's value; empty: none is sent.
    pub cookie: &'q [u8],
}

/// Appends the message.
pub fn write(out: &mut Vec<u8>, id: u16, question: &Question<'_>, opt: Option<AskOpt<'_>>) {
    let flag_if = |condition: bool, bit: u16| if condition { bit } else { 0 };
    let flags = flag::RD | flag_if(question.checking_disabled, flag::CD) | flag_if(question.want_authentic, flag::AD);
    let mut header = [0; HEADER_OCTETS];
    put_all(&mut header, [id, flags, 1, 0, 0, u16::from(opt.is_some())]);
    out.extend_from_slice(&header);
    out.extend_from_slice(question.qname);
    let mut kind = [0; 4];
    put_all(&mut kind, [question.qtype, question.qclass]);
    out.extend_from_slice(&kind);
    let Some(opt) = opt else { return };
    let options = if opt.cookie.is_empty() { 0 } else { (OPTION_OCTETS + opt.cookie.len()) as u16 };
    let dnssec_ok = flag_if(question.dnssec_ok, DNSSEC_OK);
    // The root's name first.
    let mut record = [0; 11];
    put_all(&mut record[1..], [rtype::OPT, opt.udp_size, 0, dnssec_ok, options]);
    out.extend_from_slice(&record);
    if !opt.cookie.is_empty() {
        let mut head = [0; OPTION_OCTETS];
        put_all(&mut head, [option::COOKIE, opt.cookie.len() as u16]);
        out.extend_from_slice(&head);
        out.extend_from_slice(opt.cookie);
    }
}

/// Writes values one after the other: a vector grows by what they make up at once.
#[inline]
fn put_all<const N: usize>(out: &mut [u8], values: [u16; N]) {
    for (place, value) in out.chunks_exact_mut(2).zip(values) {
        place.copy_from_slice(&value.to_be_bytes());
    }
}

/// How a response's question compares with what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Echo {
    /// The same name, type and class.
    Same,
    /// No question at all, as servers answer that cannot read ours.
    Missing,
    /// Something else: not the answer to this question.
    Other,
}

/// Compares the question of a response with `qname` (in the case that was sent), type and class.
///
/// With `exact_case` every letter must come back as it was sent (0x20); else case does not matter.
pub fn compare_question(response: &[u8], qname: &[u8], qtype: u16, qclass: u16, exact_case: bool) -> Echo {
    if u16_at(response, 4) == 0 {
        return Echo::Missing;
    }
    let end = HEADER_OCTETS + qname.len();
    if u16_at(response, 4) != 1 || response.len() < end + 4 {
        return Echo::Other;
    }
    let echoed = &response[HEADER_OCTETS..end];
    let same_name = if exact_case { echoed == qname } else { echoed.eq_ignore_ascii_case(qname) };
    if same_name && u16_at(response, end) == qtype && u16_at(response, end + 2) == qclass {
        Echo::Same
    } else {
        Echo::Other
    }
}

/// Whether a packet is a response to a standard query at all.
pub fn is_response(packet: &[u8]) -> bool {
    packet.len() >= HEADER_OCTETS && u16_at(packet, 2) & (flag::QR | flag::OPCODE) == flag::QR
}

#[cfg(test)]
mod tests {
    use super::*;

    const QNAME: &[u8] = b"\x03wWw\x04corp\0";

    fn question(dnssec_ok: bool, checking_disabled: bool, want_authentic: bool) -> Question<'static> {
        Question { qname: QNAME, qtype: 28, qclass: 1, dnssec_ok, checking_disabled, want_authentic }
    }

    #[test]
    fn a_question_says_what_the_client_and_the_rule_want() {
        let with = |cookie| Some(AskOpt { udp_size: 1232, cookie });
        let plain = b"\0\x1c\0\x01";
        type Case<'c> = (&'c str, Question<'c>, Option<AskOpt<'c>>, [u8; 2], &'c [u8]);
        let cases: [Case<'_>; 6] = [
            ("without OPT", question(false, false, false), None, [0x01, 0x00], b""),
            ("DO without OPT cannot be said", question(true, false, false), None, [0x01, 0x00], b""),
            ("CD and AD", question(false, true, true), None, [0x01, 0x30], b""),
            ("OPT", question(false, false, false), with(b""), [0x01, 0x00], b"\0\0\x29\x04\xd0\0\0\0\0\0\0"),
            ("OPT with DO", question(true, false, false), with(b""), [0x01, 0x00], b"\0\0\x29\x04\xd0\0\0\x80\0\0\0"),
            (
                "a cookie",
                question(false, false, false),
                with(b"12345678"),
                [0x01, 0x00],
                b"\0\0\x29\x04\xd0\0\0\0\0\0\x0c\0\x0a\0\x0812345678",
            ),
        ];
        for (case, question, opt, flags, expected) in cases {
            let mut out = b"before".to_vec();
            write(&mut out, 0x1234, &question, opt);
            let header = [&[0x12, 0x34][..], &flags, &[0, 1, 0, 0, 0, 0, 0, u8::from(!expected.is_empty())]].concat();
            assert_eq!(out, [b"before", &header[..], QNAME, plain, expected].concat(), "{case}");
        }
    }

    #[test]
    fn a_response_is_compared_with_the_whole_question() {
        let response =
            |counts: u16, question: &[u8]| [&[0, 1, 0x81, 0x80][..], &counts.to_be_bytes(), &[0; 6], question].concat();
        let same = b"\x03wWw\x04corp\0\0\x1c\0\x01";
        let cases: [(&str, u16, &[u8], bool, Echo); 11] = [
            ("the same", 1, same, true, Echo::Same),
            ("another case", 1, b"\x03www\x04CORP\0\0\x1c\0\x01", false, Echo::Same),
            ("another case where it counts", 1, b"\x03www\x04corp\0\0\x1c\0\x01", true, Echo::Other),
            ("another name of the same length", 1, b"\x03wwx\x04corp\0\0\x1c\0\x01", false, Echo::Other),
            ("a name above it", 1, b"\x04corp\0\0\x1c\0\x01", false, Echo::Other),
            ("another type", 1, b"\x03www\x04corp\0\0\x01\0\x01", false, Echo::Other),
            ("another class", 1, b"\x03www\x04corp\0\0\x1c\0\x03", false, Echo::Other),
            ("cut off", 1, &same[..same.len() - 1], false, Echo::Other),
            ("announced but missing", 1, b"", false, Echo::Other),
            ("two questions", 2, same, false, Echo::Other),
            ("none", 0, b"", false, Echo::Missing),
        ];
        for (case, count, question, exact_case, expected) in cases {
            assert_eq!(compare_question(&response(count, question), QNAME, 28, 1, exact_case), expected, "{case}");
        }
    }

    #[test]
    fn only_responses_to_standard_queries_are_responses() {
        for (case, packet, expected) in [
            ("nothing", &[][..], false),
            ("a cut header", &[0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0][..], false),
            ("a response", &[0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], true),
            ("a query", &[0; 12][..], false),
            ("a response to NOTIFY", &[0, 0, 0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], false),
        ] {
            assert_eq!(is_response(packet), expected, "{case}");
        }
    }
}
