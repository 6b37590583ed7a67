//! From the configuration's keys and grants to those that messages are judged by.

use crate::access::Lists;
use crate::config::{self, Grant, GrantedNames, GrantedTypes, Grantee, NamePattern};
use crate::tsig;
use crate::wire::Name;
use crate::zone::update::{Grants, Names, Rule, Types, Who};

pub(super) fn key(key: &config::Key) -> tsig::Key {
    tsig::Key::new(key.name.clone(), key.algorithm, key.secret.octets())
}

/// The rules of a zone, in the order of the text.
pub(super) fn compile<'c>(grants: &'c [Grant], lists: &mut Lists<'c>) -> Grants {
    Grants { rules: grants.iter().flat_map(|grant| rules(grant, lists)).collect() }
}

/// A grant about several names is as many rules, one behind the other.
fn rules<'c>(grant: &'c Grant, lists: &mut Lists<'c>) -> Vec<Rule> {
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
            Grantee::Clients(list) => Who::Clients(lists.compile(list)),
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

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Arc;

    use super::*;
    use crate::access::Host;
    use crate::config::files::NoFiles;
    use crate::config::named_conf::parse;
    use crate::zone::update::Sender;

    #[test]
    fn who_may_change_a_zone_is_as_it_is_written() {
        let keys = "key k { algorithm hmac-sha256; secret \"c2VjcmV0\"; }; key bad { algorithm hmac-sha256; secret \"c2Vj\"; };";
        for (written, expected) in [
            ("allow-update { key k; }", [true, true, false, false]),
            ("allow-update { !key bad; 10.0.0.0/8; key k; }", [true, true, false, true]),
            ("allow-update { !10.0.0.0/8; key k; }", [false, true, false, false]),
            ("update-policy { grant k zonesub; }", [true, true, false, false]),
            ("update-policy { grant *.example zonesub; }", [false; 4]),
            ("allow-query { any; }", [false; 4]),
        ] {
            let text = format!("{keys} zone corp {{ type primary; file \"corp\"; {written}; }};");
            let config = parse(&text, "x.conf", &NoFiles).expect("the configuration is right").config;
            let host = Arc::new(Host::default());
            let grants = compile(&config.views[0].zones[0].grants, &mut Lists::new(&host));
            let senders =
                [(Some("k"), "10.1.1.1"), (Some("k"), "192.0.2.1"), (Some("bad"), "10.1.1.1"), (None, "10.1.1.1")];
            let may = senders.map(|(signer, client)| {
                let signer: Option<Name> = signer.map(|name| name.parse().expect("a name"));
                let client: IpAddr = client.parse().expect("an address");
                grants.permits(Sender { signer: signer.as_ref(), client }, &config.views[0].zones[0].name, 16)
            });
            assert_eq!(may, expected, "{written}");
        }
    }
}
