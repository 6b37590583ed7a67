//! A persistent hash map from names to [`Node`]s: a copy costs one pointer, and a change copies one path.
//!
//! A tree of fan-out 16 over the low bits of the name's hash. A leaf holds up to [`MAX_LEAF`] nodes in the order of their
//! hashes and becomes a branch when there are more. What a reader's version shares is cloned when it changes, what nobody
//! shares is changed in place. A map that grows is a plain hash table until it is settled: a zone of a million names is
//! loaded in half the time so.
//! A look-up in a large zone costs three accesses that depend on each other and miss the core's caches: the last branch,
//! the leaf, the node. Who looks several names up asks for each ahead. Hashes are spread evenly, so where in its leaf one
//! stands is known but for a place or two: a line of it or two are read.
//! Not here: what a node holds ([`super::node`]), that a name's ancestors exist ([`super::tree`]).

use std::hash::BuildHasher;
use std::sync::{Arc, LazyLock};

use hashbrown::HashTable;

use crate::sys::prefetch::prefetch;

use super::node::Node;

/// Children of a branch.
const FANOUT: usize = 16;
/// Bits of the hash that a branch uses.
const FANOUT_BITS: u32 = 4;
/// The most nodes of a leaf that may yet become a branch.
const MAX_LEAF: usize = 32;
/// The most branches above a leaf: room for 2^32 leaves. Below them a leaf grows without bound.
const MAX_DEPTH: u32 = 8;

/// So many branches, one below the other, are near anyway: 1, 16 and 256 of them.
const NEAR_DEPTH: u32 = 3;

/// Keyed when the process starts, so that nobody can choose names that meet in one leaf.
static HASHER: LazyLock<foldhash::quality::RandomState> = LazyLock::new(Default::default);

/// The hash of a name in wire form and lower case: the same for every zone of this process.
#[inline]
pub fn hash(name: &[u8]) -> u64 {
    HASHER.hash_one(name)
}

/// See the module.
#[derive(Clone)]
pub(super) struct Map {
    form: Form,
    len: usize,
}

#[derive(Clone)]
enum Form {
    /// Of a zone that is being loaded, which nobody asks.
    Growing(HashTable<Entry>),
    /// The tree's root.
    Settled(Slot),
}

#[derive(Clone)]
enum Slot {
    Leaf(Arc<[Entry]>),
    Branch(Arc<[Slot; FANOUT]>),
}

#[derive(Clone, Default)]
struct Entry {
    hash: u64,
    /// `None` in a leaf that is being given up, and nowhere else.
    node: Option<Node>,
}

impl Entry {
    #[inline]
    fn is_for(&self, hash: u64, name: &[u8]) -> bool {
        self.hash == hash && self.node.as_ref().is_some_and(|node| node.name() == name)
    }
}

impl Map {
    /// A map of nothing that many names will be put into before it is [settled](Self::settle).
    pub(super) fn growing() -> Self {
        Self { form: Form::Growing(HashTable::new()), len: 0 }
    }

    /// From now on copies are cheap.
    pub(super) fn settle(&mut self) {
        if let Form::Growing(table) = &mut self.form {
            let entries = std::mem::take(table).into_iter().collect();
            self.form = Form::Settled(slot_of(entries, 0));
        }
    }

    /// How many names there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The node of a name.
    #[inline]
    pub(super) fn get(&self, hash: u64, name: &[u8]) -> Option<&Node> {
        match &self.form {
            Form::Settled(root) => {
                let entries = root.leaf(hash);
                entries[place_of(entries, hash, name)?].node.as_ref()
            }
            Form::Growing(table) => table.find(hash, |entry| entry.is_for(hash, name))?.node.as_ref(),
        }
    }

    /// Asks the core to bring near what [`Self::prefetch_leaf`] reads.
    #[inline]
    pub(super) fn prefetch_branch(&self, hash: u64) {
        let Form::Settled(root) = &self.form else { return };
        let (mut slot, mut bits) = (root, hash);
        for _ in 0..NEAR_DEPTH {
            let Slot::Branch(children) = slot else { return };
            slot = &children[bits as usize % FANOUT];
            bits >>= FANOUT_BITS;
        }
        if let Slot::Branch(children) = slot {
            prefetch(&children[bits as usize % FANOUT]);
        }
    }

    /// Asks the core to bring near what [`Self::prefetch_node`] reads, most probably.
    #[inline]
    pub(super) fn prefetch_leaf(&self, hash: u64) {
        let Form::Settled(root) = &self.form else { return };
        let entries = root.leaf(hash);
        let middle = likely_place(entries, hash);
        for place in [middle.saturating_sub(2), middle, middle + 2] {
            entries.get(place).into_iter().for_each(prefetch);
        }
    }

    /// Asks the core to bring the node of a name with this hash near.
    #[inline]
    pub(super) fn prefetch_node(&self, hash: u64) {
        let Form::Settled(root) = &self.form else { return };
        let entries = root.leaf(hash);
        let entry = entries.get(first_place(entries, hash)).filter(|entry| entry.hash == hash);
        if let Some(node) = entry.and_then(|entry| entry.node.as_ref()) {
            node.prefetch();
        }
    }

    /// The node of a name, for a change that leaves its name alone.
    pub(super) fn get_mut(&mut self, hash: u64, name: &[u8]) -> Option<&mut Node> {
        // Nothing is copied for a name that is not there.
        self.get(hash, name)?;
        match &mut self.form {
            Form::Settled(root) => {
                let entries = root.leaf_mut(hash);
                let place = place_of(entries, hash, name)?;
                Arc::make_mut(entries)[place].node.as_mut()
            }
            Form::Growing(table) => table.find_mut(hash, |entry| entry.is_for(hash, name))?.node.as_mut(),
        }
    }

    /// Puts a node in, in the place of the one that had its name.
    pub(super) fn set(&mut self, hash: u64, node: Node) {
        let is_new = match &mut self.form {
            Form::Settled(root) => set(root, 0, Entry { hash, node: Some(node) }),
            Form::Growing(table) => match table.find_mut(hash, |entry| entry.is_for(hash, node.name())) {
                Some(entry) => {
                    entry.node = Some(node);
                    false
                }
                None => {
                    table.insert_unique(hash, Entry { hash, node: Some(node) }, |entry| entry.hash);
                    true
                }
            },
        };
        self.len += usize::from(is_new);
    }

    /// Takes a node out.
    pub(super) fn remove(&mut self, hash: u64, name: &[u8]) {
        if self.get(hash, name).is_none() {
            return;
        }
        match &mut self.form {
            Form::Settled(root) => {
                let entries = root.leaf_mut(hash);
                *entries = entries.iter().filter(|entry| !entry.is_for(hash, name)).cloned().collect();
            }
            Form::Growing(table) => {
                if let Ok(entry) = table.find_entry(hash, |entry| entry.is_for(hash, name)) {
                    entry.remove();
                }
            }
        }
        self.len -= 1;
    }

    /// Every node, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Node> {
        let (settled, growing) = match &self.form {
            Form::Settled(root) => (Some(root), None),
            Form::Growing(table) => (None, Some(table)),
        };
        let growing = growing.into_iter().flatten().filter_map(|entry| entry.node.as_ref());
        let mut waiting = vec![settled.map(std::slice::from_ref).unwrap_or_default().iter()];
        let mut leaf: std::slice::Iter<'_, Entry> = [].iter();
        growing.chain(std::iter::from_fn(move || {
            loop {
                if let Some(entry) = leaf.next() {
                    return entry.node.as_ref();
                }
                match waiting.last_mut()?.next() {
                    Some(Slot::Leaf(entries)) => leaf = entries.iter(),
                    Some(Slot::Branch(children)) => waiting.push(children.iter()),
                    None => drop(waiting.pop()),
                }
            }
        }))
    }
}

impl Slot {
    /// The leaf where a hash belongs.
    #[inline]
    fn leaf(&self, hash: u64) -> &[Entry] {
        let (mut slot, mut bits) = (self, hash);
        loop {
            match slot {
                Self::Leaf(entries) => return entries,
                Self::Branch(children) => slot = &children[bits as usize % FANOUT],
            }
            bits >>= FANOUT_BITS;
        }
    }

    /// The same for a change; the branches above it are nobody else's then.
    fn leaf_mut(&mut self, hash: u64) -> &mut Arc<[Entry]> {
        let (mut slot, mut bits) = (self, hash);
        loop {
            match slot {
                Self::Leaf(entries) => return entries,
                Self::Branch(children) => slot = &mut Arc::make_mut(children)[bits as usize % FANOUT],
            }
            bits >>= FANOUT_BITS;
        }
    }
}

/// Puts an entry below a slot that has `depth` branches above it; whether its name is new.
fn set(slot: &mut Slot, depth: u32, entry: Entry) -> bool {
    match slot {
        Slot::Branch(children) => {
            let place = place(entry.hash, depth);
            set(&mut Arc::make_mut(children)[place], depth + 1, entry)
        }
        Slot::Leaf(entries) => {
            let place = entry.node.as_ref().and_then(|node| place_of(entries, entry.hash, node.name()));
            if let Some(place) = place {
                Arc::make_mut(entries)[place] = entry;
                return false;
            }
            let grown = with(entries, entry);
            let is_full = grown.len() > MAX_LEAF && depth < MAX_DEPTH;
            *slot = if is_full { slot_of(grown.to_vec(), depth) } else { Slot::Leaf(grown) };
            true
        }
    }
}

/// The place of a hash among the children of a branch.
fn place(hash: u64, depth: u32) -> usize {
    (hash >> (depth * FANOUT_BITS)) as usize % FANOUT
}

/// A leaf with one entry more. Nodes of one that nobody shares are moved: their own memory is not touched.
fn with(entries: &mut Arc<[Entry]>, more: Entry) -> Arc<[Entry]> {
    let place = first_place(entries, more.hash);
    match Arc::get_mut(entries) {
        Some(own) => {
            let (before, behind) = own.split_at_mut(place);
            let before = before.iter_mut().map(std::mem::take);
            before.chain([more]).chain(behind.iter_mut().map(std::mem::take)).collect()
        }
        None => {
            let (before, behind) = entries.split_at(place);
            before.iter().cloned().chain([more]).chain(behind.iter().cloned()).collect()
        }
    }
}

/// Where a hash would stand in a leaf if its hashes were spread evenly. Those of a leaf have their low bits in common.
#[inline]
fn likely_place(entries: &[Entry], hash: u64) -> usize {
    (((hash >> 32) * entries.len() as u64) >> 32) as usize
}

/// The place of the first entry whose hash is not less.
#[inline]
fn first_place(entries: &[Entry], hash: u64) -> usize {
    let mut place = likely_place(entries, hash);
    while place > 0 && entries[place - 1].hash >= hash {
        place -= 1;
    }
    while entries.get(place).is_some_and(|entry| entry.hash < hash) {
        place += 1;
    }
    place
}

/// The place of a name.
#[inline]
fn place_of(entries: &[Entry], hash: u64, name: &[u8]) -> Option<usize> {
    let first = first_place(entries, hash);
    let same = entries[first..].iter().take_while(|entry| entry.hash == hash);
    Some(first + same.into_iter().position(|entry| entry.is_for(hash, name))?)
}

/// A slot of these, which has `depth` branches above it.
fn slot_of(mut entries: Vec<Entry>, depth: u32) -> Slot {
    if entries.len() <= MAX_LEAF || depth >= MAX_DEPTH {
        entries.sort_unstable_by_key(|entry| entry.hash);
        return Slot::Leaf(entries.into());
    }
    let mut parts: [Vec<Entry>; FANOUT] = Default::default();
    for entry in entries {
        parts[place(entry.hash, depth)].push(entry);
    }
    Slot::Branch(Arc::new(parts.map(|part| slot_of(part, depth + 1))))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::zone::node::Draft;

    fn node(name: &[u8], below: u32) -> Node {
        Draft { below, ..Draft::new(name) }.encode(false)
    }

    fn name(number: u16) -> Vec<u8> {
        let text = format!("h{number}");
        [&[text.len() as u8][..], text.as_bytes(), &[0]].concat()
    }

    /// All that a map holds, by what its nodes count.
    fn held(map: &Map) -> HashMap<Vec<u8>, u32> {
        map.iter().map(|node| (node.name().to_vec(), node.below())).collect()
    }

    #[derive(Clone, Debug)]
    enum Step {
        Set(u16, u32),
        Change(u16, u32),
        Remove(u16),
        /// A reader keeps the version that there is.
        Hold,
        Settle,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (0..400u16, any::<u32>()).prop_map(|(name, value)| Step::Set(name, value)),
            1 => (0..400u16, any::<u32>()).prop_map(|(name, value)| Step::Change(name, value)),
            2 => (0..400u16).prop_map(Step::Remove),
            1 => Just(Step::Hold),
            1 => Just(Step::Settle),
        ]
    }

    /// Real hashes, hashes that meet after a few bits, and one hash for all.
    fn hash_of(kind: u8, name: &[u8]) -> u64 {
        match kind {
            0 => hash(name),
            1 => hash(name) & 0x3_000f_ffff_0f00,
            _ => 7,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn it_holds_what_a_hash_map_holds_and_old_versions_stay(
            kind in 0..3u8,
            steps in prop::collection::vec(step(), 0..900),
        ) {
            let (mut map, mut model) = (Map::growing(), HashMap::new());
            let mut readers = Vec::new();
            for step in steps {
                match step {
                    Step::Set(number, value) => {
                        let name = name(number);
                        map.set(hash_of(kind, &name), node(&name, value));
                        model.insert(name, value);
                    }
                    Step::Change(number, value) => {
                        let name = name(number);
                        let found = map.get_mut(hash_of(kind, &name), &name);
                        prop_assert_eq!(found.is_some(), model.contains_key(&name));
                        if let Some(found) = found {
                            *found = node(&name, value);
                            model.insert(name, value);
                        }
                    }
                    Step::Remove(number) => {
                        let name = name(number);
                        map.remove(hash_of(kind, &name), &name);
                        model.remove(&name);
                    }
                    Step::Hold => readers.push((map.clone(), model.clone())),
                    Step::Settle => map.settle(),
                }
                prop_assert_eq!(map.len(), model.len());
            }
            readers.push((map, model));
            for (map, model) in readers {
                prop_assert_eq!(&held(&map), &model);
                prop_assert_eq!(map.iter().count(), model.len(), "each once");
                for number in 0..400 {
                    let name = name(number);
                    let found = map.get(hash_of(kind, &name), &name).map(Node::below);
                    prop_assert_eq!(found, model.get(&name).copied());
                }
            }
        }
    }

    fn root(map: &Map) -> &Arc<[Slot; FANOUT]> {
        match &map.form {
            Form::Settled(Slot::Branch(children)) => children,
            _ => panic!("2000 names branch"),
        }
    }

    #[test]
    fn a_change_copies_one_path_and_nothing_that_is_not_shared() {
        let mut map = Map::growing();
        map.settle();
        (0..2000).for_each(|number| map.set(hash(&name(number)), node(&name(number), 0)));
        let shared = |one: &Map, other: &Map| {
            let (one, other) = (root(one), root(other));
            let same = |pair: &(&Slot, &Slot)| match pair {
                (Slot::Leaf(one), Slot::Leaf(other)) => Arc::ptr_eq(one, other),
                (Slot::Branch(one), Slot::Branch(other)) => Arc::ptr_eq(one, other),
                _ => false,
            };
            one.iter().zip(other.iter()).filter(same).count()
        };
        let reader = map.clone();
        map.set(hash(&name(7)), node(&name(7), 1));
        assert_eq!(shared(&map, &reader), FANOUT - 1);
        let before = Arc::as_ptr(root(&map));
        map.set(hash(&name(7)), node(&name(7), 2));
        assert_eq!(Arc::as_ptr(root(&map)), before, "in place: nobody shares it");
    }
}
