//! Showing a diagnostic with the line that it is about, and a caret under the token.
//!
//! Not here: what is wrong (`config`), and whether anybody wants to see more than one line, which the programs decide.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::files::{Disk, Files, MAX_CONFIG_OCTETS};
use crate::config::{Diagnostic, Position};

/// A longer line is cut, in characters.
const MAX_LINE: usize = 100;
/// What is shown before the token of a line that is cut, in characters.
const MAX_BEFORE: usize = 60;
const MARGIN: &str = "    ";

/// The lines of the files that diagnostics are about, each read once.
#[derive(Default)]
pub(super) struct Sources {
    /// `None`: it cannot be read.
    files: HashMap<Arc<str>, Option<Vec<String>>>,
}

impl Sources {
    /// The line of a diagnostic and a line with carets under its token; none, if it has no place or its file is gone.
    pub(super) fn point(&mut self, diagnostic: &Diagnostic) -> Vec<String> {
        let Some(position) = &diagnostic.position else { return Vec::new() };
        let lines = self.files.entry(position.file.clone()).or_insert_with(|| read(&position.file));
        let line = lines.as_ref().and_then(|lines| lines.get((position.line as usize).checked_sub(1)?));
        line.map(|line| pointed(line, position)).unwrap_or_default()
    }
}

fn read(file: &str) -> Option<Vec<String>> {
    let octets = Disk.read(file.as_ref(), MAX_CONFIG_OCTETS).ok()?;
    let text = String::from_utf8_lossy(&octets);
    Some(text.split('\n').map(|line| line.trim_end().to_owned()).collect())
}

fn pointed(line: &str, position: &Position) -> Vec<String> {
    if line.trim().is_empty() {
        return Vec::new();
    }
    let at = (position.column as usize).checked_sub(1).filter(|at| *at <= line.len() && line.is_char_boundary(*at));
    let (before, rest) = line.split_at(at.unwrap_or(0));
    let width = rest[..token_octets(rest)].chars().count().max(1);
    let before: Vec<char> = before.chars().map(shown).collect();
    let cut = if before.len() > MAX_BEFORE { before.len() - MAX_BEFORE } else { 0 };
    let mark = if cut > 0 { "…" } else { "" };
    let before: String = mark.chars().chain(before[cut..].iter().copied()).collect();
    let room = MAX_LINE.saturating_sub(before.chars().count());
    let mut rest_shown: String = rest.chars().take(room).map(shown).collect();
    if rest.chars().nth(room).is_some() {
        rest_shown.push('…');
    }
    let mut lines = vec![format!("{MARGIN}{before}{rest_shown}")];
    if at.is_some() {
        let carets = "^".repeat(width.min(room.max(1)));
        lines.push(format!("{MARGIN}{}{carets}", " ".repeat(before.chars().count())));
    }
    lines
}

/// A terminal shall not obey what a file says.
fn shown(character: char) -> char {
    match character {
        '\t' => ' ',
        character if character.is_control() => '\u{fffd}',
        character => character,
    }
}

/// How long the token is that a text begins with, in octets.
fn token_octets(text: &str) -> usize {
    let quote = text.chars().next().filter(|first| matches!(first, '"' | '\''));
    match quote {
        Some(quote) => text[1..].find(quote).map_or(text.len(), |end| end + 2),
        None => {
            let ends = |c: char| c.is_whitespace() || matches!(c, ';' | '{' | '}' | ',' | ']' | '#');
            text.char_indices().find(|(at, c)| *at > 0 && ends(*c)).map_or(text.len(), |(at, _)| at)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::Level;

    #[test]
    fn the_caret_stands_under_the_token() {
        let long = format!("{}forwardrs {{ {} }};", "x; ".repeat(40), "10.1.0.2; ".repeat(20));
        for (case, line, column, expected) in [
            ("a word", "\tforwardrs { any; };", 2, &["     forwardrs { any; };", "     ^^^^^^^^^"][..]),
            ("a quoted string", "file \"a b\" x;", 6, &["    file \"a b\" x;", "         ^^^^^"]),
            ("a special", "a } b", 3, &["    a } b", "      ^"]),
            ("behind the end of the line", "a", 2, &["    a", "     ^"]),
            ("the line as a whole", "a b", 0, &["    a b"]),
            ("letters of several octets", "\"é\" b;", 6, &["    \"é\" b;", "        ^"]),
            ("what a terminal would obey", "\u{1b}[2J;", 1, &["    \u{fffd}[2J;", "    ^^^^"]),
            ("an empty line", " ", 1, &[]),
            (
                "a long line",
                &long,
                121,
                &[
                    "    …x; x; x; x; x; x; x; x; x; x; x; x; x; x; x; x; x; x; x; x; forwardrs { 10.1.0.2; 10.1.0.2; 10.1.0.…",
                    "                                                                 ^^^^^^^^^",
                ],
            ),
        ] {
            let position = Position { file: "x".into(), line: 1, column };
            assert_eq!(pointed(line, &position), expected, "{case}");
        }
    }

    #[test]
    fn a_file_that_is_gone_shows_nothing() {
        let directory = tempfile::tempdir().expect("a directory of the test");
        let path = directory.path().join("x.conf");
        fs::write(&path, "a\nb c;\n").expect("the test's directory is writable");
        let mut sources = Sources::default();
        let at = |file: &str, line| Diagnostic {
            position: Some(Position { file: file.into(), line, column: 3 }),
            level: Level::Error,
            message: "wrong".to_owned(),
            hint: None,
            topic: None,
        };
        let path = path.to_str().expect("the path is UTF-8");
        assert_eq!(sources.point(&at(path, 2)), ["    b c;", "      ^"]);
        assert_eq!(sources.point(&at(path, 9)), [""; 0]);
        assert_eq!(sources.point(&at("/nosuch", 1)), [""; 0]);
    }
}
