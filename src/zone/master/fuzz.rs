//! Reading any octets as a master file: the body for `cargo fuzz` and for the corpus test.

use std::collections::BTreeSet;
use std::path::Path;

use super::{MAX_OCTETS, read};
use crate::config::Level;
use crate::config::files::{Files, NoFiles};
use crate::wire::Name;
use crate::wire::present::{is_valid, rdata, show};
use crate::zone::{Builder, Record};

/// A file that says `$INCLUDE`, whatever is asked for: the text itself.
struct Itself<'t>(&'t [u8]);

impl Files for Itself<'_> {
    fn read(&self, _: &Path, _: u64) -> std::io::Result<Vec<u8>> {
        Ok(self.0.to_vec())
    }

    fn list(&self, directory: &Path) -> std::io::Result<Vec<String>> {
        NoFiles.list(directory)
    }
}

/// Whatever the octets are, reading them ends; every record's data are of its type, their text reads back as the same
/// octets, and what is wrong with them as a zone is told.
pub fn fuzz_master(octets: &[u8]) {
    assert!(octets.len() as u64 <= MAX_OCTETS);
    let apex: Name = "example".parse().expect("a name");
    let mut records = Vec::new();
    // A file that includes itself in every line is read over and over; a few lines are enough of that.
    let files: &dyn Files = if octets.len() < 64 { &Itself(octets) } else { &NoFiles };
    let mut each = |record: Record| {
        if records.len() < 1000 {
            records.push(record);
        }
    };
    let told = read("fuzz", octets, &apex, Some(60), files, &mut each);
    assert!(told.len() <= 100 && told.iter().rev().skip(1).all(|diagnostic| diagnostic.position.is_some()));
    let mut builder = Builder::new(apex);
    let mut lines = BTreeSet::new();
    for record in records {
        assert!(record.ttl <= i32::MAX as u32 && is_valid(record.rtype, &record.rdata), "{record:?}");
        let shown = show(record.rtype, &record.rdata);
        let again = rdata(record.rtype, &shown, &Name::root());
        assert_eq!(again.as_deref(), Ok(&*record.rdata), "{shown}");
        lines.extend(record.position.as_ref().map(|position| position.line));
        builder.add(record);
    }
    assert!(lines.first() != Some(&0));
    if let Err(faults) = builder.finish() {
        assert!(faults.iter().any(|fault| fault.level == Level::Error));
    }
}
