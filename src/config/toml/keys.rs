//! The keys of the native format: one row a key, with the tables it may stand in.
//!
//! The readers look keys up here only; a key that is missing is an error with a suggestion out of this table.
//! Not here: what a key means (see the fields of [`crate::config::Config`]); names that the operator chooses.

use super::super::suggest;

/// A kind of table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The file itself.
    Root,
    /// `[options]`
    Options,
    /// `[[view]]`
    View,
    /// `[[forward]]`, `[[view.forward]]`
    Forward,
    /// A forwarder written as a table.
    Forwarder,
    /// An element of `listen_on` written as a table.
    ListenOn,
    /// An element of `peer_udp_size`.
    PeerUdpSize,
    /// An element of `rrset_orders`.
    RrsetOrder,
    /// `{ not = … }` in a match list.
    Negation,
    /// `[logging]`
    Logging,
    /// `[logging.channel.NAME]`
    Channel,
    /// `[[zone]]`, `[[view.zone]]`
    Zone,
    /// `soa` of a zone.
    Soa,
    /// `[[zone.record]]`
    Record,
    /// `alias_target` of a record.
    Alias,
    /// `[[zone.grant]]`
    Grant,
    /// `[[health_check]]`
    HealthCheck,
    /// `[[key]]`
    Key,
    /// `[[statistics_channel]]`
    StatisticsChannel,
    /// `[[control]]`
    Control,
}

use Place::{
    Alias, Channel, Control, Forward, Forwarder, Grant, HealthCheck, Key, ListenOn, Logging, Negation, Options,
    PeerUdpSize, Record, Root, RrsetOrder, Soa, StatisticsChannel, View, Zone,
};

/// Where the statements of a view may stand.
const VIEW: &[Place] = &[Options, View];
/// Where the limits of kept answers may stand.
const RULE: &[Place] = &[Options, View, Forward];

/// Every key and its tables.
pub(super) const KEYS: &[(&str, &[Place])] = &[
    ("acl", &[Root]),
    ("control", &[Root]),
    ("forward", &[Root, View]),
    ("health_check", &[Root, Record]),
    ("key", &[Root, Grant]),
    ("logging", &[Root]),
    ("options", &[Root]),
    ("statistics_channel", &[Root]),
    ("view", &[Root, Key]),
    ("zone", &[Root, View]),
    // The server.
    ("answer_cookie", &[Options]),
    ("blackhole", &[Options]),
    ("control_socket", &[Options]),
    ("cookie_secret", &[Options]),
    ("directory", &[Options]),
    ("dump_file", &[Options]),
    ("health_source", &[Options]),
    ("health_source_v6", &[Options]),
    ("health_start_deadline", &[Options]),
    ("health_user_agent", &[Options]),
    ("hostname", &[Options]),
    ("interface_interval", &[Options]),
    ("listen", &[Options]),
    ("listen_on", &[Options]),
    ("listen_on_v6", &[Options]),
    ("max_cache_size", &[Options]),
    ("pid_file", &[Options]),
    ("recursing_file", &[Options]),
    ("statistics_file", &[Options]),
    ("querylog", &[Options]),
    ("recursive_clients", &[Options]),
    ("recursive_clients_per_address", &[Options]),
    ("region", &[Options, Record]),
    ("server_id", &[Options]),
    ("state_directory", &[Options]),
    ("tcp_clients", &[Options]),
    ("tcp_advertised_timeout", &[Options]),
    ("tcp_idle_timeout", &[Options]),
    ("tcp_initial_timeout", &[Options]),
    ("tcp_keepalive_timeout", &[Options]),
    ("version", &[Options]),
    // A view.
    ("allow_query", &[Options, View, Zone]),
    ("allow_query_cache", VIEW),
    ("allow_query_cache_on", VIEW),
    ("allow_query_on", &[Options, View, Zone]),
    ("allow_recursion", VIEW),
    ("allow_recursion_on", VIEW),
    ("auth_nxdomain", VIEW),
    ("clients_per_query", VIEW),
    ("disable_empty_zone", VIEW),
    ("edns_udp_size", &[Options, View, Forwarder]),
    ("empty_contact", VIEW),
    ("empty_server", VIEW),
    ("empty_zones_enable", VIEW),
    ("fetches_per_server", VIEW),
    ("fetches_per_zone", VIEW),
    ("match_clients", &[View]),
    ("match_destinations", &[View]),
    ("match_recursive_only", &[View]),
    ("max_clients_per_query", VIEW),
    ("max_udp_size", &[Options, View, PeerUdpSize]),
    ("minimal_any", VIEW),
    ("require_server_cookie", VIEW),
    ("minimal_responses", VIEW),
    ("nocookie_udp_size", VIEW),
    ("peer_udp_size", VIEW),
    ("query_source", &[Options, View, Forwarder]),
    ("query_source_v6", VIEW),
    ("recursion", VIEW),
    ("resolver_query_timeout", VIEW),
    ("order", &[RrsetOrder]),
    ("rrset_order", VIEW),
    ("rrset_orders", VIEW),
    ("send_cookie", &[Options, View, Forwarder]),
    ("servfail_ttl", VIEW),
    // A rule.
    ("forwarder_order", RULE),
    ("forwarders", RULE),
    ("max_cache_ttl", RULE),
    ("max_ncache_ttl", RULE),
    ("min_cache_ttl", RULE),
    ("min_ncache_ttl", RULE),
    ("prefetch", RULE),
    ("serve_stale", RULE),
    ("stale_answer_enable", RULE),
    ("stale_cache_enable", RULE),
    ("max_stale_ttl", RULE),
    ("stale_answer_ttl", RULE),
    ("stale_refresh_time", RULE),
    ("stale_answer_client_timeout", RULE),
    ("name", &[View, Forward, Zone, Record, Alias, HealthCheck, Key, RrsetOrder]),
    ("trust_ad", RULE),
    // A zone.
    ("forward_delegations", &[Zone]),
    ("grant", &[Zone]),
    ("in_view", &[Zone]),
    ("journal", &[Zone]),
    ("max_journal_size", &[Zone]),
    ("monitored_ttl", &[Options, Zone]),
    ("name_servers", &[Zone]),
    ("on_all_down", &[Zone, Record]),
    ("record", &[Zone]),
    ("serial", &[Zone]),
    ("soa", &[Zone]),
    ("zone_statistics", &[Zone]),
    ("ttl", &[Zone, Record]),
    // Its SOA.
    ("expire", &[Soa]),
    ("minimum", &[Soa]),
    ("mname", &[Soa]),
    ("refresh", &[Soa]),
    ("retry", &[Soa]),
    ("rname", &[Soa]),
    // A record.
    ("alias_target", &[Record]),
    ("evaluate_target_health", &[Alias]),
    ("failover", &[Record]),
    ("geo_location", &[Record]),
    ("multivalue_answer", &[Record]),
    ("set_identifier", &[Record]),
    ("type", &[Record, HealthCheck, RrsetOrder]),
    ("value", &[Record]),
    ("weight", &[Record]),
    // A grant.
    ("clients", &[Grant]),
    ("deny", &[Grant]),
    ("match", &[Grant]),
    ("names", &[Grant]),
    ("types", &[Grant]),
    // A key.
    ("algorithm", &[Key]),
    ("secret", &[Key]),
    ("secret_file", &[Key]),
    // A control channel.
    ("keys", &[Control]),
    ("read_only", &[Control]),
    // A health check.
    ("child_health_checks", &[HealthCheck]),
    ("connect_timeout", &[HealthCheck]),
    ("disabled", &[HealthCheck]),
    ("enable_sni", &[HealthCheck]),
    ("failure_threshold", &[HealthCheck]),
    ("fully_qualified_domain_name", &[HealthCheck]),
    ("health_threshold", &[HealthCheck]),
    ("inverted", &[HealthCheck]),
    ("ip_address", &[HealthCheck]),
    ("request_interval", &[HealthCheck]),
    ("resource_path", &[HealthCheck]),
    ("response_timeout", &[HealthCheck]),
    ("search_string", &[HealthCheck]),
    ("source_address", &[HealthCheck]),
    ("success_threshold", &[HealthCheck]),
    ("user_agent", &[HealthCheck]),
    // A forwarder.
    ("address", &[Forwarder, Control, StatisticsChannel]),
    ("allow", &[StatisticsChannel, Control]),
    ("bogus", &[Forwarder]),
    ("case_randomisation", &[Forwarder]),
    ("edns", &[Forwarder]),
    ("max_qps", &[Forwarder]),
    ("tcp_only", &[Forwarder]),
    // Others.
    ("addresses", &[ListenOn]),
    ("not", &[Negation]),
    ("prefix", &[PeerUdpSize]),
    ("port", &[Options, Forwarder, ListenOn, HealthCheck]),
    ("category", &[Logging]),
    ("channel", &[Logging]),
    ("file", &[Channel, Zone]),
    ("null", &[Channel]),
    ("print_category", &[Channel]),
    ("print_severity", &[Channel]),
    ("print_time", &[Channel]),
    ("severity", &[Channel]),
    ("size", &[Channel]),
    ("stderr", &[Channel]),
    ("suffix", &[Channel]),
    ("syslog", &[Channel]),
    ("versions", &[Channel]),
];

/// Words of named.conf and Route 53 that have no key in these tables (none named: in no table), and what to do instead.
const ELSEWHERE: &[(&str, &[Place], &str)] = &[
    ("forward", &[], "leave it out: this server always forwards only"),
    ("type", &[Forward], "leave it out: every [[forward]] is a forward zone"),
    ("type", &[Zone], "leave it out: every [[zone]] is a primary zone"),
    ("controls", &[], "write [[control]] with address and keys"),
    ("server", &[], "write the forwarder as a table: { address = \"…\", edns = false }"),
    ("allow_update", &[], "write [[zone.grant]] with key or clients"),
    ("update_policy", &[], "write [[zone.grant]] with key, names and types"),
    ("values", &[Record], "write value = [\"…\", \"…\"]"),
    ("resource_records", &[Record], "write value = [\"…\", \"…\"]"),
    ("weighted", &[Record], "write weight = 10"),
];

impl Place {
    /// Where that is, for messages.
    pub(super) fn location(self) -> &'static str {
        match self {
            Root => "at the top of the file",
            Options => "in [options]",
            View => "in [[view]]",
            Forward => "in [[forward]]",
            Forwarder => "in a forwarder's table",
            ListenOn => "in an element of listen_on",
            PeerUdpSize => "in an element of peer_udp_size",
            RrsetOrder => "in an element of rrset_orders",
            Negation => "in a negated list",
            Logging => "in [logging]",
            Channel => "in [logging.channel.NAME]",
            Zone => "in [[zone]]",
            Soa => "in the soa of a zone",
            Record => "in [[zone.record]]",
            Alias => "in an alias_target",
            Grant => "in [[zone.grant]]",
            HealthCheck => "in [[health_check]]",
            Key => "in [[key]]",
            StatisticsChannel => "in [[statistics_channel]]",
            Control => "in [[control]]",
        }
    }

    /// Whether the key may stand in this table.
    pub(super) fn knows(self, key: &str) -> bool {
        KEYS.iter().any(|(known, places)| *known == key && places.contains(&self))
    }

    /// What would be right instead of an unknown key: another place, another spelling, another way.
    pub(super) fn hint(self, key: &str) -> Option<String> {
        let here = || KEYS.iter().filter(|(_, places)| places.contains(&self)).map(|(known, _)| *known);
        let spelling = key.replace('-', "_");
        let is_it = |(word, places, _): &&(&str, &[Place], &str)| {
            *word == spelling && (places.is_empty() || places.contains(&self))
        };
        let elsewhere = ELSEWHERE.iter().find(is_it).map(|(_, _, instead)| (*instead).to_owned());
        elsewhere
            .or_else(|| moved(key).map(|place| format!("it belongs {place}")))
            .or_else(|| suggest::did_you_mean(key, here()))
            .or_else(|| {
                let known = suggest::nearest(key, KEYS.iter().map(|(known, _)| *known))?;
                Some(format!("did you mean '{known}' {}?", moved(known)?))
            })
    }
}

/// Where a known key belongs.
fn moved(key: &str) -> Option<&'static str> {
    let (_, places) = KEYS.iter().find(|(known, _)| *known == key)?;
    places.first().map(|place| place.location())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_told_what_would_be_right() {
        for (place, key, hint) in [
            (Options, "allow-query", Some("did you mean 'allow_query'?")),
            (Options, "forwarder", Some("did you mean 'forwarders'?")),
            (Root, "listen", Some("it belongs in [options]")),
            (Options, "forward", Some("leave it out: this server always forwards only")),
            (Options, "stale-cache-enable", Some("did you mean 'stale_cache_enable'?")),
            (Options, "zone", Some("it belongs at the top of the file")),
            (Forward, "type", Some("leave it out: every [[forward]] is a forward zone")),
            (Zone, "allow-update", Some("write [[zone.grant]] with key or clients")),
            (Record, "helth_check", Some("did you mean 'health_check'?")),
            (HealthCheck, "interval", None),
            (Forward, "listen-on", Some("did you mean 'listen_on' in [options]?")),
            (Options, "rate_limit", None),
        ] {
            assert_eq!(place.hint(key).as_deref(), hint, "{key} {}", place.location());
        }
    }

    #[test]
    fn no_key_has_two_rows() {
        for (at, (key, places)) in KEYS.iter().enumerate() {
            assert!(KEYS[at + 1..].iter().all(|(other, _)| other != key), "{key}");
            assert!(!places.is_empty(), "{key}");
        }
    }
}
