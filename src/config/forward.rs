//! Forwarding: where the names of a rule go, and how long the answers are kept.
//!
//! Not here: views, which hold rules ([`super::View`]); choosing among forwarders (`upstream`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::Position;
use crate::wire::Name;

/// A conditional forwarding rule: the names at and below `name` go to its own forwarders.
#[derive(Clone, Debug, PartialEq)]
pub struct ForwardRule {
    /// The zone's apex. `.` cannot be a rule: it is the view's `forward`.
    pub name: Name,
    /// `forwarders {};` (empty) cancels forwarding here and below: such names are REFUSED.
    pub settings: ForwardSettings,
    /// Where it stands.
    pub position: Option<Position>,
}

/// Where questions of a rule go, and what is believed of the answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForwardSettings {
    /// In the order of the text, without repetition. At most [`MAX_FORWARDERS`].
    pub forwarders: Vec<Forwarder>,
    /// `max-cache-ttl` and its kin.
    pub ttl: TtlLimits,
    /// TOML `forwarder_order`: which forwarder is asked first. Default [`ForwarderOrder::Fastest`].
    pub order: ForwarderOrder,
    /// `prefetch`: when answers that are asked for are fetched anew before they end.
    pub prefetch: Prefetch,
    /// `stale-answer-enable` and its kin.
    pub stale: Stale,
    /// TOML `trust_ad`: the upstream validates and the way to it is safe, so its AD is passed on. Default no.
    pub trust_ad: bool,
}

/// How many questions may be outstanding at once, and what becomes of one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchLimit {
    /// `1..`
    pub most: u32,
    /// What its asker gets.
    pub over: Over,
}

/// What who asks one question too many gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// `drop`: nothing.
    Drop,
    /// `fail`: SERVFAIL, or an answer of old where those are given out.
    Fail,
}

/// `clients-per-query`: how many may wait for one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientsPerQuery {
    /// `1..`; so many to begin with.
    pub least: u32,
    /// `max-clients-per-query`: so many at most, as the bound grows; `None`: it may grow for ever. `least..`
    pub most: Option<u32>,
}

impl ClientsPerQuery {
    /// What the two statements say together; `None`: there is no bound.
    ///
    /// Where only one is written, the other is as in named: 10 clients, 100 at most.
    pub fn new(least: Option<u32>, most: Option<u32>) -> Option<Self> {
        if least.or(most).is_none() || least == Some(0) {
            return None;
        }
        let (least, most) = (least.unwrap_or(10), most.unwrap_or(100));
        Some(Self { least, most: (most != 0).then_some(most.max(least)) })
    }
}

/// Which of a rule's forwarders is asked first. Whatever the order, one that owes answers to everything is asked after
/// the others, one that is dead not at all, and a late question goes to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwarderOrder {
    /// `fastest`: the one whose answers take the least time, bad and late ones weighed in.
    #[default]
    Fastest,
    /// `first`: that of the text, however fast the others are.
    First,
    /// `spread`: each in turn at random, evenly; one much slower than the others is left out.
    Spread,
}

/// More forwarders than this for one rule are refused.
pub const MAX_FORWARDERS: usize = 16;

/// One upstream of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Forwarder {
    /// Address and port; the port defaults to 53.
    pub address: SocketAddr,
    /// TOML `case_randomisation`: draw the case of each question's letters (0x20) and demand it back. Default no.
    pub case_randomisation: bool,
    /// `server ADDR { edns no; }`: ask without OPT. Default yes.
    pub edns: bool,
    /// `server ADDR { tcp-only yes; }`: never ask by UDP. Default no.
    pub tcp_only: bool,
    /// `server ADDR { bogus yes; }`: never ask it. Default no.
    pub bogus: bool,
    /// `server ADDR { edns-udp-size; }`: what it is told that we take, in octets. Default `None`: as the view says.
    pub edns_udp_size: Option<u16>,
    /// `server ADDR { send-cookie; }`: send it a cookie. Default `None`: as the view says.
    pub send_cookie: Option<bool>,
    /// `server ADDR { query-source; }`: from which address it is asked, one of its family; unspecified: the system chooses.
    /// Default `None`: as the view says.
    pub query_source: Option<IpAddr>,
    /// TOML `max_qps`: send it no more messages a second, in [`super::bounds::MAX_QPS`]. Default `None`: as many as there are.
    pub max_qps: Option<u32>,
}

impl Forwarder {
    /// A forwarder with every default.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            case_randomisation: false,
            edns: true,
            tcp_only: false,
            bogus: false,
            edns_udp_size: None,
            send_cookie: None,
            query_source: None,
            max_qps: None,
        }
    }

    /// The same, where what it does not say itself is as the view says. `query_source`: one of each family.
    pub fn within(&self, edns_udp_size: u16, send_cookie: bool, query_source: (Ipv4Addr, Ipv6Addr)) -> Self {
        let of_family = match self.address {
            SocketAddr::V4(_) => IpAddr::V4(query_source.0),
            SocketAddr::V6(_) => IpAddr::V6(query_source.1),
        };
        Self {
            edns_udp_size: self.edns_udp_size.or(Some(edns_udp_size)),
            send_cookie: self.send_cookie.or(Some(send_cookie)),
            query_source: self.query_source.or(Some(of_family)),
            ..self.clone()
        }
    }
}

/// How long answers may be kept. A TTL is raised to the minimum, then cut to the maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TtlLimits {
    /// `max-cache-ttl`. Default 1 week.
    pub max_cache: Duration,
    /// `max-ncache-ttl`: NXDOMAIN and NODATA. Default 3 h.
    pub max_ncache: Duration,
    /// `min-cache-ttl`, at most 90 s. Default 0.
    pub min_cache: Duration,
    /// `min-ncache-ttl`, at most 90 s. Default 0.
    pub min_ncache: Duration,
}

/// When an answer that is asked for is fetched anew, once, before its TTL ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prefetch {
    /// In the last tenth of its TTL, if that is 2 s or more. named's default is `prefetch 2 9`, which leaves out the short
    /// TTLs of names that fail over.
    #[default]
    LastTenth,
    /// `prefetch TRIGGER ELIGIBILITY`
    Last {
        /// In so many last seconds; `1..=10`, as in named.
        trigger: u32,
        /// If its TTL is at least so many seconds; named's least is `trigger` + 6.
        eligibility: u32,
    },
    /// `prefetch 0`
    Off,
}

/// Serving answers after their TTL has ended when no forwarder gives a new one (RFC 8767).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale {
    /// `stale-cache-enable`: answers are kept beyond their TTL. Default no.
    pub keep: bool,
    /// `stale-answer-enable`: what is kept so is given out when a question fails. Default no.
    pub answer: bool,
    /// `max-stale-ttl`: how long after the end of its TTL an answer is of use. Default 1 day.
    pub max_ttl: Duration,
    /// `stale-answer-ttl`: the TTL that clients are told. Default 30 s, which is also the most (RFC 8767 §4).
    pub answer_ttl: Duration,
    /// `stale-refresh-time`: after a failure the stale answer is given out for so long without asking. Default 30 s.
    pub refresh_time: Duration,
    /// `stale-answer-client-timeout`: how long a client waits for a new answer before it gets a stale one, though
    /// forwarders may still answer; zero: it does not wait at all. `None`: until the question has failed. Default none.
    pub client_timeout: Option<Duration>,
}

impl Stale {
    /// Whether anything stale is ever given out.
    pub fn is_served(&self) -> bool {
        self.keep && self.answer
    }
}

impl Default for Stale {
    fn default() -> Self {
        Self {
            keep: false,
            answer: false,
            max_ttl: Duration::from_secs(86_400),
            answer_ttl: Duration::from_secs(30),
            refresh_time: Duration::from_secs(30),
            client_timeout: None,
        }
    }
}

impl Default for TtlLimits {
    fn default() -> Self {
        Self {
            max_cache: Duration::from_secs(604_800),
            max_ncache: Duration::from_secs(10_800),
            min_cache: Duration::ZERO,
            min_ncache: Duration::ZERO,
        }
    }
}

/// Whether an address may be asked as an upstream at all: not unspecified, not a multicast or broadcast address.
pub fn is_askable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !(v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast()),
        IpAddr::V6(v6) => !(v6.is_unspecified() || v6.is_multicast()),
    }
}
