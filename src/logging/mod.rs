//! Writing what happened, by channels and categories as named's `logging` statement has them.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The `logging` statement.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Config {
    /// By name; the built-in ones (`default_syslog`, `default_debug`, `default_stderr`, `null`) are not among them.
    pub channels: BTreeMap<String, Channel>,
    /// Which channels a category's messages go to; one that is missing goes where `default` goes.
    pub categories: BTreeMap<Category, Vec<String>>,
}

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

/// `severity` of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// This one and graver.
    AtLeast(Severity),
    /// `dynamic`: by the server's current debug level.
    Dynamic,
}

/// How grave a message is; graver ones are smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The server cannot go on.
    Critical,
    /// Something that was asked for did not happen.
    Error,
    /// Something to look at.
    Warning,
    /// Rare and normal.
    Notice,
    /// Normal.
    Info,
    /// `debug N`, `1..=99`.
    Debug(u8),
}

/// An enum whose values are words of named.conf, with the table of those words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$value_doc])* $value,)* }

        impl $name {
            /// Every value, in order.
            pub const ALL: &[$name] = &[$($name::$value,)*];

            /// Its word in named.conf.
            pub fn word(self) -> &'static str {
                match self { $($name::$value => $word,)* }
            }

            /// The value of a word, without regard to case.
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.word().eq_ignore_ascii_case(word))
            }
        }
    };
}

words! {
    /// What a message is about: named's categories, so that existing `logging` statements keep their meaning.
    Category {
        /// What has no category of its own, and the channels of those that name none.
        Default = "default",
        /// Client requests.
        Client = "client",
        /// named's; nothing is logged under it here.
        Cname = "cname",
        /// Reading the configuration.
        Config = "config",
        /// Answers from the cache and zones.
        Database = "database",
        /// named's; nothing is logged under it here.
        DelegationOnly = "delegation-only",
        /// Requests for other names than the forwarded ones.
        Dispatch = "dispatch",
        /// Signatures.
        Dnssec = "dnssec",
        /// dnstap.
        Dnstap = "dnstap",
        /// Upstreams that answer badly or late in a way that matters.
        EdnsDisabled = "edns-disabled",
        /// Everything else.
        General = "general",
        /// Upstreams that answer what they should not.
        LameServers = "lame-servers",
        /// Sockets.
        Network = "network",
        /// NOTIFY.
        Notify = "notify",
        /// named's; nothing is logged under it here.
        NsID = "nsid",
        /// Each question, when `querylog` is on.
        Queries = "queries",
        /// Questions that failed, and why.
        QueryErrors = "query-errors",
        /// Rate limits.
        RateLimit = "rate-limit",
        /// Forwarding.
        Resolver = "resolver",
        /// Response policy zones.
        Rpz = "rpz",
        /// named's; nothing is logged under it here.
        RpzPassthru = "rpz-passthru",
        /// Who was refused.
        Security = "security",
        /// Stale answers.
        ServeStale = "serve-stale",
        /// Outgoing requests for records that nobody waits for.
        Spill = "spill",
        /// Control channel, TLS.
        Sslkeylog = "sslkeylog",
        /// Trust anchors.
        TrustAnchorTelemetry = "trust-anchor-telemetry",
        /// Dynamic updates.
        Update = "update",
        /// Refused dynamic updates.
        UpdateSecurity = "update-security",
        /// named's; nothing is logged under it here.
        Unmatched = "unmatched",
        /// Zone transfers in.
        XferIn = "xfer-in",
        /// Zone transfers out.
        XferOut = "xfer-out",
        /// Zone maintenance.
        Zoneload = "zoneload",
    }
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
