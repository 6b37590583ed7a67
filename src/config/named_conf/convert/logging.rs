//! The `logging` statement as tables.

use std::collections::HashSet;

use super::Table;
use super::comments::{Comments, Notes};
use super::section::{Absent, passed_over, why_not};
use super::text::{self, Text, keyed, notes};
use crate::config::named_conf::body::{Body, Setting};
use crate::config::named_conf::value::Value;
use crate::logging::{Category, Channel, Config, Destination, PrintTime, Severity, Suffix, Threshold, Versions};

/// `[logging.channel.NAME]` for each channel, then `[logging.category]`.
pub(super) fn tables(body: &Body, config: &Config, comments: &mut Comments) -> Vec<Table> {
    let mut tables = Vec::new();
    let (mut categories, mut seen) = (Vec::new(), HashSet::new());
    for setting in &body.settings {
        let found = comments.take(setting);
        match &setting.value {
            Value::Named { name, body: own, .. } => {
                tables.push(channel(name, setting, own, (body, config), found, comments))
            }
            Value::Category { name, .. } => {
                let Some(category) = Category::from_word(&name.text) else { continue };
                let channels = config.categories.get(&category).filter(|_| seen.insert(category));
                let one = |name: &String| (text::string(name), None);
                match channels {
                    Some(channels) => {
                        let value = Text::Array(channels.iter().map(one).collect());
                        categories.extend(keyed(&text::key(category.word()), &value, &found, Some(&setting.position)));
                    }
                    None => categories.extend(passed_over(setting, &Absent::Moved("its channels stand above"), found)),
                }
            }
            _ => {}
        }
    }
    let rest = notes(&comments.take_end(body));
    if !categories.is_empty() {
        tables.push(Table { above: Vec::new(), header: "[logging.category]".to_owned(), lines: categories });
    }
    match tables.last_mut() {
        Some(last) => last.lines.extend(rest),
        None => tables.push(Table { above: rest, header: "[logging]".to_owned(), lines: Vec::new() }),
    }
    tables
}

fn channel(
    name: &str,
    setting: &Setting,
    own: &Body,
    (all, config): (&Body, &Config),
    found: Notes,
    comments: &mut Comments,
) -> Table {
    let is_named = |other: &&Setting| matches!(&other.value, Value::Named { name: other, .. } if other == name);
    let is_last = all.settings.iter().rfind(is_named).is_some_and(|last| std::ptr::eq(last, setting));
    let header = format!("[logging.channel.{}]", text::key(name));
    let Some(channel) = config.channels.get(name).filter(|_| is_last) else {
        let above = passed_over(setting, &Absent::NotConverted("the last channel of a name counts"), found);
        return Table { above, header: String::new(), lines: Vec::new() };
    };
    let mut above = notes(&found.before);
    above.extend(notes(&found.inner));
    above.extend(notes(&found.behind));
    let mut lines = Vec::new();
    for own in &own.settings {
        let mut found = comments.take(own);
        let mut keys = of_statement(own.row.name, channel).into_iter().peekable();
        if keys.peek().is_none() {
            let why = why_not(own, own.row).unwrap_or(Absent::NotNeeded("it says nothing more"));
            lines.extend(passed_over(own, &why, std::mem::take(&mut found)));
        }
        for (key, value) in keys {
            lines.extend(keyed(key, &value, &std::mem::take(&mut found), Some(&own.position)));
        }
    }
    lines.extend(notes(&comments.take_end(own)));
    Table { above, header, lines }
}

/// The keys of a statement of a channel.
fn of_statement(name: &str, channel: &Channel) -> Vec<(&'static str, Text)> {
    let plain = |value: bool| Text::Plain(value.to_string());
    match (name, &channel.destination) {
        ("file", Destination::File(file)) => {
            let mut keys = vec![("file", Text::string(&file.path.to_string_lossy()))];
            match file.versions {
                Some(Versions::Unlimited) => keys.push(("versions", Text::string("unlimited"))),
                Some(Versions::Count(count)) => keys.push(("versions", Text::Plain(count.to_string()))),
                None => {}
            }
            keys.extend(file.size.map(|octets| ("size", Text::Plain(text::size(octets)))));
            keys.extend((file.suffix == Suffix::Timestamp).then(|| ("suffix", Text::string("timestamp"))));
            keys
        }
        ("syslog", Destination::Syslog(facility)) => vec![("syslog", Text::string(facility.word()))],
        ("stderr", _) => vec![("stderr", plain(true))],
        ("null", _) => vec![("null", plain(true))],
        ("severity", _) => vec![("severity", severity(channel.severity))],
        ("print-time", _) => vec![(
            "print_time",
            match channel.print_time {
                PrintTime::No => plain(false),
                PrintTime::Local => plain(true),
                PrintTime::Iso8601 => Text::string("iso8601"),
                PrintTime::Iso8601Utc => Text::string("iso8601-utc"),
            },
        )],
        ("print-severity", _) => vec![("print_severity", plain(channel.print_severity))],
        ("print-category", _) => vec![("print_category", plain(channel.print_category))],
        _ => Vec::new(),
    }
}

fn severity(threshold: Threshold) -> Text {
    Text::string(&match threshold {
        Threshold::Dynamic => "dynamic".to_owned(),
        Threshold::AtLeast(Severity::Debug(level)) => format!("debug {level}"),
        Threshold::AtLeast(Severity::Critical) => "critical".to_owned(),
        Threshold::AtLeast(Severity::Error) => "error".to_owned(),
        Threshold::AtLeast(Severity::Warning) => "warning".to_owned(),
        Threshold::AtLeast(Severity::Notice) => "notice".to_owned(),
        Threshold::AtLeast(Severity::Info) => "info".to_owned(),
    })
}
