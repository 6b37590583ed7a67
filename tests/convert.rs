//! `tandem convert`: what the program writes, and where.
//!
//! What is written of which statement is told beside the code; that each file of the corpus says the same, too.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use common::corpus::{files_of, unpack};
use tandem::config;

fn tandem(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.args(arguments).current_dir(directory).output().expect("the program can be run")
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

#[test]
fn every_file_that_is_accepted_is_converted_and_says_the_same() {
    let corpus = unpack();
    let mut count = 0;
    for file in files_of("accept") {
        let (place, name) = file.split_once('/').expect("a file stands in a directory");
        let place = corpus.path().join(place);
        if !tandem(&place, &["named-checkconf", name]).status.success() {
            let refused = tandem(&place, &["convert", name]);
            assert_eq!((refused.status.code(), text(&refused.stdout)), (Some(1), String::new()), "{file}");
            continue;
        }
        let toml = place.join(format!("{name}.toml"));
        let output = toml.to_str().expect("a temporary directory's name is text");
        let converted = tandem(&place, &["convert", name, "--output", output]);
        assert!(converted.status.success(), "{file}: {}", text(&converted.stderr));
        config::load(&toml).unwrap_or_else(|found| panic!("{file}: {found:?}"));
        count += 1;
    }
    assert!(count > 90, "{count}");
}

#[test]
fn what_is_shipped_is_converted_with_its_comments() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let converted = tandem(root, &["convert", "conf/named.conf"]);
    assert!(converted.status.success(), "{}", text(&converted.stderr));
    let toml = text(&converted.stdout);
    let head = "# One of two forwarders between a corporate network and an AWS VPC.\n# Example addresses: ";
    assert!(toml.starts_with(head), "{toml}");
    let again = config::toml::parse(&toml, "x.toml", &config::files::NoFiles).expect("it is TOML").config;
    let written = config::load(&root.join("conf/named.conf")).expect("it is right").config;
    assert!(again.without_positions() == written.without_positions(), "{toml}");
}

#[test]
fn nothing_is_written_over_unless_that_is_wanted() {
    let directory = tempfile::tempdir().expect("a directory of the test");
    let file = |name: &str| directory.path().join(name);
    fs::write(file("a.conf"), "options { forwarders { 10.1.0.2; }; };\ncontrols { };\n")
        .expect("the test's directory is writable");
    let convert = |arguments: &[&str]| tandem(directory.path(), &[&["convert", "a.conf"], arguments].concat());
    assert!(convert(&["--output", "a.toml"]).status.success());
    let written = fs::read_to_string(file("a.toml")).expect("it was written");
    assert_eq!(written, "[options]\nforwarders = [\"10.1.0.2\"]\n");
    let mode = fs::metadata(file("a.toml")).expect("it was written").permissions().mode();
    assert_eq!(mode & 0o137, 0, "who is neither owner nor of the group reads no secrets: {mode:o}");
    fs::write(file("a.toml"), "mine").expect("the test's directory is writable");
    let refused = convert(&["--output", "a.toml"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("--force"), "{refused:?}");
    assert_eq!(fs::read_to_string(file("a.toml")).expect("it is there"), "mine");
    assert!(convert(&["--output", "a.toml", "--force"]).status.success());
    assert_eq!(fs::read_to_string(file("a.toml")).expect("it is there"), written);
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_nothing_is_written() {
    let directory = tempfile::tempdir().expect("a directory of the test");
    for (name, content, expected) in [
        (
            "bad.conf",
            "options {\n  forwardrs { any; };\n};\n",
            "bad.conf:2: unknown option 'forwardrs' (did you mean 'forwarders'?)\n",
        ),
        ("x.toml", "[options]\nrecursion = false\n", "x.toml is TOML already\n"),
        (
            "odd.conf",
            "acl \"1.2\" { any; };\noptions { forwarders { 10.1.0.2; }; };\n",
            "odd.conf:1: in TOML this cannot be said: '1.2' cannot be the name of an acl\n",
        ),
    ] {
        fs::write(directory.path().join(name), content).expect("the test's directory is writable");
        let output = tandem(directory.path(), &["convert", name, "--output", "out.toml"]);
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), expected.to_owned()), "{name}");
        assert!(!directory.path().join("out.toml").exists(), "{name}");
    }
    let missing = tandem(directory.path(), &["convert", "nosuch.conf"]);
    assert_eq!(
        (missing.status.code(), text(&missing.stderr)),
        (Some(1), "open: nosuch.conf: file not found\n".to_owned())
    );
}
