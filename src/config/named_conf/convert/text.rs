//! Values of TOML as a person would write them, and lines of the file with what they come from.

use std::time::Duration;

use super::comments::{self, Notes};
use crate::config::named_conf::address::{Element, Matched};
use crate::config::named_conf::lexer::Comment;
use crate::config::{Match, MatchElement, MatchList, Position};
use crate::wire::Name;

/// A longer array stands on several lines, in characters.
const MAX_ARRAY: usize = 100;

/// A line of the file.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) text: String,
    /// Of the statement that it stands for.
    pub(super) origin: Option<Position>,
}

/// A value: in one line, or an array whose elements have places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Text {
    Plain(String),
    Array(Vec<(String, Option<Position>)>),
}

impl Text {
    pub(super) fn string(text: &str) -> Self {
        Self::Plain(string(text))
    }

    pub(super) fn inline(&self) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Array(elements) => {
                let texts: Vec<_> = elements.iter().map(|(text, _)| text.as_str()).collect();
                format!("[{}]", texts.join(", "))
            }
        }
    }
}

/// Lines of comments.
pub(super) fn notes(comments: &[Comment]) -> Vec<Line> {
    let lines = comments.iter().flat_map(comments::lines);
    lines.map(|text| Line { text, origin: None }).collect()
}

/// A key with its value, and the comments of its statement.
pub(super) fn keyed(key: &str, value: &Text, from: &Notes, origin: Option<&Position>) -> Vec<Line> {
    let mut lines = notes(&from.before);
    let line = |text: String| Line { text, origin: origin.cloned() };
    let one = format!("{key} = {}", value.inline());
    match value {
        Text::Array(elements)
            if !elements.is_empty() && (!from.inner.is_empty() || one.chars().count() > MAX_ARRAY) =>
        {
            lines.push(line(format!("{key} = [")));
            lines.extend(array(elements, &from.inner));
            lines.push(line("]".to_owned()));
        }
        _ => {
            lines.extend(notes(&from.inner));
            lines.push(line(one));
        }
    }
    append(&mut lines, &from.behind);
    lines
}

/// Puts comments behind the last line; what has several lines stands below.
fn append(lines: &mut Vec<Line>, behind: &[Comment]) {
    for comment in behind {
        let mut more = comments::lines(comment);
        match lines.last_mut() {
            Some(last) if more.len() == 1 => last.text += &format!("  {}", more.remove(0)),
            _ => lines.extend(more.into_iter().map(|text| Line { text, origin: None })),
        }
    }
}

/// Elements of an array, a line each, with the comments around them.
fn array(elements: &[(String, Option<Position>)], comments: &[Comment]) -> Vec<Line> {
    let at = |position: &Position| (position.line, position.column);
    let mut rest = comments.iter().peekable();
    let mut lines: Vec<Line> = Vec::new();
    for (index, (text, position)) in elements.iter().enumerate() {
        if let Some(position) = position {
            while let Some(comment) = rest.next_if(|comment| at(&comment.position) < at(position)) {
                lines.extend(indented(comment));
            }
        }
        lines.push(Line { text: format!("    {text},"), origin: position.clone() });
        let Some(position) = position else { continue };
        let next = elements[index + 1..].iter().find_map(|(_, next)| next.as_ref());
        let is_behind = |comment: &&Comment| {
            comment.position.line == position.line && next.is_none_or(|next| at(&comment.position) < at(next))
        };
        while let Some(comment) = rest.next_if(is_behind) {
            append(&mut lines, std::slice::from_ref(comment));
        }
    }
    lines.extend(rest.flat_map(indented));
    lines
}

fn indented(comment: &Comment) -> Vec<Line> {
    comments::lines(comment).into_iter().map(|text| Line { text: format!("    {text}"), origin: None }).collect()
}

/// A text in quotes.
pub(super) fn string(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A key or a part of one, in quotes if it needs them.
pub(super) fn key(text: &str) -> String {
    let is_bare = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'_' | b'-');
    match !text.is_empty() && text.bytes().all(is_bare) {
        true => text.to_owned(),
        false => basic(text),
    }
}

/// In double quotes, on one line: keys know no others.
fn basic(text: &str) -> String {
    let escape = |c: char| match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        c if c.is_control() => format!("\\u{:04X}", u32::from(c)),
        c => c.to_string(),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}

/// `"10s"`, `"3h"`, `"1800ms"`
pub(super) fn duration(time: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(604_800, "w"), (86_400, "d"), (3600, "h"), (60, "m")];
    let seconds = time.as_secs();
    if time.subsec_nanos() != 0 {
        return format!("\"{}ms\"", time.as_millis());
    }
    let unit = UNITS.into_iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit));
    unit.map_or_else(|| format!("\"{seconds}s\""), |(unit, letter)| format!("\"{}{letter}\"", seconds / unit))
}

/// `"5M"`, or octets.
pub(super) fn size(octets: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")];
    let unit = UNITS.into_iter().find(|(unit, _)| octets > 0 && octets.is_multiple_of(*unit));
    unit.map_or_else(|| octets.to_string(), |(unit, letter)| format!("\"{}{letter}\"", octets / unit))
}

/// A match list as it is written.
/// `keys`: those there are; nobody signs with others, which are left out.
pub(super) fn elements(list: &[Element], keys: &[Name]) -> Text {
    let is_known = |element: &&Element| match &element.what {
        Matched::Key(name) => name.parse().is_ok_and(|name: Name| keys.contains(&name)),
        _ => true,
    };
    let known = list.iter().filter(is_known);
    Text::Array(known.map(|element| (one(element, keys), Some(element.position.clone()))).collect())
}

fn one(element: &Element, keys: &[Name]) -> String {
    let mark = if element.negated { "!" } else { "" };
    match &element.what {
        Matched::List(inner) if element.negated => format!("{{ not = {} }}", elements(inner, keys).inline()),
        Matched::List(inner) => elements(inner, keys).inline(),
        Matched::Prefix(prefix) if prefix.prefix_len() == prefix.max_prefix_len() => {
            string(&format!("{mark}{}", prefix.addr()))
        }
        Matched::Prefix(prefix) => string(&format!("{mark}{prefix}")),
        Matched::Name(name) => string(&format!("{mark}{name}")),
        Matched::Key(name) => string(&format!("{mark}key {name}")),
    }
}

/// A match list as it counts.
pub(super) fn match_list(list: &MatchList) -> Text {
    Text::Array(list.elements.iter().map(|element| (matched(element), element.position.clone())).collect())
}

fn matched(element: &MatchElement) -> String {
    match &element.what {
        Match::List(inner) if element.negated => format!("{{ not = {} }}", match_list(inner).inline()),
        Match::List(inner) => match_list(inner).inline(),
        _ => string(&element.to_string()),
    }
}
