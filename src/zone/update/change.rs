//! Making the changes of an update (RFC 2136 §3.4.2) on copies of the names that they touch.

use std::collections::BTreeMap;

use crate::wire::Name;
use crate::wire::header::{class, put_u32, rcode, rtype, u32_at};
use crate::wire::rdata::canonical;
use crate::zone::build::{is_singleton, may_stand_beside_cname};
use crate::zone::{Delta, MAX_RRSET_OCTETS, Record, serial};

use super::line::Line;
use super::{Present, Refusal};

/// Octets of a record in an answer beside its RDATA.
const RECORD_OCTETS: usize = 12;
/// Records that updates may bring an RRset to, and types that they may bring a name to: named's
/// `max-records-per-type` and `max-types-per-name`, whose default is 100. What each change costs grows with them.
const MAX_RECORDS: usize = 100;
const MAX_TYPES: usize = 100;
/// Octets of SOA from the serial on.
const SOA_TAIL_OCTETS: usize = 20;

/// Makes all changes, in their order.
///
/// # Errors
/// REFUSED when an RRset would become too long to be served, or a name grow beyond its bounds; SERVFAIL when the zone has no SOA.
pub(super) fn make(zone: &dyn Present, lines: &[Line]) -> Result<Option<Delta>, Refusal> {
    let mut draft = Draft { zone, names: BTreeMap::new() };
    let before = draft.serial()?;
    for line in lines {
        draft.change(line)?;
    }
    if draft.delta().is_none() {
        return Ok(None);
    }
    // Several SOAs in a row could lead back.
    if !serial::is_greater(draft.serial()?, before) {
        draft.set_serial(serial::next(before));
    }
    Ok(draft.delta())
}

/// The names of a zone that an update has touched, as they are by now.
struct Draft<'z> {
    zone: &'z dyn Present,
    names: BTreeMap<Box<[u8]>, Node>,
}

struct Node {
    name: Name,
    rrsets: BTreeMap<u16, Rrset>,
    /// Types that a policy chooses.
    chosen: Vec<u16>,
}

#[derive(Default)]
struct Rrset {
    ttl: u32,
    octets: usize,
    /// By what of a record's RDATA another one replaces.
    records: BTreeMap<Box<[u8]>, Rdata>,
}

struct Rdata {
    written: Box<[u8]>,
    canonical: Box<[u8]>,
}

/// What tells two records of an RRset apart: nothing where there can be but one, a host's address and protocol for
/// WKS (RFC 2136 §3.4.2.2), else everything but the case of names.
fn identity(rtype: u16, canonical: &[u8]) -> &[u8] {
    match rtype {
        _ if is_singleton(rtype) => &[],
        rtype::WKS => canonical.get(..5).unwrap_or(canonical),
        _ => canonical,
    }
}

impl Rrset {
    fn put(&mut self, rtype: u16, rdata: &[u8]) {
        let record = Rdata { written: rdata.into(), canonical: canonical(rtype, rdata).into() };
        self.octets += RECORD_OCTETS + rdata.len();
        if let Some(old) = self.records.insert(identity(rtype, &record.canonical).into(), record) {
            self.octets -= RECORD_OCTETS + old.written.len();
        }
    }

    fn remove(&mut self, rtype: u16, rdata: &[u8]) {
        let canonical = canonical(rtype, rdata);
        let identity = identity(rtype, &canonical);
        if self.records.get(identity).is_some_and(|record| *record.canonical == *canonical)
            && let Some(old) = self.records.remove(identity)
        {
            self.octets -= RECORD_OCTETS + old.written.len();
        }
    }
}

impl Node {
    fn read(zone: &dyn Present, name: &Name) -> Self {
        let (mut rrsets, mut chosen) = (BTreeMap::new(), Vec::new());
        for rtype in zone.types(name) {
            let Some((ttl, records)) = zone.rrset(name, rtype) else {
                chosen.push(rtype);
                continue;
            };
            let mut rrset = Rrset { ttl, ..Rrset::default() };
            records.iter().for_each(|rdata| rrset.put(rtype, rdata));
            rrsets.insert(rtype, rrset);
        }
        Self { name: name.clone(), rrsets, chosen }
    }

    fn types(&self) -> impl Iterator<Item = u16> {
        self.rrsets.keys().chain(&self.chosen).copied()
    }

    /// Whether a record of this type may not stand here beside what is there.
    fn is_at_odds_with(&self, rtype: u16) -> bool {
        if rtype == rtype::CNAME {
            self.types().any(|there| there != rtype::CNAME && !may_stand_beside_cname(there))
        } else {
            !may_stand_beside_cname(rtype) && self.types().any(|there| there == rtype::CNAME)
        }
    }
}

impl Draft<'_> {
    fn node(&mut self, name: &Name) -> &mut Node {
        let zone = self.zone;
        self.names.entry(name.as_wire().into()).or_insert_with(|| Node::read(zone, name))
    }

    fn apex(&mut self) -> &mut Node {
        let zone = self.zone;
        self.node(zone.apex())
    }

    fn soa(&mut self) -> Result<&mut Rdata, Refusal> {
        let rrset = self.apex().rrsets.get_mut(&rtype::SOA);
        let record = rrset.and_then(|rrset| rrset.records.values_mut().next());
        record
            .filter(|record| record.written.len() >= SOA_TAIL_OCTETS)
            .ok_or(Refusal::of(rcode::SERVFAIL, "the zone has no SOA"))
    }

    fn serial(&mut self) -> Result<u32, Refusal> {
        self.soa().map(|soa| serial_of(&soa.written))
    }

    fn set_serial(&mut self, serial: u32) {
        if let Ok(soa) = self.soa() {
            for octets in [&mut soa.written, &mut soa.canonical] {
                let at = octets.len() - SOA_TAIL_OCTETS;
                put_u32(octets, at, serial);
            }
        }
    }

    fn change(&mut self, line: &Line) -> Result<(), Refusal> {
        match line.class {
            class::IN => return self.add(line),
            class::ANY if line.rtype == rtype::ANY => self.remove_name(line),
            class::ANY => self.remove_rrset(line),
            _ => self.remove_record(line),
        }
        Ok(())
    }

    fn add(&mut self, line: &Line) -> Result<(), Refusal> {
        let at_apex = line.owner == *self.zone.apex();
        if line.rtype == rtype::SOA && !(at_apex && serial::is_greater(serial_of(&line.rdata), self.serial()?)) {
            return Ok(());
        }
        let node = self.node(&line.owner);
        if node.is_at_odds_with(line.rtype) {
            return Ok(());
        }
        if !node.rrsets.contains_key(&line.rtype) && node.types().count() >= MAX_TYPES {
            return Err(Refusal::about(rcode::REFUSED, "the name would have too many types", line));
        }
        let rrset = node.rrsets.entry(line.rtype).or_default();
        let before = rrset.records.len();
        rrset.ttl = line.ttl();
        rrset.put(line.rtype, &line.rdata);
        if rrset.octets > MAX_RRSET_OCTETS {
            return Err(Refusal::about(rcode::REFUSED, "the RRset would be too long for an answer", line));
        }
        // What the operator has written may be more; it does not grow.
        if rrset.records.len() > before.max(MAX_RECORDS) {
            return Err(Refusal::about(rcode::REFUSED, "the RRset would have too many records", line));
        }
        Ok(())
    }

    fn remove_name(&mut self, line: &Line) {
        let at_apex = line.owner == *self.zone.apex();
        let stays = |rtype| at_apex && matches!(rtype, rtype::SOA | rtype::NS);
        self.node(&line.owner).rrsets.retain(|&rtype, _| stays(rtype));
    }

    fn remove_rrset(&mut self, line: &Line) {
        let at_apex = line.owner == *self.zone.apex();
        if !(at_apex && matches!(line.rtype, rtype::SOA | rtype::NS)) {
            self.node(&line.owner).rrsets.remove(&line.rtype);
        }
    }

    fn remove_record(&mut self, line: &Line) {
        let at_apex = line.owner == *self.zone.apex();
        let node = self.node(&line.owner);
        let Some(rrset) = node.rrsets.get_mut(&line.rtype) else { return };
        let is_last_ns = at_apex && line.rtype == rtype::NS && rrset.records.len() == 1;
        if line.rtype == rtype::SOA || is_last_ns {
            return;
        }
        rrset.remove(line.rtype, &line.rdata);
        if rrset.records.is_empty() {
            node.rrsets.remove(&line.rtype);
        }
    }

    /// What differs by now; `None` if nothing does.
    fn delta(&self) -> Option<Delta> {
        let mut delta = Delta::default();
        for node in self.names.values() {
            let before = Node::read(self.zone, &node.name);
            put_missing(&before, node, &mut delta.removed);
            put_missing(node, &before, &mut delta.added);
        }
        let soa_first = |record: &Record| record.rtype != rtype::SOA;
        delta.removed.sort_by_key(soa_first);
        delta.added.sort_by_key(soa_first);
        (!delta.removed.is_empty() || !delta.added.is_empty()).then_some(delta)
    }
}

/// Appends the records of `node` that are not, octet by octet and with their TTL, in `other`.
fn put_missing(node: &Node, other: &Node, records: &mut Vec<Record>) {
    for (&rtype, rrset) in &node.rrsets {
        let same_ttl = other.rrsets.get(&rtype).filter(|other| other.ttl == rrset.ttl);
        for (identity, rdata) in &rrset.records {
            let there = same_ttl.and_then(|other| other.records.get(identity));
            if there.is_none_or(|there| there.written != rdata.written) {
                let (owner, rdata) = (node.name.clone(), rdata.written.clone());
                records.push(Record { owner, rtype, ttl: rrset.ttl, rdata, position: None });
            }
        }
    }
}

/// The serial of a whole SOA's RDATA.
fn serial_of(rdata: &[u8]) -> u32 {
    u32_at(rdata, rdata.len() - SOA_TAIL_OCTETS)
}
