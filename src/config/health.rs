//! The settings of health checks, in Route 53's vocabulary.
//!
//! Plain values: whatever reads a text into them keeps their bounds. Defaults stand here, beside what they are for.
//! Not here: what a check has found ([`crate::health`]), reading TOML.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::Position;
use crate::wire::Name;

/// What counts for all health checks: TOML's `[options]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthSettings {
    /// `health_start_deadline`: how long the first round of probes may keep a starting server from serving. In
    /// [`START_DEADLINE`], default 2 s; zero: it does not wait.
    pub start_deadline: Duration,
}

impl Default for HealthSettings {
    fn default() -> Self {
        Self { start_deadline: Duration::from_secs(2) }
    }
}

/// What `health_start_deadline` may be.
pub const START_DEADLINE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(30);
/// What `request_interval` may be.
pub const REQUEST_INTERVAL: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3600);
/// `request_interval`, where nothing is said; Route 53's.
pub const DEFAULT_REQUEST_INTERVAL: Duration = Duration::from_secs(30);
/// What `failure_threshold` and `success_threshold` may be; Route 53's.
pub const THRESHOLD: RangeInclusive<u8> = 1..=10;
/// `failure_threshold`, where nothing is said; Route 53's.
pub const DEFAULT_THRESHOLD: u8 = 3;
/// What `connect_timeout` and `response_timeout` may be.
pub const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(60);
/// Octets of the longest `search_string`; Route 53's.
pub const MAX_SEARCH_STRING_OCTETS: usize = 255;
/// Octets of the longest `resource_path`; Route 53's.
pub const MAX_RESOURCE_PATH_OCTETS: usize = 255;
/// Octets of the longest `user_agent`.
pub const MAX_USER_AGENT_OCTETS: usize = 255;
/// Octets of the longest `name`.
pub const MAX_NAME_OCTETS: usize = 255;
/// The most `child_health_checks` that one check may have; Route 53's.
pub const MAX_CHILDREN: usize = 255;

/// One health check: `[[health_check]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// Unique; printable, at most [`MAX_NAME_OCTETS`].
    pub name: String,
    /// What it looks at: its `type` and all that belongs to it.
    pub monitored: Monitored,
    /// When what it finds counts.
    pub thresholds: Thresholds,
    /// `inverted`: what was found counts as its opposite. Default no.
    pub inverted: bool,
    /// `disabled`: nothing is probed, and the check counts as healthy; inverted: as unhealthy. Default no.
    pub disabled: bool,
    /// Where it is written.
    pub position: Option<Position>,
}

/// How many results in a row turn a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// `failure_threshold`: so many failures make it unhealthy. In [`THRESHOLD`], default [`DEFAULT_THRESHOLD`].
    pub failure: u8,
    /// `success_threshold`: so many successes make it healthy. In [`THRESHOLD`]; default: as `failure`.
    pub success: u8,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { failure: DEFAULT_THRESHOLD, success: DEFAULT_THRESHOLD }
    }
}

/// What a check looks at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Monitored {
    /// A server. `HTTP`, `HTTPS`, `HTTP_STR_MATCH`, `HTTPS_STR_MATCH`, `TCP`
    Endpoint(Endpoint),
    /// Other checks. `CALCULATED`
    Calculated(Calculated),
}

/// A server that is probed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Where it is.
    pub address: Address,
    /// `port`: `1..`; default 80 for HTTP, 443 for HTTPS, none for TCP.
    pub port: u16,
    /// What is spoken with it.
    pub protocol: Protocol,
    /// `request_interval`: from the start of a probe to that of the next. In [`REQUEST_INTERVAL`], default
    /// [`DEFAULT_REQUEST_INTERVAL`].
    pub request_interval: Duration,
    /// `connect_timeout`: for the address and the connection. In [`TIMEOUT`], default [`default_connect_timeout`].
    pub connect_timeout: Duration,
    /// `response_timeout`: from then to the status (TLS included), and from the status to the end of the body where
    /// that is searched. In [`TIMEOUT`], default [`default_response_timeout`]. TCP has no use for it.
    pub response_timeout: Duration,
    /// `source_address`, else `[options]`' `health_source` or `health_source_v6` of the server's family; `None`: the
    /// system chooses.
    pub source_address: Option<IpAddr>,
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// `ip_address`
    Fixed {
        /// No link-local IPv6 address, which would need a scope; nothing that cannot be connected to.
        ip_address: IpAddr,
        /// `fully_qualified_domain_name`: what it is called in the Host header and by SNI; `None`: the address.
        fully_qualified_domain_name: Option<Name>,
    },
    /// `fully_qualified_domain_name` alone: resolved for each probe.
    Resolved(Name),
}

/// What is spoken with a server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `TCP`: it takes a connection.
    Tcp,
    /// `HTTP`, `HTTP_STR_MATCH`
    Http(Request),
    /// `HTTPS`, `HTTPS_STR_MATCH`; any certificate is taken.
    Https {
        /// What is asked.
        request: Request,
        /// `enable_sni`: the server is told its name, if it has one, in the TLS handshake. Default yes.
        enable_sni: bool,
    },
}

/// What an HTTP server is asked, and what it must answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// `resource_path`: begins with a slash, printable ASCII, may hold a query; at most [`MAX_RESOURCE_PATH_OCTETS`].
    /// Default "/".
    pub resource_path: String,
    /// `search_string`, which makes it a `*_STR_MATCH`: what the body must hold within its first 5,120 octets. Case
    /// counts. `1..=`[`MAX_SEARCH_STRING_OCTETS`] octets.
    pub search_string: Option<String>,
    /// `user_agent`, else `[options]`' `health_user_agent`: printable ASCII, at most [`MAX_USER_AGENT_OCTETS`]; `None`:
    /// [`default_user_agent`].
    pub user_agent: Option<String>,
}

/// A check whose state follows from other checks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Calculated {
    /// `child_health_checks`: their places in [`super::Config`]'s list of checks, none twice. None of them is itself
    /// calculated. At most [`MAX_CHILDREN`].
    pub children: Vec<usize>,
    /// `health_threshold`: so many of them must be healthy. Zero: always healthy; more than there are: never. Default:
    /// as many as there are.
    pub health_threshold: u16,
}

impl Monitored {
    /// Its `type`.
    pub fn type_word(&self) -> &'static str {
        let endpoint = match self {
            Self::Calculated(_) => return "CALCULATED",
            Self::Endpoint(endpoint) => endpoint,
        };
        match &endpoint.protocol {
            Protocol::Tcp => "TCP",
            Protocol::Http(Request { search_string: None, .. }) => "HTTP",
            Protocol::Http(_) => "HTTP_STR_MATCH",
            Protocol::Https { request: Request { search_string: None, .. }, .. } => "HTTPS",
            Protocol::Https { .. } => "HTTPS_STR_MATCH",
        }
    }
}

impl Address {
    /// The name that the server is known by.
    pub fn name(&self) -> Option<&Name> {
        match self {
            Self::Fixed { fully_qualified_domain_name, .. } => fully_qualified_domain_name.as_ref(),
            Self::Resolved(name) => Some(name),
        }
    }
}

/// `connect_timeout`, where nothing is said: Route 53's, 10 s for TCP and 4 s for the others, but no more than an
/// interval under 10 s, which Route 53 does not have: a server that is silent must not slow its own checks.
pub fn default_connect_timeout(tcp: bool, request_interval: Duration) -> Duration {
    bound_by_interval(Duration::from_secs(if tcp { 10 } else { 4 }), request_interval)
}

/// `response_timeout`, where nothing is said: Route 53's 2 s, bounded as [`default_connect_timeout`] is.
pub fn default_response_timeout(request_interval: Duration) -> Duration {
    bound_by_interval(Duration::from_secs(2), request_interval)
}

fn bound_by_interval(timeout: Duration, request_interval: Duration) -> Duration {
    if request_interval < Duration::from_secs(10) { timeout.min(request_interval) } else { timeout }
}

/// `user_agent`, where nothing is said: in Route 53's form, with the check's name, of which what is not printable ASCII
/// is left out.
pub fn default_user_agent(check: &str) -> String {
    let name: String = check.chars().filter(|c| matches!(c, ' '..='~')).collect();
    format!("Tandem Health Check Service; ref:{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_timeouts_are_route_53s_and_bounded_by_short_intervals() {
        let seconds = Duration::from_secs;
        for (interval, tcp, http, response) in [
            (seconds(30), seconds(10), seconds(4), seconds(2)),
            (seconds(10), seconds(10), seconds(4), seconds(2)),
            (seconds(3), seconds(3), seconds(3), seconds(2)),
            (seconds(1), seconds(1), seconds(1), seconds(1)),
            (
                Duration::from_millis(200),
                Duration::from_millis(200),
                Duration::from_millis(200),
                Duration::from_millis(200),
            ),
        ] {
            assert_eq!(default_connect_timeout(true, interval), tcp, "{interval:?}");
            assert_eq!(default_connect_timeout(false, interval), http, "{interval:?}");
            assert_eq!(default_response_timeout(interval), response, "{interval:?}");
        }
    }

    #[test]
    fn the_type_follows_from_what_is_asked() {
        let request = |search: Option<&str>| Request {
            resource_path: "/".to_owned(),
            search_string: search.map(str::to_owned),
            user_agent: None,
        };
        let https = |search| Protocol::Https { request: request(search), enable_sni: true };
        for (protocol, word) in [
            (Protocol::Tcp, "TCP"),
            (Protocol::Http(request(None)), "HTTP"),
            (Protocol::Http(request(Some("ok"))), "HTTP_STR_MATCH"),
            (https(None), "HTTPS"),
            (https(Some("ok")), "HTTPS_STR_MATCH"),
        ] {
            let address = Address::Resolved(Name::root());
            let monitored = Monitored::Endpoint(Endpoint {
                address,
                port: 80,
                protocol,
                request_interval: DEFAULT_REQUEST_INTERVAL,
                connect_timeout: Duration::from_secs(4),
                response_timeout: Duration::from_secs(2),
                source_address: None,
            });
            assert_eq!(monitored.type_word(), word);
        }
        let calculated = Calculated { children: vec![0], health_threshold: 1 };
        assert_eq!(Monitored::Calculated(calculated).type_word(), "CALCULATED");
    }

    #[test]
    fn the_default_user_agent_is_a_header_whatever_the_name() {
        assert_eq!(
            default_user_agent("primary.resilient-site"),
            "Tandem Health Check Service; ref:primary.resilient-site"
        );
        assert_eq!(default_user_agent("Köln\r\nX: y"), "Tandem Health Check Service; ref:KlnX: y");
    }
}
