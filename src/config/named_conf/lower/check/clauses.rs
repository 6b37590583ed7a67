//! Whole clauses: `tls`, `http`, `dnssec-policy`, trust anchors, `rate-limit`, `dns64`.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use super::names::ALGORITHMS;
use super::{error_at, parts, words};
use crate::config::Position;
use crate::config::named_conf::body::{Body, Setting};
use crate::config::named_conf::checked::Part;
use crate::config::named_conf::report::Report;
use crate::config::named_conf::value::Value;
use crate::config::values::{self, excerpt};
use crate::wire::Name;

/// Looks at the clauses of the top level.
pub(super) fn check(top: &Body, report: &mut Report) {
    check_tls(top, report);
    check_http(top, report);
    check_policies(top, report);
    check_view_names(top, report);
    check_trust(top, report);
}

/// Looks at the blocks within options or a view.
pub(super) fn check_body(body: &Body, report: &mut Report) {
    if let Some(Setting { value: Value::Body(limits), .. }) = body.find("rate-limit") {
        check_rate_limit(limits, report);
    }
    for setting in body.all("dns64") {
        check_dns64(setting, report);
    }
}

/// The clauses of a name each, with their bodies.
fn named<'a>(top: &'a Body, name: &'a str) -> impl Iterator<Item = (&'a Setting, &'a str, &'a Body)> {
    top.all(name).filter_map(|setting| match &setting.value {
        Value::Named { name, body, .. } => Some((setting, name.as_str(), body)),
        _ => None,
    })
}

fn check_tls(top: &Body, report: &mut Report) {
    let mut seen: HashMap<&str, &Position> = HashMap::new();
    for (setting, name, body) in named(top, "tls") {
        let at = &setting.value_position;
        if ["ephemeral", "none"].iter().any(|word| word.eq_ignore_ascii_case(name)) {
            report.error(at, format!("tls clause name '{name}' is reserved for internal use"));
        } else if let Some(earlier) = seen.insert(name, at) {
            report.error(at, format!("tls clause '{name}' is duplicated: also defined at {earlier}"));
        }
        if body.find("cert-file").is_some() != body.find("key-file").is_some() {
            let message = format!("tls '{name}': 'cert-file' and 'key-file' must both be specified, or both omitted");
            report.error(at, message);
        }
        for (setting, parts) in parts(body, "protocols") {
            check_protocols(name, setting, parts, report);
        }
    }
}

fn check_protocols(name: &str, setting: &Setting, parts: &[Part], report: &mut Report) {
    let mut seen = Vec::new();
    for token in words(parts) {
        if !["TLSv1.2", "TLSv1.3"].iter().any(|word| word.eq_ignore_ascii_case(&token.text)) {
            let message = format!("'{}' is not a valid TLS protocol version", excerpt(&token.text));
            error_at(report, &token.position, message, "TLSv1.2 or TLSv1.3");
        } else if seen.contains(&token.text.to_ascii_lowercase()) {
            report.error(&token.position, format!("'{}' is specified more than once in '{name}'", token.text));
        }
        seen.push(token.text.to_ascii_lowercase());
    }
    if seen.is_empty() {
        let message = format!("tls '{name}' does not contain any valid TLS protocol versions definitions");
        report.error(&setting.value_position, message);
    }
}

fn check_http(top: &Body, report: &mut Report) {
    let mut seen: HashMap<&str, &Position> = HashMap::new();
    for (setting, name, body) in named(top, "http") {
        let at = &setting.value_position;
        if name.eq_ignore_ascii_case("default") {
            report.error(at, format!("'http' name cannot be '{name}' (which is a built-in configuration)"));
        } else if let Some(earlier) = seen.insert(name, at) {
            report.error(at, format!("http '{name}' is duplicated: also defined at {earlier}"));
        }
        for (_, parts) in parts(body, "endpoints") {
            for token in words(parts).filter(|token| !token.text.starts_with('/')) {
                let message = format!("endpoint '{}' is not a valid absolute HTTP path", excerpt(&token.text));
                error_at(report, &token.position, message, "such as /dns-query");
            }
        }
    }
}

fn check_policies(top: &Body, report: &mut Report) {
    let mut seen: Vec<&str> = Vec::new();
    for (setting, name, body) in named(top, "dnssec-policy") {
        check_policy(body, report);
        if ["default", "insecure", "none"].iter().any(|word| word.eq_ignore_ascii_case(name)) {
            let message =
                "dnssec-policy name may not be 'insecure', 'none', or 'default' (which are built-in policies)";
            report.error(&setting.value_position, message);
        } else if seen.contains(&name) {
            let message = format!("dnssec-policy: duplicately named policy found '{name}'");
            report.error(&setting.value_position, message);
        }
        seen.push(name);
    }
}

/// The keys' algorithms and the rounds of NSEC3.
fn check_policy(body: &Body, report: &mut Report) {
    const MOST_ITERATIONS: u32 = 150;
    for item in parts(body, "keys").flat_map(|(_, parts)| parts).filter_map(Part::item) {
        let mut words =
            item.iter().filter_map(Part::word).skip_while(|word| !word.text.eq_ignore_ascii_case("algorithm"));
        let Some(algorithm) = words.nth(1) else { continue };
        let is_known = ALGORITHMS.iter().any(|known| known.eq_ignore_ascii_case(&algorithm.text));
        if !is_known && algorithm.text.parse::<u8>().is_err() {
            let message = format!("dnssec-policy: bad algorithm {}", excerpt(&algorithm.text));
            error_at(report, &algorithm.position, message, "such as ecdsap256sha256");
        }
    }
    for (_, parts) in parts(body, "nsec3param") {
        if let [Part::Word(word), Part::Number(rounds, at), ..] = parts
            && word.text.eq_ignore_ascii_case("iterations")
            && *rounds > MOST_ITERATIONS
        {
            report.error(at, format!("dnssec-policy: nsec3 iterations value {rounds} out of range"));
        }
    }
}

fn check_view_names(top: &Body, report: &mut Report) {
    for (setting, name, _) in named(top, "view").filter(|(_, name, _)| ["_bind", "_default"].contains(name)) {
        report.error(&setting.position, format!("attempt to redefine builtin view '{name}'"));
    }
}

/// Keys that named would trust.
pub(super) fn check_trust(body: &Body, report: &mut Report) {
    for (_, parts) in parts(body, "trusted-keys") {
        parts.iter().filter_map(Part::item).for_each(|item| check_anchor(item, "static-key", report));
    }
    for (_, parts) in ["trust-anchors", "managed-keys"].into_iter().flat_map(|name| parts(body, name)) {
        let mut kinds: HashMap<Name, (bool, &Position)> = HashMap::new();
        for item in parts.iter().filter_map(Part::item) {
            let kind = item.get(1).and_then(Part::word).map_or("", |token| token.text.as_str());
            check_anchor(item, kind, report);
            let Some(token) = item.first().and_then(Part::word) else { continue };
            let Ok(name) = token.text.parse() else { continue };
            let is_static = kind.to_ascii_lowercase().starts_with("static");
            let (was_static, earlier) = kinds.entry(name).or_insert((is_static, &token.position));
            if *was_static != is_static {
                let message = "static and initializing keys cannot be used for the same domain";
                report.error(&token.position, format!("{message}. static key defined at {earlier}"));
            }
        }
    }
    if let (Some(_), Some(old)) = (body.find("trust-anchors"), body.find("managed-keys")) {
        let message = "use of managed-keys is not allowed when trust-anchors is also in use";
        report.error(&old.value_position, message);
    }
}

/// `NAME [KIND] FLAGS PROTOCOL ALGORITHM "KEY"`, or of a DS its tag, algorithm and digest type.
fn check_anchor(item: &[Part], kind: &str, report: &mut Report) {
    let is_ds = kind.to_ascii_lowercase().ends_with("-ds");
    let what: [(&str, u32); 3] = match is_ds {
        true => [("key tag", 65_535), ("algorithm", 255), ("digest type", 255)],
        false => [("flags", 65_535), ("protocol", 255), ("algorithm", 255)],
    };
    let Some(name) = item.first().and_then(Part::word) else { return };
    if name.text.parse::<Name>().is_err() {
        return report.error(&name.position, format!("bad key name: '{}' is no name", excerpt(&name.text)));
    }
    let numbers = item.iter().filter_map(|part| match part {
        Part::Number(number, at) => Some((*number, at)),
        _ => None,
    });
    for ((number, at), (what, most)) in numbers.zip(what) {
        if number > most {
            report.error(at, format!("{what} too big: {number}"));
        }
    }
    let Some(key) = item.last().and_then(Part::word) else { return };
    let octets: String = key.text.split_whitespace().collect();
    let is_hex = octets.len().is_multiple_of(2) && octets.bytes().all(|octet| octet.is_ascii_hexdigit());
    if is_ds && !is_hex {
        error_at(report, &key.position, "bad hex encoding".to_owned(), "pairs of 0-9 and A-F");
    } else if !is_ds && values::secret(&octets).is_err() {
        error_at(report, &key.position, "bad base64 encoding".to_owned(), "as in the DNSKEY record");
    }
}

/// Statement, its bounds, and how named words what is outside of them.
const RATES: &[(&str, RangeInclusive<u32>)] = &[
    ("all-per-second", 0..=1000),
    ("errors-per-second", 0..=1000),
    ("nodata-per-second", 0..=1000),
    ("nxdomains-per-second", 0..=1000),
    ("referrals-per-second", 0..=1000),
    ("responses-per-second", 0..=1000),
    ("slip", 0..=10),
    ("window", 1..=3600),
    ("ipv4-prefix-length", 1..=32),
    ("ipv6-prefix-length", 16..=64),
    ("qps-scale", 1..=u32::MAX),
];

fn check_rate_limit(limits: &Body, report: &mut Report) {
    for (name, bounds) in RATES {
        let Some(Setting { value: Value::Number(number), value_position: at, .. }) = limits.find(name) else {
            continue;
        };
        if bounds.contains(number) {
            continue;
        }
        let (least, most) = (bounds.start(), bounds.end());
        let message = match *name {
            "ipv4-prefix-length" | "qps-scale" => format!("invalid '{name} {number}'"),
            "window" | "ipv6-prefix-length" => format!("{name} {number} < {least} or > {most}"),
            _ => format!("{name} {number} > {most}"),
        };
        error_at(report, at, message, &format!("{least}..{most}"));
    }
}

fn check_dns64(setting: &Setting, report: &mut Report) {
    let Value::Server { prefix, .. } = &setting.value else { return };
    if prefix.addr().is_ipv4() {
        report.error(&setting.position, format!("dns64 prefix {prefix} must be IPv6"));
    } else if ![32, 40, 48, 56, 64, 96].contains(&prefix.prefix_len()) {
        report.error(&setting.position, format!("dns64 prefix {prefix} length is not 32/40/48/56/64/96"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::named_conf::grammar;

    #[test]
    fn every_bound_is_of_a_statement_that_is_there() {
        for (name, _) in RATES {
            assert!(grammar::find(name, grammar::RATE_LIMIT).is_some(), "{name}");
        }
    }
}
