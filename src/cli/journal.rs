//! Showing what a zone's journal holds: `tandem journal FILE`, as named-journalprint does.
//!
//! Reads alone: a server may have it open. Exit code 1 when it cannot be read whole.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli;
use crate::config::files::{Disk, Files, explain};
use crate::health::overrides::Utc;
use crate::wire::header::rtype;
use crate::wire::mnemonic::type_name;
use crate::wire::present;
use crate::zone::Record;
use crate::zone::journal::{Entry, Item, replay};

/// A longer journal is not read, in octets.
const MAX_OCTETS: u64 = 4 << 30;

/// Arguments of `journal`.
#[derive(Debug, clap::Args)]
pub struct JournalArgs {
    /// The journal: FILE.journal beside a master file, or zones/VIEW/ZONE.journal below state_directory
    pub file: PathBuf,
    /// Show the records that the updates were made to, too
    #[arg(long)]
    pub source: bool,
    /// Print the updates as input for nsupdate, to be made on another server
    #[arg(long, conflicts_with = "source")]
    pub nsupdate: bool,
}

/// What is printed of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// The updates.
    Updates,
    /// And the records that they were made to.
    WithSource,
    /// The updates, for nsupdate.
    Nsupdate,
}

/// What one `send` of nsupdate may hold, in octets of records: a message has no more than 65,535 with all else.
const MAX_SEND_OCTETS: usize = 60_000;
/// Of a record beside its owner and its RDATA.
const RECORD_OCTETS: usize = 10;
/// So named's journals begin.
const NAMED: &[u8] = b";BIND LOG";

/// Prints it.
pub fn run(args: JournalArgs) -> ExitCode {
    let shown = args.file.display();
    let octets = match Disk.read(&args.file, MAX_OCTETS) {
        Ok(octets) => octets,
        Err(error) => {
            cli::print_lines([format!("{shown}: {}", explain(&error))]);
            return ExitCode::FAILURE;
        }
    };
    let form = match args {
        JournalArgs { nsupdate: true, .. } => Form::Nsupdate,
        JournalArgs { source: true, .. } => Form::WithSource,
        _ => Form::Updates,
    };
    let (lines, is_whole) = show(&octets, form);
    // nsupdate takes it for a comment.
    let mark = if form == Form::Nsupdate { "; " } else { "" };
    let lines = lines.into_iter().map(|line| line.unwrap_or_else(|fault| format!("{mark}{shown}: {fault}")));
    if cli::print_lines(lines) && is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The lines of a journal, faults among them, and whether it is whole.
fn show(journal: &[u8], form: Form) -> (Vec<Result<String, String>>, bool) {
    let (mut lines, mut records) = (Vec::new(), 0);
    let replayed = replay(journal, |item| match item {
        Item::Base { records: part, .. } => {
            records += part.len();
            if form == Form::WithSource {
                lines.extend(part.iter().map(|record| Ok(format!("has {}", text(record)))));
            }
        }
        Item::Delta(entry) if form == Form::Nsupdate => lines.extend(nsupdate(&entry).into_iter().map(Ok)),
        Item::Delta(entry) => lines.extend(update(&entry).into_iter().map(Ok)),
    });
    match replayed {
        Ok(replayed) => {
            lines.insert(0, Ok(format!("; source: serial {}, {records} records", replayed.header.serial)));
            let cut = journal.len() - replayed.length;
            if cut > 0 {
                lines.push(Err(format!("{cut} octets at the end are of an update that was never answered")));
            }
            (lines, cut == 0)
        }
        Err(_) if journal.starts_with(NAMED) => {
            lines.push(Err("it is named's journal (named-journalprint shows it)".to_owned()));
            (lines, false)
        }
        Err(damage) => {
            lines.push(Err(damage.to_string()));
            (lines, false)
        }
    }
}

fn update(entry: &Entry) -> Vec<String> {
    let mut lines = vec![head(entry)];
    lines.extend(entry.delta.removed.iter().map(|record| format!("del {}", text(record))));
    lines.extend(entry.delta.added.iter().map(|record| format!("add {}", text(record))));
    lines
}

/// An update as nsupdate takes it. The other server has an SOA record of its own; what is too long for a message is
/// sent in parts.
fn nsupdate(entry: &Entry) -> Vec<String> {
    let changes = |records| <[Record]>::iter(records).filter(|record| record.rtype != rtype::SOA);
    let removed = changes(&entry.delta.removed).map(|record| (record, "delete"));
    let added = changes(&entry.delta.added).map(|record| (record, "add"));
    let (mut lines, mut octets) = (vec![head(entry)], 0);
    for (record, verb) in removed.chain(added) {
        let own = record.owner.as_wire().len() + RECORD_OCTETS + record.rdata.len();
        if octets > 0 && octets + own > MAX_SEND_OCTETS {
            lines.push("send".to_owned());
            octets = 0;
        }
        octets += own;
        let ttl = if verb == "add" { format!(" {}", record.ttl) } else { String::new() };
        let (owner, rdata) = (record.owner.absolute(), present::show(record.rtype, &record.rdata));
        lines.push(format!("update {verb} {owner}{ttl} {} {rdata}", type_name(record.rtype)));
    }
    if octets > 0 {
        lines.push("send".to_owned());
    }
    lines
}

/// When an update was made, and by whom.
fn head(entry: &Entry) -> String {
    let Entry { from, to, unix, key, .. } = entry;
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs((*unix).min(u64::from(u32::MAX)));
    let mut head = format!("; serial {from} to {to}, {}", Utc::from(time));
    if let Some(key) = key {
        let _ = write!(head, ", key {key}");
    }
    head
}

fn text(record: &Record) -> String {
    let Record { owner, rtype, ttl, rdata, .. } = record;
    let owner = owner.absolute();
    format!("{owner} {ttl} IN {} {}", type_name(*rtype), present::show(*rtype, rdata))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Name;
    use crate::zone::Delta;
    use crate::zone::journal::{Fingerprint, Frame, Header};

    #[test]
    fn every_update_is_shown_with_when_and_by_whom() {
        let name = |text: &str| text.parse::<Name>().expect("a name");
        let record = |owner, last| Record {
            owner: name(owner),
            rtype: rtype::A,
            ttl: 60,
            rdata: [10, 0, 0, last].into(),
            position: None,
        };
        let mut frame = Frame::default();
        frame.put_base(7, &[record("a.corp", 1)]);
        frame.put_delta(&Entry {
            from: 7,
            to: 8,
            unix: 1_700_000_000,
            key: Some(name("ddns")),
            delta: Delta { removed: vec![record("a.corp", 1)], added: vec![record("b.corp", 2)] },
        });
        let header = Header { source: Fingerprint { octets: 1, crc32: 2 }, serial: 7 };
        let mut journal = [&header.encode()[..], &frame.finish().expect("it is short")].concat();
        let (lines, is_whole) = show(&journal, Form::WithSource);
        let lines: Vec<_> = lines.into_iter().map(|line| line.expect("no fault")).collect();
        assert!(is_whole);
        assert_eq!(lines[0], "; source: serial 7, 1 records");
        assert_eq!(lines[1], "has a.corp. 60 IN A 10.0.0.1");
        assert!(lines[2].starts_with("; serial 7 to 8, 2023-11-14") && lines[2].ends_with("key ddns"), "{}", lines[2]);
        assert_eq!(lines[3..], ["del a.corp. 60 IN A 10.0.0.1", "add b.corp. 60 IN A 10.0.0.2"]);
        journal.extend_from_slice(&[0, 0]);
        let (lines, is_whole) = show(&journal, Form::Updates);
        assert_eq!((lines.len(), is_whole, lines.last().expect("a line").is_err()), (5, false, true));
        assert!(!show(b"no journal", Form::Updates).1);
        let (lines, is_whole) = show(b";BIND LOG V9.2\n\0\0", Form::Updates);
        let told = "it is named's journal (named-journalprint shows it)".to_owned();
        assert_eq!((lines, is_whole), (vec![Err(told)], false));
    }

    #[test]
    fn nsupdate_gets_each_update_without_soa_records_and_in_parts_that_fit() {
        let record = |owner: &str, rtype, rdata: &[u8]| Record {
            owner: owner.parse().expect("a name"),
            rtype,
            ttl: 60,
            rdata: rdata.into(),
            position: None,
        };
        let soa = |serial: u8| {
            let numbers = [0, 0, 0, serial].repeat(5);
            record("corp", rtype::SOA, &[&b"\x02ns\0\x01h\0"[..], &numbers].concat())
        };
        let entry = |removed, added| Entry { from: 7, to: 8, unix: 0, key: None, delta: Delta { removed, added } };
        let made = entry(
            vec![soa(7), record("a.corp", rtype::A, &[10, 0, 0, 1])],
            vec![soa(8), record("w.corp", rtype::CNAME, b"\x01a\x04corp\0"), record("t.corp", 16, b"\x03x y")],
        );
        assert_eq!(
            nsupdate(&made)[1..],
            [
                "update delete a.corp. A 10.0.0.1",
                "update add w.corp. 60 CNAME a.corp.",
                "update add t.corp. 60 TXT \"x y\"",
                "send",
            ]
        );
        assert!(nsupdate(&made)[0].starts_with("; serial 7 to 8"), "a comment");
        assert_eq!(nsupdate(&entry(vec![soa(7)], vec![soa(8)])).len(), 1, "nothing to be sent");
        let text = [&[255][..], &[b'x'; 255]].concat();
        let many = (0..500).map(|number| record(&format!("n{number}.corp"), 16, &text)).collect();
        let lines = nsupdate(&entry(Vec::new(), many));
        assert_eq!(lines.iter().filter(|line| *line == "send").count(), 3, "140 KB");
        assert_eq!((lines.len(), &*lines[lines.len() - 1]), (1 + 500 + 3, "send"));
    }
}
