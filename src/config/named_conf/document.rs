//! A named.conf as a whole, for who wants more of it than the configuration: to write it anew, to list its zones.
//!
//! Not here: reading (`body`), what it means (`lower`).

use super::body::{Body, Parser, Trivia};
use super::print::{self, Secrets};
use super::value::Value;
use super::{grammar, lower};
use crate::config::files::Files;
use crate::config::{CommandLine, DEFAULT_VIEW, Diagnostic, Loaded};

/// A file, those that it includes, and what was found wrong in them.
pub struct Document {
    pub(super) top: Body,
    pub(super) trivia: Trivia,
    /// What [`super::parse`] gives.
    pub result: Result<Loaded, Vec<Diagnostic>>,
}

/// One `zone` statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedZone {
    /// As it is written.
    pub name: String,
    /// As it is written; else its view's, else IN.
    pub class: String,
    /// Its view's name.
    pub view: String,
    /// The word behind `type`, or `in-view` and the view.
    pub kind: String,
}

impl Document {
    /// Reads a file from its text, as [`super::parse`] does.
    pub fn read(text: &str, file: &str, disk: &dyn Files) -> Self {
        let mut parser = Parser::new(disk);
        parser.trivia = Some(Trivia::default());
        let mut top = Body::default();
        parser.file(text, file, grammar::TOP, &mut top);
        let trivia = parser.trivia.take().unwrap_or_default();
        let (config, report) = lower::lower(&top, parser.report, disk, &CommandLine::default());
        let result = report.finish().map(|warnings| Loaded { config, warnings });
        Self { top, trivia, result }
    }

    /// The configuration in one form, included files in their place. Of use only without errors.
    pub fn print(&self, secrets: Secrets) -> String {
        print::print(&self.top, secrets)
    }

    /// Its zones, those of views in their views' order.
    pub fn zones(&self) -> Vec<ListedZone> {
        let mut zones = zones(&self.top, DEFAULT_VIEW, "IN");
        for setting in self.top.all("view") {
            if let Value::Named { name, class, body } = &setting.value {
                let class = class.as_ref().map_or("IN", |class| &class.text);
                zones.extend(self::zones(body, name, class));
            }
        }
        zones
    }
}

fn zones(body: &Body, view: &str, view_class: &str) -> Vec<ListedZone> {
    let one = |setting: &super::body::Setting| {
        let Value::Named { name, class, body } = &setting.value else { return None };
        let first_word = |name: &str| match body.find(name)?.items.first()? {
            super::tree::Item::Token(token) => Some(token.text.clone()),
            super::tree::Item::Block(_) => None,
        };
        let kind = first_word("in-view").map(|view| format!("in-view {view}")).or_else(|| first_word("type"));
        let class = class.as_ref().map_or(view_class, |class| &class.text).to_owned();
        Some(ListedZone { name: name.clone(), class, view: view.to_owned(), kind: kind? })
    };
    body.all("zone").filter_map(one).collect()
}
