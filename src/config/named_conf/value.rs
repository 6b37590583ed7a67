//! Values of statements, and reading those of one or a few words.
//!
//! What was read is typed here, but neither bounded nor resolved: that is `lower`'s.

use std::net::IpAddr;

use ipnet::IpNet;

use super::body::Body;
use super::checked::Part;
use super::cursor::Cursor;
use super::lexer::{Kind, Token};
use super::report::Problem;
use super::{address, policy, words};
use crate::config::values::excerpt;
use crate::config::{Position, values};
use crate::logging;

/// What a statement says.
#[derive(Debug)]
pub(super) enum Value {
    /// It could not be read; that is reported already, and nothing shall be concluded from it.
    Broken,
    /// Nothing, or not of interest.
    Nothing,
    Boolean(bool),
    Number(u32),
    Numbers(Vec<u32>),
    /// Seconds.
    Seconds(u32),
    Text(String),
    /// One of the words of the statement's shape, as the grammar has it.
    Word(&'static str),
    Size(Size),
    MatchList(Vec<address::Element>),
    Forwarders(address::Forwarders),
    Listen {
        port: Option<u32>,
        list: Vec<address::Element>,
    },
    Source(address::Source),
    Inet {
        /// `None`: `*`
        address: Option<IpAddr>,
        /// `None`: it is not named, or `*`.
        port: Option<u16>,
        allow: Option<Vec<address::Element>>,
    },
    Control(ControlInet),
    Orders(Vec<Order>),
    Acl {
        name: String,
        list: Vec<address::Element>,
    },
    Named {
        name: String,
        class: Option<Token>,
        body: Body,
    },
    Server {
        prefix: IpNet,
        body: Body,
    },
    Category {
        name: Token,
        channels: Vec<Token>,
    },
    LogFile(logging::File),
    /// So many, and the word behind it.
    FetchLimit(u32, Option<&'static str>),
    Severity(logging::Threshold),
    Facility(logging::Facility),
    UpdatePolicy(Vec<policy::Rule>),
    /// `update-policy local`
    Local,
    Body(Body),
    /// Read by a form, and of no further use.
    Checked(Vec<Part>),
}

/// A control channel.
#[derive(Debug)]
pub(super) struct ControlInet {
    pub(super) address: address::Scoped,
    pub(super) port: Option<u16>,
    pub(super) allow: Vec<address::Element>,
    pub(super) keys: Option<Vec<Token>>,
    /// `None`: it is not written, and so is no.
    pub(super) read_only: Option<bool>,
}

/// A size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    Octets(u64),
    Percent(u32),
    Unlimited,
    Default,
}

/// An element of `rrset-order`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// What it holds for alone, as written.
    pub(super) class: Option<String>,
    pub(super) rtype: Option<String>,
    pub(super) name: Option<String>,
    pub(super) order: String,
    pub(super) position: Position,
}

/// named's words for a duration that is none.
const NO_DURATION: &str = "expected ISO 8601 duration or TTL value";

pub(super) fn boolean(cursor: &mut Cursor<'_>) -> Result<bool, Problem> {
    const EXPECTED: &str = "boolean expected";
    let hint = "yes or no";
    let token = cursor.peek_word().ok_or_else(|| match cursor.peek_token() {
        Some(token) if token.kind == Kind::Quoted => cursor.near(EXPECTED).with_hint("yes or no, without quotes"),
        _ => cursor.near(EXPECTED),
    })?;
    let value = parse_boolean(&token.text).ok_or_else(|| cursor.near(EXPECTED).with_hint(hint))?;
    cursor.skip();
    Ok(value)
}

fn parse_boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "1" => Some(true),
        "no" | "false" | "0" => Some(false),
        _ => None,
    }
}

pub(super) fn boolean_or(cursor: &mut Cursor<'_>, allowed: &'static [&'static str]) -> Result<Value, Problem> {
    match cursor.peek_word().and_then(|token| words::find(allowed, &token.text)) {
        Some(word) => {
            cursor.skip();
            Ok(Value::Word(word))
        }
        None => boolean(cursor).map(Value::Boolean),
    }
}

pub(super) fn one_of(cursor: &mut Cursor<'_>, allowed: &'static [&'static str]) -> Result<&'static str, Problem> {
    let token = cursor.word("expected unquoted string")?;
    words::find(allowed, &token.text).ok_or_else(|| unexpected(token, allowed))
}

/// A word that is none of those that are known, with the nearest one.
pub(super) fn unexpected(token: &Token, known: &[&str]) -> Problem {
    let near = crate::config::suggest::did_you_mean(&token.text, known.iter().copied());
    let hint = near.unwrap_or_else(|| format!("one of: {}", known.join(", ")));
    Problem::new(token.position.clone(), format!("'{}' unexpected", excerpt(&token.text))).with_hint(hint)
}

pub(super) fn quoted_or(cursor: &mut Cursor<'_>, allowed: &'static [&'static str]) -> Result<Value, Problem> {
    match cursor.peek_word().and_then(|token| words::find(allowed, &token.text)) {
        Some(word) => {
            cursor.skip();
            Ok(Value::Word(word))
        }
        None => cursor.quoted().map(|token| Value::Text(token.text.clone())),
    }
}

pub(super) fn number(cursor: &mut Cursor<'_>) -> Result<u32, Problem> {
    const EXPECTED: &str = "expected number";
    let token = cursor.peek_word().ok_or_else(|| cursor.near(EXPECTED))?;
    match words::number(&token.text) {
        Some(Ok(value)) => {
            cursor.skip();
            Ok(value)
        }
        Some(Err(words::TooLarge)) => {
            Err(Problem::new(token.position.clone(), "out of range").with_hint(format!("0..{}", u32::MAX)))
        }
        None => Err(cursor.near(EXPECTED)),
    }
}

pub(super) fn number_or(cursor: &mut Cursor<'_>, allowed: &'static [&'static str]) -> Result<Value, Problem> {
    match cursor.peek_word().and_then(|token| words::find(allowed, &token.text)) {
        Some(word) => {
            cursor.skip();
            Ok(Value::Word(word))
        }
        None => number(cursor).map(Value::Number),
    }
}

pub(super) fn numbers(cursor: &mut Cursor<'_>, least: usize, most: usize) -> Result<Vec<u32>, Problem> {
    let mut numbers = Vec::new();
    while numbers.len() < least || (numbers.len() < most && !cursor.is_done()) {
        numbers.push(number(cursor)?);
    }
    Ok(numbers)
}

pub(super) fn duration(cursor: &mut Cursor<'_>) -> Result<u32, Problem> {
    let token = cursor.peek_word().ok_or_else(|| cursor.near(NO_DURATION))?;
    let seconds = values::ttl(&token.text).ok().and_then(|ttl| u32::try_from(ttl.as_secs()).ok());
    let seconds = seconds.ok_or_else(|| cursor.near(NO_DURATION).with_hint("such as 3600, 1w2d or PT3H"))?;
    cursor.skip();
    Ok(seconds)
}

pub(super) fn size(cursor: &mut Cursor<'_>, with_percent: bool) -> Result<Size, Problem> {
    let expected = match with_percent {
        true => "expected integer and optional unit or percent",
        false => "expected integer and optional unit",
    };
    let token = cursor.peek_word().ok_or_else(|| cursor.near(expected))?;
    let percent = || token.text.strip_suffix('%').filter(|_| with_percent)?.parse().ok().map(Size::Percent);
    let size = match token.text.to_ascii_lowercase().as_str() {
        "unlimited" => Some(Size::Unlimited),
        "default" => Some(Size::Default),
        text => values::size(text).ok().map(Size::Octets).or_else(percent),
    };
    let size = size.ok_or_else(|| cursor.near(expected).with_hint("such as 512M or 2G"))?;
    cursor.skip();
    Ok(size)
}

/// `file "…" [versions N|unlimited] [size S] [suffix increment|timestamp]`, each at most once, in any order.
pub(super) fn log_file(cursor: &mut Cursor<'_>) -> Result<logging::File, Problem> {
    let path = cursor.quoted()?.text.clone().into();
    let (mut versions, mut limit, mut suffix) = (None, None, None);
    loop {
        if versions.is_none() && cursor.take_word("versions") {
            versions = Some(match cursor.take_word("unlimited") {
                true => logging::Versions::Unlimited,
                false => logging::Versions::Count(number(cursor)?),
            });
        } else if limit.is_none() && cursor.take_word("size") {
            limit = Some(size(cursor, false)?);
        } else if suffix.is_none() && cursor.take_word("suffix") {
            suffix = Some(match one_of(cursor, &["increment", "timestamp"])? {
                "timestamp" => logging::Suffix::Timestamp,
                _ => logging::Suffix::Increment,
            });
        } else {
            break;
        }
    }
    let size = limit.and_then(|size| if let Size::Octets(octets) = size { Some(octets) } else { None });
    Ok(logging::File { path, versions, size, suffix: suffix.unwrap_or(logging::Suffix::Increment) })
}

/// `N [drop|fail]`
pub(super) fn fetch_limit(cursor: &mut Cursor<'_>) -> Result<Value, Problem> {
    let most = number(cursor)?;
    let over = if cursor.is_done() { None } else { Some(one_of(cursor, &["drop", "fail"])?) };
    Ok(Value::FetchLimit(most, over))
}

pub(super) fn severity(cursor: &mut Cursor<'_>) -> Result<logging::Threshold, Problem> {
    use logging::{Severity, Threshold};
    let severity = match one_of(cursor, &["critical", "error", "warning", "notice", "info", "debug", "dynamic"])? {
        "critical" => Severity::Critical,
        "error" => Severity::Error,
        "warning" => Severity::Warning,
        "notice" => Severity::Notice,
        "debug" => debug_level(cursor),
        "dynamic" => return Ok(Threshold::Dynamic),
        _ => Severity::Info,
    };
    Ok(Threshold::AtLeast(severity))
}

/// `debug` alone is level 1; level 0 writes what `info` writes; there is nothing beyond 99.
fn debug_level(cursor: &mut Cursor<'_>) -> logging::Severity {
    let level = cursor.peek_word().and_then(|token| words::number(&token.text)?.ok());
    if level.is_some() {
        cursor.skip();
    }
    match level.unwrap_or(1).min(99) {
        0 => logging::Severity::Info,
        level => logging::Severity::Debug(level as u8),
    }
}

pub(super) fn facility(cursor: &mut Cursor<'_>) -> Result<logging::Facility, Problem> {
    if cursor.is_done() {
        return Ok(logging::Facility::Daemon);
    }
    let token = cursor.text()?;
    logging::Facility::from_word(&token.text).ok_or_else(|| {
        let all: Vec<_> = logging::Facility::ALL.iter().map(|facility| facility.word()).collect();
        Problem::new(token.position.clone(), format!("unknown syslog facility '{}'", excerpt(&token.text)))
            .with_hint(format!("one of: {}", all.join(", ")))
    })
}

/// One element of `rrset-order`.
pub(super) fn order(cursor: &mut Cursor<'_>) -> Result<Order, Problem> {
    let position = cursor.position().clone();
    let class = if cursor.take_word("class") { Some(cursor.text()?.text.clone()) } else { None };
    let rtype = if cursor.take_word("type") { Some(cursor.text()?.text.clone()) } else { None };
    let name = if cursor.take_word("name") { Some(cursor.quoted()?.text.clone()) } else { None };
    if !cursor.take_word("order") {
        return Err(cursor.near("'order' expected"));
    }
    Ok(Order { class, rtype, name, order: cursor.text()?.text.clone(), position })
}
