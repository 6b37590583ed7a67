//! The names of a zone: every name that owns records, and every one above it up to the apex.
//!
//! Since ancestors of what exists exist, empty non-terminals are names like others, and the closest encloser is found
//! by bisection. Changes keep that: they count what is directly below a name, and where delegations and DNAMEs are.
//! Invariant: every name is the apex or below it, and the apex is always there.
//! Not here: what a question gets ([`super::lookup`]), which records may stand together ([`super::build`],
//! [`super::delta`]).

use std::sync::Arc;

use crate::wire::Name;
use crate::wire::name::MAX_NAME_OCTETS;

use super::map::{Map, hash};
use super::node::{Draft, Node};

/// The first octets of a wildcard's name.
const STAR: &[u8] = b"\x01*";
/// Labels of a name and none: the longest has 127.
const LABEL_COUNTS: usize = MAX_NAME_OCTETS / 2 + 1;

/// See the module.
#[derive(Clone)]
pub(super) struct Tree {
    apex: Arc<Name>,
    map: Map,
    /// Bit n: a name of n labels delegates or has a DNAME.
    cut_depths: u128,
    /// How many names of so many labels do.
    cuts: Arc<[u32; LABEL_COUNTS]>,
    records: usize,
}

impl Tree {
    /// An apex without records; to be [settled](Self::settle) when most have come.
    pub(super) fn new(apex: Name) -> Self {
        let mut map = Map::growing();
        map.set(hash(apex.as_wire()), Draft::new(apex.as_wire()).encode(true));
        Self { apex: Arc::new(apex), map, cut_depths: 0, cuts: Arc::new([0; LABEL_COUNTS]), records: 0 }
    }

    /// From now on copies are cheap.
    pub(super) fn settle(&mut self) {
        self.map.settle();
    }

    /// The name that all others are below.
    #[inline]
    pub(super) fn apex(&self) -> &Name {
        &self.apex
    }

    /// How many records there are.
    pub(super) fn records(&self) -> usize {
        self.records
    }

    /// How many names there are, empty non-terminals counted.
    pub(super) fn names(&self) -> usize {
        self.map.len()
    }

    /// Bit n: a name of n labels delegates or has a DNAME.
    #[inline]
    pub(super) fn cut_depths(&self) -> u128 {
        self.cut_depths
    }

    /// Asks the core to bring near what leads to where a hash belongs.
    #[inline]
    pub(super) fn prefetch_branch(&self, hash: u64) {
        self.map.prefetch_branch(hash);
    }

    /// Asks the core to bring near where a hash belongs.
    #[inline]
    pub(super) fn prefetch_leaf(&self, hash: u64) {
        self.map.prefetch_leaf(hash);
    }

    /// Asks the core to bring near the node of a name with this hash.
    #[inline]
    pub(super) fn prefetch_node(&self, hash: u64) {
        self.map.prefetch_node(hash);
    }

    /// The node of a name whose hash is known.
    #[inline]
    pub(super) fn get(&self, hash: u64, name: &[u8]) -> Option<&Node> {
        self.map.get(hash, name)
    }

    /// The node of a name.
    #[inline]
    pub(super) fn node(&self, name: &[u8]) -> Option<&Node> {
        self.map.get(hash(name), name)
    }

    /// The apex' own node.
    pub(super) fn top(&self) -> &Node {
        self.node(self.apex.as_wire()).expect("the apex is always there")
    }

    /// Every node, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Node> {
        self.map.iter()
    }

    /// Changes the RRsets of a name at or below the apex, which need not exist before nor after.
    pub(super) fn change<R>(&mut self, name: &[u8], change: impl FnOnce(&mut Draft<'_>) -> R) -> R {
        let (hash, is_apex) = (hash(name), name.len() == self.apex.as_wire().len());
        let old = self.map.get(hash, name).cloned();
        let mut draft = old.as_ref().map_or_else(|| Draft::new(name), Draft::of);
        let result = change(&mut draft);
        let is_needed = is_apex || !draft.is_idle();
        let new = is_needed.then(|| draft.encode(is_apex));
        self.recount(name, old.as_ref(), new.as_ref());
        match (old.is_some(), new) {
            (existed, Some(new)) => {
                self.map.set(hash, new);
                if !existed {
                    self.link(name);
                }
            }
            (true, None) => {
                self.map.remove(hash, name);
                self.unlink(name);
            }
            (false, None) => {}
        }
        result
    }

    /// Counts records and cuts anew where one node takes the place of another.
    fn recount(&mut self, name: &[u8], old: Option<&Node>, new: Option<&Node>) {
        let records = |node: Option<&Node>| node.map_or(0, Node::records);
        self.records = self.records + records(new) - records(old);
        let cuts = |node: Option<&Node>| node.is_some_and(|node| node.is_cut() || node.has_dname());
        if cuts(old) == cuts(new) {
            return;
        }
        let depth = label_count(name);
        let count = &mut Arc::make_mut(&mut self.cuts)[depth];
        *count = if cuts(new) { *count + 1 } else { *count - 1 };
        self.cut_depths = self.cut_depths & !(1 << depth) | u128::from(*count > 0) << depth;
    }

    /// Makes every name above one that is new know it.
    fn link(&mut self, name: &[u8]) {
        let mut name = name;
        while name.len() > self.apex.as_wire().len() {
            let (parent, is_star) = (parent(name), name.starts_with(STAR));
            let hash = hash(parent);
            if let Some(node) = self.map.get_mut(hash, parent) {
                return node.count_below(true, is_star);
            }
            self.map.set(hash, Draft { below: 1, has_star: is_star, ..Draft::new(parent) }.encode(false));
            name = parent;
        }
    }

    /// Makes every name above one that has gone forget it; those that nothing needs go too.
    fn unlink(&mut self, name: &[u8]) {
        let mut name = name;
        while name.len() > self.apex.as_wire().len() {
            let (parent, is_star) = (parent(name), name.starts_with(STAR));
            let hash = hash(parent);
            let Some(node) = self.map.get_mut(hash, parent) else { return };
            node.count_below(false, is_star);
            let is_needed = node.below() > 0 || !node.is_empty() || parent.len() == self.apex.as_wire().len();
            if is_needed {
                return;
            }
            self.map.remove(hash, parent);
            name = parent;
        }
    }
}

/// The name without its first label; not for the root.
pub(super) fn parent(name: &[u8]) -> &[u8] {
    &name[1 + usize::from(name[0])..]
}

/// How many labels a name in wire form has.
pub(super) fn label_count(name: &[u8]) -> usize {
    let (mut at, mut count) = (0, 0);
    while name[at] != 0 {
        at += 1 + usize::from(name[at]);
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::header::rtype;
    use crate::zone::rrset;

    fn name(text: &str) -> Name {
        text.parse().expect("a name")
    }

    fn set(tree: &mut Tree, owner: &str, rtype: u16, is_there: bool) {
        let segment = is_there.then(|| rrset::encode(rtype, 60, [&[0][..]]).expect("it is short"));
        tree.change(name(owner).as_wire(), |draft| draft.set(rtype, segment));
    }

    /// The names there are, with how many are directly below each.
    fn names(tree: &Tree) -> Vec<(String, u32)> {
        let mut names: Vec<_> =
            tree.iter().map(|node| (Name::from_wire(node.name()).expect("a name").to_string(), node.below())).collect();
        names.sort();
        names
    }

    fn told(names: &[(String, u32)]) -> Vec<(&str, u32)> {
        names.iter().map(|(name, below)| (name.as_str(), *below)).collect()
    }

    #[test]
    fn names_above_come_and_go_with_what_is_below_them() {
        let mut tree = Tree::new(name("corp"));
        set(&mut tree, "a.b.corp", rtype::A, true);
        set(&mut tree, "*.b.corp", rtype::A, true);
        assert_eq!(told(&names(&tree)), [("*.b.corp", 0), ("a.b.corp", 0), ("b.corp", 2), ("corp", 1)]);
        assert!(tree.node(name("b.corp").as_wire()).expect("it exists").has_star());
        let reader = tree.clone();
        set(&mut tree, "*.b.corp", rtype::A, false);
        set(&mut tree, "*.b.corp", rtype::A, false);
        assert_eq!(told(&names(&tree)), [("a.b.corp", 0), ("b.corp", 1), ("corp", 1)]);
        assert!(!tree.node(name("b.corp").as_wire()).expect("it exists").has_star());
        set(&mut tree, "b.corp", rtype::TXT, true);
        set(&mut tree, "a.b.corp", rtype::A, false);
        assert_eq!(told(&names(&tree)), [("b.corp", 0), ("corp", 1)], "it has records of its own");
        set(&mut tree, "b.corp", rtype::TXT, false);
        assert_eq!((told(&names(&tree)), tree.records(), tree.names()), (vec![("corp", 0)], 0, 1), "the apex stays");
        assert_eq!((names(&reader).len(), reader.records()), (4, 2), "a reader's version is as it was");
    }

    #[test]
    fn the_labels_of_cuts_are_known() {
        let mut tree = Tree::new(name("corp"));
        for (case, owner, rtype, is_there, expected) in [
            ("name servers of the apex", "corp", rtype::NS, true, 0b0000),
            ("a delegation", "a.corp", rtype::NS, true, 0b0100),
            ("another", "b.corp", rtype::NS, true, 0b0100),
            ("a DNAME", "x.b.corp", rtype::DNAME, true, 0b1100),
            ("a DNAME at the apex", "corp", rtype::DNAME, true, 0b1110),
            ("addresses", "y.y.y.corp", rtype::A, true, 0b1110),
            ("the first goes", "a.corp", rtype::NS, false, 0b1110),
            ("the second too", "b.corp", rtype::NS, false, 0b1010),
        ] {
            set(&mut tree, owner, rtype, is_there);
            assert_eq!(tree.cut_depths(), expected, "{case}");
        }
    }
}
