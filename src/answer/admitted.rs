//! A query that was let in: its key and rule, the cache, a stale answer, the question that an upstream is to be asked.
//!
//! What is found is given out within what this client takes.
//! Not here: who is let in ([`super::decide`]), chains that pass several rules ([`super::follow`]).

use std::sync::Arc;
use std::time::Duration;

use super::chain::{self, Chain};
use super::local::Present;
use super::refuse::{Denied, Stage};
use super::{Client, Context, Decision, Forward, keepalive_for, most_octets, refuse, signed};
use crate::access::CookieVerdict;
use crate::cache::{Key, Lookup, Parts, Patch, RefreshWindow};
use crate::config::RrsetOrder;
use crate::metrics::{Event, Lookups};
use crate::state::rules::Local;
use crate::state::{Route, View};
use crate::tsig::Signer;
use crate::wire::header::{ede, flag, rcode, rtype};
use crate::wire::name::MAX_NAME_OCTETS;
use crate::wire::query::Query;
use crate::wire::reply::{self, Opt, Reply};
use crate::wire::{Meta, Name, Segment, Transport};
use crate::zone;

/// Where an answer would be.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    /// The key's hash; where the rule's zone is local, the name's in it.
    pub(super) hash: u64,
    /// The rule's zone, if it is a local one.
    pub(super) local: Option<&'a Local>,
    /// The rule's place in its view.
    pub(super) rule: u32,
}

/// Whether what was given out is to be asked for anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refresh {
    No,
    Yes,
}

/// A query that passed the checks, with what its reply will need.
pub(super) struct Admitted<'a> {
    pub(super) context: Context<'a>,
    pub(super) client: Client,
    pub(super) query: Query<'a>,
    /// The first that matches the client.
    pub(super) view: &'a Arc<View>,
    /// RA: whether names are forwarded for this client.
    pub(super) recursion_available: bool,
    /// What forbids it to have what others have told, if anything does.
    pub(super) no_cache: Option<&'static str>,
    /// What its cookie is worth.
    pub(super) cookie: CookieVerdict,
    /// Who signs its reply.
    pub(super) signer: Option<&'a Signer>,
}

impl<'a> Admitted<'a> {
    /// Answers from the cache, or says what is to be asked.
    #[inline]
    pub(super) fn answer(self, out: &mut [u8]) -> Decision {
        let mut key = Key::empty();
        let found = self.set_key(&mut key);
        match self.may_have(found.rule, out) {
            Ok(()) => self.answer_by(&key, found, &mut Present::default(), out),
            Err(octets) => Decision::Reply(octets),
        }
    }

    /// Makes the question's key. Where the rule's zone is local, only its name is of use: nothing of it is cached.
    #[inline]
    pub(super) fn set_key(&self, key: &mut Key) -> Found<'a> {
        key.set(&self.parts(0), self.query.qname());
        let place = self.view.rules.find(key.qname(), self.query.qtype);
        let rule = self.view.rules.get(place);
        if let Some(local) = &rule.local {
            return Found { hash: zone::hash(key.qname()), local: Some(local), rule: place };
        }
        key.set_rule(rule.id);
        Found { hash: self.context.cache.hash(key), local: None, rule: place }
    }

    /// Checks whether the client may have answers of the rule at this place; where not, the refusal is written and its
    /// length returned.
    #[inline]
    pub(super) fn may_have(&self, rule: u32, out: &mut [u8]) -> Result<(), usize> {
        let Some(why) = self.what_forbids(rule) else { return Ok(()) };
        let what = if self.view.rules.get(rule).local.is_some() { Denied::Query } else { Denied::Cache };
        Err(self.refusal().denied(what, why, out))
    }

    /// Whether the client may have answers of the rule at this place.
    #[inline]
    pub(super) fn is_allowed(&self, rule: u32) -> bool {
        self.what_forbids(rule).is_none()
    }

    #[inline]
    fn what_forbids(&self, rule: u32) -> Option<&'static str> {
        match &self.view.rules.get(rule).local {
            Some(local) => local.what_forbids(self.view, self.client, key_of(self.signer)),
            None => self.no_cache,
        }
    }

    /// Answers by what [`Self::set_key`] made.
    #[inline]
    pub(super) fn answer_by(self, key: &Key, found: Found<'a>, present: &mut Present<'a>, out: &mut [u8]) -> Decision {
        let Found { hash, local, rule } = found;
        if let Some(local) = local {
            let decision = match present.of(&local.zone) {
                Some(zone) => self.answer_local(zone, local, key.qname(), hash, out),
                None => return self.not_ready(out),
            };
            if let Some(counters) = &local.counters {
                self.count_of_zone(counters, &decision, out);
            }
            return decision;
        }
        self.answer_remembered(key, hash, rule, out)
    }

    /// Answers from the cache, or says what is to be asked.
    #[inline]
    fn answer_remembered(&self, key: &Key, hash: u64, rule: u32, out: &mut [u8]) -> Decision {
        let Context { cache, now, .. } = self.context;
        let start = reply::begin(out, &self.query);
        let limit = self.limit(out.len());
        match cache.copy_into(hash, key, now, self.patch(rule), &mut out[start..limit]) {
            Lookup::Hit { meta, written, refresh: false } => {
                self.count(Lookups::Answered);
                self.reply(meta, start + written, out)
            }
            Lookup::Hit { meta, written, refresh: true } => {
                self.count(Lookups::Answered);
                let reply = self.reply(meta, start + written, out);
                self.and_refresh(reply, key.clone(), hash, rule)
            }
            Lookup::TooLong(meta) => {
                self.count(Lookups::Answered);
                self.reply_too_long(meta, out)
            }
            Lookup::GoesOn => {
                let decision = self.follow_from_start(self.query.qname(), out);
                let misses = matches!(decision, Decision::Forward(_));
                self.count(if misses { Lookups::Missed } else { Lookups::Answered });
                decision
            }
            Lookup::Miss => {
                self.count(Lookups::Missed);
                self.answer_stale(key.clone(), hash, rule, out)
            }
        }
    }

    /// The rule by which names below a delegation of a local zone are asked for, if this client may have them asked for;
    /// `None`: it gets the referral.
    pub(super) fn delegated(&self, local: &Local) -> Option<u32> {
        local.delegated.filter(|_| self.query.recursion_desired() && self.recursion_available)
    }

    /// Answers a question below a delegation of a local zone by the rule at this place.
    #[cold]
    pub(super) fn answer_delegated(&self, rule: u32, out: &mut [u8]) -> Decision {
        let key = self.key_of(self.query.qname(), rule);
        self.answer_remembered(&key, self.context.cache.hash(&key), rule, out)
    }

    /// Counts a look-up in the cache.
    #[inline]
    pub(super) fn count(&self, lookup: Lookups) {
        self.context.meter.lookup(self.view.id, lookup);
    }

    /// The place of the rule of a name in any case.
    pub(super) fn find_rule(&self, qname: &[u8]) -> u32 {
        let mut name = [0; MAX_NAME_OCTETS];
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

    pub(super) fn key_of(&self, qname: &[u8], rule: u32) -> Key {
        Key::new(&self.parts(self.view.rules.get(rule).id), qname)
    }

    /// How an answer of a rule is given out.
    #[inline]
    pub(super) fn patch(&self, rule: u32) -> Patch {
        // Who may not have questions asked cannot have answers fetched anew either.
        let refresh = match self.query.recursion_desired() && self.recursion_available {
            true => self.view.rules.get(rule).refresh,
            false => RefreshWindow::NEVER,
        };
        Patch { layout: self.view.rules.layout(), rotation: self.rotation(), refresh }
    }

    #[inline]
    pub(super) fn rotation(&self) -> u32 {
        match self.view.rrset_order {
            RrsetOrder::Fixed => 0,
            RrsetOrder::Cyclic => self.context.rotation,
            // A multiplicative hash of the counter: neighbours begin anywhere (Knuth, TAOCP 3, 6.4).
            RrsetOrder::Random => self.context.rotation.wrapping_mul(0x9e37_79b1) >> 8,
        }
    }

    /// The longest reply that this client takes, in octets, without its signature.
    #[inline]
    pub(super) fn limit(&self, room: usize) -> usize {
        let has_cookie = matches!(self.cookie, CookieVerdict::Valid(_));
        let most = self.view.udp_sizes.most(self.client.address, has_cookie);
        let limit = most_octets(most, &self.query, self.client, room);
        limit.saturating_sub(signed::octets(self.signer)).max(self.query.question_end)
    }

    /// Writes the reply around records that end at `end`.
    #[inline]
    pub(super) fn reply(&self, meta: Meta, end: usize, out: &mut [u8]) -> Decision {
        self.reply_and(meta, 0, end, out)
    }

    /// As [`Self::reply`], where so many records at the end are for the additional section.
    #[inline]
    pub(super) fn reply_and(&self, meta: Meta, additional: u16, end: usize, out: &mut [u8]) -> Decision {
        let (end, meta) = if self.query.qtype == rtype::ANY { self.minimize(meta, end, out) } else { (end, meta) };
        let reply = Reply {
            rcode: u16::from(meta.rcode),
            authoritative: meta.authoritative || (self.view.auth_nxdomain && u16::from(meta.rcode) == rcode::NXDOMAIN),
            recursion_available: self.recursion_available,
            authentic: meta.authentic && self.wants_authentic(),
            answers: meta.answers,
            authority: meta.authority,
            additional,
            opt: self.opt(failure_of(&meta)),
        };
        let limit = self.limit(out.len());
        let end = match &self.view.rrset_orders {
            None => end,
            Some(orders) => self.put_in_order(orders, &reply, (end, limit), out),
        };
        let octets = reply::finish(out, &self.query, end, limit, &reply);
        let octets = self.refusal().sealed(octets, out);
        let Context { meter, .. } = self.context;
        meter.answer(self.client.channel(), self.query.edns.is_some(), &out[..octets]);
        if meta.ede != 0 {
            self.note_trouble(&meta);
        }
        Decision::Reply(octets)
    }

    /// Counts and logs an answer that upstreams were not well for.
    #[cold]
    fn note_trouble(&self, meta: &Meta) {
        if is_stale(meta) {
            self.context.meter.event(Event::QryUsedStale);
        }
        if u16::from(meta.rcode) == rcode::SERVFAIL {
            self.refusal().log_failed(rcode::SERVFAIL, failure_of(meta).map_or("", |(_, why)| why));
        }
    }

    /// AD is for those who ask for it (RFC 6840 §5.7).
    fn wants_authentic(&self) -> bool {
        self.query.dnssec_ok() || self.query.flags() & flag::AD != 0
    }

    fn opt(&self, ede: Option<(u16, &'static str)>) -> Opt<'_> {
        let cookie = self.cookie.reply().map(|cookie| &cookie[..]);
        let keepalive = keepalive_for(&self.context, &self.query, self.client);
        Opt { udp_size: self.view.edns_udp_size, cookie, ede, keepalive }
    }

    /// Octets of the OPT record of a reply without an extended error.
    pub(super) fn opt_octets(&self) -> usize {
        self.query.edns.map_or(0, |_| self.opt(None).octets())
    }

    /// Says that the answer is longer than the client takes.
    pub(super) fn reply_too_long(&self, meta: Meta, out: &mut [u8]) -> Decision {
        let beyond = out.len() + 1;
        self.reply(meta, beyond, out)
    }

    /// `minimal-any`: by UDP, the first RRset is enough (RFC 8482 §4.1).
    fn minimize(&self, meta: Meta, end: usize, out: &[u8]) -> (usize, Meta) {
        if !self.view.minimal_any || self.client.transport != Transport::Udp || end > out.len() {
            return (end, meta);
        }
        match chain::first_rrset(&out[..end], self.query.question_end, meta.answers) {
            Some((end, answers)) if answers < meta.answers => (end, Meta { answers, authority: 0, ..meta }),
            _ => (end, meta),
        }
    }

    pub(super) fn refusal(&self) -> refuse::Refusal<'_, 'a> {
        refuse::Refusal {
            context: &self.context,
            query: &self.query,
            client: self.client,
            cookie: self.cookie,
            recursion_available: self.recursion_available,
            signer: self.signer,
            view: Some(self.view),
            stage: Stage::Query,
        }
    }

    /// The question has to be asked, if this client may have questions asked.
    pub(super) fn forward(
        &self,
        key: Key,
        hash: u64,
        rule: u32,
        chain: Option<Box<Chain>>,
        out: &mut [u8],
    ) -> Decision {
        let refusal = self.refusal();
        if !self.query.recursion_desired() {
            let why = "not in the cache, and RD is not set";
            return Decision::Reply(refusal.with_ede(rcode::REFUSED, ede::NOT_AUTHORITATIVE, why, out));
        }
        if !self.recursion_available {
            return Decision::Reply(refusal.denied(Denied::Cache, "allow-recursion did not match", out));
        }
        let route = self.route_by(rule);
        if route.rule().is_barred {
            let why = "every forwarder for this name is bogus or in blackhole";
            return Decision::Reply(refusal.with_ede(rcode::SERVFAIL, ede::NO_REACHABLE_AUTHORITY, why, out));
        }
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

    fn route_by(&self, rule: u32) -> Route {
        Route { view: Arc::clone(self.view), rule }
    }

    /// Has an answer that was just given out fetched anew.
    #[cold]
    pub(super) fn and_refresh(&self, decision: Decision, key: Key, hash: u64, rule: u32) -> Decision {
        let route = self.route_by(rule);
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
            return self.forward(key, hash, rule, None, out);
        }
        let mut octets = Vec::new();
        match self.find_stale(&key, hash, rule, &mut octets) {
            None => self.forward(key, hash, rule, None, out),
            Some(Refresh::No) => self.go_on(None, Segment::new(&octets), out),
            Some(Refresh::Yes) => {
                let reply = self.go_on(None, Segment::new(&octets), out);
                self.and_refresh(reply, key, hash, rule)
            }
        }
    }

    /// What was known of old of a question that is not worth asking for a client: its rule does not let clients wait, or
    /// it failed a moment ago. A question whose forwarders were dead is asked again all the same, with nobody waiting.
    pub(super) fn find_stale(&self, key: &Key, hash: u64, rule: u32, out: &mut Vec<u8>) -> Option<Refresh> {
        let Context { cache, now, .. } = self.context;
        let rule = self.view.rules.get(rule);
        let stale = rule.stale.filter(|_| !rule.servers.is_empty())?;
        if !self.query.recursion_desired() || !self.recursion_available {
            return None;
        }
        let (failure, layout) = (key.failure(), self.view.rules.layout());
        let patch = Patch { layout, rotation: 0, refresh: RefreshWindow::NEVER };
        let failed = cache.copy_segment(cache.hash(&failure), &failure, now, patch, out).map(|copied| {
            let nobody = Segment::new(out).meta().ede == ede::NO_REACHABLE_AUTHORITY + 1;
            (copied.stored_ms, if nobody { Refresh::Yes } else { Refresh::No })
        });
        let at_once = stale.client_timeout == Some(Duration::ZERO);
        if failed.is_none() && !at_once {
            return None;
        }
        let stored_ms = cache.copy_stale(hash, key, now, stale.ttls(layout), out)?;
        // An answer that has come since, and has ended as well, ended the failure.
        match failed.filter(|(failed_ms, _)| *failed_ms >= stored_ms) {
            Some((_, refresh)) => Some(refresh),
            None => at_once.then_some(Refresh::Yes),
        }
    }
}

/// The name of the key that a query is signed with.
#[inline]
pub(super) fn key_of(signer: Option<&Signer>) -> Option<&Name> {
    signer.and_then(Signer::key).map(|key| key.name())
}

/// Whether an answer is given out after its TTL.
fn is_stale(meta: &Meta) -> bool {
    meta.ede == ede::STALE_ANSWER + 1 || meta.ede == ede::STALE_NXDOMAIN_ANSWER + 1
}

/// The extended error that goes with a failure.
fn failure_of(meta: &Meta) -> Option<(u16, &'static str)> {
    let code = meta.ede.checked_sub(1)?;
    let text = match code {
        ede::STALE_ANSWER | ede::STALE_NXDOMAIN_ANSWER => "no forwarder gave a new answer",
        ede::NO_REACHABLE_AUTHORITY => "no forwarder answered",
        ede::NETWORK_ERROR => "the forwarders answered with errors or cannot be reached",
        ede::OTHER => "fetches-per-zone or fetches-per-server: too many questions are outstanding",
        ede::INVALID_DATA => "the forwarders' answers cannot be used",
        _ => "",
    };
    Some((code, text))
}
