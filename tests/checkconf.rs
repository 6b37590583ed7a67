//! `named-checkconf` beside BIND's of that name: flags, messages, exit codes, and what `-p`, `-l` and `-z` print.
//!
//! Not here: verdicts file by file (`tests/named_conf.rs`), the words of errors (`tests/named_checkconf.rs`).

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use common::corpus::{files_of, unpack};
use common::program;
use tandem::config::journal_beside;
use tandem::zone::Delta;
use tandem::zone::journal::{Entry, Fingerprint, Frame, Header};

/// Files of which `-p` prints other words, and why.
const PRINTED_OTHERWISE: &[(&str, &str)] = &[
    ("accept/controls-unix.conf", "modes stay octal, which is what they are"),
    ("accept/controls-usual.conf", "an address that nobody needs stays as it is written"),
    ("accept/include-top.conf", "what is included stands in the place of its 'include'; named puts it behind"),
    ("accept/options-dscp-beside-addresses.conf", "'*' stays '*'"),
    ("accept/options-forwarder-port-zero.conf", "a port of 0 stays as it is written"),
    ("accept/options-limits.conf", "'0.1' of a statement that is not read stays as it is written"),
    ("accept/options-query-source.conf", "'*' stays '*'"),
    ("accept/options-sortlist.conf", "prefixes of a statement that is not read stay as they are"),
    ("accept/options-transfers.conf", "'*' stays '*'"),
    ("accept/statistics-channels.conf", "'*' stays '*'"),
    ("accept/zone-primary.conf", "a duration of a statement that is not read stays as it is written"),
];

fn named() -> Command {
    Command::new(program("named-checkconf", "bind9-utils"))
}

fn ours() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.arg("named-checkconf");
    command
}

fn run(mut command: Command, directory: &Path, arguments: &[&str]) -> Output {
    command.args(arguments).current_dir(directory).output().expect("a checker can be run")
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

/// A directory with files of these names and texts.
fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory of the test");
    for (name, text) in files {
        fs::write(directory.path().join(name), text).expect("the test's directory is writable");
    }
    directory
}

const GOOD: &str = "options { forwarders { 10.1.0.2; }; recursion yes; };\n\
                    zone \"corp.example.\" IN { type forward; forwarders { 10.1.0.3; }; };\n\
                    zone \"b.example\" { type forward; forwarders { }; };\n";
const BAD: &str = "options {\n\tforwardrs { 10.1.0.2; };\n\trecursion maybe;\n};\n";

#[test]
fn flags_messages_and_exit_codes_are_named_s() {
    let directory = directory(&[("good.conf", GOOD), ("bad.conf", BAD)]);
    for arguments in [
        &["good.conf"][..],
        &["bad.conf"],
        &["-z", "good.conf"],
        &["-czij", "good.conf"],
        &["-d", "good.conf"],
        &["-m", "record", "bad.conf"],
        &["-i", "-p", "good.conf"],
        &["-px", "good.conf"],
        &["-l", "good.conf"],
        &["-zl", "good.conf"],
        &["-l", "bad.conf"],
        &["-p", "bad.conf"],
        &["nosuch.conf"],
        &["-h"],
        &["-h", "nosuch.conf"],
        &["-x"],
        &["-x", "bad.conf"],
        &["-Q"],
        &["-t"],
        &["-m"],
        &["-lp", "good.conf"],
        &["good.conf", "bad.conf"],
        &["-t", "nosuch", "good.conf"],
    ] {
        let (named, ours) = (run(named(), directory.path(), arguments), run(ours(), directory.path(), arguments));
        let shown = |output: &Output| (output.status.code(), text(&output.stdout), text(&output.stderr));
        assert_eq!(shown(&ours), shown(&named), "{arguments:?}");
    }
    let version = run(ours(), directory.path(), &["-v"]);
    assert_eq!((version.status.code(), text(&version.stdout)), (Some(0), format!("{}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn a_link_of_its_name_is_the_program_and_toml_is_told() {
    let directory = directory(&[("good.conf", GOOD), ("x.toml", "[options]\nforwarders = ['10.1.0.2']\n")]);
    let link = directory.path().join("named-checkconf");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_tandem"), &link).expect("a link can be made");
    let listed = run(Command::new(&link), directory.path(), &["-l", "good.conf"]);
    assert_eq!(text(&listed.stdout), "corp.example. IN _default forward\nb.example IN _default forward\n");
    let toml = run(Command::new(&link), directory.path(), &["x.toml"]);
    assert_eq!(toml.status.code(), Some(1));
    assert_eq!(text(&toml.stdout), "x.toml:1: this is TOML, not named.conf: 'tandem check' reads both\n");
}

#[test]
fn warnings_are_no_failure_and_disturb_no_output() {
    let conf =
        format!("options {{ dnssec-validation auto; }};\n{}", GOOD.replacen("options {", "acl a { any; };\n//", 1));
    let conf = conf.replace("dnssec-validation auto;", "dnssec-validation auto; forwarders { 10.1.0.2; };");
    let directory = directory(&[("x.conf", &conf)]);
    let plain = run(ours(), directory.path(), &["x.conf"]);
    let warning = "x.conf:1: 'dnssec-validation' is ignored: answers are not validated here: DO and CD pass through, AD is \
                   cleared\n";
    assert_eq!(
        (plain.status.code(), text(&plain.stdout), text(&plain.stderr)),
        (Some(0), warning.into(), String::new())
    );
    let quiet = run(ours(), directory.path(), &["-i", "x.conf"]);
    assert_eq!((quiet.status.code(), text(&quiet.stdout)), (Some(0), String::new()));
    let listed = run(ours(), directory.path(), &["-l", "x.conf"]);
    assert_eq!(text(&listed.stderr), warning);
    assert!(text(&listed.stdout).lines().all(|line| line.ends_with(" forward")), "{listed:?}");
    let printed = run(ours(), directory.path(), &["-p", "x.conf"]);
    assert_eq!(text(&printed.stderr), warning);
    assert_eq!(printed.stdout, run(named(), directory.path(), &["-p", "x.conf"]).stdout);
}

#[test]
fn quiet_leaves_out_what_changes_nothing_by_its_kind_and_not_by_its_words() {
    let statements = "allow-query { key \"is ignored\"; any; };\n query-source port 4000;\n\
         rrset-order { class CH order fixed; };\n forwarders port 53 dscp 1 { 10.1.0.2; };\n host-statistics-max 7;\n\
         memstatistics-file \"deprecated\";\n";
    let directory = directory(&[("x.conf", &format!("options {{\n{statements}}};\n"))]);
    let numbers = |arguments: &[&str]| -> BTreeSet<u32> {
        let told = run(ours(), directory.path(), arguments);
        assert_eq!(told.status.code(), Some(0), "{told:?}");
        text(&told.stdout).lines().filter_map(|line| line.split(':').nth(1)?.parse().ok()).collect()
    };
    assert_eq!(numbers(&["x.conf"]), [2, 3, 4, 5, 6, 7].into());
    assert_eq!(numbers(&["-i", "x.conf"]), [2, 3, 4].into());
}

#[test]
fn what_is_of_the_whole_file_names_it() {
    let directory = directory(&[("empty.conf", "")]);
    let said = run(ours(), directory.path(), &["empty.conf"]);
    let warning = "empty.conf: no forwarders: nothing outside local data can be answered until 'forwarders' is set\n";
    assert_eq!((said.status.code(), text(&said.stdout)), (Some(0), warning.to_owned()));
}

#[test]
fn who_asks_is_shown_the_line_a_caret_and_what_would_be_right() {
    let directory = directory(&[("bad.conf", BAD)]);
    let explained = run(ours(), directory.path(), &["--explain", "bad.conf"]);
    let expected = "bad.conf:2: unknown option 'forwardrs'\n     forwardrs { 10.1.0.2; };\n     ^^^^^^^^^\n    \
                    = did you mean 'forwarders'?\nbad.conf:3: boolean expected near 'maybe'\n     recursion maybe;\n               \
                    ^^^^^\n    = yes or no\n";
    assert_eq!((explained.status.code(), text(&explained.stdout)), (Some(1), expected.to_owned()));
}

const ZONE: &str = "$TTL 300\n@ SOA ns hostmaster 7 3600 600 604800 60\n@ NS ns\nns A 192.0.2.1\n";

#[test]
fn primary_zones_are_loaded_as_named_loads_them() {
    let conf = "options { recursion no; };\nzone p { type primary; file \"good.db\"; };\nzone \"missing.example\" { type primary; file \"nosuch.db\"; };\n\
                zone f { type forward; forwarders { 10.1.0.2; }; };\n";
    let good = "options { recursion no; };\nview a { zone p { type primary; file \"good.db\"; }; };\nview b { zone q { type primary; file \"other.db\"; }; };\n";
    let broken = "options { recursion no; };\nzone broken { type primary; file \"broken.db\"; };\n";
    let files = [
        ("x.conf", conf),
        ("good.conf", good),
        ("broken.conf", broken),
        ("good.db", ZONE),
        ("other.db", ZONE),
        ("broken.db", &format!("{ZONE}x A 192.0.2.256\n")),
    ];
    let directory = directory(&files);
    for file in ["x.conf", "good.conf"] {
        let (named, ours) =
            (run(named(), directory.path(), &["-z", file]), run(ours(), directory.path(), &["-z", file]));
        let shown = |output: &Output| (output.status.code(), text(&output.stdout), text(&output.stderr));
        assert_eq!(shown(&ours), shown(&named), "{file}");
    }
    let ours = run(ours(), directory.path(), &["-z", "broken.conf"]);
    assert_eq!(ours.status.code(), run(named(), directory.path(), &["-z", "broken.conf"]).status.code());
    let said = text(&ours.stdout);
    assert!(said.starts_with("broken.db:5: "), "{said}");
    assert!(said.contains("zone broken/IN: loading from master file broken.db failed: "), "{said}");
    assert!(said.ends_with("zone broken/IN: not loaded due to errors.\n"), "{said}");
    assert!(text(&ours.stderr).starts_with("_default/broken/IN: "), "{ours:?}");
}

#[test]
fn a_journal_is_read_for_its_serial() {
    let directory = directory(&[
        ("x.conf", "options { recursion no; };\nzone p { type primary; file \"p.db\"; };\n"),
        ("p.db", ZONE),
    ]);
    let journal = journal_beside(&directory.path().join("p.db"));
    let mut frame = Frame::default();
    frame.put_delta(&Entry { from: 7, to: 9, unix: 0, key: None, delta: Delta::default() });
    let header = Header { source: Fingerprint::of(ZONE.as_bytes()), serial: 7 };
    let octets = [&header.encode()[..], &frame.finish().expect("it is short")].concat();
    fs::write(&journal, octets).expect("the test's directory is writable");
    let said = |flags| text(&run(ours(), directory.path(), &[flags, "x.conf"]).stdout);
    assert_eq!(
        (said("-z"), said("-zj")),
        ("zone p/IN: loaded serial 7\n".into(), "zone p/IN: loaded serial 9\n".into())
    );
    fs::write(&journal, "no journal").expect("the test's directory is writable");
    let broken = run(ours(), directory.path(), &["-zj", "x.conf"]);
    assert_eq!(broken.status.code(), Some(1));
    assert!(text(&broken.stderr).contains("it does not begin as a journal does"), "{broken:?}");
}

/// The words of an output, without the warnings that named prints before it.
fn words(output: &Output) -> Vec<String> {
    let is_warning = |line: &&str| line.split(':').nth(1).is_some_and(|line| line.parse::<u32>().is_ok());
    let text = text(&output.stdout);
    text.lines().filter(|line| !is_warning(line)).flat_map(str::split_whitespace).map(str::to_owned).collect()
}

/// Zones of included files come in another order.
fn sorted_lines(output: &Output) -> Vec<String> {
    let text = text(&output.stdout);
    let mut lines: Vec<_> = text.lines().filter(|line| !line.contains(".conf:")).map(str::to_owned).collect();
    lines.sort();
    lines
}

/// Without quotes, and without the length of an address.
fn bare(word: &str) -> String {
    let word = word.replace(['"', ';'], "");
    word.strip_suffix("/32").or_else(|| word.strip_suffix("/128")).unwrap_or(&word).to_owned()
}

#[test]
fn what_is_printed_and_listed_of_the_corpus_is_what_named_prints() {
    let corpus = unpack();
    let (mut differing, mut printed_count, mut same_count) = (Vec::new(), 0, 0);
    for file in files_of("accept") {
        let (place, name) = file.split_once('/').expect("a file stands in a directory");
        let place = corpus.path().join(place);
        let both = |flag| (run(ours(), &place, &[flag, name]), run(named(), &place, &[flag, name]));
        let (printed, theirs) = both("-p");
        if !printed.status.success() || !theirs.status.success() {
            continue;
        }
        let (listed, their_list) = both("-l");
        assert_eq!(sorted_lines(&listed), sorted_lines(&their_list), "{file}");
        printed_count += 1;
        let (printed, theirs) = (words(&printed), words(&theirs));
        same_count += usize::from(printed == theirs);
        let first = printed.iter().zip(&theirs).find(|(ours, theirs)| bare(ours) != bare(theirs));
        let is_listed = PRINTED_OTHERWISE.iter().any(|(listed, _)| *listed == file);
        if !is_listed && (first.is_some() || printed.len() != theirs.len()) {
            differing.push(format!("{file}: {first:?}"));
        }
    }
    assert!(differing.is_empty(), "{} of {printed_count}: {differing:#?}", differing.len());
    assert!(same_count > 80 && printed_count > 90, "of {printed_count}, {same_count} are the same to the letter");
}

#[test]
fn a_directory_that_is_not_there_and_lists_without_recursion_are_told_as_by_named() {
    let directory = directory(&[
        ("gone.conf", "options {\n directory \"/nonexistent\";\n forwarders { 10.1.0.2; };\n};\n"),
        ("below.conf", "options {\n directory \"nosuch\"; };\n"),
        ("file.conf", "options {\n directory\n \"/etc/passwd\";\n};\n"),
        ("there.conf", "options { directory \"/etc\"; forwarders { 10.1.0.2; }; };\n"),
        ("lists.conf", "options { recursion no;\n allow-recursion\n { any; }; };\n"),
        (
            "views.conf",
            "options { recursion no; allow-recursion-on { any; }; };\nview a {\n allow-recursion { 10/8; }; };\n\
             view b { allow-recursion { none; }; };\nview c { recursion yes; forwarders { 10.1.0.2; }; };\n",
        ),
    ]);
    for file in ["gone.conf", "below.conf", "file.conf", "there.conf", "lists.conf"] {
        let (named, ours) = (run(named(), directory.path(), &[file]), run(ours(), directory.path(), &[file]));
        let shown = |output: &Output| (output.status.code(), text(&output.stdout).lines().next().map(str::to_owned));
        assert_eq!(shown(&ours), shown(&named), "{file}");
    }
    // In which order the two lists are told is named's own matter.
    let sorted = |output: Output| {
        let mut lines: Vec<_> = text(&output.stdout).lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let arguments = ["views.conf"];
    assert_eq!(sorted(run(ours(), directory.path(), &arguments)), sorted(run(named(), directory.path(), &arguments)));
}
