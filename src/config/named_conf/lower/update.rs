//! From `update-policy` and `allow-update` to grants.
//!
//! Whatever named matches by Kerberos, by an address in the name or by another program is refused here: else such updates
//! would be refused one by one.

use super::Context;
use super::key::Unknown;
use super::view::Scope;
use crate::config::named_conf::body::Setting;
use crate::config::named_conf::lexer::Token;
use crate::config::named_conf::policy::Rule;
use crate::config::named_conf::report::Problem;
use crate::config::named_conf::value::Value;
use crate::config::values::excerpt;
use crate::config::{Grant, GrantedNames, GrantedTypes, Grantee, Match, MatchList, NamePattern};
use crate::wire::Name;
use crate::wire::mnemonic::type_number;

const ANY: u16 = 255;

/// Why a rule of named is refused.
const REFUSED: &[(&str, &str)] = &[
    ("6to4-self", "addresses of clients are no identities here"),
    ("external", "no other program is asked"),
    ("krb5-", "Kerberos is not spoken"),
    ("ms-", "Kerberos is not spoken"),
    ("selfwild", "it is not implemented yet: write 'wildcard' with the name"),
    ("tcp-self", "addresses of clients are no identities here"),
];

/// Who may change a zone: by its `update-policy`, else by the innermost `allow-update`.
pub(super) fn grants(context: &mut Context<'_>, scope: Scope<'_, '_>, zone: &str) -> Vec<Grant> {
    let own = scope.first().copied();
    let find = |name| own.and_then(|body| body.find(name));
    if let Some(policy) = find("update-policy") {
        if find("allow-update").is_some() {
            let message = format!("zone '{zone}': 'allow-update' is ignored when 'update-policy' is present");
            let problem = Problem::new(policy.position.clone(), message);
            context.report.problem(problem.with_hint("leave one of them out"));
        }
        return by_policy(context, policy);
    }
    match scope.iter().find_map(|body| body.find("allow-update")) {
        Some(Setting { value: Value::MatchList(elements), .. }) => {
            let grants = context.acls.updaters(elements, &mut context.report);
            for grant in &grants {
                context.check_key(grant);
            }
            warn_of_unsigned(context, &grants, zone);
            grants
        }
        _ => Vec::new(),
    }
}

fn by_policy(context: &mut Context<'_>, policy: &Setting) -> Vec<Grant> {
    match &policy.value {
        Value::UpdatePolicy(rules) => {
            let grants: Vec<_> = rules.iter().filter_map(|rule| by_rule(context, rule)).collect();
            for grant in &grants {
                context.check_key(grant);
            }
            grants
        }
        Value::Local => {
            let problem = Problem::new(policy.value_position.clone(), "'local' is refused: no session key is made");
            context.report.problem(problem.with_hint("{ grant KEY zonesub ANY; } with a key of your own"));
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// `None`: reported.
fn by_rule(context: &mut Context<'_>, rule: &Rule) -> Option<Grant> {
    let refused = REFUSED.iter().find(|(word, _)| match word.ends_with('-') {
        true => rule.matching.starts_with(word),
        false => rule.matching == *word,
    });
    if let Some((_, why)) = refused {
        let message = format!("'{}' is refused: {why}", rule.matching);
        let hint = "one of: name, subdomain, wildcard, self, selfsub, zonesub";
        context.report.problem(Problem::new(rule.position.clone(), message).with_hint(hint));
        return None;
    }
    let identity = name(context, &rule.identity);
    let names = names(context, rule, identity.as_ref());
    let types = types(context, &rule.types);
    Some(Grant {
        deny: rule.deny,
        who: Grantee::Key(identity?),
        names: names?,
        types: types?,
        position: Some(rule.position.clone()),
    })
}

fn name(context: &mut Context<'_>, token: &Token) -> Option<Name> {
    match token.text.parse() {
        Ok(name) => Some(name),
        Err(error) => {
            let error: crate::wire::name::NameError = error;
            let message = format!("'{}' is not a valid name", excerpt(&token.text));
            context.report.problem(Problem::new(token.position.clone(), message).with_hint(error.to_string()));
            None
        }
    }
}

fn names(context: &mut Context<'_>, rule: &Rule, identity: Option<&Name>) -> Option<GrantedNames> {
    let Some(token) = &rule.name else { return Some(GrantedNames::Zone) };
    let name = name(context, token)?;
    let is_star = |name: &Name| name.labels().next() == Some(b"*");
    let these = |pattern| Some(GrantedNames::These(vec![pattern]));
    match rule.matching {
        "name" => these(NamePattern::Exactly(name)),
        "subdomain" => these(NamePattern::Within(name)),
        "wildcard" if is_star(&name) => these(NamePattern::Below(below(&name)?)),
        "wildcard" => {
            let problem = Problem::new(
                token.position.clone(),
                format!(
                    "'{}' is not a \
             wildcard",
                    excerpt(&token.text)
                ),
            );
            context.report.problem(problem.with_hint(format!("*.{}", excerpt(&token.text))));
            None
        }
        // The name says again what the identity says; "." and "*" leave it out.
        _ if !name.is_root() && !is_star(&name) && identity.is_some_and(|identity| *identity != name) => {
            let problem = Problem::new(token.position.clone(), "identity and name fields are not the same");
            context.report.problem(problem.with_hint("write '.' for the name: the key's is meant"));
            None
        }
        "self" => Some(GrantedNames::Own),
        _ => Some(GrantedNames::OwnAndBelow),
    }
}

/// The name behind `*.`.
fn below(wildcard: &Name) -> Option<Name> {
    Name::from_wire(wildcard.as_wire().get(2..)?)
}

/// NSEC and NSEC3 may be written and are granted to nobody, as in named.
fn types(context: &mut Context<'_>, tokens: &[Token]) -> Option<GrantedTypes> {
    if tokens.is_empty() {
        return Some(GrantedTypes::Ordinary);
    }
    let mut types = Vec::new();
    for token in tokens {
        let (word, bound) = token.text.split_once('(').map_or((token.text.as_str(), None), |(word, n)| (word, Some(n)));
        match (type_number(word), bound) {
            (Some(number), None) => types.push(number),
            (Some(_), Some(_)) => {
                let message =
                    format!("'{}' is refused: how many records there may be is not looked at", excerpt(&token.text));
                context.report.problem(Problem::new(token.position.clone(), message).with_hint(word.to_owned()));
                return None;
            }
            (None, _) => {
                let problem =
                    Problem::new(token.position.clone(), format!("'{}' is not a valid type", excerpt(&token.text)));
                context.report.problem(problem.with_hint("a type such as A, or ANY"));
                return None;
            }
        }
    }
    Some(if types.contains(&ANY) { GrantedTypes::All } else { GrantedTypes::These(types) })
}

impl Context<'_> {
    /// named lets a key be named that nobody defines; nobody then signs with it.
    fn check_key(&mut self, grant: &Grant) {
        let (Grantee::Key(name), Some(at)) = (&grant.who, &grant.position) else { return };
        if name.labels().next() == Some(b"*") {
            return;
        }
        let hint = match self.acls.why_unknown(name) {
            None => return,
            Some(_) if self.report.is_full() => None,
            Some(Unknown::OfAnotherView) => Some("it is a key of another view".to_owned()),
            Some(Unknown::Nowhere) => self.acls.keys.did_you_mean(&name.to_string()),
        };
        let hint = hint.map(|hint| format!(": {hint}")).unwrap_or_default();
        self.report.warn(Some(at), format!("no key '{name}' is defined, so nobody signs with it{hint}"));
    }
}

/// named says so in its log.
fn warn_of_unsigned(context: &mut Context<'_>, grants: &[Grant], zone: &str) {
    let is_unsigned = |grant: &&Grant| !grant.deny && matches!(&grant.who, Grantee::Clients(list) if is_remote(list));
    if let Some(grant) = grants.iter().find(is_unsigned) {
        let message = format!(
            "zone '{zone}' allows unsigned updates from remote hosts, which is insecure: use a \
         key"
        );
        context.report.warn(grant.position.as_ref(), message);
    }
}

/// Whether it may name another host than this one.
fn is_remote(list: &MatchList) -> bool {
    list.elements.iter().filter(|element| !element.negated).any(|element| match &element.what {
        Match::Any | Match::Localnets => true,
        Match::None | Match::Localhost | Match::Key(_) => false,
        Match::Prefix(prefix) => !prefix.addr().is_loopback(),
        Match::List(inner) => is_remote(inner),
        Match::Acl(acl) => is_remote(&acl.list),
    })
}
