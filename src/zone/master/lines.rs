//! Cutting master files into logical lines: words up to a line end outside parentheses (RFC 1035 §5.1).
//!
//! A fault costs its line; reading goes on behind it. A parenthesis that is never closed costs all that follows.
//! Not here: what the words mean.

use crate::wire::present::words::{Word, quoted_end, word_end};

/// More words are no record: the longest TXT has 65,535 empty texts.
const MAX_WORDS: usize = 70_000;

/// A logical line that has words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Where its first word stands. `1..`
    pub(super) number: u32,
    /// Whether it begins with white space, and so has the owner of the record before.
    pub(super) is_indented: bool,
}

/// A line that cannot be cut into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Uncut {
    /// Where what is wrong stands. `1..`
    pub(super) number: u32,
    pub(super) message: &'static str,
    pub(super) hint: &'static str,
}

/// A file's logical lines, from the top.
pub(super) struct Lines<'t> {
    text: &'t [u8],
    /// `0 <= at <= text.len()`
    at: usize,
    /// Of what stands at `at`. `1..`
    number: u32,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0, number: 1 }
    }

    /// The next line that has words, which are put into `words`; `None`: there is none.
    pub(super) fn next(&mut self, words: &mut Vec<Word<'t>>) -> Option<Result<Line, Uncut>> {
        loop {
            words.clear();
            let is_indented = matches!(self.text.get(self.at), Some(b' ' | b'\t'));
            let mut number = self.number;
            let fault = self.cut(words, &mut number);
            match fault {
                Some(fault) => return Some(Err(fault)),
                None if !words.is_empty() => return Some(Ok(Line { number, is_indented })),
                None if self.at >= self.text.len() => return None,
                None => {}
            }
        }
    }

    /// Cuts up to the end of a logical line, at least one octet; `number` becomes that of the first word.
    fn cut(&mut self, words: &mut Vec<Word<'t>>, number: &mut u32) -> Option<Uncut> {
        let mut fault: Option<Uncut> = None;
        let (mut depth, mut opened, mut glued) = (0u32, 0, false);
        while let Some(&octet) = self.text.get(self.at) {
            let before = self.at;
            self.at += 1;
            let is_word = match octet {
                b' ' | b'\t' => false,
                b'\n' | b'\r' => {
                    self.end_line(octet);
                    if depth == 0 {
                        return fault;
                    }
                    false
                }
                b';' => {
                    self.skip_to_line_end();
                    false
                }
                b'(' => {
                    if depth == 0 {
                        opened = self.number;
                    }
                    depth += 1;
                    false
                }
                b')' => {
                    if depth == 0 {
                        let hint = "this one closes nothing; as part of a word it is written '\\)' or in quotes";
                        fault = fault.or(Some(self.uncut("unbalanced parentheses", hint)));
                    }
                    depth = depth.saturating_sub(1);
                    false
                }
                b'"' => match quoted_end(self.text, self.at) {
                    Some(end) => {
                        push(words, Word { text: &self.text[self.at..end], quoted: true, glued });
                        self.at = end + 1;
                        true
                    }
                    None => {
                        let hint = "a text in quotes ends on its line; '\"' itself is written '\\\"'";
                        fault = fault.or(Some(self.uncut("unbalanced quotes", hint)));
                        self.skip_to_line_end();
                        false
                    }
                },
                _ => {
                    self.at = word_end(self.text, before);
                    push(words, Word { text: &self.text[before..self.at], quoted: false, glued });
                    true
                }
            };
            glued = is_word;
            if is_word && words.len() == 1 {
                *number = self.number;
            }
            if words.len() == MAX_WORDS {
                let hint = "is a parenthesis not closed?";
                fault = fault.or(Some(Uncut { number: *number, message: "more words than a record can have", hint }));
            }
        }
        if depth > 0 {
            let hint = "the one that opens here is never closed";
            fault = fault.or(Some(Uncut { number: opened, message: "unbalanced parentheses", hint }));
        }
        fault
    }

    fn uncut(&self, message: &'static str, hint: &'static str) -> Uncut {
        Uncut { number: self.number, message, hint }
    }

    /// Counts a line end whose first octet was taken: LF, CR LF, or CR alone (as in BIND).
    fn end_line(&mut self, first: u8) {
        if first == b'\r' && self.text.get(self.at) == Some(&b'\n') {
            self.at += 1;
        }
        self.number = self.number.saturating_add(1);
    }

    fn skip_to_line_end(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.iter().position(|octet| matches!(octet, b'\n' | b'\r')).unwrap_or(rest.len());
    }
}

/// Keeps a word, if there are not too many.
fn push<'t>(words: &mut Vec<Word<'t>>, word: Word<'t>) {
    if words.len() < MAX_WORDS {
        words.push(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line as `NUMBER[+]:word,word`, each fault as `NUMBER!message`.
    fn cut(text: &str) -> Vec<String> {
        let (mut lines, mut words, mut found) = (Lines::new(text.as_bytes()), Vec::new(), Vec::new());
        while let Some(line) = lines.next(&mut words) {
            found.push(match line {
                Ok(line) => {
                    let words: Vec<_> = words.iter().map(|word| String::from_utf8_lossy(word.text)).collect();
                    format!("{}{}:{}", line.number, if line.is_indented { "+" } else { "" }, words.join(","))
                }
                Err(fault) => format!("{}!{}", fault.number, fault.message),
            });
        }
        found
    }

    #[test]
    fn lines_end_outside_parentheses() {
        for (case, text, expected) in [
            ("plain lines", "a b\nc d\n", &["1:a,b", "2:c,d"][..]),
            ("the last line without its end", "a\nb", &["1:a", "2:b"]),
            ("CR LF", "a\r\n\r\n b\r\n", &["1:a", "3+:b"]),
            ("CR alone", "a\rb", &["1:a", "2:b"]),
            ("comments and blank lines", "; x\n\n \t; y\na ; z\n;", &["4:a"]),
            ("a comment ends a word", "a;b\nc", &["1:a", "2:c"]),
            ("an escaped semicolon", "a\\;b", &["1:a\\;b"]),
            ("indented", " a\n\tb", &["1+:a", "2+:b"]),
            ("parentheses", "a (b ; x )\n c\n) d\ne", &["1:a,b,c,d", "4:e"]),
            ("nested and glued ones", "a((b)\n(c))d\n", &["1:a,b,c,d"]),
            ("a parenthesis before the first word", "(\n a\n)\nb", &["2:a", "4:b"]),
            ("what stands in quotes in parentheses", "a ( \"x; (y\"\n \"z\" )\nb", &["1:a,x; (y,z", "3:b"]),
            ("an escaped quote", "a \"b\\\"c\" d", &["1:a,b\\\"c,d"]),
            ("an escaped line end ends the word", "a\\\nb", &["1:a\\", "2:b"]),
            ("nothing", "", &[]),
            ("white space", " \n\t\n ", &[]),
        ] {
            assert_eq!(cut(text), expected, "{case}");
        }
    }

    #[test]
    fn a_fault_costs_its_line() {
        for (case, text, expected) in [
            ("an open quote", "a \"b\nc\n", &["1!unbalanced quotes", "2:c"][..]),
            ("an open quote in parentheses", "a (\n \"b\n c )\nd", &["2!unbalanced quotes", "4:d"]),
            ("a parenthesis that closes nothing", "a b ) c\nd", &["1!unbalanced parentheses", "2:d"]),
            ("one that is never closed", "a\nb (\nc\nd", &["1:a", "2!unbalanced parentheses"]),
            (
                "an escape at the end of a quote",
                "a \"b\\\nc\"\nd",
                &["1!unbalanced quotes", "2!unbalanced quotes", "3:d"],
            ),
        ] {
            assert_eq!(cut(text), expected, "{case}");
        }
        let endless = format!("a (\n{}", "b ".repeat(200_000));
        assert_eq!(cut(&endless), ["1!more words than a record can have"]);
    }
}
