//! A journal's file: opened and locked, written so that what was said to be kept is there after any crash.
//!
//! A file is made whole under another name, synchronised, renamed, and its directory synchronised; after that it only
//! grows, by whole frames, each synchronised before anybody is told. A frame that could not be is cut off again.
//! Not here: what stands in it ([`crate::zone::journal`]).

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

use crate::sys::rename::rename_to_free;
use crate::zone::journal::Header;

/// So many copies are made under names of their own before the last one is written over.
const MAX_ASIDE: usize = 100;
/// A longer journal is not read, in octets.
const MAX_OCTETS: u64 = 4 << 30;

/// What is where a journal is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing; what has come there meanwhile is somebody else's.
    Free,
    /// The journal that is written anew.
    Own,
}

/// See the module.
pub(super) struct JournalFile {
    path: PathBuf,
    file: Flock<File>,
    /// Octets of whole frames.
    length: u64,
}

impl JournalFile {
    /// Opens a journal that is there, for this process alone; what stands in it is returned, too.
    ///
    /// # Errors
    /// What the system says; another process has it.
    pub(super) fn open(path: &Path) -> io::Result<Option<(Self, Vec<u8>)>> {
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut file = lock(file)?;
        let mut octets = Vec::new();
        (&mut *file).take(MAX_OCTETS + 1).read_to_end(&mut octets)?;
        if octets.len() as u64 > MAX_OCTETS {
            return Err(io::Error::other(format!("longer than {MAX_OCTETS} octets")));
        }
        let length = octets.len() as u64;
        Ok(Some((Self { path: path.to_owned(), file, length }, octets)))
    }

    /// Makes a journal of a header and frames. It is there when this returns, and is to be gone on with; whether it
    /// would still be after the power failed is the second thing that is told.
    ///
    /// # Errors
    /// What the system says; what was there is still there.
    pub(super) fn create(
        path: &Path,
        header: &Header,
        frames: impl Iterator<Item = Vec<u8>>,
        place: Place,
    ) -> io::Result<(Self, io::Result<()>)> {
        let temporary = beside(path, ".tmp");
        let directory = open_directory(path)?;
        let made = Self::write_whole(&temporary, header, frames).and_then(|(file, length)| {
            place.take(&temporary, path)?;
            Ok(Self { path: path.to_owned(), file, length })
        });
        if made.is_err() {
            // Nothing else can be done about it.
            let _ = fs::remove_file(&temporary);
        }
        made.map(|file| (file, directory.sync_all()))
    }

    fn write_whole(
        path: &Path,
        header: &Header,
        frames: impl Iterator<Item = Vec<u8>>,
    ) -> io::Result<(Flock<File>, u64)> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o640).open(path)?;
        let mut file = lock(file)?;
        let header = header.encode();
        file.write_all(&header)?;
        let mut length = header.len() as u64;
        for frame in frames {
            file.write_all(&frame)?;
            length += frame.len() as u64;
        }
        file.sync_all()?;
        Ok((file, length))
    }

    /// Removes it, unless something else is in its place.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn remove(self) -> io::Result<()> {
        if self.is_in_place() { fs::remove_file(&self.path) } else { Ok(()) }
    }

    /// Whether its path still leads to it.
    pub(super) fn is_in_place(&self) -> bool {
        let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        let own = self.file.metadata().map(identity);
        own.is_ok_and(|own| fs::metadata(&self.path).is_ok_and(|there| identity(there) == own))
    }

    /// Waits until it, and its name, are on the disk.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.cut(self.length)?;
        open_directory(&self.path)?.sync_all()
    }

    /// Where it is, or was made.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Octets of whole frames, the header included.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Adds a frame; when this returns it is on the disk.
    ///
    /// # Errors
    /// What the system says, twice if the frame's beginning could not be cut off again: then nothing may be added any
    /// more.
    pub(super) fn append(&mut self, frame: &[u8]) -> Result<(), (io::Error, Option<io::Error>)> {
        if self.length + frame.len() as u64 > MAX_OCTETS {
            return Err((io::Error::other(format!("it would be longer than {MAX_OCTETS} octets")), None));
        }
        let added = self.file.write_all_at(frame, self.length).and_then(|()| self.file.sync_data());
        match added {
            Ok(()) => {
                self.length += frame.len() as u64;
                Ok(())
            }
            Err(error) => Err((error, self.cut(self.length).err())),
        }
    }

    /// Cuts off what stands behind the first `length` octets.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.file.sync_all()?;
        self.length = length;
        Ok(())
    }

    /// Makes a copy of it under a name that is free, for somebody to look at; returns that.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn set_aside(&self, suffix: &str) -> io::Result<PathBuf> {
        let name =
            |number| beside(&self.path, &if number == 1 { suffix.to_owned() } else { format!("{suffix}.{number}") });
        let is_free = |path: &PathBuf| fs::symlink_metadata(path).is_err();
        let aside = (1..MAX_ASIDE).map(name).find(is_free).unwrap_or_else(|| name(MAX_ASIDE));
        fs::copy(&self.path, &aside)?;
        File::open(&aside)?.sync_all()?;
        open_directory(&aside)?.sync_all()?;
        Ok(aside)
    }
}

fn lock(file: File) -> io::Result<Flock<File>> {
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| match error {
        nix::errno::Errno::EWOULDBLOCK => {
            io::Error::other("it is open already, for another zone or in another process")
        }
        error => error.into(),
    })
}

/// A path with something behind its name.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// The directory that a file is in.
fn open_directory(path: &Path) -> io::Result<File> {
    File::open(path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}

impl Place {
    fn take(self, from: &Path, to: &Path) -> io::Result<()> {
        match self {
            Self::Own => fs::rename(from, to),
            Self::Free => {
                let taken = || io::Error::other("another file has come there");
                match rename_to_free(from, to) {
                    // A file system that cannot tell.
                    Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS)) => {
                        if fs::symlink_metadata(to).is_ok() {
                            Err(taken())
                        } else {
                            fs::rename(from, to)
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(taken()),
                    other => other,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::journal::Fingerprint;

    const HEADER: Header = Header { source: Fingerprint { octets: 1, crc32: 2 }, serial: 3 };

    #[test]
    fn a_journal_grows_by_whole_frames_and_belongs_to_one_process() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("corp.journal");
        assert!(JournalFile::open(&path).expect("it may be missing").is_none());
        let frames = || [b"one".to_vec()].into_iter();
        let (mut journal, synced) = JournalFile::create(&path, &HEADER, frames(), Place::Free).expect("it can be made");
        synced.expect("the directory is there");
        let taken = JournalFile::create(&path, &HEADER, frames(), Place::Free).err().expect("it is taken").to_string();
        assert_eq!(taken, "another file has come there");
        journal.append(b"two").expect("there is room");
        assert_eq!(fs::read(&path).expect("it is there"), [&HEADER.encode()[..], b"onetwo"].concat());
        assert!(!directory.path().join("corp.journal.tmp").exists());
        let error = JournalFile::open(&path).err().expect("it is open already").to_string();
        assert_eq!(error, "it is open already, for another zone or in another process");
        let aside = journal.set_aside(".bad").expect("a copy can be made");
        assert_eq!(fs::read(aside).expect("it is there").len() as u64, journal.length());
        journal.cut(journal.length() - 3).expect("it can be cut");
        assert!(journal.is_in_place() && journal.sync().is_ok());
        fs::rename(&path, directory.path().join("moved")).expect("it is there");
        assert!(!journal.is_in_place());
        fs::write(&path, "another").expect("a file");
        assert!(!journal.is_in_place());
        fs::rename(directory.path().join("moved"), &path).expect("it is there");
        drop(journal);
        let (journal, octets) = JournalFile::open(&path).expect("nobody has it").expect("it is there");
        assert_eq!((octets.len() as u64, &octets[32..]), (journal.length(), &b"one"[..]));
    }

    #[test]
    fn what_cannot_be_made_leaves_what_was_there() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("gone").join("corp.journal");
        assert!(JournalFile::create(&path, &HEADER, std::iter::empty(), Place::Own).is_err());
        let path = directory.path().join("corp.journal");
        fs::write(&path, "old").expect("a file");
        fs::create_dir(directory.path().join("corp.journal.tmp")).expect("a directory in the way");
        assert!(JournalFile::create(&path, &HEADER, std::iter::empty(), Place::Own).is_err());
        assert_eq!(fs::read(&path).expect("it is there"), b"old");
    }
}
