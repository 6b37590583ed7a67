//! What the server knows at one moment, published as a whole: views, rules, access lists, limits.
//!
//! A [`Snapshot`] never changes; [`State::publish`] makes a new one from a configuration and the host's addresses and
//! swaps it in. Views, rules and upstreams keep their numbers across publications ([`intern`]), so that a reload neither
//! poisons nor empties the cache, and what was learnt of an upstream stays.
//! Not here: the configuration's text and defaults (`config`), what changes between publications (`cache`, `upstream`).

mod grants;
pub mod intern;
pub mod rules;
pub mod timers;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::access::cookie::{Secret, ServerCookies};
use crate::access::{Acl, Host};
use crate::cache::RefreshWindow;
use crate::config::{
    self, Config, FetchLimit, ForwardSettings, Forwarder, ForwarderOrder, Match, MatchElement, MatchList,
    MinimalResponses, PeerUdpSize, Prefetch, RrsetOrder, TtlLimits, ZoneStatistics,
};
use crate::tsig::Keys;
use crate::upstream::{ClientsPerQuery, Route as UpstreamRoute, Server, Stale, ZoneFetches};
use crate::wire::Name;
use crate::wire::response::TtlBounds;
use crate::zone::Handle;
use intern::Interner;
use rules::{Local, Rule, Rules};
use timers::Timers;

/// What the local zones of every view say, by view and apex.
#[derive(Default)]
pub struct Zones(HashMap<(String, Name), Arc<Handle>>);

impl Zones {
    /// Adds the zone at an apex of a view, in the place of one that was there.
    pub fn insert(&mut self, view: &str, zone: Arc<Handle>) {
        self.0.insert((view.to_owned(), zone.apex.clone()), zone);
    }

    /// The zone at an apex of a view; where none was added, one that could not be loaded.
    pub fn get(&self, view: &str, apex: &Name) -> Arc<Handle> {
        let found = self.0.get(&(view.to_owned(), apex.clone()));
        found.map_or_else(|| Arc::new(Handle::new(apex.clone())), Arc::clone)
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Handle>> {
        self.0.values()
    }
}

/// See the module.
pub struct Snapshot {
    /// In order; the first that matches a query is its view.
    pub views: Vec<Arc<View>>,
    /// Who gets no answer at all; `None`: nobody.
    pub blackhole: Option<Acl>,
    /// The host that it runs on.
    pub host: Arc<Host>,
    /// Answers about the server itself.
    pub identity: Identity,
    /// Cookies for clients; `None`: they get none.
    pub cookies: Option<ServerCookies>,
    /// The longest answer by UDP where no view answers, in octets.
    pub max_udp_size: u16,
    /// What we tell that we take by UDP where no view answers, in octets.
    pub edns_udp_size: u16,
    /// Bounds on clients.
    pub limits: config::Limits,
    /// How long connections may be idle.
    pub timers: Timers,
}

impl Snapshot {
    /// The view of a stable number, if there still is one.
    pub fn view(&self, id: u16) -> Option<&Arc<View>> {
        self.views.iter().find(|view| view.id == id)
    }
}

/// The texts of CH TXT answers; `None`: NODATA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// version.bind
    pub version: Option<String>,
    /// hostname.bind
    pub hostname: Option<String>,
    /// id.server
    pub server_id: Option<String>,
}

/// A view, ready for use.
pub struct View {
    /// A number that stays the same across reloads for the same name; part of the cache's keys.
    pub id: u16,
    /// Its name.
    pub name: String,
    /// Every query matches: nothing needs to be looked up.
    pub matches_all: bool,
    /// `match-clients`
    pub match_clients: Acl,
    /// `match-destinations`
    pub match_destinations: Acl,
    /// `match-recursive-only`
    pub match_recursive_only: bool,
    /// Who may sign messages: the keys of the server and of the view. Views without keys of their own share them.
    pub keys: Arc<Keys>,
    /// Names are forwarded at all.
    pub recursion: bool,
    /// `allow-query`: here, for questions about the server itself.
    pub query: Acl,
    /// `allow-query-cache`
    pub query_cache: Acl,
    /// `allow-recursion`; `None`: the same list as `query_cache`.
    pub allow_recursion: Option<Acl>,
    /// Which of our addresses must have been asked; `None`: any.
    pub asked_at: Option<Box<AskedAt>>,
    /// Where names go.
    pub rules: Rules,
    /// ANY by UDP gets one RRset.
    pub minimal_any: bool,
    /// What is told beside answers of local zones.
    pub minimal: Minimal,
    /// AA is set when a name does not exist, whoever said so.
    pub auth_nxdomain: bool,
    /// How address sets are handed out.
    pub rrset_order: RrsetOrder,
    /// Questions outstanding to one forwarder.
    pub fetches_per_server: Option<FetchLimit>,
    /// Who may wait for one question.
    pub clients_per_query: Option<ClientsPerQuery>,
    /// How long a question may wait.
    pub query_timeout: Duration,
    /// How long a failure is remembered, in seconds.
    pub servfail_ttl: u32,
    /// What we tell that we take by UDP, in octets.
    pub edns_udp_size: u16,
    /// How long answers by UDP are.
    pub udp_sizes: UdpSizes,
}

/// What is told beside an answer of a local zone.
#[derive(Clone, Copy, Debug)]
pub struct Minimal {
    /// The zone's name servers: without RD, with RD.
    tells_authority: [bool; 2],
    /// Addresses of hosts that records name, unless they are name servers: those are always told.
    pub tells_additional: bool,
}

impl Minimal {
    fn of(written: MinimalResponses) -> Self {
        let (tells_authority, tells_additional) = match written {
            MinimalResponses::No => ([true, true], true),
            MinimalResponses::Yes => ([false, false], false),
            MinimalResponses::NoAuth => ([false, false], true),
            MinimalResponses::NoAuthRecursive => ([true, false], true),
        };
        Self { tells_authority, tells_additional }
    }

    /// Whether the zone's name servers are told.
    #[inline]
    pub fn tells_authority(&self, recursion_desired: bool) -> bool {
        self.tells_authority[usize::from(recursion_desired)]
    }
}

/// Which of our addresses must have been asked.
#[derive(Debug)]
pub struct AskedAt {
    /// `allow-query-on`
    pub query: Acl,
    /// `allow-query-cache-on`
    pub query_cache: Acl,
    /// `allow-recursion-on`
    pub recursion: Acl,
}

/// The longest answers by UDP, in octets.
#[derive(Debug)]
pub struct UdpSizes {
    /// To clients that have proven their address by a cookie.
    pub with_cookie: u16,
    /// To others.
    pub without_cookie: u16,
    /// To clients of some prefixes; `None`: all are alike.
    pub of_peers: Option<PeerSizes>,
}

/// The longest answers to clients of some prefixes.
#[derive(Debug)]
pub struct PeerSizes {
    /// Its elements are the prefixes.
    prefixes: Acl,
    /// By the place of the prefix.
    octets: Box<[Option<u16>]>,
}

impl UdpSizes {
    /// The longest answer to a client, in octets.
    #[inline]
    pub fn most(&self, client: IpAddr, has_cookie: bool) -> u16 {
        let most = if has_cookie { self.with_cookie } else { self.without_cookie };
        self.of_peers.as_ref().map_or(most, |peers| most.min(peers.octets_of(client)))
    }
}

impl PeerSizes {
    fn octets_of(&self, client: IpAddr) -> u16 {
        let place = self.prefixes.decide(client).element;
        place.and_then(|place| self.octets[place as usize]).unwrap_or(u16::MAX)
    }
}

/// A rule in its view, as the upstream machine needs it.
#[derive(Clone)]
pub struct Route {
    /// The view.
    pub view: Arc<View>,
    /// The rule's place in it.
    pub rule: u32,
}

impl Route {
    /// The rule.
    pub fn rule(&self) -> &Rule {
        self.view.rules.get(self.rule)
    }
}

impl UpstreamRoute for Route {
    fn servers(&self) -> &[Arc<Server>] {
        &self.rule().servers
    }

    fn order(&self) -> ForwarderOrder {
        self.rule().order
    }

    fn apex_of(&self, name: &[u8], qtype: u16) -> Option<&[u8]> {
        self.view.rules.apex_of(self.rule, name, qtype)
    }

    fn layout(&self) -> u32 {
        self.view.rules.layout()
    }

    fn ttl(&self) -> TtlBounds {
        self.rule().ttl
    }

    fn trust_ad(&self) -> bool {
        self.rule().trust_ad
    }

    fn servfail_ttl(&self) -> u32 {
        self.view.servfail_ttl
    }

    fn stale(&self) -> Option<Stale> {
        self.rule().stale
    }

    fn view(&self) -> u16 {
        self.view.id
    }

    fn fetches_per_server(&self) -> Option<FetchLimit> {
        self.view.fetches_per_server
    }

    fn fetches_per_zone(&self) -> Option<&ZoneFetches> {
        self.rule().fetches.as_ref()
    }

    fn clients_per_query(&self) -> Option<&ClientsPerQuery> {
        self.view.clients_per_query.as_ref()
    }

    fn zone(&self) -> &Name {
        &self.rule().apex
    }
}

impl View {
    /// Whether a query from `client` to `destination`, signed with this key, belongs here.
    #[inline]
    pub fn matches(&self, client: IpAddr, destination: IpAddr, signer: Option<&Name>, recursion_desired: bool) -> bool {
        self.matches_all
            || ((recursion_desired || !self.match_recursive_only)
                && self.match_clients.admits(client, signer)
                && self.match_destinations.admits(destination, signer))
    }
}

/// Holds the present [`Snapshot`].
pub struct State {
    present: ArcSwap<Snapshot>,
    interner: Mutex<Interner>,
    /// Used where the configuration gives no secret.
    own_secret: [u8; 16],
}

impl State {
    /// Begins with a configuration, and with what its local zones say. `own_secret` comes from the system's CSPRNG.
    pub fn new(config: &Config, host: Arc<Host>, own_secret: [u8; 16], zones: &Zones) -> Self {
        let mut interner = Interner::default();
        let snapshot = build(config, host, own_secret, None, zones, &mut interner);
        Self { present: ArcSwap::from_pointee(snapshot), interner: Mutex::new(interner), own_secret }
    }

    /// Puts a configuration in force, and what its local zones say.
    pub fn publish(&self, config: &Config, host: Arc<Host>, zones: &Zones) {
        let mut interner = self.interner.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.present();
        let snapshot = build(config, host, self.own_secret, before.cookies.as_ref(), zones, &mut interner);
        self.present.store(Arc::new(snapshot));
    }

    /// The snapshot that is in force.
    pub fn present(&self) -> Arc<Snapshot> {
        self.present.load_full()
    }

    /// For workers: follows what is in force at the cost of one load.
    pub fn follow(self: &Arc<Self>) -> Follower {
        arc_swap::cache::Cache::new(Present(Arc::clone(self)))
    }

    /// The secret of cookies where the configuration gives none.
    pub fn own_secret(&self) -> [u8; 16] {
        self.own_secret
    }
}

/// What [`State::follow`] gives.
pub type Follower = arc_swap::cache::Cache<Present, Arc<Snapshot>>;

/// Shows the snapshot inside a shared [`State`].
#[derive(Clone)]
pub struct Present(Arc<State>);

impl std::ops::Deref for Present {
    type Target = ArcSwap<Snapshot>;

    fn deref(&self) -> &ArcSwap<Snapshot> {
        &self.0.present
    }
}

/// `before`: those until now, whose cookies clients still have.
fn build(
    config: &Config,
    host: Arc<Host>,
    own_secret: [u8; 16],
    before: Option<&ServerCookies>,
    zones: &Zones,
    interner: &mut Interner,
) -> Snapshot {
    let nobody = config.blackhole.elements.is_empty() || config.blackhole.is_only(&Match::None);
    let blackhole = (!nobody).then(|| Acl::compile(&config.blackhole, &host));
    let secret = Secret::from(config.cookies.secret.unwrap_or(own_secret));
    let cookies = || before.map_or_else(|| ServerCookies::new(secret, &[]), |before| before.rolled_over(secret));
    let keys = KeysOfViews::new(&config.keys);
    Snapshot {
        views: config
            .views
            .iter()
            .map(|view| Arc::new(build_view(view, keys.of(&view.name), &host, blackhole.as_ref(), zones, interner)))
            .collect(),
        blackhole,
        identity: identity(config, &host),
        cookies: config.cookies.answer.then(cookies),
        max_udp_size: config.max_udp_size,
        edns_udp_size: config.edns_udp_size,
        limits: config.limits.clone(),
        timers: Timers::new(&config.limits),
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

fn build_view(
    view: &config::View,
    keys: Arc<Keys>,
    host: &Arc<Host>,
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
    let local = view.zones.iter().map(|text| Rule {
        local: Some(Local {
            zone: zones.get(&view.name, &text.name),
            query: text.settings.allow_query.as_ref().map(|list| Acl::compile(list, host)),
            query_on: text.settings.allow_query_on.as_ref().map(|list| Acl::compile(list, host)),
            // The rule is found when all are known.
            delegated: text.settings.forward_delegations.then_some(0),
            grants: Arc::new(grants::compile(&text.grants, host)),
            counters: (text.settings.statistics == ZoneStatistics::Full).then(|| interner.counters(id, &text.name)),
            is_told: text.settings.statistics != ZoneStatistics::None,
        }),
        ..rule(&text.name, &nowhere, interner)
    });
    let rules = forwarded.into_iter().chain(local).collect();
    let any = |list: &MatchList| list.is_only(&Match::Any);
    let recursion_differs = view.access.recursion != view.access.query_cache;
    View {
        id,
        name: view.name.clone(),
        matches_all: any(&view.match_clients) && any(&view.match_destinations) && !view.match_recursive_only,
        match_clients: Acl::compile(&view.match_clients, host),
        match_destinations: Acl::compile(&view.match_destinations, host),
        match_recursive_only: view.match_recursive_only,
        keys,
        recursion: view.recursion,
        query: Acl::compile(&view.access.query, host),
        query_cache: Acl::compile(&view.access.query_cache, host),
        allow_recursion: recursion_differs.then(|| Acl::compile(&view.access.recursion, host)),
        asked_at: asked_at(&view.access, host),
        rules: Rules::new(root, rules),
        minimal_any: view.minimal_any,
        minimal: Minimal::of(view.minimal_responses),
        auth_nxdomain: view.auth_nxdomain,
        rrset_order: view.rrset_order,
        fetches_per_server: view.fetches_per_server,
        clients_per_query: view.clients_per_query.map(ClientsPerQuery::new),
        query_timeout: view.query_timeout,
        servfail_ttl: seconds(view.servfail_ttl),
        edns_udp_size: view.edns_udp_size,
        udp_sizes: udp_sizes(view, host),
    }
}

fn asked_at(access: &config::Access, host: &Arc<Host>) -> Option<Box<AskedAt>> {
    let lists = [&access.query_on, &access.query_cache_on, &access.recursion_on];
    if lists.iter().all(|list| list.is_only(&Match::Any)) {
        return None;
    }
    let [query, query_cache, recursion] = lists.map(|list| Acl::compile(list, host));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::CookieVerdict;
    use crate::config::files::NoFiles;
    use crate::config::named_conf::parse;

    const PLAIN: &str = r#"options { forwarders { 192.0.2.1; }; };"#;

    fn config(text: &str) -> Config {
        parse(text, "test", &NoFiles).expect("the configuration is right").config
    }

    fn state(text: &str) -> Arc<State> {
        let host = Host { name: "az1".to_owned(), addresses: vec![address("10.1.1.53")], networks: vec![] };
        Arc::new(State::new(&config(text), Arc::new(host), [1; 16], &Zones::default()))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn route(state: &State, view: usize, name: &str) -> Route {
        let view = Arc::clone(&state.present().views[view]);
        let name: crate::wire::Name = name.parse().expect("a name");
        let rule = view.rules.find(name.as_wire(), 1);
        Route { view, rule }
    }

    #[test]
    fn views_rules_and_upstreams_keep_their_numbers_when_the_text_changes() {
        let before = r#"
            options { forwarders { 192.0.2.1; }; };
            zone "corp" { type forward; forwarders { 192.0.2.2; }; };
            zone "example" { type forward; forwarders { 192.0.2.3; }; };"#;
        let after = r#"
            options { forwarders { 192.0.2.2; 192.0.2.9; 192.0.2.1; }; };
            zone "new" { type forward; forwarders { 192.0.2.4; }; };
            zone "corp" { type forward; forwarders { 192.0.2.2 port 54; 192.0.2.2; }; };"#;
        let state = state(before);
        let (root, corp, example) = (route(&state, 0, "."), route(&state, 0, "corp"), route(&state, 0, "example"));
        let known = &corp.rule().servers[0];
        known.replied(1, Some(Duration::from_millis(70)));
        state.publish(&config(after), Arc::default(), &Zones::default());
        let (new_root, new_corp) = (route(&state, 0, "."), route(&state, 0, "www.corp"));
        assert_eq!(new_root.view.id, root.view.id);
        assert_eq!((new_root.rule().id, new_corp.rule().id), (root.rule().id, corp.rule().id));
        assert!(Arc::ptr_eq(&new_corp.rule().servers[1], known), "what was learnt of an upstream stays");
        assert_eq!(new_corp.rule().servers[0].weight(), Duration::ZERO, "another port is another upstream");
        assert!(![root.rule().id, corp.rule().id, example.rule().id].contains(&route(&state, 0, "new").rule().id));
        assert_eq!(route(&state, 0, "www.example").rule().id, root.rule().id, "without its rule a name is the root's");
        state.publish(&config(before), Arc::default(), &Zones::default());
        assert_eq!(route(&state, 0, "example").rule().id, example.rule().id, "it comes back with its number");
    }

    #[test]
    fn the_same_apex_in_two_views_is_two_rules() {
        let state = state(
            r#"view "in" { match-clients { 10.0.0.0/8; }; zone "corp" { type forward; forwarders { 192.0.2.1; }; }; };
               view "out" { zone "corp" { type forward; forwarders { 192.0.2.1; }; }; };"#,
        );
        let (inside, outside) = (route(&state, 0, "corp"), route(&state, 1, "corp"));
        assert_ne!(inside.view.id, outside.view.id);
        assert_ne!(inside.rule().id, outside.rule().id);
        assert!(Arc::ptr_eq(&inside.rule().servers[0], &outside.rule().servers[0]), "the upstream is one");
    }

    #[test]
    fn a_view_matches_by_client_destination_and_rd() {
        let clients = "match-clients { 10.0.0.0/8; };";
        let destinations = "match-destinations { 10.1.1.53; };";
        let (inside, outside) = (address("10.9.9.9"), address("192.0.2.77"));
        let (own, other) = (address("10.1.1.53"), address("10.1.2.53"));
        for (case, settings, client, destination, recursion_desired, expected) in [
            ("everything", "", outside, other, false, true),
            ("a client of its list", clients, inside, other, false, true),
            ("a client that is in no list", clients, outside, other, true, false),
            ("a destination of its list", destinations, outside, own, false, true),
            ("another destination", destinations, inside, other, true, false),
            ("with RD", "match-recursive-only yes;", outside, other, true, true),
            ("without RD", "match-recursive-only yes;", outside, other, false, false),
        ] {
            let state = state(&format!("view \"v\" {{ {settings} }};"));
            let view = &state.present().views[0];
            assert_eq!(view.matches(client, destination, None, recursion_desired), expected, "{case}");
        }
    }

    #[test]
    fn a_route_says_what_its_rule_and_view_say() {
        let state = state(
            r#"options { forwarders { 192.0.2.1; }; edns-udp-size 1400; servfail-ttl 7; max-cache-ttl 90; };
               zone "corp" { type forward; forwarders { 192.0.2.2; }; };
               zone "none" { type forward; forwarders { }; };"#,
        );
        let corp = route(&state, 0, "www.corp");
        assert_eq!(
            (corp.servers()[0].forwarder.edns_udp_size, corp.servfail_ttl(), corp.trust_ad()),
            (Some(1400), 7, false)
        );
        assert_eq!(corp.ttl().cache, (0, 90));
        assert_eq!(corp.servers()[0].forwarder.address.ip(), address("192.0.2.2"));
        assert_eq!(corp.apex_of(b"\x01x\x04corp\0", 1), Some(&b"\x04corp\0"[..]));
        assert_eq!(corp.apex_of(b"\x07example\0", 1), None, "the root has other upstreams");
        let none = route(&state, 0, "x.none");
        assert!(none.servers().is_empty());
        assert_eq!(none.apex_of(b"\x01y\x04none\0", 1), None, "nobody answers there");
    }

    #[test]
    fn what_is_not_set_costs_nothing() {
        type Check = fn(&Snapshot) -> bool;
        let cases: [(&str, &str, Check); 9] = [
            ("a view for all without a word", PLAIN, |snapshot| snapshot.views[0].matches_all),
            ("a view for all, said", "view v { match-clients { any; }; match-destinations { any; }; };", |snapshot| {
                snapshot.views[0].matches_all
            }),
            ("no blackhole", PLAIN, |snapshot| snapshot.blackhole.is_none()),
            ("an empty blackhole", "options { blackhole { none; }; };", |snapshot| snapshot.blackhole.is_none()),
            ("a blackhole", "options { blackhole { 192.0.2.66; }; };", |snapshot| {
                snapshot.blackhole.as_ref().is_some_and(|list| list.allows(address("192.0.2.66")))
            }),
            ("cookies by default", PLAIN, |snapshot| snapshot.cookies.is_some() && sends_cookies(snapshot)),
            ("no cookies", "options { forwarders { 192.0.2.1; }; answer-cookie no; send-cookie no; };", |snapshot| {
                snapshot.cookies.is_none() && !sends_cookies(snapshot)
            }),
            ("one list for cache and recursion", "options { allow-query { any; }; };", |snapshot| {
                snapshot.views[0].allow_recursion.is_none()
            }),
            ("two lists", "options { allow-query-cache { any; }; allow-recursion { 10.0.0.0/8; }; };", |snapshot| {
                snapshot.views[0].allow_recursion.is_some()
            }),
        ];
        for (case, text, check) in cases {
            assert!(check(&state(text).present()), "{case}");
        }
    }

    fn sends_cookies(snapshot: &Snapshot) -> bool {
        snapshot.views[0].rules.get(0).servers.iter().any(|server| server.takes_cookie(1))
    }

    #[test]
    fn forwarders_are_asked_as_their_server_statement_says_else_as_the_view() {
        let text = "options { forwarders { 192.0.2.1; 192.0.2.2; 198.51.100.1; 203.0.113.1; }; edns-udp-size 1000;
                blackhole { 203.0.113.0/24; }; query-source 10.0.0.1; send-cookie no; };
            server 192.0.2.0/24 { send-cookie yes; edns-udp-size 600; query-source *; };
            server 192.0.2.2 { bogus yes; };
            view a { edns-udp-size 700; query-source 10.0.0.2; };
            view b { server 192.0.2.1 { tcp-only yes; }; };
            view c { forwarders { 203.0.113.1; }; zone corp { type forward; forwarders { }; }; };";
        let snapshot = state(text).present();
        let shown = |view: usize| -> Vec<_> {
            let servers = snapshot.views[view].rules.get(0).servers.iter();
            let asked = |server: &Arc<Server>| {
                let cookie = server.takes_cookie(1);
                format!("{} {} {} {cookie}", server.forwarder.address.ip(), server.edns_udp_size(), server.source())
            };
            servers.map(asked).collect()
        };
        assert_eq!(shown(0), ["192.0.2.1 600 0.0.0.0 true", "198.51.100.1 700 10.0.0.2 false"]);
        let as_options = |address| format!("{address} 1000 10.0.0.1 false");
        assert_eq!(shown(1), ["192.0.2.1", "192.0.2.2", "198.51.100.1"].map(as_options), "its own statement alone");
        let rules = &snapshot.views[2].rules;
        assert_eq!((shown(2).len(), rules.get(0).is_barred, rules.get(0).goes_nowhere()), (0, true, false));
        assert_eq!((rules.get(1).is_barred, rules.get(1).goes_nowhere()), (false, true), "an empty list is none");
    }

    #[test]
    fn the_longest_answer_depends_on_cookie_and_prefix() {
        let text = "options { forwarders { 192.0.2.1; }; max-udp-size 1400; nocookie-udp-size 900; };
            server 10.0.0.0/8 { max-udp-size 1000; };
            server 10.1.0.0/16 { edns no; };
            server 10.1.1.0/24 { max-udp-size 4096; };";
        let snapshot = state(text).present();
        let most = |client, has_cookie| snapshot.views[0].udp_sizes.most(address(client), has_cookie);
        for (case, client, expected) in [
            ("no statement", "192.0.2.9", [1400, 900]),
            ("a statement", "10.2.0.1", [1000, 900]),
            ("the longer prefix says nothing", "10.1.0.1", [1400, 900]),
            ("it never raises the size", "10.1.1.1", [1400, 900]),
        ] {
            assert_eq!([most(client, true), most(client, false)], expected, "{case}");
        }
    }

    #[test]
    fn a_new_cookie_secret_leaves_the_cookies_of_the_last_two_good() {
        let with_secret = |octet: &str| format!("options {{ cookie-secret \"{}\"; }};", octet.repeat(16));
        let state = state(&with_secret("01"));
        let respond = |option: &[u8]| {
            let snapshot = state.present();
            snapshot.cookies.as_ref().expect("given by default").respond(option, address("10.9.9.9"), 1000)
        };
        let CookieVerdict::ClientOnly(cookie) = respond(b"client!!") else { panic!("a client cookie alone") };
        for (case, octet, good) in [
            ("the same", "01", true),
            ("another", "02", true),
            ("a third", "03", true),
            ("the same again, as when an address comes", "03", true),
            ("a fourth", "04", false),
        ] {
            state.publish(&config(&with_secret(octet)), Arc::default(), &Zones::default());
            assert_eq!(matches!(respond(&cookie), CookieVerdict::Valid(_)), good, "{case}");
        }
    }

    #[test]
    fn names_of_the_server_are_its_own_given_or_withheld() {
        let own = Some(format!("tandem {}", env!("CARGO_PKG_VERSION")));
        for (case, text, expected) in [
            ("its own", PLAIN, own),
            ("given", r#"options { version "not currently available"; };"#, Some("not currently available".to_owned())),
            ("withheld", "options { version none; };", None),
        ] {
            assert_eq!(state(text).present().identity.version, expected, "{case}");
        }
        assert_eq!(state(PLAIN).present().identity.server_id, None, "id.server is withheld unless it is set");
        let identity = &state("options { server-id hostname; };").present().identity;
        assert_eq!((identity.server_id.as_deref(), identity.hostname.as_deref()), (Some("az1"), Some("az1")));
    }

    #[test]
    fn followers_see_what_is_published_and_keep_what_they_hold() {
        let state = state(PLAIN);
        let mut follower = state.follow();
        let held = Arc::clone(follower.load());
        state.publish(&config("options { max-udp-size 4096; };"), Arc::default(), &Zones::default());
        assert_eq!((held.max_udp_size, follower.load().max_udp_size), (1232, 4096));
        assert_eq!(state.own_secret(), [1; 16]);
    }
}
