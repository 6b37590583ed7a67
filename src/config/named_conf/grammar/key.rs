//! Statements of `key`.

use super::places::KEY;
use super::row::{Row, honoured};
use super::shape::Shape;

#[rustfmt::skip] // One line a row.
pub(super) const ROWS: &[Row] = {
    use Shape::*;
    &[
        honoured("algorithm", KEY, Text, "algorithm hmac-sha512;"),
        honoured("secret", KEY, Text, "secret \"c3dvcmRmaXNo\";"),
    ]
};
