//! The directory of what a server must not forget: opening it for one process alone, and writing files that survive.
//!
//! Overrides of health checks lie here, and journals of zones. Whoever has a [`StateDirectory`] is the only one that
//! writes there: a lock on the file `lock` in it, which the kernel takes back when the process ends, however it ends.
//! Not here: what the files mean.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

/// Of the directory, where it has to be made: nobody else has any business in it.
const DIRECTORY_MODE: u32 = 0o750;
/// Of the files in it.
const FILE_MODE: u32 = 0o640;
/// The file that is locked; it holds the process ID of the holder in decimal.
const LOCK: &str = "lock";
/// So many files of one name are set aside before the last one is written over.
const MAX_ASIDE: usize = 100;

/// A directory that this process alone writes to, for as long as this lives.
#[derive(Debug)]
pub struct StateDirectory {
    /// Whole: a later change of the working directory does not move it.
    path: PathBuf,
    directory: File,
    _lock: Flock<File>,
}

/// Why a directory cannot be used.
#[derive(Debug)]
pub enum Unusable {
    /// Another server has it; its process ID, if it could be read.
    InUse(PathBuf, Option<u32>),
    /// What the system did not allow.
    System(PathBuf, io::Error),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(path, process) => {
                let who = process.map_or("another server".to_owned(), |id| format!("another server, process {id},"));
                let advice = "stop that one, or give each its own";
                write!(f, "state_directory '{}': {who} keeps its state there ({advice})", path.display())
            }
            Self::System(path, error) => {
                let advice = match error.kind() {
                    io::ErrorKind::NotFound => "the directory above it does not exist: create it",
                    io::ErrorKind::PermissionDenied => "let the server's user write there",
                    io::ErrorKind::NotADirectory => "it, or one above it, is a file",
                    io::ErrorKind::ReadOnlyFilesystem => "choose a place that can be written",
                    _ => "see the system's message",
                };
                write!(f, "cannot use state_directory '{}': {error} ({advice})", path.display())
            }
        }
    }
}

impl std::error::Error for Unusable {}

impl StateDirectory {
    /// Opens the directory for this process alone; one that is not there is made, those above it are not.
    ///
    /// # Errors
    /// When another process has it, or it cannot be made, entered or written.
    pub fn open(path: &Path) -> Result<Self, Unusable> {
        let failed = |error| Unusable::System(path.to_owned(), error);
        make(path).map_err(failed)?;
        let directory = open_directory(path).map_err(failed)?;
        let path = fs::canonicalize(path).map_err(failed)?;
        let lock = open_lock(&path).map_err(failed)?;
        let lock = match Flock::lock(lock, FlockArg::LockExclusiveNonblock) {
            Ok(mut lock) => {
                // For those who are refused; the lock itself does not depend on it.
                let _ = write_process_id(&mut lock);
                lock
            }
            Err((mut lock, nix::errno::Errno::EWOULDBLOCK)) => {
                return Err(Unusable::InUse(path, read_process_id(&mut lock)));
            }
            Err((_, error)) => return Err(failed(error.into())),
        };
        Ok(Self { path, directory, _lock: lock })
    }

    /// Where it is; a whole path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The content of a file in it; `None` if there is none.
    ///
    /// # Errors
    /// What the system says; `FileTooLarge` above `most` octets.
    pub fn read(&self, name: &str, most: u64) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.path.join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut octets = Vec::new();
        file.take(most + 1).read_to_end(&mut octets)?;
        if octets.len() as u64 > most { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(Some(octets)) }
    }

    /// Writes a file whole, in the place of one of this name: after a crash at any moment there is the old one or the new
    /// one. It is on the disk when this returns.
    ///
    /// # Errors
    /// What the system says; the old one is as it was then, but where only the last step failed.
    pub fn replace(&self, name: &str, octets: &[u8]) -> io::Result<()> {
        let next = self.path.join(format!("{name}.tmp"));
        let written = write_file(&next, octets).and_then(|()| fs::rename(&next, self.path.join(name)));
        if written.is_err() {
            // What a full disk cut off helps nobody.
            let _ = fs::remove_file(&next);
        }
        written.and_then(|()| self.sync())
    }

    /// Moves a file that cannot be used out of the way, for a person to look at: to `NAME.bad`, `NAME.bad.2` … Returns
    /// where it is now.
    ///
    /// # Errors
    /// What the system says; the file stays then.
    pub fn set_aside(&self, name: &str) -> io::Result<PathBuf> {
        let place = |number| match number {
            1 => self.path.join(format!("{name}.bad")),
            _ => self.path.join(format!("{name}.bad.{number}")),
        };
        let is_free = |path: &PathBuf| fs::symlink_metadata(path).is_err();
        let aside = (1..MAX_ASIDE).map(place).find(is_free).unwrap_or_else(|| place(MAX_ASIDE));
        fs::rename(self.path.join(name), &aside)?;
        self.sync()?;
        Ok(aside)
    }

    /// Puts on the disk which files there are: after one was made, renamed or removed.
    ///
    /// # Errors
    /// What the system says.
    pub fn sync(&self) -> io::Result<()> {
        self.directory.sync_all()
    }
}

/// Makes a directory if there is none, and puts on the disk that it is there; those above it are not made.
///
/// # Errors
/// What the system says.
pub fn make(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(DIRECTORY_MODE).create(path) {
        Ok(()) => match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            Some(parent) => File::open(parent)?.sync_all(),
            None => File::open(".")?.sync_all(),
        },
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn open_directory(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY).open(path)
}

fn open_lock(directory: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE).open(directory.join(LOCK))
}

fn write_file(path: &Path, octets: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(path)?;
    file.write_all(octets)?;
    file.sync_all()
}

fn write_process_id(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    lock.write_all(format!("{}\n", std::process::id()).as_bytes())
}

fn read_process_id(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.rewind().ok()?;
    lock.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn directory() -> (tempfile::TempDir, PathBuf) {
        let above = tempfile::tempdir().expect("a directory");
        let path = above.path().join("state");
        (above, path)
    }

    #[test]
    fn it_is_made_for_its_owner_and_its_group_and_for_one_process() {
        let (_above, path) = directory();
        let state = StateDirectory::open(&path).expect("it can be made");
        assert_eq!(fs::metadata(&path).expect("it is there").permissions().mode() & 0o027, 0, "not for everybody");
        let refused = StateDirectory::open(&path).expect_err("it is in use").to_string();
        let expected = format!("another server, process {}, keeps its state there", std::process::id());
        assert!(refused.contains(&expected), "{refused}");
        drop(state);
        StateDirectory::open(&path).expect("free again");
    }

    #[test]
    fn what_is_wrong_with_a_place_is_told() {
        let (above, path) = directory();
        fs::write(above.path().join("file"), "").expect("a file");
        for (case, path, expected) in [
            ("nothing above it", path.join("deeper"), "the directory above it does not exist: create it"),
            ("a file", above.path().join("file"), "is a file"),
            ("below a file", above.path().join("file/state"), "is a file"),
        ] {
            let told = StateDirectory::open(&path).expect_err(case).to_string();
            assert!(told.contains(expected) && told.contains(&*path.to_string_lossy()), "{case}: {told}");
        }
    }

    #[test]
    fn a_file_is_replaced_whole_and_survives_the_working_directory() {
        let (_above, path) = directory();
        let state = StateDirectory::open(&path).expect("it can be made");
        assert!(state.path().is_absolute());
        assert_eq!(state.read("kept", 10).expect("readable"), None);
        for text in ["first", "the 2nd"] {
            state.replace("kept", text.as_bytes()).expect("written");
            assert_eq!(state.read("kept", 10).expect("readable").as_deref(), Some(text.as_bytes()));
        }
        assert_eq!(state.read("kept", 6).map_err(|error| error.kind()), Err(io::ErrorKind::FileTooLarge));
        // What a crash left behind is in nobody's way.
        fs::write(path.join("kept.tmp"), "cut o").expect("a file");
        state.replace("kept", b"third").expect("written");
        assert!(!path.join("kept.tmp").exists());
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_file() {
        let (_above, path) = directory();
        let state = StateDirectory::open(&path).expect("it can be made");
        state.replace("kept", b"old").expect("written");
        fs::create_dir(path.join("kept.tmp")).expect("a directory where the next one would be written");
        state.replace("kept", b"new").expect_err("it cannot be written");
        assert_eq!(state.read("kept", 10).expect("readable").as_deref(), Some(&b"old"[..]));
    }

    #[test]
    fn what_cannot_be_used_is_set_aside_and_none_of_it_lost() {
        let (_above, path) = directory();
        let state = StateDirectory::open(&path).expect("it can be made");
        let mut places = Vec::new();
        for text in ["a", "b", "c"] {
            state.replace("kept", text.as_bytes()).expect("written");
            places.push(state.set_aside("kept").expect("moved"));
            assert_eq!(state.read("kept", 10).expect("readable"), None);
        }
        let names: Vec<_> = places.iter().filter_map(|place| place.file_name()?.to_str()).collect();
        assert_eq!(names, ["kept.bad", "kept.bad.2", "kept.bad.3"]);
        assert_eq!(fs::read(&places[2]).expect("there"), b"c");
        assert!(state.set_aside("kept").is_err(), "nothing is there");
    }
}
