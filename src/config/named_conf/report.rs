//! Collecting what is wrong, so that one reading shows every error, each once.

use crate::config::{Diagnostic, Level, Position, Topic};

/// More than this are not kept; a hostile file shall not fill the memory with complaints about itself.
const MAX_DIAGNOSTICS: usize = 1000;

/// Why a value or a statement cannot be read; becomes one error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) position: Position,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Problem {
    pub(super) fn new(position: Position, message: impl Into<String>) -> Self {
        Self { position, message: message.into(), hint: None }
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn into_error(self) -> Diagnostic {
        Diagnostic {
            position: Some(self.position),
            level: Level::Error,
            message: self.message,
            hint: self.hint,
            topic: None,
        }
    }
}

/// Everything found so far, in the order in which it was found.
#[derive(Debug, Default)]
pub(super) struct Report {
    found: Vec<Diagnostic>,
    has_errors: bool,
}

impl Report {
    pub(super) fn error(&mut self, position: &Position, message: impl Into<String>) {
        self.problem(Problem::new(position.clone(), message));
    }

    pub(super) fn problem(&mut self, problem: Problem) {
        self.add(problem.into_error());
    }

    /// What both formats look for.
    pub(super) fn add(&mut self, diagnostic: Diagnostic) {
        self.has_errors |= diagnostic.level == Level::Error;
        self.push(diagnostic);
    }

    /// What works, but not as it is written.
    pub(super) fn warn(&mut self, position: Option<&Position>, message: impl Into<String>) {
        let message = message.into();
        self.push(Diagnostic { position: position.cloned(), level: Level::Warning, message, hint: None, topic: None });
    }

    /// What is read and changes nothing.
    pub(super) fn not_honoured(&mut self, position: &Position, message: impl Into<String>) {
        let (position, message) = (Some(position.clone()), message.into());
        let topic = Some(Topic::NotHonoured);
        self.push(Diagnostic { position, level: Level::Warning, message, hint: None, topic });
    }

    pub(super) fn has_errors(&self) -> bool {
        self.has_errors
    }

    /// Whether what is found from now on is not shown: advice about it is not worth its time.
    pub(super) fn is_full(&self) -> bool {
        self.found.len() >= MAX_DIAGNOSTICS
    }

    fn push(&mut self, diagnostic: Diagnostic) {
        if self.found.len() < MAX_DIAGNOSTICS {
            if !self.found.contains(&diagnostic) {
                self.found.push(diagnostic);
            }
        } else if self.found.len() == MAX_DIAGNOSTICS {
            let message = format!("more than {MAX_DIAGNOSTICS} errors and warnings; the rest is not shown");
            self.found.push(Diagnostic { position: None, level: Level::Warning, message, hint: None, topic: None });
        }
    }

    /// The warnings if there was no error, else everything.
    pub(super) fn finish(self) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
        if self.has_errors { Err(self.found) } else { Ok(self.found) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32) -> Position {
        Position { file: "x".into(), line, column: 0 }
    }

    #[test]
    fn the_same_error_is_kept_once_and_their_number_is_bounded() {
        let mut report = Report::default();
        for line in 0..5000 {
            report.error(&at(line), "a");
            report.error(&at(line), "a");
        }
        let found = report.finish().expect_err("errors were reported");
        assert_eq!(found.len(), MAX_DIAGNOSTICS + 1);
        assert_eq!(found[1].to_string(), "x:1: a");
        assert_eq!(
            found[MAX_DIAGNOSTICS].to_string(),
            "warning: more than 1000 errors and warnings; the rest is not shown"
        );
    }

    #[test]
    fn warnings_alone_are_no_failure() {
        let mut report = Report::default();
        report.warn(Some(&at(3)), "b");
        assert_eq!(report.finish().map(|found| found[0].to_string()), Ok("x:3: warning: b".to_owned()));
    }
}
