//! Where the journal of a zone is.
//!
//! Not here: what stands in it and who writes it (`keeper`).

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::config::files::{Disk, Files, explain};
use crate::config::{Config, LocalZone, View, journal_beside};
use crate::logging::{self, Category, Severity};
use crate::sys::state_directory;
use crate::zone::journal::{Item, replay};

/// Below it in `state_directory` each view has a directory.
const ZONES: &str = "zones";
/// A longer journal is not read for its serial, in octets.
const MAX_OCTETS: u64 = 4 << 30;
/// Entries of a directory that are looked at for journals of no zone.
const MAX_LISTED: usize = 10_000;

/// The journal of a zone that takes updates, or has one of the time when it did: the one that its `journal` names, else
/// one below `state_directory`, else one beside its master file. `None`: there is none, or no place for one.
pub(super) fn path(config: &Config, view: &View, zone: &LocalZone) -> Option<PathBuf> {
    let takes_updates = !zone.grants.is_empty();
    let path = match (&zone.settings.journal, &config.state_directory, &zone.file) {
        (Some(path), ..) => path.clone(),
        (None, Some(state), _) => {
            // Below one name: a view may be called as another file of the directory is.
            let directory = state.join(ZONES).join(file_name(&view.name));
            if takes_updates && let Err(error) = make_below(state, &directory) {
                let shown = directory.display();
                logging::event!(Category::Zoneload, Severity::Error, "cannot make directory '{shown}': {error}");
            }
            directory.join(format!("{}.journal", file_name(&zone.name.to_string())))
        }
        (None, None, Some(file)) => journal_beside(&file.path),
        (None, None, None) => return None,
    };
    // Where it was when neither `journal` nor `state_directory` was written.
    let before = zone.file.as_ref().map(|file| journal_beside(&file.path));
    if let Some(before) = before.filter(|before| *before != path && !path.exists() && before.exists()) {
        let (name, before_shown, shown) = (&zone.name, before.display(), path.display());
        logging::event!(
            Category::Zoneload,
            Severity::Warning,
            "zone {name}/IN: its updates are in '{before_shown}', which stays in use: to have them in '{shown}', move it there \
             while the server is stopped"
        );
        return Some(before);
    }
    (takes_updates || path.exists()).then_some(path)
}

/// The serial that a journal leaves a zone at, which has `serial` without it. A journal that there is not changes nothing.
pub(super) fn serial(path: &Path, serial: u32) -> Result<u32, String> {
    let octets = match Disk.read(path, MAX_OCTETS) {
        Ok(octets) => octets,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(serial),
        Err(error) => return Err(format!("journal '{}': {}", path.display(), explain(&error))),
    };
    let mut last = serial;
    let replayed = replay(&octets, |item| match item {
        Item::Delta(entry) => last = entry.to,
        Item::Base { serial, .. } => last = serial,
    });
    replayed.map(|_| last).map_err(|damage| format!("journal '{}': {damage}", path.display()))
}

/// Says which journals below `state_directory` no zone goes on with: a view or a zone may have another name now.
pub(super) fn tell_orphans(config: &Config, used: &HashSet<PathBuf>) {
    let Some(state) = &config.state_directory else { return };
    let list = |directory: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).take(MAX_LISTED).collect()
    };
    let views = list(&state.join(ZONES));
    let journals = views.iter().flat_map(|view| list(view));
    let is_journal = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "journal");
    for path in journals.filter(|path| is_journal(path) && !used.contains(path)) {
        let shown = path.display();
        logging::event!(
            Category::Zoneload,
            Severity::Warning,
            "journal '{shown}' belongs to no zone of the configuration: its updates are not served"
        );
    }
}

/// Makes a directory below another, and puts on the disk that it is there.
fn make_below(above: &Path, directory: &Path) -> io::Result<()> {
    let parents = directory.ancestors().take_while(|parent| *parent != above).collect::<Vec<_>>();
    parents.into_iter().rev().try_for_each(state_directory::make)
}

/// A name as that of a file: whatever might mean something in a path is written as `%` and its octet.
fn file_name(name: &str) -> String {
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.');
    let dots = name.bytes().all(|octet| octet == b'.');
    let escaped = name.bytes().map(|octet| match is_plain(octet) && !dots {
        true => char::from(octet).to_string(),
        false => format!("%{octet:02x}"),
    });
    escaped.collect()
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_name_never_leaves_its_directory() {
        for (name, file) in [
            ("_default", "_default"),
            ("corp.example", "corp.example"),
            ("..", "%2e%2e"),
            ("a/../b", "a%2f..%2fb"),
            ("0/25.2.0.192.in-addr.arpa", "0%2f25.2.0.192.in-addr.arpa"),
            ("", ""),
        ] {
            assert_eq!(file_name(name), file);
        }
    }
}
