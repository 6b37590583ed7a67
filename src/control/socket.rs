//! The place in the file system where operators find this server: one server a place, its user alone.
//!
//! A file that a dead server has left is replaced; whether one lives behind it is found out by connecting. Servers that
//! start together look one after the other: each holds the place's lock meanwhile, a file beside it that others cannot
//! open.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg, OFlag};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::geteuid;
use socket2::{Domain, SockAddr, Socket as RawSocket, Type};

use super::client;

/// Clients that may wait to be taken.
const BACKLOG: i32 = 16;
/// The system takes no longer path, in octets.
const MAX_PATH_OCTETS: usize = 107;
/// So often a place's lock is tried for, and how long after each other.
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
        let _alone = Lock::take(&whole);
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

/// What servers that start together wait for: `PATH.lock`, which is there for that long.
#[derive(Debug)]
struct Lock {
    path: PathBuf,
    _file: Flock<File>,
}

impl Lock {
    /// Waits for the lock of a place. `None`: it cannot be had. Nobody is kept from starting by that, for whoever may
    /// write the directory could put a file there and hold it; without it, one of two servers that start in the same
    /// moment may lose its socket to the other.
    fn take(place: &Path) -> Option<Self> {
        let mut path = place.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        for _ in 0..LOCK_TRIES {
            match Flock::lock(Self::open(&path)?, FlockArg::LockExclusiveNonblock) {
                Ok(file) if is_at(&file, &path) => return Some(Self { path, _file: file }),
                // Who had it has removed it: the next one is another file.
                Ok(_) => continue,
                Err((_, nix::errno::Errno::EWOULDBLOCK)) => {}
                Err(_) => return None,
            }
            std::thread::sleep(LOCK_PAUSE);
        }
        None
    }

    /// A file that this user alone can open, and so hold.
    fn open(path: &Path) -> Option<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        // Neither a link nor a pipe that somebody has put there leads anywhere.
        let file = options.custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits()).open(path).ok()?;
        let metadata = file.metadata().ok()?;
        let is_ours = metadata.uid() == geteuid().as_raw() && metadata.mode() & 0o077 == 0;
        (metadata.is_file() && is_ours).then_some(file)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // It is still held: who waits for it finds that it is another's, or none.
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether a path still leads to this file.
fn is_at(file: &File, path: &Path) -> bool {
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let own = file.metadata().map(identity);
    matches!((own, fs::symlink_metadata(path).map(identity)), (Ok(own), Ok(there)) if own == there)
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
    match client::connect_unix(path, CONNECT_TIME) {
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
    fn of_servers_that_start_together_one_has_the_place() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = &directory.path().join("control");
        for round in 0..20 {
            // What a dead one left has to be found out and removed by one of them alone.
            drop(UnixListener::bind(path).expect("a socket"));
            let taken: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(move || Socket::take(path))).collect();
                threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
            });
            let (has, has_not): (Vec<_>, Vec<_>) = taken.into_iter().partition(Result::is_ok);
            assert_eq!((has.len(), has_not.len()), (1, 3), "round {round}: {has_not:?}");
            drop(has);
            assert_eq!(fs::read_dir(directory.path()).expect("it is there").count(), 0, "nothing is left");
        }
    }

    #[test]
    fn nobody_else_keeps_a_server_from_starting() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        let held = File::open(directory.path()).expect("whoever may read it can open it");
        let _held = Flock::lock(held, FlockArg::LockExclusiveNonblock).expect("and hold it");
        drop(Socket::take(&at("a")).expect("a directory that is held is nothing to us"));
        std::os::unix::fs::symlink(at("elsewhere"), at("a.lock")).expect("a link");
        drop(Socket::take(&at("a")).expect("a link is not followed"));
        assert!(!at("elsewhere").exists() && fs::symlink_metadata(at("a.lock")).is_ok());
        let open = File::create(at("b.lock")).expect("a file");
        open.set_permissions(fs::Permissions::from_mode(0o666)).expect("it is ours");
        let _open = Flock::lock(open, FlockArg::LockExclusiveNonblock).expect("others can hold it");
        assert!(Lock::open(&at("b.lock")).is_none());
        drop(Socket::take(&at("b")).expect("a file that others can open is no lock"));
        assert!(at("b.lock").exists());
        let held = Lock::take(&at("c")).expect("the lock is free");
        assert_eq!(mode(&at("c.lock")), 0o600);
        drop(Socket::take(&at("c")).expect("who does not let go of it is not waited for for ever"));
        drop(held);
        assert!(!at("c.lock").exists());
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
