//! Names of zones, algorithms and digests, and statements that stand once for each.

use std::collections::HashMap;

use super::{error_at, parts, words};
use crate::config::named_conf::body::Body;
use crate::config::named_conf::checked::Part;
use crate::config::named_conf::report::Report;
use crate::config::named_conf::value::Value;
use crate::config::values::excerpt;
use crate::config::{Position, suggest};
use crate::wire::Name;

/// Statements whose value is a name.
const NAMES: &[&str] = &[
    "disable-empty-zone",
    "dns64-contact",
    "dns64-server",
    "empty-contact",
    "empty-server",
    "ipv4only-contact",
    "ipv4only-server",
];

/// The algorithms of DNSSEC (IANA), as named spells them.
pub(super) const ALGORITHMS: &[&str] = &[
    "RSAMD5",
    "DH",
    "DSA",
    "ECC",
    "RSASHA1",
    "NSEC3DSA",
    "NSEC3RSASHA1",
    "RSASHA256",
    "RSASHA512",
    "ECCGOST",
    "ECDSAP256SHA256",
    "ECDSAP384SHA384",
    "ED25519",
    "ED448",
    "INDIRECT",
    "PRIVATEDNS",
    "PRIVATEOID",
];

/// The digests of DS records (IANA), as named spells them.
const DIGESTS: &[&str] = &["SHA-1", "SHA1", "SHA-256", "SHA256", "GOST", "SHA-384", "SHA384"];

/// Looks at options or a view.
pub(super) fn check(body: &Body, report: &mut Report) {
    for name in NAMES {
        for setting in body.all(name) {
            if let Value::Text(text) = &setting.value
                && text.parse::<Name>().is_err()
            {
                let message = format!("{name}: invalid name '{}'", excerpt(text));
                report.error(&setting.value_position, message);
            }
        }
    }
    check_disabled(body, "disable-algorithms", ("algorithm", ALGORITHMS), report);
    check_disabled(body, "disable-ds-digests", ("digest type", DIGESTS), report);
    check_secure(body, report);
    check_check_names(body, report);
}

fn check_disabled(body: &Body, name: &str, (what, known): (&str, &[&str]), report: &mut Report) {
    for (_, parts) in parts(body, name) {
        check_domain(parts, report);
        for token in words(parts) {
            let is_number = token.text.parse::<u8>().is_ok();
            if is_number || known.iter().any(|known| known.eq_ignore_ascii_case(&token.text)) {
                continue;
            }
            let message = format!("invalid {what} '{}'", excerpt(&token.text));
            let hint = suggest::did_you_mean(&token.text, known.iter().copied());
            error_at(report, &token.position, message, &hint.unwrap_or_else(|| known.join(", ")));
        }
    }
}

/// The name in front; `None`: it is wrong and reported.
fn check_domain(parts: &[Part], report: &mut Report) -> Option<Name> {
    let token = parts.first()?.word()?;
    let name = token.text.parse().ok();
    if name.is_none() {
        report.error(&token.position, format!("bad domain name '{}'", excerpt(&token.text)));
    }
    name
}

fn check_secure(body: &Body, report: &mut Report) {
    let mut seen: HashMap<Name, &Position> = HashMap::new();
    for (setting, parts) in parts(body, "dnssec-must-be-secure") {
        let Some(name) = check_domain(parts, report) else { continue };
        if let Some(earlier) = seen.get(&name) {
            let message = format!("dnssec-must-be-secure '{name}': already exists previous definition: {earlier}");
            report.error(&setting.value_position, message);
        } else {
            seen.insert(name, &setting.value_position);
        }
    }
}

/// Each kind of names once; the old word and the new one are the same kind.
fn check_check_names(body: &Body, report: &mut Report) {
    const PAIRS: &[(&str, &str)] = &[("primary", "master"), ("secondary", "slave")];
    let mut seen: Vec<&'static str> = Vec::new();
    for (_, parts) in parts(body, "check-names") {
        let Some(token) = parts.first().and_then(Part::word) else { continue };
        let kinds = ["primary", "master", "secondary", "slave", "response"];
        let Some(kind) = kinds.into_iter().find(|kind| kind.eq_ignore_ascii_case(&token.text)) else { continue };
        let pair = PAIRS.iter().find(|(new, old)| kind == *new || kind == *old);
        let twin = pair.map(|(new, old)| if kind == *new { *old } else { *new });
        if seen.contains(&kind) && kind != "response" {
            report.error(&token.position, format!("'check-names {kind}' duplicated"));
        } else if let (Some((new, old)), true) = (pair, twin.is_some_and(|twin| seen.contains(&twin))) {
            report.error(&token.position, format!("'check-names' cannot take both '{new}' and '{old}'"));
        }
        seen.push(kind);
    }
}
