//! Making a zone of records, and telling what is wrong with them.
//!
//! Records go into the zone as they come, those of one owner together when they follow each other, so that reading
//! needs but a third as much memory again as the zone. Every fault is told with its place, not the first alone.
//! Not here: reading text ([`super::Record`]s come from outside), what is looked at when all are there
//! ([`super::check`]).

use std::collections::{BTreeMap, HashSet};

use crate::config::{Diagnostic, Level, Position};
use crate::wire::Name;
use crate::wire::header::rtype;
use crate::wire::mnemonic::type_name;
use crate::wire::rdata::canonical;
use crate::wire::whole::is_whole;

use super::node::Draft;
use super::policy::Group;
use super::rrset;
use super::tree::Tree;
use super::{Groups, Record, Zone, check};

/// The most faults and warnings that are told of one zone.
const MAX_DIAGNOSTICS: usize = 100;

/// Collects the records of a zone.
pub struct Builder {
    tree: Tree,
    /// Of one owner, not yet in the tree.
    pending: Vec<Record>,
    /// What is looked at again when all are there.
    watched: Vec<Record>,
    faults: Faults,
    groups: Groups,
}

impl Builder {
    /// A zone without records.
    pub fn new(apex: Name) -> Self {
        Self {
            tree: Tree::new(apex),
            pending: Vec::new(),
            watched: Vec::new(),
            faults: Faults::default(),
            groups: Groups::new(),
        }
    }

    /// Takes a record, or notes what is wrong with it.
    pub fn add(&mut self, record: Record) {
        if !record.owner.is_within(self.tree.apex()) {
            let hint = format!("it is neither {} nor below it", self.tree.apex());
            return self.faults.error(&record, format!("'{}' is out of zone", record.owner), Some(hint));
        }
        if is_meta(record.rtype) {
            let message = format!("no zone holds records of type {}", type_name(record.rtype));
            return self.faults.error(&record, message, None);
        }
        if !is_whole(record.rtype, &record.rdata) {
            let message = format!("the data of {} {} cannot be read", record.owner, type_name(record.rtype));
            return self.faults.error(&record, message, None);
        }
        if self.pending.first().is_some_and(|first| first.owner != record.owner) {
            self.flush();
        }
        self.pending.push(record);
    }

    /// Takes records of which a policy chooses, or notes why they cannot stand there.
    pub fn add_group(&mut self, owner: &Name, group: Group, position: Option<Position>) {
        self.flush();
        let rtype = group.rtype();
        let record = Record { owner: owner.clone(), rtype, ttl: 0, rdata: Box::default(), position };
        if !owner.is_within(self.tree.apex()) {
            let hint = format!("it is neither {} nor below it", self.tree.apex());
            return self.faults.error(&record, format!("'{owner}' is out of zone"), Some(hint));
        }
        let is_apex = owner == self.tree.apex();
        let refusal = self.tree.change(owner.as_wire(), |draft| {
            let has = |own| draft.types().any(|rtype| rtype == own);
            let twice = || {
                let message = format!("{owner} {}: a policy chooses its records, and it has others", type_name(rtype));
                (message, "write all of them where the policy is".to_owned())
            };
            let refusal = if has(rtype) { Some(twice()) } else { refusal(has, draft.types(), &record, is_apex) };
            if refusal.is_none() {
                draft.set(rtype, rrset::encode(rtype, 0, []));
            }
            refusal
        });
        match refusal {
            Some((message, hint)) => self.faults.error(&record, message, Some(hint)),
            None => self.groups.entry(owner.as_wire().into()).or_default().push(group),
        }
    }

    /// Puts what is pending into the tree.
    fn flush(&mut self) {
        let Some(first) = self.pending.first() else { return };
        let is_apex = first.owner == *self.tree.apex();
        let faults = &mut self.faults;
        let taken = self.tree.change(first.owner.as_wire(), |draft| take(draft, &self.pending, is_apex, faults));
        for (record, is_taken) in self.pending.drain(..).zip(taken) {
            if is_taken && check::is_watched(record.rtype) {
                self.watched.push(record);
            }
        }
    }

    /// The zone with warnings about it, or what is wrong with it: at most 100 of both, faults first, each kind in the
    /// order in which the records came.
    ///
    /// # Errors
    /// When a record could not be taken, or the zone lacks what every zone has.
    pub fn finish(mut self) -> Result<(Zone, Vec<Diagnostic>), Vec<Diagnostic>> {
        self.flush();
        self.tree.settle();
        check::check_tree(&self.tree, &self.watched, &mut self.faults);
        let zone = Zone::new(self.tree, self.groups);
        if let Some(zone) = &zone {
            check::check_targets(zone, &self.watched, &mut self.faults);
        }
        match zone {
            Some(zone) if self.faults.errors.is_empty() => Ok((zone, self.faults.into_diagnostics())),
            _ => Err(self.faults.into_diagnostics()),
        }
    }
}

/// Adds records of one owner to a node; whether each was taken.
fn take(draft: &mut Draft<'_>, records: &[Record], is_apex: bool, faults: &mut Faults) -> Vec<bool> {
    // Most names have one record.
    if let [record] = records
        && draft.types().next().is_none()
        && refusal(|_| false, std::iter::empty(), record, is_apex).is_none()
    {
        add_to_rrset(draft, record.rtype, &[record], faults);
        return vec![true];
    }
    let mut rrsets: BTreeMap<u16, Vec<&Record>> = draft.types().map(|rtype| (rtype, Vec::new())).collect();
    let mut taken = Vec::with_capacity(records.len());
    for record in records {
        let refusal = refusal(|rtype| rrsets.contains_key(&rtype), rrsets.keys().copied(), record, is_apex);
        taken.push(refusal.is_none());
        match refusal {
            Some((message, hint)) => faults.error(record, message, Some(hint)),
            None => rrsets.entry(record.rtype).or_default().push(record),
        }
    }
    for (rtype, records) in rrsets {
        add_to_rrset(draft, rtype, &records, faults);
    }
    taken
}

/// Why a record cannot stand beside the types that its owner has, and what would be right.
fn refusal(
    has: impl Fn(u16) -> bool,
    mut types: impl Iterator<Item = u16>,
    record: &Record,
    is_apex: bool,
) -> Option<(String, String)> {
    let stands_alone = |rtype: u16| rtype != rtype::CNAME && !may_stand_beside_cname(rtype);
    let clashes = match record.rtype {
        rtype::CNAME => types.any(stands_alone),
        other => has(rtype::CNAME) && stands_alone(other),
    };
    if clashes {
        let hint = "an alias has no records of its own; at the apex it cannot stand";
        return Some((format!("{}: CNAME and other data", record.owner), hint.to_owned()));
    }
    if record.rtype == rtype::SOA && !is_apex {
        let hint = "a zone has one SOA, at its apex";
        return Some((format!("{}: SOA record not at top of zone", record.owner), hint.to_owned()));
    }
    None
}

/// Adds records to an RRset: the first TTL holds for all (RFC 2181 §5.2), what is there twice is there once (§5).
fn add_to_rrset(draft: &mut Draft<'_>, rtype: u16, records: &[&Record], faults: &mut Faults) {
    let Some((first, last)) = records.first().zip(records.last()) else { return };
    let old = draft.rrset(rtype);
    let ttl = old.as_ref().map_or(first.ttl, rrset::ttl);
    let mut rdata: Vec<&[u8]> = old.iter().flat_map(rrset::rdata).collect();
    if rdata.is_empty() && records.len() == 1 {
        rdata.push(&first.rdata);
    } else {
        let mut known: HashSet<_> = rdata.iter().map(|rdata| canonical(rtype, rdata)).collect();
        for record in records {
            if record.ttl != ttl {
                let hint = "all records of one name and type have one TTL";
                faults.warning(record, format!("TTL set to prior TTL ({ttl})"), Some(hint.to_owned()));
            }
            if !known.insert(canonical(rtype, &record.rdata)) {
                continue;
            }
            if is_singleton(rtype) && !rdata.is_empty() {
                let message = format!("{}: multiple RRs of singleton type {}", record.owner, type_name(rtype));
                faults.error(record, message, Some("one of them is too many".to_owned()));
                continue;
            }
            rdata.push(&record.rdata);
        }
    }
    match rrset::encode(rtype, ttl, rdata) {
        Some(segment) => draft.set(rtype, Some(segment)),
        None => {
            let message = format!("{} {}: too many records for a message", last.owner, type_name(rtype));
            let hint = format!("together they may have {} octets", rrset::MAX_OCTETS);
            faults.error(last, message, Some(hint));
        }
    }
}

/// Whether a name has one record of this type at most.
pub(super) fn is_singleton(rtype: u16) -> bool {
    matches!(rtype, rtype::SOA | rtype::CNAME | rtype::DNAME)
}

/// SIG, KEY and NXT, and what replaced them (RFC 2535 §2.3.5, RFC 4034 §3 and §4).
pub(super) fn may_stand_beside_cname(rtype: u16) -> bool {
    matches!(rtype, 24 | 25 | 30 | rtype::RRSIG | rtype::NSEC)
}

/// Whether no zone holds records of this type: 0, OPT, QTYPEs and meta-types (RFC 6895 §3.1).
pub(super) fn is_meta(rtype: u16) -> bool {
    matches!(rtype, 0 | rtype::OPT | 128..=255)
}

/// What is wrong with a zone.
#[derive(Default)]
pub(super) struct Faults {
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    /// Those that were too many to be kept.
    more: usize,
}

impl Faults {
    /// Notes what makes the zone unfit to be served.
    pub(super) fn error(&mut self, record: &Record, message: String, hint: Option<String>) {
        self.tell(record.position.clone(), Level::Error, message, hint);
    }

    /// Notes what will not do what it seems to.
    pub(super) fn warning(&mut self, record: &Record, message: String, hint: Option<String>) {
        self.tell(record.position.clone(), Level::Warning, message, hint);
    }

    /// Notes what the zone as a whole lacks.
    pub(super) fn lack(&mut self, message: String, hint: &str) {
        self.tell(None, Level::Error, message, Some(hint.to_owned()));
    }

    /// Notes what is wrong, or should be known, at a place.
    pub(super) fn tell(&mut self, position: Option<Position>, level: Level, message: String, hint: Option<String>) {
        let list = if level == Level::Error { &mut self.errors } else { &mut self.warnings };
        if list.len() < MAX_DIAGNOSTICS {
            list.push(Diagnostic { position, level, message, hint, topic: None });
        } else {
            self.more += 1;
        }
    }

    /// What was noted, faults first: at most 100 of both.
    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        let level = if self.errors.is_empty() { Level::Warning } else { Level::Error };
        let mut all = self.errors;
        all.extend(self.warnings);
        let more = self.more + all.len().saturating_sub(MAX_DIAGNOSTICS);
        if more > 0 {
            // The last place says so.
            all.truncate(MAX_DIAGNOSTICS - 1);
            let message = format!("{} more faults or warnings are not shown", more + 1);
            all.push(Diagnostic { position: None, level, message, hint: None, topic: None });
        }
        all
    }
}

#[cfg(test)]
mod tests;
