//! Reading `[[health_check]]`, in Route 53's words.
//!
//! Checks are read before zones and in two steps, since a calculated one may name others that stand behind it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::health::{
    Address, Calculated, DEFAULT_REQUEST_INTERVAL, DEFAULT_THRESHOLD, Endpoint, MAX_CHILDREN, MAX_NAME_OCTETS,
    MAX_RESOURCE_PATH_OCTETS, MAX_SEARCH_STRING_OCTETS, MAX_USER_AGENT_OCTETS, Monitored, Protocol, REQUEST_INTERVAL,
    Request, START_DEADLINE, THRESHOLD, TIMEOUT, Thresholds, default_connect_timeout, default_response_timeout,
};
use super::super::values::excerpt;
use super::super::{HealthCheck, HealthSettings, is_askable, suggest};
use super::keys::Place;
use super::walk::{Field, Reader, Table};

/// Route 53's `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Http,
    Https,
    HttpStrMatch,
    HttpsStrMatch,
    Tcp,
    Calculated,
}

const TYPES: &[(&str, Type)] = &[
    ("HTTP", Type::Http),
    ("HTTPS", Type::Https),
    ("HTTP_STR_MATCH", Type::HttpStrMatch),
    ("HTTPS_STR_MATCH", Type::HttpsStrMatch),
    ("TCP", Type::Tcp),
    ("CALCULATED", Type::Calculated),
];

impl Type {
    fn is_http(self) -> bool {
        !matches!(self, Self::Tcp | Self::Calculated)
    }

    fn is_https(self) -> bool {
        matches!(self, Self::Https | Self::HttpsStrMatch)
    }

    fn has_search(self) -> bool {
        matches!(self, Self::HttpStrMatch | Self::HttpsStrMatch)
    }

    /// Whether a key of `[[health_check]]` says anything of a check of this type.
    fn has_use_for(self, key: &str) -> bool {
        match key {
            "resource_path" | "user_agent" | "response_timeout" => self.is_http(),
            "search_string" => self.has_search(),
            "enable_sni" => self.is_https(),
            "child_health_checks" | "health_threshold" => self == Self::Calculated,
            "ip_address"
            | "fully_qualified_domain_name"
            | "port"
            | "request_interval"
            | "failure_threshold"
            | "success_threshold"
            | "connect_timeout"
            | "source_address" => self != Self::Calculated,
            _ => true,
        }
    }
}

/// Keys that some types have no use for.
const OF_SOME: [&str; 15] = [
    "ip_address",
    "fully_qualified_domain_name",
    "port",
    "resource_path",
    "search_string",
    "enable_sni",
    "request_interval",
    "failure_threshold",
    "success_threshold",
    "connect_timeout",
    "response_timeout",
    "child_health_checks",
    "health_threshold",
    "source_address",
    "user_agent",
];

/// What `[options]` says of all checks.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) settings: HealthSettings,
    source_v4: Option<Ipv4Addr>,
    source_v6: Option<Ipv6Addr>,
    user_agent: Option<String>,
}

/// `health_…` of the options.
pub(super) fn shared<'i>(reader: &mut Reader<'i>, options: &Table<'_, 'i>) -> Shared {
    let mut shared = Shared::default();
    reader.set(options, "health_start_deadline", &mut shared.settings.start_deadline, |reader, field| {
        reader.duration(field, START_DEADLINE)
    });
    reader.set(options, "health_source", &mut shared.source_v4, |reader, field| {
        address(reader, field, "\"10.1.1.53\"").map(Some)
    });
    reader.set(options, "health_source_v6", &mut shared.source_v6, |reader, field| {
        address(reader, field, "\"2001:db8::53\"").map(Some)
    });
    reader.set(options, "health_user_agent", &mut shared.user_agent, |reader, field| {
        printable(reader, field, MAX_USER_AGENT_OCTETS, "\"Probe/1.0\"").map(Some)
    });
    shared
}

/// A check that may name others.
struct Draft<'a, 'i> {
    check: HealthCheck,
    children: Option<Field<'a, 'i>>,
}

/// Checks that are written, and so wrong that there is nothing to be named.
#[derive(Default)]
pub(super) struct WrongChecks {
    names: Vec<String>,
    /// One has no name: it may be any that is not defined.
    nameless: bool,
}

impl WrongChecks {
    /// Whether it is no fault of its own to name this check.
    pub(super) fn excuse(&self, name: &str) -> bool {
        self.nameless || self.names.iter().any(|wrong| wrong == name)
    }
}

/// The checks of the file, each name once, and those that are wrong: whoever names them is not.
pub(super) fn checks<'a, 'i>(
    reader: &mut Reader<'i>,
    field: Option<Field<'a, 'i>>,
    shared: &Shared,
) -> (Vec<HealthCheck>, WrongChecks) {
    let mut drafts: Vec<Draft<'a, 'i>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut wrong = WrongChecks::default();
    for table in reader.tables(Place::HealthCheck, field) {
        let name = check_name(reader, &table);
        let check = check(reader, &table, name.as_deref().unwrap_or_default(), shared);
        let Some(name) = name else {
            wrong.nameless = true;
            continue;
        };
        if let Some(first) = places.get(&name).and_then(|place| drafts[*place].check.position.as_ref()) {
            let message = format!("health_check '{}': already exists previous definition: {first}", excerpt(&name));
            reader.error(&table.span, message, None);
            continue;
        }
        match check {
            Some(check) => {
                places.insert(name, drafts.len());
                drafts.push(Draft { check, children: table.field("child_health_checks") });
            }
            None => wrong.names.push(name),
        }
    }
    let calculated: Vec<_> =
        drafts.iter().map(|draft| matches!(draft.check.monitored, Monitored::Calculated(_))).collect();
    let finish = |Draft { mut check, children }: Draft<'a, 'i>| {
        if let (Monitored::Calculated(of), Some(field)) = (&mut check.monitored, children) {
            of.children = self::children(reader, field, &places, &wrong, &calculated);
            if of.health_threshold == ALL {
                of.health_threshold = of.children.len() as u16;
            }
        }
        check
    };
    (drafts.into_iter().map(finish).collect(), wrong)
}

/// Stands for the number of children until that is known; more than there may be.
const ALL: u16 = u16::MAX;

fn check_name<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>) -> Option<String> {
    let Some(field) = table.field("name") else {
        let hint = Some("write name = \"primary\"".to_owned());
        reader.error(&table.span, "[[health_check]] without name", hint);
        return None;
    };
    let text = reader.string(field, "\"primary\"")?;
    if text.len() > MAX_NAME_OCTETS || text.chars().any(char::is_control) {
        let hint = Some(format!("at most {MAX_NAME_OCTETS} printable octets"));
        reader.error(&field.value.span(), format!("name: '{}' is no name of a check", excerpt(text)), hint);
        return None;
    }
    Some(text.to_owned())
}

/// `None`: reported.
fn check<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>, name: &str, shared: &Shared) -> Option<HealthCheck> {
    let kind = match table.field("type") {
        Some(field) => reader.word(field, TYPES),
        None => {
            let hint = Some("write type = \"HTTP\", \"TCP\" or another of Route 53's".to_owned());
            reader.error(&table.span, "[[health_check]] without type", hint);
            None
        }
    };
    let (mut inverted, mut disabled) = (false, false);
    reader.set(table, "inverted", &mut inverted, Reader::boolean);
    reader.set(table, "disabled", &mut disabled, Reader::boolean);
    let thresholds = thresholds(reader, table);
    let endpoint = endpoint(reader, table, kind, shared);
    let calculated = calculated(reader, table, kind);
    let kind = kind?;
    for field in OF_SOME.into_iter().filter(|key| !kind.has_use_for(key)).filter_map(|key| table.field(key)) {
        let word = TYPES.iter().find(|(_, of)| *of == kind).map_or("", |(word, _)| word);
        let message = format!("health_check '{}': a check of type {word} has no {}", excerpt(name), field.key);
        let hint = match field.key {
            "search_string" => "HTTP_STR_MATCH and HTTPS_STR_MATCH search",
            "child_health_checks" | "health_threshold" => "CALCULATED has children",
            _ => "leave it out",
        };
        reader.error(&field.value.span(), message, Some(hint.to_owned()));
    }
    let monitored = match kind {
        Type::Calculated => Monitored::Calculated(calculated?),
        _ => Monitored::Endpoint(endpoint?),
    };
    let position = Some(reader.position(&table.span));
    Some(HealthCheck { name: name.to_owned(), monitored, thresholds, inverted, disabled, position })
}

fn thresholds<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>) -> Thresholds {
    let mut failure = DEFAULT_THRESHOLD;
    reader.set(table, "failure_threshold", &mut failure, |reader, field| reader.integer(field, THRESHOLD));
    let mut success = failure;
    reader.set(table, "success_threshold", &mut success, |reader, field| reader.integer(field, THRESHOLD));
    Thresholds { failure, success }
}

/// What is probed. All keys are read whatever the type is, so that each fault is told.
fn endpoint<'i>(
    reader: &mut Reader<'i>,
    table: &Table<'_, 'i>,
    kind: Option<Type>,
    shared: &Shared,
) -> Option<Endpoint> {
    let request_interval = match table.field("request_interval") {
        Some(field) => reader.duration(field, REQUEST_INTERVAL),
        None => Some(DEFAULT_REQUEST_INTERVAL),
    };
    let interval = request_interval.unwrap_or(DEFAULT_REQUEST_INTERVAL);
    let mut connect_timeout = default_connect_timeout(kind == Some(Type::Tcp), interval);
    reader.set(table, "connect_timeout", &mut connect_timeout, |reader, field| reader.duration(field, TIMEOUT));
    let mut response_timeout = default_response_timeout(interval);
    reader.set(table, "response_timeout", &mut response_timeout, |reader, field| reader.duration(field, TIMEOUT));
    let address = server(reader, table, kind);
    let port = port(reader, table, kind);
    let protocol = protocol(reader, table, kind, shared);
    let mut source_address: Option<IpAddr> = None;
    reader.set(table, "source_address", &mut source_address, |reader, field| {
        self::address(reader, field, "\"10.1.1.53\"").map(Some)
    });
    let fixed = match &address {
        Some(Address::Fixed { ip_address, .. }) => Some(*ip_address),
        _ => None,
    };
    if let (Some(field), Some(source), Some(to)) = (table.field("source_address"), source_address, fixed)
        && source.is_ipv4() != to.is_ipv4()
    {
        let message = format!("source_address: from {source} nothing leads to {to}");
        reader.error(&field.value.span(), message, Some("an address of the same family".to_owned()));
    }
    let default_source = match fixed {
        Some(IpAddr::V4(_)) => shared.source_v4.map(IpAddr::V4),
        Some(IpAddr::V6(_)) => shared.source_v6.map(IpAddr::V6),
        None => shared.source_v4.map(IpAddr::V4).or(shared.source_v6.map(IpAddr::V6)),
    };
    Some(Endpoint {
        address: address?,
        port: port?,
        protocol: protocol?,
        request_interval: request_interval?,
        connect_timeout,
        response_timeout,
        source_address: source_address.or(default_source),
    })
}

/// `None`: reported, or not of an endpoint at all.
fn server<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>, kind: Option<Type>) -> Option<Address> {
    let name = match table.field("fully_qualified_domain_name") {
        Some(field) => Some(reader.name(field, "\"www.corp.example\"")?),
        None => None,
    };
    if let Some(field) = table.field("ip_address") {
        let ip_address = address::<IpAddr>(reader, field, "\"10.1.2.3\"")?;
        let is_link_local = matches!(ip_address, IpAddr::V6(v6) if v6.is_unicast_link_local());
        if is_link_local || !is_askable(ip_address) {
            let message = format!("ip_address: {ip_address} cannot be probed");
            let hint = if is_link_local {
                "an address without an interface of its own"
            } else {
                "one host's \
             address"
            };
            reader.error(&field.value.span(), message, Some(hint.to_owned()));
            return None;
        }
        return Some(Address::Fixed { ip_address, fully_qualified_domain_name: name });
    }
    if name.is_none() && kind.is_some_and(|kind| kind != Type::Calculated) {
        let hint = "write ip_address = \"10.1.2.3\", or fully_qualified_domain_name to be resolved for each probe";
        reader.error(&table.span, "[[health_check]] without ip_address", Some(hint.to_owned()));
    }
    name.map(Address::Resolved)
}

fn port<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>, kind: Option<Type>) -> Option<u16> {
    if let Some(field) = table.field("port") {
        return reader.integer(field, 1..=u16::MAX);
    }
    match kind? {
        Type::Tcp => {
            let hint = Some("HTTP has 80 and HTTPS 443; TCP has none of its own".to_owned());
            reader.error(&table.span, "[[health_check]] of type TCP without port", hint);
            None
        }
        kind if kind.is_https() => Some(443),
        _ => Some(80),
    }
}

fn protocol<'i>(
    reader: &mut Reader<'i>,
    table: &Table<'_, 'i>,
    kind: Option<Type>,
    shared: &Shared,
) -> Option<Protocol> {
    let mut resource_path = "/".to_owned();
    reader.set(table, "resource_path", &mut resource_path, path);
    let mut search_string = None;
    let mut is_broken = false;
    if let Some(field) = table.field("search_string") {
        search_string = search(reader, field);
        is_broken = search_string.is_none();
    } else if kind.is_some_and(Type::has_search) {
        let hint = Some("write search_string = \"ok\", or type = \"HTTP\" to look at the status alone".to_owned());
        reader.error(&table.span, "[[health_check]] without search_string", hint);
        is_broken = true;
    }
    let mut enable_sni = true;
    reader.set(table, "enable_sni", &mut enable_sni, Reader::boolean);
    let mut user_agent = shared.user_agent.clone();
    reader.set(table, "user_agent", &mut user_agent, |reader, field| {
        printable(reader, field, MAX_USER_AGENT_OCTETS, "\"Probe/1.0\"").map(Some)
    });
    let request = Request { resource_path, search_string, user_agent };
    match kind.filter(|_| !is_broken)? {
        kind if kind.is_https() => Some(Protocol::Https { request, enable_sni }),
        kind if kind.is_http() => Some(Protocol::Http(request)),
        _ => Some(Protocol::Tcp),
    }
}

/// Route 53 adds a slash that is missing.
fn path<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>) -> Option<String> {
    let text = printable(reader, field, MAX_RESOURCE_PATH_OCTETS - 1, "\"/health\"")?;
    if text.contains([' ', '#']) {
        let hint = Some("write a space as %20, and leave out what follows '#'".to_owned());
        reader.error(&field.value.span(), format!("resource_path: '{}' is no path", excerpt(&text)), hint);
        return None;
    }
    Some(if text.starts_with('/') { text } else { format!("/{text}") })
}

fn search<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>) -> Option<String> {
    let text = reader.string(field, "\"ok\"")?;
    if text.len() > MAX_SEARCH_STRING_OCTETS {
        let hint = Some(format!("at most {MAX_SEARCH_STRING_OCTETS} octets"));
        reader.error(&field.value.span(), "search_string: text too long", hint);
        return None;
    }
    Some(text.to_owned())
}

/// A text that may stand in the head of a request.
fn printable<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>, most: usize, example: &str) -> Option<String> {
    let text = reader.string(field, example)?;
    if text.len() > most || !text.bytes().all(|octet| matches!(octet, b' '..=b'~')) {
        let message = format!("{}: '{}' cannot be sent", field.key, excerpt(text));
        reader.error(&field.value.span(), message, Some(format!("at most {most} characters of printable ASCII")));
        return None;
    }
    Some(text.to_owned())
}

/// An address of one host.
fn address<'i, T: std::str::FromStr>(reader: &mut Reader<'i>, field: Field<'_, 'i>, example: &str) -> Option<T> {
    let text = reader.string(field, example)?;
    let read = text.parse().ok();
    if read.is_none() {
        let message = format!("{}: expected IP address near '{}'", field.key, excerpt(text));
        reader.error(&field.value.span(), message, Some(format!("write {example}")));
    }
    read
}

/// A calculated check without its children.
fn calculated<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>, kind: Option<Type>) -> Option<Calculated> {
    let health_threshold = match table.field("health_threshold") {
        Some(field) => reader.integer(field, 0..=256),
        None => Some(ALL),
    };
    if kind == Some(Type::Calculated) && !table.has("child_health_checks") {
        let hint = Some("write child_health_checks = [\"a\", \"b\"]".to_owned());
        reader.error(&table.span, "[[health_check]] of type CALCULATED without child_health_checks", hint);
        return None;
    }
    Some(Calculated { children: Vec::new(), health_threshold: health_threshold? })
}

fn children<'i>(
    reader: &mut Reader<'i>,
    field: Field<'_, 'i>,
    places: &HashMap<String, usize>,
    wrong: &WrongChecks,
    calculated: &[bool],
) -> Vec<usize> {
    let elements = reader.elements(field);
    if !(1..=MAX_CHILDREN).contains(&elements.len()) {
        let message = format!("child_health_checks: {} children", elements.len());
        reader.error(&field.value.span(), message, Some(format!("1 to {MAX_CHILDREN}")));
    }
    let mut children = Vec::new();
    for element in elements {
        let Some(text) = reader.string(element, "[\"a\", \"b\"]") else { continue };
        let at = element.value.span();
        match places.get(text) {
            Some(place) if children.contains(place) => {
                let message = format!("child '{}' is written twice: it counts once", excerpt(text));
                reader.warn(&at, message, None);
            }
            Some(place) if calculated[*place] => {
                let message = format!("child '{}' is itself of type CALCULATED", excerpt(text));
                reader.error(&at, message, Some("name its children".to_owned()));
            }
            Some(place) => children.push(*place),
            None if wrong.excuse(text) => {}
            None => {
                let hint = suggest::did_you_mean(text, places.keys().map(String::as_str));
                let hint = hint.unwrap_or_else(|| "the name of another [[health_check]]".to_owned());
                let message = format!("child_health_checks: undefined health_check '{}'", excerpt(text));
                reader.error(&at, message, Some(hint));
            }
        }
    }
    children
}
