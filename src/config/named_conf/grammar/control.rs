//! Statements of `controls`.

use super::form;
use super::places::CONTROLS;
use super::row::{Row, honoured, refused};
use super::shape::Shape;

const NO_UNIX: &str = "named does not start with it either: rndc speaks TCP (TOML has control_socket for 'tandem ctl')";

#[rustfmt::skip] // One line a row.
pub(super) const ROWS: &[Row] = {
    use Shape::*;
    &[
        honoured("inet", CONTROLS, Control, "inet 127.0.0.1 port 953 allow { localhost; } keys { };").repeats(),
        refused("unix", CONTROLS, Form(&form::UNIX_CONTROL), "unix \"/run/named/control\" perm 0600 owner 0 group 0;", NO_UNIX).repeats(),
    ]
};
