//! Renaming a file where nothing lies yet.

#![allow(unsafe_code)]

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Renames a file; one that is at its new place stays (renameat2(2), RENAME_NOREPLACE).
///
/// By its number: the C library has a function for it since glibc 2.28 alone, and the kernel the call since Linux 3.15.
///
/// # Errors
/// `AlreadyExists` where something lies, else what the system says: `EINVAL` from file systems that cannot do it.
pub fn rename_to_free(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (CString::new(from.as_os_str().as_bytes())?, CString::new(to.as_os_str().as_bytes())?);
    // SAFETY: both pointers are to texts that end in NUL and live until the call returns; nothing is kept.
    let failed = unsafe {
        libc::syscall(
            libc::SYS_renameat2,
            libc::AT_FDCWD,
            from.as_ptr(),
            libc::AT_FDCWD,
            to.as_ptr(),
            libc::RENAME_NOREPLACE,
        )
    } != 0;
    if failed { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_moves_to_a_free_place_and_to_no_other() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        fs::write(at("a"), "a").expect("a file");
        fs::write(at("b"), "b").expect("a file");
        let refused = rename_to_free(&at("a"), &at("b")).expect_err("b is there");
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(at("b")).expect("it is there"), "b");
        rename_to_free(&at("a"), &at("c")).expect("c is free");
        assert!(!at("a").exists() && at("c").exists());
    }
}
