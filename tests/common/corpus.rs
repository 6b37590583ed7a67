//! The named.conf files of `tests/named_conf`: where they are, and a copy in which no file of this host is meant.

use std::fs;
use std::path::{Path, PathBuf};

/// The texts of directories that named.conf files name, which are looked for below `root` instead.
const HOST_DIRECTORIES: [&str; 3] = ["\"/etc", "\"/usr", "\"/var"];

pub(crate) fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/named_conf")
}

/// Copies a tree, with the directories of hosts replaced by those below `root`.
fn copy(from: &Path, to: &Path, root: &str) {
    fs::create_dir_all(to).expect("a directory of the test can be made");
    for entry in fs::read_dir(from).expect("the corpus can be read") {
        let entry = entry.expect("an entry can be read");
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target, root);
            continue;
        }
        let mut text = fs::read_to_string(&source).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
        for directory in HOST_DIRECTORIES {
            text = text.replace(directory, &format!("\"{root}{}", &directory[1..]));
        }
        fs::write(target, text).expect("the test's directory is writable");
    }
}

/// The corpus in a directory of its own.
pub(crate) fn unpack() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory of the test");
    let root = directory.path().join("root");
    copy(&corpus(), directory.path(), root.to_str().expect("a temporary directory's name is text"));
    directory
}

/// The files of `accept` or `reject`, each with its directory.
pub(crate) fn files_of(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(corpus().join(directory)).expect("the corpus can be read");
    let names =
        entries.map(|entry| entry.expect("an entry can be read").file_name().into_string().expect("names are text"));
    let mut files: Vec<_> =
        names.filter(|name| name.ends_with(".conf")).map(|name| format!("{directory}/{name}")).collect();
    files.sort();
    files
}
