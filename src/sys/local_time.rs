//! Asking the C library how far the local zone is from UTC.
//!
//! It reads the host's zone files and `TZ` once and keeps them, so that the answer is the same after a chroot.

#![allow(unsafe_code)]

use std::mem::MaybeUninit;

/// Seconds to add to UTC for local time at that moment; 0 where the C library cannot tell.
pub fn utc_offset_seconds(unix_seconds: i64) -> i32 {
    let time = unix_seconds as libc::time_t;
    let mut broken_down = MaybeUninit::<libc::tm>::uninit();
    // SAFETY: both pointers are valid for the call, the second for writing a `tm`; nothing is kept. The environment
    // (`TZ`) is read under the C library's own lock, and this program never changes it.
    let filled = unsafe { libc::localtime_r(&time, broken_down.as_mut_ptr()) };
    if filled.is_null() {
        return 0;
    }
    // SAFETY: a result that is not null says that the `tm` was filled.
    let broken_down = unsafe { broken_down.assume_init() };
    i32::try_from(broken_down.tm_gmtoff).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_is_the_one_that_date_shows() {
        for unix_seconds in [0i64, 1_751_328_000, 1_795_222_384] {
            let output = std::process::Command::new("date").arg(format!("--date=@{unix_seconds}")).arg("+%z").output();
            let shown = String::from_utf8(output.unwrap().stdout).unwrap();
            let (sign, digits) = shown.trim().split_at(1);
            let clock: i32 = digits.parse().unwrap();
            let seconds = (clock / 100 * 60 + clock % 100) * 60;
            let expected = if sign == "-" { -seconds } else { seconds };
            assert_eq!(utc_offset_seconds(unix_seconds), expected, "at {unix_seconds}");
        }
    }

    #[test]
    fn a_year_beyond_the_calendar_is_no_offset() {
        assert_eq!(utc_offset_seconds(i64::MAX), 0);
    }
}
