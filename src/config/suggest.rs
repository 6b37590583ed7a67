//! Finding the known word that an unknown one was probably meant to be.
//!
//! Both readers put it into their hints: `did you mean 'forwarders'?`
//! Not here: which words are known where; that is each reader's table.

/// The candidate nearest to `word`, if one is near enough that a typing error explains the difference; else the one
/// that `word` abbreviates.
///
/// `-` and `_` count as the same letter and case does not count, so that `Allow-Query` finds `allow_query`.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = fold(word);
    // A third of the letters may be wrong; of a word of one or two letters none.
    let tolerance = word.chars().count() / 3;
    let rank = |candidate: &'a str| {
        let folded = fold(candidate);
        match strsim::damerau_levenshtein(&word, &folded) {
            distance if distance <= tolerance => Some((distance, candidate)),
            _ if word.len() >= 3 && folded.starts_with(&word) => Some((usize::MAX, candidate)),
            _ => None,
        }
    };
    candidates.into_iter().filter_map(rank).min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// The hint for an unknown word: `did you mean 'forwarders'?`, if a known one is near.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, candidates).map(|candidate| format!("did you mean '{candidate}'?"))
}

/// The word as it is compared; at most 64 characters of it, so that a huge token costs nothing.
fn fold(word: &str) -> String {
    word.chars().take(64).map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_finds_its_word() {
        let known = ["allow_query", "allow_query_cache", "forwarders", "version", "acl"];
        for (case, word, expected) in [
            ("a letter is missing", "forwarder", Some("forwarders")),
            ("two letters are swapped", "forwadrers", Some("forwarders")),
            ("named.conf's spelling", "allow-query-cache", Some("allow_query_cache")),
            ("another case", "VERSION", Some("version")),
            ("the nearest of two wins", "allow_queri", Some("allow_query")),
            ("a word of its own", "rate_limit", None),
            ("a short word is not guessed", "a", None),
            ("an abbreviation", "vers", Some("version")),
            ("a typing error goes before an abbreviation", "allow_quer", Some("allow_query")),
            ("nothing", "", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{case}");
        }
        assert_eq!(did_you_mean("frowarders", known).as_deref(), Some("did you mean 'forwarders'?"));
        assert_eq!(nearest(&"x".repeat(1 << 20), known), None);
    }
}
