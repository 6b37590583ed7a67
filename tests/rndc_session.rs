//! A session with the real rndc: every command that it knows, sent to named and to Tandem with the same named.conf.
//!
//! `docs/rndc.md` is what both said. The page is made by this test (`TANDEM_WRITE_DOCS=1 cargo test --test
//! rndc_session`), which fails when either says something else, when a difference has no reason in [`REASONS`], when a
//! reason explains none, and when rndc knows a command that is not in [`SESSION`].
//! Not here: what the commands do (`tests/rndc.rs`).

mod common;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use common::{Named, Scripted, Tandem, fresh_address, fresh_localhost_address, program, rndc, wait_until};
use regex::Regex;

const PAGE: &str = "docs/rndc.md";
const KEY: &str = "key \"rndc-key\" { algorithm hmac-sha256; secret \"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0IQ==\"; };\n";
const ZONE: &str = "$TTL 60\n@ SOA ns admin 7 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\nwww A 10.0.0.1\n";

/// What is sent, in this order: what one changes is undone by the next.
const SESSION: &[&str] = &[
    "null",
    "status",
    "reload",
    "reload corp.example",
    "reload other.example",
    "reconfig",
    "scan",
    "flush",
    "flush _default",
    "flush other",
    "flushname www.example",
    "flushname www.example other",
    "flushname",
    "flushtree example",
    "dumpdb",
    "dumpdb -all",
    "dumpdb -cache _default",
    "dumpdb -zones",
    "recursing",
    "stats",
    "querylog on",
    "querylog",
    "serve-stale status",
    "serve-stale on",
    "serve-stale off",
    "serve-stale reset",
    "trace",
    "trace 3",
    "notrace",
    "validation status",
    "validation off",
    "validation on",
    "tsig-list",
    "tsig-delete nobody",
    "tcp-timeouts",
    "tcp-timeouts 200 300 300 300",
    "zonestatus corp.example",
    "zonestatus dyn.example",
    "zonestatus other.example",
    "freeze corp.example",
    "freeze dyn.example",
    "thaw dyn.example",
    "freeze",
    "thaw",
    "sync",
    "sync -clean dyn.example",
    "refresh corp.example",
    "retransfer corp.example",
    "notify corp.example",
    "sign corp.example",
    "loadkeys corp.example",
    "signing -list corp.example",
    "dnssec -status corp.example",
    "managed-keys status",
    "nta -dump",
    "nta www.example",
    "secroots -",
    "addzone new.example { type primary; file \"corp\"; };",
    "modzone corp.example { type primary; file \"corp\"; };",
    "delzone corp.example",
    "showzone corp.example",
    "dnstap -reopen",
    "bogus",
    "stop -p",
];

/// What ends servers of their own.
const LAST: &[&str] = &["halt -p"];

/// Why what is said is not the same: a regular expression on the command, and the reason.
const REASONS: &[(&str, &str)] = &[
    (
        "status",
        "named counts its zone of managed keys, too. Tandem's further lines stand before the last, which scripts look for.",
    ),
    ("(flush|flushname www.example) other", "Tandem says what was not found."),
    ("flushname|bogus|freeze corp.example", "Tandem says what would be right."),
    ("serve-stale status|tsig-list", "named shows its own view of class CH, `_bind`, too."),
    (
        "validation on|managed-keys status|nta .*|nta|secroots .*",
        "Nothing is validated here; what would change or show it fails.",
    ),
    ("zonestatus (corp|dyn).example", "The file is shown with its directory."),
    (
        "(freeze|thaw|sync).*",
        "Nothing is held back, since master files are never written; scripts that freeze, copy and thaw go on.",
    ),
    ("notify corp.example", "Zones are not transferred, so nobody is told."),
    ("sign .*|loadkeys .*|signing .*|dnssec .*", "No zone is signed here."),
    ("(add|mod|del)zone .*", "Zones are the configuration's alone."),
    ("showzone .*", "named shows only zones that rndc has added."),
    ("dnstap .*", "There is no dnstap."),
    ("tsig-delete .*", "Keys are not negotiated here, so there is none to delete."),
];

#[derive(Clone)]
struct Answer {
    command: &'static str,
    named: (i32, String),
    tandem: (i32, String),
}

impl Answer {
    fn is_alike(&self) -> bool {
        self.named == self.tandem
    }
}

#[test]
fn every_command_is_answered_as_the_page_says() {
    let known = commands_of_rndc();
    let sent: BTreeSet<&str> = SESSION.iter().chain(LAST).filter_map(|line| line.split(' ').next()).collect();
    let missing: Vec<_> = known.iter().filter(|word| !sent.contains(word.as_str())).collect();
    assert!(missing.is_empty(), "rndc knows {missing:?}, which is not sent");

    let answers = [session(SESSION), session(LAST)].concat();
    let reasons: Vec<_> = REASONS
        .iter()
        .map(|(pattern, why)| (Regex::new(&format!("^({pattern})$")).expect("a pattern"), *why))
        .collect();
    let reason =
        |answer: &Answer| reasons.iter().find(|(pattern, _)| pattern.is_match(answer.command)).map(|row| row.1);
    for answer in &answers {
        assert!(
            answer.is_alike() || reason(answer).is_some(),
            "'{}' has no reason to differ: named {:?}, ours {:?}",
            answer.command,
            answer.named,
            answer.tandem
        );
    }
    for (pattern, why) in &reasons {
        let explains = |answer: &Answer| !answer.is_alike() && pattern.is_match(answer.command);
        assert!(answers.iter().any(explains), "'{pattern}' explains nothing any more: {why}");
    }

    let page = page(&answers, reason);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    if env::var_os("TANDEM_WRITE_DOCS").is_some() {
        fs::write(&path, &page).expect("the page can be written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let differs = page.lines().zip(written.lines()).find(|(now, then)| now != then);
    assert!(written == page, "{PAGE} is not what is said now (TANDEM_WRITE_DOCS=1 writes it anew): {differs:?}");
}

/// The commands in the usage of the real rndc.
fn commands_of_rndc() -> BTreeSet<String> {
    let output = Command::new(program("rndc", "bind9-utils")).output().expect("rndc runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    let row = Regex::new("(?m)^  ([a-z][a-z-]+)").expect("a pattern");
    let words: BTreeSet<_> = row.captures_iter(&said).map(|found| found[1].to_owned()).collect();
    assert!(words.len() > 30, "its usage lists its commands: {said}");
    words
}

/// Sends each command to both servers, which are new.
fn session(commands: &[&'static str]) -> Vec<Answer> {
    let upstream = Scripted::start(|query| query.reply().address(300, [192, 0, 2, 1]).send());
    let files = [("corp", ZONE), ("dyn", ZONE), ("key", KEY)];
    let [theirs, ours] = [fresh_localhost_address(), fresh_localhost_address()];
    let [theirs_control, ours_control] = [fresh_address(), fresh_address()];
    let named = Named::serve(theirs, &conf(theirs, theirs_control, upstream.address()), &files);
    let tandem = Tandem::start_with_files(ours, &conf(ours, ours_control, upstream.address()), &files);
    let ask = |key: &Path, directory: &Path, control, command| {
        let (code, said) = rndc(key, control, command);
        (code, masked(&said, directory))
    };
    let directory = |file: &Path| file.parent().expect("it is in a directory").to_owned();
    let (their_key, our_key) = (named.path("key"), tandem.path("key"));
    let ready = wait_until(std::time::Duration::from_secs(15), || {
        rndc(&their_key, theirs_control, "null").0 == 0 && rndc(&our_key, ours_control, "null").0 == 0
    });
    assert!(ready, "both take commands: {}", tandem.said());
    commands
        .iter()
        .map(|&command| Answer {
            command,
            named: ask(&their_key, &directory(&their_key), theirs_control, command),
            tandem: ask(&our_key, &directory(&our_key), ours_control, command),
        })
        .collect()
}

/// The same for both, but for where they listen.
fn conf(address: SocketAddr, control: SocketAddr, upstream: SocketAddr) -> String {
    format!(
        "{KEY}options {{ directory \"{{directory}}\"; pid-file none; session-keyfile none; \
         listen-on port {} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; dnssec-validation no; empty-zones-enable no; \
         recursing-file \"recursing\"; \
         forwarders {{ {} port {}; }}; forward only; }};\n\
         controls {{ inet {} port {} allow {{ 127.0.0.0/8; }} keys {{ rndc-key; }}; }};\n\
         zone \"corp.example\" {{ type primary; file \"corp\"; }};\n\
         zone \"dyn.example\" {{ type primary; file \"dyn\"; allow-update {{ key rndc-key; }}; }};\n",
        address.port(),
        upstream.ip(),
        upstream.port(),
        control.ip(),
        control.port()
    )
}

/// What was said, without what is another in every run: times, versions, processes, places, the host.
fn masked(said: &str, directory: &Path) -> String {
    let place = directory.to_string_lossy();
    let mut text = said.replace(&*place, "DIRECTORY");
    for (pattern, shown) in [
        (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "TIME"),
        (r"(?m)^version: .*$", "version: VERSION"),
        (r"(?m)^(configuration file: DIRECTORY/).*$", "${1}FILE"),
        (r"(?m)^(process|up for): .*$", "$1: N"),
        (r"\d\d-\w{3}-\d{4} \d\d:\d\d:\d\d\.\d{3}", "TIME"),
        (r"127\.\d+\.\d+\.\d+ port \d+", "ADDRESS"),
        (r"(?m)^running on .*$", "running on HOST: SYSTEM"),
        (r"(?m)^(CPUs found|worker threads|UDP listeners per interface): \d+", "$1: N"),
        (r"\bpid: \d+", "pid: PID"),
    ] {
        text = Regex::new(pattern).expect("a pattern").replace_all(&text, shown).into_owned();
    }
    text
}

fn page(answers: &[Answer], reason: impl Fn(&Answer) -> Option<&'static str>) -> String {
    let alike = answers.iter().filter(|answer| answer.is_alike()).count();
    let mut page = format!(
        "# A session with rndc\n\
         The real `rndc` of BIND 9.18 sent {} commands, every one that it knows, to named 9.18 and to Tandem with one \
         named.conf:\na forwarder with a zone `corp.example` and a zone `dyn.example` that takes updates. {alike} of them were \
         answered alike, to the letter.\nBehind each: the exit code and what was said; what is another in every run is in capitals. \
         `tests/rndc_session.rs`\nmakes this page and fails when it is not true any more.\n",
        answers.len()
    );
    for answer in answers {
        write!(page, "\n## {}\n", answer.command).expect("a text takes it");
        let mut block = |who: &str, (code, said): &(i32, String)| {
            let said = said.trim_end();
            match said.is_empty() {
                true => writeln!(page, "{who}: exit code {code}, nothing is said"),
                false => writeln!(page, "{who}: exit code {code}\n\n```text\n{said}\n```"),
            }
            .expect("a text takes it");
        };
        if answer.is_alike() {
            block("Both", &answer.named);
        } else {
            block("named", &answer.named);
            block("Tandem", &answer.tandem);
            let why = reason(answer).unwrap_or_default();
            writeln!(page, "\n{why}").expect("a text takes it");
        }
    }
    page
}
