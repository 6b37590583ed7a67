//! Reading `[[zone]]`: names that this server answers for itself.
//!
//! What contradicts what among a zone's records is found by [`groups`], once all have been read.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use toml::de::DeValue;

use super::super::values::{self, excerpt};
use super::super::zones::below_directory;
use super::super::{
    LocalZone, MasterFile, OnAllDown, Position, SharedZone, Soa, View, ZoneSettings, ZoneStatistics, groups,
};
use super::acl::Acls;
use super::health::WrongChecks;
use super::keys::{KEYS, Place};
use super::walk::{Field, Reader, Table, unsigned};
use super::{grant, record};
use crate::wire::Name;

/// `on_all_down`
pub(super) const ON_ALL_DOWN: &[(&str, OnAllDown)] =
    &[("primary", OnAllDown::Primary), ("servfail", OnAllDown::Servfail)];

/// What the rest of the file says that zones need.
pub(super) struct Around<'r> {
    /// The names of all keys.
    pub(super) keys: &'r HashSet<Name>,
    /// The health checks by their names.
    pub(super) check_places: HashMap<&'r str, usize>,
    /// Checks that are wrong themselves.
    pub(super) wrong_checks: &'r WrongChecks,
    pub(super) directory: Option<&'r Path>,
    /// `state_directory` is written: journals have a place.
    pub(super) has_state: bool,
    /// `monitored_ttl` of the options.
    pub(super) monitored_ttl: Option<u32>,
}

/// The zones of the views before, by the views' names.
pub(super) type Earlier = HashMap<String, HashSet<Name>>;

/// The zones of the file or of a view, each name once and none a rule's; those of `earlier` views may be shared.
pub(super) fn zones<'a, 'i>(
    reader: &mut Reader<'i>,
    field: Option<Field<'a, 'i>>,
    acls: &mut Acls<'a, 'i>,
    around: &Around<'_>,
    view: &mut View,
    earlier: &Earlier,
) {
    let of_rule = |rule: &super::super::ForwardRule| Some((rule.name.clone(), rule.position.clone()?));
    let mut seen: HashMap<Name, Position> = view.rules.iter().filter_map(of_rule).collect();
    for table in reader.tables(Place::Zone, field) {
        let zone = match table.has("in_view") {
            true => shared_zone(reader, &table, earlier).map(Either::Shared),
            false => zone(reader, &table, acls, around).map(|zone| Either::Own(Box::new(zone))),
        };
        let Some(zone) = zone else { continue };
        let name = match &zone {
            Either::Own(zone) => &zone.name,
            Either::Shared(zone) => &zone.name,
        };
        if let Some(first) = seen.get(name) {
            let message = format!("zone '{name}': already exists previous definition: {first}");
            reader.error(&table.span, message, Some("a name is one [[zone]] or one [[forward]]".to_owned()));
            continue;
        }
        seen.insert(name.clone(), reader.position(&table.span));
        match zone {
            Either::Own(zone) => view.zones.push(*zone),
            Either::Shared(zone) => view.shared_zones.push(zone),
        }
    }
}

/// What a `[[zone]]` is.
enum Either {
    Own(Box<LocalZone>),
    Shared(SharedZone),
}

/// A zone of an earlier view.
fn shared_zone<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>, earlier: &Earlier) -> Option<SharedZone> {
    let name = zone_name(reader, table);
    let field = table.field("in_view")?;
    let view = reader.string(field, "\"internal\"")?;
    let name = name?;
    let of_zones = KEYS.iter().filter(|(_, places)| places.contains(&Place::Zone)).map(|(key, _)| *key);
    for key in of_zones.filter(|key| !["name", "in_view", "forward_delegations"].contains(key)) {
        if let Some(other) = table.field(key) {
            let hint = Some("what else is said of the zone stands in that view".to_owned());
            reader.error(&other.value.span(), format!("zone '{name}': {key} beside in_view"), hint);
        }
    }
    if !earlier.get(view).is_some_and(|zones| zones.contains(&name)) {
        let message = format!("in_view: zone '{name}' does not exist in an earlier view '{}'", excerpt(view));
        reader.error(&field.value.span(), message, Some("an earlier [[view]] with this [[view.zone]]".to_owned()));
        return None;
    }
    let mut forward_delegations = true;
    reader.set(table, "forward_delegations", &mut forward_delegations, Reader::boolean);
    Some(SharedZone { name, view: view.to_owned(), forward_delegations, position: Some(reader.position(&table.span)) })
}

fn zone<'a, 'i>(
    reader: &mut Reader<'i>,
    table: &Table<'a, 'i>,
    acls: &mut Acls<'a, 'i>,
    around: &Around<'_>,
) -> Option<LocalZone> {
    let name = zone_name(reader, table);
    let settings = settings(reader, table, acls, around);
    let mut file = None;
    reader.set(table, "file", &mut file, |reader, field| {
        let path = below_directory(around.directory, &reader.path(field)?);
        Some(Some(MasterFile { path, position: Some(reader.position(&field.value.span())) }))
    });
    // Without a name nothing is known of the names in it; the types of its values are looked at all the same.
    let apex = name.clone().unwrap_or_else(Name::root);
    let faults_before = reader.diagnostics.len();
    let (records, none_left_out) = record::records(reader, table.field("record"), &apex, around);
    let grants = grant::grants(reader, table.field("grant"), acls, &apex, around.keys);
    let all_read = none_left_out && reader.diagnostics.len() == faults_before;
    let position = Some(reader.position(&table.span));
    let zone = LocalZone { name: name?, file, records, settings, grants, position };
    check_source(reader, table, &zone);
    if !zone.grants.is_empty() && zone.file.is_none() && zone.settings.journal.is_none() && !around.has_state {
        let hint = "write state_directory = \"/var/lib/tandem\" in [options]".to_owned();
        let message = format!("zone '{}' takes updates, but nothing says where they are kept", zone.name);
        reader.error(&table.span, message, Some(hint));
    }
    // A record that was left out is no contradiction.
    if all_read {
        reader.diagnostics.extend(groups::faults(&zone));
    }
    Some(zone)
}

fn zone_name<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>) -> Option<Name> {
    let Some(field) = table.field("name") else {
        let hint = Some("write name = \"corp.example\"".to_owned());
        reader.error(&table.span, "[[zone]] without name", hint);
        return None;
    };
    let name = reader.name(field, "\"corp.example\"")?;
    if name.is_root() {
        let hint = Some("write the name of the zone, such as \"corp.example\"".to_owned());
        reader.error(&field.value.span(), "zone '.': the root is no local zone", hint);
        return None;
    }
    Some(name)
}

/// What a master file has, and what makes a zone without one.
fn check_source<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>, zone: &LocalZone) {
    if zone.file.is_some() {
        for field in ["soa", "serial", "name_servers"].into_iter().filter_map(|key| table.field(key)) {
            let message = format!("zone '{}': {} beside file", zone.name, field.key);
            reader.error(&field.value.span(), message, Some("the file has the SOA and NS records".to_owned()));
        }
    } else if !table.has("record") && zone.grants.is_empty() {
        let message = format!("zone '{}' has neither file nor record", zone.name);
        reader.error(&table.span, message, Some("write file = \"corp.db\", or [[zone.record]] behind it".to_owned()));
    }
    let of_apex = |record: &&super::super::ZoneRecord| record.rtype == groups::NS && record.name == zone.name;
    if let (Some(field), Some(record)) = (table.field("name_servers"), zone.records.iter().find(of_apex)) {
        let message = format!("zone '{}': name_servers beside NS records: {}", zone.name, record.position);
        reader.error(&field.value.span(), message, Some("write one or the other".to_owned()));
    }
}

fn settings<'a, 'i>(
    reader: &mut Reader<'i>,
    table: &Table<'a, 'i>,
    acls: &mut Acls<'a, 'i>,
    around: &Around<'_>,
) -> ZoneSettings {
    let mut settings = ZoneSettings { monitored_ttl: around.monitored_ttl, ..ZoneSettings::default() };
    reader.set(table, "allow_query", &mut settings.allow_query, |reader, field| acls.list(reader, field).map(Some));
    reader
        .set(table, "allow_query_on", &mut settings.allow_query_on, |reader, field| acls.list(reader, field).map(Some));
    reader.set(table, "forward_delegations", &mut settings.forward_delegations, Reader::boolean);
    reader.set(table, "ttl", &mut settings.ttl, Reader::ttl);
    reader.set(table, "serial", &mut settings.serial, |reader, field| reader.integer(field, 1..=u32::MAX).map(Some));
    reader.set(table, "soa", &mut settings.soa, soa);
    reader.set(table, "name_servers", &mut settings.name_servers, |reader, field| {
        let names = reader.elements(field);
        Some(names.into_iter().filter_map(|element| reader.name(element, "[\"ns1.corp.example\"]")).collect())
    });
    reader.set(table, "on_all_down", &mut settings.on_all_down, |reader, field| reader.word(field, ON_ALL_DOWN));
    reader.set(table, "monitored_ttl", &mut settings.monitored_ttl, |reader, field| reader.ttl(field).map(Some));
    reader.set(table, "journal", &mut settings.journal, |reader, field| {
        Some(Some(below_directory(around.directory, &reader.path(field)?)))
    });
    reader.set(table, "max_journal_size", &mut settings.max_journal_octets, journal_size);
    reader.set(table, "zone_statistics", &mut settings.statistics, |reader, field| {
        reader.word(field, ZoneStatistics::ALL)
    });
    settings
}

fn soa<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>) -> Option<Soa> {
    let DeValue::Table(_) = field.value.get_ref() else {
        reader.expected(field, "table", "{ mname = \"ns1.corp.example\", minimum = \"60s\" }");
        return None;
    };
    let table = reader.table(Place::Soa, field)?;
    let mut soa = Soa::default();
    reader.set(&table, "mname", &mut soa.mname, |reader, field| reader.name(field, "\"ns1.corp.example\"").map(Some));
    reader.set(&table, "rname", &mut soa.rname, |reader, field| rname(reader, field).map(Some));
    for (key, target) in [
        ("refresh", &mut soa.refresh),
        ("retry", &mut soa.retry),
        ("expire", &mut soa.expire),
        ("minimum", &mut soa.minimum),
    ] {
        reader.set(&table, key, target, Reader::ttl);
    }
    Some(soa)
}

/// A name, or the address that it stands for (RFC 1035 §8).
fn rname<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>) -> Option<Name> {
    let text = reader.string(field, "\"hostmaster.corp.example\"")?;
    match text.split_once('@') {
        Some((user, host)) => reader.parsed_name(field, &format!("{}.{host}", user.replace('.', "\\."))),
        None => reader.parsed_name(field, text),
    }
}

/// `default`: as the zone demands. `unlimited`: it is never written anew.
fn journal_size<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>) -> Option<Option<u64>> {
    let text = match field.value.get_ref() {
        DeValue::String(text) if text.eq_ignore_ascii_case("default") => return Some(None),
        DeValue::String(text) if text.eq_ignore_ascii_case("unlimited") => return Some(Some(u64::MAX)),
        DeValue::String(text) => text.clone().into_owned(),
        DeValue::Integer(number) => unsigned(number).map_or("-".to_owned(), |octets| octets.to_string()),
        _ => {
            reader.expected(field, "size", "\"1M\"");
            return None;
        }
    };
    values::size(&text).map(Some).map_err(|error| reader.wrong(field, &error)).ok()
}
