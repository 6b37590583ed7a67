//! What the server knows at one moment, published as a whole: views, rules, access lists, limits.
//!
//! A [`Snapshot`] never changes; [`State::publish`] makes a new one from a configuration and the host's addresses and
//! swaps it in. Views, rules and upstreams keep their numbers across publications ([`intern`]), so that a reload neither
//! poisons nor empties the cache, and what was learnt of an upstream stays.

pub mod intern;
pub mod rules;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::access::cookie::{Secret, ServerCookies};
use crate::access::{Acl, HostAddresses};
use crate::config::{self, Config, ForwardSettings, RrsetOrder, TtlLimits};
use crate::upstream::{Route as UpstreamRoute, Server};
use crate::wire::response::TtlBounds;
use intern::Interner;
use rules::{Rule, Rules};

/// See the module.
pub struct Snapshot {
    /// In order; the first that matches a query is its view.
    pub views: Vec<Arc<View>>,
    /// Who gets no answer at all; `None`: nobody.
    pub blackhole: Option<Acl>,
    /// The host's own addresses.
    pub host: Arc<HostAddresses>,
    /// Answers about the server itself.
    pub identity: Identity,
    /// Cookies for clients; `None`: they get none.
    pub cookies: Option<ServerCookies>,
    /// The longest answer by UDP, in octets.
    pub max_udp_size: u16,
    /// What we tell that we take by UDP, in octets.
    pub edns_udp_size: u16,
    /// Bounds on clients.
    pub limits: config::Limits,
    /// From where upstreams are asked; unspecified: the system chooses.
    pub query_source: (std::net::Ipv4Addr, std::net::Ipv6Addr),
    /// Upstreams are sent cookies.
    pub send_cookies: bool,
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
    /// Names are forwarded at all.
    pub recursion: bool,
    /// `allow-query-cache`
    pub query_cache: Acl,
    /// `allow-recursion`; `None`: the same list as `query_cache`.
    pub allow_recursion: Option<Acl>,
    /// Where names go.
    pub rules: Rules,
    /// ANY by UDP gets one RRset.
    pub minimal_any: bool,
    /// How address sets are handed out.
    pub rrset_order: RrsetOrder,
    /// How long a question may wait.
    pub query_timeout: Duration,
    /// How long a failure is remembered, in seconds.
    pub servfail_ttl: u32,
    /// What upstreams are told that we take by UDP, in octets.
    pub edns_udp_size: u16,
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

    fn edns_udp_size(&self) -> u16 {
        self.view.edns_udp_size
    }
}

impl View {
    /// Whether a query from `client` to `destination` belongs here.
    #[inline]
    pub fn matches(&self, client: IpAddr, destination: IpAddr, recursion_desired: bool) -> bool {
        self.matches_all
            || ((recursion_desired || !self.match_recursive_only)
                && self.match_clients.allows(client)
                && self.match_destinations.allows(destination))
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
    /// Begins with a configuration. `own_secret` comes from the system's CSPRNG.
    pub fn new(config: &Config, host: Arc<HostAddresses>, own_secret: [u8; 16]) -> Self {
        let mut interner = Interner::default();
        let snapshot = build(config, host, own_secret, &mut interner);
        Self { present: ArcSwap::from_pointee(snapshot), interner: Mutex::new(interner), own_secret }
    }

    /// Puts a configuration in force.
    pub fn publish(&self, config: &Config, host: Arc<HostAddresses>) {
        let mut interner = self.interner.lock().unwrap_or_else(PoisonError::into_inner);
        self.present.store(Arc::new(build(config, host, self.own_secret, &mut interner)));
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

fn build(config: &Config, host: Arc<HostAddresses>, own_secret: [u8; 16], interner: &mut Interner) -> Snapshot {
    let blackhole = (!config.blackhole.elements.is_empty() && config.blackhole != config::MatchList::none())
        .then(|| Acl::compile(&config.blackhole, &host));
    let secret = Secret::from(config.cookies.secret.unwrap_or(own_secret));
    Snapshot {
        views: config.views.iter().map(|view| Arc::new(build_view(config, view, &host, interner))).collect(),
        blackhole,
        identity: identity(config),
        cookies: config.cookies.answer.then(|| ServerCookies::new(secret, &[])),
        max_udp_size: config.max_udp_size,
        edns_udp_size: config.edns_udp_size,
        limits: config.limits.clone(),
        query_source: config.query_source,
        send_cookies: config.cookies.send,
        host,
    }
}

fn build_view(config: &Config, view: &config::View, host: &Arc<HostAddresses>, interner: &mut Interner) -> View {
    let id = interner.view(&view.name);
    let rule = |apex: &crate::wire::Name, settings: &ForwardSettings, interner: &mut Interner| Rule {
        id: interner.rule(id, apex),
        apex: apex.clone(),
        group: 0,
        servers: settings.forwarders.iter().map(|forwarder| interner.server(forwarder)).collect(),
        ttl: ttl_bounds(&settings.ttl),
        trust_ad: settings.trust_ad,
    };
    let root = rule(&crate::wire::Name::root(), &view.forward, interner);
    let rules = view.rules.iter().map(|text| rule(&text.name, &text.settings, interner)).collect();
    let any = config::MatchList::any();
    let recursion_differs = view.access.recursion != view.access.query_cache;
    View {
        id,
        name: view.name.clone(),
        matches_all: view.match_clients == any && view.match_destinations == any && !view.match_recursive_only,
        match_clients: Acl::compile(&view.match_clients, host),
        match_destinations: Acl::compile(&view.match_destinations, host),
        match_recursive_only: view.match_recursive_only,
        recursion: view.recursion,
        query_cache: Acl::compile(&view.access.query_cache, host),
        allow_recursion: recursion_differs.then(|| Acl::compile(&view.access.recursion, host)),
        rules: Rules::new(root, rules),
        minimal_any: view.minimal_any,
        rrset_order: view.rrset_order,
        query_timeout: view.query_timeout,
        servfail_ttl: seconds(view.servfail_ttl),
        edns_udp_size: config.edns_udp_size,
    }
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

fn identity(config: &Config) -> Identity {
    let text = |identity: &config::Identity, own: &dyn Fn() -> String| match identity {
        config::Identity::Own => Some(own()),
        config::Identity::Text(text) => Some(text.clone()),
        config::Identity::Withheld => None,
    };
    let hostname = || nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Identity {
        version: text(&config.version, &|| format!("tandem {}", env!("CARGO_PKG_VERSION"))),
        hostname: text(&config.hostname, &hostname),
        server_id: text(&config.server_id, &hostname),
    }
}
