//! What came of a command.

use std::fmt;

/// What a command came to.
pub type Reply = Result<Done, Failure>;

/// It was done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// For a person, maybe several lines; may be empty.
    pub text: String,
    /// The same for programs.
    pub json: Option<serde_json::Value>,
    /// What was asked for and could not be done beside it, in a few words for the log; mostly empty.
    pub lacking: String,
    /// What happens once this was sent.
    pub then: Option<Ending>,
}

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// What is in flight is answered first.
    Stop,
    /// At once.
    Halt,
}

/// It was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why, in one of named's words.
    pub code: Code,
    /// Why, for a person; may be empty.
    pub text: String,
}

/// named's results, as far as a command can have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// It was done.
    Success,
    /// It may not be done.
    NotPermitted,
    /// There is no such view or zone.
    NotFound,
    /// An argument is missing.
    UnexpectedEnd,
    /// For any other reason.
    Failure,
    /// This server does no such thing.
    NotImplemented,
    /// A number is too large or too small.
    OutOfRange,
    /// It is no number.
    BadNumber,
    /// A zone is in several views.
    Multiple,
    /// A zone takes no updates.
    NotDynamic,
    /// A name has an empty label.
    EmptyLabel,
    /// There is no such class.
    UnknownClass,
    /// An argument means nothing.
    Syntax,
    /// There is no such command.
    UnknownCommand,
}

impl Code {
    /// Every code, named's number for it (BIND 9.18) and its words.
    pub const ALL: [(Self, u32, &'static str); 14] = [
        (Self::Success, 0, "success"),
        (Self::NotPermitted, 6, "permission denied"),
        (Self::NotFound, 23, "not found"),
        (Self::UnexpectedEnd, 24, "unexpected end of input"),
        (Self::Failure, 25, "failure"),
        (Self::NotImplemented, 27, "not implemented"),
        (Self::OutOfRange, 41, "out of range"),
        (Self::BadNumber, 56, "not a valid number"),
        (Self::Multiple, 62, "multiple"),
        (Self::EmptyLabel, 77, "empty label"),
        (Self::UnknownClass, 80, "unknown class/type"),
        (Self::Syntax, 89, "syntax error"),
        (Self::UnknownCommand, 172, "unknown command"),
        (Self::NotDynamic, 181, "not dynamic"),
    ];

    fn row(self) -> (Self, u32, &'static str) {
        Self::ALL.into_iter().find(|(code, ..)| *code == self).unwrap_or(Self::ALL[4])
    }

    /// `result` on the wire.
    pub fn number(self) -> u32 {
        self.row().1
    }

    /// named's name for one of these numbers, as `rndc -r` shows it.
    pub fn id(number: u32) -> Option<&'static str> {
        let (code, ..) = Self::ALL.into_iter().find(|(_, own, _)| *own == number)?;
        Some(match code {
            Self::Success => "ISC_R_SUCCESS",
            Self::NotPermitted => "ISC_R_NOPERM",
            Self::NotFound => "ISC_R_NOTFOUND",
            Self::UnexpectedEnd => "ISC_R_UNEXPECTEDEND",
            Self::Failure => "ISC_R_FAILURE",
            Self::NotImplemented => "ISC_R_NOTIMPLEMENTED",
            Self::OutOfRange => "ISC_R_RANGE",
            Self::BadNumber => "ISC_R_BADNUMBER",
            Self::Multiple => "ISC_R_MULTIPLE",
            Self::NotDynamic => "DNS_R_NOTDYNAMIC",
            Self::EmptyLabel => "DNS_R_EMPTYLABEL",
            Self::UnknownClass => "DNS_R_UNKNOWN",
            Self::Syntax => "DNS_R_SYNTAX",
            Self::UnknownCommand => "DNS_R_UNKNOWNCOMMAND",
        })
    }

    /// `err` on the wire.
    pub fn words(self) -> &'static str {
        self.row().2
    }
}

impl Failure {
    /// A failure without more words.
    pub fn new(code: Code) -> Self {
        Self { code, text: String::new() }
    }

    /// A failure and why.
    pub fn with(code: Code, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// What cannot be done here at all, and why.
    pub fn not_here(text: impl Into<String>) -> Self {
        Self::with(Code::NotImplemented, text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.words())
    }
}

impl From<String> for Done {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

impl From<&str> for Done {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self::with(Code::Failure, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_row_of_its_own() {
        for (code, number, words) in Code::ALL {
            assert_eq!((code.number(), code.words()), (number, words));
            assert_eq!(Code::ALL.iter().filter(|(_, other, text)| *other == number || *text == words).count(), 1);
        }
    }
}
