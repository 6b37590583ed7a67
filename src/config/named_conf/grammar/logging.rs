//! Statements of `logging` and of its channels.

use super::places::{CHANNEL, LOGGING};
use super::reasons::NO;
use super::row::{Row, honoured, ignored};
use super::shape::Shape;

#[rustfmt::skip] // One line a row.
pub(super) const ROWS: &[Row] = {
    use Shape::*;
    &[
        honoured("category", LOGGING, Category, "category client { null; };").repeats(),
        honoured("channel", LOGGING, NamedBody(CHANNEL), "channel c { stderr; };").repeats(),
        ignored("buffered", CHANNEL, Boolean, "buffered yes;", "lines are written as they come").moot(NO),
        honoured("file", CHANNEL, LogFile, "file \"/var/log/named/bind.log\" versions 3 size 5m;"),
        honoured("null", CHANNEL, Nothing, "null;"),
        honoured("print-category", CHANNEL, Boolean, "print-category yes;"),
        honoured("print-severity", CHANNEL, Boolean, "print-severity yes;"),
        honoured("print-time", CHANNEL, BooleanOr(&["iso8601", "iso8601-utc", "local"]), "print-time iso8601;"),
        honoured("severity", CHANNEL, Severity, "severity debug 3;"),
        honoured("stderr", CHANNEL, Nothing, "stderr;"),
        honoured("syslog", CHANNEL, Facility, "syslog local3;"),
    ]
};
