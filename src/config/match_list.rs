//! Address match lists as they were written: ordered, negatable, nested (named.conf `address_match_list`).
//!
//! Only the text's structure is kept here; `access` compiles a list against the host's addresses into one lookup.

use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use ipnet::IpNet;

use super::Position;
use crate::wire::Name;

/// An ordered list; the first element that matches decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MatchList {
    /// In the order of the text. An empty list matches nobody.
    pub elements: Vec<MatchElement>,
}

/// One element, with its `!`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MatchElement {
    /// Written with `!`: a match here denies.
    pub negated: bool,
    /// What it compares the address with.
    pub what: Match,
    /// Where it stands; `None` for a built-in default.
    pub position: Option<Position>,
}

/// What an element matches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Match {
    /// Everybody.
    Any,
    /// `!any`: nobody, and nothing after it in the list is reached (named's meaning); `!none` is `any`.
    None,
    /// The host's own addresses.
    Localhost,
    /// The networks that the host has an address in.
    Localnets,
    /// A prefix; no host bits are set.
    Prefix(IpNet),
    /// `key NAME`: whoever signs with it. Only where it is judged who asks; for addresses it matches nobody.
    Key(Name),
    /// A nested list. A negative match *inside* means "no match here, go on", not a denial (as named does).
    List(MatchList),
    /// An `acl` by its name, with its resolved content; it behaves as a nested list.
    Acl(Arc<NamedAcl>),
}

impl Match {
    /// The lists that need no `acl`, by their names.
    pub const BUILT_IN: [(&str, Self); 4] =
        [("any", Self::Any), ("none", Self::None), ("localhost", Self::Localhost), ("localnets", Self::Localnets)];

    /// The built-in list of this name, without regard to case.
    pub fn built_in(name: &str) -> Option<Self> {
        Self::BUILT_IN.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, what)| what)
    }
}

/// An `acl NAME { … };` statement.
#[derive(Debug, PartialEq, Eq)]
pub struct NamedAcl {
    /// As it was written.
    pub name: String,
    /// Its elements.
    pub list: MatchList,
}

/// By its name: to mention an acl costs nothing by its length.
impl Hash for NamedAcl {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl MatchList {
    /// The list of one built-in element.
    pub fn of(what: Match) -> Self {
        Self { elements: vec![MatchElement { negated: false, what, position: None }] }
    }

    /// `{ any; }`
    pub fn any() -> Self {
        Self::of(Match::Any)
    }

    /// `{ none; }`
    pub fn none() -> Self {
        Self::of(Match::None)
    }

    /// Whether it is written as this one element alone, wherever that stands.
    pub fn is_only(&self, what: &Match) -> bool {
        matches!(&self.elements[..], [element] if !element.negated && element.what == *what)
    }

    /// The keys that it names, those of nested lists and acls included; each acl is looked at once.
    pub fn keys(&self) -> HashSet<&Name> {
        let (mut found, mut seen) = (HashSet::new(), HashSet::new());
        self.add_keys(&mut found, &mut seen);
        found
    }

    fn add_keys<'l>(&'l self, found: &mut HashSet<&'l Name>, seen: &mut HashSet<*const NamedAcl>) {
        for element in &self.elements {
            match &element.what {
                Match::Key(name) => {
                    found.insert(name);
                }
                Match::List(list) => list.add_keys(found, seen),
                Match::Acl(acl) if seen.insert(Arc::as_ptr(acl)) => acl.list.add_keys(found, seen),
                _ => {}
            }
        }
    }

    /// `{ localnets; localhost; }`, what named allows where nothing is said.
    pub fn local() -> Self {
        let element = |what| MatchElement { negated: false, what, position: None };
        Self { elements: vec![element(Match::Localnets), element(Match::Localhost)] }
    }
}

impl fmt::Display for MatchElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.negated { "!" } else { "" })?;
        match &self.what {
            Match::Any => f.write_str("any"),
            Match::None => f.write_str("none"),
            Match::Localhost => f.write_str("localhost"),
            Match::Localnets => f.write_str("localnets"),
            Match::Prefix(prefix) if prefix.prefix_len() == prefix.max_prefix_len() => write!(f, "{}", prefix.addr()),
            Match::Prefix(prefix) => write!(f, "{prefix}"),
            Match::Key(name) => write!(f, "key {name}"),
            Match::List(list) => write!(f, "{list}"),
            Match::Acl(acl) => f.write_str(&acl.name),
        }
    }
}

impl fmt::Display for MatchList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{ ")?;
        for element in &self.elements {
            write!(f, "{element}; ")?;
        }
        f.write_str("}")
    }
}
