//! Why a server did not start, in words for the operator.
//!
//! Not here: what is wrong with a configuration (`config`), which brings its own words.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::addresses;
use crate::config::Diagnostic;
use crate::control::Untaken;
use crate::sys::state_directory::Unusable;

/// Why the server did not start.
#[derive(Debug)]
pub enum StartError {
    /// The configuration is wrong; every fault of it.
    Config(Vec<Diagnostic>),
    /// An address cannot be listened on.
    Listen(SocketAddr, io::Error),
    /// `directory` cannot be entered.
    Directory(PathBuf, io::Error),
    /// `state_directory` cannot be used.
    State(Unusable),
    /// `state_directory` was another until now; journals do not move.
    StateMoved(Option<PathBuf>, Option<PathBuf>),
    /// `control_socket` cannot be had.
    Control(Untaken),
    /// The lock file cannot be locked.
    LockFile(PathBuf, io::Error),
    /// Something the system did not allow, with what was tried.
    System(String, io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(faults) => {
                for (index, fault) in faults.iter().enumerate() {
                    write!(f, "{}{fault}", if index > 0 { "\n" } else { "" })?;
                }
                Ok(())
            }
            Self::Listen(address, error) => {
                let advice = addresses::advice(*address, error);
                write!(f, "cannot listen on {} port {}: {error} ({advice})", address.ip(), address.port())
            }
            Self::Directory(path, error) => {
                let advice = "create it, let the server's user enter it, or correct 'directory'";
                write!(f, "cannot change to directory '{}': {error} ({advice})", path.display())
            }
            Self::State(unusable) => unusable.fmt(f),
            Self::StateMoved(before, now) => {
                let place = |path: &Option<PathBuf>| {
                    path.as_ref().map_or("none".to_owned(), |path| format!("'{}'", path.display()))
                };
                let (before, now) = (place(before), place(now));
                write!(
                    f,
                    "state_directory was {before} and would be {now}: a reload cannot move it (restart the server)"
                )
            }
            Self::Control(untaken) => untaken.fmt(f),
            Self::LockFile(path, error) if error.kind() == io::ErrorKind::WouldBlock => {
                write!(f, "could not lock {}; another named process may be running", path.display())
            }
            Self::LockFile(path, error) => write!(f, "cannot use lock-file '{}': {error}", path.display()),
            Self::System(what, error) => write!(f, "{what}: {error}"),
        }
    }
}
