//! Dynamic updates (RFC 2136 §3): what a message may change, and what it does change.
//!
//! Pure: a zone as it is and a message in, a [`Delta`] or a [`Refusal`] out. The steps, each over the whole message
//! before the next: its records are read ([`line`]); each change is looked over and must be granted ([`scan`],
//! [`grants`]); the prerequisites must hold ([`prerequisite`]); then the changes are made on copies of the RRsets that
//! they touch, and what differs in the end is the delta ([`change`]). The zone itself is never touched here.
//! As in named 9.18 the permission is asked before the prerequisites (RFC 2136 §3.3 has it behind them), so that who
//! may change nothing learns nothing of what is there.
//! Not here: the message's signature (`tsig`), making the delta the zone's next version and keeping it.

mod change;
mod fuzz;
mod grants;
mod line;
mod plain;
mod prerequisite;
mod scan;

use std::fmt;
use std::net::IpAddr;

use crate::wire::header::{class, rcode, rtype};
use crate::wire::mnemonic::{rcode_name, type_name};
use crate::wire::{Name, Update};

use super::{Delta, Zone};
use line::Line;

pub use fuzz::fuzz;
pub use grants::{Grants, Names, Rule, Types, Who};
pub use plain::Plain;

/// A zone as an update finds it.
pub trait Present {
    /// Its name.
    fn apex(&self) -> &Name;

    /// The types that a name has, in any order; none for a name that only has names below it.
    fn types(&self, name: &Name) -> Vec<u16>;

    /// Whether a policy chooses the records of a name and type: they exist, [`Self::rrset`] does not give them, and no
    /// update may change them. Copies nothing.
    fn is_chosen(&self, name: &Name, rtype: u16) -> bool;

    /// An RRset's TTL, in seconds, and the RDATA of its records, names whole; neither wildcards nor aliases count.
    fn rrset(&self, name: &Name, rtype: u16) -> Option<(u32, Vec<Box<[u8]>>)>;
}

impl Present for Zone {
    fn apex(&self) -> &Name {
        self.apex()
    }

    fn types(&self, name: &Name) -> Vec<u16> {
        self.types(name.as_wire())
    }

    fn is_chosen(&self, name: &Name, rtype: u16) -> bool {
        self.is_chosen(name.as_wire(), rtype)
    }

    fn rrset(&self, name: &Name, rtype: u16) -> Option<(u32, Vec<Box<[u8]>>)> {
        self.rrset(name.as_wire(), rtype)
    }
}

/// Why an update changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What the client is told.
    pub rcode: u16,
    /// What the log is told beside it.
    pub why: &'static str,
    /// The name and type that it is about, if it is about one.
    pub about: Option<(Name, u16)>,
}

impl Refusal {
    fn of(rcode: u16, why: &'static str) -> Self {
        Self { rcode, why, about: None }
    }

    fn about(rcode: u16, why: &'static str, line: &Line) -> Self {
        Self { rcode, why, about: Some((line.owner.clone(), line.rtype)) }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, rtype)) = &self.about {
            write!(f, "{name}/{}: ", type_name(*rtype))?;
        }
        write!(f, "{} ({})", self.why, rcode_name(self.rcode))
    }
}

impl std::error::Error for Refusal {}

/// Who sends an update.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'s> {
    /// The name of the key that signed it.
    pub signer: Option<&'s Name>,
    /// The address that it came from.
    pub client: IpAddr,
}

/// What an update changes in `zone`; `None` if nothing differs in the end. The serial is raised with every change.
///
/// # Errors
/// When it is malformed, not for this zone, not granted, or a prerequisite does not hold: then nothing changes.
pub fn apply(
    zone: &dyn Present,
    update: &Update<'_>,
    grants: &Grants,
    sender: Sender<'_>,
) -> Result<Option<Delta>, Refusal> {
    check_zone_section(zone, update)?;
    if !grants.may_grant(sender) {
        return Err(Refusal::of(rcode::REFUSED, "no rule lets this client update the zone"));
    }
    let read = |record| Line::read(update.query.packet, &record);
    let prerequisites = update.prerequisites().map(read).collect::<Result<Vec<_>, _>>()?;
    let changes = update.changes().map(read).collect::<Result<Vec<_>, _>>()?;
    for line in &changes {
        scan::check(zone, line)?;
        scan::permit(zone, line, grants, sender)?;
    }
    prerequisite::check(zone, &prerequisites)?;
    change::make(zone, &changes)
}

/// RFC 2136 §3.1: one zone, by its SOA, of the right class and name.
fn check_zone_section(zone: &dyn Present, update: &Update<'_>) -> Result<(), Refusal> {
    if update.query.qtype != rtype::SOA {
        return Err(Refusal::of(rcode::FORMERR, "the zone section does not ask for SOA"));
    }
    let is_ours = Name::from_wire(update.zone()).is_some_and(|name| name == *zone.apex());
    if update.query.qclass != class::IN || !is_ours {
        return Err(Refusal::of(rcode::NOTAUTH, "not authoritative for the zone"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
