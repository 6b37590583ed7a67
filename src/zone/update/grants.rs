//! Who may change what: named's `update-policy` and `allow-update`.
//!
//! The first rule that matches a change decides; what no rule matches is refused. `allow-update { … }` is a rule for
//! each element of its list, for every name and type.
//! Not here: named's rules that ask Kerberos, Windows or a daemon of the host.

use crate::access::Acl;
use crate::wire::Name;
use crate::wire::header::rtype;

use super::Sender;

/// The rules of a zone, in the order they were written. None: nobody may change anything.
#[derive(Debug, Default)]
pub struct Grants {
    /// The first that matches decides.
    pub rules: Vec<Rule>,
}

/// `grant` or `deny`, to whom, for which names and types.
#[derive(Debug)]
pub struct Rule {
    /// Whether what matches is refused.
    pub deny: bool,
    /// Whose changes it is about.
    pub who: Who,
    /// Changes to which names.
    pub names: Names,
    /// Changes to which types.
    pub types: Types,
}

/// Whose changes.
#[derive(Debug)]
pub enum Who {
    /// Of a key; a name that begins with the label `*` stands for all keys below it.
    Key(Name),
    /// Of clients with these addresses, signed or not.
    Clients(Acl),
}

/// Which names; those of the zone, as it is checked before.
#[derive(Debug, PartialEq, Eq)]
pub enum Names {
    /// named's `zonesub`: all.
    Zone,
    /// This one.
    Name(Name),
    /// This one and those below it.
    Subdomain(Name),
    /// Those that a wildcard stands for: below the name behind its `*`, at any depth.
    Wildcard(Name),
    /// That of the key.
    Own,
    /// That of the key and those below it: named's `selfsub`.
    OwnSubdomain,
}

/// Which types.
#[derive(Debug, PartialEq, Eq)]
pub enum Types {
    /// What a rule without types means: all but SOA, NS and what signing makes (RRSIG, NSEC, NSEC3).
    Usual,
    /// `ANY` in a rule: all but NSEC and NSEC3.
    Every,
    /// These.
    These(Box<[u16]>),
}

impl Grants {
    /// Whether there is a change that this sender might make.
    pub fn may_grant(&self, sender: Sender<'_>) -> bool {
        self.rules.iter().any(|rule| !rule.deny && rule.who.is(sender))
    }

    /// Whether this sender may change this RRset.
    pub fn permits(&self, sender: Sender<'_>, name: &Name, rtype: u16) -> bool {
        let decides =
            |rule: &&Rule| rule.who.is(sender) && rule.names.contain(name, sender.signer) && rule.types.contain(rtype);
        self.rules.iter().find(decides).is_some_and(|rule| !rule.deny)
    }
}

impl Who {
    fn is(&self, sender: Sender<'_>) -> bool {
        match self {
            Self::Key(key) => sender.signer.is_some_and(|signer| signer == key || is_matched(signer, key)),
            Self::Clients(acl) => acl.allows(sender.client),
        }
    }
}

impl Names {
    fn contain(&self, name: &Name, signer: Option<&Name>) -> bool {
        match self {
            Self::Zone => true,
            Self::Name(one) => name == one,
            Self::Subdomain(top) => name.is_within(top),
            Self::Wildcard(wildcard) => is_matched(name, wildcard),
            Self::Own => signer == Some(name),
            Self::OwnSubdomain => signer.is_some_and(|signer| name.is_within(signer)),
        }
    }
}

impl Types {
    fn contain(&self, rtype: u16) -> bool {
        let of_signing = matches!(rtype, rtype::NSEC | rtype::NSEC3);
        match self {
            Self::Usual => !of_signing && !matches!(rtype, rtype::SOA | rtype::NS | rtype::RRSIG),
            Self::Every => !of_signing,
            Self::These(types) => types.contains(&rtype),
        }
    }
}

/// Whether `name` lies below what follows the `*` of `wildcard`.
fn is_matched(name: &Name, wildcard: &Name) -> bool {
    let Some(above) = wildcard.as_wire().strip_prefix(b"\x01*") else { return false };
    name.as_wire().len() > above.len() && crate::wire::name::is_within(name.as_wire(), above)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

    fn name(text: &str) -> Name {
        text.parse().expect("a name of the test")
    }

    fn rule(deny: bool, key: &str, names: Names, types: Types) -> Rule {
        Rule { deny, who: Who::Key(name(key)), names, types }
    }

    fn asks(grants: &Grants, signer: Option<&str>, owner: &str, rtype: u16) -> bool {
        let signer = signer.map(name);
        grants.permits(Sender { signer: signer.as_ref(), client: NOWHERE }, &name(owner), rtype)
    }

    #[test]
    fn names_are_meant_by_named_s_words() {
        let (a, soa) = (rtype::A, rtype::SOA);
        type Row = (&'static str, Names, &'static str, u16, bool);
        let cases: [Row; 19] = [
            ("name", Names::Name(name("a.corp")), "a.corp", a, true),
            ("name, below it", Names::Name(name("a.corp")), "b.a.corp", a, false),
            ("subdomain", Names::Subdomain(name("a.corp")), "a.corp", a, true),
            ("subdomain, below it", Names::Subdomain(name("a.corp")), "c.b.a.corp", a, true),
            ("subdomain, beside it", Names::Subdomain(name("a.corp")), "xa.corp", a, false),
            ("wildcard", Names::Wildcard(name("*.a.corp")), "b.a.corp", a, true),
            ("wildcard, deeper", Names::Wildcard(name("*.a.corp")), "c.b.a.corp", a, true),
            ("wildcard, itself", Names::Wildcard(name("*.a.corp")), "*.a.corp", a, true),
            ("wildcard, its parent", Names::Wildcard(name("*.a.corp")), "a.corp", a, false),
            ("a wildcard without an asterisk", Names::Wildcard(name("a.corp")), "b.a.corp", a, false),
            ("self", Names::Own, "host.corp", a, true),
            ("self, below it", Names::Own, "x.host.corp", a, false),
            ("self, another", Names::Own, "other.corp", a, false),
            ("selfsub", Names::OwnSubdomain, "host.corp", a, true),
            ("selfsub, below it", Names::OwnSubdomain, "x.host.corp", a, true),
            ("selfsub, above it", Names::OwnSubdomain, "corp", a, false),
            ("zonesub", Names::Zone, "corp", a, true),
            ("zonesub, SOA", Names::Zone, "corp", soa, false),
            ("zonesub, deep", Names::Zone, "x.y.z.corp", rtype::TXT, true),
        ];
        for (case, names, owner, rtype, expected) in cases {
            let grants = Grants { rules: vec![rule(false, "host.corp", names, Types::Usual)] };
            assert_eq!(asks(&grants, Some("host.corp"), owner, rtype), expected, "{case}");
            assert!(!asks(&grants, Some("xhost.corp"), owner, rtype), "{case}, another key");
            assert!(!asks(&grants, None, owner, rtype), "{case}, unsigned");
        }
    }

    #[test]
    fn types_are_meant_by_named_s_words() {
        type Case = (&'static str, Types, &'static [(u16, bool)]);
        let cases: [Case; 3] = [
            ("none written", Types::Usual, &[(1, true), (5, true), (6, false), (2, false), (46, false), (50, false)]),
            ("ANY", Types::Every, &[(1, true), (6, true), (2, true), (46, true), (47, false), (50, false)]),
            ("written", Types::These([1, 2].into()), &[(1, true), (2, true), (28, false), (6, false)]),
        ];
        for (case, types, rows) in cases {
            let grants = Grants { rules: vec![rule(false, "k", Names::Zone, types)] };
            for &(rtype, expected) in rows {
                assert_eq!(asks(&grants, Some("k"), "a.corp", rtype), expected, "{case}: {rtype}");
            }
        }
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let grants = Grants {
            rules: vec![
                rule(true, "k", Names::Name(name("www.corp")), Types::Usual),
                rule(false, "k", Names::Zone, Types::Usual),
                rule(false, "k", Names::Name(name("www.corp")), Types::Every),
                rule(true, "*.hosts", Names::Zone, Types::These([1].into())),
                rule(false, "*.hosts", Names::Zone, Types::Usual),
            ],
        };
        for (signer, owner, rtype, expected) in [
            ("k", "www.corp", rtype::A, false),
            ("k", "a.corp", rtype::A, true),
            ("k", "www.corp", rtype::NS, true),
            ("k", "a.corp", rtype::NS, false),
            ("x.hosts", "a.corp", rtype::A, false),
            ("y.x.hosts", "a.corp", rtype::TXT, true),
            ("hosts", "a.corp", rtype::TXT, false),
        ] {
            assert_eq!(asks(&grants, Some(signer), owner, rtype), expected, "{signer} {owner} {rtype}");
        }
        for (signer, expected) in [(Some("k"), true), (Some("other"), false), (None, false)] {
            let signer = signer.map(name);
            let sender = Sender { signer: signer.as_ref(), client: NOWHERE };
            assert_eq!(grants.may_grant(sender), expected, "{signer:?}");
            assert!(!Grants::default().may_grant(sender), "no rule, no update");
        }
    }
}
