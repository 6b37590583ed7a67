//! Writing a named.conf as TOML that says the same, as a person would: comments where they stood, a table for each
//! statement, options first, views last; what is not honoured as a comment with the reason.
//!
//! The result is read again before anybody sees it: what would not say the same is an error, at the statement that it is
//! about. Included files are written in their place.
//! Not here: the other direction, which nobody needs.

mod channels;
mod comments;
mod keys;
mod logging;
mod section;
mod text;
mod zone;

use std::sync::Arc;

use comments::{Comments, block};
use section::{Absent, Section, from_file, passed_over, why_not};
use text::{Line, Text, keyed, notes};

use super::body::{Body, Setting};
use super::document::Document;
use super::grammar::{self, Row};
use super::print::{Secrets, print_some};
use super::value::Value;
use crate::config::files::Files;
use crate::config::{
    Config, DNS_PORT, Diagnostic, Level, Loaded, Match, MatchList, NamedAcl, Position, StatisticsChannel, View, toml,
};
use crate::wire::Name;

/// Statements of the top level and of views that are tables of their own.
const TABLES: &[&str] = &["acl", "key", "logging", "options", "server", "view", "zone"];

/// One table, or comments alone.
struct Table {
    /// Comments before the header.
    above: Vec<Line>,
    /// `[options]`; empty: there is none.
    header: String,
    lines: Vec<Line>,
}

/// In the order of the file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Options,
    Acl,
    Key,
    Logging,
    Control,
    Statistics,
    Server,
    Forward,
    Zone,
    View,
    Other,
}

impl Document {
    /// The same in TOML. `disk`: where the files are that it names. The error holds everything that was found, or why it
    /// cannot be said in TOML.
    pub fn to_toml(&self, disk: &dyn Files) -> Result<String, Vec<Diagnostic>> {
        let config = match &self.result {
            Ok(loaded) => &loaded.config,
            Err(found) => return Err(found.clone()),
        };
        let lines = Converter::new(self, config).lines();
        let text: String = lines.iter().map(|line| format!("{}\n", line.text)).collect();
        match toml::parse(&text, "converted.toml", disk) {
            Ok(Loaded { config: again, .. }) => match difference(config, &again) {
                None => Ok(text),
                Some((at, what)) => Err(vec![fault(at, &format!("in TOML it would not say the same: {what}"))]),
            },
            Err(found) => Err(found
                .iter()
                .filter(|found| found.level == Level::Error)
                .map(|found| at_origin(found, &lines))
                .collect()),
        }
    }
}

/// What is wrong with the TOML, at what the line stands for.
fn at_origin(found: &Diagnostic, lines: &[Line]) -> Diagnostic {
    let line = found.position.as_ref().map_or(0, |position| position.line as usize);
    let before = lines.get(..line).unwrap_or_default();
    let origin = before.iter().rev().find_map(|line| line.origin.clone());
    fault(origin, &format!("in TOML this cannot be said: {}", found.message))
}

fn fault(position: Option<Position>, message: &str) -> Diagnostic {
    Diagnostic { position, level: Level::Error, message: message.to_owned(), hint: None, topic: None }
}

/// What two configurations say otherwise, and where that stands in the first, apart from places.
fn difference(one: &Config, other: &Config) -> Option<(Option<Position>, String)> {
    let (plain, other) = (comparable(one), comparable(other));
    if plain == other {
        return None;
    }
    Some(other_list(one, &plain, &other).unwrap_or_else(|| (None, other_line(&plain, &other))))
}

/// Every match list with its place in words.
fn lists(config: &Config) -> Vec<(String, MatchList)> {
    let mut lists = Vec::new();
    config.clone().for_each_match_list(&mut |place, list| lists.push((place.to_string(), list.clone())));
    lists
}

/// The first match list that differs; `written`: the first configuration with its positions.
fn other_list(written: &Config, one: &Config, other: &Config) -> Option<(Option<Position>, String)> {
    let (ours, theirs) = (lists(one), lists(other));
    let ((place, ours), (_, theirs)) = ours.into_iter().zip(theirs).find(|(one, other)| one != other)?;
    let written = lists(written).into_iter().filter(|(other, _)| *other == place);
    let position = written.flat_map(|(_, list)| list.elements).find_map(|element| element.position);
    Some((position, format!("{place}: '{ours}' would be '{theirs}'")))
}

/// The first line that differs where everything is written out, and the fields that it is in.
fn other_line(one: &Config, other: &Config) -> String {
    let (one, other) = (format!("{one:#?}"), format!("{other:#?}"));
    let differing = one.lines().zip(other.lines()).position(|(one, other)| one != other);
    let Some(at) = differing else { return "of secrets".to_owned() };
    let line = |text: &str| text.lines().nth(at).unwrap_or_default().trim().to_owned();
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut path: Vec<&str> = Vec::new();
    let mut inner = usize::MAX;
    for line in one.lines().take(at + 1).collect::<Vec<_>>().into_iter().rev().filter(|line| !line.trim().is_empty()) {
        if depth(line) < inner {
            inner = depth(line);
            path.extend(line.trim().split_once(": ").map(|(field, _)| field));
        }
    }
    path.reverse();
    format!("{}: '{}' would be '{}'", path.join("."), line(&one), line(&other))
}

/// Without places, and without what cannot match anything: keys that there are not.
fn comparable(config: &Config) -> Config {
    let names: Vec<Name> = config.keys.iter().map(|key| key.name.clone()).collect();
    let mut config = config.without_positions();
    config.for_each_match_list(&mut |_, list| drop_unknown_keys(list, &names));
    for zone in config.views.iter_mut().flat_map(|view| &mut view.zones) {
        zone.grants = zone.grants.iter().filter_map(|grant| zone::settled(grant, &zone.name, &names)).collect();
    }
    config
}

fn drop_unknown_keys(list: &mut MatchList, known: &[Name]) {
    list.elements.retain(|element| !matches!(&element.what, Match::Key(name) if !known.contains(name)));
    for element in &mut list.elements {
        match &mut element.what {
            Match::List(inner) => drop_unknown_keys(inner, known),
            Match::Acl(acl) => {
                let mut list = acl.list.clone();
                drop_unknown_keys(&mut list, known);
                *acl = Arc::new(NamedAcl { name: acl.name.clone(), list });
            }
            _ => {}
        }
    }
}

struct Converter<'d> {
    document: &'d Document,
    config: &'d Config,
    /// What the options say about all views.
    template: View,
    /// `options { port }`
    port: u16,
    keys: Vec<Name>,
    comments: Comments,
    /// Those that no table stands for yet.
    statistics: &'d [StatisticsChannel],
    tables: Vec<(Rank, Table)>,
}

impl<'d> Converter<'d> {
    fn new(document: &'d Document, config: &'d Config) -> Self {
        let top = &document.top;
        let port = match options(top).and_then(|options| options.find("port")).map(|port| &port.value) {
            Some(Value::Number(port)) => u16::try_from(*port).unwrap_or(DNS_PORT),
            _ => DNS_PORT,
        };
        let keys = config.keys.iter().map(|key| key.name.clone()).collect();
        let comments = Comments::new(top, &document.trivia);
        let mut converter = Self {
            document,
            config,
            template: View::default(),
            port,
            keys,
            comments,
            statistics: &config.statistics_channels,
            tables: Vec::new(),
        };
        converter.template = converter.template();
        converter
    }

    /// The view that the options alone describe: without views, that is the one there is.
    fn template(&self) -> View {
        if self.document.top.find("view").is_none() {
            return self.config.views.first().cloned().unwrap_or_default();
        }
        let text = print_some(&self.document.top, Secrets::Shown, &["acl", "key", "options", "server"]);
        let read = super::parse(&text, "options", &crate::config::files::NoFiles);
        read.ok().and_then(|loaded| loaded.config.views.into_iter().next()).unwrap_or_default()
    }

    fn lines(mut self) -> Vec<Line> {
        let top = &self.document.top;
        let mut file = None;
        for setting in &top.settings {
            let count = self.tables.len();
            self.top_statement(setting);
            if file.as_ref().is_some_and(|file| *file != setting.position.file)
                && let Some((_, table)) = self.tables.get_mut(count)
            {
                table.above.insert(0, from_file(&setting.position));
            }
            file = Some(setting.position.file.clone());
        }
        if options(top).is_none() {
            let lines = self.options_lines(&Body::default());
            if !lines.is_empty() {
                self.push(Rank::Options, Vec::new(), "[options]", lines);
            }
        }
        self.keys_of_views();
        if top.find("controls").is_none() {
            let tables = channels::controls(&self.config.controls, (None, &self.keys), &mut self.comments);
            self.tables.extend(tables.into_iter().map(|table| (Rank::Control, table)));
        }
        self.assemble()
    }

    fn top_statement(&mut self, setting: &Setting) {
        let name = setting.row.name;
        match (name, &setting.value) {
            ("options", Value::Body(body)) => {
                let found = self.comments.take(setting);
                let mut above = notes(&found.before);
                above.extend(notes(&found.inner));
                above.extend(notes(&found.behind));
                let lines = self.options_lines(body);
                self.push(Rank::Options, above, "[options]", lines);
            }
            ("acl", Value::Acl { name, list }) => {
                let found = self.comments.take(setting);
                let lines = keyed(&text::key(name), &text::elements(list, &self.keys), &found, Some(&setting.position));
                self.push(Rank::Acl, Vec::new(), "[acl]", lines);
            }
            ("key", Value::Named { name, body, .. }) => self.key(setting, (name, None), body),
            ("logging", Value::Body(body)) => {
                let found = self.comments.take(setting);
                let mut above = notes(&found.before);
                above.extend(notes(&found.inner));
                above.extend(notes(&found.behind));
                let mut tables = logging::tables(body, &self.config.logging, &mut self.comments);
                if let Some(first) = tables.first_mut() {
                    first.above.splice(0..0, above);
                }
                self.tables.extend(tables.into_iter().map(|table| (Rank::Logging, table)));
            }
            ("controls", Value::Body(body)) => {
                let tables = channels::controls(&self.config.controls, (Some(body), &self.keys), &mut self.comments);
                self.channels(Rank::Control, setting, tables);
            }
            ("statistics-channels", Value::Body(body)) => {
                let tables = channels::statistics(&mut self.statistics, (body, &self.keys), &mut self.comments);
                self.channels(Rank::Statistics, setting, tables);
            }
            ("server", Value::Server { body, .. }) => self.server(setting, body),
            ("view", Value::Named { name, body, .. }) => self.view(setting, name, body),
            ("zone", Value::Named { body, .. }) => {
                let view = self.config.views.first().cloned().unwrap_or_default();
                self.zone(setting, body, &view, "");
            }
            _ => self.other(setting),
        }
    }

    /// Tables of a statement, with its comments above the first.
    fn channels(&mut self, rank: Rank, setting: &Setting, mut tables: Vec<Table>) {
        let found = self.comments.take(setting);
        let above: Vec<_> =
            [&found.before, &found.inner, &found.behind].into_iter().flat_map(|group| notes(group)).collect();
        match tables.first_mut() {
            Some(first) => {
                first.above.splice(0..0, above);
            }
            None if above.is_empty() => {}
            None => tables.push(Table { above, header: String::new(), lines: Vec::new() }),
        }
        self.tables.extend(tables.into_iter().map(|table| (rank, table)));
    }

    fn push(&mut self, rank: Rank, above: Vec<Line>, header: &str, lines: Vec<Line>) {
        self.tables.push((rank, Table { above, header: header.to_owned(), lines }));
    }

    fn options_lines(&mut self, body: &Body) -> Vec<Line> {
        let is_own = self.document.top.find("view").is_none();
        let (default, usual) = (Config::default(), View::default());
        let (config, template, port) = (self.config, self.template.clone(), self.port);
        let names = self.keys.clone();
        let listeners = |name: &str| self::listeners(body, name, port, &names);
        let section = Section {
            body,
            elsewhere: &[],
            silent: &[],
            keys: &[&["port", "listen_on", "listen_on_v6"], keys::OF_SERVER, keys::OF_VIEWS, keys::OF_RULES],
            values: &|key| match key {
                "port" => (port != DNS_PORT).then(|| Text::Plain(port.to_string())),
                "listen_on" => listeners("listen-on"),
                "listen_on_v6" => listeners("listen-on-v6"),
                _ => value(key, config, &template, port),
            },
            // Without options of their own, views say it.
            usual: &|key| match key {
                "port" | "listen_on" | "listen_on_v6" => None,
                _ if is_own => value(key, &default, &usual, port),
                _ => value(key, config, &template, port),
            },
            names: &names,
            row: &|setting| setting.row,
        };
        section.lines(&mut self.comments)
    }

    fn key(&mut self, setting: &Setting, (name, view): (&str, Option<&str>), body: &Body) {
        let found = self.comments.take(setting);
        let mut above = notes(&found.before);
        above.extend(notes(&found.inner));
        let head = comments::Notes { behind: found.behind, ..Default::default() };
        let mut lines = keyed("name", &Text::string(name), &head, Some(&setting.position));
        if let Some(view) = view {
            lines.extend(keyed("view", &Text::string(view), &comments::Notes::default(), None));
        }
        for own in &body.settings {
            let found = self.comments.take(own);
            if let Value::Text(text) = &own.value {
                let text = if own.row.name == "algorithm" { self.algorithm(setting, text) } else { text.clone() };
                lines.extend(keyed(own.row.name, &Text::string(&text), &found, Some(&own.position)));
            }
        }
        lines.extend(notes(&self.comments.take_end(body)));
        self.push(Rank::Key, above, "[[key]]", lines);
    }

    /// Its name in one spelling.
    fn algorithm(&self, key: &Setting, written: &str) -> String {
        let own = self.config.keys.iter().find(|own| own.position.as_ref() == Some(&key.position));
        own.map_or_else(|| written.to_owned(), |own| own.algorithm.name().to_owned())
    }

    /// The keys of views come behind the server's, and say where they belong.
    fn keys_of_views(&mut self) {
        let top = &self.document.top;
        for view in top.all("view") {
            let Value::Named { name: of, class, body } = &view.value else { continue };
            if !super::lower::is_class_in(class.as_ref()) {
                continue;
            }
            for setting in body.all("key") {
                if let Value::Named { name, body, .. } = &setting.value {
                    self.key(setting, (name, Some(of)), body);
                }
            }
        }
    }

    /// What is said of an address stands with the forwarders that have it, and in `peer_udp_size`.
    fn server(&mut self, setting: &Setting, body: &Body) {
        let lines = server_notes(setting, body, &mut self.comments);
        self.push(Rank::Server, lines, "", Vec::new());
    }

    fn view(&mut self, setting: &Setting, name: &str, body: &Body) {
        let is_in = matches!(&setting.value, Value::Named { class, .. } if super::lower::is_class_in(class.as_ref()));
        let Some(view) = self.config.views.iter().find(|view| view.name == name && is_in) else {
            return self.other(setting);
        };
        let found = self.comments.take(setting);
        let mut above = notes(&found.before);
        above.extend(notes(&found.inner));
        let head = comments::Notes { behind: found.behind, ..Default::default() };
        let mut lines = keyed("name", &Text::string(name), &head, Some(&setting.position));
        for server in body.all("server") {
            if let Some(body) = block(&server.value) {
                lines.extend(server_notes(server, body, &mut self.comments));
            }
        }
        let (config, template, port) = (self.config, self.template.clone(), self.port);
        let names = self.keys.clone();
        let section = Section {
            body,
            elsewhere: TABLES,
            silent: &[],
            keys: &[keys::OF_VIEWS, keys::OF_RULES],
            values: &|key| value(key, config, view, port),
            usual: &|key| value(key, config, &template, port),
            names: &names,
            row: &|setting| grammar::find(setting.row.name, grammar::VIEW).unwrap_or(setting.row),
        };
        lines.extend(section.lines(&mut self.comments));
        self.push(Rank::View, above, "[[view]]", lines);
        for setting in body.all("zone") {
            if let Some(body) = block(&setting.value) {
                self.zone(setting, body, view, "view.");
            }
        }
    }

    fn zone(&mut self, setting: &Setting, body: &Body, view: &View, prefix: &str) {
        let scope = zone::Scope { prefix, view, port: self.port, keys: &self.keys };
        let mut rank = if prefix.is_empty() { Rank::Other } else { Rank::View };
        for table in scope.tables(setting, body, &mut self.comments) {
            rank = match (prefix, table.header.as_str()) {
                ("", "[[forward]]") => Rank::Forward,
                ("", "[[zone]]") => Rank::Zone,
                _ => rank,
            };
            self.tables.push((rank, table));
        }
    }

    /// What has no table.
    fn other(&mut self, setting: &Setting) {
        let row: &Row = setting.row;
        let found = self.comments.take(setting);
        let why = why_not(setting, row).unwrap_or(Absent::NotConverted("TOML has no table for it"));
        let mut above = passed_over(setting, &why, found);
        above.extend(block(&setting.value).into_iter().flat_map(|body| notes_within(body, &mut self.comments)));
        self.push(Rank::Other, above, "", Vec::new());
    }

    /// Tables in their order, an empty line between.
    fn assemble(self) -> Vec<Line> {
        let mut lines = notes(&self.comments.header);
        let mut tables = self.tables;
        // A file without any table would be neither format.
        if tables.iter().all(|(_, table)| table.header.is_empty()) {
            let header = "[options]".to_owned();
            tables.insert(0, (Rank::Options, Table { above: Vec::new(), header, lines: Vec::new() }));
        }
        tables.sort_by_key(|(rank, _)| *rank);
        let mut header = String::new();
        for (_, table) in tables {
            let goes_on = table.header == header && !header.starts_with("[[") && table.above.is_empty();
            let is_empty = table.above.is_empty() && table.lines.is_empty() && table.header.is_empty();
            if !goes_on && !is_empty && !lines.is_empty() {
                lines.push(Line { text: String::new(), origin: None });
            }
            lines.extend(table.above);
            if !table.header.is_empty() && !goes_on {
                lines.push(Line { text: table.header.clone(), origin: None });
            }
            if !table.header.is_empty() {
                header = table.header;
            }
            lines.extend(table.lines);
        }
        let footer = notes(&self.comments.footer);
        if !footer.is_empty() {
            lines.push(Line { text: String::new(), origin: None });
            lines.extend(footer);
        }
        lines
    }
}

/// All comments of a block that is not converted.
fn notes_within(body: &Body, comments: &mut Comments) -> Vec<Line> {
    let mut lines = Vec::new();
    for setting in &body.settings {
        let found = comments.take(setting);
        [&found.before, &found.inner, &found.behind].iter().for_each(|group| lines.extend(notes(group)));
        lines.extend(block(&setting.value).into_iter().flat_map(|body| notes_within(body, comments)));
    }
    lines.extend(notes(&comments.take_end(body)));
    lines
}

/// A `server` statement as comments, and what of it is not honoured.
fn server_notes(setting: &Setting, body: &Body, comments: &mut Comments) -> Vec<Line> {
    let found = comments.take(setting);
    let mut lines = passed_over(setting, &Absent::Moved("it stands with the forwarders that it is about"), found);
    for own in &body.settings {
        let found = comments.take(own);
        match why_not(own, own.row) {
            Some(why) => lines.extend(passed_over(own, &why, found)),
            None => [&found.before, &found.inner, &found.behind].iter().for_each(|group| lines.extend(notes(group))),
        }
    }
    lines.extend(notes(&comments.take_end(body)));
    lines
}

/// The value of a key of the options or a view.
fn value(key: &str, config: &Config, view: &View, port: u16) -> Option<Text> {
    keys::of_server(key, config)
        .or_else(|| keys::of_view(key, view))
        .or_else(|| keys::of_rule(key, &view.forward, port))
}

fn options(top: &Body) -> Option<&Body> {
    top.find("options").and_then(|options| block(&options.value))
}

/// All `listen-on` statements as one value: a match list if there is one for the usual port, else tables.
fn listeners(body: &Body, name: &str, port: u16, names: &[Name]) -> Option<Text> {
    let written = |setting: &'_ Setting| match &setting.value {
        Value::Listen { port: own, list } => Some((
            own.and_then(|own| u16::try_from(own).ok()).unwrap_or(port),
            text::elements(list, names),
            setting.position.clone(),
        )),
        _ => None,
    };
    let all: Vec<_> = body.all(name).filter_map(written).collect();
    match &all[..] {
        [] => None,
        [(own, list, _)] if *own == port => Some(list.clone()),
        _ => Some(Text::Array(
            all.iter()
                .map(|(own, list, at)| (format!("{{ port = {own}, addresses = {} }}", list.inline()), Some(at.clone())))
                .collect(),
        )),
    }
}

#[cfg(test)]
mod property;
#[cfg(test)]
mod tests;
