//! What must hold before an update is made (RFC 2136 §3.2).

use std::collections::{BTreeMap, BTreeSet};

use crate::wire::Name;
use crate::wire::header::{class, rcode, rtype};
use crate::wire::rdata::canonical;
use crate::zone::build::is_meta;

use super::line::Line;
use super::{Present, Refusal};

/// An RRset that must be exactly so: one of the lines that said it, and all their RDATA.
type Wanted<'l> = (&'l Line, BTreeSet<Box<[u8]>>);

/// Whether all prerequisites hold, each by itself first, then the RRsets that they spell out.
pub(super) fn check(zone: &dyn Present, lines: &[Line]) -> Result<(), Refusal> {
    let mut wanted: BTreeMap<(&[u8], u16), Wanted<'_>> = BTreeMap::new();
    for line in lines {
        let fail = |rcode, why| Err(Refusal::about(rcode, why, line));
        if line.raw_ttl != 0 {
            return fail(rcode::FORMERR, "a prerequisite has a TTL");
        }
        if !line.owner.is_within(zone.apex()) {
            return fail(rcode::NOTZONE, "the name is not in the zone");
        }
        match line.class {
            class::ANY | class::NONE if !line.rdata.is_empty() => {
                return fail(rcode::FORMERR, "a prerequisite without a value has one");
            }
            class::ANY | class::NONE => check_presence(zone, line)?,
            class::IN if is_meta(line.rtype) => return fail(rcode::FORMERR, "no record has this type"),
            class::IN => {
                let set = wanted.entry((line.owner.as_wire(), line.rtype)).or_insert((line, BTreeSet::new()));
                set.1.insert(canonical(line.rtype, &line.rdata).into());
            }
            _ => return fail(rcode::FORMERR, "a prerequisite of another class"),
        }
    }
    for ((_, rtype), (line, rdata)) in wanted {
        if rdata_of(zone, &line.owner, rtype) != Some(rdata) {
            return Err(Refusal::about(rcode::NXRRSET, "the RRset is another", line));
        }
    }
    Ok(())
}

/// Class ANY: there must be one; class NONE: there must be none.
fn check_presence(zone: &dyn Present, line: &Line) -> Result<(), Refusal> {
    let types = zone.types(&line.owner);
    let (whole_name, wanted) = (line.rtype == rtype::ANY, line.class == class::ANY);
    let is_there = if whole_name { !types.is_empty() } else { types.contains(&line.rtype) };
    let (rcode, why) = match (whole_name, wanted) {
        (true, true) => (rcode::NXDOMAIN, "the name is not in use"),
        (false, true) => (rcode::NXRRSET, "there is no such RRset"),
        (true, false) => (rcode::YXDOMAIN, "the name is in use"),
        (false, false) => (rcode::YXRRSET, "there is such an RRset"),
    };
    if is_there == wanted { Ok(()) } else { Err(Refusal::about(rcode, why, line)) }
}

/// An RRset's RDATA for comparing.
fn rdata_of(zone: &dyn Present, name: &Name, rtype: u16) -> Option<BTreeSet<Box<[u8]>>> {
    let (_, rdata) = zone.rrset(name, rtype)?;
    Some(rdata.iter().map(|rdata| canonical(rtype, rdata).into()).collect())
}
