//! What named-checkconf 9.18 says of primary zones, keys and update policies, and that we say the same.
//!
//! For each snippet: both accept it, or both refuse it with the same first line. Where the words differ, or where we
//! refuse what named would do and this server does not, the snippet stands in a list of its own.

mod common;

use std::fs;
use std::process::Command;

use common::program;
use tandem::config::files::NoFiles;
use tandem::config::{Diagnostic, Level, named_conf};

const KEY: &str = "key k { algorithm hmac-sha256; secret \"c2VjcmV0\"; };";

/// The first error of named-checkconf; `None`: it accepts the text.
fn named(text: &str) -> Option<String> {
    let directory = tempfile::tempdir().expect("a directory of the test");
    fs::write(directory.path().join("x.conf"), text).expect("the test's directory is writable");
    let mut command = Command::new(program("named-checkconf", "bind9-utils"));
    let output = command.arg("x.conf").current_dir(directory.path()).output().expect("named-checkconf runs");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (!output.status.success()).then(|| said.lines().next().unwrap_or_default().to_owned())
}

/// Our first error, without hint.
fn ours(text: &str) -> Option<String> {
    let found = named_conf::parse(text, "x.conf", &NoFiles).err()?;
    let first = found.into_iter().find(|found| found.level == Level::Error)?;
    Some(Diagnostic { hint: None, ..first }.to_string())
}

fn zone(rest: &str) -> String {
    format!("{KEY}\nzone z {{ type primary; file \"db\"; {rest} }};\n")
}

fn policy(rules: &str) -> String {
    zone(&format!("update-policy {{ {rules} }};"))
}

#[test]
fn the_verdict_and_the_first_error_are_named_s() {
    let keys = [
        "algorithm hmac-sha256; secret \"c2VjcmV0\";",
        "secret c2VjcmV0; algorithm HMAC-SHA512;",
        "algorithm \"hmac-sha384\"; secret \"c2Vj cmV0\";",
        "algorithm hmac-sha256;",
        "secret \"c2VjcmV0\";",
        "",
        "algorithm hmac-sha256; secret \"c2VjcmV0*\";",
        "algorithm hmac-sha256; secret \"c2VjcmV\";",
        "algorithm hmac-foo; secret \"c2VjcmV0\";",
        "algorithm \"hmac-sha512.\"; secret \"c2VjcmV0\";",
        "algorithm hmac-sha256; secret \"c2VjcmV0\"; secret \"c2VjcmV0\";",
        "algorithm hmac-sha256; secret \"c2VjcmV0\"; foo;",
    ]
    .map(|body| format!("key k {{ {body} }};\n"));
    let names = [
        format!("{KEY}\nkey k. {{ algorithm hmac-sha256; secret \"c2VjcmV0\"; }};\n"),
        format!("{KEY}\nview v {{ key K {{ algorithm hmac-sha256; secret \"c2VjcmV0\"; }}; }};\n"),
        "view v { key k { algorithm hmac-sha256; secret \"c2VjcmV0\"; }; };\n".to_owned(),
        "key \"a..b\" { algorithm hmac-sha256; secret \"c2VjcmV0\"; };\n".to_owned(),
    ];
    let zones = [
        "",
        "allow-update { key k; };",
        "allow-update { any; };",
        "allow-update { none; };",
        "allow-update { !{ !10/8; any; }; key k; };",
        "allow-update { nobody; };",
        "allow-update { key k; } allow-query { any; };",
        "allow-update { none; }; update-policy { grant k zonesub ANY; };",
        "update-policy foo;",
        "update-policy { };",
        "journal \"z.jnl\"; max-journal-size 1M;",
        "journal z.jnl;",
        "max-journal-size lots;",
        "max-journal-size unlimited; allow-query { 10/8; };",
        "masters { 192.0.2.1; };",
        "recursion no;",
        "allow-update-forwarding { any; };",
        "transfer-source *;",
        "check-mx warn; check-integrity yes; serial-update-method increment; zero-no-soa-ttl yes;",
        "masterfile-format map;",
        "file \"other\";",
    ]
    .map(zone);
    let policies = [
        "grant k zonesub;",
        "grant k zonesub ANY;",
        "grant k name a.z A AAAA; deny * wildcard * ANY;",
        "deny k subdomain a.z.;",
        "grant k wildcard a.z A;",
        "grant k self k A;",
        "grant k self . A;",
        "grant k self a.z A;",
        "grant * self * A;",
        "grant *.z selfsub *.z A;",
        "grant k self;",
        "grant k name a.z FOO;",
        "grant k name a.z TYPE65280;",
        "grant k subdomain a.z NSEC;",
        "grant k subdomain other. A;",
        "grant k foo a.z A;",
        "allow k name a.z A;",
        "grant a..b name a.z A;",
        "grant k name a..z A;",
        "grant k name;",
        "grant k;",
        "grant;",
        "grant \"k\" \"name\" a.z;",
    ]
    .map(policy);
    let others = [
        "zone z { type primary; };\n".to_owned(),
        "zone z { type master; file \"db\"; };\nzone Z. { type forward; forwarders { 192.0.2.1; }; };\n".to_owned(),
        "options { update-policy { grant k zonesub ANY; }; };\n".to_owned(),
        "options { allow-update { any; }; };\nzone z { type primary; file \"db\"; };\n".to_owned(),
        "zone a { type primary; file \"db\"; };\nzone b { type primary; file \"db\"; };\n".to_owned(),
        format!(
            "{KEY}\nzone a {{ type primary; file \"db\"; }};\n\
             zone b {{ type primary; file \"db\"; allow-update {{ key k; }}; }};\n"
        ),
    ];
    let mut differing = Vec::new();
    let mut count = 0;
    for text in keys.iter().chain(&names).chain(&zones).chain(&policies).chain(&others) {
        count += 1;
        let (theirs, ours) = (named(text), ours(text));
        if theirs != ours {
            differing.push(format!("{text}named: {theirs:?}\nours:  {ours:?}\n"));
        }
    }
    assert!(differing.is_empty(), "{} of {count}:\n{}", differing.len(), differing.join("\n"));
}

#[test]
fn what_both_refuse_in_other_words_is_listed() {
    let text = policy("grant k zonesub ANY");
    let (named, ours) = (named(&text).unwrap_or_default(), ours(&text).unwrap_or_default());
    assert!(named.contains("expected string near '}'") && ours.contains("missing ';' before '}'"), "{named}\n{ours}");
}

#[test]
fn what_named_takes_and_we_refuse_is_listed() {
    let key = |algorithm: &str| format!("key k {{ algorithm {algorithm}; secret \"c2VjcmV0\"; }};\n");
    let cases = [
        (key("hmac-md5-80"), "'hmac-md5-80' is refused"),
        (key("hmac-sha256-128"), "'hmac-sha256-128' is refused"),
        ("key k { algorithm hmac-sha256; secret \"\"; };\n".to_owned(), "bad secret"),
        (zone("update-policy local;"), "'local' is refused"),
        (policy("grant k selfwild k A;"), "'selfwild' is refused"),
        (policy("grant k tcp-self . PTR;"), "'tcp-self' is refused"),
        (policy("grant k 6to4-self . PTR;"), "'6to4-self' is refused"),
        (policy("grant k external x ANY;"), "'external' is refused"),
        (policy("grant k krb5-self . A;"), "'krb5-self' is refused"),
        (policy("grant k ms-subdomain . A;"), "'ms-subdomain' is refused"),
        (policy("grant k name a.z PTR(1);"), "'PTR(1)' is refused"),
        (zone("inline-signing yes;"), "'inline-signing' is refused"),
        (zone("masterfile-format raw;"), "'masterfile-format' is refused"),
        (zone("database \"rbt\";"), "'database' is refused"),
        ("zone . { type primary; file \"db\"; };\n".to_owned(), "type primary is refused"),
    ];
    for (text, expected) in cases {
        assert_eq!(named(&text), None, "{text}");
        let ours = ours(&text).unwrap_or_default();
        assert!(ours.contains(expected), "{text}{ours}");
    }
}
