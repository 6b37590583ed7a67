//! The lines of one table: keys in the order of their statements, with their comments; what is not honoured as a comment.

use std::collections::HashSet;

use super::comments::{Comments, Notes};
use super::text::{self, Line, Text, keyed, notes};
use crate::config::Position;
use crate::config::named_conf::body::{Body, Setting};
use crate::config::named_conf::grammar::{Row, Support};
use crate::config::named_conf::print::{Secrets, one_line};
use crate::config::named_conf::value::Value;
use crate::wire::Name;

/// A longer statement is cut where it is only named, in characters.
const MAX_SHOWN: usize = 70;

/// What stands at a key; `None`: nothing is to be said.
pub(super) type Values<'v> = &'v dyn Fn(&str) -> Option<Text>;

/// What a table is made of.
pub(super) struct Section<'s> {
    pub(super) body: &'s Body,
    /// Statements that become tables of their own, with their comments.
    pub(super) elsewhere: &'s [&'s str],
    /// Statements of which only the comments are wanted.
    pub(super) silent: &'s [&'s str],
    /// The keys whose values are the configuration's.
    pub(super) keys: &'s [&'s [&'static str]],
    pub(super) values: Values<'s>,
    /// What counts where nothing is written.
    pub(super) usual: Values<'s>,
    /// The names of all keys.
    pub(super) names: &'s [Name],
    /// What a statement is in this place.
    pub(super) row: &'s dyn Fn(&Setting) -> &'static Row,
}

impl Section<'_> {
    /// Its lines, without its header.
    pub(super) fn lines(&self, comments: &mut Comments) -> Vec<Line> {
        let (mut lines, mut said) = (Vec::new(), HashSet::new());
        let mut file = self.body.braces.as_ref().map(|(open, _)| open.file.clone());
        for setting in self.body.settings.iter().filter(|setting| !self.elsewhere.contains(&setting.row.name)) {
            if file.as_ref().is_some_and(|file| *file != setting.position.file) {
                lines.push(from_file(&setting.position));
                file = Some(setting.position.file.clone());
            }
            let found = comments.take(setting);
            lines.extend(self.statement(setting, found, &mut said));
        }
        for key in self.keys.iter().copied().flatten().filter(|key| !said.contains(**key)) {
            if let Some(value) = (self.values)(key).filter(|value| (self.usual)(key).as_ref() != Some(value)) {
                lines.extend(keyed(key, &value, &Notes::default(), None));
            }
        }
        lines.extend(notes(&comments.take_end(self.body)));
        lines
    }

    fn statement(&self, setting: &Setting, mut found: Notes, said: &mut HashSet<String>) -> Vec<Line> {
        if self.silent.contains(&setting.row.name) {
            return [&found.before, &found.inner, &found.behind].into_iter().flat_map(|group| notes(group)).collect();
        }
        let row = (self.row)(setting);
        if let Some(why) = why_not(setting, row) {
            return passed_over(setting, &why, found);
        }
        let mut lines = Vec::new();
        for key in keys_of(row.name).into_iter().filter(|key| said.insert(key.clone())) {
            let is_known = self.keys.iter().copied().flatten().any(|known| *known == key);
            let value = if is_known { (self.values)(&key) } else { as_written(setting, self.names) };
            if let Some(value) = value {
                let value = with_places(value, setting);
                lines.extend(keyed(&key, &value, &std::mem::take(&mut found), Some(&setting.position)));
            }
        }
        lines.extend(notes(&found.before));
        lines.extend(notes(&found.inner));
        lines.extend(notes(&found.behind));
        lines
    }
}

/// The keys that a statement of named.conf sets.
fn keys_of(name: &str) -> Vec<String> {
    match name {
        "stale-cache-enable" | "stale-answer-enable" => {
            ["serve_stale", "stale_cache_enable", "stale_answer_enable"].map(str::to_owned).to_vec()
        }
        _ => vec![name.replace('-', "_")],
    }
}

/// Why a statement has no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Absent {
    /// It says what is the case anyway.
    NotNeeded(&'static str),
    /// Its value stands elsewhere.
    Moved(&'static str),
    /// It has no effect here.
    NotConverted(&'static str),
}

/// Why a statement has no key: a comment says so.
pub(super) fn why_not(setting: &Setting, row: &Row) -> Option<Absent> {
    match (row.name, row.support) {
        ("forward", Support::Honoured) => Some(Absent::NotNeeded("this server always forwards only")),
        ("allow-update" | "max-journal-size" | "zone-statistics", Support::Honoured) => {
            Some(Absent::Moved("it stands with each zone"))
        }
        ("cookie-algorithm", Support::Honoured) => Some(Absent::NotNeeded("there is no other")),
        (_, _) if setting.is_moot => Some(Absent::NotNeeded("that is the case anyway")),
        (_, Support::Ignored(why) | Support::Refused(why)) => Some(Absent::NotConverted(why)),
        (_, Support::Part) => Some(Absent::NotConverted("the statement around it is not converted")),
        (_, Support::Honoured) => None,
    }
}

/// A statement as a comment, with the reason.
pub(super) fn passed_over(setting: &Setting, why: &Absent, found: Notes) -> Vec<Line> {
    let shown = one_line(setting, Secrets::Masked);
    let cut: String = shown.chars().take(MAX_SHOWN).collect();
    let cut = if cut.len() < shown.len() { format!("{cut}…") } else { cut };
    let (word, why) = match why {
        Absent::NotNeeded(why) => ("Not needed", why),
        Absent::Moved(why) => ("Moved", why),
        Absent::NotConverted(why) => ("Not converted", why),
    };
    let mut lines = notes(&found.before);
    lines.extend(notes(&found.inner));
    lines.push(Line { text: format!("# {word}: {cut} ({why})"), origin: Some(setting.position.clone()) });
    lines.extend(notes(&found.behind));
    lines
}

/// Where what follows is from.
pub(super) fn from_file(position: &Position) -> Line {
    Line { text: format!("# From {}:", text::string(&position.file)), origin: None }
}

/// A value in the words of the file.
fn as_written(setting: &Setting, names: &[Name]) -> Option<Text> {
    match &setting.value {
        Value::MatchList(list) => Some(text::elements(list, names)),
        Value::Boolean(value) => Some(Text::Plain(value.to_string())),
        Value::Number(number) => Some(Text::Plain(number.to_string())),
        Value::Seconds(seconds) => Some(Text::Plain(text::duration(std::time::Duration::from_secs((*seconds).into())))),
        Value::Text(text) => Some(Text::string(text)),
        Value::Word(word) => Some(Text::string(word)),
        _ => None,
    }
}

/// Forwarders with the places where they are written, for the comments between them.
fn with_places(value: Text, setting: &Setting) -> Text {
    let (Text::Array(elements), Value::Forwarders(written)) = (&value, &setting.value) else { return value };
    let mut seen = HashSet::new();
    let places = written
        .list
        .iter()
        .filter(|forwarder| seen.insert((forwarder.address, forwarder.scope_id, forwarder.port.or(written.port))));
    let places = places.map(|forwarder| Some(forwarder.position.clone())).chain(std::iter::repeat(None));
    Text::Array(elements.iter().zip(places).map(|((text, _), place)| (text.clone(), place)).collect())
}
