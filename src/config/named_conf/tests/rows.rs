//! Every row of the grammar in every place, by its example.

use super::{errors, read_good};
use crate::config::files::NoFiles;
use crate::config::named_conf::grammar::{self, PLACES, Places, Row, Support, UNSERVED};
use crate::config::named_conf::parse;
use crate::config::{Diagnostic, Level, Loaded, Topic};

/// What zones inherit shows in a zone alone.
const ZONE: &str = "zone z { type primary; file \"db\"; };";

/// The smallest text that has a statement in this place.
pub(in crate::config::named_conf) fn within(place: Places, name: &str, statement: &str) -> String {
    match place {
        grammar::TOP if name == "server" => format!("options {{ forwarders {{ 192.0.2.1; }}; }}; {statement}"),
        grammar::VIEW if name == "server" => format!("view v {{ forwarders {{ 192.0.2.1; }}; {statement} }};"),
        grammar::TOP => statement.to_owned(),
        grammar::OPTIONS if is_inherited(name) => format!("options {{ {statement} }}; {ZONE}"),
        grammar::VIEW if is_inherited(name) => format!("view v {{ {statement} {ZONE} }};"),
        grammar::OPTIONS if is_of_empty_zones(name) => format!("options {{ empty-zones-enable yes; {statement} }};"),
        grammar::VIEW if is_of_empty_zones(name) => format!("view v {{ empty-zones-enable yes; {statement} }};"),
        grammar::OPTIONS => format!("options {{ {statement} }};"),
        grammar::VIEW => format!("view v {{ {statement} }};"),
        grammar::FORWARD => match name {
            "type" => format!("zone z {{ {statement} }};"),
            "forward" | "forwarders" => format!("zone z {{ type forward; {statement} }};"),
            _ => format!("zone z {{ type forward; forwarders {{ 192.0.2.9; }}; {statement} }};"),
        },
        grammar::PRIMARY if name == "file" => format!("zone z {{ type primary; {statement} }};"),
        grammar::PRIMARY => format!("zone z {{ type primary; file \"db\"; {statement} }};"),
        grammar::KEY if name == "algorithm" => format!("key k {{ secret \"c2VjcmV0\"; {statement} }};"),
        grammar::KEY => format!("key k {{ algorithm hmac-sha256; {statement} }};"),
        grammar::HINT if name == "file" => format!("zone . {{ type hint; {statement} }};"),
        grammar::HINT => format!("zone . {{ type hint; file \"db\"; {statement} }};"),
        grammar::LOGGING => format!("logging {{ {statement} }};"),
        grammar::CHANNEL => match name {
            "file" | "syslog" | "null" | "stderr" => format!("logging {{ channel c {{ {statement} }}; }};"),
            _ => format!("logging {{ channel c {{ null; {statement} }}; }};"),
        },
        grammar::SERVER if name.ends_with("-source-v6") => {
            format!("options {{ forwarders {{ 2001:db8::9; }}; }}; server 2001:db8::/32 {{ {statement} }};")
        }
        grammar::CONTROLS => format!("controls {{ {statement} }};"),
        grammar::SECONDARY => unserved("secondary", name, statement),
        grammar::MIRROR => unserved("mirror", name, statement),
        grammar::STUB => unserved("stub", name, statement),
        grammar::STATIC_STUB => unserved("static-stub", name, statement),
        grammar::REDIRECT => unserved("redirect", name, statement),
        grammar::DELEGATION_ONLY => unserved("delegation-only", name, statement),
        grammar::RATE_LIMIT => format!("options {{ rate-limit {{ {statement} }}; }};"),
        grammar::DNS64 => format!("options {{ dns64 64:ff9b::/96 {{ {statement} }}; }};"),
        grammar::DNSSEC_POLICY => format!("dnssec-policy p {{ {statement} }};"),
        grammar::KEY_STORE => format!("key-store k {{ {statement} }};"),
        grammar::TLS => format!("tls t {{ {statement} }};"),
        grammar::HTTP => format!("http h {{ {statement} }};"),
        grammar::DLZ => format!("dlz d {{ {statement} }};"),
        grammar::SERVER => format!("options {{ forwarders {{ 192.0.2.9; }}; }}; server 192.0.2.9 {{ {statement} }};"),
        grammar::STATISTICS => format!("statistics-channels {{ {statement} }};"),
        _ => panic!("{place} is no single place"),
    }
}

/// The same place without the statement, or with what else makes it valid.
fn without(place: Places, name: &str) -> String {
    match (place, name) {
        (grammar::FORWARD, "type" | "forward" | "forwarders") => String::new(),
        (grammar::CHANNEL, "null") => within(place, name, "stderr;"),
        (grammar::CHANNEL, "file" | "syslog" | "stderr") => within(place, name, "null;"),
        (grammar::PRIMARY | grammar::HINT, "file") => within(place, name, "file \"other\";"),
        (grammar::KEY, "algorithm") => within(place, name, "algorithm hmac-sha256;"),
        (grammar::KEY, "secret") => within(place, name, "secret \"c2VjcmV0\";"),
        _ => within(place, name, ""),
    }
}

/// A zone of a type that is refused.
fn unserved(kind: &str, name: &str, statement: &str) -> String {
    let primaries = if matches!(name, "primaries" | "masters") { "" } else { "primaries { 192.0.2.9; };" };
    match (kind, name) {
        (_, "type") => format!("zone . {{ {statement} }};"),
        ("static-stub" | "delegation-only", _) => format!("zone z {{ type {kind}; {statement} }};"),
        _ => format!("zone . {{ type {kind}; {primaries} {statement} }};"),
    }
}

fn is_inherited(name: &str) -> bool {
    ["allow-update", "max-journal-size", "zone-statistics"].contains(&name)
}

fn is_of_empty_zones(name: &str) -> bool {
    ["disable-empty-zone", "empty-server", "empty-contact"].contains(&name)
}

fn check_row(row: &Row, place: Places) {
    let text = within(place, row.name, row.example);
    let read = parse(&text, "x.conf", &NoFiles);
    if place & UNSERVED != 0 {
        let errors = errors(&text);
        assert!(errors.len() == 1 && errors[0].contains("is refused: zones of this type"), "{text}: {errors:?}");
        return;
    }
    match row.support {
        Support::Honoured => {
            let loaded = read.unwrap_or_else(|found| panic!("{text}: {found:?}"));
            let disclaims = |warning: &Diagnostic| warning.topic == Some(Topic::NotHonoured);
            assert!(!loaded.warnings.iter().any(disclaims), "{text}");
            assert!(
                loaded.config != read_good(&without(place, row.name), &NoFiles).config,
                "{text}: it changes nothing"
            );
        }
        Support::Ignored(instead) => {
            let loaded = read.unwrap_or_else(|found| panic!("{text}: {found:?}"));
            let expected = format!("'{}' is ignored: {instead}", row.name);
            let said = loaded.warnings.iter().filter(|warning| warning.message == expected);
            let said = said.filter(|warning| warning.topic == Some(Topic::NotHonoured)).count();
            // Nothing in a hint zone is of use; nothing is said of it.
            assert_eq!(said, usize::from(place != grammar::HINT), "{text}: {:?}", loaded.warnings);
            assert!(
                loaded.config == read_good(&without(place, row.name), &NoFiles).config,
                "{text}: it changes something"
            );
        }
        Support::Part => {
            let around = parse(&without(place, row.name), "x.conf", &NoFiles);
            let messages = |read: Result<Loaded, Vec<Diagnostic>>| match read {
                Ok(loaded) => loaded.warnings.into_iter().map(|warning| warning.message).collect(),
                Err(found) => found.into_iter().map(|error| error.message).collect::<Vec<_>>(),
            };
            assert_eq!(messages(read), messages(around), "{text}: the block around it says all");
        }
        Support::Refused(why) => {
            let expected = format!("'{}' is refused: {why}", row.name);
            let found = read.expect_err("a refused statement is an error");
            let is_it = found.iter().any(|error| error.level == Level::Error && error.message == expected);
            assert!(is_it, "{text}: {found:?}");
        }
    }
    for value in row.moot {
        let warnings = read_good(&within(place, row.name, &format!("{} {value};", row.name)), &NoFiles).warnings;
        let named = format!("'{}' is", row.name);
        let is_named = warnings.iter().any(|warning| warning.message.contains(&named));
        assert!(!is_named, "{text}: {value} is moot: {warnings:?}");
    }
}

#[test]
fn every_row_does_what_it_says_in_every_place() {
    for row in grammar::rows() {
        for &(place, _) in PLACES.iter().filter(|(place, _)| row.places & place != 0) {
            match (row.name, place) {
                // They have their own tests.
                ("include" | "in-view", _) => {}
                // The one value that is not refused is the default.
                ("cookie-algorithm", _) => assert_eq!(errors(&within(place, row.name, row.example)), [""; 0]),
                // Its example is a forward zone; the stock files have the others.
                ("type", _) if place != grammar::FORWARD => {}
                _ => check_row(row, place),
            }
        }
    }
}

#[test]
fn no_place_has_a_statement_twice() {
    for (at, row) in grammar::rows().enumerate() {
        let twin =
            grammar::rows().take(at).find(|earlier| earlier.name == row.name && earlier.places & row.places != 0);
        assert!(twin.is_none(), "{}", row.name);
    }
}
