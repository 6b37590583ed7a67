//! Looking at a zone whose records are all there: what it lacks, and where its records point.
//!
//! Names of other zones are not looked up.

use crate::wire::Name;
use crate::wire::header::rtype;
use crate::wire::mnemonic::type_name;
use crate::wire::name::is_within;
use crate::wire::walk::NameBuf;

use super::build::Faults;
use super::tree::Tree;
use super::{Found, Record, Zone};

const MX: u16 = 15;
const SRV: u16 = 33;

/// Whether records of this type are looked at.
pub(super) fn is_watched(rtype: u16) -> bool {
    matches!(rtype, rtype::NS | rtype::DNAME | MX | SRV)
}

/// Notes what every zone has and this one lacks, and names below DNAMEs.
pub(super) fn check_tree(tree: &Tree, watched: &[Record], faults: &mut Faults) {
    let apex = tree.apex();
    if tree.top().rrset(rtype::SOA).is_none() {
        faults.lack(format!("zone {apex} has no SOA record"), "a zone begins with one: '@ SOA ...'");
    }
    if tree.top().rrset(rtype::NS).is_none() {
        faults.lack(format!("zone {apex} has no NS records"), "name the zone's servers: '@ NS ...'");
    }
    for record in watched.iter().filter(|record| record.rtype == rtype::DNAME) {
        // What came by updates is hidden below it (RFC 6672 §5.2), as it is when it is read back.
        if record.position.is_some() && tree.node(record.owner.as_wire()).is_some_and(|node| node.below() > 0) {
            let message = format!("{}: DNAME and names below it", record.owner);
            faults.error(record, message, below(tree, &record.owner).map(|name| format!("such as {name}")));
        }
    }
}

/// One of the names with records below a name.
fn below(tree: &Tree, owner: &Name) -> Option<Name> {
    let mut nodes = tree.iter().filter(|node| !node.is_empty() && node.name().len() > owner.as_wire().len());
    nodes.find(|node| is_within(node.name(), owner.as_wire())).and_then(|node| Name::from_wire(node.name()))
}

/// What a record points to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    /// An address, another zone's name, or nothing that matters.
    Fine,
    /// An alias, which it must not be (RFC 2181 §10.3, RFC 2782).
    Alias,
    /// A name that should have an address and has none.
    NoAddress,
}

/// Notes targets that are aliases, and name servers that nobody can find.
pub(super) fn check_targets(zone: &Zone, watched: &[Record], faults: &mut Faults) {
    let mut target = NameBuf::default();
    for record in watched {
        if record.rtype == rtype::NS && record.owner.as_wire().starts_with(b"\x01*") {
            let hint = "RFC 4592 section 4.2 leaves open what it would mean; named refuses it";
            faults.warning(
                record,
                format!("{}: a wildcard delegates nothing but itself", record.owner),
                Some(hint.into()),
            );
        }
        let at = match record.rtype {
            rtype::NS => 0,
            MX => 2,
            SRV => 6,
            _ => continue,
        };
        target.set(&record.rdata[at..]);
        let (judged, shown) = (judge(zone, record, target.as_wire()), Name::from_wire(target.as_wire()));
        let Some(shown) = shown.map(|name| format!("{}/{} '{name}'", record.owner, type_name(record.rtype))) else {
            continue;
        };
        match judged {
            Target::Fine => {}
            Target::Alias => {
                let hint = "the target owns its addresses itself";
                faults.warning(record, format!("{shown} is a CNAME (illegal)"), Some(hint.to_owned()));
            }
            // Nobody has written it: it is a built-in empty zone's.
            Target::NoAddress if record.position.is_none() => {}
            Target::NoAddress => {
                let message = format!("{shown} has no address records (A or AAAA)");
                faults.warning(record, message, Some("without them nobody finds it".to_owned()));
            }
        }
    }
}

fn judge(zone: &Zone, record: &Record, target: &[u8]) -> Target {
    if target == [0] || !is_within(target, zone.apex().as_wire()) {
        return Target::Fine;
    }
    let is_server = record.rtype == rtype::NS;
    match zone.find(target, rtype::A) {
        Found::Alias(_) | Found::Renamed(_) => Target::Alias,
        // The addresses of what is delegated elsewhere are found there.
        Found::Referral(_) if is_server && is_within(target, record.owner.as_wire()) && !has_glue(zone, target) => {
            Target::NoAddress
        }
        Found::NoData | Found::NxDomain if is_server && !matches!(zone.find(target, rtype::AAAA), Found::Rrset(_)) => {
            Target::NoAddress
        }
        _ => Target::Fine,
    }
}

fn has_glue(zone: &Zone, target: &[u8]) -> bool {
    zone.node_for(target).is_some_and(|node| [rtype::A, rtype::AAAA].into_iter().any(|own| node.rrset(own).is_some()))
}
