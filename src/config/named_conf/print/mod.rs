//! Writing a configuration in one form, as `named-checkconf -p` does: included files in their place, comments left out.
//!
//! Statements come in named's order, values in its spelling: `10/8` as `10.0.0.0/8`, `5m` as 5242880. What is written
//! reads back as the same configuration. Statements whose value nobody reads keep their words as they are.
//! Not here: the order ([`order`]), values ([`value`]).

mod order;
mod value;

use super::body::{Body, Setting};
use super::value::Value;

/// Whether secrets are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// As they are.
    Shown,
    /// As so many question marks.
    Masked,
}

/// A whole configuration.
pub(super) fn print(top: &Body, secrets: Secrets) -> String {
    let mut printer = Printer { text: String::new(), depth: 0, secrets };
    printer.statements(top, "");
    printer.text
}

/// Statements of the top level of these names alone.
pub(super) fn print_some(top: &Body, secrets: Secrets, names: &[&str]) -> String {
    let mut printer = Printer { text: String::new(), depth: 0, secrets };
    for setting in top.settings.iter().filter(|setting| names.contains(&setting.row.name)) {
        printer.statement(setting);
    }
    printer.text
}

/// One statement in one line.
pub(super) fn one_line(setting: &Setting, secrets: Secrets) -> String {
    let mut printer = Printer { text: String::new(), depth: 0, secrets };
    printer.statement(setting);
    printer.text.split_whitespace().collect::<Vec<_>>().join(" ")
}

struct Printer {
    text: String,
    /// Blocks around the present line.
    depth: usize,
    secrets: Secrets,
}

impl Printer {
    /// The statements of a block; `of`: the statement whose it is, none for a whole file.
    fn statements(&mut self, body: &Body, of: &str) {
        let mut settings: Vec<_> = body.settings.iter().collect();
        settings.sort_by_key(|setting| (order::rank(setting.row.name, of), order::key(setting.row.name)));
        for setting in settings {
            self.statement(setting);
        }
    }

    fn statement(&mut self, setting: &Setting) {
        let name = setting.row.name;
        self.indent();
        self.text.push_str(name);
        match &setting.value {
            Value::Body(body) => self.body(body, name),
            Value::Named { name: named, class, body } => {
                self.word(&value::quoted(named));
                if let Some(class) = class {
                    self.word(&class.text);
                }
                self.body(body, name);
            }
            Value::Server { prefix, body } => {
                self.word(&prefix.to_string());
                self.body(body, name);
            }
            _ => self.value(setting),
        }
        self.text.push_str(";\n");
    }

    fn body(&mut self, body: &Body, of: &str) {
        self.open();
        self.statements(body, of);
        self.close();
    }

    fn word(&mut self, word: &str) {
        self.text.push(' ');
        self.text.push_str(word);
    }

    fn open(&mut self) {
        self.text.push_str(" {\n");
        self.depth += 1;
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.indent();
        self.text.push('}');
    }

    fn indent(&mut self) {
        self.text.extend(std::iter::repeat_n('\t', self.depth));
    }
}

#[cfg(test)]
mod tests;
