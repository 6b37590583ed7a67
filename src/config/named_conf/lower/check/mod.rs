//! What named-checkconf looks for beyond the grammar in statements from which nothing is built here.
//!
//! A statement that is ignored still has to be right: whoever goes back to named shall not find his file broken. Messages
//! and places are named's. What is looked for in honoured values stands where they are used.

mod clauses;
mod names;
mod numbers;
mod servers;

use super::Context;
use crate::config::Position;
use crate::config::named_conf::body::{Body, Setting};
use crate::config::named_conf::checked::Part;
use crate::config::named_conf::lexer::Token;
use crate::config::named_conf::report::{Problem, Report};
use crate::config::named_conf::value::Value;

pub(super) use servers::{ServerLists, lists_of_zone, unserved_zone};

/// The lists of options and views that named resolves whether anything uses them or not.
const MATCH_LISTS: &[&str] =
    &["allow-query-cache-on", "allow-query-on", "allow-recursion-on", "keep-response-order", "sortlist"];

impl<'a> Context<'a> {
    /// Looks at everything but the inside of zones, which say for themselves what their type allows.
    pub(super) fn check(&mut self, top: &'a Body, options: &'a Body) {
        clauses::check(top, &mut self.report);
        self.check_body(options);
        servers::check_duplicates(top, &mut self.report);
        servers::check_clauses(top, &mut self.report);
        for body in views(top) {
            self.check_body(body);
            clauses::check_trust(body, &mut self.report);
            servers::check_clauses(body, &mut self.report);
        }
        for body in std::iter::once(top).chain(views(top)) {
            for zone in body.all("zone") {
                if let Value::Named { body, .. } = &zone.value {
                    numbers::check(body, &mut self.report);
                }
            }
        }
    }

    fn check_body(&mut self, body: &'a Body) {
        numbers::check(body, &mut self.report);
        names::check(body, &mut self.report);
        clauses::check_body(body, &mut self.report);
        for name in MATCH_LISTS {
            if let Some(Setting { value: Value::MatchList(elements), .. }) = body.find(name) {
                self.acls.check_names(elements, &mut self.report);
            }
        }
    }
}

fn views(top: &Body) -> impl Iterator<Item = &Body> {
    top.all("view").filter_map(|view| match &view.value {
        Value::Named { body, .. } => Some(body),
        _ => None,
    })
}

/// What a form read of a statement.
fn parts<'a>(body: &'a Body, name: &'a str) -> impl Iterator<Item = (&'a Setting, &'a [Part])> {
    body.all(name).filter_map(|setting| match &setting.value {
        Value::Checked(parts) => Some((setting, parts.as_slice())),
        _ => None,
    })
}

/// The words of a list.
fn words(parts: &[Part]) -> impl Iterator<Item = &Token> {
    parts.iter().filter_map(Part::item).filter_map(|item| item.first()?.word())
}

fn error_at(report: &mut Report, at: &Position, message: String, hint: &str) {
    report.problem(Problem::new(at.clone(), message).with_hint(hint));
}
