//! Writing points in time as log lines and rolled files have them.
//!
//! The calendar is arithmetic on seconds, so that tests need neither a clock nor a time zone; the one thing asked of
//! the system is the local zone's distance from UTC, by `sys`, from the C library and its zone files: named's times
//! come from there too, and a whole zone database in the program would have to be kept up with the host's.

use std::cell::Cell;
use std::fmt::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::PrintTime;
use crate::sys;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY_SECONDS: i64 = 86_400;

/// `Sat, 21 Nov 2026 18:42:57 GMT` (RFC 9110 §5.6.7), as named tells times in status.
pub fn http_date(time: SystemTime) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let (seconds, _) = unix_time(time);
    // 1970 began on a Thursday.
    let weekday = DAYS[seconds.div_euclid(DAY_SECONDS).rem_euclid(7) as usize];
    let civil = Civil::in_utc(time);
    let Civil { year, day, hour, minute, second, .. } = civil;
    format!("{weekday}, {day:02} {} {year:04} {hour:02}:{minute:02}:{second:02} GMT", civil.month_name())
}

/// `20261121184257` in UTC, as `$DATE` of named's dumps has it.
pub fn dump_date(time: SystemTime) -> String {
    Civil::in_utc(time).date()
}

/// Which zone "local" is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zone {
    /// The host's.
    Local,
    /// This far east of UTC, in seconds.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests choose their zone"))]
    East(i32),
}

impl Zone {
    fn offset_seconds(self, unix_seconds: i64) -> i32 {
        match self {
            Zone::Local => local_offset_seconds(unix_seconds),
            Zone::East(seconds) => seconds,
        }
    }
}

/// The host's, asked once for the lines of a second: the C library takes a lock for it.
fn local_offset_seconds(unix_seconds: i64) -> i32 {
    thread_local!(static LAST: Cell<Option<(i64, i32)>> = const { Cell::new(None) });
    LAST.with(|last| match last.get() {
        Some((second, offset)) if second == unix_seconds => offset,
        _ => {
            let offset = sys::local_time::utc_offset_seconds(unix_seconds);
            last.set(Some((unix_seconds, offset)));
            offset
        }
    })
}

/// A date and time of day in the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Civil {
    year: i64,
    /// `1..=12`
    month: usize,
    /// `1..=31`
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    /// `0..1000`
    millisecond: u32,
}

impl Civil {
    /// The date and time in `zone`.
    pub(super) fn in_zone(time: SystemTime, zone: Zone) -> Self {
        let (seconds, millisecond) = unix_time(time);
        Self::from_seconds(seconds.saturating_add(i64::from(zone.offset_seconds(seconds))), millisecond)
    }

    fn in_utc(time: SystemTime) -> Self {
        let (seconds, millisecond) = unix_time(time);
        Self::from_seconds(seconds, millisecond)
    }

    fn from_seconds(seconds: i64, millisecond: u32) -> Self {
        let (day_number, second_of_day) = (seconds.div_euclid(DAY_SECONDS), seconds.rem_euclid(DAY_SECONDS));
        let (year, month, day) = date_of(day_number);
        let (hour, minute, second) = (second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
        Civil { year, month, day, hour, minute, second, millisecond }
    }

    fn month_name(&self) -> &'static str {
        MONTHS[self.month - 1]
    }

    /// `20261121005304573`: the suffix of a rolled file.
    pub(super) fn stamp(&self) -> String {
        let Civil { year, month, day, hour, minute, second, millisecond } = self;
        format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}{millisecond:03}")
    }

    /// `20261121005304`, as `$DATE` of a dump has it.
    fn date(&self) -> String {
        let mut stamp = self.stamp();
        stamp.truncate(14);
        stamp
    }

    /// `Nov 21 00:53:04`: the TIMESTAMP of RFC 3164 §4.1.2.
    pub(super) fn write_rfc3164(&self, out: &mut impl Write) -> fmt::Result {
        let Civil { day, hour, minute, second, .. } = self;
        write!(out, "{} {day:>2} {hour:02}:{minute:02}:{second:02}", self.month_name())
    }

    fn write_local(&self, out: &mut impl Write) -> fmt::Result {
        let Civil { year, day, hour, minute, second, millisecond, .. } = self;
        write!(out, "{day:02}-{}-{year:04} {hour:02}:{minute:02}:{second:02}.{millisecond:03}", self.month_name())
    }

    fn write_iso8601(&self, out: &mut impl Write) -> fmt::Result {
        let Civil { year, month, day, hour, minute, second, millisecond } = self;
        write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}")
    }
}

/// The time in front of a line, with the space behind it; nothing for [`PrintTime::No`].
pub(super) fn write_prefix(out: &mut impl Write, form: PrintTime, time: SystemTime, zone: Zone) -> fmt::Result {
    match form {
        PrintTime::No => return Ok(()),
        PrintTime::Local => Civil::in_zone(time, zone).write_local(out)?,
        PrintTime::Iso8601 => Civil::in_zone(time, zone).write_iso8601(out)?,
        PrintTime::Iso8601Utc => {
            Civil::in_utc(time).write_iso8601(out)?;
            out.write_char('Z')?;
        }
    }
    out.write_char(' ')
}

/// Whole seconds since 1970 and milliseconds; a clock set before 1970 counts down.
fn unix_time(time: SystemTime) -> (i64, u32) {
    let whole = |since: Duration| i64::try_from(since.as_secs()).unwrap_or(i64::MAX / 4);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => (whole(since), since.subsec_millis()),
        Err(before) => (-whole(before.duration()) - 1, 0),
    }
}

/// Year, month `1..=12` and day of a day counted from 1970-01-01.
///
/// Years are counted from March, so that the leap day is a year's last: with it, the months March to January have
/// 31, 30, 31, 30, 31 days in turn, twice and a bit, which is what (5 m + 2) / 153 undoes.
fn date_of(day_number: i64) -> (i64, usize, i64) {
    // 719,468 days lie between 0000-03-01 and 1970-01-01; 146,097 are 400 years.
    let shifted = day_number + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, usize::try_from(month).expect("a remainder of 12, plus 1"), day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(unix_milliseconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(unix_milliseconds)
    }

    #[test]
    fn times_of_status_and_dumps_are_nameds() {
        for (seconds, http, dump) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT", "19700101000000"),
            (951_827_696, "Tue, 29 Feb 2000 12:34:56 GMT", "20000229123456"),
            (1_795_286_577, "Sat, 21 Nov 2026 18:42:57 GMT", "20261121184257"),
        ] {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!((http_date(time).as_str(), dump_date(time).as_str()), (http, dump));
        }
    }

    #[test]
    fn each_form_is_written_as_named_writes_it() {
        let time = at(1_795_222_384_573);
        let ahead = Zone::East(3600);
        let cases = [
            ("no", PrintTime::No, Zone::East(0), ""),
            ("local", PrintTime::Local, Zone::East(0), "21-Nov-2026 00:53:04.573 "),
            ("local, an hour ahead", PrintTime::Local, ahead, "21-Nov-2026 01:53:04.573 "),
            ("local, behind, the day before", PrintTime::Local, Zone::East(-3600), "20-Nov-2026 23:53:04.573 "),
            ("iso8601 is local time", PrintTime::Iso8601, ahead, "2026-11-21T01:53:04.573 "),
            ("iso8601-utc is not", PrintTime::Iso8601Utc, ahead, "2026-11-21T00:53:04.573Z "),
        ];
        for (name, form, zone, expected) in cases {
            let mut out = String::new();
            write_prefix(&mut out, form, time, zone).unwrap();
            assert_eq!(out, expected, "{name}");
        }
    }

    #[test]
    fn syslog_and_rolled_files_have_forms_of_their_own() {
        let civil = Civil::in_zone(at(1_793_840_767_005), Zone::East(0));
        let mut out = String::new();
        civil.write_rfc3164(&mut out).unwrap();
        assert_eq!((out.as_str(), civil.stamp().as_str()), ("Nov  5 01:06:07", "20261105010607005"));
    }

    #[test]
    fn the_calendar_keeps_its_leap_days() {
        let cases = [
            (0, (1970, 1, 1)),
            (-1, (1969, 12, 31)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (20_453, (2025, 12, 31)),
            (20_454, (2026, 1, 1)),
            (21_243, (2028, 2, 29)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ];
        for (day_number, date) in cases {
            assert_eq!(date_of(day_number), date, "day {day_number}");
        }
        let mut previous = (1599, 12, 31);
        for day_number in -135_140..200_000 {
            let (year, month, day) = date_of(day_number);
            let follows = (year, month, day) == (previous.0, previous.1, previous.2 + 1)
                || (year, month, day) == (previous.0, previous.1 + 1, 1)
                || (year, month, day) == (previous.0 + 1, 1, 1) && previous.1 == 12;
            assert!(follows && day <= 31 && month <= 12, "{year}-{month}-{day} after {previous:?}");
            previous = (year, month, day);
        }
    }

    #[test]
    fn the_local_zone_is_asked_again_for_another_second() {
        for unix_seconds in [1_782_000_000, 1_782_000_000, 1_795_222_384, 1_782_000_000] {
            let expected = sys::local_time::utc_offset_seconds(unix_seconds);
            assert_eq!(Zone::Local.offset_seconds(unix_seconds), expected, "at {unix_seconds}");
        }
    }

    #[test]
    fn a_clock_before_1970_is_written_too() {
        let civil = Civil::in_zone(UNIX_EPOCH - Duration::from_millis(500), Zone::East(0));
        assert_eq!(civil.stamp(), "19691231235959000");
    }
}
