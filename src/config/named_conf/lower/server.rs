//! What `server` says about addresses: how one is asked, and how long the answers are that it gets.
//!
//! Not here: which view's statements count (`view`).

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Context, boolean};
use crate::config::named_conf::body::Body;
use crate::config::named_conf::report::Problem;
use crate::config::named_conf::value::Value;
use crate::config::{Forwarder, PeerUdpSize, Position};

/// One `server` statement.
pub(super) struct Server {
    prefix: IpNet,
    bogus: bool,
    edns: bool,
    tcp_only: bool,
    send_cookie: Option<bool>,
    edns_udp_size: Option<u16>,
    max_udp_size: Option<u16>,
    query_source: Option<IpAddr>,
}

/// The statements of a body.
pub(super) struct Servers {
    /// The longest prefix first; of equal ones, the first that is written.
    all: Vec<Server>,
    /// The first of each prefix.
    by_prefix: HashMap<IpNet, usize>,
    /// The lengths that prefixes have, each once, the longest first.
    lengths: Vec<u8>,
}

impl Servers {
    fn new(mut all: Vec<Server>) -> Self {
        all.sort_by_key(|server| Reverse(server.prefix.prefix_len()));
        let mut by_prefix = HashMap::new();
        for (at, server) in all.iter().enumerate() {
            by_prefix.entry(server.prefix.trunc()).or_insert(at);
        }
        let mut lengths: Vec<u8> = all.iter().map(|server| server.prefix.prefix_len()).collect();
        lengths.dedup();
        Self { all, by_prefix, lengths }
    }

    /// The longest prefix that holds the address decides.
    fn find(&self, address: IpAddr) -> Option<&Server> {
        let prefixes = self.lengths.iter().filter_map(|length| IpNet::new(address, *length).ok());
        let at = prefixes.filter_map(|prefix| self.by_prefix.get(&prefix.trunc())).next()?;
        self.all.get(*at)
    }
}

/// The statements of a body.
pub(super) fn servers(context: &mut Context<'_>, body: &Body) -> Servers {
    let mut servers: Vec<Server> = Vec::new();
    for setting in body.all("server") {
        if let Value::Server { prefix, body } = &setting.value {
            servers.push(server(context, *prefix, body, &setting.position));
        }
    }
    Servers::new(servers)
}

fn server(context: &mut Context<'_>, prefix: IpNet, body: &Body, at: &Position) -> Server {
    let (source, other) = match prefix {
        IpNet::V4(_) => ("query-source", "query-source-v6"),
        IpNet::V6(_) => ("query-source-v6", "query-source"),
    };
    if let Some(setting) = body.find(other) {
        let problem = Problem::new(at.clone(), format!("server '{prefix}': {other} not legal"));
        context.report.problem(problem.with_hint(format!("{source}, at {}", setting.position)));
    }
    Server {
        prefix,
        bogus: boolean(body, "bogus").unwrap_or(false),
        edns: boolean(body, "edns").unwrap_or(true),
        tcp_only: boolean(body, "tcp-only").unwrap_or(false),
        send_cookie: boolean(body, "send-cookie"),
        edns_udp_size: context.udp_size(body, "edns-udp-size"),
        max_udp_size: context.udp_size(body, "max-udp-size"),
        query_source: context.source(body, source),
    }
}

/// The forwarder with what is said about its address.
pub(super) fn apply(forwarder: Forwarder, servers: &Servers) -> Forwarder {
    let Some(server) = servers.find(forwarder.address.ip()) else { return forwarder };
    Forwarder {
        bogus: server.bogus,
        edns: server.edns,
        tcp_only: server.tcp_only,
        send_cookie: server.send_cookie,
        edns_udp_size: server.edns_udp_size,
        query_source: server.query_source,
        ..forwarder
    }
}

/// What is said about clients; nothing if nobody's answers are cut.
pub(super) fn peer_udp_sizes(servers: &Servers) -> Vec<PeerUdpSize> {
    let servers = &servers.all;
    if servers.iter().all(|server| server.max_udp_size.is_none()) {
        return Vec::new();
    }
    servers.iter().map(|server| PeerUdpSize { prefix: server.prefix, max_udp_size: server.max_udp_size }).collect()
}
