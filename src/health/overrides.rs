//! Overriding a check by hand: up or down, with a reason and an end.
//!
//! An override beats whatever is found until it is taken back or its time is over, a restart included: whoever keeps
//! files writes what [`encode`] makes of [`super::Table::overrides`] and hands what [`decode`] reads to the table.
//! The form is a line a check, four words between tabs: name, `up` or `down`, the end in Unix seconds or `-`, reason.
//! Not here: the file itself.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Octets of the longest reason.
pub const MAX_REASON_OCTETS: usize = 255;

/// What an operator says a check is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// Up or down.
    pub healthy: bool,
    /// Why, in the operator's words; at most [`MAX_REASON_OCTETS`], may be empty.
    pub reason: String,
    /// Unix time in seconds from when on it counts no more; `None`: until it is taken back.
    pub expires: Option<u64>,
}

impl Override {
    /// Whether its time is over.
    pub fn is_over(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expires| now >= UNIX_EPOCH + Duration::from_secs(expires.min(FAR)))
    }
}

/// A time that every system can tell: the year 9999.
const FAR: u64 = 253_402_300_799;

impl fmt::Display for Override {
    /// `override up until 2026-11-21T14:00:00Z: reason`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "override {}", word(self.healthy))?;
        if let Some(expires) = self.expires {
            write!(f, " until {}", Utc(expires.min(FAR)))?;
        }
        if self.reason.is_empty() { Ok(()) } else { write!(f, ": {}", self.reason) }
    }
}

fn word(healthy: bool) -> &'static str {
    if healthy { "up" } else { "down" }
}

/// A point in time, Unix seconds up to the year 9999, as RFC 3339 writes it in UTC: 20 characters.
#[derive(Clone, Copy, Debug)]
pub struct Utc(u64);

impl From<SystemTime> for Utc {
    /// Times before 1970 are its begin.
    fn from(time: SystemTime) -> Self {
        Self(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().min(FAR))
    }
}

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.0 / 86_400, self.0 % 86_400);
        let (mut year, mut day) = (1970, days);
        let days_of_year = |year: u64| if is_leap(year) { 366 } else { 365 };
        while day >= days_of_year(year) {
            day -= days_of_year(year);
            year += 1;
        }
        let mut month = 1;
        while day >= days_of_month(year, month) {
            day -= days_of_month(year, month);
            month += 1;
        }
        let (hour, minute) = (second / 3600, second / 60 % 60);
        let (day, second) = (day + 1, second % 60);
        f.pad(&format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
    }
}

fn is_leap(year: u64) -> bool {
    (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400)
}

fn days_of_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The text that keeps overrides.
pub fn encode(overrides: &[(String, Override)]) -> String {
    let mut text = String::new();
    for (name, over) in overrides {
        let expires = over.expires.map_or("-".to_owned(), |expires| expires.to_string());
        let words = [&*escape(name), word(over.healthy), &*expires, &*escape(&over.reason)];
        text.push_str(&words.join("\t"));
        text.push('\n');
    }
    text
}

/// A line that says nothing: its number (`1..`), and why.
pub type Fault = (usize, &'static str);

/// What a text of [`encode`] says, and for each line that says nothing its number (`1..`) and why. Blank lines and
/// those that start with `#` are left out; where a check has several, the last counts.
pub fn decode(text: &str) -> (Vec<(String, Override)>, Vec<Fault>) {
    let (mut overrides, mut faults) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        match decode_line(line) {
            Ok(read) => {
                overrides.retain(|(name, _): &(String, Override)| *name != read.0);
                overrides.push(read);
            }
            Err(fault) => faults.push((index + 1, fault)),
        }
    }
    (overrides, faults)
}

fn decode_line(line: &str) -> Result<(String, Override), &'static str> {
    let words: Vec<&str> = line.split('\t').collect();
    let &[name, state, expires, reason] = words.as_slice() else {
        return Err("four words between tabs are expected: name, up or down, end, reason");
    };
    let healthy = match state {
        "up" => true,
        "down" => false,
        _ => return Err("the second word is neither up nor down"),
    };
    let expires = match expires {
        "-" => None,
        seconds => Some(seconds.parse().map_err(|_| "the third word is neither Unix seconds nor '-'")?),
    };
    let text = |word| unescape(word).ok_or("a backslash is followed by none of \\, t, n, r");
    let reason = text(reason)?;
    if reason.len() > MAX_REASON_OCTETS {
        return Err("the reason is longer than 255 octets");
    }
    Ok((text(name)?, Override { healthy, reason, expires }))
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c => out.push(c),
        }
    }
    // A name that begins so would be read as a comment.
    if out.starts_with('#') { format!("\\{out}") } else { out }
}

fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => match chars.next()? {
                't' => '\t',
                'n' => '\n',
                'r' => '\r',
                c @ ('\\' | '#') => c,
                _ => return None,
            },
            c => c,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(healthy: bool, reason: &str, expires: Option<u64>) -> Override {
        Override { healthy, reason: reason.to_owned(), expires }
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let overrides = [
            ("primary".to_owned(), over(false, "new disks", Some(1_795_269_600))),
            ("with space and ä".to_owned(), over(true, "", None)),
            ("#1\t\\n".to_owned(), over(true, "two\nlines\r\tand \\ # more", Some(u64::MAX))),
        ];
        let text = encode(&overrides);
        assert_eq!(text.lines().count(), 3, "{text}");
        assert_eq!(decode(&text), (overrides.to_vec(), Vec::new()));
        assert_eq!(encode(&[]), "");
    }

    #[test]
    fn lines_that_say_nothing_are_told_and_the_others_read() {
        let long = format!("e\tup\t-\t{}", "x".repeat(256));
        for (line, fault) in [
            ("a", "four words between tabs are expected: name, up or down, end, reason"),
            ("a\tup\t-\tb\tc", "four words between tabs are expected: name, up or down, end, reason"),
            ("a\tUP\t-\tb", "the second word is neither up nor down"),
            ("a\tup\tsoon\tb", "the third word is neither Unix seconds nor '-'"),
            ("a\tup\t-1\tb", "the third word is neither Unix seconds nor '-'"),
            ("a\tup\t-\tb\\", "a backslash is followed by none of \\, t, n, r"),
            ("a\\x\tup\t-\tb", "a backslash is followed by none of \\, t, n, r"),
            (&long, "the reason is longer than 255 octets"),
        ] {
            let text = format!("# kept\n\n{line}\nz\tdown\t-\tr\n");
            let expected = vec![("z".to_owned(), over(false, "r", None))];
            assert_eq!(decode(&text), (expected, vec![(3, fault)]), "{line}");
        }
        let (twice, faults) = decode("a\tup\t-\t1\nb\tup\t-\t2\na\tdown\t-\t3\n");
        assert_eq!(faults, []);
        assert_eq!(twice, [("b".to_owned(), over(true, "2", None)), ("a".to_owned(), over(false, "3", None))]);
    }

    #[test]
    fn an_override_tells_its_end_in_utc() {
        for (over, text) in [
            (over(true, "", None), "override up"),
            (over(false, "new disks", None), "override down: new disks"),
            (over(false, "a", Some(0)), "override down until 1970-01-01T00:00:00Z: a"),
            (over(true, "", Some(951_782_399)), "override up until 2000-02-28T23:59:59Z"),
            (over(true, "", Some(951_782_400)), "override up until 2000-02-29T00:00:00Z"),
            (over(true, "", Some(1_795_269_600)), "override up until 2026-11-21T14:00:00Z"),
            (over(true, "", Some(4_107_542_399)), "override up until 2100-02-28T23:59:59Z"),
            (over(true, "", Some(u64::MAX)), "override up until 9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(over.to_string(), text);
        }
    }

    #[test]
    fn an_override_ends_at_its_second() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let ends = over(true, "", Some(100));
        assert!(!ends.is_over(at(99)));
        assert!(ends.is_over(at(100)));
        assert!(!over(true, "", None).is_over(at(FAR)));
        assert!(!over(true, "", Some(u64::MAX)).is_over(at(100)));
    }
}
