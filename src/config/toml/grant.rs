//! Reading `[[key]]`, and `[[zone.grant]]`: who may change a zone by updates.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use toml::de::DeValue;

use super::super::files::{Files, MAX_CONFIG_OCTETS, explain};
use super::super::values::{self, excerpt};
use super::super::zones::below_directory;
use super::super::{Grant, GrantedNames, GrantedTypes, Grantee, Key, NamePattern, Position, Secret, suggest};
use super::acl::Acls;
use super::keys::Place;
use super::walk::{Field, Reader, Table};
use crate::tsig::Algorithm;
use crate::wire::Name;
use crate::wire::mnemonic::{type_name, type_number};

const ANY: u16 = 255;
/// They follow from what else a signed zone holds, and are never granted, as in named.
const NEVER: [u16; 2] = [47, 50];

/// `match`, the words of `update-policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Matching {
    Name,
    Subdomain,
    Wildcard,
    Own,
    OwnAndBelow,
    Zone,
}

const MATCHINGS: &[(&str, Matching)] = &[
    ("name", Matching::Name),
    ("subdomain", Matching::Subdomain),
    ("wildcard", Matching::Wildcard),
    ("self", Matching::Own),
    ("selfsub", Matching::OwnAndBelow),
    ("zonesub", Matching::Zone),
];

/// The keys of the file, each name once, and the names of all, those of wrong ones too: whoever names them is not wrong.
pub(super) fn keys<'i>(
    reader: &mut Reader<'i>,
    field: Option<Field<'_, 'i>>,
    views: &[&str],
    directory: Option<&Path>,
    files: &dyn Files,
) -> (Vec<Key>, HashSet<Name>) {
    let mut seen: HashMap<Name, Vec<(Option<String>, Position)>> = HashMap::new();
    let mut keys = Vec::new();
    for table in reader.tables(Place::Key, field) {
        let key = key(reader, &table, directory, files);
        let mut view = None;
        reader.set(&table, "view", &mut view, |reader, field| view_of(reader, field, views).map(Some));
        let Some(name) = key_name(reader, &table) else { continue };
        let position = reader.position(&table.span);
        let before = seen.entry(name.clone()).or_default();
        let is_it = |other: &Option<String>| view.is_none() || other.is_none() || *other == view;
        if let Some((_, first)) = before.iter().find(|(other, _)| is_it(other)) {
            let message = format!("key '{name}': already exists previous definition: {first}");
            reader.error(&table.span, message, None);
            continue;
        }
        if let Some((algorithm, secret)) = key {
            keys.push(Key { name, view: view.clone(), algorithm, secret, position: Some(position.clone()) });
        }
        before.push((view, position));
    }
    let names = seen.into_keys().collect();
    (keys, names)
}

/// The name of a view that there is.
fn view_of<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>, views: &[&str]) -> Option<String> {
    let name = reader.string(field, "\"inside\"")?;
    if views.contains(&name) {
        return Some(name.to_owned());
    }
    let hint = suggest::did_you_mean(name, views.iter().copied());
    reader.error(&field.value.span(), format!("view: there is no view '{}'", excerpt(name)), hint);
    None
}

/// The names that `[[view]]` tables have.
pub(super) fn view_names<'a>(field: Option<Field<'a, '_>>) -> Vec<&'a str> {
    let tables = field.and_then(|field| field.value.get_ref().as_array());
    let name = |table: &'a toml::Spanned<DeValue<'_>>| table.get_ref().get("name")?.get_ref().as_str();
    tables.into_iter().flat_map(|tables| tables.iter()).filter_map(name).collect()
}

fn key_name<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>) -> Option<Name> {
    let Some(field) = table.field("name") else {
        reader.error(&table.span, "[[key]] without name", Some("write name = \"deploy\"".to_owned()));
        return None;
    };
    reader.name(field, "\"deploy\"")
}

fn key<'i>(
    reader: &mut Reader<'i>,
    table: &Table<'_, 'i>,
    directory: Option<&Path>,
    files: &dyn Files,
) -> Option<(Algorithm, Secret)> {
    let mut algorithm = Algorithm::default();
    let words = Algorithm::ALL.map(|algorithm| (algorithm.name(), algorithm));
    reader.set(table, "algorithm", &mut algorithm, |reader, field| reader.word(field, &words));
    let secret = match (table.field("secret"), table.field("secret_file")) {
        (Some(_), Some(file)) => {
            let hint = Some("write one or the other".to_owned());
            reader.error(&file.value.span(), "secret beside secret_file", hint);
            None
        }
        (Some(field), None) => reader.secret(field),
        (None, Some(field)) => secret_of_file(reader, field, directory, files),
        (None, None) => {
            let hint = Some("write secret = \"…\", what 'tsig-keygen' prints, or secret_file".to_owned());
            reader.error(&table.span, "[[key]] without secret", hint);
            None
        }
    };
    Some((algorithm, secret?))
}

/// The names that `[[key]]` tables have, whatever else is wrong with them.
pub(super) fn key_names(field: Option<Field<'_, '_>>) -> HashSet<Name> {
    let tables = field.and_then(|field| field.value.get_ref().as_array());
    let name = |table: &toml::Spanned<DeValue<'_>>| table.get_ref().get("name")?.get_ref().as_str()?.parse().ok();
    tables.into_iter().flat_map(|tables| tables.iter()).filter_map(name).collect()
}

/// A file that holds a secret in base64 and nothing else.
fn secret_of_file<'i>(
    reader: &mut Reader<'i>,
    field: Field<'_, 'i>,
    directory: Option<&Path>,
    files: &dyn Files,
) -> Option<Secret> {
    let path = below_directory(directory, &reader.path(field)?);
    let shown = path.display();
    let octets = match files.read(&path, MAX_CONFIG_OCTETS) {
        Ok(octets) => octets,
        Err(error) => {
            let hint = Some(format!("file '{shown}'"));
            reader.error(&field.value.span(), format!("secret_file: {}", explain(&error)), hint);
            return None;
        }
    };
    if files.is_open_to_others(&path) {
        let hint = Some(format!("chmod o= {shown}"));
        reader.warn(&field.value.span(), format!("secret_file: everybody on this host may read '{shown}'"), hint);
    }
    match values::secret(&String::from_utf8_lossy(&octets)) {
        Ok(secret) => Some(secret),
        Err(error) => {
            reader.wrong(field, &error);
            None
        }
    }
}

/// The grants of a zone, in the order of the text; those that cannot be read are reported and left out.
pub(super) fn grants<'a, 'i>(
    reader: &mut Reader<'i>,
    field: Option<Field<'a, 'i>>,
    acls: &mut Acls<'a, 'i>,
    apex: &Name,
    keys: &HashSet<Name>,
) -> Vec<Grant> {
    let tables = reader.tables(Place::Grant, field);
    tables.iter().filter_map(|table| grant(reader, table, acls, apex, keys)).collect()
}

fn grant<'a, 'i>(
    reader: &mut Reader<'i>,
    table: &Table<'a, 'i>,
    acls: &mut Acls<'a, 'i>,
    apex: &Name,
    keys: &HashSet<Name>,
) -> Option<Grant> {
    let mut deny = false;
    reader.set(table, "deny", &mut deny, Reader::boolean);
    let who = grantee(reader, table, acls, keys);
    let names = names(reader, table, apex);
    let types = table.field("types").map_or(Some(GrantedTypes::Ordinary), |field| types(reader, field));
    let (who, names) = (who?, names?);
    if matches!((&who, &names), (Grantee::Clients(_), GrantedNames::Own | GrantedNames::OwnAndBelow)) {
        let hint = Some("'self' is the name of the key".to_owned());
        reader.error(&table.span, "grant with match = \"self\" and no key", hint);
        return None;
    }
    Some(Grant { deny, who, names, types: types?, position: Some(reader.position(&table.span)) })
}

fn grantee<'a, 'i>(
    reader: &mut Reader<'i>,
    table: &Table<'a, 'i>,
    acls: &mut Acls<'a, 'i>,
    keys: &HashSet<Name>,
) -> Option<Grantee> {
    match (table.field("key"), table.field("clients")) {
        (Some(_), Some(field)) => {
            let hint = Some("a grant of its own for each".to_owned());
            reader.error(&field.value.span(), "grant with key and clients", hint);
            None
        }
        (Some(field), None) => key_named(reader, field, keys).map(Grantee::Key),
        (None, Some(field)) => acls.addresses(reader, field).map(Grantee::Clients),
        (None, None) => {
            let hint = Some("write key = \"deploy\", or clients = [\"10.0.0.0/8\"]".to_owned());
            reader.error(&table.span, "[[zone.grant]] without key", hint);
            None
        }
    }
}

/// The name of a key that there is, or one whose first label is a star.
fn key_named<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>, keys: &HashSet<Name>) -> Option<Name> {
    let name = field.value.get_ref().as_str().and_then(|text| text.parse::<Name>().ok());
    let is_pattern = |name: &Name| name.labels().next() == Some(b"*");
    name.filter(is_pattern).or_else(|| known_key(reader, field, keys))
}

/// The name of a key that there is.
pub(super) fn known_key<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>, keys: &HashSet<Name>) -> Option<Name> {
    let text = reader.string(field, "\"deploy\"")?;
    let name = reader.parsed_name(field, text)?;
    if !keys.contains(&name) {
        let hint = meant_key(text, keys);
        reader.error(&field.value.span(), format!("{}: undefined key '{}'", field.key, excerpt(text)), Some(hint));
        return None;
    }
    Some(name)
}

/// What may have been meant by the name of a key that there is not.
pub(super) fn meant_key(written: &str, keys: &HashSet<Name>) -> String {
    let mut known: Vec<_> = keys.iter().map(Name::to_string).collect();
    known.sort_unstable();
    let hint = suggest::did_you_mean(written, known.iter().map(String::as_str));
    hint.unwrap_or_else(|| format!("define it: [[key]] with name = \"{}\"", excerpt(written)))
}

/// Without `match`, a name that begins with `*.` is for what is below it, any other for itself; without names, all.
fn names<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>, apex: &Name) -> Option<GrantedNames> {
    let matching = match table.field("match") {
        Some(field) => Some(reader.word(field, MATCHINGS)?),
        None => None,
    };
    let whole = match matching {
        Some(Matching::Own) => Some(GrantedNames::Own),
        Some(Matching::OwnAndBelow) => Some(GrantedNames::OwnAndBelow),
        Some(Matching::Zone) => Some(GrantedNames::Zone),
        _ => None,
    };
    match (whole, table.field("names")) {
        (Some(_), Some(field)) => {
            let message = "names beside a match that needs none";
            reader.error(&field.value.span(), message, Some("leave one of them out".to_owned()));
            None
        }
        (Some(whole), None) => Some(whole),
        (None, None) if matching.is_none() => Some(GrantedNames::Zone),
        (None, None) => {
            let hint = Some("write names = [\"app.corp.example\"]".to_owned());
            reader.error(&table.span, "[[zone.grant]] without names for its match", hint);
            None
        }
        (None, Some(field)) => {
            let elements = reader.elements(field);
            if elements.is_empty() {
                let hint = Some("leave it out to grant every name of the zone".to_owned());
                reader.error(&field.value.span(), "names: an empty list", hint);
                return None;
            }
            let read: Vec<_> = elements.into_iter().map(|element| pattern(reader, element, matching, apex)).collect();
            read.into_iter().collect::<Option<Vec<_>>>().map(GrantedNames::These)
        }
    }
}

fn pattern<'i>(
    reader: &mut Reader<'i>,
    field: Field<'_, 'i>,
    matching: Option<Matching>,
    apex: &Name,
) -> Option<NamePattern> {
    let text = reader.string(field, "[\"app.corp.example\", \"*.app.corp.example\"]")?;
    let name = reader.name_within(field, text, apex)?;
    let is_star = name.labels().next() == Some(b"*");
    match matching {
        Some(Matching::Name) => Some(NamePattern::Exactly(name)),
        Some(Matching::Subdomain) => Some(NamePattern::Within(name)),
        None if !is_star => Some(NamePattern::Exactly(name)),
        _ if is_star => below(&name).map(NamePattern::Below),
        _ => {
            let message = format!("{}: '{}' is not a wildcard", field.key, excerpt(text));
            reader.error(&field.value.span(), message, Some(format!("write \"*.{text}\"")));
            None
        }
    }
}

/// The name behind `*.`.
pub(in crate::config) fn below(wildcard: &Name) -> Option<Name> {
    Name::from_wire(wildcard.as_wire().get(2..)?)
}

fn types<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>) -> Option<GrantedTypes> {
    if let DeValue::Array(array) = field.value.get_ref()
        && array.is_empty()
    {
        let hint = Some("leave it out to grant the ordinary types".to_owned());
        reader.error(&field.value.span(), "types: an empty list", hint);
        return None;
    }
    let elements = reader.elements(field);
    let read: Vec<_> = elements.into_iter().map(|element| granted_type(reader, element)).collect();
    let types = read.into_iter().collect::<Option<Vec<_>>>()?;
    Some(if types.contains(&ANY) { GrantedTypes::All } else { GrantedTypes::These(types) })
}

fn granted_type<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>) -> Option<u16> {
    let text = reader.string(field, "[\"A\", \"AAAA\"]")?;
    let number = type_number(text);
    let (message, hint) = match number {
        None => (format!("types: unknown value '{}'", excerpt(text)), "a type such as A, or ANY"),
        Some(number) if NEVER.contains(&number) => {
            (format!("types: {} is never changed by updates", type_name(number)), "leave it out")
        }
        known => return known,
    };
    reader.error(&field.value.span(), message, Some(hint.to_owned()));
    None
}
