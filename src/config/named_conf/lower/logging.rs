//! From the `logging` statement to its channels and categories.

use crate::config::named_conf::body::{Body, Setting};
use crate::config::named_conf::lexer::Token;
use crate::config::named_conf::report::{Problem, Report};
use crate::config::named_conf::value::Value;
use crate::config::suggest;
use crate::config::values::excerpt;
use crate::logging::{BUILT_IN_CHANNELS, Category, Channel, Config, Destination, PrintTime, Severity, Threshold};

pub(super) fn lower(body: &Body, report: &mut Report) -> Config {
    let mut config = Config::default();
    let mut broken = Vec::new();
    for setting in body.all("channel") {
        match &setting.value {
            Value::Named { name, body, .. } => match channel(name, setting, body, report) {
                Some(channel) => {
                    // As in named, the last of a name is used; named says nothing.
                    if config.channels.insert(name.clone(), channel).is_some() {
                        report.warn(
                            Some(&setting.position),
                            format!("channel '{name}' is defined twice: the last one is used"),
                        );
                    }
                }
                None => broken.push(name.as_str()),
            },
            // Its name is unknown: nothing can be said about who uses it.
            _ => return config,
        }
    }
    for setting in body.all("category") {
        if let Value::Category { name, channels } = &setting.value {
            category(name, channels, &broken, &mut config, report);
        }
    }
    config
}

fn channel(name: &str, setting: &Setting, body: &Body, report: &mut Report) -> Option<Channel> {
    let destinations: Vec<_> = body.settings.iter().filter_map(destination).collect();
    let [destination] = destinations.as_slice() else {
        let what = "exactly one of file, syslog, null, and stderr must be present";
        report.error(&setting.position, format!("channel '{name}': {what}"));
        return None;
    };
    let severity = match body.find("severity").map(|setting| &setting.value) {
        Some(Value::Severity(threshold)) => *threshold,
        _ => Threshold::AtLeast(Severity::Info),
    };
    let print_time = match body.find("print-time").map(|setting| &setting.value) {
        Some(Value::Boolean(true) | Value::Word("local")) => PrintTime::Local,
        Some(Value::Word("iso8601")) => PrintTime::Iso8601,
        Some(Value::Word("iso8601-utc")) => PrintTime::Iso8601Utc,
        _ => PrintTime::No,
    };
    let flag = |name| matches!(body.find(name).map(|setting| &setting.value), Some(Value::Boolean(true)));
    Some(Channel {
        destination: destination.clone()?,
        severity,
        print_time,
        print_severity: flag("print-severity"),
        print_category: flag("print-category"),
    })
}

/// `Some(None)`: there is one, but it could not be read.
fn destination(setting: &Setting) -> Option<Option<Destination>> {
    match (setting.row.name, &setting.value) {
        ("null", _) => Some(Some(Destination::Null)),
        ("stderr", _) => Some(Some(Destination::Stderr)),
        (_, Value::LogFile(file)) => Some(Some(Destination::File(file.clone()))),
        (_, Value::Facility(facility)) => Some(Some(Destination::Syslog(*facility))),
        ("file" | "syslog", _) => Some(None),
        _ => None,
    }
}

fn category(name: &Token, channels: &[Token], broken: &[&str], config: &mut Config, report: &mut Report) {
    let Some(category) = Category::from_word(&name.text) else {
        let known = Category::ALL.iter().map(|category| category.word());
        report.problem(undefined("category", name, known));
        return;
    };
    let mut used = Vec::new();
    for channel in channels {
        let is_known =
            config.channels.contains_key(&channel.text) || BUILT_IN_CHANNELS.contains(&channel.text.as_str());
        if is_known {
            used.push(channel.text.clone());
        } else if !broken.contains(&channel.text.as_str()) {
            let known = config.channels.keys().map(String::as_str).chain(BUILT_IN_CHANNELS);
            report.problem(undefined("channel", channel, known));
        }
    }
    config.categories.entry(category).or_default().extend(used);
}

fn undefined<'a>(what: &str, token: &Token, known: impl Iterator<Item = &'a str>) -> Problem {
    let problem = Problem::new(token.position.clone(), format!("undefined {what}: '{}'", excerpt(&token.text)));
    match suggest::did_you_mean(&token.text, known) {
        Some(hint) => problem.with_hint(hint),
        None => problem,
    }
}
