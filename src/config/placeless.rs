//! A configuration without the places where it is written, so that two can be compared by what they say.
//!
//! A file that is printed anew or converted says the same in other lines.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Config, Grant, LocalZone, MasterFile, Match, MatchElement, MatchList, NamedAcl, Position, View};

impl Config {
    /// The same without positions; places of records, which always have one, become the first line of no file.
    pub fn without_positions(&self) -> Self {
        let mut config = self.clone();
        config.for_each_match_list(&mut |_, list| *list = list.without_positions());
        config.controls.iter_mut().for_each(|control| control.position = None);
        config.keys.iter_mut().for_each(|key| key.position = None);
        config.views.iter_mut().for_each(forget_in_view);
        config
    }
}

impl MatchList {
    /// The same without positions.
    pub fn without_positions(&self) -> Self {
        self.unplaced(&|acl| Arc::new(NamedAcl { name: acl.name.clone(), list: acl.list.without_positions() }))
    }

    /// The same without positions, but for those of the `acl`s that it mentions: lists of one configuration are equal
    /// then if they say the same, at the cost of their own elements.
    pub fn without_own_positions(&self) -> Self {
        self.unplaced(&Arc::clone)
    }

    fn unplaced(&self, acl_of: &dyn Fn(&Arc<NamedAcl>) -> Arc<NamedAcl>) -> Self {
        let what = |what: &Match| match what {
            Match::List(list) => Match::List(list.unplaced(acl_of)),
            Match::Acl(acl) => Match::Acl(acl_of(acl)),
            other => other.clone(),
        };
        let one = |element: &MatchElement| MatchElement {
            negated: element.negated,
            what: what(&element.what),
            position: None,
        };
        Self { elements: self.elements.iter().map(one).collect() }
    }
}

/// Compares match lists of two configurations by what they say, wherever they are written. An `acl` that is mentioned many
/// times is compared once.
#[derive(Default)]
pub struct Comparison<'c> {
    /// By the addresses of both.
    acls: HashMap<[*const NamedAcl; 2], bool>,
    /// Both configurations outlive it, so that no address is used twice.
    of: std::marker::PhantomData<&'c Config>,
}

impl<'c> Comparison<'c> {
    /// Whether they say the same in the same order; two `acl`s of other names may do so, too.
    pub fn are_same(&mut self, one: &'c MatchList, other: &'c MatchList) -> bool {
        let (one, other) = (&one.elements, &other.elements);
        one.len() == other.len() && one.iter().zip(other).all(|(one, other)| self.is_same_element(one, other))
    }

    fn is_same_element(&mut self, one: &'c MatchElement, other: &'c MatchElement) -> bool {
        one.negated == other.negated
            && match (&one.what, &other.what) {
                (Match::List(one), Match::List(other)) => self.are_same(one, other),
                (Match::Acl(one), Match::Acl(other)) => self.are_same_acls(one, other),
                (one, other) => one == other,
            }
    }

    fn are_same_acls(&mut self, one: &'c Arc<NamedAcl>, other: &'c Arc<NamedAcl>) -> bool {
        let both = [Arc::as_ptr(one), Arc::as_ptr(other)];
        if let Some(known) = self.acls.get(&both) {
            return *known;
        }
        let are_same = self.are_same(&one.list, &other.list);
        self.acls.insert(both, are_same);
        are_same
    }
}

fn forget_in_view(view: &mut View) {
    view.rules.iter_mut().for_each(|rule| rule.position = None);
    view.zones.iter_mut().for_each(forget_in_zone);
    view.shared_zones.iter_mut().for_each(|zone| zone.position = None);
}

fn forget_in_zone(zone: &mut LocalZone) {
    let nowhere = Position { file: "".into(), line: 1, column: 0 };
    let LocalZone { file, records, grants, position, name: _, settings: _ } = zone;
    if let Some(MasterFile { path: _, position }) = file {
        *position = None;
    }
    records.iter_mut().for_each(|record| record.position = nowhere.clone());
    for Grant { position, deny: _, who: _, names: _, types: _ } in grants {
        *position = None;
    }
    *position = None;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::files::NoFiles;
    use crate::config::named_conf;

    #[test]
    fn the_same_statements_in_other_lines_are_the_same() {
        let text = "acl a { 10/8; { !any; }; }; key k { algorithm hmac-sha256; secret \"c2VjcmV0\"; };\n\
                    options { listen-on { a; }; listen-on-v6 { ::1; }; blackhole { 192.0.2.1; }; forwarders { 192.0.2.2; }; };\n\
                    view v { match-clients { a; }; match-destinations { any; }; allow-query { a; }; allow-recursion-on { a; }; \
                    zone f { type forward; forwarders { 192.0.2.2; }; }; zone p { type primary; file \"p\"; \
                    allow-query { a; }; allow-query-on { a; }; allow-update { key k; 10/8; }; }; };";
        let read = |text: &str| named_conf::parse(text, "x.conf", &NoFiles).expect("it is right").config;
        let (one, other) = (read(text), read(&format!("\n {}", text.replace("; ", ";\n  "))));
        assert!(one != other && one.without_positions() == other.without_positions(), "{other:#?}");
        let different = read(&text.replace("10/8", "11/8"));
        assert!(one.without_positions() != different.without_positions());
        let [one, other, different] = [&one, &other, &different].map(|config| &config.views[0].match_clients);
        let mut comparison = Comparison::default();
        for _ in 0..2 {
            assert!(comparison.are_same(one, other) && !comparison.are_same(one, different));
        }
    }
}
