//! Making a snapshot of a configuration: lists compiled, numbers given, defaults of views filled in.
//!
//! Not here: what may be written (`config`), what a view is asked ([`super::view`]).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::intern::Interner;
use super::order::Orders;
use super::rules::{Local, Rule, Rules};
use super::timers::Timers;
use super::view::{AskedAt, Minimal, PeerSizes, UdpSizes, View};
use super::{Identity, Snapshot, Zones, grants};
use crate::access::cookie::{Secret, ServerCookies};
use crate::access::{Acl, Host, Lists};
use crate::cache::RefreshWindow;
use crate::config::{
    self, Config, ForwardSettings, Forwarder, Match, MatchElement, MatchList, PeerUdpSize, Prefetch, RrsetOrder,
    TtlLimits, ZoneStatistics,
};
use crate::tsig::Keys;
use crate::upstream::{ClientsPerQuery, Stale, ZoneFetches};
use crate::wire::Name;
use crate::wire::response::TtlBounds;

/// `before`: what was in force until now, whose cookies clients still have, and whose timers stay.
pub(super) fn build(
    config: &Config,
    host: Arc<Host>,
    own_secret: [u8; 16],
    before: Option<&Snapshot>,
    zones: &Zones,
    interner: &mut Interner,
) -> Snapshot {
    let nobody = config.blackhole.elements.is_empty() || config.blackhole.is_only(&Match::None);
    let mut lists = Lists::new(&host);
    let blackhole = (!nobody).then(|| lists.compile(&config.blackhole));
    let shared = SharedZones::of(&config.views);
    let secret = Secret::from(config.cookies.secret.unwrap_or(own_secret));
    let cookies_before = before.and_then(|before| before.cookies.as_ref());
    let cookies =
        || cookies_before.map_or_else(|| ServerCookies::new(secret, &[]), |before| before.rolled_over(secret));
    let timers = before.map(|before| Arc::clone(&before.timers));
    let keys = KeysOfViews::new(&config.keys);
    let mut views = Vec::with_capacity(config.views.len());
    for view in &config.views {
        let keys = keys.of(&view.name);
        views.push(Arc::new(build_view(view, &shared, keys, &mut lists, blackhole.as_ref(), zones, interner)));
    }
    Snapshot {
        views,
        blackhole,
        identity: identity(config, &host),
        cookies: config.cookies.answer.then(cookies),
        max_udp_size: config.max_udp_size,
        edns_udp_size: config.edns_udp_size,
        limits: config.limits.clone(),
        timers: timers.unwrap_or_else(|| Arc::new(Timers::new(&config.limits))),
        host,
    }
}

/// The keys of each view, made once where views have the same.
struct KeysOfViews<'c> {
    all: &'c [config::Key],
    of_server: Arc<Keys>,
}

impl<'c> KeysOfViews<'c> {
    fn new(all: &'c [config::Key]) -> Self {
        let of_server = all.iter().filter(|key| key.view.is_none()).map(grants::key);
        Self { all, of_server: Arc::new(Keys::new(of_server)) }
    }

    fn of(&self, view: &str) -> Arc<Keys> {
        match self.all.iter().any(|key| key.view.as_deref() == Some(view)) {
            false => Arc::clone(&self.of_server),
            true => Arc::new(Keys::new(self.all.iter().filter(|key| key.is_known_in(view)).map(grants::key))),
        }
    }
}

/// The zones that other views may share, with the views that have them.
struct SharedZones<'c> {
    by_name: HashMap<(&'c str, &'c Name), (&'c config::View, &'c config::LocalZone)>,
}

impl<'c> SharedZones<'c> {
    fn of(views: &'c [config::View]) -> Self {
        let is_wanted = views.iter().any(|view| !view.shared_zones.is_empty());
        let zones = views.iter().filter(|_| is_wanted).flat_map(|view| view.zones.iter().map(move |zone| (view, zone)));
        Self { by_name: zones.map(|(view, zone)| ((view.name.as_str(), &zone.name), (view, zone))).collect() }
    }
}

/// `shared_zones`: those of all views.
fn build_view<'c>(
    view: &'c config::View,
    shared_zones: &SharedZones<'c>,
    keys: Arc<Keys>,
    lists: &mut Lists<'c>,
    blackhole: Option<&Acl>,
    zones: &Zones,
    interner: &mut Interner,
) -> View {
    let id = interner.view(&view.name);
    let is_asked =
        |forwarder: &&Forwarder| !forwarder.bogus && blackhole.is_none_or(|list| !list.allows(forwarder.address.ip()));
    let within = |forwarder: &Forwarder| forwarder.within(view.edns_udp_size, view.send_cookie, view.query_source);
    let rule = |apex: &Name, settings: &ForwardSettings, interner: &mut Interner| Rule {
        id: interner.rule(id, apex),
        apex: apex.clone(),
        group: 0,
        local: None,
        servers: settings.forwarders.iter().filter(is_asked).map(|one| interner.server(&within(one))).collect(),
        is_barred: !settings.forwarders.is_empty() && !settings.forwarders.iter().any(|one| is_asked(&one)),
        order: settings.order,
        ttl: ttl_bounds(&settings.ttl),
        trust_ad: settings.trust_ad,
        refresh: refresh_window(settings.prefetch),
        fetches: view.fetches_per_zone.map(|limit| ZoneFetches { limit, under_way: interner.under_way(id, apex) }),
        stale: stale(&settings.stale),
    };
    let root = rule(&Name::root(), &view.forward, interner);
    let forwarded = view.rules.iter().map(|text| rule(&text.name, &text.settings, interner)).collect::<Vec<_>>();
    let nowhere = ForwardSettings::default();
    let mut rules = forwarded;
    for zone in &view.zones {
        let local = Some(local(view, zone, zones, lists, interner));
        rules.push(Rule { local, ..rule(&zone.name, &nowhere, interner) });
    }
    for zone in &view.shared_zones {
        let local = shared(shared_zones, zone, zones, lists, interner);
        rules.extend(local.map(|local| Rule { local: Some(local), ..rule(&zone.name, &nowhere, interner) }));
    }
    let any = |list: &MatchList| list.is_only(&Match::Any);
    let recursion_differs = view.access.recursion != view.access.query_cache;
    View {
        id,
        name: view.name.clone(),
        matches_all: any(&view.match_clients) && any(&view.match_destinations) && !view.match_recursive_only,
        match_clients: lists.compile(&view.match_clients),
        match_destinations: lists.compile(&view.match_destinations),
        match_recursive_only: view.match_recursive_only,
        keys,
        recursion: view.recursion,
        query: lists.compile(&view.access.query),
        query_cache: lists.compile(&view.access.query_cache),
        allow_recursion: recursion_differs.then(|| lists.compile(&view.access.recursion)),
        asked_at: asked_at(&view.access, lists),
        rules: Rules::new(root, rules),
        require_server_cookie: view.require_server_cookie,
        minimal_any: view.minimal_any,
        minimal: Minimal::of(view.minimal_responses),
        auth_nxdomain: view.auth_nxdomain,
        rrset_order: if view.rrset_orders.is_empty() { view.rrset_order } else { RrsetOrder::Fixed },
        rrset_orders: Orders::compile(view),
        fetches_per_server: view.fetches_per_server,
        clients_per_query: view.clients_per_query.map(ClientsPerQuery::new),
        query_timeout: view.query_timeout,
        servfail_ttl: seconds(view.servfail_ttl),
        edns_udp_size: view.edns_udp_size,
        udp_sizes: udp_sizes(view, lists.host()),
    }
}

/// A zone for the view that has it.
fn local<'c>(
    view: &config::View,
    zone: &'c config::LocalZone,
    zones: &Zones,
    lists: &mut Lists<'c>,
    interner: &mut Interner,
) -> Local {
    let statistics = zone.settings.statistics;
    let view_id = interner.view(&view.name);
    Local {
        zone: zones.get(&view.name, &zone.name),
        query: zone.settings.allow_query.as_ref().map(|list| lists.compile(list)),
        query_on: zone.settings.allow_query_on.as_ref().map(|list| lists.compile(list)),
        // The rule is found when all are known.
        delegated: zone.settings.forward_delegations.then_some(0),
        grants: Arc::new(grants::compile(&zone.grants, lists)),
        counters: (statistics == ZoneStatistics::Full).then(|| interner.counters(view_id, &zone.name)),
        is_told: statistics != ZoneStatistics::None,
    }
}

/// A zone for a view that shares it: what it leaves to its view is left to the one that has it, as in named, but for where
/// names below its delegations go. `None`: no view has it.
fn shared<'c>(
    shared_zones: &SharedZones<'c>,
    shared: &config::SharedZone,
    zones: &Zones,
    lists: &mut Lists<'c>,
    interner: &mut Interner,
) -> Option<Local> {
    let (view, zone) = *shared_zones.by_name.get(&(shared.view.as_str(), &shared.name))?;
    let local = local(view, zone, zones, lists, interner);
    Some(Local {
        query: local.query.or_else(|| Some(lists.compile(&view.access.query))),
        query_on: local.query_on.or_else(|| Some(lists.compile(&view.access.query_on))),
        delegated: shared.forward_delegations.then_some(0),
        ..local
    })
}

fn asked_at<'c>(access: &'c config::Access, lists: &mut Lists<'c>) -> Option<Box<AskedAt>> {
    let all = [&access.query_on, &access.query_cache_on, &access.recursion_on];
    if all.iter().all(|list| list.is_only(&Match::Any)) {
        return None;
    }
    let [query, query_cache, recursion] = all.map(|list| lists.compile(list));
    Some(Box::new(AskedAt { query, query_cache, recursion }))
}

fn udp_sizes(view: &config::View, host: &Arc<Host>) -> UdpSizes {
    let element =
        |size: &PeerUdpSize| MatchElement { negated: false, what: Match::Prefix(size.prefix), position: None };
    let of_peers = (!view.peer_udp_sizes.is_empty()).then(|| PeerSizes {
        prefixes: Acl::compile(&MatchList { elements: view.peer_udp_sizes.iter().map(element).collect() }, host),
        octets: view.peer_udp_sizes.iter().map(|size| size.max_udp_size).collect(),
    });
    let without_cookie = view.max_udp_size.min(view.nocookie_udp_size);
    UdpSizes { with_cookie: view.max_udp_size, without_cookie, of_peers }
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

fn ttl_bounds(limits: &TtlLimits) -> TtlBounds {
    TtlBounds {
        cache: (seconds(limits.min_cache), seconds(limits.max_cache)),
        ncache: (seconds(limits.min_ncache), seconds(limits.max_ncache)),
    }
}

fn stale(stale: &config::Stale) -> Option<Stale> {
    stale.is_served().then(|| Stale {
        max_ttl: seconds(stale.max_ttl),
        answer_ttl: seconds(stale.answer_ttl),
        refresh_time: seconds(stale.refresh_time),
        client_timeout: stale.client_timeout,
    })
}

fn refresh_window(prefetch: Prefetch) -> RefreshWindow {
    match prefetch {
        Prefetch::Off => RefreshWindow::NEVER,
        Prefetch::LastTenth => RefreshWindow { least_ttl: 2, share_ms: 100, fixed_ms: 0 },
        Prefetch::Last { trigger, eligibility } => {
            RefreshWindow { least_ttl: eligibility, share_ms: 0, fixed_ms: trigger * 1000 }
        }
    }
}

fn identity(config: &Config, host: &Host) -> Identity {
    let text = |identity: &config::Identity, own: &dyn Fn() -> String| match identity {
        config::Identity::Own => Some(own()),
        config::Identity::Text(text) => Some(text.clone()),
        config::Identity::Withheld => None,
    };
    let hostname = || host.name.clone();
    Identity {
        version: text(&config.version, &|| format!("tandem {}", env!("CARGO_PKG_VERSION"))),
        hostname: text(&config.hostname, &hostname),
        server_id: text(&config.server_id, &hostname),
    }
}
