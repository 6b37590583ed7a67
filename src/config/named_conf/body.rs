//! Reading statements by the grammar table into a syntax tree of typed values.
//!
//! A mistake costs its own statement: reading goes on behind it, so that one reading shows all of them.
//! `include` is followed here, since the statements of the file take its place in the block; `directory` counts from
//! where it stands, without touching the directory of the process.

use std::path::{Path, PathBuf};

use super::address::{self, Element};
use super::cursor::Cursor;
use super::glob;
use super::grammar::{self, Places, Row, Shape};
use super::lexer::{self, Comment, Kind, Token};
use super::policy;
use super::report::{Problem, Report};
use super::tree::{self, Block, Close, End, Item, Statement};
use super::value::{self, ControlInet, Value};
use crate::config::Position;
use crate::config::files::{Files, MAX_CONFIG_OCTETS, explain};
use crate::config::values::excerpt;

/// Files that include files that include files.
const MAX_INCLUDE_DEPTH: usize = 16;
/// Files in all, so that files that include each other twice do not multiply.
const MAX_FILES: usize = 1000;

/// One statement that was read.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) row: &'static Row,
    /// Of its name.
    pub(super) position: Position,
    /// Of the first word behind its name, where named puts errors about the value.
    pub(super) value_position: Position,
    pub(super) value: Value,
    /// The value says what is the case anyway.
    pub(super) is_moot: bool,
    /// What stands behind its name, up to a block of statements.
    pub(super) items: Vec<Item>,
    /// Of its semicolon.
    pub(super) end: Position,
}

/// The statements of one block.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// In the order of the text, included files in their place.
    pub(super) settings: Vec<Setting>,
    /// Where in them each name stands first: there are few names, however many zones there are.
    firsts: Vec<usize>,
    /// Where its braces stand; `None`: it is a whole file.
    pub(super) braces: Option<(Position, Position)>,
}

/// What files have besides their statements.
#[derive(Debug, Default)]
pub(super) struct Trivia {
    /// In the order in which the files are read.
    pub(super) comments: Vec<Comment>,
}

impl Body {
    /// The first statement of this name.
    pub(super) fn find(&self, name: &str) -> Option<&Setting> {
        self.firsts.iter().map(|at| &self.settings[*at]).find(|setting| setting.row.name == name)
    }

    fn push(&mut self, setting: Setting) {
        if self.find(setting.row.name).is_none() {
            self.firsts.push(self.settings.len());
        }
        self.settings.push(setting);
    }

    /// Every statement of this name, in order.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Setting> {
        self.settings.iter().filter(move |setting| setting.row.name == name)
    }
}

/// Reads files into a [`Body`], noting every mistake.
pub(super) struct Parser<'r> {
    disk: &'r dyn Files,
    pub(super) report: Report,
    /// Kept for who asks for it.
    pub(super) trivia: Option<Trivia>,
    /// The last `directory`.
    directory: Option<PathBuf>,
    /// Files being read around the present one.
    depth: usize,
    files: usize,
}

impl<'r> Parser<'r> {
    pub(super) fn new(disk: &'r dyn Files) -> Self {
        Self { disk, report: Report::default(), trivia: None, directory: None, depth: 0, files: 0 }
    }

    /// Reads a whole file's statements to the end of `body`.
    pub(super) fn file(&mut self, text: &str, file: &str, places: Places, body: &mut Body) {
        let (statements, problem) = tree::read(text, file);
        if let Some(trivia) = &mut self.trivia {
            trivia.comments.extend(lexer::comments(text, file.into()));
        }
        self.statements(&statements, places, body);
        if let Some(problem) = problem {
            self.report.problem(problem);
        }
    }

    fn statements(&mut self, statements: &[Statement], places: Places, body: &mut Body) {
        for statement in statements {
            let mut cursor = Cursor::new(statement);
            while self.statement(&mut cursor, places, body) {}
        }
    }

    /// Reads one statement. `true`: its semicolon is missing, and what follows is another one.
    fn statement(&mut self, cursor: &mut Cursor<'_>, places: Places, body: &mut Body) -> bool {
        let Some(name) = cursor.peek_word() else {
            let expected = if places == grammar::TOP { "syntax error" } else { "'}' expected" };
            self.report.problem(cursor.near(expected));
            return false;
        };
        let items = cursor.rest();
        cursor.skip();
        let Some(row) = grammar::find(&name.text, places) else {
            self.unknown(name, places);
            return false;
        };
        let value_position = cursor.position().clone();
        let value = self.value(row.shape, cursor).unwrap_or_else(|mut problem| {
            problem.hint.get_or_insert_with(|| format!("as in: {}", row.example));
            self.report_at(cursor, problem);
            Value::Broken
        });
        let is_broken = matches!(value, Value::Broken);
        self.note_dscp(row, &items[1..items.len() - cursor.rest().len()]);
        let read = &items[1..items.len() - cursor.rest().len()];
        let is_moot = !row.moot.is_empty() && row.moot.contains(&render(read).to_ascii_lowercase().as_str());
        match (row.shape, &value) {
            (Shape::Include, Value::Text(pattern)) => self.include(pattern, &value_position, places, body),
            (Shape::Include, _) => {}
            _ => {
                self.note_directory(row, &value, &value_position);
                let items = read
                    .iter()
                    .take_while(|item| !is_body(&value) || matches!(item, Item::Token(_)))
                    .cloned()
                    .collect();
                let (position, end) = (name.position.clone(), cursor.position().clone());
                let setting = Setting { row, position, value_position, value, is_moot, items, end };
                self.push(setting, name, body);
            }
        }
        !is_broken && self.end(cursor)
    }

    /// Reports a value, unless it only misses what an error that is reported already has cut off.
    fn report_at(&mut self, cursor: &Cursor<'_>, problem: Problem) {
        if !(cursor.is_done() && matches!(cursor.end(), End::Reported(_))) {
            self.report.problem(problem);
        }
    }

    /// named's message, and what may have been meant.
    fn unknown(&mut self, name: &Token, places: Places) {
        let message = format!("unknown option '{}'", excerpt(&name.text));
        let mut problem = Problem::new(name.position.clone(), message);
        if !self.report.is_full() {
            problem.hint = grammar::suggest(&name.text, places);
        }
        self.report.problem(problem);
    }

    fn push(&mut self, setting: Setting, name: &Token, body: &mut Body) {
        if !setting.row.repeats && body.find(setting.row.name).is_some() {
            let shown = excerpt(&name.text);
            self.report.error(&setting.position, format!("'{}' redefined near '{shown}'", setting.row.name));
        }
        body.push(setting);
    }

    /// What has to follow a statement. `true`: another one begins without a semicolon between.
    fn end(&mut self, cursor: &Cursor<'_>) -> bool {
        if matches!((cursor.is_done(), cursor.end()), (true, End::Semicolon(_) | End::Reported(_))) {
            return false;
        }
        self.report.problem(cursor.missing_semicolon());
        cursor.peek_token().is_some()
    }

    fn value(&mut self, shape: Shape, cursor: &mut Cursor<'_>) -> Result<Value, Problem> {
        Ok(match shape {
            Shape::Nothing => Value::Nothing,
            Shape::Boolean => Value::Boolean(value::boolean(cursor)?),
            Shape::BooleanOr(words) => value::boolean_or(cursor, words)?,
            Shape::Number => Value::Number(value::number(cursor)?),
            Shape::NumberOr(words) => value::number_or(cursor, words)?,
            Shape::Numbers(least, most) => Value::Numbers(value::numbers(cursor, least, most)?),
            Shape::Duration => Value::Seconds(value::duration(cursor)?),
            Shape::Quoted | Shape::Include => Value::Text(cursor.quoted()?.text.clone()),
            Shape::QuotedOr(words) => value::quoted_or(cursor, words)?,
            Shape::Text => Value::Text(cursor.text()?.text.clone()),
            Shape::OneOf(words) => Value::Word(value::one_of(cursor, words)?),
            Shape::Size => Value::Size(value::size(cursor, false)?),
            Shape::SizeOrPercent => Value::Size(value::size(cursor, true)?),
            Shape::Form(form) => {
                let mut parts = Vec::new();
                self.form(form, cursor, &mut parts)?;
                Value::Checked(parts)
            }
            Shape::MatchList => Value::MatchList(self.match_list(cursor)?),
            Shape::Forwarders => {
                let port = address::forwarders_port(cursor)?;
                Value::Forwarders(address::Forwarders { port, list: self.list(cursor, address::forwarder)? })
            }
            Shape::Listen => {
                let port = address::listen_port(cursor)?;
                Value::Listen { port, list: self.match_list(cursor)? }
            }
            Shape::Inet => {
                let (address, port) = address::inet(cursor)?;
                let allow = cursor.take_word("allow").then(|| self.match_list(cursor)).transpose()?;
                Value::Inet { address, port, allow }
            }
            Shape::SourceV4 => Value::Source(address::source(cursor, false)?),
            Shape::SourceV6 => Value::Source(address::source(cursor, true)?),
            Shape::RrsetOrder => Value::Orders(self.list(cursor, value::order)?),
            Shape::Acl => Value::Acl { name: cursor.text()?.text.clone(), list: self.match_list(cursor)? },
            Shape::Body(places) => Value::Body(self.body(cursor, places)?),
            Shape::NamedBody(places) => {
                let name = cursor.text()?.text.clone();
                Value::Named { name, class: None, body: self.body(cursor, places)? }
            }
            Shape::ClassedBody(places) => {
                let name = cursor.text()?.text.clone();
                let class = self.class(cursor)?;
                Value::Named { name, class, body: self.body(cursor, places)? }
            }
            Shape::PrefixBody(places) => {
                Value::Server { prefix: address::prefix(cursor)?, body: self.body(cursor, places)? }
            }
            Shape::Control => Value::Control(self.control(cursor)?),
            Shape::Category => {
                let name = cursor.text()?.clone();
                Value::Category { name, channels: self.list(cursor, |cursor| cursor.text().cloned())? }
            }
            Shape::LogFile => Value::LogFile(value::log_file(cursor)?),
            Shape::FetchLimit => value::fetch_limit(cursor)?,
            Shape::Severity => Value::Severity(value::severity(cursor)?),
            Shape::Facility => Value::Facility(value::facility(cursor)?),
            Shape::UpdatePolicy => match policy::local(cursor)? {
                true => Value::Local,
                false => Value::UpdatePolicy(self.list(cursor, policy::rule)?),
            },
        })
    }

    fn control(&mut self, cursor: &mut Cursor<'_>) -> Result<ControlInet, Problem> {
        let (address, port) = address::control(cursor)?;
        if !cursor.take_word("allow") {
            return Err(cursor.near("expected 'allow'"));
        }
        let allow = self.match_list(cursor)?;
        let has_keys = cursor.take_word("keys");
        let keys = has_keys.then(|| self.list(cursor, |cursor| cursor.text().cloned())).transpose()?;
        let is_said = cursor.take_word("read-only");
        let read_only = is_said.then(|| value::boolean(cursor)).transpose()?;
        Ok(ControlInet { address, port, allow, keys, read_only })
    }

    /// A class behind a name: whatever stands before the block.
    fn class(&self, cursor: &mut Cursor<'_>) -> Result<Option<Token>, Problem> {
        cursor.peek_word().is_some().then(|| cursor.text().cloned()).transpose()
    }

    fn body(&mut self, cursor: &mut Cursor<'_>, places: Places) -> Result<Body, Problem> {
        let block = cursor.block()?;
        let mut body = Body::default();
        if let Close::Brace(close) = &block.close {
            body.braces = Some((block.open.clone(), close.clone()));
        }
        self.statements(&block.statements, places, &mut body);
        self.check_closed(block);
        Ok(body)
    }

    /// A block of elements, each ended by a semicolon. A wrong one is reported and left out.
    fn list<T>(
        &mut self,
        cursor: &mut Cursor<'_>,
        mut read: impl FnMut(&mut Cursor<'_>) -> Result<T, Problem>,
    ) -> Result<Vec<T>, Problem> {
        self.list_by(cursor, &mut |_, cursor| read(cursor))
    }

    pub(super) fn list_by<T>(
        &mut self,
        cursor: &mut Cursor<'_>,
        read: &mut dyn FnMut(&mut Self, &mut Cursor<'_>) -> Result<T, Problem>,
    ) -> Result<Vec<T>, Problem> {
        let block = cursor.block()?;
        let mut elements = Vec::new();
        for statement in &block.statements {
            let mut cursor = Cursor::new(statement);
            loop {
                match read(self, &mut cursor) {
                    Ok(element) => elements.push(element),
                    Err(problem) => {
                        self.report_at(&cursor, problem);
                        break;
                    }
                }
                if !self.end(&cursor) {
                    break;
                }
            }
        }
        self.check_closed(block);
        Ok(elements)
    }

    pub(super) fn match_list(&mut self, cursor: &mut Cursor<'_>) -> Result<Vec<Element>, Problem> {
        self.list_by(cursor, &mut |parser, cursor| address::element(cursor, &mut |cursor| parser.match_list(cursor)))
    }

    fn check_closed(&mut self, block: &Block) {
        if let Close::Missing(end) = &block.close {
            let hint = format!("the '{{' of line {} is not closed", block.open.line);
            self.report.problem(Problem::new(end.clone(), "'}' expected near end of file").with_hint(hint));
        }
    }

    pub(super) fn check_closed_within(&mut self, block: &Block) {
        for item in block.statements.iter().flat_map(|statement| &statement.items) {
            if let Item::Block(inner) = item {
                self.check_closed_within(inner);
            }
        }
        self.check_closed(block);
    }

    /// named reads `dscp` beside addresses and does not heed it any more.
    fn note_dscp(&mut self, row: &Row, items: &[Item]) {
        let is_beside = matches!(row.shape, Shape::Forwarders | Shape::Listen | Shape::SourceV4 | Shape::SourceV6);
        if let Some(at) = items.iter().find_map(position_of_dscp).filter(|_| is_beside) {
            self.report.not_honoured(at, "'dscp' is ignored: packets are not marked");
        }
    }

    fn note_directory(&mut self, row: &Row, value: &Value, at: &Position) {
        if let (Value::Text(path), "directory") = (value, row.name) {
            let whole = self.directory.take().map_or_else(|| PathBuf::from(path), |base| base.join(path));
            if let Err(error) = self.disk.enter(&whole) {
                let message = format!("change directory to '{}' failed: {}", excerpt(path), explain(&error));
                let hint = "create it, let the server's user enter it, or correct 'directory'";
                self.report.problem(Problem::new(at.clone(), message).with_hint(hint));
            }
            self.directory = Some(whole);
        }
    }

    fn include(&mut self, pattern: &str, at: &Position, places: Places, body: &mut Body) {
        if self.depth >= MAX_INCLUDE_DEPTH {
            let message = format!("includes are nested deeper than {MAX_INCLUDE_DEPTH}");
            let hint = "does a file include itself?";
            return self.report.problem(Problem::new(at.clone(), message).with_hint(hint));
        }
        let paths = glob::expand(pattern, self.directory.as_deref(), self.disk);
        if paths.is_empty() {
            let hint = format!("nothing matches '{pattern}'");
            return self.report.problem(Problem::new(at.clone(), "parsing failed: file not found").with_hint(hint));
        }
        self.depth += 1;
        for path in paths {
            self.include_file(&path, at, places, body);
        }
        self.depth -= 1;
    }

    fn include_file(&mut self, path: &Path, at: &Position, places: Places, body: &mut Body) {
        self.files += 1;
        if self.files > MAX_FILES {
            return self.report.error(at, format!("more than {MAX_FILES} files are included"));
        }
        let name = path.display().to_string();
        match self.disk.read(path, MAX_CONFIG_OCTETS) {
            Ok(octets) => self.file(&String::from_utf8_lossy(&octets), &name, places, body),
            Err(error) => {
                let message = format!("parsing failed: {}", explain(&error));
                self.report.problem(Problem::new(at.clone(), message).with_hint(format!("file '{name}'")));
            }
        }
    }
}

/// Whether it has statements of its own.
fn is_body(value: &Value) -> bool {
    matches!(value, Value::Body(_) | Value::Named { .. } | Value::Server { .. })
}

fn position_of_dscp(item: &Item) -> Option<&Position> {
    match item {
        Item::Token(token) => {
            (token.kind == Kind::Word && token.text.eq_ignore_ascii_case("dscp")).then_some(&token.position)
        }
        Item::Block(block) => block.statements.iter().flat_map(|statement| &statement.items).find_map(position_of_dscp),
    }
}

/// Words as they were written, one space between; enough to compare with a short value.
fn render(items: &[Item]) -> String {
    let word = |item: &Item| match item {
        Item::Token(token) => token.text.clone(),
        Item::Block(_) => "{…}".to_owned(),
    };
    items.iter().take(3).map(word).collect::<Vec<_>>().join(" ")
}
