//! Classes of views and zones. Names of class IN alone are answered out of the configuration.

use crate::config::named_conf::body::Body;
use crate::config::named_conf::lexer::Token;
use crate::config::named_conf::value::Value;

/// A class that named knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Class {
    In,
    Chaos,
    Hesiod,
    /// No class of records: nothing is asked in it.
    Any,
    None,
}

/// Each class by its words, the usual one first.
const WORDS: &[(Class, &[&str])] = &[
    (Class::In, &["IN"]),
    (Class::Chaos, &["CH", "CHAOS"]),
    (Class::Hesiod, &["HS", "HESIOD"]),
    (Class::Any, &["ANY"]),
    (Class::None, &["NONE"]),
];

impl Class {
    /// The class of a word behind a name; without a word it is IN. `None`: there is no such class.
    pub(super) fn of(written: Option<&Token>) -> Option<Class> {
        let Some(token) = written else { return Some(Class::In) };
        let is_it = |words: &[&str]| words.iter().any(|word| token.text.eq_ignore_ascii_case(word));
        WORDS.iter().find(|(_, words)| is_it(words)).map(|(class, _)| *class)
    }

    pub(super) fn word(self) -> &'static str {
        WORDS.iter().find(|(class, _)| *class == self).map_or("", |(_, words)| words[0])
    }
}

/// What answers questions of other classes.
pub(super) const INSTEAD: &str = "CH is answered by version, hostname and server-id, other classes by nothing";

/// The views of class IN, with their names.
pub(super) fn views_of_in(top: &Body) -> impl Iterator<Item = (&str, &Body)> {
    top.all("view").filter_map(|view| match &view.value {
        Value::Named { name, class, body } => {
            (Class::of(class.as_ref()) == Some(Class::In)).then_some((name.as_str(), body))
        }
        _ => None,
    })
}
