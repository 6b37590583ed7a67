//! Signed messages (RFC 8945): whose they are, and the signature of their replies.
//!
//! A query that is signed is answered as any other, and its reply signed with the same key; one whose signature is wrong
//! gets nothing else but that.
//! Not here: signatures themselves ([`crate::tsig`]), what a key allows ([`super::update`]).

use super::{Client, Context};
use crate::logging::{self, Category, Severity};
use crate::tsig::{self, Refused, Signer};
use crate::wire::header::{flag, put_u16, rcode, u16_at};
use crate::wire::{Query, reply};

/// What a signature is worth.
pub(super) struct Judged {
    /// NOERROR: it is right. Else what the message gets.
    pub(super) rcode: u16,
    /// Who signs the reply, if anybody does.
    pub(super) signer: Option<Signer>,
}

/// Judges a message; `None`: it is not signed.
#[cold]
pub(super) fn judge(context: &Context<'_>, query: &Query<'_>, client: Client) -> Option<Judged> {
    match tsig::verify(query.packet, &context.snapshot.keys, context.unix) {
        Ok(verified) => verified.map(|verified| Judged { rcode: rcode::NOERROR, signer: Some(verified.signer) }),
        Err(Refused::Malformed) => Some(Judged { rcode: rcode::FORMERR, signer: None }),
        Err(Refused::NotAuthorised(signer)) => {
            let Client { address, port, .. } = client;
            logging::event!(
                Category::Security,
                Severity::Error,
                "client @{:p} {address}#{port}: request has invalid signature: TSIG {}: tsig verify failure ({})",
                query.packet.as_ptr(),
                signer.key_name(),
                signer.error_name(),
            );
            Some(Judged { rcode: rcode::NOTAUTH, signer: Some(signer) })
        }
    }
}

/// As [`seal`], for a client that takes no more than `most` octets. Where that would be too long, it gets the question
/// and the signature, TC and NOERROR (RFC 8945 §5.3); where even that is, since names of keys and algorithms may be as
/// long as any, the question alone. By TCP it gets it all.
#[cold]
pub(super) fn seal_within(
    signer: &Signer,
    unix: u64,
    query: &Query<'_>,
    out: &mut [u8],
    length: usize,
    most: usize,
) -> usize {
    if length + signer.octets() <= most {
        return seal(Some(signer), unix, out, length);
    }
    let end = reply::question_only(out, query.packet, query.question_end, rcode::NOERROR);
    let flags = u16_at(out, 2) | flag::TC;
    put_u16(out, 2, flags);
    if end + signer.octets() > most { end } else { seal(Some(signer), unix, out, end) }
}

/// Octets to be kept free for a signature.
#[inline]
pub(super) fn octets(signer: Option<&Signer>) -> usize {
    signer.map_or(0, Signer::octets)
}

/// Signs a reply of `length` octets at the beginning of `out`, if anybody does; returns its new length.
#[inline]
pub(super) fn seal(signer: Option<&Signer>, unix: u64, out: &mut [u8], length: usize) -> usize {
    match signer {
        None => length,
        // A buffer has room for the longest message that a client takes, of which the signature's octets were kept free.
        Some(signer) => tsig::sign(out, length, signer, unix).unwrap_or(length),
    }
}
