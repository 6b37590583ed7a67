//! Saying what a local zone answers: the look-up in words, each group that a policy chooses from, the chain of aliases.

use super::super::{Client, access};
use super::{End, Health, Lines, Way, explain_forwarded};
use crate::config::OnAllDown;
use crate::health::overrides::Utc;
use crate::state::View;
use crate::state::rules::Local;
use crate::wire::mnemonic::type_name;
use crate::wire::{Name, Segment, Transport};
use crate::zone::policy::told::{Choosable, Has, Share, Told};
use crate::zone::policy::{Choice, Draw, Group};
use crate::zone::{Found, Rrset, Zone, texts};

/// Names of a chain that are followed here.
const MAX_LINKS: usize = 16;
/// Groups that are told of one question.
const MAX_GROUPS: usize = 64;
/// Records of an RRset that are told.
const MAX_TEXTS: usize = 8;

/// Explains a question whose rule is a local zone.
pub(super) fn explain(
    view: &View,
    local: &Local,
    qname: &Name,
    qtype: u16,
    way: Way,
    health: Health,
    lines: &mut Lines,
) -> End {
    if !lines.lets_in("allow-query", Some(local.query.as_ref().unwrap_or(&view.query)), way.client) {
        return lines.refused_by("allow-query");
    }
    let on = local.query_on.as_ref().or(view.asked_at.as_deref().map(|on| &on.query));
    if !lines.lets_in("allow-query-on", on, way.destination) {
        return lines.refused_by("allow-query-on");
    }
    let (mut local, mut zone, mut name, mut passed) = (local, local.zone.load(), qname.clone(), Vec::new());
    loop {
        let Some(present) = zone.as_deref() else {
            lines.say("answer", "SERVFAIL (EDE 14): the zone could not be loaded");
            return End::Refused;
        };
        if passed.is_empty() || passed.last().is_some_and(|(_, apex)| apex != present.apex()) {
            let (apex, serial) = (present.apex(), present.serial());
            let records = present.records() + present.choosable();
            lines.say("records", format!("{records} in zone {apex}, serial {serial}"));
        }
        let next = match step(present, &name, qtype, health, lines) {
            Step::End(end) => return end,
            Step::Next(next) => next,
            Step::Delegated(owner) => return explain_delegated(view, local, &owner, way, lines),
        };
        passed.push((name, present.apex().clone()));
        if passed.len() > MAX_LINKS || passed.iter().any(|(name, _)| *name == next) {
            lines.say("answer", format!("the aliases so far: the chain goes round, or is too long, at {next}"));
            return End::Answered;
        }
        let rule = view.rules.get(view.rules.find(next.as_wire(), qtype));
        let Some(of_next) = &rule.local else {
            let apex =
                if rule.apex.is_root() { "the global forwarders".to_owned() } else { format!("zone {}", rule.apex) };
            lines.say("answer", format!("the aliases so far, and what {next} has under its own rule: {apex}"));
            return End::Answered;
        };
        (local, zone, name) = (of_next, of_next.zone.load(), next);
    }
}

enum Step {
    End(End),
    /// An alias: there it goes on.
    Next(Name),
    /// It is below the delegation of this name.
    Delegated(Name),
}

/// Explains what a name below a delegation of a local zone gets, with RD.
fn explain_delegated(view: &View, local: &Local, owner: &Name, way: Way, lines: &mut Lines) -> End {
    lines.say("delegation", format!("{owner} is delegated to other servers"));
    let client = Client { address: way.client, port: 0, destination: way.destination, transport: Transport::Udp };
    let may_recurse = access::forbids_cache(view, client, None).is_none() && access::may_recurse(view, client, None);
    let Some(rule) = local.delegated.filter(|_| may_recurse).map(|place| view.rules.get(place)) else {
        lines.say("answer", format!("a referral to the servers of {owner}"));
        return End::Answered;
    };
    let apex = format!("zone {}", rule.apex);
    lines.say("rule below it", if rule.apex.is_root() { "the global forwarders".to_owned() } else { apex });
    explain_forwarded(view, rule, way, lines)
}

/// What a zone says of one name of the chain.
fn step(zone: &Zone, name: &Name, qtype: u16, health: Health, lines: &mut Lines) -> Step {
    let as_name = |octets: &[u8]| Name::from_wire(octets).unwrap_or_else(Name::root);
    let answered = |lines: &mut Lines, text: String| {
        let drawn = if lines.is_drawn { " (drawn: the next answer may have another)" } else { "" };
        lines.say("answer", text + drawn);
        Step::End(End::Answered)
    };
    match zone.find(name.as_wire(), qtype) {
        Found::Rrset(Rrset::Fixed(rrset)) => answered(lines, records(qtype, &rrset)),
        Found::Rrset(Rrset::Chosen(group)) => match choose(zone, group, name, health, lines) {
            Ok(chosen) if chosen.is_empty() => {
                answered(lines, "NOERROR without records: its alias has none".to_owned())
            }
            Ok(chosen) => answered(lines, texts_of(qtype, &chosen).join("; ")),
            Err(end) => Step::End(end),
        },
        Found::Alias(Rrset::Fixed(alias)) => {
            let next = as_name(alias.next());
            lines.say("alias", format!("{name}: the chain goes on at {next}"));
            Step::Next(next)
        }
        Found::Alias(Rrset::Chosen(group)) => match choose(zone, group, name, health, lines) {
            Ok(chosen) => match chosen.first() {
                Some(alias) => Step::Next(as_name(alias.next())),
                None => answered(lines, "NOERROR without records".to_owned()),
            },
            Err(end) => Step::End(end),
        },
        Found::Every(every) => {
            let mut all = Vec::new();
            for (rtype, rrset) in every.rrsets() {
                match rrset {
                    Rrset::Fixed(rrset) => all.push(records(rtype, &rrset)),
                    Rrset::Chosen(group) => match choose(zone, group, name, health, lines) {
                        Ok(chosen) => all.extend(texts_of(rtype, &chosen)),
                        Err(end) => return Step::End(end),
                    },
                }
            }
            answered(lines, format!("(by UDP the first of) {}", all.join("; ")))
        }
        Found::Renamed(renamed) => match renamed.next(name.as_wire()) {
            Some(next) => {
                let next = as_name(next.as_wire());
                lines.say("alias", format!("{name} is below a DNAME: the chain goes on at {next}"));
                Step::Next(next)
            }
            None => answered(lines, "YXDOMAIN: below a DNAME, and the name would be too long".to_owned()),
        },
        Found::Referral(referral) => {
            let wire = name.as_wire();
            Step::Delegated(as_name(&wire[wire.len() - referral.owner_octets..]))
        }
        Found::NoData => answered(lines, format!("NOERROR without records: {name} has none of this type")),
        Found::NxDomain => answered(lines, format!("NXDOMAIN: the zone has no name {name}")),
    }
}

fn records(rtype: u16, rrset: &Segment<'_>) -> String {
    let mut all = texts(rtype, rrset);
    let more = all.len().saturating_sub(MAX_TEXTS);
    all.truncate(MAX_TEXTS);
    let text = format!("{} {}", type_name(rtype), all.join(", "));
    if more > 0 { format!("{text} and {more} more") } else { text }
}

fn texts_of(rtype: u16, rrsets: &[Segment<'_>]) -> Vec<String> {
    rrsets.iter().map(|rrset| records(rtype, rrset)).collect()
}

/// Tells a group, and those that its aliases lead to; returns what one answer has now.
fn choose<'z>(
    zone: &'z Zone,
    group: &'z Group,
    owner: &Name,
    health: Health,
    lines: &mut Lines,
) -> Result<Vec<Segment<'z>>, End> {
    let mut waiting = vec![(owner.clone(), group)];
    let mut told: Vec<*const Group> = Vec::new();
    while let Some((owner, group)) = waiting.pop() {
        if told.contains(&std::ptr::from_ref(group)) {
            continue;
        }
        if told.len() == MAX_GROUPS {
            lines.say("", "and more groups that aliases lead to");
            break;
        }
        told.push(group);
        let now = group.tell(zone);
        tell(&owner, group.rtype(), &now, health, lines);
        // The first one's target is told next.
        for member in now.members.iter().rev() {
            if let Has::Alias { target, .. } = member.has
                && let Some(Rrset::Chosen(group)) = zone.own(target.as_wire(), group.rtype())
            {
                waiting.push((target.clone(), group));
            }
        }
    }
    match group.choose(zone, &mut Draw::new(0)) {
        Choice::Rrsets(rrsets) => Ok(rrsets.into_iter().flatten().collect()),
        Choice::Nothing => Ok(Vec::new()),
        Choice::AllDown => {
            lines.say("answer", "SERVFAIL: every record of this name is down");
            Err(End::Refused)
        }
    }
}

/// One line for the group, one for each member.
fn tell(owner: &Name, rtype: u16, told: &Told<'_>, health: Health, lines: &mut Lines) {
    let note = match told.all_down.filter(|_| health == Health::Running) {
        Some(OnAllDown::Primary) => ": all are down, so that all count as healthy",
        Some(OnAllDown::Servfail) => ": all are down, so that nothing is chosen (on_all_down)",
        None => "",
    };
    lines.say("policy", format!("{owner} {}: {}{note}", type_name(rtype), told.policy));
    for member in &told.members {
        lines.is_monitored |= member.check.is_some();
        lines.is_drawn |= matches!(member.share, Share::Drawn(..));
        let label = if member.label.is_empty() { "record" } else { member.label };
        lines.say(format!("  {label}"), member_text(rtype, member, health));
    }
}

/// `chosen: CNAME a.example; healthy since 2026-…Z (check 'a': status 200 …)`
fn member_text(rtype: u16, member: &Choosable<'_>, health: Health) -> String {
    let has = match &member.has {
        Has::Records(segment) => records(rtype, segment),
        Has::Alias { target, evaluates: true } => format!("alias of {target}, evaluated"),
        Has::Alias { target, evaluates: false } => format!("alias of {target}"),
    };
    if health == Health::Unknown {
        let check = member.check.as_ref().map_or("no health check".to_owned(), |row| format!("check '{}'", row.name));
        return format!("{has}; {check}");
    }
    let chosen = match member.share {
        Share::Always => "chosen: ".to_owned(),
        Share::Never => "not chosen: ".to_owned(),
        Share::Drawn(weight, of) => format!("chosen {weight} times of {of}: "),
    };
    let state = match &member.check {
        None if member.is_well => "no health check".to_owned(),
        None => "its target is down".to_owned(),
        Some(row) => {
            let word = if row.healthy { "healthy" } else { "unhealthy" };
            let target = if row.healthy && !member.is_well { ", but its target is down" } else { "" };
            format!("{word} since {} (check '{}': {}){target}", Utc::from(row.since), row.name, row.reason)
        }
    };
    format!("{chosen}{has}; {state}")
}
