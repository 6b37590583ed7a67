//! From the configuration's keys and grants to those that messages are judged by.

use std::sync::Arc;

use crate::access::{Acl, Host};
use crate::config::{self, Grant, GrantedNames, GrantedTypes, Grantee, NamePattern};
use crate::tsig;
use crate::wire::Name;
use crate::zone::update::{Grants, Names, Rule, Types, Who};

pub(super) fn key(key: &config::Key) -> tsig::Key {
    tsig::Key::new(key.name.clone(), key.algorithm, key.secret.octets())
}

/// The rules of a zone, in the order of the text.
pub(super) fn compile(grants: &[Grant], host: &Arc<Host>) -> Grants {
    Grants { rules: grants.iter().flat_map(|grant| rules(grant, host)).collect() }
}

/// A grant about several names is as many rules, one behind the other.
fn rules(grant: &Grant, host: &Arc<Host>) -> Vec<Rule> {
    let names = match &grant.names {
        GrantedNames::Zone => vec![Names::Zone],
        GrantedNames::Own => vec![Names::Own],
        GrantedNames::OwnAndBelow => vec![Names::OwnSubdomain],
        GrantedNames::These(patterns) => patterns.iter().filter_map(pattern).collect(),
    };
    let rule = |names| Rule {
        deny: grant.deny,
        who: match &grant.who {
            Grantee::Key(name) => Who::Key(name.clone()),
            Grantee::Clients(list) => Who::Clients(Acl::compile(list, host)),
        },
        names,
        types: match &grant.types {
            GrantedTypes::Ordinary => Types::Usual,
            GrantedTypes::All => Types::Every,
            GrantedTypes::These(types) => Types::These(types.clone().into()),
        },
    };
    names.into_iter().map(rule).collect()
}

/// `None`: no name is so long.
fn pattern(pattern: &NamePattern) -> Option<Names> {
    Some(match pattern {
        NamePattern::Exactly(name) => Names::Name(name.clone()),
        NamePattern::Within(name) => Names::Subdomain(name.clone()),
        NamePattern::Below(name) => Names::Wildcard(Name::from_wire(&[b"\x01*", name.as_wire()].concat())?),
    })
}
