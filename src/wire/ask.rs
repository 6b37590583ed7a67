//! Writing the question to an upstream, and comparing a response with it.

use super::header::{HEADER_OCTETS, flag, rtype, u16_at};
use super::query::option;

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
    for value in [id, flags, 1, 0, 0, u16::from(opt.is_some())] {
        out.extend_from_slice(&value.to_be_bytes());
    }
    out.extend_from_slice(question.qname);
    out.extend_from_slice(&question.qtype.to_be_bytes());
    out.extend_from_slice(&question.qclass.to_be_bytes());
    let Some(opt) = opt else { return };
    let options = if opt.cookie.is_empty() { 0 } else { 4 + opt.cookie.len() as u16 };
    let dnssec_ok = flag_if(question.dnssec_ok, 0x8000);
    out.push(0);
    for value in [rtype::OPT, opt.udp_size, 0, dnssec_ok, options] {
        out.extend_from_slice(&value.to_be_bytes());
    }
    if !opt.cookie.is_empty() {
        out.extend_from_slice(&option::COOKIE.to_be_bytes());
        out.extend_from_slice(&(opt.cookie.len() as u16).to_be_bytes());
        out.extend_from_slice(opt.cookie);
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
