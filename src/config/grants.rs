//! Who may change a local zone by updates (RFC 2136), and the keys that they sign with (RFC 8945).
//!
//! `update-policy`, `allow-update` and TOML's `[[zone.grant]]` all become a list of [`Grant`]s, of which the first that
//! matches a record decides, as in named.
//! Not here: matching (`zone`), signatures (`tsig`).

use std::fmt;

use super::{MatchList, Position};
use crate::tsig::Algorithm;
use crate::wire::Name;

/// One rule about who may change what.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// What it matches is refused.
    pub deny: bool,
    /// Whose updates it is about.
    pub who: Grantee,
    /// The names that may be changed.
    pub names: GrantedNames,
    /// The types that may be changed.
    pub types: GrantedTypes,
    /// Where it is written.
    pub position: Option<Position>,
}

/// Whose updates a [`Grant`] is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Grantee {
    /// Those signed with this key. A leftmost label `*` stands for any labels, at least one.
    Key(Name),
    /// Those that come from there, signed or not.
    Clients(MatchList),
}

/// The names that a [`Grant`] is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantedNames {
    /// `zonesub`: all of the zone.
    Zone,
    /// `self`: the name that is the key's.
    Own,
    /// `selfsub`: the name that is the key's, and what is below it.
    OwnAndBelow,
    /// Those that match one of these.
    These(Vec<NamePattern>),
}

/// What a name is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamePattern {
    /// `name`: it is this one.
    Exactly(Name),
    /// `subdomain`: it is this one or below it.
    Within(Name),
    /// `wildcard`: it is below this one, which is written with `*.` before it.
    Below(Name),
}

/// The types that a [`Grant`] is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantedTypes {
    /// None written: all but SOA, NS, RRSIG, NSEC and NSEC3.
    Ordinary,
    /// `ANY`: all but NSEC and NSEC3.
    All,
    /// These; ANY is not among them.
    These(Vec<u16>),
}

/// A key for TSIG: `key`.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Unique among those that one view knows: its own and the server's.
    pub name: Name,
    /// The view that it belongs to; `None`: the server, whose keys every view knows.
    pub view: Option<String>,
    /// What makes its MACs.
    pub algorithm: Algorithm,
    /// What both sides know.
    pub secret: Secret,
    /// Where it is written.
    pub position: Option<Position>,
}

impl Key {
    /// Whether messages that come to a view may be signed with it.
    pub fn is_known_in(&self, view: &str) -> bool {
        self.view.as_deref().is_none_or(|own| own == view)
    }
}

/// Octets that nobody is shown. At least one.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Takes over octets; `None` if there are none.
    pub fn new(octets: Vec<u8>) -> Option<Self> {
        (!octets.is_empty()).then(|| Self(octets.into()))
    }

    /// The octets themselves.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} octets)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new(b"swordfish".to_vec()).expect("it has octets");
        assert_eq!(format!("{secret:?}"), "Secret(9 octets)");
        assert_eq!(Secret::new(Vec::new()), None);
    }
}
