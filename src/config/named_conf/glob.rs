//! Expanding the patterns of `include`, as glob(3) does.
//!
//! Not here: reaching the files ([`super::super::files`]).

use std::path::{Path, PathBuf};

use crate::config::files::Files;

/// The paths that a pattern of glob(3) stands for, sorted; one without wildcards stands for itself.
pub(super) fn expand(pattern: &str, directory: Option<&Path>, files: &dyn Files) -> Vec<PathBuf> {
    let absolute = pattern.starts_with('/');
    let base = if absolute { PathBuf::from("/") } else { directory.map(Path::to_owned).unwrap_or_default() };
    if !pattern.contains(['*', '?', '[']) {
        return vec![base.join(pattern)];
    }
    let mut found = vec![base];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let is_pattern = part.contains(['*', '?', '[']);
        found = found
            .iter()
            .flat_map(|path| if is_pattern { matching(path, part, files) } else { vec![path.join(part)] })
            .collect();
    }
    found
}

/// The entries of a directory that match, sorted. A leading dot has to be named (glob(3)).
fn matching(directory: &Path, pattern: &str, files: &dyn Files) -> Vec<PathBuf> {
    let mut names = files.list(directory).unwrap_or_default();
    names.retain(|name| (pattern.starts_with('.') || !name.starts_with('.')) && matches(pattern, name));
    names.sort();
    names.iter().map(|name| directory.join(name)).collect()
}

/// Whether a name matches a pattern of `*`, `?` and `[…]`. Remembers one star, so that no pattern costs more than
/// the product of the lengths.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match matches_one(&pattern[p..], name[n]) {
            Some(length) => {
                p += length;
                n += 1;
            }
            None if pattern.get(p) == Some(&'*') => {
                star = Some((p + 1, n));
                p += 1;
            }
            None => match &mut star {
                Some((behind, from)) => {
                    *from += 1;
                    (p, n) = (*behind, *from);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&rest| rest == '*')
}

/// How much of the pattern matches this one character, if any does.
fn matches_one(pattern: &[char], character: char) -> Option<usize> {
    match pattern.first()? {
        '*' => None,
        '?' => Some(1),
        '[' => match pattern.iter().skip(2).position(|&c| c == ']') {
            Some(at) => class_matches(&pattern[1..at + 2], character).then_some(at + 3),
            None => (character == '[').then_some(1),
        },
        &literal => (literal == character).then_some(1),
    }
}

/// `a-z`, `!a-z`, `^abc`, what stands within brackets.
fn class_matches(class: &[char], character: char) -> bool {
    let negated = matches!(class.first(), Some('!' | '^')) && class.len() > 1;
    let mut rest = &class[usize::from(negated)..];
    let mut found = false;
    while let Some(&first) = rest.first() {
        let (last, length) = if rest.len() > 2 && rest[1] == '-' { (rest[2], 3) } else { (first, 1) };
        found |= (first..=last).contains(&character);
        rest = &rest[length..];
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::files::Disk;

    #[test]
    fn patterns_match_as_glob_does() {
        for (pattern, name, expected) in [
            ("*.conf", "a.conf", true),
            ("*.conf", "a.conf.bak", false),
            ("*", "", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXc", false),
            ("?.conf", "a.conf", true),
            ("?.conf", ".conf", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[^a-c]x", "dx", true),
            ("[]]x", "]x", true),
            ("[a", "[a", true),
            ("*a*a*a*a*a*a*a*b", &"a".repeat(2000), false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn the_disk_is_searched_in_order() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["b.conf", "a.conf", ".hidden.conf", "c.txt"] {
            fs::write(directory.path().join(name), name).unwrap();
        }
        let pattern = format!("{}/*.conf", directory.path().display());
        let expected: Vec<_> = ["a.conf", "b.conf"].iter().map(|name| directory.path().join(name)).collect();
        assert_eq!(expand(&pattern, None, &Disk), expected);
        assert_eq!(expand("*.conf", Some(directory.path()), &Disk), expected, "relative to the directory");
        assert_eq!(expand("nosuch*", Some(directory.path()), &Disk), Vec::<PathBuf>::new());
    }
}
