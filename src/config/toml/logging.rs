//! Reading `[logging]`: channels by name, and the channels of each category.
//!
//! Categories may be written with `_` as the other keys are, or with `-` as in named.conf.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::super::suggest;
use super::super::values::{self, ValueError, excerpt};
use super::keys::Place;
use super::walk::{Field, Reader, Table, unsigned};
use crate::logging::{
    BUILT_IN_CHANNELS, Category, Channel, Config, Destination, Facility, File, PrintTime, Severity, Suffix, Threshold,
    Versions,
};

/// Where a channel may write.
const DESTINATIONS: [&str; 4] = ["file", "syslog", "stderr", "null"];

/// `severity` without the levels of debug.
const SEVERITIES: [(&str, Threshold); 7] = [
    ("critical", Threshold::AtLeast(Severity::Critical)),
    ("error", Threshold::AtLeast(Severity::Error)),
    ("warning", Threshold::AtLeast(Severity::Warning)),
    ("notice", Threshold::AtLeast(Severity::Notice)),
    ("info", Threshold::AtLeast(Severity::Info)),
    ("debug", Threshold::AtLeast(Severity::Debug(1))),
    ("dynamic", Threshold::Dynamic),
];

/// The whole table.
pub(super) fn read<'i>(reader: &mut Reader<'i>, root: &Table<'_, 'i>) -> Config {
    let mut config = Config::default();
    let Some(table) = root.field("logging").and_then(|field| reader.table(Place::Logging, field)) else {
        return config;
    };
    let mut names: Vec<String> = BUILT_IN_CHANNELS.map(str::to_owned).to_vec();
    for (_, field) in reader.free_table(table.field("channel"), "[logging.channel.NAME]") {
        // A channel that is wrong exists all the same: categories that name it are right.
        names.push(field.key.to_owned());
        if let Some(channel) = channel(reader, field) {
            config.channels.insert(field.key.to_owned(), channel);
        }
    }
    let mut seen: BTreeMap<Category, &str> = BTreeMap::new();
    for (span, field) in reader.free_table(table.field("category"), "[logging.category] with default = [\"NAME\"]") {
        let Some(category) = Category::from_word(&field.key.replace('_', "-")) else {
            let known = Category::ALL.iter().map(|category| category.word());
            let hint = suggest::did_you_mean(field.key, known);
            reader.error(&span, format!("undefined category: '{}'", excerpt(field.key)), hint);
            continue;
        };
        if let Some(first) = seen.insert(category, field.key) {
            let message = format!("category '{}' redefined: it is '{first}' too", excerpt(field.key));
            reader.error(&span, message, None);
        }
        let channels = category_channels(reader, field, &names);
        config.categories.insert(category, channels);
    }
    config
}

fn category_channels<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>, names: &[String]) -> Vec<String> {
    let mut channels: Vec<String> = Vec::new();
    for element in reader.elements(field) {
        let Some(name) = reader.string(element, "[\"simple_log\"]") else { continue };
        if names.iter().any(|known| known == name) {
            channels.push(name.to_owned());
        } else {
            let hint = suggest::did_you_mean(name, names.iter().map(String::as_str))
                .unwrap_or_else(|| format!("define it: [logging.channel.{}]", excerpt(name)));
            reader.error(&element.value.span(), format!("undefined channel: '{}'", excerpt(name)), Some(hint));
        }
    }
    channels
}

fn channel<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>) -> Option<Channel> {
    let table = reader.table(Place::Channel, field)?;
    let mut threshold = Threshold::AtLeast(Severity::Info);
    let mut print_time = PrintTime::No;
    let (mut print_severity, mut print_category) = (false, false);
    reader.set(&table, "severity", &mut threshold, severity);
    reader.set(&table, "print_time", &mut print_time, read_print_time);
    reader.set(&table, "print_severity", &mut print_severity, Reader::boolean);
    reader.set(&table, "print_category", &mut print_category, Reader::boolean);
    let destination = destination(reader, field.key, &table)?;
    Some(Channel { destination, severity: threshold, print_time, print_severity, print_category })
}

/// Exactly one of the four; `stderr = false` is none.
fn destination<'i>(reader: &mut Reader<'i>, name: &str, table: &Table<'_, 'i>) -> Option<Destination> {
    let mut found = Vec::new();
    for key in DESTINATIONS {
        let Some(field) = table.field(key) else { continue };
        match key {
            "file" => found.push(file(reader, table, field).map(Destination::File)),
            "syslog" => found.push(facility(reader, field).map(Destination::Syslog)),
            _ => match reader.boolean(field) {
                Some(true) if key == "stderr" => found.push(Some(Destination::Stderr)),
                Some(true) => found.push(Some(Destination::Null)),
                Some(false) => {}
                None => found.push(None),
            },
        }
    }
    if !table.has("file") {
        for key in ["versions", "size", "suffix"] {
            if let Some(field) = table.field(key) {
                let message = format!("channel '{}': {key} without file", excerpt(name));
                reader.error(&field.value.span(), message, Some("only files are rolled".to_owned()));
            }
        }
    }
    match found.as_mut_slice() {
        [one] => one.take(),
        _ => {
            let message =
                format!("channel '{}': exactly one of file, syslog, null, and stderr must be present", excerpt(name));
            let hint =
                Some("write file = \"/var/log/named/bind.log\", syslog = \"daemon\" or stderr = true".to_owned());
            reader.error(&table.span, message, hint);
            None
        }
    }
}

fn file<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>, field: Field<'_, 'i>) -> Option<File> {
    let (mut versions, mut size, mut suffix) = (None, None, Suffix::Increment);
    reader.set(table, "versions", &mut versions, |reader, field| read_versions(reader, field).map(Some));
    reader.set(table, "size", &mut size, read_size);
    reader.set(table, "suffix", &mut suffix, |reader, field| {
        reader.word(field, &[("increment", Suffix::Increment), ("timestamp", Suffix::Timestamp)])
    });
    Some(File { path: reader.path(field)?, versions, size, suffix })
}

fn read_versions<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>) -> Option<Versions> {
    match field.value.get_ref() {
        DeValue::String(text) if text.eq_ignore_ascii_case("unlimited") => Some(Versions::Unlimited),
        DeValue::Integer(_) => reader.integer(field, 0..=u32::MAX).map(Versions::Count),
        _ => {
            reader.expected(field, "integer or \"unlimited\"", "3");
            None
        }
    }
}

/// Octets; `"unlimited"` is no bound.
fn read_size<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>) -> Option<Option<u64>> {
    let text = match field.value.get_ref() {
        DeValue::String(text) if text.eq_ignore_ascii_case("unlimited") => return Some(None),
        DeValue::String(text) => text.clone().into_owned(),
        DeValue::Integer(number) => unsigned(number).map_or("-".to_owned(), |octets| octets.to_string()),
        _ => {
            reader.expected(field, "size", "\"5M\"");
            return None;
        }
    };
    let wrong = |error: ValueError| reader.wrong(field, &error);
    values::size(&text).map_err(wrong).ok().map(Some)
}

/// A facility; `true` is daemon, named's default.
fn facility<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>) -> Option<Facility> {
    if field.value.get_ref().as_bool() == Some(true) {
        return Some(Facility::Daemon);
    }
    let words: Vec<_> = Facility::ALL.iter().map(|facility| (facility.word(), *facility)).collect();
    reader.word(field, &words)
}

fn severity<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>) -> Option<Threshold> {
    let text = field.value.get_ref().as_str().unwrap_or_default().to_ascii_lowercase();
    let Some(level) = text.strip_prefix("debug ") else { return reader.word(field, &SEVERITIES) };
    let level = level.trim().parse::<u8>().ok().filter(|level| (1..=99).contains(level));
    if level.is_none() {
        let message = format!("{}: debug level out of range near '{}'", field.key, excerpt(&text));
        reader.error(&field.value.span(), message, Some("debug 1 to debug 99".to_owned()));
    }
    level.map(|level| Threshold::AtLeast(Severity::Debug(level)))
}

fn read_print_time<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>) -> Option<PrintTime> {
    match field.value.get_ref().as_bool() {
        Some(true) => Some(PrintTime::Local),
        Some(false) => Some(PrintTime::No),
        None => reader.word(
            field,
            &[("local", PrintTime::Local), ("iso8601", PrintTime::Iso8601), ("iso8601-utc", PrintTime::Iso8601Utc)],
        ),
    }
}
