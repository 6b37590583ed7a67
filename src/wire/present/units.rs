//! Times as master files write them: a number of seconds, or numbers with units.

/// The longest TTL (RFC 2181 §8), in seconds.
pub const MAX_TTL: u32 = 0x7fff_ffff;

/// Seconds of `3600`, `1h30m`, `1W2D`: BIND's units w, d, h, m, s in any order and case, each behind a number. A number
/// alone has no unit beside it. `None`: not of this form, or more than 2^32 - 1.
pub fn seconds(text: &str) -> Option<u32> {
    if !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit()) {
        return text.parse().ok();
    }
    let (mut total, mut number) = (0u64, None);
    for octet in text.bytes() {
        if octet.is_ascii_digit() {
            let grown = number.unwrap_or(0u64) * 10 + u64::from(octet - b'0');
            number = Some(grown).filter(|&grown| grown <= u64::from(u32::MAX));
            number?;
            continue;
        }
        let unit = match octet.to_ascii_lowercase() {
            b'w' => 604_800,
            b'd' => 86_400,
            b'h' => 3600,
            b'm' => 60,
            b's' => 1,
            _ => return None,
        };
        total = total.checked_add(number.take()? * unit)?;
    }
    match number {
        None if !text.is_empty() => u32::try_from(total).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_bind_does() {
        for (text, expected) in [
            ("0", Some(0)),
            ("3600", Some(3600)),
            ("00012", Some(12)),
            ("1h30m", Some(5400)),
            ("1W2D3H4M5S", Some(604_800 + 2 * 86_400 + 3 * 3600 + 4 * 60 + 5)),
            ("5m1h", Some(3900)),
            ("1h1h", Some(7200)),
            ("4294967295", Some(u32::MAX)),
            ("4294967296", None),
            ("7102w", None),
            ("99999999999999999999s", None),
            ("1h30", None),
            ("h", None),
            ("1x", None),
            ("-1", None),
            ("+1", None),
            ("1 h", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
