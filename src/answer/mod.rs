//! Deciding what a query gets: a reply, a question to upstreams, or nothing.
//!
//! No I/O: a packet, the time and the [`Snapshot`] in; a [`Decision`] out. A query is read, let in or refused, led to its
//! rule, answered from the cache or forwarded; when its segment has come, [`resume`] goes on where [`decide`] stopped.
//! [`desk`] keeps those that wait, and drives the upstream machine for a worker.
//! Not here: asking upstreams (`upstream`), sockets (`listen`).

mod chain;
mod chaos;
pub mod desk;
pub mod explain;
mod fuzz;
mod queue;
mod refuse;
pub mod walk;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::access::CookieVerdict;
use crate::cache::{Cache, Copied, Key, Lookup, Parts, Patch, RefreshWindow};
use crate::config::RrsetOrder;
use crate::state::{Route, Snapshot, View};
use crate::wire::header::{PLAIN_UDP_OCTETS, class, ede, rcode, rtype};
use crate::wire::query::Query;
use crate::wire::reply::{self, Opt, Reply};
use crate::wire::{Meta, Segment, Transport};
pub use chain::Chain;
pub use desk::{Desk, Driver, Moment};
pub use fuzz::fuzz_exchange;

/// Everything that a decision depends on beside the packet.
#[derive(Clone, Copy)]
pub struct Context<'c> {
    /// What the server knows.
    pub snapshot: &'c Snapshot,
    /// What it remembers.
    pub cache: &'c Cache,
    /// The time.
    pub now: Instant,
    /// The time of day, in seconds since 1970, modulo 2^32; for cookies.
    pub unix: u32,
    /// Counts queries; the record that a set of addresses begins with follows from it.
    pub rotation: u32,
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

/// What a query gets.
#[expect(clippy::large_enum_variant, reason = "it is matched where it is returned; boxing would allocate a query")]
pub enum Decision {
    /// The first so many octets of `out`.
    Reply(usize),
    /// As `Reply`; and the answer's TTL ends soon, so an upstream is to be asked anew ([`Desk::refresh`]).
    ReplyAndRefresh(usize, Box<Forward>),
    /// An upstream is to be asked first.
    Forward(Forward),
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

/// Where an answer would be.
#[derive(Clone, Copy)]
struct Found {
    /// The key's hash.
    hash: u64,
    /// The rule's place in its view.
    rule: u32,
}

/// Whether what was given out is to be asked for anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refresh {
    No,
    Yes,
}

/// A query that passed the checks, with what its reply will need.
struct Admitted<'a> {
    context: Context<'a>,
    client: Client,
    query: Query<'a>,
    view: &'a Arc<View>,
    recursion_available: bool,
    cookie: CookieVerdict,
}

/// Decides what a packet from `client` gets; a reply is written to the beginning of `out` (at least 4,096 octets, for
/// TCP 65,535).
pub fn decide(context: Context<'_>, packet: &[u8], client: Client, out: &mut [u8]) -> Decision {
    match read(context, packet, client, out) {
        Ok(admitted) => admitted.answer(out),
        Err(reply) => reply.map_or(Decision::Drop, Decision::Reply),
    }
}

/// Does what comes before the cache: reads the packet and lets it in. Where that fails, the reply, if there is to be one,
/// is written and its length returned.
#[inline]
fn read<'a>(
    context: Context<'a>,
    packet: &'a [u8],
    client: Client,
    out: &mut [u8],
) -> Result<Admitted<'a>, Option<usize>> {
    let blackhole = context.snapshot.blackhole.as_ref();
    if blackhole.is_some_and(|list| list.allows(client.address)) {
        return Err(None);
    }
    let query = Query::read(packet).map_err(|fault| refuse::unread(fault, packet, out))?;
    admit(context, query, client, out).map_err(Some)
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
    match admit(context, query, client, out) {
        Ok(admitted) if admitted.is_overtaken(chain.as_deref(), segment) => admitted.answer(out),
        Ok(admitted) => admitted.go_on(chain, Segment::new(segment), out),
        Err(octets) => Decision::Reply(octets),
    }
}

/// Checks everything that does not depend on the name; where it fails, the reply is written and its length returned.
#[inline]
fn admit<'a>(context: Context<'a>, query: Query<'a>, client: Client, out: &mut [u8]) -> Result<Admitted<'a>, usize> {
    let cookie = judge_cookie(&context, &query, client);
    let refusal = refuse::Refusal { context: &context, query: &query, client, cookie, recursion_available: false };
    if query.edns.is_some_and(|edns| edns.version > 0) {
        return Err(refusal.with_rcode(rcode::BADVERS, out));
    }
    // Who gives no cookies does not look at those of clients either.
    let judged = context.snapshot.cookies.is_some() && query.edns.is_some_and(|edns| edns.cookie.is_some());
    if judged && cookie == CookieVerdict::Malformed {
        return Err(refusal.with_rcode(rcode::FORMERR, out));
    }
    // No key is known here: what cannot be verified is not answered (RFC 8945 §5.2.1).
    if query.signed {
        return Err(refusal.with_rcode(rcode::NOTAUTH, out));
    }
    let views = &context.snapshot.views;
    let recursion_desired = query.recursion_desired();
    let matches = |view: &&Arc<View>| view.matches(client.address, client.destination, recursion_desired);
    let view = views.iter().find(matches);
    match query.qclass {
        class::IN => {}
        class::CH if view.is_some_and(|view| view.query.allows(client.address)) => {
            return Err(chaos::answer(&refusal, out));
        }
        class::CH => return Err(refusal.denied("allow-query did not match", out)),
        class::HS => return Err(refusal.with_ede(rcode::REFUSED, ede::PROHIBITED, "no view matches this class", out)),
        class::RESERVED | class::NONE | class::ANY => return Err(refusal.with_rcode(rcode::FORMERR, out)),
        _ => return Err(refusal.with_rcode(rcode::NOTIMP, out)),
    }
    match query.qtype {
        rtype::ANY => {}
        rtype::MAILA | rtype::MAILB => return Err(refusal.with_rcode(rcode::NOTIMP, out)),
        rtype::AXFR | rtype::IXFR => {
            return Err(refusal.with_ede(rcode::NOTAUTH, ede::NOT_AUTHORITATIVE, "the zone is not served here", out));
        }
        // Types that no record can have (RFC 6895 §3.1): upstreams answer FORMERR too.
        0 | rtype::OPT | 128..=255 => return Err(refusal.with_rcode(rcode::FORMERR, out)),
        _ => {}
    }
    let Some(view) = view else {
        return Err(refusal.denied("no view matches", out));
    };
    if !view.query_cache.allows(client.address) {
        return Err(refusal.denied("allow-query-cache did not match", out));
    }
    let allowed = view.allow_recursion.as_ref().is_none_or(|list| list.allows(client.address));
    Ok(Admitted { context, client, query, view, recursion_available: view.recursion && allowed, cookie })
}

#[inline]
fn judge_cookie(context: &Context<'_>, query: &Query<'_>, client: Client) -> CookieVerdict {
    // What an option means in a later version of EDNS is not known.
    let edns = query.edns.filter(|edns| edns.version == 0);
    match (edns.and_then(|edns| edns.cookie), &context.snapshot.cookies) {
        (Some(option), Some(cookies)) => cookies.respond(option, client.address, context.unix),
        _ => CookieVerdict::Malformed,
    }
}

impl<'a> Admitted<'a> {
    /// Answers from the cache, or says what is to be asked.
    #[inline]
    fn answer(self, out: &mut [u8]) -> Decision {
        let mut key = Key::empty();
        let found = self.set_key(&mut key);
        self.answer_by(&key, found, out)
    }

    /// Makes the question's key.
    #[inline]
    fn set_key(&self, key: &mut Key) -> Found {
        key.set(&self.parts(0), self.query.qname());
        let rules = &self.view.rules;
        let rule = rules.find(key.qname(), self.query.qtype);
        key.set_rule(rules.get(rule).id);
        Found { hash: self.context.cache.hash(key), rule }
    }

    /// Answers by what [`Self::set_key`] made.
    #[inline]
    fn answer_by(self, key: &Key, found: Found, out: &mut [u8]) -> Decision {
        let Context { cache, now, .. } = self.context;
        let Found { hash, rule } = found;
        let start = reply::begin(out, &self.query);
        let limit = self.limit(out.len());
        match cache.copy_into(hash, key, now, self.patch(rule), &mut out[start..limit]) {
            Lookup::Hit { meta, written, refresh: false } => self.reply(meta, start + written, out),
            Lookup::Hit { meta, written, refresh: true } => {
                let reply = self.reply(meta, start + written, out);
                self.and_refresh(reply, key.clone(), hash)
            }
            Lookup::TooLong(meta) => self.reply_too_long(meta, out),
            Lookup::GoesOn => self.follow_from_cache(self.query.qname(), out),
            Lookup::Miss => self.answer_stale(key.clone(), hash, rule, out),
        }
    }

    /// The place of the rule of a name in any case.
    fn find_rule(&self, qname: &[u8]) -> u32 {
        let mut name = [0; crate::wire::name::MAX_NAME_OCTETS];
        let name = &mut name[..qname.len()];
        name.copy_from_slice(qname);
        name.make_ascii_lowercase();
        self.view.rules.find(name, self.query.qtype)
    }

    #[inline]
    fn parts(&self, rule: u32) -> Parts {
        Parts {
            view: self.view.id,
            rule,
            qtype: self.query.qtype,
            qclass: self.query.qclass,
            dnssec_ok: self.query.dnssec_ok(),
            checking_disabled: self.query.checking_disabled(),
        }
    }

    fn key_of(&self, qname: &[u8], rule: u32) -> Key {
        Key::new(&self.parts(self.view.rules.get(rule).id), qname)
    }

    /// How an answer of a rule is given out.
    #[inline]
    fn patch(&self, rule: u32) -> Patch {
        // Who may not have questions asked cannot have answers fetched anew either.
        let refresh = match self.query.recursion_desired() && self.recursion_available {
            true => self.view.rules.get(rule).refresh,
            false => RefreshWindow::NEVER,
        };
        Patch { layout: self.view.rules.layout(), rotation: self.rotation(), refresh }
    }

    #[inline]
    fn rotation(&self) -> u32 {
        match self.view.rrset_order {
            RrsetOrder::Fixed => 0,
            RrsetOrder::Cyclic => self.context.rotation,
            // A multiplicative hash of the counter: neighbours begin anywhere (Knuth, TAOCP 3, 6.4).
            RrsetOrder::Random => self.context.rotation.wrapping_mul(0x9e37_79b1) >> 8,
        }
    }

    /// The longest reply that this client takes, in octets.
    #[inline]
    fn limit(&self, room: usize) -> usize {
        match (self.client.transport, &self.query.edns) {
            (Transport::Tcp, _) => room,
            (Transport::Udp, None) => PLAIN_UDP_OCTETS,
            (Transport::Udp, Some(edns)) => {
                let most = usize::from(self.context.snapshot.max_udp_size).max(PLAIN_UDP_OCTETS);
                usize::from(edns.udp_size).clamp(PLAIN_UDP_OCTETS, most).min(room)
            }
        }
    }

    /// Writes the reply around records that end at `end`.
    #[inline]
    fn reply(&self, meta: Meta, end: usize, out: &mut [u8]) -> Decision {
        let (end, meta) = if self.query.qtype == rtype::ANY { self.minimize(meta, end, out) } else { (end, meta) };
        let reply = Reply {
            rcode: u16::from(meta.rcode),
            authoritative: false,
            recursion_available: self.recursion_available,
            authentic: meta.authentic && self.wants_authentic(),
            answers: meta.answers,
            authority: meta.authority,
            opt: self.opt(failure_of(&meta)),
        };
        let limit = self.limit(out.len());
        Decision::Reply(reply::finish(out, &self.query, end, limit, &reply))
    }

    /// AD is for those who ask for it (RFC 6840 §5.7).
    fn wants_authentic(&self) -> bool {
        self.query.dnssec_ok() || self.query.flags() & crate::wire::header::flag::AD != 0
    }

    fn opt(&self, ede: Option<(u16, &'static str)>) -> Opt<'_> {
        let cookie = self.cookie.reply().map(|cookie| &cookie[..]);
        Opt { udp_size: self.context.snapshot.edns_udp_size, cookie, ede }
    }

    /// Says that the answer is longer than the client takes.
    fn reply_too_long(&self, meta: Meta, out: &mut [u8]) -> Decision {
        let beyond = out.len() + 1;
        self.reply(meta, beyond, out)
    }

    /// `minimal-any`: by UDP, the first RRset is enough (RFC 8482 §4.1).
    fn minimize(&self, meta: Meta, end: usize, out: &[u8]) -> (usize, Meta) {
        if !self.view.minimal_any || self.client.transport != Transport::Udp || end > out.len() {
            return (end, meta);
        }
        match chain::first_rrset(&out[..end], self.query.question_end, meta.answers) {
            Some((end, answers)) => (end, Meta { answers, authority: 0, ..meta }),
            None => (end, meta),
        }
    }

    fn refusal(&self) -> refuse::Refusal<'_, 'a> {
        refuse::Refusal {
            context: &self.context,
            query: &self.query,
            client: self.client,
            cookie: self.cookie,
            recursion_available: self.recursion_available,
        }
    }

    /// The question has to be asked, if this client may have questions asked.
    fn forward(&self, key: Key, hash: u64, chain: Option<Box<Chain>>, out: &mut [u8]) -> Decision {
        let refusal = self.refusal();
        if !self.query.recursion_desired() {
            let why = "not in the cache, and RD is not set";
            return Decision::Reply(refusal.with_ede(rcode::REFUSED, ede::NOT_AUTHORITATIVE, why, out));
        }
        if !self.recursion_available {
            return Decision::Reply(refusal.denied("allow-recursion did not match", out));
        }
        let route = self.route_of(&key);
        if route.rule().servers.is_empty() {
            let why = "no forwarders for this name";
            return Decision::Reply(refusal.with_ede(rcode::REFUSED, ede::NOT_AUTHORITATIVE, why, out));
        }
        Decision::Forward(Forward { key, hash, route, chain, proven: self.is_proven() })
    }

    /// See [`Forward::proven`].
    fn is_proven(&self) -> bool {
        self.client.transport == Transport::Tcp || matches!(self.cookie, CookieVerdict::Valid(_))
    }

    fn route_of(&self, key: &Key) -> Route {
        Route { view: Arc::clone(self.view), rule: self.view.rules.find(key.qname(), key.qtype()) }
    }

    /// Has an answer that was just given out fetched anew.
    #[cold]
    fn and_refresh(&self, decision: Decision, key: Key, hash: u64) -> Decision {
        let route = self.route_of(&key);
        match decision {
            Decision::Reply(octets) if !route.rule().servers.is_empty() => Decision::ReplyAndRefresh(
                octets,
                Box::new(Forward { key, hash, route, chain: None, proven: self.is_proven() }),
            ),
            other => other,
        }
    }

    /// Answers with what was known of old if it is not worth while to ask, else has the question asked.
    #[inline]
    fn answer_stale(&self, key: Key, hash: u64, rule: u32, out: &mut [u8]) -> Decision {
        if self.view.rules.get(rule).stale.is_none() {
            return self.forward(key, hash, None, out);
        }
        let mut octets = Vec::new();
        match self.find_stale(&key, hash, rule, &mut octets) {
            None => self.forward(key, hash, None, out),
            Some(Refresh::No) => self.go_on(None, Segment::new(&octets), out),
            Some(Refresh::Yes) => {
                let reply = self.go_on(None, Segment::new(&octets), out);
                self.and_refresh(reply, key, hash)
            }
        }
    }

    /// What was known of old of a question that is not worth asking for a client: its rule does not let clients wait, or
    /// it failed a moment ago. A question whose forwarders were dead is asked again all the same, with nobody waiting.
    fn find_stale(&self, key: &Key, hash: u64, rule: u32, out: &mut Vec<u8>) -> Option<Refresh> {
        let Context { cache, now, .. } = self.context;
        let rule = self.view.rules.get(rule);
        let stale = rule.stale.filter(|_| !rule.servers.is_empty())?;
        if !self.query.recursion_desired() || !self.recursion_available {
            return None;
        }
        let (failure, layout) = (key.failure(), self.view.rules.layout());
        let patch = Patch { layout, rotation: 0, refresh: RefreshWindow::NEVER };
        let refresh = if cache.copy_segment(cache.hash(&failure), &failure, now, patch, out).is_some() {
            let nobody = Segment::new(out).meta().ede == ede::NO_REACHABLE_AUTHORITY + 1;
            if nobody { Refresh::Yes } else { Refresh::No }
        } else if stale.client_timeout == Some(Duration::ZERO) {
            Refresh::Yes
        } else {
            return None;
        };
        cache.copy_stale(hash, key, now, stale.ttls(layout), out).then_some(refresh)
    }

    /// Puts a chain together from what is in the cache, from its first segment on.
    fn follow_from_cache(&self, qname: &[u8], out: &mut [u8]) -> Decision {
        self.follow(Box::new(Chain::new(qname, self.view.rules.layout())), qname.to_vec(), out)
    }

    /// Whether links were believed under other rules than those in force by now: the query begins anew then.
    fn is_overtaken(&self, chain: Option<&Chain>, segment: &[u8]) -> bool {
        let layout = self.view.rules.layout();
        let meta = Segment::new(segment).meta();
        (meta.linked && meta.layout != layout) || chain.is_some_and(|chain| chain.layout() != layout)
    }

    /// Takes the segment that was asked for, and goes on with the chain if it is not its end.
    fn go_on(&self, chain: Option<Box<Chain>>, segment: Segment<'_>, out: &mut [u8]) -> Decision {
        if chain.is_none() && segment.next().is_empty() {
            let start = reply::begin(out, &self.query);
            let limit = self.limit(out.len());
            return match segment.copy_into(&mut out[start..limit], 0, self.rotation()) {
                Some(written) => self.reply(segment.meta(), start + written, out),
                None => self.reply_too_long(segment.meta(), out),
            };
        }
        let mut chain = chain.unwrap_or_else(|| Box::new(Chain::new(self.query.qname(), self.view.rules.layout())));
        let name = chain.wanted().to_vec();
        match chain.append(&name, &segment, 0, self.rotation()) {
            Ok(next) => self.follow(chain, next, out),
            Err(chain::Broken) => self.broken(out),
        }
    }

    /// Follows a chain through the cache, from rule to rule. The first segment that is to be fetched anew is; the others
    /// have their turn with the next query.
    fn follow(&self, mut chain: Box<Chain>, mut next: Vec<u8>, out: &mut [u8]) -> Decision {
        let mut octets = Vec::new();
        let mut refresh = None;
        while !next.is_empty() {
            let rule = self.find_rule(&next);
            let key = self.key_of(&next, rule);
            let Context { cache, now, .. } = self.context;
            let hash = cache.hash(&key);
            let whole = key.whole_name();
            let mut patch = self.patch(rule);
            if refresh.is_some() {
                patch.refresh = RefreshWindow::NEVER;
            }
            let found = cache
                .copy_segment(hash, &key, now, patch, &mut octets)
                .or_else(|| cache.copy_segment(cache.hash(&whole), &whole, now, patch, &mut octets));
            let found = found.or_else(|| {
                let stale = self.find_stale(&key, hash, rule, &mut octets)?;
                Some(Copied { elapsed: 0, refresh: stale == Refresh::Yes && refresh.is_none() })
            });
            let Some(found) = found else {
                chain.want(&next);
                return self.forward_or_end(key, hash, chain, out);
            };
            match chain.append(&next, &Segment::new(&octets), found.elapsed, patch.rotation) {
                Ok(name) => next = name,
                Err(chain::Broken) => return self.broken(out),
            }
            if found.refresh {
                refresh = Some((key, hash));
            }
        }
        let reply = self.reply_chain(*chain, out);
        match refresh {
            Some((key, hash)) => self.and_refresh(reply, key, hash),
            None => reply,
        }
    }

    /// A chain that leads where nothing is forwarded ends there: the client gets what is known.
    fn forward_or_end(&self, key: Key, hash: u64, chain: Box<Chain>, out: &mut [u8]) -> Decision {
        let nowhere = self.view.rules.get(self.view.rules.find(key.qname(), key.qtype())).servers.is_empty();
        let recursion = self.query.recursion_desired() && self.recursion_available;
        if nowhere || !recursion { self.reply_chain(*chain, out) } else { self.forward(key, hash, Some(chain), out) }
    }

    fn reply_chain(&self, mut chain: Chain, out: &mut [u8]) -> Decision {
        if chain.close().is_err() {
            return self.broken(out);
        }
        let start = reply::begin(out, &self.query);
        let records = chain.records();
        let limit = self.limit(out.len());
        match out[start..limit].get_mut(..records.len()) {
            Some(room) => {
                room.copy_from_slice(records);
                self.reply(chain.meta(), start + records.len(), out)
            }
            None => self.reply_too_long(chain.meta(), out),
        }
    }

    /// The chain loops, or is longer than named follows.
    fn broken(&self, out: &mut [u8]) -> Decision {
        let refusal = self.refusal();
        let why = "the chain of aliases loops or is too long";
        Decision::Reply(refusal.with_ede(rcode::SERVFAIL, ede::INVALID_DATA, why, out))
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
    let refusal = refuse::Refusal { context: &context, query: &query, client, cookie, recursion_available: true };
    Decision::Reply(refusal.with_ede(rcode::SERVFAIL, code, text, out))
}

/// The extended error that goes with a failure.
fn failure_of(meta: &Meta) -> Option<(u16, &'static str)> {
    let code = meta.ede.checked_sub(1)?;
    let text = match code {
        ede::STALE_ANSWER | ede::STALE_NXDOMAIN_ANSWER => "no forwarder gave a new answer",
        ede::NO_REACHABLE_AUTHORITY => "no forwarder answered",
        ede::NETWORK_ERROR => "the forwarders answered with errors or cannot be reached",
        ede::INVALID_DATA => "the forwarders' answers cannot be used",
        _ => "",
    };
    Some((code, text))
}

#[cfg(test)]
mod tests;
