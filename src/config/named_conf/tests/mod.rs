//! The reader as a whole: messages as named-checkconf 9.18 prints them, every row of the grammar, whole files.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::*;
use crate::config::*;

mod files;
pub(super) mod rows;
mod zones;

/// Files in memory.
#[derive(Default)]
struct Memory(HashMap<PathBuf, String>);

impl Memory {
    fn new(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|&(path, text)| (path.into(), text.to_owned())).collect())
    }
}

impl Files for Memory {
    fn read(&self, path: &Path, _: u64) -> io::Result<Vec<u8>> {
        self.0.get(path).map(|text| text.clone().into_bytes()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let inside = self.0.keys().filter(|path| path.parent() == Some(directory));
        Ok(inside.filter_map(|path| path.file_name()?.to_str().map(str::to_owned)).collect())
    }
}

/// What a text becomes, with what nothing serves yet.
fn read_good(text: &str, reader: &dyn Files) -> Loaded {
    parse(text, "x.conf", reader).unwrap_or_else(|found| panic!("{text}: {found:?}"))
}

/// What is wrong, without hints.
fn errors(text: &str) -> Vec<String> {
    errors_with(text, &NoFiles)
}

fn errors_with(text: &str, disk: &dyn Files) -> Vec<String> {
    let found = parse(text, "x.conf", disk).err().unwrap_or_default();
    let errors = found.into_iter().filter(|diagnostic| diagnostic.level == Level::Error);
    errors.map(|diagnostic| Diagnostic { hint: None, ..diagnostic }.to_string()).collect()
}

/// The configuration and its warnings, without hints, of a text that has to be right.
fn good(text: &str) -> (Config, Vec<String>) {
    let loaded = parse(text, "x.conf", &NoFiles).unwrap_or_else(|found| panic!("{text}: {found:?}"));
    (loaded.config, loaded.warnings.iter().map(ToString::to_string).collect())
}

fn config(text: &str) -> Config {
    good(text).0
}

#[test]
fn errors_are_worded_as_by_named_checkconf() {
    let cases: &[(&str, &[&str])] = &[
        (
            "options {\n recursion yes\n recursion no;\n};\n",
            &["x.conf:3: missing ';' before 'recursion'", "x.conf:3: 'recursion' redefined near 'recursion'"],
        ),
        ("options {\n recursion yes;\n}\n", &["x.conf:4: missing ';' before end of file"]),
        ("options {\n recursion yes;\n", &["x.conf:3: '}' expected near end of file"]),
        (
            "options { recursion yes",
            &["x.conf:1: missing ';' before end of file", "x.conf:1: '}' expected near end of file"],
        ),
        (
            "foo bar;\noptions { foo 1; forwardrs { 1.2.3.4; }; };\nbaz { a; b { c; }; };\n",
            &[
                "x.conf:1: unknown option 'foo'",
                "x.conf:2: unknown option 'foo'",
                "x.conf:2: unknown option 'forwardrs'",
                "x.conf:3: unknown option 'baz'",
            ],
        ),
        ("options { recursion maybe; };", &["x.conf:1: boolean expected near 'maybe'"]),
        ("options { recursion; };", &["x.conf:1: boolean expected near ';'"]),
        ("options { recursion \"maybe\"; };", &["x.conf:1: boolean expected near '\"'"]),
        ("options { recursion yes; \nrecursion no; };", &["x.conf:2: 'recursion' redefined near 'recursion'"]),
        ("options { recursion YES; Recursion no; };", &["x.conf:1: 'recursion' redefined near 'Recursion'"]),
        ("options { };\noptions { };", &["x.conf:2: 'options' redefined near 'options'"]),
        (
            "options { aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd 1; recursion aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd; };",
            &[
                "x.conf:1: unknown option 'aaaaaaaaaabbbbbbbbbbcccccccccc...'",
                "x.conf:1: boolean expected near 'aaaaaaaaaabbbbbbbbbbcccccccccc...'",
            ],
        ),
        ("options { allow-query { goodclients; }; };", &["x.conf:1: undefined ACL 'goodclients'"]),
        (
            "acl a { 1.2.3.4; };\nacl a { any; };\nacl any { none; };",
            &[
                "x.conf:2: attempt to redefine acl 'a' previous definition: x.conf:1",
                "x.conf:3: attempt to redefine builtin acl 'any'",
            ],
        ),
        ("acl a { b; };\nacl b { a; };\noptions { allow-query { a; }; };", &["x.conf:2: acl loop detected: a"]),
        ("acl a { 10.0.0.1/8; };", &["x.conf:1: '10.0.0.1/8': address/prefix length mismatch '8'"]),
        ("acl a { fe80::1/64; };", &["x.conf:1: 'fe80::1/64': address/prefix length mismatch '64'"]),
        ("acl a { 8.8.8; };", &["x.conf:1: incomplete IPv4 address or prefix near ';'"]),
        ("acl a { 10.0.0.0/33; };", &["x.conf:1: invalid prefix length '33'"]),
        ("acl a { 10.0.0.0/8.; };", &["x.conf:1: expected prefix length near '8.'"]),
        ("acl a { 10.0.0.0/; };", &["x.conf:1: expected prefix length near ';'"]),
        (
            "acl a { 10./8; };",
            &["x.conf:1: missing ';' before '/'", "x.conf:1: expected IP match list element near '/'"],
        ),
        ("acl a { { } };", &["x.conf:1: missing ';' before '}'"]),
        ("acl a { ; };", &["x.conf:1: expected IP match list element near ';'"]),
        ("acl a { !; };", &["x.conf:1: expected IP match list element near ';'"]),
        ("acl a { 1.1.1.1 2.2.2.2; };", &["x.conf:1: missing ';' before '2.2.2.2'"]),
        ("options { allow-query { 256.1.1.1; }; };", &["x.conf:1: undefined ACL '256.1.1.1'"]),
        ("options { allow-query any; };", &["x.conf:1: '{' expected near 'any'"]),
        ("acl;", &["x.conf:1: expected string near ';'"]),
        ("acl a;", &["x.conf:1: '{' expected near ';'"]),
        ("acl \"a\" { any; } foo;", &["x.conf:1: missing ';' before 'foo'", "x.conf:1: unknown option 'foo'"]),
        ("};", &["x.conf:1: syntax error near '}'"]),
        (";", &["x.conf:1: syntax error near ';'"]),
        ("options { recursion yes; };;", &["x.conf:1: syntax error near ';'"]),
        ("options { recursion yes; };\n}\n", &["x.conf:2: syntax error near '}'"]),
        ("\"options\" { };", &["x.conf:1: syntax error near '\"'"]),
        ("options { ; };", &["x.conf:1: '}' expected near ';'"]),
        ("options { { }; };", &["x.conf:1: '}' expected near '{'"]),
        ("options foo { };", &["x.conf:1: '{' expected near 'foo'"]),
        ("options;", &["x.conf:1: '{' expected near ';'"]),
        ("options { directory /var/tmp; };", &["x.conf:1: expected quoted string near '/'"]),
        ("options { pid-file abc; };", &["x.conf:1: expected quoted string near 'abc'"]),
        ("options { tcp-clients 4294967296; };", &["x.conf:1: out of range"]),
        ("options { tcp-clients -1; };", &["x.conf:1: expected number near '-1'"]),
        ("options { port 70000; };", &["x.conf:1: port '70000' out of range"]),
        ("options { listen-on port 70000 { any; }; };", &["x.conf:1: port value '70000' is out of range"]),
        ("options { listen-on port any { any; }; };", &["x.conf:1: expected number near 'any'"]),
        ("options { max-cache-size 1X; };", &["x.conf:1: expected integer and optional unit or percent near '1X'"]),
        ("options { max-cache-ttl 1x; };", &["x.conf:1: expected ISO 8601 duration or TTL value near '1x'"]),
        ("options { min-cache-ttl 91; };", &["x.conf:1: min-cache-ttl '91' is out of range (0..90)"]),
        ("options {\n max-ncache-ttl\n 8d;\n};", &["x.conf:3: max-ncache-ttl '691200' is out of range (0..604800)"]),
        ("options { cookie-secret \"abc\"; };", &["x.conf:1: cookie-secret: invalid hex string"]),
        (
            "options { cookie-secret \"00112233445566778899aabbccddee\"; };",
            &["x.conf:1: SipHash-2-4 cookie-secret must be 128 bits"],
        ),
        ("options { cookie-algorithm sha1; };", &["x.conf:1: 'sha1' unexpected"]),
        ("options { query-source ::1; };", &["x.conf:1: expected IPv4 address or '*' near '::1'"]),
        ("options { query-source ; };", &["x.conf:1: expected one address and/or port"]),
        ("options { query-source port * port 5; };", &["x.conf:1: expected one address and/or port"]),
        ("options { query-source * dscp 5 dscp 6; };", &["x.conf:1: expected at most one dscp"]),
        ("options { query-source * port * port 5; };", &["x.conf:1: expected at most one port"]),
        ("options { query-source port * *; };", &["x.conf:1: expected 'address' or 'port' near '*'"]),
        (
            "options { query-source * port * dscp 5 *; };",
            &["x.conf:1: missing ';' before '*'", "x.conf:1: unknown option '*'"],
        ),
        (
            "options { rrset-order { order foo; class XX type FOO name \"a..b\" order sorted; }; };",
            &[
                "x.conf:1: rrset-order: invalid order 'foo'",
                "x.conf:1: rrset-order: invalid class 'XX'",
                "x.conf:1: rrset-order: invalid type 'FOO'",
                "x.conf:1: rrset-order: invalid name 'a..b'",
                "x.conf:1: rrset-order: invalid order 'sorted'",
            ],
        ),
        ("options { dnssec-validation maybe; };", &["x.conf:1: boolean expected near 'maybe'"]),
        ("options { forward sometimes; };", &["x.conf:1: 'sometimes' unexpected"]),
        ("options { forward only; };", &["x.conf:1: no matching 'forwarders' statement"]),
        ("zone \"a\"\n{\n type forward;\n forward\n only;\n};", &["x.conf:5: no matching 'forwarders' statement"]),
        ("options { forwarders { 1.2.3.4 port 70000; }; };", &["x.conf:1: port number out of range near '70000'"]),
        ("options { forwarders { 1.2.3.4 port foo; }; };", &["x.conf:1: expected port number or '*' near 'foo'"]),
        (
            "options { forwarders { 1.2.3.4 prt; }; };",
            &["x.conf:1: missing ';' before 'prt'", "x.conf:1: expected IP address near 'prt'"],
        ),
        (
            "options { forwarders { 1.1.1.1/32; }; };",
            &["x.conf:1: missing ';' before '/'", "x.conf:1: expected IP address near '/'"],
        ),
        ("options { forwarders { \"1.1.1.1\"; }; };", &["x.conf:1: expected IP address near '\"'"]),
        ("options { forwarders 1.1.1.1; };", &["x.conf:1: '{' expected near '1.1.1.1'"]),
        ("options { forwarders { !1.1.1.1; }; };", &["x.conf:1: expected IP address near '!'"]),
        (
            "zone \"a.example\" { type forward; };\nzone a.example. IN { type forward; forwarders {}; };",
            &["x.conf:2: zone 'a.example': already exists previous definition: x.conf:1"],
        ),
        (
            "zone \"a..example\" { type forward; forwarders { 1.1.1.1; }; };",
            &["x.conf:1: zone 'a..example': is not a valid name"],
        ),
        ("zone \"\" { type forward; };", &["x.conf:1: zone '': is not a valid name"]),
        (
            "options {\n forwarders { 1.1.1.1;\n };\n};\nzone \".\" {\n type forward;\n forwarders { 1.1.1.1; };\n};",
            &["x.conf:7: forwarders declared in root zone and in general configuration: x.conf:2"],
        ),
        (
            "zone \"a\" {\n type forward; forwarders { 1.1.1.1; };\n file \"x\";\n};",
            &["x.conf:3: option 'file' is not allowed in 'forward' zone 'a'"],
        ),
        (
            "zone \"a\" { type forward; forwarders { 1.1.1.1; }; allow-query { any; }; };",
            &["x.conf:1: option 'allow-query' is not allowed in 'forward' zone 'a'"],
        ),
        (
            "zone \"a\" { type forward; forwarders { 1.1.1.1; }; recursion no; };",
            &["x.conf:1: unknown option 'recursion'"],
        ),
        (
            "zone \"a\" { type forward; type forward; forwarders { 1.1.1.1; }; };",
            &["x.conf:1: 'type' redefined near 'type'"],
        ),
        ("zone \"a\" { forwarders { 1.1.1.1; }; };", &["x.conf:1: zone 'a': type not present"]),
        ("zone \"a\" { type bogus; };", &["x.conf:1: 'bogus' unexpected"]),
        ("zone \"localhost\" { type primary; };", &["x.conf:1: zone 'localhost': missing 'file' entry"]),
        (
            "zone \"a\" CH { type forward; forwarders { 1.1.1.1; }; };",
            &["x.conf:1: zone 'a': class 'CH' does not match view/default class"],
        ),
        ("zone \"a\" XX { type forward; forwarders { 1.1.1.1; }; };", &["x.conf:1: zone 'a': invalid class XX"]),
        ("zone \"a\" IN type forward;", &["x.conf:1: '{' expected near 'type'"]),
        ("zone { type forward; };", &["x.conf:1: expected string near '{'"]),
        (
            "view \"v\" { match-clients { any; }; };\nzone \"a\" { type forward; forwarders { 1.1.1.1; }; };",
            &["x.conf:2: when using 'view' statements, all zones must be in views"],
        ),
        ("view \"v\" { };\nview \"v\" { };", &["x.conf:2: view 'v': already exists previous definition: x.conf:1"]),
        (
            "key k { algorithm hmac-sha256; secret \"YWE=\"; };\nview v { key k { algorithm hmac-sha256; secret \"YWE=\"; }; };",
            &["x.conf:2: key 'k': already exists previous definition: x.conf:1"],
        ),
        ("view \"v\" XX { };", &["x.conf:1: view 'v': invalid class XX"]),
        ("view a { options { }; };", &["x.conf:1: unknown option 'options'"]),
        ("include \"nosuch\";", &["x.conf:1: parsing failed: file not found"]),
        ("include \"nosuch*.conf\";", &["x.conf:1: parsing failed: file not found"]),
        ("include nosuch;", &["x.conf:1: expected quoted string near 'nosuch'"]),
        ("acl a { include \"foo\"; };", &["x.conf:1: missing ';' before '\"'"]),
        ("options { version \"abc; };\n", &["x.conf:2: unexpected end of input"]),
        ("options { };\n/* never closed", &["x.conf:2: unexpected end of input"]),
        ("logging { category default { nosuch; }; };", &["x.conf:1: undefined channel: 'nosuch'"]),
        ("logging { category nosuch { null; }; };", &["x.conf:1: undefined category: 'nosuch'"]),
        (
            "logging { channel a { file \"x\"; syslog; }; channel b { severity info; }; };",
            &[
                "x.conf:1: channel 'a': exactly one of file, syslog, null, and stderr must be present",
                "x.conf:1: channel 'b': exactly one of file, syslog, null, and stderr must be present",
            ],
        ),
        ("logging { channel a { file \"x\" versions many; }; };", &["x.conf:1: expected number near 'many'"]),
        (
            "logging { channel a { file \"x\" size big; }; };",
            &["x.conf:1: expected integer and optional unit near 'big'"],
        ),
        ("logging { channel a { file \"x\" suffix foo; }; };", &["x.conf:1: 'foo' unexpected"]),
        ("logging { channel a { null; severity foo; }; };", &["x.conf:1: 'foo' unexpected"]),
        ("logging { channel a { syslog; print-time maybe; }; };", &["x.conf:1: boolean expected near 'maybe'"]),
        ("server 10.0.0.1/8 { };", &["x.conf:1: '10.0.0.1/8': address/prefix length mismatch '8'"]),
        ("options {\r\n recursion maybe;\r\n};", &["x.conf:2: boolean expected near 'maybe'"]),
    ];
    for (text, expected) in cases {
        assert_eq!(errors(text), *expected, "{text}");
    }
}
