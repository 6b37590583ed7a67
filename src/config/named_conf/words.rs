//! What words mean as one of a list or as a number in C's spellings.
//!
//! Not here: durations and sizes, which TOML spells the same way (`config::values`).

/// The number does not fit 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

/// The word of a list, as the list has it, without regard to case.
pub(super) fn find(words: &'static [&'static str], text: &str) -> Option<&'static str> {
    words.iter().copied().find(|word| word.eq_ignore_ascii_case(text))
}

/// As strtoul with base 0 reads it: decimal, octal behind `0`, hexadecimal behind `0x`. `None`: no number.
pub(super) fn number(text: &str) -> Option<Result<u32, TooLarge>> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match lower.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None if lower.len() > 1 && lower.starts_with('0') => (&lower[1..], 8),
        None => (lower.as_str(), 10),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    Some(u32::from_str_radix(digits, radix).map_err(|_| TooLarge))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_three_bases() {
        for (text, expected) in [
            ("0", Some(Ok(0))),
            ("53", Some(Ok(53))),
            ("010", Some(Ok(8))),
            ("0x10", Some(Ok(16))),
            ("4294967295", Some(Ok(u32::MAX))),
            ("4294967296", Some(Err(TooLarge))),
            ("08", None),
            ("-1", None),
            ("+1", None),
            ("0x", None),
            ("", None),
            ("ä", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
    }
}
