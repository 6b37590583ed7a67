//! Running the fuzz bodies over the committed corpus and simple mutations of it.
//!
//! The same ordinary functions as the targets in `fuzz/`, which need a tool of their own. A file that once broke
//! something stays in `fuzz/corpus/TARGET/`.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// A fuzz body.
type Body = fn(&[u8]);

/// Each target's name, which is its corpus's directory too, and its body.
const TARGETS: [(&str, Body); 7] = [
    ("exchange", tandem::answer::fuzz_exchange),
    ("master", tandem::zone::master::fuzz_master),
    ("named_conf", tandem::config::named_conf::fuzz),
    ("query", tandem::wire::fuzz_query),
    ("response", tandem::wire::fuzz_response),
    ("tsig", tandem::tsig::fuzz),
    ("update", tandem::zone::update::fuzz),
];

/// Octets that mean something somewhere: ends, label lengths, pointers, counts; in texts quotes, braces, comments.
const INTERESTING: [u8; 14] = [0x00, 0x01, 0x0C, 0x3F, 0x40, 0xC0, 0x80, 0xFF, b'"', b'{', b'}', b';', b'/', b'!'];

fn fuzz_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry can be read").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Runs the body; names the input if it panics.
fn run(body: Body, octets: &[u8], what: &str) {
    if catch_unwind(AssertUnwindSafe(|| body(octets))).is_err() {
        let hex: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
        panic!("{what} breaks it: {hex}");
    }
}

#[test]
fn every_target_has_its_body_and_its_corpus() {
    let names: Vec<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names_in(&fuzz_directory().join("corpus")), names);
    let files: Vec<_> = names.iter().map(|name| format!("{name}.rs")).collect();
    assert_eq!(names_in(&fuzz_directory().join("fuzz_targets")), files);
}

#[test]
fn the_corpus_and_what_is_near_it_break_nothing() {
    for (target, body) in TARGETS {
        let directory = fuzz_directory().join("corpus").join(target);
        let files = names_in(&directory);
        assert!(files.len() >= 5, "the corpus of {target} is too small");
        for file in files {
            let octets = fs::read(directory.join(&file)).expect("a corpus file can be read");
            run(body, &octets, &file);
            for length in 0..octets.len() {
                run(body, &octets[..length], &format!("{file} cut at {length}"));
            }
            for at in 0..octets.len().min(400) {
                for value in INTERESTING {
                    let mut changed = octets.clone();
                    changed[at] = value;
                    run(body, &changed, &format!("{file} with {value:#04x} at {at}"));
                }
            }
        }
    }
}
