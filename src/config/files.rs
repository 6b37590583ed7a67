//! Reaching the files that a configuration or a master file names, through a trait so that tests and fuzzing need no
//! disk.
//!
//! Not here: what the octets mean, and the patterns of named.conf's `include` (`named_conf::reader`).

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Longer files are no configuration.
pub const MAX_CONFIG_OCTETS: u64 = 16 << 20;

/// Where files come from.
pub trait Files {
    /// The octets of a file; one that has more than `max_octets` is an error.
    fn read(&self, path: &Path, max_octets: u64) -> io::Result<Vec<u8>>;

    /// The names in a directory, in any order.
    fn list(&self, directory: &Path) -> io::Result<Vec<String>>;

    /// Whether a process may make a directory its own, where that counts; a text can be right without the host that it
    /// is for.
    fn enter(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    /// Whether everybody on the host may read a file.
    fn is_open_to_others(&self, _: &Path) -> bool {
        false
    }
}

/// The file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

/// No file at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFiles;

impl Files for Disk {
    fn read(&self, path: &Path, max_octets: u64) -> io::Result<Vec<u8>> {
        // A pipe or a device could block for ever.
        if !fs::metadata(path)?.is_file() {
            return Err(io::Error::other("not a file"));
        }
        let mut octets = Vec::new();
        fs::File::open(path)?.take(max_octets.saturating_add(1)).read_to_end(&mut octets)?;
        if octets.len() as u64 > max_octets {
            return Err(io::Error::other(format!("longer than {max_octets} octets")));
        }
        Ok(octets)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        let entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
        Ok(entries.into_iter().filter_map(|entry| entry.file_name().into_string().ok()).collect())
    }

    fn is_open_to_others(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o004 != 0)
    }
}

impl Files for NoFiles {
    fn read(&self, _: &Path, _: u64) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn list(&self, _: &Path) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }
}

/// An error of the system in named's words.
pub fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "file not found".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::NotADirectory => "invalid file".to_owned(),
        io::ErrorKind::AddrInUse => "address in use".to_owned(),
        io::ErrorKind::AddrNotAvailable => "address not available".to_owned(),
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "timed out".to_owned(),
        io::ErrorKind::HostUnreachable => "host unreachable".to_owned(),
        io::ErrorKind::NetworkUnreachable => "network unreachable".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_gives_whole_files_or_says_why_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.conf");
        fs::write(&path, "12345").unwrap();
        let read = |path: &Path, max| Disk.read(path, max).map_err(|error| explain(&error));
        assert_eq!(read(&path, 5), Ok(b"12345".to_vec()));
        for (case, path, max, expected) in [
            ("an octet too many", path.as_path(), 4, "longer than 4 octets"),
            ("a directory", directory.path(), 4, "not a file"),
            ("nothing", Path::new("/nosuch"), 4, "file not found"),
        ] {
            assert_eq!(read(path, max), Err(expected.to_owned()), "{case}");
        }
    }
}
