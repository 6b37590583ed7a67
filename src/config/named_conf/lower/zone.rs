//! Zones: those of type forward become rules, those of type primary local zones, others are refused.

use std::collections::HashMap;

use super::primary::Primary;
use super::server::Server;
use super::view::{Scope, settings};
use super::{Context, check};
use crate::config::named_conf::body::{Body, Setting};
use crate::config::named_conf::grammar::{self, Places};
use crate::config::named_conf::report::Problem;
use crate::config::named_conf::value::Value;
use crate::config::values::excerpt;
use crate::config::{ForwardRule, ForwardSettings, LocalZone, Position};
use crate::wire::Name;

/// What the zones of a view become.
#[derive(Default)]
pub(super) struct Lowered {
    pub(super) rules: Vec<ForwardRule>,
    pub(super) zones: Vec<LocalZone>,
    /// A root zone has `forwarders`; they have become the view's own.
    pub(super) has_root: bool,
}

/// The zones of a view.
pub(super) fn lower<'a>(
    context: &mut Context<'a>,
    zones: &'a Body,
    scope: Scope<'_, 'a>,
    servers: &[Server],
    forward: &mut ForwardSettings,
) -> Lowered {
    let mut lowered = Lowered::default();
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
                lowered.has_root = true;
                root(context, &zone, scope, servers, forward);
            }
            Some("forward") => lowered.rules.push(zone.forward(context, scope, servers)),
            Some("hint") => zone.hint(context),
            Some("primary" | "master") => match zone.primary(context, scope) {
                Primary::Local(zone) => lowered.zones.push(*zone),
                Primary::Nowhere(rule) => lowered.rules.push(*rule),
                Primary::Refused => {}
            },
            Some(other) => zone.refuse(context, other),
            None => {}
        }
    }
    lowered
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
    if let (Some(own), Some(global)) =
        (zone.body.find("forwarders"), scope.iter().find_map(|body| body.find("forwarders")))
    {
        let what = "forwarders declared in root zone and in general configuration";
        let message = format!("{what}: {}", global.position);
        context.report.error(&own.value_position, message);
        return;
    }
    *forward = zone.forward(context, scope, servers).settings;
}

const FORWARD_IT: &str = "forward the zone to the server that has it: type forward; forwarders { … };";

pub(super) struct Zone<'a> {
    pub(super) written: &'a str,
    pub(super) name: Name,
    pub(super) body: &'a Body,
    pub(super) setting: &'a Setting,
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

    /// One error for the zone, besides what no zone of its type may have.
    fn refuse(&self, context: &mut Context<'_>, kind: &str) {
        let (place, name, hint) = match kind {
            "mirror" => {
                (grammar::MIRROR, kind, "the root is never asked: leave the zone out, and forward to a validator")
            }
            "stub" => (grammar::STUB, kind, FORWARD_IT),
            "static-stub" => (grammar::STATIC_STUB, kind, FORWARD_IT),
            "redirect" => (grammar::REDIRECT, kind, "leave the zone out: names that do not exist get NXDOMAIN"),
            "delegation-only" => {
                (grammar::DELEGATION_ONLY, kind, "leave the zone out: no server but forwarders is asked")
            }
            _ => (
                grammar::SECONDARY,
                "secondary",
                "nor is a zone transferred; forward it to its primaries: type forward; forwarders { … };",
            ),
        };
        self.check_allowed(context, place, name, false);
        check::unserved_zone(context, self, kind);
        let message = format!("zone '{}': type {kind} is refused: zones of this type are not served", self.written);
        let at = self.body.find("type").map_or(&self.setting.position, |setting| &setting.position);
        context.report.problem(Problem::new(at.clone(), message).with_hint(hint));
    }

    pub(super) fn check_file(&self, context: &mut Context<'_>) {
        if self.body.find("file").is_none() {
            let message = format!("zone '{}': missing 'file' entry", self.written);
            context.report.error(&self.setting.position, message);
        }
    }

    /// What the zone's type does not allow; `announce`: and what is not honoured in it.
    pub(super) fn check_allowed(&self, context: &mut Context<'_>, place: Places, kind: &str, announce: bool) {
        for setting in &self.body.settings {
            let name = setting.row.name;
            let Some(row) = grammar::find(name, place) else {
                let message = format!("option '{name}' is not allowed in '{kind}' zone '{}'", self.written);
                context.report.error(&setting.position, message);
                continue;
            };
            if announce {
                context.announce_as(setting, row);
            }
        }
    }
}
