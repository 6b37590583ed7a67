//! The place in the file system where operators find this server: one server a place, its user alone.
//!
//! A file that a dead server has left is replaced; whether one lives behind it is found out by connecting. Servers that
//! start together look one after the other: each holds the directory's lock meanwhile.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use nix::sys::stat::{Mode, fchmod};
use socket2::{Domain, SockAddr, Socket as RawSocket, Type};

use super::protocol;

/// Clients that may wait to be taken.
const BACKLOG: i32 = 16;
/// The system takes no longer path, in octets.
const MAX_PATH_OCTETS: usize = 107;
/// So often the directory's lock is tried for, and how long after each other.
const LOCK_TRIES: usize = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// How long it may take to find out whether somebody lives behind a socket: he does then.
const CONNECT_TIME: Duration = Duration::from_secs(1);

/// A socket that clients find; its file is removed with it.
#[derive(Debug)]
pub struct Socket {
    /// Whole: a later change of the working directory does not move it.
    path: PathBuf,
    listener: UnixListener,
    /// Device and inode, by which it is known for ours.
    identity: (u64, u64),
}

/// Why a place cannot be had.
#[derive(Debug)]
pub enum Untaken {
    /// A server lives there.
    InUse(PathBuf),
    /// Something else lies there.
    NoSocket(PathBuf),
    /// The path has so many octets.
    TooLong(PathBuf, usize),
    /// What the system did not allow.
    System(PathBuf, io::Error),
}

impl fmt::Display for Untaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(path) => {
                let advice = "stop that one, or give each its own";
                write!(f, "control_socket '{}': another server answers there ({advice})", path.display())
            }
            Self::NoSocket(path) => {
                let advice = "remove it, or choose another path";
                write!(f, "control_socket '{}': there is something else than a socket ({advice})", path.display())
            }
            Self::TooLong(path, octets) => {
                let shown = path.display();
                write!(
                    f,
                    "control_socket '{shown}': {octets} octets, {MAX_PATH_OCTETS} are possible (choose a shorter path)"
                )
            }
            Self::System(path, error) => {
                let advice = match error.kind() {
                    io::ErrorKind::NotFound => "create its directory",
                    io::ErrorKind::PermissionDenied => "let the server's user write its directory",
                    _ => "see the system's message",
                };
                write!(f, "cannot make control_socket '{}': {error} ({advice})", path.display())
            }
        }
    }
}

impl std::error::Error for Untaken {}

impl Socket {
    /// Takes a place; nobody but the process's user may connect.
    ///
    /// # Errors
    /// When another server has it, something else is there, or the system does not allow it.
    pub fn take(path: &Path) -> Result<Self, Untaken> {
        let failed = |error| Untaken::System(path.to_owned(), error);
        let name = path.file_name().ok_or_else(|| Untaken::NoSocket(path.to_owned()))?;
        let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let whole = fs::canonicalize(above).map_err(failed)?.join(name);
        if whole.as_os_str().len() > MAX_PATH_OCTETS {
            let octets = whole.as_os_str().len();
            return Err(Untaken::TooLong(whole, octets));
        }
        let _alone = lock(above).map_err(failed)?;
        clear(&whole)?;
        let listener = listen(&whole).map_err(failed)?;
        let metadata = fs::symlink_metadata(&whole).map_err(failed)?;
        Ok(Self { path: whole, listener, identity: (metadata.dev(), metadata.ino()) })
    }

    /// Where it is; a whole path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A handle for taking clients, which do not block it.
    pub(super) fn listener(&self) -> io::Result<UnixListener> {
        self.listener.try_clone()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Somebody may have put another one in its place.
        let is_ours = |metadata: fs::Metadata| (metadata.dev(), metadata.ino()) == self.identity;
        if fs::symlink_metadata(&self.path).is_ok_and(is_ours) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The lock of a directory, which no file of its own is needed for.
fn lock(directory: &Path) -> io::Result<Flock<File>> {
    let mut file = File::open(directory)?;
    for _ in 0..LOCK_TRIES {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((same, nix::errno::Errno::EWOULDBLOCK)) => file = same,
            Err((_, error)) => return Err(error.into()),
        }
        std::thread::sleep(LOCK_PAUSE);
    }
    Err(io::Error::other("another program has locked its directory"))
}

/// Removes what a dead server has left.
fn clear(path: &Path) -> Result<(), Untaken> {
    let failed = |error| Err(Untaken::System(path.to_owned(), error));
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return failed(error),
        Ok(metadata) if !metadata.file_type().is_socket() => return Err(Untaken::NoSocket(path.to_owned())),
        Ok(_) => {}
    }
    match protocol::connect(path, CONNECT_TIME) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path).or_else(failed),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => failed(error),
        // One that does not get round to it lives, too.
        _ => Err(Untaken::InUse(path.to_owned())),
    }
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    let socket = RawSocket::new(Domain::UNIX, Type::STREAM, None)?;
    // The file that `bind` makes takes this over, so that there is no moment in which others could connect.
    fchmod(socket.as_fd(), Mode::S_IRUSR | Mode::S_IWUSR)?;
    socket.bind(&SockAddr::unix(path)?)?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).expect("it is there").permissions().mode() & 0o777
    }

    #[test]
    fn it_is_the_users_alone_and_goes_with_the_server() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("control");
        let socket = Socket::take(&path).expect("the place is free");
        assert_eq!(mode(&path), 0o600);
        let refused = Socket::take(&path).expect_err("it is taken").to_string();
        assert!(refused.contains("another server answers there (stop that one"), "{refused}");
        UnixStream::connect(&path).expect("it can be reached all the same");
        drop(socket);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_dead_server_left_is_replaced_and_anothers_file_is_not_removed() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("control");
        drop(UnixListener::bind(&path).expect("a socket"));
        assert!(path.exists(), "left behind");
        let first = Socket::take(&path).expect("nobody lives there");
        fs::remove_file(&path).expect("somebody removes it");
        let second = Socket::take(&path).expect("free again");
        drop(first);
        assert!(path.exists(), "the second one's");
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn what_is_wrong_with_a_place_is_told() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        fs::write(at("file"), "").expect("a file");
        for (case, path, expected) in [
            ("a file", at("file"), "there is something else than a socket (remove it"),
            ("no directory", at("none/control"), "(create its directory)"),
            ("a long path", at(&"x".repeat(100)), "octets, 107 are possible (choose a shorter path)"),
            ("no name", PathBuf::from("/"), "something else than a socket"),
        ] {
            let told = Socket::take(&path).expect_err(case).to_string();
            assert!(told.contains(expected), "{case}: {told}");
        }
        assert!(at("file").exists(), "it is not touched");
    }
}
