//! Zones: those of type forward become rules, the stock local ones are kept from being forwarded, others are refused.

use std::collections::HashMap;

use super::Context;
use super::view::{Scope, Server, settings};
use crate::config::named_conf::body::{Body, Setting};
use crate::config::named_conf::grammar::{self, Places};
use crate::config::named_conf::report::Problem;
use crate::config::named_conf::value::Value;
use crate::config::values::excerpt;
use crate::config::{ForwardRule, ForwardSettings, Position};
use crate::wire::Name;

/// Zones that come with Debian's and RHEL's packages: localhost, loopback, "this" network, broadcast (RFC 1912 §4.1).
const STOCK_ZONES: &[&str] = &[
    "localhost",
    "localhost.localdomain",
    "127.in-addr.arpa",
    "1.0.0.127.in-addr.arpa",
    "0.in-addr.arpa",
    "255.in-addr.arpa",
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
    "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
];

/// The empty zone files of the packages, which Debian's zones.rfc1918 uses as well.
const EMPTY_FILES: &[&str] = &["db.empty", "named.empty"];

/// The rules of a view, and whether a root zone has `forwarders`; those become the view's own.
pub(super) fn lower<'a>(
    context: &mut Context<'a>,
    zones: &'a Body,
    scope: Scope<'_, 'a>,
    servers: &[Server],
    forward: &mut ForwardSettings,
) -> (Vec<ForwardRule>, bool) {
    let mut rules = Vec::new();
    let mut has_root = false;
    let mut seen: HashMap<Name, &Position> = HashMap::new();
    for setting in zones.all("zone") {
        let Value::Named { name: written, class, body } = &setting.value else { continue };
        let Some(name) = parse_name(context, written, setting) else { continue };
        if let Some(earlier) = seen.get(&name) {
            let message = format!("zone '{name}': already exists previous definition: {earlier}");
            context.report.error(&setting.position, message);
            continue;
        }
        seen.insert(name.clone(), &setting.position);
        if let Some(class) = class.as_ref().filter(|class| !class.text.eq_ignore_ascii_case("in")) {
            context.report.error(&class.position, class_message(written, &class.text));
            continue;
        }
        let zone = Zone { written, name, body, setting };
        match zone.kind(context) {
            Some("forward") if zone.name.is_root() => {
                has_root = true;
                root(context, &zone, scope, servers, forward);
            }
            Some("forward") => rules.push(zone.forward(context, scope, servers)),
            Some("hint") => zone.hint(context),
            Some("primary" | "master") => rules.extend(zone.primary(context)),
            Some(other) => zone.refuse(context, other),
            None => {}
        }
    }
    (rules, has_root)
}

fn parse_name(context: &mut Context<'_>, written: &str, setting: &Setting) -> Option<Name> {
    match written.parse() {
        Ok(name) => Some(name),
        Err(error) => {
            let message = format!("zone '{written}': is not a valid name");
            let problem = Problem::new(setting.position.clone(), message);
            context.report.problem(problem.with_hint(error.to_string()));
            None
        }
    }
}

fn class_message(zone: &str, class: &str) -> String {
    match ["ch", "chaos", "hs", "hesiod"].iter().any(|word| class.eq_ignore_ascii_case(word)) {
        true => format!("zone '{zone}': class '{class}' does not match view/default class"),
        false => format!("zone '{zone}': invalid class {}", excerpt(class)),
    }
}

/// `zone "." { type forward; … }` is the view's `forwarders` under another name.
fn root(
    context: &mut Context<'_>,
    zone: &Zone<'_>,
    scope: Scope<'_, '_>,
    servers: &[Server],
    forward: &mut ForwardSettings,
) {
    if let Some(global) = scope.iter().find_map(|body| body.find("forwarders")) {
        let what = "forwarders declared in root zone and in general configuration";
        let message = format!("{what}: {}", global.position);
        context.report.error(&zone.setting.position, message);
        return;
    }
    *forward = zone.forward(context, scope, servers).settings;
}

struct Zone<'a> {
    written: &'a str,
    name: Name,
    body: &'a Body,
    setting: &'a Setting,
}

impl Zone<'_> {
    /// Its `type`; `None`: reported.
    fn kind(&self, context: &mut Context<'_>) -> Option<&'static str> {
        if let Some(shared) = self.body.find("in-view") {
            context.announce_one(shared);
            return None;
        }
        match self.body.find("type").map(|setting| &setting.value) {
            Some(Value::Word(kind)) => Some(kind),
            Some(_) => None,
            None => {
                let problem =
                    Problem::new(self.setting.position.clone(), format!("zone '{}': type not present", self.written));
                context.report.problem(problem.with_hint("type forward;"));
                None
            }
        }
    }

    fn forward(&self, context: &mut Context<'_>, scope: Scope<'_, '_>, servers: &[Server]) -> ForwardRule {
        self.check_allowed(context, grammar::FORWARD, "forward", true);
        let inherited: Vec<_> = std::iter::once(self.body).chain(scope.iter().copied()).collect();
        let settings = settings(context, &[self.body], &inherited, servers);
        let is_written = self.body.find("forwarders").is_some();
        if !is_written && self.body.find("forward").is_none() {
            let message = format!("zone '{}' has no forwarders: its names are REFUSED", self.written);
            context.report.warn(Some(&self.setting.position), message);
        }
        ForwardRule { name: self.name.clone(), settings, position: Some(self.setting.position.clone()) }
    }

    /// The root servers are never asked: nothing is to be done.
    fn hint(&self, context: &mut Context<'_>) {
        self.check_allowed(context, grammar::HINT, "hint", false);
        self.check_file(context);
    }

    /// Stock zones have no data here, but their names must not leak to the forwarders: a rule that goes nowhere.
    fn primary(&self, context: &mut Context<'_>) -> Option<ForwardRule> {
        self.check_allowed(context, grammar::PRIMARY, "primary", false);
        self.check_file(context);
        let at = &self.setting.position;
        if !self.is_stock() {
            let problem = Problem::new(
                at.clone(),
                format!("zone '{}': type primary is refused: no zone data is served yet", self.written),
            );
            context.report.problem(
                problem.with_hint("forward the zone to the server that has it: type forward; forwarders { … };"),
            );
            return None;
        }
        let message = format!(
            "zone '{}' is ignored: no zone data is served yet; its names are REFUSED, not forwarded",
            self.written
        );
        context.report.warn(Some(at), message);
        Some(ForwardRule { name: self.name.clone(), settings: ForwardSettings::default(), position: Some(at.clone()) })
    }

    fn refuse(&self, context: &mut Context<'_>, kind: &str) {
        let message = format!("zone '{}': type {kind} is refused: no zone data is served yet", self.written);
        let hint = match kind {
            "secondary" | "slave" => {
                "nor transferred; forward the zone to its primaries: type forward; forwarders { … };"
            }
            _ => "forward the zone to the server that has it: type forward; forwarders { … };",
        };
        context.report.problem(Problem::new(self.setting.position.clone(), message).with_hint(hint));
    }

    fn is_stock(&self) -> bool {
        let file = super::text(self.body, "file").unwrap_or_default();
        let base = file.rsplit('/').next().unwrap_or_default();
        let name = self.name.to_string();
        STOCK_ZONES.contains(&name.as_str()) || (EMPTY_FILES.contains(&base) && name.ends_with(".in-addr.arpa"))
    }

    fn check_file(&self, context: &mut Context<'_>) {
        if self.body.find("file").is_none() {
            let message = format!("zone '{}': missing 'file' entry", self.written);
            context.report.error(&self.setting.position, message);
        }
    }

    /// What the zone's type does not allow; `announce`: and what is not honoured in it.
    fn check_allowed(&self, context: &mut Context<'_>, place: Places, kind: &str, announce: bool) {
        for setting in &self.body.settings {
            let name = setting.row.name;
            if grammar::find(name, place).is_none() {
                let message = format!("option '{name}' is not allowed in '{kind}' zone '{}'", self.written);
                context.report.error(&setting.position, message);
            } else if announce {
                context.announce_one(setting);
            }
        }
    }
}
