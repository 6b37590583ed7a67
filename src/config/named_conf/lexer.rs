//! Cutting named.conf into tokens: words, quoted strings and the six specials `{ } ; / " !`.
//!
//! Comments count as white space and end a word: `#` and `//` up to the end of the line, `/* */` over many lines.
//! A carriage return is white space, so files from Windows read the same. Within quotes only `\"` means something
//! else than itself, and a line may end there (as in named 9.18).
//! Invariant: every call moves on or ends; a token never crosses the end of its file.

use std::sync::Arc;

use super::report::Problem;
use crate::config::Position;

/// One token and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// A word as it stands, a string without its quotes, a special as its character; empty at the end of the file.
    pub(super) text: String,
    pub(super) position: Position,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    Quoted,
    /// `{ } ; / !`
    Special(u8),
    End,
}

impl Token {
    /// The text of named's `near '…'`: a quoted string shows only its quote.
    pub(super) fn shown(&self) -> &str {
        if self.kind == Kind::Quoted { "\"" } else { &self.text }
    }

    pub(super) fn is_special(&self, special: u8) -> bool {
        self.kind == Kind::Special(special)
    }
}

/// Reads one file's text from front to back.
pub(super) struct Lexer<'a> {
    text: &'a str,
    /// `0 <= at <= text.len()`, always at a character's boundary.
    at: usize,
    /// `1..`
    line: u32,
    /// Where that line begins. `0 <= line_start <= at`
    line_start: usize,
    file: Arc<str>,
    comments: Vec<Comment>,
}

/// A comment, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Comment {
    /// With its signs: `# …`, `// …`, `/* … */`
    pub(super) text: String,
    pub(super) position: Position,
    /// `1..`
    pub(super) last_line: u32,
}

/// The comments of a text, up to its first error.
pub(super) fn comments(text: &str, file: Arc<str>) -> Vec<Comment> {
    let mut lexer = Lexer::new(text, file);
    while lexer.next().is_ok_and(|token| token.kind != Kind::End) {}
    lexer.comments
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str, file: Arc<str>) -> Self {
        Self { text, at: 0, line: 1, line_start: 0, file, comments: Vec::new() }
    }

    /// The next token; after the last one, [`Kind::End`] for ever. An error ends the text.
    pub(super) fn next(&mut self) -> Result<Token, Problem> {
        self.skip_space_and_comments()?;
        let position = self.position();
        let Some(first) = self.peek(0) else { return Ok(Token { kind: Kind::End, text: String::new(), position }) };
        let (kind, text) = match first {
            b'"' => (Kind::Quoted, self.quoted()?),
            special if is_special(special) => {
                self.at += 1;
                (Kind::Special(special), char::from(special).to_string())
            }
            _ => (Kind::Word, self.word().to_owned()),
        };
        if text.contains(char::REPLACEMENT_CHARACTER) {
            let hint = "comments may hold any octets, everything else has to be UTF-8";
            return Err(Problem::new(position, "text is not UTF-8").with_hint(hint));
        }
        Ok(Token { kind, text, position })
    }

    pub(super) fn position(&self) -> Position {
        let column = u32::try_from(self.at - self.line_start + 1).unwrap_or(u32::MAX);
        Position { file: self.file.clone(), line: self.line, column }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn skip_space_and_comments(&mut self) -> Result<(), Problem> {
        while let Some(octet) = self.peek(0) {
            match (octet, self.peek(1)) {
                (b'\n' | b' ' | b'\t' | b'\r', _) => self.pass(1),
                (b'#', _) | (b'/', Some(b'/')) => {
                    let rest = &self.text[self.at..];
                    self.comment(rest.find('\n').unwrap_or(rest.len()));
                }
                (b'/', Some(b'*')) => self.block_comment()?,
                _ => break,
            }
        }
        Ok(())
    }

    /// Moves on by so many octets, and counts the lines that end in them.
    fn pass(&mut self, octets: usize) {
        let passed = &self.text[self.at..self.at + octets];
        self.line += count_lines(passed);
        if let Some(last) = passed.rfind('\n') {
            self.line_start = self.at + last + 1;
        }
        self.at += octets;
    }

    /// Passes over a comment of so many octets and keeps it.
    fn comment(&mut self, octets: usize) {
        let text = self.text[self.at..self.at + octets].trim_end().to_owned();
        let position = self.position();
        self.pass(octets);
        self.comments.push(Comment { text, position, last_line: self.line });
    }

    fn block_comment(&mut self) -> Result<(), Problem> {
        let rest = &self.text[self.at + 2..];
        let Some(length) = rest.find("*/") else { return Err(self.unexpected_end("comment", self.line)) };
        self.comment(length + 4);
        Ok(())
    }

    fn word(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let ends = |octet: &u8| matches!(octet, b' ' | b'\t' | b'\r' | b'\n' | b'#') || is_special(*octet);
        let length = rest.as_bytes().iter().position(ends).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// A string behind its opening quote. A backslash that a backslash stands before quotes nothing.
    fn quoted(&mut self) -> Result<String, Problem> {
        let begun = self.line;
        let rest = &self.text[self.at + 1..];
        let mut text = String::new();
        let mut escaped = false;
        for (offset, character) in rest.char_indices() {
            match character {
                '"' if escaped => {
                    text.pop();
                    text.push('"');
                }
                '"' => {
                    self.pass(offset + 2);
                    return Ok(text);
                }
                _ => text.push(character),
            }
            escaped = character == '\\' && !escaped;
        }
        Err(self.unexpected_end("string", begun))
    }

    /// named shows the end of the file; the hint shows where the unclosed thing begins.
    fn unexpected_end(&mut self, what: &str, begun: u32) -> Problem {
        self.at = self.text.len();
        self.line = 1 + count_lines(self.text);
        self.line_start = self.text.rfind('\n').map_or(0, |last| last + 1);
        Problem::new(self.position(), "unexpected end of input")
            .with_hint(format!("the {what} that begins in line {begun} is not closed"))
    }
}

fn is_special(octet: u8) -> bool {
    matches!(octet, b'{' | b'}' | b';' | b'/' | b'"' | b'!')
}

fn count_lines(text: &str) -> u32 {
    u32::try_from(text.bytes().filter(|&octet| octet == b'\n').count()).unwrap_or(u32::MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words as they are, strings in quotes, specials as they are, each with its line.
    fn tokens(text: &str) -> Result<Vec<String>, String> {
        let mut lexer = Lexer::new(text, "x".into());
        let mut seen = Vec::new();
        loop {
            let token = lexer.next().map_err(|problem| problem.into_error().to_string())?;
            let line = token.position.line;
            match token.kind {
                Kind::End => return Ok(seen),
                Kind::Quoted => seen.push(format!("{line}:\"{}\"", token.text)),
                Kind::Word | Kind::Special(_) => seen.push(format!("{line}:{}", token.text)),
            }
        }
    }

    #[test]
    fn text_is_cut_as_named_cuts_it() {
        let cases: [(&str, &str, &[&str]); 15] = [
            ("an empty text", "", &[]),
            ("white space alone", " \t\r\n", &[]),
            ("specials end a word and need no space", "a{b;}c", &["1:a", "1:{", "1:b", "1:;", "1:}", "1:c"]),
            ("a slash is a special", "10/8", &["1:10", "1:/", "1:8"]),
            ("an exclamation mark is a special", "!a", &["1:!", "1:a"]),
            ("a number sign ends a word", "ab#cd\nef", &["1:ab", "2:ef"]),
            ("two slashes end a word", "ab//cd\nef", &["1:ab", "2:ef"]),
            ("a block comment acts as a space", "ab/* x\n\n */cd", &["1:ab", "3:cd"]),
            ("a block comment does not nest", "/* /* */ a", &["1:a"]),
            ("a block comment of one star", "/**/a", &["1:a"]),
            ("a carriage return is a space", "a\r\nb\rc", &["1:a", "2:b", "2:c"]),
            ("comment signs within quotes are text", "\"a#b//c/*d\"", &["1:\"a#b//c/*d\""]),
            ("an escaped quote", r#""a\"b" c"#, &["1:\"a\"b\"", "1:c"]),
            ("other escapes stay as they are", r#""a\\" "\n""#, &[r#"1:"a\\""#, r#"1:"\n""#]),
            ("a line may end within quotes", "\"a\nb\" c", &["1:\"a\nb\"", "2:c"]),
        ];
        for (case, text, expected) in cases {
            assert_eq!(
                tokens(text).as_deref().map(|seen| seen.iter().map(String::as_str).collect()),
                Ok(expected.to_vec()),
                "{case}"
            );
        }
    }

    #[test]
    fn every_token_and_comment_knows_its_line_and_column() {
        let text = "a /* b\n\n*/ c; # d \n\"x\ny\" {//e\n}";
        let mut lexer = Lexer::new(text, "x".into());
        let mut seen = Vec::new();
        while let Some(token) = lexer.next().ok().filter(|token| token.kind != Kind::End) {
            seen.push((token.text, token.position.line, token.position.column));
        }
        let expected = [("a", 1, 1), ("c", 3, 4), (";", 3, 5), ("x\ny", 4, 1), ("{", 5, 4), ("}", 6, 1)];
        assert_eq!(seen, expected.map(|(text, line, column)| (text.to_owned(), line, column)));
        let found: Vec<_> = comments(text, "x".into())
            .into_iter()
            .map(|comment| (comment.text, comment.position.line, comment.position.column, comment.last_line))
            .collect();
        let expected = [("/* b\n\n*/", 1, 3, 3), ("# d", 3, 7, 3), ("//e", 5, 5, 5)];
        assert_eq!(found, expected.map(|(text, line, column, last)| (text.to_owned(), line, column, last)));
    }

    #[test]
    fn what_does_not_end_is_shown_with_its_beginning() {
        for (case, text, expected) in [
            ("a string", "a\n\"b;\n", "x:3: unexpected end of input (the string that begins in line 2 is not closed)"),
            (
                "a string whose last quote is escaped",
                r#""x\""#,
                "x:1: unexpected end of input (the string that begins in line 1 is not closed)",
            ),
            ("a comment", "/* a\n\n", "x:3: unexpected end of input (the comment that begins in line 1 is not closed)"),
            (
                "the shortest comment",
                "/*/",
                "x:1: unexpected end of input (the comment that begins in line 1 is not closed)",
            ),
            (
                "octets that are no text",
                "a\u{fffd}b",
                "x:1: text is not UTF-8 (comments may hold any octets, everything else has to be UTF-8)",
            ),
        ] {
            assert_eq!(tokens(text), Err(expected.to_owned()), "{case}");
        }
    }
}
