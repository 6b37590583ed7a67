//! Resolving match lists: names become the lists that they stand for.
//!
//! Invariants: a resolved list is at most [`MAX_NESTING`] lists deep and has at most [`MAX_ELEMENTS`] elements in all, so
//! that whoever walks it needs little stack and time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::key::{KeyNames, Unknown};

use crate::config::bounds::MAX_NESTING;
use crate::config::named_conf::address::{Element, Matched};
use crate::config::named_conf::report::{Problem, Report};
use crate::config::values::excerpt;
use crate::config::{
    Grant, GrantedNames, GrantedTypes, Grantee, Match, MatchElement, MatchList, NamedAcl, Position, suggest,
};
use crate::wire::Name;

/// Elements of a list with those of all lists within it.
const MAX_ELEMENTS: usize = 100_000;

/// The `acl` statements.
pub(super) struct Acls<'a> {
    /// By name in lower case.
    defined: HashMap<String, Acl<'a>>,
    /// The keys that there are.
    pub(super) keys: KeyNames,
    /// Whose lists are resolved; `None`: those of the top level.
    view: Option<String>,
    /// Acls of which it has been told which keys of theirs this view does not know; a second time would tell nothing new.
    told: HashSet<String>,
    /// Acls whose names have been checked, by name, and lists, by where they stand in memory.
    checked: (HashSet<String>, HashSet<*const Element>),
}

struct Acl<'a> {
    name: &'a str,
    elements: &'a [Element],
    position: &'a Position,
    state: State,
}

/// How far an `acl` is resolved. They are resolved when they are first used: one that is never used may be wrong.
#[derive(Clone)]
enum State {
    Untouched,
    InProgress,
    Done(Arc<NamedAcl>, Weight),
}

/// What a list holds.
#[derive(Clone, Copy, Debug, Default)]
struct Weight {
    elements: usize,
    /// A `key` is among them.
    has_key: bool,
}

impl<'a> Acls<'a> {
    pub(super) fn new() -> Self {
        Self {
            defined: HashMap::new(),
            keys: KeyNames::default(),
            view: None,
            told: HashSet::new(),
            checked: Default::default(),
        }
    }

    pub(super) fn define(
        &mut self,
        name: &'a str,
        elements: &'a [Element],
        position: &'a Position,
        report: &mut Report,
    ) {
        if Match::built_in(name).is_some() {
            return report.error(position, format!("attempt to redefine builtin acl '{name}'"));
        }
        let acl = Acl { name, elements, position, state: State::Untouched };
        if let Some(earlier) = self.defined.get(&name.to_ascii_lowercase()) {
            let previous = earlier.position;
            return report.error(
                position,
                format!(
                    "attempt to redefine acl '{name}' previous definition: \
             {previous}"
                ),
            );
        }
        self.defined.insert(name.to_ascii_lowercase(), acl);
    }

    /// From now on lists are those of this view.
    pub(super) fn set_view(&mut self, view: Option<&str>) {
        self.view = view.map(str::to_owned);
        self.told.clear();
    }

    /// `None`: the key is known where the lists are.
    pub(super) fn why_unknown(&self, name: &Name) -> Option<Unknown> {
        self.keys.why_unknown(name, self.view.as_deref())
    }

    /// The list with every name resolved; what cannot be resolved is reported and left out.
    pub(super) fn resolve(&mut self, elements: &[Element], report: &mut Report) -> MatchList {
        let (list, weight) = self.list(elements, 0, report);
        if weight.has_key {
            let mut told = std::mem::take(&mut self.told);
            self.warn_of_keys(elements, &mut told, report, &|acls, name| match name
                .parse()
                .map_or(Some(Unknown::Nowhere), |name| acls.why_unknown(&name))?
            {
                Unknown::Nowhere => Some("there is no such key"),
                Unknown::OfAnotherView => Some("it is a key of another view"),
            });
            self.told = told;
        }
        list
    }

    /// Reports the names in a list that nobody has defined, where nothing is built from the list. Each list is looked at
    /// once, however many zones inherit or name it: what is wrong in it is told once.
    pub(super) fn check_names(&mut self, elements: &[Element], report: &mut Report) {
        if self.checked.1.insert(elements.as_ptr()) {
            self.check_names_within(elements, report);
        }
    }

    fn check_names_within(&mut self, elements: &[Element], report: &mut Report) {
        for element in elements {
            match &element.what {
                Matched::List(inner) => self.check_names_within(inner, report),
                Matched::Name(name) if Match::built_in(name).is_none() => {
                    let key = name.to_ascii_lowercase();
                    match self.defined.get(&key).map(|acl| acl.elements) {
                        None => report.problem(self.undefined(name, &element.position, report)),
                        Some(inner) if self.checked.0.insert(key) => self.check_names_within(inner, report),
                        Some(_) => {}
                    }
                }
                _ => {}
            }
        }
    }

    /// The same where nobody has signed anything: keys match nobody.
    pub(super) fn resolve_addresses(&mut self, elements: &[Element], report: &mut Report) -> MatchList {
        let (list, weight) = self.list(elements, 0, report);
        if weight.has_key {
            let why = "only addresses are looked at here";
            self.warn_of_keys(elements, &mut HashSet::new(), report, &|_, _| Some(why));
        }
        list
    }

    /// Says of each `key` that matches nobody why it does not.
    fn warn_of_keys(
        &self,
        elements: &[Element],
        seen: &mut HashSet<String>,
        report: &mut Report,
        why: &dyn Fn(&Self, &str) -> Option<&'static str>,
    ) {
        for element in elements {
            match &element.what {
                Matched::Key(name) => {
                    if let Some(why) = why(self, name) {
                        let message = format!("'key {}' matches nobody: {why}", excerpt(name));
                        report.warn(Some(&element.position), message);
                    }
                }
                Matched::List(inner) => self.warn_of_keys(inner, seen, report, why),
                Matched::Name(name) => {
                    let key = name.to_ascii_lowercase();
                    if let Some(acl) = self.defined.get(&key)
                        && seen.insert(key)
                    {
                        self.warn_of_keys(acl.elements, seen, report, why);
                    }
                }
                Matched::Prefix(_) => {}
            }
        }
    }

    /// The list of an `allow-update` as grants: keys for themselves, all else by address.
    pub(super) fn updaters(&mut self, elements: &[Element], report: &mut Report) -> Vec<Grant> {
        let mut grants = Vec::new();
        self.add_updaters(elements, false, 0, report, &mut grants);
        // What is denied at the end is so anyway.
        let granted = grants.iter().rposition(|grant| !grant.deny).map_or(0, |last| last + 1);
        grants.truncate(granted);
        grants
    }

    /// `deny`: of the lists around, in which nothing else is negated.
    fn add_updaters(
        &mut self,
        elements: &[Element],
        deny: bool,
        depth: usize,
        report: &mut Report,
        grants: &mut Vec<Grant>,
    ) {
        for element in elements {
            if grants.len() >= MAX_ELEMENTS {
                return report.error(&element.position, format!("more than {MAX_ELEMENTS} elements"));
            }
            if depth > 0 && element.negated {
                let message = "'!' beside a 'key' in a list within a list is refused";
                let problem = Problem::new(element.position.clone(), message);
                return report.problem(problem.with_hint("write the elements of the inner list into the outer one"));
            }
            let deny = deny || element.negated;
            if let Matched::Key(name) = &element.what {
                match name.parse() {
                    Ok(name) => grants.push(grant(deny, Grantee::Key(name), element)),
                    Err(_) => report.error(&element.position, format!("'{}' is not a valid name", excerpt(name))),
                }
                continue;
            }
            let Some((what, weight)) = self.element(element, depth, report) else { continue };
            if !weight.has_key {
                grants.push(clients(deny, what, element));
                continue;
            }
            let inner: &[Element] = match &element.what {
                Matched::List(inner) => inner,
                Matched::Name(name) => self.defined.get(&name.to_ascii_lowercase()).map_or(&[], |acl| acl.elements),
                Matched::Prefix(_) | Matched::Key(_) => &[],
            };
            self.add_updaters(inner, deny, depth + 1, report, grants);
        }
    }

    fn list(&mut self, elements: &[Element], depth: usize, report: &mut Report) -> (MatchList, Weight) {
        let mut list = MatchList::default();
        let mut weight = Weight::default();
        for element in elements {
            if depth >= MAX_NESTING || weight.elements > MAX_ELEMENTS {
                report.error(
                    &element.position,
                    format!("more than {MAX_NESTING} lists in lists, or {MAX_ELEMENTS} elements"),
                );
                break;
            }
            let Some((what, inner)) = self.element(element, depth, report) else { continue };
            weight.elements = weight.elements.saturating_add(inner.elements);
            weight.has_key |= inner.has_key;
            let position = Some(element.position.clone());
            list.elements.push(MatchElement { negated: element.negated, what, position });
        }
        (list, weight)
    }

    /// `None`: reported.
    fn element(&mut self, element: &Element, depth: usize, report: &mut Report) -> Option<(Match, Weight)> {
        let one = Weight { elements: 1, has_key: false };
        match &element.what {
            Matched::Prefix(prefix) => Some((Match::Prefix(*prefix), one)),
            Matched::List(elements) => {
                let (list, weight) = self.list(elements, depth + 1, report);
                Some((Match::List(list), weight))
            }
            Matched::Key(name) => match name.parse() {
                Ok(name) => Some((Match::Key(name), Weight { elements: 1, has_key: true })),
                Err(_) => {
                    report.error(&element.position, format!("'{}' is not a valid name", excerpt(name)));
                    None
                }
            },
            Matched::Name(name) => match Match::built_in(name) {
                Some(what) => Some((what, one)),
                None => self.named(name, &element.position, depth, report),
            },
        }
    }

    fn named(&mut self, name: &str, at: &Position, depth: usize, report: &mut Report) -> Option<(Match, Weight)> {
        let key = name.to_ascii_lowercase();
        let Some(acl) = self.defined.get_mut(&key) else {
            report.problem(self.undefined(name, at, report));
            return None;
        };
        match acl.state.clone() {
            State::InProgress => {
                report.error(at, format!("acl loop detected: {name}"));
                return None;
            }
            State::Done(acl, weight) => return Some((Match::Acl(acl), weight)),
            State::Untouched => {}
        }
        acl.state = State::InProgress;
        let (written, elements) = (acl.name, acl.elements);
        let (list, weight) = self.list(elements, depth + 1, report);
        let resolved = Arc::new(NamedAcl { name: written.to_owned(), list });
        if let Some(acl) = self.defined.get_mut(&key) {
            acl.state = State::Done(resolved.clone(), weight);
        }
        Some((Match::Acl(resolved), weight))
    }

    fn undefined(&self, name: &str, at: &Position, report: &Report) -> Problem {
        let problem = Problem::new(at.clone(), format!("undefined ACL '{}'", excerpt(name)));
        if report.is_full() {
            return problem;
        }
        let mut names: Vec<_> = self.defined.values().map(|acl| acl.name).collect();
        names.sort_unstable();
        match suggest::did_you_mean(name, names) {
            Some(hint) => problem.with_hint(hint),
            None => problem.with_hint(format!("define it: acl \"{}\" {{ … }};", excerpt(name))),
        }
    }

    /// What is wrong in lists that nothing uses works all the same, as in named: a warning.
    pub(super) fn check_unused(&self, report: &mut Report) {
        let mut unused: Vec<_> = self.defined.values().filter(|acl| matches!(acl.state, State::Untouched)).collect();
        unused.sort_by_key(|acl| (&acl.position.file, acl.position.line));
        for acl in unused {
            for name in names_of(acl.elements) {
                if Match::built_in(name).is_none() && !self.defined.contains_key(&name.to_ascii_lowercase()) {
                    let message = format!(
                        "undefined ACL '{}' in acl '{}', which nothing \
                         uses",
                        excerpt(name),
                        excerpt(acl.name)
                    );
                    report.warn(Some(acl.position), message);
                }
            }
        }
    }
}

fn grant(deny: bool, who: Grantee, element: &Element) -> Grant {
    let position = Some(element.position.clone());
    Grant { deny, who, names: GrantedNames::Zone, types: GrantedTypes::All, position }
}

/// `none` ends a list, as named has it: it is `!any`.
fn clients(deny: bool, what: Match, element: &Element) -> Grant {
    let (deny, what) = match what {
        Match::None => (!deny, Match::Any),
        what => (deny, what),
    };
    let position = Some(element.position.clone());
    let list = MatchList { elements: vec![MatchElement { negated: false, what, position }] };
    grant(deny, Grantee::Clients(list), element)
}

fn names_of(elements: &[Element]) -> Vec<&str> {
    let mut names = Vec::new();
    for element in elements {
        match &element.what {
            Matched::Name(name) => names.push(name.as_str()),
            Matched::List(inner) => names.extend(names_of(inner)),
            Matched::Prefix(_) | Matched::Key(_) => {}
        }
    }
    names
}
