//! Zones: those of type forward become rules, those of type primary local zones, others are refused; one of an earlier
//! view may be shared.

use std::collections::HashMap;

use super::class::Class;
use super::primary::{self, Primary};
use super::server::Servers;
use super::view::{Scope, settings};
use super::{Context, check};
use crate::config::named_conf::body::{Body, Setting};
use crate::config::named_conf::grammar::{self, Places};
use crate::config::named_conf::report::Problem;
use crate::config::named_conf::value::Value;
use crate::config::values::excerpt;
use crate::config::{ForwardRule, ForwardSettings, LocalZone, Position, SharedZone};
use crate::wire::Name;

/// What the zones of a view become.
#[derive(Default)]
pub(super) struct Lowered {
    pub(super) rules: Vec<ForwardRule>,
    pub(super) zones: Vec<LocalZone>,
    pub(super) shared_zones: Vec<SharedZone>,
    pub(super) shareable: Shareable,
    /// A root zone has `forwarders`; they have become the view's own.
    pub(super) has_root: bool,
}

/// What zones of a view are read with.
#[derive(Clone, Copy)]
pub(super) struct Around<'s, 'a> {
    pub(super) scope: Scope<'s, 'a>,
    pub(super) servers: &'s Servers,
    pub(super) earlier: &'s Earlier<'a>,
}

/// What the views before have, by their names.
pub(super) type Earlier<'a> = HashMap<&'a str, Shareable>;

/// The zones of a view that a later one may share: those of any type but forward, and not themselves from another view.
pub(super) type Shareable = HashMap<Name, Shared>;

/// What a zone is to the view that shares it.
pub(super) enum Shared {
    Local,
    /// A stock zone without its file.
    Nowhere(Box<ForwardRule>),
    /// It is reported where it is defined, or nobody asks for it (hints).
    Nothing,
}

/// The zones of a view.
pub(super) fn lower<'a>(
    context: &mut Context<'a>,
    zones: &'a Body,
    around: Around<'_, 'a>,
    forward: &mut ForwardSettings,
) -> Lowered {
    let Around { scope, servers, earlier } = around;
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
        let zone = Zone { written, name, body, setting };
        if let Some(token) = class.as_ref().filter(|class| Class::of(Some(class)) != Some(Class::In)) {
            let shown = &token.text;
            let message = match Class::of(Some(token)) {
                Some(_) => format!("zone '{written}': class '{shown}' does not match view/default class"),
                None => format!("zone '{written}': invalid class {}", excerpt(shown)),
            };
            context.report.error(&token.position, message);
            lowered.shareable.insert(zone.name, Shared::Nothing);
            continue;
        }
        if let Some(target) = body.find("in-view") {
            match zone.in_view(context, target, earlier) {
                Some(InView::Local(zone)) => lowered.shared_zones.push(zone),
                Some(InView::Nowhere(rule)) => lowered.rules.push(rule),
                None => {}
            }
            continue;
        }
        let mut shared = Shared::Nothing;
        match zone.kind(context) {
            Some("forward") if zone.name.is_root() => {
                lowered.has_root = true;
                root(context, &zone, scope, servers, forward);
                continue;
            }
            Some("forward") => {
                lowered.rules.push(zone.forward(context, scope, servers));
                continue;
            }
            Some("hint") => zone.hint(context),
            Some("primary" | "master") => match zone.primary(context, scope) {
                Primary::Local(zone) => {
                    lowered.zones.push(*zone);
                    shared = Shared::Local;
                }
                Primary::Nowhere(rule) => {
                    lowered.rules.push((*rule).clone());
                    shared = Shared::Nowhere(rule);
                }
                Primary::Refused => {}
            },
            Some(other) => zone.refuse(context, other),
            None => {}
        }
        lowered.shareable.insert(zone.name, shared);
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

/// `zone "." { type forward; … }` is the view's `forwarders` under another name.
fn root(
    context: &mut Context<'_>,
    zone: &Zone<'_>,
    scope: Scope<'_, '_>,
    servers: &Servers,
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

/// What `in-view` finds in the earlier view.
enum InView {
    Local(SharedZone),
    /// A stock zone without its file.
    Nowhere(ForwardRule),
}

pub(super) struct Zone<'a> {
    pub(super) written: &'a str,
    pub(super) name: Name,
    pub(super) body: &'a Body,
    pub(super) setting: &'a Setting,
}

impl Zone<'_> {
    /// Its `type`; `None`: reported.
    fn kind(&self, context: &mut Context<'_>) -> Option<&'static str> {
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

    /// The zone of an earlier view that this one is. `None`: it is reported, there or here, or nobody asks for it (hints).
    fn in_view(&self, context: &mut Context<'_>, target: &Setting, earlier: &Earlier<'_>) -> Option<InView> {
        let beside = ["forward", "forwarders", "in-view"];
        if self.body.settings.iter().any(|setting| !beside.contains(&setting.row.name)) {
            let message = format!("zone '{}': 'in-view' used with incompatible zone options", self.written);
            let problem = Problem::new(self.setting.position.clone(), message);
            context
                .report
                .problem(problem.with_hint("in-view alone: what else is said of the zone stands in that view"));
            return None;
        }
        let Value::Text(name) = &target.value else { return None };
        let Some(shared) = earlier.get(name.as_str()).and_then(|zones| zones.get(&self.name)) else {
            let zone = self.written;
            let message =
                format!("'in-view' zone '{zone}' does not exist in view '{name}', or view '{name}' is not yet defined");
            let problem = Problem::new(target.value_position.clone(), message);
            context.report.problem(problem.with_hint("an earlier view, in which the zone has a type, but not forward"));
            return None;
        };
        for setting in self.body.settings.iter().filter(|setting| setting.row.name != "in-view") {
            context.announce_as(setting, grammar::find(setting.row.name, grammar::PRIMARY).unwrap_or(setting.row));
        }
        let position = Some(self.setting.position.clone());
        match shared {
            Shared::Local => {
                let forward_delegations = primary::forward_delegations(context, self.body);
                let (name, view) = (self.name.clone(), name.clone());
                Some(InView::Local(SharedZone { name, view, forward_delegations, position }))
            }
            Shared::Nowhere(rule) => Some(InView::Nowhere(ForwardRule { position, ..(**rule).clone() })),
            Shared::Nothing => None,
        }
    }

    fn forward(&self, context: &mut Context<'_>, scope: Scope<'_, '_>, servers: &Servers) -> ForwardRule {
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
