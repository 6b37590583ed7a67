//! Overriding health checks so that it survives a restart: the table and the file beside it, changed together.
//!
//! The file is `health-overrides` in the state directory, in the form of [`crate::health::overrides`]. It is written
//! whole and lies on the disk before an operator gets his answer. Without a state directory overrides last as long as
//! the process. Invariant: one lock covers table and file, so that the file is never behind what was answered.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::config::HealthCheck;
use crate::health::overrides::{decode, encode};
use crate::health::{self, Change, Followed, NoSuchCheck, Override, Table};
use crate::logging::{self, Category, Severity};
use crate::sys::state_directory::StateDirectory;

/// The file's name.
const FILE: &str = "health-overrides";
/// Octets of the longest file that is read: more than any number of checks needs.
const MAX_FILE_OCTETS: u64 = 64 << 20;

/// The checks of the running server and what keeps their overrides.
#[derive(Debug)]
pub struct Overrides {
    table: Arc<Table>,
    directory: Option<Arc<StateDirectory>>,
    /// Held over a change of the table and the writing of it.
    writing: Mutex<()>,
}

/// Whether a change outlives the process.
#[derive(Debug)]
pub enum Kept {
    /// It is on the disk.
    Yes,
    /// There is no state directory.
    Nowhere,
    /// It could not be written.
    Failed(io::Error),
}

impl Overrides {
    /// A table with the overrides of the last run, for checks that are not known yet.
    pub fn new(directory: Option<Arc<StateDirectory>>) -> Self {
        let kept = directory.as_deref().map_or_else(Vec::new, read);
        Self { table: Arc::new(Table::new(kept)), directory, writing: Mutex::new(()) }
    }

    /// Where they are kept; a whole path.
    pub fn directory(&self) -> Option<&Path> {
        self.directory.as_deref().map(StateDirectory::path)
    }

    /// The table.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// Lets the table follow a configuration; overrides of checks that are no more are told and forgotten.
    pub fn follow(&self, checks: &[HealthCheck], now: SystemTime) -> Followed {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let followed = self.table.follow(checks, now);
        for (name, over) in &followed.forgotten {
            logging::event!(Category::Health, Severity::Warning, "{name}: no such check any more, forgotten: {over}");
        }
        if !followed.forgotten.is_empty()
            && let Kept::Failed(error) = self.write()
        {
            logging::event!(Category::Health, Severity::Error, "cannot write '{FILE}' in state_directory: {error}");
        }
        followed
    }

    /// Sets or takes back the override of a check.
    ///
    /// # Errors
    /// When no check has this name.
    pub fn set(&self, name: &str, to: Option<Override>, now: SystemTime) -> Result<(Vec<Change>, Kept), NoSuchCheck> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = self.table.set_override(name, to, now)?;
        health::log(&changes);
        let kept = self.write();
        if let Kept::Failed(error) = &kept {
            logging::event!(Category::Health, Severity::Error, "cannot write '{FILE}' in state_directory: {error}");
        }
        Ok((changes, kept))
    }

    fn write(&self) -> Kept {
        let Some(directory) = &self.directory else { return Kept::Nowhere };
        match directory.replace(FILE, encode(&self.table.overrides()).as_bytes()) {
            Ok(()) => Kept::Yes,
            Err(error) => Kept::Failed(error),
        }
    }
}

/// What was kept. A file of which a part says nothing is set aside whole and what could be read of it written anew.
fn read(directory: &StateDirectory) -> Vec<(String, Override)> {
    let octets = match directory.read(FILE, MAX_FILE_OCTETS) {
        Ok(octets) => octets.unwrap_or_default(),
        Err(error) => {
            set_aside(directory, &format!("cannot be read: {error}"));
            return Vec::new();
        }
    };
    // A line that is no UTF-8 has a character that stands for it.
    let text = String::from_utf8_lossy(&octets);
    let readable: Vec<&str> =
        text.lines().map(|line| if line.contains(char::REPLACEMENT_CHARACTER) { "?" } else { line }).collect();
    let (overrides, faults) = decode(&readable.join("\n"));
    if !faults.is_empty() {
        let told: Vec<_> = faults.iter().take(10).map(|(line, why)| format!("line {line}: {why}")).collect();
        set_aside(directory, &told.join("; "));
        if let Err(error) = directory.replace(FILE, encode(&overrides).as_bytes()) {
            logging::event!(Category::Health, Severity::Error, "cannot write '{FILE}' in state_directory: {error}");
        }
    }
    overrides
}

fn set_aside(directory: &StateDirectory, why: &str) {
    let path = directory.path().join(FILE);
    let shown = path.display();
    let what = "overrides of health checks";
    match directory.set_aside(FILE) {
        Ok(aside) => logging::event!(
            Category::Health,
            Severity::Error,
            "{shown}: {why}: it is kept as '{}'; what it says of {what} counts only where it could be read",
            aside.display()
        ),
        Err(error) => logging::event!(
            Category::Health,
            Severity::Error,
            "{shown}: {why}: it stays where it is, and {what} are not kept: {error}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::config::health::{Calculated, Monitored, Thresholds};

    fn checks(names: &[&str]) -> Vec<HealthCheck> {
        let check = |name: &&str| HealthCheck {
            name: (*name).to_owned(),
            monitored: Monitored::Calculated(Calculated { children: Vec::new(), health_threshold: 0 }),
            thresholds: Thresholds::default(),
            inverted: false,
            disabled: false,
            position: None,
        };
        names.iter().map(check).collect()
    }

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    fn down(expires: Option<u64>) -> Option<Override> {
        Some(Override { healthy: false, reason: "new disks".to_owned(), expires })
    }

    fn open(path: &Path) -> Overrides {
        Overrides::new(Some(Arc::new(StateDirectory::open(path).expect("a state directory"))))
    }

    fn states(overrides: &Overrides) -> String {
        overrides.table.report().iter().map(|row| if row.healthy { 'H' } else { 'u' }).collect()
    }

    #[test]
    fn what_is_set_counts_after_a_restart_until_its_end() {
        let directory = tempfile::tempdir().expect("a directory");
        let names = checks(&["a", "b", "c"]);
        let first = open(directory.path());
        first.follow(&names, at(0));
        for (name, to) in [("a", down(None)), ("b", down(Some(100))), ("c", down(None)), ("c", None)] {
            let (_, kept) = first.set(name, to, at(1)).expect("it is known");
            assert!(matches!(kept, Kept::Yes), "{kept:?}");
        }
        assert_eq!(first.set("d", None, at(1)).map(drop), Err(NoSuchCheck));
        assert_eq!(states(&first), "uuH");
        drop(first);
        let second = open(directory.path());
        second.follow(&names, at(99));
        assert_eq!(states(&second), "uuH");
        drop(second);
        let third = open(directory.path());
        third.follow(&names, at(100));
        assert_eq!(states(&third), "uHH", "its time was over while nobody ran");
    }

    #[test]
    fn overrides_of_checks_that_are_no_more_are_forgotten_on_the_disk_too() {
        let directory = tempfile::tempdir().expect("a directory");
        let first = open(directory.path());
        first.follow(&checks(&["a", "b"]), at(0));
        first.set("a", down(None), at(1)).expect("it is known");
        first.follow(&checks(&["b"]), at(2));
        drop(first);
        assert_eq!(open(directory.path()).table.overrides(), []);
    }

    #[test]
    fn without_a_directory_nothing_is_kept_and_it_is_told() {
        let overrides = Overrides::new(None);
        overrides.follow(&checks(&["a"]), at(0));
        let (changes, kept) = overrides.set("a", down(None), at(1)).expect("it is known");
        assert_eq!((changes.len(), matches!(kept, Kept::Nowhere)), (1, true));
    }

    #[test]
    fn what_cannot_be_written_counts_all_the_same_and_is_told() {
        let directory = tempfile::tempdir().expect("a directory");
        let overrides = open(directory.path());
        overrides.follow(&checks(&["a"]), at(0));
        std::fs::create_dir(directory.path().join("health-overrides.tmp")).expect("a directory in its way");
        let (changes, kept) = overrides.set("a", down(None), at(1)).expect("it is known");
        assert_eq!((changes.len(), matches!(kept, Kept::Failed(_))), (1, true));
    }

    #[test]
    fn a_broken_file_is_set_aside_whole_and_what_can_be_read_of_it_counts() {
        for (case, text, expected) in [
            ("a line cut short", &b"a\tdown\t-\tx\nb\tdo"[..], "uH"),
            ("no UTF-8", b"a\tdown\t-\t\xff\nb\tdown\t-\tx\n", "Hu"),
            ("anything", b"\0\x01\x02", "HH"),
        ] {
            let directory = tempfile::tempdir().expect("a directory");
            std::fs::write(directory.path().join(FILE), text).expect("a file");
            let overrides = open(directory.path());
            overrides.follow(&checks(&["a", "b"]), at(0));
            assert_eq!(states(&overrides), expected, "{case}");
            let aside = std::fs::read(directory.path().join("health-overrides.bad")).expect("set aside");
            assert_eq!(aside, text, "{case}");
            drop(overrides);
            let again = open(directory.path());
            again.follow(&checks(&["a", "b"]), at(0));
            assert_eq!(states(&again), expected, "{case}: what could be read was written anew");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_set_aside() {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(directory.path().join(FILE)).expect("a directory in its place");
        let overrides = open(directory.path());
        overrides.follow(&checks(&["a"]), at(0));
        assert!(directory.path().join("health-overrides.bad").exists());
        let (_, kept) = overrides.set("a", down(None), at(1)).expect("it is known");
        assert!(matches!(kept, Kept::Yes), "{kept:?}");
    }
}
