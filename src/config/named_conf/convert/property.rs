//! Configurations out of the grammar's own examples and of random values: printed and converted, they say the same, and no
//! comment is lost.

use std::collections::HashSet;

use proptest::prelude::*;

use crate::config::files::NoFiles;
use crate::config::named_conf::grammar::{self, PLACES, Places, Support};
use crate::config::named_conf::{Document, Secrets};

/// Statements that cannot stand beside others, or need more than their example.
const ALONE: &[&str] =
    &["include", "options", "view", "zone", "logging", "type", "file", "forward", "acl", "key", "in-view"];

/// Examples of a place, with the name of each.
fn examples(place: Places) -> Vec<(String, String)> {
    assert!(PLACES.iter().any(|(known, _)| *known == place), "one place");
    let is_usable = |row: &&grammar::Row| {
        row.places & place != 0
            && !matches!(row.support, Support::Refused(_) | Support::Part)
            && !ALONE.contains(&row.name)
    };
    grammar::rows().filter(is_usable).map(|row| (row.name.to_owned(), row.example.to_owned())).collect()
}

fn element() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "any",
        "none",
        "localhost",
        "localnets",
        "inner",
        "\"odd name\"",
        "key k",
        "10/8",
        "192.0.2.1",
        "2001:db8::/32",
        "::1",
    ]);
    let leaf = leaf.prop_map(str::to_owned);
    let nested = leaf.prop_recursive(3, 12, 4, |inner| {
        prop::collection::vec(inner, 0..4).prop_map(|list| format!("{{ {} }}", joined(&list)))
    });
    (any::<bool>(), nested).prop_map(|(negated, element)| if negated { format!("!{element}") } else { element })
}

fn joined(list: &[String]) -> String {
    list.iter().map(|element| format!("{element}; ")).collect()
}

fn list() -> impl Strategy<Value = String> {
    prop::collection::vec(element(), 0..5).prop_map(|list| format!("{{ {} }}", joined(&list)))
}

/// Without keys, which match no address.
fn addresses() -> impl Strategy<Value = String> {
    list().prop_map(|list| list.replace("key k", "any").replace("inner", "plain"))
}

fn forwarders() -> impl Strategy<Value = String> {
    let one = (1..255u8, prop::option::of(1..u16::MAX)).prop_map(|(host, port)| {
        let port = port.map(|port| format!(" port {port}")).unwrap_or_default();
        format!("10.1.0.{host}{port}")
    });
    (prop::option::of(1..u16::MAX), prop::collection::vec(one, 0..5)).prop_map(|(port, list)| {
        let port = port.map(|port| format!("port {port} ")).unwrap_or_default();
        format!("forwarders {port}{{ {} }};", joined(&list))
    })
}

/// Statements with values of their own, with the name of each.
fn valued() -> impl Strategy<Value = (String, String)> {
    prop_oneof![
        forwarders().prop_map(|text| ("forwarders".to_owned(), text)),
        (prop::sample::select(vec!["allow-query", "allow-query-cache", "allow-recursion"]), list())
            .prop_map(|(name, list)| (name.to_owned(), format!("{name} {list};"))),
        (prop::sample::select(vec!["max-cache-ttl", "max-ncache-ttl", "min-cache-ttl", "stale-answer-ttl"]), 0..90u32)
            .prop_map(|(name, time)| (name.to_owned(), format!("{name} {time};"))),
        (0..400u32).prop_map(|time| ("resolver-query-timeout".to_owned(), format!("resolver-query-timeout {time};"))),
        (0..20u32, 0..30u32).prop_map(|(one, other)| ("prefetch".to_owned(), format!("prefetch {one} {other};"))),
        any::<bool>().prop_map(|on| ("stale-cache-enable".to_owned(), format!("stale-cache-enable {on};"))),
        any::<bool>().prop_map(|on| ("stale-answer-enable".to_owned(), format!("stale-answer-enable {on};"))),
        any::<bool>().prop_map(|on| ("recursion".to_owned(), format!("recursion {on};"))),
        "[ -~]{0,20}"
            .prop_map(|text| ("version".to_owned(), format!("version \"v{}\";", text.replace(['"', '\\'], "")))),
    ]
}

/// Statements for a block of this place, each name once, in any order.
fn statements(place: Places) -> impl Strategy<Value = Vec<String>> {
    let examples = examples(place);
    let most = examples.len().min(7);
    let examples = prop::sample::subsequence(examples, 0..=most).prop_shuffle();
    (examples, prop::collection::vec(valued(), 0..5)).prop_map(move |(examples, valued)| {
        let known = |name: &str| grammar::find(name, place).is_some_and(|row| row.support == Support::Honoured);
        let valued = valued.into_iter().filter(|(name, _)| known(name));
        let mut seen = HashSet::new();
        valued.chain(examples).filter(|(name, _)| seen.insert(name.clone())).map(|(_, text)| text).collect()
    })
}

/// Zones of both kinds, named by number.
fn zones() -> impl Strategy<Value = Vec<String>> {
    let forward = (statements(grammar::FORWARD), forwarders()).prop_map(|(rest, forwarders)| {
        let rest = rest.into_iter().filter(|statement| !statement.starts_with("forward"));
        ("type forward;".to_owned(), std::iter::once(forwarders).chain(rest).collect::<Vec<_>>())
    });
    let primary = statements(grammar::PRIMARY).prop_map(|rest| ("type primary; file \"FILE\";".to_owned(), rest));
    prop::collection::vec(prop_oneof![forward, primary], 0..4).prop_map(|zones| {
        let zone = |(at, (head, rest)): (usize, (String, Vec<String>))| {
            let head = head.replace("FILE", &format!("file{at}"));
            format!("zone z{at} {{ {head}\n{}\n}};", rest.join("\n"))
        };
        zones.into_iter().enumerate().map(zone).collect()
    })
}

fn document() -> impl Strategy<Value = String> {
    let view = (statements(grammar::VIEW), zones()).prop_map(|(statements, zones)| {
        format!(
            "{{ match-clients {{ plain; }};\n{}\n{}\n}};",
            statements.join("\n"),
            zones.join("\n").replace("file", "FILE")
        )
    });
    let views = prop::collection::vec(view, 0..3);
    let acls = (list(), addresses());
    (statements(grammar::OPTIONS), acls, views, zones(), any::<[bool; 2]>()).prop_map(
        |(options, (inner, plain), views, zones, [first, log])| {
            let inner = inner.replace("inner", "plain").replace("\"odd name\"", "any");
            let plain = plain.replace("plain", "any").replace("\"odd name\"", "any");
            let options = format!("options {{\n{}\n}};", options.join("\n"));
            let acls = format!("acl plain {plain};\nacl inner {inner};\nacl \"odd name\" {{ plain; }};");
            let key = "key k {\nalgorithm hmac-sha256;\nsecret \"c2VjcmV0\";\n};";
            let mut parts = vec![acls, key.to_owned()];
            parts.insert(if first { 0 } else { 2 }, options);
            if log {
                parts.push("logging {\nchannel c {\nfile \"l\" versions 3 size 5m;\nprint-time yes;\n};\ncategory default { c; null; };\n};".to_owned());
            }
            match views.is_empty() {
                true => parts.extend(zones),
                false => {
                    let file = |at: usize, view: &str| view.replace("FILE", &format!("v{at}file"));
                    parts.extend(views.iter().enumerate().map(|(at, view)| format!("view v{at} {}", file(at, view))));
                }
            }
            parts.join("\n")
        },
    )
}

/// Puts a numbered comment behind lines, by `chosen`, in one of the three forms.
fn commented(text: &str, chosen: &[u8]) -> (String, usize) {
    let mut count = 0;
    let line = |(at, line): (usize, &str)| {
        let form = chosen.get(at % chosen.len().max(1)).copied().unwrap_or(0) % 8;
        let comment = match form {
            1 => format!(" // c{count}."),
            2 => format!("\n\t# c{count}."),
            3 => format!(" /* c{count}. */"),
            4 => format!("\n\n/* c{count}.\n * more */\n"),
            _ => return line.to_owned(),
        };
        count += 1;
        format!("{line}{comment}")
    };
    let lines: Vec<_> = text.lines().enumerate().map(line).collect();
    (lines.join("\n"), count)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_global_rejects: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_and_converted_says_the_same(text in document(), chosen in prop::collection::vec(any::<u8>(), 1..40)) {
        let (text, count) = commented(&text, &chosen);
        let document = Document::read(&text, "x.conf", &NoFiles);
        // Some examples contradict each other.
        prop_assume!(document.result.is_ok());
        let config = document.result.as_ref().expect("as assumed").config.without_positions();
        let printed = document.print(Secrets::Shown);
        let again = Document::read(&printed, "y.conf", &NoFiles);
        match &again.result {
            Ok(again) => prop_assert!(config == again.config.without_positions(), "{text}\n{printed}"),
            Err(found) => prop_assert!(false, "{text}\n{printed}\n{found:#?}"),
        }
        match document.to_toml(&NoFiles) {
            Ok(toml) => {
                for number in 0..count {
                    let times = toml.matches(&format!(" c{number}.")).count();
                    prop_assert_eq!(times, 1, "c{}: {}\n{}", number, text, toml);
                }
            }
            Err(found) => {
                let told: Vec<_> = found.iter().map(ToString::to_string).collect();
                prop_assert!(false, "{text}\n{}", told.join("\n"));
            }
        }
    }
}
