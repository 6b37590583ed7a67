//! One server alone, by a file: named's `-X`.
//!
//! The lock is of the kind that named takes (fcntl(2), F_SETLK), so that the two of them exclude each other too.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

/// Of the file, where it has to be made.
const FILE_MODE: u32 = 0o644;

/// The lock, for as long as this lives. The process must not open the file again: closing it would give up the lock.
#[derive(Debug)]
pub(super) struct Instance {
    _locked: File,
}

impl Instance {
    /// Takes the lock.
    ///
    /// # Errors
    /// `WouldBlock` when another process has it, else what the system says.
    pub(super) fn lock(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).mode(FILE_MODE).open(path)?;
        let whole = libc::flock {
            l_type: libc::F_WRLCK as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: 0,
            l_len: 0,
            l_pid: 0,
        };
        match fcntl(&file, FcntlArg::F_SETLK(&whole)) {
            Ok(_) => Ok(Self { _locked: file }),
            Err(Errno::EACCES | Errno::EAGAIN) => Err(io::ErrorKind::WouldBlock.into()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_made_and_a_place_that_is_none_is_an_error() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("named.lock");
        let _held = Instance::lock(&path).expect("nobody has it");
        assert!(path.is_file());
        assert!(Instance::lock(directory.path()).is_err(), "a directory");
    }
}
