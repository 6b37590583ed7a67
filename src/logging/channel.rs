//! Saying where messages are written: named's `channel` statement as types.
//!
//! Values only, made by the readers of the configuration; what they lead to stands in `plan` (which channels a
//! category has) and in `writer` (how they are opened and written).

use std::path::PathBuf;

use super::Threshold;

/// Channels that need no statement; what they do stands in `plan`.
pub const BUILT_IN_CHANNELS: [&str; 4] = ["default_syslog", "default_debug", "default_stderr", "null"];

/// A `channel` statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Exactly one of `file`, `syslog`, `stderr`, `null`.
    pub destination: Destination,
    /// The least grave message that is written. Default info.
    pub severity: Threshold,
    /// `print-time`. Default no.
    pub print_time: PrintTime,
    /// `print-severity`. Default no.
    pub print_severity: bool,
    /// `print-category`. Default no.
    pub print_category: bool,
}

/// Where a channel writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// `file "…" [versions N|unlimited] [size S] [suffix increment|timestamp]`
    File(File),
    /// `syslog FACILITY`, by the local socket.
    Syslog(Facility),
    /// `stderr`
    Stderr,
    /// `null`
    Null,
}

/// A log file and its rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Relative to `directory`.
    pub path: PathBuf,
    /// How many old files are kept; `None`: no rotation.
    pub versions: Option<Versions>,
    /// Octets after which it is rolled (with `versions`) or no longer written (without).
    pub size: Option<u64>,
    /// How old files are named.
    pub suffix: Suffix,
}

/// How many old files are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// This many, `0..`.
    Count(u32),
    /// All.
    Unlimited,
}

/// How old log files are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suffix {
    /// `f.0` is the youngest.
    Increment,
    /// `f.YYYYMMDDhhmmssmmm`
    Timestamp,
}

/// `print-time`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrintTime {
    /// `no`
    No,
    /// `yes`, `local`: 21-Nov-2026 00:53:04.573
    Local,
    /// `iso8601`: 2026-11-21T00:53:04.573
    Iso8601,
    /// `iso8601-utc`: 2026-11-21T00:53:04.573Z
    Iso8601Utc,
}

words! {
    /// `syslog` facilities (RFC 5424 §6.2.1).
    Facility {
        /// Kernel.
        Kern = "kern",
        /// User.
        User = "user",
        /// Mail.
        Mail = "mail",
        /// Daemons, named's default.
        Daemon = "daemon",
        /// Authorization.
        Auth = "auth",
        /// Syslog's own.
        Syslog = "syslog",
        /// Printing.
        Lpr = "lpr",
        /// News.
        News = "news",
        /// UUCP.
        Uucp = "uucp",
        /// Cron.
        Cron = "cron",
        /// Private authorization.
        Authpriv = "authpriv",
        /// FTP.
        Ftp = "ftp",
        /// Local use.
        Local0 = "local0",
        /// Local use.
        Local1 = "local1",
        /// Local use.
        Local2 = "local2",
        /// Local use.
        Local3 = "local3",
        /// Local use.
        Local4 = "local4",
        /// Local use.
        Local5 = "local5",
        /// Local use.
        Local6 = "local6",
        /// Local use.
        Local7 = "local7",
    }
}
