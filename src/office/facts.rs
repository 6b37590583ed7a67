//! What `daemon` tells of the process and of its zones.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use crate::config::{CommandFiles, Config, Identity, Level};
use crate::zone::{Handle, Zone};

/// What the process is; published anew whenever it changes. Cheap to copy: what is long is shared.
#[derive(Clone, Debug)]
pub struct Facts {
    /// When the process began.
    pub started: SystemTime,
    /// The configuration's file, its whole path.
    pub configuration: PathBuf,
    /// When what is in force of it was read.
    pub read: SystemTime,
    /// When a reload failed after that, and the first line of why.
    pub failed: Option<(SystemTime, String)>,
    /// The addresses that are listened on.
    pub listening: Vec<SocketAddr>,
    /// Those that should be and cannot.
    pub missing: Vec<SocketAddr>,
    /// `state_directory`, its whole path.
    pub state_directory: Option<PathBuf>,
    /// Files that commands write.
    pub files: CommandFiles,
    /// What clients are told of the version.
    pub version: Identity,
    /// The names of the configuration's keys, and the views that they belong to; `None`: every view knows it.
    pub keys: Arc<[(String, Option<String>)]>,
    /// The local zones in the configuration's order.
    pub zones: Arc<Vec<Origin>>,
}

impl Facts {
    /// Those of a process that begins at `now`, with this file, and listens nowhere yet.
    pub fn new(file: PathBuf, config: &Config, now: SystemTime) -> Self {
        let mut facts = Self {
            started: now,
            configuration: file,
            read: now,
            failed: None,
            listening: Vec::new(),
            missing: Vec::new(),
            state_directory: None,
            files: CommandFiles::default(),
            version: Identity::Own,
            keys: Arc::default(),
            zones: Arc::default(),
        };
        facts.follow(config, now);
        facts
    }

    /// A configuration is in force that was read at `now`.
    pub fn follow(&mut self, config: &Config, now: SystemTime) {
        (self.read, self.failed) = (now, None);
        (self.files, self.version) = (config.files.clone(), config.version.clone());
        self.keys = config.keys.iter().map(|key| (key.name.to_string(), key.view.clone())).collect();
    }
}

/// Where a local zone is from, and what came of reading it last.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Its view.
    pub view: String,
    /// It is another view's, which shares it with this one: all about it is as there.
    pub is_shared: bool,
    /// What is served now.
    pub zone: Arc<Handle>,
    /// Its master file.
    pub file: Option<PathBuf>,
    /// Whether it takes updates.
    pub is_dynamic: bool,
    /// Its master file and where its configuration is, as far as there are such.
    pub from: String,
    /// When it was read last.
    pub read: SystemTime,
    /// named's `loadtime` of what is served: when its master file was written, without a file when its records were read.
    /// `None`: it was never loaded.
    pub loaded: Option<SystemTime>,
    /// Whether that is what is served; else it is what was read before, or nothing.
    pub is_in_force: bool,
    /// What was wrong, errors and warnings.
    pub faults: Vec<Fault>,
}

/// What is wrong with a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// An error keeps it, or something of it, from being as it is written.
    pub level: Level,
    /// One line, with the word `warning` in one that has a place in a file.
    pub text: String,
}

impl Origin {
    /// Of what is served now; `None`: nothing of it could be loaded.
    pub fn serial(&self) -> Option<u32> {
        self.zone.load().as_deref().map(Zone::serial)
    }

    /// The lines of its faults.
    pub fn fault_lines(&self) -> impl Iterator<Item = &str> {
        self.faults.iter().map(|fault| &*fault.text)
    }

    /// The first of its faults that is an error.
    pub fn error(&self) -> Option<&str> {
        self.faults.iter().find(|fault| fault.level == Level::Error).map(|fault| &*fault.text)
    }
}

/// Addresses for a message; of many, the first.
pub fn show_addresses<'a>(addresses: impl IntoIterator<Item = &'a SocketAddr>) -> String {
    const SHOWN: usize = 8;
    let mut all = addresses.into_iter();
    let show = |address: &SocketAddr| format!("{} port {}", address.ip(), address.port());
    let first = all.by_ref().take(SHOWN).map(show).collect::<Vec<_>>().join(", ");
    match all.count() {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_addresses_the_first_are_shown() {
        let address = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        assert_eq!(show_addresses(&[]), "");
        assert_eq!(show_addresses(&[address(1), address(2)]), "127.0.0.1 port 1, 127.0.0.1 port 2");
        let many: Vec<SocketAddr> = (1..=10_000).map(address).collect();
        let text = show_addresses(&many);
        assert!(text.ends_with("127.0.0.1 port 8 and 9992 more"), "{text}");
    }
}
