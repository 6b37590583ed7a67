//! Which rule a name belongs to: the longest suffix, at a cost that does not grow with their number.
//!
//! One probe of a hash table for each number of labels that some apex has, the longest first: at most 127. A few rules
//! are compared one after the other instead, which costs less than to hash a name.
//! Not here: what is done with a name of the rule (`answer`), the rule's settings as they are written (`config`).

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::HashTable;

use crate::access::Acl;
use crate::cache::RefreshWindow;
use crate::config::ForwarderOrder;
use crate::metrics::ZoneCounters;
use crate::upstream::{Server, Stale, ZoneFetches};
use crate::wire::Name;
use crate::wire::header::rtype;
use crate::wire::name::MAX_NAME_OCTETS;
use crate::wire::response::TtlBounds;
use crate::zone::Handle;
use crate::zone::update::Grants;

/// Where the names at and below an apex go.
#[derive(Debug)]
pub struct Rule {
    /// A number that stays the same across reloads for the same view and apex; part of the cache's keys.
    pub id: u32,
    /// `.` for the view's own forwarders.
    pub apex: Name,
    /// Rules with the same upstreams have the same group, and believe each other's chains.
    pub group: u32,
    /// The zone that this server is the authority for; it has no `servers` then.
    pub local: Option<Local>,
    /// In the order of the text; empty: names are REFUSED, unless the zone is local.
    pub servers: Vec<Arc<Server>>,
    /// There are forwarders, but each is `bogus` or in `blackhole`: names are SERVFAIL.
    pub is_barred: bool,
    /// Which of them is asked first.
    pub order: ForwarderOrder,
    /// Bounds of TTLs.
    pub ttl: TtlBounds,
    /// The upstream's AD is passed on.
    pub trust_ad: bool,
    /// When its answers are fetched anew.
    pub refresh: RefreshWindow,
    /// `fetches-per-zone`
    pub fetches: Option<ZoneFetches>,
    /// How its answers of old are given out when a question fails; `None`: not at all.
    pub stale: Option<Stale>,
}

/// A zone of this server's own.
#[derive(Debug)]
pub struct Local {
    /// Its records.
    pub zone: Arc<Handle>,
    /// `allow-query`; `None`: that of the view.
    pub query: Option<Acl>,
    /// `allow-query-on`; `None`: that of the view.
    pub query_on: Option<Acl>,
    /// The place of the rule that names below its delegations belong to: that which they would have if no zone were
    /// local. `None`: they get referrals.
    pub delegated: Option<u32>,
    /// Who may change it by updates.
    pub grants: Arc<Grants>,
    /// Where what is asked of it is counted; `None`: nowhere.
    pub counters: Option<Arc<ZoneCounters>>,
    /// The statistics tell that there is such a zone.
    pub is_told: bool,
}

/// So many rules beside the root's are compared one after the other.
const FEW: usize = 8;

/// The rules of a view.
#[derive(Debug)]
pub struct Rules {
    /// The root's rule comes first.
    rules: Box<[Rule]>,
    /// Places in `rules`, all but the root's, the longest apex first, if they are at most [`FEW`].
    few: Box<[u32]>,
    /// Places in `rules`, all but the root's, by the apex's hash.
    by_apex: HashTable<u32>,
    hasher: foldhash::quality::RandomState,
    /// Bit n: some apex has n labels.
    depths: u128,
    /// Fingerprint of apexes and upstreams.
    layout: u32,
}

impl Rule {
    /// Whether its names are REFUSED.
    pub fn goes_nowhere(&self) -> bool {
        self.local.is_none() && self.servers.is_empty() && !self.is_barred
    }
}

impl Rules {
    /// A table of `root` (whose apex is `.`) and `rules` (each apex once).
    pub fn new(root: Rule, rules: Vec<Rule>) -> Self {
        let mut all: Box<[Rule]> = std::iter::once(root).chain(rules).collect();
        let hasher = foldhash::quality::RandomState::default();
        let mut by_apex = HashTable::with_capacity(all.len());
        let mut depths = 0;
        for (index, rule) in all.iter().enumerate().skip(1) {
            let hash = |index: &u32| hasher.hash_one(all[*index as usize].apex.as_wire());
            by_apex.insert_unique(hasher.hash_one(rule.apex.as_wire()), index as u32, hash);
            depths |= 1 << rule.apex.label_count();
        }
        let mut few: Vec<u32> = (1..all.len() as u32).filter(|_| all.len() <= 1 + FEW).collect();
        few.sort_by_key(|place| std::cmp::Reverse(all[*place as usize].apex.as_wire().len()));
        set_delegated(&mut all);
        set_groups(&mut all);
        let layout = fingerprint(&all);
        Self { rules: all, few: few.into(), by_apex, hasher, depths, layout }
    }

    /// The place of the rule for a question; `qname` is uncompressed and in lower case.
    ///
    /// A DS record is the parent's: the rule is that of the name without its first label.
    #[inline]
    pub fn find(&self, qname: &[u8], qtype: u16) -> u32 {
        let start = if qtype == rtype::DS && qname[0] != 0 { 1 + usize::from(qname[0]) } else { 0 };
        if self.depths == 0 {
            return 0;
        }
        let found = self.find_suffix(&qname[start..]);
        // Nobody knows the parent: the child itself says that it has none (RFC 4035 §3.1.4.1).
        if start > 0 && self.rules[found as usize].goes_nowhere() {
            let own = self.find_suffix(qname);
            if self.rules[own as usize].local.is_some() {
                return own;
            }
        }
        found
    }

    #[inline]
    fn find_suffix(&self, name: &[u8]) -> u32 {
        if self.few.is_empty() { self.find_among_many(name) } else { self.find_among_few(name) }
    }

    #[inline]
    fn find_among_few(&self, name: &[u8]) -> u32 {
        // Bit n: a label begins at octet n, or the root's zero stands there.
        let (mut begins, mut at) = ([0u64; 4], 0);
        loop {
            begins[at / 64] |= 1 << (at % 64);
            if name[at] == 0 {
                break;
            }
            at += 1 + usize::from(name[at]);
        }
        let is_above = |place: &&u32| {
            let apex = self.rules[**place as usize].apex.as_wire();
            let Some(start) = name.len().checked_sub(apex.len()) else { return false };
            begins[start / 64] >> (start % 64) & 1 == 1 && name[start..] == *apex
        };
        self.few.iter().find(is_above).copied().unwrap_or(0)
    }

    fn find_among_many(&self, name: &[u8]) -> u32 {
        let mut starts = [0u8; MAX_NAME_OCTETS / 2 + 1];
        let (mut at, mut labels) = (0, 0);
        while name[at] != 0 {
            starts[labels] = at as u8;
            labels += 1;
            at += 1 + usize::from(name[at]);
        }
        let mut depths = self.depths & (u128::MAX >> (127 - labels));
        while depths != 0 {
            let depth = 127 - depths.leading_zeros() as usize;
            if depth > 0 {
                let suffix = &name[usize::from(starts[labels - depth])..];
                let is_its = |index: &u32| self.rules[*index as usize].apex.as_wire() == suffix;
                if let Some(&index) = self.by_apex.find(self.hasher.hash_one(suffix), is_its) {
                    return index;
                }
            }
            depths &= !(1 << depth);
        }
        0
    }

    /// The rule at a place that [`Self::find`] told.
    #[inline]
    pub fn get(&self, index: u32) -> &Rule {
        &self.rules[index as usize]
    }

    /// Every rule, the root's first.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    /// Fingerprint of apexes and upstreams: a chain that was believed under others is not believed under these.
    pub fn layout(&self) -> u32 {
        self.layout
    }

    /// The apex of the rule that answers for a question, if it has the upstreams of the rule at `index`.
    pub fn apex_of(&self, index: u32, qname: &[u8], qtype: u16) -> Option<&[u8]> {
        let found = self.get(self.find(qname, qtype));
        (found.group == self.get(index).group && !found.servers.is_empty()).then(|| found.apex.as_wire())
    }
}

/// Where names below a local zone's delegations are forwarded, it is by the rule of the longest apex above the zone.
fn set_delegated(rules: &mut [Rule]) {
    let places: HashMap<Vec<u8>, u32> = (0..)
        .zip(&*rules)
        .filter(|(_, rule)| rule.local.is_none())
        .map(|(place, rule)| (rule.apex.as_wire().to_vec(), place))
        .collect();
    let goes_nowhere: Vec<bool> = rules.iter().map(Rule::goes_nowhere).collect();
    for rule in rules {
        let Some(local) = rule.local.as_mut().filter(|local| local.delegated.is_some()) else { continue };
        let mut name = rule.apex.as_wire();
        let mut found = 0;
        while name[0] != 0 && found == 0 {
            name = &name[1 + usize::from(name[0])..];
            found = places.get(name).copied().unwrap_or(0);
        }
        local.delegated = Some(found).filter(|place| !goes_nowhere[*place as usize]);
    }
}

/// The same set of upstreams, the same group.
fn set_groups(rules: &mut [Rule]) {
    let mut groups: HashMap<Vec<u32>, u32> = HashMap::new();
    for rule in rules {
        let next = groups.len() as u32;
        rule.group = *groups.entry(upstream_set(rule)).or_insert(next);
    }
}

fn upstream_set(rule: &Rule) -> Vec<u32> {
    let mut ids: Vec<u32> = rule.servers.iter().map(|server| server.id).collect();
    ids.sort_unstable();
    ids
}

fn fingerprint(rules: &[Rule]) -> u32 {
    let mut parts: Vec<(&[u8], Vec<u32>)> =
        rules.iter().map(|rule| (rule.apex.as_wire(), upstream_set(rule))).collect();
    parts.sort();
    foldhash::quality::FixedState::default().hash_one(parts) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Forwarder;

    fn rule(apex: &str, server: u32) -> Rule {
        let forwarder = Forwarder::new(([192, 0, 2, server as u8], 53).into());
        Rule {
            id: 0,
            apex: apex.parse().expect("a name"),
            group: 0,
            local: None,
            servers: vec![Arc::new(Server::new(server, forwarder))],
            is_barred: false,
            order: ForwarderOrder::Fastest,
            ttl: TtlBounds { cache: (0, 1), ncache: (0, 1) },
            trust_ad: false,
            refresh: RefreshWindow::NEVER,
            fetches: None,
            stale: None,
        }
    }

    fn table() -> Rules {
        let rules = [rule("corp", 2), rule("aws.corp", 1), rule("deep.er.aws.corp", 3), rule("10.in-addr.arpa", 2)];
        Rules::new(rule(".", 1), rules.into())
    }

    /// The same among so many that they are hashed.
    fn large_table() -> Rules {
        let rules = [rule("corp", 2), rule("aws.corp", 1), rule("deep.er.aws.corp", 3), rule("10.in-addr.arpa", 2)];
        let others = (0..FEW).map(|number| rule(&format!("z{number}.other"), 1));
        Rules::new(rule(".", 1), rules.into_iter().chain(others).collect())
    }

    #[test]
    fn the_longest_suffix_wins_and_ds_is_the_parents() {
        let tables = [table(), large_table()];
        assert_eq!(tables.each_ref().map(|table| table.few.is_empty()), [false, true]);
        for (qname, qtype, expected) in [
            ("example", 1, "."),
            (".", 1, "."),
            ("corp", 1, "corp"),
            ("xcorp", 1, "."),
            ("x.xcorp", 1, "."),
            ("\\004corp", 1, "."),
            ("a.corp", 1, "corp"),
            ("a.b.aws.corp", 1, "aws.corp"),
            ("er.aws.corp", 1, "aws.corp"),
            ("x.deep.er.aws.corp", 1, "deep.er.aws.corp"),
            ("1.2.3.10.in-addr.arpa", 12, "10.in-addr.arpa"),
            ("aws.corp", rtype::DS, "corp"),
            ("a.aws.corp", rtype::DS, "aws.corp"),
            ("corp", rtype::DS, "."),
            (".", rtype::DS, "."),
        ] {
            let name: Name = qname.parse().expect("a name");
            for table in &tables {
                let found = table.get(table.find(name.as_wire(), qtype));
                assert_eq!(found.apex.to_string(), expected, "{qname} {qtype}");
            }
        }
        let longest = vec!["a"; 127].join(".");
        let name: Name = longest.parse().expect("127 labels");
        assert!(tables.iter().all(|table| table.find(name.as_wire(), 1) == 0));
    }

    #[test]
    fn chains_are_believed_among_rules_with_the_same_upstreams() {
        let table = table();
        let apex = |from: &str, name: &str| {
            let (from, name): (Name, Name) = (from.parse().expect("a name"), name.parse().expect("a name"));
            let apex = table.apex_of(table.find(from.as_wire(), 1), name.as_wire(), 1)?;
            Name::from_wire(apex).map(|apex| apex.to_string())
        };
        assert_eq!(apex("a.aws.corp", "b.aws.corp").as_deref(), Some("aws.corp"));
        assert_eq!(apex("a.aws.corp", "www.example").as_deref(), Some("."), "both go to server 1");
        assert_eq!(apex("a.corp", "b.10.in-addr.arpa").as_deref(), Some("10.in-addr.arpa"), "both go to server 2");
        assert_eq!(apex("a.aws.corp", "victim.corp"), None);
    }

    #[test]
    fn the_fingerprint_changes_with_upstreams_and_apexes_only() {
        let reordered = [rule("10.in-addr.arpa", 2), rule("aws.corp", 1), rule("corp", 2), rule("deep.er.aws.corp", 3)];
        assert_eq!(Rules::new(rule(".", 1), reordered.into()).layout(), table().layout());
        assert_ne!(Rules::new(rule(".", 1), vec![rule("corp", 2)]).layout(), table().layout());
        assert_ne!(
            Rules::new(rule(".", 1), vec![rule("corp", 2)]).layout(),
            Rules::new(rule(".", 1), vec![rule("corp", 3)]).layout()
        );
    }
}
