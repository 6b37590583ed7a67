//! Which zones of a new configuration are read into what is served, and which begin unseen.
//!
//! A zone's new content must never be told by the rules that end with a reload, nor changed by them. So one whose rules
//! stay goes on in the [`Handle`] that everybody has: a new version is published in it as soon as it is read. Any other
//! gets a new handle, which only the new snapshot refers to, and takes no updates until that is published.
//! Not here: reading zones ([`super::zones`]), rules that are compiled (`state`).

use std::collections::{HashMap, HashSet};
use std::iter::zip;
use std::sync::Arc;

use super::zones::Loaded;
use crate::access::Host;
use crate::config::{Comparison, Config, Grant, Grantee, Key, LocalZone, MatchList, View};
use crate::keeper::Keeper;
use crate::office::Origin;
use crate::state::Zones;
use crate::wire::Name;
use crate::zone::Handle;

/// Zones by view and apex.
pub(super) type Unchanged<'c> = HashSet<(&'c str, &'c Name)>;

/// What the zones of a configuration begin with.
pub(super) struct Handover<'l> {
    /// All that it asks for.
    pub(super) zones: Zones,
    /// What was known of those that there were before, by [`Handle::id`] of what they are in now.
    pub(super) before: HashMap<u64, &'l Origin>,
}

impl<'l> Handover<'l> {
    /// Those of the same view and name go on, or one that a view of another name had which has it no more.
    pub(super) fn new(config: &Config, before: &'l Loaded, unchanged: &Unchanged<'_>, keeper: Option<&Keeper>) -> Self {
        let all = || config.views.iter().flat_map(|view| view.zones.iter().map(move |zone| (&*view.name, zone)));
        let wanted: HashSet<(&str, &Name)> = all().map(|(view, zone)| (view, &zone.name)).collect();
        let mut left: HashMap<&Name, Vec<&Origin>> = HashMap::new();
        for origin in before.owned().filter(|own| !wanted.contains(&(&*own.view, &own.zone.apex))) {
            left.entry(&origin.zone.apex).or_default().push(origin);
        }
        let own: HashMap<(&str, &Name), &Origin> =
            before.owned().map(|own| ((&*own.view, &own.zone.apex), own)).collect();
        let mut handover = Self { zones: Zones::default(), before: HashMap::new() };
        for (view, zone) in all() {
            let apex = &zone.name;
            let moved = left.get(apex).map(Vec::as_slice);
            let origin = match (own.get(&(view, apex)), moved) {
                (Some(own), _) => Some(*own),
                (None, Some([moved])) => Some(*moved),
                (None, _) => None,
            };
            let handle = match origin {
                Some(origin) if unchanged.contains(&(view, apex)) => Arc::clone(&origin.zone),
                Some(origin) if goes_on(origin, view, zone) => succeed(&origin.zone, keeper),
                _ => Arc::new(Handle::new(apex.clone())),
            };
            handover.before.extend(origin.map(|origin| (handle.id, origin)));
            handover.zones.insert(view, handle);
        }
        handover
    }
}

/// Whether what a zone said so far may be told by other rules, where it cannot be read anew: what another file said, or
/// what others were told in another view, was not written for them. Where updates are kept they are the zone's own.
fn goes_on(origin: &Origin, view: &str, zone: &LocalZone) -> bool {
    let file = zone.file.as_ref().map(|file| &file.path);
    let is_kept = origin.is_dynamic || !zone.grants.is_empty();
    is_kept || file.is_none() || origin.view == view && origin.file.as_ref() == file
}

/// A handle that nobody has yet, for what another one said so far.
fn succeed(before: &Handle, keeper: Option<&Keeper>) -> Arc<Handle> {
    let handle = Arc::new(Handle::new(before.apex.clone()));
    match keeper {
        Some(keeper) => keeper.hand_over(before, &handle),
        None => before.copy_to(&handle),
    }
    handle
}

/// The zones of the configuration `now` that the same clients may ask for and change as before, each with the host that
/// its lists are about.
pub(super) fn unchanged<'c>(before: (&'c Config, &Host), now: (&'c Config, &Host)) -> Unchanged<'c> {
    let ((before, host_before), (now, host)) = (before, now);
    let mut comparison = Comparison::default();
    let is_same_server = host_before == host
        && comparison.are_same(&before.blackhole, &now.blackhole)
        && are_all_same(&before.keys, &now.keys, is_same_key)
        && are_all_same(&before.views, &now.views, |one, other| leads_the_same(one, other, &mut comparison));
    if !is_same_server {
        return Unchanged::new();
    }
    let (shared_before, shared) = (sharers(before), sharers(now));
    let mut unchanged = Unchanged::new();
    for (was, view) in zip(&before.views, &now.views) {
        let zones: HashMap<&Name, &LocalZone> = was.zones.iter().map(|zone| (&zone.name, zone)).collect();
        for zone in &view.zones {
            let place = (&*view.name, &zone.name);
            let Some(was) = zones.get(&zone.name) else { continue };
            if shared_before.get(&place) == shared.get(&place) && has_the_same_rules(was, zone, &mut comparison) {
                unchanged.insert(place);
            }
        }
    }
    unchanged
}

fn are_all_same<'c, T>(one: &'c [T], other: &'c [T], mut is_same: impl FnMut(&'c T, &'c T) -> bool) -> bool {
    one.len() == other.len() && zip(one, other).all(|(one, other)| is_same(one, other))
}

fn is_same_key(one: &Key, other: &Key) -> bool {
    let Key { name, view, algorithm, secret, position: _ } = one;
    (name, view, algorithm, secret) == (&other.name, &other.view, &other.algorithm, &other.secret)
}

/// Whether the same clients come to both views, and may ask for local zones that have no lists of their own.
fn leads_the_same<'c>(one: &'c View, other: &'c View, comparison: &mut Comparison<'c>) -> bool {
    let lists =
        |view: &'c View| [&view.match_clients, &view.match_destinations, &view.access.query, &view.access.query_on];
    (&one.name, one.match_recursive_only) == (&other.name, other.match_recursive_only)
        && zip(lists(one), lists(other)).all(|(one, other)| comparison.are_same(one, other))
}

/// The views in which a zone of another one answers, too.
fn sharers(config: &Config) -> HashMap<(&str, &Name), Vec<&str>> {
    let mut sharers: HashMap<_, Vec<&str>> = HashMap::new();
    for view in &config.views {
        for zone in &view.shared_zones {
            sharers.entry((&*zone.view, &zone.name)).or_default().push(&view.name);
        }
    }
    sharers
}

fn has_the_same_rules<'c>(one: &'c LocalZone, other: &'c LocalZone, comparison: &mut Comparison<'c>) -> bool {
    let lists = |zone: &'c LocalZone| [&zone.settings.allow_query, &zone.settings.allow_query_on];
    zip(lists(one), lists(other)).all(|both| are_same_lists(both, comparison))
        && are_all_same(&one.grants, &other.grants, |one, other| is_same_grant(one, other, comparison))
}

fn are_same_lists<'c>(both: (&'c Option<MatchList>, &'c Option<MatchList>), comparison: &mut Comparison<'c>) -> bool {
    match both {
        (Some(one), Some(other)) => comparison.are_same(one, other),
        (one, other) => one.is_none() && other.is_none(),
    }
}

fn is_same_grant<'c>(one: &'c Grant, other: &'c Grant, comparison: &mut Comparison<'c>) -> bool {
    let Grant { deny, who, names, types, position: _ } = one;
    (deny, names, types) == (&other.deny, &other.names, &other.types)
        && match (who, &other.who) {
            (Grantee::Clients(one), Grantee::Clients(other)) => comparison.are_same(one, other),
            (one, other) => one == other,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::files::NoFiles;
    use crate::config::named_conf;

    const TEXT: &str = "acl a { 10/8; };\nkey k { algorithm hmac-sha256; secret \"c2VjcmV0\"; };\n\
        options { blackhole { 192.0.2.1; }; };\n\
        view in { match-clients { a; }; allow-query { a; }; zone one { type primary; file \"f\"; };\n\
        zone two { type primary; file \"t\"; allow-query { a; }; allow-update { key k; a; }; }; };\n\
        view out { match-clients { any; }; zone one { in-view in; }; zone three { type primary; file \"f\"; }; };";

    #[test]
    fn a_zone_goes_on_where_the_same_may_ask_and_change_it() {
        let read = |text: &str| named_conf::parse(text, "x.conf", &NoFiles).expect("it is right").config;
        let (before, host) = (read(TEXT), Host::default());
        for (from, to, expected) in [
            ("", "", "one two three"),
            ("view in {", "\n view in {\n", "one two three"),
            ("file \"f\"", "file \"g\"", "one two three"),
            ("allow-query { a; }; allow-update", "allow-query { 10/8; }; allow-update", "one three"),
            ("key k; a; }", "key k; }", "one three"),
            ("zone one { in-view in; };", "", "two three"),
            ("zone three", "zone four { type primary; file \"f\"; }; zone three", "one two three"),
            ("a { 10/8; }", "a { 11/8; }", ""),
            ("{ any; }", "{ 11/8; }", ""),
            ("192.0.2.1", "192.0.2.2", ""),
            ("c2VjcmV0", "c2VjcmU=", ""),
            ("view in {", "view inner {", ""),
            ("{ a; }; zone one", "{ any; }; zone one", ""),
        ] {
            let text = TEXT.replace(from, to).replace(
                "in-view in;",
                match to.contains("inner") {
                    true => "in-view inner;",
                    false => "in-view in;",
                },
            );
            let now = read(&text);
            let found = unchanged((&before, &host), (&now, &host));
            let names = expected.split_whitespace().map(|name| name.parse().expect("a name"));
            let expected: HashSet<Name> = names.collect();
            assert_eq!(
                found.iter().map(|(_, apex)| (*apex).clone()).collect::<HashSet<_>>(),
                expected,
                "{from} -> {to}"
            );
        }
        let moved = Host { addresses: vec!["10.1.1.1".parse().expect("an address")], ..Host::default() };
        assert!(unchanged((&before, &host), (&before, &moved)).is_empty());
    }
}
