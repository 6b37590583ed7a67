//! Views: what `view`, `options` and the defaults say together about who is answered and by which rules.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::class::{self, Class};
use super::order::rrset_orders;
use super::server::{self, Servers, peer_udp_sizes, servers};
use super::{Context, zone};
use crate::config::bounds::{
    MAX_NCACHE_TTL, MAX_STALE_TTL, MIN_TTL, NOCOOKIE_UDP_SIZE, PREFETCH_DISTANCE, PREFETCH_ELIGIBILITY,
    PREFETCH_TRIGGER, QUERY_TIMEOUT, SERVFAIL_TTL, STALE_ANSWER_TTL, STALE_CLIENT_TIMEOUT, STALE_REFRESH_TIME,
};
use crate::config::empty_zones::EmptyZones;
use crate::config::inherit::WrittenAccess;
use crate::config::named_conf::address;
use crate::config::named_conf::body::{Body, Setting};
use crate::config::named_conf::report::Problem;
use crate::config::named_conf::value::Value;
use crate::config::values::excerpt;
use crate::config::{
    Access, ClientsPerQuery, DEFAULT_VIEW, FetchLimit, ForwardSettings, Forwarder, MAX_FORWARDERS, Match, MatchList,
    MinimalResponses, Over, Position, Prefetch, Stale, TtlLimits, View, is_askable,
};
use crate::wire::Name;

/// `max-cache-ttl` may be whatever a duration can say.
const MAX_CACHE_TTL: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(u32::MAX as u64);

/// Bodies from the innermost to `options`; the first that has a statement decides.
pub(super) type Scope<'s, 'a> = &'s [&'a Body];

pub(super) fn lower<'a>(context: &mut Context<'a>, top: &'a Body, options: &'a Body) -> Vec<View> {
    let mut views: Vec<View> = Vec::new();
    let mut earlier = zone::Earlier::new();
    let mut seen: HashMap<(&str, Class), &Position> = HashMap::new();
    for setting in top.all("view") {
        let Value::Named { name, class: written, body } = &setting.value else { continue };
        let Some(class) = Class::of(written.as_ref()) else {
            let message = written.as_ref().map_or("", |class| &class.text);
            let at = written.as_ref().map_or(&setting.position, |class| &class.position);
            context.report.error(at, format!("view '{name}': invalid class {}", excerpt(message)));
            continue;
        };
        if let Some(earlier) = seen.insert((name, class), &setting.position) {
            let message = format!("view '{name}': already exists previous definition: {earlier}");
            context.report.error(&setting.position, message);
            continue;
        }
        context.acls.set_view(Some(name));
        match class {
            Class::In => {
                let (view, shareable) = view(context, (name, &earlier), top, &[body, options], body);
                views.push(view);
                earlier.insert(name, shareable);
            }
            _ => of_other_class(context, (name, class), setting, body),
        }
    }
    context.acls.set_view(None);
    if top.find("view").is_none() {
        return vec![view(context, (DEFAULT_VIEW, &earlier), top, &[options], top).0];
    }
    for zone in top.all("zone") {
        context.report.error(&zone.position, "when using 'view' statements, all zones must be in views");
    }
    match views.is_empty() {
        false => views,
        // As in named: there is no view for anybody.
        true => vec![View { match_clients: MatchList::none(), recursion: false, ..View::default() }],
    }
}

/// A view that no name of class IN is in: looked at, and told.
fn of_other_class<'a>(context: &mut Context<'a>, (name, class): (&str, Class), setting: &Setting, body: &'a Body) {
    let word = class.word();
    for list in ["match-clients", "match-destinations", "allow-query", "allow-query-cache", "allow-recursion"] {
        match_list(context, &[body], list);
    }
    for zone in body.all("zone") {
        let Value::Named { name, .. } = &zone.value else { continue };
        let message = format!("zone '{name}': class {word} is refused: {}", class::INSTEAD);
        context.report.error(&zone.position, message);
    }
    let message = format!("'view' '{}' of class {word} is ignored: {}", excerpt(name), class::INSTEAD);
    context.report.not_honoured(&setting.position, message);
}

/// `earlier`: the zones of the views before it. `zones`: the body whose `zone` statements are the view's. Beside the view:
/// what later ones may share of it.
fn view<'a>(
    context: &mut Context<'a>,
    (name, earlier): (&str, &zone::Earlier<'a>),
    top: &'a Body,
    scope: Scope<'_, 'a>,
    zones: &'a Body,
) -> (View, zone::Shareable) {
    let default = View::default();
    let servers = servers(context, if zones.find("server").is_some() { zones } else { top });
    let recursion = boolean(scope, "recursion").unwrap_or(true);
    let mut forward = settings(context, scope, scope, &servers);
    let around = zone::Around { scope, servers: &servers, earlier };
    let zone::Lowered { rules, zones: local, shared_zones, shareable, has_root: root } =
        zone::lower(context, zones, around, &mut forward);
    warn_of_lists_without_recursion(context, name, scope, recursion);
    let (rrset_order, rrset_orders) =
        rrset_orders(context, scope).unwrap_or((default.rrset_order, default.rrset_orders));
    // What a misspelt statement would have set is not known.
    let is_broken = context.report.has_errors();
    let mut view = View {
        empty_zones: EmptyZones::default(),
        name: name.to_owned(),
        match_clients: match_list(context, scope, "match-clients").unwrap_or(default.match_clients),
        match_destinations: match_list(context, scope, "match-destinations").unwrap_or(default.match_destinations),
        match_recursive_only: boolean(scope, "match-recursive-only").unwrap_or(false),
        recursion,
        access: access(context, scope, recursion),
        forward,
        rules,
        zones: local,
        shared_zones,
        require_server_cookie: boolean(scope, "require-server-cookie").unwrap_or(default.require_server_cookie),
        minimal_any: boolean(scope, "minimal-any").unwrap_or(default.minimal_any),
        minimal_responses: minimal_responses(scope).unwrap_or(default.minimal_responses),
        auth_nxdomain: boolean(scope, "auth-nxdomain").unwrap_or(default.auth_nxdomain),
        rrset_order,
        rrset_orders,
        query_timeout: query_timeout(context, scope).unwrap_or(default.query_timeout),
        servfail_ttl: servfail_ttl(context, scope).unwrap_or(default.servfail_ttl),
        fetches_per_server: fetches_per_server(context, scope),
        fetches_per_zone: fetch_limit(scope, "fetches-per-zone", Over::Drop),
        clients_per_query: clients_per_query(context, scope),
        query_source: query_source(context, scope),
        send_cookie: boolean(scope, "send-cookie").unwrap_or(default.send_cookie),
        edns_udp_size: udp_size(context, scope, "edns-udp-size").unwrap_or(default.edns_udp_size),
        max_udp_size: udp_size(context, scope, "max-udp-size").unwrap_or(default.max_udp_size),
        nocookie_udp_size: nocookie_udp_size(context, scope).unwrap_or(default.nocookie_udp_size),
        peer_udp_sizes: peer_udp_sizes(&servers),
    };
    if let Some(warning) = view.warning_without_forwarders().filter(|_| !is_broken && !root) {
        context.report.warn(None, warning);
    }
    empty_zones(context, scope).add_to(&mut view);
    (view, shareable)
}

/// As named: lists of who may have questions forwarded, where none is.
fn warn_of_lists_without_recursion(context: &mut Context<'_>, view: &str, scope: Scope<'_, '_>, recursion: bool) {
    let of_view = if view == DEFAULT_VIEW { String::new() } else { format!(" for view {}", excerpt(view)) };
    for name in ["allow-recursion", "allow-recursion-on"] {
        let Some(setting) = find(scope, name).filter(|_| !recursion) else { continue };
        if match_list(context, scope, name).is_some_and(|list| !list.is_only(&Match::None)) {
            let message = format!("both \"recursion no;\" and \"{name}\" active{of_view}");
            context.report.warn(Some(&setting.value_position), message);
        }
    }
}

/// What forwards everything, and only forwards, has none, as in named.
fn empty_zones(context: &mut Context<'_>, scope: Scope<'_, '_>) -> EmptyZones {
    let forwards_only = find(scope, "forward").is_some_and(|setting| matches!(setting.value, Value::Word("only")));
    let disabled = holder(scope, "disable-empty-zone").into_iter().flat_map(|body| body.all("disable-empty-zone"));
    EmptyZones {
        enabled: boolean(scope, "empty-zones-enable").unwrap_or(false) && !forwards_only,
        disabled: disabled.filter_map(|setting| name_of(context, setting)).collect(),
        server: find(scope, "empty-server").and_then(|setting| name_of(context, setting)),
        contact: find(scope, "empty-contact").and_then(|setting| name_of(context, setting)),
    }
}

fn name_of(context: &mut Context<'_>, setting: &Setting) -> Option<Name> {
    let Value::Text(text) = &setting.value else { return None };
    let name = text.parse().ok();
    if name.is_none() {
        let message = format!("{}: '{}' is not a valid name", setting.row.name, excerpt(text));
        context.report.error(&setting.value_position, message);
    }
    name
}

pub(super) fn find<'a>(scope: Scope<'_, 'a>, name: &str) -> Option<&'a Setting> {
    scope.iter().find_map(|body| body.find(name))
}

/// The innermost body that has the statement, for helpers that look into one.
fn holder<'a>(scope: Scope<'_, 'a>, name: &str) -> Option<&'a Body> {
    scope.iter().copied().find(|body| body.find(name).is_some())
}

fn boolean(scope: Scope<'_, '_>, name: &str) -> Option<bool> {
    super::boolean(holder(scope, name)?, name)
}

fn match_list(context: &mut Context<'_>, scope: Scope<'_, '_>, name: &str) -> Option<MatchList> {
    context.match_list(holder(scope, name)?, name)
}

fn access(context: &mut Context<'_>, scope: Scope<'_, '_>, recursion: bool) -> Access {
    let written = WrittenAccess {
        query: match_list(context, scope, "allow-query"),
        query_cache: match_list(context, scope, "allow-query-cache"),
        recursion: match_list(context, scope, "allow-recursion"),
        query_on: match_list(context, scope, "allow-query-on"),
        query_cache_on: match_list(context, scope, "allow-query-cache-on"),
        recursion_on: match_list(context, scope, "allow-recursion-on"),
    };
    written.resolve(recursion)
}

fn minimal_responses(scope: Scope<'_, '_>) -> Option<MinimalResponses> {
    match find(scope, "minimal-responses")?.value {
        Value::Boolean(true) => Some(MinimalResponses::Yes),
        Value::Boolean(false) => Some(MinimalResponses::No),
        Value::Word("no-auth") => Some(MinimalResponses::NoAuth),
        Value::Word("no-auth-recursive") => Some(MinimalResponses::NoAuthRecursive),
        _ => None,
    }
}

/// Up to 300 the number means seconds, above milliseconds; 0 is the default (as in named).
fn query_timeout(context: &mut Context<'_>, scope: Scope<'_, '_>) -> Option<Duration> {
    let longest = *QUERY_TIMEOUT.end();
    let setting = find(scope, "resolver-query-timeout")?;
    let timeout = match setting.value {
        Value::Number(0) => return None,
        Value::Number(seconds @ 1..=300) => Duration::from_secs(seconds.into()),
        Value::Number(milliseconds) => Duration::from_millis(milliseconds.into()),
        _ => return None,
    };
    if timeout > longest {
        context.report.warn(Some(&setting.value_position), "'resolver-query-timeout' is taken as 30 s, the longest");
    }
    Some(timeout.min(longest))
}

fn servfail_ttl(context: &mut Context<'_>, scope: Scope<'_, '_>) -> Option<Duration> {
    let body = holder(scope, "servfail-ttl")?;
    let most = SERVFAIL_TTL.end().as_secs() as u32;
    context.clamped(body, "servfail-ttl", 0..=most).map(|seconds| Duration::from_secs(seconds.into()))
}

/// 0 is none; without a word, what is over gets `default`.
fn fetch_limit(scope: Scope<'_, '_>, name: &str, default: Over) -> Option<FetchLimit> {
    let Value::FetchLimit(most, over) = find(scope, name)?.value else { return None };
    let over = match over {
        Some("drop") => Over::Drop,
        Some(_) => Over::Fail,
        None => default,
    };
    (most > 0).then_some(FetchLimit { most, over })
}

/// What is over the bound of a forwarder fails, whatever is written: in named, too, `drop` is for servers that it finds by
/// itself.
fn fetches_per_server(context: &mut Context<'_>, scope: Scope<'_, '_>) -> Option<FetchLimit> {
    let limit = fetch_limit(scope, "fetches-per-server", Over::Fail)?;
    if limit.over == Over::Drop {
        let at = find(scope, "fetches-per-server").map(|setting| &setting.value_position);
        let message =
            "'drop' has no effect: questions over 'fetches-per-server' get SERVFAIL where servers are forwarders";
        context.report.warn(at, message);
    }
    Some(FetchLimit { over: Over::Fail, ..limit })
}

fn clients_per_query(context: &mut Context<'_>, scope: Scope<'_, '_>) -> Option<ClientsPerQuery> {
    let number = |name| match find(scope, name).map(|setting| &setting.value) {
        Some(Value::Number(number)) => Some(*number),
        _ => None,
    };
    let (least, most) = (number("clients-per-query"), number("max-clients-per-query"));
    let bound = ClientsPerQuery::new(least, most);
    if let (Some(ClientsPerQuery { least, most: Some(_) }), Some(written)) = (bound, most)
        && written < least
    {
        let at = find(scope, "max-clients-per-query").map(|setting| &setting.value_position);
        let message = format!("'max-clients-per-query' is taken as {least}: no less than 'clients-per-query'");
        context.report.warn(at, message);
    }
    bound
}

fn query_source(context: &mut Context<'_>, scope: Scope<'_, '_>) -> (Ipv4Addr, Ipv6Addr) {
    let mut source = |name| holder(scope, name).and_then(|body| context.source(body, name));
    let mut sources = (Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED);
    for address in [source("query-source"), source("query-source-v6")].into_iter().flatten() {
        match address {
            IpAddr::V4(address) => sources.0 = address,
            IpAddr::V6(address) => sources.1 = address,
        }
    }
    sources
}

fn udp_size(context: &mut Context<'_>, scope: Scope<'_, '_>, name: &str) -> Option<u16> {
    context.udp_size(holder(scope, name)?, name)
}

fn nocookie_udp_size(context: &mut Context<'_>, scope: Scope<'_, '_>) -> Option<u16> {
    let name = "nocookie-udp-size";
    let (least, most) = NOCOOKIE_UDP_SIZE.into_inner();
    context.clamped(holder(scope, name)?, name, least.into()..=most.into()).and_then(|octets| octets.try_into().ok())
}

/// Where names go, and how long the answers are kept. `own` is asked for `forward` and `forwarders`, which zones do not
/// inherit; `scope` for the TTLs, which they do.
pub(super) fn settings(
    context: &mut Context<'_>,
    own: Scope<'_, '_>,
    scope: Scope<'_, '_>,
    servers: &Servers,
) -> ForwardSettings {
    let forwarders = find(own, "forwarders");
    if let Some(forward) = find(own, "forward") {
        // As in named: what the options say a view may leave without forwarders, what it says itself it may not.
        let lacks = own.first().is_some_and(|body| body.find("forward").is_some() && body.find("forwarders").is_none());
        match forward.value {
            Value::Broken => {}
            _ if lacks => context.report.error(&forward.value_position, "no matching 'forwarders' statement"),
            Value::Word("first") => context.report.warn(
                Some(&forward.position),
                "'forward first' is treated as 'forward only': this server never asks the root servers",
            ),
            _ => {}
        }
    }
    let forwarders = match forwarders.map(|setting| (&setting.value, setting)) {
        Some((Value::Forwarders(list), setting)) => self::forwarders(context, list, setting, servers),
        _ => Vec::new(),
    };
    ForwardSettings {
        forwarders,
        ttl: ttl_limits(context, scope),
        prefetch: prefetch(context, scope),
        stale: stale(context, scope),
        ..ForwardSettings::default()
    }
}

fn forwarders(
    context: &mut Context<'_>,
    written: &address::Forwarders,
    setting: &Setting,
    servers: &Servers,
) -> Vec<Forwarder> {
    let mut forwarders: Vec<Forwarder> = Vec::new();
    for forwarder in &written.list {
        // As in named: 0 of a forwarder leaves it to the list.
        let own = forwarder.port.filter(|&port| port > 0);
        let port = own.or(written.port).unwrap_or(context.port);
        let address = match forwarder.address {
            std::net::IpAddr::V4(v4) => (v4, port).into(),
            std::net::IpAddr::V6(v6) => std::net::SocketAddrV6::new(v6, port, 0, forwarder.scope_id).into(),
        };
        let shown = forwarder.address;
        if !is_askable(forwarder.address) {
            let problem = Problem::new(forwarder.position.clone(), format!("forwarder '{shown}' cannot be asked"));
            context.report.problem(problem.with_hint("the address of one server"));
        } else if port == 0 {
            let problem = Problem::new(
                forwarder.position.clone(),
                format!("forwarder '{shown}': port value '0' is out of range"),
            );
            context.report.problem(problem.with_hint("1..65535"));
        } else if forwarders.iter().any(|earlier| earlier.address == address) {
            context
                .report
                .warn(Some(&forwarder.position), format!("forwarder '{shown}' is named twice: it is asked once"));
        } else {
            forwarders.push(server::apply(Forwarder::new(address), servers));
        }
    }
    if forwarders.len() > MAX_FORWARDERS {
        let message = format!("{} forwarders in one list, at most {MAX_FORWARDERS} are asked", forwarders.len());
        context.report.error(&setting.position, message);
        forwarders.truncate(MAX_FORWARDERS);
    }
    forwarders
}

fn ttl_limits(context: &mut Context<'_>, scope: Scope<'_, '_>) -> TtlLimits {
    let default = TtlLimits::default();
    let mut read = |name, bounds, default| {
        holder(scope, name).and_then(|body| context.seconds(body, name, bounds)).unwrap_or(default)
    };
    TtlLimits {
        max_cache: read("max-cache-ttl", MAX_CACHE_TTL, default.max_cache),
        max_ncache: read("max-ncache-ttl", MAX_NCACHE_TTL, default.max_ncache),
        min_cache: read("min-cache-ttl", MIN_TTL, default.min_cache),
        min_ncache: read("min-ncache-ttl", MIN_TTL, default.min_ncache),
    }
}

/// Numbers are moved into named's bounds, as named does.
fn prefetch(context: &mut Context<'_>, scope: Scope<'_, '_>) -> Prefetch {
    let Some(setting) = find(scope, "prefetch") else { return Prefetch::default() };
    let Value::Numbers(numbers) = &setting.value else { return Prefetch::default() };
    let (written, eligibility) = (numbers[0], numbers.get(1).copied().unwrap_or(PREFETCH_ELIGIBILITY));
    if written == 0 {
        return Prefetch::Off;
    }
    let trigger = written.min(*PREFETCH_TRIGGER.end());
    let least = trigger + PREFETCH_DISTANCE;
    if trigger != written || (numbers.len() > 1 && eligibility < least) {
        let message = format!("'prefetch' is taken as {trigger} {}", eligibility.max(least));
        let hint = format!(
            "at most {} s before the end, of TTLs at least {PREFETCH_DISTANCE} s longer",
            PREFETCH_TRIGGER.end()
        );
        context.report.warn(Some(&setting.value_position), format!("{message}: {hint}"));
    }
    Prefetch::Last { trigger, eligibility: eligibility.max(least) }
}

fn stale(context: &mut Context<'_>, scope: Scope<'_, '_>) -> Stale {
    let default = Stale::default();
    let mut seconds = |name, bounds, default| {
        holder(scope, name).and_then(|body| context.seconds(body, name, bounds)).unwrap_or(default)
    };
    let max_ttl = seconds("max-stale-ttl", MAX_STALE_TTL, default.max_ttl);
    let mut clamped = |name, bounds: RangeInclusive<Duration>, default| {
        let bounds = bounds.start().as_secs() as u32..=bounds.end().as_secs() as u32;
        let seconds = holder(scope, name).and_then(|body| context.clamped(body, name, bounds));
        seconds.map_or(default, |seconds| Duration::from_secs(seconds.into()))
    };
    let answer_ttl = clamped("stale-answer-ttl", STALE_ANSWER_TTL, default.answer_ttl);
    let refresh_time = clamped("stale-refresh-time", STALE_REFRESH_TIME, default.refresh_time);
    let milliseconds = 0..=STALE_CLIENT_TIMEOUT.end().as_millis() as u32;
    let name = "stale-answer-client-timeout";
    let client_timeout = holder(scope, name).and_then(|body| context.clamped(body, name, milliseconds));
    let stale = Stale {
        keep: boolean(scope, "stale-cache-enable").unwrap_or(default.keep),
        answer: boolean(scope, "stale-answer-enable").unwrap_or(default.answer),
        max_ttl,
        answer_ttl,
        refresh_time,
        client_timeout: client_timeout.map(|milliseconds| Duration::from_millis(milliseconds.into())),
    };
    if let Some(setting) = find(scope, "stale-answer-enable").filter(|_| stale.answer && !stale.keep) {
        let message = "'stale-answer-enable' has no effect without 'stale-cache-enable yes'";
        context.report.warn(Some(&setting.position), message);
    }
    stale
}
