//! What stands at which key: the values of the configuration, for every key that a statement of named.conf can set.
//!
//! Values are taken from the configuration, not from the words: numbers are within their bounds, units are right.
//! Not here: lists of addresses, which stand as they are written.

use std::net::SocketAddr;

use super::text::{Text, duration, size, string};
use crate::config::{
    CacheSize, Config, FetchLimit, ForwardSettings, Forwarder, Identity, MinimalResponses, OrderOfSome, Over, Position,
    Prefetch, View,
};
use crate::wire::mnemonic::type_name;

/// Of the server alone.
pub(super) const OF_SERVER: &[&str] = &[
    "pid_file",
    "version",
    "hostname",
    "server_id",
    "interface_interval",
    "recursive_clients",
    "tcp_clients",
    "tcp_initial_timeout",
    "tcp_idle_timeout",
    "tcp_keepalive_timeout",
    "tcp_advertised_timeout",
    "max_cache_size",
    "answer_cookie",
    "cookie_secret",
];

/// Of views, and of the options for all views.
pub(super) const OF_VIEWS: &[&str] = &[
    "match_recursive_only",
    "recursion",
    "minimal_any",
    "require_server_cookie",
    "minimal_responses",
    "rrset_order",
    "rrset_orders",
    "resolver_query_timeout",
    "servfail_ttl",
    "query_source",
    "query_source_v6",
    "send_cookie",
    "edns_udp_size",
    "max_udp_size",
    "nocookie_udp_size",
    "peer_udp_size",
    "fetches_per_server",
    "fetches_per_zone",
    "empty_zones_enable",
    "disable_empty_zone",
];

/// Of rules, views and options.
pub(super) const OF_RULES: &[&str] = &[
    "forwarders",
    "max_cache_ttl",
    "max_ncache_ttl",
    "min_cache_ttl",
    "min_ncache_ttl",
    "prefetch",
    "serve_stale",
    "stale_cache_enable",
    "stale_answer_enable",
    "max_stale_ttl",
    "stale_answer_ttl",
    "stale_refresh_time",
    "stale_answer_client_timeout",
];

fn plain(value: impl ToString) -> Option<Text> {
    Some(Text::Plain(value.to_string()))
}

/// The value of a key of [`OF_SERVER`]; `None`: nothing is to be said.
pub(super) fn of_server(key: &str, config: &Config) -> Option<Text> {
    match key {
        "pid_file" => {
            let path = config.pid_file.as_ref().map(|path| path.to_string_lossy().into_owned());
            Some(Text::string(path.as_deref().unwrap_or("none")))
        }
        "version" => identity(&config.version),
        "hostname" => identity(&config.hostname),
        "server_id" => identity(&config.server_id),
        "interface_interval" => plain(duration(config.interface_interval)),
        "recursive_clients" => plain(config.limits.recursive_clients),
        "tcp_clients" => plain(config.limits.tcp_clients),
        "tcp_initial_timeout" => plain(duration(config.limits.tcp_initial_timeout)),
        "tcp_idle_timeout" => plain(duration(config.limits.tcp_idle_timeout)),
        "tcp_keepalive_timeout" => plain(duration(config.limits.tcp_keepalive_timeout)),
        "tcp_advertised_timeout" => plain(duration(config.limits.tcp_advertised_timeout)),
        "max_cache_size" => match config.cache_size {
            CacheSize::Percent(percent) => Some(Text::Plain(format!("\"{percent}%\""))),
            CacheSize::Bytes(octets) => plain(size(octets)),
        },
        "answer_cookie" => plain(config.cookies.answer),
        "cookie_secret" => {
            let octets = config.cookies.secret?;
            Some(Text::string(&octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>()))
        }
        _ => None,
    }
}

fn identity(identity: &Identity) -> Option<Text> {
    match identity {
        Identity::Own => plain(true),
        Identity::Withheld => plain(false),
        Identity::Text(text) => Some(Text::string(text)),
    }
}

/// An element of `rrset_orders`, without a comment.
fn order_of_some(some: &OrderOfSome) -> (String, Option<Position>) {
    let rtype = some.rtype.map(|rtype| format!("type = {}, ", string(&type_name(rtype).to_string())));
    let name = some.name.as_ref().map(|name| format!("name = {}, ", string(&name.to_string())));
    let order = string(some.order.word());
    (format!("{{ {}{}order = {order} }}", rtype.unwrap_or_default(), name.unwrap_or_default()), None)
}

/// The value of a key of [`OF_VIEWS`].
pub(super) fn of_view(key: &str, view: &View) -> Option<Text> {
    let source = |address: std::net::IpAddr| match address.is_unspecified() {
        true => Some(Text::string("*")),
        false => Some(Text::string(&address.to_string())),
    };
    match key {
        "match_recursive_only" => plain(view.match_recursive_only),
        "recursion" => plain(view.recursion),
        "minimal_any" => plain(view.minimal_any),
        "require_server_cookie" => plain(view.require_server_cookie),
        "minimal_responses" => Some(Text::string(match view.minimal_responses {
            MinimalResponses::No => "no",
            MinimalResponses::Yes => "yes",
            MinimalResponses::NoAuth => "no-auth",
            MinimalResponses::NoAuthRecursive => "no-auth-recursive",
        })),
        "rrset_order" => Some(Text::string(view.rrset_order.word())),
        "rrset_orders" => Some(Text::Array(view.rrset_orders.iter().map(order_of_some).collect())),
        "resolver_query_timeout" => plain(duration(view.query_timeout)),
        "servfail_ttl" => plain(duration(view.servfail_ttl)),
        "query_source" => source(view.query_source.0.into()),
        "query_source_v6" => source(view.query_source.1.into()),
        "send_cookie" => plain(view.send_cookie),
        "edns_udp_size" => plain(view.edns_udp_size),
        "max_udp_size" => plain(view.max_udp_size),
        "nocookie_udp_size" => plain(view.nocookie_udp_size),
        "fetches_per_server" => fetch_limit(view.fetches_per_server, Over::Fail),
        "fetches_per_zone" => fetch_limit(view.fetches_per_zone, Over::Drop),
        "peer_udp_size" => {
            let one = |peer: &crate::config::PeerUdpSize| {
                let size = peer.max_udp_size.map(|size| format!(", max_udp_size = {size}")).unwrap_or_default();
                (format!("{{ prefix = {}{size} }}", string(&peer.prefix.to_string())), None)
            };
            Some(Text::Array(view.peer_udp_sizes.iter().map(one).collect()))
        }
        "empty_zones_enable" => plain(view.empty_zones.enabled),
        "disable_empty_zone" => {
            let names = view.empty_zones.disabled.iter();
            Some(Text::Array(names.map(|name| (string(&name.to_string()), None)).collect()))
        }
        _ => None,
    }
}

/// A number, with a word where that is not the usual one; 0: no limit.
fn fetch_limit(limit: Option<FetchLimit>, usual: Over) -> Option<Text> {
    let Some(FetchLimit { most, over }) = limit else { return plain(0) };
    let word = if over == Over::Drop { "drop" } else { "fail" };
    if over == usual { plain(most) } else { Some(Text::Plain(format!("[{most}, \"{word}\"]"))) }
}

/// The value of a key of [`OF_RULES`]. `port`: of forwarders that name none.
pub(super) fn of_rule(key: &str, settings: &ForwardSettings, port: u16) -> Option<Text> {
    let (ttl, stale) = (&settings.ttl, &settings.stale);
    let are_one = stale.keep == stale.answer;
    match key {
        "forwarders" => {
            let list = settings.forwarders.iter().map(|forwarder| (self::forwarder(forwarder, port), None));
            Some(Text::Array(list.collect()))
        }
        "max_cache_ttl" => plain(duration(ttl.max_cache)),
        "max_ncache_ttl" => plain(duration(ttl.max_ncache)),
        "min_cache_ttl" => plain(duration(ttl.min_cache)),
        "min_ncache_ttl" => plain(duration(ttl.min_ncache)),
        "prefetch" => match settings.prefetch {
            Prefetch::LastTenth => plain(true),
            Prefetch::Off => plain(false),
            Prefetch::Last { trigger, eligibility } => Some(Text::Plain(format!("[{trigger}, {eligibility}]"))),
        },
        "serve_stale" if are_one => plain(stale.keep),
        "stale_cache_enable" if !are_one => plain(stale.keep),
        "stale_answer_enable" if !are_one => plain(stale.answer),
        "max_stale_ttl" => plain(duration(stale.max_ttl)),
        "stale_answer_ttl" => plain(duration(stale.answer_ttl)),
        "stale_refresh_time" => plain(duration(stale.refresh_time)),
        "stale_answer_client_timeout" => match stale.client_timeout {
            Some(time) => plain(duration(time)),
            None => Some(Text::string("off")),
        },
        _ => None,
    }
}

/// An address, or a table where more is to be said of it.
fn forwarder(forwarder: &Forwarder, port: u16) -> String {
    let address = match forwarder.address {
        SocketAddr::V6(v6) if v6.port() == port => v6.ip().to_string(),
        SocketAddr::V4(v4) if v4.port() == port => v4.ip().to_string(),
        other => other.to_string(),
    };
    let mut more = Vec::new();
    let default = Forwarder::new(forwarder.address);
    for (key, value, usual) in [
        ("bogus", forwarder.bogus, default.bogus),
        ("edns", forwarder.edns, default.edns),
        ("tcp_only", forwarder.tcp_only, default.tcp_only),
    ] {
        more.extend((value != usual).then(|| format!("{key} = {value}")));
    }
    more.extend(forwarder.edns_udp_size.map(|octets| format!("edns_udp_size = {octets}")));
    more.extend(forwarder.send_cookie.map(|value| format!("send_cookie = {value}")));
    more.extend(forwarder.query_source.map(|source| match source.is_unspecified() {
        true => "query_source = \"*\"".to_owned(),
        false => format!("query_source = {}", string(&source.to_string())),
    }));
    match more.is_empty() {
        true => string(&address),
        false => format!("{{ address = {}, {} }}", string(&address), more.join(", ")),
    }
}
