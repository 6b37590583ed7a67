//! Every match list of a configuration, one after the other.
//!
//! This is the only walk over them: whoever does something to all lists does it from here. Types are taken apart whole, so
//! that a field that is added has to be considered before anything compiles.
//! Not here: what is in a list (`match_list`).

use std::fmt;

use super::{
    Access, Config, Control, Grant, Grantee, Listen, LocalZone, MatchList, StatisticsChannel, View, ZoneSettings,
};
use crate::wire::Name;

/// Where a list stands, for messages.
#[derive(Clone, Copy, Debug)]
pub struct ListPlace<'c> {
    view: Option<&'c str>,
    zone: Option<&'c Name>,
    statement: &'static str,
}

impl fmt::Display for ListPlace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(view) = self.view.filter(|view| *view != super::DEFAULT_VIEW) {
            write!(f, "view '{}': ", super::values::excerpt(view))?;
        }
        if let Some(zone) = self.zone {
            write!(f, "zone '{zone}': ")?;
        }
        write!(f, "'{}'", self.statement)
    }
}

/// What is done to each list.
type Visit<'v> = dyn FnMut(ListPlace<'_>, &mut MatchList) + 'v;

impl Config {
    /// Shows every match list, in an order that follows from the configuration's shape alone. Lists within lists, and those
    /// of an `acl`, are for who looks.
    pub fn for_each_match_list(&mut self, visit: &mut Visit<'_>) {
        let Self {
            listen_v4,
            listen_v6,
            statistics_channels,
            blackhole,
            controls,
            views,
            interface_interval: _,
            directory: _,
            pid_file: _,
            logging: _,
            query_log: _,
            version: _,
            hostname: _,
            server_id: _,
            limits: _,
            cookies: _,
            cache_size: _,
            edns_udp_size: _,
            max_udp_size: _,
            state_directory: _,
            control_socket: _,
            files: _,
            region: _,
            keys: _,
            health_checks: _,
            health: _,
        } = self;
        let at = |statement| ListPlace { view: None, zone: None, statement };
        for (statement, listeners) in [("listen-on", listen_v4), ("listen-on-v6", listen_v6)] {
            for Listen { port: _, addresses } in listeners {
                visit(at(statement), addresses);
            }
        }
        for StatisticsChannel { address: _, allow } in statistics_channels {
            visit(at("statistics-channels"), allow);
        }
        visit(at("blackhole"), blackhole);
        for Control { address: _, allow, keys: _, read_only: _, position: _ } in controls {
            visit(at("controls"), allow);
        }
        views.iter_mut().for_each(|view| in_view(view, visit));
    }
}

fn in_view(view: &mut View, visit: &mut Visit<'_>) {
    let View {
        name,
        match_clients,
        match_destinations,
        access,
        zones,
        match_recursive_only: _,
        recursion: _,
        forward: _,
        rules: _,
        shared_zones: _,
        minimal_any: _,
        require_server_cookie: _,
        minimal_responses: _,
        empty_zones: _,
        auth_nxdomain: _,
        rrset_order: _,
        rrset_orders: _,
        query_timeout: _,
        servfail_ttl: _,
        fetches_per_server: _,
        fetches_per_zone: _,
        clients_per_query: _,
        query_source: _,
        send_cookie: _,
        edns_udp_size: _,
        max_udp_size: _,
        nocookie_udp_size: _,
        peer_udp_sizes: _,
    } = view;
    let Access { query, query_cache, recursion, query_on, query_cache_on, recursion_on } = access;
    for (statement, list) in [
        ("match-clients", match_clients),
        ("match-destinations", match_destinations),
        ("allow-query", query),
        ("allow-query-cache", query_cache),
        ("allow-recursion", recursion),
        ("allow-query-on", query_on),
        ("allow-query-cache-on", query_cache_on),
        ("allow-recursion-on", recursion_on),
    ] {
        visit(ListPlace { view: Some(name), zone: None, statement }, list);
    }
    zones.iter_mut().for_each(|zone| in_zone(name, zone, visit));
}

fn in_zone(view: &str, zone: &mut LocalZone, visit: &mut Visit<'_>) {
    let LocalZone { name, settings, grants, file: _, records: _, position: _ } = zone;
    let ZoneSettings {
        allow_query,
        allow_query_on,
        forward_delegations: _,
        ttl: _,
        serial: _,
        soa: _,
        name_servers: _,
        on_all_down: _,
        monitored_ttl: _,
        journal: _,
        max_journal_octets: _,
        statistics: _,
    } = settings;
    let at = |statement| ListPlace { view: Some(view), zone: Some(name), statement };
    for (statement, list) in [("allow-query", allow_query), ("allow-query-on", allow_query_on)] {
        list.iter_mut().for_each(|list| visit(at(statement), list));
    }
    for Grant { who, deny: _, names: _, types: _, position: _ } in grants {
        match who {
            Grantee::Clients(list) => visit(at("allow-update"), list),
            Grantee::Key(_) => {}
        }
    }
}
