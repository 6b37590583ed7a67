//! Changing a zone: what goes, then what comes, all of it or nothing.
//!
//! A delta is what an update makes and a journal keeps (IXFR's form, RFC 1995 §4). Applying one is arithmetic on sets:
//! who may change what, and which serial follows, was decided before.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::fmt;

use crate::wire::Name;
use crate::wire::header::rtype;
use crate::wire::mnemonic::type_name;
use crate::wire::rdata::canonical;
use crate::wire::whole::is_whole;

use super::node::Draft;
use super::rrset;
use super::{Record, Zone, build, read_soa};

/// A difference between two versions of a zone; its SOA's old and new record belong to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// Records that go, compared by owner, type and data (RFC 2136 §1.1.1); what is not there is no fault.
    pub removed: Vec<Record>,
    /// Records that come. An RRset has the TTL of the last of them.
    pub added: Vec<Record>,
}

/// Why a delta cannot be applied: what would come of it is no zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// The owner is neither the apex nor below it.
    OutOfZone(Name),
    /// The data are not those of the type, or a name in them is not whole.
    Rdata(Name, u16),
    /// The RRset would be longer than [`super::MAX_RRSET_OCTETS`].
    TooLong(Name, u16),
    /// A type that cannot stand there: an SOA below the apex, a CNAME beside other data, a second SOA, CNAME or DNAME,
    /// a type that no zone holds.
    Misplaced(Name, u16),
    /// The apex would have no SOA.
    NoSoa,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfZone(name) => write!(f, "{name} is out of zone"),
            Self::Rdata(name, rtype) => write!(f, "the data of {name} {} cannot be read", type_name(*rtype)),
            Self::TooLong(name, rtype) => write!(f, "{name} {} would be longer than a message", type_name(*rtype)),
            Self::Misplaced(name, rtype) => write!(f, "{name} {} cannot stand there", type_name(*rtype)),
            Self::NoSoa => f.write_str("the zone would have no SOA"),
        }
    }
}

impl std::error::Error for Unfit {}

/// What happens to one RRset.
#[derive(Default)]
struct Change<'d> {
    removed: Vec<&'d Record>,
    added: Vec<&'d Record>,
}

impl Zone {
    /// Takes out what a delta removes, puts in what it adds.
    ///
    /// # Errors
    /// When what would come of it is no zone; nothing is changed then.
    pub fn apply(&mut self, delta: &Delta) -> Result<(), Unfit> {
        let mut owners: BTreeMap<&[u8], BTreeMap<u16, Change<'_>>> = BTreeMap::new();
        for (record, is_added) in each(delta) {
            if !record.owner.is_within(self.apex()) {
                return Err(Unfit::OutOfZone(record.owner.clone()));
            }
            let change = owners.entry(record.owner.as_wire()).or_default().entry(record.rtype).or_default();
            if is_added { &mut change.added } else { &mut change.removed }.push(record);
        }
        let mut tree = self.tree.clone();
        for (owner, types) in owners {
            let is_apex = owner == self.apex().as_wire();
            tree.change(owner, |draft| {
                types.iter().try_for_each(|(rtype, change)| change_rrset(draft, *rtype, change))?;
                check_types(draft, is_apex)
            })?;
        }
        let (soa, serial) = read_soa(&tree).ok_or(Unfit::NoSoa)?;
        (self.tree, self.soa, self.serial) = (tree, soa, serial);
        Ok(())
    }
}

/// Every record of a delta, with whether it is added.
fn each(delta: &Delta) -> impl Iterator<Item = (&Record, bool)> {
    let removed = delta.removed.iter().map(|record| (record, false));
    removed.chain(delta.added.iter().map(|record| (record, true)))
}

fn change_rrset(draft: &mut Draft<'_>, rtype: u16, change: &Change<'_>) -> Result<(), Unfit> {
    if let Some(record) = change.added.iter().find(|record| !is_whole(rtype, &record.rdata)) {
        return Err(Unfit::Rdata(record.owner.clone(), rtype));
    }
    let mut gone: HashSet<Cow<'_, [u8]>> = HashSet::new();
    let changed = change.removed.iter().chain(&change.added);
    gone.extend(changed.map(|record| canonical(rtype, &record.rdata)));
    let old = draft.rrset(rtype);
    let mut rdata: Vec<&[u8]> = old.iter().flat_map(rrset::rdata).collect();
    rdata.retain(|rdata| !gone.contains(&canonical(rtype, rdata)));
    let mut come = HashSet::new();
    rdata.extend(change.added.iter().map(|record| &*record.rdata).filter(|rdata| come.insert(canonical(rtype, rdata))));
    let ttl = change.added.last().map(|record| record.ttl).or(old.as_ref().map(rrset::ttl));
    let Some(ttl) = ttl.filter(|_| !rdata.is_empty()) else {
        draft.set(rtype, None);
        return Ok(());
    };
    let owner = || Name::from_wire(draft.name).expect("the name of a record");
    if build::is_singleton(rtype) && rdata.len() > 1 {
        return Err(Unfit::Misplaced(owner(), rtype));
    }
    let segment = rrset::encode(rtype, ttl, rdata).ok_or_else(|| Unfit::TooLong(owner(), rtype))?;
    draft.set(rtype, Some(segment));
    Ok(())
}

/// Whether the types of a name may stand together, and there.
fn check_types(draft: &Draft<'_>, is_apex: bool) -> Result<(), Unfit> {
    let has_alias = draft.types().any(|rtype| rtype == rtype::CNAME);
    let is_misplaced = |rtype: &u16| {
        build::is_meta(*rtype)
            || *rtype == rtype::SOA && !is_apex
            || has_alias && *rtype != rtype::CNAME && !build::may_stand_beside_cname(*rtype)
    };
    match draft.types().find(is_misplaced) {
        Some(rtype) => Err(Unfit::Misplaced(Name::from_wire(draft.name).expect("the name of a record"), rtype)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
