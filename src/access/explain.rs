//! Saying which element of a match list decided, in the operator's words.
//!
//! Walks the list as it was written, so that the compiled form need not carry its text; for `tandem explain` and the
//! log, never for a query. It agrees with [`super::Acl::decide`] (a property test holds them together).
//! Each named acl is judged once, however often it is mentioned: acls of acls may double at each step.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;

use crate::config::{Match, MatchElement, MatchList, NamedAcl, Position};

use super::Host;

/// Why an address is allowed or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// As [`super::Verdict::allowed`].
    pub allowed: bool,
    /// From the list's own element through named acls and nested lists to the one that matched; empty: none did.
    pub path: Vec<Link>,
}

/// One element on the way to the decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// As it was written, with its `!`; a nested list is `{ … }`.
    pub text: String,
    /// Where it stands; `None` for a built-in default.
    pub position: Option<Position>,
}

impl fmt::Display for Explanation {
    /// `goodclients → 10.0.0.0/8 at named.conf:3`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(last) = self.path.last() else {
            return f.write_str("no element matches");
        };
        for (i, link) in self.path.iter().enumerate() {
            write!(f, "{}{}", if i == 0 { "" } else { " → " }, link.text)?;
        }
        match &last.position {
            Some(position) => write!(f, " at {position}"),
            None => f.write_str(" (built in)"),
        }
    }
}

/// Explains what `list` says about `address` (not an IPv4-mapped one).
pub(super) fn explain(list: &MatchList, host: &Host, address: IpAddr) -> Explanation {
    let mut walk = Walk { host, address, acls: HashMap::new() };
    let Some(element) = walk.first_match(list) else {
        return Explanation { allowed: false, path: Vec::new() };
    };
    let mut path = vec![link(element)];
    let mut inside = element;
    while let Some(element) = nested(&inside.what).and_then(|list| walk.first_match(list)) {
        path.push(link(element));
        inside = element;
    }
    Explanation { allowed: allows(element), path }
}

/// Whether a match of this element is a yes. `none` is `!any` in named, and `!none` is `any`.
pub(super) fn allows(element: &MatchElement) -> bool {
    element.negated == matches!(element.what, Match::None)
}

fn nested(what: &Match) -> Option<&MatchList> {
    match what {
        Match::List(list) => Some(list),
        Match::Acl(acl) => Some(&acl.list),
        _ => None,
    }
}

fn link(element: &MatchElement) -> Link {
    let text = match (&element.what, element.negated) {
        (Match::List(_), false) => "{ … }".to_owned(),
        (Match::List(_), true) => "!{ … }".to_owned(),
        _ => element.to_string(),
    };
    Link { text, position: element.position.clone() }
}

struct Walk<'a> {
    host: &'a Host,
    address: IpAddr,
    /// Whether each named acl, by its address in memory, matches positively.
    acls: HashMap<*const NamedAcl, bool>,
}

impl Walk<'_> {
    fn first_match<'l>(&mut self, list: &'l MatchList) -> Option<&'l MatchElement> {
        list.elements.iter().find(|element| self.matches(&element.what))
    }

    fn matches(&mut self, what: &Match) -> bool {
        match what {
            Match::Any | Match::None => true,
            Match::Localhost => self.host.addresses.contains(&self.address),
            Match::Localnets => self.host.networks.iter().any(|network| network.contains(&self.address)),
            Match::Prefix(prefix) => prefix.contains(&self.address),
            // Nobody has signed.
            Match::Key(_) => false,
            Match::List(list) => self.says_yes(list),
            Match::Acl(acl) => {
                let key = std::ptr::from_ref::<NamedAcl>(acl);
                if let Some(known) = self.acls.get(&key) {
                    return *known;
                }
                let found = self.says_yes(&acl.list);
                self.acls.insert(key, found);
                found
            }
        }
    }

    /// A nested list matches where it says yes; where it says no, the outer list goes on.
    fn says_yes(&mut self, list: &MatchList) -> bool {
        self.first_match(list).is_some_and(allows)
    }
}
