//! Deciding what a query gets: a reply, a question to upstreams, or nothing.
//!
//! No I/O: a packet, the time and the [`Snapshot`] in; a [`Decision`] out. A query is read here, let in or refused;
//! [`admitted`] leads it to its rule and answers it from the cache or has it forwarded, [`local`] from a zone, [`follow`]
//! goes along chains of aliases. Updates become a [`update::Request`]. When its segment has come, [`resume`] goes on where
//! [`decide`] stopped. [`desk`] keeps those that wait, and drives the upstream machine for a worker.
//! Not here: asking upstreams (`upstream`), sockets (`listen`).

mod access;
mod additional;
mod admitted;
mod chain;
mod chaos;
pub mod desk;
pub mod explain;
mod follow;
mod fuzz;
mod local;
mod order;
mod queue;
mod refuse;
mod signed;
pub mod update;
pub mod walk;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::access::{CookieVerdict, cookie};
use crate::cache::{Cache, Key};
use crate::config::DEFAULT_VIEW;
use crate::logging::queries;
use crate::metrics::{Channel, Cookie, Event, Meter};
use crate::state::{Route, Snapshot, View};
use crate::wire::header::{PLAIN_UDP_OCTETS, class, ede, opcode, rcode, rtype};
use crate::wire::query::{Fault, Query};
use crate::wire::{Name, Segment, Transport};
use admitted::Admitted;
pub use chain::Chain;
pub use desk::{Desk, Driver, Moment};
pub use fuzz::fuzz_exchange;
use refuse::{Denied, Stage};

/// Everything that a decision depends on beside the packet.
#[derive(Clone, Copy)]
pub struct Context<'c> {
    /// What the server knows.
    pub snapshot: &'c Snapshot,
    /// What it remembers.
    pub cache: &'c Cache,
    /// The time.
    pub now: Instant,
    /// The time of day, in seconds since 1970; for cookies and signatures.
    pub unix: u64,
    /// Counts queries; the record that a set of addresses begins with follows from it.
    pub rotation: u32,
    /// Where what happens is counted.
    pub meter: &'c Meter,
    /// Where queries are logged; `None`: they are not.
    pub query_log: Option<&'c queries::Book>,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// From where.
    pub address: IpAddr,
    /// From which port; for the log.
    pub port: u16,
    /// Which address of ours was asked.
    pub destination: IpAddr,
    /// How.
    pub transport: Transport,
}

impl Client {
    /// How it asks, for counting.
    #[inline]
    fn channel(&self) -> Channel {
        Channel::of(self.address, self.transport)
    }
}

/// What a query gets.
#[expect(clippy::large_enum_variant, reason = "it is matched where it is returned; boxing would allocate a query")]
pub enum Decision {
    /// The first so many octets of `out`.
    Reply(usize),
    /// As `Reply`; and the answer's TTL ends soon, so an upstream is to be asked anew ([`Desk::refresh`]).
    ReplyAndRefresh(usize, Box<Forward>),
    /// An upstream is to be asked first.
    Forward(Forward),
    /// A zone is to be changed ([`Desk::update`]).
    Update(Box<update::Request>),
    /// Nothing.
    Drop,
}

/// A question for an upstream, on behalf of a query.
pub struct Forward {
    /// The question.
    pub key: Key,
    /// The key's hash.
    pub hash: u64,
    /// Its rule.
    pub route: Route,
    /// What is known of the answer already, when a chain goes on under another rule.
    pub chain: Option<Box<Chain>>,
    /// What is sent to the client's address reaches who asked: it came by a connection, or with a cookie of ours.
    pub proven: bool,
}

/// Decides what a packet from `client` gets; a reply is written to the beginning of `out` (at least 4,096 octets, for
/// TCP 65,535).
pub fn decide(context: Context<'_>, packet: &[u8], client: Client, out: &mut [u8]) -> Decision {
    match read(context, packet, client, out) {
        Ok(admitted) => admitted.answer(out),
        Err(instead) => instead.decide(context, packet, client, out),
    }
}

/// What a packet gets that is not let in, or that goes a way of its own. Small beside a [`Decision`]: it stands in the
/// way of every query.
enum Instead {
    Reply(usize),
    Update(Box<update::Request>),
    /// It is a signed query.
    Signed,
    Drop,
}

impl Instead {
    #[inline]
    fn decide(self, context: Context<'_>, packet: &[u8], client: Client, out: &mut [u8]) -> Decision {
        match self {
            Self::Reply(octets) => Decision::Reply(octets),
            Self::Update(request) => Decision::Update(request),
            Self::Signed => decide_signed(context, packet, client, out),
            Self::Drop => Decision::Drop,
        }
    }
}

/// Decides a query that is signed, as one that is not; whatever it gets is signed, too.
#[cold]
fn decide_signed(context: Context<'_>, packet: &[u8], client: Client, out: &mut [u8]) -> Decision {
    let Ok(query) = Query::read(packet) else { return Decision::Drop };
    let judged = signed::judge(&context, &query, client);
    match admit::<true>(context, query, judged.as_ref(), client, out) {
        Ok(admitted) => admitted.answer(out),
        Err(octets) => Decision::Reply(octets),
    }
}

/// Does what comes before the cache: reads the packet and lets it in. Where that fails, what it gets instead; a reply is
/// written to `out`. Updates end here.
#[inline]
fn read<'a>(context: Context<'a>, packet: &'a [u8], client: Client, out: &mut [u8]) -> Result<Admitted<'a>, Instead> {
    let blackhole = context.snapshot.blackhole.as_ref();
    if blackhole.is_some_and(|list| list.allows(client.address)) {
        return Err(Instead::Drop);
    }
    match Query::read(packet) {
        Ok(query) => {
            context.meter.request(client.channel(), packet.len());
            match query.signed {
                true => Err(Instead::Signed),
                false => admit::<true>(context, query, None, client, out).map_err(Instead::Reply),
            }
        }
        Err(fault) => Err(decide_fault(context, fault, packet, client, out)),
    }
}

/// Decides what is no query, or cannot be read.
#[cold]
fn decide_fault(context: Context<'_>, fault: Fault, packet: &[u8], client: Client, out: &mut [u8]) -> Instead {
    let (meter, channel) = (context.meter, client.channel());
    if fault != Fault::NotAQuery {
        meter.request(channel, packet.len());
    }
    if let Fault::Opcode(opcode, _) = fault {
        meter.opcode(opcode);
        if opcode == opcode::NOTIFY {
            let v6 = client.address.is_ipv6();
            meter.event(if v6 { Event::NotifyInv6 } else { Event::NotifyInv4 });
            meter.event(Event::NotifyRej);
        }
    }
    if let Fault::Opcode(opcode::UPDATE, Some(end)) = fault {
        return update::decide(context, packet, end, client, out);
    }
    match refuse::unread(fault, packet, out) {
        Some(octets) => {
            meter.other(channel, false, &out[..octets]);
            Instead::Reply(octets)
        }
        None => Instead::Drop,
    }
}

/// Goes on with a query whose question has been answered by `segment`, a moment ago.
///
/// The query is checked again: between its arrival and now it may have been forbidden.
pub fn resume(
    context: Context<'_>,
    packet: &[u8],
    client: Client,
    chain: Option<Box<Chain>>,
    segment: &[u8],
    out: &mut [u8],
) -> Decision {
    let Ok(query) = Query::read(packet) else { return Decision::Drop };
    let judged = if query.signed { signed::judge(&context, &query, client) } else { None };
    let admitted = match admit::<false>(context, query, judged.as_ref(), client, out) {
        Ok(admitted) => admitted,
        Err(octets) => return Decision::Reply(octets),
    };
    if admitted.is_overtaken(chain.as_deref(), segment) {
        return admitted.answer(out);
    }
    let rule = admitted.find_rule(admitted.query.qname());
    if let Err(octets) = admitted.may_have(rule, out) {
        return Decision::Reply(octets);
    }
    let decision = admitted.go_on(chain, Segment::new(segment), out);
    // That it had to be asked for was counted before.
    let local = admitted.view.rules.get(rule).local.as_ref().filter(|_| !matches!(decision, Decision::Forward(_)));
    if let Some(counters) = local.and_then(|local| local.counters.as_ref()) {
        admitted.count_of_zone(counters, &decision, out);
    }
    decision
}

/// Checks everything that does not depend on the name, so not whether the client may have answers for it
/// ([`Admitted::may_have`]); where it fails, the reply is written and its length returned. `FIRST`: it has just come.
#[inline]
fn admit<'a, const FIRST: bool>(
    context: Context<'a>,
    query: Query<'a>,
    signed: Option<&'a signed::Judged>,
    client: Client,
    out: &mut [u8],
) -> Result<Admitted<'a>, usize> {
    let signer = signed.and_then(|judged| judged.signer.as_ref());
    let cookie = judge_cookie(&context, &query, client);
    if FIRST {
        let (edns, kind) = kind_of(&context, &query, &cookie);
        context.meter.asked(client.channel(), edns, query.signed, kind);
    }
    let refusal = refuse::Refusal {
        context: &context,
        query: &query,
        client,
        cookie,
        recursion_available: false,
        signer,
        view: None,
        stage: Stage::Request,
    };
    if let Some(judged) = signed.filter(|judged| judged.rcode != rcode::NOERROR) {
        if judged.rcode == rcode::REFUSED {
            return Err(refusal.denied(Denied::Cache, "no view matches", out));
        }
        context.meter.event(Event::ReqBadSIG);
        return Err(refusal.with_rcode(judged.rcode, out));
    }
    if query.edns.is_some_and(|edns| edns.version > 0) {
        return Err(refusal.with_rcode(rcode::BADVERS, out));
    }
    // Who gives no cookies does not look at those of clients either.
    let has_cookie = context.snapshot.cookies.is_some() && query.edns.is_some_and(|edns| edns.cookie.is_some());
    if has_cookie && cookie == CookieVerdict::Malformed {
        return Err(refusal.with_rcode(rcode::FORMERR, out));
    }
    let views = &context.snapshot.views;
    let recursion_desired = query.recursion_desired();
    let key = admitted::key_of(signer);
    let matches = |view: &&Arc<View>| view.matches(client.address, client.destination, key, recursion_desired);
    let view = match signed {
        None => views.iter().find(matches),
        // Found with the keys that it knows.
        Some(judged) => judged.view.and_then(|place| views.get(place)),
    };
    match query.qclass {
        class::IN | class::CH => {}
        class::HS => return Err(refusal.with_ede(rcode::REFUSED, ede::PROHIBITED, "no view matches this class", out)),
        class::RESERVED | class::NONE | class::ANY => return Err(refusal.with_rcode(rcode::FORMERR, out)),
        _ => return Err(refusal.with_rcode(rcode::NOTIMP, out)),
    }
    if FIRST && let Some(view) = view {
        context.meter.qtype(query.qtype);
        if let Some(log) = context.query_log {
            note_query(log, &query, client, &cookie, key, view);
        }
    }
    // When it is resumed, it has been let in with the cookie that it has.
    let lacks_cookie = |view: &View| FIRST && view.require_server_cookie && has_cookie && is_unproven(&cookie, client);
    if query.qclass == class::CH {
        if view.is_some_and(|view| lacks_cookie(view)) {
            return Err(refusal.with_rcode(rcode::BADCOOKIE, out));
        }
        let refusal = refuse::Refusal { stage: Stage::Query, ..refusal };
        return Err(match view {
            Some(view) => match access::forbids_chaos(view, client, key) {
                None => chaos::answer(&refusal, out),
                Some(why) => refusal.denied(Denied::Query, why, out),
            },
            None => refusal.denied(Denied::Query, "allow-query did not match", out),
        });
    }
    match query.qtype {
        rtype::ANY => {}
        rtype::MAILA | rtype::MAILB => return Err(refusal.of_type(rcode::NOTIMP, out)),
        rtype::AXFR | rtype::IXFR => return Err(refusal.transfer(view.map(AsRef::as_ref), out)),
        // Types that no record can have (RFC 6895 §3.1): upstreams answer FORMERR too.
        0 | rtype::OPT | 128..=255 => return Err(refusal.of_type(rcode::FORMERR, out)),
        _ => {}
    }
    let Some(view) = view else {
        return Err(refusal.denied(Denied::Cache, "no view matches", out));
    };
    let no_cache = access::forbids_cache(view, client, key);
    let recursion_available = no_cache.is_none() && access::may_recurse(view, client, key);
    if lacks_cookie(view) {
        let refusal = refuse::Refusal { recursion_available, view: Some(view), ..refusal };
        return Err(refusal.with_rcode(rcode::BADCOOKIE, out));
    }
    Ok(Admitted { context, client, query, view, recursion_available, no_cache, cookie, signer })
}

/// The longest message that a client gets, in octets, of which `room` are there; `most`: by UDP.
#[inline]
fn most_octets(most: u16, query: &Query<'_>, client: Client, room: usize) -> usize {
    match (client.transport, &query.edns) {
        (Transport::Tcp, _) => room,
        (Transport::Udp, None) => PLAIN_UDP_OCTETS.min(usize::from(most)),
        (Transport::Udp, Some(edns)) => {
            usize::from(edns.udp_size).max(PLAIN_UDP_OCTETS).min(usize::from(most)).min(room)
        }
    }
}

/// What a client by TCP is told that speaks edns-tcp-keepalive; nobody else is told anything (RFC 7828 §3.3).
#[inline]
fn keepalive_for(context: &Context<'_>, query: &Query<'_>, client: Client) -> Option<u16> {
    if client.transport == Transport::Udp {
        return None;
    }
    query.edns.filter(|edns| edns.keepalive).map(|_| context.snapshot.timers.advertised())
}

#[inline]
fn judge_cookie(context: &Context<'_>, query: &Query<'_>, client: Client) -> CookieVerdict {
    // What an option means in a later version of EDNS is not known.
    let edns = query.edns.filter(|edns| edns.version == 0);
    match (edns.and_then(|edns| edns.cookie), &context.snapshot.cookies) {
        (Some(option), Some(cookies)) => cookies.respond(option, client.address, context.unix as u32),
        _ => CookieVerdict::Malformed,
    }
}

/// Whether a cookie by UDP proves nothing (RFC 7873 §5.2.3): a client cookie alone, or one that is not good.
fn is_unproven(cookie: &CookieVerdict, client: Client) -> bool {
    client.transport == Transport::Udp && !matches!(cookie, CookieVerdict::Valid(_))
}

/// Notes a query for its line in the log.
#[cold]
fn note_query(
    log: &queries::Book,
    query: &Query<'_>,
    client: Client,
    cookie: &CookieVerdict,
    key: Option<&Name>,
    view: &View,
) {
    let line = queries::Query {
        at: query.packet.as_ptr().addr(),
        client: (client.address, client.port),
        destination: client.destination,
        qtype: query.qtype,
        qclass: query.qclass,
        recursion_desired: query.recursion_desired(),
        edns: query.edns.map(|edns| edns.version),
        tcp: client.transport == Transport::Tcp,
        dnssec_ok: query.dnssec_ok(),
        checking_disabled: query.checking_disabled(),
        cookie: query.edns.and_then(|edns| edns.cookie).map(|_| matches!(cookie, CookieVerdict::Valid(_))),
    };
    let view = (view.name != DEFAULT_VIEW && query.qclass == class::IN).then_some(view.name.as_str());
    log.note(line, queries::Names { qname: query.qname(), key: key.map(Name::as_wire), view });
}

/// What is counted of a query's EDNS: whether there is any that can be used, and what its cookie is worth.
#[inline]
fn kind_of(context: &Context<'_>, query: &Query<'_>, verdict: &CookieVerdict) -> (bool, Cookie) {
    let Some(edns) = query.edns.filter(|edns| edns.version == 0) else { return (false, Cookie::None) };
    let Some(option) = edns.cookie else { return (true, Cookie::None) };
    match verdict {
        CookieVerdict::ClientOnly(_) => (true, Cookie::New),
        CookieVerdict::Valid(_) => (true, Cookie::Match),
        CookieVerdict::Bad(_) => (true, why_bad(option, context.unix)),
        // It gets FORMERR.
        CookieVerdict::Malformed if context.snapshot.cookies.is_some() => (false, Cookie::None),
        CookieVerdict::Malformed => (true, Cookie::Unjudged),
    }
}

/// What is wrong with a server cookie, in the order in which named looks.
#[cold]
fn why_bad(option: &[u8], unix: u64) -> Cookie {
    match cookie::age_seconds(option, unix as u32) {
        None => Cookie::BadSize,
        Some(age) if !cookie::ACCEPTED_AGES.contains(&age) => Cookie::BadTime,
        Some(_) => Cookie::NoMatch,
    }
}

/// Writes the reply to a query that cannot be taken on: too many wait, or it goes round in circles.
pub fn fail(
    context: Context<'_>,
    packet: &[u8],
    client: Client,
    (code, text): (u16, &str),
    out: &mut [u8],
) -> Decision {
    let Ok(query) = Query::read(packet) else { return Decision::Drop };
    let cookie = judge_cookie(&context, &query, client);
    // It was right when the query came.
    let judged = if query.signed { signed::judge(&context, &query, client) } else { None };
    let refusal = refuse::Refusal {
        context: &context,
        query: &query,
        client,
        cookie,
        recursion_available: true,
        stage: Stage::Query,
        signer: judged.as_ref().and_then(|judged| judged.signer.as_ref()),
        view: None,
    };
    Decision::Reply(refusal.with_ede(rcode::SERVFAIL, code, text, out))
}

#[cfg(test)]
mod tests;
