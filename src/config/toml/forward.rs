//! Reading forwarders and `[[forward]]`, the conditional rules.
//!
//! A rule starts with what its view says of order, TTLs, prefetch and stale answers; `trust_ad` belongs to the
//! forwarders beside it and is not handed on to rules, which have forwarders of their own.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::DeValue;

use super::super::bounds::{
    MAX_NCACHE_TTL, MAX_QPS, MAX_STALE_TTL, MIN_TTL, PREFETCH_DISTANCE, PREFETCH_TRIGGER, STALE_ANSWER_TTL,
    STALE_CLIENT_TIMEOUT, STALE_REFRESH_TIME, UDP_SIZE,
};
use super::super::values::{self, excerpt};
use super::super::{
    ForwardRule, ForwardSettings, Forwarder, ForwarderOrder, MAX_FORWARDERS, Position, Prefetch, Stale, is_askable,
};
use super::keys::Place;
use super::options;
use super::walk::{Field, Reader, Table};
use crate::wire::Name;

/// `0..=2^31-1` s, the TTLs there are (RFC 2181 §8).
const TTL: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(i32::MAX as u64);

/// The words of `forwarder_order`.
const ORDERS: &[(&str, ForwarderOrder)] =
    &[("first", ForwarderOrder::First), ("fastest", ForwarderOrder::Fastest), ("spread", ForwarderOrder::Spread)];

/// The rules of the file or of a view, each name once.
pub(super) fn rules<'i>(
    reader: &mut Reader<'i>,
    field: Option<Field<'_, 'i>>,
    view: &ForwardSettings,
    default_port: u16,
) -> Vec<ForwardRule> {
    let mut seen: HashMap<Name, Position> = HashMap::new();
    let mut rules = Vec::new();
    for table in reader.tables(Place::Forward, field) {
        let settings = rule_settings(reader, &table, view, default_port);
        let Some(name) = rule_name(reader, &table) else { continue };
        let position = reader.position(&table.span);
        match seen.get(&name) {
            Some(first) => {
                let message = format!("zone '{name}': already exists previous definition: {first}");
                reader.error(&table.span, message, Some("put all its forwarders into one [[forward]]".to_owned()));
            }
            None => {
                seen.insert(name.clone(), position.clone());
                rules.push(ForwardRule { name, settings, position: Some(position) });
            }
        }
    }
    rules
}

fn rule_settings<'i>(
    reader: &mut Reader<'i>,
    table: &Table<'_, 'i>,
    view: &ForwardSettings,
    default_port: u16,
) -> ForwardSettings {
    let mut settings = ForwardSettings { forwarders: Vec::new(), trust_ad: false, ..view.clone() };
    if !table.has("forwarders") {
        let hint = "write forwarders = [\"10.1.0.2\"], or [] to forward nothing at and below the name";
        reader.error(&table.span, "[[forward]] without forwarders", Some(hint.to_owned()));
    }
    read_settings(reader, table, &mut settings, default_port);
    settings
}

fn rule_name<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>) -> Option<Name> {
    let Some(field) = table.field("name") else {
        let hint = Some("write name = \"awslab.mycompany.corp\"".to_owned());
        reader.error(&table.span, "[[forward]] without name", hint);
        return None;
    };
    let text = reader.string(field, "\"awslab.mycompany.corp\"")?;
    match text.parse::<Name>() {
        Ok(name) if name.is_root() => {
            let hint = Some("write these forwarders into [options] or [[view]]".to_owned());
            reader.error(&field.value.span(), "zone '.': the root is not a rule", hint);
            None
        }
        Ok(name) => Some(name),
        Err(error) => {
            let message = format!("zone '{}': is not a valid name", excerpt(text));
            reader.error(&field.value.span(), message, Some(error.to_string()));
            None
        }
    }
}

/// What options, views and rules have in common: forwarders and their order, TTL limits, prefetch, stale answers,
/// `trust_ad`.
///
/// Forwarders that are written replace those in `settings`, and take trust in them away unless it is written too.
pub(super) fn read_settings<'i>(
    reader: &mut Reader<'i>,
    table: &Table<'_, 'i>,
    settings: &mut ForwardSettings,
    default_port: u16,
) {
    if table.has("forwarders") {
        settings.trust_ad = false;
    }
    reader.set(table, "forwarders", &mut settings.forwarders, |reader, field| {
        Some(forwarders(reader, field, default_port))
    });
    reader.set(table, "forwarder_order", &mut settings.order, |reader, field| reader.word(field, ORDERS));
    reader.set(table, "trust_ad", &mut settings.trust_ad, Reader::boolean);
    reader.set(table, "prefetch", &mut settings.prefetch, prefetch);
    read_stale(reader, table, &mut settings.stale);
    let ttl = &mut settings.ttl;
    reader.set(table, "max_cache_ttl", &mut ttl.max_cache, |reader, field| reader.duration(field, TTL));
    reader.set(table, "max_ncache_ttl", &mut ttl.max_ncache, |reader, field| reader.duration(field, MAX_NCACHE_TTL));
    reader.set(table, "min_cache_ttl", &mut ttl.min_cache, |reader, field| reader.duration(field, MIN_TTL));
    reader.set(table, "min_ncache_ttl", &mut ttl.min_ncache, |reader, field| reader.duration(field, MIN_TTL));
    for (minimum, maximum, key) in
        [(ttl.min_cache, ttl.max_cache, "cache_ttl"), (ttl.min_ncache, ttl.max_ncache, "ncache_ttl")]
    {
        if minimum > maximum {
            let message = format!("min_{key} is greater than max_{key}: the maximum counts");
            reader.warn(&table.span, message, None);
        }
    }
}

/// `false`, `true` for the last tenth of the TTL, or named's two numbers.
fn prefetch<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>) -> Option<Prefetch> {
    match field.value.get_ref() {
        DeValue::Boolean(true) => Some(Prefetch::LastTenth),
        DeValue::Boolean(false) => Some(Prefetch::Off),
        DeValue::Array(numbers) if numbers.len() == 2 => {
            let elements = reader.elements(field);
            let trigger = reader.integer(elements[0], PREFETCH_TRIGGER)?;
            let eligibility = reader.integer(elements[1], trigger + PREFETCH_DISTANCE..=u32::MAX)?;
            Some(Prefetch::Last { trigger, eligibility })
        }
        _ => {
            reader.expected(field, "true, false or two numbers of seconds", "[2, 9]");
            None
        }
    }
}

fn read_stale<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>, stale: &mut Stale) {
    let mut served = stale.is_served();
    reader.set(table, "serve_stale", &mut served, Reader::boolean);
    if table.has("serve_stale") {
        (stale.keep, stale.answer) = (served, served);
    }
    reader.set(table, "stale_cache_enable", &mut stale.keep, Reader::boolean);
    reader.set(table, "stale_answer_enable", &mut stale.answer, Reader::boolean);
    for (key, target, bounds) in [
        ("max_stale_ttl", &mut stale.max_ttl, MAX_STALE_TTL),
        ("stale_answer_ttl", &mut stale.answer_ttl, STALE_ANSWER_TTL),
        ("stale_refresh_time", &mut stale.refresh_time, STALE_REFRESH_TIME),
    ] {
        reader.set(table, key, target, |reader, field| reader.duration(field, bounds));
    }
    reader.set(table, "stale_answer_client_timeout", &mut stale.client_timeout, |reader, field| {
        match field.value.get_ref().as_str() {
            Some("off" | "disabled") => Some(None),
            _ => reader.duration(field, STALE_CLIENT_TIMEOUT).map(Some),
        }
    });
}

/// A list of forwarders; repetitions are left out with a warning.
fn forwarders<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>, default_port: u16) -> Vec<Forwarder> {
    let mut list: Vec<Forwarder> = Vec::new();
    for element in reader.elements(field) {
        let Some(forwarder) = forwarder(reader, element, default_port) else { continue };
        if list.iter().any(|known| known.address == forwarder.address) {
            let message = format!("forwarder {} is written twice: the first counts", forwarder.address);
            reader.warn(&element.value.span(), message, None);
        } else {
            list.push(forwarder);
        }
    }
    if list.len() > MAX_FORWARDERS {
        let message = format!("{} forwarders are too many", list.len());
        reader.error(&field.value.span(), message, Some(format!("at most {MAX_FORWARDERS}")));
    }
    list
}

fn forwarder<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>, default_port: u16) -> Option<Forwarder> {
    match field.value.get_ref() {
        DeValue::String(text) => address(reader, field, text, default_port).map(Forwarder::new),
        DeValue::Table(_) => forwarder_table(reader, field, default_port),
        _ => {
            reader.expected(field, "list of addresses", "[\"10.1.0.2\", \"10.1.0.2:5300\"]");
            None
        }
    }
}

fn forwarder_table<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>, default_port: u16) -> Option<Forwarder> {
    let table = reader.table(Place::Forwarder, field)?;
    let mut port = default_port;
    reader.set(&table, "port", &mut port, |reader, field| reader.integer(field, 1..=u16::MAX));
    // Its address is read at the end, so that all faults are told.
    let mut read = Forwarder::new((Ipv4Addr::UNSPECIFIED, port).into());
    for (key, target) in [
        ("bogus", &mut read.bogus),
        ("case_randomisation", &mut read.case_randomisation),
        ("edns", &mut read.edns),
        ("tcp_only", &mut read.tcp_only),
    ] {
        reader.set(&table, key, target, Reader::boolean);
    }
    reader.set(&table, "edns_udp_size", &mut read.edns_udp_size, |reader, field| {
        reader.integer(field, UDP_SIZE).map(Some)
    });
    reader.set(&table, "send_cookie", &mut read.send_cookie, |reader, field| reader.boolean(field).map(Some));
    reader.set(&table, "max_qps", &mut read.max_qps, |reader, field| reader.integer(field, MAX_QPS).map(Some));
    let source = table.field("query_source").and_then(|field| reader.string(field, "\"10.1.1.53\""));
    let Some(written) = table.field("address") else {
        let hint = Some("write { address = \"10.1.0.2\", tcp_only = true }".to_owned());
        reader.error(&table.span, "forwarder without address", hint);
        return None;
    };
    let text = reader.string(written, "\"10.1.0.2\"")?;
    let address = address(reader, written, text, port)?;
    if table.has("port") && address.port() != port {
        reader.error(&table.span, "forwarder with two ports", Some("write the port once".to_owned()));
    }
    if source.is_some() {
        read.query_source = table.field("query_source").and_then(|field| source_for(reader, field, address));
    }
    Some(Forwarder { address, ..read })
}

/// From where a forwarder is asked: an address of its family, or `*`.
fn source_for<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>, forwarder: SocketAddr) -> Option<IpAddr> {
    match forwarder {
        SocketAddr::V4(_) => options::source(reader, field, "\"10.1.1.53\"", values::source_v4).map(IpAddr::V4),
        SocketAddr::V6(_) => options::source(reader, field, "\"2001:db8::53\"", values::source_v6).map(IpAddr::V6),
    }
}

fn address(reader: &mut Reader<'_>, field: Field<'_, '_>, text: &str, port: u16) -> Option<SocketAddr> {
    match values::socket_address(text, port) {
        Ok(address) if is_askable(address.ip()) => Some(address),
        Ok(address) => {
            let message = format!("{}: {} cannot be asked", field.key, address.ip());
            reader.error(&field.value.span(), message, Some("a forwarder is one host's address".to_owned()));
            None
        }
        Err(error) => {
            reader.wrong(field, &error);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn settings(text: &str) -> Result<(ForwardSettings, ForwardSettings), Vec<String>> {
        let text = format!("[options]\nforwarders = ['10.1.0.2']\n{text}");
        let read = parse(&text, "t.toml", &crate::config::files::NoFiles)
            .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let view = read.config.views[0].clone();
        let rule = view.rules.first().map_or(view.forward.clone(), |rule| rule.settings.clone());
        Ok((view.forward, rule))
    }

    #[test]
    fn prefetch_is_a_boolean_or_two_numbers() {
        for (text, expected) in [
            ("", Prefetch::LastTenth),
            ("prefetch = true", Prefetch::LastTenth),
            ("prefetch = false", Prefetch::Off),
            ("prefetch = [2, 9]", Prefetch::Last { trigger: 2, eligibility: 9 }),
        ] {
            assert_eq!(settings(text).map(|(view, _)| view.prefetch), Ok(expected), "{text}");
        }
        let expected = "prefetch: true, false or two numbers of seconds expected near";
        for (text, expected) in [
            ("prefetch = 2", expected),
            ("prefetch = [2]", expected),
            ("prefetch = [2, 7]", "prefetch '7' is out of range (8..4294967295)"),
            ("prefetch = [11, 60]", "prefetch '11' is out of range (1..10)"),
        ] {
            let faults = settings(text).expect_err(text);
            assert!(faults[0].contains(expected), "{text}: {faults:?}");
        }
    }

    #[test]
    fn stale_answers_are_a_matter_of_each_rule() {
        let text = "serve_stale = true\nmax_stale_ttl = '2d'\nstale_answer_ttl = 20\nstale_refresh_time = 0
            stale_answer_client_timeout = '1800ms'\n[[forward]]\nname = 'corp'\nforwarders = ['10.1.0.3']\n";
        let (view, rule) = settings(text).expect("good");
        assert_eq!(view.stale, rule.stale);
        let expected = Stale {
            keep: true,
            answer: true,
            max_ttl: Duration::from_secs(2 * 86_400),
            answer_ttl: Duration::from_secs(20),
            refresh_time: Duration::ZERO,
            client_timeout: Some(Duration::from_millis(1800)),
        };
        assert_eq!(view.stale, expected);
        let (view, rule) = settings(&format!("{text}serve_stale = false")).expect("good");
        assert_eq!((view.stale.is_served(), rule.stale.is_served()), (true, false));
        let faults = settings("stale_answer_ttl = 60").expect_err("RFC 8767");
        assert_eq!(faults, ["t.toml:3: stale_answer_ttl '60' is out of range (1s..30s)"]);
    }
}
