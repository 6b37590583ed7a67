//! Telling what is wrong in a configuration, and where: `file:line: message (hint)`.
//!
//! Both readers tell it in this form, `tandem check` prints it, the daemon logs it.
//! Not here: collecting and bounding what is found, which each reader does in its own order.

use std::fmt;
use std::sync::Arc;

/// Where a statement stands: `file:line`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// As it was given to the program or to `include`.
    pub file: Arc<str>,
    /// `1..`
    pub line: u32,
    /// In octets, `1..`; 0: the line as a whole. Never shown as a number: it is where a caret points.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A fault or a warning in a configuration, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where; `None` when the whole file is meant.
    pub position: Option<Position>,
    /// Whether the configuration can be used all the same.
    pub level: Level,
    /// What is wrong, in named-checkconf's words where it has any: `unknown option 'foo'`.
    pub message: String,
    /// What would be right, where that is known: `did you mean 'forwarders'?`
    pub hint: Option<String>,
    /// What kind of thing it tells, where somebody may not want to be told such; `None`: nobody should miss it.
    pub topic: Option<Topic>,
}

/// A kind of [`Diagnostic`] that may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// A statement that is read, and changes nothing: named has given it up, or it is not honoured here.
    NotHonoured,
}

/// How grave a [`Diagnostic`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The configuration works; something is not what it says.
    Warning,
    /// The configuration is refused.
    Error,
}

impl fmt::Display for Diagnostic {
    /// `file:line: message (hint)`, named-checkconf's form up to the hint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = &self.position {
            write!(f, "{position}: ")?;
        }
        if self.level == Level::Warning {
            f.write_str("warning: ")?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl Diagnostic {
    /// The same without the word `warning`, for a log that shows severities itself.
    pub fn for_log(&self) -> String {
        Self { level: Level::Error, ..self.clone() }.to_string()
    }
}
