//! The file that says under which process ID the server runs: `pid-file`.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::logging::{self, Category, Severity};

/// Of the file: every monitoring script reads it.
const FILE_MODE: u32 = 0o644;
/// Of directories that have to be made for it.
const DIRECTORY_MODE: u32 = 0o755;

/// The file while it is there; it goes with this.
#[derive(Debug, Default)]
pub(super) struct PidFile {
    written: Option<PathBuf>,
}

impl PidFile {
    /// Follows the configuration: writes the file at its place and removes the one before. One that cannot be written is
    /// an error in the log, as with named, and tried again at the next reload.
    pub(super) fn follow(&mut self, wanted: Option<&Path>) {
        if self.written.as_deref() == wanted {
            return;
        }
        self.remove();
        let Some(path) = wanted else { return };
        match write(path) {
            Ok(()) => self.written = Some(path.to_owned()),
            Err(error) => {
                let (shown, advice) = (path.display(), "may the server's user write in its directory?");
                logging::event!(
                    Category::General,
                    Severity::Error,
                    "cannot write pid-file '{shown}': {error} ({advice})"
                );
            }
        }
    }

    /// Removes it.
    pub(super) fn remove(&mut self) {
        if let Some(path) = self.written.take() {
            // Somebody else may have removed it; there is nothing left to do then.
            let _ = fs::remove_file(path);
        }
    }
}

/// Writes the file anew: what lies there, such as a link to another file, is not written through.
fn write(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory)?;
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_moves_with_the_configuration_and_goes_with_the_server() {
        let directory = tempfile::tempdir().expect("a directory");
        let (first, second) = (directory.path().join("a/b/first.pid"), directory.path().join("second.pid"));
        let own = format!("{}\n", std::process::id());
        let mut file = PidFile::default();
        file.follow(Some(&first));
        assert_eq!(fs::read_to_string(&first).expect("it is there, and its directories"), own);
        assert_eq!(
            fs::metadata(&first).expect("it is there").permissions().mode() & 0o133,
            0,
            "others read it at most"
        );
        file.follow(Some(&second));
        assert!(!first.exists() && second.exists());
        file.follow(None);
        assert!(!second.exists());
    }

    #[test]
    fn a_link_is_replaced_and_not_followed() {
        let directory = tempfile::tempdir().expect("a directory");
        let (other, link) = (directory.path().join("other"), directory.path().join("pid"));
        fs::write(&other, "precious").expect("a file");
        std::os::unix::fs::symlink(&other, &link).expect("a link");
        let mut file = PidFile::default();
        file.follow(Some(&link));
        assert_eq!(fs::read_to_string(&other).expect("it is there"), "precious");
        file.remove();
        assert!(other.exists() && fs::symlink_metadata(&link).is_err());
    }

    #[test]
    fn one_that_cannot_be_written_is_tried_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("pid");
        fs::create_dir(&path).expect("a directory where the file would be");
        let mut file = PidFile::default();
        file.follow(Some(&path));
        assert!(path.is_dir());
        fs::remove_dir(&path).expect("it is empty");
        file.follow(Some(&path));
        assert!(path.is_file());
    }
}
