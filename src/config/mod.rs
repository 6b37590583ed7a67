//! The validated configuration: what every other layer is built from.
//!
//! Text → syntax tree → [`Config`]: two readers (`named_conf` and `toml`) end in the same type, so that past this
//! module an invalid setting cannot be represented. Every default stands beside its type.
//! Not here: the host's interfaces, open files, anything that can change while the server runs.

pub mod bounds;
mod command_line;
pub mod control;
mod diagnostic;
pub mod empty_zones;
pub mod files;
mod forward;
mod grants;
mod groups;
pub mod health;
pub mod match_list;
mod match_lists;
pub mod inherit;
pub mod load;
pub mod named_conf;
mod placeless;
pub mod suggest;
pub mod toml;
mod trial;
pub mod values;
pub mod statistics;
mod zones;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

pub use command_line::{CommandLine, Family};
pub use control::Control;
pub use diagnostic::{Diagnostic, Level, Position, Topic};
pub use empty_zones::EmptyZones;
pub use files::Files;
pub use forward::{
    ClientsPerQuery, FetchLimit, ForwardRule, ForwardSettings, Forwarder, ForwarderOrder, MAX_FORWARDERS, Over,
    Prefetch, Stale, TtlLimits, is_askable,
};
pub use grants::{Grant, GrantedNames, GrantedTypes, Grantee, Key, NamePattern, Secret};
pub use groups::{MAX_ALIAS_DEPTH, MAX_ALIAS_REACH, MAX_GROUP};
pub use health::{HealthCheck, HealthSettings};
pub use load::{load, load_given};
pub use match_list::{Match, MatchElement, MatchList, NamedAcl};
pub use placeless::Comparison;
pub use statistics::{STATISTICS_PORT, StatisticsChannel};
pub use zones::{
    AliasTarget, FailoverRole, LocalZone, MAX_TTL, MasterFile, OnAllDown, RecordPolicy, SharedZone, Soa, ZoneRecord,
    ZoneSettings, ZoneStatistics, below_directory, journal_beside,
};

use crate::logging;
use crate::wire::Name;

/// Everything the server is told by its file.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `listen-on`, in order; default: port 53 on every IPv4 address.
    pub listen_v4: Vec<Listen>,
    /// `listen-on-v6`, in order; default: port 53 on every IPv6 address.
    pub listen_v6: Vec<Listen>,
    /// `interface-interval`: how often interfaces are scanned besides netlink's notices; zero: never. Default 60 min.
    pub interface_interval: Duration,
    /// `directory`: the working directory.
    pub directory: Option<PathBuf>,
    /// `pid-file`; `None`: no file is written.
    pub pid_file: Option<PathBuf>,
    /// `logging`.
    pub logging: logging::Config,
    /// `querylog`; see [`Self::logs_queries`].
    pub query_log: Option<bool>,
    /// `statistics-channels`: where statistics are told, in the order of the text. Default nowhere.
    pub statistics_channels: Vec<StatisticsChannel>,
    /// `version`: the answer to CH TXT version.bind.
    pub version: Identity,
    /// `hostname`: the answer to CH TXT hostname.bind.
    pub hostname: Identity,
    /// `server-id`: the answer to CH TXT id.server. Default [`Identity::Withheld`].
    pub server_id: Identity,
    /// `blackhole`: addresses that get no answer and are asked no question. Default none.
    pub blackhole: MatchList,
    /// Bounds on what clients may use.
    pub limits: Limits,
    /// DNS cookies (RFC 7873, RFC 9018).
    pub cookies: Cookies,
    /// `max-cache-size`.
    pub cache_size: CacheSize,
    /// `edns-udp-size` of `options`: what clients are told that we take, in octets, where no view answers.
    /// `512..=4096`, default 1232.
    pub edns_udp_size: u16,
    /// `max-udp-size` of `options`: the longest answer sent by UDP, in octets, where no view answers. `512..=4096`,
    /// default 1232.
    pub max_udp_size: u16,
    /// TOML `state_directory`: where journals and overrides of health checks are kept. Behind an absolute `directory`, else
    /// as it is written; `None`: journals stand beside their zones' files.
    pub state_directory: Option<PathBuf>,
    /// TOML `control_socket`: where `tandem ctl` finds this server. Behind an absolute `directory`, else as it is written.
    /// Default `control` in `state_directory`; `None`: there is none.
    pub control_socket: Option<PathBuf>,
    /// `controls`: where rndc connects; each address once. Default: nowhere. named.conf without the statement: 127.0.0.1 and
    /// ::1, port 953, with the key of rndc's key file.
    pub controls: Vec<Control>,
    /// The files that commands write.
    pub files: CommandFiles,
    /// TOML `region`: which records with a `region` are this node's.
    pub region: Option<String>,
    /// `key`, in the order of the text; names are unique.
    pub keys: Vec<Key>,
    /// TOML `[[health_check]]`, in the order of the text; names are unique.
    pub health_checks: Vec<HealthCheck>,
    /// What counts for all health checks.
    pub health: HealthSettings,
    /// In the order of the text; the first whose clients match is used. At least one (`_default`).
    pub views: Vec<View>,
}

/// Files that commands write, below the working directory unless absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandFiles {
    /// `dump-file`: of `rndc dumpdb`. Default `named_dump.db`.
    pub dump: PathBuf,
    /// `recursing-file`: of `rndc recursing`. Default `named.recursing`.
    pub recursing: PathBuf,
    /// `statistics-file`: of `rndc stats`. Default `named.stats`.
    pub statistics: PathBuf,
}

impl Default for CommandFiles {
    fn default() -> Self {
        Self { dump: "named_dump.db".into(), recursing: "named.recursing".into(), statistics: "named.stats".into() }
    }
}

/// One `listen-on` statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// `1..`; default 53.
    pub port: u16,
    /// Which of the host's addresses.
    pub addresses: MatchList,
}

/// What a CH TXT question about the server itself is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The program's own: its version, the host's name.
    Own,
    /// This text. At most 255 octets.
    Text(String),
    /// `none`: NODATA.
    Withheld,
}

/// Bounds on what clients may use at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `recursive-clients`: questions that wait for an upstream. `1..`, default 1000.
    pub recursive_clients: u32,
    /// Of those, the most that one client address (IPv6: /56) may have; `None`: only as few as all who ask leave it
    /// ([`crate::access::quota`]). TOML `recursive_clients_per_address`.
    pub recursive_clients_per_address: Option<u32>,
    /// `tcp-clients`: connections from clients. `1..`, default 150.
    pub tcp_clients: u32,
    /// `tcp-initial-timeout`: how long a new connection may stay silent. Default 30 s.
    pub tcp_initial_timeout: Duration,
    /// `tcp-idle-timeout`: how long a connection may stay idle after an answer. Default 30 s.
    pub tcp_idle_timeout: Duration,
    /// `tcp-keepalive-timeout`: the same where the client speaks edns-tcp-keepalive (RFC 7828). Default 30 s.
    pub tcp_keepalive_timeout: Duration,
    /// `tcp-advertised-timeout`: what such a client is told; zero: to close at once. Default 30 s.
    pub tcp_advertised_timeout: Duration,
}

/// DNS cookies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookies {
    /// `answer-cookie`: give clients a server cookie. Default yes.
    pub answer: bool,
    /// `cookie-secret`: 16 octets that two nodes may share; `None`: random at each start.
    pub secret: Option<[u8; 16]>,
}

/// `max-cache-size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheSize {
    /// Of the machine's memory (or the control group's limit). `1..=100`; named's default is 90.
    Percent(u8),
    /// Octets; at least 2 MiB, as in named.
    Bytes(u64),
}

/// A view: who is answered, and by which rules. Without `view` statements there is one, [`DEFAULT_VIEW`].
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// Unique; the cache keeps views apart by it.
    pub name: String,
    /// `match-clients`. Default any.
    pub match_clients: MatchList,
    /// `match-destinations`. Default any.
    pub match_destinations: MatchList,
    /// `match-recursive-only`. Default no.
    pub match_recursive_only: bool,
    /// `recursion`: whether questions are forwarded at all. Default yes.
    pub recursion: bool,
    /// Who may ask: `allow-query`, `allow-query-cache` and `allow-recursion` after named's inheritance.
    pub access: Access,
    /// `forwarders` of the options or view: where names without a rule of their own go; empty: nowhere (REFUSED).
    pub forward: ForwardSettings,
    /// `zone … { type forward; }`, in the order of the text; names are unique.
    pub rules: Vec<ForwardRule>,
    /// `zone … { type primary; }`, in the order of the text; names are unique, and no rule's.
    pub zones: Vec<LocalZone>,
    /// `zone … { in-view …; }`, in the order of the text; names are unique, no rule's, and none of `zones`.
    pub shared_zones: Vec<SharedZone>,
    /// `minimal-any`: an ANY question by UDP gets one of the RRsets (RFC 8482 §4.1). Default yes; named's is no.
    pub minimal_any: bool,
    /// `require-server-cookie`: who sends a cookie by UDP, but no server cookie that is good, gets BADCOOKIE and a good
    /// one instead of an answer (RFC 7873 §5.2.3). Default no.
    pub require_server_cookie: bool,
    /// `minimal-responses`: what is told beside an answer of a local zone. Default
    /// [`MinimalResponses::NoAuthRecursive`], as in named.
    pub minimal_responses: MinimalResponses,
    /// `empty-zones-enable` and its kin; the zones that they make are among `zones`.
    pub empty_zones: EmptyZones,
    /// `auth-nxdomain`: AA is set when a name does not exist, whoever said so. Default no.
    pub auth_nxdomain: bool,
    /// `rrset-order`: how address sets are handed out. Default [`RrsetOrder::Random`].
    pub rrset_order: RrsetOrder,
    /// `rrset-order` of some types and names: the first that is about an RRset counts; what none is about goes by
    /// `rrset_order`. Where there are any, RRsets of all types have an order. Default: none.
    pub rrset_orders: Vec<OrderOfSome>,
    /// `resolver-query-timeout`: how long a question may wait for upstreams. Default 10 s, at most 30 s.
    pub query_timeout: Duration,
    /// `servfail-ttl`: how long a failed question is remembered (RFC 9520). Default 1 s, at most 30 s.
    pub servfail_ttl: Duration,
    /// `fetches-per-server`: questions outstanding to one forwarder. Default none: as many as there are.
    pub fetches_per_server: Option<FetchLimit>,
    /// `fetches-per-zone`: questions outstanding under one rule. Default none: as many as there are.
    pub fetches_per_zone: Option<FetchLimit>,
    /// `clients-per-query`, `max-clients-per-query`. Default none: as many as ask; named's is 10, growing to 100.
    pub clients_per_query: Option<ClientsPerQuery>,
    /// `query-source`, `query-source-v6`: the source of upstream questions; an unspecified address leaves it to the
    /// system. The port is always random.
    pub query_source: (Ipv4Addr, Ipv6Addr),
    /// `send-cookie`: send upstreams a cookie. Default yes.
    pub send_cookie: bool,
    /// `edns-udp-size`: what upstreams and clients are told that we take, in octets. `512..=4096`, default 1232.
    pub edns_udp_size: u16,
    /// `max-udp-size`: the longest answer sent by UDP, in octets. `512..=4096`, default 1232.
    pub max_udp_size: u16,
    /// `nocookie-udp-size`: the same for who has not proven its address by a cookie. `128..=4096`, default 4096: no less
    /// than for others.
    pub nocookie_udp_size: u16,
    /// `server PREFIX { max-udp-size; }`: the same for clients in it. The longest prefix comes first; it alone counts.
    pub peer_udp_sizes: Vec<PeerUdpSize>,
}

/// The longest answer that is sent by UDP to clients of a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerUdpSize {
    /// Whose.
    pub prefix: IpNet,
    /// In octets. `512..=4096`; `None`: as others get it, though a shorter prefix says otherwise.
    pub max_udp_size: Option<u16>,
}

/// Who may ask what, after named's inheritance between the three statements has been applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    /// `allow-query`: local data, and what is asked of this server at all.
    pub query: MatchList,
    /// `allow-query-cache`: answers out of the cache.
    pub query_cache: MatchList,
    /// `allow-recursion`: questions that are forwarded.
    pub recursion: MatchList,
    /// `allow-query-on`: at which addresses of ours local data may be asked for.
    pub query_on: MatchList,
    /// `allow-query-cache-on`: at which addresses answers out of the cache are given.
    pub query_cache_on: MatchList,
    /// `allow-recursion-on`: at which addresses questions are taken that are forwarded.
    pub recursion_on: MatchList,
}

/// What is left out beside an answer of a local zone: the zone's name servers in the authority section, addresses of
/// hosts that records name in the additional one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MinimalResponses {
    /// `no`: nothing.
    No,
    /// `yes`: both, but for the addresses of name servers that were asked for.
    Yes,
    /// `no-auth`: the name servers.
    NoAuth,
    /// `no-auth-recursive`: the name servers, for who sends RD.
    NoAuthRecursive,
}

/// How RRsets of addresses are handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RrsetOrder {
    /// `random`: beginning at a record drawn for each answer.
    Random,
    /// `cyclic`: each answer begins one record further.
    Cyclic,
    /// `fixed`, `none`: as the upstream sent them.
    Fixed,
}

impl RrsetOrder {
    /// The word for it in both texts.
    pub fn word(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Cyclic => "cyclic",
            Self::Fixed => "fixed",
        }
    }
}

/// How RRsets of a type, of a name, or of both are handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderOfSome {
    /// Their type; `None`: any.
    pub rtype: Option<u16>,
    /// Their owner, or with `*` as its first label, all names below the rest; `None`: any.
    pub name: Option<Name>,
    /// How.
    pub order: RrsetOrder,
}

/// The port of DNS (RFC 1035 §4.2).
pub const DNS_PORT: u16 = 53;

impl Default for Config {
    fn default() -> Self {
        Self {
            listen_v4: vec![Listen { port: DNS_PORT, addresses: MatchList::any() }],
            listen_v6: vec![Listen { port: DNS_PORT, addresses: MatchList::any() }],
            interface_interval: Duration::from_secs(3600),
            directory: None,
            pid_file: None,
            logging: logging::Config::default(),
            query_log: None,
            statistics_channels: Vec::new(),
            version: Identity::Own,
            hostname: Identity::Own,
            server_id: Identity::Withheld,
            blackhole: MatchList::none(),
            limits: Limits::default(),
            cookies: Cookies { answer: true, secret: None },
            cache_size: CacheSize::Percent(90),
            edns_udp_size: 1232,
            max_udp_size: 1232,
            state_directory: None,
            control_socket: None,
            controls: Vec::new(),
            files: CommandFiles::default(),
            region: None,
            keys: Vec::new(),
            health_checks: Vec::new(),
            health: HealthSettings::default(),
            views: vec![View::default()],
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            recursive_clients: 1000,
            recursive_clients_per_address: None,
            tcp_clients: 150,
            tcp_initial_timeout: Duration::from_secs(30),
            tcp_idle_timeout: Duration::from_secs(30),
            tcp_keepalive_timeout: Duration::from_secs(30),
            tcp_advertised_timeout: Duration::from_secs(30),
        }
    }
}

impl Config {
    /// Every forwarder of every rule, as often as it is written.
    fn forwarders(&self) -> impl Iterator<Item = &Forwarder> {
        self.views.iter().flat_map(View::forwarders)
    }

    /// Whether queries are logged from the start: as `querylog` says, else if the `logging` statement has a category for
    /// them, as in named.
    pub fn logs_queries(&self) -> bool {
        self.query_log.unwrap_or_else(|| self.logging.categories.contains_key(&logging::Category::Queries))
    }

    /// What to warn of in forwarders that are written with several `max_qps`: each then keeps its own.
    fn warnings_of_several_paces(&self) -> Vec<String> {
        let mut paces: BTreeMap<SocketAddr, BTreeSet<Option<u32>>> = BTreeMap::new();
        for forwarder in self.forwarders() {
            paces.entry(forwarder.address).or_default().insert(forwarder.max_qps);
        }
        let several = paces.into_iter().filter(|(_, paces)| paces.len() > 1);
        several
            .map(|(address, _)| format!("forwarder {address} is written with different max_qps: each counts alone"))
            .collect()
    }
}

impl View {
    /// Every forwarder of every rule, as often as it is written.
    fn forwarders(&self) -> impl Iterator<Item = &Forwarder> {
        let settings = std::iter::once(&self.forward).chain(self.rules.iter().map(|rule| &rule.settings));
        settings.flat_map(|settings| &settings.forwarders)
    }

    /// What to warn of in a view that forwards, by its own word, but has nobody to forward to: whatever zones it has, since
    /// every stock file has some.
    fn warning_without_forwarders(&self) -> Option<String> {
        if !self.recursion || self.forwarders().next().is_some() {
            return None;
        }
        let view = if self.name == DEFAULT_VIEW { "" } else { &format!("view '{}': ", values::excerpt(&self.name)) };
        Some(format!("{view}no forwarders: nothing outside local data can be answered until 'forwarders' is set"))
    }
}

/// The name of the view that there is without `view` statements, as in named.
pub const DEFAULT_VIEW: &str = "_default";

impl Default for View {
    fn default() -> Self {
        Self {
            name: DEFAULT_VIEW.to_owned(),
            match_clients: MatchList::any(),
            match_destinations: MatchList::any(),
            match_recursive_only: false,
            recursion: true,
            access: Access::default(),
            forward: ForwardSettings::default(),
            rules: Vec::new(),
            zones: Vec::new(),
            shared_zones: Vec::new(),
            minimal_any: true,
            require_server_cookie: false,
            minimal_responses: MinimalResponses::NoAuthRecursive,
            empty_zones: EmptyZones::default(),
            auth_nxdomain: false,
            rrset_order: RrsetOrder::Random,
            rrset_orders: Vec::new(),
            query_timeout: Duration::from_secs(10),
            servfail_ttl: Duration::from_secs(1),
            fetches_per_server: None,
            fetches_per_zone: None,
            clients_per_query: None,
            query_source: (Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED),
            send_cookie: true,
            edns_udp_size: 1232,
            max_udp_size: 1232,
            nocookie_udp_size: 4096,
            peer_udp_sizes: Vec::new(),
        }
    }
}

impl Default for Access {
    /// named's, where nothing is said: anybody may ask, only neighbours get answers from the cache or upstreams.
    fn default() -> Self {
        Self {
            query: MatchList::any(),
            query_cache: MatchList::local(),
            recursion: MatchList::local(),
            query_on: MatchList::any(),
            query_cache_on: MatchList::any(),
            recursion_on: MatchList::any(),
        }
    }
}

impl Limits {
    /// What one client address may have waiting at once: `1..=recursive_clients`.
    pub fn per_address(&self) -> u32 {
        self.recursive_clients_per_address.unwrap_or(self.recursive_clients).clamp(1, self.recursive_clients.max(1))
    }
}

impl Config {
    /// Every upstream address of every view, each once.
    pub fn upstream_addresses(&self) -> Vec<SocketAddr> {
        let mut addresses: Vec<_> = self.forwarders().map(|forwarder| forwarder.address).collect();
        addresses.sort();
        addresses.dedup();
        addresses
    }
}

/// The outcome of reading a configuration.
#[derive(Debug)]
pub struct Loaded {
    /// Usable, whatever the warnings say.
    pub config: Config,
    /// Never an error among them.
    pub warnings: Vec<Diagnostic>,
}
