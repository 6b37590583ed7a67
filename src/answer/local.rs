//! Answers out of local zones (RFC 1034 §4.3.2): records, referrals, and that something does not exist.
//!
//! Not here: what a zone says ([`crate::zone`]), chains of aliases, which may leave a zone for another or for forwarders
//! ([`super::follow`]).

use std::sync::Arc;

use arc_swap::Guard;

use super::Decision;
use super::additional::Added;
use super::admitted::Admitted;
use super::chain::Chain;
use crate::metrics::{Event, OfZone, ZoneCounters};
use crate::state::rules::Local;
use crate::wire::header::{HEADER_OCTETS, ede, flag, rcode, rtype, u16_at};
use crate::wire::segment::{self, Meta, Segment};
use crate::wire::{Transport, reply};
use crate::zone::policy::{Choice, Draw, Group};
use crate::zone::{Every, Found, Handle, Referral, Renamed, Rrset, Zone, owner_pointer};

/// What a local zone adds to a chain.
pub(super) enum Link {
    /// A segment was written.
    Segment,
    /// The name is below a delegation, and is to be asked for by the rule at this place.
    Delegated(u32),
    /// The zone could not be read, or what it says cannot be written.
    NotReady,
    /// Every record is down.
    AllDown,
    /// It names servers with more addresses than a message can hold.
    TooLong,
}

/// The version of a zone that was asked last: packets that are decided together mostly ask the same one, and to look at
/// the present version costs two atomic writes.
#[derive(Default)]
pub(super) struct Present<'p> {
    held: Option<(&'p Handle, Guard<Option<Arc<Zone>>>)>,
}

impl<'p> Present<'p> {
    /// Whether a zone was asked.
    #[inline]
    pub(super) fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// The version of this zone that is held, or else the present one; `None` if there is none yet.
    #[inline]
    pub(super) fn of(&mut self, handle: &'p Handle) -> Option<&Zone> {
        let is_held = self.held.as_ref().is_some_and(|(held, _)| std::ptr::eq(*held, handle));
        if !is_held {
            self.held = Some((handle, handle.load()));
        }
        self.held.as_ref()?.1.as_deref()
    }
}

/// Aliases.
const FOLLOWED: [u16; 2] = [rtype::CNAME, rtype::DNAME];

/// The type of the first record behind the question; `None`: there is none.
fn first_answer(reply: &[u8], question_end: usize) -> Option<u16> {
    if u16_at(reply, 6) == 0 {
        return None;
    }
    let mut at = question_end;
    loop {
        match *reply.get(at)? {
            0 => return reply.get(at + 1..at + 3).map(|octets| u16_at(octets, 0)),
            0xc0.. => return reply.get(at + 2..at + 4).map(|octets| u16_at(octets, 0)),
            label => at += 1 + usize::from(label),
        }
    }
}

/// A pointer reaches no further (RFC 1035 §4.1.4).
const POINTER_REACH: usize = 0x3fff;

impl Admitted<'_> {
    /// Answers the query from the zone of its rule; `name` is the question's in lower case, `hash` its [`hash`](crate::zone::hash).
    #[inline]
    pub(super) fn answer_local(&self, zone: &Zone, local: &Local, name: &[u8], hash: u64, out: &mut [u8]) -> Decision {
        match zone.find_hashed(name, hash, self.query.qtype) {
            Found::Rrset(Rrset::Fixed(rrset)) => self.reply_with(zone, [rrset], out),
            Found::Rrset(Rrset::Chosen(group)) => self.reply_with_chosen(zone, group, name, out),
            Found::Every(every) => self.reply_with_every(zone, every, name, out),
            Found::Alias(_) | Found::Renamed(_) => self.follow_from_start(name, out),
            Found::NoData => self.reply_without(zone, name, rcode::NOERROR, out),
            Found::NxDomain => self.reply_without(zone, name, rcode::NXDOMAIN, out),
            Found::Referral(referral) => match self.delegated(local) {
                Some(rule) => self.answer_delegated(rule, out),
                None => self.refer(&referral, name, out),
            },
        }
    }

    /// Counts what a query for a name of a zone gets, where the zone is counted by itself.
    pub(super) fn count_of_zone(&self, zone: &ZoneCounters, decision: &Decision, out: &[u8]) {
        let meter = self.context.meter;
        match decision {
            Decision::Reply(octets) | Decision::ReplyAndRefresh(octets, _) => {
                let (reply, asked) = (&out[..*octets], self.query.qtype);
                let flags = u16_at(reply, 2);
                let is_empty = u16_at(reply, 6) == 0;
                let referral = is_empty && flags & (flag::AA | flag::TC) == 0 && flags & flag::RCODE == rcode::NOERROR;
                let first = first_answer(reply, self.query.question_end).filter(|_| asked != rtype::ANY);
                let is_followed = first.is_some_and(|first| first != asked && FOLLOWED.contains(&first));
                let qtype = (!is_followed).then_some(asked);
                meter.zone_answer(zone, self.client.channel(), reply, referral, qtype);
            }
            Decision::Forward(_) => meter.zone_event(zone, OfZone::QryRecursion),
            Decision::Update(_) | Decision::Drop => {}
        }
    }

    /// Answers with RRsets of the question's name.
    #[inline]
    fn reply_with<'s>(&self, zone: &Zone, rrsets: impl IntoIterator<Item = Segment<'s>>, out: &mut [u8]) -> Decision {
        let start = reply::begin(out, &self.query);
        let mut end = start;
        let (limit, rotation) = (self.limit(out.len()), self.rotation());
        let mut meta = Meta { authoritative: true, ..Meta::default() };
        for rrset in rrsets {
            match rrset.copy_into(&mut out[end..limit], 0, rotation) {
                Some(written) => end += written,
                None => return self.reply_too_long(meta, out),
            }
            meta.answers += rrset.meta().answers;
        }
        if self.tells_more() {
            return self.reply_with_more(zone, meta, (start, end), out);
        }
        self.reply(meta, end, out)
    }

    /// As [`Self::reply`], where the answer of `zone` stands at this range: with what is told beside it.
    #[cold]
    pub(super) fn reply_with_more(&self, zone: &Zone, meta: Meta, range: (usize, usize), out: &mut [u8]) -> Decision {
        let Added { authority, additional, end } = self.add_more(zone, range, out);
        self.reply_and(Meta { authority, ..meta }, additional, end, out)
    }

    /// Answers with what a policy chooses.
    fn reply_with_chosen(&self, zone: &Zone, group: &Group, name: &[u8], out: &mut [u8]) -> Decision {
        match group.choose(zone, &mut self.draw()) {
            Choice::Rrsets(rrsets) => self.reply_with(zone, rrsets.into_iter().flatten(), out),
            Choice::Nothing => self.reply_without(zone, name, rcode::NOERROR, out),
            Choice::AllDown => self.all_down(out),
        }
    }

    /// ANY: so many RRsets of the name as the client gets.
    fn reply_with_every(&self, zone: &Zone, every: Every<'_>, name: &[u8], out: &mut [u8]) -> Decision {
        match self.choose_all(zone, every.rrsets().take(self.most_rrsets()).map(|(_, rrset)| rrset)) {
            None => self.all_down(out),
            Some(rrsets) if rrsets.is_empty() => self.reply_without(zone, name, rcode::NOERROR, out),
            Some(rrsets) => self.reply_with(zone, rrsets, out),
        }
    }

    /// `minimal-any`: by UDP, the first RRset is enough (RFC 8482 §4.1).
    fn most_rrsets(&self) -> usize {
        if self.view.minimal_any && self.client.transport == Transport::Udp { 1 } else { usize::MAX }
    }

    /// RRsets, those that policies choose as they are chosen for this answer; `None`: all that one chooses of are down.
    fn choose_all<'z>(&self, zone: &'z Zone, rrsets: impl IntoIterator<Item = Rrset<'z>>) -> Option<Vec<Segment<'z>>> {
        let (mut segments, mut draw) = (Vec::new(), self.draw());
        for rrset in rrsets {
            match rrset {
                Rrset::Fixed(segment) => segments.push(segment),
                Rrset::Chosen(group) => match group.choose(zone, &mut draw) {
                    Choice::Rrsets(chosen) => segments.extend(chosen.into_iter().flatten()),
                    Choice::Nothing => {}
                    Choice::AllDown => return None,
                },
            }
        }
        Some(segments)
    }

    /// Chance for this query: neighbours in the count have nothing in common.
    pub(super) fn draw(&self) -> Draw {
        Draw::new(u64::from(self.context.rotation) << 32 | self.context.unix & 0xffff_ffff)
    }

    /// Every record is down, and the zone would rather fail than tell one of them.
    #[cold]
    pub(super) fn all_down(&self, out: &mut [u8]) -> Decision {
        let why = "every record of this name is down";
        Decision::Reply(self.refusal().with_ede(rcode::SERVFAIL, ede::OTHER, why, out))
    }

    /// Says with the zone's SOA that the name, or this type of it, does not exist (RFC 2308 §3).
    fn reply_without(&self, zone: &Zone, name: &[u8], rcode: u16, out: &mut [u8]) -> Decision {
        let start = reply::begin(out, &self.query);
        let limit = self.limit(out.len());
        let meta = Meta { authoritative: true, rcode: rcode as u8, authority: 1, ..Meta::default() };
        let owner = owner_pointer(name, zone.apex().as_wire().len());
        match zone.soa().copy_owned(&mut out[start..limit], 0, owner) {
            Some(written) => self.reply(meta, start + written, out),
            None => self.reply_too_long(meta, out),
        }
    }

    /// Refers to the servers of a delegation, with the addresses that are known here. Those that nobody can go on without
    /// must fit (RFC 9471 §3.1), of the others as many as do.
    fn refer(&self, referral: &Referral<'_>, name: &[u8], out: &mut [u8]) -> Decision {
        self.context.meter.event(Event::QryReferral);
        let start = reply::begin(out, &self.query);
        let limit = self.limit(out.len()).saturating_sub(self.opt_octets());
        let authority = referral.ns.meta().answers;
        let mut meta = Meta { authority, ..Meta::default() };
        let owner = owner_pointer(name, referral.owner_octets);
        let room = out.get_mut(start..limit).unwrap_or_default();
        let Some(written) = referral.ns.copy_owned(room, 0, owner) else { return self.reply_too_long(meta, out) };
        let (mut end, mut additional) = (start + written, 0);
        for glue in referral.glue() {
            let at = start + glue.owner_at;
            let pointer = (at <= POINTER_REACH).then(|| segment::QUESTION_POINTER - HEADER_OCTETS as u16 + at as u16);
            let copy = |pointer| glue.addresses.copy_owned(&mut out[end..limit], self.rotation(), pointer);
            match pointer.and_then(copy) {
                Some(written) => (end, additional) = (end + written, additional + glue.addresses.meta().answers),
                None if glue.is_required => {
                    meta.authority = 0;
                    return self.reply_too_long(meta, out);
                }
                None => {}
            }
        }
        self.reply_and(meta, additional, end, out)
    }

    /// The zone could not be read (RFC 8914 §4.15).
    #[cold]
    pub(super) fn not_ready(&self, out: &mut [u8]) -> Decision {
        let why = "the zone could not be loaded";
        Decision::Reply(self.refusal().with_ede(rcode::SERVFAIL, ede::NOT_READY, why, out))
    }

    /// Writes what a local zone says about a name of a chain as one segment, owned by that name. The addresses of a
    /// delegation's servers are handed to the chain itself.
    pub(super) fn local_link(&self, local: &Local, name: &[u8], chain: &mut Chain, octets: &mut Vec<u8>) -> Link {
        let present = local.zone.load();
        let Some(zone) = present.as_deref() else { return Link::NotReady };
        let found = zone.find(name, self.query.qtype);
        if let (Found::Referral(_), Some(rule)) = (&found, self.delegated(local)) {
            return Link::Delegated(rule);
        }
        let chosen = match found {
            Found::Rrset(rrset) | Found::Alias(rrset) => self.choose_all(zone, [rrset]),
            Found::Every(every) => {
                self.choose_all(zone, every.rrsets().take(self.most_rrsets()).map(|(_, rrset)| rrset))
            }
            _ => Some(Vec::new()),
        };
        let Some(rrsets) = chosen else { return Link::AllDown };
        let absent =
            |rcode, octets: &mut Vec<u8>| write_authority(&zone.soa(), zone.apex().as_wire(), name, rcode, octets);
        let written = match (found, rrsets.as_slice()) {
            (Found::NxDomain, _) => absent(rcode::NXDOMAIN, octets),
            (Found::NoData, _) | (Found::Rrset(_) | Found::Alias(_) | Found::Every(_), []) => {
                absent(rcode::NOERROR, octets)
            }
            (Found::Alias(_), [alias, ..]) => {
                octets.clear();
                octets.extend_from_slice(alias.as_octets());
                Some(())
            }
            (Found::Rrset(_) | Found::Every(_), rrsets) => write_end(rrsets, octets),
            (Found::Renamed(renamed), _) => {
                renamed.encode(name, octets).or_else(|| write_too_long(&renamed, name, octets))
            }
            (Found::Referral(referral), _) => {
                for glue in referral.glue() {
                    if chain.keep_glue(glue.owner, &glue.addresses, self.rotation(), glue.is_required).is_err() {
                        return Link::TooLong;
                    }
                }
                let owner = &name[name.len() - referral.owner_octets..];
                write_authority(&referral.ns, owner, name, rcode::NOERROR, octets)
            }
        };
        written.map_or(Link::NotReady, |()| Link::Segment)
    }
}

/// RRsets at the end of a chain: where one is an alias, that was asked for.
fn write_end(rrsets: &[Segment<'_>], octets: &mut Vec<u8>) -> Option<()> {
    let (mut body, mut offsets) = (Vec::new(), Vec::new());
    let mut meta = Meta { authoritative: true, ..Meta::default() };
    for rrset in rrsets {
        // A set by itself may go round.
        meta = if meta.answers == 0 { rrset.meta() } else { Meta { rotate_count: 0, ..meta } };
        offsets.extend(rrset.ttl_offsets().map(|at| (body.len() + at) as u16));
        body.extend_from_slice(rrset.body());
    }
    meta.answers = offsets.len() as u16;
    segment::encode(octets, &meta, &offsets, &[], &body)
}

/// The DNAME alone: the name that it makes of `name` would be too long (RFC 6672 §2.2).
fn write_too_long(renamed: &Renamed<'_>, name: &[u8], octets: &mut Vec<u8>) -> Option<()> {
    let mut body = vec![0; renamed.dname.body().len()];
    renamed.dname.copy_owned(&mut body, 0, owner_pointer(name, renamed.owner_octets))?;
    let offsets: Vec<u16> = renamed.dname.ttl_offsets().map(|at| at as u16).collect();
    let meta = Meta { rcode: rcode::YXDOMAIN as u8, ..renamed.dname.meta() };
    segment::encode(octets, &meta, &offsets, &[], &body)
}

/// Records for the authority section, owned by a suffix of `name`.
fn write_authority(records: &Segment<'_>, owner: &[u8], name: &[u8], rcode: u16, octets: &mut Vec<u8>) -> Option<()> {
    let mut body = vec![0; records.body().len()];
    records.copy_owned(&mut body, 0, owner_pointer(name, owner.len()))?;
    let offsets: Vec<u16> = records.ttl_offsets().map(|at| at as u16).collect();
    let meta = Meta { authoritative: true, rcode: rcode as u8, authority: offsets.len() as u16, ..Meta::default() };
    segment::encode(octets, &meta, &offsets, &[], &body)
}
