//! Grading messages as named does: six severities, the last with a level.
//!
//! A severity is also a rank, graver ones smaller, so that "is this written?" is one comparison of small numbers.
//! `tracing` has five levels and no word for critical and notice: [`Severity::level`] is the nearest, and the
//! rank travels beside it.

use std::fmt;

/// `severity` of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// This one and graver.
    AtLeast(Severity),
    /// `dynamic`: by the server's current debug level.
    Dynamic,
}

impl Threshold {
    /// The largest rank that passes while the server's debug level is `debug_level`.
    pub(super) fn rank(self, debug_level: u8) -> u8 {
        match self {
            Threshold::AtLeast(severity) => severity.rank(),
            Threshold::Dynamic => Severity::Info.rank().saturating_add(debug_level),
        }
    }
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

impl Severity {
    /// Its place among all severities, from 1 for critical; `debug N` has 5 + N.
    pub const fn rank(self) -> u8 {
        match self {
            Severity::Critical => 1,
            Severity::Error => 2,
            Severity::Warning => 3,
            Severity::Notice => 4,
            Severity::Info => 5,
            Severity::Debug(level) => 5u8.saturating_add(level),
        }
    }

    /// The severity of a rank; what is graver than critical is critical.
    pub(super) const fn from_rank(rank: u8) -> Self {
        match rank {
            0 | 1 => Severity::Critical,
            2 => Severity::Error,
            3 => Severity::Warning,
            4 => Severity::Notice,
            5 => Severity::Info,
            rank => Severity::Debug(rank - 5),
        }
    }

    /// The nearest level that `tracing` has; `debug 2` and deeper are its TRACE.
    pub const fn level(self) -> tracing::Level {
        match self {
            Severity::Critical | Severity::Error => tracing::Level::ERROR,
            Severity::Warning => tracing::Level::WARN,
            Severity::Notice | Severity::Info => tracing::Level::INFO,
            Severity::Debug(0 | 1) => tracing::Level::DEBUG,
            Severity::Debug(_) => tracing::Level::TRACE,
        }
    }

    /// The severity of an event that names none, as those of other crates do.
    pub(super) fn of_level(level: tracing::Level) -> Self {
        match level {
            tracing::Level::ERROR => Severity::Error,
            tracing::Level::WARN => Severity::Warning,
            tracing::Level::INFO => Severity::Info,
            tracing::Level::DEBUG => Severity::Debug(1),
            tracing::Level::TRACE => Severity::Debug(2),
        }
    }

    /// The gravest severity that has this level.
    pub(super) fn gravest_of_level(level: tracing::Level) -> Self {
        match level {
            tracing::Level::ERROR => Severity::Critical,
            tracing::Level::INFO => Severity::Notice,
            other => Self::of_level(other),
        }
    }

    /// The severity's code in a syslog message (RFC 5424 §6.2.1).
    pub(super) fn syslog_code(self) -> u8 {
        match self {
            Severity::Critical => 2,
            Severity::Error => 3,
            Severity::Warning => 4,
            Severity::Notice => 5,
            Severity::Info => 6,
            Severity::Debug(_) => 7,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Severity::Critical => f.write_str("critical"),
            Severity::Error => f.write_str("error"),
            Severity::Warning => f.write_str("warning"),
            Severity::Notice => f.write_str("notice"),
            Severity::Info => f.write_str("info"),
            Severity::Debug(level) => write!(f, "debug {level}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_keep_the_order_of_severities_and_lead_back() {
        let order = [
            Severity::Critical,
            Severity::Error,
            Severity::Warning,
            Severity::Notice,
            Severity::Info,
            Severity::Debug(1),
            Severity::Debug(2),
            Severity::Debug(99),
        ];
        for pair in order.windows(2) {
            assert!(pair[0] < pair[1] && pair[0].rank() < pair[1].rank(), "{} is graver than {}", pair[0], pair[1]);
        }
        for severity in order {
            assert_eq!(Severity::from_rank(severity.rank()), severity);
            assert!(Severity::gravest_of_level(severity.level()) <= severity, "{severity} passes the coarse gate");
        }
    }

    #[test]
    fn thresholds_follow_the_debug_level_only_when_dynamic() {
        let cases = [
            ("dynamic without debugging stops behind info", Threshold::Dynamic, 0, Severity::Info, true),
            ("dynamic without debugging hides debug 1", Threshold::Dynamic, 0, Severity::Debug(1), false),
            ("dynamic at level 3 shows debug 3", Threshold::Dynamic, 3, Severity::Debug(3), true),
            ("dynamic at level 3 hides debug 4", Threshold::Dynamic, 3, Severity::Debug(4), false),
            ("warning hides notice at any level", Threshold::AtLeast(Severity::Warning), 9, Severity::Notice, false),
            ("warning shows error", Threshold::AtLeast(Severity::Warning), 0, Severity::Error, true),
            // Measured on named 9.18: `severity debug 3` writes debug messages while the server's level is 0.
            ("debug 3 shows debug 2 without -d", Threshold::AtLeast(Severity::Debug(3)), 0, Severity::Debug(2), true),
        ];
        for (name, threshold, debug_level, severity, passes) in cases {
            assert_eq!(severity.rank() <= threshold.rank(debug_level), passes, "{name}");
        }
    }
}
