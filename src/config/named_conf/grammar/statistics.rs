//! Statements of `statistics-channels`.

use super::places::STATISTICS;
use super::row::{Row, honoured};
use super::shape::Shape;

#[rustfmt::skip] // One line a row.
pub(super) const ROWS: &[Row] = {
    use Shape::*;
    &[
        honoured("inet", STATISTICS, Inet, "inet 127.0.0.1 port 8053 allow { localhost; };").repeats(),
    ]
};
