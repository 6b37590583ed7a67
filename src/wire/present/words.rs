//! Words of master-file text: where one ends, what its escapes stand for.
//!
//! A word ends at white space, a quote, a parenthesis or a comment, unless these are escaped; a quoted one at its
//! closing quote, which stands on the same line. Words keep their escapes, since a name's `\.` is no dot.
//! Not here: lines, parentheses and comments (`zone::master`).

/// A word as it is written, escapes and all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word<'t> {
    /// Without its quotes.
    pub text: &'t [u8],
    /// Whether it stood in quotes.
    pub quoted: bool,
    /// Whether nothing stood between it and the word before: `key="value"` are two such words.
    pub glued: bool,
}

/// Where the unquoted word that begins at `at` ends.
#[inline]
pub fn word_end(text: &[u8], at: usize) -> usize {
    let mut end = at;
    while let Some(&octet) = text.get(end) {
        match octet {
            b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'(' | b')' | b';' => break,
            // A line end ends the word whatever stands before it.
            b'\\' if !matches!(text.get(end + 1), None | Some(b'\r' | b'\n')) => end += 2,
            _ => end += 1,
        }
    }
    end
}

/// Where the text that begins at `at`, behind an opening quote, ends at its closing quote; `None`: it has none on
/// this line.
pub fn quoted_end(text: &[u8], at: usize) -> Option<usize> {
    let mut end = at;
    loop {
        match *text.get(end)? {
            b'"' => return Some(end),
            b'\n' => return None,
            b'\\' if text.get(end + 1) != Some(&b'\n') => end += 2,
            _ => end += 1,
        }
    }
}

/// Cuts one line into words. Comments, parentheses and line ends are errors, since nobody means them there.
pub fn split<'t>(text: &'t [u8], words: &mut Vec<Word<'t>>) -> Result<(), String> {
    let (mut at, mut glued) = (0, false);
    while let Some(&octet) = text.get(at) {
        match octet {
            b' ' | b'\t' => {
                at += 1;
                glued = false;
                continue;
            }
            b'"' => {
                let end = quoted_end(text, at + 1).ok_or("a closing quote is missing")?;
                words.push(Word { text: &text[at + 1..end], quoted: true, glued });
                at = end + 1;
            }
            b';' => return Err("';' begins a comment: write '\\;', or put the text in quotes".to_owned()),
            b'(' | b')' => {
                let octet = char::from(octet);
                return Err(format!("'{octet}' has no place here: write '\\{octet}', or put the text in quotes"));
            }
            b'\r' | b'\n' => return Err("the text goes on behind its line: write it as one".to_owned()),
            _ => {
                let end = word_end(text, at);
                words.push(Word { text: &text[at..end], quoted: false, glued });
                at = end;
            }
        }
        glued = true;
    }
    Ok(())
}

/// What an escape stands for, read behind its backslash, and how many octets it takes there: `DDD` up to 255, or any
/// character that is no digit.
#[inline]
pub fn unescape(behind: &[u8]) -> Option<(u8, usize)> {
    match *behind {
        [first, ..] if !first.is_ascii_digit() => Some((first, 1)),
        [a, b, c, ..] if b.is_ascii_digit() && c.is_ascii_digit() => {
            let value = u32::from(a - b'0') * 100 + u32::from(b - b'0') * 10 + u32::from(c - b'0');
            u8::try_from(value).ok().map(|octet| (octet, 3))
        }
        _ => None,
    }
}

/// Octets as the inside of a quoted text that reads back as them.
pub fn escape_quoted(octets: &[u8], out: &mut String) {
    for &octet in octets {
        match octet {
            b'"' | b'\\' => out.extend(['\\', char::from(octet)]),
            0x20..=0x7e => out.push(char::from(octet)),
            _ => out.push_str(&format!("\\{octet:03}")),
        }
    }
}

/// A word for a message: printable, at most 60 characters.
pub fn excerpt(text: &[u8]) -> String {
    let mut shown = String::new();
    for &octet in text {
        if shown.len() > 60 {
            shown.push('…');
            break;
        }
        match octet {
            0x20..=0x7e => shown.push(char::from(octet)),
            _ => shown.push_str(&format!("\\{octet:03}")),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_end_where_master_files_end_them() {
        for (case, text, expected) in [
            ("spaces and tabs", " a\tb  c ", &["a", "b", "c"][..]),
            ("a quoted text", "\"a b\" c", &["=a b", "c"]),
            ("quotes end a word", "a\"b\"c", &["a", "+=b", "+c"]),
            ("a key and its value", "alpn=\"h2,h3\" port=1", &["alpn=", "+=h2,h3", "port=1"]),
            ("escapes are kept", "a\\ b \"c\\\"d\" \\;", &["a\\ b", "=c\\\"d", "\\;"]),
            ("quotes may hold everything", "\"(a; b)\"", &["=(a; b)"]),
            ("an empty text", "\"\"", &["="]),
            ("nothing", "  ", &[]),
        ] {
            let mut words = Vec::new();
            split(text.as_bytes(), &mut words).unwrap_or_else(|error| panic!("{case}: {error}"));
            let shown: Vec<_> = words
                .iter()
                .map(|word| {
                    let text = String::from_utf8_lossy(word.text);
                    format!("{}{}{text}", if word.glued { "+" } else { "" }, if word.quoted { "=" } else { "" })
                })
                .collect();
            assert_eq!(shown, expected, "{case}");
        }
    }

    #[test]
    fn what_belongs_to_lines_is_refused() {
        for (text, expected) in [
            ("v=DKIM1; k=rsa", "';' begins a comment: write '\\;', or put the text in quotes"),
            ("( 1 2 )", "'(' has no place here: write '\\(', or put the text in quotes"),
            ("\"a", "a closing quote is missing"),
            ("\"a\nb\"", "a closing quote is missing"),
            ("a\nb", "the text goes on behind its line: write it as one"),
        ] {
            assert_eq!(split(text.as_bytes(), &mut Vec::new()), Err(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn escapes_have_three_digits_or_none() {
        for (behind, expected) in [
            (&b"065"[..], Some((b'A', 3))),
            (b"255x", Some((255, 3))),
            (b"256", None),
            (b"12", None),
            (b"1a2", None),
            (b".x", Some((b'.', 1))),
            (b"", None),
        ] {
            assert_eq!(unescape(behind), expected, "{behind:?}");
        }
    }
}
