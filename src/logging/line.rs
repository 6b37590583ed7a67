//! Writing a message as one line: `21-Nov-2026 00:53:04.573 security: info: client …`.
//!
//! Time, category and severity stand in this order, each only if the channel asks for it. Control characters are
//! written as `\xNN`, so that a name or a foreign message cannot forge a line of its own or steer a terminal.

use std::fmt::{self, Write};

use super::Channel;
use super::event::Record;
use super::time::{self, Zone};

/// Replaces what is in `line` by the record as `channel` has it, with its newline.
pub(super) fn write_line(line: &mut String, record: &Record, channel: &Channel, zone: Zone) {
    line.clear();
    try_write(line, record, channel, zone).expect("writing to a string cannot fail");
}

fn try_write(line: &mut String, record: &Record, channel: &Channel, zone: Zone) -> fmt::Result {
    time::write_prefix(line, channel.print_time, record.time, zone)?;
    if channel.print_category {
        write!(line, "{}: ", record.category.word())?;
    }
    if channel.print_severity {
        write!(line, "{}: ", record.severity)?;
    }
    write_text(line, &record.text)?;
    line.write_char('\n')
}

fn write_text(line: &mut String, text: &str) -> fmt::Result {
    if !text.contains(char::is_control) {
        return line.write_str(text);
    }
    for character in text.chars() {
        match character.is_control() {
            true => write!(line, "\\x{:02x}", u32::from(character))?,
            false => line.write_char(character)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::super::{Category, Destination, PrintTime, Severity, Threshold};
    use super::*;

    fn record(category: Category, severity: Severity, text: &str) -> Record {
        let time = UNIX_EPOCH + Duration::from_millis(1_795_222_384_573);
        Record { time, category, severity, text: text.to_owned() }
    }

    #[test]
    fn lines_have_nameds_order_and_punctuation() {
        let denied = record(Category::Security, Severity::Info, "client @0x7f 127.0.0.7#35518: denied");
        let traced = record(Category::Resolver, Severity::Debug(3), "fetch");
        let cases = [
            ("nothing asked for", &denied, PrintTime::No, false, false, "client @0x7f 127.0.0.7#35518: denied\n"),
            (
                "everything asked for",
                &denied,
                PrintTime::Local,
                true,
                true,
                "21-Nov-2026 00:53:04.573 security: info: client @0x7f 127.0.0.7#35518: denied\n",
            ),
            ("debug says its level", &traced, PrintTime::No, true, true, "resolver: debug 3: fetch\n"),
            ("severity alone", &traced, PrintTime::No, false, true, "debug 3: fetch\n"),
            (
                "category alone",
                &traced,
                PrintTime::Iso8601Utc,
                true,
                false,
                "2026-11-21T00:53:04.573Z resolver: fetch\n",
            ),
        ];
        for (name, record, print_time, print_category, print_severity, expected) in cases {
            let destination = Destination::Stderr;
            let severity = Threshold::Dynamic;
            let channel = Channel { destination, severity, print_time, print_severity, print_category };
            let mut line = "what was there".to_owned();
            write_line(&mut line, record, &channel, Zone::East(0));
            assert_eq!(line, expected, "{name}");
        }
    }

    #[test]
    fn a_message_stays_on_its_line() {
        let mut line = String::new();
        write_text(&mut line, "a\n21-Nov-2026 forged\r\u{1b}[2J\u{7f}\u{85}\tä").unwrap();
        assert_eq!(line, "a\\x0a21-Nov-2026 forged\\x0d\\x1b[2J\\x7f\\x85\\x09ä");
    }
}
