//! Signed messages (RFC 8945): whose they are, and the signature of their replies.
//!
//! A query that is signed is answered as any other, and its reply signed with the same key; one whose signature is wrong
//! gets nothing else but that.
//! Not here: signatures themselves ([`crate::tsig`]), what a key allows ([`super::update`]).

use std::sync::Arc;

use super::{Client, Context};
use crate::config::DEFAULT_VIEW;
use crate::logging::{self, Category, Severity};
use crate::state::View;
use crate::tsig::{self, Keys, Refused, Signer};
use crate::wire::header::{class, flag, put_u16, rcode, u16_at};
use crate::wire::{Name, Query, reply};

/// What a signature is worth.
pub(super) struct Judged {
    /// NOERROR: it is right. Else what the message gets: REFUSED if no view takes it, NOTAUTH if one does.
    pub(super) rcode: u16,
    /// Who signs the reply, if anybody does.
    pub(super) signer: Option<Signer>,
    /// The place of the view that the message belongs to; `None`: to none.
    pub(super) view: Option<usize>,
}

impl Judged {
    /// The key, if the signature is right.
    fn identity(&self) -> Option<&Name> {
        let signer = self.signer.as_ref().filter(|_| self.rcode == rcode::NOERROR)?;
        signer.key().map(|key| key.name())
    }
}

/// Judges a message; `None`: it is not signed. Each view is tried in its turn, with the keys that it knows: a key of
/// another view neither opens it nor signs anything in it.
#[cold]
pub(super) fn judge(context: &Context<'_>, query: &Query<'_>, client: Client) -> Option<Judged> {
    let recursion_desired = query.recursion_desired();
    let mut last: Option<(&Arc<Keys>, Judged)> = None;
    for (place, view) in context.snapshot.views.iter().enumerate() {
        let judged = match last.take() {
            Some((keys, judged)) if Arc::ptr_eq(keys, &view.keys) => judged,
            _ => judge_by(&view.keys, query, context.unix)?,
        };
        if view.matches(client.address, client.destination, judged.identity(), recursion_desired) {
            log_refused(&judged, query, client, view);
            return Some(Judged { view: Some(place), ..judged });
        }
        last = Some((&view.keys, judged));
    }
    let (_, judged) = last?;
    // Without a view, the message is refused before its signature is; what asks about the server needs none.
    let is_refused = judged.rcode == rcode::NOTAUTH && query.qclass != class::CH;
    let rcode = if is_refused { rcode::REFUSED } else { judged.rcode };
    Some(Judged { rcode, ..judged })
}

fn judge_by(keys: &Keys, query: &Query<'_>, unix: u64) -> Option<Judged> {
    let (rcode, signer) = match tsig::verify(query.packet, keys, unix) {
        Ok(verified) => (rcode::NOERROR, Some(verified?.signer)),
        Err(Refused::Malformed) => (rcode::FORMERR, None),
        Err(Refused::NotAuthorised(signer)) => (rcode::NOTAUTH, Some(signer)),
    };
    Some(Judged { rcode, signer, view: None })
}

fn log_refused(judged: &Judged, query: &Query<'_>, client: Client, view: &View) {
    let Some(signer) = judged.signer.as_ref().filter(|_| judged.rcode != rcode::NOERROR) else { return };
    let Client { address, port, .. } = client;
    let in_view = if view.name == DEFAULT_VIEW { String::new() } else { format!(": view {}", view.name) };
    logging::event!(
        Category::Security,
        Severity::Error,
        "client @{:p} {address}#{port}{in_view}: request has invalid signature: TSIG {}: tsig verify failure ({})",
        query.packet.as_ptr(),
        signer.key_name(),
        signer.error_name(),
    );
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
