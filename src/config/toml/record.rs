//! Reading `[[zone.record]]`: values, the policy that chooses among records, aliases.
//!
//! Names are written in full, with or without their last dot, those in values too; `@` is the zone's own name. Values
//! are in the form of master files and become RDATA here.

use toml::de::DeValue;

use super::super::values::excerpt;
use super::super::{AliasTarget, FailoverRole, RecordPolicy, ZoneRecord, groups, suggest};
use super::keys::Place;
use super::walk::{Field, Reader, Table};
use super::zone::{Around, ON_ALL_DOWN};
use crate::wire::mnemonic::{type_name, type_number};
use crate::wire::{Name, present};

const TXT: u16 = 16;
const SPF: u16 = 99;
const OPT: u16 = 41;

/// `failover`
const ROLES: &[(&str, FailoverRole)] = &[("PRIMARY", FailoverRole::Primary), ("SECONDARY", FailoverRole::Secondary)];

/// The keys that make a policy, of which a record has one.
const POLICIES: [&str; 5] = ["failover", "weight", "multivalue_answer", "region", "geo_location"];

/// The records of a zone, and whether these are all; those that cannot be read, or name a check that cannot, are left out.
pub(super) fn records<'i>(
    reader: &mut Reader<'i>,
    field: Option<Field<'_, 'i>>,
    apex: &Name,
    around: &Around<'_>,
) -> (Vec<ZoneRecord>, bool) {
    let tables = reader.tables(Place::Record, field);
    let records: Vec<_> = tables.iter().filter_map(|table| record(reader, table, apex, around)).collect();
    let are_all = records.len() == tables.len();
    (records, are_all)
}

fn record<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>, apex: &Name, around: &Around<'_>) -> Option<ZoneRecord> {
    let name = owner(reader, table, apex);
    let rtype = rtype(reader, table);
    let policy = policy(reader, table);
    let mut ttl = None;
    reader.set(table, "ttl", &mut ttl, |reader, field| reader.ttl(field).map(Some));
    let mut set_identifier = match policy {
        Some(RecordPolicy::Failover(role)) => role.word().to_owned(),
        _ => String::new(),
    };
    reader.set(table, "set_identifier", &mut set_identifier, set_identifier_of);
    let mut health_check = None;
    reader.set(table, "health_check", &mut health_check, |reader, field| check_named(reader, field, around).map(Some));
    let mut on_all_down = None;
    reader.set(table, "on_all_down", &mut on_all_down, |reader, field| reader.word(field, ON_ALL_DOWN).map(Some));
    let alias = table.field("alias_target").map(|field| alias_target(reader, field, apex));
    let values = table.field("value").map(|field| values(reader, field, rtype));
    check_alias(reader, table, rtype);
    if table.has("health_check") && health_check.is_none() {
        return None;
    }
    let position = reader.position(&table.span);
    Some(ZoneRecord {
        name: name?,
        rtype: rtype?,
        ttl,
        values: values.map_or(Some(Vec::new()), |values| values)?,
        policy: policy?,
        set_identifier,
        health_check,
        alias: alias.map_or(Some(None), |alias| alias.map(Some))?,
        on_all_down,
        position,
    })
}

fn owner<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>, apex: &Name) -> Option<Name> {
    let Some(field) = table.field("name") else {
        let hint = Some(format!("write name = \"www.{apex}\", or \"@\" for the zone itself"));
        reader.error(&table.span, "[[zone.record]] without name", hint);
        return None;
    };
    let text = reader.string(field, "\"www.corp.example\"")?;
    reader.name_within(field, text, apex)
}

fn rtype<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>) -> Option<u16> {
    let Some(field) = table.field("type") else {
        reader.error(&table.span, "[[zone.record]] without type", Some("write type = \"A\"".to_owned()));
        return None;
    };
    let text = reader.string(field, "\"A\"")?;
    let number = type_number(text);
    let message = match number {
        None => format!("type: unknown value '{}'", excerpt(text)),
        Some(groups::SOA) => "type: the SOA is no record of its own".to_owned(),
        Some(0 | OPT | 128..=255) => format!("type: {} is no type of records", excerpt(text)),
        known => return known,
    };
    let hint = match number {
        None => "a type such as A, AAAA, CNAME, MX, SRV or TXT; any other as TYPE65280",
        Some(groups::SOA) => "write soa = { mname = \"…\", minimum = \"60s\" } in [[zone]]",
        _ => "a type that names have, such as A",
    };
    reader.error(&field.value.span(), message, Some(hint.to_owned()));
    None
}

/// What the record is chosen by; `None`: reported.
fn policy<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>) -> Option<RecordPolicy> {
    let written: Vec<_> = POLICIES.into_iter().filter_map(|key| table.field(key)).collect();
    if let [first, second, ..] = &written[..] {
        let message = format!("record with {} and {}", first.key, second.key);
        reader.error(&second.value.span(), message, Some("a record has one policy".to_owned()));
        return None;
    }
    let Some(field) = written.first().copied() else { return Some(RecordPolicy::Simple) };
    match field.key {
        "failover" => reader.word(field, ROLES).map(RecordPolicy::Failover),
        "weight" => reader.integer(field, 0..=u8::MAX).map(RecordPolicy::Weighted),
        "multivalue_answer" => {
            let is_so = reader.boolean(field)?;
            Some(if is_so { RecordPolicy::Multivalue } else { RecordPolicy::Simple })
        }
        "region" => reader.string(field, "\"us-east-1\"").map(|region| RecordPolicy::Region(region.to_owned())),
        _ => {
            let text = reader.string(field, "\"*\"")?;
            if text == "*" {
                return Some(RecordPolicy::Everywhere);
            }
            let message = format!("{}: '{}' is refused: where a client is cannot be told", field.key, excerpt(text));
            let hint = "\"*\" is for all who have no record of their region; views tell networks apart";
            reader.error(&field.value.span(), message, Some(hint.to_owned()));
            None
        }
    }
}

/// Route 53's: printable, at most 128 characters.
fn set_identifier_of<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>) -> Option<String> {
    let text = reader.string(field, "\"a\"")?;
    if text.chars().count() > 128 || text.chars().any(char::is_control) {
        let hint = Some("at most 128 printable characters".to_owned());
        reader.error(&field.value.span(), format!("{}: '{}' is no identifier", field.key, excerpt(text)), hint);
        return None;
    }
    Some(text.to_owned())
}

/// The place of the check of this name.
fn check_named<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>, around: &Around<'_>) -> Option<usize> {
    let text = reader.string(field, "\"primary\"")?;
    let place = around.check_places.get(text).copied();
    if place.is_none() && !around.wrong_checks.excuse(text) {
        let hint = suggest::did_you_mean(text, around.check_places.keys().copied());
        let hint = hint.unwrap_or_else(|| format!("define it: [[health_check]] with name = \"{}\"", excerpt(text)));
        let message = format!("{}: undefined health_check '{}'", field.key, excerpt(text));
        reader.error(&field.value.span(), message, Some(hint));
    }
    place
}

fn alias_target<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>, apex: &Name) -> Option<AliasTarget> {
    let DeValue::Table(_) = field.value.get_ref() else {
        reader.expected(field, "table", "{ name = \"www.corp.example\", evaluate_target_health = true }");
        return None;
    };
    let table = reader.table(Place::Alias, field)?;
    let mut evaluate_target_health = false;
    reader.set(&table, "evaluate_target_health", &mut evaluate_target_health, Reader::boolean);
    let Some(field) = table.field("name") else {
        let hint = Some("write { name = \"www.corp.example\" }".to_owned());
        reader.error(&table.span, "alias_target without name", hint);
        return None;
    };
    let text = reader.string(field, "\"www.corp.example\"")?;
    let name = reader.name_within(field, text, apex)?;
    Some(AliasTarget { name, evaluate_target_health })
}

/// An alias has what its target has, and nothing else.
fn check_alias<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>, rtype: Option<u16>) {
    let Some(alias) = table.field("alias_target") else {
        if !table.has("value") {
            let hint = Some("write value = \"192.0.2.1\", a list of values, or alias_target".to_owned());
            reader.error(&table.span, "[[zone.record]] without value", hint);
        }
        return;
    };
    for field in ["value", "ttl"].into_iter().filter_map(|key| table.field(key)) {
        let message = format!("{} beside alias_target", field.key);
        reader.error(&field.value.span(), message, Some("an alias has its target's".to_owned()));
    }
    if let Some(rtype) = rtype.filter(|rtype| *rtype == groups::NS) {
        let message = format!("alias_target: an alias cannot be of type {}", type_name(rtype));
        reader.error(&alias.value.span(), message, None);
    }
}

/// The RDATA of a value or a list of them. `None`: reported. Without a type only their being texts is looked at.
fn values<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>, rtype: Option<u16>) -> Option<Vec<Box<[u8]>>> {
    let elements = reader.elements(field);
    if elements.is_empty() {
        reader.error(&field.value.span(), "value: an empty list", Some("write at least one value".to_owned()));
        return None;
    }
    let mut list: Vec<Box<[u8]>> = Vec::new();
    let mut all_read = true;
    for element in elements {
        match value(reader, element, rtype) {
            Some(rdata) if list.contains(&rdata) => {
                let shown = excerpt(element.value.get_ref().as_str().unwrap_or_default());
                reader.warn(
                    &element.value.span(),
                    format!(
                        "value '{shown}' is written twice: the first \
                 counts"
                    ),
                    None,
                );
            }
            Some(rdata) => list.push(rdata),
            None => all_read = false,
        }
    }
    all_read.then_some(list)
}

fn value<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>, rtype: Option<u16>) -> Option<Box<[u8]>> {
    let text = reader.string(field, "\"192.0.2.1\"")?;
    let rtype = rtype?;
    let shown = |what: String| format!("value '{}': {what}", excerpt(text));
    if matches!(rtype, TXT | SPF) && !text.trim_start().starts_with(['"', '\\']) {
        let message = shown(format!("{} expected in quotes", type_name(rtype)));
        let hint = format!("write value = '\"{}\"'", excerpt(text));
        reader.error(&field.value.span(), message, Some(hint));
        return None;
    }
    if !matches!(rtype, TXT | SPF) && text.split_ascii_whitespace().any(|word| word == "@") {
        let hint = Some("names in values are written in full".to_owned());
        reader.error(&field.value.span(), shown("'@' stands for no name here".to_owned()), hint);
        return None;
    }
    // Names are absolute, with or without their last dot.
    match present::rdata(rtype, text, &Name::root()) {
        Ok(rdata) => Some(rdata),
        Err(why) => {
            reader.error(&field.value.span(), format!("value: {why}"), None);
            None
        }
    }
}
