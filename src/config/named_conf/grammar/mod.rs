//! The statements: one row each, with where it may stand, what follows its name and what becomes of it.
//!
//! `body` reads by this table, `lower` takes the honoured values; an [`Support::Ignored`] statement costs one warning
//! that says what happens instead, a [`Support::Refused`] one is an error. What is in no row is unknown.
//! A name may have several rows for different places. Each file has the rows of one kind of place.

mod clause;
mod control;
mod form;
mod gone;
mod key;
mod logging;
mod newer;
mod options;
#[cfg(test)]
mod page;
mod places;
mod reasons;
mod row;
mod server;
mod shape;
mod statistics;
mod top;
mod zone;

pub(super) use form::Form;
pub(super) use places::*;
#[cfg(test)]
pub(super) use row::Era;
pub(super) use row::{Row, Support};
pub(super) use shape::Shape;

use crate::config::suggest;

/// Every statement.
pub(super) fn rows() -> impl Iterator<Item = &'static Row> {
    [
        top::ROWS,
        options::ROWS,
        zone::ROWS,
        key::ROWS,
        control::ROWS,
        logging::ROWS,
        server::ROWS,
        statistics::ROWS,
        clause::ROWS,
        gone::ROWS,
        newer::ROWS,
    ]
    .into_iter()
    .flatten()
}

/// The row of a statement that may stand in one of these places.
pub(super) fn find(name: &str, places: Places) -> Option<&'static Row> {
    rows().find(|row| row.places & places != 0 && row.name.eq_ignore_ascii_case(name))
}

/// What TOML says and named.conf has no word for, and what to do instead.
const TOML_ALONE: &[(&str, &str)] = &[
    ("case-randomisation", NEEDS_TOML),
    ("forwarder-order", NEEDS_TOML),
    ("max-qps", NEEDS_TOML),
    ("recursive-clients-per-address", NEEDS_TOML),
    ("serve-stale", "write 'stale-cache-enable yes' and 'stale-answer-enable yes'"),
    ("trust-ad", NEEDS_TOML),
];

const NEEDS_TOML: &str = "a configuration in TOML can say that, named.conf cannot";

/// What may have been meant: the same statement in another place, or one of a similar name here.
pub(super) fn suggest(name: &str, places: Places) -> Option<String> {
    if let Some(row) = find(name, EVERYWHERE) {
        let places = rows().filter(|other| other.name == row.name).fold(0, |places, other| places | other.places);
        return Some(format!("it belongs to {}", places::words(places)));
    }
    let spelling = name.replace('_', "-").to_ascii_lowercase();
    if let Some((_, instead)) = TOML_ALONE.iter().find(|(word, _)| *word == spelling) {
        return Some((*instead).to_owned());
    }
    suggest::did_you_mean(name, rows().filter(|row| row.places & places != 0).map(|row| row.name))
}
