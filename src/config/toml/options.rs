//! Reading `[options]` and `[[view]]`, and the order in which the rest of the file is read.
//!
//! A view starts as a copy of what the options say about views and changes it by what it writes itself, as in named;
//! who may ask is inherited between the three statements only when both have been read.

use std::collections::HashSet;

use toml::de::DeValue;

use super::super::bounds::{
    INTERFACE_INTERVAL, MIN_CACHE_OCTETS, NOCOOKIE_UDP_SIZE, QUERY_TIMEOUT, SERVFAIL_TTL, TCP_ADVERTISED_TIMEOUT,
    TCP_IDLE_TIMEOUT, TCP_INITIAL_TIMEOUT, TCP_KEEPALIVE_TIMEOUT, UDP_SIZE,
};
use super::super::empty_zones::EmptyZones;
use super::super::files::Files;
use super::super::inherit::WrittenAccess;
use super::super::values::{self, ValueError, excerpt};
use super::super::{
    CacheSize, ClientsPerQuery, CommandLine, Config, DNS_PORT, FetchLimit, Listen, Match, MatchElement, MatchList,
    MinimalResponses, Over, PeerUdpSize, View, below_directory, zones,
};
use super::acl::Acls;
use super::forward::{self, read_settings};
use super::keys::Place;
use super::walk::{Field, Reader, Table, unsigned};
use super::zone::{self, Around, Earlier};
use super::{control, grant, health, order, statistics};
use crate::wire::Name;

/// `minimal_responses`
const MINIMAL: [(&str, MinimalResponses); 4] = [
    ("no", MinimalResponses::No),
    ("yes", MinimalResponses::Yes),
    ("no-auth", MinimalResponses::NoAuth),
    ("no-auth-recursive", MinimalResponses::NoAuthRecursive),
];

/// Within `state_directory`, unless `control_socket` says otherwise.
const CONTROL_SOCKET: &str = "control";

/// What the options say about views, to be changed by each.
pub(super) struct Template {
    view: View,
    access: WrittenAccess,
    empty: EmptyZones,
    /// `port`: of listeners and forwarders without one of their own.
    port: u16,
}

/// The whole file's tables behind `[acl]` and `[logging]`.
pub(super) fn read<'a, 'i>(
    reader: &mut Reader<'i>,
    root: &Table<'a, 'i>,
    acls: &mut Acls<'a, 'i>,
    files: &dyn Files,
    given: &CommandLine,
) -> Config {
    let mut config = Config { pid_file: given.pid_file.clone(), ..Config::default() };
    let mut of_checks = health::Shared::default();
    let mut monitored_ttl = None;
    let port = given.port.unwrap_or(DNS_PORT);
    let mut template =
        Template { view: View::default(), access: WrittenAccess::default(), empty: EmptyZones::default(), port };
    if let Some(table) = root.field("options").and_then(|field| reader.table(Place::Options, field)) {
        reader.set(&table, "port", &mut template.port, |reader, field| reader.integer(field, 1..=u16::MAX));
        template.port = given.port.unwrap_or(template.port);
        read_process(reader, &table, &mut config);
        read_limits(reader, &table, &mut config);
        read_network(reader, &table, acls, &mut config, template.port);
        read_view_settings(reader, &table, acls, &mut template);
        read_node(reader, &table, &mut config);
        of_checks = health::shared(reader, &table);
        reader.set(&table, "monitored_ttl", &mut monitored_ttl, |reader, field| reader.ttl(field).map(Some));
    }
    if template.port != DNS_PORT {
        for listen in config.listen_v4.iter_mut().chain(&mut config.listen_v6) {
            // Only the default is left without the port; what is written has been read with it.
            if *listen == (Listen { port: DNS_PORT, addresses: MatchList::any() }) {
                listen.port = template.port;
            }
        }
    }
    let directory = config.directory.clone();
    let directory = directory.as_deref();
    let view_names = grant::view_names(root.field("view"));
    let (keys, key_names) = grant::keys(reader, root.field("key"), &view_names, directory, files);
    let of_views: HashSet<&Name> = keys.iter().filter(|key| key.view.is_some()).map(|key| &key.name).collect();
    let of_server = key_names.iter().filter(|name| !of_views.contains(name)).cloned().collect();
    config.controls = control::controls(reader, root.field("control"), acls, &of_server);
    let (checks, wrong_checks) = health::checks(reader, root.field("health_check"), &of_checks);
    let around = Around {
        keys: &key_names,
        check_places: checks.iter().enumerate().map(|(place, check)| (check.name.as_str(), place)).collect(),
        wrong_checks: &wrong_checks,
        directory,
        has_state: config.state_directory.is_some(),
        monitored_ttl,
    };
    let views = views(reader, root, acls, &template, &around);
    config.statistics_channels = statistics::channels(reader, root.field("statistics_channel"), acls);
    reader.diagnostics.extend(zones::shared_files(&views));
    config.edns_udp_size = template.view.edns_udp_size;
    config.max_udp_size = template.view.max_udp_size;
    Config { keys, health_checks: checks, health: of_checks.settings, views, ..config }
}

/// What this node is and keeps.
fn read_node<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>, config: &mut Config) {
    let directory = config.directory.clone();
    reader.set(table, "state_directory", &mut config.state_directory, |reader, field| {
        Some(Some(below_directory(directory.as_deref(), &reader.path(field)?)))
    });
    for (key, file) in [
        ("dump_file", &mut config.files.dump),
        ("recursing_file", &mut config.files.recursing),
        ("statistics_file", &mut config.files.statistics),
    ] {
        reader.set(table, key, file, |reader, field| reader.path(field));
    }
    // Who has a place for state has one for the socket.
    config.control_socket = config.state_directory.as_ref().map(|state| state.join(CONTROL_SOCKET));
    reader.set(table, "control_socket", &mut config.control_socket, |reader, field| {
        match field.value.get_ref().as_str() {
            Some("none") => Some(None),
            _ => Some(Some(below_directory(directory.as_deref(), &reader.path(field)?))),
        }
    });
    reader.set(table, "region", &mut config.region, |reader, field| {
        Some(Some(reader.string(field, "\"us-east-1\"")?.to_owned()))
    });
}

/// Files, names, cookies.
fn read_process<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>, config: &mut Config) {
    reader.set(table, "directory", &mut config.directory, |reader, field| reader.path(field).map(Some));
    reader.set(table, "pid_file", &mut config.pid_file, |reader, field| match field.value.get_ref().as_str() {
        Some("none") => Some(None),
        _ => reader.path(field).map(Some),
    });
    reader.set(table, "querylog", &mut config.query_log, |reader, field| reader.boolean(field).map(Some));
    reader.set(table, "version", &mut config.version, Reader::identity);
    reader.set(table, "hostname", &mut config.hostname, Reader::identity);
    reader.set(table, "server_id", &mut config.server_id, Reader::identity);
    reader.set(table, "answer_cookie", &mut config.cookies.answer, Reader::boolean);
    reader.set(table, "cookie_secret", &mut config.cookies.secret, |reader, field| {
        // No part of a wrong secret is repeated.
        let secret = field.value.get_ref().as_str().map_or(Err(ValueError::CookieSecret), values::cookie_secret);
        secret.map(Some).map_err(|error| reader.wrong(field, &error)).ok()
    });
}

/// Bounds on what clients and the cache may use.
fn read_limits<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>, config: &mut Config) {
    let limits = &mut config.limits;
    reader.set(table, "recursive_clients", &mut limits.recursive_clients, |reader, field| {
        reader.integer(field, 1..=u32::MAX)
    });
    let most = limits.recursive_clients;
    reader.set(table, "recursive_clients_per_address", &mut limits.recursive_clients_per_address, |reader, field| {
        reader.integer(field, 1..=most).map(Some)
    });
    reader.set(table, "tcp_clients", &mut limits.tcp_clients, |reader, field| reader.integer(field, 1..=u32::MAX));
    reader.set(table, "tcp_initial_timeout", &mut limits.tcp_initial_timeout, |reader, field| {
        reader.duration(field, TCP_INITIAL_TIMEOUT)
    });
    reader.set(table, "tcp_idle_timeout", &mut limits.tcp_idle_timeout, |reader, field| {
        reader.duration(field, TCP_IDLE_TIMEOUT)
    });
    reader.set(table, "tcp_keepalive_timeout", &mut limits.tcp_keepalive_timeout, |reader, field| {
        reader.duration(field, TCP_KEEPALIVE_TIMEOUT)
    });
    reader.set(table, "tcp_advertised_timeout", &mut limits.tcp_advertised_timeout, |reader, field| {
        reader.duration(field, TCP_ADVERTISED_TIMEOUT)
    });
    reader.set(table, "max_cache_size", &mut config.cache_size, cache_size);
}

/// Octets as a number, or a text as [`values::cache_size`] reads it.
fn cache_size<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>) -> Option<CacheSize> {
    let text = match field.value.get_ref() {
        DeValue::String(text) => text.clone().into_owned(),
        DeValue::Integer(number) => unsigned(number).map_or("-".to_owned(), |octets| octets.to_string()),
        _ => {
            reader.expected(field, "size", "\"512M\"");
            return None;
        }
    };
    match values::cache_size(&text) {
        Err(ValueError::SmallCache(_)) => {
            let message = format!("{} is raised to {MIN_CACHE_OCTETS} octets", field.key);
            reader.warn(&field.value.span(), message, Some("at least 2M".to_owned()));
            Some(CacheSize::Bytes(MIN_CACHE_OCTETS))
        }
        read => read.map_err(|error| reader.wrong(field, &error)).ok(),
    }
}

/// Where questions come in, and from where they go out.
fn read_network<'a, 'i>(
    reader: &mut Reader<'i>,
    table: &Table<'a, 'i>,
    acls: &mut Acls<'a, 'i>,
    config: &mut Config,
    port: u16,
) {
    reader.set(table, "interface_interval", &mut config.interface_interval, |reader, field| {
        reader.duration(field, INTERFACE_INTERVAL)
    });
    reader.set(table, "blackhole", &mut config.blackhole, |reader, field| acls.addresses(reader, field));
    reader.set(table, "listen_on", &mut config.listen_v4, |reader, field| Some(listen_on(reader, acls, field, port)));
    reader
        .set(table, "listen_on_v6", &mut config.listen_v6, |reader, field| Some(listen_on(reader, acls, field, port)));
    if let Some(field) = table.field("listen") {
        if table.has("listen_on") || table.has("listen_on_v6") {
            let hint = Some("listen takes addresses of both families, listen_on match lists of one".to_owned());
            reader.error(&field.value.span(), "listen beside listen_on: write one or the other", hint);
        }
        (config.listen_v4, config.listen_v6) = listen(reader, field, port);
    }
}

/// A source address.
pub(super) fn source<'i, T>(
    reader: &mut Reader<'i>,
    field: Field<'_, 'i>,
    example: &str,
    read: fn(&str) -> Result<T, ValueError>,
) -> Option<T> {
    let text = reader.string(field, example)?;
    match read(text) {
        Ok(address) => Some(address),
        Err(error) => {
            let hint = format!("write {example} or \"*\"; the port is always random");
            reader.error(&field.value.span(), format!("{}: {error}", field.key), Some(hint));
            None
        }
    }
}

/// `listen`: addresses with or without port; `any`, `0.0.0.0` and `::` stand for all. What is not named is closed.
fn listen<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>, port: u16) -> (Vec<Listen>, Vec<Listen>) {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for element in reader.elements(field) {
        let Some(text) = reader.string(element, "[\"10.1.1.53\", \"[::1]:5300\"]") else { continue };
        let all = match text.strip_prefix("any") {
            Some("") => Some(format!("0.0.0.0:{port}")),
            Some(rest) => Some(format!("0.0.0.0{rest}")),
            None => None,
        };
        let address = match values::socket_address(all.as_deref().unwrap_or(text), port) {
            Ok(address) => address,
            Err(ValueError::Port(port)) => {
                reader.wrong(element, &ValueError::Port(port));
                continue;
            }
            Err(_) => {
                let message = format!("{}: expected IP address near '{}'", field.key, excerpt(text));
                let hint = "write \"10.1.1.53\", \"[::1]:5300\" or \"any\"; match lists go into listen_on";
                reader.error(&element.value.span(), message, Some(hint.to_owned()));
                continue;
            }
        };
        let what = if address.ip().is_unspecified() { Match::Any } else { Match::Prefix(address.ip().into()) };
        let position = Some(reader.position(&element.value.span()));
        let element = MatchElement { negated: false, what, position };
        if all.is_some() || address.is_ipv4() {
            add_listener(&mut v4, address.port(), element.clone());
        }
        if all.is_some() || address.is_ipv6() {
            add_listener(&mut v6, address.port(), element);
        }
    }
    (v4, v6)
}

/// Addresses of one port become one list, as one `listen-on` would have them.
fn add_listener(listeners: &mut Vec<Listen>, port: u16, element: MatchElement) {
    match listeners.iter_mut().find(|listen| listen.port == port) {
        Some(listen) => listen.addresses.elements.push(element),
        None => listeners.push(Listen { port, addresses: MatchList { elements: vec![element] } }),
    }
}

/// `listen_on`, `listen_on_v6`: a match list, or tables of `port` and `addresses`.
fn listen_on<'a, 'i>(reader: &mut Reader<'i>, acls: &mut Acls<'a, 'i>, field: Field<'a, 'i>, port: u16) -> Vec<Listen> {
    let elements = reader.elements(field);
    let is_listener =
        |element: &Field<'_, '_>| element.value.get_ref().as_table().is_some_and(|table| !table.contains_key("not"));
    if !elements.iter().any(is_listener) {
        let addresses = acls.addresses(reader, field);
        return addresses.map(|addresses| Listen { port, addresses }).into_iter().collect();
    }
    elements.into_iter().filter_map(|element| listener(reader, acls, element, port)).collect()
}

fn listener<'a, 'i>(
    reader: &mut Reader<'i>,
    acls: &mut Acls<'a, 'i>,
    field: Field<'a, 'i>,
    mut port: u16,
) -> Option<Listen> {
    let table = reader.table(Place::ListenOn, field)?;
    reader.set(&table, "port", &mut port, |reader, field| reader.integer(field, 1..=u16::MAX));
    let Some(addresses) = table.field("addresses") else {
        let hint = Some("write { port = 5300, addresses = [\"any\"] }".to_owned());
        reader.error(&table.span, format!("{}: table without addresses", field.key), hint);
        return None;
    };
    acls.addresses(reader, addresses).map(|addresses| Listen { port, addresses })
}

/// What options and views have in common.
fn read_view_settings<'a, 'i>(
    reader: &mut Reader<'i>,
    table: &Table<'a, 'i>,
    acls: &mut Acls<'a, 'i>,
    template: &mut Template,
) {
    let Template { view, access, empty, port } = template;
    read_empty_zones(reader, table, empty);
    reader.set(table, "recursion", &mut view.recursion, Reader::boolean);
    for (key, target) in [
        ("allow_query", &mut access.query),
        ("allow_query_cache", &mut access.query_cache),
        ("allow_recursion", &mut access.recursion),
        ("allow_query_on", &mut access.query_on),
        ("allow_query_cache_on", &mut access.query_cache_on),
        ("allow_recursion_on", &mut access.recursion_on),
    ] {
        reader.set(table, key, target, |reader, field| acls.list(reader, field).map(Some));
    }
    reader.set(table, "auth_nxdomain", &mut view.auth_nxdomain, Reader::boolean);
    reader.set(table, "require_server_cookie", &mut view.require_server_cookie, Reader::boolean);
    reader.set(table, "minimal_any", &mut view.minimal_any, Reader::boolean);
    reader.set(table, "minimal_responses", &mut view.minimal_responses, |reader, field| reader.word(field, &MINIMAL));
    order::read(reader, table, view);
    reader.set(table, "resolver_query_timeout", &mut view.query_timeout, |reader, field| {
        reader.duration(field, QUERY_TIMEOUT)
    });
    reader.set(table, "servfail_ttl", &mut view.servfail_ttl, |reader, field| reader.duration(field, SERVFAIL_TTL));
    read_upstream_settings(reader, table, view);
    read_fetches(reader, table, view);
    read_udp_sizes(reader, table, view);
    read_settings(reader, table, &mut view.forward, *port);
    if let Some(field) = table.field("allow_recursion")
        && !view.recursion
    {
        let message = "both recursion = false and allow_recursion active: nothing is forwarded";
        reader.warn(&field.value.span(), message, None);
    }
}

/// The built-in empty zones.
fn read_empty_zones<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>, empty: &mut EmptyZones) {
    reader.set(table, "empty_zones_enable", &mut empty.enabled, Reader::boolean);
    reader.set(table, "disable_empty_zone", &mut empty.disabled, |reader, field| {
        let names = reader.elements(field);
        Some(names.into_iter().filter_map(|element| reader.name(element, "[\"10.in-addr.arpa\"]")).collect())
    });
    for (key, target) in [("empty_server", &mut empty.server), ("empty_contact", &mut empty.contact)] {
        reader.set(table, key, target, |reader, field| reader.name(field, "\"ns1.corp.example\"").map(Some));
    }
}

/// From where and how all forwarders are asked that do not say otherwise.
fn read_upstream_settings<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>, view: &mut View) {
    reader.set(table, "query_source", &mut view.query_source.0, |reader, field| {
        source(reader, field, "\"10.1.1.53\"", values::source_v4)
    });
    reader.set(table, "query_source_v6", &mut view.query_source.1, |reader, field| {
        source(reader, field, "\"2001:db8::53\"", values::source_v6)
    });
    reader.set(table, "send_cookie", &mut view.send_cookie, Reader::boolean);
}

/// How much may be outstanding at once.
fn read_fetches<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>, view: &mut View) {
    for (key, target, over) in [
        ("fetches_per_server", &mut view.fetches_per_server, Over::Fail),
        ("fetches_per_zone", &mut view.fetches_per_zone, Over::Drop),
    ] {
        reader.set(table, key, target, |reader, field| fetch_limit(reader, field, over));
    }
    let (mut least, mut most) = (None, None);
    reader.set(table, "clients_per_query", &mut least, |reader, field| reader.integer(field, 0..=u32::MAX).map(Some));
    reader
        .set(table, "max_clients_per_query", &mut most, |reader, field| reader.integer(field, 0..=u32::MAX).map(Some));
    if least.or(most).is_some() {
        // A view that says one of the two takes the other from the options.
        let of_options = view.clients_per_query;
        least = least.or(of_options.map(|of_options| of_options.least));
        most = most.or(of_options.map(|of_options| of_options.most.unwrap_or(0)));
        view.clients_per_query = ClientsPerQuery::new(least, most);
    }
}

/// A number, or that and `"drop"` or `"fail"`; 0 is none.
fn fetch_limit<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>, default: Over) -> Option<Option<FetchLimit>> {
    const WORDS: [(&str, Over); 2] = [("drop", Over::Drop), ("fail", Over::Fail)];
    let (number, over) = match field.value.get_ref() {
        DeValue::Array(elements) if elements.len() == 2 => {
            let elements = reader.elements(field);
            (elements[0], reader.word(elements[1], &WORDS)?)
        }
        DeValue::Integer(_) => (field, default),
        _ => {
            reader.expected(field, "number, or number and word", "[100, \"fail\"]");
            return None;
        }
    };
    let most = reader.integer(number, 0..=u32::MAX)?;
    Some((most > 0).then_some(FetchLimit { most, over }))
}

/// How long datagrams may be.
fn read_udp_sizes<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>, view: &mut View) {
    reader.set(table, "edns_udp_size", &mut view.edns_udp_size, |reader, field| reader.integer(field, UDP_SIZE));
    reader.set(table, "max_udp_size", &mut view.max_udp_size, |reader, field| reader.integer(field, UDP_SIZE));
    reader.set(table, "nocookie_udp_size", &mut view.nocookie_udp_size, |reader, field| {
        reader.integer(field, NOCOOKIE_UDP_SIZE)
    });
    if let Some(field) = table.field("peer_udp_size") {
        view.peer_udp_sizes = peer_udp_sizes(reader, field);
    }
}

/// Tables of `prefix` and `max_udp_size`; the longest prefix comes first, since it alone counts.
fn peer_udp_sizes<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>) -> Vec<PeerUdpSize> {
    let mut sizes: Vec<PeerUdpSize> = Vec::new();
    for table in reader.tables(Place::PeerUdpSize, Some(field)) {
        let mut max_udp_size = None;
        reader
            .set(&table, "max_udp_size", &mut max_udp_size, |reader, field| reader.integer(field, UDP_SIZE).map(Some));
        let Some(written) = table.field("prefix") else {
            let hint = Some("write { prefix = \"10.1.0.0/16\", max_udp_size = 512 }".to_owned());
            reader.error(&table.span, "peer_udp_size without prefix", hint);
            continue;
        };
        let Some(text) = reader.string(written, "\"10.1.0.0/16\"") else { continue };
        match values::prefix(text) {
            Ok(prefix) => sizes.push(PeerUdpSize { prefix, max_udp_size }),
            Err(error) => reader.wrong(written, &error),
        }
    }
    sizes.sort_by_key(|size| std::cmp::Reverse(size.prefix.prefix_len()));
    sizes
}

/// The views of the file, or the one that the options describe.
fn views<'a, 'i>(
    reader: &mut Reader<'i>,
    root: &Table<'a, 'i>,
    acls: &mut Acls<'a, 'i>,
    template: &Template,
    around: &Around<'_>,
) -> Vec<View> {
    let (rules_field, zones_field) = (root.field("forward"), root.field("zone"));
    if !root.has("view") {
        let mut view = template.view.clone();
        view.rules = forward::rules(reader, rules_field, &view.forward, template.port);
        zone::zones(reader, zones_field, acls, around, &mut view, &Earlier::new());
        view.access = template.access.clone().resolve(view.recursion);
        template.empty.add_to(&mut view);
        return vec![view];
    }
    for field in [rules_field, zones_field].into_iter().flatten() {
        let hint = Some(format!("write [[view.{}]] behind the [[view]] it is for", field.key));
        reader.error(&field.value.span(), "when using 'view' statements, all zones must be in views", hint);
    }
    // Read all the same, so that their own faults are reported too.
    forward::rules(reader, rules_field, &template.view.forward, template.port);
    zone::zones(reader, zones_field, acls, around, &mut template.view.clone(), &Earlier::new());
    let mut views: Vec<(View, Table<'a, 'i>)> = Vec::new();
    let mut earlier = Earlier::new();
    for table in reader.tables(Place::View, root.field("view")) {
        let Some(view) = view(reader, &table, acls, template, (around, &earlier)) else { continue };
        match views.iter().find(|(first, _)| first.name == view.name) {
            Some((_, first)) => {
                let first = reader.position(&first.span);
                let message = format!("view '{}': already exists previous definition: {first}", excerpt(&view.name));
                reader.error(&table.span, message, None);
            }
            None => {
                earlier.insert(view.name.clone(), view.zones.iter().map(|zone| zone.name.clone()).collect());
                views.push((view, table));
            }
        }
    }
    if views.is_empty() {
        let hint = Some("write [[view]] with a name, or no view at all".to_owned());
        reader.error(&root.field("view").map_or(0..0, |field| field.value.span()), "no view", hint);
    }
    views.into_iter().map(|(view, _)| view).collect()
}

fn view<'a, 'i>(
    reader: &mut Reader<'i>,
    table: &Table<'a, 'i>,
    acls: &mut Acls<'a, 'i>,
    template: &Template,
    (around, earlier): (&Around<'_>, &Earlier),
) -> Option<View> {
    let mut own = Template {
        view: template.view.clone(),
        access: template.access.clone(),
        empty: template.empty.clone(),
        port: template.port,
    };
    reader.set(table, "match_clients", &mut own.view.match_clients, |reader, field| acls.list(reader, field));
    reader.set(table, "match_destinations", &mut own.view.match_destinations, |reader, field| acls.list(reader, field));
    reader.set(table, "match_recursive_only", &mut own.view.match_recursive_only, Reader::boolean);
    read_view_settings(reader, table, acls, &mut own);
    let Template { mut view, access, empty, port } = own;
    view.rules = forward::rules(reader, table.field("forward"), &view.forward, port);
    zone::zones(reader, table.field("zone"), acls, around, &mut view, earlier);
    view.access = access.resolve(view.recursion);
    empty.add_to(&mut view);
    let Some(name) = table.field("name") else {
        reader.error(&table.span, "[[view]] without name", Some("write name = \"internal\"".to_owned()));
        return None;
    };
    view.name = reader.string(name, "\"internal\"")?.to_owned();
    Some(view)
}
