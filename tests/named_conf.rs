//! Whether named.conf files get the verdict that named-checkconf gives them.
//!
//! `tests/named_conf/accept` holds what named takes, `reject` what it refuses; a file's first line says what it shows.
//! For each, the exit code and the place of the first error are compared with those of the named-checkconf that is
//! installed. Where they differ on purpose, the file has a row in `tests/named_conf/differences.txt`; a row that does
//! not tell what is the case fails the test, so that the table stays true.
//! Texts run in a copy, in which `"/etc`, `"/usr` and `"/var` are those of `tests/named_conf/root`: what a host has does not
//! matter. Not here: the words of messages (`tests/named_checkconf.rs`), what a configuration does.

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use common::corpus::{corpus, files_of, unpack};
use common::program;

/// How many files there are at least.
const FILES: usize = 220;

/// What is in the warnings of named-checkconf, which look as its errors do.
const WARNINGS: &[&str] =
    &["is deprecated", "is obsolete and should be removed", "default changed to", "did you want 'forward only;'?"];

/// And in ours.
const OWN_WARNINGS: &[&str] = &["is ignored: ", ": no forwarders: ", ", which is insecure: "];

/// The names of the files of `accept` and `reject`, each with its directory.
fn files() -> Vec<String> {
    ["accept", "reject"].into_iter().flat_map(files_of).collect()
}

/// `ok`; `line N`, if the first error is there; `FILE:N`, if it is in another file; `refused`, if no place is told.
fn verdict(file: &str, output: &Output, is_warning: impl Fn(&str) -> bool) -> String {
    if output.status.success() {
        return "ok".to_owned();
    }
    let said = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned();
    let first = said.lines().find(|line| !is_warning(line)).unwrap_or_default();
    let mut parts = first.splitn(3, ':');
    let (name, line) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match line.parse::<u32>() {
        Ok(line) if file.ends_with(&format!("/{name}")) => format!("line {line}"),
        Ok(line) => format!("{name}:{line}"),
        Err(_) => "refused".to_owned(),
    }
}

/// Runs a checker in the file's directory.
fn run(mut command: Command, directory: &Path, file: &str) -> Output {
    let (place, name) = file.split_once('/').expect("a file stands in a directory");
    let output = command.arg(name).current_dir(directory.join(place)).output();
    output.expect("a checker can be run")
}

fn named(directory: &Path, file: &str) -> String {
    let output = run(Command::new(program("named-checkconf", "bind9-utils")), directory, file);
    verdict(file, &output, |line| WARNINGS.iter().any(|words| line.contains(words)))
}

fn ours(directory: &Path, file: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.arg("named-checkconf");
    let output = run(command, directory, file);
    assert!(output.status.code().is_some(), "{file}: the program was ended by a signal");
    verdict(file, &output, |line| OWN_WARNINGS.iter().any(|words| line.contains(words)))
}

/// The table: by file, named's verdict, ours, and why they may differ.
fn table() -> BTreeMap<String, [String; 3]> {
    let text = fs::read_to_string(corpus().join("differences.txt")).expect("the table is there");
    let mut rows = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let cells: Vec<_> = line.splitn(4, '|').map(|cell| cell.trim().to_owned()).collect();
        let [file, named, ours, why] = <[String; 4]>::try_from(cells).unwrap_or_else(|_| panic!("no row: {line}"));
        assert!(!why.is_empty(), "{file}: no reason is given");
        assert!(rows.insert(file.clone(), [named, ours, why]).is_none(), "{file} has two rows");
    }
    rows
}

/// Runs `check` on every file, on as many threads as there are cores.
fn for_all<T: Send>(files: &[String], check: impl Fn(&str) -> T + Sync) -> Vec<T> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let check = &check;
    std::thread::scope(|scope| {
        let parts: Vec<_> = files
            .chunks(files.len().div_ceil(threads))
            .map(|part| scope.spawn(move || part.iter().map(|file| check(file)).collect::<Vec<_>>()))
            .collect();
        parts.into_iter().flat_map(|part| part.join().expect("a check does not panic")).collect()
    })
}

#[test]
fn the_verdict_is_named_s_or_has_its_reason_in_the_table() {
    let (directory, files) = (unpack(), files());
    let verdicts = for_all(&files, |file| (named(directory.path(), file), ours(directory.path(), file)));
    let (mut rows, mut wrong) = (table(), String::new());
    for (file, (named, ours)) in files.iter().zip(&verdicts) {
        let is_misplaced = (named == "ok") != file.starts_with("accept/");
        if is_misplaced {
            let _ = writeln!(wrong, "{file}: named says {named}: it stands in the wrong directory");
        }
        match rows.remove(file) {
            None if named != ours => {
                let _ = writeln!(wrong, "unexplained: {file} | {named} | {ours} |");
            }
            Some(_) if named == ours => {
                let _ = writeln!(wrong, "no longer needed, both say {named}: the row of {file}");
            }
            // A fault that waits to be mended may change its face.
            Some([.., why]) if why.starts_with("ours:") => {}
            Some([told, told_of_ours, why]) if told != *named || told_of_ours != *ours => {
                let _ = writeln!(wrong, "no longer true: {file} | {named} | {ours} | {why}");
            }
            _ => {}
        }
    }
    for file in rows.keys() {
        let _ = writeln!(wrong, "of no file: the row of {file}");
    }
    assert!(wrong.is_empty(), "tests/named_conf/differences.txt:\n{wrong}");
}

/// Distributions' files forward nowhere: that is told once, by every program that reads them.
#[test]
fn what_distributions_ship_loads_and_says_that_it_answers_nothing_outside() {
    const TOLD: &str = "no forwarders: nothing outside local data can be answered until 'forwarders' is set";
    let directory = unpack();
    let all = files();
    let shipped = |file: &&String| {
        let name = file.split_once('/').map_or("", |(_, name)| name);
        let forwards = ["host-amazon-linux-2023.conf", "host-ubuntu-forwarder.conf"];
        name.starts_with("host-") && !forwards.contains(&name)
    };
    let shipped: Vec<_> = all.iter().filter(shipped).cloned().collect();
    assert!(shipped.len() >= 9, "{shipped:?}");
    for file in &shipped {
        let (place, name) = file.split_once('/').expect("a file stands in a directory");
        for program in ["named-checkconf", "check"] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
            let output = command.args([program, name]).current_dir(directory.path().join(place)).output();
            let output = output.expect("the program can be run");
            let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert_eq!(said.matches(TOLD).count(), 1, "{program} {file}:\n{said}");
            assert!(!said.contains("is refused") && !said.contains("unknown option"), "{program} {file}:\n{said}");
            assert!(output.status.success() || program == "check", "{program} {file}:\n{said}");
        }
    }
}

#[test]
fn every_file_says_what_it_shows() {
    let files = files();
    for file in &files {
        let text = fs::read_to_string(corpus().join(file)).expect("a file of the corpus can be read");
        let first = text.lines().next().unwrap_or_default().trim_start_matches('\u{feff}');
        let says = first.starts_with("# ") || file == "reject/lexical-semicolon-comment.conf";
        assert!(says && first.len() >= 12, "{file}: {first}");
    }
    assert!(files.len() >= FILES, "{} files are fewer than {FILES}", files.len());
}
