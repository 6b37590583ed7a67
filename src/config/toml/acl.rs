//! Reading address match lists, and the `[acl]` table that names them.
//!
//! A name is resolved where it is used, each acl once; order in the file does not matter. Cycles, unknown names and
//! lists nested deeper than [`MAX_NESTING`] are errors.
//! Not here: matching (`access` compiles the lists).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use toml::de::DeValue;

use super::super::bounds::MAX_NESTING;
use super::super::values::{self, excerpt};
use super::super::{Match, MatchElement, MatchList, NamedAcl, suggest};
use super::grant::meant_key;
use super::keys::Place;
use super::walk::{Field, Reader};
use crate::wire::Name;

/// The named lists of the file.
#[derive(Default)]
pub(super) struct Acls<'a, 'i> {
    /// By name in lower case, as named compares them.
    entries: BTreeMap<String, Entry<'a, 'i>>,
    /// The names being resolved, outermost first.
    pending: Vec<String>,
    /// The names of the file's keys, those of wrong ones too.
    keys: HashSet<Name>,
    /// The first key of each acl in which one was looked for, by name in lower case.
    first_keys: HashMap<String, Option<Name>>,
}

struct Entry<'a, 'i> {
    field: Field<'a, 'i>,
    span: Range<usize>,
    state: State,
}

/// A list and how deep it is nested: 1 for one without lists in it.
type Nested<T> = (T, usize);

#[derive(Clone)]
enum State {
    Unread,
    /// Its faults have been reported.
    Wrong,
    Resolved(Nested<Arc<NamedAcl>>),
}

impl<'a, 'i> Acls<'a, 'i> {
    /// Takes over the `[acl]` table and resolves every entry, used or not, so that each fault is reported.
    pub(super) fn read(reader: &mut Reader<'i>, field: Option<Field<'a, 'i>>, keys: HashSet<Name>) -> Self {
        let mut acls = Self { keys, ..Self::default() };
        for (span, field) in reader.free_table(field, "[acl] with lines such as corporate = [\"10.0.0.0/8\"]") {
            acls.define(reader, span, field);
        }
        for name in acls.entries.keys().cloned().collect::<Vec<_>>() {
            acls.resolve(reader, &name, 1);
        }
        acls
    }

    fn define(&mut self, reader: &mut Reader<'i>, span: Range<usize>, field: Field<'a, 'i>) {
        let name = field.key.to_ascii_lowercase();
        if Match::built_in(&name).is_some() {
            let hint = Some("any, none, localhost and localnets are always there".to_owned());
            return reader.error(&span, format!("attempt to redefine builtin acl '{name}'"), hint);
        }
        if name.is_empty() || name.starts_with('!') || values::looks_like_prefix(&name) {
            let hint = Some("it would be read as an address in a list".to_owned());
            return reader.error(&span, format!("'{}' cannot be the name of an acl", excerpt(field.key)), hint);
        }
        if let Some(first) = self.entries.get(&name) {
            let first = reader.position(&first.span);
            let message = format!("attempt to redefine acl '{}' previous definition: {first}", excerpt(field.key));
            return reader.error(&span, message, Some("names of acls have no case".to_owned()));
        }
        self.entries.insert(name, Entry { field, span, state: State::Unread });
    }

    /// The content of an acl that exists; `None` if it is wrong. `level`: how many lists it stands in, its own included.
    fn resolve(&mut self, reader: &mut Reader<'i>, name: &str, level: usize) -> Option<Nested<Arc<NamedAcl>>> {
        let entry = self.entries.get(name)?;
        match &entry.state {
            State::Resolved(acl) => return Some(acl.clone()),
            State::Wrong => return None,
            State::Unread => {}
        }
        let (field, span) = (entry.field, entry.span.clone());
        if let Some(at) = self.pending.iter().position(|pending| pending == name) {
            let path = self.pending[at..].join(" -> ");
            reader.error(&span, format!("acl loop detected: {path} -> {name}"), None);
            return None;
        }
        self.pending.push(name.to_owned());
        let list = self.list_nested(reader, field, level);
        self.pending.pop();
        let state = match list {
            Some((list, depth)) => State::Resolved((Arc::new(NamedAcl { name: field.key.to_owned(), list }), depth)),
            None => State::Wrong,
        };
        let entry = self.entries.get_mut(name)?;
        entry.state = state;
        match &entry.state {
            State::Resolved(acl) => Some(acl.clone()),
            _ => None,
        }
    }

    /// A match list of addresses alone: where nobody has signed, a key would match nobody.
    pub(super) fn addresses(&mut self, reader: &mut Reader<'i>, field: Field<'a, 'i>) -> Option<MatchList> {
        let list = self.list(reader, field)?;
        if let Some(key) = self.first_key(&list) {
            let message = format!("{}: 'key {key}' matches nobody: only addresses are looked at here", field.key);
            reader.error(&field.value.span(), message, Some("leave keys out".to_owned()));
            return None;
        }
        Some(list)
    }

    /// The first key in a list. Each acl is searched once, however many lists name it.
    fn first_key(&mut self, list: &MatchList) -> Option<Name> {
        list.elements.iter().find_map(|element| match &element.what {
            Match::Key(name) => Some(name.clone()),
            Match::List(inner) => self.first_key(inner),
            Match::Acl(acl) => {
                let name = acl.name.to_ascii_lowercase();
                if let Some(known) = self.first_keys.get(&name) {
                    return known.clone();
                }
                let found = self.first_key(&acl.list);
                self.first_keys.insert(name, found.clone());
                found
            }
            _ => None,
        })
    }

    /// A match list: an array, or a single element.
    pub(super) fn list(&mut self, reader: &mut Reader<'i>, field: Field<'a, 'i>) -> Option<MatchList> {
        self.list_nested(reader, field, 1).map(|(list, _)| list)
    }

    /// `level`: how many lists this one stands in, itself included.
    fn list_nested(
        &mut self,
        reader: &mut Reader<'i>,
        field: Field<'a, 'i>,
        level: usize,
    ) -> Option<Nested<MatchList>> {
        if level > MAX_NESTING {
            too_deep(reader, field);
            return None;
        }
        let elements = reader.elements(field);
        // All are read, so that all faults are reported.
        let read: Vec<_> = elements.into_iter().map(|element| self.element(reader, element, level)).collect();
        let read = read.into_iter().collect::<Option<Vec<_>>>()?;
        let depth = 1 + read.iter().map(|(_, depth)| *depth).max().unwrap_or(0);
        if depth > MAX_NESTING {
            too_deep(reader, field);
            return None;
        }
        Some((MatchList { elements: read.into_iter().map(|(element, _)| element).collect() }, depth))
    }

    fn element(&mut self, reader: &mut Reader<'i>, field: Field<'a, 'i>, level: usize) -> Option<Nested<MatchElement>> {
        let (negated, (what, depth)) = match field.value.get_ref() {
            DeValue::String(text) => {
                let word = text.trim();
                let bare = word.strip_prefix('!').map(str::trim_start);
                (bare.is_some(), self.word(reader, field, bare.unwrap_or(word), level)?)
            }
            DeValue::Array(_) => {
                let (list, depth) = self.list_nested(reader, field, level + 1)?;
                (false, (Match::List(list), depth))
            }
            DeValue::Table(_) => {
                let table = reader.table(Place::Negation, field)?;
                let Some(inner) = table.field("not") else {
                    reader.expected(field, "element with 'not'", "[{ not = [\"10.0.0.0/8\"] }]");
                    return None;
                };
                let (list, depth) = self.list_nested(reader, inner, level + 1)?;
                (true, (Match::List(list), depth))
            }
            _ => {
                reader.expected(field, "address match list", "[\"10.0.0.0/8\", \"localhost\"]");
                return None;
            }
        };
        let position = Some(reader.position(&field.value.span()));
        Some((MatchElement { negated, what, position }, depth))
    }

    /// One of the file's keys.
    fn key(&mut self, reader: &mut Reader<'i>, field: Field<'a, 'i>, written: &str) -> Option<Name> {
        let name = written.parse::<Name>().ok().filter(|name| self.keys.contains(name));
        if name.is_none() {
            let hint = meant_key(written, &self.keys);
            let message = format!("{}: there is no key '{}'", field.key, excerpt(written));
            reader.error(&field.value.span(), message, Some(hint));
        }
        name
    }

    /// A prefix, a built-in name, a key or an acl.
    fn word(
        &mut self,
        reader: &mut Reader<'i>,
        field: Field<'a, 'i>,
        word: &str,
        level: usize,
    ) -> Option<Nested<Match>> {
        let lower = word.to_ascii_lowercase();
        if let Some(what) = Match::built_in(word) {
            return Some((what, 0));
        }
        if let Some(name) = word.strip_prefix("key ").map(str::trim) {
            return self.key(reader, field, name).map(|name| (Match::Key(name), 0));
        }
        if values::looks_like_prefix(word) {
            return match values::prefix(word) {
                Ok(prefix) => Some((Match::Prefix(prefix), 0)),
                Err(error) => {
                    reader.wrong(field, &error);
                    None
                }
            };
        }
        if self.entries.contains_key(&lower) {
            return self.resolve(reader, &lower, level + 1).map(|(acl, depth)| (Match::Acl(acl), depth));
        }
        let hint = match lower.split_whitespace().next() {
            Some("geoip") => Some("lists match addresses only, not places".to_owned()),
            _ => {
                let known = self.entries.values().map(|entry| entry.field.key);
                suggest::did_you_mean(word, known.chain(Match::BUILT_IN.iter().map(|(name, _)| *name)))
                    .or_else(|| Some(format!("define it: [acl] {} = [\"10.0.0.0/8\"]", excerpt(word))))
            }
        };
        reader.error(&field.value.span(), format!("{}: undefined ACL '{}'", field.key, excerpt(word)), hint);
        None
    }
}

fn too_deep(reader: &mut Reader<'_>, field: Field<'_, '_>) {
    let message = format!("{}: lists nested more than {MAX_NESTING} deep", field.key);
    reader.error(&field.value.span(), message, None);
}
