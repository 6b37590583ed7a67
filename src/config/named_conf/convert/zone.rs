//! Zones as tables: `[[forward]]`, `[[zone]]` and `[[zone.grant]]`.

use super::comments::{Comments, Notes};
use super::section::{Absent, Section, passed_over};
use super::text::{self, Line, Text, keyed, notes};
use super::{Table, keys, notes_within};
use crate::config::named_conf::body::{Body, Setting};
use crate::config::named_conf::grammar::{self, Places, Row};
use crate::config::named_conf::value::Value;
use crate::config::{
    ForwardRule, ForwardSettings, Grant, GrantedNames, GrantedTypes, Grantee, LocalZone, NamePattern, Position,
    SharedZone, View, ZoneStatistics,
};
use crate::wire::Name;
use crate::wire::mnemonic::type_name;

/// Where the tables of a view are.
pub(super) struct Scope<'s> {
    /// Empty, or `view.`
    pub(super) prefix: &'s str,
    pub(super) view: &'s View,
    /// Of forwarders that name none.
    pub(super) port: u16,
    pub(super) keys: &'s [Name],
}

impl Scope<'_> {
    /// The tables of a `zone` statement.
    pub(super) fn tables(&self, setting: &Setting, body: &Body, comments: &mut Comments) -> Vec<Table> {
        let found = comments.take(setting);
        let at = |position: &Option<Position>| position.as_ref() == Some(&setting.position);
        if let Some(rule) = self.view.rules.iter().find(|rule| at(&rule.position)) {
            return vec![self.rule(rule, setting, body, found, comments)];
        }
        if let Some(zone) = self.view.zones.iter().find(|zone| at(&zone.position)) {
            return self.local(zone, setting, body, found, comments);
        }
        if let Some(shared) = self.view.shared_zones.iter().find(|zone| at(&zone.position)) {
            return vec![self.shared(shared, setting, body, found, comments)];
        }
        let is_hint = body.find("in-view").is_some()
            || matches!(body.find("type").map(|kind| &kind.value), Some(Value::Word("hint")));
        let why = match is_hint {
            true => Absent::NotConverted("no root server is ever asked"),
            false => Absent::Moved("its forwarders are those of the view"),
        };
        let mut above = passed_over(setting, &why, found);
        above.extend(notes_within(body, comments));
        vec![Table { above, header: String::new(), lines: Vec::new() }]
    }

    fn shared(
        &self,
        zone: &SharedZone,
        setting: &Setting,
        body: &Body,
        found: Notes,
        comments: &mut Comments,
    ) -> Table {
        let section = Section {
            body,
            elsewhere: &[],
            silent: &["forwarders"],
            keys: &[&["in_view", "forward_delegations"]],
            values: &|key| match key {
                "in_view" => Some(Text::string(&zone.view)),
                "forward_delegations" => (!zone.forward_delegations).then(|| Text::Plain("false".to_owned())),
                _ => None,
            },
            usual: &|_| None,
            names: self.keys,
            row: &|setting| row_in(setting, grammar::PRIMARY),
        };
        let mut table = named(format!("[[{}zone]]", self.prefix), setting, &zone.name, found);
        table.lines.extend(section.lines(comments));
        table
    }

    fn rule(&self, rule: &ForwardRule, setting: &Setting, body: &Body, found: Notes, comments: &mut Comments) -> Table {
        let usual = ForwardSettings { forwarders: Vec::new(), trust_ad: false, ..self.view.forward.clone() };
        let is_forward = matches!(body.find("type").map(|kind| &kind.value), Some(Value::Word("forward")));
        let place = if is_forward { grammar::FORWARD } else { grammar::PRIMARY };
        let section = Section {
            body,
            elsewhere: &[],
            silent: if is_forward { &["type"] } else { OF_PRIMARIES },
            keys: &[keys::OF_RULES],
            values: &|key| keys::of_rule(key, &rule.settings, self.port),
            // Forwarders are always written, be it that there are none.
            usual: &|key| if key == "forwarders" { None } else { keys::of_rule(key, &usual, self.port) },
            names: self.keys,
            row: &|setting| row_in(setting, place),
        };
        let mut table = named(format!("[[{}forward]]", self.prefix), setting, &rule.name, found);
        if !is_forward {
            table.above.push(comment("# The file of this zone is not on this host: its names are not forwarded."));
        }
        table.lines.extend(section.lines(comments));
        table
    }

    fn local(
        &self,
        zone: &LocalZone,
        setting: &Setting,
        body: &Body,
        found: Notes,
        comments: &mut Comments,
    ) -> Vec<Table> {
        let written = |name| match body.find(name).map(|setting| &setting.value) {
            Some(Value::Text(path)) => Some(Text::string(path)),
            _ => None,
        };
        let values = |key: &str| match key {
            "file" => written("file"),
            "journal" => written("journal"),
            "max_journal_size" => zone.settings.max_journal_octets.map(|octets| match octets {
                u64::MAX => Text::string("unlimited"),
                octets => Text::Plain(text::size(octets)),
            }),
            "forward_delegations" => (!zone.settings.forward_delegations).then(|| Text::Plain("false".to_owned())),
            "zone_statistics" => {
                let statistics = zone.settings.statistics;
                (statistics != ZoneStatistics::default()).then(|| Text::string(statistics.word()))
            }
            _ => None,
        };
        let of_grants = ["update-policy", "allow-update"];
        let section = Section {
            body,
            elsewhere: &["update-policy", "allow-update", "max-journal-size", "zone-statistics"],
            silent: &["type", "forwarders"],
            keys: &[&["file", "journal", "max_journal_size", "forward_delegations", "zone_statistics"]],
            values: &values,
            usual: &|_| None,
            names: self.keys,
            row: &|setting| row_in(setting, grammar::PRIMARY),
        };
        let mut table = named(format!("[[{}zone]]", self.prefix), setting, &zone.name, found);
        for inherited in ["max-journal-size", "zone-statistics"].iter().filter_map(|name| body.find(name)) {
            let found = comments.take(inherited);
            table.lines.extend(notes(&found.before));
            table.lines.extend(notes(&found.behind));
        }
        let mut of_policy = Notes::default();
        for setting in body.settings.iter().filter(|setting| of_grants.contains(&setting.row.name)) {
            let found = comments.take(setting);
            of_policy.before.extend(found.before);
            of_policy.inner.extend(found.inner);
            of_policy.behind.extend(found.behind);
        }
        table.lines.extend(section.lines(comments));
        let mut tables = vec![table];
        tables.extend(self.grants(zone, of_policy));
        tables
    }

    /// Those that can match anything; comments within the policy stand before the grant that they stood before.
    fn grants(&self, zone: &LocalZone, found: Notes) -> Vec<Table> {
        let mut tables: Vec<Table> = Vec::new();
        let mut inner = found.inner.into_iter().peekable();
        let mut before = notes(&found.before);
        for grant in &zone.grants {
            let after = |at: &Position| {
                grant.position.as_ref().is_some_and(|position| {
                    position.file == at.file && (at.line, at.column) < (position.line, position.column)
                })
            };
            while let Some(comment) = inner.next_if(|comment| after(&comment.position)) {
                before.extend(notes(&[comment]));
            }
            let above = std::mem::take(&mut before);
            match settled(grant, &zone.name, self.keys) {
                Some(grant) => {
                    let header = format!("[[{}zone.grant]]", self.prefix);
                    tables.push(Table { above, header, lines: self.grant(&grant) });
                }
                None => {
                    before = above;
                    before.push(comment("# Not converted: a rule of the update-policy that nothing can match"));
                }
            }
        }
        before.extend(inner.flat_map(|comment| notes(&[comment])));
        before.extend(notes(&found.behind));
        if !before.is_empty() {
            tables.push(Table { above: before, header: String::new(), lines: Vec::new() });
        }
        tables
    }

    fn grant(&self, grant: &Grant) -> Vec<Line> {
        let mut keys = Vec::new();
        if grant.deny {
            keys.push(("deny", Text::Plain("true".to_owned())));
        }
        keys.push(match &grant.who {
            Grantee::Key(name) => ("key", Text::string(&name.to_string())),
            Grantee::Clients(list) => ("clients", text::match_list(list)),
        });
        match &grant.names {
            GrantedNames::Zone => {}
            GrantedNames::Own => keys.push(("match", Text::string("self"))),
            GrantedNames::OwnAndBelow => keys.push(("match", Text::string("selfsub"))),
            GrantedNames::These(patterns) => {
                for pattern in patterns {
                    let (word, name) = match pattern {
                        NamePattern::Exactly(name) => ("name", name.to_string()),
                        NamePattern::Within(name) => ("subdomain", name.to_string()),
                        NamePattern::Below(name) => ("wildcard", format!("*.{name}")),
                    };
                    keys.push(("match", Text::string(word)));
                    keys.push(("names", Text::Array(vec![(text::string(&name), None)])));
                }
            }
        }
        match &grant.types {
            GrantedTypes::Ordinary => {}
            GrantedTypes::All => keys.push(("types", Text::Array(vec![("\"ANY\"".to_owned(), None)]))),
            GrantedTypes::These(types) => {
                let one = |rtype: &u16| (text::string(&type_name(*rtype).to_string()), None);
                keys.push(("types", Text::Array(types.iter().map(one).collect())));
            }
        }
        let origin = grant.position.as_ref();
        keys.iter().flat_map(|(key, value)| keyed(key, value, &Notes::default(), origin)).collect()
    }
}

/// What is not to be said of a zone whose file is not there.
const OF_PRIMARIES: &[&str] = &[
    "allow-query",
    "allow-query-on",
    "allow-update",
    "file",
    "in-view",
    "journal",
    "max-journal-size",
    "type",
    "update-policy",
    "zone-statistics",
];
/// They follow from what else a signed zone holds, and are never granted.
const NEVER: [u16; 2] = [47, 50];

/// A grant without what cannot match: a key that there is not, a name of another zone, a type that is never granted.
pub(super) fn settled(grant: &Grant, apex: &Name, keys: &[Name]) -> Option<Grant> {
    if let Grantee::Key(name) = &grant.who
        && name.labels().next() != Some(b"*")
        && !keys.contains(name)
    {
        return None;
    }
    let mut grant = grant.clone();
    if let GrantedNames::These(patterns) = &mut grant.names {
        patterns.retain(|pattern| match pattern {
            NamePattern::Exactly(name) | NamePattern::Within(name) | NamePattern::Below(name) => name.is_within(apex),
        });
        if patterns.is_empty() {
            return None;
        }
    }
    if let GrantedTypes::These(types) = &mut grant.types {
        types.retain(|rtype| !NEVER.contains(rtype));
        if types.is_empty() {
            return None;
        }
    }
    Some(grant)
}

fn comment(text: &str) -> Line {
    Line { text: text.to_owned(), origin: None }
}

/// The row of a statement in a zone of this kind.
fn row_in(setting: &Setting, place: Places) -> &'static Row {
    grammar::find(setting.row.name, place).unwrap_or(setting.row)
}

/// A table whose first key is the name.
fn named(header: String, setting: &Setting, name: &Name, found: Notes) -> Table {
    let mut above = notes(&found.before);
    above.extend(notes(&found.inner));
    let head = Notes { behind: found.behind, ..Notes::default() };
    let name = Text::string(&name.to_string());
    Table { above, header, lines: keyed("name", &name, &head, Some(&setting.position)) }
}
