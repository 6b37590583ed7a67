//! Showing what a zone's journal holds: `tandem journal FILE`, as named-journalprint does.
//!
//! Reads alone: a server may have it open. Exit code 1 when it cannot be read whole.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli;
use crate::config::files::{Disk, Files, explain};
use crate::health::overrides::Utc;
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
}

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
    let (lines, is_whole) = show(&octets, args.source);
    let lines = lines.into_iter().map(|line| line.unwrap_or_else(|fault| format!("{shown}: {fault}")));
    if cli::print_lines(lines) && is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The lines of a journal, faults among them, and whether it is whole.
fn show(journal: &[u8], with_source: bool) -> (Vec<Result<String, String>>, bool) {
    let (mut lines, mut records) = (Vec::new(), 0);
    let replayed = replay(journal, |item| match item {
        Item::Base { records: part, .. } => {
            records += part.len();
            if with_source {
                lines.extend(part.iter().map(|record| Ok(format!("has {}", text(record)))));
            }
        }
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
        Err(damage) => {
            lines.push(Err(damage.to_string()));
            (lines, false)
        }
    }
}

fn update(entry: &Entry) -> Vec<String> {
    let Entry { from, to, unix, key, delta } = entry;
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs((*unix).min(u64::from(u32::MAX)));
    let mut head = format!("; serial {from} to {to}, {}", Utc::from(time));
    if let Some(key) = key {
        let _ = write!(head, ", key {key}");
    }
    let mut lines = vec![head];
    lines.extend(delta.removed.iter().map(|record| format!("del {}", text(record))));
    lines.extend(delta.added.iter().map(|record| format!("add {}", text(record))));
    lines
}

fn text(record: &Record) -> String {
    let Record { owner, rtype, ttl, rdata, .. } = record;
    let dot = if owner.is_root() { "" } else { "." };
    format!("{owner}{dot} {ttl} IN {} {}", type_name(*rtype), present::show(*rtype, rdata))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Name;
    use crate::wire::header::rtype;
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
        let (lines, is_whole) = show(&journal, true);
        let lines: Vec<_> = lines.into_iter().map(|line| line.expect("no fault")).collect();
        assert!(is_whole);
        assert_eq!(lines[0], "; source: serial 7, 1 records");
        assert_eq!(lines[1], "has a.corp. 60 IN A 10.0.0.1");
        assert!(lines[2].starts_with("; serial 7 to 8, 2023-11-14") && lines[2].ends_with("key ddns"), "{}", lines[2]);
        assert_eq!(lines[3..], ["del a.corp. 60 IN A 10.0.0.1", "add b.corp. 60 IN A 10.0.0.2"]);
        journal.extend_from_slice(&[0, 0]);
        let (lines, is_whole) = show(&journal, false);
        assert_eq!((lines.len(), is_whole, lines.last().expect("a line").is_err()), (5, false, true));
        assert!(!show(b"no journal", false).1);
    }
}
