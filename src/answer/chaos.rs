//! Answering questions about the server itself: class CH (RFC 4892, and named's names).

use super::refuse::Refusal;
use crate::wire::header::{HEADER_OCTETS, class, ede, put_u16, rcode, rtype};
use crate::wire::reply::{self, Reply};

const VERSION_BIND: &[u8] = b"\x07version\x04bind\0";
const VERSION_SERVER: &[u8] = b"\x07version\x06server\0";
const HOSTNAME_BIND: &[u8] = b"\x08hostname\x04bind\0";
const ID_SERVER: &[u8] = b"\x02id\x06server\0";
const AUTHORS_BIND: &[u8] = b"\x07authors\x04bind\0";

/// Answers a CH question: a text, NODATA where it is withheld, REFUSED for any other name. Returns the reply's
/// length.
pub(super) fn answer(refusal: &Refusal<'_, '_>, out: &mut [u8]) -> usize {
    let identity = &refusal.context.snapshot.identity;
    let query = refusal.query;
    let text = match &query.qname().to_ascii_lowercase()[..] {
        VERSION_BIND | VERSION_SERVER => identity.version.as_deref(),
        HOSTNAME_BIND => identity.hostname.as_deref(),
        ID_SERVER => identity.server_id.as_deref(),
        AUTHORS_BIND => None,
        _ => {
            refusal.count_rejected();
            return refusal.with_ede(rcode::REFUSED, ede::PROHIBITED, "no such name in class CH", out);
        }
    };
    let text = text.filter(|_| matches!(query.qtype, rtype::TXT | rtype::ANY));
    let start = reply::begin(out, query);
    let end = text.map_or(start, |text| put_text(out, start, text));
    let reply =
        Reply { authoritative: true, answers: u16::from(text.is_some()), opt: refusal.opt(None), ..Reply::default() };
    refusal.finish(end, &reply, out)
}

/// Writes a TXT record of the question's name with TTL 0; returns its end.
fn put_text(out: &mut [u8], start: usize, text: &str) -> usize {
    let text = &text.as_bytes()[..text.len().min(255)];
    put_u16(out, start, 0xc000 | HEADER_OCTETS as u16);
    put_u16(out, start + 2, rtype::TXT);
    put_u16(out, start + 4, class::CH);
    out[start + 6..start + 10].fill(0);
    put_u16(out, start + 10, 1 + text.len() as u16);
    out[start + 12] = text.len() as u8;
    out[start + 13..start + 13 + text.len()].copy_from_slice(text);
    start + 13 + text.len()
}
