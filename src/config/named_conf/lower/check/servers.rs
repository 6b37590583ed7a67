//! Lists of servers: those that have a name, who names them, and the `server` clauses.

use std::collections::{HashMap, HashSet};

use super::{parts, words};
use crate::config::named_conf::body::{Body, Setting};
use crate::config::named_conf::checked::{Part, is_address};
use crate::config::named_conf::lexer::Token;
use crate::config::named_conf::lower::Context;
use crate::config::named_conf::lower::view::Scope;
use crate::config::named_conf::lower::zone::Zone;
use crate::config::named_conf::report::{Problem, Report};
use crate::config::named_conf::value::Value;
use crate::config::values::excerpt;
use crate::config::{Position, suggest};
use crate::wire::Name;

/// Statements that name a list at the top level, the one that counts first in front.
const LISTS: &[&[&str]] = &[&["primaries", "masters", "remote-servers"], &["parental-agents"]];

/// The lists of servers by kind and name.
#[derive(Default)]
pub(in crate::config::named_conf::lower) struct ServerLists<'a> {
    defined: HashMap<(&'static str, String), &'a [Part]>,
    /// Lists that have been looked at, by kind and by where they stand in memory.
    checked: HashSet<(&'static str, *const Part)>,
}

impl<'a> ServerLists<'a> {
    pub(in crate::config::named_conf::lower) fn of(top: &'a Body) -> Self {
        let mut defined = HashMap::new();
        for names in LISTS {
            for (_, parts) in names.iter().flat_map(|name| parts(top, name)) {
                if let Some(name) = name_of(parts) {
                    defined.entry((names[0], name)).or_insert(parts);
                }
            }
        }
        Self { defined, checked: HashSet::new() }
    }

    /// Reports the lists that are named and nowhere defined, those within lists too. Each list is looked at once, however
    /// many zones name it: what is wrong in it is told once.
    fn check(&mut self, kind: &'static str, parts: &[Part], report: &mut Report) {
        if !self.checked.insert((kind, parts.as_ptr())) {
            return;
        }
        for item in parts.iter().filter_map(Part::item) {
            let Some(token) = item.first().and_then(Part::word) else { continue };
            if is_address(&token.text) {
                continue;
            }
            match self.defined.get(&(kind, token.text.to_ascii_lowercase())).copied() {
                Some(inner) => self.check(kind, inner, report),
                None => report.problem(self.undefined(kind, token, report)),
            }
        }
    }

    fn undefined(&self, kind: &str, token: &Token, report: &Report) -> Problem {
        let name = &token.text;
        let problem = Problem::new(token.position.clone(), format!("unable to find {kind} list '{}'", excerpt(name)));
        if report.is_full() {
            return problem;
        }
        let known = self.defined.keys().filter(|(of, _)| *of == kind).map(|(_, name)| name.as_str());
        match suggest::did_you_mean(name, known) {
            Some(hint) => problem.with_hint(hint),
            None => problem.with_hint(format!("define it: {kind} \"{}\" {{ … }};", excerpt(name))),
        }
    }
}

fn name_of(parts: &[Part]) -> Option<String> {
    Some(parts.first()?.word()?.text.to_ascii_lowercase())
}

/// A name stands for one list of its kind.
pub(super) fn check_duplicates(top: &Body, report: &mut Report) {
    for names in LISTS {
        let mut seen: HashMap<String, &Position> = HashMap::new();
        for (setting, parts) in names.iter().flat_map(|name| parts(top, name)) {
            let Some(written) = parts.first().and_then(Part::word) else { continue };
            match seen.get(&written.text.to_ascii_lowercase()) {
                Some(earlier) => {
                    let (kind, name) = (setting.row.name, &written.text);
                    let message = format!("{kind} list '{name}' is duplicated: also defined at {earlier}");
                    report.error(&written.position, message);
                }
                None => {
                    seen.insert(written.text.to_ascii_lowercase(), &written.position);
                }
            }
        }
    }
}

/// The lists that a zone of type primary names, or that it inherits.
pub(in crate::config::named_conf::lower) fn lists_of_zone(context: &mut Context<'_>, scope: Scope<'_, '_>) {
    let find = |name: &str| scope.iter().find_map(|body| body.find(name));
    for (name, kind) in [("also-notify", "primaries"), ("parental-agents", "parental-agents")] {
        if let Some(Setting { value: Value::Checked(parts), .. }) = find(name) {
            context.server_lists.check(kind, parts, &mut context.report);
        }
    }
    for name in ["allow-transfer", "allow-notify", "allow-update-forwarding"] {
        match find(name).map(|setting| &setting.value) {
            Some(Value::MatchList(elements)) => context.acls.check_names(elements, &mut context.report),
            Some(Value::Checked(parts)) => check_transfer(context, parts),
            _ => {}
        }
    }
}

/// What named asks of a zone of a type that is not served here, so that its message comes first.
pub(in crate::config::named_conf::lower) fn unserved_zone(context: &mut Context<'_>, zone: &Zone<'_>, kind: &str) {
    let (name, at) = (zone.written, &zone.setting.position);
    match kind {
        "redirect" if !zone.name.is_root() => context.report.error(at, "redirect zones must be called \".\""),
        "mirror" if zone.name.is_root() => {}
        "secondary" | "slave" | "stub" | "mirror" => check_primaries(context, zone),
        "static-stub" => {
            for token in parts(zone.body, "server-names").flat_map(|(_, parts)| words(parts)) {
                let message = match token.text.parse::<Name>() {
                    Err(_) => format!("server-name '{}' is not a valid name", excerpt(&token.text)),
                    Ok(server) if server.is_within(&zone.name) => {
                        format!("server-name '{}' must not be a subdomain of zone name '{name}'", excerpt(&token.text))
                    }
                    Ok(_) => continue,
                };
                context.report.error(at, message);
            }
        }
        _ => {}
    }
}

fn check_primaries(context: &mut Context<'_>, zone: &Zone<'_>) {
    let (new, old) = (zone.body.find("primaries"), zone.body.find("masters"));
    let (name, at) = (zone.written, &zone.setting.position);
    if let (Some(new), Some(_)) = (new, old) {
        let message = "'primaries' and 'masters' cannot both be used in the same zone";
        return context.report.error(&new.value_position, message);
    }
    match new.or(old).map(|setting| &setting.value) {
        Some(Value::Checked(parts)) if parts.is_empty() => {
            context.report.error(at, format!("zone '{name}': empty 'primaries' entry"));
        }
        Some(Value::Checked(parts)) => {
            context.server_lists.check("primaries", parts, &mut context.report);
        }
        Some(_) => {}
        None => context.report.error(at, format!("zone '{name}': missing 'primaries' entry")),
    }
}

/// `allow-transfer [port N] [transport WORD] { … }`
fn check_transfer(context: &mut Context<'_>, parts: &[Part]) {
    let mut keyword = "";
    for part in parts {
        match part {
            Part::Number(port, at) if *port > 65_535 => {
                context.report.error(at, format!("port value '{port}' is out of range"));
            }
            Part::Word(token) if keyword == "transport" && !["tcp", "tls"].contains(&token.text.as_str()) => {
                let message = format!(
                    "'{}' is not a valid transport protocol for zone transfers. Please specify either 'tcp' or 'tls'",
                    excerpt(&token.text)
                );
                context.report.error(&token.position, message);
            }
            Part::Word(token) => keyword = &token.text,
            Part::Matches(elements) => context.acls.check_names(elements, &mut context.report),
            Part::Number(..) | Part::Item(_) => {}
        }
    }
}

/// Each prefix has one `server` clause, and sources of its family alone.
pub(super) fn check_clauses(body: &Body, report: &mut Report) {
    const SOURCES: &[(&str, bool)] = &[
        ("notify-source", false),
        ("notify-source-v6", true),
        ("transfer-source", false),
        ("transfer-source-v6", true),
    ];
    let mut seen = HashMap::new();
    for setting in body.all("server") {
        let Value::Server { prefix, body } = &setting.value else { continue };
        if let Some(earlier) = seen.get(prefix) {
            let message = format!("server '{prefix}': already exists previous definition: {earlier}");
            report.error(&setting.position, message);
            continue;
        }
        seen.insert(*prefix, &setting.position);
        for (name, is_v6) in SOURCES {
            if body.find(name).is_some() && *is_v6 != prefix.addr().is_ipv6() {
                report.error(&setting.position, format!("server '{prefix}': {name} not legal"));
            }
        }
    }
}
