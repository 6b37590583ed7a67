//! What is told beside an answer of a local zone: the zone's name servers, and the addresses of hosts that records name
//! (RFC 1034 §4.3.2, `minimal-responses`).
//!
//! All of it is behind the answer, where there is room: what does not fit is left out, and TC is not set for it
//! (RFC 2181 §9). Owners are pointers to where the name stands already, so that nothing is compressed anew.
//! Not here: referrals, whose addresses nobody can go on without ([`super::local`]); what is forwarded, of which only the
//! question's own chain is believed.

use super::admitted::Admitted;
use crate::state::rules::Local;
use crate::wire::header::rtype;
use crate::wire::segment::{Segment, pointer_to};
use crate::wire::walk::{NameBuf, Record};
use crate::wire::{Transport, rdata};
use crate::zone::policy::Choice;
use crate::zone::{Found, Rrset, Zone};

/// Where an RRset has more records, no host of it is looked up, as in named.
const MAX_HOSTS: u16 = 13;
/// RRsets that are added to one answer.
const MAX_ADDED: usize = 64;
/// A pointer reaches no further (RFC 1035 §4.1.4).
const POINTER_REACH: usize = 0x3fff;
/// EDNS sizes from which on there is room beside an answer by UDP.
const ROOMY_OCTETS: u16 = 513;

/// What was added behind an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Added {
    /// Records in the authority section.
    pub(super) authority: u16,
    /// Records in the additional section.
    pub(super) additional: u16,
    /// Where they end.
    pub(super) end: usize,
}

/// A name of a record, about which more may be told.
#[derive(Clone, Copy)]
struct Host {
    /// Where it stands in the message.
    at: usize,
    what: Wanted,
}

/// What is looked for at a host.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Addresses,
    /// Beside them, what certificates its service has at this port of TCP (RFC 6698).
    Service(u16),
    /// RRsets of this type, else addresses.
    Else(u16),
}

impl Admitted<'_> {
    /// Whether anything may be told beside an answer of a local zone.
    #[inline]
    pub(super) fn tells_more(&self) -> bool {
        let view = self.view;
        view.minimal.tells_authority(self.query.recursion_desired()) || rdata::names_hosts(self.query.qtype)
    }

    /// Whether this answer may have records in the authority section, and in the additional one, as named decides.
    fn sections(&self) -> (bool, bool) {
        let minimal = &self.view.minimal;
        let by_udp = self.client.transport == Transport::Udp;
        let is_narrow = by_udp && self.query.edns.is_some_and(|edns| edns.udp_size < ROOMY_OCTETS);
        match self.query.qtype {
            _ if is_narrow => (false, false),
            rtype::ANY if by_udp && self.view.minimal_any => (false, false),
            // DS, DNSKEY, CDS, CDNSKEY: who asks validates, and asks for much.
            rtype::DS | 48 | 59 | 60 => (false, false),
            rtype::NS => (true, true),
            rtype::ANY => (minimal.tells_authority(self.query.recursion_desired()), false),
            _ => (minimal.tells_authority(self.query.recursion_desired()), minimal.tells_additional),
        }
    }

    /// Adds to an answer of `zone`, which stands at `start..end` of the message in `out`, what is told beside it.
    pub(super) fn add_more(&self, zone: &Zone, (start, end): (usize, usize), out: &mut [u8]) -> Added {
        let (authority, additional) = self.sections();
        let limit = self.limit(out.len()).saturating_sub(self.opt_octets());
        let mut more = More { admitted: self, zone, end, limit, told: [(0, 0); MAX_ADDED], count: 0, additional: 0 };
        let (mut own, mut count) = (None, 0);
        let mut at = start;
        while let Some(record) = record_at(out, at, end) {
            count = if own.is_some_and(|own: Record| own.rtype == record.rtype) { count + 1 } else { 1 };
            (own, at) = (Some(record), record.end);
        }
        let Some(own) = own else { return Added { end, ..Added::default() } };
        more.tells(own.owner, own.rtype);
        let authority = if authority { more.add_name_servers(&own, out) } else { 0 };
        let behind_authority = more.end;
        let mut at = if count > MAX_HOSTS { end } else { start };
        at = if at == end && authority > MAX_HOSTS { behind_authority } else { at };
        while additional && let Some(record) = record_at(out, at, more.end) {
            at = if record.end == end && authority > MAX_HOSTS { behind_authority } else { record.end };
            if let Some(host) = host_of(out, &record) {
                more.add_about(host, record.rtype, out);
            }
        }
        Added { authority, additional: more.additional, end: more.end }
    }
}

fn record_at(out: &[u8], at: usize, end: usize) -> Option<Record> {
    Record::read(out.get(..end)?, at).ok()
}

/// The name of a record about which more is told.
fn host_of(out: &[u8], record: &Record) -> Option<Host> {
    let (at, octets) = (record.rdata(), out.get(record.rdata()..record.end)?);
    let u16_of = |place: usize| Some(u16::from_be_bytes([*octets.get(place)?, *octets.get(place + 1)?]));
    let place = rdata::host_at(record.rtype, octets)?;
    let (name, what) = match record.rtype {
        rtype::MX => (at + place, Wanted::Service(25)),
        rtype::SRV => (at + place, Wanted::Service(u16_of(4)?)),
        rtype::NAPTR if octets.get(5)?.eq_ignore_ascii_case(&b's') => (at + place, Wanted::Else(rtype::SRV)),
        // A service of its owner's own (RFC 9460 §2.5.2).
        rtype::SVCB | rtype::HTTPS if u16_of(0)? > 0 && octets.get(place) == Some(&0) => {
            (record.owner, Wanted::Addresses)
        }
        rtype::SVCB | rtype::HTTPS if u16_of(0)? == 0 => (at + place, Wanted::Else(record.rtype)),
        _ => (at + place, Wanted::Addresses),
    };
    Some(Host { at: name, what })
}

/// An answer that grows.
struct More<'m, 'a> {
    admitted: &'m Admitted<'a>,
    zone: &'m Zone,
    end: usize,
    limit: usize,
    /// RRsets that the message has: where their owner stands, and their type.
    told: [(u16, u16); MAX_ADDED],
    count: usize,
    additional: u16,
}

impl More<'_, '_> {
    /// Adds the zone's name servers, unless they are the answer; returns how many there are. `own` is the answer's last
    /// record, whose owner is at or below the zone's apex.
    fn add_name_servers(&mut self, own: &Record, out: &mut [u8]) -> u16 {
        let apex = self.zone.apex().as_wire();
        let mut name = NameBuf::default();
        if name.read(out, own.owner).is_err() {
            return 0;
        }
        let above = name.as_wire().len().saturating_sub(apex.len());
        let has_them = above == 0 && matches!(self.admitted.query.qtype, rtype::NS | rtype::ANY);
        let Some(at) = place_of(out, own.owner, above).filter(|_| !has_them) else { return 0 };
        let Some(Rrset::Fixed(ns)) = self.zone.own(apex, rtype::NS) else { return 0 };
        if self.put(at, &[], &ns, out) { ns.meta().answers } else { 0 }
    }

    /// Adds what is wanted of a host.
    fn add_about(&mut self, host: Host, of: u16, out: &mut [u8]) {
        let Some(at) = place_of(out, host.at, 0) else { return };
        let mut name = NameBuf::default();
        if name.read(out, at).is_err() || name.as_wire() == [0] {
            return;
        }
        match host.what {
            Wanted::Else(rtype) if self.add(at, &[], name.as_wire(), rtype, out) => {}
            Wanted::Else(_) if of == rtype::NAPTR => {}
            _ => {
                self.add(at, &[], name.as_wire(), rtype::A, out);
                self.add(at, &[], name.as_wire(), rtype::AAAA, out);
            }
        }
        if let Wanted::Service(port) = host.what {
            let labels = service_labels(port);
            let whole = [&labels, name.as_wire()].concat();
            if whole.len() <= crate::wire::name::MAX_NAME_OCTETS {
                self.add(at, &labels, &whole, rtype::TLSA, out);
            }
        }
    }

    /// Adds an RRset of `name`, which is `labels` in front of the name at `at`; whether it is there now or was before.
    fn add(&mut self, at: usize, labels: &[u8], name: &[u8], rtype: u16, out: &mut [u8]) -> bool {
        let is_told = labels.is_empty() && self.is_told(name, rtype, out);
        if is_told || self.count == MAX_ADDED {
            return is_told;
        }
        let view = self.admitted.view;
        let rule = view.rules.find(name, rtype);
        let Some(local) = &view.rules.get(rule).local else { return false };
        if local.zone.apex == *self.zone.apex() {
            return self.add_of(self.zone, at, labels, name, rtype, out);
        }
        self.add_of_another(local, rule, at, labels, name, rtype, out)
    }

    /// What another zone says is for who may have what others have told, as in named.
    #[expect(clippy::too_many_arguments, reason = "those of `add`, and what it has found")]
    fn add_of_another(
        &mut self,
        local: &Local,
        rule: u32,
        at: usize,
        labels: &[u8],
        name: &[u8],
        rtype: u16,
        out: &mut [u8],
    ) -> bool {
        let admitted = self.admitted;
        let may = admitted.query.recursion_desired() && admitted.recursion_available && admitted.is_allowed(rule);
        let present = local.zone.load();
        match present.as_deref().filter(|_| may) {
            Some(zone) => self.add_of(zone, at, labels, name, rtype, out),
            None => false,
        }
    }

    fn add_of(&mut self, zone: &Zone, at: usize, labels: &[u8], name: &[u8], rtype: u16, out: &mut [u8]) -> bool {
        let (admitted, mut added) = (self.admitted, false);
        let mut put = |rrset: &Segment<'_>, out: &mut [u8]| {
            if self.put(at, labels, rrset, out) {
                self.additional += rrset.meta().answers;
                added = true;
            }
        };
        match zone.find(name, rtype) {
            Found::Rrset(Rrset::Fixed(rrset)) => put(&rrset, out),
            Found::Rrset(Rrset::Chosen(group)) => {
                if let Choice::Rrsets(rrsets) = group.choose(zone, &mut admitted.draw()) {
                    rrsets.into_iter().flatten().for_each(|rrset| put(&rrset, out));
                }
            }
            _ => {}
        }
        if added && labels.is_empty() {
            self.tells(at, rtype);
        }
        added
    }

    fn tells(&mut self, at: usize, rtype: u16) {
        if let Some(place) = self.told.get_mut(self.count) {
            *place = (at as u16, rtype);
            self.count += 1;
        }
    }

    fn is_told(&self, name: &[u8], rtype: u16, out: &[u8]) -> bool {
        let mut other = NameBuf::default();
        self.told[..self.count]
            .iter()
            .any(|(at, own)| *own == rtype && other.read(out, usize::from(*at)).is_ok() && other.as_wire() == name)
    }

    /// Writes an RRset behind all others, owned by `labels` in front of the name at `at`; says whether it fits.
    fn put(&mut self, at: usize, labels: &[u8], rrset: &Segment<'_>, out: &mut [u8]) -> bool {
        let more = labels.len() * usize::from(rrset.meta().answers);
        let Some(room) = out.get_mut(self.end..self.limit).filter(|room| room.len() >= more) else { return false };
        let (pointer, rotation) = (pointer_to(at), self.admitted.rotation());
        let Some(written) = rrset.copy_owned(room, rotation, pointer) else { return false };
        if labels.is_empty() {
            self.end += written;
            return true;
        }
        if room.len() < written + more {
            return false;
        }
        // From the last record on, each moves to make room for its labels and those in front of it.
        let mut end = written;
        for (place, ttl_at) in rrset.ttl_offsets().collect::<Vec<_>>().into_iter().enumerate().rev() {
            let (from, to) = (ttl_at - BEFORE_TTL, ttl_at - BEFORE_TTL + (place + 1) * labels.len());
            room.copy_within(from..end, to);
            room[to - labels.len()..to].copy_from_slice(labels);
            end = from;
        }
        self.end += written + more;
        true
    }
}

/// Octets from a record's beginning to its TTL, if its owner is a pointer.
const BEFORE_TTL: usize = 6;

/// Where the name at `at` stands without its first `above` octets, pointers followed; `None` if no pointer reaches it.
fn place_of(out: &[u8], at: usize, above: usize) -> Option<usize> {
    let (mut at, mut left) = (at, above);
    loop {
        match *out.get(at)? {
            octet @ 0xc0.. => at = usize::from(u16::from_be_bytes([octet & 0x3f, *out.get(at + 1)?])),
            _ if left == 0 => return (at <= POINTER_REACH).then_some(at),
            octet => {
                let octets = 1 + usize::from(octet);
                (at, left) = (at + octets, left.checked_sub(octets)?);
            }
        }
    }
}

/// `_PORT._tcp`, as labels.
fn service_labels(port: u16) -> Vec<u8> {
    let port = format!("_{port}");
    [&[port.len() as u8], port.as_bytes(), b"\x04_tcp"].concat()
}
