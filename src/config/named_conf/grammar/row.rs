//! One row of the table: a statement and what becomes of it.

use super::places::Places;
use super::shape::Shape;

/// What becomes of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config::named_conf) enum Support {
    /// It does what it says.
    Honoured,
    /// Accepted with one warning: what happens instead.
    Ignored(&'static str),
    /// An error: why it cannot be passed over.
    Refused(&'static str),
    /// It stands and falls with the statement around it, which says what happens.
    Part,
}

/// When named had a statement; named 9.18 refuses those that are gone or newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config::named_conf) enum Era {
    /// named 9.18 has it.
    Present,
    /// 9.11 or a later one had it.
    Gone,
    /// 9.20 has it.
    Newer,
}

/// One statement.
#[derive(Debug)]
pub(in crate::config::named_conf) struct Row {
    pub(in crate::config::named_conf) name: &'static str,
    pub(in crate::config::named_conf) places: Places,
    pub(in crate::config::named_conf) shape: Shape,
    pub(in crate::config::named_conf) support: Support,
    /// May stand more than once in one block.
    pub(in crate::config::named_conf) repeats: bool,
    /// Values that say what is the case anyway: neither a warning nor an error.
    pub(in crate::config::named_conf) moot: &'static [&'static str],
    /// What is not as in named although it is honoured: values that are refused, other bounds, another default.
    pub(in crate::config::named_conf) limits: &'static str,
    /// Whether named 9.18 has it.
    pub(in crate::config::named_conf) era: Era,
    /// The statement as a file has it; where the value matters, one that is not the default.
    pub(in crate::config::named_conf) example: &'static str,
}

impl Row {
    const fn new(name: &'static str, places: Places, shape: Shape, support: Support, example: &'static str) -> Self {
        Self { name, places, shape, support, repeats: false, moot: &[], limits: "", era: Era::Present, example }
    }

    pub(super) const fn repeats(mut self) -> Self {
        self.repeats = true;
        self
    }

    /// named 9.18 says that it no longer exists.
    pub(super) const fn gone(mut self) -> Self {
        self.era = Era::Gone;
        self
    }

    /// named 9.18 does not know it yet.
    pub(super) const fn newer(mut self) -> Self {
        self.era = Era::Newer;
        self
    }

    pub(super) const fn but(mut self, limits: &'static str) -> Self {
        self.limits = limits;
        self
    }

    pub(super) const fn moot(mut self, values: &'static [&'static str]) -> Self {
        self.moot = values;
        self
    }
}

pub(super) const fn honoured(name: &'static str, places: Places, shape: Shape, example: &'static str) -> Row {
    Row::new(name, places, shape, Support::Honoured, example)
}

pub(super) const fn part(name: &'static str, places: Places, shape: Shape, example: &'static str) -> Row {
    Row::new(name, places, shape, Support::Part, example)
}

pub(super) const fn ignored(
    name: &'static str,
    places: Places,
    shape: Shape,
    example: &'static str,
    instead: &'static str,
) -> Row {
    Row::new(name, places, shape, Support::Ignored(instead), example)
}

pub(super) const fn refused(
    name: &'static str,
    places: Places,
    shape: Shape,
    example: &'static str,
    why: &'static str,
) -> Row {
    Row::new(name, places, shape, Support::Refused(why), example)
}
