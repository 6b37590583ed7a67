//! How a server is to run: what the program's arguments and whoever started it say, beside the configuration.
//!
//! Not here: what has to happen before there is a server, such as leaving the terminal and giving up root (`cli`).

use std::borrow::Cow;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use super::notify::Notify;
use super::{StartError, working_directory};
use crate::config::CommandLine;
use crate::keeper::Keeper;
use crate::logging::{
    self, Category, Channel, Destination, File, Logger, PrintTime, Severity, Suffix, Threshold, channel,
};

/// See the module.
#[derive(Debug, Default)]
pub struct Setup {
    /// The configuration.
    pub file: PathBuf,
    /// What counts in place of it.
    pub given: CommandLine,
    /// Where messages go.
    pub log: Log,
    /// What `severity dynamic` begins with, `0..=99`.
    pub debug_level: u8,
    /// `1..`; `None`: one a core.
    pub workers: Option<usize>,
    /// A file that one server alone may have locked.
    pub lock_file: Option<PathBuf>,
    /// Sockets that whoever started the process has bound.
    pub sockets: Vec<OwnedFd>,
    /// Who is told how the server is.
    pub notify: Notify,
    /// What the operator should know of the arguments: warnings, once there is a log.
    pub remarks: Vec<String>,
}

impl Setup {
    /// The keeper of zones; a trial keeps nothing, the journals may be another server's.
    pub(super) fn kept_by<'k>(&self, keeper: &'k Keeper) -> Option<&'k Keeper> {
        self.given.trial.is_none().then_some(keeper)
    }
}

/// Where messages go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Log {
    /// Where `logging` says; without a word there, to standard error.
    #[default]
    Stderr,
    /// Where `logging` says; without a word there, to syslog, as a daemon's do.
    Syslog,
    /// Where `logging` says; without a word there, to this file (named's `-L`).
    File(PathBuf),
    /// To standard error, whatever `logging` says (named's `-g`).
    StderrAlone,
}

impl Log {
    /// Whether somebody reads standard error, and nobody syslog.
    pub(super) fn is_on_stderr(&self) -> bool {
        matches!(self, Self::Stderr | Self::StderrAlone)
    }

    /// The `logging` statement that counts.
    pub(super) fn config<'c>(&self, written: &'c logging::Config) -> Cow<'c, logging::Config> {
        match self {
            Self::Stderr | Self::Syslog => Cow::Borrowed(written),
            Self::StderrAlone => Cow::Owned(logging::Config::default()),
            Self::File(_) if written.categories.contains_key(&Category::Default) => Cow::Borrowed(written),
            Self::File(path) => Cow::Owned(with_default_file(written.clone(), path.clone())),
        }
    }

    /// Says in the log why there is no server: for those whose log is not standard error, where it is said anyway.
    pub(super) fn tell_failure(&self, error: &StartError) {
        if self.is_on_stderr() {
            return;
        }
        let config = logging::Config::default();
        let (logger, _) = Logger::start(&self.config(&config), &working_directory(), false);
        // It fails where a log was there already: then the error came after the start, and has been said.
        if logger.install().is_ok() {
            for line in error.to_string().lines() {
                logging::event!(Category::General, Severity::Critical, "{line}");
            }
            logging::event!(Category::General, Severity::Critical, "exiting (due to fatal error)");
        }
        logger.shutdown();
    }
}

/// named's name for the channel of `-L`.
const DEFAULT_FILE: &str = "default_logfile";

fn with_default_file(mut config: logging::Config, path: PathBuf) -> logging::Config {
    let file = File { path, versions: None, size: None, suffix: Suffix::Increment };
    let channel = Channel {
        destination: Destination::File(file),
        severity: Threshold::Dynamic,
        print_time: PrintTime::Local,
        print_severity: true,
        print_category: true,
    };
    config.channels.insert(DEFAULT_FILE.to_owned(), channel);
    let [_, default_debug, ..] = channel::BUILT_IN_CHANNELS;
    config.categories.insert(Category::Default, vec![default_debug.to_owned(), DEFAULT_FILE.to_owned()]);
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_and_the_statement_agree_on_where_messages_go() {
        let mut written = logging::Config::default();
        written.categories.insert(Category::Security, vec!["null".to_owned()]);
        assert_eq!(*Log::Syslog.config(&written), written);
        assert_eq!(*Log::StderrAlone.config(&written), logging::Config::default());

        let file = Log::File("/var/log/named.log".into());
        let config = file.config(&written);
        assert_eq!(config.categories[&Category::Default], ["default_debug", "default_logfile"]);
        assert!(config.categories.contains_key(&Category::Security), "what is written stays");
        assert!(matches!(&config.channels["default_logfile"].destination,
            Destination::File(file) if file.path.ends_with("named.log")));

        written.categories.insert(Category::Default, vec!["null".to_owned()]);
        assert_eq!(*file.config(&written), written, "the statement's own default counts");
    }
}
