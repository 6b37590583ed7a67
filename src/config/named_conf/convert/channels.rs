//! `controls` and `statistics-channels` as tables, one a channel.

use super::Table;
use super::comments::{Comments, Notes};
use super::text::{self, Line, Text, keyed, notes};
use crate::config::control::CONTROL_PORT;
use crate::config::named_conf::body::{Body, Setting};
use crate::config::{Control, Match, MatchList, STATISTICS_PORT, StatisticsChannel};
use crate::wire::Name;

/// What is said where `controls` is not written.
const UNWRITTEN: &str =
    "# What named takes commands at where 'controls' is not written, with the key of rndc's key file.";

/// The control channels of a file that has a statement, or of one that has none.
pub(super) fn controls(
    all: &[Control],
    (body, names): (Option<&Body>, &[Name]),
    comments: &mut Comments,
) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for control in all {
        let is_it = |setting: &&Setting| Some(&setting.position) == control.position.as_ref();
        let setting = body.and_then(|body| body.settings.iter().find(is_it));
        match (body, &control.position) {
            // Of another statement.
            (Some(_), _) if setting.is_none() => continue,
            (None, Some(_)) => continue,
            _ => {}
        }
        let found = setting.map(|setting| comments.take(setting)).unwrap_or_default();
        let mut more = vec![("address", Text::string(&address(control.address, CONTROL_PORT)))];
        let allow = known(&control.allow, names);
        if !allow.is_only(&Match::Localhost) {
            more.push(("allow", text::match_list(&allow)));
        }
        if let Some(keys) = &control.keys {
            more.push(("keys", Text::Array(keys.iter().map(|key| (text::string(&key.to_string()), None)).collect())));
        }
        if control.read_only {
            more.push(("read_only", Text::Plain("true".to_owned())));
        }
        tables.push(table("[[control]]", setting, found, more));
    }
    if let (None, Some(first)) = (body, tables.first_mut()) {
        first.above.push(Line { text: UNWRITTEN.to_owned(), origin: None });
    }
    with_rest(tables, body, comments)
}

/// The channels of one `statistics-channels`; `all` are what is left of those of the file.
pub(super) fn statistics(
    all: &mut &[StatisticsChannel],
    (body, names): (&Body, &[Name]),
    comments: &mut Comments,
) -> Vec<Table> {
    let mut tables = Vec::new();
    for setting in body.all("inet") {
        let Some((channel, rest)) = all.split_first() else { break };
        *all = rest;
        let mut more = vec![("address", Text::string(&address(channel.address, STATISTICS_PORT)))];
        let allow = known(&channel.allow, names);
        if !allow.is_only(&Match::Any) {
            more.push(("allow", text::match_list(&allow)));
        }
        let found = comments.take(setting);
        tables.push(table("[[statistics_channel]]", Some(setting), found, more));
    }
    with_rest(tables, Some(body), comments)
}

/// Comments within the statement stand in the first array, which is where they stood.
fn table(header: &str, setting: Option<&Setting>, found: Notes, keys: Vec<(&'static str, Text)>) -> Table {
    let above = notes(&found.before);
    let origin = setting.map(|setting| &setting.position);
    let mut behind = Notes { behind: found.behind, ..Notes::default() };
    let mut inner = Notes { inner: found.inner, ..Notes::default() };
    let mut lines = Vec::new();
    for (key, value) in keys {
        let from = if matches!(value, Text::Array(_)) { &mut inner } else { &mut behind };
        lines.extend(keyed(key, &value, &std::mem::take(from), origin));
    }
    lines.extend(notes(&inner.inner));
    lines.extend(notes(&behind.behind));
    Table { above, header: header.to_owned(), lines }
}

fn with_rest(mut tables: Vec<Table>, body: Option<&Body>, comments: &mut Comments) -> Vec<Table> {
    let Some(body) = body else { return tables };
    let mut rest: Vec<Line> = Vec::new();
    for setting in &body.settings {
        let found = comments.take(setting);
        [&found.before, &found.inner, &found.behind].iter().for_each(|group| rest.extend(notes(group)));
    }
    rest.extend(notes(&comments.take_end(body)));
    match tables.last_mut() {
        Some(last) => last.lines.extend(rest),
        None if rest.is_empty() => {}
        None => tables.push(Table { above: rest, header: String::new(), lines: Vec::new() }),
    }
    tables
}

/// A list without the keys that there are not.
fn known(list: &MatchList, names: &[Name]) -> MatchList {
    let mut list = list.clone();
    super::drop_unknown_keys(&mut list, names);
    list
}

/// With its port, where that is not the usual one.
fn address(address: std::net::SocketAddr, usual: u16) -> String {
    if address.port() == usual { address.ip().to_string() } else { address.to_string() }
}
