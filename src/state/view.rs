//! Views, ready for use: who belongs to one, what it allows, where its names go.
//!
//! Not here: how one is made of the configuration ([`super::build`]), which rule a name has ([`super::rules`]).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::order::Orders;
use super::rules::{Rule, Rules};
use crate::access::Acl;
use crate::config::{FetchLimit, ForwarderOrder, MinimalResponses, RrsetOrder};
use crate::tsig::Keys;
use crate::upstream::{ClientsPerQuery, Route as UpstreamRoute, Server, Stale, ZoneFetches};
use crate::wire::Name;
use crate::wire::response::TtlBounds;

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
    /// Who sends a cookie by UDP must send a server cookie that is good.
    pub require_server_cookie: bool,
    /// ANY by UDP gets one RRset.
    pub minimal_any: bool,
    /// What is told beside answers of local zones.
    pub minimal: Minimal,
    /// AA is set when a name does not exist, whoever said so.
    pub auth_nxdomain: bool,
    /// How address sets are handed out, as they are copied.
    pub rrset_order: RrsetOrder,
    /// How RRsets are handed out where that differs by type or name, once they are written; they are copied as they are
    /// kept then.
    pub rrset_orders: Option<Box<Orders>>,
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
    pub(super) fn of(written: MinimalResponses) -> Self {
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
    pub(super) prefixes: Acl,
    /// By the place of the prefix.
    pub(super) octets: Box<[Option<u16>]>,
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
