//! Cutting a command into words, putting words together to one, and words that several commands have.
//!
//! Blanks stand between words; a word in double quotes may have blanks, and `\"` and `\\` for those two.

/// The words of a command.
///
/// # Errors
/// What is wrong with it.
pub(super) fn split(line: &str) -> Result<Vec<String>, &'static str> {
    if line.chars().any(char::is_control) {
        return Err("a command has no control characters");
    }
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut characters = line.chars();
    let mut is_quoted = false;
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            '\\' if is_quoted => word.get_or_insert_default().push(characters.next().ok_or("a quote is not closed")?),
            ' ' if !is_quoted => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    if is_quoted {
        return Err("a quote is not closed");
    }
    words.extend(word);
    Ok(words)
}

/// Whether a word switches on, or off; `None`: it does neither. named's words, without regard to case.
pub(super) fn switch(word: &str) -> Option<bool> {
    let is_one_of = |words: [&str; 4]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
    match () {
        () if is_one_of(["on", "yes", "enable", "true"]) => Some(true),
        () if is_one_of(["off", "no", "disable", "false"]) => Some(false),
        () => None,
    }
}

/// A command of words.
///
/// # Errors
/// When a word has a control character.
pub fn join(words: &[&str]) -> Result<String, String> {
    if let Some(word) = words.iter().find(|word| word.chars().any(char::is_control)) {
        return Err(format!("'{}' has a control character: write it in one line, without tabs", word.escape_debug()));
    }
    let quoted = |word: &&str| {
        let is_plain = !word.is_empty() && !word.contains([' ', '"', '\\']);
        if is_plain { (*word).to_owned() } else { format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"")) }
    };
    Ok(words.iter().map(quoted).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_joined_is_split() {
        for words in [
            &["health"][..],
            &["health", "down", "a b", "-", "new \"disks\" \\ ä"],
            &[""],
            &["zone", "status", ""],
            &["a\\b", "\"", "\\"],
        ] {
            let line = join(words).expect("no control characters");
            assert_eq!(
                split(&line).as_deref(),
                Ok(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()[..]),
                "{line}"
            );
        }
        assert_eq!(split("  flush   a  ").expect("blanks"), ["flush", "a"]);
        assert_eq!(split("c:\\x").expect("a backslash alone"), ["c:\\x"]);
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (line, expected) in [
            ("a \"b", "a quote is not closed"),
            ("\"\\", "a quote is not closed"),
            ("a\tb", "a command has no control characters"),
            ("a\u{9b}b", "a command has no control characters"),
        ] {
            assert_eq!(split(line), Err(expected), "{line:?}");
        }
        assert!(join(&["health", "a\nb"]).is_err_and(|why| why.starts_with("'a\\nb' has a control character")));
    }
}
