//! Statements of `server`.

use super::form::Form as F;
use super::places::SERVER;
use super::reasons::{NO, NO_TRANSFER};
use super::row::{Row, honoured, ignored, refused};
use super::shape::Shape;

#[rustfmt::skip] // One line a row.
pub(super) const ROWS: &[Row] = {
    use Shape::*;
    &[
        honoured("bogus", SERVER, Boolean, "bogus yes;"),
        honoured("edns", SERVER, Boolean, "edns no;"),
        ignored("edns-version", SERVER, Number, "edns-version 1;", "EDNS version 0 is spoken").moot(&["0"]),
        refused("keys", SERVER, Form(&F::IfBlock(&F::List(&F::Text), &F::Text)), "keys k;", "questions to upstreams are not signed yet: they would go out without it"),
        ignored("padding", SERVER, Number, "padding 128;", "questions are not padded").moot(&["0"]),
        ignored("tcp-keepalive", SERVER, Boolean, "tcp-keepalive yes;", "forwarders are not asked to keep connections").moot(NO),
        honoured("tcp-only", SERVER, Boolean, "tcp-only yes;"),
        ignored("transfers", SERVER, Number, "transfers 2;", NO_TRANSFER),
    ]
};
