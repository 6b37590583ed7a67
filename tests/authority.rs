//! Holding answers from local zones against NSD's, both serving the same master files.
//!
//! Zones and questions are made from a seed; `tests/clients/authority.py` asks, compares, and fails on any difference
//! that its table does not explain. The long form, with Knot beside NSD, is `tests/acceptance authority`.
//! Not here: what no second server can judge (policies but for ANY, health, updates).

mod common;

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use common::dig::Dig;
use common::{Nsd, Tandem, fresh_address, program};

const SEED: &str = "1";
const ZONES: &str = "30";
const QUESTIONS: &str = "3000";

#[test]
fn questions_about_generated_zones_are_answered_as_by_nsd() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let at = directory.path().to_str().expect("a path in UTF-8");
    let names = run(&["write", at, SEED, ZONES]);
    let zones: Vec<(&str, String)> = names
        .lines()
        .map(|name| (name, fs::read_to_string(directory.path().join(format!("{name}.zone"))).expect("a zone file")))
        .collect();
    let texts: Vec<(&str, &str)> = zones.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let nsd = Nsd::start_with(fresh_address(), &texts, " minimal-responses: yes\n");
    let address = fresh_address();
    let _tandem = Tandem::start(address, &named_conf(address, at, &texts));
    run(&["compare", SEED, ZONES, QUESTIONS, &address.to_string(), &format!("nsd={}", nsd.address())]);
}

/// What no second server can judge: ANY where a policy chooses among the records.
#[test]
fn any_tells_what_a_policy_chooses() {
    let address = fresh_address();
    let record = |name: &str, rtype: &str, value: &str, more: &str| {
        format!("[[zone.record]]\nname = \"{name}.corp\"\ntype = \"{rtype}\"\nvalue = \"{value}\"\n{more}")
    };
    let weighted = |identifier: &str| format!("weight = 1\nset_identifier = \"{identifier}\"\n");
    let records = [
        record("alone", "A", "10.0.0.1", &weighted("one")),
        record("alone", "A", "10.0.0.2", &weighted("other")),
        record("beside", "A", "10.0.0.3", &weighted("one")),
        record("beside", "MX", "10 mail.corp.", ""),
        record("alias", "CNAME", "alone.corp.", &weighted("one")),
    ];
    let text = format!("[options]\nlisten = [\"{address}\"]\nallow_query = [\"any\"]\n[[zone]]\nname = \"corp\"\n");
    let server = Tandem::start(address, &(text + &records.concat()));
    for (name, by_udp, by_tcp) in [
        ("alone.corp", &["A"][..], &["A"][..]),
        ("beside.corp", &["A"], &["A", "MX"]),
        ("alias.corp", &["CNAME"], &["CNAME"]),
    ] {
        for (option, expected) in [("+notcp", by_udp), ("+tcp", by_tcp)] {
            let response = Dig::new(address).with(&[option]).expect(name, "ANY");
            let types: Vec<&str> = response.answer.iter().map(|record| record.rtype.as_str()).collect();
            assert_eq!(types, expected, "{name} {option}: {response:?}");
            assert!(response.has_flag("aa") && response.authority.is_empty(), "{name} {option}: {response:?}");
        }
    }
    assert!(server.stop().success());
}

/// Primary for each zone, without a forwarder.
fn named_conf(listen: SocketAddr, files: &str, zones: &[(&str, &str)]) -> String {
    let mut text = format!(
        "options {{\n directory \"{files}\";\n pid-file \"{{directory}}/pid\";\n listen-on port {} {{ {}; }};\n \
         listen-on-v6 {{ none; }};\n allow-query {{ any; }};\n minimal-responses yes;\n}};\n",
        listen.port(),
        listen.ip()
    );
    for (name, _) in zones {
        writeln!(text, "zone \"{name}\" {{ type primary; file \"{name}.zone\"; }};").expect("a String takes text");
    }
    text
}

/// What authority.py printed; it must succeed.
fn run(arguments: &[&str]) -> String {
    let output = Command::new(program("python3", "python3"))
        .arg("-B")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/authority.py"))
        .args(arguments)
        .output()
        .expect("python3 can be run");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}
