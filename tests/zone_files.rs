//! Wrong master files, met by the running server: told with file and line, harmless to other zones and to versions that
//! are already served, taken as soon as they are mended.
//!
//! Not here: what a master file may say (`tests/master.rs` and the reader's own tests).

mod common;

use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use common::dig::{Dig, Response};
use common::{Tandem, fresh_address, wait_until};

/// For what must come at some time.
const PATIENCE: Duration = Duration::from_secs(30);
/// Extended DNS error 14, Not Ready (RFC 8914).
const NOT_READY: u16 = 14;

/// A zone whose file is wrong.
struct Fault {
    /// What is wrong, in a few words.
    case: &'static str,
    zone: &'static str,
    /// The file's text; `None`: there is no file.
    text: Option<&'static str>,
    /// What is told of it: the line, 0 for that of the zone in the configuration, and the words behind it.
    told: &'static [(u32, &'static str)],
}

const FAULTS: &[Fault] = &[
    Fault {
        case: "a bad record",
        zone: "record.example",
        text: Some("$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 10.0.0.1\nwww A 10.0.0.256\nw2 AAAA 10.0.0.1\n"),
        told: &[(5, "bad A"), (6, "bad AAAA")],
    },
    Fault {
        case: "a name out of the zone",
        zone: "outside.example",
        text: Some("$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 10.0.0.1\nwww.other.example. A 10.0.0.2\n"),
        told: &[(5, "'www.other.example' is out of zone")],
    },
    Fault {
        case: "two SOAs",
        zone: "soas.example",
        text: Some("$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 10.0.0.1\n@ SOA ns h 2 2 3 4 5\n"),
        told: &[(5, "soas.example: multiple RRs of singleton type SOA")],
    },
    Fault {
        case: "CNAME and other data",
        zone: "cname.example",
        text: Some("$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 10.0.0.1\nwww CNAME ns\nwww A 10.0.0.2\n"),
        told: &[(6, "www.cname.example: CNAME and other data")],
    },
    Fault {
        case: "no such file",
        zone: "missing.example",
        text: None,
        told: &[(
            0,
            "zone missing.example: loading from master file {directory}/missing.example failed: file not found",
        )],
    },
    Fault {
        case: "an included file that is missing",
        zone: "include.example",
        text: Some("$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 10.0.0.1\n$INCLUDE hosts.include.example\n"),
        told: &[(5, "open: {directory}/hosts.include.example: file not found")],
    },
    Fault {
        case: "an empty file",
        zone: "empty.example",
        text: Some(""),
        told: &[(1, "zone empty.example has no SOA record"), (1, "zone empty.example has no NS record")],
    },
    Fault {
        case: "no master file at all",
        zone: "noise.example",
        text: Some("\u{7f}ELF\u{1}\u{0}\u{2}(\n\u{0}\u{3}\"\n"),
        told: &[(2, "unbalanced quotes")],
    },
];

/// What a mended file says.
fn right(serial: u32, address: &str) -> String {
    format!("$TTL 60\n@ SOA ns h {serial} 2 3 4 5\n@ NS ns\nns A 10.0.0.1\nwww A {address}\n")
}

/// A server with each of the wrong zones and one that is right; lines of its configuration come one a zone.
fn configuration(listen: SocketAddr) -> String {
    let mut text = format!(
        "options {{ directory \"{{directory}}\"; pid-file none; listen-on port {} {{ {}; }}; listen-on-v6 {{ none; }}; \
         allow-query {{ any; }}; }};\n",
        listen.port(),
        listen.ip()
    );
    for zone in FAULTS.iter().map(|fault| fault.zone).chain(["right.example"]) {
        text.push_str(&format!("zone \"{zone}\" {{ type primary; file \"{zone}\"; }};\n"));
    }
    text
}

/// The line of a zone in [`configuration`].
fn line_of(zone: &str) -> usize {
    FAULTS.iter().position(|fault| fault.zone == zone).expect("one of them") + 2
}

/// Everything that is to be told of a fault.
fn expected(fault: &Fault, directory: &str) -> Vec<String> {
    let place = |line: u32| match line {
        0 => format!("{directory}/tandem.conf:{}: ", line_of(fault.zone)),
        line => format!("{directory}/{}:{line}: ", fault.zone),
    };
    // `check` shows what only this host lacks as a warning, a log shows severities itself.
    let tell = |&(line, words): &(u32, &str)| place(line) + &words.replace("{directory}", directory);
    fault.told.iter().map(tell).collect()
}

fn ask(server: SocketAddr, zone: &str) -> Response {
    Dig::new(server).expect(&format!("www.{zone}"), "A")
}

/// `www`'s address in a zone, as it is served.
fn served(server: SocketAddr, zone: &str) -> Vec<String> {
    ask(server, zone).data("A").into_iter().map(str::to_owned).collect()
}

/// Reloads, and waits until the log says that it is done for so many times.
fn reload(tandem: &Tandem, times: usize) {
    tandem.hang_up();
    let done = || tandem.said().matches("reloading configuration succeeded").count() >= times;
    assert!(wait_until(PATIENCE, done), "{}", tandem.said());
}

fn break_all(directory: &std::path::Path) {
    for fault in FAULTS {
        let file = directory.join(fault.zone);
        match fault.text {
            Some(text) => fs::write(&file, text).expect("a file"),
            // At the start it never was there.
            None => drop(fs::remove_file(&file)),
        }
    }
}

#[test]
fn a_wrong_file_is_told_kept_apart_and_taken_when_it_is_mended() {
    let server = fresh_address();
    // The files must be there before the server: its own directory is known by its configuration alone.
    let files = tempfile::tempdir().expect("a directory");
    let directory = files.path().to_string_lossy().into_owned();
    break_all(files.path());
    fs::write(files.path().join("right.example"), right(1, "10.0.0.9")).expect("a file");
    let text = configuration(server).replace("{directory}", &directory);
    fs::write(files.path().join("tandem.conf"), &text).expect("a file");

    // Before it is started: `check` says all of it.
    let checked = Command::new(env!("CARGO_BIN_EXE_tandem"))
        .arg("check")
        .arg(files.path().join("tandem.conf"))
        .output()
        .expect("tandem runs");
    assert!(!checked.status.success());
    let checked = String::from_utf8_lossy(&checked.stdout).replace(": warning: ", ": ");

    // At the first start nothing of a wrong zone is served, all of a right one.
    let tandem = Tandem::start(server, &text);
    for fault in FAULTS {
        for told in expected(fault, &directory) {
            assert!(checked.contains(&told), "{}: 'check' does not say {told:?}:\n{checked}", fault.case);
            // The server's own configuration lies elsewhere.
            tandem.says(&told.replace(&format!("{directory}/tandem.conf"), "tandem.conf"));
        }
        tandem.says(&format!("zone {}/IN: not loaded due to errors: its names are answered SERVFAIL", fault.zone));
        let response = ask(server, fault.zone);
        let codes: Vec<_> = response.ede.iter().map(|(code, _)| *code).collect();
        assert_eq!((response.status.as_str(), codes), ("SERVFAIL", vec![NOT_READY]), "{}: {response:?}", fault.case);
    }
    assert_eq!(served(server, "right.example"), ["10.0.0.9"]);

    // Mended files are taken at the next reload.
    for fault in FAULTS {
        fs::write(files.path().join(fault.zone), right(7, "10.0.0.7")).expect("a file");
    }
    reload(&tandem, 1);
    for fault in FAULTS {
        assert_eq!(served(server, fault.zone), ["10.0.0.7"], "{}: {}", fault.case, tandem.said());
    }

    // Broken again: what was served stays, the zone that is right moves on.
    break_all(files.path());
    fs::write(files.path().join("right.example"), right(2, "10.0.0.8")).expect("a file");
    let before = tandem.said().len();
    reload(&tandem, 2);
    let said = tandem.said().split_off(before);
    for fault in FAULTS {
        assert_eq!(served(server, fault.zone), ["10.0.0.7"], "{}", fault.case);
        for told in expected(fault, &directory) {
            let told = told.replace(&format!("{directory}/tandem.conf"), "tandem.conf");
            assert!(said.contains(&told), "{}: the log does not say {told:?}:\n{said}", fault.case);
        }
        let line = format!("zone {}/IN: not loaded due to errors: the version of serial 7 stays in force", fault.zone);
        assert!(said.contains(&line), "{}: {said}", fault.case);
    }
    assert_eq!(served(server, "right.example"), ["10.0.0.8"]);

    // And mended once more.
    for fault in FAULTS {
        fs::write(files.path().join(fault.zone), right(8, "10.0.0.6")).expect("a file");
    }
    reload(&tandem, 3);
    for fault in FAULTS {
        assert_eq!(served(server, fault.zone), ["10.0.0.6"], "{}", fault.case);
    }
}
