//! Serial numbers: 32 bits that go round (RFC 1982).

/// Whether serial `a` is greater than `b`. Two that are half of all numbers apart are not comparable: neither is.
pub fn is_greater(a: u32, b: u32) -> bool {
    (1..1 << 31).contains(&a.wrapping_sub(b))
}

/// The next serial; never 0, which some secondaries take for none.
pub fn next(serial: u32) -> u32 {
    serial.checked_add(1).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_round() {
        for (a, b, expected) in [
            (1, 0, true),
            (0, 1, false),
            (7, 7, false),
            (44, 0xffff_fff0, true),
            (0xffff_fff0, 44, false),
            (0x7fff_ffff, 0, true),
            (0x8000_0000, 0, false),
            (0, 0x8000_0000, false),
            (0x8000_0001, 0, false),
            (0, 0x8000_0001, true),
            (1, u32::MAX, true),
        ] {
            assert_eq!(is_greater(a, b), expected, "{a} > {b}");
        }
        for (serial, expected) in [(0, 1), (7, 8), (u32::MAX - 1, u32::MAX), (u32::MAX, 1)] {
            assert_eq!(next(serial), expected);
            assert!(is_greater(next(serial), serial));
        }
    }
}
